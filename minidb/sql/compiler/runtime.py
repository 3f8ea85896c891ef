"""What generated functions call besides `rows`: the parts of execution that gain nothing from being generated.

Everything here is a plain function over values and lists of tuples. Order follows PostgreSQL: NULL is above everything
unless NULLS FIRST says otherwise, NaN is above all numbers.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cmp_to_key, reduce
from operator import itemgetter
from typing import Any

from minidb import errors
from minidb.keys import NAN_LAST, Row
from minidb.sql.functions.operators import compare_arrays
from minidb.types import numeric_add

# -- single values ----------------------------------------------------------------------------------------


def same(left: Any, right: Any) -> bool:
    """IS NOT DISTINCT FROM, where NaN may occur."""
    return bool(left == right) or (left is not None and right is not None and left != left and right != right)


def _above_nan(value: Any) -> Any:
    return value if value == value else NAN_LAST


_array_key = cmp_to_key(compare_arrays)  # NULL elements above all others


def greatest(values: tuple[Any, ...]) -> Any:
    present = [value for value in values if value is not None]
    return max(present, key=_above_nan) if present else None


def least(values: tuple[Any, ...]) -> Any:
    present = [value for value in values if value is not None]
    return min(present, key=_above_nan) if present else None


def same_keys(left: Row, right: Row) -> bool:
    """Whether two rows are of one group."""
    return all(map(same, left, right))


def any_of(call: Callable[[Any, Any], Any], value: Any, items: Iterable[Any] | None) -> bool | None:
    """`value op ANY (items)`."""
    if items is None:
        return None
    unknown = False
    for item in items:
        result = None if value is None or item is None else call(value, item)
        if result:
            return True
        unknown = unknown or result is None
    return None if unknown else False


def all_of(call: Callable[[Any, Any], Any], value: Any, items: Iterable[Any] | None) -> bool | None:
    """`value op ALL (items)`."""
    if items is None:
        return None
    unknown = False
    for item in items:
        result = None if value is None or item is None else call(value, item)
        if result is False:
            return False
        unknown = unknown or result is None
    return None if unknown else True


def row_equal(calls: Sequence[Callable[[Any, Any], Any]], left: Row, right: Row) -> bool | None:
    """(a, b) = (c, d) in three values; the calls are the columns' `=`."""
    unknown = False
    for call, one, other in zip(calls, left, right):
        if one is None or other is None:
            unknown = True
        elif not call(one, other):
            return False
    return None if unknown else True


def row_test(symbol: str, operators: Sequence[Any]) -> Callable[[Row, Row], bool | None]:
    """`(a, b) op (c, d)` in three values: the first columns that differ decide, `operators` has `op` for each."""
    calls = [operator.call for operator in operators]
    if symbol == "=":
        return lambda left, right: row_equal(calls, left, right)
    if symbol == "<>":
        return lambda left, right: negate(row_equal([same] * len(calls), left, right))

    def test(left: Row, right: Row) -> bool | None:
        for call, one, other in zip(calls, left, right):
            if one is None or other is None:
                return None
            if not same(one, other):
                return bool(call(one, other))
        return symbol in ("<=", ">=")

    return test


def in_rows(calls: Sequence[Callable[[Any, Any], Any]], value: Row, rows: Iterable[Row]) -> bool | None:
    """`value IN (rows)` for rows that may hold NULLs."""
    unknown = False
    for row in rows:
        result = row_equal(calls, value, row)
        if result:
            return True
        unknown = unknown or result is None
    return None if unknown else False


