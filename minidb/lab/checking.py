"""Tests of transactions: explores, and fails with the whole story if something can go wrong that must not.

    interleavings(SETUP, [withdraw, withdraw], level="snapshot", invariant="SELECT min(balance) >= 0 FROM account")

What is wrong is an anomaly that nobody has allowed or expected, an invariant that was broken, and an anomaly that was
expected and did not come. A function may end with a RetryableError, for that is the database's way to keep it right,
and with what `raises` names; any other exception ends the test with a note of the interleaving that led to it.

The same is the fixture `interleavings` of the pytest plugin. Nothing here knows pytest.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from minidb.errors import RetryableError
from minidb.lab.checking_text import LONGEST_LADDER, failure_text
from minidb.lab.explorer import Exploration
from minidb.lab.functions import Function, FunctionPerformer, Role, functions_by_name
from minidb.lab.laboratory import Query, explore, load
from minidb.lab.schedule import Schedule
from minidb.lab.wishes import Wishes, names_of

MOST = 5_000  # runs: some seconds, up to a minute
Setup = Schedule | Path | Query | Sequence[Query]
Functions = Sequence[Function] | Mapping[str, Function]
Level = str | Sequence[str] | Mapping[str, str] | None
Names = str | Sequence[str] | Set[str]
Exceptions = type[BaseException] | tuple[type[BaseException], ...]


class SampleWarning(UserWarning):
    """There are more interleavings than were tried: what was not found may still be."""


def interleavings(
    setup: Setup,
    transactions: Functions = (),
    *,
    level: Level = None,
    levels: Sequence[str] | None = None,
    invariant: Query | Sequence[Query] = (),
    allow: Names = (),
    expect: Names = (),
    raises: Exceptions = (),
    most: int = MOST,
    sample: int = 0,
    seed: int = 0,
    reduce: bool = True,
) -> Any:
    """Tries every interleaving of some functions, or of a schedule's sessions, and raises AssertionError with the story
    if an outcome is not serializable or breaks an invariant.

    Args:
        setup: SQL, a function of a connection, or several of these; or a schedule, or the path of one.
        transactions: functions of a connection, each a session. Each of their calls of the database is a step. They
            must do the same each time they read the same. What they leave open is committed.
        level: the isolation level of all sessions, or of each. It stands above what they ask for themselves. None:
            what they ask for, else read committed.
        levels: explores at each of these; the result is then a dictionary by level.
        invariant: queries that must return true at the end, or functions of a connection that must not return False
            nor raise AssertionError.
        allow: anomalies that may come, by name ("write skew") or by Adya's code ("G2-item"). Invariants must hold.
        expect: what must go wrong: anomalies, or "invariant". Invariants may break then.
        raises: exceptions that a function may end with, besides RetryableError. What is open is rolled back.
        most, sample, seed, reduce: as in `minidb.lab.explore`. If there are more interleavings than `most` runs can
            try, a SampleWarning says so.

    Returns the `Exploration`, or a dictionary of them. Pauses of the functions (`time.sleep`) take no time.
    Raises InvalidParameterValue for unknown names, and for functions that cannot be explored.
    """
    wishes = Wishes(names_of(allow), names_of(expect))
    source = load(setup) if isinstance(setup, Path) else setup
    parts = roles(transactions, (RetryableError, *(raises if isinstance(raises, tuple) else (raises,))))

    def at(level: Level, most: int) -> Exploration:
        return explore(source, parts, level=level, invariant=invariant, most=most, sample=sample, seed=seed,
                       reduce=reduce, needless=False)

    try:
        with time_standing_still():
            found = [at(each, most) for each in ([level] if levels is None else levels)]
            failure = failure_text(found, wishes, lambda other: at(other, LONGEST_LADDER))
    except BaseException as error:
        raise error.with_traceback(within_function(error.__traceback__)) from error.__cause__
    if failure:
        __tracebackhide__ = True
        raise AssertionError(failure)
    if any(exploration.sample for exploration in found) and not sample:
        warnings.warn(f"{most:,} runs were not enough for all interleavings: a sample", SampleWarning, stacklevel=2)
    return found[0] if levels is None else dict(zip(levels, found))


def roles(functions: Functions, raises: tuple[type[BaseException], ...]) -> dict[str, Function]:
    named = functions if isinstance(functions, Mapping) else functions_by_name(functions)
    return {name: Role(function, raises) for name, function in named.items()}


@contextmanager
def time_standing_still() -> Iterator[None]:
    """Pauses in this thread take no time: a function's own retrying would sleep in each of thousands of runs."""
    sleep, here = time.sleep, threading.get_ident()

    def pause(seconds: Any) -> None:
        if threading.get_ident() != here:
            sleep(seconds)

    time.sleep = pause
    try:
        yield
    finally:
        time.sleep = sleep


def within_function(traceback: TracebackType | None) -> TracebackType | None:
    """What a function raises is shown where it has raised it, without the way there."""
    place = traceback
    while place is not None:
        if place.tb_frame.f_code is FunctionPerformer.play.__code__ and place.tb_next is not None:
            return place.tb_next
        place = place.tb_next
    return traceback


__all__ = ["SampleWarning", "interleavings"]
