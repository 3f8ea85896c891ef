"""COPY as a statement of a session: what it reads or writes, which table, and how far it has come."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from minidb import errors, schema
from minidb.copying import unload
from minidb.copying.load import Loader
from minidb.copying.options import CopyOptions, read_options
from minidb.copying.ports import Input, opened, pieces_of
from minidb.copying.records import Block
from minidb.keys import Row
from minidb.results import Result
from minidb.sql import ast
from minidb.sql.binder.copies import CopiedRows, copied_columns, copied_table
from minidb.sql.statement import prepare
from minidb.statement_cache import Compiled
from minidb.types import RECORD

if TYPE_CHECKING:
    from minidb.session import Session


def copy(session: Session, statement: ast.Copy, sql: str, parameters: Any) -> Result:
    """Runs COPY. Its data comes from or goes to a file, or the session's port."""
    options = read_options(statement)
    count = _copy_from(session, statement, sql, options) if statement.direction == "from" else _copy_to(
        session, statement, sql, parameters, options
    )
    return Result(f"COPY {count}", rowcount=count)


# -- FROM -------------------------------------------------------------------------------------------------


def _copy_from(session: Session, statement: ast.Copy, sql: str, options: CopyOptions) -> int:
    if statement.file is None:
        port = session.port
        if port is None or port.source is None:
            raise errors.ProgrammingError(
                "COPY FROM STDIN needs somebody who gives the data",
                hint="From Python: cursor.copy(sql, data). From a file: COPY ... FROM 'file'.",
            )
        return _load(session, statement, sql, options, Input(port.source, options.encoding))
    with opened(statement.file, "rb") as file:
        total = file.seek(0, 2)
        file.seek(0)
        return _load(session, statement, sql, options, Input(pieces_of(file), options.encoding, total))


def _load(session: Session, statement: ast.Copy, sql: str, options: CopyOptions, source: Input) -> int:
    environment = session.environment()
    prepared = prepare(statement, sql, environment, (RECORD,))
    compiled = Compiled(prepared, environment.catalog.version, statement, sql, (RECORD,), ())
    door, _, context, compiled = session.ready_to_run(compiled, ())
    table = _table(statement, session.catalog, "from")
    columns = copied_columns(statement.columns, table)
    loader = Loader(table, columns, options, context.now)
    with uncollected():
        count = _insert(session, loader, compiled, door, context, source, loader.direct and statement.where is None)
    door.finish_statement()
    return count


def _insert(session: Session, loader: Loader, compiled: Compiled, door: Any, context: Any, source: Input,
            direct: bool) -> int:
    """Inserts block by block; `direct`: the rows are complete, and go to the table as they are."""
    assert session.txn is not None
    changes = session.txn.changes
    count = 0
    for block in loader.blocks(iter(source)):
        rows = loader.rows(block)
        copied, before = CopiedRows(rows), len(changes)
        try:
            if direct:
                loader.check_nulls(rows)
                door.insert_many(loader.table.id, rows)
                count += len(rows)
            else:
                count += compiled.run_write(door, (copied,), context)[0]
        except errors.Error as error:
            _locate(error, loader, block, rows, copied.current, len(changes) - before, direct)
            raise
        door.check_interrupt()
        if session.port is not None and session.port.progress is not None:
            session.port.progress(count, source.done, source.total)
    return count


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage collection meanwhile: many small lists come and go, none is part of a cycle (a third of the time)."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _locate(error: errors.Error, loader: Loader, block: Block, rows: Sequence[Row], current: int,
            done: int, direct: bool) -> None:
    """Tells the line of the row that could not be inserted."""
    if error.context is not None:
        return
    if isinstance(error, errors.UniqueViolation):
        current = done
        if not direct and len(rows) != len(block.records):
            return
    elif isinstance(error, errors.NotNullViolation) and direct:
        current = next((place for place, row in enumerate(rows) if _has_null(loader, row)), -1)
    elif direct or not isinstance(error, errors.IntegrityError | errors.DataError):
        return
    error.context = loader.context(block, current)


def _has_null(loader: Loader, row: Row) -> bool:
    return any(column.not_null and value is None for column, value in zip(loader.columns, row))


def _table(statement: ast.Copy, catalog: schema.Catalog, direction: str) -> schema.Table:
    assert isinstance(statement.source, ast.QualifiedName)
    return copied_table(statement.source, catalog, direction)


# -- TO ---------------------------------------------------------------------------------------------------


def _copy_to(session: Session, statement: ast.Copy, sql: str, parameters: Any, options: CopyOptions) -> int:
    port = session.port
    if statement.file is None and (port is None or port.target is None):
        raise errors.ProgrammingError(
            "COPY TO STDOUT needs somebody who takes the data",
            hint="From Python: cursor.copy(sql). Into a file: COPY ... TO 'file'.",
        )
    result = session.run_query(_query(session, statement), sql, parameters, part=True)
    if statement.file is None:
        assert port is not None and port.target is not None
        return _write(result, options, port.target)
    with opened(statement.file, "wb") as file:
        return _write(result, options, lambda text: file.write(text.encode(options.encoding)))


def _write(result: Result, options: CopyOptions, target: Callable[[str], Any]) -> int:
    assert result.columns is not None
    count = 0
    for rows, text in unload.lines(result.columns, result.fetch_batches(), options):
        target(text)
        count += rows
    return count


def _query(session: Session, statement: ast.Copy) -> ast.Query:
    """The query whose rows are copied."""
    if isinstance(statement.source, ast.Query):
        return statement.source
    table = _table(statement, session.catalog, "from")
    targets = tuple(
        ast.Target(expression=ast.ColumnRef(parts=(column.name,)))
        for column in copied_columns(statement.columns, table)
    )
    item = ast.TableRef(name=statement.source)
    return ast.Query(body=ast.Select(targets=targets, from_items=(item,)))


__all__ = ["copy"]
