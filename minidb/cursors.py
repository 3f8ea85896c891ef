"""SQL cursors: DECLARE, FETCH, MOVE, CLOSE, WHERE CURRENT OF.

A cursor is a query's result with a place in it: 0 is before the first row, n + 1 behind the last of n rows. Rows are
produced as far as they are asked for, in batches, so that an error comes with the FETCH that needs its batch; what was
fetched is kept, so that the cursor can go back, unless it was declared NO SCROLL. It sees the snapshot of its DECLARE.

    declared --COMMIT--> closed, or WITH HOLD: all rows are fetched, and it lives as long as the session
       |  \\--ROLLBACK, ROLLBACK TO a savepoint older than it--> closed
       \\--CLOSE--> closed

A cursor over one table also fetches, in hidden columns, how UPDATE and DELETE ... WHERE CURRENT OF find the row again:
its primary key or another unique key without NULLs, else its address in the heap and the row itself. What is at the
address later must be a version of that row: if nobody can tell any more, because others have changed it and all that is
older was cleared away, the statement fails with 40001. Rows of a FOR UPDATE query are locked when they are produced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from minidb import schema
from minidb.errors import (
    Error,
    InvalidCursorState,
    NoActiveTransaction,
    NotSupportedError,
    ProgrammingError,
    SerializationFailure,
)
from minidb.keys import Row
from minidb.results import Columns, Result
from minidb.sql import ast
from minidb.sql.binder.scope import ROW_ADDRESS, WHOLE_ROW
from minidb.sql.functions import is_aggregate
from minidb.statement_cache import check_count
from minidb.types import BIGINT, RECORD

if TYPE_CHECKING:
    from minidb.session import Session
    from minidb.txn.transaction import Savepoint

HIDDEN = "minidb_key"
ADDRESS = (schema.Column(ROW_ADDRESS, BIGINT, 0), schema.Column(WHOLE_ROW, RECORD, 1))  # in place of key columns


class SqlCursor:
    """One declared cursor. `keys`: how many hidden columns stand at the end of each row."""

    def __init__(self, statement: ast.DeclareCursor, result: Result, savepoints: Sequence[Savepoint],
                 table: schema.Table | None, keys: Sequence[schema.Column]) -> None:
        assert result.columns is not None
        self.name = statement.name
        self.scroll = statement.scroll
        self.hold = statement.hold
        self.held = False  # its transaction has committed
        self.savepoints = tuple(savepoints)
        self.table = table
        self.keys = keys
        self.result = result
        self.columns: Columns = result.columns[: len(result.columns) - len(keys)]
        self.batches: Iterator[list[Row]] = result.fetch_batches()
        self.rows: list[Row] = []
        self.dropped = 0  # rows at the front that are not kept
        self.complete = False
        self.error: Error | None = None  # what the rows behind the known ones met when nobody had asked for them
        self.place = 0

    # -- rows

    def produce(self, count: int | None) -> None:
        """Fetches until row `count` is there, or all rows."""
        while not self.complete and (count is None or self.known < count):
            try:
                batch = next(self.batches, None)
            except Error:
                self.complete = True
                self.error = ProgrammingError(f'portal "{self.name}" cannot be run', sqlstate="55000")
                raise
            if batch is None:
                self.complete = True
            else:
                self.rows += batch
        if self.error is not None and (count is None or self.known < count):
            raise self.error

    def produce_early(self) -> None:
        """Fetches all rows because something else is about to happen; an error is kept for who asks for its row."""
        try:
            self.produce(None)
        except Error as error:
            self.error, self.complete = error, True

    @property
    def known(self) -> int:
        return self.dropped + len(self.rows)

    def row(self, number: int) -> Row | None:
        """Row `number`, counted from 1; None if there is none."""
        self.produce(number)
        if not 1 <= number <= self.known:
            return None
        if number <= self.dropped:
            raise self.forward_only()
        return self.rows[number - self.dropped - 1]

    def forward_only(self) -> Error:
        return InvalidCursorState("cursor can only scan forward", sqlstate="55000",
                                  hint="Declare it with SCROLL option to enable backward scan.")

    def forget_passed(self) -> None:
        """Of a NO SCROLL cursor only the current row is kept."""
        if self.scroll is False:
            passed = max(self.place - 1 - self.dropped, 0)
            del self.rows[:passed]
            self.dropped += passed

    # -- moving

    def fetch(self, direction: str, count: int | None, move: bool = False) -> list[Row]:
        """The rows that FETCH gives; the cursor stands on the last of them, or beside the end that it reached."""
        if self.scroll is False:
            self.check_forward(direction, count, move)
        if direction in ("absolute", "relative"):
            assert count is not None
            found = self.jump(self.target(direction, count))
        elif count is not None and count < 0:
            found = self.step(-count, direction != "backward")
        else:
            found = self.step(count, direction == "backward")
        self.forget_passed()
        width = len(self.columns)
        return [row[:width] for row in found] if self.keys else found

    def step(self, count: int | None, backward: bool) -> list[Row]:
        if count == 0:
            return self.jump(self.place)
        if backward:
            self.check_backward()
            start = self.place - 1
            end = 0 if count is None else max(start - count, 0)
            found = [row for number in range(start, end, -1) if (row := self.row(number)) is not None]
            self.place = 0 if count is None or len(found) < count else end + 1
            return found
        wanted = None if count is None else self.place + count
        self.produce(wanted)
        end = self.known if wanted is None else min(wanted, self.known)
        first = self.place - self.dropped
        found = self.rows[max(first, 0) : end - self.dropped]
        self.place = self.known + 1 if count is None or len(found) < count else end
        return found

    def target(self, direction: str, count: int) -> int:
        if direction == "relative":
            return self.place + count
        if count >= 0:
            return count
        self.produce(None)
        return max(self.known + 1 + count, 0)

    def jump(self, number: int) -> list[Row]:
        if number < self.place:
            self.check_backward()
        row = self.row(number)
        self.place = max(min(number, self.known + 1), 0)
        return [] if row is None else [row]

    def check_forward(self, direction: str, count: int | None, move: bool) -> None:
        """Refuses what PostgreSQL reaches by going back: the same row once more, and a row counted from the end."""
        if direction == "absolute":
            assert count is not None
            back = count < 0 or 0 < self.place >= count
        else:
            back = count == 0 and not move and self.row(self.place) is not None
        if back:
            raise self.forward_only()

    def check_backward(self) -> None:
        if self.scroll is False:
            raise self.forward_only()

    # -- WHERE CURRENT OF

    def key(self, table: schema.Table) -> tuple[tuple[schema.Column, Any], ...]:
        """The key columns of the current row with their values. Raises 24000, 0A000."""
        if self.held:
            raise InvalidCursorState(f'cursor "{self.name}" is held from a previous transaction')
        if self.table is None or self.table.id != table.id:
            raise InvalidCursorState(f'cursor "{self.name}" is not a simply updatable scan of table "{table.name}"')
        row = self.row(self.place) if self.place else None
        if row is None:
            raise InvalidCursorState(f'cursor "{self.name}" is not positioned on a row')
        return tuple(zip(self.keys, row[len(self.columns) :]))

    def close(self) -> None:
        self.result.close()


class SqlCursors:
    """The cursors of a session."""

    def __init__(self) -> None:
        self.known: dict[str, SqlCursor] = {}

    def add(self, cursor: SqlCursor) -> None:
        self.known[cursor.name] = cursor

    def get(self, name: str) -> SqlCursor:
        found = self.known.get(name)
        if found is None:
            raise InvalidCursorState(f'cursor "{name}" does not exist', sqlstate="34000")
        return found

    def close(self, name: str | None) -> None:
        if name is not None:
            self.get(name).close()
            del self.known[name]
            return
        for cursor in self.known.values():
            cursor.close()
        self.known.clear()

    def before_commit(self) -> None:
        """Cursors WITH HOLD get all of their rows while the transaction is still there; the others need no more."""
        for cursor in self.known.values():
            if not cursor.hold:
                cursor.close()
            elif not cursor.held:
                cursor.produce(None)

    def committed(self) -> None:
        for name, cursor in list(self.known.items()):
            if cursor.hold:
                cursor.held = True
            else:
                self.close(name)

    def rolled_back(self) -> None:
        for name, cursor in list(self.known.items()):
            if not cursor.held:
                self.close(name)

    def before_rollback_to(self, savepoint: Savepoint) -> None:
        """Older cursors go on: their rows are fetched before the results of the transaction are closed."""
        for name, cursor in list(self.known.items()):
            if savepoint in cursor.savepoints:
                self.close(name)
            else:
                cursor.produce_early()


def cursors_of(session: Session) -> SqlCursors:
    known: SqlCursors | None = session.cursors
    if known is None:
        known = session.cursors = SqlCursors()
    return known


# -- statements -------------------------------------------------------------------------------------------


def declare(session: Session, statement: ast.DeclareCursor, sql: str, parameters: Any) -> Result:
    if not statement.hold and session.autocommit and not session.explicit:
        raise NoActiveTransaction("DECLARE CURSOR can only be used in transaction blocks")
    if statement.name in cursors_of(session).known:
        raise ProgrammingError(f'cursor "{statement.name}" already exists', sqlstate="42P03")
    if statement.hold and statement.query.locking:
        raise NotSupportedError("DECLARE CURSOR WITH HOLD ... FOR UPDATE is not supported",
                                detail="Holdable cursors must be READ ONLY.")
    if statement.scroll and statement.query.locking:
        raise NotSupportedError("DECLARE SCROLL CURSOR ... FOR UPDATE is not supported",
                                detail="Scrollable cursors must be READ ONLY.")
    table = simple_table(statement.query, session.catalog)
    keys = () if table is None else unique_key(table) or ADDRESS
    query = with_keys(statement.query, keys) if keys else statement.query
    result = session.open_query(query, sql, parameters)
    cursor = SqlCursor(statement, result, session.savepoints, table, keys)
    if session.autocommit and not session.explicit:
        cursor.produce(None)
        cursor.held = True
    cursors_of(session).add(cursor)
    return Result("DECLARE CURSOR")


def fetch(session: Session, statement: ast.Fetch, sql: str, parameters: Any) -> Result:
    cursor = cursors_of(session).get(statement.cursor)
    rows = cursor.fetch(statement.direction, statement.count, statement.move)
    if statement.move:
        return Result(f"MOVE {len(rows)}", rowcount=len(rows))
    return Result(f"FETCH {len(rows)}", cursor.columns, rows)


def close(session: Session, statement: ast.Close, sql: str, parameters: Any) -> Result:
    cursors_of(session).close(statement.cursor)
    return Result("CLOSE CURSOR ALL" if statement.cursor is None else "CLOSE CURSOR")


# -- WHERE CURRENT OF -------------------------------------------------------------------------------------


def simple_table(query: ast.Query, catalog: schema.Catalog) -> schema.Table | None:
    """The one table whose rows the query gives as they are, each at most once; None for other queries."""
    body = query.body
    if query.with_ is not None or not isinstance(body, ast.Select) or len(body.from_items) != 1:
        return None
    item = body.from_items[0]
    if body.distinct or body.group_by or body.having is not None or not isinstance(item, ast.TableRef):
        return None
    if item.name.schema not in (None, "public") or item.name.name in catalog.views:
        return None
    if any(isinstance(n, ast.FunctionCall) and (n.over is not None or is_aggregate(n.name[-1]))
           for target in body.targets for n in ast.walk(target)):
        return None
    return catalog.tables.get(item.name.name)


def unique_key(table: schema.Table) -> tuple[schema.Column, ...]:
    """The columns of the primary key, or of another unique key of columns that are NOT NULL; () if there is none."""
    for index in sorted(table.indexes, key=lambda index: not index.primary):
        if not index.unique or index.where is not None or index.deferrable:
            continue
        if any(key.position is None for key in index.keys):
            continue
        columns = tuple(table.columns[key.position] for key in index.keys if key.position is not None)
        if all(column.not_null for column in columns):
            return columns
    return ()


def with_keys(query: ast.Query, keys: Sequence[schema.Column]) -> ast.Query:
    body = query.body
    assert isinstance(body, ast.Select)
    item = body.from_items[0]
    assert isinstance(item, ast.TableRef)
    alias = item.alias or item.name.name
    hidden = tuple(
        ast.Target(expression=ast.ColumnRef(parts=(alias, column.name)), alias=f"{HIDDEN}{place}")
        for place, column in enumerate(keys)
    )
    return replace(query, body=replace(body, targets=(*body.targets, *hidden)))


def positioned(session: Session, statement: ast.Statement, parameters: Any) -> tuple[ast.Statement, Any]:
    """UPDATE or DELETE with WHERE CURRENT OF turned into a search by key; the key's values as further parameters."""
    assert isinstance(statement, ast.Update | ast.Delete) and isinstance(statement.where, ast.CurrentOf)
    check_count(replace(statement, where=None), parameters)
    cursor = cursors_of(session).get(statement.where.cursor)
    name = statement.table.name
    table = session.catalog.tables.get(name.name)
    if table is None:
        return replace(statement, where=None), parameters  # the binder says what is wrong with the name
    alias = statement.table.alias or name.name
    tests: list[ast.Expression] = []
    values: Any = dict(parameters) if isinstance(parameters, Mapping) else list(parameters or ())
    key = cursor.key(table)
    if cursor.keys is ADDRESS:
        key = key[:1]
        check_row(session, table, cursor)
    for place, (column, value) in enumerate(key):
        parameter: ast.Expression
        if isinstance(values, dict):
            parameter = ast.NamedParameter(name=f"{HIDDEN}{place}")
            values[f"{HIDDEN}{place}"] = value
        else:
            values.append(value)
            parameter = ast.Parameter(index=len(values))
        tests.append(ast.BinaryOp(operator="=", left=ast.ColumnRef(parts=(alias, column.name)), right=parameter))
    where = tests[0] if len(tests) == 1 else ast.And(operands=tuple(tests))
    return replace(statement, where=where), values


def check_row(session: Session, table: schema.Table, cursor: SqlCursor) -> None:
    """The address of the current row is still that row's. Raises 40001."""
    assert session.txn is not None
    (_, ref), (_, row) = cursor.key(table)
    store = session.relations.store_of(session.txn, table.id)
    with session.manager.latch:
        known = store.descends(ref, row)
    if not known:
        raise SerializationFailure(
            f'the current row of cursor "{cursor.name}" was changed, and cannot be found again',
            hint=f'A primary key of table "{table.name}" would tell which row it is.',
        )


__all__ = ["SqlCursors", "close", "declare", "fetch", "positioned"]
