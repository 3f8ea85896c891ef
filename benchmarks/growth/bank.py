"""A bank of any size in one counted file, checkpointed only when told, with a cache that may be far smaller."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import minidb
from benchmarks.counted_files import CountedFiles
from benchmarks.dataset import COVERING, accounts
from benchmarks.engines.own import OwnSession
from benchmarks.engines.sql import create_tables, with_included
from benchmarks.growth.model import INNER_BYTES, TreeSize
from minidb.storage.file import OSFileSystem

Clock = Callable[[], float]
CHUNK = 50_000  # rows that are loaded in one transaction
BATCHES = 5
SAMPLED = 64  # leaves of a tree whose size in memory is looked at


class Bank:
    """
    Args:
        path: of a bank that `load` has made.
        effort: how much of the usual repetitions `cost` does.
        clock: what operations are timed by, in seconds.
    """

    def __init__(self, path: Path, rows: int, cache_bytes: int, effort: float, clock: Clock) -> None:
        self.files = CountedFiles(OSFileSystem())
        self.database = minidb.Database(str(path), files=self.files, cache_bytes=cache_bytes, background=False)
        self.engine: Any = self.database._engine
        self.rows = rows
        self.cache_bytes = cache_bytes
        self.effort = effort
        self.clock = clock

    def session(self, durability: str = "normal") -> OwnSession:
        return OwnSession(self.database.connect(autocommit=True, durability=durability))

    def microseconds(self, step: Callable[[int], object], times: int) -> float:
        """Of one step: the fastest of some batches, which is what the machine can do when it does nothing else."""
        return self.cost(step, times)[0]

    def cost(self, step: Callable[[int], object], times: int) -> tuple[float, float]:
        """(microseconds, pages that were not cached) of one step, in the fastest batch."""
        times = max(1, int(times * self.effort))
        found = []
        for batch in range(BATCHES):
            before = self.engine.pool.misses
            taken = seconds(step, range(batch * times, (batch + 1) * times), self.clock)
            found.append((taken / times * 1e6, (self.engine.pool.misses - before) / times))
        return min(found)

    def warm(self) -> None:
        """Reads all accounts and their indexes, if there is room for them: what is measured then are no first times."""
        if sum(tree.leaf_bytes + tree.inner_bytes for tree in self.trees().values()) < self.cache_bytes:
            for tree in self.all_trees().values():
                for _ in tree.walk(self.engine.base.root):
                    pass

    def all_trees(self) -> dict[str, Any]:
        store = next(store for store in self.engine.relations.stores.values() if store.name == "account")
        return {store.name: store.tree} | {index.schema.name: index.tree for index in store.index_list}

    def trees(self) -> dict[str, TreeSize]:
        """What the trees of the accounts take in memory, decoded."""
        root = self.engine.base.root
        found = {}
        for name, tree in self.all_trees().items():
            leaves = tree.sample(root, SAMPLED)
            count = tree.entries(root) / (sum(map(len, leaves)) / len(leaves))
            found[name] = TreeSize(count, count * sum(leaf.size for leaf in leaves) / len(leaves), count * INNER_BYTES)
        return found


def load(path: Path, rows: int) -> float:
    """Makes a bank; returns the seconds of processor that it took. The index comes last, as it would in any database:
    its keys come in no order, so that rows by the thousand would change each of its pages again and again."""
    database = minidb.Database(str(path), background=False)
    session = OwnSession(database.connect(autocommit=True, durability="normal"))
    start = time.process_time()
    create_tables(session, [], with_included)
    data = accounts(rows)
    while chunk := list(islice(data, CHUNK)):
        session.insert("account", 5, chunk)
        session.execute("CHECKPOINT")
    session.execute(with_included(COVERING))
    session.execute("ANALYZE")
    session.close()
    taken = time.process_time() - start
    database.close()
    return taken


def kept(folder: Path, rows: int) -> tuple[Path, float]:
    """(a bank that is kept for the next time, seconds that it took to load)."""
    path, noted = folder / f"bank-{rows}.mdb", folder / f"bank-{rows}.seconds"
    if not noted.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(f"{path.name}*"):
            left.unlink()
        noted.write_text(str(load(path, rows)))
    return path, float(noted.read_text())


@contextmanager
def bank(rows: int, cache_bytes: int = 64 << 20, effort: float = 1.0, source: Path | None = None,
         clock: Clock = time.perf_counter) -> Iterator[Bank]:
    """A bank to be changed: a copy of `source`, or one that is loaded."""
    with tempfile.TemporaryDirectory(prefix="minidb-growth-", dir=source and source.parent) as folder:
        path = Path(folder) / "bank.mdb"
        if source is None:
            load(path, rows)
        else:
            shutil.copy(source, path)
        opened = Bank(path, rows, cache_bytes, effort, clock)
        try:
            yield opened
        finally:
            opened.database.close()


def seconds(step: Callable[[int], object], numbers: Iterable[int], clock: Clock = time.perf_counter) -> float:
    start = clock()
    for number in numbers:
        step(number)
    return clock() - start
