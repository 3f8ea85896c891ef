"""The one place where a session waits for another.

The lock table decides, this blocks. A waiting session owns a `Parking`; whoever lets it go on calls `wake`. A scheduler
(minidb.lab) replaces `Threads` by its own implementation and so knows at once that a step blocks: no sleeping, no
polling.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Protocol


class Parking:
    """Where one session waits. `woken` is level-triggered: a wake before the park is not lost."""

    __slots__ = ("lock", "woken")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lock.acquire()
        self.woken = False


class Waiting(Protocol):
    def park(self, parking: Parking, timeout: float | None) -> bool:
        """Returns True when woken, False after `timeout` seconds. Called without the latch."""

    def wake(self, parking: Parking) -> None:
        """Lets the session go on. Called under the latch or not; takes O(1) and never blocks."""


class Threads:
    """Each session in its own thread: parking is acquiring a lock that the waker releases."""

    def park(self, parking: Parking, timeout: float | None) -> bool:
        deadline = None if timeout is None else time.monotonic() + timeout
        while not parking.woken:
            remaining = -1.0 if deadline is None else max(deadline - time.monotonic(), 0.0)
            if not parking.lock.acquire(timeout=remaining) and not parking.woken:
                return False
        parking.lock.acquire(blocking=False)  # swallow the release that came with the wake
        parking.woken = False
        return True

    def wake(self, parking: Parking) -> None:
        if not parking.woken:
            parking.woken = True
            with suppress(RuntimeError):  # already released by a wake that nobody parked for
                parking.lock.release()
