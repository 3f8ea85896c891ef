"""DDL: what changes the catalog, and what temporary things leave it when their session ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from minidb.results import Result
from minidb.sql import ast

if TYPE_CHECKING:
    from minidb.session import Session


def run_ddl(session: Session, statement: ast.Statement, sql: str) -> Result:
    from minidb.sql import ddl  # only here: most programs that start up define nothing

    assert session.txn is not None
    if session.txn.read_only:
        session.manager.before_write(session.txn, command=command_of(statement))
    door = session.schema_door()

    def run_query(query: ast.Query | ast.Execute) -> tuple[Any, Any]:
        if isinstance(query, ast.Execute):
            from minidb import prepared_statements

            prepared, values = prepared_statements.ready_for_itself(session, query, sql)
        else:
            prepared, values = session.prepare(query, sql, None, part=True)
        prepared.run = prepared.prepared.run  # rows to be stored: char(n) without its blanks
        result = session.run_prepared(prepared, values, whole=True)
        return result.columns, iter(result)

    outcome = ddl.execute(statement, sql, door, session.environment(), run_query, session.relations.compiler)
    session.statement_door().finish_statement()
    result = Result(outcome.tag)
    result.notices = outcome.notices
    return result


def command_of(statement: ast.Statement) -> str:
    """What a statement is called in messages: `CREATE TABLE`, `DROP VIEW`."""
    if isinstance(statement, ast.Drop):
        return f"DROP {statement.kind.upper()}"
    if isinstance(statement, ast.Truncate):
        return "TRUNCATE TABLE"
    return "".join(f" {letter}" if letter.isupper() else letter for letter in type(statement).__name__).strip().upper()


def drop_temporary(session: Session, name: str, kind: Literal["table", "view", "sequence"] = "table") -> None:
    """Drops something temporary and what depends on it, without a word."""
    names = (ast.QualifiedName(parts=("pg_temp", name)),)
    run_ddl(session, ast.Drop(kind=kind, names=names, if_exists=True, cascade=True), "")


def drop_all_temporary(session: Session) -> None:
    catalog = session.catalog
    for table in [t for t in catalog.tables.values() if t.temporary]:
        drop_temporary(session, table.name)
    for view in [v for v in session.catalog.views.values() if v.temporary]:
        drop_temporary(session, view.name, "view")
    for sequence in [s for s in session.catalog.sequences.values() if s.temporary]:
        drop_temporary(session, sequence.name, "sequence")
