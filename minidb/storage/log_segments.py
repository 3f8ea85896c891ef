"""The files of the log: filled with zeros ahead of use, taken in turns, cleaned before they are used again.

    NAME.mdb-wal, NAME.mdb-wal2, ...

                     prepare()                  begin()                     retire() by the log
      (no file) ----------------> free ------------------------> current ------------------> old
                 zeros, synced     ^      header, synced (R10)                                |
                                   |                                                          |
                                   +----------------------------------------------------------+
                     clean(): first block zeroed, synced; what it has too much cut off, the rest zeroed, synced

Invariants

 G1  Bytes of the current segment from `end` to `filled` are zero, and synced as zeros (R4): so writing a batch there
     neither allocates space nor changes the file's size.
 G2  A segment is live from the sync of its header to the sync of the zeros over it. Old segments are cleaned oldest
     first, each one's header for good before the next one's: the live generations have no gap.
 G3  A header is written only after the segment before it was synced to its end (`previous_end`).
 G4  The first name has a file for as long as there is a log, at times an empty one: `NAME.mdb-wal` tells anybody who
     looks (`exists`, a user who copies files) that there is a log, also while the live segment is another.

A failed sync raises `SyncFailed`, whatever its errno: the kernel may have dropped the pages, so the log stops (R5).
A failed write of zeros is an ordinary error; no more is there than before.
"""

from __future__ import annotations

import contextlib

from minidb.errors import OperationalError, ProgramLimitExceeded
from minidb.storage.disk_errors import disk_error
from minidb.storage.interface import File, FileSystem
from minidb.storage.log_format import BLOCK, SegmentHeader, encode_segment_header, round_up

MOST_SEGMENTS = 64
LAST_STEP = 1 << 14  # bytes of the segment that the last checkpoint leaves
ZEROS = bytes(1 << 21)  # costs address space only; in one piece, since each call of the system may cost a turn (GIL)


class SyncFailed(Exception):
    """A sync, or a write that leaves the log's contents unknown, failed. Never leaves the log."""


def sync(file: File) -> None:
    try:
        file.sync()
    except OSError as error:
        raise SyncFailed(f"could not sync {file.path}: {error}") from error


def write_zeros(file: File, start: int, stop: int) -> None:
    for offset in range(start, stop, len(ZEROS)):
        piece = min(len(ZEROS), stop - offset)
        file.write(offset, ZEROS if piece == len(ZEROS) else ZEROS[:piece])


class Segment:
    """One file of the log.

    Attributes:
        index: its place in the row of names.
        header: None while it is free.
        generation: its place in the log; that of its last use while it is free.
        end: where the next batch begins.
        synced: all up to here is known to be durable.
        filled: zeros up to here are known to be durable (G1).
        last: number of the last commit in it, or before it if it has none.
    """

    __slots__ = ("end", "file", "filled", "generation", "header", "index", "last", "synced")

    def __init__(self, file: File, index: int) -> None:
        self.file = file
        self.index = index
        self.header: SegmentHeader | None = None
        self.generation = 0
        self.end = BLOCK
        self.synced = 0
        self.filled = 0
        self.last = 0

    def adopt(self, header: SegmentHeader) -> None:
        """The file has this header."""
        self.header = header
        self.generation = header.generation
        self.last = header.before

    def begin(self, header: SegmentHeader) -> None:
        """free -> current. After an error the header is gone again, or SyncFailed is raised."""
        try:
            self.file.write(0, encode_segment_header(header))
        except OSError as error:
            self._erase_header()
            raise disk_error(error, "begin a log segment") from error
        sync(self.file)
        self.adopt(header)
        self.end = self.synced = BLOCK

    def _erase_header(self) -> None:
        try:
            self.file.write(0, ZEROS[:BLOCK])
        except OSError as error:
            raise SyncFailed(f"could not erase a header in {self.file.path}: {error}") from error
        sync(self.file)

    def write_synced(self, start: int, data: bytes) -> None:
        """Writes a batch, and makes it durable with all before it. Where nothing before waits for a sync, one call does
        both: between two of them another thread would take the interpreter."""
        file = self.file
        try:
            if self.synced == start:
                file.write_synced(start, data)
            else:
                file.write(start, data)
                file.sync()
        except OSError as error:
            raise SyncFailed(f"could not write and sync {file.path}: {error}") from error
        self.synced = start + len(data)

    def grow(self, target: int) -> None:
        """Fills with zeros and syncs up to `target`; DiskFull leaves everything as it was."""
        try:
            write_zeros(self.file, self.filled, target)
        except OSError as error:
            self._give_back()
            raise disk_error(error, "extend the log") from error
        sync(self.file)
        self.filled = target

    def _give_back(self) -> None:
        try:
            if self.file.size() > self.filled:
                self.file.truncate(self.filled)
        except OSError:
            pass  # the space is not given back; the bytes beyond `filled` mean nothing

    def clean(self, kept: int) -> None:
        """old -> free: zeros over everything that was written, the header first and for good (G2); what is beyond
        `kept` bytes is given back to the disk."""
        try:
            self.file.write(0, ZEROS[:BLOCK])
            sync(self.file)
            self.header = None
            if self.filled > kept:
                self.file.truncate(kept)
                self.filled = kept
            write_zeros(self.file, BLOCK, min(self.end, self.filled))
        except OSError as error:
            raise disk_error(error, "clean a log segment") from error
        sync(self.file)
        self.end = BLOCK
        self.synced = 0


