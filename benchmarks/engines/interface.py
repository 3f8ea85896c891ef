"""What a workload may ask of an engine: open a database, make sessions, prepare statements, run transactions.

An engine is opened at a path and a durability. DURABLE: an acknowledged commit survives the loss of power. WRITTEN: it
survives a crash of the process, nothing is synced. A session belongs to one thread at a time and is in autocommit
unless `begin` was called. A statement that is prepared is a function of its parameters which returns what it fetches;
for an engine with SQL it is a call of `execute` and of a `fetch...`, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Protocol

from benchmarks.dataset import Index, Statement


class Durability(Enum):
    DURABLE = "durable"
    WRITTEN = "written"


class Level(Enum):
    READ_COMMITTED = "read committed"
    SNAPSHOT = "snapshot"
    TWO_PHASE = "2pl"
    SERIALIZABLE = "serializable"


class Session(Protocol):
    def prepare(self, statement: Statement) -> Callable[..., Any]: ...
    def ask(self, text: str) -> list[Any]:
        """Runs text that may never have been seen before; fetches all."""
        ...
    def insert(self, table: str, columns: int, rows: Iterable[Sequence[Any]]) -> None:
        """All rows in one transaction, by `executemany`."""
        ...
    def load(self, table: str, columns: int, rows: Iterable[Sequence[Any]]) -> None:
        """The same in the fastest way that the engine has: it is not measured."""
        ...
    def begin(self, level: Level) -> None: ...
    def commit(self) -> None: ...
    def rollback(self) -> None:
        """Ends the transaction, if one is open."""
        ...
    def close(self) -> None: ...


class Database(Protocol):
    def create(self, indexes: Sequence[Index]) -> None:
        """Makes the tables of the bank."""
        ...
    def settle(self) -> None:
        """Statistics are taken, and what was logged is in its place."""
        ...
    def session(self) -> Session: ...
    def close(self) -> None: ...


class ColumnDatabase(Database, Protocol):
    """Of an engine that chooses columns."""

    def keep_by_columns(self, table: str) -> None:
        """Turns a table, still empty, into one by columns."""
        ...


class NotInstalled(Exception):
    """This engine, or its driver, is not there."""


class Engine(Protocol):
    """Made without arguments; raises NotInstalled.

    Attributes:
        key: its name on the command line.
        retryable: what it raises when a transaction must be run again.
        levels: those that it has.
        speaks_sql: whether `Session.ask` works.
        embedded: whether it lives in the process that uses it.
        fraction: of the rows to be inserted by `executemany`, those that can be waited for.
        chooses_columns: whether a table can be kept by rows or by columns.
    """

    key: ClassVar[str]
    retryable: tuple[type[Exception], ...]
    levels: ClassVar[frozenset[Level]]
    speaks_sql: ClassVar[bool]
    embedded: ClassVar[bool]
    fraction: ClassVar[float]
    chooses_columns: ClassVar[bool]

    def version(self) -> str: ...
    def open(self, path: Path, durability: Durability) -> Database: ...
    def size(self, path: Path) -> int:
        """Bytes on disk of a database that was closed."""
        ...
    def close(self) -> None: ...


def files_size(path: Path) -> int:
    """Bytes of all files whose name begins with that of the path."""
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
