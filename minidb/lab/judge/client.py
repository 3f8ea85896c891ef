"""A client: random transactions on lists, one after the other, of which it records what it was told.

A transaction is a generator that runs one statement at a time, so whoever drives it decides what comes between two
statements. What it may contain:

    reads of a list, of a range of lists in one statement, FOR UPDATE        appends in every way of its design
    one UPDATE that appends to a range of lists                              savepoints, rolled back to or not
    ROLLBACK at the end                                                      READ ONLY, and with SSI DEFERRABLE

After 40001 and 40P01 the same transaction is tried again, with new items; with a savepoint it sometimes rolls back to
that and goes on. 23505 is an answer that a faithful design may get (see `designs`), and treated like them. Any other
error is a fault of the engine and ends the run.

An append is recorded before its statement is sent: what is rolled back may have been seen all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from random import Random
from typing import Any

from msgspec import Struct

from minidb.errors import Error, RetryableError, UniqueViolation
from minidb.isolation import IsolationLevel
from minidb.lab.judge.appends import APPENDS, MISSED
from minidb.lab.judge.designs import Design, Items, Rows, items_of, lock, read, read_range, text_of
from minidb.lab.judge.history import APPEND, FAIL, INFO, OK, READ, ListHistory, Operation, Transaction
from minidb.lab.judge.lists import Lists
from minidb.lab.judge.rules import rank
from minidb.session import Session

TRIES = 3
SAVEPOINT, BACK, RELEASE = "savepoint", "rollback to", "release"
Steps = Generator[None, None, None]


class Step(Struct, frozen=True):
    """Part of a transaction. kind: "read", "range", "lock", "append", "bulk", or what is done with a savepoint."""

    kind: str
    design: Design | None = None
    low: int = 0
    high: int = 0
    style: str = ""


class Plan(Struct, frozen=True):
    """A transaction before it runs."""

    level: IsolationLevel
    steps: tuple[Step, ...]
    read_only: bool = False
    deferrable: bool = False
    rolls_back: bool = False
    bold: bool = False  # goes on after an error, from its savepoint


class Temper(Struct, frozen=True):
    """What a run's transactions are like. Shares are probabilities."""

    steps: int = 6  # at most
    read_only: float = 0.15
    savepoints: float = 0.2
    locks: float = 0.04  # of steps: SELECT FOR UPDATE, and as many UPDATEs of a range
    ranges: float = 0.4  # of reads

    @classmethod
    def drawn(cls, random: Random) -> Temper:
        return cls(
            random.choice((2, 3, 4, 6, 8)), random.choice((0.1, 0.2, 0.4)), random.choice((0.0, 0.2, 0.4)),
            random.choice((0.0, 0.04, 0.1)), random.choice((0.1, 0.4, 0.8)),
        )


