"""EXPLAIN: the plan of a statement with what its level will lock or mark; with ANALYZE, what it took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidb.errors import NotSupportedError
from minidb.keys import Row
from minidb.results import Result
from minidb.sql import ast
from minidb.sql.explain import ReadInterval
from minidb.statement_cache import Compiled
from minidb.statements.kinds import QUERIES
from minidb.types import TEXT

if TYPE_CHECKING:
    from minidb.session import Parameters, Session


def explain(session: Session, statement: ast.Explain, sql: str, parameters: Parameters | None) -> Result:
    compiled, values = to_explain(session, statement.statement, sql, parameters)
    if statement.code:
        lines = compiled.prepared.source.splitlines()
    else:
        lines = explain_lines(session, statement, compiled, values)
    return Result("EXPLAIN", (("QUERY PLAN", TEXT),), [(line,) for line in lines])


def to_explain(
    session: Session, statement: ast.Statement, sql: str, parameters: Parameters | None
) -> tuple[Compiled, Row]:
    if isinstance(statement, ast.Execute):
        from minidb import prepared_statements

        return prepared_statements.ready(session, statement, sql, parameters)
    if isinstance(statement, ast.DeclareCursor):
        statement = statement.query
    if not isinstance(statement, QUERIES):
        raise NotSupportedError("EXPLAIN works for SELECT, INSERT, UPDATE, DELETE, MERGE, EXECUTE and DECLARE CURSOR")
    return session.prepare(statement, sql, parameters, part=True)


def explain_lines(session: Session, statement: ast.Explain, compiled: Compiled, values: Row) -> list[str]:
    """The plan; with ANALYZE, the true numbers of rows beside the estimates."""
    txn = session.txn
    assert txn is not None
    policy = txn.policy

    def describe(read: ReadInterval) -> str:
        return policy.describe(read.table.name, place_name(read), read.words or "everything", read.locking)

    times: list[tuple[str, float]] = []
    if statement.analyze:
        door, row, context, compiled = session.ready_to_run(compiled, values)
        start = context.clock()
        with door.without_claims():
            tree = compiled.prepared.analyze(door, row, context, describe)
        if compiled.writes:
            before = context.clock()
            door.finish_statement()
            times.append(("Constraint Checks", milliseconds(before, context.clock())))
        times.append(("Execution Time", milliseconds(start, context.clock())))
    else:
        tree = compiled.prepared.explain(describe)
    facts = {"Rewrites": ", ".join(compiled.prepared.rewrites()), "Isolation Level": policy.level}
    facts["Table Locks"] = table_locks(session, compiled)
    if statement.format == "json":
        import json

        return [json.dumps([{"Plan": tree.as_dict(), **facts, **dict(times)}], indent=2)]
    lines = [f"{label}: {text}" for label, text in facts.items() if text]
    return [*tree.lines(), *lines, *[f"{label}: {time:.3f} ms" for label, time in times]]


def milliseconds(start: Any, end: Any) -> float:
    seconds: float = (end - start).total_seconds()
    return round(seconds * 1000, 3)


def place_name(read: ReadInterval) -> str:
    """The order that an interval belongs to, in words."""
    return f"{read.table.name}'s own order" if read.index is None else read.index.name


def table_locks(session: Session, compiled: Compiled) -> str:
    names = {table.id: table.name for table in session.catalog.tables.values()}
    return ", ".join(f"{names.get(table, table)} ({mode.upper()})" for table, mode in compiled.tables)
