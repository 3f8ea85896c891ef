"""The write-ahead log: commits in number order, made durable in groups, published in number order.

The log is logical and redo-only; payloads are bytes that only the layer above understands. The parts:

    log_format    what the bytes mean               log_leader   who writes, who waits
    log_segments  the files and their life          log_writer   space, chunks, batches
    log_reader    reading back, end or damage       log_recovery which segments are live, securing them

The way of a commit (R1); what runs under the owner's latch is one append:

    reserve(len(payload))       space, zero-filled and synced; DiskFull aborts this transaction only (R4). Mostly one of
                                the places of ordinary size that an earlier one has reserved along with its own
    --- latch -------------------------------------------------------------------------------------------
    ticket = queue(number, payload, durability, time_us)      number and place in the log in one hold
    --- latch -------------------------------------------------------------------------------------------
    settle(ticket)              returns when it is published; the owner then acknowledges
    pass_through(number, ...)   all of it for an `off` or `normal` commit while nothing else is on its way; the owner
                                publishes

And a `full` commit while nothing else is on its way, without a ticket; its thread leads all the time:

    lead()                      False: somebody else leads
    --- latch -------------------------------------------------------------------------------------------
    place(number, size)         its place in the log; False: it must take the long way
    last_number = number        it has it: from here on nothing stops it
    --- latch -------------------------------------------------------------------------------------------
    write_alone(number, ...)    it is durable; the owner publishes. Who has got a number meanwhile is queued
    hand_on()                   always, after `lead`; if anything went wrong in between, after `give_up`

    reserved --queue--> queued --a leader's round--> written --sync if full--> on_durable(tickets) --> done
                          |                                                    takes the latch,
                          |                                                    publishes in number order
                          +-- nothing but off, few bytes --> on_durable --> done, bytes written by a later round

    round: everything queued, in order, becomes one batch with the chunks before it; one sync serves all (group
    commit); on_durable is called once for each ticket, by one thread at a time, with the tickets in number order.

    durability   published when                            lost by
    full         synced, with all lower numbers            nothing
    normal       written to the system, not synced         power loss
    off          at once; bytes wait for a later round     a crash of the process; `flush` hands them to the system

A large transaction hands its rows to `chunk` as it goes, and names its id in `queue`; `forget` after a rollback (R6).

A checkpoint (R10, R14):   F = switch(register)  ->  pages, sync, meta page, sync  ->  release(F)
    switch    writes and syncs all that is queued, goes on in another segment, calls register(F) before any number
              above F can be published, and returns F. All numbers up to F are published by then.
    release   cleans the segments that hold nothing above F. A segment that holds chunks of a transaction not yet
              released stays, and those after it; the log takes more segments then. Pass a lower number to keep
              segments for a replication slot or an archive.

Latches (R69): registry -> (one checkpoint at a time) -> leadership -> latch. `queue`, `place` and `pass_through` may be
called under the latch, nothing else here may; the latter only takes a leadership that nobody has, and calls the system
only when the disk has failed. `on_durable` and `register` are called while leading, without any mutex of the log; they
may take the latch.

Invariants

 L1  Queue order is number order, without gaps; a batch takes a prefix of the queue, or is the commit of a leader that
     found the queue empty in the hold that assigned its number; so log order is number order (R1).
 L2  A ticket is published after all lower ones, when its level allows; a full one is synced with all below it, since
     they are in this or an earlier batch of a segment that is synced with it, or in one synced at `switch` (R2, R12).
 L3  end + placed + reserved + a spare block <= filled in the current segment, always: what has a number has its place
     (R4). Some places are reserved ahead, so that a commit takes one without a mutex.
 L4  After a sync or a write of a batch has failed nothing is written any more except zeros over that batch's first
     block; if those are synced, its commits are refused, else their outcome is unknown. The log refuses commits from
     then on; only `recover` makes a new one (R4, R5).
 L5  Chunks stand in the log before the COMMIT of their transaction, in the same incarnation.

Errors: DiskFull and OperationalError (58030) from `reserve`, `chunk`, `switch`, `release`: nothing has changed, try
again. DatabaseFailed: the log has failed; from `settle`, the commit is not in the log and never will be.
TransactionResolutionUnknown from `settle`: it may or may not be there when the database is opened again. Any other
exception from `settle` is an interrupt of the wait, raised after the ticket was published (R11). An interrupt that
hits the leader in the middle of a round fails the log: the owner keeps interrupts to safe points (R72).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from operator import attrgetter
from typing import Any

from minidb.errors import (
    DatabaseFailed,
    DiskFull,
    OperationalError,
    ProgramLimitExceeded,
    TransactionResolutionUnknown,
)
from minidb.storage.disk_errors import disk_error
from minidb.storage.interface import FileSystem
from minidb.storage.log_format import BLOCK, LARGEST_PAYLOAD, SegmentHeader, largest_payload, space_for
from minidb.storage.log_leader import COMMITTED, FULL, NORMAL, OFF, REFUSED, UNKNOWN, Gate, Leadership, Ticket
from minidb.storage.log_reader import Commit, LogReader
from minidb.storage.log_recovery import read_log, secure
from minidb.storage.log_segments import MOST_SEGMENTS, Segment, SegmentFiles, SyncFailed
from minidb.storage.log_writer import LogWriter

__all__ = ["Commit", "Log", "RecoveredLog", "Ticket"]

LEVELS = {"off": OFF, "normal": NORMAL, "full": FULL}
PLACE = 2 * BLOCK  # bytes of the log that are reserved for a commit of ordinary size
ORDINARY = largest_payload(PLACE)
LEVEL, SPACE = attrgetter("level"), attrgetter("space")  # of a ticket

OnDurable = Callable[[list[Ticket]], None]


class Log:
    """See the module's text. Made by `create` or `recover`.

    Arguments (of `create` and `recover`, too):
        segment_step, largest_step: bytes by which a segment grows: doubling, between these two.
        kept_segment: bytes of a free segment that are kept for its next use; the rest is given back to the disk.
        batch_limit: bytes of commits after which a batch takes no more of them.
        flush_limit: bytes of `off` commits that may wait in memory.
        chunk_limit: bytes of chunks that may wait in memory.
        calm: so many batches without a sync, and those of `normal` commits are stored instead of written (`mapped`).
        ahead: so many places for commits of ordinary size are reserved at a time; 0: each reserves what it needs.
        make_gate: makes what a waiting committer waits at.

    Attributes:
        on_durable: set by the owner; publishes the tickets it is given.
        failed: what put the log in the failed state, or None.
        last_number: of the last commit that has its place.
    """

    on_durable: OnDurable

    def __init__(
        self,
        fs: FileSystem,
        path: str,
        database_id: bytes,
        *,
        segment_step: int = 1 << 18,
        largest_step: int = 1 << 21,
        kept_segment: int = 1 << 23,
        batch_limit: int = 1 << 20,
        flush_limit: int = 1 << 16,
        chunk_limit: int = 1 << 18,
        calm: int = 16,
        ahead: int = 32,
        make_gate: Callable[[], Gate] = threading.Lock,
    ) -> None:
        assert len(database_id) == 16
        self.failed: BaseException | None = None
        self.on_durable = _publish_nothing
        self.last_number = 0
        self._batch_limit = batch_limit
        self._flush_limit = flush_limit
        self._chunk_limit = chunk_limit
        self._leadership = Leadership(make_gate)
        self._files = SegmentFiles(fs, path, segment_step, largest_step, kept_segment)
        self._writer = LogWriter(database_id, self._files, calm)
        self.write_alone = self._writer.write_alone  # the way of every durable commit of a lone thread: no call more
        self._queue: list[Ticket] = []  # appended to under the owner's latch, cut off at the front by the leader
        self._ahead = ahead
        self._ordinary = ORDINARY if ahead else -1
        self._places: list[None] = []  # reserved ahead, one for each commit to come; any thread takes and puts back
        self._secured = True
        self._maintenance = threading.Lock()  # one switch or release at a time; taken before the leadership

    # -- opening and closing --------------------------------------------------------------------------------

    @staticmethod
    def exists(fs: FileSystem, path: str) -> bool:
        """Whether the database at this path has a log, whatever is in it."""
        return bool(SegmentFiles(fs, path, 0, 0, 0).names())

    @classmethod
    def create(cls, fs: FileSystem, path: str, database_id: bytes, *, number: int = 0, **sizes: Any) -> Log:
        """An empty log whose first commit is `number` + 1; everything is synced, also the directory (R77).

        Removes segments that an earlier database of this path left behind.
        """
        log = cls(fs, path, database_id, **sizes)
        for name in log._files.names():
            log._files.remove(name)
        try:
            segment = log._files.prepare(set(), log._files.smallest_step)
            segment.begin(SegmentHeader(database_id, 1, 1, number, 0, 0, segment.filled, 0))
        except SyncFailed as error:
            raise DatabaseFailed(str(error)) from error
        log._files.free.remove(segment)
        log._writer.start([segment])
        log.last_number = number
        return log

    @classmethod
    def recover(
        cls, fs: FileSystem, path: str, database_id: bytes, *, after: int, clean: bool = False, **sizes: Any
    ) -> RecoveredLog:
        """Reads the log of a base that stands as of commit `after` (R8), secures what it found (R9, R5), and gives
        the commits above `after` and the log to go on with.

        Arguments:
            clean: the base says that it was closed cleanly. Then an empty log is not secured before `secure`, which the
                owner calls before the first commit.

        Raises DatabaseCorrupt, naming file and offset, if the log is damaged, missing, belongs to another database or
        does not follow `after` (R19). The files are then as they were.
        """
        log = cls(fs, path, database_id, **sizes)
        try:
            reader, log._secured = read_log(log._files, database_id, after, clean)
        except OSError as error:
            raise disk_error(error, "read the log") from error
        except SyncFailed as error:
            raise DatabaseFailed(str(error)) from error
        writer = log._writer
        writer.incarnation = reader.incarnation + 1
        writer.sequence, writer.previous, writer.pins = reader.sequence, reader.previous, reader.pins
        writer.start(reader.segments)
        log.last_number = reader.last
        return RecoveredLog(log, reader, after)

    def close(self) -> None:
        """Writes, syncs and publishes what is queued, unless the log has failed; closes the files."""
        try:
            if self.failed is None:
                self.sync()
                self.shrink()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Closes the files and nothing else, without any mutex; for a forked child, too (R76)."""
        self._writer.limit = -1
        self._places.clear()
        if self.failed is None:
            self.failed = DatabaseFailed("the log is closed")
        self._writer.close()

    def secure(self) -> None:
        """What an opening after a clean shutdown has put off, see `recover`. Without the latch."""
        with self._maintenance:
            if not self._secured:
                with self._leadership.held(), _SyncGuard(self):
                    self._check_usable()
                    secure(self._writer.segments)
                    self._secured = True

    # -- the way of a commit --------------------------------------------------------------------------------

    def reserve(self, size: int) -> None:
        """Makes sure that a commit with a payload of `size` bytes has its place; `queue` with exactly such a payload
        uses it up, `unreserve` gives it back (R4)."""
        if size <= self._ordinary:
            try:
                self._places.pop()
            except IndexError:
                self._reserve_ahead()
        else:
            self._reserve_exactly(size)

    def unreserve(self, size: int) -> None:
        """For a commit that failed between `reserve` and `queue`."""
        if size <= self._ordinary:
            self._places.append(None)
        else:
            self._writer.unreserve(space_for(size))

    def _reserve_exactly(self, size: int) -> None:
        space = space_for(size)
        if not self._writer.reserve(space):
            self._reserve_slowly(size, space)

    def _reserve_ahead(self) -> None:
        """A place for the caller, and more of them if they are there for the asking."""
        reserve = self._writer.reserve
        if reserve(self._ahead * PLACE):
            self._places += [None] * (self._ahead - 1)
        elif not reserve(PLACE):
            self._reserve_slowly(0, PLACE)

    def _reserve_slowly(self, size: int, space: int) -> None:
        if size > LARGEST_PAYLOAD:
            raise ProgramLimitExceeded(f"a log record of {size} bytes; the limit is {LARGEST_PAYLOAD}")
        writer = self._writer
        with self._leadership.held():
            self._check_usable()
            if writer.unwritten:
                self._round([], NORMAL)  # each of them holds space for a batch of its own
                self._check_usable()
            while not writer.reserve(space):
                with _SyncGuard(self):
                    writer.grow(space)

    def is_low(self) -> bool:
        """Whether `extend` is due. Any thread; costs nothing."""
        return self._writer.is_low()

    def extend(self) -> None:
        """Makes room before a committer has to wait until that is done. Without the latch. Does nothing if the disk is
        full: who needs the space will be told; raises DatabaseFailed if the log has failed."""
        with self._maintenance, _SyncGuard(self), suppress(DiskFull, OperationalError):
            self._check_usable()
            self._writer.grow_ahead()

    def queue(self, number: int, payload: bytes, durability: str, time_us: int, transaction_id: int = 0) -> Ticket:
        """Gives the commit its place in the log. Under the owner's latch, in the hold that assigned the number; the
        space must be reserved. Never fails: a log that has failed refuses the ticket in `settle` (R11).

        Arguments:
            time_us: microseconds since 1970.
            transaction_id: of a transaction with chunks, else 0.
        """
        assert number == self.last_number + 1, "L1"
        self.last_number = number
        space = PLACE if len(payload) <= self._ordinary else space_for(len(payload))
        ticket = Ticket(number, payload, LEVELS[durability], time_us, space)
        if transaction_id:
            ticket.transaction_id = transaction_id
            ticket.chunks = self._writer.commit_chunks(transaction_id, number)
        self._queue.append(ticket)
        return ticket

    def pass_through(self, number: int, payload: bytes, durability: str, time_us: int) -> bool:
        """Takes an `off` or `normal` commit at once, while nothing else is on its way: an `off` commit is kept in
        memory, a `normal` one stored in the file, which needs no system call. Under the latch, in the hold that assigns
        the number and publishes it; nothing was reserved. False: nothing has happened, it must take the long way.

        Raises DatabaseFailed, TransactionResolutionUnknown: see the module's text."""
        if self._queue or self.failed is not None or not self._leadership.try_to_lead():
            return False
        assert number == self.last_number + 1, "L1"
        level = LEVELS[durability]
        try:
            if not self._writer.take_alone(number, payload, level, time_us, self._flush_limit):
                return False
            self.last_number = number
        except BaseException as error:
            refusal = self.give_up(number, error)
            if isinstance(refusal, TransactionResolutionUnknown):
                self.last_number = number
            raise refusal from self.failed
        finally:
            self._leadership.hand_on()
        return True

    def lead(self) -> bool:
        """Whether nobody led and nothing is on its way, so that the caller leads now, until `hand_on`. Without the
        latch; never waits."""
        return not self._queue and self._leadership.try_to_lead()

    def place(self, number: int, size: int) -> bool:
        """While leading, under the latch, in the hold that assigns the number: a commit with a payload of `size` bytes
        gets its place in the log; nothing was reserved for it. It is taken by setting `last_number`, and is free again
        at `hand_on` otherwise. False: it must take the long way, since others are queued, or the log has to grow, has
        failed, or keeps something that comes before."""
        assert number == self.last_number + 1, "L1"
        return not self._queue and self._writer.place(space_for(size))

    def hand_on(self) -> None:
        """The caller does not lead any more. Without the latch."""
        self._writer.placed = 0
        self._leadership.hand_on()

    def give_up(self, number: int, error: BaseException) -> DatabaseFailed | TransactionResolutionUnknown:
        """While leading: commit `number`, which has its place, could not be written or published, and the log has
        failed (L4). Returns what to raise."""
        self._fail(error)
        writer = self._writer
        refused = writer.current.last < number and writer.erase(writer.current.end)
        return self._refusal(REFUSED if refused else UNKNOWN)

    def settle(self, ticket: Ticket) -> None:
        """Returns when the ticket is published. Without the latch. See the module's text for the errors."""
        leadership = self._leadership
        if not ticket.done and leadership.enter(ticket):
            over = False
            while not over:
                tickets = self._take_queue(self._batch_limit)
                self._round(tickets, OFF)
                over = leadership.leave(tickets, ticket)
        if ticket.outcome != COMMITTED:
            raise self._refusal(ticket.outcome) from self.failed
        if ticket.interrupt is not None:
            raise ticket.interrupt

    def _take_queue(self, limit: int | None) -> list[Ticket]:
        """A prefix of the queue; appending to it goes on meanwhile."""
        queue = self._queue
        count = len(queue)
        if count == 1:
            return [queue.pop(0)]
        if limit is not None and sum(map(SPACE, queue[:count])) > limit:
            size = 0
            for position in range(count):
                size += queue[position].space
                if size > limit:
                    count = position or 1
                    break
        tickets = queue[:count]
        del queue[:count]
        return tickets

    def _round(self, tickets: list[Ticket], least: int) -> None:
        """While leading: writes, syncs and publishes, as far as the levels of the tickets and `least` demand.

        Raises nothing: when anything goes wrong the log has failed, and the tickets know their outcome (L4).
        """
        if self.failed is not None:
            for ticket in tickets:
                ticket.outcome = REFUSED
            return
        writer = self._writer
        start = writer.segments[-1].end
        written = False
        try:
            level = max(least, max(map(LEVEL, tickets), default=least))
            if level or not writer.keep(tickets, self._flush_limit):
                writer.write(tickets, level)
            written = True
            if tickets:
                self.on_durable(tickets)
        except BaseException as error:
            self._fail(error)
            outcome = REFUSED if not written and writer.erase(start) else UNKNOWN
            for ticket in tickets:
                ticket.outcome = outcome

    def _fail(self, error: BaseException) -> None:
        self._writer.close_for_reservations()
        self._places.clear()
        if self.failed is None:
            self.failed = error

    def _refusal(self, outcome: int) -> DatabaseFailed | TransactionResolutionUnknown:
        detail, hint = str(self.failed), "The database refuses commits until it is opened again."
        if outcome == UNKNOWN:
            what = "writing the log failed, and it is unknown whether the transaction is committed"
            return TransactionResolutionUnknown(what, detail=detail, hint=hint)
        return DatabaseFailed("writing the log failed, the transaction is not committed", detail=detail, hint=hint)

    def _check_usable(self) -> None:
        if self.failed is not None:
            hint = "Reading goes on; for writing, open the database again."
            raise DatabaseFailed("the log has failed", detail=str(self.failed), hint=hint) from self.failed

    # -- large transactions ---------------------------------------------------------------------------------

    def chunk(self, transaction_id: int, payload: bytes) -> None:
        """A part of a transaction that is still open; nothing without its commit (R6). May write, without a sync.

        Arguments:
            transaction_id: not 0, and never used again while the database is open.
        """
        assert transaction_id
        self._reserve_exactly(len(payload))
        self._writer.add_chunk(transaction_id, payload)
        if self._writer.chunk_bytes > self._chunk_limit:
            self._drain(NORMAL)

    def forget(self, transaction_id: int) -> None:
        """The transaction was rolled back: its chunks need not be kept. Does nothing if it has none."""
        self._writer.forget_chunks(transaction_id)

    # -- checkpoints ----------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Bytes in use in the live segments."""
        return sum(segment.end for segment in self._writer.segments)

    def flush(self) -> None:
        """Hands all that waits, `off` commits and chunks as well, to the operating system, and publishes it."""
        self._drain(NORMAL)

    def sync(self) -> None:
        """The same, and makes it durable."""
        self._drain(FULL)

    def _drain(self, level: int) -> None:
        with self._leadership.held():
            self._drain_leading(level)

    def _drain_leading(self, level: int) -> None:
        self._check_usable()
        tickets = self._take_queue(None)
        self._round(tickets, level)
        self._leadership.finish(tickets)
        self._check_usable()

    def switch(self, register: Callable[[int], None] | None = None) -> int:
        """A checkpoint begins: the log goes on in another segment. Returns F, the last number of those before.

        Without the latch. All numbers up to F are published; `register(F)` is called before any above F is, to
        register F as a snapshot in use (R13). Raises DiskFull if there is no space for another segment. An empty
        segment goes on being used, unless it is a large one and `shrink` was called. A checkpoint that failed is tried
        again with the same F, or switches again; when many have failed, or large transactions hold many segments, the
        last segment goes on being used as well, and F is the number that it has got to.
        """
        self.secure()
        with self._maintenance:
            self._check_usable()
            too_large = self._files.worth_leaving(self._writer.current)
            crowded = len(self._writer.segments) >= MOST_SEGMENTS
            if not crowded:
                with _SyncGuard(self):
                    self._writer.prepare()  # the long part, while committers go on
            with self._leadership.held():
                self._drain_leading(FULL)
                last = self._writer.current.last
                if (self._writer.current.end > BLOCK or too_large) and not crowded:
                    with _SyncGuard(self):
                        self._writer.begin_segment()
                if register is not None:
                    register(last)
                return last

    def closed(self) -> list[tuple[Segment, int]]:
        """The segments that are written no more, oldest first, each with the generation in which the first chunks of
        its commits stand. For the thread that calls `release`: until then they do not change."""
        return [(segment, self._writer.chunks_from(segment)) for segment in self._writer.segments[:-1]]

    def release(self, number: int) -> None:
        """The meta page with F = `number` is durable: cleans the segments that only held commits up to there, oldest
        first (R10, R14). Without the latch; committers go on meanwhile."""
        with self._maintenance, _SyncGuard(self):
            self._check_usable()
            self._writer.release(number)

    def shrink(self) -> None:
        """Removes the segments that wait to be used again. Before the last checkpoint, so that it leaves a small one,
        and when the log is closed."""
        with self._maintenance:
            self._writer.files.shrink()

    def check(self) -> None:
        """For tests and `minidb check`: AssertionError if an invariant is broken, DatabaseCorrupt if the live segments
        do not hold what was written. Committers go on while the segments are read."""
        with self._maintenance:
            with self._leadership.held():
                self._writer.check(len(self._places) * PLACE)
                segments = [segment for segment in self._writer.segments if segment.header]  # not those half cleaned
                ends = [segment.end for segment in segments]
            LogReader(segments, self._writer.database_id).verify(ends)


class _SyncGuard:
    """A failed sync anywhere puts the log in the failed state (L4)."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, SyncFailed):
            self._log._fail(error)
            self._log._check_usable()


def _publish_nothing(tickets: list[Ticket]) -> None:
    """Until the owner sets `on_durable`."""


# -- recovery ---------------------------------------------------------------------------------------------


class RecoveredLog:
    """What recovery found: iterate it, as often as you like, and go on with `log`.

    Attributes:
        log: ready for commits, the next being `last` + 1.
        before: the commit number before the first in the log.
        last: number of the last commit.
    """

    def __init__(self, log: Log, reader: LogReader, after: int) -> None:
        self.log = log
        self.before = reader.before
        self.last = reader.last
        self._reader = reader
        self._after = after

    def __iter__(self) -> Iterator[Commit]:
        """The commits above `after`, in order. Their chunks are read from the file while one iterates over them;
        not to be used after `release`."""
        return self._reader.commits(self._after)
