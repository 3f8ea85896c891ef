"""What is known about a table's data: counts, most common values and a histogram per column, from a sample.

The records are what ANALYZE keeps; `selectivity` asks them. Distinct values are extrapolated from the sample with the
estimator of Haas and Stokes (1998) that PostgreSQL uses. Values are kept as they are in rows, so that bounds compare.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from minidb import schema
from minidb.keys import Row, part

SAMPLE = 30_000  # rows that are looked at
COMMON = 25  # most common values kept
BUCKETS = 50  # of the histogram
DEFAULT_ROWS = 1000.0  # of a table nobody has looked at


class ColumnStatistics(msgspec.Struct, frozen=True):
    """distinct: number of different values, at least 1. common: (value, fraction of all rows), most common first.

    histogram: bounds of buckets of equal size over the values that are not common, () where values have no order.
    correlation: how far the order of the rows follows the values, -1 to 1."""

    null_fraction: float = 0.0
    distinct: float = 1.0
    common: tuple[tuple[Any, float], ...] = ()
    histogram: tuple[Any, ...] = ()
    correlation: float = 0.0


class TableStatistics(msgspec.Struct, frozen=True):
    """columns: by position; columns that are not there are unknown."""

    rows: float
    columns: dict[int, ColumnStatistics] = {}


def collect(table: schema.Table, total: int, sample: Iterable[Row]) -> TableStatistics:
    """Statistics of a table of `total` rows from a random (or complete) `sample` of them, in the table's order."""
    rows = list(sample)
    columns = {}
    for column in table.live_columns:
        values = [row[column.position] for row in rows]
        columns[column.position] = column_statistics(values, total)
    return TableStatistics(float(total), columns)


def reservoir(rows: Iterable[Row], size: int = SAMPLE, seed: int = 0) -> tuple[int, list[Row]]:
    """(how many rows there are, a random sample of at most `size` in their order), Algorithm R (Vitter 1985)."""
    state = seed
    kept: list[tuple[int, Row]] = []
    count = 0
    for row in rows:
        if count < size:
            kept.append((count, row))
        else:
            state = (state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF  # Knuth's MMIX generator
            place = (state >> 31) % (count + 1)
            if place < size:
                kept[place] = (count, row)
        count += 1
    kept.sort(key=lambda item: item[0])
    return count, [row for _, row in kept]


def column_statistics(values: Sequence[Any], total: int) -> ColumnStatistics:
    """Statistics of one column from sampled values, None for NULL, of `total` rows."""
    present = [_ordered(value) for value in values if value is not None and value == value]
    if not values or not present:
        return ColumnStatistics(null_fraction=1.0 if values else 0.0)
    null_fraction = 1 - len(present) / len(values)
    try:
        counts = Counter(present)
    except TypeError:  # not hashable
        return ColumnStatistics(null_fraction, max(total * 0.5, 1.0))
    distinct = _distinct(counts, len(present), total * (1 - null_fraction))
    common = _common(counts, len(values), distinct)
    histogram, correlation = _histogram(present, {value for value, _ in common})
    return ColumnStatistics(null_fraction, distinct, common, histogram, correlation)


def _ordered(value: Any) -> Any:
    """An array as its key, which has an order even where elements are NULL or NaN."""
    return part(value) if type(value) is tuple else value


def _distinct(counts: Counter[Any], sampled: int, total: float) -> float:
    """Haas and Stokes: n * d / (n - f1 + f1 * n / N), where f1 values were seen once in a sample of n."""
    once = sum(1 for count in counts.values() if count == 1)
    if sampled >= total or once == 0:
        return float(len(counts))
    estimate = sampled * len(counts) / (sampled - once + once * sampled / max(total, 1))
    return max(1.0, min(estimate, total))


def _common(counts: Counter[Any], sampled: int, distinct: float) -> tuple[tuple[Any, float], ...]:
    """Values clearly more frequent than the average; all of them if there are few."""
    if len(counts) <= COMMON:
        return tuple((value, count / sampled) for value, count in counts.most_common())
    average = sampled / distinct
    kept = [(value, count) for value, count in counts.most_common(COMMON) if count > 1.25 * average and count > 1]
    return tuple((value, count / sampled) for value, count in kept)


def _histogram(present: list[Any], common: set[Any]) -> tuple[tuple[Any, ...], float]:
    try:
        ordered = sorted(value for value in present if value not in common)
        correlation = _correlation(present)
    except TypeError:
        return (), 0.0
    if len(ordered) < 2:
        return (), correlation
    buckets = min(BUCKETS, len(ordered) - 1)
    bounds = [ordered[round(place * (len(ordered) - 1) / buckets)] for place in range(buckets + 1)]
    return tuple(bounds), correlation


def _correlation(present: list[Any]) -> float:
    """Share of neighbours in ascending order, scaled to -1 .. 1."""
    if len(present) < 2:
        return 1.0
    rising = sum(1 for one, other in pairwise(present) if one <= other)
    return 2 * rising / (len(present) - 1) - 1


def equal_fraction(column: ColumnStatistics, value: Any = None) -> float:
    """The share of rows that equal `value`; of an average value if it is None (not known)."""
    if value is not None:
        value = _ordered(value)
        for common, fraction in column.common:
            if common == value:
                return fraction
    covered = sum(fraction for _, fraction in column.common)
    others = max(column.distinct - len(column.common), 1.0)
    rest = max(1 - column.null_fraction - covered, 0.0)
    if value is None:
        return (1 - column.null_fraction) / max(column.distinct, 1.0)
    if rest == 0.0:
        return 0.0
    return rest / others


def below_fraction(column: ColumnStatistics, value: Any, inclusive: bool) -> float | None:
    """The share of rows below `value`; None if nothing is known."""
    value = _ordered(value)
    try:
        common = sum(f for v, f in column.common if v < value or (inclusive and v == value))
        covered = sum(fraction for _, fraction in column.common)
        rest = max(1 - column.null_fraction - covered, 0.0)
        if not column.histogram:
            return common if column.common else None
        bounds = column.histogram
        place = bisect_left(bounds, value)
        if place == 0:
            share = 0.0
        elif place == len(bounds):
            share = 1.0
        else:
            share = (place - 1 + _within(bounds[place - 1], bounds[place], value)) / (len(bounds) - 1)
        return common + rest * share
    except TypeError:
        return None


def _within(low: Any, high: Any, value: Any) -> float:
    """How far `value` is between two bounds."""
    try:
        width = float(high - low)
        return float(value - low) / width if width else 0.5
    except (TypeError, ValueError):
        return 0.5
