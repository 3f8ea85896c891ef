"""The door: what compiled statements get to see of a transaction. See `txn.door` for what each verb promises."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from minidb import schema
from minidb.keys import Row
from minidb.txn.foreign_keys import ForeignKeys
from minidb.txn.manager import Manager
from minidb.txn.pages import PageBatch, pages
from minidb.txn.parked_views import FrozenBase, ParkedView
from minidb.txn.paths import Path, path_of
from minidb.txn.relations import Relations
from minidb.txn.sequences import note_drawn
from minidb.txn.store import Store
from minidb.txn.transaction import Transaction


class RowDoor(ForeignKeys):
    """Data as one transaction sees it, statement by statement."""

    busy = True
    parked: ParkedView | None = None
    on_parked: Callable[[], None] | None = None  # for who would use the door again for another snapshot

    def __init__(self, manager: Manager, txn: Transaction, relations: Relations,
                 virtual: Callable[[str], Iterable[Row]], context: Any = None) -> None:
        super().__init__(manager, txn)
        self.relations = relations  # or a ParkedView in its place
        self.inside = virtual
        self.context = context  # what DEFAULT expressions of SET DEFAULT are evaluated in

    def serve(self, txn: Transaction, context: Any) -> None:
        """Goes on as the door of another transaction of the session; the last one has been committed."""
        self.txn, self.policy, self.context = txn, txn.policy, context
        self.view = txn
        if isinstance(self.relations, ParkedView):
            self.relations = self.relations.relations

    def begin(self) -> None:
        txn = self.txn
        self.snapshot, self.statement = txn.snapshot, txn.statement
        relations = self.relations
        self.claimed, self.root = None, relations.base.root
        self.tables = relations.tables if txn.catalog is None else RowDoor.tables
        txn.busy = True
        if txn.parked is not None:
            self.begin_parked()

    def store_of(self, table: int) -> Store:
        if self.txn.catalog is None:
            store = self.relations.tables.get(table)
            if store is not None:
                return store
        return self.relations.store_of(self.txn, table)

    # -- parked views (R29)

    def begin_parked(self) -> None:
        parked = self.txn.parked
        assert parked is not None
        if self.txn.policy.keeps_snapshot:
            parked.compare_definitions()
            self.enter_parked()
        else:  # of the statement before
            parked.leave(self.txn)
            self.relations = parked.relations
            self.tables = parked.relations.tables

    def enter_parked(self) -> None:
        """From here on the view reads what is frozen for it; the delta need not regard it (P1)."""
        parked = self.view.parked
        if parked.number != self.snapshot:  # of a statement before, outside of transactions
            parked.leave(self.view)
        elif self.relations is not parked:
            self.relations = parked
            self.tables = parked.tables
            self.manager.views.pop(self.view, None)
            if self.on_parked is not None:
                self.on_parked()

    def parked_path(self, path: Path) -> Path:
        self.enter_parked()
        if self.view.parked is None or path.store.schema.temporary or isinstance(path.store.base, FrozenBase):
            return path
        store = self.store_of(path.store.schema.id)
        return path_of(store, None if path.own else store.indexes[path.index.schema.id])  # type: ignore[attr-defined]

    def become_view(self) -> None:
        """A result is fetched while its session goes on: the door is registered in place of its transaction."""
        self.busy = False
        if isinstance(self.relations, ParkedView):
            self.parked = self.relations
            self.parked.users.add(self)
        else:
            self.manager.views.backdate(self, min(self.snapshot, self.manager.published))
        self.view = self

    def end_view(self) -> None:
        self.manager.views.pop(self, None)
        if self.parked is not None:
            self.parked.leave(self)

    def fetched(self, batches: Iterator[list[Row]]) -> Iterator[list[Row]]:
        """The batches of a result, read with a view of their own."""
        try:
            while True:
                self.busy = True
                if self.parked is not None:
                    self.enter_parked()
                batch = next(batches, None)
                self.busy = False
                if batch is None:
                    return
                yield batch
        finally:
            self.busy = False
            close = getattr(batches, "close", None)
            if close is not None:
                close()

    def referencing(self, table: int) -> list[tuple[schema.Table, schema.ForeignKey]]:
        if self.txn.catalog is None:
            if table not in self.relations.temporary:
                return self.relations.references.get(table, [])
        catalog = self.relations.visible_catalog(self.txn)
        return [(t, f) for t in catalog.tables.values() for f in t.foreign_keys if f.parent == table]

    def still_holds(self, constraint: int, table: schema.Table) -> bool:
        now = self.relations.visible_catalog(self.txn).table_by_id(table.id)
        if now is None or now.relation != table.relation:
            return False
        return constraint in {key.id for key in now.foreign_keys} | {index.id for index in now.indexes}

    def default_of(self, table: schema.Table, position: int) -> Any:
        sequence = self.relations.visible_catalog(self.txn).sequence_of(table, position)
        if sequence is not None:
            return self.context.next_value((sequence.name,))
        compiler = self.relations.compiler
        assert compiler is not None
        return compiler.default(table, position)(self.context)

    def row_function(self, table: schema.Table, expression: str) -> Callable[[Row], Any]:
        compiler = self.relations.compiler
        assert compiler is not None
        return compiler.row_function(table, expression)

    def pages(self, table: int) -> Iterable[PageBatch]:
        return pages(self, self.store_of(table))

    # -- sequences

    def lock_sequence(self, definition: schema.Sequence) -> bool:
        """Keeps ALTER and DROP SEQUENCE away to the transaction's end; False if it does so already."""
        manager, txn = self.manager, self.txn
        if txn.weak.get(definition.id):
            return False
        if not definition.temporary:
            manager.before_write(txn, command="nextval()")
        manager.lock_table(txn, definition.id, "row exclusive", definition.name)
        return True

    def draw(self, definition: schema.Sequence, count: int) -> tuple[int, int]:
        """Takes up to `count` numbers of a locked sequence: the first and the last. Raises 2200H."""
        with self.manager.latch:
            state = self.relations.sequences.states[definition.relation]
            drawn = state.draw(definition, count)
            note_drawn(self.txn, state)
        return drawn

    def use_drawn(self, definition: schema.Sequence) -> None:
        """The transaction uses a number that its session drew before."""
        with self.manager.latch:
            note_drawn(self.txn, self.relations.sequences.states[definition.relation])

    def set_sequence(self, definition: schema.Sequence, value: int, called: bool) -> None:
        """setval of a locked sequence."""
        with self.manager.latch:
            state = self.relations.sequences.states[definition.relation]
            state.set(value, called)
            note_drawn(self.txn, state)

    # -- facts

    def virtual(self, name: str) -> Iterable[Row]:
        return self.inside(name)

    def check_interrupt(self) -> None:
        self.manager.check(self.txn)
