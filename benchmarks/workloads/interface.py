"""A workload: prepared once for an engine, then run round by round, each of which gives one figure.

    workload.prepare(stable, engine) -> a function; each call of it does the work once and returns a `Figure`

The figure is an amount per second unless the workload says otherwise. Preparing is not measured.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Protocol

import msgspec

from benchmarks.engines.interface import Engine
from benchmarks.stable import Stable


class Unit(Enum):
    """What a figure counts, and whether more of it is better."""

    PER_SECOND = "per second"
    MILLISECONDS = "ms"
    MEGABYTES = "MB"

    @property
    def more_is_better(self) -> bool:
        return self is Unit.PER_SECOND


class Figure(msgspec.Struct, frozen=True):
    """
    Args:
        value: in the workload's unit.
        retries: how many transactions had to be run again for each that committed.
    """

    value: float
    retries: float = 0.0


Round = Callable[[], Figure]


class Goal(msgspec.Struct, frozen=True):
    """What minidb should reach beside sqlite3: a ratio of throughput, at least, or of bytes, at most.

    Args:
        absolute: the goal is a figure of minidb's own, not a ratio.
    """

    must: float
    aim: float
    absolute: bool = False


class Workload(Protocol):
    """
    Attributes:
        key: its name on the command line.
        title: its name in the table.
        unit: of its figures.
        goal: what is demanded of minidb.
    """

    key: str
    title: str
    unit: Unit
    goal: Goal | None

    def supports(self, engine: Engine) -> bool: ...
    def prepare(self, stable: Stable, engine: Engine) -> Round: ...
