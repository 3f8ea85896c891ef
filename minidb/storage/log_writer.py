"""Writing the log: space, chunks, batches, segments. No waiting and no order of commits: that is `log`'s.

What is called by the leader only says so; the rest is guarded by `mutex`. It is innermost: nothing is called or waited
for under it, and nothing written but by a store (`mapped`), a copy.

    live segments   [ old, old, current ]
    current         |header|batch|batch|batch| zeros, reserved ..... | zeros, not reserved .... | a spare block |
                                             end        end + placed + reserved                 limit           filled

`limit` is -1 while nobody may reserve: during a switch and after a failure. Thanks to the spare block the first batch
after the file has grown begins in the old space, and its header names the new size: so a file that lost what it grew
by is found damaged (R8).

Chunks wait as frames until the next batch, which begins with them. A segment is needed while it may hold chunks of a
transaction that is open (`opened`), or that is committed but not yet in the base (`pins`).
"""

from __future__ import annotations

import threading
from contextlib import suppress
from itertools import pairwise
from typing import NamedTuple

from minidb.latches import make_latch
from minidb.storage.log_format import (
    BATCH_OVERHEAD,
    BLOCK,
    CHUNK,
    COMMIT,
    DISCARD,
    FRAME_BYTES,
    MOST_CHUNKS,
    SegmentHeader,
    encode_batch,
    encode_commit,
    encode_frame,
    pack_frame,
    round_up,
    space_for,
    whole_blocks,
)
from minidb.storage.log_leader import FULL, NORMAL, OFF, Ticket
from minidb.storage.log_segments import ZEROS, Segment, SegmentFiles, SyncFailed, sync

PAGE = 4096  # bytes that the system writes back as they are at one moment


class Opened(NamedTuple):
    """A transaction with chunks: the generation of the first, and how many."""

    generation: int
    chunks: int


