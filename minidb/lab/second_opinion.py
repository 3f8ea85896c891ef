"""What the theory of allocation says of a schedule's transactions, and where it differs from exploring them, why.

    each serial order --run, recorded--> profiles --lowest_allocation--> levels
                                                                           highest of all orders --> the theory's levels

The two judge different things, so they may differ:

- The theory sees reads and writes of rows, in the runs one after the other; it takes every interleaving of them that
  the levels allow for possible, and every cycle for harm.
- Exploring sees steps, and what the engine really does with them on these data: who has to wait or fails, and whether
  the answers are those of some serial order after all.

Where the theory asks for a higher level, its counterexample is performed, and what becomes of it is the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from msgspec import Struct

from minidb.history import History
from minidb.isolation import IsolationLevel
from minidb.lab.allocation_theory import LEVELS, Split, Transaction, counterexample, highest, lowest_allocation
from minidb.lab.explorer import RETRYABLE, troupe_of
from minidb.lab.messages import answer_of
from minidb.lab.oracle import judge
from minidb.lab.orders import shuffles
from minidb.lab.planned_transactions import Planned, texts_of, with_levels
from minidb.lab.profiles import profile_of
from minidb.lab.run import Event
from minidb.lab.schedule import Schedule
from minidb.lab.serial_orders import SerialOrders
from minidb.lab.troupe import Performance, Troupe
from minidb.session import Session
from minidb.sql.script import parse_script
from minidb.workbench import Workbench

MOST_ORDERS = 24  # serial orders that are run: all of four sessions with one transaction each
LONGEST_WORDS = 90


class Difference(Struct, frozen=True):
    """Where the theory says another level for a transaction, and why."""

    transaction: str
    level: IsolationLevel
    words: str


class SecondOpinion(Struct, frozen=True):
    """levels: the theory's, by transaction. orders: how many serial orders it has seen; all_orders: whether these are
    all. differences: none if it agrees."""

    levels: dict[str, IsolationLevel]
    orders: int
    all_orders: bool
    differences: tuple[Difference, ...] = ()


def second_opinion(
    schedule: Schedule, transactions: Sequence[Planned], allocation: Sequence[IsolationLevel]
) -> SecondOpinion:
    """The theory's opinion of an allocation of READ COMMITTED, SNAPSHOT and SSI that exploring has found."""
    stage = troupe_of(with_levels(schedule, transactions, [IsolationLevel.SNAPSHOT] * len(transactions)))
    orders = serial_orders(transactions)
    records = [Recital(stage, schedule, transactions).run(order) for order in islice(orders, MOST_ORDERS)]
    found = highest([lowest_allocation(record.profiles) for record in records])
    differences = tuple(
        Difference(planned.name, level, reason(schedule, transactions, allocation, number, level, records))
        for number, planned in enumerate(transactions)
        if (level := found[planned.name]) is not allocation[number]
    )
    return SecondOpinion(found, len(records), next(orders, None) is None, differences)


def serial_orders(transactions: Sequence[Planned]) -> Iterator[tuple[int, ...]]:
    """All orders of the transactions, by number, that keep each session's own."""
    if not transactions:
        yield ()
    lists: dict[int, list[int]] = {}
    for number, planned in enumerate(transactions):
        lists.setdefault(planned.actor, []).append(number)
    yield from shuffles([tuple(own) for own in lists.values()])


# -- one serial order


class Record(Struct, frozen=True):
    """What one serial order has shown. pieces: for each transaction, in which of its session's texts a statement
    stands, by its number in the history or, for reads of the newest state, -1 - time."""

    profiles: tuple[Transaction, ...]
    statements: tuple[dict[int, int], ...]
    times: tuple[tuple[tuple[int, int, int], ...], ...]

    def piece_of(self, number: int, statement: int) -> int:
        if statement >= 0:
            return self.statements[number].get(statement, 0)
        time = -1 - statement
        return next((piece for begun, ended, piece in self.times[number] if begun <= time < ended), 0)


class Recital:
    """Runs the transactions one after the other, and writes down what each statement did."""

    def __init__(self, stage: Troupe, schedule: Schedule, transactions: Sequence[Planned]) -> None:
        self.transactions = transactions
        self.workbench: Workbench = stage.rewind()
        self.history: History = self.workbench.recorder.history
        self.sessions = [self.session_of(actor.name) for actor in schedule.actors]
        self.texts = [
            [(piece, sql) for piece, text in enumerate(texts_of(actor)) for sql, _ in parse_script(text)]
            for actor in schedule.actors
        ]
        self.made = [0] * len(self.sessions)
        self.statements: list[dict[int, int]] = [{} for _ in transactions]
        self.times: list[list[tuple[int, int, int]]] = [[] for _ in transactions]

    def session_of(self, name: str) -> Session:
        session = self.workbench.session(isolation_level=IsolationLevel.SNAPSHOT, autocommit=True)
        session.name = name
        return session

    def run(self, order: Sequence[int]) -> Record:
        numbers = {number: self.perform(number) for number in order}
        for session in self.sessions:
            session.abort_quietly()
        profiles = (self.profile(one.name, numbers[number]) for number, one in enumerate(self.transactions))
        return Record(tuple(profiles), tuple(self.statements), tuple(map(tuple, self.times)))

    def perform(self, number: int) -> range:
        """Runs a transaction, and what its session says before it. Its number in the history; several, perhaps."""
        planned, manager = self.transactions[number], self.workbench.manager
        session, texts = self.sessions[planned.actor], self.texts[planned.actor]
        first, last = planned.marks[0].place, planned.marks[-1].place
        for place in range(self.made[planned.actor], first):
            answer_of(session, texts[place][1])
        begun = manager.next_id
        if planned.implicit:
            session.begin()
        for place in range(first, last + 1):
            self.say(number, session, *texts[place])
        self.made[planned.actor] = last + 1
        if session.txn is not None or session.state == "failed":
            if planned.implicit and session.state == "active":
                session.commit()
            else:
                session.rollback()
        return range(begun, manager.next_id)

    def say(self, number: int, session: Session, piece: int, sql: str) -> None:
        begun = self.history.time
        answer_of(session, sql)
        self.times[number].append((begun, self.history.time, piece))
        for account in self.history.accounts.values():
            if account.session == session.name:
                for statement in account.statements:
                    self.statements[number].setdefault(statement, piece)

    def profile(self, name: str, numbers: range) -> Transaction:
        """What the transactions with these numbers did, once all have run; COMMIT AND CHAIN makes several."""
        accounts = self.history.accounts
        committed = [number for number in numbers if number in accounts and accounts[number].committed]
        return Transaction(name, tuple(o for number in committed for o in profile_of(self.history, number).operations))


