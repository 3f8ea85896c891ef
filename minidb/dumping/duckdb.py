"""DuckDB. No partial indexes, no actions of foreign keys, no foreign keys in circles, no identity columns (their
sequences become plain ones), generated columns are computed when they are read."""

from __future__ import annotations

from collections.abc import Iterator

from minidb.dumping.foreign import ForeignTarget
from minidb.dumping.target import Target, Writer, str_of_numeric
from minidb.schema import Column, ForeignKey, Index, IndexKey, Sequence, Table
from minidb.sql.printing.base import string
from minidb.types import Interval, SqlType, to_text

TYPES = {
    "smallint": "SMALLINT", "integer": "INTEGER", "bigint": "BIGINT", "real": "REAL", "double precision": "DOUBLE",
    "boolean": "BOOLEAN", "bytea": "BLOB", "date": "DATE", "time": "TIME", "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMPTZ", "interval": "INTERVAL", "uuid": "UUID", "json": "JSON", "jsonb": "JSON",
}
DIGITS = 38


class DuckDB(ForeignTarget):
    name = "duckdb"
    keys_inside = True

    def begin(self) -> Iterator[str]:
        yield "BEGIN TRANSACTION"

    def string(self, text: str) -> str:
        """A carriage return is escaped: a client may take it for the end of a line."""
        if "\r" not in text:
            return string(text)
        return "E'" + text.replace("\\", "\\\\").replace("'", "''").replace("\r", "\\r") + "'"

    def type_of(self, table: Table, column: Column) -> str:
        if self.is_text(table, column):
            return "VARCHAR"
        if column.type.name == "numeric":
            survey = self.survey(table, column)
            assert survey is not None
            scale = max(survey.scale, column.type.scale or 0)
            whole = max(survey.digits, (column.type.precision or 0) - (column.type.scale or 0))
            if column.type.precision is None:
                whole = max(whole, min(DIGITS - scale, 18))
            return f"DECIMAL({max(whole + scale, 1)}, {scale})"
        return self.plain(column.type)

    def plain(self, kind: SqlType) -> str:
        if kind.element is not None:
            return f"{self.plain(kind.element)}[]"
        return TYPES.get(kind.name, "VARCHAR")

    def is_text(self, table: Table, column: Column) -> bool:
        survey = self.survey(table, column)
        if survey is None:
            return False
        scale = max(survey.scale, column.type.scale or 0)
        whole = max(survey.digits, (column.type.precision or 0) - (column.type.scale or 0))
        return survey.special or whole + scale > DIGITS

    def writer(self, kind: SqlType, text: bool) -> Writer:
        if kind.element is not None:
            inner = self.writer(kind.element, text)
            shown = self.plain(kind)
            return lambda value: "[" + ", ".join(["NULL" if v is None else inner(v) for v in value]) + f"]::{shown}"
        if kind.name == "bytea":
            return lambda value: "'" + "".join(f"\\x{byte:02X}" for byte in value) + "'::BLOB"
        if kind.name == "interval":
            return _interval
        if kind.name in ("real", "double precision"):
            return lambda value: f"'{value!r}'::{TYPES[kind.name]}"
        if kind.name == "numeric" and not text:
            return str_of_numeric
        if kind.name in ("smallint", "integer", "bigint"):
            return str
        if kind.name == "boolean":
            return lambda value: "true" if value else "false"
        return lambda value: self.string(to_text(kind, value))

    # -- tables

    def column_source(self, table: Table, column: Column) -> str:
        return super().column_source(table, column).removesuffix(" STORED")

    def default(self, table: Table, column: Column, text: str) -> str | None:
        if "nextval(" in text:
            return text.replace("::regclass", "").replace("::text", "")
        return super().default(table, column, text)

    def identity(self, table: Table, column: Column) -> str:
        sequence = self.catalog.sequence_of(table, column.position)
        return "" if sequence is None else f" DEFAULT nextval({self.string(self.quote(sequence.name))})"

    def unique(self, table: Table, index: Index) -> str:
        keys = self.names(table, [key.position for key in index.keys if key.position is not None])
        return f"{'PRIMARY KEY' if index.primary else 'UNIQUE'} ({keys})"

    def create_sequence(self, sequence: Sequence, value: int, called: bool) -> Iterator[str]:
        following = value + sequence.increment if called else value
        exhausted = not sequence.minimum <= following <= sequence.maximum
        if exhausted:
            following = sequence.minimum if sequence.increment > 0 else sequence.maximum
            self.leave_out(f"sequence {sequence.name}: that it has come to its end")
        yield (
            f"CREATE SEQUENCE {self.quote(sequence.name)} INCREMENT BY {sequence.increment} MINVALUE {sequence.minimum}"
            f" MAXVALUE {sequence.maximum} START WITH {following}{' CYCLE' if sequence.cycle else ''}"
        )

    def set_sequence(self, sequence: Sequence, value: int, called: bool) -> Iterator[str]:
        yield from ()

    def foreign_key(self, table: Table, key: ForeignKey) -> str | None:
        parent = self.catalog.table_by_id(key.parent)
        assert parent is not None
        if key.parent not in self.written:  # a row must be there before the rows that refer to it are
            self.leave_out(f"{table.name}: foreign key {key.name} to {parent.name}, which is part of a circle")
            return None
        if self.actions(table, key):
            self.leave_out(f"{table.name}: foreign key {key.name}:{self.actions(table, key)}")
        return (
            f"FOREIGN KEY ({self.names(table, key.columns)})"
            f" REFERENCES {self.quote(parent.name)} ({self.names(parent, key.parent_columns)})"
        )

    def create_index(self, table: Table, index: Index) -> str | None:
        if index.where is not None:
            self.leave_out(f"index {index.name}: WHERE {index.where}")
            return None
        return super().create_index(table, index)

    def direction(self, key: IndexKey) -> str:
        return ""

    comment = Target.comment  # as in PostgreSQL


def _interval(value: Interval) -> str:
    return f"to_months({value.months}) + to_days({value.days}) + to_microseconds({value.microseconds})"
