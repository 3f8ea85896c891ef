"""Transactions: begin, commit, abort, savepoints, waiting. The composition of the transaction floor's parts.

    begin --> active --> (prepare) --> number assigned --> durable --> published --> ended
                 |  \\-- rollback to savepoint: undo in place
                 \\--> aborting --> unlinked --> ended

    Manager     commits, and large transactions that write ahead      (this module)
      Publishing    commits become visible                                `publishing`
        Rollbacks     aborts, savepoints, letting go                          `rollbacks`
          Snapshots     begin, the statements' beginnings, snapshots              `snapshots`
            TableLocks    locks of tables, names, the database                        `table_locks`
              LockWaits     waiting, deadlocks                                            `lock_waits`

Invariants, cited by number where they are guarded:

 1. `latch` is innermost and short: no I/O, sync, wait, encoding or user code under it (R69).
 2. The number and the log record are one hold; publishing goes in number order (R1, R2).
 3. From the number on nothing can stop a commit: no interrupt, victim choice or time limit (R11).
 4. A transaction waits for at most one request at a time, and every wait goes through `park`.
 5. A weak lock of a table and a strong one see each other, though the weak one takes no latch (`table_locks`).
 6. A snapshot is registered before anybody can trim what it sees (R27): `views` first gets 0, then the number read.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from minidb.errors import DatabaseFailed, ReadOnlyTransaction
from minidb.txn.parked_views import parked_write
from minidb.txn.past import Past
from minidb.txn.publishing import TRIM, Publishing
from minidb.txn.sequences import drawn_queued, needs_log
from minidb.txn.table_locks import DATABASE
from minidb.txn.transaction import Transaction
from minidb.txn.transaction_memory import weigh
from minidb.txn.trimming import Trimmer
from minidb.txn.waiting import Waiting

CHUNK = 20_000  # changes after which a transaction begins to write ahead into the log


class Manager(Publishing):
    """All transactions of one database.

    Attributes:
        encode: the log record of a transaction, `encode_chunk` a part of it ahead.
        keeping: not 0 while somebody keeps the log: records then carry old rows; each time another number.
    """

    def __init__(self, *, published: int = 0, waiting: Waiting | None = None,
                 clock: Callable[[], float] | None = None) -> None:
        super().__init__(published, waiting, clock or (lambda: 0.0))
        self.past = Past(self, self.clock)
        self.trimmer = Trimmer(self)
        self.trim_queue = self.trimmer.queue
        self.log = None
        self.encode: Callable[[Transaction], bytes] = lambda txn: b""
        self.encode_chunk: Callable[[Transaction], bytes] = lambda txn: b""
        self.before_first_write: Callable[[], None] | None = None
        self.failed: Exception | None = None
        self.keeping = 0

    # -- writing

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

    # -- committing

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
            while not self.log_commit(txn):
                if txn.doomed is not None:
                    raise txn.doomed
        except BaseException:
            self.abort(txn)
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

    def log_commit(self, txn: Transaction) -> bool:
        """False if the transaction is doomed, or if somebody has begun to keep the log meanwhile, so that the record
        must be made again (`records`)."""
        keeping = self.keeping
        payload = self.encode(txn)
        enter = partial(self.ready, txn, keeping)
        alone = self.published == self.assigned and not txn.spilled and self.failed is None
        if alone and txn.durability != "full":
            alone = self.commit_at_once(txn, payload, keeping)
        elif alone:
            alone = self.commit_leading(payload, enter)
        return alone or self.commit_behind(payload, enter)

    def ready(self, txn: Transaction, keeping: int) -> Transaction | None:
        """Asked under the latch, before the number is assigned."""
        return txn if txn.doomed is None and keeping == self.keeping else None

    def commit_at_once(self, txn: Transaction, payload: bytes, keeping: int) -> bool:
        """An `off` or `normal` commit while nobody else's is on its way: number, log record and publishing in one hold.
        False if it has to take the long way."""
        if txn.drawn is not None:
            return False
        with self.latch:
            number = self.pass_through(payload, txn.durability) if self.ready(txn, keeping) else 0
            if not number:
                return False
            txn.number = number
            if txn.in_graph:
                self.conflicts.assigned(txn)
            self.publish_one(txn, number)
            self.trim(TRIM)
        return True

    def commit_leading(self, payload: bytes, enter: Callable[[], Transaction | None]) -> bool:
        """A `full` commit while nothing else is on its way to the log: its thread leads it from before the number until
        everybody sees the commit (R1, R2, R11). Whose number comes meanwhile is queued, and finds a leader. False if it
        has to take the long way.

        `enter` is called in the hold that assigns the number. It returns the transaction, or None, or raises, to have
        nothing done; then it must not have changed anything."""
        log = self.log
        assert log is not None
        if not log.lead():
            return False
        number, txn = 0, None
        try:
            with self.latch:
                place = self.assigned + 1
                if not log.place(place, len(payload)):  # before the point of no return (R4)
                    return False
                txn = enter()
                if txn is None:
                    return False
                log.last_number = number = place
                self.note_number(txn, number)
                time_us = int(self.clock() * 1_000_000)
            log.write_alone(number, payload, time_us)
            with self.latch:
                self.publish_one(txn, number)
                self.trim(TRIM)
        except BaseException as error:
            if txn is None or not number:
                raise
            refusal = log.give_up(number, error)
            self.fail(refusal)
            self.abort(txn)  # in memory, so that nobody waits for it
            raise refusal from error
        finally:
            log.hand_on()
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

    def commit_behind(self, payload: bytes, enter: Callable[[], Transaction | None]) -> bool:
        """A commit that is queued behind what is on its way to the log, and returns when a leader has published it.
        False if `enter`, as in `commit_leading`, said so."""
        log, size = self.log, len(payload)
        assert log is not None
        log.reserve(size)
        ticket = None
        try:
            with self.latch:
                txn = enter()
                if txn is not None:
                    number = self.assigned + 1
                    time_us = int(self.clock() * 1_000_000)
                    ticket = log.queue(number, payload, txn.durability, time_us, txn.id if txn.spilled else 0)
                    ticket.owner = txn
                    self.note_number(txn, number)
        finally:
            if ticket is None:
                log.unreserve(size)
        if txn is None:
            return False
        try:
            log.settle(ticket)
        except Exception as error:
            self.fail(error)
            self.abort(txn)
            raise
        return True

    def note_number(self, txn: Transaction, number: int) -> None:
        """The point of no return (invariants 2 and 3): in the hold that gave it its place in the log."""
        self.assigned = txn.number = number
        if txn.drawn is not None:
            drawn_queued(txn)
        if txn.in_graph:
            self.conflicts.assigned(txn)

    def fail(self, error: BaseException) -> None:
        """After a broken critical section or a commit whose outcome is unknown: nothing more is accepted (R4, R72)."""
        if self.failed is None:
            self.failed = error if isinstance(error, Exception) else RuntimeError(repr(error))


__all__ = ["Manager"]
