"""A thread that does one job at a time, for drivers whose calls come back only when the server has answered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

Job = Callable[[], None]


class Worker:
    """`begin` hands over a job, `ended` asks for its end. What a job raises, `ended` raises."""

    def __init__(self, name: str) -> None:
        self.jobs: SimpleQueue[Job | None] = SimpleQueue()
        self.done = threading.Event()
        self.done.set()
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self.work, name=name, daemon=True)
        self.thread.start()

    def work(self) -> None:
        while (job := self.jobs.get()) is not None:
            try:
                job()
            except BaseException as error:
                self.error = error
            self.done.set()

    def begin(self, job: Job) -> None:
        assert self.done.is_set()
        self.done.clear()
        self.jobs.put(job)

    def ended(self, pause: float) -> bool:
        """Whether the job has ended, now or within `pause` seconds."""
        if not self.done.wait(pause):
            return False
        error, self.error = self.error, None
        if error is not None:
            raise error
        return True

    def dismiss(self) -> None:
        """Ends the thread, once its job has ended."""
        self.jobs.put(None)
        self.thread.join()
