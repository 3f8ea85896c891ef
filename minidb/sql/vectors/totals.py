"""Counts, sums, least and greatest values over the rows of a page that a mask leaves, for all of them or by group.

A slot is what the row path keeps in one cell: how many rows, how many values that are not NULL, their sum, the least,
the greatest. Sums are exact: where they might be longer than 64 bits they are put together from two halves, and sums
by group, which `bincount` makes in floats, are made so only below 2^53.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import compress
from operator import add
from typing import Any

import msgspec

from minidb.sql.vectors import arrays
from minidb.sql.vectors.arrays import Array, Bounded, Unsuited
from minidb.sql.vectors.terms import Frame, Term
from minidb.types import numeric_add
from minidb.types.numbered import HIGHEST, NUMBERED, scaled

EXACT_FLOAT = 1 << 53  # integers below are exact in a float
Mask = Any  # an array of bool, or True: all rows
INITIAL = {"rows": 0, "count": 0, "int": 0, "numeric": 0, "min": None, "max": None}


class Slot(msgspec.Struct, frozen=True):
    """One cell. Its argument is a term or, where that has none, the column at `position`; 'rows' has neither."""

    what: str
    term: Term | None = None
    position: int = -1
    kind: str = "integer"  # the family of the term's type


def least(left: Any, right: Any) -> Any:
    return right if left is None or (right is not None and right < left) else left


def greatest(left: Any, right: Any) -> Any:
    return right if left is None or (right is not None and right > left) else left


MERGED: dict[str, Callable[[Any, Any], Any]] = {
    "rows": add, "count": add, "int": add, "numeric": numeric_add, "min": least, "max": greatest
}


def merge(what: str, old: Any, new: Any) -> Any:
    return MERGED[what](old, new)


def value_of(slot: Slot, number: int) -> Any:
    return number if slot.kind == "integer" else NUMBERED[slot.kind][1](number)


# -- all rows together ------------------------------------------------------------------------------------


def add_totals(slots: Sequence[Slot], totals: list[Any], frame: Frame, mask: Mask) -> None:
    """Brings a page into `totals`. Raises Unsuited before it has changed any."""
    rows = frame.contents.count if mask is True else int(arrays.numpy().count_nonzero(mask))
    if rows:
        found = [_total(slot, frame, mask, rows) for slot in slots]
        for place, (slot, new) in enumerate(zip(slots, found)):
            totals[place] = merge(slot.what, totals[place], new)


def _total(slot: Slot, frame: Frame, mask: Mask, rows: int) -> Any:
    if slot.what == "rows":
        return rows
    if slot.term is None:
        return _scaled_total(slot, frame, mask) if slot.what == "numeric" else _listed_total(slot, frame, mask)
    known = slot.term.bounds(frame)
    if known is None:
        return INITIAL[slot.what]
    if slot.what == "count" and not known.nulls:
        return rows
    data = selected(slot.term, frame, mask)
    if slot.what == "count":
        return len(data)
    if slot.what == "int":
        return _sum(data, known)
    if not len(data):
        return None
    return value_of(slot, int(data.min() if slot.what == "min" else data.max()))


def _scaled_total(slot: Slot, frame: Frame, mask: Mask) -> Any:
    """The sum of a numeric column: of integers, where the page keeps it so."""
    found = frame.contents.scaled(slot.position, arrays.numpy())
    if found is None:
        return _listed_total(slot, frame, mask)
    data, nulls, low, high, scale = found
    valid = without_nulls(mask, nulls)
    data = data if valid is True else data[valid]
    return scaled(_sum(data, Bounded(low, high, False)), scale) if len(data) else 0


def _listed_total(slot: Slot, frame: Frame, mask: Mask) -> Any:
    return listed_total(slot.what, _listed(slot, frame, mask))


def _listed(slot: Slot, frame: Frame, mask: Mask) -> list[Any]:
    values = frame.contents.values(slot.position)
    if mask is not True:
        values = list(compress(values, mask.tolist()))
    return [value for value in values if value is not None] if None in values else values


def listed_total(what: str, values: list[Any]) -> Any:
    if what == "count":
        return len(values)
    if what == "numeric":
        return reduce(numeric_add, values, 0)  # type: ignore[arg-type]
    return (min if what == "min" else max)(values, default=None)


def selected(term: Term, frame: Frame, mask: Mask) -> Array:
    """The values of a term that the mask leaves and that are not NULL. `frame` knows them if they were asked before."""
    found = frame.selected.get(id(term))
    if found is None:
        valid = without_nulls(mask, term.nulls(frame))
        data = whole(term.data(frame), frame)
        found = frame.selected[id(term)] = data if valid is True else data[valid]
    return found


def without_nulls(mask: Mask, nulls: Array | None) -> Mask:
    if nulls is None:
        return mask
    return ~nulls if mask is True else mask & ~nulls


def whole(data: Any, frame: Frame) -> Array:
    return arrays.numpy().full(frame.contents.count, data, "int64") if type(data) is int else data


def largest(known: Bounded) -> int:
    return max(abs(known.low), abs(known.high))


def _sum(data: Array, known: Bounded) -> int:
    if largest(known) * len(data) <= HIGHEST:
        return int(data.sum())
    return (int((data >> 32).sum()) << 32) + int((data & 0xFFFFFFFF).sum())


# -- by group ---------------------------------------------------------------------------------------------


class Grouped(msgspec.Struct):
    """A page's rows by group: the code of each row that counts, and which keys codes stand for."""

    codes: Array
    size: int
    keys: Callable[[list[int]], list[Any]]
    mask: Mask


