"""A sorted list that takes many values at once.

`SortedList.update` puts values in one by one unless they are a quarter of the list, which is most of the work of a bulk
load. Here they are cut where the list's own pieces end, and each piece takes its share in one `extend` and one `sort`,
which for two ascending runs is a merge.

    pieces      [1 4 7] [9 12 15] [20 21]        values  [8 10 13 30]
                [1 4 7] [8 9 10 12 13 15] [20 21 30]

This reaches into the parts of sortedcontainers' SortedList (`_lists`, `_maxes`, `_len`, `_index`, `_load`), which have
been the same since its version 2; `check` is its own `_check`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from sortedcontainers import SortedList


class SortedEntries(SortedList):  # type: ignore[type-arg]
    """See the module."""

    _lists: list[list[Any]]
    _maxes: list[Any]
    _index: list[int]
    _len: int
    _load: int

    def add_sorted(self, values: Sequence[Any]) -> None:
        """Adds values that are sorted already."""
        if not self._maxes or len(values) < 4:
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


__all__ = ["SortedEntries"]
