"""Paths: the ways through one table, in one form. The table's own order, and each secondary index.

A path has entries (key, ref) in base and overlay. A *position* is a tuple that compares with such pairs: `(key,)`
stands
before all entries of a key, `(key, HIGHEST)` after them, `(key, ref)` before and `(key, ref, 0)` after one entry. In
the
table's own order key and ref are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from minidb.access.index import IndexStore
from minidb.keys import HIGHEST, Key, Row
from minidb.storage.btree import Tree
from minidb.storage.interface import Ref
from minidb.storage.pages import Fence, Leaf
from minidb.storage.roots import Root
from minidb.txn.intervals import BEGIN, END, Cut

if TYPE_CHECKING:
    from minidb.txn.store import Store

Position = tuple[Any, ...]


def position(cut: Cut | None) -> Position | None:
    if cut is None:
        return None
    return (cut[0],) if cut[1] == 0 else (cut[0], HIGHEST)


def stands_behind(place: Position | None) -> bool:
    """Whether `place` stands after the entry that it names, not before it."""
    return place is not None and (len(place) == 3 or (len(place) == 2 and place[1] is HIGHEST))


def low_cut(place: Position | None) -> Cut:
    """The cut at or before `place`: what a lock must begin with."""
    if place is None:
        return BEGIN
    return (place[0], 1) if len(place) == 2 and place[1] is HIGHEST else (place[0], 0)


def high_cut(place: Position | None) -> Cut:
    """The cut at or after `place`."""
    if place is None:
        return END
    return (place[0], 0) if len(place) == 1 else (place[0], 1)


class Path:
    """One way through `store`. `entry(row)` is the key under which a row stands on it; `contested` holds what the delta
    has of its own on this way."""

    own = False

    def __init__(self, store: Store, relation: int, tree: Tree, contested: Mapping[Any, Any]) -> None:
        self.store = store
        self.relation = relation
        self.tree = tree
        self.contested = contested

    def entry(self, ref: Ref, row: Row) -> Key | None:
        raise NotImplementedError

    def stored(self, row: Row) -> Row:
        """What an index-only read returns for a row that has a chain."""
        raise NotImplementedError

    def hints(self, low: Position | None, high: Position | None, limit: int, reverse: bool) -> list[tuple[Key, Ref]]:
        """Overlay entries with low <= (key, ref) < high, at most `limit` from the side where the scan begins."""
        raise NotImplementedError

    def seek(self, root: Root, place: Position | None) -> tuple[Leaf | None, Position | None]:
        """The leaf with the first entry at or after `place`, and the position where the next leaf begins."""
        leaf, fence = self.tree.seek(root, *key_and_ref(place))
        return leaf, place_of(fence)

    def seek_before(self, root: Root, place: Position | None) -> tuple[Leaf | None, Position | None]:
        """The leaf with the last entry before `place`, and the position where that leaf begins."""
        leaf, fence = self.tree.seek_before(root, *key_and_ref(place))
        return leaf, place_of(fence)


def key_and_ref(place: Position | None) -> tuple[Key, Ref]:
    if place is None:
        return None, None
    return place[0], place[1] if len(place) > 1 else None


def place_of(fence: Fence | None) -> Position | None:
    if fence is None:
        return None
    return (fence[0],) if fence[1] is None else (fence[0], fence[1])


class OwnPath(Path):
    """The table's own order: RIDs or primary keys."""

    own = True

    def __init__(self, store: Store) -> None:
        super().__init__(store, store.relation, store.tree, store.chains)

    def entry(self, ref: Ref, row: Row) -> Key | None:
        return ref

    def stored(self, row: Row) -> Row:
        return row

    def hints(self, low: Position | None, high: Position | None, limit: int, reverse: bool) -> list[tuple[Key, Ref]]:
        addresses = self.store.addresses
        if not addresses:
            return []
        inclusive = (not stands_behind(low), stands_behind(high))
        found = addresses.irange(
            None if low is None else low[0], None if high is None else high[0], inclusive, reverse
        )
        return [(ref, ref) for ref in islice(found, limit)]


class IndexPath(Path):
    """A secondary index."""

    def __init__(self, store: Store, index: IndexStore) -> None:
        super().__init__(store, index.relation, index.tree, index.overlay.by_key)
        self.index = index

    def entry(self, ref: Ref, row: Row) -> Key | None:
        return self.index.entry(row)

    def stored(self, row: Row) -> Row:
        return self.index.stored(row)

    def hints(self, low: Position | None, high: Position | None, limit: int, reverse: bool) -> list[tuple[Key, Ref]]:
        order = self.index.overlay.order
        if not order:
            return []
        return list(islice(order.irange(low, high, (True, False), reverse), limit))


def path_of(store: Store, index: Any) -> Path:
    """The way through a secondary index, or through the table's own order for None."""
    if index is None:
        return OwnPath(store)
    path: Path | None = index.path
    if path is None:
        path = index.path = IndexPath(store, index)
    return path
