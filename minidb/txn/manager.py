"""Transactions: begin, commit, abort, savepoints, waiting. The composition of the transaction floor's parts.

    begin --> active --> (prepare) --> number assigned --> durable --> published --> ended
                 |  \\-- rollback to savepoint: undo in place
                 \\--> aborting --> unlinked --> ended

Invariants, cited by number where they are guarded:

 1. `latch` is innermost and short: no I/O, sync, wait, encoding or user code under it (R69).
 2. The number and the log record are one hold; publishing goes in number order (R1, R2).
 3. From the number on nothing can stop a commit: no interrupt, victim choice or time limit (R11).
 4. A transaction waits for at most one request at a time, and every wait goes through `park`.
 5. Modes of a table that only conflict with strong ones are noted in the transaction alone (`weak`), without the latch,
    while the table has no lock object in `table_locks`. Who puts one there does so first and gathers the notes then;
    who makes a note looks afterwards whether there is an object. So one of them sees the other. The lock of the whole
    database is one of them, and stands there while somebody wants the database for himself.
 6. A snapshot is registered before anybody can trim what it sees (R27): `views` first gets 0, then the number read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from minidb.errors import (
    DatabaseFailed,
    DeadlockDetected,
    LockNotAvailable,
    QueryCanceled,
    ReadOnlyTransaction,
    RetryableError,
)
from minidb.isolation import IsolationLevel
from minidb.latches import Latch, give_way, make_latch
from minidb.txn.conflicts import Conflicts
from minidb.txn.isolation import POLICIES
from minidb.txn.locks import (
    DATABASE_CONFLICTS,
    DATABASE_MODES,
    NAME_CONFLICTS,
    NAME_MODES,
    TABLE_CONFLICTS,
    TABLE_MODES,
    Ending,
    ModeLock,
    Request,
    Resource,
    Wait,
    choose_victim,
    find_cycle,
)
from minidb.txn.parked_views import parked_write
from minidb.txn.past import Author, Past
from minidb.txn.sequences import drawn_queued, drawn_settled, needs_log
from minidb.txn.transaction import Savepoint, Transaction
from minidb.txn.transaction_memory import take_back, weigh
from minidb.txn.trimming import Trimmer
from minidb.txn.versions import ABORTED, PENDING, Committed, Owner, Version
from minidb.txn.views import Views
from minidb.txn.waiting import Parking, Threads, Waiting

if TYPE_CHECKING:
    from minidb.txn.store import Store

FEW = 100  # changes and row locks that are undone in somebody else's name
SLICE = 500  # versions that are unlinked or handed over, and row locks that are released, in one hold
CHUNK = 20_000  # changes after which a transaction begins to write ahead into the log
TABLE_MODE = {mode: number for number, mode in enumerate(TABLE_MODES)}
ACCESS_EXCLUSIVE, ROW_EXCLUSIVE = TABLE_MODE["access exclusive"], TABLE_MODE["row exclusive"]
DATABASE = 0  # stands for the whole database where tables stand by their ids
SHARED = 0  # mode of the database lock
TRIM = 8  # rows whose old versions are looked at per commit
LOOKED_AT = 15  # bits of the number of changed rows that are 0 when somebody looks whether a checkpoint is due


class CommitLog(Protocol):
    """What a commit needs of the log (storage.log.Log)."""

    def reserve(self, size: int) -> None: ...

    def queue(self, number: int, payload: bytes, durability: str, time_us: int, transaction_id: int = 0) -> Any: ...

    def settle(self, ticket: Any) -> None: ...

    def pass_through(self, number: int, payload: bytes, durability: str, time_us: int) -> bool: ...

    def chunk(self, transaction_id: int, payload: bytes) -> None: ...

    def unreserve(self, size: int) -> None: ...

    def forget(self, transaction_id: int) -> None: ...


class Manager:
    """All transactions of one database."""

    def __init__(self, *, published: int = 0, waiting: Waiting | None = None,
                 clock: Callable[[], float] | None = None) -> None:
        self.latch: Latch = make_latch()
        self.published = published
        self.assigned = published
        self.horizon = published  # up to here versions may have been trimmed
        self.past = Past(self, clock or (lambda: 0.0))
        self.waiting: Waiting = waiting or Threads()
        self.clock = clock or (lambda: 0.0)
        self.conflicts = Conflicts(self.wake_victim)
        self.next_id = 1
        self.active: dict[Transaction, None] = {}
        self.views = Views()
        self.table_locks: dict[int, ModeLock] = {}
        self.strong_locks = 0  # table locks ever granted in a mode that keeps readers out
        self.idle_locks: dict[int, ModeLock] = {}  # of tables that nobody locks, kept to be used again
        self.names: dict[str, ModeLock] = {}
        self.database_lock = ModeLock("database", DATABASE, "the database", DATABASE_MODES, DATABASE_CONFLICTS)
        self.committing: dict[int, Transaction] = {}
        self.trimmer = Trimmer(self)
        self.trim_queue = self.trimmer.queue
        self.log: CommitLog | None = None
        self.title_of: Callable[[int], str] = str  # what people call a table
        self.encode: Callable[[Transaction], bytes] = lambda txn: b""
        self.encode_chunk: Callable[[Transaction], bytes] = lambda txn: b""
        self.before_first_write: Callable[[], None] | None = None
        self.on_redefined: Callable[[Transaction], None] | None = None  # under the latch: its catalog is published
        self.on_outdated: Callable[[Store], None] = outdate  # under the latch: a table differs from its statistics
        self.on_grown: Callable[[], None] | None = None  # under the latch, now and then: log and delta have grown
        self.delta_rows = 0  # changed rows since the last checkpoint began
        self.failed: Exception | None = None
        self.keeping = 0  # not 0 while somebody keeps the log: records then carry old rows; each time another number

    # -- beginning

    def begin(self, level: IsolationLevel, *, session_name: str = "", read_only: bool = False,
              deferrable: bool = False, durability: str = "full", parking: Parking | None = None) -> Transaction:
        txn = Transaction(0, POLICIES[level], session_name, read_only, deferrable, parking)
        txn.durability = durability
        txn.started = self.clock()
        with self.latch:
            txn.id = self.next_id
            self.next_id += 1
            self.active[txn] = None
        return txn

    def start_statement(self, txn: Transaction, text: str) -> None:
        """What comes before anything else of a statement: doom, interrupt, and the level's database lock (R54, R60)."""
        self.check(txn)
        txn.start_statement(text)
        mode = txn.policy.database_mode(txn, False)
        if mode is not None:
            self.lock_database(txn, mode)

    def take_snapshot(self, txn: Transaction) -> None:
        """After the table locks are granted (R27)."""
        policy = txn.policy
        if policy.keeps_snapshot and txn.snapshot >= 0:
            txn.statement_snapshot = txn.snapshot
        elif policy.can_be_victim:
            self.take_tracked_snapshot(txn)
        else:
            views = self.views
            views[txn] = 0
            published = views[txn] = self.published
            txn.snapshot = txn.statement_snapshot = PENDING if policy.reads_uncommitted else published
            if not txn.concurrent_from:
                txn.concurrent_from = published

    def take_tracked_snapshot(self, txn: Transaction) -> None:
        """That of a transaction that the graph must know of from the same moment on."""
        if txn.deferrable and txn.read_only:
            self.take_safe_snapshot(txn)
            return
        self.views[txn] = 0
        with self.latch:
            self.take_snapshot_now(txn)

    def take_snapshot_now(self, txn: Transaction) -> None:
        self.views[txn] = txn.snapshot = txn.statement_snapshot = txn.concurrent_from = self.published
        self.conflicts.begin(txn)

    def take_safe_snapshot(self, txn: Transaction) -> None:
        """DEFERRABLE: waits until a snapshot is known to be safe; takes another one if it was not (R63)."""
        while True:
            self.views[txn] = 0
            with self.latch:
                self.take_snapshot_now(txn)
                others = list(txn.unsafe_with or ())
            for other in others:
                self.await_end(txn, other, "a safe snapshot")
            with self.latch:
                if txn.safe:
                    return
                self.conflicts.withdrawn(txn)

    def enter_statement(self, txn: Transaction, text: str, modes: Iterable[tuple[int, int]]) -> None:
        """`start_statement`, the table locks and `take_snapshot` in one, for a transaction that has begun."""
        if txn.doomed is not None or txn.interrupted:
            self.check(txn)
        txn.start_statement(text)
        if txn.in_graph and not txn.weak.get(DATABASE):
            mode = txn.policy.database_mode(txn, False)
            if mode is not None:
                self.lock_database(txn, mode)
        weak = txn.weak
        for table, number in modes:
            if not weak.get(table, 0) >> number & 1:
                if number > ROW_EXCLUSIVE or not self.note_weak(txn, table, number):
                    self.acquire(txn, "table", table, self.title_of(table), number)
        self.take_snapshot(txn)

    def end_statement(self, txn: Transaction) -> None:
        txn.busy = False
        if not txn.policy.keeps_snapshot:
            self.views.pop(txn, None)

    def oldest_view(self) -> int:
        """Nothing at or below this number that was replaced by something at or below it can still be seen."""
        oldest = self.views.oldest(self.published)
        self.horizon = max(self.horizon, oldest)
        return oldest

    def before_write(self, txn: Transaction, temporary: bool = False, command: str = "a change") -> None:
        """Asked once per writing statement, `command`. Read-only transactions may write what is `temporary`."""
        if self.failed is not None:  # reads go on at the last published number (R5)
            raise DatabaseFailed("the database has failed and must be reopened", detail=str(self.failed))
        if txn.read_only and not temporary:
            raise ReadOnlyTransaction(f"cannot execute {command} in a read-only transaction")
        if len(txn.changes) + len(txn.row_locks) - txn.weighed >= CHUNK:
            self.spill(txn)
        if not txn.weak.get(DATABASE):
            mode = txn.policy.database_mode(txn, True)
            if mode is not None:
                self.lock_database(txn, mode)
            if txn.parked is not None and txn.policy.keeps_snapshot and not temporary:
                raise parked_write()

    # -- locks

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

    # -- waiting

    def begin_wait(self, txn: Transaction, request: Request) -> None:
        """Registers a wait and looks for a deadlock, in the hold that decided it (R53). May raise DeadlockDetected."""
        txn.waiting = request
        while not request.granted:
            cycle = find_cycle(request)
            if cycle is None:
                return
            if not self.let_pass(cycle):
                self.break_deadlock(txn, cycle)

    def search_again(self, resource: Resource) -> None:
        """Somebody has become a holder behind those who wait: looks for deadlocks in their place."""
        for request in list(resource.queue):
            while request.txn.waiting is request and (cycle := find_cycle(request)) is not None:
                if not self.let_pass(cycle):
                    self.fail_waiting(choose_victim(cycle, request.txn), cycle)

    def let_pass(self, cycle: list[Wait]) -> bool:
        """Breaks a cycle that goes through a place in a queue by letting that waiter pass (R51)."""
        soft = next((wait for wait in reversed(cycle) if not wait.hard), None)
        if soft is None or soft.in_front is None:
            return False
        soft.request.passed.add(id(soft.in_front))
        self.wake_granted(soft.request.resource.pump())
        return True

    def break_deadlock(self, txn: Transaction, cycle: list[Wait]) -> None:
        victim = choose_victim(cycle, txn)
        if victim is txn:
            self.stop_waiting(txn)
            raise deadlock(cycle)
        self.fail_waiting(victim, cycle)

    def fail_waiting(self, victim: Transaction, cycle: list[Wait]) -> None:
        victim.wait_error = deadlock(cycle)
        self.stop_waiting(victim)
        self.waiting.wake(victim.parking)

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

    def unlink_changes(self, txn: Transaction, most: int) -> None:
        changes = txn.changes
        for _ in range(min(most, len(changes))):
            store, ref, version = changes.pop()
            store.unlink(ref, version)

    def stop_waiting(self, txn: Transaction) -> None:
        request = txn.waiting
        txn.waiting = None
        if request is not None and not request.granted:
            self.wake_granted(request.resource.cancel(request))

    def wake_victim(self, txn: Transaction) -> None:
        """Wakes a waiting transaction that must not go on (doomed by SSI, interrupted). Under the latch."""
        if txn.waiting is not None:
            self.stop_waiting(txn)
            self.waiting.wake(txn.parking)

    def wake_granted(self, requests: Iterable[Request]) -> None:
        for request in requests:
            if request.txn.waiting is request:
                request.txn.waiting = None
                self.waiting.wake(request.txn.parking)

    def park(self, txn: Transaction, request: Request) -> None:
        """Waits, without the latch, until `request` is granted; raises what stopped the wait otherwise."""
        if txn.on_wait is not None and not request.granted:
            txn.on_wait(request.words())
        try:
            while not request.granted:
                if not self.waiting.park(txn.parking, txn.lock_timeout):
                    self.give_up(txn, request)
                if txn.wait_error is not None or txn.interrupted or txn.doomed is not None:
                    break
        finally:
            with self.latch:
                self.stop_waiting(txn)
                error, txn.wait_error = txn.wait_error, None  # also when a time limit came together with it
            txn.parking.woken = False
            if txn.on_wait is not None:
                txn.on_wait(None)
        if error is not None:
            raise error
        self.check(txn)

    def give_up(self, txn: Transaction, request: Request) -> None:
        """The lock timeout has passed."""
        with self.latch:
            if not request.granted:
                self.stop_waiting(txn)
                raise LockNotAvailable(
                    "canceling statement due to lock timeout", detail=f"It waited for {request.words()}."
                )

    def await_end(self, txn: Transaction, other: Transaction, why: str = "") -> None:
        with self.latch:
            request = self.ending_of(txn, other, why)
            if request is None:
                return
            self.begin_wait(txn, request)
        self.park(txn, request)

    def ending_of(self, txn: Transaction, other: Transaction, why: str = "") -> Request | None:
        """A request for the end of `other`; None if it has ended. Under the latch."""
        if other not in self.active:
            return None
        ending = Ending(other, why)
        other.ending_waiters = [*other.ending_waiters, ending]
        return ending.enqueue(Request(txn, ending))

    def check(self, txn: Transaction) -> None:
        """Safe point: interrupts and dooms show here (R60, R72)."""
        if txn.interrupted:
            txn.interrupted = False
            raise QueryCanceled("canceling statement due to user request")
        if txn.doomed is not None:
            raise txn.doomed

    def interrupt(self, txn: Transaction) -> None:
        """From any thread or signal handler: the statement of `txn` stops at its next safe point, or stops waiting.

        Takes no latch: a signal handler may run in a thread that holds it (R72)."""
        txn.interrupted = True
        self.waiting.wake(txn.parking)

    # -- savepoints

    def rollback_to(self, txn: Transaction, savepoint: Savepoint) -> None:
        """Undoes everything after `savepoint`; gives back row and table locks of after it, never reads (R52)."""
        while len(txn.changes) > savepoint.changes:
            with self.latch:
                for _ in range(min(SLICE, len(txn.changes) - savepoint.changes)):
                    self.undo_change(txn, *txn.changes[-1])
                    txn.changes.pop()
            give_way(self.latch)
        while len(txn.undo) > savepoint.undo:  # afterwards: a lock stays as long as what it was taken for
            with self.latch:
                for _ in range(min(SLICE, len(txn.undo) - savepoint.undo)):
                    self.undo_lock(txn, *txn.undo[-1])
                    txn.undo.pop()
            give_way(self.latch)
        while len(txn.schema_undo) > savepoint.schema_undo:
            txn.schema_undo.pop()()
        txn.chunked = min(txn.chunked, len(txn.changes))
        take_back(txn)
        txn.catalog, txn.catalog_base = savepoint.catalog, savepoint.catalog_base
        txn.deferred = txn.deferred[: savepoint.deferred]
        txn.constraint_modes = savepoint.constraint_modes
        with self.latch:
            self.end_waits(txn)  # whoever waited for what is undone begins again, and waits again if there is cause

    def end_waits(self, txn: Transaction) -> None:
        for ending in txn.ending_waiters:
            ending.ended = True
            self.wake_granted(ending.pump())
        txn.ending_waiters = []

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

    def undo_weak(self, txn: Transaction, table: int, before: int) -> None:
        """Gives weak modes of a table back to what they were."""
        txn.weak[table] = before
        lock = self.table_locks.get(table)
        if lock is not None and txn in lock.holders:
            self.wake_granted(lock.set_held(txn, before))
            if not before:
                txn.locks.pop(id(lock), None)

    # -- ending

    def commit(self, txn: Transaction) -> None:
        """Makes the transaction durable as its level demands, and visible; raises the reason if it cannot, having
        rolled it back."""
        try:
            self.log_and_publish(txn)
        finally:
            if txn.state == "committed" and (txn.changes or txn.row_locks):
                self.finish(txn)

    def log_and_publish(self, txn: Transaction) -> None:
        try:
            self.prepare(txn)
        except BaseException:
            self.abort(txn)
            raise
        if not txn.wrote and txn.catalog is None and (txn.drawn is None or not needs_log(txn)):
            self.commit_reader(txn)
            return
        assert self.log is not None
        try:
            if self.before_first_write is not None:
                self.before_first_write()
            if txn.durability != "full" and self.commit_at_once(txn):
                return
            ticket = self.log_commit(txn)
            while ticket is None:
                if txn.doomed is not None:
                    raise txn.doomed
                ticket = self.log_commit(txn)
        except BaseException:
            self.abort(txn)
            raise
        self.settle(ticket)

    def settle(self, ticket: Any) -> None:
        """Waits until the commit that has this place in the log is published."""
        assert self.log is not None
        try:
            self.log.settle(ticket)
        except Exception as error:
            self.fail(error)
            raise

    def prepare(self, txn: Transaction) -> None:
        """Runs the deferred checks."""
        while txn.deferred:
            self.check(txn)
            checks, txn.deferred = txn.deferred, []
            txn.statement += 1
            for check in checks:
                check.run()
        self.check(txn)

    def log_commit(self, txn: Transaction) -> Any:
        """Encodes, reserves, and assigns the number; None if the transaction is doomed, or if somebody has begun to
        keep the log meanwhile, so that the record must be made again (`records`)."""
        assert self.log is not None
        keeping = self.keeping
        payload = self.encode(txn)
        self.log.reserve(len(payload))
        with self.latch:
            if txn.doomed is None and keeping == self.keeping:
                return self.assign(txn, payload)
        self.log.unreserve(len(payload))
        return None

    def commit_at_once(self, txn: Transaction) -> bool:
        """An `off` or `normal` commit while nobody else's is on its way: number, log record and publishing in one hold.
        False if it has to take the long way."""
        if self.published != self.assigned or txn.spilled or txn.drawn is not None or self.failed is not None:
            return False
        keeping = self.keeping
        payload = self.encode(txn)
        with self.latch:
            if txn.doomed is not None or keeping != self.keeping:
                return False
            number = self.pass_through(payload, txn.durability)
            if not number:
                return False
            txn.number = number
            if txn.in_graph:
                self.conflicts.assigned(txn)
            self.publish_one(txn, number)
            self.trim(TRIM)
        return True

    def pass_through(self, payload: bytes, durability: str) -> int:
        """The number of a commit that the log has taken at once (`Log.pass_through`), 0 if something else is on its
        way. Under the latch, in the hold that publishes it."""
        log, number = self.log, self.assigned + 1
        assert log is not None
        try:
            if self.published == self.assigned:
                if log.pass_through(number, payload, durability, int(self.clock() * 1_000_000)):
                    self.assigned = number
                    return number
        except Exception as error:
            self.fail(error)
            raise
        return 0

    def assign(self, txn: Transaction, payload: bytes) -> Any:
        """The point of no return (invariants 2 and 3): number, SSI check and log record in one hold."""
        assert self.log is not None
        number = self.assigned + 1
        ticket = self.log.queue(
            number, payload, txn.durability, int(self.clock() * 1_000_000), txn.id if txn.spilled else 0
        )
        self.assigned = txn.number = number
        self.committing[number] = txn
        if txn.drawn is not None:
            drawn_queued(txn)
        if txn.in_graph:
            self.conflicts.assigned(txn)
        return ticket

    def publish(self, tickets: Iterable[Any]) -> None:
        """Called by the log's leader for each batch, in number order: visible, then locks released, then woken."""
        with self.latch:
            for ticket in tickets:
                self.publish_one(self.committing.pop(ticket.number), ticket.number)
            self.trim(TRIM)

    def publish_one(self, txn: Transaction, number: int) -> None:
        """Under the latch, in number order."""
        self.published = number
        if self.past.keepers:
            self.past.note(number, author_of(txn))
        if txn.drawn is not None:
            drawn_settled(txn)
        if txn.catalog is not None:
            self.idle_locks.clear()  # their titles may be of the past
            if self.on_redefined is not None:
                self.on_redefined(txn)
        if len(txn.changes) <= SLICE:
            owner = txn if txn.in_graph else Committed(txn.id, number, txn.session_name, txn.texts)
            self.hand_over(number, owner, txn.changes, not self.views or (len(self.views) == 1 and txn in self.views))
            txn.changes = []
        if txn.in_graph:
            txn.policy.committed(txn, self)  # not before: until now its locks themselves hold writers up
        self.release(txn, True)

    def finish(self, txn: Transaction) -> None:
        """What publishing has left of a large transaction, by its own thread: its versions keep their owner, which is
        visible already (R3); what they have replaced and the row locks are given up in slices. So nobody waits for the
        latch while that is done for a million rows."""
        number, changes = int(txn.number), txn.changes
        while changes or txn.row_locks:
            with self.latch:
                self.hand_over(number, txn, changes[-SLICE:], not self.views)
                del changes[-SLICE:]
                self.release_rows(txn, SLICE)
                self.trim(TRIM)
            give_way(self.latch)

    def hand_over(self, number: int, owner: Owner, changes: Sequence[tuple[Store, Any, Version]], unseen: bool) -> None:
        """Versions published as `number` get the owner that stays, and what lies below them is handed over to who
        removes it. Where nobody can look at it any more (R27: `unseen` is asked after publishing), and no entry goes
        with it, it is removed at once."""
        for store, ref, version in changes:
            version.owner = owner
            older = version.older
            if older is not None:
                if unseen and version.keyed is None and older.older is None:
                    version.older = None
                    if number > self.horizon:
                        self.horizon = number
                else:
                    self.trim_queue.append((number, store, ref))
            if store.changes >= store.changes_allowed and not store.outdated:
                self.on_outdated(store)
        before = self.delta_rows
        self.delta_rows = rows = before + len(changes)
        if (before ^ rows) > LOOKED_AT or not changes:
            if self.on_grown is not None:
                self.on_grown()

    def trim(self, most: int) -> None:
        """Vacuum, a few rows at a time: what nobody can see any more goes (R28)."""
        if self.trim_queue or self.trimmer.waiting:
            self.trimmer.trim(most)

    def commit_reader(self, txn: Transaction) -> None:
        with self.latch:
            if txn.in_graph:
                txn.number = self.assigned + 0.5  # type: ignore[assignment]  # after everybody assigned so far
                if self.conflicts.unsettled:
                    self.conflicts.settle_read_only(txn)
                txn.policy.committed(txn, self)
            self.release(txn, True)

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

    def spill(self, txn: Transaction) -> None:
        """Writes a large transaction's changes ahead into the log (R6), and bounds them (R30). Nothing is written once
        it has redefined a table: a chunk with rows of the new form could not be read if the form is rolled back to a
        savepoint."""
        if len(txn.changes) + len(txn.row_locks) - txn.weighed < CHUNK:
            return
        size = 0
        if self.log is not None and not txn.redefined:
            payload = self.encode_chunk(txn)
            self.log.chunk(txn.id, payload)
            txn.chunked = len(txn.changes)
            txn.spilled = True
            size = len(payload)
        weigh(txn, size)

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

    def fail(self, error: BaseException) -> None:
        """After a broken critical section or a commit whose outcome is unknown: nothing more is accepted (R4, R72)."""
        if self.failed is None:
            self.failed = error if isinstance(error, Exception) else RuntimeError(repr(error))


def deadlock(cycle: list[Wait]) -> DeadlockDetected:
    detail = "; ".join(wait.words() for wait in cycle) + "."
    return DeadlockDetected(
        "deadlock detected",
        detail=detail,
        hint="The transaction might succeed if retried.",
        cycle=tuple(wait.facts() for wait in cycle),
    )


def outdate(store: Store) -> None:
    store.outdated = True


def author_of(txn: Transaction) -> Author:
    """What is kept about a transaction for as long as its commit can be read."""
    changed = {(id(store), ref) for store, ref, _ in txn.changes}
    return txn.id, txn.session_name, txn.policy.level, len(changed)


__all__ = ["PENDING", "Manager", "Savepoint", "Transaction"]
