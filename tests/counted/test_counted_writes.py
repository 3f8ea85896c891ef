"""What writing costs, counted: syncs for a commit and a group, bytes in the log, pages of a checkpoint, versions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from counted_world import World

Bank = Callable[[int], World]
UPDATE = "UPDATE account SET balance = balance + 1 WHERE id = ?"


@pytest.mark.parametrize(("durability", "syncs", "writes"), [("full", 1, 1), ("normal", 0, 1), ("off", 0, 0)])
def test_an_update_is_written_once_and_synced_once(bank: Bank, durability: str, syncs: int, writes: int) -> None:
    world = bank(300)
    connection = world.connect(durability)
    connection.execute(UPDATE, (1,))
    with world.counted() as work:
        for number in range(10):
            connection.execute(UPDATE, (number,))
    assert (work.log.syncs, work.log.writes) == (10 * syncs, 10 * writes)
    assert (work.base.writes, work.base.syncs) == (0, 0)


def test_a_transaction_is_synced_once_whatever_it_holds(bank: Bank) -> None:
    world = bank(300)
    connection = world.connect()
    with world.counted() as work, connection.transaction():
        for number in range(20):
            connection.execute(UPDATE, (number,))
    assert work.log.syncs == 1


def test_reading_syncs_nothing(bank: Bank) -> None:
    world = bank(300)
    connection = world.connect()
    with world.counted() as work, connection.transaction(isolation_level="ssi"):
        connection.execute("SELECT sum(balance) FROM account").fetchall()
    assert (work.log.writes, work.log.syncs, work.versions) == (0, 0, 0)


def test_who_commits_during_a_sync_shares_the_next_one(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first sync is held up until all others have queued: the second one serves them all. The first itself is not
    queued, since its thread leads all the time."""
    world, threads = bank(300), 8
    connections = [world.connect() for _ in range(threads)]
    for connection in connections:
        connection.execute("SELECT 1").fetchall()
    queued, log, held = threading.Semaphore(0), world.engine.log, threading.Event()
    queue = log.queue

    def counted_queue(*args: Any, **options: Any) -> Any:
        ticket = queue(*args, **options)
        queued.release()
        return ticket

    def hold_the_first() -> None:
        if not held.is_set():
            held.set()
            for _ in range(threads - 1):
                queued.acquire()

    monkeypatch.setattr(log, "queue", counted_queue)
    world.files.before_sync = hold_the_first
    workers = [
        threading.Thread(target=connection.execute, args=(UPDATE, (number,)))
        for number, connection in enumerate(connections)
    ]
    with world.counted() as work:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert work.log.syncs == 2


def test_an_update_makes_one_version_and_an_insert_one_for_each_row(bank: Bank) -> None:
    world = bank(300)
    connection = world.connect()
    with world.counted() as work:
        connection.execute(UPDATE, (7,))
    assert work.versions == 2, "its own, and that of the row in the base"
    with world.counted() as work:
        for _ in range(5):
            connection.execute(UPDATE, (7,))
    assert work.versions == 5
    with world.counted() as work:
        connection.execute("INSERT INTO account SELECT 1000 + i, 'new', i, i FROM generate_series(1, 50) AS s (i)")
    assert work.versions == 50


def test_bytes_of_a_commit_grow_with_its_changes_and_not_with_the_table(bank: Bank) -> None:
    found = {}
    for rows in (300, 3000):
        for changes in (1, 50):
            world = bank(rows)
            connection = world.connect()
            connection.execute(UPDATE, (299,))
            with world.counted() as work, connection.transaction():
                for number in range(changes):
                    connection.execute(UPDATE, (number,))
            found[rows, changes] = work.log.bytes_written
            world.database.close()
    assert found[300, 1] == found[3000, 1] == 512
    assert found[300, 50] == found[3000, 50] < 50 * 100


def test_a_checkpoint_writes_the_changed_pages_and_not_the_table(bank: Bank) -> None:
    found = {}
    for rows in (1000, 5000):
        world = bank(rows)
        connection = world.connect()
        connection.execute(UPDATE, (10,))
        with world.counted() as work:
            connection.execute("CHECKPOINT")
        found[rows] = work.base.bytes_written
        with world.counted() as work:
            connection.execute("CHECKPOINT")
        assert work.base.bytes_written < found[rows], "nothing has changed since"
        world.database.close()
    assert found[5000] < 2 * found[1000], found


def test_a_checkpoint_in_a_file_that_is_mostly_free_moves_a_bounded_number_of_pages(bank: Bank) -> None:
    """And all of them together become few: they are moved once."""
    world = bank(5000)
    connection = world.connect("off")
    connection.execute("CREATE TABLE kept (id bigint PRIMARY KEY, v text)")
    for start in range(0, 6000, 1000):
        rows = f"generate_series({start}, {start + 999}) g"
        connection.execute(f"INSERT INTO kept SELECT g, repeat('x', 900) FROM {rows}")
    for statement in ("CHECKPOINT", "DELETE FROM account", "DELETE FROM kept WHERE id < 4000", "CHECKPOINT"):
        connection.execute(statement)
    base = world.engine.base
    written = []
    for step in range(12):
        connection.execute(f"UPDATE kept SET v = 'changed' WHERE id = {5000 + step}")
        with world.counted() as work:
            connection.execute("CHECKPOINT")
        assert work.base.syncs == 2
        written.append(work.base.bytes_written)
    allowed = 40 * base.pages.block  # one leaf, the nodes above it, the tables
    assert max(written) < base.growth * base.pages.block + 2 * allowed
    assert all(size < allowed for size in written[-4:])
    assert base.extents.end < 3 * sum(relation.blocks for relation in base.root.relations.values()) + base.growth


def test_closing_after_reading_writes_nothing(bank: Bank) -> None:
    world = bank(300)
    world.reopen()
    with world.counted() as work:
        world.connect().execute("SELECT count(*) FROM account").fetchall()
        world.reopen()
    assert (work.base.writes, work.base.syncs, work.log.writes, work.log.syncs) == (0, 0, 0, 0)