class SegmentFiles:
    """The names, and the segments that are free. Used by one thread at a time (the log's leader or its checkpoint).

    Arguments:
        smallest_step, largest_step: bytes by which a segment is extended: as much as it has, within these bounds.
        kept: bytes of a segment that are kept for its next use.
    """

    def __init__(self, fs: FileSystem, path: str, smallest_step: int, largest_step: int, kept: int) -> None:
        self.fs = fs
        self.path = path
        self.smallest_step = round_up(smallest_step)
        self.largest_step = round_up(largest_step)
        self.kept = max(BLOCK, round_up(kept))
        self._ending = False
        self.free: list[Segment] = []

    def name(self, index: int) -> str:
        return f"{self.path}-wal" if index == 0 else f"{self.path}-wal{index + 1}"

    def names(self) -> list[str]:
        """The names that have a file, whatever is in it."""
        return [name for name in map(self.name, range(MOST_SEGMENTS)) if self.fs.exists(name)]

    def step(self, segment: Segment, needed: int) -> int:
        """The size to which a segment is extended when it must hold `needed` bytes."""
        usual = segment.filled + min(max(segment.filled, self.smallest_step), self.largest_step)
        return max(usual, round_up(needed))

    def prepare(self, taken: set[int], needed: int) -> Segment:
        """A free segment with room for `needed` bytes, made if there is none. `taken`: the indexes in use."""
        segment = self.free[0] if self.free else self._create(taken)
        if segment.filled < needed:
            segment.grow(self.step(segment, needed))
        return segment

    def _create(self, taken: set[int]) -> Segment:
        index = next((index for index in range(MOST_SEGMENTS) if index not in taken), None)
        if index is None:
            raise ProgramLimitExceeded(
                f"the log has {MOST_SEGMENTS} segments in use",
                hint="End the large transactions that have been open over many checkpoints.",
            )
        segment = Segment(self._create_file(self.name(index)), index)
        self.free.append(segment)
        return segment

    def _create_file(self, name: str) -> File:
        existed = self.fs.exists(name)
        try:
            file = self.fs.open(name, create=True)
            try:
                if file.size():
                    file.truncate(0)  # left behind by a crash or an error
                self.fs.sync_directory(name)  # R77
            except BaseException:
                file.close()
                if not existed:
                    self.fs.remove(name)  # a name whose sync has failed is not trusted to a second sync (R5)
                raise
            return file
        except OSError as error:
            raise disk_error(error, "create a log segment") from error

    def reclaim(self, segment: Segment) -> None:
        """Cleans an old segment; one free segment is kept."""
        segment.clean(BLOCK if self.free else self.kept)
        if self.free:
            segment.file.close()
            self.remove(segment.file.path)
        else:
            self.free.append(segment)

    def remove(self, name: str) -> None:
        """Removes a file that is not live, or empties it (G4). Should it come back after a crash, it is found free."""
        try:
            if name == self.name(0):
                file = self.fs.open(name)
                try:
                    if file.size():
                        file.truncate(0)
                finally:
                    file.close()
            else:
                self.fs.remove(name)
                self.fs.sync_directory(name)
        except OSError as error:
            raise disk_error(error, "remove a log segment") from error

    def worth_leaving(self, segment: Segment) -> bool:
        """Whether the log should end with a small segment in place of this empty one."""
        return self._ending and segment.filled > 2 * self.smallest_step

    def shrink(self) -> None:
        """The log is about to be closed: removes the free segments; one that is made now is small."""
        self._ending = True
        self.smallest_step = min(self.smallest_step, LAST_STEP)
        free, self.free = self.free, []
        for segment in free:
            segment.file.close()
            with contextlib.suppress(OperationalError):  # the space is only not given back
                self.remove(segment.file.path)

    def close(self) -> None:
        for segment in self.free:
            segment.file.close()
        self.free.clear()
