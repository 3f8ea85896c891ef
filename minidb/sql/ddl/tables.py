"""CREATE TABLE, CREATE TABLE AS, DROP TABLE, TRUNCATE."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast
from minidb.sql.ddl.changes import Changes, check_schema
from minidb.sql.ddl.columns import check_expressions, check_names, define_column
from minidb.sql.ddl.constraints import add_all
from minidb.sql.ddl.dependents import drop_views, foreign_keys_to, readers_of, refuse_or_cascade, without_foreign_keys
from minidb.sql.ddl.identities import add_sequences, copy_sequences, restart_owned
from minidb.sql.ddl.layouts import chosen_layout
from minidb.sql.ddl.likes import liked_columns, liked_parts
from minidb.sql.ddl.materialized_views import refuse_materialized
from minidb.sql.ddl.rewrite import new_relations
from minidb.sql.ddl.sequences import drop_owned

# -- CREATE TABLE -----------------------------------------------------------------------------------------


def create_table(node: ast.CreateTable, changes: Changes) -> str:
    check_schema(node.name)
    temporary = is_temporary(node)
    if node.if_not_exists:
        changes.door.lock_name(node.name.name)  # whoever is just creating it has ended by then
        if _exists(node.name, temporary, changes):
            return "CREATE TABLE"
    changes.claim(node.name.name, node.name.at, temporary)
    table = schema.Table(changes.new_id(), node.name.name, changes.new_id(), (), temporary=temporary)
    layout = chosen_layout(node.options) or "row"
    table = replace(table, on_commit=node.on_commit or "preserve rows", layout=layout)
    table = add_sequences(_with_columns(table, node, changes), node.columns, changes)
    for like in node.likes:
        copy_sequences(table, changes.table(like.table), changes)
    nodes: list[tuple[ast.Constraint, str | None]] = [(c, d.name) for d in node.columns for c in d.constraints]
    nodes += [(c, None) for c in node.constraints if not isinstance(c, ast.NotNull)]
    table = add_all(table, nodes, changes)
    for like in node.likes:
        table = liked_parts(table, like, changes)
    changes.put(table)
    return "CREATE TABLE"


def is_temporary(node: ast.CreateTable | ast.CreateTableAs) -> bool:
    """Whether a new table is to be temporary. Raises 42P16."""
    if node.temporary and node.name.schema == "public":
        what = "cannot create temporary relation in non-temporary schema"
        raise errors.InvalidTableDefinition(what, position=node.at)
    temporary = node.temporary or node.name.schema == "pg_temp"
    if node.on_commit is not None and not temporary:
        raise errors.InvalidTableDefinition("ON COMMIT can only be used on temporary tables", position=node.at)
    return temporary


def _exists(name: ast.QualifiedName, temporary: bool, changes: Changes) -> bool:
    if not changes.is_taken(name.name, temporary):
        return False
    changes.notice(f'relation "{name.name}" already exists, skipping')
    return True


def _with_columns(table: schema.Table, node: ast.CreateTable, changes: Changes) -> schema.Table:
    """The table with its columns, those of LIKE in between as they are written."""
    found: list[tuple[schema.Column, int]] = []
    parts: list[ast.ColumnDefinition | ast.LikeTable] = [*node.columns, *node.likes]
    for part in sorted(parts, key=lambda part: part.at):
        if isinstance(part, ast.LikeTable):
            found += [(column, part.at) for column in liked_columns(part, changes)]
        else:
            found.append((define_column(part, 0, table.name), part.at))
    check_names([(column.name, at) for column, at in found])
    columns = [replace(column, position=place) for place, (column, _) in enumerate(found)]
    table = replace(table, columns=tuple(columns))
    for definition in node.columns:
        check_expressions(table, definition, changes)
    return table


# -- CREATE TABLE AS --------------------------------------------------------------------------------------


def create_table_as(node: ast.CreateTableAs, changes: Changes) -> str:
    check_schema(node.name)
    temporary = is_temporary(node)
    if node.if_not_exists:
        changes.door.lock_name(node.name.name)
        if _exists(node.name, temporary, changes):
            return "CREATE TABLE AS"
    layout = chosen_layout(node.options) or "row"
    changes.claim(node.name.name, node.name.at, temporary)
    results, rows = changes.run_query(node.query)
    if len(node.columns) > len(results):
        raise errors.SyntaxError("too many column names were specified", position=node.columns[len(results)].at)
    names = [*[n.value for n in node.columns], *[name for name, _ in results[len(node.columns) :]]]
    check_names([(name, node.name.at) for name in names])
    columns = tuple([schema.Column(name, kind, i) for i, (name, (_, kind)) in enumerate(zip(names, results))])
    table = schema.Table(changes.new_id(), node.name.name, changes.new_id(), columns, temporary=temporary)
    changes.put(replace(table, on_commit=node.on_commit or "preserve rows", layout=layout))
    count = 0
    if node.with_data:
        for row in rows:
            changes.door.insert_row(table.id, tuple(row))
            count += 1
    return f"SELECT {count}" if node.with_data else "CREATE TABLE AS"


# -- DROP TABLE -------------------------------------------------------------------------------------------


def drop_tables(node: ast.Drop, changes: Changes) -> str:
    names = [name for name in node.names if changes.is_there(name, "table", node.if_exists)]
    tables = {}
    for name in names:
        table = changes.locked_table(name, "access exclusive", "table")
        refuse_materialized(table, name.at)
        changes.check_not_pending(table, "DROP TABLE", name.at)
        tables[table.id] = table
    for table in tables.values():
        _drop_table(table, set(tables), node, changes)
    return "DROP TABLE"


def _drop_table(table: schema.Table, together: set[int], node: ast.Drop, changes: Changes) -> None:
    keys = [(child, key) for child, key in foreign_keys_to(table, changes) if child.id not in together]
    readers = readers_of(table.name, changes, table.temporary)
    refuse_or_cascade(
        f"table {table.name}",
        [f"constraint {key.name} on table {child.name} depends on table {table.name}" for child, key in keys]
        + [reader.sentence(f"table {table.name}") for reader in readers],
        node.cascade,
        node.at,
        changes,
    )
    without_foreign_keys(keys, changes)
    drop_views([reader.view for reader in readers], changes)
    drop_owned(table, None, changes)
    changes.door.change(changes.catalog.without_table(table), incompatible=(table.id,))


# -- TRUNCATE ---------------------------------------------------------------------------------------------


def truncate(node: ast.Truncate, changes: Changes) -> str:
    tables = {}
    for name in node.tables:
        table = changes.locked_table(name, "access exclusive")
        refuse_materialized(table, name.at)
        tables[table.id] = table
    if node.cascade:
        _add_children(tables, changes)
    for table in tables.values():
        changes.check_not_pending(table, "TRUNCATE", node.at)
    _check_not_referenced(list(tables.values()), set(tables), node.at, changes)
    for table_id in tables:
        changes.put(new_relations(changes.by_id(table_id), changes), incompatible=True)
        if node.restart_identity:
            restart_owned(changes.by_id(table_id), changes)
    return "TRUNCATE TABLE"


def _add_children(tables: dict[int, schema.Table], changes: Changes) -> None:
    """CASCADE: the tables that refer to those being emptied are emptied, too."""
    waiting = list(tables.values())
    while waiting:
        for child, _ in foreign_keys_to(waiting.pop(), changes):
            if child.id not in tables:
                changes.door.lock_table(child.id, "access exclusive")
                changes.notice(f'truncate cascades to table "{child.name}"')
                tables[child.id] = changes.by_id(child.id)
                waiting.append(child)


def _check_not_referenced(tables: Sequence[schema.Table], together: set[int], at: int, changes: Changes) -> None:
    for table in tables:
        for child, _ in foreign_keys_to(table, changes):
            if child.id not in together:
                raise errors.NotSupportedError(
                    "cannot truncate a table referenced in a foreign key constraint",
                    position=at,
                    detail=f'Table "{child.name}" references "{table.name}".',
                    hint=f'Truncate table "{child.name}" at the same time, or use TRUNCATE ... CASCADE.',
                )
