"""Levels: what flows out of a fold is collected here and cut into pages, one level of the tree each.

    entries (key, ref, row)      --> [ LeafLevel  ] --leaf-------> an item of the level above
    items (low, pointer, count)  --> [ InnerLevel ] --inner node-> an item of the level above

Where a level cuts (fill T = what is pending, in pages):

    after an opened page     1/2 <= T <= 1   one page: boundaries stay where they were          `boundary`
                             T > 2           pages of 9/10, until T <= 2
                             otherwise       keep it: the next opened page flows into it
    before a page that is    T < 1/3         the fold opens that page, too, and lets it flow in
    taken over, at the end   T <= 1          one page                                           `flush`
                             1 < T <= 2      two halves; 9/10 and the rest when everything new was at the end

So pages touched in a row are repacked, a lone one splits in halves, an emptied one vanishes, a small one joins its
right neighbour, and keys that only ever grow fill pages to 9/10.

What a page takes is known when it is encoded. Until then it is estimated from the pages before; a guess that was wrong
costs a second encoding (25 ns a row), never a wrong page.

Invariants:
 1. At most three pages' worth is pending between two calls.
 2. The *low* of an item is a fence: all entries before the page are below it, all in the page are not. For the first
    entries of an opened page the fence that the old tree had is taken, otherwise the shortest separator.
 3. No leaf is longer than the target unless it has a single entry; an inner node has at least two children, but for
    the last of its level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from minidb.keys import Key, Row
from minidb.storage.interface import Layout, Ref
from minidb.storage.pages import Fence, Inner, Leaf, Pointer, decode_leaf, encode_inner
from minidb.storage.separators import separator

PACKED = 0.9  # of a page, when there is more than enough
FIRST_GUESS = 48  # bytes per entry before any page was encoded
ITEM = 40  # bytes of an inner node's usual item: a pointer, a count and a short key

LeafDone = Callable[[Fence | None, bytes, int, Leaf | None], None]  # low, payload, entries, page if it shall be cached
InnerDone = Callable[[Fence | None, bytes, int, Inner], None]

_UNSET: Any = object()


class LeafLevel:
    """Level 0: entries pending, cut into leaves."""

    def __init__(self, layout: Layout, target: int, clustered: bool, done: LeafDone) -> None:
        self.layout = layout
        self.target = target * layout.scale
        self.clustered = clustered
        self.done = done
        self.keys: list[Key] = []
        self.refs: list[Ref] = []
        self.rows: list[Row] = []
        self.bytes = 0.0  # estimate of what is pending
        self.average = float(FIRST_GUESS)
        self.low: Any = _UNSET  # fence of the first pending entry, if the old tree had one (invariant 2)
        self.last: Fence = (None, None)  # last entry written
        self.warm = False  # pending entries come from a cached page
        self.fresh = 0  # how many of the last entries are new

    def fill(self) -> float:
        return self.bytes / self.target

    def open(self, leaf: Leaf, length: int, low: Fence | None, cached: bool) -> float:
        """Prepares for the entries of `leaf`; returns their average size."""
        if not self.rows:
            self.low = low
            self.warm = cached
        self.warm = self.warm or cached
        self.average = max(length / len(leaf), self.layout.least)
        return self.average

    def extend(self, leaf: Leaf, start: int, stop: int, average: float) -> None:
        self.keys += leaf.keys[start:stop]
        self.refs += leaf.refs[start:stop]
        self.rows += leaf.rows[start:stop]
        self.bytes += average * (stop - start)
        self.fresh = 0

    def append(self, key: Key, ref: Ref, row: Row) -> None:
        self.keys.append(key)
        self.refs.append(ref)
        self.rows.append(row)
        self.fresh += 1
        self.bytes += self.average
        if self.bytes > 2 * self.target:
            self.drain()

    def append_all(self, keys: Iterable[Key], refs: Iterable[Ref], rows: Sequence[Row]) -> None:
        self.keys += keys
        self.refs += refs
        self.rows += rows
        self.fresh += len(rows)
        self.bytes += self.average * len(rows)
        self.drain()

    def drain(self) -> None:
        while self.fill() > 2:
            self._cut_packed()
            self.warm = self.warm and self.fresh < len(self.rows)  # nobody has asked for what is new yet

    def boundary(self) -> None:
        """An opened page has flowed in completely."""
        self.drain()
        if 0.5 <= self.fill() <= 1:
            self._cut(len(self.rows))

    def flush(self, *, packed: bool = False) -> None:
        """Writes all that is pending; `packed`: fill pages instead of halving, more will come at the end."""
        while self.rows:
            fill = self.fill()
            if fill <= 1:
                self._cut(len(self.rows))
            elif packed or fill > 2 or not self._cut((len(self.rows) + 1) // 2):
                self._cut_packed()

    def _cut(self, count: int) -> bool:
        """Writes the first `count` entries as a page, or learns that they are too large for one (invariant 3)."""
        payload = self._encode(count)
        size = self._size(payload, count)
        if size <= self.target or count == 1:
            self._write(count, payload)
            return True
        self.bytes = size / count * len(self.rows)
        return False

    def _size(self, payload: bytes, count: int) -> int:
        """What a page of `count` entries counts for."""
        return max(len(payload), count * self.layout.least)

    def _cut_packed(self) -> None:
        """Writes as many entries as fill a page to 9/10, found by encoding them."""
        count = self._packed(len(self.rows), self.bytes)
        payload = self._encode(count)
        size = self._size(payload, count)
        if size < 0.8 * self.target and count < len(self.rows):
            count = self._packed(count, size)
            payload = self._encode(count)
            size = self._size(payload, count)
        while size > self.target and count > 1:
            count = min(count - 1, self._packed(count, size))
            payload = self._encode(count)
            size = self._size(payload, count)
        self._write(count, payload)

    def _packed(self, count: int, size: float) -> int:
        """How many entries fill a page to 9/10, if `count` of them take `size` bytes."""
        return max(1, min(len(self.rows), int(PACKED * self.target * count / size)))

    def _encode(self, count: int) -> bytes:
        return self.layout.encode(self.keys[:count], self.refs[:count], self.rows[:count])

    def _write(self, count: int, payload: bytes) -> None:
        keys = self.keys[:count]
        refs = keys if self.clustered else self.refs[:count]
        low = separator(*self.last, keys[0], refs[0]) if self.low is _UNSET else self.low
        page = self._page(keys, refs, count, payload) if self.warm else None
        self.low = _UNSET
        self.last = (keys[-1], refs[-1])
        self._forget(count, self._size(payload, count) / count)
        self.done(low, payload, count, page)

    def _page(self, keys: list[Key], refs: list[Ref], count: int, payload: bytes) -> Leaf:
        """The page as readers will want it."""
        if self.layout.least:
            return decode_leaf(self.layout, payload)
        return Leaf(keys, refs, self.rows[:count], len(payload))

    def _forget(self, count: int, average: float) -> None:
        del self.keys[:count]
        del self.refs[:count]
        del self.rows[:count]
        self.average = average
        self.bytes = average * len(self.rows)


class InnerLevel:
    """A level above the leaves: items (low fence, pointer, count) pending, cut into inner nodes."""

    def __init__(self, fanout: int, done: InnerDone) -> None:
        self.fanout = fanout
        self.done = done
        self.lows: list[Fence | None] = []
        self.pointers: list[Pointer] = []
        self.counts: list[int] = []
        self.weight = 0.0
        self.written = 0

    def fill(self) -> float:
        return self.weight / self.fanout

    def push(self, low: Fence | None, pointer: Pointer, count: int) -> None:
        self.lows.append(low)
        self.pointers.append(pointer)
        self.counts.append(count)
        self.weight += _weight(low)
        while self.fill() > 2 and len(self.lows) > 2:
            self._cut(self._packed())

    def boundary(self) -> None:
        if 0.5 <= self.fill() <= 1:
            self._cut(len(self.lows))

    def flush(self, *, packed: bool = False) -> None:
        while self.lows:
            fill = self.fill()
            if fill <= 1 or len(self.lows) <= 2:
                self._cut(len(self.lows))
            elif fill <= 2 and not packed:
                self._cut((len(self.lows) + 1) // 2)
            else:
                self._cut(self._packed())

    def _packed(self) -> int:
        return max(2, min(len(self.lows), int(PACKED * self.fanout * len(self.lows) / self.weight)))

    def _cut(self, count: int) -> None:
        lows, pointers, counts = self.lows[:count], self.pointers[:count], self.counts[:count]
        del self.lows[:count]
        del self.pointers[:count]
        del self.counts[:count]
        self.weight = sum(map(_weight, self.lows))
        self.written += 1
        fences = [low for low in lows[1:] if low is not None]
        assert len(fences) == count - 1, "a page in the middle has no low fence"
        keys = [key for key, _ in fences]
        refs = [ref for _, ref in fences]
        ties = refs if any(ref is not None for ref in refs) else None
        payload = encode_inner(keys, ties, pointers, counts)
        self.done(lows[0], payload, sum(counts), Inner(keys, ties, pointers, counts, len(payload)))


def _weight(low: Fence | None) -> float:
    """What an item takes of a node, in usual items: more than one only for long keys."""
    if low is None:
        return 1.0
    key, ref = low
    return max(1.0, (22 + _length(key) + (0 if ref is None else _length(ref))) / ITEM)


def _length(value: Any) -> int:
    if type(value) is str or type(value) is bytes:
        return len(value)
    if type(value) is tuple:
        return sum(map(_length, value))
    return 9
