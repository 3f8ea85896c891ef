"""All tables of one database: the catalog as committed, and the store behind each table.

A catalog is a value. A transaction that changes it works on its own copy, whose new relations have stores from the
start; at commit what it changed is merged into the newest catalog in one hold. Versions are never reused (R67).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

import msgspec

from minidb import schema
from minidb.errors import DatabaseCorrupt, SerializationFailure, UndefinedTable
from minidb.storage.base import Base
from minidb.txn.door import RowFunction, SchemaCompiler
from minidb.txn.sequences import Sequences
from minidb.txn.store import Store

if TYPE_CHECKING:
    from minidb.txn.transaction import Transaction

ENCODER = msgspec.msgpack.Encoder()
CATALOG_DECODER = msgspec.msgpack.Decoder(schema.Catalog)
Named = TypeVar("Named", schema.Table, schema.View, schema.Sequence)
References = dict[int, list[tuple[schema.Table, schema.ForeignKey]]]


class CatalogChange(msgspec.Struct, frozen=True):
    """What one transaction did to the catalog: objects that it put in place, names that it took away."""

    tables: tuple[schema.Table, ...]
    gone_tables: tuple[str, ...]
    views: tuple[schema.View, ...]
    gone_views: tuple[str, ...]
    next_id: int
    incompatible: tuple[int, ...] = ()
    sequences: tuple[schema.Sequence, ...] = ()
    gone_sequences: tuple[str, ...] = ()
    comments: tuple[schema.Comment, ...] = ()
    gone_comments: tuple[str, ...] = ()


def difference(old: schema.Catalog, new: schema.Catalog, incompatible: set[int] | frozenset[int]) -> CatalogChange:
    return CatalogChange(
        tables=tuple(t for name, t in new.tables.items() if old.tables.get(name) is not t),
        gone_tables=tuple(name for name in old.tables if name not in new.tables),
        views=tuple(v for name, v in new.views.items() if old.views.get(name) is not v),
        gone_views=tuple(name for name in old.views if name not in new.views),
        next_id=new.next_id,
        incompatible=tuple(sorted(incompatible)),
        sequences=tuple(s for name, s in new.sequences.items() if old.sequences.get(name) is not s),
        gone_sequences=tuple(name for name in old.sequences if name not in new.sequences),
        comments=tuple(c for key, c in new.comments.items() if old.comments.get(key) is not c),
        gone_comments=tuple(key for key in old.comments if key not in new.comments),
    )


class Relations:
    """The stores of one database and its committed catalog. Changes run under the latch."""

    def __init__(self, base: Base, compiler: SchemaCompiler | None = None) -> None:
        self.base = base
        self.compiler = compiler
        stored = decode_catalog(base.root.catalog)
        self.sequences = Sequences(stored)
        self.catalog = msgspec.structs.replace(stored, points=())
        self.versions = itertools.count(self.catalog.version + 1)
        # an index whose transaction a crash has ended may have left its tree in the base: nobody gets its number
        self.next_id = max([self.catalog.next_id, *base.root.relations])
        self.stores: dict[int, Store] = {}
        self.tables: dict[int, Store] = {}  # committed, by table id
        self.temporary: dict[int, Store] = {}  # of all sessions, by table id
        self.dropped: list[int] = []  # relations that the next checkpoint removes from the base
        self.references: References = {}
        self.on_change: Callable[[], None] | None = None
        self.redefined_at = 0  # number of the last incompatible DDL of any table
        self.on_retired: Callable[[int, int], None] = lambda index, table: None
        for table in self.catalog.tables.values():
            self.add_store(table)
        self.index_catalog()

    # -- stores

    def add_store(self, table: schema.Table) -> Store:
        store = Store(self.base, table, self.functions(table))
        self.stores[table.relation] = store
        return store

    def functions(self, table: schema.Table) -> dict[str, RowFunction]:
        """The compiled forms of the expressions and conditions of a table's indexes, by text."""
        texts = [index.where for index in table.indexes if index.where is not None]
        texts += [key.expression for index in table.indexes for key in index.keys if key.expression is not None]
        if not texts:
            return {}
        assert self.compiler is not None
        return {text: self.compiler.row_function(table, text) for text in texts}

    def store_of(self, txn: Transaction, table: int) -> Store:
        if txn.catalog is None:
            store = self.tables.get(table) or self.temporary.get(table)
            if store is not None:
                return store
        else:
            found = self.visible_catalog(txn).table_by_id(table)
            if found is not None:
                return self.stores[found.relation]
        raise UndefinedTable("the table does not exist any more")

    def title_of(self, table: int) -> str:
        """The name of a table or sequence, for messages about its lock."""
        store = self.tables.get(table) or self.temporary.get(table)
        if store is not None:
            return store.name
        return next((s.name for s in self.catalog.sequences.values() if s.id == table), str(table))

    def check_age(self, txn: Transaction, table: int, always: bool = False) -> None:
        """A snapshot that is older than the last incompatible DDL of the table must not use it (R64)."""
        if (always or txn.policy.keeps_snapshot) and txn.snapshot >= 0:
            store = self.store_of(txn, table)
            if store.incompatible_since > txn.snapshot:
                raise SerializationFailure(
                    "could not serialize access due to a concurrent schema change",
                    detail=f'Table "{store.name}" was changed after this transaction\'s snapshot was taken.',
                    hint="The transaction might succeed if retried.",
                )

    # -- the catalog

    def visible_catalog(self, txn: Transaction | None) -> schema.Catalog:
        if txn is None:
            return self.catalog
        if txn.catalog is None:
            return self.catalog if txn.temporary is None else txn.temporary.over(self)
        if txn.catalog_base is not self.catalog:
            self.rebase(txn)
        return txn.catalog

    def rebase(self, txn: Transaction) -> None:
        """Others' DDL has been committed since the transaction's own began: both count, and locks keep them apart."""
        current = self.catalog
        assert txn.catalog is not None and txn.catalog_base is not None
        own = difference(txn.catalog_base, txn.catalog, txn.incompatible)
        txn.catalog = self.changed(current, own)
        txn.catalog_base = current

    def changed(self, old: schema.Catalog, change: CatalogChange) -> schema.Catalog:
        comments = {key: c for key, c in old.comments.items() if key not in change.gone_comments}
        comments.update((schema.comment_key(c.object, c.position), c) for c in change.comments)
        return schema.Catalog(
            version=self.new_version(),
            next_id=max(self.next_id, change.next_id),
            tables=changed_names(old.tables, change.gone_tables, change.tables),
            views=changed_names(old.views, change.gone_views, change.views),
            sequences=changed_names(old.sequences, change.gone_sequences, change.sequences),
            comments=comments,
        )

    def new_version(self) -> int:
        return next(self.versions)

    def new_id(self) -> int:
        self.next_id += 1
        return self.next_id

    def merge(self, change: CatalogChange, number: int) -> None:
        """A transaction with DDL has committed as `number`: its objects become everybody's. Under the latch."""
        old = self.catalog
        self.next_id = max(self.next_id, change.next_id)
        self.catalog = self.changed(old, change)
        self.drop_unused(old)
        self.sequences.keep_only(self.catalog, old)
        self.index_catalog()
        for table in change.tables:
            self.retire(table.relation)
        for table_id in change.incompatible:
            if table_id in self.tables:
                self.tables[table_id].incompatible_since = self.redefined_at = number
        if self.on_change is not None:
            self.on_change()

    def retire(self, relation: int) -> None:
        """Forgets indexes that are gone for good: their transaction has ended."""
        store = self.stores.get(relation)
        if store is not None:
            for gone in store.retire_indexes():
                self.dropped.append(gone)
                self.on_retired(gone, relation)

    def drop_unused(self, old: schema.Catalog) -> None:
        used = relations_of(self.catalog)
        for relation in sorted(relations_of(old) - used):
            self.dropped.append(relation)
            store = self.stores.pop(relation, None)
            if store is not None:
                store.dropped = True

    def index_catalog(self) -> None:
        self.tables = {
            t.id: self.stores[t.relation] for t in self.catalog.tables.values() if t.relation in self.stores
        }
        self.references = references_of(self.catalog)

    def adopt(self, change: CatalogChange, number: int) -> None:
        """The same for a change read from the log: stores are made and redefined here."""
        for table in change.tables:
            store = self.stores.get(table.relation)
            if store is None:
                self.add_store(table)
            else:
                known = set(store.indexes)
                store.define(table, self.functions(table))
                store.set_width()
                added = [index for i, index in store.indexes.items() if i not in known]
                store.enter_chains(added)
                for index in added:
                    index.ready = True  # its tree was published before the commit; `Database.replay` looks again
        self.sequences.adopt(change.sequences)
        self.merge(change, number)



def changed_names(old: dict[str, Named], gone: Iterable[str], put: Iterable[Named]) -> dict[str, Named]:
    """Objects by name after some have gone and others have come or changed."""
    found = {name: thing for name, thing in old.items() if name not in gone}
    found.update((schema.key_of(thing), thing) for thing in put)
    return found


def encode_catalog(catalog: schema.Catalog, points: tuple[schema.SequencePoint, ...]) -> bytes:
    """A committed catalog for the base, with where its sequences stand."""
    return ENCODER.encode(msgspec.structs.replace(catalog, points=points))


def decode_catalog(data: bytes) -> schema.Catalog:
    if not data:
        return schema.Catalog()
    try:
        return CATALOG_DECODER.decode(data)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise DatabaseCorrupt(f"the catalog cannot be decoded: {error}") from error


def relations_of(catalog: schema.Catalog) -> set[int]:
    found = {t.relation for t in catalog.tables.values()}
    for table in catalog.tables.values():
        found.update(index.relation for index in table.indexes)
    return found


def references_of(catalog: schema.Catalog) -> References:
    found: References = {}
    for table in catalog.tables.values():
        for constraint in table.foreign_keys:
            found.setdefault(constraint.parent, []).append((table, constraint))
    return found

