"""Loading: all accounts in one transaction by `executemany`, into a new database."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence

from benchmarks.dataset import TWO_INDEXES, Index, accounts
from benchmarks.engines.interface import Durability, Engine
from benchmarks.stable import Stable
from benchmarks.workloads.interface import Figure, Goal, Round, Unit


class Bulk:
    unit = Unit.PER_SECOND

    def __init__(self, key: str, title: str, goal: Goal, indexes: Sequence[Index]) -> None:
        self.key = key
        self.title = title
        self.goal: Goal | None = goal
        self.indexes = indexes

    def supports(self, engine: Engine) -> bool:
        return True

    def prepare(self, stable: Stable, engine: Engine) -> Round:
        rows = list(accounts(max(1, int(stable.rows * engine.fraction))))

        def once() -> Figure:
            database = engine.open(stable.path(engine), Durability.WRITTEN)
            database.create(self.indexes)
            session = database.session()
            gc.collect()
            start = time.perf_counter()
            session.insert("account", 5, rows)
            taken = time.perf_counter() - start
            session.close()
            database.close()
            return Figure(len(rows) / taken)

        return once


BULKS = (
    Bulk("insert", "`executemany` insert in one transaction, rows", Goal(0.35, 0.6), ()),
    Bulk("insert-indexed", "the same with two secondary indexes", Goal(0.35, 0.8), TWO_INDEXES),
)
