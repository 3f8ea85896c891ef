"""CREATE VIEW, DROP VIEW, and renaming views. A view is the text of its query; the binder puts it in place of the name.

`*` is written out when the view is made: a column that the table gets later is not part of the view.
"""

from __future__ import annotations

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast
from minidb.sql.binder import bind_view
from minidb.sql.ddl.changes import Changes, check_schema
from minidb.sql.ddl.columns import check_names
from minidb.sql.ddl.dependents import drop_views, mentioned_tables, refuse_or_cascade, view_with_renamed_table, views_of
from minidb.sql.printer import to_sql
from minidb.sql.suggest import nearest


def create_view(node: ast.CreateView, changes: Changes) -> str:
    check_schema(node.name)
    _check_supported(node)
    name = node.name.name
    temporary = _is_temporary(node, changes)
    key = schema.TEMPORARY + name if temporary else name
    known = changes.catalog.views.get(key)
    if known is not None and node.if_not_exists:
        changes.notice(f'relation "{name}" already exists, skipping')
        return "CREATE VIEW"
    if known is None or not node.or_replace:
        changes.claim(name, node.name.at, temporary)
    elif not temporary:
        changes.door.lock_name(name)
    query, columns = bind_view(_meaning(node), changes, replaced=key if known is not None else None)
    names = _names(node, [column.name for column in columns])
    if known is not None:
        _check_replaceable(known, names, node.at)
    view = schema.View(known.id if known is not None else changes.new_id(), name, names, to_sql(query))
    changes.put_views({**changes.catalog.views, key: replace(view, temporary=temporary)})
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


def _check_supported(node: ast.CreateView) -> None:
    if node.check_option is not None:
        raise errors.NotSupportedError(
            "WITH CHECK OPTION is supported only on automatically updatable views", position=node.at
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


def _check_replaceable(known: schema.View, names: tuple[str, ...], at: int) -> None:
    if len(names) < len(known.columns):
        raise errors.InvalidTableDefinition("cannot drop columns from view", position=at)
    for old, new in zip(known.columns, names):
        if old != new:
            raise errors.InvalidTableDefinition(
                f'cannot change name of view column "{old}" to "{new}"',
                position=at,
                hint="Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.",
            )


def drop_view_statement(node: ast.Drop, changes: Changes) -> str:
    gone = [name for name in node.names if _is_there(name, node.if_exists, changes)]
    together = {name.name for name in gone}
    for name in gone:
        view = changes.catalog.find_view(name.name, name.schema)
        if view is None:
            continue  # went with one before it
        dependents = [v for v in views_of(view.name, changes, view.temporary) if v.name not in together]
        sentences = [f"{v.kind} {v.name} depends on view {view.name}" for v in dependents]
        refuse_or_cascade(f"view {view.name}", sentences, node.cascade, node.at, changes)
        drop_views([view, *dependents], changes)
    return "DROP VIEW"


def _is_there(name: ast.QualifiedName, if_exists: bool, changes: Changes) -> bool:
    check_schema(name)
    if if_exists and not changes.exists(name):
        changes.notice(f'view "{name.name}" does not exist, skipping')
        return False
    find_view(name, changes)
    return True


def find_view(name: ast.QualifiedName, changes: Changes) -> schema.View:
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
        f'view "{name.name}" does not exist',
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
