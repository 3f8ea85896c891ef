"""Cost against the number of rows, and of a checkpoint and a commit against what they change."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from benchmarks.dataset import COVERED, DEPOSIT, FILTERED, POINT, RANGE, scattered
from benchmarks.growth.bank import Bank, bank, seconds

CHANGES = (1, 10, 100, 1000, 10_000)


class Sized(msgspec.Struct, frozen=True):
    """What one size of the bank costs.

    Attributes:
        micros: microseconds of one operation, by its name.
        load_seconds: of the whole load, checkpoints included.
        folded: rows changed -> (bytes written to the base, seconds) of the checkpoint behind them.
        logged: rows changed -> bytes that their commit took in the log, in whole blocks.
    """

    rows: int
    micros: dict[str, float]
    load_seconds: float
    folded: dict[int, tuple[int, float]]
    logged: dict[int, int]


def measure(sizes: Sequence[int], cache_bytes: int, effort: float = 1.0) -> list[Sized]:
    return [measure_one(rows, cache_bytes, effort) for rows in sizes]


def measure_one(rows: int, cache_bytes: int, effort: float) -> Sized:
    with bank(rows, cache_bytes, effort) as opened:
        micros = {name: opened.microseconds(step, times) for name, (step, times) in operations(opened).items()}
        folded, logged = {}, {}
        for changes in CHANGES:
            if changes <= rows:
                logged[changes], folded[changes] = change_and_fold(opened, changes)
        return Sized(rows, micros, opened.load_seconds, folded, logged)


def operations(opened: Bank) -> dict[str, tuple[Callable[[int], object], int]]:
    """In the order in which they are measured: before `update` all rows are settled, after it thousands are not."""
    session, rows = opened.session(), opened.rows
    point, deposit = session.prepare(POINT), session.prepare(DEPOSIT)
    ranged, covered, total = session.prepare(RANGE), session.prepare(COVERED), session.prepare(FILTERED)

    def low(i: int) -> int:
        return scattered(i, rows - 20)

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
