"""What a database takes: time to open, bytes on disk, memory of the process that loads it.

Opening and loading happen in processes of their own (`benchmarks.child`), since this one is full of other engines.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.dataset import DEPOSIT, scattered
from benchmarks.engines.interface import Durability, Engine
from benchmarks.stable import Stable, loaded
from benchmarks.workloads.interface import Figure, Goal, Round, Unit

MEGABYTE = 1_000_000
ROOT = Path(__file__).parents[2]


def child(*arguments: object) -> float:
    """The figure that a child process prints."""
    command = [sys.executable, "-m", "benchmarks.child", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return float(json.loads(done.stdout))


class Opening:
    key = "open"
    title = "open an existing database and answer the first query"
    unit = Unit.MILLISECONDS
    goal: Goal | None = Goal(12, 5, absolute=True)

    def supports(self, engine: Engine) -> bool:
        return engine.speaks_sql and engine.embedded

    def prepare(self, stable: Stable, engine: Engine) -> Round:
        path, elsewhere = stable.path(engine), stable.path(engine)
        loaded(engine, path, Durability.WRITTEN, stable.rows).close()
        loaded(engine, elsewhere, Durability.WRITTEN, 100).close()
        return lambda: Figure(child("open", engine.key, path, elsewhere, stable.rows))


class Memory:
    key = "memory"
    title = "peak memory of a process that makes all rows in a list and loads them"
    unit = Unit.MEGABYTES
    goal: Goal | None = Goal(3.5, 2)

    def supports(self, engine: Engine) -> bool:
        return engine.embedded and engine.fraction == 1  # the others cannot load so many in reasonable time

    def prepare(self, stable: Stable, engine: Engine) -> Round:
        return lambda: Figure(child("memory", engine.key, stable.path(engine), stable.rows))


class Size:
    unit = Unit.MEGABYTES

    def __init__(self, key: str, title: str, goal: Goal, updates: int) -> None:
        self.key = key
        self.title = title
        self.goal: Goal | None = goal
        self.updates = updates

    def supports(self, engine: Engine) -> bool:
        return not self.updates or engine.fraction == 1  # the others take minutes

    def prepare(self, stable: Stable, engine: Engine) -> Round:
        def once() -> Figure:
            path = stable.path(engine)
            database = loaded(engine, path, Durability.WRITTEN, stable.rows)
            if self.updates:
                deposit = database.session().prepare(DEPOSIT)
                for i in range(int(stable.rows * self.updates)):
                    deposit(1, scattered(i, stable.rows))
                database.settle()
            database.close()
            return Figure(engine.size(path) / MEGABYTE)

        return once


PLACES = (
    Opening(),
    Size("size", "size of the files after loading", Goal(1.2, 0.8), 0),
    Size("size-updated", "the same after as many updates as rows, each its own transaction", Goal(1.5, 1), 1),
    Memory(),
)
