"""Who writes the log: one thread at a time, the leader; the others wait, each at a gate of its own.

    committer                                             leadership
    ---------                                             ----------
    enter(): nobody leads ------------------------------> leads: writes, syncs, publishes for all that are queued
    enter(): somebody leads -> waits at its own gate        |
                 ^  |                                       | leave(tickets): marks them done, opens their gates,
                 |  +- done: published (or refused) <-------+ and makes the first waiter that is not done the leader
                 +---- promoted: leads <--------------------+ (or nobody, if none waits)

Measured against other schemes (one lock for all, a log thread, an added delay) this one wins at every number of
threads: a lone committer pays two tries of a lock and no hand-over, and at 32 threads a sync serves 16 commits. A
leader that goes on for others gathers fewer, 10; opening the gates before handing on showed no difference, nor did
giving the interpreter away before the queue is taken, in the hope that more are in it then.

Invariants

 W1  To lead is to hold `_led`, which is tried and never waited for. Who does not get it puts himself among the waiters
     and tries once more then; who gives it up looks at the waiters afterwards. So one of them sees the other.
 W2  A gate is opened only after `done` or `promoted` was set. A waiter goes by these marks, not by the gate, so that
     an interrupt just before or just after it passed the gate makes no difference (R11).
 W3  An exception while waiting is kept and raised after the wait: nobody leaves with leadership in hand, and a commit
     that has its number is not abandoned (R11).
 W4  With one thread nobody ever waits: sessions that are greenlets of one thread always find the leadership free.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import msgspec


class Gate(Protocol):
    """What a waiter waits at: a lock that its owner acquires twice, and that another thread releases."""

    def acquire(self) -> bool: ...

    def release(self) -> None: ...


COMMITTED, REFUSED, UNKNOWN = range(3)
OFF, NORMAL, FULL = range(3)  # levels of durability


class Waiter(msgspec.Struct, eq=False, kw_only=True):
    """Somebody who wants to lead, or wants what a leader does. (A Struct is made in a third of the time of others.)"""

    done: bool = False
    promoted: bool = False
    gate: Gate | None = None
    interrupt: BaseException | None = None


class Ticket(Waiter, eq=False):
    """A commit on its way, in number order.

    Attributes:
        owner: whatever the owner puts here, to find the transaction again when it publishes.
        level: OFF, NORMAL or FULL.
        chunks: how many CHUNK frames belong to it.
        space: bytes of the log that are reserved for it.
        outcome: COMMITTED (also while it is on its way), REFUSED or UNKNOWN.
    """

    number: int
    payload: bytes
    level: int
    time_us: int
    space: int
    owner: Any = None
    outcome: int = COMMITTED
    transaction_id: int = 0
    chunks: int = 0


class Leadership:
    """See the module's text. `make_gate` makes an open gate; a scheduler may bring its own."""

    def __init__(self, make_gate: Callable[[], Gate] = threading.Lock) -> None:
        self._make_gate = make_gate
        self._led = threading.Lock()
        self._waiters: deque[Waiter] = deque()  # added to by anybody, taken from by who leads; some of them are done

    def enter(self, waiter: Waiter) -> bool:
        """Returns True when the caller leads, False when there is nothing left to do for this waiter."""
        waits = not self._led.acquire(False)
        if waits:
            gate = self._make_gate()
            gate.acquire()
            waiter.gate = gate
            self._waiters.append(waiter)
            if not self._led.acquire(False):  # W1
                while not (waiter.done or waiter.promoted):  # W2
                    try:
                        gate.acquire()
                    except BaseException as interrupt:
                        waiter.interrupt = interrupt  # W3
                return not waiter.done
        if waiter.done:
            self.hand_on()
            return False
        if waits:
            self._waiters.remove(waiter)
        return True

    def try_to_lead(self) -> bool:
        """Whether nobody led, so that the caller does now."""
        return self._led.acquire(False)

    def leave(self, finished: Sequence[Waiter] = (), own: Waiter | None = None) -> bool:
        """The finished ones are done. If `own` is still not, the caller goes on leading (False); else it hands over."""
        for waiter in finished:
            waiter.done = True
        over = own is None or own.done
        if over:
            self.hand_on()  # first: the successor has work to do, the others only have to return
        self._open_gates(finished)
        return over

    def finish(self, finished: Sequence[Waiter]) -> None:
        """The finished ones are done; the caller goes on leading."""
        for waiter in finished:
            waiter.done = True
        self._open_gates(finished)

    @staticmethod
    def _open_gates(finished: Sequence[Waiter]) -> None:
        """Of those who are done. One that makes its gate only now will not wait at it (W2)."""
        for waiter in finished:
            gate = waiter.gate
            if gate is not None and not waiter.promoted:
                gate.release()

    def hand_on(self) -> None:
        """The caller does not lead any more: the first waiter that is not done does, or nobody."""
        waiters = self._waiters
        while True:
            while waiters:
                waiter = waiters.popleft()
                if not waiter.done:
                    assert waiter.gate is not None
                    waiter.promoted = True
                    waiter.gate.release()
                    return
            self._led.release()
            if not waiters or not self._led.acquire(False):  # W1
                return

    @contextmanager
    def held(self) -> Iterator[None]:
        """Leads for the length of the block, for work that is not a commit."""
        waiter = Waiter()
        self.enter(waiter)
        try:
            if waiter.interrupt is not None:
                raise waiter.interrupt
            yield
        finally:
            self.leave()
