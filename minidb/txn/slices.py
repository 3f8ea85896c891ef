"""Slices: what a batch takes of one leaf, where a scan stands between batches, and how base and overlay are merged.

    Place    what is left of a scan, [low, high); it is moved behind each batch
    Slice    keys, addresses and rows of one leaf's part, and where the base goes on behind it
    merged   a slice and the overlay's entries of the same range as one sorted list

Pure functions of immutable pages: they look at no version, and need no latch.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING

from minidb.keys import HIGHEST, Key, Row
from minidb.storage.interface import Ref
from minidb.storage.roots import Root
from minidb.txn.paths import Path, Position
from minidb.txn.versions import Version

if TYPE_CHECKING:
    from minidb.storage.pages import Leaf

Entry = tuple[Key, Ref, Row | None]
pair_of = itemgetter(0, 1)


class Place:
    """Where a scan stands: what is left is [low, high)."""

    __slots__ = ("done", "high", "low")

    def __init__(self, low: Position | None, high: Position | None) -> None:
        self.low = low
        self.high = high
        self.done = low is not None and high is not None and not low < high

    def advance(self, following: Position | None, reverse: bool) -> None:
        """Moves behind a batch that ended at `following`; None: it was the last."""
        if following is None:
            self.done = True
            return
        if reverse:
            self.high = following
        else:
            self.low = following
        self.done = self.low is not None and self.high is not None and not self.low < self.high


class Slice:
    """What one leaf contributes to a batch: parallel sequences, and where the batch ends."""

    __slots__ = ("keys", "next", "refs", "rows")

    def __init__(self, keys: Sequence[Key], refs: Sequence[Ref], rows: Sequence[Row],
                 following: Position | None) -> None:
        self.keys = keys
        self.refs = refs
        self.rows = rows
        self.next = following  # None: nothing of the base is left behind this slice


def forward(path: Path, root: Root, place: Place, limit: int) -> Slice:
    """The next entries of the base from place.low on: at most one leaf, at most `limit` of them."""
    leaf, fence = path.seek(root, place.low)
    if leaf is None:
        return Slice([], [], [], None)
    start = 0 if place.low is None else count_before(leaf, place.low)
    stop = len(leaf.keys)
    following = fence
    if place.high is not None:
        stop = count_before(leaf, place.high)
        if stop < len(leaf.keys) or fence is None or not fence < place.high:
            following = None
    if limit and stop - start > limit:
        stop = start + limit
        following = (leaf.keys[stop - 1], leaf.refs[stop - 1], 0)
    return part_of(leaf, start, stop, following)


def backward(path: Path, root: Root, place: Place, limit: int) -> Slice:
    """The last entries of the base before place.high."""
    leaf, fence = path.seek_before(root, place.high)
    if leaf is None:
        return Slice([], [], [], None)
    start = 0
    stop = len(leaf.keys) if place.high is None else count_before(leaf, place.high)
    following = fence
    if place.low is not None:
        start = count_before(leaf, place.low)
        if start > 0 or fence is None or not place.low < fence:
            following = None
    if limit and stop - start > limit:
        start = stop - limit
        following = (leaf.keys[start], leaf.refs[start])
    return part_of(leaf, start, stop, following)


def part_of(leaf: Leaf, start: int, stop: int, following: Position | None) -> Slice:
    if start == 0 and stop == len(leaf.keys):
        return Slice(leaf.keys, leaf.refs, leaf.rows, following)
    return Slice(leaf.keys[start:stop], leaf.refs[start:stop], leaf.rows[start:stop], following)


def cut_slice(piece: Slice, rows: Sequence[Row], edge: Position, reverse: bool) -> tuple[Slice, Sequence[Row]]:
    """What of `piece` belongs to a batch that ends at `edge`."""
    at = count_before(piece, edge)
    if reverse:
        return Slice(piece.keys[at:], piece.refs[at:], piece.rows[at:], edge), rows[at:]
    return Slice(piece.keys[:at], piece.refs[:at], piece.rows[:at], edge), rows[:at]


def count_before(leaf: Leaf | Slice, place: Position) -> int:
    """How many entries of `leaf` stand before `place`."""
    key = place[0]
    start = bisect_left(leaf.keys, key)
    if len(place) == 1:
        return start
    stop = bisect_right(leaf.keys, key, start)
    if place[1] is HIGHEST:
        return stop
    return bisect_left(leaf.refs, place[1], start, stop) if len(place) == 2 else bisect_right(
        leaf.refs, place[1], start, stop
    )


def merged(piece: Slice, rows: Sequence[Row], hints: list[tuple[Key, Ref]],
           chains: dict[Ref, Version]) -> list[Entry]:
    """Entries of base and overlay in order, without duplicates. Those of the overlay have no row: their chain has
    it."""
    if not hints:
        return list(zip(piece.keys, piece.refs, rows))
    if not piece.refs:
        return [(key, ref, None) for key, ref in sorted(hints)]
    present = set(hints)
    entries: list[Entry] = [
        entry for entry in zip(piece.keys, piece.refs, rows) if entry[1] not in chains or entry[:2] not in present
    ]
    entries += [(key, ref, None) for key, ref in hints]
    entries.sort(key=pair_of)
    return entries
