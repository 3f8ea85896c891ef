"""What programs and tests ask of the laboratory: explore, explain, shrink."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from minidb.dbapi import Connection
from minidb.errors import InvalidParameterValue
from minidb.lab.explanation import Explanation
from minidb.lab.explanation import explain as explain_run
from minidb.lab.explorer import MOST, Exploration, Explorer, Finding, Tell, functions_by_name
from minidb.lab.performers import Script
from minidb.lab.run import Run
from minidb.lab.schedule import Permutation, Schedule, Turn
from minidb.lab.schedule_text import parse
from minidb.lab.troupe import Troupe, scripts_of

Function = Callable[[Connection], Any]
Query = str | Function


def load(path: str | Path) -> Schedule:
    """The schedule in a file. Raises SyntaxError with the place, OSError."""
    file = Path(path)
    return parse(file.read_text(encoding="utf-8-sig"), file.stem)


def explore(
    setup: Schedule | Query | Sequence[Query],
    transactions: Sequence[Function] | Mapping[str, Function] = (),
    *,
    level: str | Sequence[str] | Mapping[str, str] | None = None,
    invariant: Query | Sequence[Query] = (),
    most: int = MOST,
    sample: int = 0,
    seed: int = 0,
    reduce: bool = True,
    needless: bool = True,
    tell: Tell | None = None,
) -> Exploration:
    """Tries every interleaving of sessions, and says what can come of them.

    Args:
        setup: a schedule; or what makes the state to begin with, SQL or a function of a connection.
        transactions: with the latter, the sessions: functions of a connection, each call of which is a step. They run
            many times, so they must do the same each time they read the same, and change nothing but the database.
        level: the isolation level of all sessions, or of each; None: what they ask for, else the default.
        invariant: queries that must return true at the end, or functions of a connection that must not return False
            nor raise AssertionError. A schedule's own are checked as well.
        most: performances after which to stop; the result is then a sample.
        sample: number of random orders to perform instead of all; `seed`: which ones.
        reduce: False: performs every single interleaving, also those that differ only in steps that do not touch.
        needless: whether to find out which aborts by SSI were needless: it takes another run for each.
        tell: called after each performance with the numbers of performances, of interleavings looked at, and of
            interleavings that there would be without blocking (0 for functions, whose steps nobody knows).

    Raises what the setup raises, InvalidParameterValue for a level that is none, and whatever a function raises that
    is not a minidb.DatabaseError: that is a fault of the function, not of the order.
    """
    if isinstance(setup, Schedule):
        parts: Mapping[str, Script | Function] = scripts_of(setup)
        items: Sequence[Query] = setup.setups
        invariants = (*setup.invariants, *several(invariant))
    else:
        parts = transactions if isinstance(transactions, Mapping) else functions_by_name(transactions)
        items, invariants = several(setup), several(invariant)
    if not parts:
        raise InvalidParameterValue("there is nothing to explore", hint="Give some functions, or a schedule.")
    troupe = Troupe(items, parts, levels_of(level, tuple(parts)), invariants)
    return Explorer(troupe, most=most, sample=sample, seed=seed, reduce=reduce, needless=needless, tell=tell).explore()


def several(items: Query | Sequence[Query]) -> tuple[Query, ...]:
    return (items,) if isinstance(items, str) or callable(items) else tuple(items)


def levels_of(level: str | Sequence[str] | Mapping[str, str] | None, names: Sequence[str]) -> dict[str, str | None]:
    if level is None or isinstance(level, str):
        return dict.fromkeys(names, level)
    if not isinstance(level, Mapping):
        if len(level) != len(names):
            raise InvalidParameterValue(f"{len(level)} levels for {len(names)} sessions")
        return dict(zip(names, level))
    unknown = [name for name in level if name not in names]
    if unknown:
        raise InvalidParameterValue(f"there is no session {unknown[0]!r}", hint=f"They are {', '.join(names)}.")
    return {name: level.get(name) for name in names}


def explain(exploration: Exploration | Run, finding: Finding | None = None) -> Explanation:
    """Why it went as it did: the graph, the cycle in words, the reason of each abort. Of a run; or of an exploration's
    finding, by default its first, an anomaly before a broken invariant. Raises InvalidParameterValue if there is
    none."""
    if isinstance(exploration, Run):
        return explain_run(exploration)
    if finding is None:
        finding = next(iter(sorted(exploration.findings.values(), key=lambda found: found.is_invariant)), None)
    if finding is None:
        raise InvalidParameterValue("the exploration has found nothing wrong")
    return explain_run(exploration.run(finding.witness))


# -- shrinking


def shrink(schedule: Schedule, finding: Finding, level: str | Mapping[str, str | None] | None = None) -> Schedule:
    """A schedule that does nothing but show the finding: sessions and steps that it does not need are left out, and the
    order is its only permutation. Greedy (Zeller & Hildebrandt, 2002, without the bisection): whole sessions first,
    until no single step can be left out."""
    best = only(schedule, finding.witness.steps)
    changed = True
    while changed:
        changed = False
        for smaller in reductions(best):
            if shows(smaller, finding, level):
                best, changed = smaller, True
                break
    return best


def only(schedule: Schedule, steps: Sequence[str]) -> Schedule:
    """The schedule with these steps, in this order as its permutation. Sessions without a step are left out."""
    actors = tuple(
        replace(actor, steps=kept) for actor in schedule.actors
        if (kept := tuple(step for step in actor.steps if step.name in steps))
    )
    return replace(schedule, actors=actors, permutations=(Permutation(tuple(map(Turn, steps))),))


def reductions(schedule: Schedule) -> list[Schedule]:
    order = schedule.permutations[0].order
    without_session = [
        only(schedule, [name for name in order if all(step.name != name for step in actor.steps)])
        for actor in schedule.actors if len(schedule.actors) > 1
    ]
    return [*without_session, *(only(schedule, [s for s in order if s != name]) for name in order)]


def shows(schedule: Schedule, finding: Finding, level: str | Mapping[str, str | None] | None) -> bool:
    """Whether the schedule's one permutation can happen as it stands, and shows the same."""
    order = schedule.permutations[0].order
    numbers = {step.name: number for number, actor in enumerate(schedule.actors) for step in actor.steps}
    names = [actor.name for actor in schedule.actors]
    levels = {name: level.get(name) for name in names} if isinstance(level, Mapping) else dict.fromkeys(names, level)
    troupe = Troupe(schedule.setups, scripts_of(schedule), levels, schedule.invariants)
    explorer = Explorer(troupe)
    performance = troupe.replay([numbers[name] for name in order], detailed=False)
    if explorer.witness(performance).steps != order:
        return False
    explorer.take(performance, 1)
    return (finding.anomaly.code, finding.anomaly.name) in explorer.found.findings


__all__ = ["explain", "explore", "load", "shrink"]
