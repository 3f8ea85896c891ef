"""Performs the same sessions again and again, each time in the order that somebody chooses.

    Troupe: setup, once -> image        perform(choose): rewind, open the sessions, then until nobody is left:
                                            choose one of those who are ready; its step; whoever it lets go on
                                        final state, invariants

Everything is decided by `choose`: the same choices give the same performance, byte for byte. A session that waits is
not ready, so an order that blocking forbids is never asked for. When nobody is ready any more and somebody still waits,
for a transaction that nobody ends, the performance is over, and what is open is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minidb.dbapi import Connection
from minidb.errors import Error
from minidb.footprint import Footprint
from minidb.history import History
from minidb.isolation import IsolationLevel
from minidb.lab.behaviour import Behaviour
from minidb.lab.faults import add_story
from minidb.lab.functions import FunctionPerformer
from minidb.lab.levels import SQL_NAMES, at_level
from minidb.lab.messages import answer_of
from minidb.lab.performers import Line, Performer, Script, ScriptPerformer
from minidb.lab.reduction import Move
from minidb.lab.run import Event, Inside, Run
from minidb.lab.schedule import Schedule
from minidb.lab.scheduler import Scheduler
from minidb.session import Session
from minidb.sql.script import parse_script
from minidb.workbench import Workbench

Choose = Callable[[tuple[int, ...]], int | None]
Function = Callable[[Connection], Any]
Rows = tuple[tuple[Any, ...], ...]
DEFAULT = IsolationLevel.READ_COMMITTED.value


class Performance:
    """What came of one order.

    order: the sessions, by number, in the order of their steps. lines: the statements of each session.
    whole: whether it came to its end, that is, `choose` did not break it off.
    """

    def __init__(self, count: int, history: History) -> None:
        self.order: list[int] = []
        self.lines: list[list[Line]] = [[] for _ in range(count)]
        self.values: list[tuple[Any, str]] = []  # of functions: what they returned, and the SQLSTATE they ended with
        self.events: list[Event] = []
        self.history = history
        self.final: dict[str, Rows] = {}
        self.broken: tuple[str, ...] = ()
        self.whole = True


class Troupe:
    """Sessions with their parts, at their levels, on a workbench.

    Arguments:
        setup: SQL that makes the state to begin with; a function is called with a connection.
        parts: a script or a Python function for each session, by name.
        levels: each session's isolation level; None: what its script says, else the default.
        invariants: queries that must return true at the end; a function is called with a connection, and must not
            return False nor raise AssertionError.
    """

    def __init__(self, setup: Sequence[str | Function], parts: Mapping[str, Script | Function],
                 levels: Mapping[str, str | None], invariants: Sequence[str | Function] = ()) -> None:
        self.setup = tuple(setup)
        self.names = tuple(parts)
        self.levels = {name: levels.get(name) for name in parts}
        self.parts = {name: self.levelled(name, part) for name, part in parts.items()}
        self.invariants = tuple(invariants)
        self.behaviours = {name: Behaviour(name) for name in parts}
        self.scheduler = Scheduler()
        self.workbench = self.made()
        self.remade = 0

    def levelled(self, name: str, part: Script | Function) -> Script | Function:
        level = self.levels[name]
        return part if level is None or not isinstance(part, Script) else script_at(part, level)

    def made(self) -> Workbench:
        """A workbench with the setup done."""
        workbench = Workbench(self.scheduler)
        connection = Connection(workbench.session(autocommit=True))
        try:
            for item in self.setup:
                if isinstance(item, str):
                    connection.executescript(item)
                else:
                    item(connection)
        finally:
            connection.close()
        workbench.freeze()
        return workbench

    def rewind(self) -> Workbench:
        if not self.workbench.rewind():  # a run has changed the schema
            self.remade += 1
            self.workbench = self.made()
        return self.workbench

    # -- one performance

    def perform(self, choose: Choose, moved: Callable[[Move], None] | None = None,
                detailed: bool = False) -> Performance:
        """Performs the sessions. `choose` gets the numbers of those who are ready and returns one of them, or None to
        break off; `moved` is told what each step has touched. `detailed`: events are kept, with what the engine showed
        of itself after each of them."""
        workbench = self.rewind()
        cast = self.cast(workbench)
        stage = Stage(self, workbench, cast, detailed)
        try:
            stage.open()
            while ready := tuple(number for number, performer in enumerate(cast) if performer.ready):
                session = choose(ready)
                if session is None:
                    stage.performance.whole = False
                    return stage.performance
                move = stage.step(session)
                if moved is not None:
                    moved(move)
            stage.close()
        except Exception as error:
            add_story(error, stage.performance.order, cast)
            raise
        finally:
            for performer in cast:
                performer.leave()
        if stage.performance.whole:
            self.look(workbench, stage.performance)
        return stage.performance

    def cast(self, workbench: Workbench) -> list[Performer]:
        cast: list[Performer] = []
        for name, part in self.parts.items():
            level = self.levels[name]
            if isinstance(part, Script):
                cast.append(ScriptPerformer(part, workbench, self.scheduler, level))
            else:
                cast.append(FunctionPerformer(name, part, workbench, self.scheduler, level, self.behaviours[name]))
        return cast

    def look(self, workbench: Workbench, performance: Performance) -> None:
        """The final state, and the invariants. Looking is not part of what happened."""
        with workbench.recorder.looking_away():
            session = workbench.session(autocommit=True)
            for name in session.catalog.tables:
                rows = answer_of(session, f'SELECT * FROM "{name}"').rows
                performance.final[name] = tuple(sorted(rows, key=repr))
            performance.broken = tuple(name_of(item) for item in self.invariants if not holds(session, item))
            session.abort_quietly()

    # -- in order

    def replay(self, order: Sequence[int], detailed: bool = True, patient: bool = False) -> Performance:
        """Performs the sessions in an order that is known; when it ends, in that of their numbers. Who waits when his
        turn comes loses it; `patient`: it is kept until he no longer waits."""
        left = list(order)

        def choose_due(ready: tuple[int, ...]) -> int:
            due = next((place for place, session in enumerate(left) if session in ready), None)
            return ready[0] if due is None else left.pop(due)

        def choose(ready: tuple[int, ...]) -> int:
            while left:
                session = left.pop(0)
                if session in ready:
                    return session
            return ready[0]

        return self.perform(choose_due if patient else choose, None, detailed)


class Stage:
    """One performance while it runs."""

    def __init__(self, troupe: Troupe, workbench: Workbench, cast: list[Performer], detailed: bool) -> None:
        self.troupe = troupe
        self.scheduler = troupe.scheduler
        self.workbench = workbench
        self.cast = cast
        self.numbers = {performer.actor: number for number, performer in enumerate(cast)}
        self.detailed = detailed
        self.performance = Performance(len(cast), workbench.recorder.history)
        self.pending: dict[int, Footprint] = {}  # what those who wait have touched so far
        self.turns: dict[int, tuple[int, str]] = {}  # of those who wait: number and text of the step
        self.watcher = workbench.session(autocommit=True) if detailed else None

    def open(self) -> None:
        """Lets every session come to its first step."""
        for performer in self.cast:
            self.workbench.recorder.begin_event()
            performer.open()
            self.go_on()

    def step(self, number: int) -> Move:
        performer = self.cast[number]
        recorder, performance = self.workbench.recorder, self.performance
        touched = recorder.begin_event()
        performance.order.append(number)
        begun, said = recorder.history.time, len(performer.lines)
        performer.step()
        if performer.waiting:
            self.pending[number] = touched
        if self.detailed:
            self.note(number, begun, said)
        return Move(number, touched, self.go_on())

    def go_on(self) -> list[int]:
        """Everybody who need not wait any more goes on; who they were. What they had touched counts again: their
        request is granted now, and not before."""
        gone_on: list[int] = []
        recorder = self.workbench.recorder
        while self.scheduler.ready:
            number = self.numbers[self.scheduler.ready[0]]
            begun, said = recorder.history.time, len(self.cast[number].lines)
            self.scheduler.resume()
            gone_on.append(number)
            if number in self.pending:
                recorder.footprint.absorb(self.pending[number])
            if self.cast[number].waiting:
                self.pending[number] = recorder.footprint
                continue
            self.pending.pop(number, None)
            if self.detailed:
                self.note(number, begun, said, went_on=True)
        return gone_on

    def close(self) -> None:
        """All steps are made: sessions do what they do at their end, then what is still open is rolled back, so that
        whoever waits for it can end, too."""
        performance = self.performance
        for performer in self.cast:
            if not performer.waiting:
                performer.end()
                self.go_on()
        for number, performer in enumerate(self.cast):
            performance.lines[number] = performer.lines
            if isinstance(performer, FunctionPerformer):
                error = performer.error
                performance.values.append((performer.value, error.sqlstate if isinstance(error, Error) else ""))

    # -- for the record

    def note(self, number: int, begun: int, said: int, went_on: bool = False) -> None:
        performer, history = self.cast[number], self.workbench.recorder.history
        waits = performer.waiting
        if went_on:
            turn, sql = self.turns.pop(number)
        else:
            turn, sql = len(self.performance.order), step_text(performer)
        if waits:
            self.turns[number] = turn, sql
        answers = tuple(line.answer for line in performer.lines[said:])
        failed = any(answer.error is not None for answer in answers)
        kind = "waits" if waits else KINDS[went_on, failed]
        words = performer.session.waiting_for or "" if waits else ""
        self.performance.events.append(
            Event(turn, performer.name, performer.step_name, sql, kind, answers, words, begun, history.time,
                  self.inside())
        )

    def inside(self) -> Inside:
        assert self.watcher is not None
        manager = self.workbench.manager
        with self.workbench.recorder.looking_away():
            following = manager.next_id
            found = Inside(rows_of(self.watcher, "sys.locks"), rows_of(self.watcher, "sys.versions"))
            manager.next_id = following  # looking must not change what transactions are called
        return found


KINDS = {(False, False): "done", (False, True): "failed", (True, False): "went on", (True, True): "broke off"}


def step_text(performer: Performer) -> str:
    if isinstance(performer, ScriptPerformer):
        return "; ".join(performer.script.steps[performer.made - 1][1])
    return performer.step_name


def rows_of(session: Any, view: str) -> tuple[dict[str, Any], ...]:
    answer = answer_of(session, f"SELECT * FROM {view}")
    return tuple(dict(zip(answer.columns, row)) for row in answer.rows)


def holds(session: Session, invariant: str | Function) -> bool:
    """Whether an invariant's query returns true, and nothing else; or its function finds nothing wrong."""
    if isinstance(invariant, str):
        answer = answer_of(session, invariant)
        if answer.error is not None:
            raise answer.error
        return bool(answer.rows) and all(value is True for row in answer.rows for value in row)
    connection = Connection(session.database.session(autocommit=True))
    try:
        return invariant(connection) is not False
    except AssertionError:
        return False
    finally:
        connection.close()


