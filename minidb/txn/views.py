"""Who may still read, and as of which commit number at the earliest: one question is asked after every commit, for the
oldest of them, and there may be ten thousand.

A view registers with the number that is published at that time, or with 0 just before it asks for that. So whoever
comes later is not older, and the views of one moment, sorted, answer for as long as one of them is left:

    sorted at some moment     [ 7: a | 9: b | 9: c | 12: d ]          later: 12: e, 15: f ...
    the oldest                  ^ the first that still stands there with this number; if none does: sorted anew

Who registers with an older number than the published one (the past, a result that is fetched on) says so: `backdate`.

Registering and leaving are single operations of a dict, by any thread and without the latch; `oldest` is asked by one
thread at a time, under the latch.
"""

from __future__ import annotations

from bisect import insort
from typing import Any

FEW = 16  # views of which the smallest number is found as fast by looking at all


class Views(dict[Any, int]):
    """View -> number; 0: about to be known."""

    def __init__(self) -> None:
        super().__init__()
        self.backdated = 0  # how often
        self.sorted: tuple[int, list[tuple[int, int, Any]]] = (0, [])  # (-number, place, view), the oldest at the end

    def backdate(self, view: Any, number: int) -> None:
        """Registers a view with a number that was published before."""
        self[view] = number
        self.backdated += 1

    def oldest(self, published: int) -> int:
        """The smallest number of any view, at most `published`."""
        if len(self) <= FEW:
            return min(min(list(self.values()), default=published), published)
        backdated, known = self.sorted
        if backdated == self.backdated:
            while known:
                number, place, view = known[-1]
                now = self.get(view)
                if now == -number:
                    return min(now, published)
                known.pop()
                if now is not None:  # meanwhile it knows its number, or has taken another
                    insort(known, (-now, place, view))
        backdated = self.backdated  # before looking: who is registered later may be missed, and is counted then
        known = sorted((-number, place, view) for place, (view, number) in enumerate(list(self.items())))
        self.sorted = backdated, known
        return min(-known[-1][0], published) if known else published


__all__ = ["Views"]
