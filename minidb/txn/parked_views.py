"""What an old snapshot reads on from, once it is parked (R29): see `old_views` for who is, and when.

    root       the root of a checkpoint, pinned: its pages stay on the disk as long as the view is needed
    tables     frozen copies of the stores: for each row that had a chain then, what S sees of it, and its index entries

Reading goes the same ways as ever: a frozen store is a store, whose base has another root, and a `ParkedView` stands in
place of `Relations` for the doors that read with it. Nobody writes into either.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from minidb.access.hot_keys import HotKeys
from minidb.access.index import Overlay
from minidb.access.sorted_entries import SortedEntries
from minidb.errors import SerializationFailure, SnapshotTooOld
from minidb.storage.interface import Ref
from minidb.storage.roots import Root
from minidb.txn.versions import SETTLED, Version

if TYPE_CHECKING:
    from minidb.keys import Row
    from minidb.storage.base import Base
    from minidb.txn.relations import Relations
    from minidb.txn.store import Store
    from minidb.txn.transaction import Transaction


class FrozenBase:
    """The base of a frozen store: one root for ever."""

    def __init__(self, base: Base, root: Root) -> None:
        self.pool = base.pool
        self._root: Root | None = root

    @property
    def root(self) -> Root:
        if self._root is None:
            raise too_old()
        return self._root

    def let_go(self) -> None:
        self._root = None


class ParkedView:
    """What one snapshot sees, in place of `Relations` for the doors that read with it."""

    def __init__(self, relations: Relations, number: int) -> None:
        self.relations = relations
        self.number = number
        self.catalog_version = relations.catalog.version
        self.pinned = [relations.base.pin()]  # or nothing: taken out by one thread, whoever is last
        self.frozen = FrozenBase(relations.base, self.pinned[0])
        self.tables: dict[int, Store] = {}
        self.users: WeakSet[Any] = WeakSet()  # transactions and doors

    def __getattr__(self, name: str) -> Any:
        """Everything but the rows is as it is."""
        return getattr(self.relations, name)

    @property
    def open(self) -> bool:
        return bool(self.pinned)

    @property
    def size(self) -> int:
        return sum(len(store.chains) for store in self.tables.values())

    def store_of(self, txn: Transaction, table: int) -> Store:
        """Of a table that is not in `tables`."""
        if not self.open:
            raise too_old()
        if table in self.relations.temporary:
            return self.relations.store_of(txn, table)
        raise SerializationFailure(
            "could not serialize access due to a concurrent schema change",
            detail="A table was changed after this transaction's snapshot was parked.",
            hint="The transaction might succeed if retried.",
        )

    def compare_definitions(self) -> None:
        """A plan of today must not meet a table of then (R64). DDL that a running statement need not wait for is none
        that its plan knows of."""
        version = self.relations.catalog.version
        if version != self.catalog_version:
            now = self.relations.tables
            for table, store in list(self.tables.items()):
                if table not in now or now[table].schema is not store.schema:
                    self.tables.pop(table, None)
            self.catalog_version = version

    def leave(self, user: Any) -> None:
        user.parked = None
        self.forget(user)

    def forget(self, user: Any) -> None:
        self.users.discard(user)
        if not self.users:
            self.close()

    def close(self) -> None:
        """Nobody may read with it any more. Neither takes the latch nor should be called under it."""
        try:
            root = self.pinned.pop()
        except IndexError:
            return
        self.frozen.let_go()
        self.tables.clear()
        self.relations.base.unpin(root)


def frozen_store(store: Store, base: Any, states: Iterable[tuple[Ref, Row | None]]) -> Store:
    made = copy.copy(store)
    made.base = base
    made.hot = HotKeys(None, base)
    made.chains = {ref: Version(row, SETTLED, 0, None, False) for ref, row in states}
    made.addresses = SortedEntries()
    made.addresses.add_many(made.chains)
    made.indexes = {}
    for number, index in store.indexes.items():
        twin = made.indexes[number] = copy.copy(index)
        twin.overlay, twin.path, twin.hot = Overlay(), None, HotKeys(None, base)
        entries = ((index.entry(version.row), ref) for ref, version in made.chains.items())
        twin.overlay.add_many([(key, ref) for key, ref in entries if key is not None])
    made.index_list = tuple(made.indexes.values())
    return made


def too_old() -> SnapshotTooOld:
    return SnapshotTooOld(
        "snapshot too old",
        detail="More old snapshots than the database keeps were open while others changed many rows.",
        hint="Begin the transaction again, or fetch results to their end sooner.",
    )


def parked_write() -> SerializationFailure:
    return SerializationFailure(
        "could not serialize access: the transaction's snapshot has become too old to write",
        detail="So many rows were changed by others since it was taken that only reading goes on.",
        hint="The transaction might succeed if retried.",
    )


__all__ = ["FrozenBase", "ParkedView", "frozen_store", "parked_write"]
