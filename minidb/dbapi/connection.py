"""A connection: one session of a database, used by one thread at a time.

    idle --first statement, begin, transaction()--> in a transaction --commit, rollback--> idle
                                                    |          ^
                                       an error     v          |  rollback to a savepoint
                                                   failed -----+

The connection adds to its session what PEP 249 and convenience ask for and keeps two promises: a second thread that
uses it while it is busy gets an InterfaceError and disturbs nothing (R73), and Ctrl-C ends a statement at a safe
point (R72). `session` is replaced by a `Refusing` one when the connection is closed: the common path tests nothing.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from weakref import ref

from minidb import errors
from minidb.dbapi.cursor import FOREVER, Cursor, Life
from minidb.dbapi.engine import Parameters, Session
from minidb.dbapi.interrupts import interrupts
from minidb.dbapi.procedures import check_arguments
from minidb.dbapi.registration import Registration
from minidb.dbapi.transactions import Attempts, Backoff, ExceptionType, Transaction
from minidb.isolation import IsolationLevel
from minidb.sql.script import parse_script

if TYPE_CHECKING:
    from minidb.changes import Feed
    from minidb.dbapi.database import Database

T = TypeVar("T")
Procedure = Callable[..., Any]
new = object.__new__  # half the price of calling a class that has an `__init__`


class Refusing:
    """Takes the place of a session that must not be used: every attribute raises."""

    def __init__(self, refuse: Callable[[], NoReturn]) -> None:
        object.__setattr__(self, "_refuse", refuse)

    def __getattr__(self, name: str) -> Any:
        object.__getattribute__(self, "_refuse")()

    def __setattr__(self, name: str, value: object) -> None:
        object.__getattribute__(self, "_refuse")()


def refuse_closed() -> NoReturn:
    raise errors.InterfaceError("the connection is closed")


def do_nothing() -> None:
    pass


class Connection(Registration):
    """A session with a database; see `minidb.connect` and `minidb.Database.connect`.

    As a context manager it commits, or rolls back after an exception, and then closes."""

    Warning = errors.Warning
    Error = errors.Error
    InterfaceError = errors.InterfaceError
    DatabaseError = errors.DatabaseError
    DataError = errors.DataError
    OperationalError = errors.OperationalError
    IntegrityError = errors.IntegrityError
    InternalError = errors.InternalError
    ProgrammingError = errors.ProgrammingError
    NotSupportedError = errors.NotSupportedError

    def __init__(
        self,
        session: Session,
        release: Callable[[], None] = do_nothing,
        procedures: dict[str, Procedure] | None = None,
    ) -> None:
        """`release` gives the database back when the connection closes; `procedures` are those known by name."""
        used: Any = session
        used.connection = ref(self)  # for procedures that SQL calls
        self.session: Any = used
        self.backoff = Backoff()
        self._blocks: list[Transaction] = []
        self._signalled = False
        self._session = session
        self._release = release
        self._procedures = {} if procedures is None else procedures
        self._procedure_depth = 0
        self._closed = False
        self._owed: errors.RetryableError | None = None
        self._life = FOREVER if session.autocommit else Life()  # of the rows that are fetched from now on
        lock = RLock()
        self._enter = lock.acquire
        self._leave = lock.release
        interrupts.opened()

    # -- statements

    def cursor(self) -> Cursor:
        """A new cursor."""
        if self._closed:
            refuse_closed()
        return Cursor(self)

    def execute(self, sql: str, parameters: Parameters | None = None) -> Cursor:
        """Runs one statement on a new cursor and returns that; see `Cursor.execute`."""
        cursor = new(Cursor)
        cursor.connection = self
        return cursor.execute(sql, parameters)

    def executemany(self, sql: str, seq_of_parameters: Iterable[Parameters]) -> Cursor:
        """Runs one statement once per parameter set on a new cursor and returns that; see `Cursor.executemany`."""
        return Cursor(self).executemany(sql, seq_of_parameters)

    def executescript(self, sql: str) -> Cursor:
        """Runs all statements of `sql`, which are separated by semicolons; returns the cursor of the last one.

        It stops at the first error. Without autocommit the statements share one transaction, as if run one by one."""
        cursor = self.cursor()
        for statement, _ in parse_script(sql, self.session.dialect):
            cursor.execute(statement)
        return cursor

    def iterdump(self) -> Iterator[str]:
        """The statements that make this database again: schema, rows, sequences; `executescript` runs them.

        They show one snapshot: that of a session of its own, or what the open transaction sees if there is one
        (at read committed each table as of the statement that reads it)."""
        from minidb.dumping.dump import Dump, Options, consistent  # few programs dump

        options = Options(inserts=True)
        if self.in_transaction:
            yield from Dump(self.session, options)
            return
        other = self.session.database.session(isolation_level="snapshot", read_only=True)
        try:
            with consistent(other):
                yield from Dump(other, options)
        finally:
            other.close()

    def interrupt(self) -> None:
        """Stops the statement that is running, with QueryCanceled (57014). May be called from any thread."""
        self._session.interrupt()

    # -- transactions

    def commit(self) -> None:
        """Makes the changes of the open transaction durable and visible. Does nothing if none is open.

        Raises RetryableError if the transaction cannot be serialized with others: then it is rolled back."""
        self._refuse_inside_block("commit")
        self._perform("commit")

    def rollback(self) -> None:
        """Undoes the open transaction and closes its cursors. Does nothing if none is open."""
        self._refuse_inside_block("rollback")
        self._perform("rollback")

    def transaction(
        self,
        isolation_level: str | None = None,
        *,
        read_only: bool | None = None,
        deferrable: bool | None = None,
    ) -> Transaction:
        """A block that is one transaction: committed at its end, rolled back by an exception.

        In an open transaction, an implicit one included, it is a savepoint; naming a level there raises
        ActiveTransaction (25001). A read-only and deferrable `ssi` transaction waits at its start until no conflict
        can befall it."""
        return Transaction(self, canonical(isolation_level), read_only, deferrable)

    def run(
        self,
        function: Callable[..., T],
        *args: Any,
        isolation_level: str | None = None,
        retries: int = 5,
    ) -> T:
        """Returns `function(connection, *args)`, run as one transaction; up to `retries` further times if it meets a
        RetryableError, with growing pauses (`backoff`). The last error carries a note of how many tries there were.

        `function` must not do what cannot be repeated. In an open transaction it is tried once, in a savepoint."""
        attempts = Attempts(self, retries + 1, canonical(isolation_level))
        for attempt in attempts:
            with attempt:
                value = function(self, *args)
        return value

    def attempts(self, limit: int = 5, isolation_level: str | None = None) -> Attempts:
        """At most `limit` attempts at a block, as `run` makes them at a function:

            for attempt in connection.attempts(5, isolation_level="ssi"):
                with attempt:
                    ...

        Let the block run to its end: after `return` or `break` in it a commit that failed cannot be repeated, and the
        connection's next use raises its error."""
        return Attempts(self, limit, canonical(isolation_level))

    @interrupts.interruptible
    def call(self, procedure: Procedure | str, *args: Any) -> Any:
        """Returns `procedure(connection, *args)`, run as one transaction at level SERIAL.

        No other transaction writes meanwhile. `procedure` is a function or the name of a registered one, which raises
        UndefinedFunction if the arguments do not fit it."""
        connection = self
        function = self._procedures.get(procedure) if isinstance(procedure, str) else procedure
        if function is None:
            raise errors.UndefinedFunction(f"procedure {procedure!r} is not registered")
        if isinstance(procedure, str):
            check_arguments(procedure, function, args)
        if not connection._enter(False):
            connection._refuse_thread()
        self._procedure_depth += 1
        rolled_back = True
        try:
            value = connection.session.call(self._procedure_body(function, args))
            rolled_back = False
        except errors.Error as error:
            connection._raise_interrupt(error)
            raise
        finally:
            self._procedure_depth -= 1
            if self._session.state == "idle":
                self._transaction_ended(rolled_back=rolled_back)
            connection._leave()
        if connection._signalled:
            connection._raise_interrupt(None)
        return value

    def register_procedure(self, name: str, procedure: Procedure) -> None:
        """Lets `call` and `Cursor.callproc` find `procedure` by name, on all connections of this Database object."""
        self._procedures[name] = procedure

    def has_procedure(self, name: str) -> bool:
        """Whether `call` and SQL's CALL know a procedure of this name."""
        return name in self._procedures

    def check_call(self, name: str, arguments: tuple[Any, ...]) -> None:
        """Raises UndefinedFunction if the registered procedure does not take these arguments."""
        check_arguments(name, self._procedures[name], arguments)

    # -- settings

    @property
    def isolation_level(self) -> str:
        """Level of the next transactions, by its canonical name. Set it to any name of a level or an IsolationLevel."""
        level: str = str(self.session.isolation_level)
        return level

    @isolation_level.setter
    def isolation_level(self, level: str) -> None:
        self.session.isolation_level = IsolationLevel.parse(level).value

    @property
    def autocommit(self) -> bool:
        """Whether each statement is its own transaction. Cannot be changed while a transaction is open (25001)."""
        value: bool = self.session.autocommit
        return value

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        if bool(value) != self.session.autocommit:
            if self.in_transaction:
                raise errors.ActiveTransaction(
                    "autocommit cannot be changed while a transaction is open", hint="Commit or roll back first."
                )
            self.session.autocommit = bool(value)
            self._life = FOREVER if value else Life()

    @property
    def lock_timeout(self) -> float | None:
        """Longest wait for one lock, in seconds; None: without limit."""
        value: float | None = self.session.lock_timeout
        return value

    @lock_timeout.setter
    def lock_timeout(self, seconds: float | None) -> None:
        self.session.lock_timeout = checked_timeout(seconds)

    @property
    def read_only(self) -> bool:
        value: bool = self.session.read_only
        return value

    @property
    def durability(self) -> str:
        value: str = self.session.durability
        return value

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, a failed one included."""
        return bool(self.session.state != "idle")

    @property
    def _transaction_failed(self) -> bool:
        """Whether the open transaction can only be rolled back."""
        return bool(self.session.state == "failed")

    @property
    def closed(self) -> bool:
        return self._closed

    # -- copies, and what has changed

    def backup(
        self,
        target: Connection | Database | str | os.PathLike[str],
        *,
        pages: int = -1,
        progress: Callable[[str, int, int], object] | None = None,
        sleep: float = 0.25,
    ) -> int:
        """Copies the database as of now, while others go on writing; returns the number of the commit it stands for.

        Args:
            target: a new file, which is a database then; or a connection to (or the object of) an empty one.
            pages: how many pages to copy at a time; -1: all at once.
            progress: called between such steps with a status, the pages that are left, and all pages.
            sleep: seconds between such steps.

        Raises:
            OperationalError: the file exists (58P02).
            ObjectInUse: the target database is not empty, or in use.
            DiskFull, DatabaseCorrupt: nothing is left behind then.
        """
        from minidb.dbapi import keeping

        return keeping.backup(self.session.database, target, pages, progress, sleep)

    def changes(self, since: int | None = None, *, slot: str | None = None, follow: bool = False) -> Feed:
        """The committed changes of rows and of the schema, in commit order: an iterator of `Change`,
        with the attributes commit, position, last, time, transaction, session, operation, kind, name, key, before,
        after and definition.

        Args:
            since: everything after this commit; None: after the last one, or from where the slot's reader has got to.
            slot: a slot made by `create_slot`; `Feed.acknowledge` moves it on, and it keeps what was not acknowledged.
            follow: whether to wait for more at the end, until `close` or an error.

        Raises:
            ObjectNotReady: the changes from there on were not kept, or the slot was given up.
            ObjectInUse: somebody else reads the slot.
        """
        from minidb.dbapi import keeping

        return keeping.changes(self.session.database, since, slot, follow)

    def create_slot(self, name: str) -> int:
        """Makes a named place in the change feed; from its commit, which is returned, changes are kept until they are
        acknowledged. `sys.slots` shows it; `drop_slot` ends it."""
        database = self.session.database
        return int(database.keeper.create_slot(name, int(database.clock() * 1_000_000)))

    def drop_slot(self, name: str) -> None:
        """Raises ObjectInUse while the slot is read, UndefinedObject if there is none."""
        self.session.database.keeper.drop_slot(name)

    # -- the end

    def close(self) -> None:
        """Rolls back what is open and ends the session. Closing twice is allowed."""
        if self._closed:
            return
        if not self._enter(False):
            self._refuse_thread()
        try:
            self._closed = True
            self.session = Refusing(refuse_closed)
            try:
                self._session.close()
            finally:
                interrupts.closed()
                self._release()
        finally:
            self._leave()
        if self._owed is not None:
            self._raise_owed()

    def __enter__(self) -> Connection:
        if self._closed:
            refuse_closed()
        return self

    def __exit__(self, kind: ExceptionType, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._closed:
            return
        try:
            if error is None and self.in_transaction and not self._transaction_failed:
                self._commit_or_roll_back()
        finally:
            self.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            abandon = getattr(self._session, "abandon", None)
            if abandon is not None:
                abandon(self._release)  # a finalizer may run anywhere: the session only queues this (R71)

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"{self._session.isolation_level}, {self._session.state}"
        return f"<minidb.Connection: {state}>"

    # -- for cursors and blocks

    @interrupts.interruptible
    def _perform(self, verb: str, *args: Any, **options: Any) -> None:
        """Calls a verb of the session, with the connection's promises about threads and Ctrl-C."""
        connection = self
        if not connection._enter(False):
            connection._refuse_thread()
        rolled_back = True  # by an error, if the transaction is gone after it
        try:
            outcome = getattr(connection.session, verb)(*args, **options)
            rolled_back = verb == "rollback" or outcome == "ROLLBACK"
        except errors.Error as error:
            connection._raise_interrupt(error)
            raise
        finally:
            if self._session.state == "idle":
                self._transaction_ended(rolled_back=rolled_back)
            elif self._life is FOREVER:
                self._life = Life()
            connection._leave()
        if connection._signalled:
            connection._raise_interrupt(None)

    def _commit_or_roll_back(self) -> None:
        """Commits; after an error nothing stays open."""
        try:
            self._perform("commit")
        except BaseException:
            if self._session.state != "idle":
                self._perform("rollback")
            raise

    def _crossed_boundary(self, tag: str) -> None:
        """Called by a cursor after BEGIN, COMMIT or ROLLBACK (also TO a savepoint: then the transaction goes on)."""
        if self._session.state == "idle":
            self._transaction_ended(rolled_back=tag == "ROLLBACK")
        elif self._life is FOREVER:
            self._life = Life()

    def _nested_savepoint(
        self, isolation_level: str | None, read_only: bool | None, deferrable: bool | None
    ) -> str:
        """Sets the savepoint of a block inside an open transaction and returns its name."""
        if isolation_level is not None or read_only is not None or deferrable is not None:
            raise errors.ActiveTransaction(
                "a transaction is open already: its isolation level and mode cannot be chosen any more",
                hint="Commit or roll back first, or leave the block's level out to get a savepoint.",
            )
        name = f"minidb_block_{len(self._blocks) + 1}"
        self._perform("savepoint", name)
        return name

    def _owed_attempt(self, error: errors.RetryableError | None) -> None:
        """Refuses everything with `error` until the next attempt (None) is made."""
        self._owed = error
        self.session = self._session if error is None else Refusing(self._raise_owed)

    def _raise_owed(self) -> NoReturn:
        error = self._owed
        assert error is not None
        self._owed = None
        if not self._closed:
            self.session = self._session
        error.add_note("minidb: the block was left by `return` or `break`, so it was not tried again")
        raise error

    def _refuse_thread(self) -> NoReturn:
        raise errors.InterfaceError(
            "another thread is using this connection",
            hint="Give each thread a connection of its own: minidb.connect() to one path shares one open database.",
        )

    def _raise_interrupt(self, error: errors.Error | None) -> None:
        """Raises KeyboardInterrupt if it was Ctrl-C that stopped the statement."""
        if self._signalled:
            self._signalled = False
            raise KeyboardInterrupt from error

    # -- inside

    def _procedure_body(self, function: Procedure, args: tuple[Any, ...]) -> Callable[..., Any]:
        connection = self

        @interrupts.user_code
        def body(*_: object) -> Any:
            if connection._life is FOREVER:
                connection._life = Life()
            return function(connection, *args)

        return body

    def _refuse_inside_block(self, verb: str) -> None:
        if self._blocks or self._procedure_depth:
            inside = "a transaction() block" if self._blocks else "a procedure"
            raise errors.InvalidTransactionState(
                f"{verb}() is not allowed inside {inside}",
                sqlstate="2D000",
                hint="It commits when it ends, and rolls back when it raises.",
            )

    def _transaction_ended(self, *, rolled_back: bool) -> None:
        if self._life is not FOREVER:
            self._life.over = rolled_back
        self._life = FOREVER if self._session.autocommit else Life()


def canonical(level: str | None) -> str | None:
    return None if level is None else IsolationLevel.parse(level).value


def checked_timeout(seconds: float | None) -> float | None:
    """A lock timeout as it was given; raises InvalidParameterValue if it is no number of seconds."""
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds >= 0):
        raise errors.InvalidParameterValue(f"lock_timeout is a number of seconds or None, not {seconds!r}")
    return seconds
