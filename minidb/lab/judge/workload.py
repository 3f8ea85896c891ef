"""A run of the random workload, in an order that follows from its seed alone.

Clients are actors of the laboratory's scheduler: one moves at a time, up to the end of its statement or to where it has
to wait. The director draws who moves next; a client that was woken goes on at a moment of the director's choice, too.
Between the moves a checkpoint begins now and then, and is itself interrupted between its slices, so that statements see
every mixture of base and delta. Leaves of a few rows make trees of many. Some clients are slow: their snapshots grow
old.

    director: draw --start--> a client's next statement --ends--> draw
                   --resume-> a client, or the checkpoint, that has been woken

If nobody can move although somebody waits, a deadlock was overlooked: that is an error, as is every exception that is
not one of those that a client expects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from msgspec import Struct

from minidb.database import Database
from minidb.errors import OperationalError
from minidb.isolation import IsolationLevel
from minidb.lab.judge.client import Client, Steps, Temper
from minidb.lab.judge.designs import DESIGNS, Design
from minidb.lab.judge.history import FAIL, ListHistory
from minidb.lab.judge.lists import Lists
from minidb.lab.scheduler import Actor, Scheduler

LEVELS = tuple(IsolationLevel)
READ_AT_ONCE = 50  # lists in each transaction that reads everything at the end
CHECKPOINT_EVERY = 400  # moves, on average
SMALL_LEAVES = 300  # bytes


class Settings(Struct, frozen=True):
    """What a run is.

    Attributes:
        levels: of which each transaction draws one.
        transactions: how many commit before the run ends.
        seed: everything else follows from it.
        sessions: clients. keys: lists in reach at a time, of all designs together. 0: the seed chooses.
        length: appends to a design before its oldest list is left alone.
        designs: names of the tables to use; none: up to three that the seed chooses.
        temper: what transactions are like; None: the seed chooses. Runs that differ much from each other find more
            than many of one kind (Groce et al., Swarm Testing, 2012).
    """

    levels: tuple[IsolationLevel, ...]
    transactions: int = 5000
    seed: int = 0
    sessions: int = 0
    keys: int = 0
    length: int = 8
    designs: tuple[str, ...] = ()
    temper: Temper | None = None

    def random(self, purpose: str) -> Random:
        return Random(f"{self.seed}/{purpose}")

    def chosen_designs(self) -> list[Design]:
        if self.designs:
            return [design for design in DESIGNS if design.name in self.designs]
        random = self.random("designs")
        return random.sample(DESIGNS, random.choice((1, 2, 3)))

    def chosen_sessions(self) -> int:
        return self.sessions or self.random("sessions").choice((3, 4, 6, 8))

    def chosen_width(self, designs: int) -> int:
        """How many lists of each design are in reach."""
        keys = self.keys or self.random("keys").choice((2, 3, 6, 12))
        return max(1, keys // designs)

    def chosen_temper(self) -> Temper:
        return self.temper or Temper.drawn(self.random("temper"))


class Workload:
    """Tables, lists and clients on a database. Who moves the clients is somebody else's business.

    Arguments:
        session: makes a session on the database.
    """

    def __init__(self, settings: Settings, session: Callable[[], Any]) -> None:
        self.settings = settings
        self.history = ListHistory()
        designs = settings.chosen_designs()
        self.lists = Lists(designs, settings.chosen_width(len(designs)), settings.length)
        temper = settings.chosen_temper()
        self.prepare(session(), designs)
        self.clients = [
            Client(process, session(), self.history, self.lists, settings.random(f"client {process}"), self.level,
                   temper)
            for process in range(settings.chosen_sessions())
        ]

    def level(self, random: Random) -> IsolationLevel:
        return random.choice(self.settings.levels)

    def prepare(self, session: Any, designs: Sequence[Design]) -> None:
        for design in designs:
            for sql in design.tables:
                session.execute(sql)
            if design.prepared:
                self.make_rows(session, design)
        session.close()

    def make_rows(self, session: Any, design: Design) -> None:
        """Rows for as many lists as the run can come to."""
        first = self.lists.first[design.name]
        many = self.settings.transactions * 8 // self.settings.length + 2 * self.lists.width + 100
        session.begin()
        for key in range(first, first + many):
            session.execute(f"INSERT INTO {design.name} (key, size, list) VALUES (?, 0, '')", (key,))
        session.commit()

    @property
    def committed(self) -> int:
        return sum(client.committed for client in self.clients)

    def last_words(self, client: Client) -> Steps:
        """The transactions that read everything, one at a time, when all others are over."""
        return client.read_everything(IsolationLevel.SERIAL, self.lists.all_keys(READ_AT_ONCE))

    def failures(self) -> Counter[str]:
        """Transactions that were rolled back, by what for."""
        return Counter(t.error for t in self.history.transactions if t.outcome == FAIL)


class Pause:
    """Where a checkpoint stands still."""

    def __init__(self) -> None:
        self.woken = False


class Mover:
    """An actor that goes on step by step."""

    def __init__(self, scheduler: Scheduler, name: str, steps: Steps, weight: float) -> None:
        self.scheduler = scheduler
        self.actor = Actor(name, scheduler)
        self.steps = steps
        self.weight = weight
        self.ended = False

    def move(self) -> None:
        self.scheduler.start(self.actor, self.work)

    def work(self) -> None:
        try:
            next(self.steps)
        except StopIteration:
            self.ended = True


class Director:
    """Runs a workload deterministically. `progress` is called with the number of transactions that have committed."""

    def __init__(self, settings: Settings, progress: Callable[[int], None] = lambda count: None) -> None:
        self.settings = settings
        self.progress = progress
        self.random = settings.random("director")
        self.scheduler = Scheduler()
        leaf_bytes = self.random.choice((None, SMALL_LEAVES))
        self.database = Database(background=False, waiting=self.scheduler, leaf_bytes=leaf_bytes)
        self.workload = Workload(settings, lambda: self.database.session(autocommit=True, durability="off"))
        self.movers = [
            Mover(self.scheduler, f"client {client.process}", client.life(), self.random.choice((1.0, 1.0, 1.0, 0.1)))
            for client in self.workload.clients
        ]
        self.keeper = Mover(self.scheduler, "checkpoint", self.checkpoints(), 0)
        self.pause: Pause | None = None
        self.database.checkpointer.on_slice = self.slice_ended

    def run(self) -> ListHistory:
        """The whole run. Raises what the engine raises beside the errors that clients expect, and AssertionError or
        OperationalError where it got stuck."""
        try:
            while self.workload.committed < self.settings.transactions:
                self.turn()
            for client in self.workload.clients:
                client.stopping = True
            self.until_ended(self.movers)
            client = self.workload.clients[0]
            reader = Mover(self.scheduler, "reader", self.workload.last_words(client), 1)
            self.movers.append(reader)
            self.until_ended([reader])
            self.finish_checkpoint()
        finally:
            self.database.checkpointer.on_slice = lambda: None
        self.close()
        return self.workload.history

    def close(self) -> None:
        for mover in [*self.movers, self.keeper]:
            self.scheduler.dismiss(mover.actor)
        self.database.check()
        self.database.close()

    # -- moves

    def turn(self) -> None:
        """One move of somebody."""
        random = self.random
        if random.random() < 1 / CHECKPOINT_EVERY and not self.keeper.actor.busy:
            self.keeper.move()
        if self.pause is not None and random.random() < 0.1:
            self.wake_checkpoint()
        idle = [mover for mover in self.movers if not mover.ended and not mover.actor.busy]
        if (not idle or random.random() < 0.5) and self.resume():
            return
        if idle:
            (mover,) = random.choices(idle, [mover.weight for mover in idle])
            before = self.workload.committed
            mover.move()
            if self.workload.committed != before:
                self.progress(before + 1)
        elif self.pause is not None:
            self.wake_checkpoint()
        else:
            self.complain()

    def resume(self) -> bool:
        return self.scheduler.resume() is not None

    def until_ended(self, movers: Sequence[Mover]) -> None:
        while not all(mover.ended for mover in movers):
            self.turn()

    def complain(self) -> None:
        waits = {client.process: client.session.waiting_for for client in self.workload.clients}
        words = "; ".join(f"process {process} waits for {whom}" for process, whom in waits.items() if whom)
        raise OperationalError(f"nobody can go on, and no deadlock was found: {words or 'nobody waits for anything'}")

    # -- checkpoints

    def checkpoints(self) -> Steps:
        while True:
            self.database.checkpoint()
            yield

    def slice_ended(self) -> None:
        """Called by a running checkpoint, in its actor."""
        if self.pause is None and self.keeper.actor.busy and self.random.random() < 0.3:
            pause = self.pause = Pause()
            self.scheduler.park(pause, None)

    def wake_checkpoint(self) -> None:
        pause, self.pause = self.pause, None
        self.scheduler.wake(pause)

    def finish_checkpoint(self) -> None:
        while self.keeper.actor.busy:
            if self.pause is not None:
                self.wake_checkpoint()
            self.resume()


def run(settings: Settings, progress: Callable[[int], None] = lambda count: None) -> Workload:
    """Runs a workload; its history is in the result."""
    director = Director(settings, progress)
    director.run()
    return director.workload
