"""One schedule on many engines, at each of their levels: the matrix engine x level.

What a cell says comes from what was seen, and not from what anybody promises:

    schedule --run in one order--> units, reads, final state --serial orders of the committed units, on the same engine
    and at the same level--> is there one with the same reads and the same final state?

    anomaly      there is none              invariant  one of the schedule's invariants does not hold at the end
    40001 ...    there is; a session got that error
    waits        there is; a session had to wait, and nobody got an error
    no wait      there is, and neither
    impossible   a session waits for ever   unusable   the engine does not understand the SQL

The orders are those that the file names. If it names none, only one is tried, in which the sessions take turns: the
first step of each, then the second of each, and so on; or all interleavings, if asked for. Marks of blockers only
concern reports and are left out; steps of a session that waits are kept and done when it no longer does. A session's
setup is sent together with its first step, so that an engine may make it wait, and its teardown when all is over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest

from msgspec import Struct
from msgspec.structs import replace

from minidb.errors import Error, NotSupportedError, ProgrammingError, StatementTooComplex
from minidb.lab.engines.inspection import State, levels_of, state_of
from minidb.lab.engines.levels import Level
from minidb.lab.engines.protocol import Client, Engine, Resettable
from minidb.lab.engines.retryable import is_retryable
from minidb.lab.orders import permutations_of
from minidb.lab.permutation_run import Impossible, PermutationRun
from minidb.lab.run import Event
from minidb.lab.schedule import Actor, Permutation, Schedule, Turn
from minidb.lab.tester import is_true
from minidb.lab.units import Cutter, Unit, order_count, serial_orders

MOST_ORDERS = 5040
ENDED = ("done", "failed", "went on", "broke off")
BAD = ("anomaly", "invariant")
UNKNOWN = ("impossible", "unusable")


class Seen(Struct, frozen=True):
    """One run. broken: invariants that do not hold."""

    units: tuple[Unit, ...]
    final: State
    errors: tuple[Error, ...]
    waited: bool
    broken: tuple[str, ...]

    @property
    def committed(self) -> tuple[Unit, ...]:
        return tuple(unit for unit in self.units if unit.committed)


class Verdict(Struct, frozen=True):
    """verdict: "serializable", or one of `BAD` or `UNKNOWN`. how: what else was seen, in a word."""

    verdict: str
    how: str


class Cell(Struct, frozen=True):
    """A schedule on an engine at a level: one verdict for each order."""

    engine: str
    version: str
    level: str
    verdicts: tuple[Verdict, ...]

    @property
    def bad(self) -> bool:
        return any(verdict.verdict in BAD for verdict in self.verdicts)


def compare(schedule: Schedule, engine: Engine, every: bool = False) -> Iterator[Cell]:
    """The engine's row of the matrix. every: all interleavings, if the schedule names no order."""
    orders = orders_of(schedule, every)
    schedule = folded(schedule)
    for level in levels_of(engine):
        bench = Bench(schedule, engine, level)
        yield Cell(engine.name, engine.version, level.name, tuple(map(bench.verdict, orders)))


# -- the schedule


def orders_of(schedule: Schedule, every: bool) -> list[tuple[str, ...]]:
    if schedule.permutations or every:
        return [permutation.order for permutation in permutations_of(schedule)]
    return [taking_turns(schedule.actors)]


def taking_turns(actors: Sequence[Actor]) -> tuple[str, ...]:
    """The first step of each session, the second of each ..."""
    rounds = zip_longest(*(actor.steps for actor in actors))
    return tuple(step.name for step in chain.from_iterable(rounds) if step is not None)


def folded(schedule: Schedule) -> Schedule:
    """Each session's setup as a part of its first step."""
    return replace(schedule, actors=tuple(map(folded_actor, schedule.actors)))


def folded_actor(actor: Actor) -> Actor:
    if not actor.setup or not actor.steps:
        return actor
    first, *rest = actor.steps
    first = replace(first, sql=f"{actor.setup.rstrip().rstrip(';')};\n{first.sql}")
    return replace(actor, setup="", steps=(first, *rest))


# -- running


