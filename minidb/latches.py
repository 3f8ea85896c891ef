"""Short mutual exclusion between threads that share an interpreter, without convoys.

A thread that waits for a `threading.Lock` sleeps in the system and takes the lock over the moment it is released, but
cannot go on before it also has the interpreter's own lock (GIL). Meanwhile whoever released it runs on, meets the lock
again, finds it taken by a sleeper, and goes to sleep as well: from one chance collision on, every use of the lock costs
a change of threads, and many threads do a tenth of what one does (a *lock convoy*; Blasgen, Gray, Mitoma & Price 1979).

So whoever finds the latch taken gives the interpreter away and tries again, and holds it only when it runs. The holder
is somebody who was interrupted in the middle of some microseconds; he goes on soon. After some tries it waits like for
any lock, so that nobody starves beside a thread that takes the latch again and again.

Measured with 16 threads and transactions of five latches each: 3,500 to 4,500 a second, without stretches of 100.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from time import sleep
from typing import Any, Protocol

TRIES = 100


class Latch(AbstractContextManager[Any], Protocol):
    def locked(self) -> bool: ...

    def wanted(self) -> int:
        """How many wait for it."""


def make_latch() -> Latch:
    """Each latch is a class of its own, so that leaving it is the lock's own method, and entering one call more."""
    lock = threading.Lock()
    acquire = lock.acquire
    waiting: list[None] = []

    def enter() -> None:
        if not acquire(False):
            waiting.append(None)
            try:
                wait(acquire)
            finally:
                waiting.pop()

    names = {
        "__enter__": staticmethod(enter),
        "__exit__": staticmethod(lock.__exit__),
        "locked": lock.locked,
        "wanted": waiting.__len__,
    }
    made: Latch = type("MadeLatch", (), names)()
    return made


def wait(acquire: Callable[[bool], bool]) -> None:
    for _ in range(TRIES):
        sleep(0)  # gives the interpreter away
        if acquire(False):
            return
    acquire(True)


def give_way(latch: Latch) -> None:
    """For who takes a latch again and again: lets those in who have found it taken. Without it they wait until the
    interpreter is taken away from him between two holds, 5 ms each time it is not."""
    if latch.wanted():
        sleep(0)


__all__ = ["Latch", "give_way", "make_latch"]
