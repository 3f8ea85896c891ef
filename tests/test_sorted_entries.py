"""SortedEntries against a plain sorted list, with tiny pieces."""

from __future__ import annotations

from random import Random

import pytest

from minidb.access.sorted_entries import SortedEntries


@pytest.mark.parametrize("seed", range(20))
def test_many_values_at_once(seed: int) -> None:
    random, entries, expected = Random(seed), SortedEntries(), []
    entries._reset(4)
    for _ in range(60):
        values = sorted(random.randrange(200) for _ in range(random.randrange(30)))
        entries.add_sorted(values)
        expected = sorted(expected + values)
        for _ in range(random.randrange(3)):
            gone = random.choice(expected) if expected else None
            if gone is not None:
                entries.remove(gone)
                expected.remove(gone)
        single = random.randrange(200)
        entries.add(single)
        expected = sorted([*expected, single])
        entries._check()
        assert list(entries) == expected
        assert list(entries.irange(50, 100)) == [value for value in expected if 50 <= value <= 100]
        if expected:
            place = random.randrange(len(expected))
            assert entries[place] == expected[place]
