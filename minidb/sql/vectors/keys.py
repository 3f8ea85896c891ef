"""The key of GROUP BY as one small integer per row of a page.

A column that is stored by codes has them already; an integer is its own distance from the page's least one, or where
the page's values are far apart, its place among the different ones. Several keys are digits of one number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from minidb.sql.vectors import arrays
from minidb.sql.vectors.arrays import Array, Unsuited
from minidb.sql.vectors.terms import Frame, Term
from minidb.sql.vectors.totals import Grouped, Mask, whole
from minidb.types.numbered import NUMBERED

LEAST_SPAN = 1024  # codes that are always few enough
MOST_CODES = 1 << 62


class Key(msgspec.Struct, frozen=True):
    """One expression of GROUP BY: a term, or the column at `position` where it is stored by codes."""

    term: Term | None
    position: int
    kind: str  # the family of the term's type


Named = Callable[[list[int]], list[Any]]  # the values that codes stand for
Part = tuple[Array, int, Named]  # codes, how many there may be, what they stand for


def grouped(keys: Sequence[Key], frame: Frame, mask: Mask) -> Grouped:
    """The rows that the mask leaves, by their keys. Raises Unsuited where there are too many different ones."""
    parts = [_part(key, frame, mask) for key in keys]
    if len(parts) == 1:
        return Grouped(*parts[0], mask)
    codes, size = parts[0][:2]
    for more, count, _ in parts[1:]:
        if size * count > MOST_CODES:
            raise Unsuited
        codes, size = codes * count + more, size * count
    digits = [(count, named) for _, count, named in parts]

    def keys_of(numbers: list[int]) -> list[tuple[Any, ...]]:
        columns = []
        for count, named in reversed(digits):
            columns.append(named([number % count for number in numbers]))
            numbers = [number // count for number in numbers]
        return list(zip(*reversed(columns)))

    if size > _most(frame):
        codes, distinct = _renumbered(codes)
        return Grouped(codes, len(distinct), lambda places: keys_of([distinct[place] for place in places]), mask)
    return Grouped(codes, size, keys_of, mask)


def _most(frame: Frame) -> int:
    return max(LEAST_SPAN, 4 * frame.contents.count)


def _part(key: Key, frame: Frame, mask: Mask) -> Part:
    if key.term is None:
        found = arrays.codes(frame.contents, key.position)
        if found is None:
            raise Unsuited
        codes, values = found
        return codes if mask is True else codes[mask], len(values), _looked_up(values)
    known = key.term.bounds(frame)
    if known is None:
        raise Unsuited
    data = whole(key.term.data(frame), frame)
    nulls = key.term.nulls(frame) if known.nulls else None
    low = known.low
    span = known.high - low + 1
    if mask is not True:
        data = data[mask]
        nulls = None if nulls is None else nulls[mask]
    if span > _most(frame):
        codes, distinct = _renumbered(data)
        part: Part = codes, len(distinct), _looked_up(_values(key.kind, distinct))
    else:
        part = (data - low if low else data), span, lambda codes: _values(key.kind, [low + code for code in codes])
    return part if nulls is None else _with_null(part, nulls)


def _values(kind: str, numbers: list[int]) -> list[Any]:
    return numbers if kind == "integer" else list(map(NUMBERED[kind][1], numbers))


def _looked_up(values: list[Any]) -> Named:
    return lambda codes: [values[code] for code in codes]


def _with_null(part: Part, nulls: Array) -> Part:
    """One code more, for NULL."""
    codes, size, named = part

    def with_none(numbers: list[int]) -> list[Any]:
        values = iter(named([number for number in numbers if number != size]))
        return [None if number == size else next(values) for number in numbers]

    return arrays.numpy().where(nulls, size, codes), size + 1, with_none


def _renumbered(numbers: Array) -> tuple[Array, list[int]]:
    """(places among the different numbers, those in order)."""
    distinct, codes = arrays.numpy().unique(numbers, return_inverse=True)
    if len(distinct) > max(LEAST_SPAN, len(numbers)) // 4:
        raise Unsuited
    return codes, distinct.tolist()