class Members:
    """The result of an IN subquery: `whole` are its rows without NULL, `partial` those with one."""

    __slots__ = ("partial", "whole")

    def __init__(self, rows: Iterable[Any], width: int) -> None:
        if width == 1:
            self.whole = set(rows)
            self.partial: list[Any] = [None] if None in self.whole else []
            self.whole.discard(None)
        else:
            listed = list(rows)
            self.whole = {row for row in listed if None not in row}
            self.partial = list(dict.fromkeys(row for row in listed if None in row))

    def contains(self, value: Any) -> bool | None:
        """`value IN`, for one column."""
        if value is None:
            return None if self.whole or self.partial else False
        return True if value in self.whole else None if self.partial else False

    def contains_row(self, calls: Sequence[Callable[[Any, Any], Any]], value: Row) -> bool | None:
        if None not in value:
            if value in self.whole:
                return True
            return in_rows(calls, value, self.partial)
        found = in_rows(calls, value, self.partial)
        return found if found is None else in_rows(calls, value, self.whole)


def negate(value: bool | None) -> bool | None:
    return None if value is None else not value


# -- index keys -------------------------------------------------------------------------------------------


def distinct_parts(values: Iterable[Any], make: Callable[[Any], Any] | None, reverse: bool) -> list[Any]:
    """The key parts of an IN list, each once and in index order; NULL finds nothing."""
    present = {value for value in values if value is not None}
    parts = present if make is None else {make(value) for value in present}
    return sorted(parts, reverse=reverse)


# -- rows -------------------------------------------------------------------------------------------------


def single(rows: list[Any]) -> Any:
    """The value of a scalar subquery."""
    if len(rows) > 1:
        raise errors.CardinalityViolation("more than one row returned by a subquery used as an expression")
    return rows[0] if rows else None


def one_of(call: Callable[[Any, Any], Any], value: Any, rows: list[Any]) -> bool | None:
    """`value op (subquery of one row)`."""
    row = single(rows)
    return None if row is None else call(value, row)


def count_value(value: Any, clause: str) -> int | None:
    """LIMIT or OFFSET as a number; None for NULL."""
    if value is None:
        return None
    if value < 0:
        state = "2201W" if clause == "LIMIT" else "2201X"
        raise errors.DataError(f"{clause} must not be negative", sqlstate=state)
    return int(value)


SortColumn = tuple[int, bool, bool, bool, str]  # place, descending, nulls first, may be NULL, '' | 'nan' | 'array'


def sort(rows: list[Row], columns: Sequence[SortColumn]) -> None:
    """Sorts in place: one pass if all columns go one way and none is special, else a stable pass per column."""
    plain = all(not nullable and not special for _, _, _, nullable, special in columns)
    directions = {descending for _, descending, _, _, _ in columns}
    if plain and len(directions) == 1:
        rows.sort(key=itemgetter(*[place for place, *_ in columns]), reverse=directions.pop())
        return
    for column in reversed(columns):
        _sort_pass(rows, *column)


def _sort_pass(rows: list[Row], place: int, descending: bool, nulls_first: bool, nullable: bool, special: str) -> None:
    nulls = [row for row in rows if row[place] is None] if nullable else []
    if nulls:
        rows[:] = [row for row in rows if row[place] is not None]
    if special == "array":
        rows.sort(key=lambda row: _array_key(row[place]), reverse=descending)
    elif special and any(row[place] != row[place] for row in rows):
        rows.sort(key=lambda row: _above_nan(row[place]), reverse=descending)
    else:
        rows.sort(key=itemgetter(place), reverse=descending)
    if nulls:
        rows[:] = nulls + rows if nulls_first else rows + nulls


def order_equal(left: Row, right: Row, places: Sequence[int]) -> bool:
    """Whether two sorted rows are peers."""
    return all(same(left[place], right[place]) for place in places)


def top_count(count: int | None, offset: int | None) -> int:
    """How many first rows of a sort a LIMIT needs; more than any list holds if nothing limits."""
    count = count_value(count, "LIMIT")
    offset = count_value(offset, "OFFSET") or 0
    return sys.maxsize // 8 if count is None else count + offset


