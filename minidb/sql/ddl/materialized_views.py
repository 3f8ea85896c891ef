"""CREATE, REFRESH, DROP and ALTER MATERIALIZED VIEW: a query whose rows are kept.

A materialized view is two entries of the catalog: a table that nobody but REFRESH writes (`Table.materialized`: whether
it has rows yet), and a view, under a name of its own, that holds the query and so depends on what the query reads.
Indexes belong to the table. REFRESH fills new storage, and readers wait for it; CONCURRENTLY compares the query's rows
with those that are there and changes only what differs, beside readers, who go on seeing the old rows until it commits.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast
from minidb.sql.binder import bind_view
from minidb.sql.ddl.changes import Changes, Row, check_schema
from minidb.sql.ddl.columns import check_names
from minidb.sql.ddl.dependents import drop_views, mentioned_tables, readers_of, refuse_or_cascade
from minidb.sql.ddl.rewrite import new_relations
from minidb.sql.ddl.views import rename_in_views
from minidb.sql.parser import parse
from minidb.sql.printer import to_sql


def create_materialized_view(node: ast.CreateMaterializedView, changes: Changes) -> str:
    check_schema(node.name)
    name = node.name.name
    if node.if_not_exists:
        changes.door.lock_name(name)
        if changes.is_taken(name):
            changes.notice(f'relation "{name}" already exists, skipping')
            return "CREATE MATERIALIZED VIEW"
    changes.claim(name, node.name.at)
    _refuse_temporary(node, changes)
    query, columns = bind_view(node.query, changes)
    names = _names(node, [column.name for column in columns])
    table = schema.Table(
        changes.new_id(), name, changes.new_id(),
        tuple([schema.Column(n, column.type, place) for place, (n, column) in enumerate(zip(names, columns))]),
        materialized="populated" if node.with_data else "empty",
    )
    view = schema.View(changes.new_id(), name, names, to_sql(query), materialized=table.id)
    rows = _rows(view, changes) if node.with_data else []
    changes.put(table)
    changes.put_views({**changes.catalog.views, schema.key_of(view): view})
    for row in rows:
        changes.door.insert_row(table.id, row)
    return f"SELECT {len(rows)}" if node.with_data else "CREATE MATERIALIZED VIEW"


def _refuse_temporary(node: ast.CreateMaterializedView, changes: Changes) -> None:
    found = [changes.catalog.find(name) for name in mentioned_tables(node.query)]
    if any(thing is not None and thing.temporary for thing in found):
        raise errors.NotSupportedError("materialized views must not use temporary tables or views", position=node.at)


def _names(node: ast.CreateMaterializedView, found: list[str]) -> tuple[str, ...]:
    if len(node.columns) > len(found):
        raise errors.SyntaxError("too many column names were specified", position=node.columns[len(found)].at)
    names = [(n.value, n.at) for n in node.columns] + [(n, node.query.at) for n in found[len(node.columns) :]]
    check_names(names)
    return tuple([name for name, _ in names])


def _rows(view: schema.View, changes: Changes) -> list[Row]:
    query = parse(view.query)
    assert isinstance(query, ast.Query)
    _, rows = changes.run_query(query)
    return [tuple(row) for row in rows]


# -- finding ----------------------------------------------------------------------------------------------


def find(name: ast.QualifiedName, mode: str, changes: Changes) -> tuple[schema.Table, schema.View]:
    """The materialized view of this name, locked: its table and its view. Raises 42P01, 42809."""
    if not changes.exists(name):
        raise errors.UndefinedTable(f'materialized view "{name.name}" does not exist', position=name.at)
    found = changes.catalog.find_table(name.name, name.schema)
    if found is None or not found.materialized:
        raise errors.WrongObjectType(f'"{name.name}" is not a materialized view', position=name.at)
    table = changes.locked_table(name, mode)
    view = next((v for v in changes.catalog.views.values() if v.materialized == table.id), None)
    if view is None:
        raise errors.WrongObjectType(f'"{name.name}" is not a materialized view', position=name.at)
    return table, view


def refuse_materialized(table: schema.Table, at: int) -> None:
    """For statements that are about tables. Raises 42809."""
    if table.materialized:
        raise errors.WrongObjectType(
            f'"{table.name}" is not a table', position=at, hint="It is a materialized view."
        )


# -- REFRESH ----------------------------------------------------------------------------------------------


def refresh(node: ast.RefreshMaterializedView, changes: Changes) -> str:
    if node.concurrently and not node.with_data:
        raise errors.SyntaxError(
            "REFRESH options CONCURRENTLY and WITH NO DATA cannot be used together", position=node.at
        )
    table, view = find(node.name, "exclusive" if node.concurrently else "access exclusive", changes)
    if node.concurrently:
        _check_comparable(table, node.at)
        _exchange(table, _rows(view, changes), changes)
        return "REFRESH MATERIALIZED VIEW"
    rows = _rows(view, changes) if node.with_data else []
    state = "populated" if node.with_data else "empty"
    changes.put(new_relations(replace(changes.by_id(table.id), materialized=state), changes), incompatible=True)
    for row in rows:
        changes.door.insert_row(table.id, row)
    return "REFRESH MATERIALIZED VIEW"


def _check_comparable(table: schema.Table, at: int) -> None:
    if table.materialized != "populated":
        raise errors.NotSupportedError(
            "CONCURRENTLY cannot be used when the materialized view is not populated", position=at
        )
    unique = [index for index in table.indexes if index.unique and index.where is None]
    if not any(all(key.position is not None for key in index.keys) for index in unique):
        raise errors.ProgrammingError(
            f'cannot refresh materialized view "{table.name}" concurrently',
            sqlstate="55000",
            position=at,
            hint="Create a unique index with no WHERE clause on one or more columns of the materialized view.",
        )


def _exchange(table: schema.Table, rows: list[Row], changes: Changes) -> None:
    """Makes the table's rows those of `rows`: what is not among them goes, what is missing comes."""
    wanted: Counter[Any] = Counter(rows)
    gone = []
    for ref, row in changes.door.newest_rows(table.id):
        if wanted[row] > 0:
            wanted[row] -= 1
        else:
            gone.append((ref, row))
    for ref, row in gone:
        changes.door.delete_row(table.id, ref, row)
    for row in wanted.elements():
        changes.door.insert_row(table.id, row)


