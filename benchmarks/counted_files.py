"""A file system that counts what the engine reads, writes and syncs, by file: the base, and the segments of its log.

    files = CountedFiles(OSFileSystem())
    database = minidb.Database(path, files=files)
    before = files.base.copy(); ...; files.base - before
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from minidb.storage.interface import File, FileSystem


class Tally:
    """Calls and bytes since the beginning; one minus an earlier one is what happened between."""

    NAMES = ("reads", "bytes_read", "writes", "bytes_written", "syncs")

    def __init__(self) -> None:
        self.reads = self.bytes_read = self.writes = self.bytes_written = self.syncs = 0

    def copy(self) -> Tally:
        same = Tally()
        vars(same).update(vars(self))
        return same

    def __sub__(self, earlier: Tally) -> Tally:
        difference = Tally()
        for name in self.NAMES:
            setattr(difference, name, getattr(self, name) - getattr(earlier, name))
        return difference

    def __repr__(self) -> str:
        return ", ".join(f"{getattr(self, name)} {name}" for name in self.NAMES)


class CountedFile:
    """One open file; what it does is added to a tally that may be shared by several."""

    def __init__(self, file: File, tally: Tally, system: CountedFiles) -> None:
        self.file = file
        self.path = file.path
        self.tally = tally
        self.system = system
        self.mutex = system.mutex
        self.size, self.truncate = file.size, file.truncate
        self.identity, self.lock, self.close = file.identity, file.lock, file.close

    def read(self, offset: int, length: int) -> bytes:
        data = self.file.read(offset, length)
        with self.mutex:
            self.tally.reads += 1
            self.tally.bytes_read += len(data)
        return data

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        self.file.write(offset, data)
        with self.mutex:
            self.tally.writes += 1
            self.tally.bytes_written += len(data)

    def write_synced(self, offset: int, data: bytes) -> None:
        self.system.before_sync()
        self.file.write_synced(offset, data)
        with self.mutex:
            self.tally.writes += 1
            self.tally.bytes_written += len(data)
            self.tally.syncs += 1

    def store(self, offset: int, end: int, pieces: tuple[bytes, ...]) -> bool:
        done = self.file.store(offset, end, pieces)
        with self.mutex:
            self.tally.writes += done
            self.tally.bytes_written += done * sum(map(len, pieces))
        return done

    def sync(self) -> None:
        self.system.before_sync()
        self.file.sync()
        with self.mutex:
            self.tally.syncs += 1


class CountedFiles:
    """
    Attributes:
        base: what happened to database files.
        log: what happened to segments of logs.
        before_sync: called before each sync, for tests that hold one up.
    """

    def __init__(self, files: FileSystem) -> None:
        self.files = files
        self.base, self.log = Tally(), Tally()
        self.mutex = threading.Lock()
        self.before_sync: Callable[[], None] = lambda: None
        self.exists, self.remove, self.rename = files.exists, files.remove, files.rename
        self.sync_directory, self.resolve = files.sync_directory, files.resolve

    def open(self, path: str, *, create: bool = False, read_only: bool = False) -> File:
        file = self.files.open(path, create=create, read_only=read_only)
        return CountedFile(file, self.log if "-wal" in path else self.base, self)