def fold_groups(
    lists: dict[Any, list[Any]], groups: dict[Any, list[Any]], kinds: Sequence[str], nullable: bool
) -> None:
    """Brings the values gathered per group into the groups' states, and empties the lists."""
    folds = [_FOLDS[kind] for kind in kinds]
    for key, values in lists.items():
        count = len(values)
        if nullable and None in values:
            values = [value for value in values if value is not None]
        state = groups.get(key)
        if state is None:
            state = groups[key] = [_EMPTY[kind] for kind in kinds]
        for place, fold in enumerate(folds):
            state[place] = fold(state[place], values, count)
    lists.clear()


_EMPTY = {"rows": 0, "count": 0, "int": 0, "float": 0, "numeric": 0, "min": None, "max": None}
_FOLDS: dict[str, Callable[[Any, list[Any], int], Any]] = {
    "rows": lambda state, values, count: state + count,
    "count": lambda state, values, count: state + len(values),
    "int": lambda state, values, count: state + sum(values),
    "float": lambda state, values, count: sum(values, state),
    "numeric": lambda state, values, count: reduce(numeric_add, values, state),
    "min": lambda state, values, count: min(values if state is None else [state, *values], default=None),
    "max": lambda state, values, count: max(values if state is None else [state, *values], default=None),
}


def finish_ordered(
    aggregate: Any, rows: list[Row], columns: Sequence[SortColumn], width: int, distinct: bool, direct: Row
) -> Any:
    """The result of an aggregate over rows of (arguments, sort keys)."""
    sort(rows, columns)
    state = aggregate.init()
    last: Row | None = None
    for row in rows:
        arguments = row[:width]
        if distinct and last is not None and order_equal(arguments, last, range(width)):
            continue
        state = aggregate.step(state, *arguments)
        last = arguments
    return aggregate.final(state, *direct)


class Ties:
    """The rows of FETCH FIRST WITH TIES, as they come in their order."""

    __slots__ = ("_count", "_last", "_offset", "_seen", "rows")

    def __init__(self, count: int | None, offset: int | None) -> None:
        self.rows: list[Row] = []
        self._count = count
        self._offset = offset or 0
        self._seen = 0
        self._last: Row = ()

    def add(self, key: Row, row: Row) -> bool:
        """Takes a row; True if no more are wanted."""
        self._seen += 1
        if self._seen <= self._offset:
            return False
        if self._count is not None and len(self.rows) >= self._count:
            if not self._count or not order_equal(key, self._last, range(len(key))):
                return True
        else:
            self._last = key
        self.rows.append(row)
        return False


def set_operation(kind: str, all_rows: bool, left: Iterable[Row], right: Iterable[Row]) -> list[Row]:
    """INTERSECT and EXCEPT, with and without ALL; the order of the left side is kept."""
    counts = Counter(right)
    if not all_rows:
        wanted = kind == "intersect"
        return [row for row in dict.fromkeys(left) if (row in counts) == wanted]
    result = []
    for row in left:
        found = counts[row] > 0
        if found:
            counts[row] -= 1
        if found == (kind == "intersect"):
            result.append(row)
    return result


_END = object()


def interruptible(values: Iterable[Any], check: Callable[[], None]) -> Iterator[Any]:
    """The values; now and then somebody may stop the statement."""
    for number, value in enumerate(values):
        if number & 1023 == 1023:
            check()
        yield value


def parallel(iterables: Sequence[Iterable[Any] | None]) -> Iterator[Row]:
    """Set-returning functions side by side; shorter ones are filled up with NULL."""
    iterators: list[Iterator[Any] | None] = [iter(i) if i is not None else None for i in iterables]
    while any(i is not None for i in iterators):
        values: list[Any] = []
        alive = False
        for place, iterator in enumerate(iterators):
            value = _END if iterator is None else next(iterator, _END)
            if value is _END:
                iterators[place] = value = None
            else:
                alive = True
            values.append(value)
        if not alive:
            return
        yield tuple(values)
