"""Column definitions: type, DEFAULT, GENERATED, NOT NULL."""

from __future__ import annotations

from minidb import errors, schema
from minidb.sql import ast
from minidb.sql.binder import CatalogView
from minidb.sql.binder.expressions import bind_type
from minidb.sql.binder.rows import bind_default, bind_generated
from minidb.sql.printer import to_sql
from minidb.types import SERIAL_TYPES, SqlType


def define_column(node: ast.ColumnDefinition, position: int) -> schema.Column:
    """The column as it is written; `check_expressions` looks at DEFAULT and GENERATED when all columns are there."""
    if node.identity is not None:
        raise errors.NotSupportedError("identity columns are not supported yet", position=node.at)
    return schema.Column(
        name=node.name,
        type=column_type(node.type, node.at),
        position=position,
        not_null=_not_null(node),
        default=to_sql(node.default) if node.default is not None else None,
        generated=to_sql(node.generated) if node.generated is not None else None,
        collation=node.collation,
    )


def column_type(name: ast.TypeName | None, at: int) -> SqlType:
    if name is None:
        raise errors.SyntaxError("a column needs a type", position=at)
    if name.name in SERIAL_TYPES:
        raise errors.NotSupportedError(f"type {name.name} is not supported yet", position=name.at)
    return bind_type(name)


def _not_null(node: ast.ColumnDefinition) -> bool:
    marks = {c.null for c in node.constraints if isinstance(c, ast.NotNull)}
    primary = any(isinstance(c, ast.Unique) and c.primary for c in node.constraints)
    if len(marks) > 1 or (primary and True in marks):
        raise errors.SyntaxError(f'conflicting NULL/NOT NULL declarations for column "{node.name}"', position=node.at)
    return primary or False in marks


def check_expressions(table: schema.Table, node: ast.ColumnDefinition, view: CatalogView) -> None:
    """DEFAULT and GENERATED of a column of `table` mean something and have the right type."""
    column = table.column(node.name)
    assert column is not None
    if node.default is not None:
        bind_default(node.default, column, view)
    if node.generated is not None:
        bind_generated(node.generated, column, table, view)


def check_names(names: list[tuple[str, int]]) -> None:
    """No two columns have one name. Raises 42701."""
    seen: set[str] = set()
    for name, at in names:
        if name in seen:
            raise errors.DuplicateColumn(f'column "{name}" specified more than once', position=at)
        seen.add(name)
