"""A bank of any size in one counted file, checkpointed only when told, with a cache that may be far smaller."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import minidb
from benchmarks.counted_files import CountedFiles
from benchmarks.dataset import COVERING, accounts
from benchmarks.engines.own import OwnSession
from benchmarks.engines.sql import create_tables, with_included
from minidb.storage.file import OSFileSystem

CHUNK = 50_000  # rows that are loaded in one transaction
BATCHES = 5


class Bank:
    """
    Args:
        effort: how much of the usual repetitions `microseconds` does.
    """

    def __init__(self, path: Path, rows: int, cache_bytes: int, effort: float) -> None:
        self.files = CountedFiles(OSFileSystem())
        self.database = minidb.Database(str(path), files=self.files, cache_bytes=cache_bytes, background=False)
        self.rows = rows
        self.effort = effort
        self.load_seconds = self.load()

    def session(self, durability: str = "normal") -> OwnSession:
        return OwnSession(self.database.connect(autocommit=True, durability=durability))

    def microseconds(self, step: Callable[[int], object], times: int) -> float:
        """Of one step: the fastest of some batches, which is what the machine can do when it does nothing else."""
        times = max(1, int(times * self.effort))
        batches = (range(batch * times, (batch + 1) * times) for batch in range(BATCHES))
        return min(seconds(step, batch) for batch in batches) / times * 1e6

    def load(self) -> float:
        session = self.session()
        start = time.perf_counter()
        create_tables(session, [COVERING], with_included)
        rows = accounts(self.rows)
        while chunk := list(islice(rows, CHUNK)):
            session.insert("account", 5, chunk)
            session.execute("CHECKPOINT")
        session.execute("ANALYZE")
        session.close()
        return time.perf_counter() - start


@contextmanager
def bank(rows: int, cache_bytes: int = 64 << 20, effort: float = 1.0) -> Iterator[Bank]:
    with tempfile.TemporaryDirectory(prefix="minidb-growth-") as folder:
        opened = Bank(Path(folder) / "bank.mdb", rows, cache_bytes, effort)
        try:
            yield opened
        finally:
            opened.database.close()


def seconds(step: Callable[[int], object], numbers: Iterable[int]) -> float:
    start = time.perf_counter()
    for number in numbers:
        step(number)
    return time.perf_counter() - start
