"""SIREAD marks: found by key as they would be by asking every reader for its intervals."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from minidb.keys import Key
from minidb.txn.intervals import BEGIN, END, Cut, IntervalSet
from minidb.txn.marks import Marks


class Reader:
    def __init__(self, mark_limit: int) -> None:
        self.mark_limit = mark_limit


KEYS: st.SearchStrategy[Key] = st.integers(0, 9)
CUTS = st.tuples(KEYS, st.integers(0, 1)) | st.sampled_from([BEGIN, END])
INTERVALS = st.tuples(CUTS, CUTS).filter(lambda pair: pair[0] < pair[1]) | KEYS.map(lambda key: ((key, 0), (key, 1)))


@given(st.lists(st.tuples(st.integers(0, 3), INTERVALS | st.none()), max_size=40), INTERVALS)
def test_readers_are_found_by_key(actions: list[tuple[int, tuple[Cut, Cut] | None]], asked: tuple[Cut, Cut]) -> None:
    readers = [Reader(1000) for _ in range(4)]
    marks = Marks()
    naive: dict[Any, IntervalSet] = {}
    for number, interval in actions:
        reader = readers[number]
        if interval is None:
            marks.remove(reader)
            naive.pop(reader, None)
        else:
            marks.add(reader, *interval)
            naive.setdefault(reader, IntervalSet(1000)).add(*interval)
    assert set(marks.readers()) == naive.keys()
    assert len(marks) == len(naive)
    assert bool(marks) == bool(naive)
    for key in range(10):
        assert set(marks.at(key)) == {reader for reader, intervals in naive.items() if intervals.contains(key)}
    assert {reader: list(found) for reader, found in marks.items()} == {r: list(found) for r, found in naive.items()}
    for low, high in (asked, ((asked[0][0], 0), (asked[0][0], 1))):
        for reader in readers:
            others = {r: found for r, found in naive.items() if r is not reader}
            assert set(marks.others_in(low, high, reader)) == {r for r, s in others.items() if s.overlaps(low, high)}
            assert marks.covers(reader, low, high) == (reader in naive and naive[reader].covers(low, high))
    for reader in readers:
        marks.remove(reader)
    assert not marks.points
    assert not marks


def test_many_points_become_the_whole_relation() -> None:
    marks, reader, other = Marks(), Reader(5), Reader(5)
    for key in range(6):
        marks.add_point(reader, 2 * key)
        marks.add_point(other, 0)
    assert list(marks.of(reader)) == [(BEGIN, END)]
    assert marks.at(77) == [reader]
    assert marks.points.keys() == {0}


def test_who_has_read_elsewhere_is_not_asked() -> None:
    marks = Marks()
    for key in range(1000):
        marks.add_point(Reader(5), key)
    assert len(marks.at(500)) == 1
    assert not marks.ranges
