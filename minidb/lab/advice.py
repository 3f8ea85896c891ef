"""The lowest safe level for each transaction of a schedule, and why it cannot be lower.

    schedule --planned_transactions--> transactions --minimal_allocations--> the allocation(s)
                                                             |                     |
                                                           Court         of each transaction: one level lower,
                                                    (every interleaving)     what goes wrong there

All of it is about these steps on these data: other values, other rows or other branches of a program are other
schedules. The theory of allocation is asked for its opinion (`minidb.lab.second_opinion`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from minidb.errors import InvalidParameterValue
from minidb.isolation import IsolationLevel
from minidb.lab.allocations import (
    Allocation,
    Court,
    Tell,
    first_wrong,
    is_to_be_retried,
    is_wrong,
    minimal_allocations,
    with_level,
)
from minidb.lab.explanation import without_statements
from minidb.lab.explorer import RETRYABLE, Exploration, Finding, Outcome, troupe_of
from minidb.lab.laboratory import only, shows
from minidb.lab.oracle import judge
from minidb.lab.planned_transactions import Planned, planned_transactions, with_levels
from minidb.lab.schedule import Schedule
from minidb.lab.second_opinion import SecondOpinion, second_opinion

LEVELS = (IsolationLevel.READ_COMMITTED, IsolationLevel.SNAPSHOT, IsolationLevel.SSI)
ORDER = (
    IsolationLevel.READ_UNCOMMITTED, IsolationLevel.READ_COMMITTED, IsolationLevel.SNAPSHOT, IsolationLevel.SSI,
    IsolationLevel.TWO_PHASE_LOCKING, IsolationLevel.SERIAL,
)
"""From the lowest to the highest. The last three are all serializable: they differ in who waits and who fails."""
TOPS = frozenset(ORDER[3:])
FOLLOWING = ("25P02", "25P01")  # errors of statements behind the one that failed
MOST = 20_000
RUNS_FOR_A_WITNESS = 1_000
MOST_FOR_RAISING = 2_000  # runs of one exploration up to which it is tried what raising one transaction does


class Failure(Struct, frozen=True):
    """What goes wrong at an allocation.

    allocation: its levels. code, name: the anomaly's; code is "invariant" for a query that is not true, which is then
        the name. words: the edges of the cycle as sentences, their kinds in front.
    witness: a schedule that shows it, its order as its permutation. Sessions that have no part in it are left out, but
        no single steps: a lock that a transaction takes first is what may protect it.
    interleavings: how many of `possible` end in that way; both are 0 where only some were looked at.
    """

    allocation: Allocation
    code: str
    name: str
    words: tuple[str, ...]
    witness: Schedule
    interleavings: int = 0
    possible: int = 0

    @property
    def order(self) -> tuple[str, ...]:
        return self.witness.permutations[0].order


class Row(Struct, frozen=True):
    """One transaction: its lowest level; what goes wrong one level lower, None if there is no lower one."""

    transaction: str
    level: IsolationLevel
    lower: IsolationLevel | None = None
    failure: Failure | None = None


class Raised(Struct, frozen=True):
    """Higher is not always safer: one transaction at a higher level than advised, and what goes wrong then."""

    transaction: str
    level: IsolationLevel
    failure: Failure


class Advice(Struct, frozen=True):
    """What `advise` has found.

    levels: those that were looked at, the lowest first. transactions: in the order of every allocation.
    rows: one for each transaction, empty if no allocation is good; then `problem` is what happens at the top.
    minimal: all good allocations below which none is; the first is the advice. complete: False if there may be others.
    possible: interleavings that can happen at the advised levels. retried: those in which a transaction fails with
        40001 or 40P01 and has to be tried again; errors: with other SQLSTATEs, by these. unknown: those of which
        nobody knows whether they are serializable.
    tried, performed: how many allocations were judged, and how many runs that took. sample: not every interleaving was
        looked at.
    raised: None if it was not tried whether raising a transaction is safe.
    """

    schedule: Schedule
    levels: tuple[IsolationLevel, ...]
    transactions: tuple[Planned, ...]
    rows: tuple[Row, ...] = ()
    minimal: tuple[Allocation, ...] = ()
    complete: bool = True
    problem: Failure | None = None
    possible: int = 0
    retried: int = 0
    errors: dict[str, int] = {}
    unknown: int = 0
    tried: int = 0
    performed: int = 0
    sample: bool = False
    raised: tuple[Raised, ...] | None = None
    opinion: SecondOpinion | None = None

    @property
    def found(self) -> bool:
        return bool(self.rows)

    @property
    def allocation(self) -> Allocation:
        return tuple(row.level for row in self.rows)

    @property
    def failures(self) -> tuple[tuple[str, Failure], ...]:
        """Every failure that it names, with the name of the transaction that it is about, '' for the top."""
        lower = [(row.transaction, row.failure) for row in self.rows if row.failure is not None]
        higher = [(one.transaction, one.failure) for one in self.raised or ()]
        return (*lower, *higher, *([("", self.problem)] if self.problem is not None else []))


def advise(
    schedule: Schedule,
    levels: Sequence[str] = LEVELS,
    *,
    most: int = MOST,
    sample: int = 0,
    seed: int = 0,
    tell: Tell | None = None,
) -> Advice:
    """The lowest level for each transaction of `schedule` such that every interleaving of the steps is serializable and
    keeps the file's invariants.

    Args:
        levels: those to choose from. SSI, 2PL and SERIAL are alternatives: one of them at most.
        most: performances after which exploring one allocation ends; the answer then rests on a sample.
        sample: perform that many random orders at each allocation instead; `seed`: which ones.
        tell: is told of each allocation before it is explored, with the number of runs so far.

    Raises InvalidParameterValue (22023) for no levels, for one that is none, for several of the alternatives, and for
    a schedule without transactions; and what the schedule's setup raises.
    """
    chosen = in_order(levels)
    transactions = planned_transactions(schedule)
    if not transactions:
        raise InvalidParameterValue(
            "the schedule has no transactions", hint="Settings alone (SET, SHOW ...) are none."
        )
    court = Court(schedule, transactions, most=most, sample=sample, seed=seed, tell=tell)
    minimal, complete = minimal_allocations(chosen, len(transactions), court.is_good)
    advice = Advice(schedule, chosen, transactions, minimal=tuple(minimal), complete=complete)
    if minimal:
        advice = with_reasons(advice, court, minimal[0])
    else:
        advice = replace(advice, problem=failure_at(court, (chosen[-1],) * len(transactions)))
    return replace(advice, tried=len(court.known), performed=court.performed)


def in_order(levels: Sequence[str]) -> tuple[IsolationLevel, ...]:
    chosen = {IsolationLevel.parse(level) for level in levels}
    if not chosen:
        raise InvalidParameterValue("there are no levels to choose from")
    if len(chosen & TOPS) > 1:
        raise InvalidParameterValue(
            f"{', '.join(level for level in ORDER if level in chosen & TOPS)} are alternatives",
            hint="All of them are serializable, none is lower than another. Ask for one at a time.",
        )
    return tuple(level for level in ORDER if level in chosen)


def with_reasons(advice: Advice, court: Court, allocation: Allocation) -> Advice:
    found = court.explorations[allocation]
    raised = None if found.sample or found.performed > MOST_FOR_RAISING else tuple(raisings(advice, court, allocation))
    opinion = None
    if advice.levels == LEVELS:
        opinion = second_opinion(advice.schedule, advice.transactions, allocation)
    return replace(
        advice,
        rows=tuple(row(advice, court, allocation, number) for number in range(len(allocation))),
        possible=found.possible,
        retried=sum(outcome.interleavings for outcome in found.outcomes if is_to_be_retried(outcome)),
        errors=other_errors(found),
        unknown=sum(outcome.interleavings for outcome in found.outcomes if outcome.serializable is None),
        sample=found.sample,
        raised=raised,
        opinion=opinion,
    )


def other_errors(found: Exploration) -> dict[str, int]:
    """Interleavings in which a statement fails for another reason than conflicts, by SQLSTATE."""
    counts: dict[str, int] = {}
    for outcome in found.outcomes:
        for state in {state for states in outcome.errors.values() for state in states} - {*RETRYABLE, *FOLLOWING}:
            counts[state] = counts.get(state, 0) + outcome.interleavings
    return dict(sorted(counts.items()))


# -- reasons


def row(advice: Advice, court: Court, allocation: Allocation, number: int) -> Row:
    name, level = advice.transactions[number].name, allocation[number]
    rank = advice.levels.index(level)
    if not rank:
        return Row(name, level)
    lower = advice.levels[rank - 1]
    return Row(name, level, lower, failure_at(court, with_level(allocation, number, lower)))


def raisings(advice: Advice, court: Court, allocation: Allocation) -> Iterator[Raised]:
    """Transactions that must not be raised by themselves, each at the lowest level where that goes wrong."""
    for number, planned in enumerate(advice.transactions):
        for level in advice.levels[advice.levels.index(allocation[number]) + 1 :]:
            higher = with_level(allocation, number, level)
            if not court.is_good(higher) and (failure := failure_at(court, higher)) is not None:
                yield Raised(planned.name, level, failure)
                break


def failure_at(court: Court, allocation: Allocation) -> Failure | None:
    """What goes wrong at an allocation, preferably what the fewest steps show; None if nothing does."""
    schedule = with_levels(court.schedule, court.transactions, allocation)
    found = court.explore(allocation, RUNS_FOR_A_WITNESS, court.sample)
    if first_wrong(found) is None:
        found = court.known_orders_at(allocation)
    anomalies = [finding for finding in found.findings.values() if not finding.is_invariant]
    if anomalies:
        best = min(anomalies, key=lambda finding: finding.witness.length)
        anomaly = best.anomaly
        witness = without_bystanders(schedule, best)
        words = cycle_words(witness, anomaly.code, anomaly.name) or (anomaly.words or anomaly.name,)
        failure = Failure(allocation, anomaly.code, anomaly.name, words, witness, best.interleavings)
        return counted(failure, found)
    broken = [outcome for outcome in found.outcomes if is_wrong(outcome)]
    return broken_invariant(schedule, allocation, found, broken) if broken else None


def without_bystanders(schedule: Schedule, finding: Finding) -> Schedule:
    """The witness of a finding without the sessions that it does not need."""
    best = only(schedule, finding.witness.steps)
    for actor in schedule.actors:
        own = {step.name for step in actor.steps}
        smaller = only(best, [name for name in best.permutations[0].order if name not in own])
        if smaller.actors and shows(smaller, finding, None):
            best = smaller
    return best


def broken_invariant(
    schedule: Schedule, allocation: Allocation, found: Exploration, broken: Sequence[Outcome]
) -> Failure:
    best = min(broken, key=lambda outcome: outcome.witness.length)
    query = best.broken[0]
    interleavings = sum(outcome.interleavings for outcome in broken if query in outcome.broken)
    words = (f"the outcome of {', then '.join(best.serial_order)}",) if best.serial_order else ()
    return counted(
        Failure(allocation, "invariant", query, words, only(schedule, best.witness.steps), interleavings), found
    )


def counted(failure: Failure, found: Exploration) -> Failure:
    """With the number of interleavings that can happen, if all were looked at."""
    stopped = found.sample or found.performed >= RUNS_FOR_A_WITNESS
    return replace(failure, interleavings=0) if stopped else replace(failure, possible=found.possible)


def cycle_words(witness: Schedule, code: str, name: str) -> tuple[str, ...]:
    """The cycle that a witness shows, one sentence for each edge, without the statements, which are in the witness."""
    owners = {step.name: number for number, actor in enumerate(witness.actors) for step in actor.steps}
    order = [owners[step] for step in witness.permutations[0].order]
    history = troupe_of(witness).replay(order, detailed=False).history
    cycle = next((one.cycle for one in judge(history).anomalies if (one.code, one.name) == (code, name)), ())
    return tuple(
        f"{edge.kind}  {without_statements(edge.words, edge.source_statement, edge.target_statement)}" for edge in cycle
    )


__all__ = ["Advice", "Failure", "Raised", "Row", "advise"]