# -- DROP, ALTER ------------------------------------------------------------------------------------------


def drop_materialized_views(node: ast.Drop, changes: Changes) -> str:
    names = [name for name in node.names if changes.is_there(name, "materialized view", node.if_exists)]
    found = [find(name, "access exclusive", changes)[1] for name in names]
    together = {view.id for view in found}
    for view in found:
        if view.id not in {v.id for v in changes.catalog.views.values()}:
            continue  # went with one before it
        dependents = [r for r in readers_of(view.name, changes) if r.view.id not in together]
        sentences = [reader.sentence(f"materialized view {view.name}") for reader in dependents]
        refuse_or_cascade(f"materialized view {view.name}", sentences, node.cascade, node.at, changes)
        drop_views([view, *[reader.view for reader in dependents]], changes)
    return "DROP MATERIALIZED VIEW"


def alter_materialized_view(node: ast.AlterTable, changes: Changes) -> None:
    for action in node.actions:
        if not isinstance(action, ast.Rename):
            raise errors.NotSupportedError("ALTER MATERIALIZED VIEW can only rename", position=action.at)
        table, view = find(node.name, "access exclusive", changes)
        new = action.new_name
        changes.claim(new.value, new.at)
        rename_in_views(table.name, new.value, changes)
        changes.put(replace(changes.by_id(table.id), name=new.value), replaces=table.name)
        views = {key: v for key, v in changes.catalog.views.items() if v.id != view.id}
        renamed = replace(view, name=new.value)
        changes.put_views({**views, schema.key_of(renamed): renamed})
