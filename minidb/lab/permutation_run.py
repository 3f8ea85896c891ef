"""Runs a permutation of a schedule on an engine, by the rules of PostgreSQL's isolation tester.

    for each turn      its session is free?  start the step; it ends, or it waits
                       then whoever waited and need not any more ends, in the order in which they began to wait
    at the end         all who still wait must end

What is seen is a sequence of events; `tester_text` writes them down. There is no time: `Engine.settle` says when all
that can happen has happened. Three things follow:

1. A session that still waits when its next step is due, although all has settled, waits for ever in this order: the
   permutation is `Impossible`. With `defer` the step is kept instead, and performed as soon as its session is free.
2. A wait with a time limit ends when nothing else can happen any more: when 1 would be said (`Timed.pass_time`).
3. Marks of blockers only hold back reports, never statements; what they wait for is a report, or a notice.

The rules, and the order of everything that is reported, are those of `isolationtester.c` (PostgreSQL 15): `launch` and
`scan` do what `run_permutation`, `try_complete_step` and `try_complete_steps` do there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from msgspec import Struct

from minidb.lab.engines.protocol import Client, Engine, Timed
from minidb.lab.run import Answer, Event
from minidb.lab.schedule import Blocker, Permutation, Schedule, Step, Turn


class Impossible(Exception):
    """A permutation that cannot go on. `words` say why."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class Active(Struct):
    """A step that was started and whose end was not reported yet.

    targets: per blocker how many notices its session must have sent.
    answers: None until they were taken from the client.
    """

    number: int
    step: Step
    blockers: tuple[Blocker, ...]
    targets: list[int]
    client: Client
    answers: tuple[Answer, ...] | None = None


class PermutationRun:
    """One permutation on its way. `clients`: by session, connected, their setup done."""

    def __init__(
        self, schedule: Schedule, permutation: Permutation, engine: Engine, clients: dict[str, Client], defer: bool
    ) -> None:
        self.steps = schedule.steps
        self.permutation = permutation
        self.engine = engine
        self.clients = clients
        self.defer = defer
        self.active: dict[str, Active] = {}  # by session
        self.waiting: list[Active] = []  # in the order in which they began to wait
        self.kept: dict[str, deque[tuple[int, Turn]]] = {name: deque() for name in clients}
        self.notices = dict.fromkeys(clients, 0)

    def events(self) -> Iterator[Event]:
        """Performs all turns. Raises Impossible."""
        for number, turn in enumerate(self.permutation.turns, 1):
            session = self.steps[turn.step].session
            if self.defer:
                self.kept[session].append((number, turn))
                yield from self.perform_kept()
            else:
                yield from self.free(session, turn.step)
                yield from self.launch(number, turn)
        yield from self.finish()

    # -- one step

    def launch(self, number: int, turn: Turn) -> Iterator[Event]:
        """Starts a step, whose session is free, and reports what came of that."""
        step = self.steps[turn.step]
        client = self.clients[step.session]
        targets = [self.target(blocker) for blocker in turn.blockers]
        started = Active(number, step, turn.blockers, targets, client)
        self.active[step.session] = started
        client.start(step.sql)
        waits = client.busy or any(blocker.kind == "always" for blocker in turn.blockers)
        yield from self.collect(started)
        if waits or self.held_back(started):
            yield event(started, "waits", words=client.words)
            yield from self.scan()
            self.waiting.append(started)
        else:
            yield self.complete(started, later=False)
            yield from self.scan()

    def target(self, blocker: Blocker) -> int:
        if blocker.kind != "notices":
            return 0
        return blocker.count + self.notices[self.steps[blocker.name].session]

    def collect(self, active: Active) -> Iterator[Event]:
        """Takes the answers of a step that has ended, so that its notices count even while it is held back."""
        if active.answers is None and not active.client.busy:
            active.answers = active.client.take()
            for notice in (text for answer in active.answers for text in answer.notices):
                self.notices[active.step.session] += 1
                yield event(active, "notice", words=notice)

    def held_back(self, active: Active) -> bool:
        """Whether a mark still forbids to report its end."""
        return any(self.holds(blocker, target) for blocker, target in zip(active.blockers, active.targets))

    def holds(self, blocker: Blocker, target: int) -> bool:
        if blocker.kind == "always":
            return False  # only for the first report; see `launch`
        session = self.steps[blocker.name].session
        if blocker.kind == "notices":
            return self.notices[session] < target
        other = self.active.get(session)
        return other is not None and other.step.name == blocker.name

    def complete(self, active: Active, later: bool) -> Event:
        del self.active[active.step.session]
        answers = active.answers or ()
        failed = any(answer.error is not None for answer in answers)
        kinds = ("went on", "broke off") if later else ("done", "failed")
        return event(active, kinds[failed], answers)

    # -- those who wait

    def scan(self) -> Iterator[Event]:
        """Reports the waiting steps that have ended. Where marks hold something back, again until nothing changes: a
        step that is reported late in one round may free one that was looked at early."""
        again = True
        while again:
            self.engine.settle()
            before = self.progress()
            for active in list(self.waiting):
                yield from self.try_to_complete(active)
            again = any(active.blockers for active in self.waiting) and self.progress() != before

    def try_to_complete(self, active: Active) -> Iterator[Event]:
        yield from self.collect(active)
        if active.answers is not None and not self.held_back(active):
            self.waiting.remove(active)
            yield self.complete(active, later=True)

    def progress(self) -> tuple[int, int]:
        return len(self.waiting), sum(self.notices.values())

    def free(self, session: str, next_step: str) -> Iterator[Event]:
        """Comes back when the session's last step has been reported. First that one, then whoever else has ended."""
        while (active := self.active.get(session)) is not None:
            before = self.progress()
            self.engine.settle()
            yield from self.try_to_complete(active)
            yield from self.scan()
            if self.progress() == before and not self.pass_time():
                raise Impossible(
                    f"step {next_step} cannot start, as step {active.step.name} {self.reason(active)}"
                )

    def finish(self) -> Iterator[Event]:
        """All that still wait must end: each in turn, as nothing else is left to be done."""
        while self.waiting or any(self.kept.values()):
            before = self.progress()
            for active in list(self.waiting):
                while active.client.busy and (self.engine.settle() or self.pass_time()):
                    pass
                yield from self.try_to_complete(active)
            yield from self.perform_kept()
            if self.progress() == before:
                stuck = self.waiting[0]
                raise Impossible(f"step {stuck.step.name} never ends, it {self.reason(stuck)}")

    def perform_kept(self) -> Iterator[Event]:
        """Performs deferred steps whose sessions are free, the oldest first."""
        while due := [(turns[0], name) for name, turns in self.kept.items() if turns and name not in self.active]:
            (number, turn), session = min(due, key=lambda item: item[0][0])
            self.kept[session].popleft()
            yield from self.launch(number, turn)

    def pass_time(self) -> bool:
        return isinstance(self.engine, Timed) and self.engine.pass_time()

    def reason(self, active: Active) -> str:
        if active.client.busy:
            return f"waits for {active.client.words or 'another session'}"
        names = [b.name for b, target in zip(active.blockers, active.targets) if self.holds(b, target)]
        return f"is held back by {', '.join(names)}"


def event(active: Active, kind: str, answers: Sequence[Answer] = (), words: str = "") -> Event:
    step = active.step
    return Event(active.number, step.session, step.name, step.sql, kind, tuple(answers), words)
