"""Transactional DDL: the door through which statements change the catalog (`txn.door.SchemaDoor`).

The tables that a statement changes are locked; their stores take over the new definition at once, because nobody else
can use them, and get the old one back if the change is rolled back. New relations have stores from the start. What
others see changes at commit, in one hold (`Relations.merge`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import msgspec
from msgspec.structs import replace

from minidb import schema
from minidb.access.index import IndexStore
from minidb.errors import ProgramLimitExceeded, UniqueViolation
from minidb.keys import Key, Row
from minidb.row_texts import index_key
from minidb.storage.interface import Ref
from minidb.txn.checkpoint import Checkpointer
from minidb.txn.manager import Manager
from minidb.txn.relations import CatalogChange, Relations, difference
from minidb.txn.rows import RowDoor
from minidb.txn.store import Store
from minidb.txn.temporary import without_temporary
from minidb.txn.transaction import Transaction
from minidb.txn.versions import newest

MOST_COLUMNS = 1600  # dropped ones count, as in PostgreSQL


class SchemaChanges:
    """DDL of one transaction."""

    def __init__(self, manager: Manager, txn: Transaction, relations: Relations, rows: RowDoor,
                 checkpoint: Checkpointer) -> None:
        self.checkpoint = checkpoint
        self.manager = manager
        self.txn = txn
        self.relations = relations
        self.rows = rows
        self.read: schema.Catalog | None = None  # what `catalog` gives, until the next lock or change

    @property
    def catalog(self) -> schema.Catalog:
        """The catalog as of the last lock or change: between two of them a statement puts its new one together, and all
        parts of that have to come from the same one, whatever others commit meanwhile."""
        if self.read is None:
            self.read = self.relations.visible_catalog(self.txn)
        return self.read

    def new_id(self) -> int:
        with self.manager.latch:
            return self.relations.new_id()

    def pending(self, constraints: Collection[int]) -> bool:
        return any(not check.done and check.constraint in constraints for check in self.txn.deferred)

    def lock_name(self, name: str) -> None:
        self.manager.lock_name(self.txn, name)
        self.read = None

    def lock_table(self, table: int, mode: str, nowait: bool = False) -> None:
        catalog = self.catalog
        found = catalog.table_by_id(table) or next((s for s in catalog.sequences.values() if s.id == table), None)
        self.manager.lock_table(self.txn, table, mode, found.name if found is not None else str(table), nowait)
        self.read = None

    def change(self, catalog: schema.Catalog, *, incompatible: Iterable[int] = ()) -> None:
        """Takes over a catalog that was made from the one that `catalog` has returned last."""
        txn, relations = self.txn, self.relations
        self.manager.before_write(txn)
        made_from, old = self.read, self.relations.visible_catalog(txn)
        self.read = None
        if made_from is not None and made_from is not old:  # others' DDL was committed in between
            catalog = relations.changed(old, difference(made_from, catalog, frozenset()))
        before = {t.relation: t for t in old.tables.values()}
        for table in catalog.tables.values():
            known = before.get(table.relation)
            if known is not table and len(table.columns) > MOST_COLUMNS:
                raise ProgramLimitExceeded(f"tables can have at most {MOST_COLUMNS} columns", sqlstate="54011")
            if known is None:
                self.create(table)
            elif known is not table:
                self.redefine(relations.stores[table.relation], known, table)
        for sequence in catalog.sequences.values():
            if sequence.relation not in relations.sequences.states:
                self.create_sequence(sequence)
        self.replace_tables(old, catalog)
        with self.manager.latch:
            version = relations.new_version()
            next_id = max(catalog.next_id, relations.next_id)
        if txn.catalog is None:
            txn.catalog_base = old if txn.temporary is None else txn.temporary.committed_part(old)
        txn.catalog = replace(catalog, version=version, next_id=next_id, comments=living_comments(catalog))
        txn.incompatible |= set(incompatible)
        self.rows.tables = {}

    def replace_tables(self, old: schema.Catalog, new: schema.Catalog) -> None:
        """Relations that go away: to those who have read them it is a write of everything."""
        manager, txn = self.manager, self.txn
        if not txn.in_graph or not manager.conflicts.active:
            return
        kept = {table.relation for table in new.tables.values()}
        with manager.latch:
            for table in old.tables.values():
                store = self.relations.stores.get(table.relation)
                if table.relation not in kept and store is not None:
                    manager.conflicts.wrote_all(txn, store.names, store.name)
        manager.check(txn)

    def create(self, table: schema.Table) -> None:
        functions = self.relations.functions(table)
        store = Store(self.relations.base, table, functions)
        with self.manager.latch:
            self.relations.stores[table.relation] = store
        self.txn.undo_schema_by(lambda: self.remove(table.relation))

    def create_sequence(self, sequence: schema.Sequence) -> None:
        states = self.relations.sequences
        with self.manager.latch:
            states.add(sequence)
        self.txn.undo_schema_by(lambda: states.remove(sequence.relation))

    def sequence_point(self, relation: int) -> tuple[int, bool]:
        """Where a sequence stands; its lock keeps it there."""
        with self.manager.latch:
            state = self.relations.sequences.states[relation]
            return state.value, state.called

    def remove(self, relation: int) -> None:
        with self.manager.latch:
            store = self.relations.stores.pop(relation, None)
        if store is not None:
            store.dropped = True

    def redefine(self, store: Store, old: schema.Table, new: schema.Table) -> None:
        self.define(store, new)
        self.txn.redefined |= {store}
        self.txn.undo_schema_by(lambda: self.define(store, old))

    def define(self, store: Store, table: schema.Table) -> None:
        functions = self.relations.functions(table)
        with self.manager.latch:
            store.define(table, functions)
            store.set_width()

    # -- data

    def build_index(self, table: int, index: int) -> None:
        """Fills a new index: its tree from the base as it stands, its overlay from all versions of all chains (R65)."""
        store = self.rows.store_of(table)
        target = store.indexes.get(index)
        if target is None:
            return  # the clustered index: the table itself
        self.checkpoint.build(store, target)
        if target.unique:
            self.refuse_settled_duplicates(store, target, self.newest_keys(store, target))

    def newest_keys(self, store: Store, target: IndexStore) -> dict[Key, Ref]:
        """The unique keys of the rows that have chains; UniqueViolation if two of them share one."""
        found: dict[Key, Ref] = {}
        for ref in list(store.chains):
            top = newest(store.chains.get(ref))
            key = None if top is None else target.entry(top.row)
            if key is not None and target.collides(key) and found.setdefault(key, ref) != ref:
                self.refuse(store, target, key)
        return found

    def refuse_settled_duplicates(self, store: Store, target: IndexStore, newest_keys: dict[Key, Ref]) -> None:
        """Duplicates among the rows of the base, and between them and the rows that have chains."""
        previous: Key = None
        for leaf in target.tree.walk(store.base.root):
            for key, ref in zip(leaf.keys, leaf.refs):
                if ref in store.chains or not target.collides(key):
                    continue
                if key == previous or key in newest_keys:
                    self.refuse(store, target, key)
                previous = key

    def refuse(self, store: Store, target: IndexStore, key: Key) -> None:
        index = target.schema
        raise UniqueViolation(
            f'could not create unique index "{index.name}"',
            detail=f"{index_key(store.schema, index, key)} is duplicated.",
            constraint=index.name,
            table=store.name,
        )

    def newest_rows(self, table: int) -> Iterator[tuple[Ref, Row]]:
        with self.rows.newest_state():
            batches = list(self.rows.scan(table))
        for refs, rows in batches:
            yield from zip(refs, rows)

    def delete_row(self, table: int, ref: Ref, row: Row) -> None:
        with self.rows.newest_state():
            locked = self.rows.lock(table, ref, row)
            if locked is not None:
                self.rows.delete(table, ref, locked)

    def insert_row(self, table: int, row: Row) -> None:
        self.rows.insert(table, row)

    def validate_foreign_key(self, table: int, constraint: int) -> None:
        store = self.rows.store_of(table)
        found = next(f for f in store.schema.foreign_keys if f.id == constraint)
        for _, row in self.newest_rows(table):
            self.rows.note_child(store, found, row)
        values = self.rows.child_values.pop((table, constraint), set())
        self.rows.child_check(store, found, values)()  # at once, also where the constraint is a deferred one


def living_comments(catalog: schema.Catalog) -> dict[str, schema.Comment]:
    """The comments on what is still there."""
    if not catalog.comments:
        return catalog.comments
    places: dict[int, set[int]] = {}
    for table in catalog.tables.values():
        places[table.id] = {column.position for column in table.live_columns}
        places.update((index.id, set()) for index in table.indexes)
    places.update((view.id, set(range(len(view.columns)))) for view in catalog.views.values())
    places.update((sequence.id, set()) for sequence in catalog.sequences.values())
    return {
        key: comment
        for key, comment in catalog.comments.items()
        if comment.object in places and (comment.position is None or comment.position in places[comment.object])
    }


def catalog_change(txn: Transaction, relations: Relations) -> CatalogChange | None:
    """What the transaction did to the catalog of all, None if nothing."""
    if txn.catalog is None:
        return None
    assert txn.catalog_base is not None
    change = difference(txn.catalog_base, without_temporary(txn.catalog), txn.incompatible)
    facts = msgspec.structs.asdict(change)
    return change if any(facts[name] for name in facts if name not in ("next_id", "incompatible")) else None