def group_totals(slots: Sequence[Slot], frame: Frame, grouped: Grouped) -> tuple[list[int], list[Any]]:
    """(the codes that occur, ascending; for each slot the totals of those, side by side: an array of integers where it
    is `additive`, else a list)."""
    np = arrays.numpy()
    rows = np.bincount(grouped.codes, minlength=grouped.size)
    present = np.flatnonzero(rows)
    return present.tolist(), [_by_group(slot, frame, grouped, rows, present) for slot in slots]


def additive(slot: Slot) -> bool:
    """Whether totals of pages are integers that are added."""
    return slot.what == "rows" or (slot.what in ("count", "int") and slot.term is not None)


def _by_group(slot: Slot, frame: Frame, grouped: Grouped, rows: Array, present: Array) -> Any:
    if slot.what == "rows":
        return rows[present]
    if slot.term is None:
        sums = _scaled_by_group(slot, frame, grouped, present) if slot.what == "numeric" else None
        return _listed_by_group(slot, frame, grouped, present) if sums is None else sums
    np = arrays.numpy()
    known = slot.term.bounds(frame)
    if known is None:
        return np.zeros(len(present), np.int64) if additive(slot) else [None] * len(present)
    codes, counts = grouped.codes, rows
    if known.nulls and (nulls := slot.term.nulls(frame)) is not None:
        kept = ~nulls if grouped.mask is True else ~nulls[grouped.mask]
        codes = codes[kept]
        counts = np.bincount(codes, minlength=grouped.size)
    if slot.what == "count":
        return counts[present]
    data = selected(slot.term, frame, grouped.mask)
    if slot.what == "int":
        return _sums(codes, data, known, grouped.size)[present]
    return _extremes(slot, codes, data, counts, grouped.size, present)


def _sums(codes: Array, data: Array, known: Bounded, size: int) -> Array:
    np = arrays.numpy()
    most = largest(known) * len(data)
    if most < EXACT_FLOAT:
        return np.bincount(codes, data, size).astype(np.int64)
    if most > HIGHEST:
        raise Unsuited
    sums = np.zeros(size, np.int64)
    np.add.at(sums, codes, data)
    return sums


def _extremes(slot: Slot, codes: Array, data: Array, counts: Array, size: int, present: Array) -> list[Any]:
    np = arrays.numpy()
    limits = np.iinfo(np.int64)
    found = np.full(size, limits.max if slot.what == "min" else limits.min, np.int64)
    (np.minimum if slot.what == "min" else np.maximum).at(found, codes, data)
    pairs = zip(found[present].tolist(), counts[present].tolist())
    return [value_of(slot, number) if count else None for number, count in pairs]


def _scaled_by_group(slot: Slot, frame: Frame, grouped: Grouped, present: Array) -> list[Any] | None:
    found = frame.contents.scaled(slot.position, arrays.numpy())
    if found is None:
        return None
    data, nulls, low, high, scale = found
    codes = grouped.codes
    if grouped.mask is not True:
        data, nulls = data[grouped.mask], None if nulls is None else nulls[grouped.mask]
    if nulls is not None:
        codes, data = codes[~nulls], data[~nulls]
    counts = arrays.numpy().bincount(codes, minlength=grouped.size)[present].tolist()
    sums = _sums(codes, data, Bounded(low, high, False), grouped.size)[present].tolist()
    return [scaled(number, scale) if count else 0 for number, count in zip(sums, counts)]


def _listed_by_group(slot: Slot, frame: Frame, grouped: Grouped, present: Array) -> list[Any]:
    values = frame.contents.values(slot.position)
    if grouped.mask is not True:
        values = list(compress(values, grouped.mask.tolist()))
    lists: dict[int, list[Any]] = {code: [] for code in present.tolist()}
    for code, value in zip(grouped.codes.tolist(), values):
        if value is not None:
            lists[code].append(value)
    return [listed_total(slot.what, found) for found in lists.values()]
