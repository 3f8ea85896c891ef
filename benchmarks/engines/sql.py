"""What engines with a DB-API driver share: a session over one connection in autocommit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from benchmarks.dataset import TABLES, Fetch, Index, Statement
from benchmarks.engines.interface import Level


class SqlSession:
    """`mark` is how the driver writes a parameter, `begins` the text that begins a transaction at each level."""

    mark: ClassVar[str] = "?"
    begins: ClassVar[dict[Level, str]] = {}

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.execute: Callable[..., Any] = connection.execute

    def prepare(self, statement: Statement) -> Callable[..., Any]:
        execute, sql = self.execute, self.marked(statement.sql)
        if statement.fetch is Fetch.ONE:
            return lambda *parameters: execute(sql, parameters).fetchone()
        if statement.fetch is Fetch.ALL:
            return lambda *parameters: execute(sql, parameters).fetchall()
        return lambda *parameters: execute(sql, parameters)

    def marked(self, sql: str) -> str:
        return sql if self.mark == "?" else sql.replace("%", "%%").replace("?", self.mark)

    def ask(self, text: str) -> list[Any]:
        rows: list[Any] = self.execute(text).fetchall()
        return rows

    def insert(self, table: str, columns: int, rows: Iterable[Sequence[Any]]) -> None:
        marks = ", ".join([self.mark] * columns)
        self.execute("BEGIN")
        self.connection.cursor().executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        self.execute("COMMIT")

    def load(self, table: str, columns: int, rows: Iterable[Sequence[Any]]) -> None:
        self.insert(table, columns, rows)

    def begin(self, level: Level) -> None:
        self.execute(self.begins[level])

    def commit(self) -> None:
        self.execute("COMMIT")

    def rollback(self) -> None:
        self.execute("ROLLBACK")

    def close(self) -> None:
        self.connection.close()


def create_tables(session: SqlSession, indexes: Sequence[Index], index_text: Callable[[Index], str]) -> None:
    for table in TABLES:
        session.execute(table)
    for index in indexes:
        session.execute(index_text(index))


def with_included(index: Index) -> str:
    """An index whose further columns are carried along, not sorted by."""
    include = f" INCLUDE ({index.included})" if index.included else ""
    return f"CREATE INDEX {index.name} ON account ({index.columns}){include}"


def with_all_sorted(index: Index) -> str:
    """The same for those who know no INCLUDE."""
    columns = ", ".join(filter(None, (index.columns, index.included)))
    return f"CREATE INDEX {index.name} ON account ({columns})"
