"""Statistics of samples, and what they make the planner believe."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_database import ModelDatabase

from minidb.sql.statistics import (
    ColumnStatistics,
    below_fraction,
    column_statistics,
    equal_fraction,
    reservoir,
)


def test_counts_of_a_complete_sample() -> None:
    found = column_statistics([1, 1, 1, 2, None, 3, 3, None], 8)
    assert found.null_fraction == 0.25 and found.distinct == 3
    assert found.common[0] == (1, 3 / 8)
    assert equal_fraction(found, 3) == 2 / 8
    assert equal_fraction(found, 99) == 0


def test_unique_values_are_recognised_in_a_sample() -> None:
    found = column_statistics(list(range(0, 100_000, 10)), 100_000)
    assert found.distinct == pytest.approx(100_000, rel=0.01) and found.common == ()
    assert found.histogram[0] == 0 and found.histogram[-1] == 99_990
    assert below_fraction(found, 25_000, False) == pytest.approx(0.25, abs=0.02)
    assert below_fraction(found, -5, True) == 0 and below_fraction(found, 200_000, False) == 1


def test_few_values_in_a_sample() -> None:
    found = column_statistics([i % 7 for i in range(5000)], 1_000_000)
    assert found.distinct == 7 and len(found.common) == 7
    assert below_fraction(found, 3, False) == pytest.approx(3 / 7, abs=0.01)


def test_values_without_order_or_hash() -> None:
    assert column_statistics([None, None], 10).null_fraction == 1
    assert column_statistics([], 10) == ColumnStatistics()
    assert column_statistics([float("nan"), 1.0, 2.0], 3).distinct == 2
    assert column_statistics([(1, None), (2, 3)], 2).distinct == 2


def test_correlation() -> None:
    assert column_statistics(list(range(100)), 100).correlation == 1
    assert column_statistics(list(range(100, 0, -1)), 100).correlation == -1


@given(st.lists(st.one_of(st.none(), st.integers(-20, 20)), min_size=1, max_size=200), st.integers(-22, 22))
def test_fractions_are_fractions(values: list[Any], probe: int) -> None:
    found = column_statistics(values, len(values) * 3)
    assert 0 <= equal_fraction(found, probe) <= 1
    below = below_fraction(found, probe, True)
    assert below is None or 0 <= below <= 1.0001
    assert sum(fraction for _, fraction in found.common) <= 1.0001


@given(st.integers(0, 300), st.integers(1, 50))
def test_reservoir(total: int, size: int) -> None:
    count, sample = reservoir(((i,) for i in range(total)), size)
    assert count == total and len(sample) == min(size, total)
    assert sample == sorted(sample) and len(set(sample)) == len(sample)


def estimated(db: ModelDatabase, where: str) -> float:
    return db.prepare(f"SELECT * FROM t WHERE {where}")[0].explain().estimated


def test_estimates() -> None:
    db = ModelDatabase()
    rows = [(i, 0 if i < 900 else i, f"w{i % 10}", i if i % 2 else None) for i in range(1000)]
    db.table("t", "i int!, skewed int, word text, half int", "primary i", rows=rows)
    db.analyze()
    assert estimated(db, "skewed = 0") == pytest.approx(900, rel=0.05)
    assert estimated(db, "skewed = 950") < 10
    assert estimated(db, "word = 'w3'") == pytest.approx(100, rel=0.05)
    assert estimated(db, "word IN ('w3', 'w4')") == pytest.approx(200, rel=0.05)
    assert estimated(db, "i BETWEEN 100 AND 299") == pytest.approx(200, rel=0.1)
    assert estimated(db, "half IS NULL") == pytest.approx(500, rel=0.05)
    assert estimated(db, "i = 7 OR i = 8") < 5
    assert estimated(db, "word = 'w3' AND i < 500") == pytest.approx(50, rel=0.1)
    assert estimated(db, "NOT (i < 500)") == pytest.approx(500, rel=0.1)
