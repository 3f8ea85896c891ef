"""Reading the log back: where it ends, whether it is damaged, what it holds. Nothing is written here.

Where the log ends (R8). The walk stops at the first offset without a valid batch that follows the one before. Then:

    what stands there                                               verdict
    ------------------------------------------------------------------------------------------------------------
    anything, in a segment that has a successor, before its end     damage: it was synced before the successor began
    a block with a wrong header and something behind the header     damage: blocks are not torn (M1)
    a valid header, all blocks there, end mark there, wrong sum     damage: all of it arrived (M3)
    anything, and a valid header names a larger synced offset       damage: this was durable
    anything, and a valid header names a larger known size          damage: the file was cut off
    anything else                                                   the end

Invariants

 D1  Lengths from the disk are compared with the file's size before anything is allocated.
 D2  Numbers of commits have no gap (R1); chunks of an incarnation that ended are dropped, since no transaction
     outlives its process, and transaction ids begin again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

from minidb.errors import DatabaseCorrupt
from minidb.storage.disk_errors import disk_error
from minidb.storage.interface import File
from minidb.storage.log_format import (
    BATCH_OVERHEAD,
    BLOCK,
    CHUNK,
    COMMIT,
    DISCARD,
    HEADER_BYTES,
    BatchHeader,
    Frame,
    SegmentHeader,
    decode_batch_header,
    decode_body,
    decode_frames,
    starts_batch,
)
from minidb.storage.log_segments import ZEROS, Segment

WINDOW = 1 << 16  # bytes looked at or written at once: in memory that is there, and which the processor's caches keep


class ChunkPlace(NamedTuple):
    """Where the payload of a CHUNK frame stands. With a mask it cannot be found in the file: it is kept here."""

    segment: Segment
    offset: int
    length: int
    checksum: int
    payload: bytes | None

    def read(self) -> bytes:
        if self.payload is not None:
            return self.payload
        data = read_exactly(self.segment.file, self.offset, self.length)
        if crc32(data) != self.checksum:
            raise damage(self.segment.file, self.offset, "a chunk has changed since it was checked")
        return data


class Chunks:
    """The chunks of one transaction, in order; read from the file while they are iterated, not kept."""

    __slots__ = ("expected", "places")

    def __init__(self, places: list[ChunkPlace], expected: int) -> None:
        self.places = places
        self.expected = expected

    def __iter__(self) -> Iterator[bytes]:
        return (place.read() for place in self.places)

    def __len__(self) -> int:
        return len(self.places)


class Commit(NamedTuple):
    """One committed transaction as the log has it."""

    number: int
    time_us: int
    payload: bytes
    chunks: Chunks
    transaction_id: int


def damage(file: File, offset: int, why: str) -> DatabaseCorrupt:
    return DatabaseCorrupt(f"the log {file.path} is damaged at offset {offset}: {why}")


def read_exactly(file: File, offset: int, length: int) -> bytes:
    """Bytes that must be there."""
    try:
        data = file.read(offset, length)
    except OSError as error:
        raise disk_error(error, f"read {file.path}") from error
    if len(data) != length:
        raise damage(file, offset, f"{length} bytes should be there, {len(data)} could be read")
    return data


def is_zero(data: bytes) -> bool:
    """Compared with zeros that are there already: making them takes ten times as long."""
    return ZEROS.startswith(data) if len(data) <= len(ZEROS) else data == bytes(len(data))


# -- batches ----------------------------------------------------------------------------------------------


class LogReader:
    """Walks the log. After `survey` the attributes say where it ends, and `commits` may be iterated any number of
    times, also while the log goes on behind the end.

    Attributes:
        before: the commit number before the first in the log.
        last: the number of the last commit.
        sequence, previous: of the last batch, and its checksum.
        incarnation: the greatest one seen.
        pins: (number, generation) of commits with chunks that begin in that generation.
        ends: where each segment ends.
    """

    def __init__(self, segments: list[Segment], database_id: bytes) -> None:
        self.segments = segments
        self.ends: list[int] = []
        self.database_id = database_id
        first = segments[0].header
        assert first is not None
        self.before = first.before
        self.pins: list[tuple[int, int]] = []
        self.last = first.before
        self.sequence = first.sequence
        self.previous = first.previous
        self.incarnation = first.incarnation

    def survey(self, after: int) -> None:
        """Reads everything once, judges the end, and sets `end`, `filled` and `last` of every segment. Commits above
        `after` must have all their chunks; of those before, released segments may have held some."""
        for commit in self._walk(None):
            places = commit.chunks.places
            if commit.number > after and len(places) != commit.chunks.expected:
                raise DatabaseCorrupt(
                    f"the log {self.segments[0].file.path} lacks chunks of commit {commit.number}",
                    detail=f"{len(places)} of {commit.chunks.expected}",
                )
            if places:
                self.pins.append((commit.number, places[0].segment.generation))
        self.ends = [segment.end for segment in self.segments]

    def walk(self) -> Iterator[Commit]:
        """Every commit up to the end, raising only where there is damage: for who takes what can be had."""
        return self._walk(None)

    def verify(self, ends: list[int]) -> None:
        """Raises if the segments do not hold whole batches, each following the one before, up to these ends."""
        for _ in self._walk(ends):
            pass

    def commits(self, after: int) -> Iterator[Commit]:
        """The commits with a number above `after`, in order; `survey` must have been called."""
        walk = LogReader(self.segments, self.database_id)._walk(self.ends)
        return (commit for commit in walk if commit.number > after)

    def _walk(self, ends: list[int] | None) -> Iterator[Commit]:
        """`ends`: where the segments end, if that is known already."""
        transactions: dict[int, list[ChunkPlace]] = {}
        incarnation = self.incarnation
        for position, segment in enumerate(self.segments):
            successor = self.segments[position + 1].header if position + 1 < len(self.segments) else None
            for header, payload in self._batches(segment, successor, ends[position] if ends is not None else None):
                if header.incarnation != incarnation:
                    transactions.clear()  # D2
                    incarnation = self.incarnation = header.incarnation
                yield from self._frames(segment, header, payload, transactions)
            if ends is None:
                segment.last = self.last

    def _batches(
        self, segment: Segment, successor: SegmentHeader | None, stop: int | None
    ) -> Iterator[tuple[BatchHeader, bytes]]:
        """The batches of one segment, up to `stop` or, when that is not known yet, to the end, which is judged."""
        file = segment.file
        header = segment.header
        assert header is not None
        size = file.size()
        self.incarnation = max(self.incarnation, header.incarnation)
        if (self.sequence, self.previous, self.last) != (header.sequence, header.previous, header.before):
            raise damage(file, 0, "it does not follow the segment before")
        offset = BLOCK
        known = header.known_size
        while stop is None or offset < stop:
            found = self._batch(segment, offset, size)
            if found is None:
                break
            batch, payload = found
            known = max(known, batch.known_size)
            offset = batch.end
            yield batch, payload
        if stop is None:
            segment.filled = self._judge_end(segment, successor, offset, size, known)
            segment.end = segment.synced = offset
        elif offset != stop:
            raise damage(file, offset, "a batch has changed since it was checked")

    def _batch(self, segment: Segment, offset: int, size: int) -> tuple[BatchHeader, bytes] | None:
        """The batch at this offset if it follows the one before; None if none is there, raises if it is damaged."""
        file = segment.file
        if offset >= size:
            return None
        block = read_exactly(file, offset, min(BLOCK, size - offset))
        header = decode_batch_header(block, self.database_id, segment.generation, offset)
        if header is None or not self._follows(header):
            if not is_zero(block[HEADER_BYTES:]):
                raise damage(file, offset, "the header of a batch is wrong")
            return None
        length = min(BATCH_OVERHEAD + header.length, size - offset)  # D1
        data = block[:length] + read_exactly(file, offset + len(block), max(0, length - len(block)))
        body = decode_body(header, data)
        if body.damaged:
            raise damage(file, offset, "the checksum of a batch is wrong")
        if not body.whole:
            behind = file.read(offset + length, max(0, min(header.end, size) - offset - length))
            if not is_zero(behind):  # it was written over zeros, however it was torn
                raise damage(file, offset, "there is something behind the end of a batch that is not whole")
            return None
        self.sequence = header.sequence
        self.previous = body.checksum
        return header, body.payload

    def _follows(self, header: BatchHeader) -> bool:
        return (
            header.sequence == self.sequence + 1
            and header.previous == self.previous
            and header.incarnation >= self.incarnation
        )

    def _judge_end(self, segment: Segment, successor: SegmentHeader | None, offset: int, size: int, known: int) -> int:
        """Raises if the log is damaged at `offset`; returns the size that the file is known to have."""
        file = segment.file
        if successor is not None and offset != successor.previous_end:
            raise damage(file, offset, f"the segment should end at {successor.previous_end}")
        for header in self._headers_behind(segment, offset, size):
            known = max(known, header.known_size)
            if header.synced > offset and successor is None:
                raise damage(file, offset, f"the log was synced up to {header.synced}")
        if known > size:
            raise damage(file, min(offset, size), f"the file has {size} bytes and should have {known}")
        return known

    def _headers_behind(self, segment: Segment, start: int, size: int) -> Iterator[BatchHeader]:
        """All valid headers from `start` on, whether they follow anything or not."""
        for window in range(start, size, WINDOW):
            data = read_exactly(segment.file, window, min(WINDOW, size - window))
            if is_zero(data):
                continue
            for position in range(0, len(data), BLOCK):
                if starts_batch(data, position):
                    block = data[position : position + BLOCK]
                    header = decode_batch_header(block, self.database_id, segment.generation, window + position)
                    if header is not None:
                        yield header

    def _frames(
        self, segment: Segment, header: BatchHeader, payload: bytes, transactions: dict[int, list[ChunkPlace]]
    ) -> Iterator[Commit]:
        """The commits of one batch; chunks and discarded ones are noted in `transactions`."""
        try:
            for frame in decode_frames(payload):
                if frame.kind == COMMIT:
                    if frame.number != self.last + 1:
                        raise ValueError(f"commit {frame.number} follows commit {self.last}")
                    self.last = frame.number
                    chunks = Chunks(transactions.pop(frame.transaction_id, []), frame.chunks)
                    data = payload[frame.start : frame.start + frame.length]
                    yield Commit(frame.number, frame.time_us, data, chunks, frame.transaction_id)
                elif frame.kind == CHUNK:
                    place = _place(segment, header, frame, payload)
                    transactions.setdefault(frame.transaction_id, []).append(place)
                else:
                    assert frame.kind == DISCARD
                    transactions.pop(frame.transaction_id, None)
        except ValueError as error:
            raise damage(segment.file, header.offset, str(error)) from error


def _place(segment: Segment, header: BatchHeader, frame: Frame, payload: bytes) -> ChunkPlace:
    data = payload[frame.start : frame.start + frame.length]
    offset = header.offset + HEADER_BYTES + frame.start
    return ChunkPlace(segment, offset, frame.length, crc32(data), data if header.mask else None)
