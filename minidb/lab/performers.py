"""Sessions of a run: each knows its next step, and makes it when it is told to.

    ready --step--> ready            the step has ended
      |      \\----> waiting --> ready   it waits for another session; it goes on when that one lets it
      v
    over (no step is left)

A step's statements and what came of them are written down as `Line`s. There are two kinds of performers: the one here
reads its steps from a schedule, the other (`functions`) runs a Python function, whose steps are its calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from minidb.errors import RetryableError
from minidb.lab.messages import answer_of, run_message
from minidb.lab.run import Answer
from minidb.lab.scheduler import Actor, Scheduler
from minidb.session import Session
from minidb.workbench import Workbench


class Line(Struct, frozen=True):
    """One statement that was run. `transaction` is its number in the history, 0 if it ran in none."""

    session: str
    step: str
    statement: str
    place: int  # among the statements of its session's whole script
    transaction: int
    answer: Answer
    call: Any = None  # of a function: what it takes to do the same again (stepped_session.Call)


class Performer:
    """One session of a run."""

    def __init__(self, name: str, workbench: Workbench, scheduler: Scheduler, level: str | None) -> None:
        self.name = name
        self.workbench = workbench
        self.scheduler = scheduler
        self.session: Session = workbench.session(isolation_level=level, autocommit=True)
        self.session.name = name
        self.actor = Actor(name, scheduler)
        self.lines: list[Line] = []
        self.step_name = ""

    @property
    def waiting(self) -> bool:
        """Whether its step has begun and waits for another session."""
        raise NotImplementedError

    @property
    def ready(self) -> bool:
        """Whether it has a next step and can begin it."""
        raise NotImplementedError

    def step(self) -> None:
        """Begins the next step, and comes back when that has ended or waits. Must be ready."""
        raise NotImplementedError

    def open(self) -> None:
        """Comes to the first step."""
        raise NotImplementedError

    def end(self) -> None:
        """All steps are made; must not be waiting. What is open is rolled back."""
        if self.session.txn is not None and not self.waiting:
            self.session.rollback()

    def leave(self) -> None:
        """The run is over: gives up what it waits for and rolls back."""
        self.scheduler.dismiss(self.actor)
        self.session.abort_quietly()

    # -- in its own coroutine

    def note(self, statement: str, place: int, work: Callable[[], Answer], call: Any = None) -> Answer:
        """Runs a statement and writes down what came of it."""
        before, following = self.session.txn, self.workbench.manager.next_id
        answer = work()
        transaction = before.id if before is not None else 0
        if before is None:
            account = self.workbench.recorder.history.accounts.get(following)
            transaction = following if account is not None and account.session == self.name else 0
        if transaction and isinstance(answer.error, RetryableError):
            self.workbench.recorder.history.accounts[transaction].retryable = answer.error.sqlstate
        self.lines.append(Line(self.name, self.step_name, statement, place, transaction, answer, call))
        return answer


# -- steps from a schedule


class Script(Struct, frozen=True):
    """What a session does: steps with names, each of one or several statements. `opening` comes before the first."""

    name: str
    steps: tuple[tuple[str, tuple[str, ...]], ...]
    opening: tuple[str, ...] = ()
    ending: tuple[str, ...] = ()


class ScriptPerformer(Performer):
    def __init__(self, script: Script, workbench: Workbench, scheduler: Scheduler, level: str | None) -> None:
        super().__init__(script.name, workbench, scheduler, level)
        self.script = script
        self.made = 0
        self.place = 0

    @property
    def waiting(self) -> bool:
        return self.actor.busy

    @property
    def ready(self) -> bool:
        return self.made < len(self.script.steps) and not self.actor.busy

    def step(self) -> None:
        self.step_name, statements = self.script.steps[self.made]
        self.made += 1
        self.scheduler.start(self.actor, lambda: self.say(statements))

    def open(self) -> None:
        """Runs what the session does before its first step."""
        self.step_name = ""
        if self.script.opening:
            self.scheduler.start(self.actor, lambda: self.say(self.script.opening))

    def end(self) -> None:
        """Runs what the session does after its last step."""
        self.step_name = ""
        if self.script.ending and not self.actor.busy:
            self.scheduler.start(self.actor, lambda: self.say(self.script.ending))
        super().end()

    def only(self, places: Sequence[int]) -> None:
        """Runs nothing but the statements at these places of the session's whole script."""
        steps = [("", self.script.opening), *self.script.steps, ("", self.script.ending)]
        said = [(step, sql) for step, statements in steps for sql in statements]
        self.scheduler.start(self.actor, lambda: self.repeat([(place, *said[place]) for place in places]))

    def repeat(self, lines: Sequence[tuple[int, str, str]]) -> None:
        for place, self.step_name, sql in lines:
            self.note(sql, place, lambda: answer_of(self.session, sql))  # noqa: B023

    def say(self, statements: Sequence[str]) -> None:
        """Runs statements that are sent at once; an error of their commit is the answer to the last one."""
        place = self.place
        self.place += len(statements)

        def one(number: int, sql: str) -> Answer:
            return self.note(sql, place + number, lambda: answer_of(self.session, sql))

        error = run_message(self.session, statements, one)
        if error is not None:
            self.lines.append(replace(self.lines.pop(), answer=Answer(error=error)))


__all__ = ["Line", "Performer", "Script", "ScriptPerformer"]
