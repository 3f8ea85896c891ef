"""What must happen in a process of its own: python -m benchmarks.child open|memory ENGINE PATH ...; prints a figure.

    open ENGINE PATH ELSEWHERE ROWS    milliseconds to open PATH and read a row, after a query in ELSEWHERE
    memory ENGINE PATH ROWS            peak megabytes of making ROWS in a list and loading them into PATH
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.dataset import COVERING, POINT, accounts
from benchmarks.engines.choose import engine_of
from benchmarks.engines.interface import Durability, Engine


def open_and_ask(engine: Engine, path: str, elsewhere: str, rows: str) -> float:
    ask(engine, elsewhere, 50)
    gc.collect()
    start = time.perf_counter()
    ask(engine, path, int(rows) // 2)
    return (time.perf_counter() - start) * 1000


def ask(engine: Engine, path: str, key: int) -> None:
    database = engine.open(Path(path), Durability.WRITTEN)
    assert database.session().prepare(POINT)(key)[0] == key


def peak_memory(engine: Engine, path: str, rows: str) -> float:
    database = engine.open(Path(path), Durability.WRITTEN)
    database.create([COVERING])
    database.session().insert("account", 5, list(accounts(int(rows))))
    return peak_bytes() / 1_000_000


def peak_bytes() -> int:
    """Of this process. Linux's ru_maxrss will not do: it begins at that of the process which started this one."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("no VmHWM in /proc/self/status")


TASKS: dict[str, Callable[..., float]] = {"open": open_and_ask, "memory": peak_memory}


def main() -> None:
    task, key, *arguments = sys.argv[1:]
    print(json.dumps(TASKS[task](engine_of(key), *arguments)))


if __name__ == "__main__":
    main()
