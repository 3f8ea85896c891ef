"""The tables: a dict from key to row for each, sorted lists for the index, a number for each commit.

`changed` holds the number of the commit that last wrote a key: a transaction compares it with the number at which it
began (optimistic concurrency control, Kung and Robinson 1981). There are no old versions: a reader that meets a newer
row begins again. One latch guards it all; it is never held while the log is synced.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sortedcontainers import SortedList

from benchmarks.dataset import Index
from benchmarks.engines.handwritten.log import GroupLog

Key = tuple[str, Any]
encode = msgspec.msgpack.Encoder().encode
COLUMN = {"opened": 3, "branch": 2}


class Conflict(Exception):
    """Another transaction was first: run this one again."""


class Store:
    def __init__(self, path: Path, durable: bool) -> None:
        self.path = path
        self.latch = threading.Lock()
        self.log = GroupLog(path.with_name(f"{path.name}-log"), durable)
        self.tables: dict[str, dict[Any, tuple[Any, ...]]] = defaultdict(dict)
        self.history: list[tuple[Any, ...]] = []
        self.sorted: dict[str, SortedList[tuple[Any, ...]]] = {}
        self.changed: dict[Key, int] = {}
        self.number = 0

    def create(self, indexes: Sequence[Index]) -> None:
        for index in indexes:
            self.sorted[index.columns] = SortedList()

    def insert(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        """One transaction; the key is the first column."""
        new = {row[0]: tuple(row) for row in rows}
        with self.latch:
            self.tables[table].update(new)
            if table == "account":
                for column, entries in self.sorted.items():
                    position = COLUMN[column]
                    entries.update([(row[position], row[2], row[0]) for row in new.values()])
            self.number += 1
            ticket = self.log.append(encode((self.number, table, list(new.values()))))
        if ticket is not None:
            self.log.wait(ticket)

    def publish(self, writes: dict[Key, tuple[Any, ...]], history: list[tuple[Any, ...]]) -> None:
        """Puts the rows in place and into the log. The caller holds the latch, and waits for the log afterwards."""
        self.number += 1
        for key, row in writes.items():
            self.tables[key[0]][key[1]] = row
            self.changed[key] = self.number
        self.history.extend(history)

    def save(self) -> None:
        """Writes all tables to the file and forgets the log."""
        with self.latch:
            tables = {name: list(rows.values()) for name, rows in self.tables.items()}
            self.path.write_bytes(encode((tables, self.history)))
            self.log.restart()
            os.ftruncate(self.log.descriptor, 0)
            self.log.filled = 0

    def close(self) -> None:
        self.save()
        self.log.close()
