"""Statements that are transactions of their own, and so short that nothing of a transaction is made for them: reads at
levels where they leave no trace, and changes of a single row (`txn.alone`). Both at SSI while no such transaction runs.
None as a result: it takes the long way.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from minidb.errors import Error
from minidb.isolation import IsolationLevel
from minidb.keys import Row
from minidb.results import Result
from minidb.session.options import SessionOptions
from minidb.statement_cache import Compiled
from minidb.txn.alone import LoneWriter, Unsuited
from minidb.txn.claims import Overtaken
from minidb.txn.isolation import POLICIES
from minidb.txn.rows import RowDoor
from minidb.txn.table_locks import DATABASE
from minidb.txn.transaction import Transaction
from minidb.txn.versions import PENDING

STREAMED_BATCHES = 2  # results with fewer batches are fetched at once


class LoneStatements(SessionOptions):
    """The short ways outside of transactions."""

    def new_context(self) -> Any:
        """What functions may ask of the session."""
        raise NotImplementedError

    def read_alone(self, compiled: Compiled, values: Row) -> Result | None:
        """A read that is a transaction of its own, at a level where reads leave no trace: without a transaction object
        and without table locks. What could disturb it, a schema change, is looked for before and after; None: it did,
        or the statement is of another kind, and takes the long way."""
        manager, reader = self.manager, self.reader or self.new_reader()
        if reader is None:
            return self.read_safely(compiled, values) if self.level is IsolationLevel.SSI else None
        if manager.table_locks and manager.readers_kept_out(compiled.tables):
            return None
        strong_locks = manager.strong_locks
        txn, views = reader.txn, manager.views
        txn.interrupted = False
        views[txn] = 0
        published = views[txn] = manager.published
        reader.tables = reader.relations.tables
        reader.snapshot = PENDING if txn.policy.reads_uncommitted else published
        try:
            rows = compiled.run(reader, values, self.new_context() if compiled.needs_context else None)
            if compiled.streams:
                rows = few_batches(rows)
        except Error:
            if manager.strong_locks != strong_locks:
                return None
            raise
        finally:
            views.pop(txn, None)
        if rows is None or manager.strong_locks != strong_locks:
            return None
        return Result("SELECT", compiled.columns, rows)

    def read_safely(self, compiled: Compiled, values: Row) -> Result | None:
        """`read_alone` at SSI, on a safe snapshot: no SSI transaction ran when it was taken (R63), since none ran
        before and none has begun until now. None: one has, and what is read must be noted."""
        manager = self.manager
        begun = manager.conflicts.begun
        if manager.conflicts.active or DATABASE in manager.table_locks:
            return None
        self.reader = self.safe_reader = self.safe_reader or self.new_reader(IsolationLevel.SNAPSHOT)
        if self.reader is None:
            return None
        try:
            result = self.read_alone(compiled, values)
        except Error:
            if manager.conflicts.begun != begun:
                return None
            raise
        finally:
            self.reader = None
        return result if manager.conflicts.begun == begun else None

    def write_alone(self, compiled: Compiled, values: Row, sql: str) -> Result | None:
        """A change of one row that is a transaction of its own (`txn.alone`); None: it takes the long way."""
        if not compiled.alone or self.read_only or self.default_read_only:
            return None
        writer = self.writer or self.new_writer()
        if writer is None:
            return None
        try:
            count, rows = writer.run(compiled.run_write, values, compiled.catalog_version, self.durability, sql)
        except Overtaken:
            return None
        except Unsuited:
            compiled.alone = False
            return None
        tag = compiled.tag_of_one if count == 1 else f"{compiled.tag}{count}"
        return Result(tag, compiled.columns, rows or [], count)

    def new_reader(self, level: IsolationLevel | None = None) -> RowDoor | None:
        policy = POLICIES[level or self.level]
        if policy.tracks_reads or not self.database.door.takes_short_ways:
            return None
        txn = Transaction(0, policy, self.label, True, False)
        txn.temporary = self.temporary
        self.reader = self.database.door(self.manager, txn, self.relations, self.database.inside.rows)
        self.reader.statement = 1
        self.reader.on_parked = self.forget_reader
        return self.reader

    def forget_reader(self) -> None:
        self.reader = self.safe_reader = None

    def new_writer(self) -> LoneWriter | None:
        policy = POLICIES[self.level]
        locks_reads = policy.tracks_reads and not policy.takes_notes
        if locks_reads or not self.database.door.takes_short_ways:
            return None
        txn = Transaction(0, policy, self.label, False, False)
        self.writer = LoneWriter(self.manager, txn, self.relations, self.database.inside.rows)
        self.writer.statement = 1
        return self.writer


def few_batches(batches: Iterator[list[Row]]) -> list[Row] | None:
    """The rows of a result that has only a few batches; None if it goes on, and should stream."""
    ready = list(islice(batches, STREAMED_BATCHES + 1))
    if len(ready) == 1:
        return ready[0]
    return [row for batch in ready for row in batch] if len(ready) <= STREAMED_BATCHES else None


__all__ = ["STREAMED_BATCHES", "LoneStatements"]
