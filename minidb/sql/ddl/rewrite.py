"""Giving a table new storage: emptied (TRUNCATE), or with every row made anew (a type change, a clustered key)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast
from minidb.sql.binder import bind_row_node
from minidb.sql.ddl.changes import Changes, Row
from minidb.sql.parser import parse_expression
from minidb.sql.printer import to_sql
from minidb.types import SqlType, can_coerce, cast


def new_relations(table: schema.Table, changes: Changes) -> schema.Table:
    """The same table with new, empty storage for itself and its indexes; all ids stay."""
    relation = changes.new_id()
    indexes = [replace(index, relation=relation if index.clustered else changes.new_id()) for index in table.indexes]
    return replace(table, relation=relation, indexes=tuple(indexes))


def rewrite_rows(old: schema.Table, new: schema.Table, convert: Callable[[Row], Row] | None, changes: Changes) -> None:
    """Puts `new` in place of `old`, with new storage that holds the converted rows. Uniqueness is checked on the way.

    The rows are read before the change, because afterwards the table's id means the new storage."""
    rows = list(changes.rows(old))
    changes.put(new_relations(new, changes), incompatible=True)
    width = len(new.columns)
    for row in rows:
        made = row if convert is None else convert(row)
        changes.door.insert_row(new.id, made + (None,) * (width - len(made)))


def converted(node: ast.Expression, table: schema.Table, target: SqlType, changes: Changes) -> Callable[[Row], Any]:
    """The function of a row that computes an expression and converts it as an assignment does. Raises 42804."""
    if isinstance(node, ast.NullLiteral):
        return lambda row: None
    if isinstance(node, ast.StringLiteral):
        node = parse_expression(f"CAST({to_sql(node)} AS {target.base})")
    kind = bind_row_node(node, table, changes).type
    if not can_coerce(kind, target, "assignment"):
        raise errors.DatatypeMismatch(
            f"result of the expression is of type {kind}, which cannot be cast automatically to type {target}",
            position=node.at,
        )
    compute: list[Callable[[Row], Any]] = []

    def value(row: Row) -> Any:
        if not compute:  # an empty table asks for no function
            compute.append(changes.row_function(table, to_sql(node)))
        return cast(compute[0](row), kind, target)

    return value
