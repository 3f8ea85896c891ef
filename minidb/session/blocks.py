"""Transactions of a session: BEGIN to COMMIT, savepoints, and what becomes of them when a statement fails.

    idle --BEGIN, or any statement--> active --error--> failed --ROLLBACK--> idle
     ^                                 |  ^                |
     +--------COMMIT, ROLLBACK---------+  +--ROLLBACK TO---+

A statement that fails has undone its changes; its transaction is then failed (25P02) until it is rolled back, whole or
to a savepoint. Without a savepoint the transaction ends at once, so that its locks hold nobody up. With autocommit a
statement outside BEGIN is a transaction of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minidb.errors import (
    ActiveTransaction,
    Error,
    InFailedTransaction,
    InvalidSavepoint,
    NoActiveTransaction,
    StatementTooComplex,
)
from minidb.isolation import IsolationLevel
from minidb.results import OpenStreams, Result, failed_transaction
from minidb.session.lone_statements import LoneStatements
from minidb.session.options import NOTHING_QUICK
from minidb.sql.binder.workspace import locate
from minidb.txn.rows import RowDoor
from minidb.txn.transaction import Savepoint, Transaction
from minidb.txn.waiting import Parking

if TYPE_CHECKING:
    from minidb.database import Database


class TransactionBlocks(LoneStatements):
    """
    Attributes:
        explicit: BEGIN was said.
        started: the transaction has run a statement.
        parking: where it waits for others.
        last_door: of a transaction that is over, for the next one.
        cursors: cursors.SqlCursors, once one is declared.
    """

    def __init__(self, database: Database, **options: Any) -> None:
        super().__init__(database, **options)
        self.state = "idle"
        self.explicit = False
        self.started = False
        self.txn = None
        self.parking = Parking()
        self.door: RowDoor | None = None
        self.last_door: RowDoor | None = None
        self.context: Any = None
        self.savepoints: list[Savepoint] = []
        self.streams = OpenStreams(self.forget)
        self.cursors: Any = None
        self.on_wait: Callable[[str | None], None] | None = None

    def check_open(self) -> None:
        raise NotImplementedError

    def forget(self, release: Callable[[], None]) -> None:
        """From a finalizer: something is to be given back soon, by the worker or the next statement of anybody."""
        self.database.abandon(release)

    # -- one statement

    def within_transaction(self, work: Callable[[], Result], sql: str, queries: bool = True) -> Result:
        """Runs one statement in the open transaction, or in one of its own. After one that does not query the database
        SET TRANSACTION is still possible."""
        txn = self.open_transaction()
        try:
            self.manager.start_statement(txn, sql)
            self.started = self.started or queries
            result = work()
            if txn.doomed is not None and self.txn is txn:
                raise txn.doomed
        except BaseException as error:
            self.fail_statement(error, sql)
            raise
        self.statement_succeeded()
        return result

    def fail_statement(self, error: BaseException, sql: str) -> None:
        """Undoes a statement that has ended with this error, and says in the error what is known here."""
        if isinstance(error, Error):
            locate(error, sql)
        self.statement_failed()
        if isinstance(error, RecursionError):  # a safety net: whoever knows more has said so already
            raise StatementTooComplex("statement is too complex", hint="It is nested too deeply.") from error

    def statement_succeeded(self) -> None:
        txn = self.txn
        if txn is None:
            return
        self.manager.end_statement(txn)
        if self.autocommit and not self.explicit:
            self.commit()

    def statement_failed(self) -> None:
        """Undoes the statement: to the last savepoint, or by ending the transaction, so that its locks are free."""
        txn = self.txn
        if txn is None:
            return
        if self.savepoints and txn.state == "active":
            self.manager.rollback_to(txn, self.savepoints[-1])
            self.manager.end_statement(txn)
            self.door = None
        else:
            self.abort_transaction()
        self.state = "failed" if self.explicit or not self.autocommit else "idle"
        if self.state == "idle":
            self.forget_transaction()

    # -- beginning and ending

    def open_transaction(self) -> Transaction:
        if self.txn is None:
            self.start_transaction(self.level, self.default_read_only, self.default_deferrable)
        assert self.txn is not None
        return self.txn

    def start_transaction(self, level: IsolationLevel, read_only: bool, deferrable: bool) -> None:
        txn = self.manager.begin(
            level, session_name=self.name or self.label, read_only=self.read_only or read_only, deferrable=deferrable,
            durability=self.durability, parking=self.parking,
        )
        settings = self._settings
        txn.lock_timeout = settings["lock_timeout"]
        txn.deadlock_timeout = settings["deadlock_timeout"]
        txn.memory_limit = settings["minidb.transaction_memory"]
        txn.temporary = self.temporary
        txn.on_wait = self.on_wait
        self.txn = txn
        self.state = "active"
        self.started = False
        self.context = self.new_context()

    def begin(self, *, isolation_level: str | None = None, read_only: bool | None = None,
              deferrable: bool | None = None) -> None:
        if self.closed or self.database.attention:
            self.check_open()
        if self.state == "failed":
            raise failed_transaction()
        if self.state == "active":
            raise ActiveTransaction("there is already a transaction in progress")
        level = self.level if isolation_level is None else IsolationLevel.parse(isolation_level)
        self.start_transaction(
            level,
            self.default_read_only if read_only is None else read_only,
            self.default_deferrable if deferrable is None else deferrable,
        )
        self.explicit = True

    def commit(self) -> str:
        """Ends the transaction; a failed one is rolled back. Returns what happened: COMMIT or ROLLBACK."""
        if self.state == "failed":
            self.rollback()
            return "ROLLBACK"
        txn = self.txn
        if txn is None:
            return "COMMIT"
        try:
            if self.streams.count or self.cursors is not None or txn.catalog is not None or not self.temporary.empty:
                self.prepare_commit(txn)
            self.manager.commit(txn)
        except BaseException:
            self.manager.abort(txn)
            if self.cursors is not None:
                self.cursors.rolled_back()
            self.forget_transaction()
            self.setting_changes.roll_back(self, 0)
            raise
        if self.cursors is not None:
            self.cursors.committed()
        if self.door is not None and self.door.takes_short_ways:
            self.last_door = self.door
        self.forget_transaction()
        if self.setting_changes.notes:
            self.setting_changes.commit(self)
        if not self.temporary.empty:
            self.quick = NOTHING_QUICK
            with self.manager.latch:
                self.temporary.empty_tables(self.relations)
        return "COMMIT"

    def prepare_commit(self, txn: Transaction) -> None:
        """What must be done within the transaction that is about to be committed."""
        raise NotImplementedError

    def finish_streams(self) -> None:
        """Before anything that could wait for the session's own open results."""
        for stream in self.streams:
            stream.fetch_rest()

    def rollback(self) -> None:
        self.abort_transaction()
        self.forget_transaction()

    def abort_transaction(self) -> None:
        if self.cursors is not None:
            self.cursors.rolled_back()
        for stream in self.streams:
            stream.discard("the result's transaction was rolled back")
        if self.txn is not None:
            self.manager.abort(self.txn)
        self.savepoints = []
        self.door = None
        self.setting_changes.roll_back(self, 0)

    def forget_transaction(self) -> None:
        txn = self.txn
        if txn is not None and txn.parked is not None:
            txn.parked.leave(txn)  # without the latch: much memory may go with it
        self.txn = None
        self.door = None
        self.state = "idle"
        self.explicit = False
        self.savepoints = []

    # -- savepoints

    def savepoint(self, name: str) -> None:
        self.require_block("SAVEPOINT")
        if self.state == "failed":
            raise failed_transaction()
        assert self.txn is not None
        self.savepoints.append(Savepoint(name, self.txn, len(self.setting_changes.notes)))

    def rollback_to(self, name: str) -> None:
        self.require_block("ROLLBACK TO SAVEPOINT")
        place = self.find_savepoint(name)
        txn = self.txn
        if txn is None or txn.state != "active":
            raise InFailedTransaction("the transaction has ended and cannot return to a savepoint")
        if self.cursors is not None:
            self.cursors.before_rollback_to(self.savepoints[place])
        for stream in self.streams:
            stream.discard("the result's transaction was rolled back to a savepoint")
        self.manager.rollback_to(txn, self.savepoints[place])
        self.setting_changes.roll_back(self, self.savepoints[place].settings)
        txn.read_only = self.savepoints[place].read_only
        del self.savepoints[place + 1 :]
        self.door = None
        self.state = "active"

    def release(self, name: str) -> None:
        self.require_block("RELEASE SAVEPOINT")
        if self.state == "failed":
            raise failed_transaction()
        place = self.find_savepoint(name)
        if self.txn is not None:
            self.txn.read_only = self.savepoints[place].read_only  # as in PostgreSQL, where it is a mode of the block
        del self.savepoints[place:]

    def require_block(self, what: str) -> None:
        if self.state == "idle":
            if self.autocommit:
                raise NoActiveTransaction(f"{what} can only be used in transaction blocks")
            self.open_transaction()

    def find_savepoint(self, name: str) -> int:
        for place in range(len(self.savepoints) - 1, -1, -1):
            if self.savepoints[place].name == name:
                return place
        raise InvalidSavepoint(f'savepoint "{name}" does not exist')


__all__ = ["TransactionBlocks"]
