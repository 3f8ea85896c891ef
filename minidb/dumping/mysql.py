"""MariaDB and MySQL.

    text          LONGTEXT; VARCHAR, as long as the data need, where it is part of a key
    numeric       DECIMAL(p, s) as the data need, up to 65 and 38 digits
    NaN, infinity not known: such columns become text
    interval, arrays    text; json    JSON; timestamptz    DATETIME(6) in UTC
    identity      AUTO_INCREMENT, if the column leads a key
    text order    by code point, with blanks at the end: MySQL and MariaDB have different names for such a collation
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from minidb.dumping.foreign import ForeignTarget
from minidb.dumping.ordering import columns_of
from minidb.dumping.survey import Survey
from minidb.dumping.target import Writer, str_of_numeric
from minidb.schema import Column, ForeignKey, Index, IndexKey, Sequence, Table
from minidb.types import SqlType, to_text

TYPES = {
    "smallint": "SMALLINT", "integer": "INT", "bigint": "BIGINT", "real": "FLOAT", "double precision": "DOUBLE",
    "boolean": "BOOLEAN", "bytea": "LONGBLOB", "date": "DATE", "time": "TIME(6)", "timestamp": "DATETIME(6)",
    "timestamptz": "DATETIME(6)", "uuid": "CHAR(36)", "json": "LONGTEXT", "jsonb": "LONGTEXT",
}
DIGITS, SCALE = 65, 38
KEY_LENGTH = 255
COLLATION = "/*!80017 COLLATE utf8mb4_0900_bin */ /*M! COLLATE utf8mb4_nopad_bin */"
MODES = "NO_AUTO_VALUE_ON_ZERO,STRICT_ALL_TABLES"
ESCAPES = str.maketrans({"\\": "\\\\", "'": "''", "\x1a": "\\Z", "\r": "\\r", "\n": "\\n"})


class MySQL(ForeignTarget):
    name = "mysql"

    def begin(self) -> Iterator[str]:
        yield "SET NAMES utf8mb4"
        yield f"SET SESSION sql_mode = '{MODES}'"
        yield "SET SESSION time_zone = '+00:00'"
        yield "SET SESSION foreign_key_checks = 0"
        yield "START TRANSACTION"

    def end(self) -> Iterator[str]:
        yield "COMMIT"
        yield "SET SESSION foreign_key_checks = 1"

    def quote(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def string(self, text: str) -> str:
        return "'" + text.translate(ESCAPES) + "'"

    # -- types

    def surveyed(self, table: Table, column: Column) -> bool:
        kind = column.type
        return kind.name in ("numeric", "real", "double precision") or (
            kind.name in ("text", "varchar") and self.in_key(table, column)
        )

    def in_key(self, table: Table, column: Column) -> bool:
        keyed = any(key.position == column.position for index in table.indexes for key in index.keys)
        return keyed or any(column.position in key.columns for key in table.foreign_keys)

    def type_of(self, table: Table, column: Column) -> str:
        kind, survey = column.type, self.survey(table, column)
        if kind.element is not None or self.is_text(table, column):
            return f"LONGTEXT {COLLATION}"
        if kind.name == "numeric":
            assert survey is not None
            scale, whole = self.digits(kind, survey)
            return f"DECIMAL({max(whole + scale, 1)}, {scale})"
        if kind.name in ("text", "varchar", "char"):
            return self.string_type(table, column, survey)
        if kind.name == "bytea" and self.in_key(table, column):
            return f"VARBINARY({KEY_LENGTH})"
        return TYPES.get(kind.name, f"LONGTEXT {COLLATION}")

    def string_type(self, table: Table, column: Column, survey: Survey | None) -> str:
        length = column.type.length
        if survey is not None:
            length = max(survey.length, KEY_LENGTH if length is None else 1)
        if length is None or length > 16000:
            return f"LONGTEXT {COLLATION}"
        return f"VARCHAR({length}) {COLLATION}"

    def digits(self, kind: SqlType, survey: Survey) -> tuple[int, int]:
        """Of the scale and before the point."""
        scale = max(survey.scale, kind.scale or 0)
        whole = max(survey.digits, (kind.precision or 0) - (kind.scale or 0))
        return (scale, whole) if kind.precision is not None else (scale, max(whole, min(DIGITS - scale, 20)))

    def is_text(self, table: Table, column: Column) -> bool:
        survey = self.survey(table, column)
        if survey is None or column.type.name in ("text", "varchar"):
            return False
        scale, whole = self.digits(column.type, survey)
        return survey.special or (column.type.name == "numeric" and (scale > SCALE or scale + whole > DIGITS))

    def writer(self, kind: SqlType, text: bool) -> Writer:
        if text or kind.element is not None:
            return lambda value: self.string(to_text(kind, value))
        if kind.name in ("smallint", "integer", "bigint"):
            return str
        if kind.name == "boolean":
            return lambda value: "1" if value else "0"
        if kind.name == "numeric":
            return str_of_numeric
        if kind.name in ("real", "double precision"):
            return repr
        if kind.name == "bytea":
            return lambda value: f"X'{value.hex()}'"
        if kind.name == "timestamptz":
            return lambda value: self.string(_in_utc(value))
        return lambda value: self.string(to_text(kind, value))

    # -- tables

    def table_options(self, table: Table) -> str:
        return f" ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 {COLLATION}"

    def is_counter(self, table: Table, column: Column) -> bool:
        leads = any(index.keys[0].position == column.position for index in table.indexes
                    if index.constraint or index.primary)
        return (column.identity is not None or "nextval(" in (column.default or "")) and leads

    def column_source(self, table: Table, column: Column) -> str:
        return " AUTO_INCREMENT" if self.is_counter(table, column) else super().column_source(table, column)

    def identity(self, table: Table, column: Column) -> str:
        self.leave_out(f"{table.name}.{column.name}: identity of a column that is no key")
        return ""

    def default(self, table: Table, column: Column, text: str) -> str | None:
        found = self.expression(text)
        return None if found is None else f"({found})"

    def unique(self, table: Table, index: Index) -> str:
        keys = self.names(table, [key.position for key in index.keys if key.position is not None])
        if index.deferrable:
            self.leave_out(f"{table.name}: DEFERRABLE of {index.name}")
        return f"{'PRIMARY KEY' if index.primary else f'UNIQUE KEY {self.quote(index.name)}'} ({keys})"

    def deferral(self, deferrable: bool, deferred: bool) -> str:
        return ""

    def create_sequence(self, sequence: Sequence, value: int, called: bool) -> Iterator[str]:
        if sequence.owner is None:
            following = value + sequence.increment if called else value
            yield (
                f"/*M! CREATE SEQUENCE {self.quote(sequence.name)} START WITH {following} MINVALUE {sequence.minimum}"
                f" MAXVALUE {min(sequence.maximum, 2**63 - 2)} INCREMENT BY {sequence.increment}"
                f"{' CYCLE' if sequence.cycle else ''} */"
            )

    def set_sequence(self, sequence: Sequence, value: int, called: bool) -> Iterator[str]:
        table = None if sequence.owner is None else self.catalog.table_by_id(sequence.owner)
        if table is None or sequence.owner_column is None:
            return
        if self.is_counter(table, table.columns[sequence.owner_column]):
            following = value + sequence.increment if called else value
            yield f"ALTER TABLE {self.quote(table.name)} AUTO_INCREMENT = {max(following, 1)}"

    def create_index(self, table: Table, index: Index) -> str | None:
        if index.where is not None:
            self.leave_out(f"index {index.name}: WHERE {index.where}")
            return None
        if any(key.position is None for key in index.keys):
            self.leave_out(f"index {index.name}: an expression")
            return None
        return super().create_index(table, index)

    def direction(self, key: IndexKey) -> str:
        return " DESC" if key.descending else ""

    def actions(self, table: Table, key: ForeignKey) -> str:
        """Of a column from which a generated one is computed a foreign key can have none."""
        own = {table.columns[position].name for position in key.columns}
        sources = {name for column in table.live_columns if column.generated for name in columns_of(column.generated)}
        words = super().actions(table, key)
        if own & sources and words:
            self.leave_out(f"{table.name}: foreign key {key.name}:{words}")
            return ""
        return words

    def foreign_key(self, table: Table, key: ForeignKey) -> str | None:
        if "set default" in (key.on_delete, key.on_update):
            self.leave_out(f"{table.name}: foreign key {key.name}: SET DEFAULT")
            return None
        if key.deferrable:
            self.leave_out(f"{table.name}: DEFERRABLE of {key.name}")
        words = super().foreign_key(table, key)
        return None if words is None else words.replace(" MATCH FULL", "")

    def comment(self, kind: str, name: str, column: str | None, text: str) -> Iterator[str]:
        if kind == "TABLE" and column is None:
            yield f"ALTER TABLE {self.quote(name)} COMMENT = {self.string(text)}"
        else:
            yield from super().comment(kind, name, column, text)


def _in_utc(value: datetime) -> str:
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
