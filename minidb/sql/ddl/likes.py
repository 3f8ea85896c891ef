"""`LIKE table INCLUDING ...` in CREATE TABLE: columns, and what is asked for besides, from another table."""

from __future__ import annotations

from msgspec.structs import replace

from minidb import schema
from minidb.sql import ast
from minidb.sql.ddl.changes import Changes
from minidb.sql.ddl.names import constraint_names, free_name


def _includes(like: ast.LikeTable, what: str) -> bool:
    """The last mention of the option, or of ALL, decides."""
    answer = False
    for including, option in like.options:
        if option in (what, "all"):
            answer = including
    return answer


def liked_columns(like: ast.LikeTable, changes: Changes) -> list[schema.Column]:
    """The live columns of the other table; positions are those in the new table's order."""
    source = changes.table(like.table)
    return [
        schema.Column(
            name=column.name,
            type=column.type,
            position=place,
            not_null=column.not_null,
            default=column.default if _includes(like, "defaults") else None,
            generated=column.generated if _includes(like, "generated") else None,
            collation=column.collation,
            identity=column.identity if _includes(like, "identity") else None,
        )
        for place, column in enumerate(source.live_columns)
    ]


def liked_parts(table: schema.Table, like: ast.LikeTable, changes: Changes) -> schema.Table:
    """CHECK constraints and indexes of the other table, under names of the new one."""
    source = changes.table(like.table)
    if _includes(like, "constraints"):
        checks = [replace(check, id=changes.new_id(), validated=True) for check in source.checks]
        table = replace(table, checks=(*table.checks, *checks))
    if _includes(like, "indexes"):
        for index in source.indexes:
            table = replace(table, indexes=(*table.indexes, _liked_index(index, source, table, changes)))
    return table


def _liked_index(index: schema.Index, source: schema.Table, table: schema.Table, changes: Changes) -> schema.Index:
    positions = {c.position: _position(table, c.name) for c in source.live_columns}
    keys = [k if k.position is None else replace(k, position=positions[k.position]) for k in index.keys]
    names = ["expr" if k.position is None else table.columns[k.position].name for k in keys]
    label = "pkey" if index.primary else "key" if index.constraint else "idx"
    taken = constraint_names(table) | {i.name for i in table.indexes}
    parts = [] if index.primary else names
    name = free_name(table.name, parts, label, lambda n: n in taken or changes.is_taken(n, table.temporary))
    changes.claim(name, -1, table.temporary)
    clustered = index.clustered and table.layout == "row"
    return replace(
        index,
        id=changes.new_id(),
        name=name,
        relation=table.relation if clustered else changes.new_id(),
        clustered=clustered,
        keys=tuple(keys),
        include=tuple([positions[p] for p in index.include]),
    )


def _position(table: schema.Table, name: str) -> int:
    column = table.column(name)
    assert column is not None
    return column.position
