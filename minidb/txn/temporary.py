"""Temporary tables, views and sequences: a session's own, in memory, gone when it closes.

They are objects like all others, with stores, versions, locks and transactions, and differ in three places only:

 1. Their definitions stand in the session's catalog, under names of their own (`pg_temp.t`), never in the committed
    one. What a session sees is the committed catalog with its temporary objects put over it (`Temporary.over`); a
    transaction that changes the schema carries both, and its commit hands the temporary ones back here.
 2. Their rows are never logged (`records`) and never folded (`checkpoint`): the chains are all there is of them.
 3. A transaction that has touched nothing else commits without a sync.

Nobody else can name them, so nobody else ever waits for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from minidb import schema
from minidb.txn.store import Store

if TYPE_CHECKING:
    from minidb.txn.manager import Manager
    from minidb.txn.relations import Relations


class Temporary:
    """The temporary objects of one session, as its last transaction left them."""

    def __init__(self) -> None:
        self.tables: dict[str, schema.Table] = {}
        self.views: dict[str, schema.View] = {}
        self.sequences: dict[str, schema.Sequence] = {}
        self.comments: dict[str, schema.Comment] = {}
        self.empty = True  # neither tables, nor views, nor sequences
        self.seen: tuple[schema.Catalog, schema.Catalog] | None = None  # a committed catalog, and that with these

    def over(self, relations: Relations) -> schema.Catalog:
        """The committed catalog with the session's own objects; one value for as long as neither changes (R67)."""
        committed = relations.catalog
        if self.empty:
            return committed
        if self.seen is None or self.seen[0] is not committed:
            merged = msgspec.structs.replace(
                committed,
                version=relations.new_version(),
                tables={**committed.tables, **self.tables},
                views={**committed.views, **self.views},
                sequences={**committed.sequences, **self.sequences},
                comments={**committed.comments, **self.comments},
            )
            self.seen = committed, merged
        return self.seen[1]

    def committed_part(self, catalog: schema.Catalog) -> schema.Catalog:
        """The committed catalog that `catalog`, got from `over`, was made from."""
        return self.seen[0] if self.seen is not None and self.seen[1] is catalog else catalog

    # -- changes, under the latch

    def adopt(self, catalog: schema.Catalog, relations: Relations) -> None:
        """A transaction that has changed the schema is published."""
        gone = self.tables.values()
        drawn = self.sequences.values()
        self.tables = {name: table for name, table in catalog.tables.items() if table.temporary}
        self.views = {name: view for name, view in catalog.views.items() if view.temporary}
        self.sequences = {name: s for name, s in catalog.sequences.items() if s.temporary}
        self.empty = not (self.tables or self.views or self.sequences)
        own = temporary_ids(catalog)
        self.comments = {key: comment for key, comment in catalog.comments.items() if comment.object in own}
        self.seen = None
        kept = {table.relation for table in self.tables.values()}
        for table in gone:
            if table.relation not in kept:
                forget_store(table, relations)
        for table in self.tables.values():
            store = relations.stores[table.relation]
            relations.temporary[table.id] = store
            for index in store.retire_indexes():
                relations.on_retired(index, table.relation)
        numbers = {sequence.relation for sequence in self.sequences.values()}
        for sequence in drawn:
            if sequence.relation not in numbers:
                relations.sequences.remove(sequence.relation)

    def empty_tables(self, relations: Relations) -> None:
        """ON COMMIT DELETE ROWS."""
        for table in self.tables.values():
            store = relations.stores[table.relation]
            if table.on_commit == "delete rows" and store.chains:
                store.dropped = True
                fresh = Store(relations.base, table, relations.functions(table))
                relations.stores[table.relation] = relations.temporary[table.id] = fresh

    def drop(self, relations: Relations, manager: Manager) -> None:
        """The session closes."""
        if not self.empty:
            with manager.latch:
                self.adopt(schema.Catalog(), relations)


def forget_store(table: schema.Table, relations: Relations) -> None:
    store = relations.stores.pop(table.relation, None)
    if store is not None:
        store.dropped = True
    known = relations.temporary.get(table.id)
    if known is store:
        del relations.temporary[table.id]


def temporary_ids(catalog: schema.Catalog) -> set[int]:
    """The ids of all temporary objects."""
    tables = [table for table in catalog.tables.values() if table.temporary]
    own = {table.id for table in tables} | {index.id for table in tables for index in table.indexes}
    own |= {view.id for view in catalog.views.values() if view.temporary}
    return own | {sequence.id for sequence in catalog.sequences.values() if sequence.temporary}


def without_temporary(catalog: schema.Catalog) -> schema.Catalog:
    """What of a transaction's catalog the others and the log are told."""
    own = temporary_ids(catalog)
    if not own:
        return catalog
    return msgspec.structs.replace(
        catalog,
        tables={name: table for name, table in catalog.tables.items() if not table.temporary},
        views={name: view for name, view in catalog.views.items() if not view.temporary},
        sequences={name: s for name, s in catalog.sequences.items() if not s.temporary},
        comments={key: comment for key, comment in catalog.comments.items() if comment.object not in own},
    )


__all__ = ["Temporary", "without_temporary"]