class Unusable(Exception):
    """The engine cannot run the schedule's setup."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.error = error


class Bench:
    """A schedule on an engine at a level. Serial orders that were tried are remembered."""

    def __init__(self, schedule: Schedule, engine: Engine, level: Level) -> None:
        self.schedule = schedule
        self.engine = engine
        self.level = level
        self.tried: dict[tuple[str, ...], Seen] = {}

    def verdict(self, order: tuple[str, ...]) -> Verdict:
        try:
            seen = self.run(order)
        except Impossible:
            return Verdict("impossible", "a session waits for ever")
        except Unusable as reason:
            return Verdict("unusable", reason.error.sqlstate)
        strange = [error for error in seen.errors if isinstance(error, (ProgrammingError, NotSupportedError))]
        if strange:
            return Verdict("unusable", strange[0].sqlstate)
        if seen.broken:
            return Verdict("invariant", how(seen))
        return Verdict("serializable" if self.is_serial(seen) else "anomaly", how(seen))

    def is_serial(self, seen: Seen) -> bool:
        """Whether the same could have been seen in a serial order."""
        units = seen.committed
        if order_count(units) > MOST_ORDERS:
            raise StatementTooComplex(f"{len(units)} transactions have more than {MOST_ORDERS:,} serial orders")
        return any(same(seen, self.run_serially(order)) for order in serial_orders(units))

    def run_serially(self, units: Sequence[Unit]) -> Seen:
        order = tuple(step for unit in units for step in unit.steps)
        if order not in self.tried:
            self.tried[order] = self.run(order)
        return self.tried[order]

    def run(self, order: tuple[str, ...]) -> Seen:
        """Runs these steps in this order on an empty database, and leaves it empty."""
        try:
            self.set_up()
            clients = {actor.name: self.engine.connect(actor.name, self.level.name) for actor in self.schedule.actors}
            try:
                events = list(self.permutation_run(order, clients).events())
                self.leave(clients)
            finally:
                for client in clients.values():
                    client.close()
            return self.seen(events)
        finally:
            self.clear()

    def set_up(self) -> None:
        try:
            for sql in self.schedule.setups:
                self.engine.run(sql)
        except Error as error:
            raise Unusable(error) from None

    def permutation_run(self, order: tuple[str, ...], clients: dict[str, Client]) -> PermutationRun:
        return PermutationRun(self.schedule, Permutation(tuple(map(Turn, order))), self.engine, clients, defer=True)

    def leave(self, clients: dict[str, Client]) -> None:
        """The sessions' teardowns; whoever would have to wait then is cut off."""
        for actor in self.schedule.actors:
            if actor.teardown and not clients[actor.name].busy:
                clients[actor.name].start(actor.teardown)
                self.engine.settle()

    def seen(self, events: Sequence[Event]) -> Seen:
        ended = [event for event in events if event.kind in ENDED]
        broken = tuple(sql for sql in self.schedule.invariants if not is_true(self.engine.run(sql)))
        errors = tuple(answer.error for event in ended for answer in event.answers if answer.error is not None)
        waited = any(event.kind == "waits" for event in events)
        return Seen(tuple(units_of(ended)), state_of(self.engine), errors, waited, broken)

    def clear(self) -> None:
        if isinstance(self.engine, Resettable):
            self.engine.reset()
        elif self.schedule.teardown:
            self.engine.run(self.schedule.teardown)


def units_of(ended: Sequence[Event]) -> Iterator[Unit]:
    cutters: dict[str, Cutter] = {}
    for event in ended:
        cutters.setdefault(event.session, Cutter(event.session)).add(event.step, event.sql, event.answers)
    for cutter in cutters.values():
        cutter.end()
        yield from cutter.units


def same(seen: Seen, serial: Seen) -> bool:
    """Whether a serial run committed the same transactions, and they read and left the same."""
    return seen.final == serial.final and facts(seen) == facts(serial)


def facts(seen: Seen) -> list[tuple[str, tuple[str, ...], object]]:
    return sorted(((unit.session, unit.steps, unit.reads) for unit in seen.committed), key=repr)


def how(seen: Seen) -> str:
    codes = [error.sqlstate for error in sorted(seen.errors, key=lambda error: not is_retryable(error))]
    if codes:
        return codes[0]
    return "waits" if seen.waited else "no wait"


# -- in words


def mark(cell: Cell) -> str:
    if cell.bad:
        return "✗"
    return "–" if any(verdict.verdict in UNKNOWN for verdict in cell.verdicts) else "✓"


def words(cell: Cell) -> str:
    """What came of all orders: the worst first, and how often, if there are several."""
    if len(cell.verdicts) == 1:
        return word(cell.verdicts[0])
    counts = Counter(map(word, sorted(cell.verdicts, key=badness)))
    return ", ".join(f"{text} {count}×" for text, count in counts.items())


def word(verdict: Verdict) -> str:
    if verdict.verdict == "serializable":
        return verdict.how
    if verdict.verdict == "invariant":
        return "invariant broken"
    return f"{verdict.verdict} ({verdict.how})" if verdict.verdict == "unusable" else verdict.verdict


def badness(verdict: Verdict) -> int:
    return (*BAD[::-1], *UNKNOWN, "serializable").index(verdict.verdict)
