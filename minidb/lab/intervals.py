"""Intervals of keys in words, for those who only have the cuts.

An interval runs from one cut to another; the cut `(key, 0)` stands before, `(key, 1)` behind all entries with that key
(`minidb.history`). A key of several columns is a tuple, and may end in `LOWEST` or `HIGHEST`, which make it the place
before or behind all keys that begin so. With the names of the columns an interval becomes a condition:

    without names        = 7        [1, 5)             all    > 3          = ('x', 2)
    with names           id = 7     1 <= id < 5        all    id > 3       a = 'x' and b = 2

In a column that is turned round ("a desc") numbers are stored negated and come back as they were; dates are stored as
negated ordinals, which nothing tells from numbers, and stay numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from minidb.history import Cut, Key
from minidb.keys import HIGHEST, LOWEST, NULLS, Descending, Extreme

DESCENDING = " desc"


class End(Struct, frozen=True):
    """One end of an interval: the first columns of a key, and whether keys that begin so lie inside."""

    parts: tuple[Any, ...]
    inside: bool


def interval_words(low: Cut, high: Cut) -> str:
    """An interval as mathematicians write it: `= 7`, `[1, 5)`, `> 3`, `all`."""
    first, last = low_end(low), high_end(high)
    if not first.parts and not last.parts:
        return "all"
    if first.parts == last.parts and first.inside and last.inside:
        return f"= {parts_words(first.parts)}"
    if not last.parts:
        return f"{'>=' if first.inside else '>'} {parts_words(first.parts)}"
    if not first.parts:
        return f"{'<=' if last.inside else '<'} {parts_words(last.parts)}"
    left = ("[" if first.inside else "(") + parts_words(first.parts)
    return f"{left}, {parts_words(last.parts)}{']' if last.inside else ')'}"


def condition_words(low: Cut, high: Cut, columns: Sequence[str]) -> str:
    """An interval as a condition on `columns`; as `interval_words` if it is none on so many columns."""
    first, last = low_end(low), high_end(high)
    same = shared(first.parts, last.parts)
    rest = (first.parts[same:], last.parts[same:])
    if not columns or (not first.parts and not last.parts) or max(map(len, rest)) > 1:
        return interval_words(low, high)
    if max(map(len, (first.parts, last.parts))) > len(columns):
        return interval_words(low, high)
    if not any(rest) and not (first.inside and last.inside):
        return interval_words(low, high)
    found = [equal_words(columns[i], first.parts[i]) for i in range(same)]
    if any(rest):
        found.append(range_words(columns[same], rest[0], first.inside, rest[1], last.inside))
    return " and ".join(found)


def equal_words(column: str, part: Any) -> str:
    name, value = plain(column, part)
    return f"{name} is null" if value in NULLS else f"{name} = {part_words(value)}"


def range_words(column: str, low: tuple[Any, ...], low_inside: bool, high: tuple[Any, ...], high_inside: bool) -> str:
    """A condition on one column, of which one end or both are known. NULL stands at an end of the order; up to it
    means all other values."""
    if column.endswith(DESCENDING):
        low, low_inside, high, high_inside = high, high_inside, low, low_inside
    name = column.removesuffix(DESCENDING)
    least, most = (plain(column, end[0])[1] if end else None for end in (low, high))
    at_least, at_most = (sign + "=" * inside for sign, inside in (("<", low_inside), ("<", high_inside)))
    least = None if least in NULLS and not low_inside else least
    most = None if most in NULLS and not high_inside else most
    if least is None and most is None:
        return f"{name} is not null"
    if most is None:
        return f"{name} {at_least.replace('<', '>')} {part_words(least)}"
    if least is None:
        return f"{name} {at_most} {part_words(most)}"
    return f"{part_words(least)} {at_least} {name} {at_most} {part_words(most)}"


def plain(column: str, part: Any) -> tuple[str, Any]:
    """A column's name and a value as it was before the order was turned round."""
    if not column.endswith(DESCENDING):
        return column, part
    if isinstance(part, Descending):
        part = part.value
    elif isinstance(part, int | float) and not isinstance(part, bool):
        part = -part
    elif isinstance(part, Decimal):
        part = part.copy_negate()
    return column.removesuffix(DESCENDING), part


def shared(first: tuple[Any, ...], last: tuple[Any, ...]) -> int:
    """How many columns the two ends have in common."""
    count = 0
    for one, other in zip(first, last):
        if one != other:
            break
        count += 1
    return count


def low_end(cut: Cut) -> End:
    parts, side = stripped(cut)
    return End(parts, side < 0)


def high_end(cut: Cut) -> End:
    parts, side = stripped(cut)
    return End(parts, side > 0)


def stripped(cut: Cut) -> tuple[tuple[Any, ...], int]:
    """A cut's key without what only says how far it reaches, and the side of all keys that begin so: -1 before."""
    key, side = cut
    parts = key if isinstance(key, tuple) else (key,)
    place = 1 if side else -1
    while parts and (parts[-1] is LOWEST or parts[-1] is HIGHEST):
        place = -1 if parts[-1] is LOWEST else 1
        parts = parts[:-1]
    return parts, place


def parts_words(parts: tuple[Any, ...]) -> str:
    words = ", ".join(map(part_words, parts))
    return words if len(parts) == 1 else f"({words})"


def part_words(part: Any) -> str:
    if isinstance(part, Descending):
        return part_words(part.value)
    if isinstance(part, Extreme):
        return part.name.split("_")[0]
    if isinstance(part, bool):
        return str(part).lower()
    return f"'{part}'" if isinstance(part, str) else str(part)


def key_words(key: Key) -> str:
    """A key as people write it."""
    return parts_words(key if isinstance(key, tuple) else (key,))


__all__ = ["condition_words", "interval_words", "key_words"]
