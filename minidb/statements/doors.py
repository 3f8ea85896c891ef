"""Statements that most programs never run: what runs them is imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minidb import schema
from minidb.results import Result
from minidb.sql import ast
from minidb.statement_cache import Compiled

if TYPE_CHECKING:
    from minidb.context import Environment
    from minidb.session import Parameters, Session
    from minidb.txn.rows import RowDoor


def explain(session: Session, statement: ast.Explain, sql: str, parameters: Parameters | None) -> Result:
    from minidb.statements import explaining

    return explaining.explain(session, statement, sql, parameters)


def maintain(session: Session, statement: ast.Statement, sql: str, parameters: Parameters | None) -> Result:
    from minidb.statements import maintenance

    return maintenance.HANDLERS[type(statement)](session, statement, sql, parameters)


def prepare(session: Session, statement: ast.Prepare, sql: str, parameters: Parameters | None) -> Result:
    from minidb import prepared_statements

    return prepared_statements.prepare(session, statement, sql, parameters)


def execute(session: Session, statement: ast.Execute, sql: str, parameters: Parameters | None) -> Result:
    from minidb import prepared_statements

    return prepared_statements.execute(session, statement, sql, parameters)


def deallocate(session: Session, statement: ast.Deallocate, sql: str, parameters: Parameters | None) -> Result:
    from minidb import prepared_statements

    return prepared_statements.deallocate(session, statement, sql, parameters)


def declare_cursor(session: Session, statement: ast.DeclareCursor, sql: str, parameters: Parameters | None) -> Result:
    from minidb import cursors

    return cursors.declare(session, statement, sql, parameters)


def fetch(session: Session, statement: ast.Fetch, sql: str, parameters: Parameters | None) -> Result:
    from minidb import cursors

    return cursors.fetch(session, statement, sql, parameters)


def close_cursor(session: Session, statement: ast.Close, sql: str, parameters: Parameters | None) -> Result:
    from minidb import cursors

    return cursors.close(session, statement, sql, parameters)


def run_as_of(session: Session, statement: ast.Query, sql: str, parameters: Any) -> Result:
    from minidb import time_travel

    return time_travel.run_as_of(session, statement, sql, parameters)


def table_as_of(environment: Environment, table: schema.Table, clause: ast.AsOf) -> schema.Table:
    from minidb import time_travel

    return time_travel.table_as_of(environment, table, clause)


def with_past(session: Session, compiled: Compiled, door: RowDoor) -> RowDoor:
    from minidb import time_travel

    return time_travel.with_past(session, compiled, door)


def positioned(session: Session, statement: ast.Statement, parameters: Any) -> tuple[ast.Statement, Any]:
    from minidb import cursors

    return cursors.positioned(session, statement, parameters)


def copy(session: Session, statement: ast.Copy, sql: str, parameters: Parameters | None) -> Result:
    from minidb.copying.run import copy as run_copy

    return run_copy(session, statement, sql, parameters)


def call(session: Session, statement: ast.Call, sql: str, parameters: Parameters | None) -> Result:
    from minidb.statements import procedures

    return procedures.call(session, statement, sql, parameters)


def run_timed(session: Session, run: Callable[[], Result]) -> Result:
    from minidb.statements import timeouts

    return timeouts.run_timed(session, run)
