"""A database for tests of the SQL floor: schemas in a line, statements prepared and run over `ModelRows`.

db = ModelDatabase()
db.table("t", "a int!, b text", "primary a", "index b", rows=[(1, "x")])
db.query("SELECT b FROM t WHERE a = ?", 1)
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from model_rows import ModelRows

from minidb import schema
from minidb.keys import Row
from minidb.sql.parser import parse
from minidb.sql.statement import Prepared, prepare, row_function
from minidb.sql.statistics import TableStatistics, collect
from minidb.types import UNKNOWN, adapt, from_text, type_from_name


class Context:
    """The function context of a session that stands still."""

    now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    statement_time = now
    session_user = "tester"
    time_zone = "UTC"

    def __init__(self) -> None:
        self._random = random.Random(7)

    def clock(self) -> datetime:
        return self.now

    def random(self) -> float:
        return self._random.random()

    def setting(self, name: str) -> str:
        return ""


class ModelDatabase:
    def __init__(self, **settings: Any) -> None:
        self.catalog = schema.Catalog()
        self.settings: Mapping[str, Any] = settings
        self.rows = ModelRows(lambda table, text: row_function(table, text, self))
        self.context = Context()
        self._statistics: dict[int, TableStatistics] = {}
        self._next = 100

    # -- Environment

    def virtual(self, schema_name: str, name: str) -> tuple[schema.Column, ...] | None:
        if schema_name != "sys" or name != "things":
            return None
        return (schema.Column("id", type_from_name("int"), 0), schema.Column("name", type_from_name("text"), 1))

    def statistics(self, table_id: int) -> TableStatistics | None:
        return self._statistics.get(table_id)

    size = statistics

    # -- schema

    def _id(self) -> int:
        self._next += 1
        return self._next

    def table(self, name: str, columns: str, *extras: str, rows: Iterable[Row] = ()) -> schema.Table:
        made = []
        for position, text in enumerate(columns.split(",")):
            column, _, rest = text.strip().partition(" ")
            kind, _, default = rest.partition(" default ")
            not_null = kind.endswith("!")
            kind = kind.rstrip("!")
            base, _, modifiers = kind.partition("(")
            numbers = tuple(int(n) for n in modifiers.rstrip(")").split(";")) if modifiers else ()
            made.append(
                schema.Column(
                    column, type_from_name(base, numbers), position, not_null=not_null, default=default or None
                )
            )
        table = schema.Table(self._id(), name, self._id(), tuple(made))
        checks = []
        indexes = []
        for extra in extras:
            word, _, rest = extra.partition(" ")
            if word == "check":
                checks.append(schema.Check(self._id(), f"{name}_check{len(checks)}", rest))
            else:
                indexes.append(self._index(table, word, rest))
        table = msgspec.structs.replace(table, indexes=tuple(indexes), checks=tuple(checks))
        self.catalog = self.catalog.with_table(table, version=self.catalog.version + 1)
        self.rows.create(table, rows)
        return table

    def _index(self, table: schema.Table, word: str, text: str) -> schema.Index:
        text, _, where = text.partition(" where ")
        text, _, include = text.partition(" include ")
        keys = []
        for part in text.split("|"):
            words = part.split()
            descending = "desc" in words
            nulls_first = "first" in words or (descending and "last" not in words)
            column = table.column(words[0])
            if column is None:
                expression = part.replace(" desc", "").strip()
                keys.append(schema.IndexKey(None, type_from_name("text"), expression, descending, nulls_first))
            else:
                keys.append(schema.IndexKey(column.position, column.type, None, descending, nulls_first))
        number = self._id()
        positions = tuple(column.position for n in include.split() if (column := table.column(n)) is not None)
        return schema.Index(
            number,
            f"{table.name}_{number}",
            self._id(),
            tuple(keys),
            include=positions,
            unique=word in ("primary", "clustered", "unique"),
            primary=word in ("primary", "clustered"),
            clustered=word == "clustered",
            where=where or None,
        )

    def analyze(self) -> None:
        for table in self.catalog.tables.values():
            rows = list(self.rows.data[table.id].values())
            self._statistics[table.id] = collect(table, len(rows), rows)

    def pretend(self, table: schema.Table, statistics: TableStatistics) -> None:
        """Statistics of other rows than the table has."""
        self._statistics[table.id] = statistics

    # -- statements

    def prepare(self, sql: str, *parameters: Any) -> tuple[Prepared, tuple[Any, ...]]:
        adapted = [(UNKNOWN, None) if value is None else adapt(value) for value in parameters]
        prepared = prepare(parse(sql), sql, self, tuple(kind for kind, _ in adapted))
        values = tuple(
            from_text(target, value) if kind == UNKNOWN and value is not None else value
            for target, (kind, value) in zip(prepared.parameters, adapted)
        )
        return prepared, values

    def query(self, sql: str, *parameters: Any) -> list[Row]:
        prepared, values = self.prepare(sql, *parameters)
        self.rows.log.clear()
        result = prepared.run(self.rows, values, self.context)
        if prepared.verb != "SELECT":
            return result[1] or []
        if prepared.streams:
            return [row for batch in result for row in batch]
        assert isinstance(result, list)
        return result

    def execute(self, sql: str, *parameters: Any) -> int:
        prepared, values = self.prepare(sql, *parameters)
        self.rows.log.clear()
        return prepared.run_write(self.rows, values, self.context)[0]

    def source(self, sql: str, *parameters: Any) -> str:
        return self.prepare(sql, *parameters)[0].source
