"""SQLite. Its columns take values of any type: what it has no type for is text, in the form in which it is shown here.

    numeric          NUMERIC, if no value has more than 15 digits: SQLite would keep them as floats; else TEXT
    NaN              the text 'NaN': SQLite keeps a float NaN as NULL
    identity         INTEGER PRIMARY KEY AUTOINCREMENT, if it is the primary key
    clustered        WITHOUT ROWID
"""

from __future__ import annotations

from collections.abc import Iterator

from minidb.dumping.foreign import ForeignTarget
from minidb.dumping.target import Writer, str_of_numeric
from minidb.schema import Column, Index, IndexKey, Sequence, Table
from minidb.sql.printing.base import string
from minidb.types import SqlType, to_text

TYPES = {
    "smallint": "SMALLINT", "integer": "INTEGER", "bigint": "BIGINT", "real": "REAL", "double precision": "DOUBLE",
    "boolean": "BOOLEAN", "bytea": "BLOB", "date": "DATE", "time": "TIME", "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMPTZ", "text": "TEXT",
}
EXACT_DIGITS = 15


class Sqlite(ForeignTarget):
    name = "sqlite"
    keys_inside = True

    def begin(self) -> Iterator[str]:
        yield "PRAGMA foreign_keys = OFF"
        yield "BEGIN"

    def string(self, text: str) -> str:
        plain = string(text)
        return "(" + plain.replace("\r", "' || char(13) || '") + ")" if "\r" in plain else plain

    def type_of(self, table: Table, column: Column) -> str:
        kind = column.type
        if self.is_counter(table, column):
            return "INTEGER"
        if kind.element is not None:
            return "TEXT"
        if kind.name == "numeric":
            return "TEXT" if self.is_text(table, column) else "NUMERIC"
        if kind.name in ("varchar", "char") and kind.length is not None:
            return f"{kind.name.upper()}({kind.length})"
        return TYPES.get(kind.name, "TEXT")

    def is_text(self, table: Table, column: Column) -> bool:
        survey = self.survey(table, column)
        return survey is not None and (survey.special or survey.digits + survey.scale > EXACT_DIGITS)

    def writer(self, kind: SqlType, text: bool) -> Writer:
        if kind.element is None and kind.name in ("real", "double precision"):
            return lambda value: _float(value)
        if kind.element is None and kind.name == "boolean":
            return lambda value: "1" if value else "0"
        if kind.element is None and kind.name == "bytea":
            return lambda value: f"X'{value.hex()}'"
        if kind.element is None and kind.name == "numeric" and not text:
            return str_of_numeric
        if kind.element is None and kind.name in ("smallint", "integer", "bigint"):
            return str
        return lambda value: self.string(to_text(kind, value))

    # -- tables

    def is_counter(self, table: Table, column: Column) -> bool:
        """Whether the column is what SQLite counts up by itself."""
        key = table.primary_key
        drawn = column.identity is not None or "nextval(" in (column.default or "")
        return drawn and key is not None and [each.position for each in key.keys] == [column.position]

    def column_source(self, table: Table, column: Column) -> str:
        return " PRIMARY KEY AUTOINCREMENT" if self.is_counter(table, column) else super().column_source(table, column)

    def identity(self, table: Table, column: Column) -> str:
        self.leave_out(f"{table.name}.{column.name}: identity of a column that is not the primary key")
        return ""

    def create_table(self, table: Table) -> str:
        counted = any(self.is_counter(table, column) for column in table.live_columns)
        text = super().create_table(table)
        if counted and table.primary_key is not None:
            text = text.replace(",\n    " + self.unique(table, table.primary_key), "", 1)
        without = table.clustered is not None and not counted and len(table.clustered.keys) > 0
        return text + (" WITHOUT ROWID" if without else "")

    def unique(self, table: Table, index: Index) -> str:
        keys = self.names(table, [key.position for key in index.keys if key.position is not None])
        return f"CONSTRAINT {self.quote(index.name)} {'PRIMARY KEY' if index.primary else 'UNIQUE'} ({keys})"

    def direction(self, key: IndexKey) -> str:
        return " DESC" if key.descending else ""

    def create_sequence(self, sequence: Sequence, value: int, called: bool) -> Iterator[str]:
        if sequence.owner is None:
            self.leave_out(f"sequence {sequence.name}")
        yield from ()

    def set_sequence(self, sequence: Sequence, value: int, called: bool) -> Iterator[str]:
        table = None if sequence.owner is None else self.catalog.table_by_id(sequence.owner)
        if table is None or sequence.owner_column is None:
            return
        if self.is_counter(table, table.columns[sequence.owner_column]):
            last = value if called else value - sequence.increment
            name = self.string(table.name)
            yield f"DELETE FROM sqlite_sequence WHERE name = {name}"
            yield f"INSERT INTO sqlite_sequence (name, seq) VALUES ({name}, {last})"


def _float(value: float) -> str:
    if value != value:
        return "'NaN'"
    if value in (float("inf"), float("-inf")):
        return "9e999" if value > 0 else "-9e999"
    return repr(value)
