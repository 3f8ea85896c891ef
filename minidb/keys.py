"""Keys: values in the form in which indexes, intervals and locks order them.

A key is *bare* (the value itself) for one column and a tuple for several, because a C `bisect` over bare values is
three times as fast as over 1-tuples. Python's own order of the values is the order of the index, after these changes,
made once when a key is built and never inside a comparison (R31):

    NULL          an `Extreme` above (NULLS LAST, the default) or below everything else
    NaN           an `Extreme` above all numbers, below NULL
    descending    numbers negated, dates as negated ordinals, anything else wrapped in `Descending`
    an array      an `ArrayKey`: a bare tuple would be taken for several columns, and its elements may be NULL or NaN

Keys are canonical in that equal values compare equal (-0.0 = 0.0, 1.0 = 1.00), not in that they are rewritten.
`LOWEST` and `HIGHEST` close the ends of prefix ranges: `(a, HIGHEST)` stands after every `(a, b)`, and `(a,)` before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import total_ordering
from operator import itemgetter
from typing import Any

Row = tuple[Any, ...]
Key = Any  # a bare value or a tuple of them; ordered, see above


class Extreme:
    """A value above (rank > 0) or below (rank < 0) everything that is not an Extreme. Each is equal to itself only, as
    objects are by themselves: comparing for equality runs no Python code."""

    __slots__ = ("name", "rank")

    def __init__(self, name: str, rank: int) -> None:
        self.name = name
        self.rank = rank

    def __repr__(self) -> str:
        return self.name

    def __lt__(self, other: object) -> bool:
        return self.rank < (other.rank if isinstance(other, Extreme) else 0)

    def __gt__(self, other: object) -> bool:
        return self.rank > (other.rank if isinstance(other, Extreme) else 0)

    def __le__(self, other: object) -> bool:
        return self is other or self < other

    def __ge__(self, other: object) -> bool:
        return self is other or self > other


LOWEST = Extreme("LOWEST", -9)
NULL_FIRST = Extreme("NULL_FIRST", -5)
NAN_FIRST = Extreme("NAN_FIRST", -3)
NAN_LAST = Extreme("NAN_LAST", 3)
NULL_LAST = Extreme("NULL_LAST", 5)
HIGHEST = Extreme("HIGHEST", 9)
EXTREMES = {e.rank: e for e in (LOWEST, NULL_FIRST, NAN_FIRST, NAN_LAST, NULL_LAST, HIGHEST)}
NULLS = (NULL_FIRST, NULL_LAST)


@total_ordering
class Descending:
    """Turns the order of a value round that cannot be negated."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"Descending({self.value!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Descending) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash(self.value)

    def __lt__(self, other: Any) -> Any:
        return other.value < self.value if isinstance(other, Descending) else NotImplemented


@total_ordering
class ArrayKey:
    """An array in a key: ordered by its elements, NULL above all; the shorter one first."""

    __slots__ = ("items", "order")

    def __init__(self, items: tuple[Any, ...]) -> None:
        self.items = items
        self.order = tuple([NULL_LAST if i is None else i if i == i else NAN_LAST for i in items])

    def __repr__(self) -> str:
        return "{" + ",".join(["NULL" if item is None else str(item) for item in self.items]) + "}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArrayKey) and self.order == other.order

    def __hash__(self) -> int:
        return hash(self.order)

    def __lt__(self, other: Any) -> Any:
        return self.order < other.order if isinstance(other, ArrayKey) else NotImplemented


def descending(value: Any) -> Any:
    """`value` in a form whose order is turned round."""
    if isinstance(value, Decimal):
        return value.copy_negate()  # `-value` would round to the context's precision
    if isinstance(value, int | float):
        return -value
    if isinstance(value, date) and not isinstance(value, datetime):
        return -value.toordinal()
    return Descending(value)


def part(value: Any, *, desc: bool = False, nulls_first: bool = False) -> Any:
    """One column of a key. `value` None is NULL."""
    if value is None:
        return NULL_FIRST if nulls_first else NULL_LAST
    if type(value) is tuple:
        value = ArrayKey(value)
    elif value != value:  # NaN alone differs from itself
        return NAN_FIRST if desc else NAN_LAST
    return descending(value) if desc else value


class KeyColumn:
    """How one column enters a key: its position in the row, its order, and whether its values enter unchanged."""

    __slots__ = ("desc", "nulls_first", "plain", "position")

    def __init__(self, position: int, *, desc: bool = False, nulls_first: bool = False, plain: bool = False) -> None:
        self.position = position
        self.desc = desc
        self.nulls_first = nulls_first
        self.plain = plain  # never NULL, never NaN, ascending: the value is its own key part

    def maker(self) -> Callable[[Row], Any]:
        position, desc, nulls_first = self.position, self.desc, self.nulls_first
        if self.plain:
            return itemgetter(position)
        if desc:
            return lambda row: part(row[position], desc=True, nulls_first=nulls_first)
        null = NULL_FIRST if nulls_first else NULL_LAST

        def make(row: Row) -> Any:
            value = row[position]
            if value is None:
                return null
            if type(value) is tuple:
                return ArrayKey(value)
            return value if value == value else NAN_LAST

        return make


def key_maker(columns: Sequence[KeyColumn]) -> Callable[[Row], Key]:
    """A function from a row to its key over `columns`: bare for one column, a tuple for several."""
    if all(column.plain for column in columns):
        return itemgetter(*[column.position for column in columns])
    makers = [column.maker() for column in columns]
    if len(makers) == 1:
        return makers[0]
    return lambda row: tuple([make(row) for make in makers])


def has_null(key: Key) -> bool:
    """Whether any column of `key` is NULL: such keys never collide in a unique index."""
    if type(key) is tuple:
        return any(p is NULL_LAST or p is NULL_FIRST for p in key)
    return key is NULL_LAST or key is NULL_FIRST
