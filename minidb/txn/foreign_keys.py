"""Foreign keys: judged at the end of the statement, or at commit if deferred.

Child side (R44): the parent must be visible to the transaction, and its newest version, locked FOR KEY SHARE, must
still
have the key. Parent side (R45): the parent row is locked by the change itself; children are searched on the newest
committed state at every level, so that a snapshot older than a child does not delete its parent. Neither needs SIREAD
marks: the row locks keep the two sides apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from minidb import schema
from minidb.access.layouts import key_column
from minidb.errors import CheckViolation, ForeignKeyViolation, NotNullViolation
from minidb.keys import HIGHEST, Key, Row, key_maker
from minidb.row_texts import columns_key, failing_row
from minidb.storage.interface import Ref
from minidb.txn.claims import Claimer
from minidb.txn.deferral import DeferredCheck, is_deferred
from minidb.txn.intervals import key_words
from minidb.txn.isolation.policy import Policy
from minidb.txn.row_change import Change
from minidb.txn.row_locks import KEY_SHARE, UPDATE
from minidb.txn.store import Store

if TYPE_CHECKING:
    from minidb.txn.manager import Manager
    from minidb.txn.transaction import Transaction


class Newest(Policy):
    """Reads the newest committed state and leaves no trace; not a level, but what constraints look through."""

    level = "newest committed"

    def batch_snapshot(self, current: int, published: int) -> int:
        return published


NEWEST = Newest()


class ParentChange:
    """A referenced key that a statement has deleted or changed."""

    __slots__ = ("child", "constraint", "new", "old", "parent")

    def __init__(self, parent: Store, child: schema.Table, constraint: schema.ForeignKey, old: Row,
                 new: Row | None) -> None:
        self.parent = parent
        self.child = child
        self.constraint = constraint
        self.old = tuple(old[p] for p in constraint.parent_columns)
        self.new = None if new is None else tuple(new[p] for p in constraint.parent_columns)

    @property
    def action(self) -> str:
        return self.constraint.on_delete if self.new is None else self.constraint.on_update


class ForeignKeys(Claimer):
    """The door's writing half, with references between tables."""

    def __init__(self, manager: Manager, txn: Transaction) -> None:
        super().__init__(manager, txn)
        self.child_values: dict[tuple[int, int], set[Row]] = {}  # (table, constraint) -> values to look for
        self.parent_changes: list[ParentChange] = []

    # -- what the floor around it provides

    def referencing(self, table: int) -> list[tuple[schema.Table, schema.ForeignKey]]:
        """The foreign keys of other tables (and its own) that point at `table`."""
        raise NotImplementedError

    def default_of(self, table: schema.Table, position: int) -> Any:
        raise NotImplementedError

    def row_function(self, table: schema.Table, expression: str) -> Callable[[Row], Any]:
        raise NotImplementedError

    # -- notes taken while the statement runs

    def inserted(self, store: Store, row: Row) -> None:
        for constraint in store.schema.foreign_keys:
            self.note_child(store, constraint, row)

    def inserted_many(self, store: Store, rows: Sequence[Row]) -> None:
        if store.schema.foreign_keys:
            for row in rows:
                self.inserted(store, row)

    def updated(self, store: Store, old: Row, new: Row) -> None:
        for constraint in store.schema.foreign_keys:
            if any(old[p] != new[p] for p in constraint.columns):
                self.note_child(store, constraint, new)
        for child, constraint in self.referencing(store.schema.id):
            if any(old[p] != new[p] for p in constraint.parent_columns):
                self.parent_changes.append(ParentChange(store, child, constraint, old, new))
                self.unsettled = True

    def deleted(self, store: Store, old: Row) -> None:
        for child, constraint in self.referencing(store.schema.id):
            self.parent_changes.append(ParentChange(store, child, constraint, old, None))
            self.unsettled = True

    def note_child(self, store: Store, constraint: schema.ForeignKey, row: Row) -> None:
        values = tuple(row[p] for p in constraint.columns)
        if None in values:
            if constraint.match_full and any(value is not None for value in values):
                raise ForeignKeyViolation(
                    f'insert or update on table "{store.name}" violates foreign key constraint "{constraint.name}"',
                    detail="MATCH FULL does not allow mixing of null and nonnull key values.",
                    constraint=constraint.name, table=store.name,
                )
            return
        self.child_values.setdefault((store.schema.id, constraint.id), set()).add(values)
        self.unsettled = True

    # -- the statement's end

    def check_references(self) -> None:
        while self.parent_changes or self.child_values:
            changes, self.parent_changes = self.parent_changes, []
            for change in changes:
                self.unless_deferred(change.constraint, change.child, self.parent_check(change))
            self.settle_changes()
            wanted, self.child_values = self.child_values, {}
            for (table, constraint_id), values in wanted.items():
                store = self.store_of(table)
                constraint = next(f for f in store.schema.foreign_keys if f.id == constraint_id)
                self.unless_deferred(constraint, store.schema, self.child_check(store, constraint, values))

    def unless_deferred(self, constraint: schema.ForeignKey, table: schema.Table, check: Callable[[], None]) -> None:
        if is_deferred(self.txn, constraint):
            later = partial(self.run_deferred, constraint, table, check)
            self.txn.defer(DeferredCheck(constraint.id, later))
        else:
            check()

    def run_deferred(self, constraint: schema.ForeignKey, table: schema.Table, check: Callable[[], None]) -> None:
        if not self.still_holds(constraint.id, table):
            return
        self.begin()
        check()
        self.settle_changes()
        self.check_references()

    def parent_check(self, change: ParentChange) -> Callable[[], None]:
        return lambda: self.act_on_children(change)

    def child_check(self, store: Store, constraint: schema.ForeignKey, values: set[Row]) -> Callable[[], None]:
        def check() -> None:
            for value in sorted(values, key=repr):
                self.require_parent(store, constraint, value)

        return check

    @contextmanager
    def newest_state(self) -> Iterator[None]:
        """Within it, reads see the newest committed state and everything of the transaction's own."""
        saved = self.snapshot, self.statement, self.policy
        self.snapshot, self.statement, self.policy = self.manager.published, self.statement + 1, NEWEST
        try:
            yield
        finally:
            self.snapshot, self.statement, self.policy = saved

    # -- child side

    def require_parent(self, store: Store, constraint: schema.ForeignKey, values: Row) -> None:
        parent = self.store_of(constraint.parent)
        policy = self.txn.policy
        if policy.keeps_snapshot and self.parent_at_snapshot(parent, constraint, values) is None:
            self.refuse_child(store, parent, constraint, values)
        while True:
            with self.newest_state():
                found = self.find_parent(parent, constraint, values)
            if found is None:
                policy.key_gone(self.txn, f"the parent of {key_words(values)} in {parent.name}")
                self.refuse_child(store, parent, constraint, values)
                return
            with self.newest_state():
                locked = self.lock_row(parent, found[0], found[1], KEY_SHARE)
            if locked is not None and tuple(locked[0][p] for p in constraint.parent_columns) == values:
                return

    def parent_at_snapshot(self, parent: Store, constraint: schema.ForeignKey, values: Row) -> Any:
        """The parent as this transaction sees it, its own statement included (a row may refer to one beside it)."""
        self.statement += 1
        saved, self.policy = self.policy, Policy()
        try:
            return self.find_parent(parent, constraint, values)
        finally:
            self.statement -= 1
            self.policy = saved

    def find_parent(self, parent: Store, constraint: schema.ForeignKey, values: Row) -> tuple[Ref, Row] | None:
        index_id, key = parent_key(parent, constraint, values)
        return self.find(parent.schema.id, index_id, key)

    def refuse_child(self, store: Store, parent: Store, constraint: schema.ForeignKey, values: Row) -> None:
        if self.txn.policy.tracks_reads:  # R41
            index_id, key = parent_key(parent, constraint, values)
            index = parent.indexes.get(index_id)
            relation = parent.relation if index is None else index.relation
            with self.manager.latch:
                self.txn.policy.duplicate(self.txn, self.manager, parent, relation, key, True)
        raise ForeignKeyViolation(
            f'insert or update on table "{store.name}" violates foreign key constraint "{constraint.name}"',
            detail=f'{columns_key(store.schema, constraint.columns, values)} is not present in table "{parent.name}".',
            constraint=constraint.name, table=store.name,
        )

    # -- parent side

    def act_on_children(self, change: ParentChange) -> None:
        constraint, parent = change.constraint, change.parent
        if None in change.old or change.old == change.new:
            return
        child = self.store_of(change.child.id)
        with self.newest_state():
            if change.action == "no action" and self.find_parent(parent, constraint, change.old) is not None:
                return  # somebody has the key again
            children = list(self.children(child, constraint, change.old))
        for ref, row in children:
            self.act_on_child(change, child, ref, row)

    def act_on_child(self, change: ParentChange, child: Store, ref: Ref, row: Row) -> None:
        constraint = change.constraint
        refusing = change.action in ("no action", "restrict")
        with self.newest_state():
            locked = self.lock_row(child, ref, row, KEY_SHARE if refusing else UPDATE)
        if locked is None or tuple(locked[0][p] for p in constraint.columns) != change.old:
            return
        if refusing:
            raise still_referenced(change, child)
        self.require_in_snapshot(child, locked[1])
        self.carry_out(change, child, locked[1], locked[0])

    def require_in_snapshot(self, child: Store, ref: Ref) -> None:
        """A cascade onto a child outside the transaction's snapshot is 40001 (R45)."""
        txn = self.txn
        if txn.policy.keeps_snapshot:
            chain = child.chains.get(ref)
            while chain is not None and chain.owner is txn:
                chain = chain.older
            if chain is not None and chain.owner.number > txn.snapshot:
                txn.policy.changed(txn, f"row {child.row_title(ref, chain.row)} of {child.name}", chain.row is None)

    def carry_out(self, change: ParentChange, child: Store, ref: Ref, row: Row) -> None:
        if change.action == "cascade" and change.new is None:
            self.apply(Change(child, ref, row, None))
            self.deleted(child, row)
            return
        constraint = change.constraint
        new = list(row)
        kept = constraint.delete_columns if change.new is None else ()
        for i, position in enumerate(constraint.columns):
            if kept and position not in kept:
                continue
            if change.action == "cascade":
                assert change.new is not None
                new[position] = change.new[i]
            elif change.action == "set null":
                new[position] = None
            else:
                new[position] = self.default_of(child.schema, position)
        for position in constraint.columns:
            if new[position] is None and child.schema.columns[position].not_null:
                raise NotNullViolation(
                    f'null value in column "{child.schema.columns[position].name}" of relation "{child.name}" '
                    "violates not-null constraint", detail=failing_row(child.schema, tuple(new)), table=child.name,
                )
        complete = self.completed(child.schema, new)
        if change.action == "set default":
            if all(complete[p] == value for p, value in zip(constraint.columns, change.old)):
                self.require_again(change, child)
            self.note_child(child, constraint, complete)
        self.update(child.schema.id, ref, row, complete)

    def require_again(self, change: ParentChange, child: Store) -> None:
        """The default is the key that has gone: nothing is changed if nobody else has it now."""
        with self.newest_state():
            if self.find_parent(change.parent, change.constraint, change.old) is None:
                raise still_referenced(change, child)

    def completed(self, table: schema.Table, row: list[Any]) -> Row:
        """A row that an action has changed, with its generated columns; raises CheckViolation."""
        for column in table.columns:
            if column.generated is not None and not column.dropped:
                row[column.position] = self.row_function(table, column.generated)(tuple(row))
        complete = tuple(row)
        for check in table.checks:
            if self.row_function(table, check.expression)(complete) is False:
                raise CheckViolation(
                    f'new row for relation "{table.name}" violates check constraint "{check.name}"',
                    detail=failing_row(table, complete),
                    constraint=check.name, table=table.name,
                )
        return complete

    def children(self, child: Store, constraint: schema.ForeignKey, values: Row) -> Iterator[tuple[Ref, Row]]:
        """The child rows with these values, through an index whose key begins with them if there is one."""
        wanted = constraint.columns
        for index in child.schema.indexes:
            positions = tuple(k.position for k in index.keys[: len(wanted)])
            if sorted(map(str, positions)) == sorted(map(str, wanted)) and index.where is None:
                low, high = prefix_cuts(child, index, dict(zip(wanted, values)), len(wanted))
                for refs, rows in self.range(child.schema.id, index.id, low, high):
                    yield from zip(refs, rows)
                return
        for refs, rows in self.scan(child.schema.id):
            for ref, row in zip(refs, rows):
                if tuple(row[p] for p in wanted) == values:
                    yield ref, row


