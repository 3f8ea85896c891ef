"""Sorted values that are sorted late: most of what is added is never looked at in order before more is added.

    add -----> [ unsorted: 9 2 31 ... ]           a list's append
                     | somebody asks for an order, or it is long
                     v
    pieces   [1 4 7] [9 12 15] [20 21]            sortedcontainers' SortedList, with the values put in piece by piece

A bulk load costs an append for each entry, and one sort for some thousands of them, instead of a search each. Putting
many values in at once is faster than one by one, too: they are cut where the list's own pieces end, and a piece takes a
large share in one `extend` and one `sort`, which for two ascending runs is a merge.

    pieces      [1 4 7] [9 12 15] [20 21]        values  [8 10 13 30]
                [1 4 7] [8 9 10 12 13 15] [20 21 30]

Whoever calls holds the kernel latch, so what is put off must stay short: at most `MOST` values are (some milliseconds).
This reaches into the parts of SortedList (`_lists`, `_maxes`, `_len`, `_index`, `_load`), which have been the same
since its version 2; `check` is its own `_check`.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from sortedcontainers import SortedList

MOST = 8192  # values that wait unsorted
FEW = 8  # values that a piece takes one by one


class _Pieces(SortedList):  # type: ignore[type-arg]
    """A SortedList that takes many values at once."""

    _lists: list[list[Any]]
    _maxes: list[Any]
    _index: list[int]
    _len: int
    _load: int

    def add_sorted(self, values: Sequence[Any]) -> None:
        if not self._maxes:
            self.update(values)
            return
        touched = self._spread(values)
        self._len += len(values)
        del self._index[:]
        for place in reversed(touched):
            self._split(place)

    def _spread(self, values: Sequence[Any]) -> list[int]:
        """Gives each piece its share; returns which pieces have grown, in order."""
        lists, maxes = self._lists, self._maxes
        touched: list[int] = []
        start, place = 0, 0
        while start < len(values):
            place = bisect_right(maxes, values[start], place)
            if place == len(maxes):
                place, stop = place - 1, len(values)
            else:
                stop = bisect_right(values, maxes[place], start)
            piece = lists[place]
            if stop - start <= FEW:
                for value in values[start:stop]:
                    insort(piece, value)
            else:
                piece.extend(values[start:stop])
                piece.sort()
            maxes[place] = piece[-1]
            touched.append(place)
            start = stop
        return touched

    def _split(self, place: int) -> None:
        piece, load = self._lists[place], self._load
        if len(piece) > load * 2:
            count = len(piece) // load
            ends = [len(piece) * part // count for part in range(count + 1)]
            parts = [piece[start:end] for start, end in pairwise(ends)]
            self._lists[place : place + 1] = parts
            self._maxes[place : place + 1] = [part[-1] for part in parts]


class SortedEntries:
    """See the module. A multiset: a value that is added twice is there twice."""

    __slots__ = ("_pieces", "_unsorted")

    def __init__(self) -> None:
        self._pieces = _Pieces()
        self._unsorted: list[Any] = []

    def __len__(self) -> int:
        return len(self._pieces) + len(self._unsorted)

    def add(self, value: Any) -> None:
        self._unsorted.append(value)
        if len(self._unsorted) >= MOST:
            self._sort()

    def add_many(self, values: Iterable[Any]) -> None:
        self._unsorted.extend(values)
        if len(self._unsorted) >= MOST:
            self._sort()

    def remove(self, value: Any) -> None:
        """Raises ValueError if it is not there."""
        self.in_order().remove(value)

    def discard(self, value: Any) -> None:
        self.in_order().discard(value)

    def clear(self) -> None:
        self._pieces.clear()
        self._unsorted.clear()

    def irange(self, low: Any, high: Any, inclusive: tuple[bool, bool] = (True, True),
               reverse: bool = False) -> Iterator[Any]:
        """The values between two, None for no bound, as SortedList's."""
        return self.in_order().irange(low, high, inclusive, reverse)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.in_order())

    def in_order(self) -> _Pieces:
        if self._unsorted:
            self._sort()
        return self._pieces

    def _sort(self) -> None:
        values, self._unsorted = self._unsorted, []
        values.sort()
        self._pieces.add_sorted(values)


__all__ = ["SortedEntries"]
