"""Several sessions in one shell, each in a thread of its own, so that a blocked one blocks nobody else.

    idle --submit--> running <--> waiting          running --> idle, with an outcome to be shown
                                  (on_wait)

The shell submits a statement and calls `settle`, which returns as soon as every session is idle or waits for another
one. That is known, not guessed: the session reports the beginning and end of each wait (`on_wait`), and its
`waiting_for` is withdrawn by whoever ends the wait, before that one's own statement returns. So a script with several
sessions gives the same output every time, and nothing here sleeps or polls.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

from msgspec import Struct

from minidb.dbapi.engine import Session
from minidb.errors import ObjectInUse
from minidb.isolation import IsolationLevel
from minidb.types import SqlType

SHORT_LEVELS = {
    IsolationLevel.READ_UNCOMMITTED: "ru",
    IsolationLevel.READ_COMMITTED: "rc",
    IsolationLevel.SNAPSHOT: "si",
    IsolationLevel.TWO_PHASE_LOCKING: "2pl",
    IsolationLevel.SSI: "ssi",
    IsolationLevel.SERIAL: "serial",
}
FIRST_NAME = "main"


class Outcome(Struct, frozen=True):
    """What a statement has come to: rows, or at least a tag; or an error."""

    tag: str = ""
    columns: tuple[tuple[str, SqlType], ...] | None = None
    rows: list[tuple[Any, ...]] = []
    notices: list[str] = []
    error: BaseException | None = None
    seconds: float = 0.0


class Bell:
    """What the shell's thread waits on. Other threads ring it, and signals do (`signal.set_wakeup_fd(bell.writer)`): a
    thread that blocks in a lock does not hear a signal that came just before, and Ctrl-C would be lost."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)

    def ring(self) -> None:
        try:
            os.write(self.writer, b"!")
        except BlockingIOError:
            pass  # it has been rung often enough

    def wait(self) -> None:
        """Returns when it has been rung since the last `wait`; sometimes without a reason."""
        os.read(self.reader, 4096)

    def close(self) -> None:
        os.close(self.reader)
        os.close(self.writer)


class Worker:
    """One session and its thread. The thread tells what happens by `busy`, `waiting` and `outcome`, and rings."""

    def __init__(
        self,
        name: str,
        session: Session,
        ring: Callable[[], None],
        clock: Callable[[], float],
        arrived: Callable[[], None],
    ) -> None:
        self.name = name
        self.session = session
        self.busy = False
        self.waiting = False
        self.outcome: Outcome | None = None
        self._ring = ring
        self._clock = clock
        self._arrived = arrived
        self._inbox: SimpleQueue[str | None] = SimpleQueue()
        session.name = name
        session.on_wait = self._on_wait
        self._thread = threading.Thread(target=self._work, name=f"session {name}", daemon=True)
        self._thread.start()

    def submit(self, sql: str) -> None:
        self.busy = True
        self._inbox.put(sql)

    @property
    def blocked_by(self) -> str | None:
        """Whom or what it waits for, in words; None if it does not wait."""
        return self.session.waiting_for if self.busy and self.waiting else None

    @property
    def settled(self) -> bool:
        return not self.busy or self.blocked_by is not None

    def take(self) -> Outcome | None:
        """The outcome that has not been shown yet."""
        outcome, self.outcome = self.outcome, None
        return outcome

    def level(self) -> str:
        """The level of its transaction, or of its next one, as the prompt shows it."""
        return SHORT_LEVELS[IsolationLevel.parse(self.session.transaction_level or self.session.isolation_level)]

    def close(self) -> None:
        """Ends the thread and the session, which rolls back what is open. Only when it is idle."""
        self._inbox.put(None)
        self._thread.join()
        self.session.close()

    def _work(self) -> None:
        while (sql := self._inbox.get()) is not None:
            outcome = self._run(sql)
            self.waiting = False
            self.outcome = outcome
            self.busy = False  # the last: who sees this sees the outcome
            self._ring()
            self._arrived()

    def _run(self, sql: str) -> Outcome:
        start = self._clock()
        try:
            result = self.session.execute(sql)
            rows: list[tuple[Any, ...]] = []
            if result.columns is not None:
                for batch in result.fetch_batches():
                    rows += batch
            return Outcome(result.tag, result.columns, rows, list(result.notices), None, self._clock() - start)
        except BaseException as error:
            return Outcome(error=error, seconds=self._clock() - start)

    def _on_wait(self, words: str | None) -> None:
        self.waiting = words is not None
        self._ring()


