"""Locks of tables, of names, and of the whole database.

    weak[table]  in the transaction: modes that only conflict with strong ones, taken without the latch
    table_locks  lock objects of the tables that somebody wants, or wanted, for himself

Modes of a table that only conflict with strong ones are noted in the transaction alone (`weak`), without the latch,
while the table has no lock object in `table_locks`. Who puts one there does so first and gathers the notes then; who
makes a note looks afterwards whether there is an object. So one of them sees the other (invariant 5 of `manager`). The
lock of the whole database is one of them, and stands there while somebody wants the database for himself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from minidb.errors import LockNotAvailable
from minidb.txn.lock_waits import LockWaits
from minidb.txn.locks import (
    DATABASE_CONFLICTS,
    DATABASE_MODES,
    NAME_CONFLICTS,
    NAME_MODES,
    TABLE_CONFLICTS,
    TABLE_MODES,
    ModeLock,
    Request,
)
from minidb.txn.transaction import Transaction
from minidb.txn.waiting import Waiting

TABLE_MODE = {mode: number for number, mode in enumerate(TABLE_MODES)}
ACCESS_EXCLUSIVE, ROW_EXCLUSIVE = TABLE_MODE["access exclusive"], TABLE_MODE["row exclusive"]
DATABASE = 0  # stands for the whole database where tables stand by their ids
SHARED = 0  # mode of the database lock


class TableLocks(LockWaits):
    """
    Attributes:
        strong_locks: table locks ever granted in a mode that keeps readers out.
        idle_locks: of tables that nobody locks, kept to be used again.
        title_of: what people call a table.
    """

    def __init__(self, waiting: Waiting | None) -> None:
        super().__init__(waiting)
        self.table_locks: dict[int, ModeLock] = {}
        self.strong_locks = 0
        self.idle_locks: dict[int, ModeLock] = {}
        self.names: dict[str, ModeLock] = {}
        self.database_lock = ModeLock("database", DATABASE, "the database", DATABASE_MODES, DATABASE_CONFLICTS)
        self.title_of: Callable[[int], str] = str

    def lock_database(self, txn: Transaction, mode: int) -> None:
        if not txn.weak.get(DATABASE, 0) >> mode & 1:
            if mode != SHARED or not self.note_weak(txn, DATABASE, mode):
                self.acquire(txn, "database", DATABASE, "", mode)

    def lock_table(self, txn: Transaction, table: int, mode: str, title: str, nowait: bool = False) -> None:
        number = TABLE_MODE[mode]
        if txn.weak.get(table, 0) >> number & 1:
            return
        if number > ROW_EXCLUSIVE or not self.note_weak(txn, table, number):
            self.acquire(txn, "table", table, title, number, nowait)

    def note_weak(self, txn: Transaction, table: int, number: int) -> bool:
        """Takes a weak mode of a table that nobody wants for himself (invariant 5); False if somebody does."""
        weak = txn.weak
        before = weak.get(table, 0)
        weak[table] = before | 1 << number
        if table in self.table_locks:
            weak[table] = before
            return False
        if txn.nested and table != DATABASE:  # whose lock belongs to the transaction, not to a savepoint
            txn.undo.append((None, table, before))
        return True

    def lock_name(self, txn: Transaction, name: str) -> None:
        self.acquire(txn, "name", name, name, 0)

    def acquire(self, txn: Transaction, kind: str, key: Any, title: str, mode: int, nowait: bool = False) -> None:
        """Takes a table, name or database lock, waiting for it if needed."""
        with self.latch:
            lock = self.find_lock(kind, key, title)
            previous = lock.holders.get(txn, 0)
            if previous >> mode & 1:
                if kind != "name" and not txn.weak.get(key, 0) >> mode & 1:  # was gathered while it was being noted
                    self.remember(txn, lock, previous & ~(1 << mode))
                return
            if not lock.queue and not lock.held_modes & lock.conflicts[mode]:  # most often; `try_now` knows the rest
                lock.holders[txn] = previous | 1 << mode
                lock.held_modes |= 1 << mode
                granted = True
            else:
                granted = lock.try_now(txn, mode)
            if granted:
                self.remember(txn, lock, previous)
                if mode == ACCESS_EXCLUSIVE:
                    self.strong_locks += 1
                return
            if nowait:
                raise LockNotAvailable(f"could not obtain lock on {lock.title}")
            request = lock.enqueue(Request(txn, lock, mode))
            self.begin_wait(txn, request)
        try:
            self.park(txn, request)
        finally:
            if request.granted:  # also when an interrupt came after the grant
                with self.latch:
                    self.remember(txn, lock, previous)
                    self.strong_locks += mode == ACCESS_EXCLUSIVE

    def readers_kept_out(self, tables: Iterable[tuple[int, str]]) -> bool:
        """Whether somebody holds, or waits for, a lock on one of the tables that a plain read would wait for."""
        locks = self.table_locks
        if locks:
            for table, _ in tables:
                lock = locks.get(table)
                if lock is not None and (lock.queue or any(m >> ACCESS_EXCLUSIVE for m in list(lock.holders.values()))):
                    return True
        return False

    # -- the lock objects, under the latch

    def find_lock(self, kind: str, key: Any, title: str) -> ModeLock:
        table: dict[Any, ModeLock] = self.names if kind == "name" else self.table_locks
        lock = table.get(key)
        if lock is None:
            if kind == "database":
                lock = self.database_lock
            elif kind == "table" and key in self.idle_locks:
                lock = self.idle_locks.pop(key)
            elif kind == "table":
                lock = ModeLock(kind, key, f"table {title}", TABLE_MODES, TABLE_CONFLICTS)
            else:
                lock = ModeLock(kind, key, f"the name {title}", NAME_MODES, NAME_CONFLICTS)
            table[key] = lock
            if kind != "name":
                self.gather_weak(lock)
        return lock

    def gather_weak(self, lock: ModeLock) -> None:
        """The lock has just been put in place: those who hold the table weakly hold it from now on (invariant 5)."""
        for txn in list(self.active):
            mask = txn.weak.get(lock.key, 0)
            if mask:
                lock.hold(txn, mask)
                txn.locks[id(lock)] = lock

    def remember(self, txn: Transaction, lock: ModeLock, previous: int) -> None:
        txn.locks[id(lock)] = lock
        mask = lock.holders.get(txn, 0)
        if lock.kind != "name":
            txn.weak[lock.key] = mask
        if txn.nested and lock is not self.database_lock and mask != previous:
            txn.undo.append((lock, None, previous))

    def release_locks(self, txn: Transaction) -> None:
        """Of tables, names and the database."""
        for lock in txn.locks.values():
            lock.holders.pop(txn, None)
            if lock.queue:
                self.wake_granted(lock.pump())
            if not lock.holders and not lock.queue:
                self.forget_lock(lock)
        txn.locks = {}

    def forget_lock(self, lock: ModeLock) -> None:
        if lock.kind == "name":
            self.names.pop(lock.key, None)
        elif self.table_locks.pop(lock.key, None) is not None:
            lock.held_modes = 0
            if lock.kind == "table":
                self.idle_locks[lock.key] = lock

    def undo_weak(self, txn: Transaction, table: int, before: int) -> None:
        """Gives weak modes of a table back to what they were."""
        txn.weak[table] = before
        lock = self.table_locks.get(table)
        if lock is not None and txn in lock.holders:
            self.wake_granted(lock.set_held(txn, before))
            if not before:
                txn.locks.pop(id(lock), None)


__all__ = ["DATABASE", "ROW_EXCLUSIVE", "SHARED", "TABLE_MODE", "TableLocks"]
