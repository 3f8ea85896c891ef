"""Checkpoints and VACUUM take the latch for a few rows at a time, and long lists are sorted in parts."""

from __future__ import annotations

from operator import itemgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidb.database import Database
from minidb.txn import checkpoint, trimming
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
    held: list[bool] = []
    with database.manager.latch:
        rows = len(database.manager.trimmer.queue)
    assert rows > 2 * trimming.SLICE
    database.manager.trimmer.trim_all(lambda: held.append(database.manager.latch.locked()))
    assert len(held) > rows // trimming.SLICE and not any(held)
    assert not database.manager.trimmer.queue
