"""What a dump is written for: names, types, values, definitions. Here for our own SQL; the others differ from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from minidb.dumping.survey import Survey
from minidb.schema import Catalog, Check, Column, ForeignKey, Index, IndexKey, Table, View
from minidb.schema import Sequence as SequenceRecord
from minidb.sql.printing.base import name as quoted_if_needed
from minidb.types import SqlType, to_text

Writer = Callable[[Any], str]
_BREAKING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_INTEGERS = ("smallint", "integer", "bigint")


class Target:
    """Our own SQL. `left_out` tells what could not be said in it."""

    name = "minidb"
    clusters = True
    keys_inside = False  # foreign keys are part of CREATE TABLE
    keeps_views = True  # has materialized views
    keeps_view_options = True  # views WITH CHECK OPTION, with defaults of their own
    copies = True  # rows as COPY ... FROM stdin, which psql and our shell read: ten times faster than INSERT
    rows_at_once = 200

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.left_out: list[str] = []
        self.surveys: dict[int, dict[str, Survey]] = {}

    def leave_out(self, words: str) -> None:
        self.left_out.append(words)

    # -- around

    def begin(self) -> Iterator[str]:
        yield "BEGIN"

    def end(self) -> Iterator[str]:
        yield "COMMIT"

    # -- names, types, values

    def quote(self, name: str) -> str:
        return quoted_if_needed(name)

    def names(self, table: Table, positions: Sequence[int]) -> str:
        return ", ".join(self.quote(table.columns[position].name) for position in positions)

    def surveyed(self, table: Table, column: Column) -> bool:
        """Whether the column's type depends on its values."""
        return False

    def type_of(self, table: Table, column: Column) -> str:
        return str(column.type)

    def expression(self, text: str) -> str | None:
        """An expression of the schema in the target's words; None if there are none."""
        return text

    def query(self, text: str) -> str | None:
        return text

    def string(self, text: str) -> str:
        """A string literal. What ends a line somewhere is escaped: files are read in many ways."""
        if _BREAKING.search(text) is None:
            return "'" + text.replace("'", "''") + "'"
        escaped = text.replace("\\", "\\\\").replace("'", "''")
        return "E'" + _BREAKING.sub(lambda match: f"\\u{ord(match[0]):04x}", escaped) + "'"

    def writer(self, kind: SqlType, text: bool) -> Writer:
        """What writes values of a type; `text`: into a column that is text in the target."""
        if kind.element is None and kind.name in _INTEGERS:
            return str
        if kind.element is None and kind.name == "boolean":
            return lambda value: "true" if value else "false"
        if kind.element is None and kind.name == "numeric":
            return lambda value: str_of_numeric(value) if value.is_finite() else self.string(to_text(kind, value))
        return lambda value: self.string(to_text(kind, value))

    # -- sequences

    def create_sequence(self, sequence: SequenceRecord, value: int, called: bool) -> Iterator[str]:
        yield (
            f"CREATE SEQUENCE {self.quote(sequence.name)} AS {sequence.type}{self.sequence_options(sequence)}"
        )

    def sequence_options(self, sequence: SequenceRecord) -> str:
        cycle = " CYCLE" if sequence.cycle else ""
        return (
            f" INCREMENT BY {sequence.increment} MINVALUE {sequence.minimum} MAXVALUE {sequence.maximum}"
            f" START WITH {sequence.start} CACHE {sequence.cache}{cycle}"
        )

    def set_sequence(self, sequence: SequenceRecord, value: int, called: bool) -> Iterator[str]:
        name = self.string(self.quote(sequence.name))
        yield f"SELECT setval({name}, {value}, {'true' if called else 'false'})"

    def own_sequence(self, sequence: SequenceRecord, table: Table) -> Iterator[str]:
        if not sequence.identity and sequence.owner_column is not None:
            column = self.quote(table.columns[sequence.owner_column].name)
            yield f"ALTER SEQUENCE {self.quote(sequence.name)} OWNED BY {self.quote(table.name)}.{column}"

    # -- tables

    def create_table(self, table: Table) -> str:
        parts = [self.column(table, column) for column in table.live_columns]
        parts += [self.unique(table, index) for index in table.indexes if index.constraint or index.primary]
        parts += [text for check in table.checks if check.validated and (text := self.check(table, check)) is not None]
        if self.keys_inside:
            keys = [self.foreign_key(table, key) for key in table.foreign_keys]
            parts += [text for text in keys if text is not None]
        body = ",\n    ".join(parts)
        return f"CREATE TABLE {self.quote(table.name)} (\n    {body}\n){self.table_options(table)}"

    def table_options(self, table: Table) -> str:
        return " WITH (layout = column)" if self.clusters and table.layout == "column" else ""

    def after_table(self, table: Table) -> Iterator[str]:
        """An identity's sequence that has another name than it would get."""
        for sequence in self.catalog.owned_sequences(table):
            if sequence.identity and sequence.owner_column is not None:
                made = f"{table.name}_{table.columns[sequence.owner_column].name}_seq"
                if made != sequence.name and len(made.encode()) < 64:
                    yield f"ALTER SEQUENCE {self.quote(made)} RENAME TO {self.quote(sequence.name)}"

    def column(self, table: Table, column: Column) -> str:
        collation = f" COLLATE {self.quote(column.collation)}" if column.collation is not None else ""
        words = f"{self.quote(column.name)} {self.type_of(table, column)}{collation}"
        return words + self.column_source(table, column) + (" NOT NULL" if column.not_null else "")

    def column_source(self, table: Table, column: Column) -> str:
        """DEFAULT, GENERATED ... AS: where values come from that nobody gives."""
        if column.identity is not None:
            return self.identity(table, column)
        if column.generated is not None:
            expression = self.expression(column.generated)
            if expression is None:
                self.leave_out(f"{table.name}.{column.name}: GENERATED ALWAYS AS ({column.generated})")
                return ""
            return f" GENERATED ALWAYS AS ({expression}) STORED"
        if column.default is None:
            return ""
        expression = self.default(table, column, column.default)
        if expression is None:
            self.leave_out(f"{table.name}.{column.name}: DEFAULT {column.default}")
            return ""
        return f" DEFAULT {expression}"

    def default(self, table: Table, column: Column, text: str) -> str | None:
        return self.expression(text)

    def identity(self, table: Table, column: Column) -> str:
        sequence = self.catalog.sequence_of(table, column.position)
        options = "" if sequence is None else f" ({self.sequence_options(sequence)[1:]})"
        return f" GENERATED {(column.identity or '').upper()} AS IDENTITY{options}"

    def unique(self, table: Table, index: Index) -> str:
        kind = "PRIMARY KEY" if index.primary else "UNIQUE"
        clustered = " CLUSTERED" if index.clustered and self.clusters else ""
        nulls = " NULLS NOT DISTINCT" if index.nulls_not_distinct else ""
        keys = self.names(table, [key.position for key in index.keys if key.position is not None])
        return (
            f"CONSTRAINT {self.quote(index.name)} {kind}{clustered}{nulls} ({keys}){self.include(table, index)}"
            f"{self.deferral(index.deferrable, index.initially_deferred)}"
        )

    def include(self, table: Table, index: Index) -> str:
        return f" INCLUDE ({self.names(table, index.include)})" if index.include else ""

    def deferral(self, deferrable: bool, deferred: bool) -> str:
        return (" DEFERRABLE" if deferrable else "") + (" INITIALLY DEFERRED" if deferred else "")

    def check(self, table: Table, check: Check) -> str | None:
        expression = self.expression(check.expression)
        if expression is None:
            self.leave_out(f"{table.name}: CHECK ({check.expression})")
            return None
        return f"CONSTRAINT {self.quote(check.name)} CHECK ({expression})"

    def late_checks(self, table: Table) -> Iterator[str]:
        """Those that old rows need not pass."""
        for check in table.checks:
            if not check.validated:
                text = self.check(table, check)
                if text is not None:
                    yield f"ALTER TABLE {self.quote(table.name)} ADD {text} NOT VALID"

    # -- indexes and foreign keys

    def create_index(self, table: Table, index: Index) -> str | None:
        where = ""
        if index.where is not None:
            condition = self.expression(index.where)
            if condition is None:
                self.leave_out(f"index {index.name}: WHERE {index.where}")
                return None
            where = f" WHERE {condition}"
        keys = [self.key(table, index, key) for key in index.keys]
        if None in keys:
            self.leave_out(f"index {index.name}: an expression")
            return None
        unique = "UNIQUE " if index.unique else ""
        nulls = " NULLS NOT DISTINCT" if index.nulls_not_distinct else ""
        return (
            f"CREATE {unique}INDEX {self.quote(index.name)} ON {self.quote(table.name)}"
            f" ({', '.join(filter(None, keys))}){self.include(table, index)}{nulls}{where}"
        )

    def key(self, table: Table, index: Index, key: IndexKey) -> str | None:
        if key.position is not None:
            words: str | None = self.quote(table.columns[key.position].name)
        else:
            expression = self.expression(key.expression or "")
            words = None if expression is None else f"({expression})"
        return None if words is None else words + self.direction(key)

    def direction(self, key: IndexKey) -> str:
        words = " DESC" if key.descending else ""
        if key.nulls_first != key.descending:
            words += " NULLS FIRST" if key.nulls_first else " NULLS LAST"
        return words

    def foreign_key(self, table: Table, key: ForeignKey) -> str | None:
        parent = self.catalog.table_by_id(key.parent)
        assert parent is not None
        actions = self.actions(table, key)
        match = " MATCH FULL" if key.match_full else ""
        return (
            f"CONSTRAINT {self.quote(key.name)} FOREIGN KEY ({self.names(table, key.columns)})"
            f" REFERENCES {self.quote(parent.name)} ({self.names(parent, key.parent_columns)}){match}{actions}"
            f"{self.deferral(key.deferrable, key.initially_deferred)}"
        )

    def actions(self, table: Table, key: ForeignKey) -> str:
        words = ""
        if key.on_delete != "no action":
            words += f" ON DELETE {key.on_delete.upper()}"
            words += f" ({self.names(table, key.delete_columns)})" if key.delete_columns else ""
        return words + (f" ON UPDATE {key.on_update.upper()}" if key.on_update != "no action" else "")

    def add_foreign_key(self, table: Table, key: ForeignKey) -> str | None:
        words = self.foreign_key(table, key)
        if words is None:
            return None
        return f"ALTER TABLE {self.quote(table.name)} ADD {words}{'' if key.validated else ' NOT VALID'}"

    # -- rows

    def columns_of_rows(self, table: Table) -> list[Column]:
        """The columns that rows are given with: not those that are computed."""
        return [column for column in table.live_columns if column.generated is None]

    def insert(self, table: Table, columns: list[Column]) -> str:
        names = ", ".join(self.quote(column.name) for column in columns)
        system = " OVERRIDING SYSTEM VALUE" if any(column.identity == "always" for column in columns) else ""
        return f"INSERT INTO {self.quote(table.name)} ({names}){system} VALUES\n"

    def is_text(self, table: Table, column: Column) -> bool:
        """Whether a column that is none here becomes text in the target."""
        return False

    # -- views and comments

    def create_view(self, view: View) -> str | None:
        query = self.query(view.query)
        if query is None:
            self.leave_out(f"view {view.name}: {view.query}")
            return None
        columns = ", ".join(self.quote(column) for column in view.columns)
        if view.materialized is None:
            option = view.check_option if self.keeps_view_options else None
            check = f" WITH {option.upper()} CHECK OPTION" if option else ""
            return f"CREATE VIEW {self.quote(view.name)} ({columns}) AS {query}{check}"
        if not self.keeps_views:
            self.leave_out(f"materialized view {view.name}: its rows; it is a plain view")
            return f"CREATE VIEW {self.quote(view.name)} ({columns}) AS {query}"
        table = self.catalog.table_by_id(view.materialized)
        empty = " WITH NO DATA" if table is not None and table.materialized == "empty" else ""
        return f"CREATE MATERIALIZED VIEW {self.quote(view.name)} ({columns}) AS {query}{empty}"

    def view_defaults(self, view: View) -> Iterator[str]:
        """The defaults of rows that are inserted through a view."""
        for place, text in view.defaults if self.keeps_view_options else ():
            column = self.quote(view.columns[place])
            yield f"ALTER VIEW {self.quote(view.name)} ALTER COLUMN {column} SET DEFAULT {self.expression(text)}"

    def comment(self, kind: str, name: str, column: str | None, text: str) -> Iterator[str]:
        place = self.quote(name) + (f".{self.quote(column)}" if column is not None else "")
        yield f"COMMENT ON {kind} {place} IS {self.string(text)}"


class Postgres(Target):
    """PostgreSQL, for psql."""

    name = "postgres"
    clusters = False

    def begin(self) -> Iterator[str]:
        yield "SET client_encoding = 'UTF8'"
        yield "SET standard_conforming_strings = on"
        yield "SET timezone = 'UTC'"
        yield "BEGIN"


def str_of_numeric(value: Decimal) -> str:
    return format(value, "f")
