"""ADD COLUMN. It never rewrites the table: older rows get the value that the default had when the column came (R66).

Only a volatile default and a generated column, which differ from row to row, make every row anew.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast, plan
from minidb.sql.binder.rows import bind_default
from minidb.sql.binder.trees import walk
from minidb.sql.ddl.alter_constraints import add_to_rows, check_not_null
from minidb.sql.ddl.changes import Changes
from minidb.sql.ddl.columns import check_expressions, define_column, with_column
from minidb.sql.ddl.constraints import add_all, refuse_second_primary
from minidb.sql.ddl.identities import add_sequences, column_default
from minidb.sql.ddl.rewrite import converted, rewrite_rows
from minidb.sql.parser import parse, parse_expression
from minidb.sql.printer import to_sql
from minidb.sql.sequence_names import qualified
from minidb.types import cast, to_text


def add_column(action: ast.AddColumn, table: schema.Table, changes: Changes) -> None:
    node = action.column
    if table.column(node.name) is not None:
        if not action.if_not_exists:
            raise errors.DuplicateColumn(
                f'column "{node.name}" of relation "{table.name}" already exists', position=node.at
            )
        changes.notice(f'column "{node.name}" of relation "{table.name}" already exists, skipping')
        return
    if table.primary_key is not None:
        refuse_second_primary(node.constraints, table)
    column = define_column(node, len(table.columns), table.name)
    wide = add_sequences(replace(table, columns=(*table.columns, column)), [node], changes)
    if wide.columns[-1].default is not None or column.identity is not None:
        column = wide.columns[-1]
        text = column_default(wide, column, changes)
        assert text is not None
        default = parse_expression(text)
        node = replace(node, default=default if table.temporary else qualified(default))
    check_expressions(wide, node, changes)
    new = _store_column(table, wide, column, node, changes)
    constraints = [(c, node.name) for c in node.constraints if not isinstance(c, ast.NotNull)]
    if constraints:
        add_to_rows(new, add_all(new, constraints, changes), changes)


def _store_column(
    old: schema.Table, new: schema.Table, column: schema.Column, node: ast.ColumnDefinition, changes: Changes
) -> schema.Table:
    """Puts the table with its new column in place; gives it back as it is then."""
    if column.generated is not None:
        _rewrite_generated(old, new, column, changes)
    elif node.default is not None and _is_volatile(bind_default(node.default, column, changes)):
        _rewrite_volatile(old, new, column, node.default, changes)
    else:
        value = _value(node.default, column, changes) if node.default is not None else None
        missing = None if value is None else to_text(column.type, value)
        new = with_column(new, replace(column, missing=missing))
        if column.not_null and value is None:
            _check_empty(old, column, changes)
        changes.put(new)
        return new
    present = changes.by_id(new.id)
    if column.not_null:
        check_not_null(present, [column], changes)
    return present


def _is_volatile(expression: plan.Expression) -> bool:
    return any(isinstance(node, plan.Call) and node.function.volatility == "volatile" for node in walk(expression))


def _value(node: ast.Expression, column: schema.Column, changes: Changes) -> Any:
    """What the default is now."""
    bound = bind_default(node, column, changes)
    if isinstance(bound, plan.Constant):
        return bound.value
    return _default_values(node, column, 1, changes)[0]


def _default_values(node: ast.Expression, column: schema.Column, count: int, changes: Changes) -> list[Any]:
    """The default, computed `count` times."""
    query = parse(f"SELECT {to_sql(node)} FROM generate_series(1, {count})")
    assert isinstance(query, ast.Query)
    ((_, kind),), rows = changes.run_query(query)
    return [cast(row[0], kind, column.type) for row in rows]


def _rewrite_volatile(
    old: schema.Table, new: schema.Table, column: schema.Column, node: ast.Expression, changes: Changes
) -> None:
    count = sum(1 for _ in changes.rows(old))
    values = iter(_default_values(node, column, count, changes))
    rewrite_rows(old, new, lambda row: (*row, next(values)), changes)


def _rewrite_generated(old: schema.Table, new: schema.Table, column: schema.Column, changes: Changes) -> None:
    assert column.generated is not None
    compute = converted(parse_expression(column.generated), old, column.type, changes)
    rewrite_rows(old, new, lambda row: (*row, compute(row)), changes)


def _check_empty(table: schema.Table, column: schema.Column, changes: Changes) -> None:
    for _ in changes.rows(table):
        raise errors.NotNullViolation(
            f'column "{column.name}" of relation "{table.name}" contains null values', table=table.name
        )