class Client:
    """One session, and the transactions that it runs.

    Arguments:
        temper: what they are like.
        choose_level: the level of the next transaction.
        lists: which lists there are, and the next item.
    """

    def __init__(self, process: int, session: Session, history: ListHistory, lists: Lists, random: Random,
                 choose_level: Callable[[Random], IsolationLevel], temper: Temper) -> None:
        self.process = process
        self.session = session
        self.history = history
        self.lists = lists
        self.random = random
        self.choose_level = choose_level
        self.temper = temper
        self.done: list[Operation] = []  # of the running transaction
        self.saved: int | None = None  # how much of it lies before its savepoint
        self.stopping = False
        self.committed = 0

    # -- planning

    def plan(self) -> Plan:
        random = self.random
        level = self.choose_level(random)
        read_only = random.random() < self.temper.read_only
        steps = [self.step(level, read_only) for _ in range(random.randint(1, self.temper.steps))]
        if len(steps) > 1 and not read_only and random.random() < self.temper.savepoints:
            steps = self.with_savepoint(steps)
        return Plan(
            level, tuple(steps), read_only, read_only and level == IsolationLevel.SSI and random.random() < 0.3,
            random.random() < 0.04, random.random() < 0.5,
        )

    def step(self, level: IsolationLevel, read_only: bool) -> Step:
        random, temper = self.random, self.temper
        design, low, high = self.lists.choose(random)
        styles = design.styles(level)
        if not read_only:
            draw = random.random()
            if draw < temper.locks:
                return Step("lock", design, low, low)
            if draw < 2 * temper.locks and not design.items:
                return Step("bulk", design, low, high)
            if draw < 0.5 and styles:
                return Step("append", design, low, low, random.choice(styles))
        if random.random() < temper.ranges:
            return Step("range", design, low, high)
        return Step("read", design, low, low)

    def with_savepoint(self, steps: list[Step]) -> list[Step]:
        begin = self.random.randrange(len(steps))
        end = self.random.randrange(begin + 1, len(steps) + 1)
        last = self.random.choice((BACK, BACK, RELEASE))
        return [*steps[:begin], Step(SAVEPOINT), *steps[begin:end], Step(last), *steps[end:]]

    # -- running

    def life(self) -> Steps:
        """Transactions until `stopping` is set. Yields after every statement."""
        while not self.stopping:
            plan = self.plan()
            for _ in range(TRIES):
                if (yield from self.attempt(plan)) or self.stopping:
                    break

    def attempt(self, plan: Plan) -> Generator[None, None, bool]:
        """Runs a transaction. Returns False if it should be tried again."""
        transaction = self.history.begin(self.process, plan.level)
        try:
            yield from self.transact(plan)
            if plan.rolls_back:
                self.end(transaction, FAIL, "rollback")
            else:
                self.commit(transaction)
        except (RetryableError, UniqueViolation) as error:
            self.end(transaction, FAIL, error.sqlstate)
        yield
        return transaction.outcome == OK or plan.rolls_back

    def transact(self, plan: Plan) -> Steps:
        self.done, self.saved = [], None
        self.session.begin(isolation_level=plan.level, read_only=plan.read_only, deferrable=plan.deferrable)
        for step in plan.steps:
            yield from self.boldly(step, plan)

    def commit(self, transaction: Transaction) -> None:
        try:
            self.session.commit()
        except RetryableError:
            raise
        except Error as error:
            self.end(transaction, INFO, error.sqlstate)
            raise
        transaction.operations = self.done
        self.history.end(transaction, OK)
        self.committed += 1

    def end(self, transaction: Transaction, outcome: str, error: str) -> None:
        transaction.operations = self.done
        if outcome == FAIL:
            self.session.rollback()
        self.history.end(transaction, outcome, error)

    def boldly(self, step: Step, plan: Plan) -> Steps:
        """Performs a step; some plans go on from their savepoint if it fails."""
        try:
            yield from self.perform(step, plan.level)
        except (RetryableError, UniqueViolation):
            if not plan.bold or self.saved is None:
                raise
            yield
            self.roll_back_to(plan.level)

    def perform(self, step: Step, level: IsolationLevel) -> Steps:
        design = step.design
        if design is None:
            self.handle_savepoint(step.kind, level)
        elif step.kind == "range":
            self.note_reads(read_range(design, self.run, step.low, step.high).items())
        elif step.kind == "read":
            self.note_reads([(step.low, read(design, self.run, step.low))])
        elif step.kind == "lock":
            found = lock(design, self.run, step.low)
            if found is not None:
                self.note_reads([(step.low, found)])
        elif step.kind == "bulk":
            self.append_to_range(design, step.low, step.high, level)
        else:
            yield from self.append(design, step.style, step.low, level)
        yield

    def run(self, sql: str, *parameters: Any) -> Rows:
        result = self.session.execute(sql, parameters)
        return [] if result.columns is None else list(result)

    def note_reads(self, found: Iterable[tuple[int, Items]]) -> None:
        self.done += [(READ, key, items) for key, items in found]

    # -- appends

    def append(self, design: Design, style: str, key: int, level: IsolationLevel) -> Steps:
        item = self.lists.next_item(design)
        place = len(self.done)
        self.done.append((APPEND, key, item))
        told = yield from APPENDS[style](design, self.run, key, item)
        if told is MISSED:
            if rank(level) == 0:
                del self.done[place]  # above, the judge will miss the item
            return
        before, after = told
        if before is not None:
            self.done.insert(place, (READ, key, before))
        if after is not None:
            self.done.append((READ, key, after))

    def append_to_range(self, design: Design, low: int, high: int, level: IsolationLevel) -> None:
        """One UPDATE for several lists, which tells those that it met. What it did not meet counts as read where the
        statement keeps to one snapshot."""
        item = self.lists.next_item(design)
        place = len(self.done)
        self.done += [(APPEND, key, item) for key in range(low, high + 1)]
        name = design.name
        rows = self.run(
            f"UPDATE {name} SET list = {name}.list || ?{design.change} WHERE {design.column} BETWEEN ? AND ? "
            "RETURNING key, list", text_of([item]), low, high,
        )
        met = {key: items_of(text) for key, text in rows}
        del self.done[place:]
        for key in range(low, high + 1):
            if key in met:
                self.done += [(APPEND, key, item), (READ, key, met[key])]
            elif rank(level) > 1:
                self.done.append((READ, key, ()))

    # -- savepoints

    def handle_savepoint(self, kind: str, level: IsolationLevel) -> None:
        if kind == SAVEPOINT:
            self.run("SAVEPOINT s")
            self.saved = len(self.done)
        elif self.saved is not None:
            if kind == BACK:
                self.roll_back_to(level)
            else:
                self.run("RELEASE SAVEPOINT s")
                self.saved = None

    def roll_back_to(self, level: IsolationLevel) -> None:
        """What was appended since the savepoint goes into the history as failed. Reads of other lists are kept: what a
        transaction has read it knows, also after ROLLBACK TO."""
        self.run("ROLLBACK TO s")
        since = self.done[self.saved :]
        touched = {key for kind, key, _ in since if kind == APPEND}
        lost = [operation for operation in since if operation[1] in touched]
        self.done[self.saved :] = [operation for operation in since if operation[1] not in touched]
        if lost:
            self.history.taken_back(self.lists.spare_process(self.process), level, lost)

    # -- at the end

    def read_everything(self, level: IsolationLevel, keys: Iterator[tuple[Design, int, int]]) -> Steps:
        """A transaction for each of these ranges of lists, so that the judge knows all orders."""
        for design, low, high in keys:
            plan = Plan(level, (Step("range", design, low, high),))
            while not (yield from self.attempt(plan)):
                pass
