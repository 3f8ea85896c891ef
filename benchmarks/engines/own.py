"""minidb through its DB-API: durability `full` where commits are durable, `normal` where they are only written.

`OwnUnwritten` is minidb with durability `off` instead, whose commits do not survive a crash of the process: nobody
else has such a mode, so it takes part only when asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import minidb
from benchmarks.dataset import Index
from benchmarks.engines.interface import Durability, Level, files_size
from benchmarks.engines.sql import SqlSession, create_tables, with_included


class OwnSession(SqlSession):
    begins = {
        Level.READ_COMMITTED: "BEGIN ISOLATION LEVEL READ COMMITTED",
        Level.SNAPSHOT: "BEGIN ISOLATION LEVEL SNAPSHOT",
        Level.TWO_PHASE: "BEGIN ISOLATION LEVEL SERIALIZABLE 2PL",
        Level.SERIALIZABLE: "BEGIN ISOLATION LEVEL SERIALIZABLE",
    }


class OwnDatabase:
    def __init__(self, path: Path, durability: str, **sizes: Any) -> None:
        self.database = minidb.Database(str(path), **sizes)
        self.durability = durability

    def session(self) -> OwnSession:
        return OwnSession(self.database.connect(autocommit=True, durability=self.durability))

    def create(self, indexes: Sequence[Index]) -> None:
        create_tables(self.session(), indexes, with_included)

    def keep_by_columns(self, table: str) -> None:
        session = self.session()
        session.execute(f"ALTER TABLE {table} SET (layout = column)")
        session.close()

    def settle(self) -> None:
        session = self.session()
        session.execute("CHECKPOINT")
        session.execute("ANALYZE")
        session.close()

    def close(self) -> None:
        self.database.close()


class Own:
    key: ClassVar[str] = "minidb"
    levels: ClassVar[frozenset[Level]] = frozenset(Level)
    speaks_sql: ClassVar[bool] = True
    fraction: ClassVar[float] = 1
    embedded: ClassVar[bool] = True
    chooses_columns: ClassVar[bool] = True
    written: ClassVar[str] = "normal"
    retryable: tuple[type[Exception], ...] = (minidb.RetryableError,)

    def version(self) -> str:
        return f"minidb {minidb.__version__}"

    def open(self, path: Path, durability: Durability) -> OwnDatabase:
        return OwnDatabase(path, "full" if durability is Durability.DURABLE else self.written)

    def size(self, path: Path) -> int:
        return files_size(path)

    def close(self) -> None:
        pass


class OwnUnwritten(Own):
    key: ClassVar[str] = "minidb-off"
    written: ClassVar[str] = "off"
