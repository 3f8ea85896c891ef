"""Tries every interleaving of some sessions, and says what can come of them.

    Search says which order to try --> Troupe performs it --> its outcome: new or known
                                                              serializable?   (SerialOrders: by trying serial orders)
                                                              which anomaly?  (the graph of its history)
                                                              invariants?

Orders that differ only in steps that do not touch each other are tried once; how many interleavings such a class has
is counted, so that "how often" means interleavings that can happen. An order that blocking forbids cannot.

Two modes for what is too large: `most` bounds the number of performances, and `sample` performs that many random orders
instead (probabilistic concurrency testing: Burckhardt, Kothari, Musuvathi & Nagarakatte, 2010). Both then say that they
are samples: what they have found is so, what they have not found may still be.

Whether SSI was right to stop somebody is asked of the same order at snapshot isolation, where nobody is stopped for
that: if what comes of it is serializable, the abort was a false positive.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from msgspec import Struct

from minidb.isolation import IsolationLevel
from minidb.lab.functions import functions_by_name
from minidb.lab.graph import Anomaly
from minidb.lab.oracle import Verdict, judge
from minidb.lab.orders import interleaving_count
from minidb.lab.performers import Line, Script
from minidb.lab.reduction import Search
from minidb.lab.run import Run
from minidb.lab.schedule import Schedule
from minidb.lab.serial_orders import SerialOrders, said
from minidb.lab.troupe import Performance, Troupe, run_of, scripts_of

MOST = 100_000
DEPTH = 3  # of the bugs that a sample looks for: the number of orderings that must meet (PCT)
Tell = Callable[[int, int, int], None]


class Witness(Struct, frozen=True):
    """An order that shows something. steps: their names, for a schedule file."""

    order: tuple[int, ...]
    steps: tuple[str, ...]

    @property
    def length(self) -> tuple[int, int]:
        """What makes one witness shorter than another: steps, then changes from one session to another."""
        return len(self.order), sum(one != other for one, other in zip(self.order, self.order[1:]))


class Outcome(Struct):
    """What can come of it.

    serializable: None if nobody knows (too many transactions). anomalies: with how many interleavings showed each.
    errors: SQLSTATEs that sessions got, by session. interleavings: how many lead here, of those that were looked at.
    """

    final: dict[str, tuple[tuple[Any, ...], ...]]
    errors: dict[str, tuple[str, ...]]
    serializable: bool | None
    serial_order: tuple[str, ...]
    broken: tuple[str, ...]
    witness: Witness
    interleavings: int = 0
    classes: int = 0
    anomalies: dict[tuple[str, str], int] = {}


class Finding(Struct):
    """An anomaly, or an invariant that was broken: how many interleavings show it, and the shortest that was seen."""

    anomaly: Anomaly
    witness: Witness
    interleavings: int = 0

    @property
    def is_invariant(self) -> bool:
        return self.anomaly.code == BROKEN


class Exploration(Struct):
    """All outcomes at one choice of levels.

    total: interleavings of the steps, were there no blocking. possible: those that can happen, as far as they were
        looked at. performed: runs that it took. sample: whether some may have been missed.
    retried: interleavings in which somebody got 40001 or 40P01, by SQLSTATE. false_positives: those in which SSI has
        stopped somebody although no cycle would have come of it.
    troupe: performs witnesses again.
    """

    troupe: Troupe
    levels: dict[str, str | None]
    total: int
    outcomes: list[Outcome] = []
    findings: dict[tuple[str, str], Finding] = {}
    retried: dict[str, int] = {}
    false_positives: int = 0
    possible: int = 0
    performed: int = 0
    sample: bool = False

    @property
    def serializable(self) -> bool:
        """Whether no outcome is known not to be."""
        return all(outcome.serializable is not False for outcome in self.outcomes)

    @property
    def broken(self) -> bool:
        """Whether an invariant failed somewhere."""
        return any(outcome.broken for outcome in self.outcomes)

    @property
    def good(self) -> bool:
        return self.serializable and not self.broken

    @property
    def wrong(self) -> int:
        """Interleavings that are not serializable."""
        return sum(outcome.interleavings for outcome in self.outcomes if outcome.serializable is False)

    def run(self, witness: Witness) -> Run:
        """A witness again, with everything that can be seen."""
        return run_of(self.troupe, self.troupe.replay(witness.order))


class Explorer:
    """Explores one set of sessions at one choice of levels.

    Arguments:
        most: performances after which it gives up; then it was a sample.
        sample: number of random orders to perform instead of all.
        seed: of those orders.
        reduce: False tries every single interleaving.
        needless: whether to find out which aborts by SSI were needless: it takes another run for each.
    """

    def __init__(self, troupe: Troupe, *, most: int = MOST, sample: int = 0, seed: int = 0, reduce: bool = True,
                 needless: bool = True, tell: Tell | None = None) -> None:
        self.troupe = troupe
        self.judge = SerialOrders(troupe)
        self.most = most
        self.sample = sample
        self.seed = seed
        self.search = Search(reduce)
        self.tell = tell
        self.known: dict[Any, Outcome] = {}
        self.found = Exploration(troupe, dict(troupe.levels), total_orders(troupe))
        self.twin = twin_of(troupe) if needless else None

    def explore(self) -> Exploration:
        if self.sample:
            self.explore_sample()
        else:
            self.explore_all()
        self.found.outcomes = list(self.known.values())
        return self.found

    def explore_all(self) -> None:
        search, found = self.search, self.found
        while True:
            search.begin()
            performance = self.troupe.perform(search.choose, search.moved)
            found.performed += 1
            if performance.whole:
                self.take(performance, search.linear_extensions() if search.reduce else 1)
            if not search.end():
                return
            if found.performed >= self.most:
                found.sample = True
                return

    def explore_sample(self) -> None:
        random, found = Random(self.seed), self.found
        found.sample = True
        length = 12
        for _ in range(self.sample):
            performance = self.troupe.perform(Priorities(random, len(self.troupe.names), length))
            length = max(length, len(performance.order))
            found.performed += 1
            self.take(performance, 1)

    # -- what came of a performance

    def take(self, performance: Performance, weight: int) -> None:
        found = self.found
        found.possible += weight
        key = outcome_key(performance)
        outcome = self.known.get(key)
        judgement: Verdict | None = None
        if outcome is None:
            judgement = judge(performance.history)
            outcome = self.known[key] = self.judged(performance, judgement)
        outcome.interleavings += weight
        outcome.classes += 1
        states = dict.fromkeys(state for states in outcome.errors.values() for state in states)
        for state in filter(RETRYABLE.__contains__, states):
            found.retried[state] = found.retried.get(state, 0) + weight
        if "40001" in states and serializable_if_free(self.twin, performance.order):
            found.false_positives += weight
        if outcome.serializable is False:
            self.name(performance, judgement or judge(performance.history), outcome, weight)
        for query in outcome.broken:
            self.find((BROKEN, query), Anomaly(BROKEN, query), performance, weight)
        if self.tell is not None:
            self.tell(found.performed, found.possible, found.total)

    def judged(self, performance: Performance, judgement: Verdict) -> Outcome:
        verdict = self.judge.judge(performance, judgement.order or ())
        accounts = performance.history.accounts
        return Outcome(
            final=performance.final,
            errors=errors_of(self.troupe.names, performance),
            serializable=verdict.serializable,
            serial_order=tuple(accounts[number].session for number in verdict.order),
            broken=performance.broken,
            witness=self.witness(performance),
        )

    def name(self, performance: Performance, judgement: Verdict, outcome: Outcome, weight: int) -> None:
        found = judgement.anomalies or (Anomaly(*UNEXPLAINED),)
        for anomaly in {(anomaly.code, anomaly.name): anomaly for anomaly in found}.values():
            name = anomaly.code, anomaly.name
            outcome.anomalies[name] = outcome.anomalies.get(name, 0) + weight
            self.find(name, anomaly, performance, weight)

    def find(self, name: tuple[str, str], anomaly: Anomaly, performance: Performance, weight: int) -> None:
        witness = self.witness(performance)
        finding = self.found.findings.get(name)
        if finding is None:
            finding = self.found.findings[name] = Finding(anomaly, witness)
        elif witness.length < finding.witness.length:
            finding.anomaly, finding.witness = anomaly, witness
        finding.interleavings += weight

    def witness(self, performance: Performance) -> Witness:
        return Witness(tuple(performance.order), steps_of(self.troupe, performance.order))


RETRYABLE = ("40001", "40P01")
BROKEN = "invariant"
UNEXPLAINED = ("?", "no serial order gives these answers")


class Priorities:
    """Chooses by random priorities, which change at a few random steps (PCT)."""

    def __init__(self, random: Random, sessions: int, length: int) -> None:
        self.order = random.sample(range(sessions), sessions)
        self.changes = {random.randrange(length) for _ in range(DEPTH - 1)}
        self.made = 0

    def __call__(self, ready: tuple[int, ...]) -> int:
        chosen = next(session for session in self.order if session in ready)
        if self.made in self.changes:
            self.order.remove(chosen)
            self.order.append(chosen)
            chosen = next(session for session in self.order if session in ready)
        self.made += 1
        return chosen


def twin_of(troupe: Troupe) -> SerialOrders | None:
    """The same sessions with SNAPSHOT in place of SSI; None if nobody runs at SSI."""
    levels = {name: level and IsolationLevel.parse(level) for name, level in troupe.levels.items()}
    if IsolationLevel.SSI not in levels.values():
        return None
    lower = {name: "snapshot" if level == IsolationLevel.SSI else level for name, level in levels.items()}
    return SerialOrders(Troupe(troupe.setup, troupe.parts, lower))


def serializable_if_free(twin: SerialOrders | None, order: Sequence[int], *, patient: bool = False) -> bool | None:
    """Whether the same order, with nobody at SSI to stop it, would have been serializable: then a 40001 was a false
    positive. None if somebody fails even so, if nobody runs at SSI, or if there are too many serial orders to try."""
    if twin is None:
        return None
    freely = twin.troupe.replay(order, detailed=False, patient=patient)
    if any(account.aborted for account in freely.history.accounts.values()):
        return None
    return twin.judge(freely, judge(freely.history).order or ()).serializable


def outcome_key(performance: Performance) -> Any:
    """Equal for performances that nobody could tell apart by their answers and their final state."""
    accounts = performance.history.accounts
    return (
        tuple(tuple(line_key(line, accounts) for line in sorted(lines, key=place_of)) for lines in performance.lines),
        tuple(sorted(performance.final.items())),
        tuple((repr(value), state) for value, state in performance.values),
    )


def line_key(line: Line, accounts: Mapping[int, Any]) -> Any:
    account = accounts.get(line.transaction)
    return line.place, account is not None and account.committed, said(line.answer)


def place_of(line: Line) -> int:
    return line.place


def errors_of(names: Sequence[str], performance: Performance) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, lines in zip(names, performance.lines):
        states = tuple(line.answer.error.sqlstate for line in lines if line.answer.error is not None)
        if states:
            found[name] = states
    return found


def steps_of(troupe: Troupe, order: Sequence[int]) -> tuple[str, ...]:
    """Names of the steps in an order; a function's steps are called by its name."""
    parts = list(troupe.parts.values())
    made = [0] * len(parts)
    steps = []
    for session in order:
        part = parts[session]
        steps.append(part.steps[made[session]][0] if isinstance(part, Script) else troupe.names[session])
        made[session] += 1
    return tuple(steps)


def total_orders(troupe: Troupe) -> int:
    """Interleavings of the sessions' steps; 0 for functions, whose steps nobody knows."""
    parts = list(troupe.parts.values())
    counts = [len(part.steps) for part in parts if isinstance(part, Script)]
    return interleaving_count(counts) if len(counts) == len(parts) else 0


def troupe_of(schedule: Schedule, levels: Mapping[str, str | None] | str | None = None) -> Troupe:
    """The sessions of a schedule, ready to be performed. `levels`: one for all, or by session."""
    if levels is None or isinstance(levels, str):
        levels = {actor.name: levels for actor in schedule.actors}
    return Troupe(schedule.setups, scripts_of(schedule), levels, schedule.invariants)


__all__ = [
    "Exploration", "Explorer", "Finding", "Outcome", "Witness", "functions_by_name", "serializable_if_free",
    "troupe_of", "twin_of",
]
