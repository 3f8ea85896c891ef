"""What is known about a table's data: counts, most common values and a histogram per column, from a sample.

The records are what ANALYZE keeps; `selectivity` asks them. Distinct values are extrapolated from the sample with the
estimator of Haas and Stokes (1998) that PostgreSQL uses. Values are kept as they are in rows, so that bounds compare.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import msgspec

from minidb import schema
from minidb.keys import Row, part

SAMPLE = 30_000  # rows that are looked at
COMMON = 25  # most common values kept
BUCKETS = 50  # of the histogram
SORTED = 0.95  # correlation from which on rows count as sorted by a column
PAGES = 40  # of a sample, at most: between them values change for another reason
DEFAULT_ROWS = 1000.0  # of a table nobody has looked at
TYPICAL_ROW = 150  # bytes in memory
SURPRISE = 200  # how far estimates are believed to be wrong at most


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
    """columns: by position; columns that are not there are unknown. expressions: those of indexes, by their text."""

    rows: float
    columns: dict[int, ColumnStatistics] = {}
    expressions: dict[str, ColumnStatistics] = {}


RowFunction = Callable[[Row], Any]


def collect(
    table: schema.Table, total: int, sample: Iterable[Row], functions: Mapping[str, RowFunction] | None = None
) -> TableStatistics:
    """Statistics of a table of `total` rows from a random (or complete) `sample` of them, in the table's order.
    `functions`: the expressions and conditions of its indexes, by text."""
    rows = list(sample)
    columns = {}
    for column in table.live_columns:
        values = [row[column.position] for row in rows]
        columns[column.position] = column_statistics(values, total)
    expressions = {}
    for index in table.indexes if functions else ():
        for text in [key.expression for key in index.keys if key.expression is not None]:
            expressions[text] = column_statistics(_expression_values(index, text, rows, functions or {}), total)
    return TableStatistics(float(total), columns, expressions)


def _expression_values(
    index: schema.Index, text: str, rows: Sequence[Row], functions: Mapping[str, RowFunction]
) -> list[Any]:
    """The values of an index expression; None for rows that a partial index leaves out, where it need not have one."""
    value = functions[text]
    if index.where is None:
        return list(map(value, rows))
    has = functions[index.where]
    return [value(row) if has(row) is True else None for row in rows]


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
    if len(values) < total and abs(correlation) > SORTED:
        distinct = max(distinct, _distinct_in_order(present, total * (1 - null_fraction)))
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


def _distinct_in_order(present: list[Any], total: float) -> float:
    """Distinct values of a column in whose order the rows are. A sample of whole pages has equal values side by side,
    so that few are seen once; but how often the value changes from a row to the next one tells how many there are."""
    changes = sum(1 for one, other in pairwise(present) if one != other)
    return min(1 + max(changes - PAGES, 0) * total / len(present), total)


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
    """Pearson's coefficient of the places of the values in the table and in their own order."""
    count = len(present)
    if count < 2:
        return 1.0
    places = sorted(range(count), key=present.__getitem__)
    mean = (count - 1) / 2
    together = sum(rank * place for rank, place in enumerate(places)) / count - mean * mean
    return together / ((count * count - 1) / 12)


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
        if not column.histogram:
            return common if column.common else None
        return common + uncommon_fraction(column) * histogram_fraction(column, value)
    except TypeError:
        return None


def uncommon_fraction(column: ColumnStatistics) -> float:
    """The share of rows that the histogram is about."""
    covered = sum(fraction for _, fraction in column.common)
    return max(1 - column.null_fraction - covered, 0.0)


def histogram_fraction(column: ColumnStatistics, value: Any) -> float:
    """The share below `value` of the values in the histogram. Raises TypeError where they do not compare."""
    bounds = column.histogram
    place = bisect_left(bounds, value)
    if place == 0:
        return 0.0
    if place == len(bounds):
        return 1.0
    return (place - 1 + _within(bounds[place - 1], bounds[place], value)) / (len(bounds) - 1)


def _within(low: Any, high: Any, value: Any) -> float:
    """How far `value` is between two bounds."""
    if isinstance(low, str):
        return _text_within(low, high, value)
    try:
        width, part = high - low, value - low
        if isinstance(width, timedelta):
            width, part = width.total_seconds(), part.total_seconds()
        return float(part) / float(width) if width else 0.5
    except (TypeError, ValueError, OverflowError):
        return 0.5


def _text_within(low: str, high: str, value: str) -> float:
    """The same for texts: they are read as fractions, behind what both bounds begin with."""
    start = 0
    while start < min(len(low), len(high)) and low[start] == high[start]:
        start += 1
    first, last, place = (_fraction(text[start : start + 8]) for text in (low, high, value))
    return min(max((place - first) / (last - first), 0.0), 1.0) if last > first else 0.5


def _fraction(text: str) -> float:
    result = 0.0
    for char in reversed(text):
        result = (result + min(ord(char), 255)) / 256
    return result


def matching_fraction(column: ColumnStatistics, test: Callable[[Any], Any], least: float) -> float | None:
    """The share of rows for whose value `test` is true: asked of the common values and of the histogram's bounds, which
    are a sample of the others; at least `least` of those. None if too little is known."""
    if not column.common and len(column.histogram) < 10:
        return None
    share = sum(fraction for value, fraction in column.common if test(value))
    if column.histogram:
        found = sum(1 for value in column.histogram if test(value)) / len(column.histogram)
        share += uncommon_fraction(column) * min(max(found, least), 1 - least)
    return share


def join_fraction(left: ColumnStatistics, right: ColumnStatistics) -> float:
    """The share of pairs of rows with equal values. Where both have common values these are compared one by one, the
    others count as spread evenly (`eqjoinsel_inner` of PostgreSQL)."""
    present = (1 - left.null_fraction) * (1 - right.null_fraction)
    if not left.common or not right.common:
        return present / max(left.distinct, right.distinct, 1.0)
    ours, theirs = dict(left.common), dict(right.common)
    matched = sum(share * theirs[value] for value, share in ours.items() if value in theirs)
    left_alone = sum(share for value, share in ours.items() if value not in theirs)
    right_alone = sum(share for value, share in theirs.items() if value not in ours)
    left_rest, right_rest = uncommon_fraction(left), uncommon_fraction(right)
    both = len(ours.keys() & theirs.keys())
    of_left = matched + _spread(left_alone, right_rest, right.distinct - len(theirs))
    of_left += _spread(left_rest, right_rest + right_alone, right.distinct - both)
    of_right = matched + _spread(right_alone, left_rest, left.distinct - len(ours))
    of_right += _spread(right_rest, left_rest + left_alone, left.distinct - both)
    return float(min(of_left, of_right))


def _spread(share: float, others: float, distinct: float) -> float:
    return share * others / distinct if distinct >= 1 else 0.0
