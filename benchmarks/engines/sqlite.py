"""Python's sqlite3: WAL, synchronous=FULL where commits are durable, OFF where they are only written.

SQLite has one writer at a time, and all its transactions are serializable. The two ways in which it can run one that
reads before it writes stand for the two levels: at "snapshot" it begins DEFERRED, so that many read and think at a
time, and all but one of those who then write must begin again; at "serializable" it begins IMMEDIATE and waits for its
turn, with the busy handler that the library brings.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from benchmarks.dataset import Index
from benchmarks.engines.interface import Durability, Level, files_size
from benchmarks.engines.sql import SqlSession, create_tables, with_all_sorted

PATIENCE = 60.0  # seconds that a statement waits for the one writer


class SqliteSession(SqlSession):
    begins = {
        Level.READ_COMMITTED: "BEGIN DEFERRED",
        Level.SNAPSHOT: "BEGIN DEFERRED",
        Level.SERIALIZABLE: "BEGIN IMMEDIATE",
    }

    def rollback(self) -> None:
        if self.connection.in_transaction:
            self.execute("ROLLBACK")


class SqliteDatabase:
    def __init__(self, path: Path, durability: Durability) -> None:
        self.path = path
        self.synchronous = "FULL" if durability is Durability.DURABLE else "OFF"
        self.sessions: list[SqliteSession] = []

    def session(self) -> SqliteSession:
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=PATIENCE, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {self.synchronous}")
        session = SqliteSession(connection)
        self.sessions.append(session)
        return session

    def create(self, indexes: Sequence[Index]) -> None:
        create_tables(self.session(), indexes, with_all_sorted)

    def settle(self) -> None:
        session = self.session()
        session.execute("ANALYZE")
        session.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        session.close()

    def close(self) -> None:
        for session in self.sessions:
            session.close()


class Sqlite:
    key: ClassVar[str] = "sqlite"
    levels: ClassVar[frozenset[Level]] = frozenset({Level.READ_COMMITTED, Level.SNAPSHOT, Level.SERIALIZABLE})
    speaks_sql: ClassVar[bool] = True
    fraction: ClassVar[float] = 1
    embedded: ClassVar[bool] = True
    chooses_columns: ClassVar[bool] = False
    retryable: tuple[type[Exception], ...] = (sqlite3.OperationalError,)

    def version(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}"

    def open(self, path: Path, durability: Durability) -> SqliteDatabase:
        return SqliteDatabase(path, durability)

    def size(self, path: Path) -> int:
        return files_size(path)

    def close(self) -> None:
        pass
