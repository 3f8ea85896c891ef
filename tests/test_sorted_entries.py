"""SortedEntries against a plain sorted list, with tiny pieces."""

from __future__ import annotations

from random import Random

import pytest

from minidb.access import sorted_entries
from minidb.access.sorted_entries import SortedEntries


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("most", "few"), [(1, 0), (40, 2), (1000, 0), (1000, 1000)])
def test_against_a_plain_list(seed: int, most: int, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorted_entries, "MOST", most)
    monkeypatch.setattr(sorted_entries, "FEW", few)
    random, entries, expected = Random(seed), SortedEntries(), []
    entries.in_order()._reset(4)
    for _ in range(60):
        values = [random.randrange(200) for _ in range(random.randrange(30))]
        entries.add_many(values)
        expected = sorted(expected + values)
        for _ in range(random.randrange(3)):
            gone = random.choice(expected) if expected else None
            if gone is not None:
                entries.remove(gone)
                expected.remove(gone)
        single = random.randrange(200)
        entries.add(single)
        expected = sorted([*expected, single])
        assert len(entries) == len(expected)
        if random.random() < 0.5:  # else it stays unsorted for longer
            assert list(entries.irange(50, 100)) == [value for value in expected if 50 <= value <= 100]
            below = [value for value in expected[::-1] if value < 100]
            assert list(entries.irange(None, 100, (True, False), reverse=True)) == below
    entries.in_order()._check()
    assert list(entries) == expected
    entries.clear()
    assert len(entries) == 0
    assert list(entries) == []
