"""ALTER VIEW: columns renamed, defaults for rows that come through it, WITH CHECK OPTION, the name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast
from minidb.sql.binder.rows import bind_default
from minidb.sql.ddl.changes import Changes
from minidb.sql.ddl.dependents import view_with_renamed_column, views_of
from minidb.sql.ddl.views import check_updatable, find_view, rename_view, view_types
from minidb.sql.parser import parse
from minidb.sql.printer import to_sql


def alter_view(node: ast.AlterTable, changes: Changes) -> None:
    for action in node.actions:
        handler = _ACTIONS.get(type(action))
        if handler is None:
            raise errors.WrongObjectType(
                f'this action of ALTER cannot be performed on relation "{node.name.name}"', position=action.at,
                detail="This operation is not supported for views.",
            )
        handler(action, find_view(node.name, changes, "relation"), changes)


def _put(view: schema.View, changes: Changes) -> None:
    changes.put_views({**changes.catalog.views, schema.key_of(view): view})


def _rename(action: ast.Rename, view: schema.View, changes: Changes) -> None:
    rename_view(view, action.new_name, changes)


def _place(name: ast.Name, view: schema.View) -> int:
    if name.value not in view.columns:
        raise errors.UndefinedColumn(
            f'column "{name.value}" of relation "{view.name}" does not exist', position=name.at
        )
    return view.columns.index(name.value)


def _rename_column(action: ast.RenameColumn, view: schema.View, changes: Changes) -> None:
    """The name alone; the views that read the column follow."""
    new = action.new_name.value
    if action.column.value not in view.columns:
        raise errors.UndefinedColumn(f'column "{action.column.value}" does not exist', position=action.column.at)
    if new in view.columns:
        raise errors.DuplicateColumn(
            f'column "{new}" of relation "{view.name}" already exists', position=action.new_name.at
        )
    place = view.columns.index(action.column.value)
    readers = views_of(view.name, changes, view.temporary)
    renamed = {schema.key_of(v): view_with_renamed_column(v, view.id, place, new, changes) for v in readers}
    names = (*view.columns[:place], new, *view.columns[place + 1 :])
    changes.put_views({**changes.catalog.views, **renamed, schema.key_of(view): replace(view, columns=names)})


def _set_default(action: ast.SetDefault, view: schema.View, changes: Changes) -> None:
    place = _place(action.column, view)
    kept = tuple([(p, text) for p, text in view.defaults if p != place])
    if action.default is not None:
        column = schema.Column(action.column.value, view_types(view, changes)[place], place)
        bind_default(action.default, column, changes)
        kept += ((place, to_sql(action.default)),)
    _put(replace(view, defaults=kept), changes)


def _set_options(action: ast.SetOptions, view: schema.View, changes: Changes) -> None:
    for option in action.options:
        if option.name != "check_option":
            raise _unknown(option)
        value = str(option.value).lower()
        if value not in ("local", "cascaded"):
            raise errors.InvalidParameterValue(
                f'invalid value for enum option "check_option": {option.value}', position=option.at,
                detail='Valid values are "local" and "cascaded".',
            )
        query = parse(view.query)
        assert isinstance(query, ast.Query)
        check_updatable(query, action.at, changes)
        view = replace(view, check_option=value)
    _put(view, changes)


def _reset_options(action: ast.ResetOptions, view: schema.View, changes: Changes) -> None:
    for option in action.options:
        if option.name != "check_option":
            raise _unknown(option)
        view = replace(view, check_option=None)
    _put(view, changes)


def _unknown(option: ast.Option) -> errors.Error:
    return errors.InvalidParameterValue(f'unrecognized parameter "{option.name}"', position=option.at)


_ACTIONS: dict[type, Callable[[Any, schema.View, Changes], None]] = {
    ast.Rename: _rename,
    ast.RenameColumn: _rename_column,
    ast.SetDefault: _set_default,
    ast.SetOptions: _set_options,
    ast.ResetOptions: _reset_options,
}
