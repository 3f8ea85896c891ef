"""A cursor: runs statements and hands out rows.

A result is complete, then its rows are a list; or it is a stream of batches (lists), which `itertools.chain` flattens
in C. Either way `fetchone` is one call of `next`. Python code runs once per batch, in `Batches`, which enters the
connection for as long as the engine works. A short statement may cost microseconds in all: the fields that most cursors
never change are defaults of the class, and `execute` calls nothing that it can do without.

    new --execute--> rows pending --fetch...--> exhausted         execute: from anywhere but closed
                          |  error, rollback, close
                          v
                      refusing

`_rows` is always something that `next` can be called on: the rows, or a `Refusal` that raises the right error. Two
things end a cursor from outside, the rollback of its transaction (R74) and the end of its connection. They are looked
up when rows are fetched (`_life`, `connection._closed`), so that a connection need not keep a list of its cursors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NoReturn

from minidb.dbapi.engine import Parameters, Result, Row
from minidb.dbapi.interrupts import interrupts
from minidb.errors import (
    Error,
    InterfaceError,
    InvalidCursorState,
    InvalidParameterValue,
    NotSupportedError,
    ProgrammingError,
)
from minidb.parameters import check_text

if TYPE_CHECKING:
    from minidb.dbapi.connection import Connection

FAILURES = (Error, KeyboardInterrupt)
BOUNDARIES = frozenset({"BEGIN", "START TRANSACTION", "COMMIT", "ROLLBACK"})  # tags
Description = tuple[str, str, None, None, int | None, int | None, None]


class Refusal:
    """Stands where rows would stand and raises a fresh error whenever one is asked for."""

    __slots__ = ("kind", "message")

    def __init__(self, kind: type[Error], message: str) -> None:
        self.kind = kind
        self.message = message

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> NoReturn:
        raise self.kind(self.message)


NOTHING_EXECUTED = Refusal(InvalidCursorState, "there is nothing to fetch: no statement has been executed")
NO_ROWS = Refusal(InvalidCursorState, "there is nothing to fetch: the statement returns no rows")
ROLLED_BACK = Refusal(InvalidCursorState, "the cursor was closed by the rollback of its transaction")
BROKEN = Refusal(InvalidCursorState, "there is nothing more to fetch: the statement failed")
CLOSED = Refusal(InterfaceError, "the cursor is closed")
CONNECTION_CLOSED = Refusal(InterfaceError, "the connection is closed")


class Life:
    """What the cursors of one transaction have in common: a rollback ends them."""

    __slots__ = ("over",)

    def __init__(self) -> None:
        self.over = False


FOREVER = Life()  # of the cursors that were executed by autocommit


class Batches:
    """The batches of one result. `begun` tells whether one was handed out."""

    __slots__ = ("begun", "connection", "source")

    def __init__(self, connection: Connection, source: Iterator[list[Row]]) -> None:
        self.connection = connection
        self.source = source
        self.begun = False

    def __iter__(self) -> Iterator[list[Row]]:
        return self

    @interrupts.interruptible
    def __next__(self) -> list[Row]:
        self.begun = True
        connection = self.connection
        if not connection._enter(False):
            connection._refuse_thread()
        try:
            return next(self.source)
        except Error as error:
            connection._raise_interrupt(error)
            raise
        finally:
            connection._leave()


class Cursor:
    """PEP 249's cursor. Made by `Connection.cursor()` and by `Connection.execute()`.

    Iterating over it gives its rows. `arraysize` is how many `fetchmany` gives."""

    arraysize = 1
    connection: Connection
    _result: Result | None = None
    _batches: Batches | None = None
    _rows: Iterator[Row] = NOTHING_EXECUTED
    _life = FOREVER
    _sum = -1  # rowcount of executemany
    _closed = False

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    # -- running

    @interrupts.interruptible
    def execute(self, sql: str, parameters: Parameters | None = None) -> Cursor:
        """Runs one statement. `parameters` is a sequence for `?`, a mapping for `:name`. Returns the cursor itself.

        Without autocommit it opens a transaction if none is open. Raises InterfaceError if the cursor or its connection
        is closed or another thread is using it, and whatever error the statement runs into."""
        connection = self.connection
        if self._closed:
            self._refuse(sql)
        if not connection._enter(False):
            connection._refuse_thread()
        try:
            if self._batches is not None:
                self._forget(NOTHING_EXECUTED)
            self._result = result = connection.session.execute(sql, parameters)
            if result.columns is None:
                self._rows = NO_ROWS
                self._life = FOREVER
                if result.tag in BOUNDARIES:
                    connection._crossed_boundary(result.tag)
            else:
                self._life = connection._life
                if result.stream is None:
                    self._rows = iter(result.rows)
                else:
                    self._batches = Batches(connection, result.fetch_batches())
                    self._rows = chain.from_iterable(self._batches)
        except BaseException as error:
            self._forget(NOTHING_EXECUTED)
            if isinstance(error, Error):
                connection._raise_interrupt(error)
            self._refuse(sql)
            raise
        finally:
            connection._leave()
        if connection._signalled:
            connection._raise_interrupt(None)
        return self

    @interrupts.interruptible
    def executemany(self, sql: str, seq_of_parameters: Iterable[Parameters]) -> Cursor:
        """Runs one statement once per element of `seq_of_parameters`; `rowcount` is the sum. Rows are not kept."""
        connection = self.connection
        if self._closed or type(sql) is not str:
            self._refuse(sql)
        if isinstance(seq_of_parameters, (str, bytes, Mapping)) or not isinstance(seq_of_parameters, Iterable):
            raise ProgrammingError(
                f"executemany wants an iterable of parameter sets, not {type(seq_of_parameters).__name__}",
                sqlstate="07001",
                hint='One set per run: executemany("INSERT INTO t VALUES (?, ?)", [(1, "a"), (2, "b")]).',
            )
        if not connection._enter(False):
            connection._refuse_thread()
        try:
            self._forget(NO_ROWS)
            self._sum = connection.session.execute_many(sql, seq_of_parameters)
        except Error as error:
            connection._raise_interrupt(error)
            raise
        finally:
            connection._leave()
        if connection._signalled:
            connection._raise_interrupt(None)
        return self

    def copy(self, sql: str, data: Any = None, parameters: Parameters | None = None) -> Any:
        """Runs COPY ... FROM STDIN with `data` (a text, an open file, an iterable of texts or rows), or COPY ... TO
        STDOUT into `data` (an open file or a function), and returns the number of rows.

        Without `data` it returns a `Copy` for a `with` block, as psycopg's: `write`, `write_row`; iteration, `rows`.
        COPY from or to a named file is an ordinary statement, for `execute`."""
        from minidb.dbapi import copying  # few programs copy

        statement = self.connection.session.parse(sql)
        if not hasattr(statement, "direction") or not hasattr(statement, "file") or statement.file is not None:
            raise ProgrammingError("copy() is for COPY ... FROM STDIN and COPY ... TO STDOUT", sqlstate="42601")

        def run(port: Any) -> int:
            session = self.connection.session
            session.port = port
            try:
                return self.execute(sql, parameters).rowcount
            finally:
                session.port = None

        if data is None:
            return copying.Copy(self, statement, run)
        if statement.direction == "from":
            return run(copying.port(source=copying.source_of(data, statement)))
        return run(copying.port(target=copying.target_of(data)))

    def callproc(self, procname: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Runs a registered procedure as one SERIAL transaction; returns a copy of `parameters`, as PEP 249 wants.

        `Connection.call` is the same and returns what the procedure returns."""
        if self._closed:
            self._refuse("")
        self.connection.call(procname, *parameters)
        return list(parameters)

    # -- fetching

    def fetchone(self) -> Row | None:
        """The next row, or None after the last one."""
        if self._life.over or self.connection._closed:
            self._end()
        try:
            return next(self._rows, None)
        except FAILURES:
            self._break()
            raise

    def fetchmany(self, size: int | None = None) -> list[Row]:
        """The next `size` rows (default `arraysize`), fewer at the end, then none."""
        count = self.arraysize if size is None else size
        if count < 0:
            raise InvalidParameterValue(f"cannot fetch {count} rows")
        if self._life.over or self.connection._closed:
            self._end()
        try:
            return list(islice(self._rows, count))
        except FAILURES:
            self._break()
            raise

    def fetchall(self) -> list[Row]:
        """All rows that are left."""
        if self._life.over or self.connection._closed:
            self._end()
        batches = self._batches
        try:
            if batches is None or batches.begun:
                return list(self._rows)
            rows: list[Row] = []
            for batch in batches:  # whole batches: five times cheaper than row by row
                rows += batch
            return rows
        except FAILURES:
            self._break()
            raise

    def __iter__(self) -> Cursor:
        return self

    def __next__(self) -> Row:
        if self._life.over or self.connection._closed:
            self._end()
        try:
            return next(self._rows)
        except FAILURES:
            self._break()
            raise

    # -- what is known of the result

    @property
    def rowcount(self) -> int:
        """How many rows INSERT, UPDATE, DELETE or MERGE has changed, summed up by `executemany`; -1 for the rest."""
        return self._sum if self._result is None else self._result.rowcount

    @property
    def description(self) -> list[Description] | None:
        """Per column (name, type code, None, None, precision, scale, None); None if there are no rows to fetch."""
        columns = None if self._result is None else self._result.columns
        if columns is None:
            return None
        return [(name, kind.name, None, None, kind.precision, kind.scale, None) for name, kind in columns]

    @property
    def statusmessage(self) -> str | None:
        """PostgreSQL's words for what was done, as `'INSERT 0 3'`."""
        return None if self._result is None else self._result.tag

    @property
    def notices(self) -> list[str]:
        """What the statement had to say besides, as `table "t" does not exist, skipping`."""
        return [] if self._result is None else list(self._result.notices)

    @property
    def lastrowid(self) -> None:
        """Always None: rows have no id but their key; use INSERT ... RETURNING."""
        return None

    # -- the rest of PEP 249

    def setinputsizes(self, sizes: Sequence[Any]) -> None:
        """Does nothing, as PEP 249 allows."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Does nothing, as PEP 249 allows."""

    def nextset(self) -> None:
        """Raises NotSupportedError: there is never a second result set."""
        raise NotSupportedError("a statement has one result set")

    def close(self) -> None:
        """Gives the result back; the cursor cannot be used again. Closing twice is allowed."""
        if not self._closed:
            self._forget(CLOSED)
            self._closed = True

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else self.statusmessage or "new"
        return f"<minidb.Cursor: {state}>"

    # -- inside

    def _forget(self, reason: Refusal) -> None:
        if self._batches is not None and self._result is not None:
            self._result.close()
        self._result = None
        self._batches = None
        self._rows = reason
        self._life = FOREVER
        self._sum = -1

    def _end(self) -> None:
        """The transaction was rolled back, or the connection closed: there are no more rows."""
        if self.connection._closed:
            self._rows = CONNECTION_CLOSED
        else:
            self._rows = ROLLED_BACK
        self._batches = None

    def _break(self) -> None:
        """An error ended the rows: `chain` would now say that there are no more, which is not the same."""
        if self._batches is not None:
            self._batches = None
            self._rows = BROKEN

    def _refuse(self, sql: object) -> None:
        if self._closed:
            raise InterfaceError("the cursor is closed")
        check_text(sql)
