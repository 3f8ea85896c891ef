"""The fold: one sorted stream of changes goes into a tree, and a new tree comes out that shares what did not change.

The old tree is walked from left to right. A subtree that no change falls into is taken over as it is, without being
read. A page that changes fall into is opened: its contents, merged with the changes, flow into the *level* it belongs
to. A level collects what flows in and cuts pages from it; each finished page becomes one item of the level above.

    changes   (k, ref, row) (k, ref, None) ...
                 |
    old leaf --merge--> [ level 0: entries ]  --page-->  [ level 1: items ]  --page-->  [ level 2 ] ... root
    untouched leaf -------------------------------------------^                            ^
    untouched inner node ------------------------------------------------------------------+

Where a level cuts, and that it splits and merges pages by doing so, is told in `levels`.

Invariants:
 1. Memory: at each level at most three pages' worth is pending, and `BULK` changes; nothing depends on the size of the
    tree or of the change set.
 2. Changes ascend strictly in (key, ref).
 3. A page is taken over only when all levels up to its own are empty, so that items stay in order.
 4. Every page that is replaced goes to the writer's list of freed pages, exactly once.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from operator import lt
from typing import Any, Protocol

from minidb.keys import Key, Row
from minidb.storage.interface import Layout, Ref
from minidb.storage.levels import InnerLevel, LeafLevel
from minidb.storage.page_file import INNER, LEAF
from minidb.storage.pages import Fence, Inner, Leaf, PageCache, Pointer
from minidb.storage.roots import RelationRoot, empty_relation

Change = tuple[Key, Ref, Row | None]  # row None: delete that entry

LEAST = 1 / 3  # of a page: below it, the right neighbour is opened
BULK = 1024  # changes taken at once where nothing is merged


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
        self.leaves = LeafLevel(layout, sizes.leaf, clustered, self._leaf_done)
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
            self.inners.append(InnerLevel(self.sizes.fanout, partial(self._inner_done, len(self.inners) + 1)))
        return self.inners[height - 1]

    def _leaf_done(self, low: Fence | None, payload: bytes, count: int, page: Leaf | None) -> None:
        self._write(LEAF, 0, low, payload, count, page)
        self.on_slice()

    def _inner_done(self, height: int, low: Fence | None, payload: bytes, count: int, page: Inner) -> None:
        self._write(INNER, height, low, payload, count, page)

    def _write(
        self, kind: bytes, height: int, low: Fence | None, payload: bytes, count: int, page: Leaf | Inner | None
    ) -> None:
        """A page leaves its level: it is written, cached if somebody will want it, and an item of the level above."""
        pointer = self.sink.write_page(kind, self.relation, payload)
        self.pages += 1
        self.blocks += self.sink.blocks_of(pointer)
        if page is not None:
            self.sink.keep(self.cache, pointer, page)
        self.level(height + 1).push(low, pointer, count)

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
        """Writes what is pending up to `level` (invariant 3); False if there is too little of it to make a page."""
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
            keys = [key for key, _, _ in chunk]
            refs = [ref for _, ref, _ in chunk]
            assert before is None or _below(*before, (keys[0], refs[0])), "changes are not in order"
            assert _ascending(keys, refs), "changes are not in order"
            before = keys[-1], refs[-1]
            rows = [row for _, _, row in chunk if row is not None]
            if len(rows) < len(chunk):
                keys = [key for key, _, row in chunk if row is not None]
                refs = [ref for _, ref, row in chunk if row is not None]
            self.leaves.append_all(keys, refs, rows)
            self.change = next(self.changes, None)

    def _advance(self) -> None:
        before = self.change
        after = self.change = next(self.changes, None)
        assert after is None or before is None or _below(before[0], before[1], after), "changes are not in order"

    # -- the end --------------------------------------------------------------------------------------------

    def _finish(self) -> RelationRoot:
        """Writes what is pending everywhere, up to the level that has one item: the top."""
        packed = self.leaves.fresh > 0
        self.leaves.flush(packed=packed)
        if not any(inner.lows or inner.written for inner in self.inners):
            return empty_relation(self.clustered)
        height = 1
        while not self._is_top(height):
            self.level(height).flush(packed=packed)
            height += 1
        top = self.level(height)
        pointer, level = self._lowered(top.pointers[0], height - 1)
        return RelationRoot(pointer, level, top.counts[0], self.pages, self.blocks, self.clustered)

    def _lowered(self, pointer: Pointer, level: int) -> tuple[Pointer, int]:
        """The highest page with more than one child, or the only leaf: deletions leave chains of single children."""
        while level:
            node = self.sink.read_inner(self.relation, self.cache, pointer)
            if len(node) > 1:
                break
            self._replace(pointer)
            pointer, level = node.children[0], level - 1
        return pointer, level

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
    neighbours = zip(keys, refs, keys[1:], refs[1:])
    return all(key < other or (key == other and ref < tie) for key, ref, other, tie in neighbours)


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