def parent_key(parent: Store, constraint: schema.ForeignKey, values: Row) -> tuple[int, Key]:
    """The unique index behind the referenced columns, and the key there."""
    wanted = dict(zip(constraint.parent_columns, values))
    for index in parent.schema.indexes:
        positions = [k.position for k in index.keys]
        if index.unique and index.where is None and len(positions) == len(wanted) and set(positions) == set(wanted):
            return index.id, key_from(parent, index, wanted)
    raise AssertionError("a foreign key without a unique index on its parent")


def key_from(store: Store, index: schema.Index, values: dict[int, Any]) -> Key:
    parts = tuple(values[k.position] for k in index.keys if k.position in values)
    make = key_maker([key_column(k, i, True) for i, k in enumerate(index.keys) if k.position in values])
    return make(parts)


def prefix_cuts(store: Store, index: schema.Index, values: dict[int, Any], length: int) -> Any:
    """Cuts around all entries whose first columns have `values`."""
    key = key_from(store, index, values)
    if len(index.keys) == length:
        return (key, 0), (key, 1)
    prefix = key if isinstance(key, tuple) else (key,)
    return (prefix, 0), ((*prefix, HIGHEST), 1)


def still_referenced(change: ParentChange, child: Store) -> ForeignKeyViolation:
    constraint, parent = change.constraint, change.parent
    return ForeignKeyViolation(
        f'update or delete on table "{parent.name}" violates foreign key constraint '
        f'"{constraint.name}" on table "{child.name}"',
        detail=f"{columns_key(parent.schema, constraint.parent_columns, change.old)} "
        f'is still referenced from table "{child.name}".',
        constraint=constraint.name, table=child.name,
    )
