"""CREATE VIEW, DROP VIEW, and renaming views. A view is the text of its query; the binder puts it in place of the name.

`*` is written out when the view is made: a column that the table gets later is not part of the view.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast
from minidb.sql.binder import bind_view
from minidb.sql.binder.updatable_views import NO_COLUMNS, has_columns, why_not_updatable
from minidb.sql.ddl.changes import Changes, check_schema
from minidb.sql.ddl.columns import check_names
from minidb.sql.ddl.dependents import (
    drop_views,
    mentioned_tables,
    readers_of,
    refuse_or_cascade,
    view_with_renamed_table,
    views_of,
)
from minidb.sql.parser import parse
from minidb.sql.printer import to_sql
from minidb.sql.suggest import nearest
from minidb.types import SqlType


def create_view(node: ast.CreateView, changes: Changes) -> str:
    check_schema(node.name)
    name = node.name.name
    temporary = _is_temporary(node, changes)
    key = schema.TEMPORARY + name if temporary else name
    known = changes.catalog.views.get(key)
    if known is not None and node.if_not_exists:
        changes.notice(f'relation "{name}" already exists, skipping')
        return "CREATE VIEW"
    if known is None and node.or_replace and changes.is_taken(name, temporary):
        raise errors.WrongObjectType(f'"{name}" is not a view', position=node.name.at)
    if known is None or not node.or_replace:
        changes.claim(name, node.name.at, temporary)
    elif not temporary:
        changes.door.lock_name(name)
    query, columns = bind_view(_meaning(node), changes, replaced=key if known is not None else None)
    names = _names(node, [column.name for column in columns])
    if known is not None:
        _check_replaceable(known, list(zip(names, [column.type for column in columns])), node.at, changes)
    if node.check_option is not None:
        check_updatable(query, node.at, changes)
    view = schema.View(
        id=known.id if known is not None else changes.new_id(),
        name=name,
        columns=names,
        query=to_sql(query),
        temporary=temporary,
        check_option=node.check_option,
        defaults=() if known is None else known.defaults,
    )
    changes.put_views({**changes.catalog.views, key: view})
    return "CREATE VIEW"


def _meaning(node: ast.CreateView) -> ast.Query:
    """RECURSIVE is short for WITH RECURSIVE name (columns) AS (query) SELECT columns FROM name."""
    query = node.query
    changing = ast.Insert | ast.Update | ast.Delete | ast.Merge
    if any(isinstance(part, changing) for part in ast.walk(query)):
        raise errors.NotSupportedError(
            "views must not contain data-modifying statements in WITH", position=query.at
        )
    if not node.recursive:
        return query
    names = tuple(column.value for column in node.columns)
    if not names:
        raise errors.SyntaxError("CREATE RECURSIVE VIEW needs the names of its columns", position=node.name.at)
    table = ast.CommonTable(node.name.name, names, query, at=query.at)
    targets = tuple(ast.Target(ast.ColumnRef((name,), at=query.at), at=query.at) for name in names)
    item = ast.TableRef(ast.QualifiedName((node.name.name,), at=query.at), at=query.at)
    body = ast.Select(targets, (item,), at=query.at)
    return ast.Query(body, with_=ast.With((table,), recursive=True, at=query.at), at=query.at)


def check_updatable(query: ast.Query, at: int, changes: Changes) -> None:
    """WITH CHECK OPTION is for rows that come through the view. Raises 0A000 if none can."""
    reason = why_not_updatable(query, changes.catalog)
    if reason is None and not has_columns(query):
        reason = NO_COLUMNS
    if reason is not None:
        raise errors.NotSupportedError(
            "WITH CHECK OPTION is supported only on automatically updatable views", position=at, hint=reason
        )


def _is_temporary(node: ast.CreateView, changes: Changes) -> bool:
    """A view over something temporary is temporary, too."""
    if node.temporary or node.name.schema == "pg_temp":
        return True
    meant = [changes.catalog.find(name) for name in mentioned_tables(node.query)]
    if not any(thing is not None and thing.temporary for thing in meant):
        return False
    if node.name.schema == "public":
        raise errors.InvalidTableDefinition(
            "cannot create temporary relation in non-temporary schema", position=node.name.at
        )
    changes.notice(f'view "{node.name.name}" will be a temporary view')
    return True


def _names(node: ast.CreateView, found: list[str]) -> tuple[str, ...]:
    if len(node.columns) > len(found):
        raise errors.SyntaxError("CREATE VIEW specifies more column names than columns", position=node.at)
    names = [(n.value, n.at) for n in node.columns] + [(name, node.query.at) for name in found[len(node.columns) :]]
    check_names(names)
    return tuple([name for name, _ in names])


def _check_replaceable(
    known: schema.View, columns: Sequence[tuple[str, SqlType]], at: int, changes: Changes
) -> None:
    """Columns may only be added at the end: what reads the view goes on to work. Raises 42P16."""
    if len(columns) < len(known.columns):
        raise errors.InvalidTableDefinition("cannot drop columns from view", position=at)
    types = view_types(known, changes)
    for old, kind, (new, new_kind) in zip(known.columns, types, columns):
        if old != new:
            raise errors.InvalidTableDefinition(
                f'cannot change name of view column "{old}" to "{new}"',
                position=at,
                hint="Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.",
            )
        if kind != new_kind:
            raise errors.InvalidTableDefinition(
                f'cannot change data type of view column "{old}" from {kind} to {new_kind}', position=at
            )


def view_types(view: schema.View, changes: Changes) -> list[SqlType]:
    """The types of a view's columns."""
    query = parse(view.query)
    assert isinstance(query, ast.Query)
    return [column.type for column in bind_view(query, changes, replaced=schema.key_of(view))[1]]


