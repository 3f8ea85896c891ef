"""Python functions as sessions: `function(connection)` runs in a coroutine, and each of its calls of the database is a
step.

    director            coroutine of the function
    open()     ------>  runs up to its first call                ready
    step()     ------>  makes the call, runs up to the next      ready, waiting (for another session), or over

The function gets an ordinary connection, below which a `SteppedSession` asks for its turn. What is still open when the
function returns is committed, as `with connection:` does; when it raises, it is rolled back. Pauses between tries take
no time. Rows are fetched with the step that asks for them.

What would make a lie of exploring is a *fault*, which ends it: calls that do not follow from the answers (`behaviour`),
more than MOST_STEPS of them or none, another thread on the connection, another connection; and exceptions that the
function must not end with. A fault unwinds the function like a dismissal, past every `except Exception`, and is raised
in the director.

Each call is written down whole, so that the transactions that committed can be made again in another order without the
function: had it been answered the same, it would have made the same calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn

from greenlet import GreenletExit, getcurrent
from msgspec import Struct

from minidb.dbapi import Connection
from minidb.dbapi.interrupts import interrupts
from minidb.errors import DatabaseError, Error, InterfaceError, InvalidParameterValue
from minidb.isolation import IsolationLevel
from minidb.lab.behaviour import Behaviour, Walk, cut, shown
from minidb.lab.performers import Performer
from minidb.lab.run import Answer
from minidb.lab.scheduler import Scheduler
from minidb.lab.stepped_session import Call, SteppedSession, all_that_it_tells, answer_of_call, fetched
from minidb.workbench import Workbench

Function = Callable[[Connection], Any]
MOST_STEPS = 1_000  # of one function
MOST_REFUSALS = 100  # of calls after a fault, by a function that catches everything


class Role(Struct, frozen=True):
    """A function, and with which exceptions it may end: these belong to what can come of it, others are faults. A plain
    function may end with every DatabaseError."""

    function: Function
    raises: tuple[type[BaseException], ...] = (DatabaseError,)

    def __call__(self, connection: Connection) -> Any:
        return self.function(connection)


class FunctionPerformer(Performer):
    """Runs a function. `value` tells what it returned or raised; `error` is what it raised, if it may."""

    def __init__(self, name: str, function: Function, workbench: Workbench, scheduler: Scheduler, level: str | None,
                 behaviour: Behaviour) -> None:
        super().__init__(name, workbench, scheduler, level)
        self.role = function if isinstance(function, Role) else Role(function)
        self.level = None if level is None else IsolationLevel.parse(level)
        self.walk = Walk(behaviour)
        self.begun = self.over = self.paused = self.left = False
        self.value = ""
        self.error: BaseException | None = None
        self.fault: BaseException | None = None
        self.refused = 0
        self.connections = 0  # that are open in this process, when the function got its turn

    @property
    def waiting(self) -> bool:
        return self.begun and not self.over and not self.paused

    @property
    def ready(self) -> bool:
        return self.paused and not self.over

    def open(self) -> None:
        """Runs the function up to its first call of the database."""
        self.begun = True
        self.scheduler.start(self.actor, self.work)

    def step(self) -> None:
        self.paused = False
        self.connections = open_connections()
        self.scheduler.proceed(self.actor)

    def leave(self) -> None:
        self.left = True
        super().leave()

    def repeat(self, places: Sequence[int], calls: Sequence[Call]) -> None:
        """Makes calls again, without the function."""

        def work() -> None:
            for place, call in zip(places, calls):
                call.apply_manner(self.session)
                self.done(place, call)

        self.scheduler.start(self.actor, work)

    # -- in its own coroutine

    def work(self) -> None:
        session: Any = SteppedSession(self, self.session, self.level)
        self.session.autocommit = False
        connection = Connection(session)
        connection.backoff.sleep = lambda seconds: None
        connection.backoff.random = self.session.random.random
        self.connections = open_connections()
        try:
            self.play(connection)
        except GreenletExit:
            pass
        except BaseException as error:
            self.fault = self.fault or error
        finally:
            self.over = True
            with suppress(Error):
                connection.close()
        if self.fault is not None and not self.left:
            raise self.fault

    def play(self, connection: Connection) -> None:
        """The function, and what comes after it."""
        try:
            value = self.role.function(connection)
            self.check_end(value)
            if self.session.state == "active" or connection._owed is not None:
                connection.commit()
            self.value = f"return {shown(value)}"
        except self.role.raises as error:
            self.check_fault()
            self.error = error
            self.value = f"raise {raised_text(error)}"
            if self.session.state == "active":
                connection.rollback()
        self.follow(self.value)

    def make(self, call: Call) -> Any:
        """One step of the function: gives back the turn, then makes the call."""
        self.check_thread()
        self.check_fault()
        self.check_call()
        self.follow(call.text)
        self.paused = True
        self.scheduler.pause(self.actor)
        self.step_name = call.text
        outcome = self.done(len(self.lines), call)
        self.walk.is_answered(all_that_it_tells(outcome))
        if isinstance(outcome, Error):
            raise outcome
        return outcome

    def done(self, place: int, call: Call) -> Any:
        """Makes a call and writes down what came of it. Returns its result, or its error."""
        outcome: Any = None

        def work() -> Answer:
            nonlocal outcome
            try:
                outcome = fetched(getattr(self.session, call.verb)(*call.arguments, **call.options))
            except Error as error:
                outcome = error
            return answer_of_call(outcome)

        self.note(call.text, place, work, call)
        return outcome

    # -- faults

    def break_off(self, fault: BaseException) -> NoReturn:
        self.fault = fault
        self.unwind()

    def unwind(self) -> NoReturn:
        """Ends the function. One that catches even this, and goes on, is left where it stands."""
        self.refused += 1
        parent = getcurrent().parent
        while self.refused > MOST_REFUSALS and parent is not None:
            self.actor.error = self.fault
            parent.switch()
        raise GreenletExit

    def check_fault(self) -> None:
        if self.fault is not None or self.left:
            self.unwind()

    def follow(self, does: str) -> None:
        try:
            self.walk.does(does)
        except InvalidParameterValue as fault:
            self.break_off(fault)

    def check_thread(self) -> None:
        if not self.left and getcurrent() is not self.actor.coroutine:
            self.fault = InvalidParameterValue(
                f"the connection of {self.name} was used from elsewhere: by another thread or by another function",
                hint="Each function is given a connection of its own, and makes all calls in its own thread.",
            )
            raise InterfaceError(self.fault.message, hint=self.fault.hint)

    def check_call(self) -> None:
        if len(self.lines) >= MOST_STEPS:
            self.break_off(InvalidParameterValue(
                f"{self.name} makes more than {MOST_STEPS:,} calls of the database",
                detail=f"The last one was: {cut(self.lines[-1].statement)}",
                hint="Does it ever end? A loop that waits for what others do does not where they come later.",
            ))
        if open_connections() > self.connections:
            self.break_off(InvalidParameterValue(
                f"{self.name} has opened another connection",
                hint="Only what it does with the connection that it is given can be explored.",
            ))

    def check_end(self, value: Any) -> None:
        """Whether a function that has returned has done its work."""
        self.check_fault()
        close = getattr(value, "close", None)
        if hasattr(value, "cr_frame") or hasattr(value, "gi_frame"):
            if close is not None:
                close()
            self.break_off(InvalidParameterValue(
                f"{self.name} returned a {type(value).__name__} that has not run",
                hint="Plain functions can be explored, `async def` and generators cannot.",
            ))
        if not self.walk.made:
            self.break_off(InvalidParameterValue(
                f"{self.name} makes no call of the database with the connection that it is given"
            ))


def raised_text(error: BaseException) -> str:
    """Without what minidb says of its own errors: that names transactions by numbers, which every order gives anew."""
    return f"{type(error).__name__} {error.sqlstate if isinstance(error, Error) else error}"


def open_connections() -> int:
    return interrupts._connections


# -- names


def functions_by_name(functions: Sequence[Function]) -> dict[str, Function]:
    """Each function under its own name; with a number where several have the same."""
    names = [name_of(function) for function in functions]
    return {
        name if names.count(name) == 1 else f"{name} {names[:place].count(name) + 1}": function
        for place, (name, function) in enumerate(zip(names, functions))
    }


def name_of(function: Any) -> str:
    """What people would call it: `withdraw`, `Bank.withdraw`, `withdraw(account=1)`, `lambda`."""
    if isinstance(function, Role):
        return name_of(function.function)
    if isinstance(function, partial):
        given = [*map(repr, function.args), *(f"{name}={value!r}" for name, value in function.keywords.items())]
        return f"{name_of(function.func)}({', '.join(given)})"
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return str(name).rpartition("<locals>.")[2].strip("<>")


__all__ = ["FunctionPerformer", "Role", "functions_by_name", "name_of"]
