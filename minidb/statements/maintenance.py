"""LOCK TABLE and SET CONSTRAINTS, ANALYZE, VACUUM and CHECKPOINT, DISCARD."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from minidb import schema
from minidb.errors import (
    ActiveTransaction,
    NoActiveTransaction,
    UndefinedColumn,
    UndefinedObject,
    UndefinedTable,
    WrongObjectType,
)
from minidb.results import Result
from minidb.sql import ast
from minidb.sql.parser import parse
from minidb.statements.definitions import drop_all_temporary
from minidb.statements.settings import assign
from minidb.txn.deferral import set_modes

if TYPE_CHECKING:
    from minidb.session import Parameters, Session


def lock_table(session: Session, statement: ast.LockTable, sql: str, parameters: Parameters | None) -> Result:
    if session.autocommit and not session.explicit:
        raise NoActiveTransaction("LOCK TABLE can only be used in transaction blocks")
    txn = session.txn
    assert txn is not None
    session.finish_streams()
    for name in statement.tables:
        for table in locked_with(session, name):
            session.manager.lock_table(txn, table.id, statement.mode, table.name, statement.nowait)
    return Result("LOCK TABLE")


def locked_with(session: Session, name: ast.QualifiedName) -> list[schema.Table]:
    """The table, or all that a view reads."""
    found = relation_named(session, name)
    if isinstance(found, schema.Sequence):
        raise WrongObjectType(
            f'cannot lock relation "{found.name}"',
            position=name.at,
            detail="This operation is not supported for sequences.",
        )
    if isinstance(found, schema.Table):
        return [found]
    names = [node.name for node in ast.walk(parse(found.query)) if isinstance(node, ast.TableRef)]
    known = [one for one in names if session.catalog.find(one.name, one.schema) is not None]
    return [table for one in known for table in locked_with(session, one)]


def relation_named(session: Session, name: ast.QualifiedName) -> schema.Table | schema.View | schema.Sequence:
    parts = [str(part) for part in name.parts]
    known = parts[:-1] in ([], ["public"], ["pg_temp"])
    found = session.catalog.find(parts[-1], name.schema) if known else None
    if found is None:
        raise UndefinedTable(f'relation "{".".join(parts)}" does not exist', position=name.at)
    return found


def tables_to_look_at(
    session: Session, named: tuple[tuple[ast.QualifiedName, tuple[ast.Name, ...]], ...], work: str, result: Result
) -> list[schema.Table]:
    """The tables that VACUUM or ANALYZE names, or all of them."""
    tables = []
    for name, columns in named:
        found = relation_named(session, name)
        if not isinstance(found, schema.Table):
            result.notice(f'skipping "{found.name}" --- cannot {work} non-tables or special system tables')
            continue
        for column in columns:
            if found.column(column.value) is None:
                raise UndefinedColumn(
                    f'column "{column.value}" of relation "{found.name}" does not exist', position=column.at
                )
        tables.append(found)
    return tables if named else list(session.catalog.tables.values())


def analyze(session: Session, statement: ast.Analyze, sql: str, parameters: Parameters | None) -> Result:
    result = Result("ANALYZE")
    for table in tables_to_look_at(session, statement.tables, "analyze", result):
        session.database.analyze(table.id)
    session.database.statements.clear()
    session.own_statements.clear()
    return result


def vacuum(session: Session, statement: ast.Vacuum, sql: str, parameters: Parameters | None) -> Result:
    if session.explicit:
        raise ActiveTransaction("VACUUM cannot run inside a transaction block")
    result = Result("VACUUM")
    tables = tables_to_look_at(session, statement.tables, "vacuum", result)
    session.database.vacuum()
    if statement.analyze:
        for table in tables:
            session.database.analyze(table.id)
    return result


def checkpoint(session: Session, statement: ast.Checkpoint, sql: str, parameters: Parameters | None) -> Result:
    session.database.checkpoint()
    return Result("CHECKPOINT")


def discard(session: Session, statement: ast.Discard, sql: str, parameters: Parameters | None) -> Result:
    if statement.what == "all":
        if session.explicit:
            raise ActiveTransaction("DISCARD ALL cannot run inside a transaction block")
        session.prepared.clear()
        if session.cursors is not None:
            session.cursors.close(None)
    if statement.what in ("all", "plans"):
        session.own_statements.clear()
    if statement.what in ("all", "temp"):
        drop_all_temporary(session)
    if statement.what in ("all", "sequences"):
        session.sequences.forget()
    if statement.what == "all":
        for name in list(session.settings):
            assign(session, name, (), False)
    return Result("DISCARD " + statement.what.upper())


def set_constraints(session: Session, statement: ast.SetConstraints, sql: str, parameters: Parameters | None) -> Result:
    result = Result("SET CONSTRAINTS")
    if session.autocommit and not session.explicit:
        result.notice("SET CONSTRAINTS can only be used in transaction blocks")
    names = [constraint_named(session, name) for name in statement.names]
    ids = {key for found in names for key in found} if names else None
    assert session.txn is not None
    set_modes(session.txn, None if ids is None else sorted(ids), statement.deferred)
    return result


def constraint_named(session: Session, name: ast.QualifiedName) -> list[int]:
    """The ids of the deferrable constraints of this name. Raises 42704, 42809."""
    known: list[schema.ForeignKey | schema.Index] = []
    for table in session.catalog.tables.values():
        known += table.foreign_keys
        known += [index for index in table.indexes if index.constraint]
    found = [constraint for constraint in known if constraint.name == name.name]
    if not found:
        raise UndefinedObject(f'constraint "{name.name}" does not exist', position=name.at)
    if not any(constraint.deferrable for constraint in found):
        raise WrongObjectType(f'constraint "{name.name}" is not deferrable', position=name.at)
    return [constraint.id for constraint in found if constraint.deferrable]


HANDLERS: dict[type, Callable[..., Result]] = {
    ast.LockTable: lock_table,
    ast.SetConstraints: set_constraints,
    ast.Analyze: analyze,
    ast.Vacuum: vacuum,
    ast.Checkpoint: checkpoint,
    ast.Discard: discard,
}
