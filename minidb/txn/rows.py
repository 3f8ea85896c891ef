"""The door: what compiled statements get to see of a transaction. See `txn.door` for what each verb promises."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from minidb import schema
from minidb.keys import Row
from minidb.txn.foreign_keys import ForeignKeys
from minidb.txn.manager import Manager, Transaction
from minidb.txn.relations import Relations
from minidb.txn.sequences import note_drawn
from minidb.txn.store import Store


class RowDoor(ForeignKeys):
    """Data as one transaction sees it, statement by statement."""

    def __init__(self, manager: Manager, txn: Transaction, relations: Relations,
                 virtual: Callable[[str], Iterable[Row]], context: Any = None) -> None:
        super().__init__(manager, txn)
        self.relations = relations
        self.inside = virtual
        self.context = context  # what DEFAULT expressions of SET DEFAULT are evaluated in

    def begin(self) -> None:
        txn = self.txn
        self.snapshot, self.statement = txn.statement_snapshot, txn.statement
        self.claiming, self.claimed, self.root = True, None, self.relations.base.root

    def store_of(self, table: int) -> Store:
        if self.txn.catalog is None:
            store = self.relations.tables.get(table)
            if store is not None:
                return store
        return self.relations.store_of(self.txn, table)

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