def drop_view_statement(node: ast.Drop, changes: Changes) -> str:
    gone = [name for name in node.names if changes.is_there(name, "view", node.if_exists)]
    for name in gone:
        find_view(name, changes)
    together = {name.name for name in gone}
    for name in gone:
        view = changes.catalog.find_view(name.name, name.schema)
        if view is None:
            continue  # went with one before it
        dependents = [r for r in readers_of(view.name, changes, view.temporary) if r.view.name not in together]
        sentences = [reader.sentence(f"view {view.name}") for reader in dependents]
        refuse_or_cascade(f"view {view.name}", sentences, node.cascade, node.at, changes)
        drop_views([view, *[reader.view for reader in dependents]], changes)
    return "DROP VIEW"


def find_view(name: ast.QualifiedName, changes: Changes, word: str = "view") -> schema.View:
    """The view of this name. Raises 42P01, 42809."""
    check_schema(name)
    view = changes.catalog.find_view(name.name, name.schema)
    if view is not None:
        return view
    if changes.exists(name):
        raise errors.WrongObjectType(
            f'"{name.name}" is not a view', position=name.at, hint="Use DROP TABLE to remove a table."
        )
    near = nearest(name.name, changes.catalog.views)
    raise errors.UndefinedTable(
        f'{word} "{name.name}" does not exist',
        position=name.at,
        hint=f'Perhaps you meant the view "{near}".' if near else None,
    )


def rename_in_views(old: str, new: str, changes: Changes, temporary: bool = False) -> None:
    """The views that read a table or view go on to read it under its new name."""
    readers = views_of(old, changes, temporary)
    if readers:
        renamed = {schema.key_of(view): view_with_renamed_table(view, old, new) for view in readers}
        changes.put_views({**changes.catalog.views, **renamed})


def rename_view(view: schema.View, new: ast.Name, changes: Changes) -> None:
    changes.claim(new.value, new.at, view.temporary)
    rename_in_views(view.name, new.value, changes, view.temporary)
    views = {key: v for key, v in changes.catalog.views.items() if v.id != view.id}
    renamed = replace(view, name=new.value)
    changes.put_views({**views, schema.key_of(renamed): renamed})
