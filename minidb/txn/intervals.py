"""Intervals of keys: what was read, as 2PL locks it and SSI marks it.

An interval is a pair of cuts; a cut `(key, 0)` stands before, `(key, 1)` after all entries with that key, so a point is
the degenerate interval from one to the other, and a whole index runs from `BEGIN` to `END`. Cuts compare as tuples.

Invariant of `IntervalSet`: `lows` and `highs` are parallel and ascending, lows[i] < highs[i] < lows[i + 1].
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from minidb.keys import HIGHEST, LOWEST, Key

Cut = tuple[Key, int]
BEGIN: Cut = (LOWEST, 0)
END: Cut = (HIGHEST, 1)


class IntervalSet:
    """A union of intervals on one index, kept disjoint. `limit` bounds their number: beyond it the whole index is
    taken, which only coarsens (R61)."""

    __slots__ = ("highs", "limit", "lows")

    def __init__(self, limit: int = 4096) -> None:
        self.lows: list[Cut] = []
        self.highs: list[Cut] = []
        self.limit = limit

    def __len__(self) -> int:
        return len(self.lows)

    def __iter__(self) -> Iterator[tuple[Cut, Cut]]:
        return iter(zip(self.lows, self.highs))

    def add(self, low: Cut, high: Cut) -> None:
        """Adds [low, high); touching intervals become one. An empty one is nothing."""
        if not low < high:
            return
        first = bisect_left(self.highs, low)
        last = bisect_right(self.lows, high)
        if first < last:
            low = min(low, self.lows[first])
            high = max(high, self.highs[last - 1])
        self.lows[first:last] = [low]
        self.highs[first:last] = [high]
        if len(self.lows) > self.limit:
            self.lows, self.highs = [BEGIN], [END]

    def contains(self, key: Key) -> bool:
        point = (key, 0)
        at = bisect_right(self.lows, point) - 1
        return at >= 0 and self.highs[at] >= (key, 1)

    def covers(self, low: Cut, high: Cut) -> bool:
        at = bisect_right(self.lows, low) - 1
        return at >= 0 and self.highs[at] >= high

    def reach(self, low: Cut) -> Cut | None:
        """How far everything from `low` on is taken; None: not at all."""
        at = bisect_right(self.lows, low) - 1
        return self.highs[at] if at >= 0 and self.highs[at] > low else None

    def overlaps(self, low: Cut, high: Cut) -> bool:
        at = bisect_right(self.highs, low)
        return at < len(self.lows) and self.lows[at] < high

    def around(self, key: Key) -> tuple[Cut, Cut] | None:
        """The interval that contains `key`."""
        at = bisect_right(self.lows, (key, 0)) - 1
        if at >= 0 and self.highs[at] >= (key, 1):
            return self.lows[at], self.highs[at]
        return None

    def copy(self) -> IntervalSet:
        other = IntervalSet(self.limit)
        other.lows, other.highs = list(self.lows), list(self.highs)
        return other

    def check(self) -> None:
        for i, (low, high) in enumerate(self):
            assert low < high
            assert i == 0 or self.highs[i - 1] < low


def words(low: Cut, high: Cut) -> str:
    """An interval as people write it: `[1, 5)`, `= 7`, `all`."""
    if low == BEGIN and high == END:
        return "all"
    if low[0] == high[0] and (low[1], high[1]) == (0, 1):
        return f"= {key_words(low[0])}"
    left = "(-inf" if low == BEGIN else ("[" if low[1] == 0 else "(") + key_words(low[0])
    right = "inf)" if high == END else key_words(high[0]) + (")" if high[1] == 0 else "]")
    return f"{left}, {right}"


def key_words(key: Key) -> str:
    if isinstance(key, tuple):
        return "(" + ", ".join(key_words(part) for part in key) + ")"
    if isinstance(key, str):
        return f"'{key}'"
    return str(key)
