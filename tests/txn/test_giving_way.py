"""Checkpoints, VACUUM, scans and the ends of large transactions take the latch for a few rows at a time and let others
in between; long lists are sorted in parts."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidb.database import Database
from minidb.txn import checkpoint, publishing, ranges, rollbacks, trimming
from minidb.txn.sorting import sorted_in_parts

ROWS = 3000


@given(st.lists(st.tuples(st.integers(-5, 40), st.integers())), st.integers(1, 9))
def test_sorted_in_parts(values: list[tuple[int, int]], part: int) -> None:
    """As `sorted`, also with equal keys."""
    wanted = sorted(values, key=itemgetter(0))
    assert sorted_in_parts(values, itemgetter(0), part) == wanted


def test_no_part_is_much_longer_than_others(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []

    def key(value: int) -> int:
        return value * 7919 % 10007

    class Watched(list[int]):
        def sort(self, **options: object) -> None:  # type: ignore[override]
            lengths.append(len(self))
            super().sort(key=key)

    values = list(range(10_000))
    found = sorted_in_parts(values, key, 100)
    assert found == sorted(values, key=key)
    assert sorted_in_parts(Watched(range(150)), key, 100) == sorted(range(150), key=key) and lengths == [150]


def changed(rows: int = ROWS) -> Database:
    database = Database(background=False)
    session = database.session(autocommit=True)
    session.execute("CREATE TABLE t (id int PRIMARY KEY, n int)")
    session.execute(f"INSERT INTO t SELECT g, g FROM generate_series(1, {rows}) g")
    database.checkpoint()
    session.execute("UPDATE t SET n = n + 1")
    return database


def test_a_checkpoint_gives_way_between_slices() -> None:
    database = changed()
    held: list[bool] = []
    database.checkpointer.on_slice = lambda: held.append(database.manager.latch.locked())
    database.checkpoint()
    assert not any(held)
    assert len(held) > 2 * ROWS // checkpoint.SLICE


def test_vacuum_gives_way_between_slices() -> None:
    database = changed()
    reader = database.session(isolation_level="snapshot")
    reader.execute("SELECT count(*) FROM t")
    database.session(autocommit=True).execute("UPDATE t SET n = n + 1")
    reader.commit()
    held: list[bool] = []
    with database.manager.latch:
        rows = len(database.manager.trimmer.queue)
    assert rows > 2 * trimming.SLICE
    database.manager.trimmer.trim_all(lambda: held.append(database.manager.latch.locked()))
    assert len(held) > rows // trimming.SLICE and not any(held)
    assert not database.manager.trimmer.queue


def test_a_scan_gives_way_after_each_batch_to_who_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    database = changed()
    latch: Any = database.manager.latch
    held: list[bool] = []
    monkeypatch.setattr(ranges, "sleep", lambda seconds: held.append(latch.locked()))
    session = database.session(autocommit=True)
    question = "SELECT count(*) FROM t WHERE n > 1"
    rows = session.execute(question).rows
    assert held == []
    latch.wanted = lambda: 1
    assert session.execute(question).rows == rows
    assert len(held) >= ROWS // ranges.OVERLAY_BATCH and not any(held)


@pytest.mark.parametrize("durability", ["full", "off"])
def test_a_large_commit_is_visible_at_once_and_ends_in_slices(monkeypatch: pytest.MonkeyPatch,
                                                              durability: str) -> None:
    database = Database(background=False)
    session = database.session(durability=durability)
    session.execute("CREATE TABLE t (id int PRIMARY KEY, n int)")
    session.execute(f"INSERT INTO t SELECT g, g FROM generate_series(1, {ROWS}) g")
    session.commit()
    database.checkpoint()
    other = database.session(autocommit=True)
    sums: list[int] = []
    locks: list[int] = []
    store = next(iter(database.relations.stores.values()))

    def look(latch: Any) -> None:
        assert not latch.locked()
        locks.append(len(store.row_locks))
        sums.append(other.execute("SELECT sum(n) FROM t").rows[0][0])

    session.execute("SELECT n FROM t FOR UPDATE")
    session.execute("UPDATE t SET n = n + 1")
    monkeypatch.setattr(publishing, "give_way", look)
    session.commit()
    assert set(sums) == {ROWS * (ROWS + 3) // 2} and len(sums) == ROWS // rollbacks.SLICE
    assert locks == list(range(ROWS - rollbacks.SLICE, -1, -rollbacks.SLICE))
    assert not session.manager.active and not store.row_locks
    monkeypatch.undo()
    database.vacuum()
    assert not store.chains and not database.manager.trim_queue
    assert other.execute("SELECT count(*), sum(n) FROM t").rows == [(ROWS, sums[0])]


def test_a_large_rollback_gives_its_row_locks_back_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    database = changed()
    session = database.session()
    session.execute("SELECT n FROM t FOR UPDATE")
    store = next(iter(database.relations.stores.values()))
    locks: list[int] = []
    monkeypatch.setattr(rollbacks, "give_way", lambda latch: locks.append(len(store.row_locks)))
    session.rollback()
    assert locks == list(range(ROWS - rollbacks.SLICE, 0, -rollbacks.SLICE))
    assert not store.row_locks
