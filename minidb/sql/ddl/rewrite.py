"""Giving a table new storage: emptied (TRUNCATE), or with every row made anew (a type change, a clustered key)."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from minidb import schema
from minidb.sql.ddl.changes import Changes, Row


def new_relations(table: schema.Table, changes: Changes) -> schema.Table:
    """The same table with new, empty storage for itself and its indexes; all ids stay."""
    relation = changes.new_id()
    indexes = [replace(index, relation=relation if index.clustered else changes.new_id()) for index in table.indexes]
    return replace(table, relation=relation, indexes=tuple(indexes))


def rewrite_rows(old: schema.Table, new: schema.Table, convert: Callable[[Row], Row] | None, changes: Changes) -> None:
    """Puts `new` in place of `old`, with new storage that holds the converted rows. Uniqueness is checked on the way.

    The rows are read before the change, because afterwards the table's id means the new storage."""
    rows = list(changes.rows(old))
    changes.put(new_relations(new, changes), incompatible=True)
    width = len(new.columns)
    for row in rows:
        made = row if convert is None else convert(row)
        changes.door.insert_row(new.id, made + (None,) * (width - len(made)))
