"""Sorted values that are sorted late: most of what is added is never looked at in order before more is added.

    add -----> waiting [ 9 2 31 ... ]             a list's append
                  | there are many, or somebody asks for an order: sorted, and given to the pieces by their bounds
                  v
    bounds          7            15            21
    pieces       [1 4 7]     [9 12 15]      [20 21]         sorted
    late         [3 2]       []             [18]            values of the same range, sorted into the piece when they
                                                            are many, or somebody looks at the piece

Whoever calls holds the kernel latch, and everybody else waits. So no call has more to do than to sort `MOST` values and
what it was given, to find their pieces, and to sort `FULLEST` pieces; a reader sorts the pieces that he looks at. It is
a buffer tree of two levels (Arge 1995), and costs as much as sorting everything in large portions: what makes a piece
dear is to look through what is sorted already, so it waits until that pays.

Invariants
 1. Bounds ascend; each value of a piece, sorted or late, is at most the piece's bound, and none is below the bound
    before. Of equal values the later ones may stand in the next pieces.
 2. There are as many pieces, lists of late values and bounds; a piece has values, late ones count.
 3. Behind the last bound there is nothing: what is added there is sorted into the last piece at once.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from typing import Any

MOST = 512  # values that wait unsorted
LOAD = 1000  # values of a piece; twice as many are cut, and of a quarter it may be joined with the next
LATE = 512  # late values of a piece that are worth sorting it
FULLEST = 2  # pieces that are sorted at once; more than become due in the mean
FEW = 16  # late values that are put into their places one by one


class SortedEntries:
    """See the module. A multiset: a value that is added twice is there twice."""

    __slots__ = ("_bounds", "_late", "_number", "_pieces", "_waiting")

    def __init__(self) -> None:
        self._waiting: list[Any] = []
        self._bounds: list[Any] = []
        self._pieces: list[list[Any]] = []
        self._late: list[list[Any]] = []
        self._number = 0  # of values that do not wait

    def __len__(self) -> int:
        return self._number + len(self._waiting)

    # -- adding

    def add(self, value: Any) -> None:
        self._waiting.append(value)
        if len(self._waiting) >= MOST:
            self._spread()

    def add_many(self, values: Iterable[Any]) -> None:
        self._waiting.extend(values)
        if len(self._waiting) >= MOST:
            self._spread()

    def _spread(self) -> None:
        """Gives what waits to the pieces."""
        values, self._waiting = self._waiting, []
        values.sort()
        self._number += len(values)
        bounds, late = self._bounds, self._late
        full: list[int] = []
        start, place, stop = 0, 0, len(values)
        while start < stop:
            place = bisect_left(bounds, values[start], place)
            if place == len(bounds):
                break
            end = bisect_right(values, bounds[place], start)
            share = late[place]
            share.extend(values[start:end])
            if len(share) >= LATE:
                full.append(place)
            start = end
        if start < stop:
            self._append(values[start:])
        if full:
            full.sort(key=lambda place: len(late[place]))
            for place in sorted(full[-FULLEST:], reverse=True):  # from the end: a piece that is cut moves those behind
                self._settle(place)

    def _append(self, values: list[Any]) -> None:
        """Takes values that stand behind all others (invariant 3)."""
        if self._pieces:
            self._settle(len(self._pieces) - 1)
            self._pieces[-1].extend(values)
            self._bounds[-1] = values[-1]
        else:
            self._pieces.append(values)
            self._late.append([])
            self._bounds.append(values[-1])
        self._cut(len(self._pieces) - 1)

    # -- removing

    def remove(self, value: Any) -> None:
        """Raises ValueError if it is not there."""
        if not self._take(value):
            raise ValueError(f"{value!r} is not there")

    def discard(self, value: Any) -> None:
        self._take(value)

    def clear(self) -> None:
        for values in (self._waiting, self._bounds, self._pieces, self._late):
            values.clear()
        self._number = 0

    def _take(self, value: Any) -> bool:
        if self._waiting:
            self._spread()
        place = bisect_left(self._bounds, value)
        while place < len(self._pieces):
            self._settle(place)
            piece = self._pieces[place]
            at = bisect_left(piece, value)
            if at < len(piece):
                if piece[at] != value:
                    return False
                del piece[at]
                self._number -= 1
                if 4 * len(piece) <= LOAD:
                    self._join(place)
                return True
            place += 1
        return False

    # -- pieces

    def _settle(self, place: int) -> None:
        """Sorts the late values of a piece into it."""
        late = self._late[place]
        if late:
            piece = self._pieces[place]
            if len(late) <= FEW:
                for value in late:
                    insort(piece, value)
            else:
                piece.extend(late)
                piece.sort()
            late.clear()
            self._cut(place)

    def _cut(self, place: int) -> None:
        """Makes several pieces of a settled one that is long."""
        piece = self._pieces[place]
        if len(piece) > 2 * LOAD:
            starts = range(0, len(piece) - LOAD // 2, LOAD)
            parts = [piece[start : start + LOAD] for start in starts]
            parts[-1] = piece[starts[-1] :]
            self._pieces[place : place + 1] = parts
            self._bounds[place:place] = [part[-1] for part in parts[:-1]]
            self._late[place:place] = [[] for _ in parts[:-1]]

    def _join(self, place: int) -> None:
        """A settled piece has become short: it goes if it is empty, else it and the next become one if that is not
        long."""
        pieces, late, bounds = self._pieces, self._late, self._bounds
        if not pieces[place]:
            del pieces[place], late[place], bounds[place]
        elif place + 1 < len(pieces) and len(pieces[place]) + len(pieces[place + 1]) <= LOAD:
            pieces[place] += pieces.pop(place + 1)
            late[place] += late.pop(place + 1)
            del bounds[place]

    # -- looking

    def irange(self, low: Any, high: Any, inclusive: tuple[bool, bool] = (True, True),
               reverse: bool = False) -> Iterator[Any]:
        """The values between two, None for no bound, in order; good until something is added or removed."""
        if self._waiting:
            self._spread()
        runs = self._runs_down(low, high, inclusive) if reverse else self._runs_up(low, high, inclusive)
        return chain.from_iterable(runs)

    def _runs_up(self, low: Any, high: Any, inclusive: tuple[bool, bool]) -> Iterator[Iterable[Any]]:
        place = 0 if low is None else bisect_left(self._bounds, low)
        while place < len(self._pieces):
            self._settle(place)
            piece = self._pieces[place]
            start, stop = cuts(piece, low, high, inclusive)
            yield piece if stop - start == len(piece) else map(piece.__getitem__, range(start, stop))
            if stop < len(piece):
                return
            place += 1

    def _runs_down(self, low: Any, high: Any, inclusive: tuple[bool, bool]) -> Iterator[Iterable[Any]]:
        place = len(self._pieces) - 1
        if high is not None:
            place = min(place, bisect_right(self._bounds, high))
        while place >= 0:
            pieces = len(self._pieces)
            self._settle(place)
            place += len(self._pieces) - pieces  # it was cut
            piece = self._pieces[place]
            start, stop = cuts(piece, low, high, inclusive)
            yield map(piece.__getitem__, range(stop - 1, start - 1, -1))
            if start:
                return
            place -= 1

    def __iter__(self) -> Iterator[Any]:
        return self.irange(None, None)

    def unordered(self) -> list[Any]:
        """All values in some order: for who sorts them himself, without the latch."""
        return list(chain(self._waiting, *self._pieces, *self._late))

    def check(self) -> None:
        """The invariants."""
        assert len(self._pieces) == len(self._late) == len(self._bounds), "a piece lacks its bound"
        before: Any = None
        for piece, late, bound in zip(self._pieces, self._late, self._bounds):
            assert piece and len(piece) <= 2 * LOAD, "a piece is empty or too long"
            assert not any(b < a for a, b in pairwise(piece)), "a piece is not in order"
            for value in (*piece, *late):
                assert not bound < value and (before is None or not value < before), "a value is in another's piece"
            before = bound
        assert self._number == sum(map(len, self._pieces)) + sum(map(len, self._late)), "values are miscounted"


def cuts(piece: list[Any], low: Any, high: Any, inclusive: tuple[bool, bool]) -> tuple[int, int]:
    """Where the values between two begin and end in a piece."""
    start, stop = 0, len(piece)
    if low is not None:
        start = bisect_left(piece, low) if inclusive[0] else bisect_right(piece, low)
    if high is not None:
        stop = bisect_right(piece, high) if inclusive[1] else bisect_left(piece, high)
    return start, stop


__all__ = ["SortedEntries"]
