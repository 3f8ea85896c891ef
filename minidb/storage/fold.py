"""The fold: one sorted stream of changes goes into a tree, and a new tree comes out that shares what did not change.

The old tree is walked from left to right. A subtree that no change falls into is taken over as it is, without being
read. A page that changes fall into is opened: its contents, merged with the changes, flow into the *level* it belongs
to. A level collects what flows in and cuts pages from it; each finished page becomes one item of the level above.

    changes   (k, ref, row) (k, ref, None) ...
                 |
    old leaf --merge--> [ level 0: entries ]  --page-->  [ level 1: items ]  --page-->  [ level 2 ] ... root
    untouched leaf -------------------------------------------^                            ^
    untouched inner node ------------------------------------------------------------------+

Where a level cuts (fill T = what is pending, in pages):

    after an opened page     1/2 <= T <= 1   one page: boundaries stay where they were
                             T > 2           pages of 9/10, until T <= 2
                             otherwise       keep it: the next opened page flows into it
    before a page that is    T < 1/3         open that page, too, and let it flow in
    taken over, at the end   T <= 1          one page
                             1 < T <= 2      two halves; 9/10 and the rest when everything new was at the end

So pages touched in a row are repacked, a lone one splits in halves, an emptied one vanishes, a small one joins its
right neighbour, and keys that only ever grow fill pages to 9/10.

Invariants:
 1. Memory: at each level at most three pages' worth is pending, and `BULK` changes; nothing depends on the size of the
    tree or of the change set.
 2. Changes ascend strictly in (key, ref).
 3. The *low* of an item is a fence: all entries before the page are below it, all in the page are not. For the first
    entries of an opened page the fence that the old tree had is taken, otherwise the shortest separator.
 4. No page is longer than the target unless a single entry is.
 5. Every page that is replaced goes to the writer's list of freed pages, exactly once.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from operator import lt
from typing import Any, Protocol

from minidb.keys import Key, Row
from minidb.storage.interface import Layout, Ref
from minidb.storage.page_file import INNER, LEAF
from minidb.storage.pages import Fence, Inner, Leaf, PageCache, Pointer, encode_inner
from minidb.storage.roots import RelationRoot, empty_relation
from minidb.storage.separators import separator

Change = tuple[Key, Ref, Row | None]  # row None: delete that entry

PACKED = 0.9  # of a page, when there is more than enough
LEAST = 1 / 3  # of a page: below it, the right neighbour is opened
BULK = 1024  # changes taken at once where nothing is merged
FIRST_GUESS = 48  # bytes per entry before any page was encoded
ITEM = 40  # bytes of an inner node's usual item: a pointer, a count and a short key


class PageSink(Protocol):
    """What a fold needs of the writer of the next root."""

    def write_page(self, kind: bytes, relation: int, payload: bytes) -> Pointer: ...

    def free_page(self, relation: int, pointer: Pointer) -> None: ...

    def read_leaf(self, relation: int, layout: Layout, cache: PageCache, pointer: Pointer) -> tuple[Leaf, bool]:
        """The page, and whether it was cached."""

    def read_inner(self, relation: int, cache: PageCache, pointer: Pointer) -> Inner: ...

    def blocks_of(self, pointer: Pointer) -> int: ...

    def keep(self, cache: PageCache, pointer: Pointer, page: Leaf | Inner) -> None:
        """Puts a page just written into its cache."""


class Sizes:
    """How large pages are made: `leaf` bytes of payload, `fanout` children."""

    __slots__ = ("fanout", "leaf")

    def __init__(self, leaf: int, fanout: int) -> None:
        assert leaf > 0 and fanout >= 3, "pages this small cannot make a tree"
        self.leaf = leaf
        self.fanout = fanout


_UNSET: Any = object()


class LeafLevel:
    """Level 0: entries pending, cut into leaves."""

    def __init__(self, fold: Fold) -> None:
        self.fold = fold
        self.keys: list[Key] = []
        self.refs: list[Ref] = []
        self.rows: list[Row] = []
        self.target = fold.sizes.leaf
        self.bytes = 0.0  # estimate of what is pending
        self.average = float(FIRST_GUESS)
        self.low: Any = _UNSET  # fence of the first pending entry, if the old tree had one (invariant 3)
        self.last: Fence = (None, None)  # last entry written
        self.warm = False  # pending entries come from a cached page
        self.appended = False  # the last entry is new

    def fill(self) -> float:
        return self.bytes / self.target

    def open(self, leaf: Leaf, length: int, low: Fence | None, cached: bool) -> float:
        """Prepares for the entries of `leaf`; returns their average size."""
        if not self.rows:
            self.low = low
            self.warm = cached
        self.warm = self.warm or cached
        self.average = length / len(leaf.rows)
        return self.average

    def extend(self, leaf: Leaf, start: int, stop: int, average: float) -> None:
        self.keys += leaf.keys[start:stop]
        self.refs += leaf.refs[start:stop]
        self.rows += leaf.rows[start:stop]
        self.bytes += average * (stop - start)
        self.appended = False

    def append(self, key: Key, ref: Ref, row: Row) -> None:
        self.keys.append(key)
        self.refs.append(ref)
        self.rows.append(row)
        self.appended = True
        self.bytes += self.average
        if self.bytes > 2 * self.target:
            self.drain()

    def append_all(self, keys: Iterable[Key], refs: Iterable[Ref], rows: Sequence[Row]) -> None:
        self.keys += keys
        self.refs += refs
        self.rows += rows
        self.appended = True
        self.bytes += self.average * len(rows)
        self.drain()

    def drain(self) -> None:
        while self.fill() > 2:
            self._cut_packed()
            self.warm = False  # more than a page of new entries: nobody asked for them yet

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
        """Writes the first `count` entries as a page, or learns that they are too large for one (invariant 4)."""
        payload = self._encode(count)
        if len(payload) <= self.target or count == 1:
            self._write(count, payload)
            return True
        self.bytes = len(payload) / count * len(self.rows)
        return False

    def _cut_packed(self) -> None:
        """Writes as many entries as fill a page to 9/10, found by encoding them."""
        count = self._packed(len(self.rows), self.bytes)
        payload = self._encode(count)
        if len(payload) < 0.8 * self.target and count < len(self.rows):
            count = self._packed(count, len(payload))
            payload = self._encode(count)
        while len(payload) > self.target and count > 1:
            count = min(count - 1, self._packed(count, len(payload)))
            payload = self._encode(count)
        self._write(count, payload)

    def _packed(self, count: int, size: float) -> int:
        """How many entries fill a page to 9/10, if `count` of them take `size` bytes."""
        return max(1, min(len(self.rows), int(PACKED * self.target * count / size)))

    def _encode(self, count: int) -> bytes:
        return self.fold.layout.encode(self.keys[:count], self.refs[:count], self.rows[:count])

    def _write(self, count: int, payload: bytes) -> None:
        fold = self.fold
        keys = self.keys[:count]
        refs = keys if fold.clustered else self.refs[:count]
        low = separator(*self.last, keys[0], refs[0]) if self.low is _UNSET else self.low
        pointer = fold.write_page(LEAF, payload)
        if self.warm:
            fold.sink.keep(fold.cache, pointer, Leaf(keys, refs, self.rows[:count], len(payload)))
        self.low = _UNSET
        self.last = (keys[-1], refs[-1])
        self._forget(count, len(payload) / count)
        fold.level(1).push(low, pointer, count)
        fold.on_slice()

    def _forget(self, count: int, average: float) -> None:
        del self.keys[:count]
        del self.refs[:count]
        del self.rows[:count]
        self.average = average
        self.bytes = average * len(self.rows)


class InnerLevel:
    """A level above the leaves: items (low fence, pointer, count) pending, cut into inner nodes."""

    def __init__(self, fold: Fold, height: int) -> None:
        self.fold = fold
        self.height = height
        self.lows: list[Fence | None] = []
        self.pointers: list[Pointer] = []
        self.counts: list[int] = []
        self.fanout = fold.sizes.fanout
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
        pointer = self.fold.write_page(INNER, payload)
        self.fold.sink.keep(self.fold.cache, pointer, Inner(keys, ties, pointers, counts, len(payload)))
        self.fold.level(self.height + 1).push(lows[0], pointer, sum(counts))


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


class Fold:
    """One fold of one relation. `run` does it and returns the new top."""

    def __init__(
        self,
        sink: PageSink,
        relation: int,
        layout: Layout,
        cache: PageCache,
        sizes: Sizes,
        clustered: bool,
        on_slice: Callable[[], None],
    ) -> None:
        self.sink = sink
        self.relation = relation
        self.layout = layout
        self.cache = cache
        self.sizes = sizes
        self.clustered = clustered
        self.on_slice = on_slice
        self.pages = 0
        self.blocks = 0
        self.leaves = LeafLevel(self)
        self.inners: list[InnerLevel] = []
        self.changes: Iterator[Change] = iter(())
        self.change: Change | None = None

    def run(self, old: RelationRoot, changes: Iterable[Change]) -> RelationRoot:
        self.changes = iter(changes)
        self.change = next(self.changes, None)
        if self.change is None:
            return old
        self.pages, self.blocks = old.pages, old.blocks
        if old.level >= 0:
            self._visit(old.pointer, old.level, None, None, old.entries)
        else:
            self.leaves.low = None
            self._append_changes(None)
        return self._finish()

    # -- pages ----------------------------------------------------------------------------------------------

    def level(self, height: int) -> InnerLevel:
        while len(self.inners) < height:
            self.inners.append(InnerLevel(self, len(self.inners) + 1))
        return self.inners[height - 1]

    def write_page(self, kind: bytes, payload: bytes) -> Pointer:
        pointer = self.sink.write_page(kind, self.relation, payload)
        self.pages += 1
        self.blocks += self.sink.blocks_of(pointer)
        return pointer

    def _replace(self, pointer: Pointer) -> None:
        self.sink.free_page(self.relation, pointer)
        self.pages -= 1
        self.blocks -= self.sink.blocks_of(pointer)

    # -- the walk -------------------------------------------------------------------------------------------

    def _visit(self, pointer: Pointer, level: int, low: Fence | None, high: Fence | None, count: int) -> None:
        """Takes over or opens the page that holds all entries >= low and < high."""
        touched = self._touches(high)
        if not touched and self._settle(level):
            self.level(level + 1).push(low, pointer, count)
            return
        if level == 0:
            self._open_leaf(pointer, low, high)
        else:
            self._open_inner(pointer, level, low, high)
        if touched:
            (self.level(level) if level else self.leaves).boundary()

    def _touches(self, high: Fence | None) -> bool:
        if self.change is None:
            return False
        return high is None or _below(self.change[0], self.change[1], high)

    def _settle(self, level: int) -> bool:
        """Writes what is pending up to `level`; False if there is too little of it to make a page."""
        if self.leaves.rows:
            if self.leaves.fill() < LEAST:
                return False
            self.leaves.flush()
        for height in range(1, level + 1):
            inner = self.level(height)
            if inner.lows:
                if inner.fill() < LEAST:
                    return False
                inner.flush()
        return True

    def _open_inner(self, pointer: Pointer, level: int, low: Fence | None, high: Fence | None) -> None:
        node = self.sink.read_inner(self.relation, self.cache, pointer)
        self._replace(pointer)
        refs = node.refs or [None] * len(node.keys)
        fences: list[Fence | None] = [low, *zip(node.keys, refs), high]
        for place, child in enumerate(node.children):
            self._visit(child, level - 1, fences[place], fences[place + 1], node.counts[place])

    def _open_leaf(self, pointer: Pointer, low: Fence | None, high: Fence | None) -> None:
        leaf, cached = self.sink.read_leaf(self.relation, self.layout, self.cache, pointer)
        self._replace(pointer)
        self._merge(leaf, self.leaves.open(leaf, pointer[1], low, cached), high)

    def _merge(self, leaf: Leaf, average: float, high: Fence | None) -> None:
        """Lets the entries of `leaf` and the changes below `high` flow into the leaf level."""
        leaves = self.leaves
        place = 0
        while self.change is not None and (high is None or _below(self.change[0], self.change[1], high)):
            key, ref, row = self.change
            stop, present = _search(leaf, key, ref, place)
            if stop > place:
                leaves.extend(leaf, place, stop, average)
            place = stop + present
            if place == len(leaf.rows) and not present:
                break
            if row is not None:
                leaves.append(key, ref, row)
            self._advance()
        if place < len(leaf.rows):
            leaves.extend(leaf, place, len(leaf.rows), average)
        self._append_changes(high)

    def _append_changes(self, high: Fence | None) -> None:
        """The rest of the changes below `high`: all stand behind the entries that are there."""
        if high is None:
            self._append_bulk()
            return
        append = self.leaves.append
        while self.change is not None and (high is None or _below(self.change[0], self.change[1], high)):
            key, ref, row = self.change
            if row is not None:
                append(key, ref, row)
            self._advance()

    def _append_bulk(self) -> None:
        """All the rest of the changes, where nothing else follows: by slices, which is five times as fast."""
        before: Fence | None = None
        while self.change is not None:
            chunk = [self.change, *islice(self.changes, BULK - 1)]
            keys, refs, rows = zip(*chunk)
            if before is not None:
                assert _below(*before, (keys[0], refs[0])), "changes are not in order"
            assert _ascending(keys, refs), "changes are not in order"
            before = keys[-1], refs[-1]
            if None in rows:
                for key, ref, row in chunk:
                    if row is not None:
                        self.leaves.append(key, ref, row)
            else:
                self.leaves.append_all(keys, refs, rows)
            self.change = next(self.changes, None)

    def _advance(self) -> None:
        before = self.change
        after = self.change = next(self.changes, None)
        assert after is None or before is None or _below(before[0], before[1], after), "changes are not in order"

    # -- the end --------------------------------------------------------------------------------------------

    def _finish(self) -> RelationRoot:
        """Writes what is pending everywhere, up to the level that has one item: the top."""
        packed = self.leaves.appended
        self.leaves.flush(packed=packed)
        while self.inners and not self.inners[-1].lows and not self.inners[-1].written:
            self.inners.pop()
        if not self.inners:
            return empty_relation(self.clustered)
        height = 1
        while not self._is_top(height):
            self.level(height).flush(packed=packed)
            height += 1
        top = self.level(height)
        return RelationRoot(top.pointers[0], height - 1, top.counts[0], self.pages, self.blocks, self.clustered)

    def _is_top(self, height: int) -> bool:
        inner = self.level(height)
        return height == len(self.inners) and not inner.written and len(inner.lows) == 1


def _below(key: Key, ref: Ref, fence: Any) -> bool:
    """Whether the entry (key, ref) stands before `fence`, which is (key, ref or None) or longer."""
    bound = fence[0]
    if key < bound:
        return True
    tie = fence[1]
    return bool(key == bound and tie is not None and ref < tie)


def _ascending(keys: Sequence[Key], refs: Sequence[Ref]) -> bool:
    """Whether the entries ascend strictly (invariant 2)."""
    if all(map(lt, keys, islice(keys, 1, None))):
        return True
    entries = list(zip(keys, refs))
    return all(map(lt, entries, islice(entries, 1, None)))


def _search(leaf: Leaf, key: Key, ref: Ref, start: int) -> tuple[int, bool]:
    """(place of the first entry >= (key, ref) from `start` on, whether it is that entry)."""
    keys, refs = leaf.keys, leaf.refs
    place = bisect_left(keys, key, start)
    if place == len(keys) or keys[place] != key:
        return place, False
    if refs is keys:
        return place, True
    stop = bisect_right(keys, key, place)
    place = bisect_left(refs, ref, place, stop)
    return place, place < stop and refs[place] == ref
