"""TPC-H: minidb's answers compared with DuckDB's, and its times beside those of DuckDB and sqlite3.

    python -m benchmarks.tpch.run [--scale 0.01] [--rounds 3] [--only 1,2] [--no-sqlite] [--write docs/tpch.md]

Exits with 1 where an answer differs. Everything is in memory; a time is the fastest of the rounds, the first of which
compiles the statement.
"""

from __future__ import annotations

import argparse
import math
import platform
import sqlite3
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import minidb
from benchmarks.tpch.engines import comparable, load_duckdb, load_minidb, load_sqlite, sqlite_text
from benchmarks.tpch.generator import Generator
from benchmarks.tpch.queries import QUERIES, query

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
SLOW = 20.0  # seconds after which sqlite3 is not waited for


def measured(run: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    """(seconds of the fastest round, the rows)."""
    best, rows = math.inf, None
    for _ in range(rounds):
        start = time.perf_counter()
        rows = run()
        best = min(best, time.perf_counter() - start)
    return best, rows


def interruptible(connection: sqlite3.Connection, text: str) -> Any:
    limit = time.perf_counter() + SLOW
    connection.set_progress_handler(lambda: int(time.perf_counter() > limit), 100_000)
    try:
        return connection.execute(text).fetchall()
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            raise
        return None


def line(number: int, rows: int, ours: float, theirs: float | None, duck: float) -> str:
    other = "-" if theirs is None else f"over {SLOW:.0f} s" if math.isinf(theirs) else f"{theirs * 1000:,.0f}"
    return f"| Q{number} | {rows} | {ours * 1000:,.0f} | {other} | {duck * 1000:,.0f} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.01)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--no-sqlite", action="store_true")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    generator = Generator(options.scale)
    start = time.perf_counter()
    ours = load_minidb(generator)
    loaded = time.perf_counter() - start
    duck = load_duckdb(generator)
    lite = None if options.no_sqlite else load_sqlite(generator)
    numbers = [int(n) for n in options.only.split(",") if n] or list(QUERIES)
    lines = ["| query | rows | minidb, ms | sqlite3, ms | DuckDB, ms |", "|---|---:|---:|---:|---:|"]
    wrong, total = [], 0.0
    print(*lines, sep="\n")
    for number in numbers:
        text = query(number, options.scale)
        seconds, rows = measured(lambda text=text: ours.execute(text).fetchall(), options.rounds)
        fast, expected = measured(lambda text=text: duck.execute(text).fetchall(), options.rounds)
        theirs = None
        if lite is not None:
            theirs, answer = measured(lambda text=text: interruptible(lite, sqlite_text(text)), 1)
            theirs = math.inf if answer is None else theirs
        lines.append(line(number, len(rows), seconds, theirs, fast))
        total += seconds
        print(lines[-1], flush=True)
        if comparable(rows) != comparable(expected):
            wrong.append(number)
            print(f"    differs: {comparable(rows)[:2]} instead of {comparable(expected)[:2]}")
    summary = (
        f"Measured on {date.today()}: minidb {minidb.__version__}, CPython {platform.python_version()}, SQLite "
        f"{sqlite3.sqlite_version}, scale {options.scale}, fastest of {options.rounds} rounds (sqlite3: one). Loading, "
        f"indexes and ANALYZE took {loaded:.1f} s, the queries together {total:.2f} s."
    )
    print(f"\n{summary}\n{'all answers agree with DuckDB' if not wrong else f'wrong: {wrong}'}")
    if options.write is not None and not wrong:
        before, _, rest = options.write.read_text().partition(BEGIN)
        after = rest.partition(END)[2]
        table = "\n".join(lines)
        options.write.write_text(f"{before}{BEGIN}\n{summary}\n\n{table}\n{END}{after}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
