"""Cost against the number of rows, and of a checkpoint and a commit against what they change."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from benchmarks.dataset import COVERED, DEPOSIT, FILTERED, POINT, RANGE, scattered
from benchmarks.growth.bank import Bank, Clock, bank, kept, seconds
from benchmarks.growth.model import TreeSize

CHANGES = (1, 10, 100, 1000, 10_000)


HOPS = 15_485_863  # a prime: ranges begin in no order, and no two of them share a page by being neighbours


class Sized(msgspec.Struct, frozen=True):
    """What one size of the bank costs.

    Attributes:
        micros: microseconds of one operation, by its name.
        misses: pages that were not cached, of one operation.
        trees: what the trees take in memory.
        load_seconds: of the whole load, checkpoints included; of processor.
        folded: rows changed -> (bytes written to the base, seconds) of the checkpoint behind them.
        logged: rows changed -> bytes that their commit took in the log, in whole blocks.
    """

    rows: int
    micros: dict[str, float]
    misses: dict[str, float]
    trees: dict[str, TreeSize]
    load_seconds: float
    folded: dict[int, tuple[int, float]]
    logged: dict[int, int]


def measure(sizes: Sequence[int], cache_bytes: int, effort: float = 1.0, folder: Path | None = None,
            clock: Clock = time.perf_counter) -> list[Sized]:
    """
    Args:
        folder: where loaded banks are kept for the next time; else they are made and removed.
    """
    if folder is not None:
        return [measure_one(rows, cache_bytes, effort, folder, clock) for rows in sizes]
    with tempfile.TemporaryDirectory(prefix="minidb-growth-") as made:
        return [measure_one(rows, cache_bytes, effort, Path(made), clock) for rows in sizes]


def measure_one(rows: int, cache_bytes: int, effort: float, folder: Path, clock: Clock) -> Sized:
    source, load_seconds = kept(folder, rows)
    with bank(rows, cache_bytes, effort, source, clock) as opened:
        opened.warm()
        costs = {name: opened.cost(step, times) for name, (step, times) in operations(opened).items()}
        micros, missed = ({name: cost[part] for name, cost in costs.items()} for part in (0, 1))
        folded, logged = {}, {}
        for changes in CHANGES:
            if changes <= rows:
                logged[changes], folded[changes] = change_and_fold(opened, changes)
        return Sized(rows, micros, missed, opened.trees(), load_seconds, folded, logged)


def operations(opened: Bank) -> dict[str, tuple[Callable[[int], object], int]]:
    """In the order in which they are measured: before `update` all rows are settled, after it thousands are not."""
    session, rows = opened.session(), opened.rows
    point, deposit = session.prepare(POINT), session.prepare(DEPOSIT)
    ranged, covered, total = session.prepare(RANGE), session.prepare(COVERED), session.prepare(FILTERED)

    def low(i: int) -> int:
        return i * HOPS % (rows - 20)

    return {
        "point select": (lambda i: point(scattered(i, rows)), 2000),
        "range of 20": (lambda i: ranged(low(i), low(i) + 19), 300),
        "covering range of 20": (lambda i: covered(low(i), low(i) + 19), 300),
        "scan with a sum": (lambda i: total(), 1),
        "update": (lambda i: deposit(1, scattered(i, rows)), 1000),
        "scan after the updates": (lambda i: total(), 1),
    }


def change_and_fold(opened: Bank, changes: int) -> tuple[int, tuple[int, float]]:
    """(bytes of the commit in the log, (bytes written, seconds) of the checkpoint) for rows all over the table."""
    session, files = opened.session(), opened.files
    deposit = session.prepare(DEPOSIT)
    session.execute("CHECKPOINT")
    logged = files.log.copy()  # a large transaction writes chunks before its commit
    session.execute("BEGIN")
    for number in range(changes):
        deposit(1, scattered(number, opened.rows))
    session.execute("COMMIT")
    in_log = (files.log - logged).bytes_written
    folded = files.base.copy()
    taken = seconds(lambda i: session.execute("CHECKPOINT"), [0])
    written = (files.base - folded).bytes_written
    session.close()
    return in_log, (written, taken)
