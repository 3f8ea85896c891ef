"""ALTER COLUMN ... TYPE. The rows are made anew only if their stored values do not serve as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast
from minidb.sql.binder import bind_row_node
from minidb.sql.binder.rows import bind_check, bind_condition, bind_default, bind_generated
from minidb.sql.ddl.alter_constraints import check_not_null, check_rows
from minidb.sql.ddl.changes import Changes, Row
from minidb.sql.ddl.columns import check_collation, column_type, target_column, with_column
from minidb.sql.ddl.constraints import check_comparable, check_key_type
from minidb.sql.ddl.dependents import foreign_keys_to, mentions_column, reads_column, views_of
from minidb.sql.ddl.identities import retype_sequence
from minidb.sql.ddl.rewrite import converted, rewrite_rows
from minidb.sql.parser import parse_expression
from minidb.types import SqlType, can_coerce, cast_function


def set_types(actions: Sequence[ast.SetType], table: schema.Table, changes: Changes) -> None:
    """All type changes of one statement: each USING sees the rows as they were before any of them."""
    new, conversions, done = table, [], set()
    for action in actions:
        column = target_column(action.column, table)
        if column.name in done:
            raise errors.NotSupportedError(f'cannot alter type of column "{column.name}" twice', position=action.at)
        done.add(column.name)
        target = column_type(action.type, action.at)
        if action.collation is not None:
            check_collation(action.collation, target, action.at)
        _check_retypable(column, table, action, changes)
        retype_sequence(column, table, target, action.at, changes)
        convert = _conversion(column, table, target, action, changes)
        if convert is not None:
            conversions.append((column.position, convert))
        # Rows that are not rewritten keep the value that they miss, in a text form that both types share.
        default = _retyped_default(new.columns[column.position], target, action, changes)
        missing = column.missing if convert is None else None
        changed = replace(new.columns[column.position], type=target, missing=missing, default=default,
                          collation=action.collation)
        new = _retyped(new, changed, action, changes)
    if conversions:
        rewrite_rows(table, new, _converter(conversions), changes)
        _check_again(changes.by_id(table.id), done, changes)
    else:
        changes.put(new, incompatible=True)


def _converter(conversions: Sequence[tuple[int, Callable[[Row], Any]]]) -> Callable[[Row], Row]:
    def convert(row: Row) -> Row:
        values = list(row)
        for place, compute in conversions:
            values[place] = compute(row)
        return tuple(values)

    return convert


def _check_again(table: schema.Table, names: set[str], changes: Changes) -> None:
    """What was true of the columns' old values must be true of the new ones."""
    columns = [column for column in table.live_columns if column.name in names]
    check_not_null(table, [column for column in columns if column.not_null], changes)
    for check in table.checks:
        if check.validated and any(mentions_column(check.expression, name) for name in names):
            check_rows(table, check, changes)
    for key in table.foreign_keys:
        if key.validated and any(column.position in key.columns for column in columns):
            changes.door.validate_foreign_key(table.id, key.id)
    for child, key in foreign_keys_to(table, changes):
        if key.validated and any(column.position in key.parent_columns for column in columns):
            changes.door.lock_table(child.id, "share row exclusive")
            changes.door.validate_foreign_key(child.id, key.id)


def _check_retypable(column: schema.Column, table: schema.Table, action: ast.SetType, changes: Changes) -> None:
    if column.generated is not None and action.using is not None:
        raise errors.ProgrammingError(
            "cannot specify USING when altering type of generated column",
            sqlstate="42611",
            position=action.at,
            detail=f'Column "{column.name}" is a generated column.',
        )
    user = next((c for c in table.live_columns if mentions_column(c.generated, column.name)), None)
    if user is not None:
        raise errors.NotSupportedError(
            "cannot alter type of a column used by a generated column",
            position=action.at,
            detail=f'Column "{column.name}" is used by generated column "{user.name}".',
        )
    for view in views_of(table.name, changes, table.temporary):
        if reads_column(view, table, column, changes):
            raise errors.NotSupportedError(
                "cannot alter type of a column used by a view or rule",
                position=action.at,
                detail=f'rule _RETURN on {view.kind} {view.name} depends on column "{column.name}"',
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


def _retyped_default(
    column: schema.Column, target: SqlType, action: ast.SetType, changes: Changes
) -> str | None:
    """The default, which is a value of the old type: a bare string is not read as one of the new type. Raises 42804."""
    if column.default is None:
        return None
    node = parse_expression(column.default)
    text = f"CAST({column.default} AS {column.type})" if isinstance(node, ast.StringLiteral) else column.default
    try:
        bind_default(parse_expression(text), replace(column, type=target), changes)
    except errors.DatatypeMismatch:
        raise errors.DatatypeMismatch(
            f'default for column "{column.name}" cannot be cast automatically to type {target}',
            position=action.at,
        ) from None
    return text


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
    for key in table.foreign_keys:
        parent = table if key.parent == table.id else changes.by_id(key.parent)
        _check_pairs(key, table, parent, column if parent is not table else None, at)
    for child, key in foreign_keys_to(table, changes):
        _check_pairs(key, child, table, None, at)


def _check_pairs(
    key: schema.ForeignKey, child: schema.Table, parent: schema.Table, only: schema.Column | None, at: int
) -> None:
    for here, there in zip(key.columns, key.parent_columns):
        if only is None or only.position == here:
            check_comparable(key.name, child.columns[here], parent.columns[there], at)
