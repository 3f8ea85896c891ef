"""What a transaction sees: its beginning, its statements' beginnings, snapshots.

    begin --> (start_statement, table locks, take_snapshot) --> end_statement --> ... --> commit or abort (`manager`)

A snapshot is registered before anybody can trim what it sees (R27): `views` first gets 0, then the number read. Levels
that keep one snapshot take it with their first statement, the others with each (`Policy.keeps_snapshot`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from minidb.isolation import IsolationLevel
from minidb.txn.conflicts import Conflicts
from minidb.txn.isolation import POLICIES
from minidb.txn.table_locks import DATABASE, ROW_EXCLUSIVE, TableLocks
from minidb.txn.transaction import Transaction
from minidb.txn.versions import PENDING
from minidb.txn.views import Views
from minidb.txn.waiting import Parking, Waiting


class Snapshots(TableLocks):
    """
    Attributes:
        published: number of the newest commit that new snapshots see.
        horizon: up to here versions may have been trimmed.
        views: the snapshots in use.
        conflicts: the graph of rw-antidependencies.
    """

    def __init__(self, published: int, waiting: Waiting | None, clock: Callable[[], float]) -> None:
        super().__init__(waiting)
        self.published = published
        self.horizon = published
        self.views = Views()
        self.clock = clock
        self.conflicts = Conflicts(self.wake_victim)
        self.next_id = 1

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

    def enter_statement(self, txn: Transaction, text: str, modes: Iterable[tuple[int, int]]) -> None:
        """`start_statement`, the table locks and `take_snapshot` in one, for a transaction that has begun and was not
        interrupted since."""
        if txn.doomed is not None:
            raise txn.doomed
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
        if txn.snapshot < 0 or not txn.policy.keeps_snapshot:
            self.take_snapshot(txn)

    def end_statement(self, txn: Transaction) -> None:
        txn.busy = False
        if not txn.policy.keeps_snapshot:
            self.views.pop(txn, None)

    # -- snapshots

    def take_snapshot(self, txn: Transaction) -> None:
        """After the table locks are granted (R27)."""
        policy = txn.policy
        if txn.snapshot >= 0 and policy.keeps_snapshot:
            return
        if policy.can_be_victim:
            self.take_tracked_snapshot(txn)
            return
        views = self.views
        views[txn] = 0
        published = views[txn] = self.published
        txn.snapshot = PENDING if policy.reads_uncommitted else published
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
        self.views[txn] = txn.snapshot = txn.concurrent_from = self.published
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

    def oldest_view(self) -> int:
        """Nothing at or below this number that was replaced by something at or below it can still be seen."""
        oldest = self.views.oldest(self.published)
        self.horizon = max(self.horizon, oldest)
        return oldest


__all__ = ["Snapshots"]
