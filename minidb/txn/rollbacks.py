"""Rolling back: to a savepoint, or all of it; and how a transaction lets go of what it holds.

    active --rollback_to--> active        the last changes and locks are undone in place, reads stay (R52)
    active --abort--> aborting --> ended  one store makes its versions invisible (R3), then they are unlinked in slices
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from minidb.errors import RetryableError
from minidb.latches import give_way
from minidb.txn.locks import ModeLock
from minidb.txn.snapshots import Snapshots
from minidb.txn.transaction import Savepoint, Transaction
from minidb.txn.transaction_memory import take_back
from minidb.txn.versions import ABORTED, Version

if TYPE_CHECKING:
    from minidb.txn.store import Store

FEW = 100  # changes and row locks that are undone in somebody else's name
SLICE = 500  # versions that are unlinked or handed over, and row locks that are released, in one hold


class CommitLog(Protocol):
    """What a commit needs of the log (storage.log.Log)."""

    last_number: int

    def reserve(self, size: int) -> None: ...

    def queue(self, number: int, payload: bytes, durability: str, time_us: int, transaction_id: int = 0) -> Any: ...

    def settle(self, ticket: Any) -> None: ...

    def pass_through(self, number: int, payload: bytes, durability: str, time_us: int) -> bool: ...

    def lead(self) -> bool: ...

    def place(self, number: int, size: int) -> bool: ...

    def write_alone(self, number: int, payload: bytes, time_us: int) -> None: ...

    def give_up(self, number: int, error: BaseException) -> Exception: ...

    def hand_on(self) -> None: ...

    def chunk(self, transaction_id: int, payload: bytes) -> None: ...

    def unreserve(self, size: int) -> None: ...

    def forget(self, transaction_id: int) -> None: ...


class Rollbacks(Snapshots):
    """How transactions, and parts of them, are undone."""

    log: CommitLog | None = None

    # -- all of it

    def abort(self, txn: Transaction) -> None:
        """Rolls back: one store makes its versions invisible (R3), then they are unlinked in slices."""
        if txn.state != "active":
            return
        txn.state = "aborting"
        with self.latch:
            self.stop_waiting(txn)
            txn.number = ABORTED
        for undo in reversed(txn.schema_undo):
            undo()
        with self.latch:
            for store in txn.redefined:
                store.retire_indexes()
        txn.catalog = None
        while txn.changes:
            with self.latch:
                self.unlink_changes(txn, SLICE)
            give_way(self.latch)
        if txn.spilled and self.log is not None:
            self.log.forget(txn.id)
        while len(txn.row_locks) > SLICE:
            with self.latch:
                self.release_rows(txn, SLICE)
            give_way(self.latch)
        with self.latch:
            self.release(txn, False)

    def unlink_changes(self, txn: Transaction, most: int) -> None:
        changes = txn.changes
        for _ in range(min(most, len(changes))):
            store, ref, version = changes.pop()
            store.unlink(ref, version)

    def fail_overtaken(self, lock: ModeLock) -> None:
        """A row has been changed for good: those who wait for it and would fail with it fail now, and give back what
        they hold. Else each would keep its rows, and this one, from the others until its thread runs."""
        for request in list(lock.queue):
            if request.judge is not None:
                try:
                    request.judge()
                except RetryableError as error:
                    request.txn.wait_error = error
                    self.stop_waiting(request.txn)
                    self.roll_back_waiting(request.txn)
                    self.waiting.wake(request.txn.parking)

    def roll_back_waiting(self, txn: Transaction) -> None:
        """`abort` in the name of one whose statement is about to fail, if that ends all of it and takes little. Under
        the latch."""
        last = not (txn.nested or txn.schema_undo or txn.redefined or txn.spilled or txn.catalog is not None)
        if last and txn.state == "active" and len(txn.changes) + len(txn.row_locks) <= FEW:
            txn.number = ABORTED
            self.unlink_changes(txn, FEW)
            self.release(txn, False)

    # -- to a savepoint

    def rollback_to(self, txn: Transaction, savepoint: Savepoint) -> None:
        """Undoes everything after `savepoint`; gives back row and table locks of after it, never reads (R52)."""
        self.undo_changes(txn, savepoint.changes)
        while len(txn.undo) > savepoint.undo:  # afterwards: a lock stays as long as what it was taken for
            with self.latch:
                for _ in range(min(SLICE, len(txn.undo) - savepoint.undo)):
                    self.undo_lock(txn, *txn.undo[-1])
                    txn.undo.pop()
            give_way(self.latch)
        while len(txn.schema_undo) > savepoint.schema_undo:
            txn.schema_undo.pop()()
        take_back(txn)
        txn.catalog, txn.catalog_base = savepoint.catalog, savepoint.catalog_base
        txn.deferred = txn.deferred[: savepoint.deferred]
        txn.constraint_modes = savepoint.constraint_modes
        with self.latch:
            self.end_waits(txn)  # whoever waited for what is undone begins again, and waits again if there is cause

    def undo_changes(self, txn: Transaction, kept: int) -> None:
        """Undoes all but the first `kept` changes."""
        while len(txn.changes) > kept:
            with self.latch:
                for _ in range(min(SLICE, len(txn.changes) - kept)):
                    self.undo_change(txn, *txn.changes[-1])
                    txn.changes.pop()
            give_way(self.latch)
        txn.chunked = min(txn.chunked, kept)

    def undo_change(self, txn: Transaction, store: Store, ref: Any, version: Version) -> None:
        """Undoes the last change."""
        store.unlink(ref, version)
        if len(txn.changes) <= txn.chunked:
            if not txn.compensate:
                txn.compensate = {}
            txn.compensate[store, ref] = None

    def undo_lock(self, txn: Transaction, held: Any, ref: Any, before: int) -> None:
        if held is None:
            self.undo_weak(txn, ref, before)
        elif isinstance(held, ModeLock):
            self.wake_granted(held.set_held(txn, before))
            if held.kind == "table":
                txn.weak[held.key] = before
            if not before:
                txn.locks.pop(id(held), None)
        else:
            self.wake_granted(held.set_row_lock(txn, ref, before))
            if not before and txn.row_locks and txn.row_locks[-1] == (held, ref):
                txn.row_locks.pop()

    # -- letting go, under the latch

    def release(self, txn: Transaction, committed: bool) -> None:
        """Ends the transaction: locks, intervals, waiters. Many row locks are left to `finish`. Under the latch."""
        txn.state = "committed" if committed else "aborted"
        self.active.pop(txn, None)
        self.views.pop(txn, None)
        if txn.locks:
            self.release_locks(txn)
        if txn.row_locks and len(txn.row_locks) <= SLICE:
            self.release_rows(txn, SLICE)
        if txn.interval_tables:
            for intervals in txn.interval_tables.values():
                self.wake_granted(intervals.release(txn))
            txn.interval_tables = {}
        if txn.ending_waiters:
            self.end_waits(txn)
        if txn.in_graph:
            self.conflicts.ended(txn, committed)
        if txn.undo:
            txn.undo = []

    def release_rows(self, txn: Transaction, most: int) -> None:
        """Under the latch."""
        locks = txn.row_locks
        for store, ref in locks[-most:]:
            lock = store.row_locks.get(ref)
            if type(lock) is ModeLock and lock.queue and txn.state == "committed":
                self.fail_overtaken(lock)
            granted = store.set_row_lock(txn, ref, 0)
            if granted:
                self.wake_granted(granted)
        del locks[-most:]


__all__ = ["SLICE", "CommitLog", "Rollbacks"]
