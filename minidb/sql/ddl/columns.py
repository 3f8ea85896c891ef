"""Column definitions: type, DEFAULT, GENERATED, NOT NULL."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast
from minidb.sql.binder import CatalogView
from minidb.sql.binder.expressions import BY_CODE_POINT, bind_type
from minidb.sql.binder.rows import bind_default, bind_generated
from minidb.sql.printer import to_sql
from minidb.sql.suggest import nearest
from minidb.types import SERIAL_TYPES, SqlType


def define_column(node: ast.ColumnDefinition, position: int, table: str) -> schema.Column:
    """The column as it is written; `check_expressions` looks at DEFAULT and GENERATED when all columns are there."""
    if node.collation is not None:
        check_collation(node.collation, column_type(node.type, node.at), node.at)
    identity = None if node.identity is None else "always" if node.identity.always else "by default"
    return schema.Column(
        name=node.name,
        type=SERIAL_TYPES[node.type.name] if is_serial(node) and node.type else column_type(node.type, node.at),
        position=position,
        not_null=_not_null(node, table),
        identity=identity,
        default=to_sql(node.default) if node.default is not None else None,
        generated=to_sql(node.generated) if node.generated is not None else None,
        collation=node.collation,
    )


def column_type(name: ast.TypeName | None, at: int) -> SqlType:
    if name is None:
        raise errors.SyntaxError("a column needs a type", position=at)
    if name.name in SERIAL_TYPES:
        raise errors.UndefinedObject(
            f'type "{name.name}" does not exist', position=name.at, hint="It is a notation for a new column."
        )
    return bind_type(name)


def check_collation(name: str, kind: SqlType, at: int) -> None:
    """A column compares by code point: its indexes and constraints hold for everybody. Raises 42804, 42704."""
    if kind.category != "S" and (kind.element is None or kind.element.category != "S"):
        raise errors.DatatypeMismatch(f"collations are not supported by type {kind}", position=at)
    if name.lower() not in BY_CODE_POINT:
        raise errors.UndefinedObject(
            f'collation "{name}" for encoding "UTF8" does not exist',
            position=at,
            hint="Columns compare by code point. A collation of the connection can be named in a query: "
            f'ORDER BY ... COLLATE "{name}".',
        )


def is_serial(node: ast.ColumnDefinition) -> bool:
    return node.type is not None and node.type.name in SERIAL_TYPES and not node.type.array


def _not_null(node: ast.ColumnDefinition, table: str) -> bool:
    marks = {c.null for c in node.constraints if isinstance(c, ast.NotNull)}
    primary = any(isinstance(c, ast.Unique) and c.primary for c in node.constraints)
    if len(marks) > 1 or (True in marks and (is_serial(node) or node.identity is not None)):
        raise errors.SyntaxError(
            f'conflicting NULL/NOT NULL declarations for column "{node.name}" of table "{table}"', position=node.at
        )
    return primary or False in marks or is_serial(node) or node.identity is not None


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


def find_column(name: ast.Name, table: schema.Table, what: str) -> schema.Column:
    """A column that a key names. Raises 42703."""
    column = table.column(name.value)
    if column is None:
        near = nearest(name.value, [c.name for c in table.live_columns])
        raise errors.UndefinedColumn(
            f'column "{name.value}"{what and " "}{what} does not exist',
            position=name.at,
            hint=f'Perhaps you meant the column "{near}".' if near else None,
        )
    return column


def find_columns(
    names: Sequence[ast.Name], table: schema.Table, what: str, where: str = "the key"
) -> tuple[schema.Column, ...]:
    """The columns that a key names; `where` is said of one that is named twice. Raises 42703, 42701."""
    found: dict[int, schema.Column] = {}
    for name in names:
        column = find_column(name, table, what)
        if column.position in found:
            raise errors.DuplicateColumn(f'column "{name.value}" appears twice in {where}', position=name.at)
        found[column.position] = column
    return tuple(found.values())


def target_column(name: ast.Name, table: schema.Table) -> schema.Column:
    """The column that ALTER TABLE names. Raises 42703."""
    return find_column(name, table, f'of relation "{table.name}"')


def with_column(table: schema.Table, column: schema.Column) -> schema.Table:
    """The table with one of its columns changed."""
    columns = [column if c.position == column.position else c for c in table.columns]
    return replace(table, columns=tuple(columns))
