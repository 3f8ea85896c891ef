"""ALTER TABLE: columns dropped and renamed, DEFAULT, NOT NULL and GENERATED changed."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast
from minidb.sql.binder.rows import bind_default
from minidb.sql.ddl.alter_constraints import add_to_rows
from minidb.sql.ddl.changes import Changes
from minidb.sql.ddl.columns import find_column, target_column, with_column
from minidb.sql.ddl.dependents import (
    Reader,
    broken_readers,
    drop_views,
    foreign_keys_to,
    index_mentions,
    mentions_column,
    readers_of,
    refuse_or_cascade,
    view_with_renamed_column,
    views_of,
    with_renamed_columns,
    without_foreign_keys,
)
from minidb.sql.ddl.identities import refuse_identity
from minidb.sql.ddl.rewrite import rewrite_rows
from minidb.sql.ddl.sequences import drop_owned
from minidb.sql.printer import to_sql

# -- DROP -------------------------------------------------------------------------------------------------


def drop_column(action: ast.DropColumn, table: schema.Table, changes: Changes) -> None:
    if action.if_exists and table.column(action.column.value) is None:
        changes.notice(f'column "{action.column.value}" of relation "{table.name}" does not exist, skipping')
        return
    column = target_column(action.column, table)
    keys = [(c, k) for c, k in foreign_keys_to(table, changes) if column.position in k.parent_columns]
    keys += [(table, k) for k in table.foreign_keys if _needs(k, column, table)]
    generated = [c for c in table.live_columns if mentions_column(c.generated, column.name)]
    dropped = _without_column(table, [column, *generated])
    rewrite = table.clustered is not None and dropped.clustered is None
    readers = _readers_broken_by(table, dropped, changes)
    what = f"column {column.name} of table {table.name}"
    refuse_or_cascade(
        what,
        [f"constraint {k.name} on table {c.name} depends on {what}" for c, k in keys]
        + [f"column {c.name} of table {table.name} depends on {what}" for c in generated]
        + [reader.sentence(what) for reader in readers],
        action.cascade,
        action.at,
        changes,
    )
    without_foreign_keys(keys, changes)
    drop_views([reader.view for reader in readers], changes)
    for gone in [column, *generated]:
        drop_owned(table, gone.position, changes)
    if rewrite:
        rewrite_rows(changes.by_id(table.id), dropped, None, changes)
    else:
        changes.put(dropped, incompatible=True)


def _needs(key: schema.ForeignKey, column: schema.Column, table: schema.Table) -> bool:
    """Whether a foreign key of the table refers to its own column from others, which stay."""
    return key.parent == table.id and column.position in key.parent_columns and column.position not in key.columns


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
    return replace(column, dropped=True, not_null=False, default=None, generated=None, identity=None)


def _readers_broken_by(old: schema.Table, new: schema.Table, changes: Changes) -> list[Reader]:
    """The views that need what `new` no longer has."""
    return broken_readers(readers_of(old.name, changes, old.temporary), changes.catalog.with_table(new), changes)


# -- RENAME -----------------------------------------------------------------------------------------------


def rename_column(action: ast.RenameColumn, table: schema.Table, changes: Changes) -> None:
    column, new = find_column(action.column, table, ""), action.new_name.value
    if table.column(new) is not None:
        raise errors.DuplicateColumn(
            f'column "{new}" of relation "{table.name}" already exists', position=action.new_name.at
        )
    renamed = _renamed(table, column, new)
    views = views_of(table.name, changes, table.temporary)
    renamed_views = [view_with_renamed_column(view, table.id, column.position, new, changes) for view in views]
    catalog = changes.catalog.with_table(renamed)
    by_key = {schema.key_of(view): view for view in renamed_views}
    catalog = replace(catalog, views={**catalog.views, **by_key})
    broken = broken_readers([Reader(view) for view in renamed_views], catalog, changes)
    if broken:
        name = broken[0].view.name
        raise errors.NotSupportedError(
            f'renaming column "{column.name}" is not supported yet while the view "{name}" joins by its name',
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
    column = target_column(action.column, table)
    if column.generated is not None:
        raise errors.SyntaxError(
            f'column "{column.name}" of relation "{table.name}" is a generated column',
            position=action.column.at,
            hint="Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead." if action.default is None else None,
        )
    drop = "Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead." if action.default is None else None
    refuse_identity(column, table, action.column.at, drop)
    default = None
    if action.default is not None:
        bind_default(action.default, column, changes)
        default = to_sql(action.default)
    changes.put(with_column(table, replace(column, default=default)))


def set_not_null(action: ast.SetNotNull, table: schema.Table, changes: Changes) -> None:
    column = target_column(action.column, table)
    if column.not_null == action.not_null:
        return
    key = table.primary_key
    if not action.not_null and key is not None and any(part.position == column.position for part in key.keys):
        raise errors.InvalidTableDefinition(f'column "{column.name}" is in a primary key', position=action.column.at)
    if not action.not_null:
        refuse_identity(column, table, action.column.at)
    new = with_column(table, replace(column, not_null=action.not_null))
    if action.not_null:
        add_to_rows(table, new, changes)
    else:
        changes.put(new)


def drop_expression(action: ast.DropExpression, table: schema.Table, changes: Changes) -> None:
    column = target_column(action.column, table)
    if column.generated is None:
        message = f'column "{column.name}" of relation "{table.name}" is not a stored generated column'
        if not action.if_exists:
            raise errors.ProgrammingError(message, sqlstate="55000", position=action.column.at)
        changes.notice(f"{message}, skipping")
        return
    changes.put(with_column(table, replace(column, generated=None)))
