"""A row that is about to be inserted, updated or deleted, with what can be computed before the latch is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minidb.keys import Key, Row
from minidb.storage.interface import Ref

if TYPE_CHECKING:
    from minidb.access.index import IndexStore
    from minidb.txn.store import Store


class Change:
    """A row about to be written, with everything that is computed before the latch is taken (R69)."""

    __slots__ = ("keyed", "new", "new_keys", "old", "old_keys", "points", "ref", "store")

    def __init__(self, store: Store, ref: Ref | None, old: Row | None, new: Row | None) -> None:
        self.store = store
        self.ref = ref
        self.old = old
        self.new = new
        self.old_keys = store.keys(old)
        self.new_keys = store.keys(new)
        self.keyed = new is None or any(
            index.unique and before != now
            for index, before, now in zip(store.index_list, self.old_keys, self.new_keys)
        )
        self.points: list[tuple[int, Key]] = []

    def probes(self) -> list[tuple[IndexStore, Key]]:
        """The unique keys that the change brings."""
        return [
            (index, now)
            for index, before, now in zip(self.store.index_list, self.old_keys, self.new_keys)
            if index.live and now is not None and before != now and index.collides(now)
        ]
