"""Waiting for locks: one request at a time for each transaction, deadlocks, waking.

    begin_wait --> park --granted--> goes on
        |            \\--> victim of a deadlock, doomed, interrupted, out of time: raises
        \\--deadlock--> a place in a queue is passed, or a victim chosen

The lock table (`locks`) decides, `waiting` blocks; this is what stands between. Every wait of a transaction goes
through `park`, without the latch; all that changes who waits for whom is done under it.
"""

from __future__ import annotations

from collections.abc import Iterable

from minidb.errors import DeadlockDetected, LockNotAvailable, QueryCanceled
from minidb.latches import Latch, make_latch
from minidb.txn.locks import Ending, Request, Resource, Wait, choose_victim, find_cycle
from minidb.txn.transaction import Transaction
from minidb.txn.waiting import Threads, Waiting


class LockWaits:
    """Who waits for whom.

    Attributes:
        latch: guards locks, versions, numbers, the graph; innermost and short.
        active: the transactions that have not ended.
    """

    def __init__(self, waiting: Waiting | None) -> None:
        self.latch: Latch = make_latch()
        self.waiting: Waiting = waiting or Threads()
        self.active: dict[Transaction, None] = {}

    def begin_wait(self, txn: Transaction, request: Request) -> None:
        """Registers a wait and looks for a deadlock, in the hold that decided it (R53). May raise DeadlockDetected."""
        txn.waiting = request
        while not request.granted:
            cycle = find_cycle(request)
            if cycle is None:
                return
            if not self.let_pass(cycle):
                self.break_deadlock(txn, cycle)

    def search_again(self, resource: Resource) -> None:
        """Somebody has become a holder behind those who wait: looks for deadlocks in their place."""
        for request in list(resource.queue):
            while request.txn.waiting is request and (cycle := find_cycle(request)) is not None:
                if not self.let_pass(cycle):
                    self.fail_waiting(choose_victim(cycle, request.txn), cycle)

    def let_pass(self, cycle: list[Wait]) -> bool:
        """Breaks a cycle that goes through a place in a queue by letting that waiter pass (R51)."""
        soft = next((wait for wait in reversed(cycle) if not wait.hard), None)
        if soft is None or soft.in_front is None:
            return False
        soft.request.passed.add(id(soft.in_front))
        self.wake_granted(soft.request.resource.pump())
        return True

    def break_deadlock(self, txn: Transaction, cycle: list[Wait]) -> None:
        victim = choose_victim(cycle, txn)
        if victim is txn:
            self.stop_waiting(txn)
            raise deadlock(cycle)
        self.fail_waiting(victim, cycle)

    def fail_waiting(self, victim: Transaction, cycle: list[Wait]) -> None:
        victim.wait_error = deadlock(cycle)
        self.stop_waiting(victim)
        self.waiting.wake(victim.parking)

    def stop_waiting(self, txn: Transaction) -> None:
        request = txn.waiting
        txn.waiting = None
        if request is not None and not request.granted:
            self.wake_granted(request.resource.cancel(request))

    def wake_victim(self, txn: Transaction) -> None:
        """Wakes a waiting transaction that must not go on (doomed by SSI, interrupted). Under the latch."""
        if txn.waiting is not None:
            self.stop_waiting(txn)
            self.waiting.wake(txn.parking)

    def wake_granted(self, requests: Iterable[Request]) -> None:
        for request in requests:
            if request.txn.waiting is request:
                request.txn.waiting = None
                self.waiting.wake(request.txn.parking)

    # -- sleeping

    def park(self, txn: Transaction, request: Request) -> None:
        """Waits, without the latch, until `request` is granted; raises what stopped the wait otherwise."""
        if txn.on_wait is not None and not request.granted:
            txn.on_wait(request.words())
        try:
            while not request.granted:
                if not self.waiting.park(txn.parking, txn.lock_timeout):
                    self.give_up(txn, request)
                if txn.wait_error is not None or txn.interrupted or txn.doomed is not None:
                    break
        finally:
            with self.latch:
                self.stop_waiting(txn)
                error, txn.wait_error = txn.wait_error, None  # also when a time limit came together with it
            txn.parking.woken = False
            if txn.on_wait is not None:
                txn.on_wait(None)
        if error is not None:
            raise error
        self.check(txn)

    def give_up(self, txn: Transaction, request: Request) -> None:
        """The lock timeout has passed."""
        with self.latch:
            if not request.granted:
                self.stop_waiting(txn)
                raise LockNotAvailable(
                    "canceling statement due to lock timeout", detail=f"It waited for {request.words()}."
                )

    def await_end(self, txn: Transaction, other: Transaction, why: str = "") -> None:
        with self.latch:
            request = self.ending_of(txn, other, why)
            if request is None:
                return
            self.begin_wait(txn, request)
        self.park(txn, request)

    def ending_of(self, txn: Transaction, other: Transaction, why: str = "") -> Request | None:
        """A request for the end of `other`; None if it has ended. Under the latch."""
        if other not in self.active:
            return None
        ending = Ending(other, why)
        other.ending_waiters = [*other.ending_waiters, ending]
        return ending.enqueue(Request(txn, ending))

    def end_waits(self, txn: Transaction) -> None:
        for ending in txn.ending_waiters:
            ending.ended = True
            self.wake_granted(ending.pump())
        txn.ending_waiters = []

    # -- safe points

    def check(self, txn: Transaction) -> None:
        """Safe point: interrupts and dooms show here (R60, R72)."""
        if txn.interrupted:
            txn.interrupted = False
            raise QueryCanceled("canceling statement due to user request")
        if txn.doomed is not None:
            raise txn.doomed

    def interrupt(self, txn: Transaction) -> None:
        """From any thread or signal handler: the statement of `txn` stops at its next safe point, or stops waiting.

        Takes no latch: a signal handler may run in a thread that holds it (R72)."""
        txn.interrupted = True
        self.waiting.wake(txn.parking)


def deadlock(cycle: list[Wait]) -> DeadlockDetected:
    detail = "; ".join(wait.words() for wait in cycle) + "."
    return DeadlockDetected(
        "deadlock detected",
        detail=detail,
        hint="The transaction might succeed if retried.",
        cycle=tuple(wait.facts() for wait in cycle),
    )


__all__ = ["LockWaits"]
