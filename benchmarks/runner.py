"""Runs workloads on engines side by side: in each round every engine does the work once, in an order that rotates.

So what disturbs the machine for a while disturbs all of them, and ratios within a round hold. The first round of each
engine is not counted. An engine that has had its share of time for a workload gets no more than two rounds of it, and
one if it is far beyond.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence

import msgspec

from benchmarks.engines.interface import Engine
from benchmarks.stable import Stable
from benchmarks.workloads.interface import Figure, Round, Workload

LEAST = 2  # rounds also for those who took longer than their share
PATIENCE = 3  # shares, after which there is one


class Measured(msgspec.Struct, frozen=True):
    """The figures of one workload: engine's key -> one for each round, in the same order for all engines."""

    workload: str
    figures: dict[str, list[Figure]]


def measure(workloads: Sequence[Workload], engines: Sequence[Engine], stable: Stable, rounds: int,
            share: float) -> Iterator[Measured]:
    """`share`: seconds after which an engine gets no further round of a workload, beyond its first."""
    for workload in workloads:
        print(f"{time.strftime('%X')} {workload.key}", file=sys.stderr, flush=True)
        taking_part = [engine for engine in engines if workload.supports(engine)]
        yield Measured(workload.key, rounds_of(workload, taking_part, stable, rounds, share))
        stable.release()


def rounds_of(workload: Workload, engines: Sequence[Engine], stable: Stable, rounds: int,
              share: float) -> dict[str, list[Figure]]:
    runs: dict[str, Round] = {engine.key: workload.prepare(stable, engine) for engine in engines}
    figures: dict[str, list[Figure]] = {key: [] for key in runs}
    taken = {key: timed(run)[0] for key, run in runs.items()}  # warm
    for number in range(rounds):
        keys = list(runs)
        turn = number % len(keys)
        for key in keys[turn:] + keys[:turn]:
            if len(figures[key]) < due(taken[key] / share, rounds):
                seconds, figure = timed(runs[key])
                taken[key] += seconds
                figures[key].append(figure)
    return figures


def due(shares: float, rounds: int) -> int:
    """How many rounds an engine gets that has used so many of its shares of time."""
    return rounds if shares <= 1 else LEAST if shares <= PATIENCE else 1


def timed(run: Round) -> tuple[float, Figure]:
    start = time.perf_counter()
    figure = run()
    return time.perf_counter() - start, figure
