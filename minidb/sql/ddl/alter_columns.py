"""ALTER TABLE: columns added, dropped, renamed, and given another type, default or NOT NULL.

A new column never rewrites the table: rows that are older get the value that its default had when it was added (R66).
Only a volatile default, a generated column and a type whose values are stored otherwise make every row anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast, plan
from minidb.sql.binder import bind_row_node
from minidb.sql.binder.rows import bind_check, bind_default, bind_generated
from minidb.sql.binder.trees import walk
from minidb.sql.ddl.alter_constraints import add_to_rows, check_not_null, check_rows
from minidb.sql.ddl.changes import Changes, Row
from minidb.sql.ddl.columns import check_expressions, column_type, define_column
from minidb.sql.ddl.constraints import add_all, check_key_type, find_column
from minidb.sql.ddl.dependents import (
    broken_views,
    drop_views,
    foreign_keys_to,
    index_mentions,
    mentions_column,
    refuse_or_cascade,
    view_with_renamed_column,
    views_of,
    with_renamed_columns,
    without_foreign_keys,
)
from minidb.sql.ddl.rewrite import rewrite_rows
from minidb.sql.functions.operators import resolve_operator
from minidb.sql.parser import parse, parse_expression
from minidb.sql.printer import to_sql
from minidb.types import SqlType, can_coerce, cast, cast_function, to_text


def _column(name: ast.Name, table: schema.Table) -> schema.Column:
    return find_column(name, table, f'of relation "{table.name}"')


def _with_column(table: schema.Table, column: schema.Column) -> schema.Table:
    columns = [column if c.position == column.position else c for c in table.columns]
    return replace(table, columns=tuple(columns))


# -- ADD --------------------------------------------------------------------------------------------------


def add_column(action: ast.AddColumn, table: schema.Table, changes: Changes) -> None:
    node = action.column
    if table.column(node.name) is not None:
        if not action.if_not_exists:
            raise errors.DuplicateColumn(
                f'column "{node.name}" of relation "{table.name}" already exists', position=node.at
            )
        changes.notice(f'column "{node.name}" of relation "{table.name}" already exists, skipping')
        return
    column = define_column(node, len(table.columns))
    wide = replace(table, columns=(*table.columns, column))
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
        new = _with_column(new, replace(column, missing=missing))
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
    compute = _converted(parse_expression(column.generated), old, column.type, changes)
    rewrite_rows(old, new, lambda row: (*row, compute(row)), changes)


def _converted(node: ast.Expression, table: schema.Table, target: SqlType, changes: Changes) -> Callable[[Row], Any]:
    """The function of a row that computes an expression and converts it as an assignment does."""
    kind = bind_row_node(node, table, changes).type
    compute: list[Callable[[Row], Any]] = []

    def converted(row: Row) -> Any:
        if not compute:  # an empty table asks for no function
            compute.append(changes.row_function(table, to_sql(node)))
        return cast(compute[0](row), kind, target)

    return converted


def _check_empty(table: schema.Table, column: schema.Column, changes: Changes) -> None:
    for _ in changes.rows(table):
        raise errors.NotNullViolation(
            f'column "{column.name}" of relation "{table.name}" contains null values', table=table.name
        )


# -- DROP -------------------------------------------------------------------------------------------------


def drop_column(action: ast.DropColumn, table: schema.Table, changes: Changes) -> None:
    if action.if_exists and table.column(action.column.value) is None:
        changes.notice(f'column "{action.column.value}" of relation "{table.name}" does not exist, skipping')
        return
    column = _column(action.column, table)
    keys = [(c, k) for c, k in foreign_keys_to(table, changes) if column.position in k.parent_columns]
    generated = [c for c in table.live_columns if mentions_column(c.generated, column.name)]
    dropped = _without_column(table, [column, *generated])
    rewrite = table.clustered is not None and dropped.clustered is None
    views = _views_broken_by(table, dropped, changes)
    what = f"column {column.name} of table {table.name}"
    refuse_or_cascade(
        what,
        [f"constraint {k.name} on table {c.name} depends on {what}" for c, k in keys]
        + [f"column {c.name} of table {table.name} depends on {what}" for c in generated]
        + [f"view {view.name} depends on {what}" for view in views],
        action.cascade,
        action.at,
        changes,
    )
    without_foreign_keys(keys, changes)
    drop_views(views, changes)
    if rewrite:
        rewrite_rows(table, dropped, None, changes)
    else:
        changes.put(dropped, incompatible=True)


def _without_column(table: schema.Table, gone: Sequence[schema.Column]) -> schema.Table:
    """The table without columns; what is made of them goes, too: indexes, keys, checks."""
    positions = {c.position for c in gone}
    columns = [_dropped(c) if c.position in positions else c for c in table.columns]
    keys = [
        k
        for k in table.foreign_keys
        if positions.isdisjoint(k.columns) and not (k.parent == table.id and positions & set(k.parent_columns))
    ]
    return replace(
        table,
        columns=tuple(columns),
        indexes=tuple([i for i in table.indexes if not any(index_mentions(i, c) for c in gone)]),
        checks=tuple([c for c in table.checks if not any(mentions_column(c.expression, g.name) for g in gone)]),
        foreign_keys=tuple(keys),
    )


def _dropped(column: schema.Column) -> schema.Column:
    """The place of a dropped column: rows keep it, nobody can name it (R66)."""
    return replace(column, dropped=True, not_null=False, default=None, generated=None)


def _views_broken_by(old: schema.Table, new: schema.Table, changes: Changes) -> list[schema.View]:
    """The views that need what `new` no longer has."""
    return broken_views(views_of(old.name, changes), changes.catalog.with_table(new), changes)


# -- RENAME -----------------------------------------------------------------------------------------------


def rename_column(action: ast.RenameColumn, table: schema.Table, changes: Changes) -> None:
    column, new = _column(action.column, table), action.new_name.value
    if table.column(new) is not None:
        raise errors.DuplicateColumn(
            f'column "{new}" of relation "{table.name}" already exists', position=action.new_name.at
        )
    renamed = _renamed(table, column, new)
    readers = [view_with_renamed_column(view, table, column, new, changes) for view in views_of(table.name, changes)]
    catalog = changes.catalog.with_table(renamed)
    catalog = replace(catalog, views={**catalog.views, **{view.name: view for view in readers}})
    broken = broken_views(readers, catalog, changes)
    if broken:
        raise errors.NotSupportedError(
            f'renaming column "{column.name}" is not supported yet while the view "{broken[0].name}" joins by its name',
            position=action.at,
        )
    changes.door.change(catalog)


def _renamed(table: schema.Table, column: schema.Column, new: str) -> schema.Table:
    """The table with a column renamed, also in the texts that mention it."""
    old = column.name

    def text(expression: str) -> str:
        return with_renamed_columns(expression, old, new) if mentions_column(expression, old) else expression

    columns = [replace(c, name=new) if c.position == column.position else c for c in table.columns]
    columns = [c if c.generated is None else replace(c, generated=text(c.generated)) for c in columns]
    indexes = [
        replace(
            i,
            where=None if i.where is None else text(i.where),
            keys=tuple([k if k.expression is None else replace(k, expression=text(k.expression)) for k in i.keys]),
        )
        for i in table.indexes
    ]
    checks = [replace(c, expression=text(c.expression)) for c in table.checks]
    return replace(table, columns=tuple(columns), indexes=tuple(indexes), checks=tuple(checks))


# -- DEFAULT, NOT NULL, GENERATED -------------------------------------------------------------------------


def set_default(action: ast.SetDefault, table: schema.Table, changes: Changes) -> None:
    column = _column(action.column, table)
    if column.generated is not None:
        raise errors.SyntaxError(
            f'column "{column.name}" of relation "{table.name}" is a generated column', position=action.column.at
        )
    default = None
    if action.default is not None:
        bind_default(action.default, column, changes)
        default = to_sql(action.default)
    changes.put(_with_column(table, replace(column, default=default)))


def set_not_null(action: ast.SetNotNull, table: schema.Table, changes: Changes) -> None:
    column = _column(action.column, table)
    if column.not_null == action.not_null:
        return
    key = table.primary_key
    if not action.not_null and key is not None and any(part.position == column.position for part in key.keys):
        raise errors.InvalidTableDefinition(f'column "{column.name}" is in a primary key', position=action.column.at)
    new = _with_column(table, replace(column, not_null=action.not_null))
    if action.not_null:
        add_to_rows(table, new, changes)
    else:
        changes.put(new)


def drop_expression(action: ast.DropExpression, table: schema.Table, changes: Changes) -> None:
    column = _column(action.column, table)
    if column.generated is None:
        message = f'column "{column.name}" of relation "{table.name}" is not a stored generated column'
        if not action.if_exists:
            raise errors.ProgrammingError(message, sqlstate="55000", position=action.column.at)
        changes.notice(f"{message}, skipping")
        return
    changes.put(_with_column(table, replace(column, generated=None)))


# -- TYPE -------------------------------------------------------------------------------------------------


def set_type(action: ast.SetType, table: schema.Table, changes: Changes) -> None:
    column = _column(action.column, table)
    target = column_type(action.type, action.at)
    _check_retypable(column, table, action, changes)
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
    for view in views_of(table.name, changes):
        if any(isinstance(n, ast.ColumnRef) and n.name == column.name for n in ast.walk(parse(view.query))):
            raise errors.NotSupportedError(
                "cannot alter type of a column used by a view or rule",
                position=action.at,
                detail=f'view {view.name} depends on column "{column.name}"',
            )


def _conversion(
    column: schema.Column, table: schema.Table, target: SqlType, action: ast.SetType, changes: Changes
) -> Callable[[Row], Any] | None:
    """How the column's values change; None if the stored values serve as they are."""
    if action.using is not None:
        return _converted(action.using, table, target, changes)
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
    new = _with_column(table, column)
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
