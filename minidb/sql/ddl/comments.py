"""COMMENT ON: a text in the catalog beside a table, column, index, view or sequence. It goes with its object."""

from __future__ import annotations

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast
from minidb.sql.ddl.changes import Changes, check_schema
from minidb.sql.ddl.columns import target_column
from minidb.sql.ddl.indexes import owner
from minidb.sql.ddl.sequences import locked_sequence
from minidb.sql.ddl.views import find_view

MODE = "share update exclusive"


def comment_on(node: ast.Comment, changes: Changes) -> str:
    if node.kind == "schema":
        return _on_schema(node)
    thing, position = _column(node, changes) if node.kind == "column" else (_object(node, changes), None)
    key = schema.comment_key(thing, position)
    comments = {known: comment for known, comment in changes.catalog.comments.items() if known != key}
    if node.text:
        comments[key] = schema.Comment(thing, position, node.text)
    changes.door.change(replace(changes.catalog, comments=comments))
    return "COMMENT"


def _on_schema(node: ast.Comment) -> str:
    if node.name.parts != ("public",):
        raise errors.ProgrammingError(
            f'schema "{node.name.name}" does not exist', sqlstate="3F000", position=node.name.at
        )
    raise errors.NotSupportedError("comments on schemas are not supported yet", position=node.at)


def _object(node: ast.Comment, changes: Changes) -> int:
    if node.kind == "table":
        return changes.locked_table(node.name, MODE).id
    if node.kind == "index":
        return owner(node.name, changes)[1].id
    if node.kind == "sequence":
        return locked_sequence(node.name, MODE, changes).id
    return find_view(node.name, changes).id


def _column(node: ast.Comment, changes: Changes) -> tuple[int, int]:
    """COMMENT ON COLUMN table.column, or view.column."""
    if len(node.name.parts) < 2:
        raise errors.SyntaxError("column name must be qualified", position=node.name.at)
    *parts, column = node.name.parts
    name = ast.QualifiedName(parts=tuple(parts), at=node.name.at)
    check_schema(name)
    view = changes.catalog.find_view(name.name, name.schema)
    if view is None:
        table = changes.locked_table(name, MODE)
        return table.id, target_column(ast.Name(value=column, at=node.name.at), table).position
    if column not in view.columns:
        raise errors.UndefinedColumn(
            f'column "{column}" of relation "{view.name}" does not exist', position=node.name.at
        )
    return view.id, view.columns.index(column)