class LogWriter:
    """See the module's text; `log` names the invariants L1 to L5.

    Attributes:
        unwritten: published `off` commits whose bytes wait; all before those in the queue (L1).
        unwritten_bytes: about their size.
        chunk_bytes: size of the chunks that wait.
        placed: bytes of the commit that its own thread is writing, 0 if none is; taken back by the leader.
        unsynced: batches written since the last sync; from `calm` of them on storing is worth while (`mapped`).
    """

    def __init__(self, database_id: bytes, files: SegmentFiles, calm: int) -> None:
        self.database_id = database_id
        self.files = files
        self.mutex = make_latch()
        self.calm = calm
        # Of the leader:
        self.incarnation = 1
        self.sequence = 0
        self.previous = 0
        self.segments: list[Segment] = []  # live ones, oldest first; replaced, never changed
        self.unwritten: list[Ticket] = []
        self.unwritten_bytes = 0
        self.unsynced = 0
        self._storable = True  # until a file says no
        self._storing = False  # once a batch was stored: what the next ones need is then made ahead
        self._growing = threading.Lock()  # held while the current segment grows
        self._full_at = -1  # a size from which growing ahead has failed
        # Under the mutex:
        self.reserved = 0
        self.placed = 0
        self.limit = -1
        self.chunk_bytes = 0
        self._chunks: list[bytes] = []
        self._chunk_space = 0
        self._opened: dict[int, Opened] = {}
        self.pins: list[tuple[int, int]] = []  # (number, generation of the first chunk)

    def start(self, segments: list[Segment]) -> None:
        self.segments = segments
        self.open_for_reservations()

    @property
    def current(self) -> Segment:
        return self.segments[-1]

    # -- space ----------------------------------------------------------------------------------------------

    def reserve(self, space: int) -> bool:
        """False if the current segment must grow first (L3)."""
        with self.mutex:
            reserved = self.reserved + space
            if self.segments[-1].end + self.placed + reserved > self.limit:
                return False
            self.reserved = reserved
            return True

    def unreserve(self, space: int) -> None:
        with self.mutex:
            self.reserved -= space

    def grow(self, space: int) -> None:
        """Leader only: extends the current segment so that `reserve(space)` may succeed."""
        with self._growing:
            segment = self.current
            needed = segment.end + self.reserved + space + BLOCK
            if needed > segment.filled:
                self._extend(segment, needed)

    def is_low(self) -> bool:
        """Whether less than half a step of the current segment is left, and the disk may have room for more."""
        segment, limit = self.segments[-1], self.limit
        missing = segment.end + self.reserved + (self.files.step(segment, 0) - segment.filled) // 2 - limit
        return missing > 0 and limit >= 0 and segment.filled != self._full_at

    def grow_ahead(self) -> None:
        """The same as `grow` before it is needed, by somebody who does not lead, while the segment stays the current
        one: what is written meanwhile lies before `filled`."""
        with self._growing:
            if self.is_low():
                segment = self.current
                self._full_at = segment.filled
                self._extend(segment, 0)

    def _extend(self, segment: Segment, needed: int) -> None:
        segment.grow(self.files.step(segment, needed))
        self._prepare_storing(segment)
        with self.mutex:
            if self.limit >= 0:  # it has not failed meanwhile
                self.limit = segment.filled - BLOCK

    def _prepare_storing(self, segment: Segment) -> None:
        if self._storing:
            with suppress(OSError):  # it will be told by the store that needs it
                segment.file.store(segment.filled, segment.filled, ())

    def open_for_reservations(self) -> None:
        with self.mutex:
            self.limit = self.current.filled - BLOCK

    def close_for_reservations(self) -> None:
        with self.mutex:
            self.limit = -1

    # -- chunks ---------------------------------------------------------------------------------------------

    def add_chunk(self, transaction_id: int, payload: bytes) -> None:
        """Its space must be reserved."""
        frame = encode_frame(CHUNK, 0, 0, transaction_id, len(payload))
        with self.mutex:
            opened = self._opened.get(transaction_id) or Opened(self.current.generation, 0)
            assert opened.chunks < MOST_CHUNKS
            self._opened[transaction_id] = Opened(opened.generation, opened.chunks + 1)
            self._append(space_for(len(payload)), frame, payload)

    def commit_chunks(self, transaction_id: int, number: int) -> int:
        """The transaction got its number; returns how many chunks it has."""
        with self.mutex:
            opened = self._opened.pop(transaction_id, None)
            if opened is None:
                return 0
            self.pins.append((number, opened.generation))
            return opened.chunks

    def forget_chunks(self, transaction_id: int) -> None:
        """The transaction was rolled back. The frame that says so is a hint, not worth growing for."""
        space = space_for(0)
        with self.mutex:
            if self._opened.pop(transaction_id, None) is None:
                return
            if self.current.end + self.placed + self.reserved + space <= self.limit:
                self.reserved += space
                self._append(space, encode_frame(DISCARD, 0, 0, transaction_id, 0))

    def _append(self, space: int, *pieces: bytes) -> None:
        self._chunks += pieces
        self.chunk_bytes += sum(map(len, pieces))
        self._chunk_space += space

    def _take_chunks(self) -> tuple[list[bytes], int]:
        with self.mutex:
            taken = self._chunks, self._chunk_space
            self._chunks, self.chunk_bytes, self._chunk_space = [], 0, 0
            return taken

    def needed_from(self, number: int) -> int:
        """The first generation whose chunks are needed when the base stands as of `number`."""
        with self.mutex:
            self.pins = [pin for pin in self.pins if pin[0] > number]
            generations = [generation for _, generation in self.pins]
            generations += [opened.generation for opened in self._opened.values()]
            return min(generations, default=1 << 64)

    def chunks_from(self, segment: Segment) -> int:
        """The generation in which the first chunks of a closed segment's commits stand."""
        assert segment.header is not None
        with self.mutex:
            pins = [generation for number, generation in self.pins if segment.header.before < number <= segment.last]
        return min(pins, default=segment.generation)

    # -- batches (leader only) ------------------------------------------------------------------------------

    def keep(self, tickets: list[Ticket], limit: int) -> bool:
        """Keeps the bytes of `off` commits in memory; False if they would be more than `limit`."""
        size = self.unwritten_bytes
        for ticket in tickets:
            size += len(ticket.payload) + 64
        if size > limit:
            return False
        self.unwritten += tickets
        self.unwritten_bytes = size
        return True

    def write(self, tickets: list[Ticket], level: int) -> None:
        """One batch of all that waits: chunks (L5), commits kept in memory, and the tickets. At level FULL it is synced
        with all before it, at NORMAL it may be stored."""
        frames, space = self._take_chunks() if self._chunks else ([], 0)
        commits = self.unwritten + tickets if self.unwritten else tickets
        for ticket in commits:
            payload = ticket.payload
            head = COMMIT | ticket.chunks << 8
            frames += (pack_frame(head, len(payload), ticket.number, ticket.time_us, ticket.transaction_id), payload)
            space += ticket.space
        segment = self.segments[-1]
        if frames:
            end = self._write_batch(segment, frames, level)
            with self.mutex:
                segment.end = end
                self.reserved -= space
            if commits:
                segment.last = commits[-1].number
                if self.unwritten:
                    self.unwritten = []
                    self.unwritten_bytes = 0
        if level == FULL and segment.synced != segment.end:
            sync(segment.file)
            segment.synced = segment.end
            self.unsynced = 0

    def _write_batch(self, segment: Segment, frames: list[bytes], level: int) -> int:
        """Returns where it ends."""
        start = segment.end
        pieces, checksum = self._batch(frames)
        size = sum(map(len, pieces))
        if level == NORMAL and self.may_store() and self._store(segment, start, start + size, pieces):
            self._follow(checksum)
            return start + round_up(size)
        data = whole_blocks(pieces)
        end = start + len(data)
        assert end <= segment.filled, "L3"
        if level == FULL:
            segment.write_synced(start, data)
            self._follow(checksum)
            self.unsynced = 0
        else:
            segment.file.write(start, data)
            self._follow(checksum)
        return end

    def _batch(self, frames: list[bytes]) -> tuple[tuple[bytes, bytes, bytes], int]:
        """The batch that follows in the current segment, and its checksum."""
        segment = self.segments[-1]
        return encode_batch(
            self.database_id,
            segment.generation,
            self.incarnation,
            self.sequence + 1,
            segment.end,
            segment.synced,
            segment.filled,
            self.previous,
            frames,
        )

    def _batch_of_one(
        self, segment: Segment, number: int, payload: bytes, time_us: int
    ) -> tuple[tuple[bytes, bytes, bytes], int]:
        """The batch that follows, of one commit and nothing else."""
        return encode_commit(
            self.database_id,
            segment.generation,
            self.incarnation,
            self.sequence + 1,
            segment.end,
            segment.synced,
            segment.filled,
            self.previous,
            number,
            time_us,
            payload,
        )

    def _follow(self, checksum: int) -> None:
        """A batch with this checksum is in the file."""
        self.unsynced += 1
        self.sequence += 1
        self.previous = checksum

    def _store(self, segment: Segment, start: int, end: int, pieces: tuple[bytes, bytes, bytes]) -> bool:
        """Writes a batch by a store, if that is to be had and the batch lies within one page. The system may write a
        page back in the middle of a copy; with two of them the end mark could be on the disk before what it ends."""
        if start // PAGE != (end - 1) // PAGE:
            return False
        stored = self._storable = self._storing = segment.file.store(start, end, pieces)
        return stored

    def take_alone(self, number: int, payload: bytes, level: int, time_us: int, limit: int) -> bool:
        """Takes an `off` or `normal` commit that has no space reserved, without a system call: it is kept in memory, as
        long as they are not more than `limit` bytes, or stored. False if that cannot be: then nothing has happened."""
        with self.mutex:
            segment, space = self.segments[-1], space_for(len(payload))
            if segment.end + self.reserved + space > self.limit:
                return False
            if level == OFF:
                if not self.keep([Ticket(number, payload, level, time_us, space)], limit):
                    return False
                self.reserved += space
                return True
            if self.unwritten or not self.may_store():
                return False
            start = segment.end
            pieces, checksum = self._batch_of_one(segment, number, payload, time_us)
            if not self._store(segment, start, start + BATCH_OVERHEAD + FRAME_BYTES + len(payload), pieces):
                return False
            self._follow(checksum)
            segment.end = start + space
            segment.last = number
            return True

    def place(self, space: int) -> bool:
        """The place of a commit that `write_alone` is going to write; False if something must be written before it, or
        the segment must grow first (L3)."""
        if self.unwritten or self._chunks:
            return False
        with self.mutex:
            if self.segments[-1].end + self.reserved + space > self.limit:
                return False
            self.placed = space
            return True

    def write_alone(self, number: int, payload: bytes, time_us: int) -> None:
        """Writes and syncs the commit that has just got its `place`. What others reserve meanwhile comes behind it."""
        segment = self.segments[-1]
        start = segment.end
        pieces, checksum = self._batch_of_one(segment, number, payload, time_us)
        data = whole_blocks(pieces)
        assert len(data) <= self.placed, "L3"
        segment.write_synced(start, data)
        self.sequence += 1
        self.previous = checksum
        self.unsynced = 0
        segment.last = number
        segment.end = start + len(data)  # until `placed` is 0 again, who reserves finds less space than there is

    def may_store(self) -> bool:
        """Whether a batch should be stored rather than written. Never with chunks, which are large."""
        return self._storable and self.unsynced >= self.calm and not self._chunks

    def erase(self, start: int) -> bool:
        """Zeros over the first block of a batch whose write or sync failed, synced (R4). False if that fails, too."""
        segment = self.current
        try:
            segment.file.write(start, ZEROS[:BLOCK])
            segment.file.sync()
        except OSError:
            return False
        return True

    # -- segments -------------------------------------------------------------------------------------------

    def prepare(self) -> Segment:
        """A free segment with room for all that is reserved now, and a little more."""
        taken = {segment.index for segment in self.segments}
        return self.files.prepare(taken, 2 * BLOCK + self.reserved + self.files.smallest_step // 2)

    def begin_segment(self) -> None:
        """Leader only, with everything written and synced (G3): goes on in another segment. Reservations are shut
        out meanwhile, so that those there are fit from the start (L3). After an error all is as it was."""
        old = self.current
        assert old.synced == old.end, "G3"
        self.close_for_reservations()
        try:
            segment = self.prepare()
            segment.begin(
                SegmentHeader(
                    self.database_id,
                    old.generation + 1,
                    self.incarnation,
                    old.last,
                    self.sequence,
                    old.end,
                    segment.filled,
                    self.previous,
                )
            )
            self.files.free.remove(segment)
            with self.mutex:
                self.segments = [*self.segments, segment]
        except SyncFailed:
            raise  # the log is shut for good
        except BaseException:
            self.open_for_reservations()
            raise
        self.open_for_reservations()
        self._prepare_storing(segment)

    def release(self, number: int) -> None:
        """Cleans the segments that hold nothing above `number`, oldest first; one thread at a time."""
        needed = self.needed_from(number)
        while len(self.segments) > 1 and self.segments[0].last <= number and self.segments[0].generation < needed:
            self.files.reclaim(self.segments[0])
            with self.mutex:
                self.segments = self.segments[1:]

    def check(self, ahead: int) -> None:
        """Leader only: the invariants, as far as memory knows. `ahead`: bytes reserved for commits to come."""
        with self.mutex:
            current = self.current
            taken = current.end + self.placed + self.reserved
            assert self.limit == -1 or taken + BLOCK <= current.filled == self.limit + BLOCK, "L3"
            assert self.reserved >= ahead + self._chunk_space + sum(ticket.space for ticket in self.unwritten), "L3"
        generations = [segment.generation for segment in self.segments]
        assert generations == list(range(generations[0], generations[0] + len(generations))), "G2"
        assert all(older.last <= newer.last for older, newer in pairwise(self.segments)), "L1"
        numbers = [ticket.number for ticket in self.unwritten]
        assert numbers == list(range(current.last + 1, current.last + 1 + len(numbers))), "L1"
        assert BLOCK <= current.synced <= current.end and current.end % BLOCK == 0

    def close(self) -> None:
        for segment in self.segments:
            segment.file.close()
        self.files.close()
