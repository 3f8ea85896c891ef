"""A bank in memory whose engine's work is counted: file calls, decoded pages and rows, compilations, versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import minidb
from benchmarks.counted_files import CountedFiles, Tally
from minidb.storage import base, writer
from minidb.storage.file import MemoryFileSystem
from minidb.storage.pages import Leaf
from minidb.txn import store
from minidb.txn.reads import Reader
from minidb.txn.versions import Version

COLUMNS = "id bigint PRIMARY KEY, owner text NOT NULL, opened bigint NOT NULL, balance bigint NOT NULL"
PATH = "counted.mdb"


class Work:
    """What one stretch of work has taken."""

    def __init__(self) -> None:
        self.base = Tally()
        self.log = Tally()
        self.decoded = 0  # pages: leaves and inner nodes
        self.rows_decoded = 0  # entries of leaves
        self.compiled = 0
        self.versions = 0
        self.amended = 0  # batches of which few rows are contested, and were looked at
        self.judged = 0  # batches whose rows were looked at one by one, since some of them are contested


class World:
    def __init__(self, rows: int, patch: pytest.MonkeyPatch) -> None:
        self.memory = MemoryFileSystem()
        self.files = CountedFiles(self.memory)
        self.counts = {"rows": 0, "versions": 0, "amended": 0, "judged": 0}
        self.watch(patch)
        self.open()
        connection = self.connect("off")
        connection.execute(f"CREATE TABLE account ({COLUMNS})")
        connection.execute("CREATE INDEX account_opened ON account (opened) INCLUDE (owner)")
        data = [(i, f"owner {i}", i * 7 % rows, i) for i in range(rows)]
        with connection.transaction():
            connection.cursor().executemany("INSERT INTO account VALUES (?, ?, ?, ?)", data)
        connection.execute("CHECKPOINT")
        connection.execute("ANALYZE")

    def open(self) -> None:
        self.database = minidb.Database(PATH, files=self.files, background=False)
        self.engine: Any = self.database._engine

    def reopen(self) -> None:
        """Nothing is cached afterwards; statistics are there, which the first plan would sample otherwise."""
        self.database.close()
        self.open()
        self.connect().execute("ANALYZE")

    def connect(self, durability: str = "full") -> minidb.Connection:
        return self.database.connect(autocommit=True, durability=durability)

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        read_leaf, judge = base.read_leaf, Reader.judge

        def counted_leaf(*args: Any) -> Leaf:
            leaf = read_leaf(*args)
            self.counts["rows"] += len(leaf)
            return leaf

        patch.setattr(base, "read_leaf", counted_leaf)
        patch.setattr(writer, "read_leaf", counted_leaf)
        patch.setattr(store, "Version", self.counting("versions", Version))
        patch.setattr(Reader, "judge", self.counting("judged", judge))
        patch.setattr(Reader, "amended", self.counting("amended", Reader.amended))

    def counting(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            self.counts[name] += 1
            return function(*args, **options)

        return counted

    @contextmanager
    def counted(self) -> Iterator[Work]:
        """What happens inside is in the record afterwards."""
        work, engine, before = Work(), self.engine, dict(self.counts)
        on_base, in_log = self.files.base.copy(), self.files.log.copy()
        decoded, compiled = engine.pool.decoded, engine.statements.compilations
        yield work
        work.base, work.log = self.files.base - on_base, self.files.log - in_log
        work.decoded, work.compiled = engine.pool.decoded - decoded, engine.statements.compilations - compiled
        work.rows_decoded = self.counts["rows"] - before["rows"]
        work.versions = self.counts["versions"] - before["versions"]
        work.judged = self.counts["judged"] - before["judged"]
        work.amended = self.counts["amended"] - before["amended"]