def name_of(invariant: str | Function) -> str:
    return invariant if isinstance(invariant, str) else getattr(invariant, "__name__", "invariant")


def run_of(troupe: Troupe, performance: Performance) -> Run:
    """The record of a detailed performance."""
    transactions: dict[int, tuple[str, ...]] = {}
    for lines in performance.lines:
        for line in lines:
            if line.transaction and line.step:
                steps = transactions.get(line.transaction, ())
                if line.step not in steps:
                    transactions[line.transaction] = (*steps, line.step)
    return Run(
        order=tuple(event.step for event in performance.events if event.kind not in ("went on", "broke off")),
        levels={name: level_of(performance.history, name, troupe.levels[name]) for name in troupe.names},
        events=tuple(performance.events),
        history=performance.history,
        final=performance.final,
        broken=performance.broken,
        transactions=transactions,
    )


def level_of(history: History, session: str, level: str | None) -> str:
    """At which level a session ran: that of its first transaction."""
    levels = (account.level for account in history.accounts.values() if account.session == session)
    return next(levels, level or DEFAULT)


# -- from schedules


def scripts_of(schedule: Schedule) -> dict[str, Script]:
    return {
        actor.name: Script(
            actor.name, tuple((step.name, statements_of(step.sql)) for step in actor.steps),
            statements_of(actor.setup), statements_of(actor.teardown),
        )
        for actor in schedule.actors
    }


def statements_of(sql: str) -> tuple[str, ...]:
    return tuple(text for text, _ in parse_script(sql))


def script_at(script: Script, level: str) -> Script:
    name = SQL_NAMES[IsolationLevel.parse(level)]


    def all_at(statements: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(at_level(sql, name) for sql in statements)

    steps = tuple((step, all_at(statements)) for step, statements in script.steps)
    return Script(script.name, steps, all_at(script.opening), all_at(script.ending))


__all__ = ["Performance", "Troupe", "run_of", "scripts_of"]
