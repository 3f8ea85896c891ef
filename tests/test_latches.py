"""A latch keeps others out, lets everybody in at some time, and is not owned by threads that do not run."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from minidb import latches
from minidb.latches import give_way, make_latch


def test_one_at_a_time() -> None:
    latch = make_latch()
    inside, most, count = 0, 0, 0

    def work() -> None:
        nonlocal inside, most, count
        for _ in range(300):
            with latch:
                inside += 1
                most = max(most, inside)
                seen = count
                time.sleep(0)
                count = seen + 1
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, count) == (1, 8 * 300)
    assert not latch.locked()


def test_it_is_left_by_an_error() -> None:
    latch = make_latch()
    with pytest.raises(ValueError), latch:
        assert latch.locked()
        raise ValueError
    assert not latch.locked()


def test_nobody_starves_beside_one_who_takes_it_all_the_time() -> None:
    latch = make_latch()
    entered, over = threading.Event(), threading.Event()

    def greedy() -> None:
        while not over.is_set():
            with latch:
                entered.set()
                time.sleep(0.0005)

    thread = threading.Thread(target=greedy)
    thread.start()
    entered.wait()
    for _ in range(5):
        with latch:
            pass
    over.set()
    thread.join()


def test_who_waits_does_not_take_it_over_before_it_can_run() -> None:
    """Released, it is free: the one who releases it can have it again at once (no convoy)."""
    latch = make_latch()
    waiting, released = threading.Event(), threading.Event()

    def wait_for_it() -> None:
        waiting.set()
        with latch:
            released.wait()

    free = 0
    for _ in range(20):
        with latch:
            thread = threading.Thread(target=wait_for_it)
            waiting.clear()
            released.clear()
            thread.start()
            waiting.wait()
        free += not latch.locked()  # no thread has run in between, most times
        released.set()
        thread.join()
    assert free


def test_it_says_how_many_wait() -> None:
    latch = make_latch()
    with latch:
        assert latch.wanted() == 0
        thread = threading.Thread(target=latch.__enter__)
        thread.start()
        while not latch.wanted():
            time.sleep(0)
    thread.join()
    assert latch.wanted() == 0 and latch.locked()
    latch.__exit__(None, None, None)


def test_giving_way_is_for_somebody() -> None:
    slept = 0

    class Wanted:
        waiting = 0

        def wanted(self) -> int:
            return self.waiting

    def sleep(seconds: float) -> None:
        nonlocal slept
        slept += 1

    latch: Any = Wanted()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latches, "sleep", sleep)
        give_way(latch)
        assert slept == 0
        latch.waiting = 2
        give_way(latch)
    assert slept == 1
