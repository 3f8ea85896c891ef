"""A log with group commit: whoever finds nobody writing leads, and writes and syncs for all who wait.

The file grows in large steps of zeros that are synced once, since a sync of a file whose size stays is twice as fast.
A leader that has finished hands over to the first of those who came meanwhile.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

STEP = 1 << 22  # bytes by which the file grows


class Waiter:
    """One commit that waits for its bytes to be in the log."""

    __slots__ = ("done", "payload", "turn")

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self.done = False
        self.turn = threading.Lock()
        self.turn.acquire()


class GroupLog:
    def __init__(self, path: Path, synced: bool) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        self.synced = synced
        self.end = 0
        self.filled = 0
        self.queue: list[Waiter] = []
        self.leading = False
        self.mutex = threading.Lock()

    def append(self, payload: bytes) -> Waiter | None:
        """Called in commit order, under the latch of the store; what is returned goes to `wait` without it."""
        if not self.synced:
            self.write(payload)
            return None
        waiter = Waiter(payload)
        with self.mutex:
            self.queue.append(waiter)
        return waiter

    def wait(self, waiter: Waiter) -> None:
        """Returns when the payload is durable."""
        with self.mutex:
            leads = not self.leading and not waiter.done
            self.leading = self.leading or leads
        if not leads:
            waiter.turn.acquire()
            if waiter.done:
                return
        self.lead()

    def lead(self) -> None:
        with self.mutex:
            batch, self.queue = self.queue, []
        self.write(b"".join([waiter.payload for waiter in batch]))
        os.fdatasync(self.descriptor)
        for waiter in batch:
            waiter.done = True
            waiter.turn.release()
        with self.mutex:
            if self.queue:
                self.queue[0].turn.release()  # it leads now
            else:
                self.leading = False

    def write(self, payload: bytes) -> None:
        if self.end + len(payload) > self.filled:
            self.grow(len(payload))
        os.pwrite(self.descriptor, payload, self.end)
        self.end += len(payload)

    def grow(self, least: int) -> None:
        step = max(STEP, least)
        os.pwrite(self.descriptor, bytes(step), self.filled)
        if self.synced:
            os.fsync(self.descriptor)
        self.filled += step

    def restart(self) -> None:
        """Forgets all that was written, since it stands elsewhere now."""
        self.end = 0

    def close(self) -> None:
        os.close(self.descriptor)
