"""Workloads of one session: it repeats a unit of work a number of times, and nobody disturbs it."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from benchmarks.engines.interface import Durability, Engine, Session
from benchmarks.stable import Stable
from benchmarks.workloads.interface import Figure, Goal, Round, Unit

Step = Callable[[int], object]  # the i-th repetition


class Single:
    """
    Args:
        times: repetitions in a round.
        step: makes the function to repeat, given a session and the number of accounts.
        with_sql: whether the work is about SQL text, so that the hand-written floor has no part in it.
    """

    unit = Unit.PER_SECOND

    def __init__(self, key: str, title: str, goal: Goal, times: int, step: Callable[[Session, int], Step],
                 durability: Durability = Durability.WRITTEN, with_sql: bool = False) -> None:
        self.key = key
        self.title = title
        self.goal: Goal | None = goal
        self.times = times
        self.step = step
        self.durability = durability
        self.with_sql = with_sql

    def supports(self, engine: Engine) -> bool:
        return engine.speaks_sql or not self.with_sql

    def session(self, stable: Stable, engine: Engine) -> Session:
        return stable.session(engine, self.durability)

    def prepare(self, stable: Stable, engine: Engine) -> Round:
        session = self.session(stable, engine)
        step, times = self.step(session, stable.rows), max(1, int(self.times * stable.effort))
        done = 0

        def once() -> Figure:
            nonlocal done
            numbers = range(done, done + times)
            done += times
            gc.collect()
            start = time.perf_counter()
            for number in numbers:
                step(number)
            return Figure(times / (time.perf_counter() - start))

        return once
