"""Takes over waiting: several threads of which one at a time runs, so that the same steps give the same events.

An *actor* is a thread with a session. It runs only while it has the turn, and has two ways to give it back: its job is
done, or the engine parks it because its session must wait for another one. Whoever ends that wait only puts the actor
into `ready`; it goes on when the director, the thread that owns the scheduler, hands it the turn.

    idle --start--> running --job done--> idle
                     |   ^
               park  v   |  resume, in the order of the wakes
                    parked --wake--> ready

So a step that blocks is known to block when `start` returns. Nothing sleeps, polls or measures time, which is also why
a lock timeout never comes: time does not pass here.

The scheduler is what `Database(waiting=...)` takes. The engine calls `park` without its latch and `wake` under it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol


class Parking(Protocol):
    """Where the engine lets one session wait. A wake before the park is not lost: `woken` stays."""

    woken: bool


class Actor:
    """A thread that has the turn or waits for it."""

    def __init__(self, name: str, scheduler: Scheduler) -> None:
        self.name = name
        self.scheduler = scheduler
        self.busy = False  # its job has begun and has not ended
        self.job: Callable[[], None] | None = None
        self.error: BaseException | None = None  # of the job, for the director
        self.turn = threading.Semaphore(0)
        self.thread = threading.Thread(target=self.work, name=f"actor {name}", daemon=True)
        self.thread.start()

    def work(self) -> None:
        self.scheduler.actors[threading.get_ident()] = self
        self.turn.acquire()
        while self.job is not None:
            try:
                self.job()
            except BaseException as error:
                self.error = error
            self.busy = False
            self.scheduler.returned.release()
            self.turn.acquire()
        del self.scheduler.actors[threading.get_ident()]
        self.scheduler.returned.release()


class Scheduler:
    """Hands out the turn. All methods but `park` and `wake` are the director's."""

    def __init__(self) -> None:
        self.actors: dict[int, Actor] = {}  # by thread
        self.parked: dict[Parking, Actor] = {}
        self.ready: deque[Actor] = deque()
        self.returned = threading.Semaphore(0)

    # -- for the director

    def start(self, actor: Actor, job: Callable[[], None]) -> None:
        """Lets `actor` run `job`, until it is done or waits. What `job` raises is raised here, or by `resume`."""
        assert not actor.busy
        actor.job = job
        actor.busy = True
        self.hand_over(actor)

    def resume(self) -> Actor | None:
        """Lets the actor that was woken first go on, until its job is done or it waits again. None if nobody can."""
        if not self.ready:
            return None
        actor = self.ready.popleft()
        self.hand_over(actor)
        return actor

    def dismiss(self, actor: Actor) -> None:
        """Ends an idle actor's thread."""
        assert not actor.busy
        actor.job = None
        self.hand_over(actor)
        actor.thread.join()

    def hand_over(self, actor: Actor) -> None:
        actor.turn.release()
        try:
            self.returned.acquire()
        except BaseException:  # Ctrl-C: nothing is torn down while the actor runs
            self.returned.acquire()
            raise
        error, actor.error = actor.error, None
        if error is not None:
            raise error

    # -- for the engine

    def park(self, parking: Any, timeout: float | None) -> bool:
        actor = self.actors.get(threading.get_ident())
        if actor is None:
            raise RuntimeError("a session without an actor would wait for ever")
        while not parking.woken:
            self.parked[parking] = actor
            self.returned.release()
            actor.turn.acquire()
        parking.woken = False
        return True

    def wake(self, parking: Any) -> None:
        if not parking.woken:
            parking.woken = True
            actor = self.parked.pop(parking, None)
            if actor is not None:
                self.ready.append(actor)
