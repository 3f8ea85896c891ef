"""information_schema: the standard's views of the schema, as far as they are here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from minidb.inside.view import View, columns
from minidb.keys import Row
from minidb.types import INTEGER, TEXT, SqlType

if TYPE_CHECKING:
    from minidb.database import Database


def sequences(database: Database) -> Iterator[Row]:
    bits = {"smallint": 16, "integer": 32, "bigint": 64}
    for name, s in sorted(database.relations.catalog.sequences.items()):
        if not s.identity:
            yield (
                "minidb", "public", name, str(s.type), bits[s.type.name], 2, 0, str(s.start), str(s.minimum),
                str(s.maximum), str(s.increment), "YES" if s.cycle else "NO",
            )


def tables(database: Database) -> Iterator[Row]:
    for name, table in sorted(database.relations.catalog.tables.items()):
        if not table.materialized:  # the standard knows none
            yield ("minidb", "public", name, "BASE TABLE", "YES")
    for name in sorted(n for n, v in database.relations.catalog.views.items() if v.materialized is None):
        yield ("minidb", "public", name, "VIEW", "NO")
    for full in sorted(database.inside.views()):
        schema_name, name = full.split(".")
        yield ("minidb", schema_name, name, "VIEW", "NO")


def table_columns(database: Database) -> Iterator[Row]:
    for name, table in sorted(database.relations.catalog.tables.items()):
        for number, column in enumerate(table.live_columns, 1):
            kind = column.type
            yield (
                "minidb", "public", name, column.name, number, column.default, "NO" if column.not_null else "YES",
                type_name(kind), kind.length, kind.precision, kind.scale,
            )


def type_name(kind: SqlType) -> str:
    names = {
        "varchar": "character varying", "char": "character", "timestamp": "timestamp without time zone",
        "timestamptz": "timestamp with time zone", "time": "time without time zone",
    }
    return names.get(kind.name, kind.name)


VIEWS: dict[str, View] = {
    "information_schema.sequences": (
        columns(
            ("sequence_catalog", TEXT), ("sequence_schema", TEXT), ("sequence_name", TEXT), ("data_type", TEXT),
            ("numeric_precision", INTEGER), ("numeric_precision_radix", INTEGER), ("numeric_scale", INTEGER),
            ("start_value", TEXT), ("minimum_value", TEXT), ("maximum_value", TEXT), ("increment", TEXT),
            ("cycle_option", TEXT),
        ),
        sequences,
    ),
    "information_schema.tables": (
        columns(
            ("table_catalog", TEXT), ("table_schema", TEXT), ("table_name", TEXT), ("table_type", TEXT),
            ("is_insertable_into", TEXT),
        ),
        tables,
    ),
    "information_schema.columns": (
        columns(
            ("table_catalog", TEXT), ("table_schema", TEXT), ("table_name", TEXT), ("column_name", TEXT),
            ("ordinal_position", INTEGER), ("column_default", TEXT), ("is_nullable", TEXT), ("data_type", TEXT),
            ("character_maximum_length", INTEGER), ("numeric_precision", INTEGER), ("numeric_scale", INTEGER),
        ),
        table_columns,
    ),
}
