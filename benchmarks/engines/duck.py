"""DuckDB, which syncs every commit unless told not to, and knows one level: snapshot."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.dataset import Index
from benchmarks.engines.interface import Durability, Level, NotInstalled, files_size
from benchmarks.engines.sql import SqlSession, create_tables, with_all_sorted


class DuckSession(SqlSession):
    """Its `executemany` runs the statement for each row, which takes a millisecond, so it loads from a file."""

    begins = {Level.READ_COMMITTED: "BEGIN", Level.SNAPSHOT: "BEGIN"}

    def load(self, table: str, columns: int, rows: Iterable[Sequence[Any]]) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".csv", newline="") as file:
            csv.writer(file).writerows(rows)
            file.flush()
            self.execute(f"COPY {table} FROM '{file.name}' (FORMAT csv, HEADER false)")

    def rollback(self) -> None:
        from duckdb import TransactionException

        try:
            self.execute("ROLLBACK")
        except TransactionException:  # a failed commit has ended it already
            pass


class DuckDatabase:
    def __init__(self, path: Path, durability: Durability) -> None:
        import duckdb

        self.connection = duckdb.connect(str(path))
        if durability is Durability.WRITTEN:
            self.connection.execute("SET fsync_mode = 'NONE'")

    def session(self) -> DuckSession:
        return DuckSession(self.connection.cursor())

    def create(self, indexes: Sequence[Index]) -> None:
        create_tables(self.session(), indexes, with_all_sorted)

    def settle(self) -> None:
        self.connection.execute("CHECKPOINT")

    def close(self) -> None:
        self.connection.close()


class Duck:
    key: ClassVar[str] = "duckdb"
    levels: ClassVar[frozenset[Level]] = frozenset({Level.READ_COMMITTED, Level.SNAPSHOT})
    speaks_sql: ClassVar[bool] = True
    fraction: ClassVar[float] = 0.02
    embedded: ClassVar[bool] = True
    chooses_columns: ClassVar[bool] = False

    def __init__(self) -> None:
        try:
            import duckdb
        except ImportError as error:
            raise NotInstalled(str(error)) from error
        self.module: Any = duckdb
        self.retryable: tuple[type[Exception], ...] = (duckdb.TransactionException,)

    def version(self) -> str:
        return f"DuckDB {self.module.__version__}"

    def open(self, path: Path, durability: Durability) -> DuckDatabase:
        return DuckDatabase(path, durability)

    def size(self, path: Path) -> int:
        return files_size(path)

    def close(self) -> None:
        pass
