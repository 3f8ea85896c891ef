"""Free extents against a plain set of free blocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidb.errors import DatabaseCorrupt
from minidb.storage.extents import FreeExtents, decode_map, encode_map, merge

FIRST = 2


@given(st.lists(st.one_of(st.integers(1, 5), st.just(0)), max_size=60), st.randoms(use_true_random=False))
def test_take_and_give(sizes: list[int], random: object) -> None:
    extents = FreeExtents(FIRST, FIRST)
    taken: list[tuple[int, int]] = []
    for size in sizes:
        if size == 0 and taken:
            extents.give(*taken.pop(random.randrange(len(taken))))  # type: ignore[attr-defined]
        elif size:
            taken.append((extents.take(size), size))
        extents.check()
        used = [block for start, count in taken for block in range(start, start + count)]
        free = [block for start, count in extents.runs() for block in range(start, start + count)]
        assert sorted(used + free) == list(range(FIRST, extents.end))
    extents.shrink()
    extents.check()
    assert not extents.runs() or sum(extents.runs()[-1]) < extents.end
    assert extents.end == max([FIRST, *[start + count for start, count in taken]])


def test_the_lowest_run_that_suffices_is_taken() -> None:
    extents = FreeExtents(0, 20, [(0, 1), (3, 5), (10, 2), (14, 3)])
    assert [extents.take(count) for count in (2, 3, 2, 1, 3, 1)] == [3, 5, 10, 0, 14, 20]


def test_growth_uses_a_free_run_at_the_end() -> None:
    extents = FreeExtents(0, 10, [(8, 2)])
    assert extents.take(4) == 8 and extents.end == 12 and not extents.runs()


runs = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=20).map(
    lambda gaps: [(sum(map(sum, gaps[:place])) + gap, count) for place, (gap, count) in enumerate(gaps)]
)


@given(runs, st.integers(0, 300))
def test_maps_come_back(free: list[tuple[int, int]], room: int) -> None:
    limbo = free[1::2]
    rest = [run for run in free if run not in limbo]
    data = encode_map(rest, limbo, room)
    assert len(data) >= room
    assert decode_map(data, 0, 1 << 40) == (rest, limbo)


@given(st.binary(max_size=40))
def test_hostile_maps(data: bytes) -> None:
    try:
        decode_map(data, 2, 100)
    except DatabaseCorrupt:
        pass


@pytest.mark.parametrize(
    ("free", "limbo"), [([(1, 2)], []), ([(5, 2)], [(6, 1)]), ([(98, 5)], []), ([(9, 0)], []), ([(9, -3)], [])]
)
def test_maps_that_cannot_be(free: list[tuple[int, int]], limbo: list[tuple[int, int]]) -> None:
    with pytest.raises(DatabaseCorrupt, match="free map"):
        decode_map(encode_map(free, limbo), 2, 100)


def test_merge() -> None:
    assert merge([(7, 1), (1, 2), (3, 4)]) == [(1, 7)]
