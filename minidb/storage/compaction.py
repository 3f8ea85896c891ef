"""Compaction: pages at the end of the base file are written again nearer to its head, so that the end can be cut off.

    blocks    | meta | used | free      | used | free | used | used |        `Cut`: what is used behind it is at most so
                              ^---room---^             ^ cut                 much, and fits into what is free before it
    then      | meta | used | copies    | used | free | freed       |        the end goes with a later publish (`base`)

A page is moved by writing its payload again as it is, under a new pointer, and with it the inner nodes that lead to it:
what every publish does with pages that change. So nothing new can go wrong in a crash, and readers of older roots keep
theirs.

Which pages lie behind the cut is known from inner nodes alone, a five-hundredth of a tree. Even of those only some are
looked at in one go, where it must not take long: `Place` says where the next one goes on. It names a relation and the
way down by positions, so it is only a hint when the tree has changed meanwhile: what is overlooked is met next time.

Invariants:
 1. A move goes to a lower block or is not made: the same page is not moved for ever.
 2. A page that cannot be read stays where it is, and so does what hangs below it: finding damage is not our business.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from minidb.errors import DatabaseCorrupt, OperationalError
from minidb.storage.extents import Extent
from minidb.storage.page_file import INNER, LEAF
from minidb.storage.pages import Inner, Leaf, PageCache, Pointer, encode_inner, page_id
from minidb.storage.roots import RelationRoot

UNREADABLE = (DatabaseCorrupt, OperationalError)  # invariant 2


class Place(NamedTuple):
    """Where a compaction stopped: in which relation, and at which child of each node on the way down."""

    relation: int
    children: tuple[int, ...]


class Limits(NamedTuple):
    """How much one compaction may do.

    Attributes:
        blocks: that may be written.
        nodes: inner nodes right above leaves that may be looked at.
        behind: blocks in use behind the cut; as many as `blocks` if all nodes are looked at, so that what is behind it
            is empty in the end.
    """

    blocks: int
    nodes: int
    behind: int


class MoveSink(Protocol):
    """What a compaction needs of the writer of the next root."""

    def write_page(self, kind: bytes, relation: int, payload: bytes) -> Pointer: ...

    def free_page(self, relation: int, pointer: Pointer) -> None: ...

    def read_payload(self, kind: bytes, relation: int, pointer: Pointer) -> bytes: ...

    def read_inner(self, relation: int, cache: PageCache, pointer: Pointer) -> Inner: ...

    def blocks_of(self, pointer: Pointer) -> int: ...

    def place_for(self, blocks: int) -> int:
        """Where a page of this size would go."""

    def keep(self, cache: PageCache, pointer: Pointer, page: Leaf | Inner) -> None: ...

    def sliced(self) -> None:
        """Called after each page that was moved."""


def cut_of(free: Iterable[Extent], waiting: Iterable[Extent], end: int, most: int) -> int:
    """Where the part of the file begins that can be emptied: what is used behind it is at most `most` blocks, and fits
    into what is free before it.

    Arguments:
        free: runs that can be taken.
        waiting: extents that nobody uses but readers of older roots.
    """
    runs = sorted([*((block, count, count) for block, count in free), *((*extent, 0) for extent in waiting)])
    room = sum(takeable for _, _, takeable in runs)
    cut, used = end, 0
    for block, count, takeable in reversed(runs):
        behind = cut - block - count
        allowed = min(most, room) - used
        if behind > allowed:
            return cut - max(0, allowed)
        used += behind
        if room - takeable < used:
            return block + count
        room -= takeable
        cut = block
    return cut


class Compaction:
    """One walk through the trees, which moves what lies at or behind block `cut`."""

    def __init__(self, sink: MoveSink, cut: int, limits: Limits) -> None:
        self.sink = sink
        self.cut = cut
        self.blocks_left, self.nodes_left = limits.blocks, limits.nodes
        self.moved = 0
        self._way: list[int] | None = None  # where it stopped, from below
        self._relation = 0
        self._cache: PageCache = {}
        self._growth = 0

    @property
    def spent(self) -> bool:
        return self.blocks_left <= 0 or self.nodes_left <= 0

    def run(self, relation: int, cache: PageCache, top: RelationRoot, start: Sequence[int]) -> RelationRoot:
        """Moves pages of one tree, from `start` on; returns its new top."""
        self._relation, self._cache, self._growth = relation, cache, 0
        if top.level < 0:
            return top
        pointer = self._moved(top.pointer, top.level, start)
        if pointer == top.pointer:
            return top
        return RelationRoot(pointer, top.level, top.entries, top.pages, top.blocks + self._growth, top.clustered)

    def stopped(self) -> Place | None:
        """Where to go on; None if the tree was walked to its end."""
        return None if self._way is None else Place(self._relation, tuple(reversed(self._way)))

    def _moved(self, pointer: Pointer, level: int, start: Sequence[int]) -> Pointer:
        """Where the page is afterwards."""
        if level:
            return self._node(pointer, level, start)
        if not self._would_gain(pointer):
            return pointer
        try:
            payload = self.sink.read_payload(LEAF, self._relation, pointer)
        except UNREADABLE:
            return pointer
        return self._written(pointer, LEAF, payload, self._cache.get(page_id(pointer)))

    def _would_gain(self, pointer: Pointer) -> bool:
        """Invariant 1."""
        return pointer[0] >= self.cut and self.sink.place_for(self.sink.blocks_of(pointer)) < pointer[0]

    def _written(self, old: Pointer, kind: bytes, payload: bytes, page: Leaf | Inner | None) -> Pointer:
        sink = self.sink
        pointer = sink.write_page(kind, self._relation, payload)
        sink.free_page(self._relation, old)
        blocks = sink.blocks_of(pointer)
        self._growth += blocks - sink.blocks_of(old)
        self.blocks_left -= blocks
        self.moved += 1
        if page is not None:
            sink.keep(self._cache, pointer, page)
        sink.sliced()
        return pointer

    def _node(self, pointer: Pointer, level: int, start: Sequence[int]) -> Pointer:
        self.nodes_left -= level == 1
        try:
            node = self.sink.read_inner(self._relation, self._cache, pointer)
        except UNREADABLE:
            return pointer
        children = self._children(node, level, start)
        if children == node.children and not self._would_gain(pointer):
            return pointer
        payload = encode_inner(node.keys, node.refs, children, node.counts)
        return self._written(pointer, INNER, payload, Inner(node.keys, node.refs, children, node.counts, len(payload)))

    def _children(self, node: Inner, level: int, start: Sequence[int]) -> list[Pointer]:
        children = list(node.children)
        first = min(start[0], len(children) - 1) if start else 0
        for place in range(first, len(children)):
            if level == 1 and children[place][0] < self.cut:
                continue
            if self.blocks_left <= 0 or (level > 1 and self.nodes_left <= 0):
                self._way = [place]
                break
            children[place] = self._moved(children[place], level - 1, start[1:] if place == first else ())
            if self._way is not None:
                self._way.append(place)
                break
        return children
