"""Writing: the verbs that change rows, and what is done when a statement has changed all of its own.

Each verb asks whether the transaction may write at all, locks the row where its change needs more than the version
itself says, and has it installed (`installing`). ON CONFLICT probes, locks what is in the way, and looks again (R42).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from minidb.errors import CardinalityViolation
from minidb.garbage import lasting
from minidb.keys import Row
from minidb.latches import give_way
from minidb.storage.interface import Ref
from minidb.txn.installing import Installer
from minidb.txn.intervals import key_words
from minidb.txn.row_change import Change
from minidb.txn.row_locks import UPDATE
from minidb.txn.unique_keys import Clash

if TYPE_CHECKING:
    from minidb.txn.store import Store

BULK = 500  # rows that insert_many installs in one hold


class Writer(Installer):
    """The writing half of the door, for one transaction."""

    def insert(self, table: int, row: Row) -> Ref:
        return self.insert_row(self.store_of(table), row)

    def insert_row(self, store: Store, row: Row) -> Ref:
        self.manager.before_write(self.txn, store.schema.temporary, "INSERT")
        change = Change(store, None, None, row)
        ref = self.apply(change)
        self.inserted(store, row)
        return ref

    def update(self, table: int, ref: Ref, old: Row, new: Row) -> None:
        store = self.store_of(table)
        self.manager.before_write(self.txn, store.schema.temporary, "UPDATE")
        if store.key is not None:
            ref = store.key(old)  # where the newest row is: it may have moved since it was found
        if store.key is not None and store.key(new) != ref:
            self.move(store, ref, old, new)
            return
        change = Change(store, ref, old, new)
        if change.keyed and not store.row_mask(self.txn, ref) >> UPDATE & 1:
            self.lock_row(store, ref, old, UPDATE)
        self.tolerant = self.unsettled = True
        self.apply(change)
        self.updated(store, old, new)

    def delete(self, table: int, ref: Ref, old: Row) -> None:
        store = self.store_of(table)
        self.manager.before_write(self.txn, store.schema.temporary, "DELETE")
        if store.key is not None:
            ref = store.key(old)
        self.apply(Change(store, ref, old, None))
        self.deleted(store, old)

    def move(self, store: Store, ref: Ref, old: Row, new: Row) -> None:
        """The clustered primary key changes: a tombstone now, the insert when the statement ends (R33)."""
        assert store.key is not None
        self.lock_row(store, ref, old, UPDATE)
        self.apply(Change(store, ref, old, None), moved_to=store.key(new))
        self.moves.append((store, new))
        self.unsettled = True
        self.updated(store, old, new)

    def insert_many(self, table: int, rows: Sequence[Row]) -> None:
        store = self.store_of(table)
        self.manager.before_write(self.txn, store.schema.temporary, "INSERT")
        self.load_space(store)
        with lasting if len(rows) >= BULK else nullcontext():
            for start in range(0, len(rows), BULK):
                part = rows[start : start + BULK]
                if not self.insert_slice(store, part):
                    for row in part:
                        self.apply(Change(store, None, None, row))
                self.inserted_many(store, part)
                give_way(self.manager.latch)
                self.manager.check(self.txn)
                self.manager.spill(self.txn)

    # -- ON CONFLICT

    def insert_or_conflict(self, table: int, row: Row, arbiters: Sequence[int],
                           lock: bool) -> tuple[Ref | None, Ref | None, Row | None]:
        store = self.store_of(table)
        self.manager.before_write(self.txn, store.schema.temporary, "INSERT")
        change = Change(store, None, None, row)
        while True:
            clash = self.attempt(change, arbiters)
            if not isinstance(clash, Clash):
                self.inserted(store, row)
                return clash, None, None
            self.judge_clash(store, clash)
            if not lock:
                self.give_back(change)
                return None, clash.ref, clash.row
            self.refuse_second_change(change, clash)
            locked = self.lock_row(store, clash.ref, clash.row, UPDATE, came=clash.version)
            if locked is not None and self.still_clashes(store, clash, locked[0]):
                self.give_back(change)
                return None, locked[1], locked[0]

    def refuse_second_change(self, change: Change, clash: Clash) -> None:
        """The row in the way was put there by this statement (R42)."""
        version = clash.version
        if version is not None and version.owner is self.txn and version.statement >= self.statement:
            self.give_back(change)
            raise CardinalityViolation(
                "ON CONFLICT DO UPDATE command cannot affect row a second time",
                hint="Ensure that no rows proposed for insertion within the same command have duplicate constrained "
                "values.",
            )

    def still_clashes(self, store: Store, clash: Clash, row: Row) -> bool:
        return clash.index is None or clash.index.entry(row) == clash.key

    def judge_clash(self, store: Store, clash: Clash) -> None:
        """ON CONFLICT has met a row: a read of the newest state, which the snapshot may lack (R42)."""
        txn = self.txn
        relation = store.relation if clash.index is None else clash.index.relation
        with self.manager.latch:
            if not self.is_visible(clash.version):
                txn.policy.key_gone(txn, f"key {key_words(clash.key)} of {store.names.get(relation, store.name)}")
            if txn.policy.tracks_reads:
                txn.policy.duplicate(txn, self.manager, store, relation, clash.key, True)

    # -- the statement's end

    def finish_statement(self) -> None:
        """What is judged when all rows are changed: moved rows, doubtful keys, then foreign keys."""
        if self.unsettled:
            self.unsettled = False
            if self.moves or self.doubtful:
                self.settle_changes()
            self.tolerant = False
            self.check_references()
        self.manager.spill(self.txn)

    # -- hooks for foreign keys (txn.foreign_keys)

    def inserted(self, store: Store, row: Row) -> None: ...

    def inserted_many(self, store: Store, rows: Sequence[Row]) -> None: ...

    def updated(self, store: Store, old: Row, new: Row) -> None: ...

    def deleted(self, store: Store, old: Row) -> None: ...

    def check_references(self) -> None: ...
