"""ALTER COLUMN ... TYPE. The rows are made anew only if their stored values do not serve as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast
from minidb.sql.binder import bind_row_node
from minidb.sql.binder.rows import bind_check, bind_condition, bind_default, bind_generated
from minidb.sql.ddl.alter_constraints import check_not_null, check_rows
from minidb.sql.ddl.changes import Changes, Row
from minidb.sql.ddl.columns import column_type, target_column, with_column
from minidb.sql.ddl.constraints import check_key_type
from minidb.sql.ddl.dependents import foreign_keys_to, mentions_column, views_of
from minidb.sql.ddl.identities import retype_sequence
from minidb.sql.ddl.rewrite import converted, rewrite_rows
from minidb.sql.functions.operators import resolve_operator
from minidb.sql.parser import parse, parse_expression
from minidb.types import SqlType, can_coerce, cast_function


def set_type(action: ast.SetType, table: schema.Table, changes: Changes) -> None:
    column = target_column(action.column, table)
    target = column_type(action.type, action.at)
    _check_retypable(column, table, action, changes)
    retype_sequence(column, table, target, action.at, changes)
    convert = _conversion(column, table, target, action, changes)
    # Rows that are not rewritten keep the value that they miss, in a text form that both types share.
    changed = replace(column, type=target, missing=column.missing if convert is None else None)
    new = _retyped(table, changed, action, changes)
    if convert is None:
        changes.put(new, incompatible=True)
        return
    place, compute = column.position, convert
    rewrite_rows(table, new, lambda row: (*row[:place], compute(row), *row[place + 1 :]), changes)
    present = changes.by_id(table.id)
    if column.not_null:
        check_not_null(present, [column], changes)
    for check in present.checks:
        if check.validated and mentions_column(check.expression, column.name):
            check_rows(present, check, changes)


def _check_retypable(column: schema.Column, table: schema.Table, action: ast.SetType, changes: Changes) -> None:
    if column.generated is not None and action.using is not None:
        raise errors.InvalidTableDefinition(
            "cannot specify USING when altering type of generated column", position=action.at
        )
    user = next((c for c in table.live_columns if mentions_column(c.generated, column.name)), None)
    if user is not None:
        raise errors.NotSupportedError(
            "cannot alter type of a column used by a generated column",
            position=action.at,
            detail=f'Column "{column.name}" is used by generated column "{user.name}".',
        )
    for view in views_of(table.name, changes, table.temporary):
        if any(isinstance(n, ast.ColumnRef) and n.name == column.name for n in ast.walk(parse(view.query))):
            raise errors.NotSupportedError(
                "cannot alter type of a column used by a view or rule",
                position=action.at,
                detail=f'{view.kind} {view.name} depends on column "{column.name}"',
            )


def _conversion(
    column: schema.Column, table: schema.Table, target: SqlType, action: ast.SetType, changes: Changes
) -> Callable[[Row], Any] | None:
    """How the column's values change; None if the stored values serve as they are."""
    if action.using is not None:
        return converted(action.using, table, target, changes)
    if not can_coerce(column.type, target, "assignment"):
        raise errors.DatatypeMismatch(
            f'column "{column.name}" cannot be cast automatically to type {target}',
            position=action.at,
            hint=f'You might need to specify "USING {column.name}::{target}".',
        )
    function = cast_function(column.type, target)
    if function is None:
        return None
    place, convert = column.position, function
    return lambda row: None if row[place] is None else convert(row[place])


def _retyped(table: schema.Table, column: schema.Column, action: ast.SetType, changes: Changes) -> schema.Table:
    """The table with the column as it is to be; default, keys, checks and index expressions must bear its type."""
    new = with_column(table, column)
    if column.default is not None:
        _check_default(column, action, changes)
    try:
        if column.generated is not None:
            bind_generated(parse_expression(column.generated), column, new, changes)
        indexes = [_retyped_index(index, column, new, action.at, changes) for index in table.indexes]
        for check in table.checks:
            bind_check(parse_expression(check.expression), new, changes)
    except errors.Error as error:
        error.position = action.at  # places in stored texts mean nothing here
        raise
    _check_references(column, new, action.at, changes)
    return replace(new, indexes=tuple(indexes))


def _check_default(column: schema.Column, action: ast.SetType, changes: Changes) -> None:
    assert column.default is not None
    try:
        bind_default(parse_expression(column.default), column, changes)
    except errors.DatatypeMismatch:
        raise errors.DatatypeMismatch(
            f'default for column "{column.name}" cannot be cast automatically to type {column.type}',
            position=action.at,
        ) from None


def _retyped_index(
    index: schema.Index, column: schema.Column, table: schema.Table, at: int, changes: Changes
) -> schema.Index:
    def retyped(key: schema.IndexKey) -> schema.IndexKey:
        if key.position == column.position:
            check_key_type(column, at)
            return replace(key, type=column.type)
        if key.expression is not None and mentions_column(key.expression, column.name):
            return replace(key, type=bind_row_node(parse_expression(key.expression), table, changes).type)
        return key

    if mentions_column(index.where, column.name):
        bind_condition(parse_expression(index.where or ""), table, changes)
    return replace(index, keys=tuple([retyped(key) for key in index.keys]))


def _check_references(column: schema.Column, table: schema.Table, at: int, changes: Changes) -> None:
    """Foreign keys from and to the column still compare. Raises 42804."""
    pairs = [
        (key.name, changes.by_id(key.parent).columns[there].type)
        for key in table.foreign_keys
        for here, there in zip(key.columns, key.parent_columns)
        if here == column.position
    ]
    pairs += [
        (key.name, child.columns[there].type)
        for child, key in foreign_keys_to(table, changes)
        for there, here in zip(key.columns, key.parent_columns)
        if here == column.position
    ]
    for name, other in pairs:
        try:
            resolve_operator("=", column.type, other)
        except errors.ProgrammingError:
            raise errors.DatatypeMismatch(
                f'foreign key constraint "{name}" cannot be implemented',
                position=at,
                detail=f'Key column "{column.name}" would be of an incompatible type: {column.type} and {other}.',
            ) from None
