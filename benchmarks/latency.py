"""How long single point operations take while something large runs beside them.

    python benchmarks/latency.py [--rows 100000] [--seconds 5] [--write docs/performance.md]

One thread reads or updates one row at a time and notes how long each operation took; another, the disturber, runs
one checkpoint after another meanwhile, or scans, loads, VACUUM; never on the same rows. `a busy loop` disturbs with
plain Python that touches nothing; two of them are what a load is beside which a checkpoint runs. The last columns
repeat each line with a tenth of the switch interval: what shrinks with it was waiting for the interpreter, and not for
the engine.
"""

from __future__ import annotations

import argparse
import gc
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.dataset import DEPOSIT, FILTERED, POINT, accounts, scattered
from benchmarks.document import replace_part
from benchmarks.engines.interface import Durability, Level
from benchmarks.engines.own import Own, OwnSession
from benchmarks.report import machine
from benchmarks.spread import percentile
from benchmarks.stable import stable

PART = "latency"
USUAL_INTERVAL = 0.005  # seconds: what CPython starts with
SHORT_INTERVAL = USUAL_INTERVAL / 10
Step = Callable[[int], object]


class Disturber:
    """Threads that repeat one piece of work until they are told to stop."""

    def __init__(self, work: Step | None, threads: int = 1) -> None:
        self.work = work
        self.stopping = False
        self.done = 0
        self.failure: BaseException | None = None
        self.threads = [threading.Thread(target=self.run) for _ in range(threads)]

    def run(self) -> None:
        try:
            while self.work is not None and not self.stopping:
                self.work(self.done)
                self.done += 1
        except BaseException as error:
            self.failure = error

    def __enter__(self) -> Disturber:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping = True
        for thread in self.threads:
            thread.join()
        if self.failure is not None:
            raise self.failure


def busy_loop(session: OwnSession, rows: int) -> Step:
    return lambda i: sum(range(100_000))


def after_changes(command: str) -> Callable[[OwnSession, int], Step]:
    """The command, each time after one transaction has changed a fiftieth of the rows."""

    def maker(session: OwnSession, rows: int) -> Step:
        deposit, changes = session.prepare(DEPOSIT), rows // 50

        def change_and_run(i: int) -> None:
            session.begin(Level.READ_COMMITTED)
            for number in range(i * changes, (i + 1) * changes):
                deposit(1, odd_row(number, rows))
            session.commit()
            session.execute(command)

        return change_and_run

    return maker


def scans(session: OwnSession, rows: int) -> Step:
    ask = session.prepare(FILTERED)
    return lambda i: ask()


def loads(session: OwnSession, rows: int) -> Step:
    def load(i: int) -> None:
        session.execute("DROP TABLE IF EXISTS loaded")
        session.execute("CREATE TABLE loaded (id bigint, owner text, branch int, opened bigint, balance bigint)")
        session.insert("loaded", 5, list(accounts(rows // 5)))

    return load


DISTURBERS: dict[str, Callable[[OwnSession, int], Step] | None] = {
    "nothing": None,
    "a busy loop, no database": busy_loop,
    "two busy loops, no database": busy_loop,
    "changes and CHECKPOINT": after_changes("CHECKPOINT"),
    "scans of the table": scans,
    "loads by executemany": loads,
    "changes and VACUUM": after_changes("VACUUM account"),
}
THREADS = {"two busy loops, no database": 2}


class Latency(msgspec.Struct, frozen=True):
    """Of one operation under one disturbance, in milliseconds."""

    median: float
    p99: float
    p999: float
    longest: float


def timed_steps(step: Step, seconds: float) -> list[float]:
    """Milliseconds of each step."""
    times: list[float] = []
    now = time.perf_counter
    until = now() + seconds
    number, end = 0, now()
    while end < until:
        start = now()
        step(number)
        end = now()
        times.append((end - start) * 1000)
        number += 1
    return times


def latency_of(times: list[float]) -> Latency:
    return Latency(percentile(times, 0.5), percentile(times, 0.99), percentile(times, 0.999), max(times))


@contextmanager
def switching(interval: float) -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(interval)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def operations(session: OwnSession, rows: int) -> dict[str, Step]:
    account_of, deposit = session.prepare(POINT), session.prepare(DEPOSIT)
    return {
        "read": lambda i: account_of(even_row(i, rows)),
        "update": lambda i: deposit(1, even_row(i, rows)),
    }


def even_row(i: int, rows: int) -> int:
    """What is timed has these rows for itself: to wait for another's row lock would be nobody's fault."""
    return scattered(i, rows // 2) * 2


def odd_row(i: int, rows: int) -> int:
    return even_row(i, rows) + 1


def measure(database: Any, rows: int, seconds: float) -> Iterator[list[str]]:
    """The cells of each line of the table."""
    steps = operations(database.session(), rows)
    for name, maker in DISTURBERS.items():
        for operation, step in steps.items():
            usual, short = (
                under(database, maker, rows, step, seconds, interval, THREADS.get(name, 1))
                for interval in (USUAL_INTERVAL, SHORT_INTERVAL)
            )
            figures = [usual.median, usual.p99, usual.p999, usual.longest, short.p99, short.p999]
            yield [name, operation, *(f"{figure:.3f}" for figure in figures)]


def under(database: Any, maker: Callable[[OwnSession, int], Step] | None, rows: int, step: Step, seconds: float,
          interval: float, threads: int) -> Latency:
    session = database.session()
    work = maker(session, rows) if maker else None
    if work is not None:
        work(0)  # what is compiled once is not of interest
    gc.collect()
    with switching(interval), Disturber(work, threads):
        times = timed_steps(step, seconds)
    session.close()
    return latency_of(times)


HEAD = (
    "| beside it runs | operation | p50, ms | p99 | p999 | longest | p99 at 0.5 ms | p999 at 0.5 ms |",
    "|---|---|---:|---:|---:|---:|---:|---:|",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each line and switch interval")
    parser.add_argument("--note", default="", help="words to put beside the date")
    parser.add_argument("--write", type=Path, help="replace the part `latency` of this file")
    options = parser.parse_args()
    lines = list(HEAD)
    print(*lines, sep="\n", flush=True)
    with stable(options.rows, options.seconds) as place:
        database = place.database(Own(), Durability.WRITTEN)
        for cells in measure(database, options.rows, options.seconds):
            lines.append(f"| {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    if options.write:
        replace_part(options.write, PART, [summary(options), "", *lines])


def summary(options: argparse.Namespace) -> str:
    return (
        f"Measured on {time.strftime('%Y-%m-%d')}: {machine()}; {options.rows:,} rows; switch interval 5 ms, in the "
        f"last two columns 0.5 ms.{options.note and ' '}{options.note}"
    )


if __name__ == "__main__":
    main()
