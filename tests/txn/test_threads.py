"""Real threads at mixed levels: what must hold, holds; nothing is left behind; the database checks.

Who is first is up to the operating system; every assertion is about what is true in any order.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import pytest

import minidb
from minidb.database import Database
from minidb.errors import RetryableError
from minidb.session import Session

THREADS = 8
ACCOUNTS = 10
TOTAL = ACCOUNTS * 100


def in_threads(work: Callable[[int], None], count: int = THREADS) -> None:
    """Runs `work(number)` in threads; raises the first error of any."""
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def nothing_left(database: Database) -> None:
    manager = database.manager
    assert not manager.active
    with database.checkpointer.mutex:  # not while the worker has its view
        assert not manager.views
    assert not manager.table_locks
    assert not manager.names
    assert manager.published == manager.assigned
    assert manager.database_lock.idle
    assert not manager.conflicts.marks
    assert not manager.conflicts.readers
    assert not manager.conflicts.active
    assert not manager.conflicts.committed
    for store in database.relations.stores.values():
        assert not store.row_locks
        assert not store.intervals.active


def retried(session: Session, level: str, work: Callable[[], None], tries: int = 200) -> int:
    """Runs one transaction until it commits; returns how often it was told to retry."""
    for attempt in range(tries):
        try:
            session.begin(isolation_level=level)
            work()
            session.commit()
            return attempt
        except RetryableError:
            session.rollback()
    raise AssertionError("never got through")


@pytest.mark.parametrize("clustered", ["", " CLUSTERED"])
def test_transfers_at_every_level(tmp_path: Path, clustered: str) -> None:
    """Money moves at all levels at once; every consistent reader sees the same total at any time."""
    database = Database(str(tmp_path / "shop.mdb"), checkpoint_rows=50)
    setup = database.session(autocommit=True)
    setup.execute(f"CREATE TABLE account (id int PRIMARY KEY{clustered}, balance int CHECK (balance >= -1000))")
    setup.execute("CREATE INDEX account_balance ON account (balance)")
    setup.execute(f"INSERT INTO account SELECT g, 100 FROM generate_series(1, {ACCOUNTS}) g")
    levels = ("read committed", "snapshot", "2pl", "ssi", "ssi", "serial", "2pl", "read committed")

    def work(number: int) -> None:
        random, session = Random(number), database.session(autocommit=True, durability="normal")
        for turn in range(25):
            source, target = random.sample(range(1, ACCOUNTS + 1), 2)
            retried(session, levels[number], partial(transfer, session, source, target, random.randrange(20)))
            if turn % 5 == 0 and levels[number] != "read committed":
                total = list(session.execute("SELECT sum(balance) FROM account"))
                assert total == [(TOTAL,)]

    in_threads(work)
    assert list(setup.execute("SELECT sum(balance), count(*) FROM account")) == [(TOTAL, ACCOUNTS)]
    nothing_left(database)
    database.check()
    database.close()


def transfer(session: Session, source: int, target: int, amount: int) -> None:
    session.execute("UPDATE account SET balance = balance - ? WHERE id = ?", (amount, source))
    session.execute("UPDATE account SET balance = balance + ? WHERE id = ?", (amount, target))


@pytest.mark.parametrize("levels", [("ssi",), ("2pl",), ("ssi", "2pl", "serial")])
def test_somebody_is_always_on_call(levels: tuple[str, ...]) -> None:
    """Write skew with threads: doctors go off duty only while another one stays, and come back."""
    database = Database(background=False)
    setup = database.session(autocommit=True)
    setup.execute("CREATE TABLE doctor (id int PRIMARY KEY, on_call boolean)")
    setup.execute("CREATE TABLE violation (id int)")
    setup.execute("INSERT INTO doctor SELECT g, true FROM generate_series(0, 3) g")

    def shift(session: Session, doctor: int) -> None:
        ((count,),) = list(session.execute("SELECT count(*) FROM doctor WHERE on_call"))
        if count == 0:
            session.execute("INSERT INTO violation VALUES (?)", (doctor,))
        duty = list(session.execute("SELECT on_call FROM doctor WHERE id = ?", (doctor,))) == [(True,)]
        if not duty or count > 1:
            session.execute("UPDATE doctor SET on_call = ? WHERE id = ?", (not duty, doctor))

    def work(number: int) -> None:
        session = database.session(autocommit=True, durability="off")
        for turn in range(25):
            retried(session, levels[(number + turn) % len(levels)], lambda: shift(session, number % 4))

    in_threads(work, 4)
    assert list(setup.execute("SELECT count(*) FROM violation")) == [(0,)]
    nothing_left(database)


def test_a_counter_loses_no_increment() -> None:
    """Atomic updates at READ COMMITTED, read-then-write at the levels that detect it, FOR UPDATE, a queue."""
    database = Database(background=False)
    setup = database.session(autocommit=True)
    setup.execute("CREATE TABLE n (id int PRIMARY KEY, v int)")
    setup.execute("INSERT INTO n VALUES (1, 0)")

    def read_then_write(session: Session, lock: str = "") -> None:
        ((value,),) = list(session.execute(f"SELECT v FROM n WHERE id = 1{lock}"))
        session.execute("UPDATE n SET v = ? WHERE id = 1", (value + 1,))

    def add_one(session: Session) -> None:
        session.execute("UPDATE n SET v = v + 1 WHERE id = 1")

    def work(number: int) -> None:
        session = database.session(autocommit=True, durability="off")
        for _ in range(15):
            if number % 4 == 0:
                retried(session, "read committed", lambda: add_one(session), 5000)
            elif number % 4 == 1:
                retried(session, "read committed", lambda: read_then_write(session, " FOR UPDATE"), 5000)
            else:
                level = ("snapshot", "ssi", "2pl")[number % 3]
                retried(session, level, lambda: read_then_write(session), 5000)

    in_threads(work)
    assert list(setup.execute("SELECT v FROM n")) == [(15 * THREADS,)]
    nothing_left(database)


def test_workers_share_a_queue() -> None:
    """SKIP LOCKED: every job is done exactly once."""
    database = minidb.Database()
    with database.connect(autocommit=True) as setup:
        setup.execute("CREATE TABLE job (id int PRIMARY KEY, worker int)")
        setup.execute("INSERT INTO job SELECT g, NULL FROM generate_series(1, 60) g")
    done: list[int] = []

    def work(number: int) -> None:
        connection = database.connect(durability="off")
        while True:
            with connection.transaction():
                sql = "SELECT id FROM job WHERE worker IS NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
                found = connection.execute(sql).fetchone()
                if found is None:
                    return
                connection.execute("UPDATE job SET worker = ? WHERE id = ?", (number, found[0]))
            done.append(found[0])

    in_threads(work, 4)
    assert sorted(done) == list(range(1, 61))
    database.close()


def test_schema_changes_beside_readers_and_writers() -> None:
    """CREATE INDEX, DROP INDEX, ADD COLUMN and checkpoints while others work on the table."""
    database = Database(background=False, leaf_bytes=200)
    setup = database.session(autocommit=True)
    setup.execute("CREATE TABLE t (id int PRIMARY KEY, thread int, v int)")

    def change(session: Session) -> None:
        for turn in range(10):
            session.execute(f"CREATE INDEX t_{turn} ON t (thread, v)")
            database.checkpoint()
            session.execute(f"ALTER TABLE t ADD COLUMN c{turn} int DEFAULT {turn}")
            session.execute(f"DROP INDEX t_{turn}")

    def work(number: int) -> None:
        session = database.session(autocommit=True, durability="off")
        if number == 0:
            change(session)
            return
        for turn in range(60):
            key = number * 1000 + turn
            session.execute("INSERT INTO t (id, thread, v) VALUES (?, ?, ?)", (key, number, turn))
            session.execute("UPDATE t SET v = v + 1000 WHERE id = ?", (key,))
            if turn % 6 == 0:
                found = list(session.execute("SELECT id FROM t WHERE thread = ? AND v >= 1000 ORDER BY v", (number,)))
                assert [row[0] for row in found] == list(range(number * 1000, key + 1))

    in_threads(work, 4)
    database.checkpoint()
    database.check()
    nothing_left(database)


def test_a_forgotten_connection_holds_nobody_up() -> None:
    """Collected with a transaction open: the background worker rolls it back (R71)."""
    database = minidb.Database()
    forgotten, other = database.connect(), database.connect(lock_timeout=1.0)
    forgotten.execute("CREATE TABLE t (id int)")
    forgotten.execute("INSERT INTO t VALUES (1)")
    forgotten.commit()
    forgotten.execute("UPDATE t SET id = 2")
    del forgotten
    gc.collect()
    other.execute("UPDATE t SET id = id + 2")
    assert other.execute("SELECT id FROM t").fetchall() == [(3,)]
    database.close()
