"""What the tests of the log share: an owner with a latch, payloads that tell their number, tiny sizes."""

from __future__ import annotations

import threading
from typing import Any

from minidb.storage.faulty import FaultyFileSystem
from minidb.storage.file import MemoryFileSystem
from minidb.storage.interface import FileSystem
from minidb.storage.log import Commit, Log, RecoveredLog, Ticket

ID = bytes(range(16))
PATH = "shop.mdb"
FIRST, SECOND = PATH + "-wal", PATH + "-wal2"
TINY: dict[str, Any] = {
    "segment_step": 2048,
    "largest_step": 2048,
    "kept_segment": 1 << 13,
    "batch_limit": 4096,
    "flush_limit": 300,
    "chunk_limit": 600,
    "calm": 1,
    "ahead": 0,
}


def payload_of(number: int, size: int = 40) -> bytes:
    """Bytes that say which commit they belong to, in every place."""
    return (b"<%d>" % number * (size // 3 + 1))[:size]


class Owner:
    """The database around a log, as far as the log can see it."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.latch = threading.Lock()
        self.published: list[int] = []
        self.rounds = 0
        log.on_durable = self.publish

    def publish(self, tickets: list[Ticket]) -> None:
        with self.latch:
            self.rounds += 1
            self.published += [ticket.number for ticket in tickets]

    def queue(self, durability: str = "full", size: int = 40, transaction_id: int = 0) -> Ticket:
        self.log.reserve(size)
        with self.latch:
            number = self.log.last_number + 1
            return self.log.queue(number, payload_of(number, size), durability, number * 1000, transaction_id)

    def pass_through(self, durability: str = "normal", size: int = 40) -> bool:
        """Whether the log has taken the commit at once."""
        with self.latch:
            number = self.log.last_number + 1
            passed = self.log.pass_through(number, payload_of(number, size), durability, number * 1000)
            if passed:
                self.published.append(number)
            return passed

    def commit_leading(self, size: int = 40) -> int:
        """The number of a `full` commit whose own thread leads the log all the time; 0 if the log did not let it."""
        log, number = self.log, 0
        if not log.lead():
            return 0
        try:
            with self.latch:
                if not log.place(log.last_number + 1, size):
                    return 0
                log.last_number = number = log.last_number + 1
            log.write_alone(number, payload_of(number, size), number * 1000)
            with self.latch:
                self.published.append(number)
        except BaseException as error:
            raise log.give_up(number, error) from error
        finally:
            log.hand_on()
        return number

    def commit(self, durability: str = "full", size: int = 40, transaction_id: int = 0) -> int:
        ticket = self.queue(durability, size, transaction_id)
        self.log.settle(ticket)
        return ticket.number


def create(fs: FileSystem, step: int = 2048, **sizes: Any) -> Owner:
    """A log whose segments grow by `step` bytes."""
    return Owner(Log.create(fs, PATH, ID, **{**TINY, "segment_step": step, "largest_step": step, **sizes}))


def recover(fs: FileSystem, after: int = 0, **sizes: Any) -> RecoveredLog:
    return Log.recover(fs, PATH, ID, after=after, **{**TINY, **sizes})


def numbers(recovered: RecoveredLog) -> list[int]:
    """The numbers of the commits, which must carry the payloads they were queued with."""
    commits: list[Commit] = list(recovered)
    for commit in commits:
        assert commit.payload == payload_of(commit.number, len(commit.payload))
        assert commit.time_us == commit.number * 1000
    return [commit.number for commit in commits]


def up_to(last: int, after: int = 0) -> list[int]:
    return list(range(after + 1, last + 1))


def contents(fs: MemoryFileSystem) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, bytes(inode.data)) for name, inode in fs.names.items())


def copy(fs: MemoryFileSystem) -> FaultyFileSystem:
    """The files as they are, all of it durable."""
    return FaultyFileSystem(fs)
