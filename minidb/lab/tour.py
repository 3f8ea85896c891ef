"""Scenes on tour: the demos' scenes performed on any engine of `minidb.lab.engines`, by the rules of the stage.

A step of a session that waits is kept and performed when it no longer does; a step of a transaction that has failed is
left out, up to COMMIT or ROLLBACK; `when` decides on a step by what was read before. So a `Record` made here is judged
by the same judge as one made on the stage. Procedures (`connection.call`) are minidb's alone: such scenes stay at home.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from minidb.isolation import IsolationLevel
from minidb.lab.demo import Record, Scene
from minidb.lab.engines.control import Progress, control_of
from minidb.lab.engines.protocol import Client, Engine, Resettable
from minidb.lab.run import Answer
from minidb.lab.stage import ENDS, NOTHING, NUMBERS_FROM, Moment, Outcome, Seen, Step, filled


def can_travel(scene: Scene) -> bool:
    return all(step.procedure is None for step in scene.steps)


def play_on(engine: Engine, scene: Scene, level: str, like: IsolationLevel) -> Record:
    """One performance at the engine's level of that name; `like` is the level of minidb that it is recorded as. The
    engine's database must be empty, and is again at the end if the engine is `Resettable`."""
    for sql in scene.setup:
        engine.run(sql)
    tour = Tour(engine, level, scene.sessions)
    try:
        moments = [moment for step in scene.steps for moment in tour.perform(step)]
        moments += tour.finish()
        final = outcome_of(engine.run(scene.final))
    finally:
        tour.close()
    if isinstance(engine, Resettable):
        engine.reset()
    return Record(scene, like, tuple(moments), tour.seen, final)


class Guest:
    """A session on tour."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.progress = Progress()
        self.queue: deque[tuple[int, Step]] = deque()
        self.current: tuple[int, Step, str] | None = None


class Tour:
    """A few sessions on an engine. Between calls everybody has ended or waits."""

    def __init__(self, engine: Engine, level: str, sessions: Sequence[str]) -> None:
        self.engine = engine
        self.guests = {name: Guest(engine.connect(name, level)) for name in sessions}
        self.seen = Seen()
        self.number = NUMBERS_FROM

    def perform(self, step: Step) -> list[Moment]:
        """Performs one step, or keeps it, and lets everybody go on who can."""
        self.guests[step.session].queue.append((self.number, step))
        self.number += 1
        return self.let_all_go_on()

    def finish(self) -> list[Moment]:
        """Rolls back what is open, so that all who wait go on and end, too."""
        moments: list[Moment] = []
        while (guest := next(filter(is_open, self.guests.values()), None)) is not None:
            guest.queue.append((0, Step(guest.client.session, "ROLLBACK")))
            moments += self.let_all_go_on()
        return moments

    def close(self) -> None:
        for guest in self.guests.values():
            guest.client.close()

    def let_all_go_on(self) -> list[Moment]:
        """First those who waited, then the steps that are due, until nothing moves."""
        moments: list[Moment] = []
        while True:
            ended = self.engine.settle() if any(g.client.busy for g in self.guests.values()) else []
            moments += [self.ended(self.guests[client.session], True) for client in ended]
            due = min(filter(is_due, self.guests.values()), key=first_number, default=None)
            if due is not None:
                moments += self.begin(due, *due.queue.popleft())
            elif not ended:
                return moments

    def begin(self, guest: Guest, number: int, step: Step) -> list[Moment]:
        session = guest.client.session
        if guest.progress.state == "failed" and step.sql not in ENDS:
            return self.left_out(session, number, step)
        if step.when is not None and not step.when(self.seen):
            return [Moment(number, session, "", "declined", words=step.otherwise)] if step.otherwise else []
        text = step.sql(self.seen) if callable(step.sql) else filled(step.sql, self.seen.values())
        guest.current = (number, step, text)
        guest.client.start(text)
        if guest.client.busy:
            return [Moment(number, session, text, "waits", words=guest.client.words)]
        return [self.ended(guest, False)]

    def left_out(self, session: str, number: int, step: Step) -> list[Moment]:
        if step.when is not None or callable(step.sql):
            return []
        text = filled(step.sql, self.seen.values())
        return [Moment(number, session, text, "skipped", words="its transaction has failed")]

    def ended(self, guest: Guest, later: bool) -> Moment:
        assert guest.current is not None
        number, step, text = guest.current
        outcome = outcome_of(guest.client.take())
        guest.progress.note(control_of(text), outcome.error is not None)
        if step.label:
            self.seen.outcomes[step.label] = outcome
        kind = "done" if outcome.error is None else "failed"
        return Moment(number, guest.client.session, text, kind, outcome, later)


def is_open(guest: Guest) -> bool:
    return not guest.client.busy and guest.progress.state != "idle"


def is_due(guest: Guest) -> bool:
    return bool(guest.queue) and not guest.client.busy


def first_number(guest: Guest) -> int:
    return guest.queue[0][0]


def outcome_of(answers: Sequence[Answer]) -> Outcome:
    """The last answer as the stage knows it."""
    if not answers:
        return NOTHING
    answer = answers[-1]
    if answer.columns or answer.error is not None:
        return Outcome(answer.tag, answer.columns, answer.rows, len(answer.rows), answer.error)
    count = answer.tag.rpartition(" ")[2]
    return Outcome(answer.tag, rowcount=int(count) if count.isdecimal() else -1)
