"""minidb beside Python's sqlite3: the same work, in one run, alternating; medians, and ratios of throughput.

    python benchmarks/compare.py [--rows 100000] [--rounds 5] [--write docs/performance.md]

Both run on files in one temporary directory, through `execute` and `fetch...` of their drivers, at the same
durability: nothing here is synced (minidb `off`, sqlite3 WAL with synchronous=OFF), except where a row says durable. A
ratio above 1 means that minidb did more of it per second. Timings of a shared machine are noisy; look at the ratios.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import minidb

BRANCHES = 5000  # 100,000 rows / 5,000 = 20 rows for one branch
COLUMNS = "id bigint PRIMARY KEY, owner text NOT NULL, branch int NOT NULL, balance bigint NOT NULL"
SCHEMA = f"CREATE TABLE account ({COLUMNS})"
Work = Callable[[Any], None]


def rows_of(count: int) -> list[tuple[int, str, int, int]]:
    return [(i, f"owner {i}", i % BRANCHES, i * 7 % 10007) for i in range(count)]


def open_minidb(folder: Path, name: str, durability: str = "off") -> Any:
    return minidb.connect(str(folder / f"{name}.mdb"), autocommit=True, durability=durability)


def open_sqlite(folder: Path, name: str, synchronous: str = "OFF") -> Any:
    connection = sqlite3.connect(folder / f"{name}.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    return connection


class Case:
    """One line of the table: `work` on a prepared connection, `operations` of them per call."""

    def __init__(self, name: str, operations: int, work: Work, durable: bool = False) -> None:
        self.name = name
        self.operations = operations
        self.work = work
        self.durable = durable


def timed(work: Work, connection: Any) -> float:
    start = time.perf_counter()
    work(connection)
    return time.perf_counter() - start


def repeat(sql: str, parameters: Callable[[int], tuple[Any, ...]], times: int, fetch: str) -> Work:
    def work(connection: Any) -> None:
        execute = connection.execute
        for i in range(times):
            cursor = execute(sql, parameters(i))
            if fetch == "one":
                cursor.fetchone()
            elif fetch == "all":
                cursor.fetchall()

    return work


def cases(rows: int) -> list[Case]:
    def scattered(i: int) -> int:
        return i * 7919 % rows

    branch = repeat("SELECT * FROM account WHERE branch = ?", lambda i: (scattered(i) % BRANCHES,), 500, "all")
    return [
        Case("point select by primary key", 3000,
             repeat("SELECT * FROM account WHERE id = ?", lambda i: (scattered(i),), 3000, "one")),
        Case("20 rows through a secondary index, all columns", 500, branch),
        Case("20 rows through a covering index", 500,
             repeat("SELECT branch, balance FROM account WHERE branch = ?",
                    lambda i: (scattered(i) % BRANCHES,), 500, "all")),
        Case("count, sum, avg WHERE balance % 7 = 3, whole table", 5,
             repeat("SELECT count(*), sum(balance), avg(balance) FROM account WHERE balance % 7 = 3",
                    lambda i: (), 5, "all")),
        Case("GROUP BY branch, whole table", 3,
             repeat("SELECT branch % 100, count(*), sum(balance) FROM account GROUP BY branch % 100",
                    lambda i: (), 3, "all")),
        Case("fetch all rows", 3, repeat("SELECT * FROM account", lambda i: (), 3, "all")),
        Case("update by primary key, each its own transaction, not synced", 2000,
             repeat("UPDATE account SET balance = balance + 1 WHERE id = ?", lambda i: (scattered(i),), 2000, "")),
        Case("the same, durable", 500,
             repeat("UPDATE account SET balance = balance + 1 WHERE id = ?", lambda i: (scattered(i),), 500, ""), True),
        Case("statements that differ only in their literals", 1000, literals(rows)),
    ]


def literals(rows: int) -> Work:
    def work(connection: Any) -> None:
        for i in range(1000):
            connection.execute(f"SELECT owner FROM account WHERE id = {i * 7919 % rows}").fetchone()

    return work


def bulk_insert(folder: Path, rows: int, rounds: int) -> tuple[list[float], list[float]]:
    """executemany of all rows in one transaction, into a new table each time."""
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(rounds):
        data = rows_of(rows)
        for opened, times in ((open_minidb, ours), (open_sqlite, theirs)):
            connection = opened(folder, f"bulk{number}")
            connection.execute(SCHEMA)

            def insert(connection: Any, data: Any = data) -> None:
                connection.execute("BEGIN")
                connection.executemany("INSERT INTO account VALUES (?, ?, ?, ?)", data)
                connection.execute("COMMIT")

            times.append(timed(insert, connection))
            connection.close()
    return ours, theirs


def load(connection: Any, rows: int) -> None:
    connection.execute(SCHEMA)
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO account VALUES (?, ?, ?, ?)", rows_of(rows))
    connection.execute("COMMIT")
    connection.execute("CREATE INDEX account_branch ON account (branch)")


def measure(rows: int, rounds: int) -> list[tuple[str, float, float]]:
    """(name, operations per second of minidb, of sqlite3), medians."""
    found: list[tuple[str, float, float]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours, theirs = bulk_insert(folder, rows, max(1, rounds // 2))
        found.append(("bulk insert, rows per second", rows / statistics.median(ours), rows / statistics.median(theirs)))
        engines = {False: (open_minidb(folder, "off"), open_sqlite(folder, "off")),
                   True: (open_minidb(folder, "full", "full"), open_sqlite(folder, "full", "FULL"))}
        for pair in engines.values():
            for connection in pair:
                load(connection, rows)
            pair[0].execute("CREATE INDEX account_cover ON account (branch) INCLUDE (balance)")
            pair[1].execute("CREATE INDEX account_cover ON account (branch, balance)")
            pair[0].execute("CHECKPOINT")
            pair[0].execute("ANALYZE")
            pair[1].execute("ANALYZE")
        for case in cases(rows):
            found.append((case.name, *compare(case, *engines[case.durable], rounds)))
        for pair in engines.values():
            for connection in pair:
                connection.close()
    return found


def compare(case: Case, ours: Any, theirs: Any, rounds: int) -> tuple[float, float]:
    mine: list[float] = []
    other: list[float] = []
    for connection in (ours, theirs):
        case.work(connection)  # warm
    for _ in range(rounds):
        mine.append(timed(case.work, ours))
        other.append(timed(case.work, theirs))
    return case.operations / statistics.median(mine), case.operations / statistics.median(other)


START = """
import time; start = time.perf_counter()
import minidb
connection = minidb.connect({path!r})
assert connection.execute("SELECT count(*) FROM t WHERE a > 1").fetchall() == [(2,)]
print((time.perf_counter() - start) * 1000)
connection.close()
"""


def start_up(rounds: int = 5) -> float:
    """Milliseconds for `import minidb` and the first query on a small file, with bytecode; the best of some starts."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "small.mdb")
        with minidb.connect(path) as connection:
            connection.execute("CREATE TABLE t (a int PRIMARY KEY, b text)")
            connection.execute("INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z')")
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        times = []
        for _ in range(rounds + 1):
            done = subprocess.run(
                [sys.executable, "-c", START.format(path=path)], env=environment, capture_output=True, text=True,
                check=True,
            )
            times.append(float(done.stdout))
    return min(times[1:])


def report(found: list[tuple[str, float, float]], start: float, rows: int, rounds: int) -> str:
    lines = [
        f"Measured on {time.strftime('%Y-%m-%d')}: minidb {minidb.__version__}, CPython {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, {os.cpu_count()} cores, {rows:,} rows, median of {rounds} rounds.",
        "",
        "| work | minidb, per second | sqlite3, per second | ratio |",
        "|---|---:|---:|---:|",
    ]
    for name, ours, theirs in found:
        lines.append(f"| {name} | {ours:,.0f} | {theirs:,.0f} | {ours / theirs:.2f} |")
    lines += ["", f"`import minidb` and the first query on a small file: {start:.0f} ms."]
    return "\n".join(lines)


MARKS = ("<!-- measured: begin -->", "<!-- measured: end -->")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", type=Path, help="replace the measured part of this file")
    options = parser.parse_args()
    text = report(measure(options.rows, options.rounds), start_up(), options.rows, options.rounds)
    print(text)
    if options.write:
        old = options.write.read_text()
        before, rest = old.split(MARKS[0], 1)
        options.write.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{rest.split(MARKS[1], 1)[1]}")


if __name__ == "__main__":
    main()
