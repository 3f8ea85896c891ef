"""Checkpoints: the delta folded into a new base, as of one commit number.

    switch    the log goes on in its other segment; F = last number of the old one, registered as a view in use (R13)
    collect   under the latch, in slices: every row whose newest version at F is not in the base yet
    fold      without the latch: new pages for changed leaves, of each table and each of its indexes (R15)
    publish   sync, meta page, sync (R14)
    swap      one store under the latch; readers notice that the root has changed (R17)
    keep      copies of the old log segment, for slots and the archive (`keeping`)
    release   the old log segment
    drop      in slices: chains that the base now says completely (R16), and with them overlay entries and addresses
    park      old snapshots that keep too many chains from being dropped (R29, `old_views`)

Nothing here stops anybody: the latch is held for slices of a few hundred rows only, and after each of them, and after
each leaf, others have their turn. Without that they would have none: who waits for a latch is woken when it is free,
and by then the next slice has it (R70; measured: waits of two seconds). A checkpoint that fails changes nothing and is
tried again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import partial
from operator import itemgetter
from time import sleep
from typing import TYPE_CHECKING, Any

from minidb import schema
from minidb.access.index import IndexStore
from minidb.access.layouts import INEXACT
from minidb.access.table import TableAccess
from minidb.keys import Row
from minidb.storage.interface import Ref
from minidb.storage.roots import Root
from minidb.txn.compacting import Compactor
from minidb.txn.index_entries import entry_of, sorted_entries
from minidb.txn.old_views import OldViews
from minidb.txn.relations import Relations, decode_catalog, encode_catalog, relations_of
from minidb.txn.sorting import sorted_in_parts
from minidb.txn.store import Store
from minidb.txn.trimming import views_of

if TYPE_CHECKING:
    from minidb.storage.base import Base
    from minidb.storage.log import Log
    from minidb.storage.writer import BaseWriter
    from minidb.txn.manager import Manager

SLICE = 200  # rows looked at in one hold of the latch: about a millisecond
give_way = partial(sleep, 0)
address_of = itemgetter(0)
StoreThen = tuple[Store, list[IndexStore]]  # a table and its indexes as they were when a fold began
Folded = tuple[Ref, Row | None, Row | None]  # address, row as of F, row in the base


class Checkpointer:
    """Folds the delta of one database. One at a time: `mutex`."""

    def __init__(self, base: Base, log: Log, manager: Manager, relations: Relations) -> None:
        self.base = base
        self.log = log
        self.manager = manager
        self.relations = relations
        self.old_views = OldViews(base, manager, relations)
        self.mutex = threading.Lock()
        self.count = 0
        self.compactor = Compactor(base, manager, self.mutex)
        self.on_slice: Callable[[], None] = give_way
        self.pressed: Callable[[], bool] = lambda: False
        self.before_release: Callable[[int, schema.Catalog], None] = lambda number, catalog: None

    def run(self, *, clean: bool = False) -> bool:
        """One checkpoint; False if there was nothing to do."""
        with self.mutex:
            return self.run_locked(clean)

    def closed_already(self) -> bool:
        """Whether nothing has happened since the last clean shutdown."""
        root, relations = self.base.root, self.relations
        return (root.clean and self.log.last_number == root.number and not relations.dropped
                and not relations.sequences.moved_since(decode_catalog(root.catalog).points))

    def run_locked(self, clean: bool) -> bool:
        manager, relations = self.manager, self.relations
        if clean and self.closed_already():
            return False
        started: dict[str, Any] = {}

        def register(number: int) -> None:
            with manager.latch:
                manager.views.backdate(self, number)
                started["catalog"] = relations.catalog
                started["stores"] = {r: (store, list(store.index_list)) for r, store in relations.stores.items()}
                started["dropped"] = list(relations.dropped)

        number = self.log.switch(register)
        try:
            moved = clean and relations.sequences.moved_since(decode_catalog(self.base.root.catalog).points)
            unchanged = number == self.base.root.number and clean == self.base.root.clean
            if unchanged and not started["dropped"] and not moved:
                self.drop_chains(self.all_addresses(), number)  # snapshots may have ended since
                self.park_views(number)
                return False
            folded = self.fold(number, started["catalog"], started["stores"], started["dropped"], clean)
        finally:
            manager.views.pop(self, None)
        try:
            self.before_release(number, started["catalog"])
            self.log.release(number)
        finally:
            self.drop_chains(folded, number)
            self.park_views(number)
        self.count += 1
        return True

    # -- folding

    def on_leaf(self) -> None:
        """Whoever gives way at each leaf gets a sixth of the processor beside a busy writer, who meanwhile fills the
        log: not when that has grown too long. Its room is looked after here, since nobody else does meanwhile."""
        if self.log.is_low():
            self.log.extend()
        if not self.pressed():
            self.on_slice()

    def fold(self, number: int, catalog: schema.Catalog, stores: dict[int, StoreThen], dropped: list[int],
             clean: bool) -> dict[int, list[Ref]]:
        """`catalog` and `stores` as of F: should a crash lose a DROP of meanwhile, table and index are there again."""
        root = self.base.root
        folded: dict[int, list[Ref]] = {}
        writer = self.base.begin(self.on_leaf)
        try:
            for table in catalog.tables.values():
                if table.relation not in stores:
                    continue
                store, indexes = stores[table.relation]
                changes, done = self.collect(store, root, number)
                folded[table.relation] = done
                if changes:
                    self.fold_table(writer, store, indexes, table, changes)
            for relation in self.unused(root, catalog):
                writer.drop(relation)
            self.compactor.move_some(writer)
            with self.manager.latch:
                points = self.relations.sequences.points(catalog, clean)
            new_root = writer.publish(number, encode_catalog(catalog, points), clean=clean)
        except BaseException:
            writer.abandon()
            raise
        with self.manager.latch:
            self.base.swap(new_root)
            self.relations.sequences.saved(points)
            self.relations.dropped = [r for r in self.relations.dropped if r not in dropped]
        return folded

    def unused(self, root: Root, catalog: schema.Catalog) -> list[int]:
        """Relations of the base that no catalog mentions: dropped, or built by a transaction that was rolled back."""
        with self.manager.latch:
            used = relations_of(self.relations.catalog) | relations_of(catalog)
            for txn in self.manager.active:
                if txn.catalog is not None:
                    used |= relations_of(txn.catalog)
        return [relation for relation in root.relations if relation not in used]

    def collect(self, store: Store, root: Root, number: int) -> tuple[list[Folded], list[Ref]]:
        """(what has to be folded, addresses whose chains the fold may make superfluous)."""
        changes: list[Folded] = []
        done: list[Ref] = []
        with self.manager.latch:
            addresses = store.addresses.unordered()
        addresses.sort()
        for start in range(0, len(addresses), SLICE):
            unknown: list[tuple[Ref, Row | None]] = []
            with self.manager.latch:
                for ref in addresses[start : start + SLICE]:
                    self.collect_row(store, ref, root.number, number, changes, unknown, done)
            self.on_slice()
            for ref, row in unknown:  # the base is read without the latch
                old = store.base_row(root, ref)
                if row is not None or old is not None:
                    changes.append((ref, row, old))
        return sorted_in_parts(changes, address_of), done

    def collect_row(self, store: Store, ref: Ref, settled: int, number: int, changes: list[Folded],
                    unknown: list[tuple[Ref, Row | None]], done: list[Ref]) -> None:
        version = store.chains.get(ref)
        while version is not None and version.owner.number > number:
            version = version.older
        if version is None:
            return
        done.append(ref)
        if version.owner.number <= settled:
            return  # folded before; the chain is kept for somebody
        row, below = version.row, version.older
        while below is not None and below.owner.number > settled:
            below = below.older
        if below is not None:
            if row is not None or below.row is not None:
                changes.append((ref, row, below.row))
        else:
            unknown.append((ref, row))  # an insert, or a chain whose bottom was trimmed

    def fold_table(self, writer: BaseWriter, store: Store, indexes: list[IndexStore], table: schema.Table,
                   changes: list[Folded]) -> None:
        access: TableAccess = store
        if store.schema is not table:  # an uncommitted ALTER TABLE has widened it: write what is committed
            access = TableAccess(self.base, table, self.relations.functions(table))
        width = len(table.columns)
        rows: Iterable[tuple[Ref, Row | None]] = [
            (ref, None if row is None else row[:width]) for ref, row, _ in changes
        ]
        if access.key is None:
            writer.fold_heap(store.relation, access.layout, rows)
        else:
            writer.fold_tree(
                store.relation, access.layout, [(ref, ref, row) for ref, row in rows], clustered=True
            )
        for index in indexes:
            if index.ready:
                writer.fold_tree(index.relation, index.layout, index_changes(index, changes))

    # -- after the swap

    def all_addresses(self) -> dict[int, list[Ref]]:
        with self.manager.latch:
            stores = self.relations.stores.items()
            found = {relation: store.addresses.unordered() for relation, store in stores if not store.schema.temporary}
        for addresses in found.values():
            addresses.sort()
        return found

    def drop_chains(self, folded: dict[int, list[Ref]], number: int) -> None:
        manager = self.manager
        for relation, refs in folded.items():
            store = self.relations.stores.get(relation)
            if store is None:
                continue
            for start in range(0, len(refs), SLICE):
                with manager.latch:
                    horizon, views = manager.oldest_view(), views_of(manager)
                    for ref in refs[start : start + SLICE]:
                        if not store.drop_folded(ref, number, horizon):
                            manager.trimmer.drop_unseen(store, ref, views, number)
                self.on_slice()

    def park_views(self, number: int) -> None:
        """Old snapshots may hold up too many chains (R29)."""
        if self.old_views.run(number):
            self.drop_chains(self.all_addresses(), number)

    # -- building an index

    def build(self, store: Store, target: IndexStore) -> None:
        """Fills a new index: its tree from the base as it stands, its overlay from all versions of all chains (R65).

        Until its transaction commits, no catalog mentions the tree; if it is rolled back, the next checkpoint drops
        it. No fold may run meanwhile: it would drop chains whose rows the tree does not have yet."""
        with self.mutex:
            if self.base.root.relations.get(store.relation) is not None:
                self.run_locked(False)
                self.write_tree(store, target)
            store.enter_chains([target])
            target.ready = True

    def write_tree(self, store: Store, target: IndexStore) -> None:
        root = self.base.root
        entries = sorted_entries(store, target, root)
        writer = self.base.begin(self.on_leaf)
        try:
            if target.relation in root.relations:
                writer.drop(target.relation)
            writer.fold_tree(target.relation, target.layout, entries)
            new_root = writer.publish(root.number, root.catalog)
        except BaseException:
            writer.abandon()
            raise
        with self.manager.latch:
            self.base.swap(new_root)

    def mark_open(self) -> None:
        """Before the first commit after a clean shutdown: from now on the log is needed (R19)."""
        with self.mutex:
            if self.base.root.clean:
                self.log.secure()
                writer = self.base.begin()
                try:
                    new_root = writer.publish(self.base.root.number, self.base.root.catalog, clean=False)
                except BaseException:
                    writer.abandon()
                    raise
                with self.manager.latch:
                    self.base.swap(new_root)


def index_changes(index: IndexStore, changes: list[Folded]) -> list[tuple[Any, Any, Row | None]]:
    """Entries to delete come from the base row, those to add from the chain (R15)."""
    found: list[tuple[Any, Any, Row | None]] = []
    exact = not any(key.type.name in INEXACT for key in index.schema.keys)
    for ref, row, old in changes:
        before, now = index.entry(old), index.entry(row)
        if before is not None and (now is None or before != now):
            found.append((before, ref, None))
        if now is not None:
            assert row is not None
            stored = index.stored(row)
            if before is None or before != now or not exact or old is None or index.stored(old) != stored:
                found.append((now, ref, stored))
    return sorted_in_parts(found, entry_of)
