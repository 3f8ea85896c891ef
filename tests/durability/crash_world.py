"""What the tests of durability share: a database on a file system that can lose power, and its contents as values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, NamedTuple

import pytest

import minidb.database
from minidb.database import Database
from minidb.isolation import IsolationLevel
from minidb.session import Session
from minidb.storage.base import Base
from minidb.storage.faulty import Change, FaultyFileSystem, subsets
from minidb.storage.file import MemoryFileSystem
from minidb.storage.log import Log
from minidb.txn.rows import RowDoor

PATH = "shop.mdb"
SMALL: dict[str, Any] = {
    "segment_step": 4096,
    "largest_step": 8192,
    "kept_segment": 1 << 16,
    "batch_limit": 4096,
    "calm": 2,
}
GROWTH = 4  # blocks
LEAF = 400  # bytes: a few rows, so that small tables have inner nodes

Contents = dict[str, list[tuple[str, ...]]]


class SmallLog:
    """`Log` with small segments, so that a short workload goes through all of its life."""

    @staticmethod
    def create(*arguments: Any, **options: Any) -> Any:
        return Log.create(*arguments, **SMALL, **options)

    @staticmethod
    def recover(*arguments: Any, **options: Any) -> Any:
        return Log.recover(*arguments, **SMALL, **options)


class SmallBase:
    """`Base` whose file grows by a few blocks, and is therefore worth compacting soon."""

    @staticmethod
    def create(*arguments: Any, **options: Any) -> Any:
        return Base.create(*arguments, growth=GROWTH, **options)

    @staticmethod
    def open(*arguments: Any, **options: Any) -> Any:
        return Base.open(*arguments, growth=GROWTH, **options)


@pytest.fixture
def small_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minidb.database, "Log", SmallLog)
    monkeypatch.setattr(minidb.database, "Base", SmallBase)


def open_on(files: MemoryFileSystem, **options: Any) -> Database:
    return Database(PATH, files=files, background=False, **{"leaf_bytes": LEAF, **options})


@contextmanager
def opened(files: MemoryFileSystem, **options: Any) -> Iterator[Database]:
    """A database that is closed cleanly at the end."""
    database = open_on(files, **options)
    try:
        yield database
    finally:
        database.close()


def contents(database: Database) -> Contents:
    """All rows of all tables in words, read by the table's own order; every index is compared with that."""
    txn = database.manager.begin(IsolationLevel.READ_COMMITTED)
    database.manager.take_snapshot(txn)
    door = RowDoor(database.manager, txn, database.relations, lambda name: ())
    door.begin()
    found: Contents = {}
    for name, table in sorted(database.relations.catalog.tables.items()):
        live = [column.position for column in table.live_columns]
        found[name] = sorted(words(row, live) for _, rows in door.scan(table.id) for row in rows)
        for index in table.indexes:
            through = sorted(words(row, live) for _, rows in door.range(table.id, index.id, None, None) for row in rows)
            assert index.where is not None or through == found[name], f"{index.name} differs from {name}"
    database.manager.commit(txn)
    return found


def words(row: tuple[Any, ...], positions: list[int]) -> tuple[str, ...]:
    return tuple(repr(row[position]) for position in positions)


def run_all(session: Session, script: str) -> None:
    """Runs statements that are separated by semicolons at line ends."""
    for sql in script.split(";\n"):
        if sql.strip():
            session.execute(sql.strip())


class Promise(NamedTuple):
    """From this step of the file system's history on, the database was promised to contain at least this."""

    step: int
    state: Contents
    durable: bool  # survives power loss: a `full` commit


class Workload:
    """Runs units of work, each of which ends with one commit at most, and remembers what was promised when."""

    def __init__(self, durability: str = "full") -> None:
        self.files = FaultyFileSystem()
        self.database = open_on(self.files)
        self.session = self.database.session(autocommit=True, durability=durability)
        self.durability = durability
        self.created = len(self.files.history)
        self.promises = [Promise(0, {}, True)]

    def run(self, *units: str | Callable[[Workload], None]) -> Workload:
        for unit in units:
            if callable(unit):
                unit(self)
            else:
                run_all(self.session, unit)
            durable = self.session.durability == "full"
            self.promises.append(Promise(len(self.files.history), contents(self.database), durable))
        return self

    def allowed(self, step: int) -> list[Contents]:
        """The states that a crash before `step` may leave: what was promised durably, or anything later that had
        begun."""
        first = max(i for i, promise in enumerate(self.promises) if promise.step <= step and promise.durable)
        last = max(i for i, promise in enumerate(self.promises) if promise.step <= step)
        return [promise.state for promise in self.promises[first : last + 2]]


def images(files: FaultyFileSystem, step: int, random: Random, more: int = 2) -> Iterator[MemoryFileSystem]:
    """Some of the disks that a crash before `step` may leave: nothing pending arrived, all of it, random parts."""
    pending = files.pending(step)
    yield files.crash([], step=step)
    if pending:
        yield files.crash(pending, step=step)
        for _ in range(more):
            yield files.crash(random_part(pending, random), step=step)


def random_part(pending: list[Change], random: Random) -> list[Change]:
    pieces = [piece for change in pending for piece in change.sectors()]
    kept = [piece for piece in pieces if random.random() < 0.5]
    if random.random() < 0.3:
        random.shuffle(kept)
    return kept


__all__ = ["LEAF", "PATH", "Contents", "Workload", "contents", "images", "open_on", "opened", "run_all", "small_log",
           "subsets"]
