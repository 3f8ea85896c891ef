"""Transactions: begin, commit, abort, savepoints, waiting. The composition of the transaction floor's parts.

    begin --> active --> (prepare) --> number assigned --> durable --> published --> ended
                 |  \\-- rollback to savepoint: undo in place
                 \\--> aborting --> unlinked --> ended

Invariants, cited by number where they are guarded:

 1. `latch` is innermost and short: no I/O, sync, wait, encoding or user code under it (R69).
 2. The number and the log record are one hold; publishing goes in number order (R1, R2).
 3. From the number on nothing can stop a commit: no interrupt, victim choice or time limit (R11).
 4. A transaction waits for at most one request at a time, and every wait goes through `park`.
 5. A snapshot is registered before anybody can trim what it sees (R27): `views` first gets 0, then the number read.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
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
from minidb.txn.conflicts import READ_LOG, Conflicts, Edge
from minidb.txn.deferral import DeferredCheck, Modes
from minidb.txn.intervals import Cut
from minidb.txn.isolation import POLICIES, Policy
from minidb.txn.locks import (
    DATABASE_CONFLICTS,
    DATABASE_MODES,
    NAME_CONFLICTS,
    NAME_MODES,
    TABLE_CONFLICTS,
    TABLE_MODES,
    Ending,
    IntervalLocks,
    ModeLock,
    Request,
    Resource,
    Wait,
    choose_victim,
    find_cycle,
)
from minidb.txn.past import Past
from minidb.txn.sequences import SequenceState, drawn_queued, drawn_settled, needs_log
from minidb.txn.versions import ABORTED, PENDING, Owner, Version
from minidb.txn.waiting import Parking, Threads, Waiting

if TYPE_CHECKING:
    from minidb.schema import Catalog
    from minidb.txn.store import Store
    from minidb.txn.temporary import Temporary

SLICE = 2000  # versions that are unlinked in one hold
CHUNK = 20_000  # changes after which a transaction begins to write ahead into the log
ACCESS_EXCLUSIVE = TABLE_MODES.index("access exclusive")
TRIM = 8  # rows whose old versions are looked at per commit


class CommitLog(Protocol):
    """What a commit needs of the log (storage.log.Log)."""

    def reserve(self, size: int) -> None: ...

    def queue(self, number: int, payload: bytes, durability: str, time_us: int, transaction_id: int = 0) -> Any: ...

    def settle(self, ticket: Any) -> None: ...

    def chunk(self, transaction_id: int, payload: bytes) -> None: ...

    def unreserve(self, size: int) -> None: ...

    def forget(self, transaction_id: int) -> None: ...


# Shared by the transactions that never fill their own: versions keep their transaction in memory.
NOTHING: frozenset[Any] = frozenset()
UNMARKED: set[int] = set()
UNREAD: deque[tuple[int, Cut, Cut, str]] = deque(maxlen=0)


class Transaction(Owner):
    """One transaction, from its first statement until nobody needs to know of it any more."""

    __slots__ = (
        "blind",
        "catalog",
        "catalog_base",
        "chunked",
        "compensate",
        "concurrent_from",
        "constraint_modes",
        "deadlock_timeout",
        "deferrable",
        "deferred",
        "doomed",
        "drawn",
        "durability",
        "ending_waiters",
        "in_edges",
        "in_graph",
        "incompatible",
        "interrupted",
        "interval_tables",
        "lock_timeout",
        "locks",
        "mark_limit",
        "marked",
        "on_wait",
        "out_edges",
        "parking",
        "policy",
        "read_log",
        "read_only",
        "redefined",
        "row_locks",
        "safe",
        "schema_undo",
        "session_name",
        "snapshot",
        "spilled",
        "started",
        "state",
        "statement",
        "statement_snapshot",
        "statement_text",
        "temporary",
        "texts",
        "undo",
        "unsafe",
        "unsafe_with",
        "wait_error",
        "waiting",
        "wrote",
    )

    def __init__(self, txn_id: int, policy: Policy, session_name: str, read_only: bool, deferrable: bool) -> None:
        super().__init__(txn_id)
        self.policy = policy
        self.session_name = session_name
        self.read_only = read_only
        self.deferrable = deferrable
        self.durability = "full"
        self.lock_timeout: float | None = None
        self.deadlock_timeout = 1.0
        self.state = "active"
        self.started = 0.0
        # what it sees
        self.snapshot = -1  # the transaction's own (levels that keep one), else that of the last statement
        self.statement_snapshot = 0
        self.concurrent_from = 0  # transactions that ended at or below this number were over before it began
        self.statement = 1
        self.statement_text = ""
        self.texts: dict[int, str] = {}
        self.catalog: Catalog | None = None  # its own, after DDL
        self.catalog_base: Catalog | None = None  # the committed one that it was made from
        self.temporary: Temporary | None = None  # what its session has of its own
        self.schema_undo: list[Callable[[], None]] = []
        self.redefined: set[Store] | frozenset[Store] = NOTHING  # stores that took over a definition of its own
        self.incompatible: set[int] | frozenset[int] = NOTHING  # tables that older snapshots must not use (R64)
        # what it did
        self.undo: list[tuple[Any, ...]] = []  # (store, ref, version) or (ModeLock | store, ref, previous mask)
        self.wrote = False
        self.drawn: dict[SequenceState, int] | None = None  # stamps of the sequences that it has drawn from
        self.chunked = 0  # writes before this position of `undo` are in the log's chunks already
        self.spilled = False  # the log has chunks of it, whatever was rolled back since
        self.blind = False  # some of those chunks lack the old rows
        self.compensate: dict[tuple[Store, Any], None] = {}  # rows of chunks that were rolled back to a savepoint
        self.deferred: list[DeferredCheck] = []
        self.constraint_modes: Modes = {}  # SET CONSTRAINTS
        # what it holds
        self.locks: dict[int, ModeLock] = {}
        self.row_locks: list[tuple[Store, Any]] = []
        self.interval_tables: dict[int, IntervalLocks] = {}
        # what it waits for
        self.waiting: Request | None = None
        self.parking = Parking()
        self.wait_error: Exception | None = None
        self.interrupted = False
        self.on_wait: Callable[[str | None], None] | None = None
        self.ending_waiters: list[Ending] = []
        # serializability
        self.in_graph = policy.in_graph
        self.in_edges: dict[Transaction, Edge] = {}
        self.out_edges: dict[Transaction, Edge] = {}
        self.marked: set[int] = set() if policy.in_graph else UNMARKED
        self.mark_limit = 4096
        self.read_log: deque[tuple[int, Cut, Cut, str]] = deque(maxlen=READ_LOG) if policy.in_graph else UNREAD
        self.doomed: RetryableError | None = None
        self.unsafe_with: set[Transaction] | None = None
        self.safe = False
        self.unsafe = False

    def __repr__(self) -> str:
        return f"<{self.title} {self.state}>"

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{self.session_name} (transaction {self.id})" if self.session_name else f"transaction {self.id}"

    def log_read(self, relation: int, low: Cut, high: Cut) -> None:
        self.read_log.append((relation, low, high, self.statement_text))

    def write_text(self, statement: int) -> str:
        """The text of the statement numbered `statement`."""
        return self.texts.get(statement, "")


class Savepoint:
    """A place in a transaction to return to."""

    __slots__ = ("catalog", "catalog_base", "constraint_modes", "deferred", "name", "schema_undo", "undo")

    def __init__(self, name: str, txn: Transaction) -> None:
        self.name = name
        self.undo = len(txn.undo)
        self.catalog = txn.catalog
        self.catalog_base = txn.catalog_base
        self.schema_undo = len(txn.schema_undo)
        self.deferred = len(txn.deferred)
        self.constraint_modes = txn.constraint_modes


class Manager:
    """All transactions of one database."""

    def __init__(self, *, published: int = 0, waiting: Waiting | None = None,
                 clock: Callable[[], float] | None = None) -> None:
        self.latch = threading.Lock()
        self.published = published
        self.assigned = published
        self.horizon = published  # up to here versions may have been trimmed
        self.past = Past(self, clock or (lambda: 0.0))
        self.waiting: Waiting = waiting or Threads()
        self.clock = clock or (lambda: 0.0)
        self.conflicts = Conflicts(self.wake_victim)
        self.next_id = 1
        self.active: dict[Transaction, None] = {}
        self.views: dict[Any, int] = {}  # who may still read, and as of which number at the earliest
        self.table_locks: dict[int, ModeLock] = {}
        self.strong_locks = 0  # table locks ever granted in a mode that keeps readers out
        self.names: dict[str, ModeLock] = {}
        self.database_lock = ModeLock("database", None, "the database", DATABASE_MODES, DATABASE_CONFLICTS)
        self.committing: dict[int, Transaction] = {}
        self.trim_queue: deque[tuple[int, Store, Any]] = deque()
        self.log: CommitLog | None = None
        self.encode: Callable[[Transaction], bytes] = lambda txn: b""
        self.encode_chunk: Callable[[Transaction], bytes] = lambda txn: b""
        self.before_first_write: Callable[[], None] | None = None
        self.on_published: Callable[[Transaction], None] | None = None  # under the latch: catalog, trimming
        self.failed: Exception | None = None
        self.keeping = 0  # not 0 while somebody keeps the log: records then carry old rows; each time another number

    # -- beginning

    def begin(self, level: IsolationLevel, *, session_name: str = "", read_only: bool = False,
              deferrable: bool = False, durability: str = "full") -> Transaction:
        with self.latch:
            txn = Transaction(self.next_id, POLICIES[level], session_name, read_only, deferrable)
            self.next_id += 1
            self.active[txn] = None
        txn.durability = durability
        txn.started = self.clock()
        return txn

    def start_statement(self, txn: Transaction, text: str) -> None:
        """What comes before anything else of a statement: doom, interrupt, and the level's database lock (R54, R60)."""
        self.check(txn)
        txn.statement += 1
        txn.statement_text = text
        if len(txn.texts) < 200:
            txn.texts[txn.statement] = text
        mode = txn.policy.database_mode(txn, False)
        if mode is not None:
            self.lock_database(txn, mode)

    def take_snapshot(self, txn: Transaction) -> None:
        """After the table locks are granted (R27)."""
        policy = txn.policy
        if policy.keeps_snapshot and txn.snapshot >= 0:
            txn.statement_snapshot = txn.snapshot
            return
        if txn.deferrable and txn.read_only and policy.can_be_victim:
            self.take_safe_snapshot(txn)
            return
        self.views[txn] = 0
        if policy.can_be_victim:
            with self.latch:
                self.take_snapshot_now(txn)
        else:
            published = self.published
            self.views[txn] = published
            txn.snapshot = txn.statement_snapshot = policy.snapshot(txn, published)
            if txn.concurrent_from == 0:
                txn.concurrent_from = published

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
                self.conflicts.active.pop(txn, None)
                txn.unsafe, txn.unsafe_with = False, None

    def end_statement(self, txn: Transaction) -> None:
        if not txn.policy.keeps_snapshot:
            self.views.pop(txn, None)

    def oldest_view(self) -> int:
        """Nothing at or below this number that was replaced by something at or below it can still be seen."""
        oldest = min(min(list(self.views.values()), default=self.published), self.published)
        self.horizon = max(self.horizon, oldest)
        return oldest

    def before_write(self, txn: Transaction, temporary: bool = False) -> None:
        """Asked once per writing statement. Read-only transactions may write what is `temporary`."""
        if self.failed is not None:  # reads go on at the last published number (R5)
            raise DatabaseFailed("the database has failed and must be reopened", detail=str(self.failed))
        if txn.read_only and not temporary:
            raise ReadOnlyTransaction("cannot write in a read-only transaction")
        if id(self.database_lock) not in txn.locks:
            mode = txn.policy.database_mode(txn, True)
            if mode is not None:
                self.lock_database(txn, mode)

    # -- locks

    def lock_database(self, txn: Transaction, mode: int) -> None:
        if not self.database_lock.holders.get(txn, 0) >> mode & 1:
            self.acquire(txn, "database", None, "", mode)

    def lock_table(self, txn: Transaction, table: int, mode: str, title: str, nowait: bool = False) -> None:
        number = TABLE_MODES.index(mode)
        lock = self.table_locks.get(table)
        if lock is None or not lock.holders.get(txn, 0) >> number & 1:
            self.acquire(txn, "table", table, title, number, nowait)

    def lock_name(self, txn: Transaction, name: str) -> None:
        self.acquire(txn, "name", name, name, 0)

    def acquire(self, txn: Transaction, kind: str, key: Any, title: str, mode: int, nowait: bool = False) -> None:
        """Takes a table, name or database lock, waiting for it if needed."""
        with self.latch:
            lock = self.find_lock(kind, key, title)
            previous = lock.holders.get(txn, 0)
            if lock.try_now(txn, mode):
                self.remember(txn, lock, previous)
                self.strong_locks += mode == ACCESS_EXCLUSIVE
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
        if kind == "database":
            return self.database_lock
        table: dict[Any, ModeLock] = self.table_locks if kind == "table" else self.names
        lock = table.get(key)
        if lock is None:
            if kind == "table":
                lock = ModeLock(kind, key, f"table {title}", TABLE_MODES, TABLE_CONFLICTS)
            else:
                lock = ModeLock(kind, key, f"the name {title}", NAME_MODES, NAME_CONFLICTS)
            table[key] = lock
        return lock

    def remember(self, txn: Transaction, lock: ModeLock, previous: int) -> None:
        txn.locks[id(lock)] = lock
        if lock is not self.database_lock and lock.holders.get(txn, 0) != previous:
            txn.undo.append((lock, None, previous))  # the database lock belongs to the transaction, not to a savepoint

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
            txn.parking.woken = False
            if txn.on_wait is not None:
                txn.on_wait(None)
        error, txn.wait_error = txn.wait_error, None
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
        other.ending_waiters.append(ending)
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
        while len(txn.undo) > savepoint.undo:
            floor = max(savepoint.undo, len(txn.undo) - SLICE)
            with self.latch:
                while len(txn.undo) > floor:
                    self.undo_one(txn, txn.undo[-1], len(txn.undo) <= txn.chunked)
                    txn.undo.pop()
        while len(txn.schema_undo) > savepoint.schema_undo:
            txn.schema_undo.pop()()
        txn.chunked = min(txn.chunked, len(txn.undo))
        txn.catalog, txn.catalog_base = savepoint.catalog, savepoint.catalog_base
        del txn.deferred[savepoint.deferred :]
        txn.constraint_modes = savepoint.constraint_modes
        with self.latch:
            self.end_waits(txn)  # whoever waited for what is undone begins again, and waits again if there is cause

    def end_waits(self, txn: Transaction) -> None:
        for ending in txn.ending_waiters:
            ending.ended = True
            self.wake_granted(ending.pump())
        txn.ending_waiters = []

    def undo_one(self, txn: Transaction, entry: tuple[Any, ...], chunked: bool) -> None:
        first, ref, what = entry
        if isinstance(what, Version):
            first.unlink(ref, what)
            if chunked:
                txn.compensate[first, ref] = None
        elif isinstance(first, ModeLock):
            self.wake_granted(first.set_held(txn, what))
            if not what:
                txn.locks.pop(id(first), None)
        else:
            self.wake_granted(first.set_row_lock(txn, ref, what))

    # -- ending

    def commit(self, txn: Transaction) -> None:
        """Makes the transaction durable as its level demands, and visible; raises the reason if it cannot, having
        rolled it back."""
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
            ticket = self.log_commit(txn)
            while ticket is None:
                if txn.doomed is not None:
                    raise txn.doomed
                ticket = self.log_commit(txn)
        except BaseException:
            self.abort(txn)
            raise
        try:
            self.log.settle(ticket)
        except Exception as error:
            self.fail(error)
            raise

    def prepare(self, txn: Transaction) -> None:
        self.check(txn)
        checks = txn.deferred
        while checks:
            txn.deferred = []
            txn.statement += 1
            for check in checks:
                check.run()
            checks = txn.deferred
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
                number = ticket.number
                txn = self.committing.pop(number)
                self.published = number
                if self.past.keepers:
                    self.past.note(number)
                if txn.drawn is not None:
                    drawn_settled(txn)
                if self.on_published is not None:
                    self.on_published(txn)
                self.queue_trimming(txn)
                if txn.in_graph:
                    txn.policy.committed(txn, self)  # not before: until now its locks themselves hold writers up
                self.release(txn, True)
            self.trim(TRIM)

    def queue_trimming(self, txn: Transaction) -> None:
        number = txn.number
        for store, ref, what in txn.undo:
            if type(what) is Version and what.older is not None:
                self.trim_queue.append((number, store, ref))

    def trim(self, most: int) -> None:
        """Vacuum, a few rows at a time: what was replaced at or below the oldest view goes (R28)."""
        queue = self.trim_queue
        if queue:
            horizon = self.oldest_view()
            while queue and most and queue[0][0] <= horizon:
                _, store, ref = queue.popleft()
                store.trim(ref, horizon)
                most -= 1

    def commit_reader(self, txn: Transaction) -> None:
        with self.latch:
            if txn.in_graph:
                txn.number = self.assigned + 0.5  # type: ignore[assignment]  # after everybody assigned so far
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
        undo_log = txn.undo
        while undo_log:
            with self.latch:
                for _ in range(min(SLICE, len(undo_log))):
                    first, ref, what = undo_log.pop()
                    if isinstance(what, Version):
                        first.unlink(ref, what)
        if txn.spilled and self.log is not None:
            self.log.forget(txn.id)
        with self.latch:
            self.release(txn, False)

    def spill(self, txn: Transaction) -> None:
        """Writes a large transaction's changes ahead into the log (R6). Not once it has redefined a table: a chunk
        with rows of the new form could not be read if the form is rolled back to a savepoint."""
        if len(txn.undo) - txn.chunked >= CHUNK and self.log is not None and not txn.redefined:
            self.log.chunk(txn.id, self.encode_chunk(txn))
            txn.chunked = len(txn.undo)
            txn.spilled = True

    def release(self, txn: Transaction, committed: bool) -> None:
        """Ends the transaction: locks, intervals, waiters. Under the latch."""
        txn.state = "committed" if committed else "aborted"
        self.active.pop(txn, None)
        self.views.pop(txn, None)
        for lock in txn.locks.values():
            self.wake_granted(lock.set_held(txn, 0))
            if lock.idle:
                self.forget_lock(lock)
        txn.locks = {}
        for store, ref in txn.row_locks:
            self.wake_granted(store.set_row_lock(txn, ref, 0))
        txn.row_locks = []
        for intervals in txn.interval_tables.values():
            self.wake_granted(intervals.release(txn))
        txn.interval_tables = {}
        self.end_waits(txn)
        if txn.in_graph:
            self.conflicts.ended(txn, committed)
        txn.undo = []

    def forget_lock(self, lock: ModeLock) -> None:
        if lock.kind == "table":
            self.table_locks.pop(lock.key, None)
        elif lock.kind == "name":
            self.names.pop(lock.key, None)

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


__all__ = ["PENDING", "Manager", "Savepoint", "Transaction"]