class Crew:
    """The sessions of one shell, in the order in which they were made, and which of them is the current one."""

    def __init__(
        self,
        make_session: Callable[[str | None], Session],
        level: str | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`make_session` takes the name of an isolation level or None."""
        self._make_session = make_session
        self._clock = clock
        self.bell = Bell()
        self.on_arrival: Callable[[], None] | None = None  # called in a session's thread when it has an outcome
        self.workers: dict[str, Worker] = {}
        self.current = self._add(FIRST_NAME, level)

    def __iter__(self) -> Iterator[Worker]:
        return iter(self.workers.values())

    def switch(self, name: str) -> Worker:
        """Makes the session called `name` the current one; a new one starts at the current one's level."""
        self.current = self.workers.get(name) or self._add(name, self.current.session.isolation_level)
        return self.current

    def drop(self) -> Worker:
        """Closes the current session and returns it; the one made last of the others becomes the current one."""
        leaving = self.current
        if leaving.busy:
            raise ObjectInUse(f"session {leaving.name} waits for {leaving.blocked_by}", hint="Ctrl-C ends the wait.")
        if len(self.workers) == 1:
            raise ObjectInUse("this is the only session", hint="\\q leaves the shell.")
        del self.workers[leaving.name]
        self.current = list(self.workers.values())[-1]
        leaving.close()
        return leaving

    def submit(self, sql: str) -> None:
        """Sends a statement to the current session, which must be idle."""
        worker = self.current
        if worker.busy:
            raise ObjectInUse(
                f"session {worker.name} still waits for {worker.blocked_by}",
                hint="Go on in another session (\\session NAME); Ctrl-C ends the statement that waits.",
            )
        worker.submit(sql)

    def settle(self) -> None:
        """Waits until every session is idle or blocked."""
        while not all(worker.settled for worker in self.workers.values()):
            self.bell.wait()

    @property
    def has_arrivals(self) -> bool:
        return any(worker.outcome is not None for worker in self.workers.values())

    def arrived(self) -> Iterator[tuple[Worker, Outcome]]:
        """The outcomes that have not been shown, the current session's first."""
        for worker in sorted(self.workers.values(), key=lambda worker: worker is not self.current):
            outcome = worker.take()
            if outcome is not None:
                yield worker, outcome

    def interrupt(self) -> None:
        """Stops what the current session is doing; until that has an outcome, it does not count as blocked. Called from
        a signal handler, too."""
        if self.current.busy:
            self.current.waiting = False
            self.current.session.interrupt()

    def close(self) -> Iterator[tuple[Worker, Outcome]]:
        """Closes all sessions; gives the outcomes of those that could go on because another one had ended."""
        while self.workers:
            idle = next((worker for worker in self.workers.values() if not worker.busy), None)
            if idle is None:  # all that are left wait, for a timeout or for each other: nothing can come of it
                for worker in self.workers.values():
                    worker.session.interrupt()
                while all(worker.busy for worker in self.workers.values()):
                    self.bell.wait()
                yield from self.arrived()
                continue
            del self.workers[idle.name]
            idle.close()
            self.settle()
            yield from self.arrived()
        self.bell.close()

    def _add(self, name: str, level: str | None) -> Worker:
        worker = Worker(name, self._make_session(level), self.bell.ring, self._clock, self._tell_of_arrival)
        self.workers[name] = worker
        return worker

    def _tell_of_arrival(self) -> None:
        if self.on_arrival is not None:
            self.on_arrival()
