"""Reading the log from outside while it is written: commits in order, from kept segments and from live files.

`log_reader` judges the log of a database that is being opened; this reads along with one that is running, in this
process or in another one, and takes no lock. It knows the files only:

    kept segments (`log_archive`)  ->  live segments (NAME.mdb-wal...)  ->  the end, for now
        whole, never changed            appended to, then cleaned and used again

A segment is named by its generation, and each batch names its generation and the batch before: what follows is found,
or it is not there yet. When a live file turns out to hold something else it has been used again, and since segments
are kept before that, the segment is among the kept ones.

Invariants

 F1  Nothing is given out that is not durable: a live file is synced after it was read and before its commits go out.
     (Its writer may be about to sync it; a crash in between would take back what a reader has been told.)
 F2  Numbers of commits have no gap, chunks are complete; otherwise DatabaseCorrupt. A segment that is gone altogether
     is SegmentGone: somebody has given it up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple
from zlib import crc32

from minidb.errors import DatabaseCorrupt
from minidb.storage.disk_errors import disk_error
from minidb.storage.interface import File, FileSystem
from minidb.storage.log_archive import Archive, needed_generation
from minidb.storage.log_format import (
    BATCH_OVERHEAD,
    BLOCK,
    CHUNK,
    COMMIT,
    HEADER_BYTES,
    BatchHeader,
    Frame,
    SegmentHeader,
    decode_batch_header,
    decode_body,
    decode_frames,
    decode_segment_header,
)
from minidb.storage.log_reader import damage
from minidb.storage.log_segments import SegmentFiles

ROUND = 1 << 20  # bytes of log read before they are synced and given out


class SegmentGone(Exception):
    """A segment is neither live nor kept."""


class Place(NamedTuple):
    """Where a chunk stands."""

    tail: LogTail
    generation: int
    offset: int
    length: int
    checksum: int
    payload: bytes | None  # kept where the file holds it masked

    def read(self) -> bytes:
        if self.payload is not None:
            return self.payload
        for _ in range(2):
            file = self.tail.file_of(self.generation)
            data = file.read(self.offset, self.length)
            if len(data) == self.length and crc32(data) == self.checksum:
                return data
            self.tail.forget(self.generation)  # used again meanwhile
        raise DatabaseCorrupt(f"a chunk of the log's segment {self.generation} has changed")


class TailCommit(NamedTuple):
    """One committed transaction; `chunks` come before `payload`."""

    number: int
    time_us: int
    payload: bytes
    chunks: list[Place]


class LogTail:
    """The log of the database at `path`, read from commit `start` + 1 on.

    Arguments:
        archives: prefixes below which segments are kept; looked at in this order, after the live files.
        bound: the number up to which commits may be given out, asked each time; None: all that are durable.
    """

    def __init__(self, fs: FileSystem, path: str, database_id: bytes, archives: list[str], start: int, *,
                 bound: Callable[[], int] | None = None) -> None:
        self.fs = fs
        self.database_id = database_id
        self.archives = archives
        self.bound = bound
        self._live = SegmentFiles(fs, path, 0, 0, 0)
        self._files: dict[int, File] = {}
        self._transactions: dict[int, list[Place]] = {}
        self._ready: deque[TailCommit] = deque()
        self._read: list[TailCommit] = []  # but perhaps not durable yet
        self._closed: dict[int, int] = {}  # generation -> end, of those known to be whole
        self._start = start
        self._begun = False
        self._generation = self._offset = self._sequence = self._previous = self._incarnation = 0
        self.last = start  # number of the last commit that was read

    def _begin(self) -> bool:
        """Finds the segment to begin with; False if there is no log yet."""
        generation = self._first_generation()
        if generation is None:
            return False
        header = self._enter(generation)
        self.last, self._sequence, self._previous = header.before, header.sequence, header.previous
        self._incarnation = header.incarnation
        self._begun = True
        return True

    def _first_generation(self) -> int | None:
        live = {header.generation: header.before for _, header in self._live_headers()}
        archives = filter(None, map(self._load, self.archives))
        kept = [segment for archive in archives for segment in archive.index.segments]
        befores = {**{segment.generation: segment.before for segment in kept}, **live}
        if not befores:
            return None
        candidates = [generation for generation, before in befores.items() if before <= self._start]
        if not candidates:
            raise SegmentGone(f"the log begins after commit {min(befores.values())}")
        first = min(max(candidates), needed_generation(kept, self._start))
        if first in live and first not in {segment.generation for segment in kept}:
            first = min(live)  # chunks of its commits may stand in any live segment
        return first if first in befores else min(befores)

    def _load(self, prefix: str) -> Archive | None:
        found = Archive.load(self.fs, prefix)
        return found if found is not None and found.index.database_id == self.database_id else None

    # -- files

    def _live_headers(self) -> Iterator[tuple[str, SegmentHeader]]:
        for name in self._live.names():
            try:
                file = self.fs.open(name, read_only=True)
            except FileNotFoundError:
                continue
            try:
                header = decode_segment_header(file.read(0, BLOCK))
            finally:
                file.close()
            if header is not None and header.database_id == self.database_id:
                yield name, header

    def file_of(self, generation: int) -> File:
        """The file with a segment; raises SegmentGone."""
        file = self._files.get(generation)
        if file is None:
            file = self._files[generation] = self._find(generation)
        return file

    def _find(self, generation: int) -> File:
        try:
            for name, header in self._live_headers():
                if header.generation == generation:
                    return self.fs.open(name, read_only=True)
            for prefix in self.archives:
                archive = self._load(prefix)
                for segment in archive.index.segments if archive is not None else ():
                    if segment.generation == generation:
                        assert archive is not None
                        self._closed[generation] = segment.end
                        return self.fs.open(archive.name(generation), read_only=True)
        except FileNotFoundError as error:
            raise SegmentGone(str(error)) from error
        except OSError as error:
            raise disk_error(error, "read the log") from error
        raise SegmentGone(f"segment {generation} of the log is not kept any more")

    def forget(self, generation: int) -> None:
        file = self._files.pop(generation, None)
        if file is not None:
            file.close()

    def close(self) -> None:
        for generation in list(self._files):
            self.forget(generation)

    # -- reading

    def read(self) -> Iterator[TailCommit]:
        """Some of the commits that are there and durable, after those read before; none: this is the end for now."""
        if not self._begun and not self._begin():
            return
        while not self._ready:
            if not self._fill():
                return
        bound = None if self.bound is None else self.bound()
        while self._ready and (bound is None or self._ready[0].number <= bound):
            yield self._ready.popleft()

    def read_all(self) -> Iterator[TailCommit]:
        """All of them, to the end for now."""
        more = True
        while more:
            more = False
            for commit in self.read():
                more = True
                yield commit

    def _fill(self) -> bool:
        """Reads a round of batches, and makes them durable (F1); False if there are none."""
        got = len(self._read)
        while got < ROUND:
            found = self._next_batch()
            if found is None:
                break
            self._frames(*found)
            got += len(found[1])
        if got and self._generation not in self._closed:
            try:
                self.file_of(self._generation).sync()
            except OSError as error:
                raise disk_error(error, "sync the log") from error
        self._ready.extend(self._read)
        self._read = []
        return got > 0 or self._go_on()

    def _next_batch(self) -> tuple[BatchHeader, bytes] | None:
        try:
            file = self.file_of(self._generation)
            block = file.read(self._offset, BLOCK)
            header = decode_batch_header(block, self.database_id, self._generation, self._offset)
            if header is None or not self._follows(header):
                return None
            rest = BATCH_OVERHEAD + header.length - len(block)
            data = block[: BATCH_OVERHEAD + header.length]
            if rest > 0:
                if file.size() < self._offset + len(block) + rest:
                    return None
                data += file.read(self._offset + len(block), rest)
        except OSError as error:
            raise disk_error(error, "read the log") from error
        body = decode_body(header, data)
        if not body.whole:
            return None  # being written, or the file has been used again
        self._sequence, self._previous, self._offset = header.sequence, body.checksum, header.end
        return header, body.payload

    def _follows(self, header: BatchHeader) -> bool:
        return header.sequence == self._sequence + 1 and header.previous == self._previous

    def _go_on(self) -> bool:
        """At the end of what the file has: was it used again, or closed? False if it is the end for now."""
        generation = self._generation
        block = self.file_of(generation).read(0, BLOCK)
        header = decode_segment_header(block)
        if header is None or header.generation != generation:
            self.forget(generation)
            self.file_of(generation)
            return True
        if not self._is_overtaken():
            return False
        following = self.file_of(generation + 1).read(0, BLOCK)
        after = decode_segment_header(following)
        if after is None or after.generation != generation + 1:
            self.forget(generation + 1)
            return True
        if after.previous_end != self._offset:
            if self._offset < after.previous_end and generation not in self._closed:
                self._closed[generation] = after.previous_end  # more was written before it was closed
                return True
            raise damage(self.file_of(generation), self._offset, "a batch of the log is damaged or missing")
        if (after.sequence, after.previous, after.before) != (self._sequence, self._previous, self.last):
            raise damage(self.file_of(generation + 1), 0, "it does not follow the segment before")
        self._enter(generation + 1)
        return True

    def _is_overtaken(self) -> bool:
        """Whether there is a later segment."""
        if any(header.generation > self._generation for _, header in self._live_headers()):
            return True
        archives = filter(None, map(self._load, self.archives))
        return any(segment.generation > self._generation for archive in archives for segment in archive.index.segments)

    def _enter(self, generation: int) -> SegmentHeader:
        for _ in range(2):
            header = decode_segment_header(self.file_of(generation).read(0, BLOCK))
            if header is not None and header.generation == generation:
                break
            self.forget(generation)
        else:
            raise SegmentGone(f"segment {generation} of the log is not kept any more")
        held = {place.generation for places in self._transactions.values() for place in places}
        for other in list(self._files):
            if other not in held and other != generation:
                self.forget(other)
        self._generation = generation
        self._offset = BLOCK
        return header

    # -- frames

    def _frames(self, header: BatchHeader, payload: bytes) -> None:
        if header.incarnation != self._incarnation:
            self._transactions.clear()  # no transaction outlives its process
            self._incarnation = header.incarnation
        for frame in self._frames_of(header, payload):
            if frame.kind == CHUNK:
                data = payload[frame.start : frame.start + frame.length]
                offset = header.offset + HEADER_BYTES + frame.start
                place = Place(
                    self, self._generation, offset, frame.length, crc32(data), data if header.mask else None
                )
                self._transactions.setdefault(frame.transaction_id, []).append(place)
            elif frame.kind == COMMIT:
                chunks = self._transactions.pop(frame.transaction_id, [])
                if frame.number != self.last + 1:
                    raise DatabaseCorrupt(f"in the log commit {frame.number} follows commit {self.last}")
                self.last = frame.number
                if frame.number > self._start:
                    if len(chunks) != frame.chunks:
                        raise DatabaseCorrupt(f"the log lacks chunks of commit {frame.number}")
                    data = payload[frame.start : frame.start + frame.length]
                    self._read.append(TailCommit(frame.number, frame.time_us, data, chunks))
            else:
                self._transactions.pop(frame.transaction_id, None)

    def _frames_of(self, header: BatchHeader, payload: bytes) -> list[Frame]:
        try:
            return list(decode_frames(payload))
        except ValueError as error:  # the checksum was right
            raise damage(self.file_of(self._generation), header.offset, str(error)) from error


__all__ = ["LogTail", "SegmentGone", "TailCommit"]
