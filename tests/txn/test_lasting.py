"""Large inserts and the garbage collector: what they make is passed over, what the program leaves behind is not."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

import minidb
from minidb.errors import UniqueViolation
from minidb.garbage import lasting

ROWS = 20_000


class Knot:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def cursor() -> Iterator[minidb.Cursor]:
    with minidb.connect(autocommit=True) as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY, a int)")
        yield connection.cursor()


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    gc.collect()
    yield
    assert gc.isenabled()


def test_what_a_source_of_rows_leaves_behind_does_not_pile_up(cursor: minidb.Cursor) -> None:
    knots: weakref.WeakSet[Knot] = weakref.WeakSet()
    most = 0

    def rows() -> Iterator[tuple[int, int]]:
        nonlocal most
        for number in range(ROWS):
            knots.add(Knot())
            most = max(most, len(knots))
            yield number, number

    cursor.executemany("INSERT INTO t VALUES (?, ?)", rows())
    assert most < 5_000


def test_what_is_inserted_is_not_looked_through(cursor: minidb.Cursor) -> None:
    """The collector would otherwise look at each version and what belongs to it, in one generation after the other."""
    rows = [(number, number) for number in range(ROWS)]
    gc.collect()
    young: list[int] = []

    def started(phase: str, facts: dict[str, int]) -> None:
        if phase == "start":
            young.append(len(gc.get_objects(0)))

    gc.callbacks.append(started)
    try:
        cursor.executemany("INSERT INTO t VALUES (?, ?)", rows)
    finally:
        gc.callbacks.remove(started)
    assert sum(young) < 5 * ROWS
    assert len(gc.get_objects(0)) < ROWS


def test_frozen_objects_stay_frozen(cursor: minidb.Cursor) -> None:
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        cursor.execute("INSERT INTO t SELECT g, g FROM generate_series(1, 5000) g")
        assert gc.get_freeze_count() > frozen // 2  # some are no more
    finally:
        gc.unfreeze()


def test_the_collector_is_as_before_after_an_error(cursor: minidb.Cursor) -> None:
    with pytest.raises(UniqueViolation):
        cursor.executemany("INSERT INTO t VALUES (?, ?)", [(number % 3000, 1) for number in range(4000)])
    assert gc.isenabled()
    gc.disable()
    try:
        cursor.executemany("INSERT INTO t VALUES (?, ?)", [(number, 1) for number in range(4000)])
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_several_at_a_time() -> None:
    with lasting:
        with lasting:
            assert not gc.isenabled()
        assert not gc.isenabled()
