"""A SQLite file: tables, rows, keys, indexes and views, in one transaction.

Tables are made from what SQLite knows of them (`PRAGMA table_xinfo` and its kin), not from their text; the text is
translated for checks and defaults only. Rows come before indexes and foreign keys. Names are folded to lower case,
since SQLite does not tell cases apart and unquoted names are lower case here; `keep_case` leaves them as they are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from minidb.errors import Error, OperationalError
from minidb.importing.column_types import Values, column_type, converter
from minidb.importing.report import Progress, Report, counted
from minidb.sql import ast
from minidb.sql.dialects.translator import Translator
from minidb.sql.parser import parse, parse_expression
from minidb.sql.printer import to_sql
from minidb.sql.printing.base import in_quotes
from minidb.sql.printing.base import name as quoted
from minidb.types import SqlType

MAGIC = b"SQLite format 3\0"
ACTIONS = {"CASCADE": "CASCADE", "SET NULL": "SET NULL", "SET DEFAULT": "SET DEFAULT", "RESTRICT": "RESTRICT"}


def is_sqlite(path: str) -> bool:
    with Path(path).open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


class ColumnFacts(msgspec.Struct, frozen=True):
    name: str
    declared: str
    not_null: bool
    default: str | None
    key: int  # place in the primary key, from 1; 0: not part of it
    computed: bool


class SqliteImport:
    """One import. `session` is in autocommit and speaks our own SQL."""

    def __init__(self, path: str, session: Any, *, keep_case: bool = False, progress: Progress | None = None) -> None:
        self.source = sqlite3.connect(f"file:{Path(path).resolve().as_posix()}?mode=ro", uri=True)
        self.source.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        self.session = session
        self.keep_case = keep_case
        self.progress = progress
        self.report = Report()
        self.translator = Translator("sqlite")

    def run(self) -> Report:
        try:
            self.source.execute("BEGIN")
            self.session.begin()
            try:
                self.everything()
            except BaseException:
                self.session.rollback()
                raise
            self.session.commit()
        except sqlite3.Error as error:
            raise OperationalError(f"SQLite cannot read the file: {error}") from None
        finally:
            self.source.close()
        return self.report

    def everything(self) -> None:
        tables = self.objects("table")
        for name, sql in tables:
            self.table(name, sql or "")
        for name, _ in tables:
            self.indexes(name)
        for name, _ in tables:
            self.foreign_keys(name)
        for name, sql in self.views():
            self.view(name, sql or "")
        for name, _ in self.objects("trigger"):
            self.report.leave_out(f"trigger {name}")

    # -- helpers

    def objects(self, kind: str) -> list[tuple[str, str | None]]:
        query = "SELECT name, sql FROM sqlite_master WHERE type = ? AND substr(name, 1, 7) <> 'sqlite_' ORDER BY rowid"
        found = self.source.execute(query, (kind,)).fetchall()
        virtual = {name for name, sql in found if (sql or "").upper().startswith("CREATE VIRTUAL")}
        for name in sorted(virtual):
            self.report.leave_out(f"virtual table {name}")
        shadows = tuple(f"{name}_" for name in virtual)
        return [(name, sql) for name, sql in found if name not in virtual and not name.startswith(shadows)]

    def name(self, name: str) -> str:
        return quoted(name if self.keep_case else name.lower())

    def names(self, names: Sequence[str]) -> str:
        return ", ".join(map(self.name, names))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """What fails inside leaves no trace."""
        self.session.savepoint("part")
        try:
            yield
        except Error:
            self.session.rollback_to("part")
            raise
        finally:
            self.session.release("part")

    def expression(self, text: str) -> str | None:
        """An expression of SQLite as ours; None if there is none."""
        try:
            made = self.translator.translated(f"SELECT {text}", "none", self.session.catalog)
            return to_sql(parse_expression(made[0].removeprefix("SELECT ")))
        except Error:
            return None

    # -- tables

    def facts(self, table: str) -> list[ColumnFacts]:
        rows = self.source.execute(f"PRAGMA table_xinfo({in_quotes(table)})").fetchall()
        return [
            ColumnFacts(name, kind or "", bool(strict), default, key, hidden in (2, 3))
            for _, name, kind, strict, default, key, hidden in rows
            if hidden != 1
        ]

    def table(self, name: str, sql: str) -> None:
        columns = self.facts(name)
        kinds = [self.kind(name, column) for column in columns]
        body = [self.column(name, column, kind, columns) for column, kind in zip(columns, kinds)]
        body += self.keys(name, columns, sql) + self.checks(name, sql)
        self.session.execute(f"CREATE TABLE {self.name(name)} ({', '.join(body)})")
        for column in columns:
            if column.computed:
                self.report.leave_out(f"{name}.{column.name}: its expression; the column holds the values that it had")
        self.rows(name, columns, kinds)

    def kind(self, table: str, column: ColumnFacts) -> SqlType:
        source, place = in_quotes(table), in_quotes(column.name)
        zeros = f"max(instr({place}, char(0)) > 0 AND typeof({place}) = 'text')"
        found = self.source.execute(f"SELECT typeof({place}), {zeros} FROM {source} GROUP BY 1").fetchall()
        values = Values(frozenset(kind for kind, _ in found), any(zero for _, zero in found))
        if "blob" in values.storage and values.storage & {"text", "integer", "real"}:
            values.binary = values.binary or not self.readable(source, place)

        def distinct() -> list[Any]:
            query = f"SELECT DISTINCT {place} FROM {source} WHERE {place} IS NOT NULL"
            return [value for (value,) in self.source.execute(query)]

        kind = column_type(column.declared, values, distinct)
        if "text" in values.storage and kind.name == "text" and not self.well_formed(source, place):
            return column_type("BLOB", Values(frozenset({"blob"})), distinct)
        return kind

    def readable(self, source: str, place: str) -> bool:
        """Whether the bytes among the texts are characters."""
        for (value,) in self.source.execute(f"SELECT {place} FROM {source} WHERE typeof({place}) = 'blob'"):
            try:
                if "\0" in value.decode("utf-8"):
                    return False
            except UnicodeDecodeError:
                return False
        return True

    def well_formed(self, source: str, place: str) -> bool:
        texts = self.source.execute(f"SELECT {place} FROM {source} WHERE typeof({place}) = 'text'")
        return all(text.isascii() or not any("\udc80" <= each <= "\udcff" for each in text) for (text,) in texts)

    def column(self, table: str, column: ColumnFacts, kind: SqlType, columns: list[ColumnFacts]) -> str:
        words = f"{self.name(column.name)} {kind}"
        if self.is_row_number(column, columns):
            return f"{words} GENERATED BY DEFAULT AS IDENTITY"
        if column.default is not None:
            default = self.default(column.default, kind)
            if default is None:
                self.report.leave_out(f"{table}.{column.name}: DEFAULT {column.default}")
            else:
                words += f" DEFAULT {default}"
        return words + (" NOT NULL" if column.not_null else "")

    def default(self, text: str, kind: SqlType) -> str | None:
        if kind.name == "boolean" and text.strip() in ("0", "1"):
            return "true" if text.strip() == "1" else "false"
        found = self.expression(text)
        if found is None:
            return None
        try:
            with self.savepoint():
                self.session.execute(f"CREATE TABLE minidb_import_try (x {kind} DEFAULT {found})")
                self.session.execute("DROP TABLE minidb_import_try")
        except Error:
            return None
        return found

    def is_row_number(self, column: ColumnFacts, columns: list[ColumnFacts]) -> bool:
        """INTEGER PRIMARY KEY: SQLite numbers such rows."""
        return column.key == 1 and column.declared.upper() == "INTEGER" and sum(c.key > 0 for c in columns) == 1

    def keys(self, table: str, columns: list[ColumnFacts], sql: str) -> list[str]:
        found = []
        primary = sorted((column for column in columns if column.key), key=lambda column: column.key)
        if primary:
            clustered = " CLUSTERED" if sql.upper().rstrip("; \n\t").endswith("WITHOUT ROWID") else ""
            found.append(f"PRIMARY KEY{clustered} ({self.names([column.name for column in primary])})")
        for _, index, unique, origin, *_ in self.source.execute(f"PRAGMA index_list({in_quotes(table)})").fetchall():
            if unique and origin == "u":
                parts = self.source.execute(f"PRAGMA index_info({in_quotes(index)})").fetchall()
                found.append(f"UNIQUE ({self.names([part[2] for part in parts])})")
        return found

    def checks(self, table: str, sql: str) -> list[str]:
        if "CHECK" not in sql.upper():
            return []
        try:
            tree = parse(self.translator.translated(sql, "none", self.session.catalog)[0])
            assert isinstance(tree, ast.CreateTable)
            every = [*tree.constraints, *[each for column in tree.columns for each in column.constraints]]
            return [f"CHECK ({to_sql(each.expression)})" for each in every if isinstance(each, ast.Check)]
        except Error as error:
            self.report.leave_out(f"{table}: its CHECKs ({error.message})")
            return []

    def rows(self, table: str, columns: list[ColumnFacts], kinds: list[SqlType]) -> None:
        total = self.source.execute(f"SELECT count(*) FROM {in_quotes(table)}").fetchone()[0]
        listed = ", ".join(in_quotes(column.name) for column in columns)
        change = [converter(kind) for kind in kinds]
        cursor = self.source.execute(f"SELECT {listed} FROM {in_quotes(table)}")
        rows = (tuple([one(value) for one, value in zip(change, row)]) for row in cursor)
        places = ", ".join("?" * len(columns))
        insert = f"INSERT INTO {self.name(table)} ({self.names([c.name for c in columns])}) VALUES ({places})"
        self.session.execute_many(insert, counted(rows, table, total, self.progress))
        self.report.tables[table] = total
        number = next((column for column in columns if self.is_row_number(column, columns)), None)
        if number is not None:
            self.go_on_counting(table, number)

    def go_on_counting(self, table: str, column: ColumnFacts) -> None:
        last = self.source.execute(f"SELECT max({in_quotes(column.name)}) FROM {in_quotes(table)}").fetchone()[0] or 0
        known = self.source.execute("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone()[0]
        if known:
            row = self.source.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
            last = max(last, row[0] if row else 0)
        if last > 0:
            restart = f"ALTER TABLE {self.name(table)} ALTER COLUMN {self.name(column.name)} RESTART WITH {last + 1}"
            self.session.execute(restart)

    # -- what comes after the rows

    def indexes(self, table: str) -> None:
        for _, index, _, origin, *_ in self.source.execute(f"PRAGMA index_list({in_quotes(table)})").fetchall():
            if origin != "c":
                continue
            sql = self.source.execute("SELECT sql FROM sqlite_master WHERE name = ?", (index,)).fetchone()[0]
            self.attempt(f"index {index}", sql)

    def attempt(self, what: str, sql: str) -> bool:
        """Runs a definition of SQLite's in our words, or reports that it was left out."""
        try:
            made = self.translator.translated(sql, "none", self.session.catalog)
            with self.savepoint():
                for statement in made:
                    self.session.execute(statement)
        except Error as error:
            self.report.leave_out(f"{what}: {error.message}")
            return False
        return True

    def foreign_keys(self, table: str) -> None:
        rows = self.source.execute(f"PRAGMA foreign_key_list({in_quotes(table)})").fetchall()
        for number in sorted({row[0] for row in rows}, reverse=True):
            parts = sorted((row for row in rows if row[0] == number), key=lambda row: row[1])
            self.foreign_key(table, parts)

    def foreign_key(self, table: str, parts: list[Any]) -> None:
        _, _, parent, _, _, on_update, on_delete, _ = parts[0]
        children, parents = [part[3] for part in parts], [part[4] for part in parts if part[4] is not None]
        words = f"FOREIGN KEY ({self.names(children)}) REFERENCES {self.name(parent)}"
        words += f" ({self.names(parents)})" if parents else ""
        words += f" ON DELETE {ACTIONS[on_delete]}" if on_delete in ACTIONS else ""
        words += f" ON UPDATE {ACTIONS[on_update]}" if on_update in ACTIONS else ""
        add = f"ALTER TABLE {self.name(table)} ADD {words}"
        try:
            with self.savepoint():
                self.session.execute(add)
        except Error as error:
            self.weaker_key(table, add, words, error)

    def weaker_key(self, table: str, add: str, words: str, error: Error) -> None:
        """Rows that break a key are no rarity: SQLite checks keys only if it is told to."""
        try:
            with self.savepoint():
                self.session.execute(f"{add} NOT VALID")
        except Error:
            self.report.leave_out(f"{table}: {words}: {error.message}")
        else:
            self.report.leave_out(f"{table}: {words}: some rows break it ({error.detail}); it is NOT VALID")

    def views(self) -> list[tuple[str, str | None]]:
        return self.objects("view")

    def view(self, name: str, sql: str) -> None:
        if self.attempt(f"view {name}", sql):
            self.report.views.append(name)