# -- reasons


def reason(
    schedule: Schedule, transactions: Sequence[Planned], allocation: Sequence[IsolationLevel], number: int,
    says: IsolationLevel, records: Sequence[Record],
) -> str:
    """Why the theory says another level for a transaction."""
    planned, level = transactions[number], allocation[number]
    if LEVELS.index(says) < LEVELS.index(level):
        return "it sees no need in what they read and write one after the other; interleaved, they do something else"
    others = {other.name: IsolationLevel.SSI for other in transactions}
    for record in records:
        split = counterexample(record.profiles, {**others, planned.name: level})
        if split is not None:
            return f"{words_of(split)}. {performed(schedule, transactions, allocation, record, split)}"
    raise AssertionError("the lowest allocation is not the lowest")  # it is unique, so some order has a counterexample


def words_of(split: Split) -> str:
    return f"it lets {', '.join(split.between)} run in the middle of {split.first}"


def performed(
    schedule: Schedule, transactions: Sequence[Planned], allocation: Sequence[IsolationLevel], record: Record,
    split: Split,
) -> str:
    """What becomes of a counterexample."""
    names = [planned.name for planned in transactions]
    first, between = names.index(split.first), [names.index(name) for name in split.between]
    actors = [transactions[number].actor for number in (first, *between)]
    if len(set(actors)) < len(actors):
        return "But some of these belong to one session, which runs them one after the other"
    piece, within = cut_of(record, first, split.cut)
    if within:
        return f"That would be within step {step_name(schedule, transactions[first], piece)}, which is not interrupted"
    troupe = troupe_of(with_levels(schedule, transactions, allocation))
    order = split_order(schedule, transactions, first, piece, between)
    return what_happened(troupe, troupe.replay(order, patient=True))


def cut_of(record: Record, first: int, cut: int) -> tuple[int, bool]:
    """The text behind which a cut is, and whether it is in the middle of it. What a statement still reads behind the
    cut it reads as of before, so the cut may as well be behind that."""
    operations = record.profiles[first].operations
    pieces = [record.piece_of(first, operation.statement) for operation in operations]
    while cut + 1 < len(operations) and pieces[cut + 1] == pieces[cut] and operations[cut + 1].kind == "r":
        cut += 1
    return pieces[cut], cut + 1 < len(operations) and pieces[cut + 1] == pieces[cut]


def step_name(schedule: Schedule, planned: Planned, piece: int) -> str:
    steps = schedule.actors[planned.actor].steps
    return steps[piece - 1].name if 0 < piece <= len(steps) else f"the setup of {planned.session}"


def split_order(
    schedule: Schedule, transactions: Sequence[Planned], first: int, piece: int, between: Sequence[int]
) -> list[int]:
    """Sessions in the order of their steps: those before, the first part, those in between, the rest."""
    made = [0] * len(schedule.actors)
    order: list[int] = []

    def up_to(actor: int, last: int) -> None:
        last = min(last, len(schedule.actors[actor].steps))
        order.extend([actor] * (last - made[actor]))
        made[actor] = max(made[actor], last)

    for number in (first, *between):
        up_to(transactions[number].actor, transactions[number].pieces[0] - 1)
    up_to(transactions[first].actor, piece)
    for number in between:
        up_to(transactions[number].actor, transactions[number].pieces[-1])
    for actor in (transactions[first].actor, *range(len(made))):
        up_to(actor, len(schedule.actors[actor].steps))
    return order


def what_happened(troupe: Troupe, performance: Performance) -> str:
    """Why an order that the theory is afraid of does no harm."""
    for event in performance.events:
        if event.kind == "waits":
            return f"But {event.session} then has to wait at {event.step}{whom(event)}"
        error = next((answer.error for answer in event.answers if answer.error is not None), None)
        if error is not None:
            what = "is stopped" if error.sqlstate in RETRYABLE else "fails"
            return f"But {event.session} then {what} at {event.step}: {error.sqlstate}, {error.message}"
    verdict = judge(performance.history)
    if not verdict.anomalies:
        return "But run like that they read and write other rows than one after the other: there is no cycle"
    same = SerialOrders(troupe).judge(performance).order
    accounts = performance.history.accounts
    names = ", then ".join(accounts[number].session for number in same)
    return f"That happens, a {verdict.anomalies[0].name}, but with these data every answer is that of {names}"


def whom(event: Event) -> str:
    return f", for {event.words[:LONGEST_WORDS]}" if event.words else ""


__all__ = ["Difference", "SecondOpinion", "second_opinion"]
