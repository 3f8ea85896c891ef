"""DDL: statements that change the schema, through the transaction's schema door.

    syntax --> checked against the catalog --> a new catalog value, handed to `SchemaDoor.change` --> rows checked

tables        CREATE TABLE [AS], DROP TABLE, TRUNCATE; likes: LIKE; columns, constraints: parts of a definition
sequences     CREATE / ALTER / DROP SEQUENCE; identities: serial and identity columns; comments: COMMENT ON
indexes       CREATE / DROP INDEX, REINDEX; names: names that nobody has given
views         CREATE / DROP VIEW; alter_views: ALTER VIEW
materialized_views    CREATE / REFRESH / DROP / ALTER MATERIALIZED VIEW
alter         ALTER TABLE / INDEX; new_columns, alter_columns, alter_types, alter_constraints: its actions
rewrite       new storage for a table
dependents    what would break, and CASCADE; changes: what every statement works with

Every statement is transactional: it makes a new catalog, never changes one, and everything that it does to rows is done
by the door. Order matters in two places: names and tables are locked before they are looked at, and the catalog is
changed before an index is built or a constraint validated, because both ask the new definition (the floor below undoes
the change if the statement fails).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from minidb import errors
from minidb.sql import ast
from minidb.sql.binder import CatalogView
from minidb.sql.binder.workspace import locate
from minidb.sql.ddl.alter import alter
from minidb.sql.ddl.changes import Changes, RunQuery
from minidb.sql.ddl.comments import comment_on
from minidb.sql.ddl.indexes import create_index, drop_indexes, reindex
from minidb.sql.ddl.materialized_views import create_materialized_view, drop_materialized_views, refresh
from minidb.sql.ddl.sequences import alter_sequence, create_sequence, drop_sequences
from minidb.sql.ddl.tables import create_table, create_table_as, drop_tables, truncate
from minidb.sql.ddl.views import create_view, drop_view_statement
from minidb.txn.door import SchemaCompiler, SchemaDoor

__all__ = ["DdlResult", "RunQuery", "execute", "is_ddl"]


class DdlResult(msgspec.Struct, frozen=True):
    """What a DDL statement answers: the command tag and notices ("relation "t" already exists, skipping")."""

    tag: str
    notices: tuple[str, ...] = ()


def is_ddl(statement: ast.Statement) -> bool:
    """Whether `execute` is the one to ask."""
    return type(statement) in _STATEMENTS


def execute(
    statement: ast.Statement,
    text: str,
    door: SchemaDoor,
    view: CatalogView,
    run_query: RunQuery,
    compiler: SchemaCompiler | None = None,
) -> DdlResult:
    """Does a DDL statement.

    Args:
        text: the statement's text, for the caret of errors.
        door: the transaction's schema changes.
        view: asked for the columns of sys and information_schema views only; tables come from `door.catalog`.
        run_query: runs a query in the same transaction (CREATE TABLE AS, defaults that are not constant).
        compiler: computes expressions over rows that are there already (CHECK, USING, generated columns).
    """
    changes = Changes(door, view, run_query, compiler)
    try:
        tag = _handler(statement)(statement, changes)
    except errors.Error as error:
        _explain_own(error, view)
        locate(error, text)
        raise
    return DdlResult(tag, tuple(changes.notices))


def _explain_own(error: errors.Error, view: CatalogView) -> None:
    """Says of a function or collation that only the connection knows why the schema cannot use it."""
    own = getattr(view, "python", None)
    found = re.match(r'(function|aggregate|collation) "?(\w+)', str(error))
    if own is None or found is None or not isinstance(error, errors.UndefinedFunction | errors.UndefinedObject):
        return
    kind, name = found.groups()
    if name in own.functions or name in own.aggregates or name in own.collations:
        error.detail = f'The {kind} "{name}" belongs to this connection: others, which use the schema as well, lack it.'
        error.hint = "Use it in queries, or in the program."


Handler = Callable[[Any, Changes], str]


def _handler(statement: ast.Statement) -> Handler:
    handler = _STATEMENTS.get(type(statement))
    if handler is None:
        what = type(statement).__name__
        raise errors.NotSupportedError(f"{what} is not supported yet", position=max(statement.at, 0))
    return handler


def _drop(statement: ast.Drop, changes: Changes) -> str:
    handler = _DROPS.get(statement.kind)
    if handler is None:
        raise errors.NotSupportedError(f"DROP {statement.kind.upper()} is not supported yet", position=statement.at)
    return handler(statement, changes)


def _create_schema(statement: ast.CreateSchema, changes: Changes) -> str:
    if statement.name != "public":
        raise errors.NotSupportedError("schemas other than public are not supported yet", position=statement.at)
    if not statement.if_not_exists:
        raise errors.ProgrammingError('schema "public" already exists', sqlstate="42P06", position=statement.at)
    changes.notice('schema "public" already exists, skipping')
    return "CREATE SCHEMA"


def _drop_schemas(statement: ast.Drop, changes: Changes) -> str:
    for name in statement.names:
        if name.name == "public":
            raise errors.NotSupportedError("schema public cannot be dropped: it is the only one", position=name.at)
        if not statement.if_exists:
            raise errors.ProgrammingError(f'schema "{name.name}" does not exist', sqlstate="3F000", position=name.at)
        changes.notice(f'schema "{name.name}" does not exist, skipping')
    return "DROP SCHEMA"


_DROPS: dict[str, Handler] = {
    "schema": _drop_schemas,
    "table": drop_tables,
    "index": drop_indexes,
    "view": drop_view_statement,
    "materialized view": drop_materialized_views,
    "sequence": drop_sequences,
}
_STATEMENTS: dict[type, Handler] = {
    ast.CreateTable: create_table,
    ast.CreateTableAs: create_table_as,
    ast.CreateIndex: create_index,
    ast.CreateView: create_view,
    ast.CreateSchema: _create_schema,
    ast.Comment: comment_on,
    ast.CreateSequence: create_sequence,
    ast.AlterSequence: alter_sequence,
    ast.Drop: _drop,
    ast.Truncate: truncate,
    ast.AlterTable: alter,
    ast.Reindex: reindex,
    ast.CreateMaterializedView: create_materialized_view,
    ast.RefreshMaterializedView: refresh,
}
