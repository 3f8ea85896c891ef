"""sys.tables, indexes, columns, comments, sequences: what is in the database, and how much of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from minidb import schema
from minidb.inside import sequence_row
from minidb.inside.view import View, columns
from minidb.keys import Row
from minidb.types import BIGINT, BOOLEAN, INTEGER, TEXT

if TYPE_CHECKING:
    from minidb.database import Database


def storage_of(table: schema.Table) -> str:
    if table.clustered is not None:
        return "clustered"
    return "column heap" if table.layout == "column" else "heap"


def tables(database: Database) -> Iterator[Row]:
    root = database.base.root
    for name, table in sorted(database.relations.catalog.tables.items()):
        store = database.relations.tables[table.id]
        top = root.relations.get(table.relation)
        yield (
            table.id, name, storage_of(table), len(table.live_columns),
            top.entries if top is not None else 0, len(store.chains), top.pages if top is not None else 0,
            top.blocks if top is not None else 0,
        )


def indexes(database: Database) -> Iterator[Row]:
    root = database.base.root
    for name, table in sorted(database.relations.catalog.tables.items()):
        store = database.relations.tables[table.id]
        for index in table.indexes:
            top = root.relations.get(index.relation)
            overlay = len(store.indexes[index.id].overlay) if index.id in store.indexes else len(store.chains)
            yield (
                index.id, index.name, name, index_columns(table, index), index.unique, index.primary, index.clustered,
                ", ".join(table.columns[p].name for p in index.include) or None, index.where,
                top.entries if top is not None else 0, overlay, top.level + 1 if top is not None else 0,
                top.pages if top is not None else 0,
            )


def index_columns(table: schema.Table, index: schema.Index) -> str:
    parts = []
    for key in index.keys:
        text = table.columns[key.position].name if key.position is not None else f"({key.expression})"
        if key.descending:
            text += " DESC"
        if key.nulls_first != key.descending:
            text += " NULLS FIRST" if key.nulls_first else " NULLS LAST"
        parts.append(text)
    return ", ".join(parts)


def table_columns(database: Database) -> Iterator[Row]:
    for name, table in sorted(database.relations.catalog.tables.items()):
        keys = {k.position for k in table.primary_key.keys} if table.primary_key is not None else set()
        for number, column in enumerate(table.live_columns, 1):
            yield (
                name, column.name, number, str(column.type), not column.not_null, column.default,
                column.position in keys, column.generated,
            )


def sequences(database: Database) -> Iterator[Row]:
    catalog = database.relations.catalog
    for name, sequence in sorted(catalog.sequences.items()):
        value, _, called = sequence_row(database, sequence.relation)
        table = None if sequence.owner is None else catalog.table_by_id(sequence.owner)
        column = None if table is None or sequence.owner_column is None else table.columns[sequence.owner_column].name
        yield (
            sequence.id, name, str(sequence.type), sequence.start, sequence.minimum, sequence.maximum,
            sequence.increment, sequence.cycle, sequence.cache, value if called else None,
            None if table is None else table.name, column,
        )


def comments(database: Database) -> Iterator[Row]:
    catalog = database.relations.catalog
    for kind, thing in commented(catalog):
        text = catalog.comment_on(thing.id)
        if text is not None:
            yield kind, thing.name, None, text
        names = [(c.position, c.name) for c in thing.live_columns] if isinstance(thing, schema.Table) else []
        names = list(enumerate(thing.columns)) if isinstance(thing, schema.View) else names
        for position, name in names:
            text = catalog.comment_on(thing.id, position)
            if text is not None:
                yield "column", thing.name, name, text


def commented(catalog: schema.Catalog) -> Iterator[tuple[str, Any]]:
    for _, table in sorted(catalog.tables.items()):
        yield "table", table
        for index in table.indexes:
            yield "index", index
    for _, view in sorted(catalog.views.items()):
        yield "view", view
    for _, sequence in sorted(catalog.sequences.items()):
        yield "sequence", sequence


VIEWS: dict[str, View] = {
    "sys.tables": (
        columns(
            ("id", BIGINT), ("name", TEXT), ("storage", TEXT), ("columns", INTEGER), ("settled_rows", BIGINT),
            ("changed_rows", BIGINT), ("pages", BIGINT), ("blocks", BIGINT),
        ),
        tables,
    ),
    "sys.indexes": (
        columns(
            ("id", BIGINT), ("name", TEXT), ("table_name", TEXT), ("columns", TEXT), ("is_unique", BOOLEAN),
            ("is_primary", BOOLEAN), ("is_clustered", BOOLEAN), ("include", TEXT), ("condition", TEXT),
            ("settled_entries", BIGINT), ("overlay_entries", BIGINT), ("height", INTEGER), ("pages", BIGINT),
        ),
        indexes,
    ),
    "sys.columns": (
        columns(
            ("table_name", TEXT), ("name", TEXT), ("position", INTEGER), ("type", TEXT), ("nullable", BOOLEAN),
            ("default_value", TEXT), ("in_primary_key", BOOLEAN), ("generated", TEXT),
        ),
        table_columns,
    ),
    "sys.comments": (
        columns(("kind", TEXT), ("name", TEXT), ("column_name", TEXT), ("comment", TEXT)),
        comments,
    ),
    "sys.sequences": (
        columns(
            ("id", BIGINT), ("name", TEXT), ("type", TEXT), ("start_value", BIGINT), ("min_value", BIGINT),
            ("max_value", BIGINT), ("increment_by", BIGINT), ("cycle", BOOLEAN), ("cache_size", BIGINT),
            ("last_value", BIGINT), ("table_name", TEXT), ("column_name", TEXT),
        ),
        sequences,
    ),
}
