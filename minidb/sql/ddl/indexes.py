"""CREATE INDEX, DROP INDEX, REINDEX."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast
from minidb.sql.binder import bind_row_node
from minidb.sql.binder.rows import bind_condition, check_immutable
from minidb.sql.ddl.changes import Changes, check_schema
from minidb.sql.ddl.columns import find_columns
from minidb.sql.ddl.constraints import check_key_type
from minidb.sql.ddl.dependents import keys_needing, refuse_or_cascade, without_foreign_keys
from minidb.sql.ddl.names import free_name, key_names
from minidb.sql.functions.operators import resolve_operator
from minidb.sql.printer import to_sql
from minidb.sql.suggest import nearest

# -- CREATE INDEX -----------------------------------------------------------------------------------------


def create_index(node: ast.CreateIndex, changes: Changes) -> str:
    _check_method(node)
    # Two builders at once would both replace the table's record.
    table = changes.locked_table(node.table, "share row exclusive")
    if node.name is not None and node.if_not_exists and changes.is_taken(node.name.value, table.temporary):
        changes.notice(f'relation "{node.name.value}" already exists, skipping')
        return "CREATE INDEX"
    index = _index(node, table, changes)
    changes.put(replace(table, indexes=(*table.indexes, index)), incompatible=index.unique)
    changes.door.build_index(table.id, index.id)
    return "CREATE INDEX"


def _check_method(node: ast.CreateIndex) -> None:
    if node.method in (None, "btree"):
        return
    if node.method in ("hash", "gin", "gist", "brin", "spgist"):
        raise errors.NotSupportedError(f"indexes of the kind {node.method} are not supported yet", position=node.at)
    raise errors.UndefinedObject(f'access method "{node.method}" does not exist', position=node.at)


def _index(node: ast.CreateIndex, table: schema.Table, changes: Changes) -> schema.Index:
    keys = tuple([_key(key, table, changes) for key in node.keys])
    include = find_columns(node.include, table, "named in key")
    if node.where is not None:
        bind_condition(node.where, table, changes)
    name = _name(node, table, changes)
    return schema.Index(
        id=changes.new_id(),
        name=name,
        relation=changes.new_id(),
        keys=keys,
        include=tuple([c.position for c in include]),
        unique=node.unique,
        where=to_sql(node.where) if node.where is not None else None,
        nulls_not_distinct=node.nulls_not_distinct,
    )


def _name(node: ast.CreateIndex, table: schema.Table, changes: Changes) -> str:
    if node.name is not None:
        changes.claim(node.name.value, node.name.at, table.temporary)
        return node.name.value
    parts = [key.expression for key in node.keys]
    names = key_names([*parts, *[ast.ColumnRef(parts=(name.value,)) for name in node.include]])
    name = free_name(table.name, names, "idx", lambda name: changes.is_taken(name, table.temporary))
    changes.claim(name, node.at, table.temporary)
    return name


def _key(key: ast.SortKey, table: schema.Table, changes: Changes) -> schema.IndexKey:
    node = key.expression
    while isinstance(node, ast.Collate):
        bind_row_node(node, table, changes)  # the collation must exist
        node = node.operand
    nulls_first = key.descending if key.nulls_first is None else key.nulls_first
    if isinstance(node, ast.ColumnRef):
        names = [ast.Name(at=node.at, value=node.name)]
        (column,) = find_columns(names, table, "named in key") if len(node.parts) == 1 else _qualified(node, table)
        check_key_type(column, node.at)
        return schema.IndexKey(column.position, column.type, None, key.descending, nulls_first)
    bound = bind_row_node(node, table, changes)
    check_immutable(bound, "functions in index expression must be marked IMMUTABLE", node.at)
    resolve_operator("<", bound.type, bound.type)
    return schema.IndexKey(None, bound.type, to_sql(node), key.descending, nulls_first)


def _qualified(node: ast.ColumnRef, table: schema.Table) -> tuple[schema.Column, ...]:
    if node.parts[-2] != table.name:
        raise errors.UndefinedTable(f'missing FROM-clause entry for table "{node.parts[-2]}"', position=node.at)
    return find_columns([ast.Name(at=node.at, value=node.name)], table, "named in key")


# -- DROP INDEX -------------------------------------------------------------------------------------------


def drop_indexes(node: ast.Drop, changes: Changes) -> str:
    for name in node.names:
        if not changes.is_there(name, "index", node.if_exists):
            continue
        _drop_index(name, node.cascade, changes)
    return "DROP INDEX"


def owner(name: ast.QualifiedName, changes: Changes) -> tuple[schema.Table, schema.Index]:
    """The index of this name and its table. Raises 42704, 42809."""
    check_schema(name)
    found = changes.catalog.index_owner(name.name)
    if found is not None:
        return found
    if changes.exists(name):
        raise errors.WrongObjectType(
            f'"{name.name}" is not an index', position=name.at, hint=changes.drop_hint(name)
        )
    near = nearest(name.name, [i.name for t in changes.catalog.tables.values() for i in t.indexes])
    raise errors.UndefinedObject(
        f'index "{name.name}" does not exist',
        position=name.at,
        hint=f'Perhaps you meant the index "{near}".' if near else None,
    )


def _drop_index(name: ast.QualifiedName, cascade: bool, changes: Changes) -> None:
    changes.door.lock_table(owner(name, changes)[0].id, "access exclusive")
    table, index = owner(name, changes)
    if index.constraint:
        raise errors.DependentObjectsExist(
            f"cannot drop index {index.name} because constraint {index.name} on table {table.name} requires it",
            position=name.at,
            hint=f"You can drop constraint {index.name} on table {table.name} instead.",
        )
    remove_index(table, index, f"index {index.name}", cascade, name.at, changes)


def remove_index(table: schema.Table, index: schema.Index, what: str, cascade: bool, at: int, changes: Changes) -> None:
    """Takes an index from a table that is locked, with the foreign keys that need it (CASCADE)."""
    keys = keys_needing(table, index, changes)
    sentences = [f"constraint {key.name} on table {child.name} depends on index {index.name}" for child, key in keys]
    refuse_or_cascade(what, sentences, cascade, at, changes)
    without_foreign_keys(keys, changes)
    present = changes.by_id(table.id)
    changes.put(replace(present, indexes=without(present.indexes, index.id)), incompatible=index.unique)


def without(indexes: Sequence[schema.Index], gone: int) -> tuple[schema.Index, ...]:
    return tuple([index for index in indexes if index.id != gone])


# -- REINDEX ----------------------------------------------------------------------------------------------


def reindex(node: ast.Reindex, changes: Changes) -> str:
    """Builds indexes anew, in new storage; a clustered index is the table itself and stays."""
    if node.kind == "index":
        table, index = owner(node.name, changes)
        wanted = {index.id}
        changes.door.lock_table(table.id, "access exclusive")
    else:
        table = changes.locked_table(node.name, "access exclusive")
        wanted = {index.id for index in table.indexes}
    present = changes.by_id(table.id)
    rebuilt = {i.id for i in present.indexes if i.id in wanted and not i.clustered}
    indexes = [replace(i, relation=changes.new_id()) if i.id in rebuilt else i for i in present.indexes]
    changes.put(replace(present, indexes=tuple(indexes)))
    for index_id in sorted(rebuilt):
        changes.door.build_index(table.id, index_id)
    return "REINDEX"
