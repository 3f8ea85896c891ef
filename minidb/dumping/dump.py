"""A dump as a stream of statements, each with its semicolon, from one session.

The session is in a transaction whose statements see one snapshot (`consistent`): all tables are locked against
changes of their definition first, then the catalog is read, then the snapshot is taken. Writers go on meanwhile.
Sequences, which no snapshot holds back, are read at the end, so that they are never behind the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from minidb.copying import unload
from minidb.copying.options import CopyOptions
from minidb.dumping.ordering import tables_in_order, views_in_order
from minidb.dumping.survey import survey_of
from minidb.dumping.target import Postgres, Target
from minidb.errors import InvalidParameterValue, UndefinedTable
from minidb.keys import Row
from minidb.schema import Catalog, Column, Sequence, Table, View
from minidb.sql.printing.base import name as quoted

TARGETS = ("minidb", "postgres", "mysql", "sqlite", "duckdb")
OTHER_NAMES = {"mariadb": "mysql", "postgresql": "postgres", "sqlite3": "sqlite"}
LONGEST = 1 << 16  # characters of one INSERT, about


class Options(msgspec.Struct, frozen=True):
    dialect: str = "minidb"
    schema: bool = True
    data: bool = True
    tables: tuple[str, ...] = ()  # only these; with them neither views nor sequences of their own
    inserts: bool = False  # never COPY


def target_class(dialect: str) -> type[Target]:
    """Raises InvalidParameterValue."""
    name = OTHER_NAMES.get(dialect.lower(), dialect.lower())
    if name == "minidb":
        return Target
    if name == "postgres":
        return Postgres
    if name == "mysql":
        from minidb.dumping.mysql import MySQL

        return MySQL
    if name == "sqlite":
        from minidb.dumping.sqlite import Sqlite

        return Sqlite
    if name == "duckdb":
        from minidb.dumping.duckdb import DuckDB

        return DuckDB
    raise InvalidParameterValue(f'a dump cannot be written for "{dialect}"', hint=f"It can for {', '.join(TARGETS)}.")


@contextmanager
def consistent(session: Any) -> Iterator[Any]:
    """Opens the transaction in which a dump is made."""
    session.begin(isolation_level="snapshot", read_only=True)
    try:
        yield session
    finally:
        session.rollback()


def locked_catalog(session: Any) -> Catalog:
    """The catalog, in which no table changes any more."""
    locked: set[str] = set()
    while True:
        names = {table.name for table in session.catalog.tables.values() if not table.temporary}
        if names <= locked:
            catalog: Catalog = session.catalog
            return catalog
        new = sorted(names - locked)
        session.execute(f"LOCK TABLE {', '.join(map(quoted, new))} IN ACCESS SHARE MODE")
        locked |= names


class Dump:
    """One dump. `left_out`, once it has ended: what could not be said."""

    def __init__(self, session: Any, options: Options | None = None) -> None:
        self.session = session
        self.options = Options() if options is None else options
        self.catalog = locked_catalog(session)
        self.target = target_class(self.options.dialect)(self.catalog)
        self.tables = self.chosen()
        for table in self.tables:
            self.look_at(table)

    @property
    def left_out(self) -> list[str]:
        return list(dict.fromkeys(self.target.left_out))

    def chosen(self) -> list[Table]:
        tables = [table for table in tables_in_order(self.catalog) if not table.materialized]
        wanted = self.options.tables
        for name in wanted:
            if name not in self.catalog.tables:
                raise UndefinedTable(f'there is no table "{name}"')
        return [table for table in tables if not wanted or table.name in wanted]

    def look_at(self, table: Table) -> None:
        columns = [column for column in table.live_columns if self.target.surveyed(table, column)]
        if columns:
            self.target.surveys[table.id] = survey_of(columns, self.batches(table, columns))

    def __iter__(self) -> Iterator[str]:
        yield from terminated(self.target.begin())
        if self.options.schema:
            yield from terminated(self.definitions())
        if self.options.data:
            for table in self.tables:
                yield from self.rows(table)
        if self.options.data:
            yield from terminated(self.positions())
        if self.options.schema:
            yield from terminated(self.afterwards())
        yield from terminated(self.target.end())
        for words in self.left_out:
            yield "-- left out: " + words.replace("\n", " ").replace("\r", " ") + "\n"

    # -- definitions

    def definitions(self) -> Iterator[str]:
        target = self.target
        for sequence in self.sequences():
            if not sequence.identity or target.name == "duckdb":
                yield from target.create_sequence(sequence, *self.state(sequence))
        for table in self.tables:
            yield target.create_table(table)
            yield from target.after_table(table)
        for sequence in self.sequences():
            owner = None if sequence.owner is None else self.catalog.table_by_id(sequence.owner)
            if owner is not None:
                yield from target.own_sequence(sequence, owner)

    def sequences(self) -> list[Sequence]:
        chosen = {table.id for table in self.tables}
        every = sorted(self.catalog.sequences.values(), key=lambda sequence: sequence.name)
        alone = not self.options.tables
        return [s for s in every if not s.temporary and ((s.owner in chosen) if s.owner is not None else alone)]

    def state(self, sequence: Sequence) -> tuple[int, bool]:
        row = next(iter(self.select(f"SELECT last_value, is_called FROM {quoted(sequence.name)}")))[0]
        return row[0], row[1]

    def positions(self) -> Iterator[str]:
        for sequence in self.sequences():
            value, called = self.state(sequence)
            if called or value != sequence.start:
                yield from self.target.set_sequence(sequence, value, called)

    def afterwards(self) -> Iterator[str]:
        target = self.target
        for table in self.tables:
            yield from target.late_checks(table)
            for index in table.indexes:
                if not (index.constraint or index.primary):
                    yield from filter(None, [target.create_index(table, index)])
        if not target.keys_inside:
            for table in self.tables:
                for key in table.foreign_keys:
                    yield from filter(None, [target.add_foreign_key(table, key)])
        if not self.options.tables:
            for view in views_in_order(self.catalog):
                yield from filter(None, [target.create_view(view)])
                yield from target.view_defaults(view)
                yield from self.indexes_of_view(view)
        yield from self.comments()

    def indexes_of_view(self, view: View) -> Iterator[str]:
        table = None if view.materialized is None else self.catalog.table_by_id(view.materialized)
        if table is not None and self.target.keeps_views:
            for index in table.indexes:
                yield from filter(None, [self.target.create_index(table, index)])

    def comments(self) -> Iterator[str]:
        for table in self.tables:
            yield from self.comments_of("TABLE", table.name, table.id)
            for column in table.live_columns:
                yield from self.comments_of("COLUMN", table.name, table.id, column.position, column.name)
            for index in table.indexes:
                yield from self.comments_of("INDEX", index.name, index.id)
        if not self.options.tables:
            for view in views_in_order(self.catalog):
                yield from self.comments_of(view.kind.upper(), view.name, view.id)
                for place, name in enumerate(view.columns):
                    yield from self.comments_of("COLUMN", view.name, view.id, place, name)
        for sequence in self.sequences():
            yield from self.comments_of("SEQUENCE", sequence.name, sequence.id)

    def comments_of(self, kind: str, name: str, thing: int, position: int | None = None,
                    column: str | None = None) -> Iterator[str]:
        text = self.catalog.comment_on(thing, position)
        if text is not None:
            yield from self.target.comment(kind, name, column, text)

    # -- rows

    def select(self, sql: str) -> Iterator[list[Row]]:
        batches: Iterator[list[Row]] = self.session.execute(sql).fetch_batches()
        return batches

    def batches(self, table: Table, columns: list[Column]) -> Iterator[list[Row]]:
        names = ", ".join(quoted(column.name) for column in columns)
        return self.select(f"SELECT {names} FROM {quoted(table.name)}")

    def rows(self, table: Table) -> Iterator[str]:
        columns = self.target.columns_of_rows(table)
        if not columns:
            return
        batches = self.batches(table, columns)
        if self.target.copies and not self.options.inserts:
            yield from self.copied(table, columns, batches)
        else:
            yield from self.inserted(table, columns, batches)

    def inserted(self, table: Table, columns: list[Column], batches: Iterator[list[Row]]) -> Iterator[str]:
        target = self.target
        head = target.insert(table, columns)
        writers = [target.writer(column.type, target.is_text(table, column)) for column in columns]
        lines: list[str] = []
        size = 0
        for batch in batches:
            for row in batch:
                values = ["NULL" if value is None else write(value) for write, value in zip(writers, row)]
                line = f"({', '.join(values)})"
                lines.append(line)
                size += len(line)
                if len(lines) >= target.rows_at_once or size > LONGEST:
                    yield head + ",\n".join(lines) + ";\n"
                    lines, size = [], 0
        if lines:
            yield head + ",\n".join(lines) + ";\n"

    def copied(self, table: Table, columns: list[Column], batches: Iterator[list[Row]]) -> Iterator[str]:
        quote = self.target.quote
        names = ", ".join(quote(column.name) for column in columns)
        kinds = tuple((column.name, column.type) for column in columns)
        begun = False
        for _, text in unload.lines(kinds, batches, CopyOptions()):
            yield text if begun else f"COPY {quote(table.name)} ({names}) FROM stdin;\n{text}"
            begun = True
        if begun:
            yield "\\.\n"


def terminated(statements: Iterable[str]) -> Iterator[str]:
    return (f"{statement};\n" for statement in statements)
