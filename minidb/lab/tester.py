"""Runs whole schedules on an engine and prints what PostgreSQL's isolation tester would print.

    for each permutation   setup, on the control connection
                           setup of each session, on a connection of its own
                           the steps: see `permutation_run`
                           teardown of each session; the sessions disconnect
                           the invariants, then teardown, on the control connection

Three things differ from PostgreSQL's tester. Sessions and, where the engine can do that, the database are new for each
permutation, so that none depends on the one before. A permutation that cannot go on is given up, not cancelled step by
step after five minutes. And there are invariants: a query that does not return true is reported.

What goes wrong with the test itself, not in a step, goes to `complain`: PostgreSQL's tester writes it to stderr.
"""

from __future__ import annotations

from collections.abc import Callable

from minidb.errors import Error, OperationalError
from minidb.lab.engines.protocol import Client, Engine, Resettable
from minidb.lab.orders import permutations_of
from minidb.lab.permutation_run import Impossible, PermutationRun
from minidb.lab.run import Answer
from minidb.lab.schedule import Permutation, Schedule
from minidb.lab.tester_text import event_text, failure_text, last_table, permutation_text

Say = Callable[[str], None]


class SetupFailed(Exception):
    """Nothing that follows would make sense."""


class Tester:
    """One schedule on one engine. `say` and `complain` get text without its last newline."""

    def __init__(
        self, schedule: Schedule, engine: Engine, say: Say, complain: Say, level: str | None = None,
        defer: bool = False,
    ) -> None:
        self.schedule = schedule
        self.engine = engine
        self.say = say
        self.complain = complain
        self.level = level
        self.defer = defer
        self.failed = False

    def run(self) -> bool:
        """Runs all permutations. False if one could not be performed, a setup failed or an invariant was broken."""
        self.say(f"Parsed test spec with {len(self.schedule.actors)} sessions")
        for name in unused(self.schedule):
            self.complain(f"unused step name: {name}")
        try:
            for number, permutation in enumerate(permutations_of(self.schedule)):
                if number and isinstance(self.engine, Resettable):
                    self.engine.reset()
                self.say("\n" + permutation_text(permutation))
                self.perform(permutation)
        except SetupFailed:
            self.failed = True
        return not self.failed

    def perform(self, permutation: Permutation) -> None:
        for sql in self.schedule.setups:
            self.control("setup", sql, fatal=True)
        clients: dict[str, Client] = {}
        try:
            for actor in self.schedule.actors:
                clients[actor.name] = self.engine.connect(actor.name, self.level)
            for actor in self.schedule.actors:
                self.in_session(f"setup of session {actor.name}", clients[actor.name], actor.setup, fatal=True)
            if self.steps(permutation, clients):
                for actor in self.schedule.actors:
                    self.in_session(f"teardown of session {actor.name}", clients[actor.name], actor.teardown)
        finally:
            for client in clients.values():
                client.close()
        self.check_invariants()
        self.control("teardown", self.schedule.teardown)

    def steps(self, permutation: Permutation, clients: dict[str, Client]) -> bool:
        """Performs the steps. False if they cannot be performed in this order."""
        try:
            for event in PermutationRun(self.schedule, permutation, self.engine, clients, self.defer).events():
                self.say(event_text(event))
        except Impossible as reason:
            self.say(f"invalid permutation detected: {reason.words}")
            self.failed = True
            return False
        return True

    # -- before and after the steps

    def control(self, what: str, sql: str, fatal: bool = False) -> None:
        """Runs SQL on the control connection."""
        if not sql:
            return
        try:
            self.show(self.engine.run(sql))
        except Error as error:
            self.failure(what, error, fatal)

    def in_session(self, what: str, client: Client, sql: str, fatal: bool = False) -> None:
        if not sql:
            return
        client.start(sql)
        self.engine.settle()
        if client.busy:
            self.failure(what, OperationalError(f"it would wait for ever for {client.words or 'others'}"), fatal)
            return
        answers = client.take()
        for notice in (text for answer in answers for text in answer.notices):
            self.say(f"{client.session}: NOTICE:  {notice}")
        error = next((answer.error for answer in answers if answer.error is not None), None)
        if error is not None:
            self.failure(what, error, fatal)
        else:
            self.show(answers)

    def show(self, answers: tuple[Answer, ...]) -> None:
        text = last_table(answers)
        if text:
            self.say(text)

    def failure(self, what: str, error: Error, fatal: bool) -> None:
        self.complain(f"{what} failed: {failure_text(error)}")
        if fatal:
            raise SetupFailed

    def check_invariants(self) -> None:
        for sql in self.schedule.invariants:
            try:
                kept = is_true(self.engine.run(sql))
            except Error as error:
                self.failure(f"invariant {sql}", error, False)
                kept = True
                self.failed = True
            if not kept:
                self.say(f"invariant broken: {sql}")
                self.failed = True


def is_true(answers: tuple[Answer, ...]) -> bool:
    """Whether a query returned one row with one true value (1 where the engine has no other)."""
    rows = answers[-1].rows if answers else ()
    return len(rows) == 1 and len(rows[0]) == 1 and rows[0][0] in (True, 1)


def unused(schedule: Schedule) -> list[str]:
    """Steps that no permutation has, if there are permutations."""
    used = {name for permutation in schedule.permutations for name in permutation.order}
    return sorted(schedule.steps.keys() - used) if schedule.permutations else []
