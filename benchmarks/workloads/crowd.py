"""Workloads of many sessions, a thread each, that run for a while and count what they have committed.

A thread repeats its transaction until the time is over; what ends later is not counted. One that loses to another
begins again, and is counted once.
"""

from __future__ import annotations

import gc
import random
import threading
import time
from collections.abc import Callable

from benchmarks.dataset import BALANCE, DEPOSIT
from benchmarks.engines.interface import Durability, Engine, Level, Session
from benchmarks.stable import Stable
from benchmarks.workloads.interface import Figure, Goal, Round, Unit

THINKING = 0.002  # seconds
HOT = 20  # rows that all want
Transaction = Callable[[int], object]
Maker = Callable[[Session, int, int, int], Transaction]  # session, its number, how many there are, accounts


class Tally:
    """What one thread has done; its own, so that counting needs no lock."""

    def __init__(self) -> None:
        self.committed = 0
        self.retried = 0
        self.failure: BaseException | None = None


class Crowd:
    """
    Args:
        threads: how many sessions.
        transaction: makes the function that a thread repeats.
        level: at which transactions run; None: the transaction is a statement in autocommit.
    """

    unit = Unit.PER_SECOND

    def __init__(self, key: str, title: str, goal: Goal | None, threads: int, transaction: Maker,
                 level: Level | None = None, durability: Durability = Durability.WRITTEN) -> None:
        self.key = key
        self.title = title
        self.goal = goal
        self.threads = threads
        self.transaction = transaction
        self.level = level
        self.durability = durability

    def supports(self, engine: Engine) -> bool:
        return self.level is None or self.level in engine.levels

    def prepare(self, stable: Stable, engine: Engine) -> Round:
        sessions = [stable.session(engine, self.durability) for _ in range(self.threads)]
        makers = [self.transaction(s, n, self.threads, stable.rows) for n, s in enumerate(sessions)]
        bodies = [self.body(*pair, engine.retryable) for pair in zip(sessions, makers)]
        return lambda: run_together(bodies, stable.seconds)

    def body(self, session: Session, work: Transaction, retryable: tuple[type[Exception], ...]) -> Body:
        level = self.level
        if level is None:
            return lambda tally, until: repeat_statement(work, retryable, tally, until)
        return lambda tally, until: repeat_transaction(session, level, work, retryable, tally, until)


Body = Callable[[Tally, float], None]


def repeat_statement(work: Transaction, retryable: tuple[type[Exception], ...], tally: Tally, until: float) -> None:
    number, now = 0, time.perf_counter
    while True:
        number += 1
        try:
            work(number)
        except retryable:
            tally.retried += 1
            continue
        if now() > until:
            return
        tally.committed += 1


def repeat_transaction(session: Session, level: Level, work: Transaction, retryable: tuple[type[Exception], ...],
                       tally: Tally, until: float) -> None:
    number, now = 0, time.perf_counter
    while True:
        try:
            session.begin(level)
            work(number)
            session.commit()
        except retryable:
            session.rollback()
            tally.retried += 1
            if now() > until:
                return
            continue
        if now() > until:
            return
        tally.committed += 1
        number += 1


def run_together(bodies: list[Body], seconds: float) -> Figure:
    tallies = [Tally() for _ in bodies]
    gate = threading.Barrier(len(bodies) + 1)
    until = 0.0

    def run(body: Body, tally: Tally) -> None:
        gate.wait()
        try:
            body(tally, until)
        except BaseException as error:
            tally.failure = error

    threads = [threading.Thread(target=run, args=pair) for pair in zip(bodies, tallies)]
    for thread in threads:
        thread.start()
    gc.collect()
    until = time.perf_counter() + seconds
    gate.wait()
    for thread in threads:
        thread.join()
    for tally in tallies:
        if tally.failure is not None:
            raise tally.failure
    committed = sum(tally.committed for tally in tallies)
    return Figure(committed / seconds, sum(tally.retried for tally in tallies) / max(committed, 1))


# -- what they do


def own_rows(session: Session, number: int, threads: int, rows: int) -> Transaction:
    """An update of a row that nobody else updates."""
    deposit, mine = session.prepare(DEPOSIT), rows // threads

    def update(i: int) -> None:
        deposit(1, i % mine * threads + number)

    return update


def interactive(session: Session, number: int, threads: int, rows: int) -> Transaction:
    """Reads two rows, thinks, writes the first."""
    chance = random.Random(number)
    balance, deposit = session.prepare(BALANCE), session.prepare(DEPOSIT)

    def think_and_write(i: int) -> None:
        first, second = chance.randrange(rows), chance.randrange(rows)
        balance(first)
        balance(second)
        time.sleep(THINKING)
        deposit(1, first)

    return think_and_write


def transfer(session: Session, number: int, threads: int, rows: int) -> Transaction:
    """Moves money between two of a few rows."""
    chance = random.Random(number)
    balance, deposit = session.prepare(BALANCE), session.prepare(DEPOSIT)

    def move(i: int) -> None:
        source, target = chance.sample(range(HOT), 2)
        balance(source)
        deposit(-1, source)
        deposit(1, target)

    return move


THREADS = {1: None, 4: Goal(2, 3), 16: Goal(7, 12), 32: Goal(10, 20)}
CROWDS = (
    *(
        Crowd(f"threads-{n}", f"durable updates of different rows, {n} thread{'s' if n > 1 else ''}", goal, n, own_rows,
              durability=Durability.DURABLE)
        for n, goal in THREADS.items()
    ),
    Crowd("interactive-snapshot", "16 interactive transactions (read 2, think 2 ms, write 1), snapshot", Goal(8, 15),
          16, interactive, Level.SNAPSHOT),
    Crowd("interactive-serializable", "the same, serializable", Goal(30, 60), 16, interactive, Level.SERIALIZABLE),
    Crowd("transfer-snapshot", "8 threads moving money among 20 rows, snapshot, committed", Goal(0.5, 0.8), 8, transfer,
          Level.SNAPSHOT),
    Crowd("transfer-serializable", "the same, serializable", Goal(0.4, 0.7), 8, transfer, Level.SERIALIZABLE),
)
