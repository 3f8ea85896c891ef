"""Explains a schedule: performs one order of it with everything recorded, and asks the judges.

    which order       the one that is asked for; else the file's first permutation; else the first one that exploring
                      finds with an anomaly, a broken invariant or a rollback; else the sessions one after the other
    40001 at SSI      the same order again with snapshot isolation in place of SSI, where nobody is stopped: if no
                      serial order gives what was seen then, the cycle was a true one
    a cycle           may do no harm: if some serial order gives the same answers, the explanation says so
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from minidb.errors import InvalidParameterValue
from minidb.isolation import IsolationLevel
from minidb.lab.explanation import Abort, Explanation, explain
from minidb.lab.explorer import Explorer, serializable_if_free, troupe_of, twin_of
from minidb.lab.schedule import Actor, Schedule
from minidb.lab.serial_orders import SerialOrders
from minidb.lab.troupe import run_of

MOST_TRIED = 5_000  # orders, where no permutation is given
FEW_TRIED = 500  # orders per level, for the level that would have been enough
RISING = (
    IsolationLevel.READ_COMMITTED, IsolationLevel.SNAPSHOT, IsolationLevel.SSI, IsolationLevel.TWO_PHASE_LOCKING,
    IsolationLevel.SERIAL,
)


def explain_schedule(
    schedule: Schedule, level: str | None = None, permutation: Sequence[str] | None = None
) -> Explanation:
    """Explains one order of a schedule; see the module.

    Args:
        level: the isolation level of all sessions; None: what the schedule says.
        permutation: names of steps. A step may be left out, and none is done twice. A step whose session waits is
            done as soon as it no longer does.

    Raises InvalidParameterValue (22023) for a step that the schedule does not have, or that is named twice.
    """
    if permutation is None and schedule.permutations:
        permutation = schedule.permutations[0].order
    if permutation is None:
        return explained(schedule, level, first_worth_seeing(schedule, level))
    check(schedule, permutation)
    owners = {step.name: number for number, actor in enumerate(schedule.actors) for step in actor.steps}
    return explained(reordered(schedule, permutation), level, [owners[name] for name in permutation])


# -- orders


def check(schedule: Schedule, permutation: Sequence[str]) -> None:
    for name, count in Counter(permutation).items():
        if name not in schedule.steps:
            raise InvalidParameterValue(
                f"the schedule has no step {name!r}", hint=f"Its steps are {', '.join(schedule.steps)}."
            )
        if count > 1:
            raise InvalidParameterValue(f"step {name!r} is named {count} times", hint="Each step can be done once.")


def reordered(schedule: Schedule, permutation: Sequence[str]) -> Schedule:
    """The schedule with the steps that the permutation names, each session's in that order."""
    places = {name: place for place, name in enumerate(permutation)}

    def chosen(actor: Actor) -> Actor:
        steps = [step for step in actor.steps if step.name in places]
        return replace(actor, steps=tuple(sorted(steps, key=lambda step: places[step.name])))

    return replace(schedule, actors=tuple(map(chosen, schedule.actors)))


def first_worth_seeing(schedule: Schedule, level: str | None) -> Sequence[int]:
    """An order with an anomaly; else one that breaks an invariant; else one in which somebody was rolled back; else one
    session after the other."""
    found = Explorer(troupe_of(schedule, level), most=MOST_TRIED).explore()
    findings = sorted(found.findings.values(), key=lambda finding: finding.is_invariant)
    wrong = [finding.witness.order for finding in findings]
    failed = [outcome.witness.order for outcome in found.outcomes if outcome.errors]
    one_by_one = [number for number, actor in enumerate(schedule.actors) for _ in actor.steps]
    return next(iter([*wrong, *failed]), one_by_one)


# -- judges


def explained(schedule: Schedule, level: str | None, order: Sequence[int]) -> Explanation:
    troupe = troupe_of(schedule, level)
    performance = troupe.replay(order, patient=True)
    run = run_of(troupe, performance)
    found = explain(run, title=schedule.name)
    if any(is_serialization_failure(abort) for abort in found.aborts):
        free = serializable_if_free(twin_of(troupe), order, patient=True)
        true = None if free is None else not free
        judged = (replace(a, true_cycle=true) if is_serialization_failure(a) else a for a in found.aborts)
        found = replace(found, aborts=tuple(judged))
    if found.anomalies:
        found = replace(found, same_as=SerialOrders(troupe).judge(performance).order)
    if not found.serializable or run.broken:
        found = replace(found, enough=enough_for(schedule))
    return found


def enough_for(schedule: Schedule) -> str:
    """The lowest level at which no interleaving goes wrong, with all sessions at it."""
    for level in RISING:
        found = Explorer(troupe_of(schedule, level), most=FEW_TRIED).explore()
        if found.good:
            tried = f", as far as {found.performed:,} orders tell" if found.sample else ""
            failures = " or ".join(sorted(found.retried))
            price = f" A transaction may then get {failures} and must be run again." if failures else ""
            return f"With all sessions at {level} no interleaving goes wrong{tried}.{price}"
    return ""


def is_serialization_failure(abort: Abort) -> bool:
    return abort.error.sqlstate == "40001"


__all__ = ["explain_schedule"]
