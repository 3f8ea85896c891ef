"""SortedEntries against a plain sorted list, with tiny pieces; and how much one call of it does, counted."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from minidb.access import sorted_entries
from minidb.access.sorted_entries import SortedEntries

SIZES = [  # most, load, late, fullest, few
    (1, 1, 1, 1, 0),
    (7, 4, 3, 1, 0),
    (40, 4, 2, 2, 2),
    (3, 8, 5, 1, 1000),
    (1000, 4, 1000, 1, 1),
]


def shrink(patch: pytest.MonkeyPatch, sizes: tuple[int, ...]) -> None:
    for name, size in zip(("MOST", "LOAD", "LATE", "FULLEST", "FEW"), sizes, strict=True):
        patch.setattr(sorted_entries, name, size)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("sizes", SIZES)
def test_against_a_plain_list(seed: int, sizes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    shrink(monkeypatch, sizes)
    random, entries, expected = Random(seed), SortedEntries(), []
    for turn in range(80):
        values = [random.randrange(200) for _ in range(random.randrange(30 if turn % 20 < 10 else 3))]
        entries.add_many(values)
        expected = sorted(expected + values)
        for _ in range(random.randrange(3 if turn % 20 < 10 else 40)):
            gone = random.choice(expected) if expected else None
            if gone is not None:
                entries.remove(gone)
                expected.remove(gone)
        single = random.randrange(200)
        entries.add(single)
        expected = sorted([*expected, single])
        assert len(entries) == len(expected)
        entries.check()
        assert sorted(entries.unordered()) == expected
        if random.random() < 0.5:  # else it stays unsorted for longer
            look(entries, expected, random)
    absent = next(value for value in range(-1, 201) if value not in expected)
    with pytest.raises(ValueError):
        entries.remove(absent)
    entries.discard(absent)
    assert list(entries) == expected
    entries.clear()
    assert len(entries) == 0
    assert list(entries) == []


def look(entries: SortedEntries, expected: list[int], random: Random) -> None:
    low, high = (random.choice((None, random.randrange(200))) for _ in range(2))
    inclusive = random.random() < 0.5, random.random() < 0.5
    wanted = [
        value
        for value in expected
        if (low is None or value > low or (inclusive[0] and value == low))
        and (high is None or value < high or (inclusive[1] and value == high))
    ]
    assert list(entries.irange(low, high, inclusive)) == wanted
    assert list(entries.irange(low, high, inclusive, reverse=True)) == wanted[::-1]
    entries.check()


# -- what one call does: whoever calls holds the latch


class Counted:
    """A value whose comparisons are counted."""

    comparisons = 0

    def __init__(self, value: int) -> None:
        self.value = value

    def __lt__(self, other: Counted) -> bool:
        Counted.comparisons += 1
        return self.value < other.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Counted) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)


def steps(entries: SortedEntries, values: list[int]) -> list[int]:
    """How many comparisons each call takes that adds a hundred of them."""
    counts = [Counted.comparisons]
    for start in range(0, len(values), 100):
        entries.add_many(map(Counted, values[start : start + 100]))
        counts.append(Counted.comparisons)
    return [after - before for before, after in pairwise(counts)]


@pytest.mark.parametrize("number", [20_000, 60_000])
def test_work_in_one_hold_is_bounded_and_no_more_in_sum(number: int) -> None:
    values = list(range(number))
    Random(1).shuffle(values)
    entries = SortedEntries()
    taken = steps(entries, values)
    assert max(taken) < 25_000  # milliseconds; the one sort of 8,192 values that there was took 260,000
    assert sum(taken) < 25 * number
    before = Counted.comparisons
    middle = [value.value for value in entries.irange(Counted(number // 2), Counted(number // 2 + 9))]
    assert middle == list(range(number // 2, number // 2 + 10))
    assert Counted.comparisons - before < 25_000
    entries.check()


def test_ascending_values_are_compared_once_or_twice() -> None:
    assert sum(steps(SortedEntries(), list(range(50_000)))) < 60_000
