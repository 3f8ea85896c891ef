"""Power failures, full disks, failed syncs and flipped bits, at every point of short histories.

What must hold after a crash at any step, with any part of the unsynced changes lost, reordered or torn:

    all acknowledged `full` commits are there, with their payloads and chunks
    the commits are a prefix of those queued, without gaps
    what recovery gave out survives the next crash, and so do new commits
    a refused commit never comes back; a damaged log is reported, never shortened
"""

from __future__ import annotations

import errno
import random
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_world import FIRST, ID, PATH, Owner, contents, copy, create, numbers, payload_of, recover, up_to

from minidb.errors import DatabaseCorrupt, DatabaseFailed, DiskFull, OperationalError, TransactionResolutionUnknown
from minidb.storage import log_format
from minidb.storage.faulty import Change, FaultyFile, FaultyFileSystem
from minidb.storage.file import MemoryFileSystem
from minidb.storage.log_leader import REFUSED, Ticket


class Event(NamedTuple):
    """From this step of the history on, commit `number` is acknowledged, or the base stands at `number`."""

    step: int
    number: int


class World:
    """Runs a history and remembers what was promised when.

    Actions: f, n, o: a commit that is full, normal, off; F, N, O: the same with 1,300 bytes; c: a chunk of the open
    large transaction; C: commits it; R: rolls it back; k: a checkpoint; s: sync; q: queues a full commit without
    settling it; p, P: a normal commit that passes through, l, L: a full one that leads, if the log lets it.
    """

    def __init__(self, fs: FaultyFileSystem | None = None, ahead: int = 0) -> None:
        self.fs = fs or FaultyFileSystem()
        self.owner = create(self.fs, ahead=ahead)
        self.created = len(self.fs.history)
        self.acknowledged: list[Event] = []
        self.bases: list[Event] = [Event(0, 0)]
        self.chunks: dict[int, list[bytes]] = {}
        self.open: list[bytes] = []
        self.transaction_id = 1
        self.unsettled: list[Ticket] = []
        self.refused: set[int] = set()
        self.unknown: set[int] = set()

    def run(self, actions: str) -> World:
        for action in actions:
            self.step(action)
        return self

    def step(self, action: str) -> None:
        log = self.owner.log
        if action in "fnoFNO":
            durability = {"f": "full", "n": "normal", "o": "off"}[action.lower()]
            self.settle(self.owner.queue(durability, 40 if action.islower() else 1300))
        elif action in "pP":
            self.pass_through(40 if action.islower() else 1300)
        elif action in "lL":
            self.lead(40 if action.islower() else 1300)
        elif action == "q":
            self.unsettled.append(self.owner.queue())
        elif action == "c":
            self.open.append(payload_of(self.transaction_id, 250 + 200 * len(self.open)))
            log.chunk(self.transaction_id, self.open[-1])
        elif action == "C":
            ticket = self.owner.queue(transaction_id=self.transaction_id)
            self.chunks[ticket.number] = self.open
            self.begin()
            self.settle(ticket)
        elif action == "R":
            log.forget(self.transaction_id)
            self.begin()
        elif action == "k":
            self.checkpoint()
        else:
            assert action == "s"
            log.sync()
        log.check()

    def pass_through(self, size: int) -> None:
        number = self.owner.log.last_number + 1
        try:
            passed = self.owner.pass_through("normal", size)
        except TransactionResolutionUnknown:
            self.unknown.add(number)
            raise
        except DatabaseFailed:
            self.refused.add(number)
            raise
        if not passed:
            self.settle(self.owner.queue("normal", size))

    def lead(self, size: int) -> None:
        number = self.owner.log.last_number + 1
        try:
            led = self.owner.commit_leading(size)
        except TransactionResolutionUnknown:
            self.unknown.add(number)
            raise
        except DatabaseFailed:
            self.refused.add(number)
            raise
        if led:
            self.acknowledged.append(Event(len(self.fs.history), number))
        else:
            self.settle(self.owner.queue("full", size))

    def begin(self) -> None:
        self.open = []
        self.transaction_id += 1

    def settle(self, ticket: Ticket) -> None:
        try:
            self.owner.log.settle(ticket)
        except TransactionResolutionUnknown:
            self.unknown.add(ticket.number)
            raise
        except DatabaseFailed:
            self.refused.add(ticket.number)
            raise
        if ticket.level == 2:
            self.acknowledged.append(Event(len(self.fs.history), ticket.number))

    def checkpoint(self) -> None:
        last = self.owner.log.switch()
        self.bases.append(Event(len(self.fs.history), last))  # here the meta page is durable
        self.owner.log.release(last)

    # -- what must be found ---------------------------------------------------------------------------------

    def base(self, step: int) -> int:
        return max(event.number for event in self.bases if event.step <= step)

    def promised(self, step: int) -> int:
        known = [event.number for event in self.acknowledged if event.step <= step]
        return max([self.base(step), *known])

    def check(self, disk: MemoryFileSystem, step: int) -> FaultyFileSystem:
        """Recovers this disk, a crash before `step`; returns the file system that it was recovered on."""
        fs = copy(disk)
        assert fs.exists(FIRST)  # G4
        recovered = recover(fs, self.base(step))
        found = numbers(recovered)
        assert found == up_to(recovered.last, self.base(step))
        assert self.promised(step) <= recovered.last <= self.owner.log.last_number
        assert not self.refused.intersection(found)
        for commit in recovered:
            assert list(commit.chunks) == self.chunks.get(commit.number, [])
        self.check_going_on(fs, Owner(recovered.log), recovered.last, self.base(step))
        return fs

    def check_going_on(self, fs: FaultyFileSystem, owner: Owner, last: int, base: int) -> None:
        """R9: what was given out is durable, and so is what comes after."""
        before = len(fs.history)
        owner.commit()
        owner.log.check()
        assert numbers(recover(fs.crash(step=before), base)) == up_to(last, base)
        assert numbers(recover(fs.crash(), base)) == up_to(last + 1, base)


def losses(changes: list[Change], seed: int, some: int = 24) -> Iterator[list[Change]]:
    """What may have arrived of these changes: all subsets of their sectors if they are few, many otherwise."""
    pieces = [piece for change in changes for piece in change.sectors()]
    if len(pieces) <= 6:
        for mask in range(1 << len(pieces)):
            yield [piece for position, piece in enumerate(pieces) if mask >> position & 1]
    else:
        chance = random.Random(seed)
        yield from ([], pieces)
        for missing in range(len(pieces)):
            yield pieces[:missing] + pieces[missing + 1 :]
            yield pieces[:missing]
        for _ in range(some):
            share = chance.random()
            yield [piece for piece in pieces if chance.random() < share]
    for position, change in enumerate(changes):  # torn at any byte, whatever arrived of the others; what is overwritten
        if not any(change.data):  # with zeros is torn at blocks only, as the format assumes
            continue
        for cut in range(1, len(change.data), max(1, len(change.data) // 7)):
            yield [*changes[:position], change.torn(0, cut)]
            yield [change.torn(0, cut)]


def crash_everywhere(world: World) -> int:
    """Checks every different disk that a crash may leave; returns how many there were."""
    seen = set()
    for step in range(world.created, len(world.fs.history) + 1):
        promises = world.base(step), world.promised(step)
        for kept in losses(world.fs.pending(step), step):
            disk = world.fs.crash(kept, step=step)
            if (promises, contents(disk)) not in seen:
                seen.add((promises, contents(disk)))
                world.check(disk, step)
    return len(seen)


HISTORIES = [
    "fff",
    "nnnf",
    "ooofo",
    "nFnNf",
    "onfqqfs",
    "ffkff",
    "nnkonkf",
    "ccfcCf",
    "cfkcCkf",
    "ccRfkcC",
    "cckkkCk",
    "FNFkFOF",
    "kkk",
    "oOoOk",
    "fkFFFFFFFFkfkf",
    "pppp",
    "nppf",
    "ofpPkpqpsp",
    "cpppCp",
    "oopkPPPpkf",
    "llll",
    "nLolqlpkl",
    "clLklcCLLL",
]


@pytest.mark.parametrize("history", HISTORIES)
def test_crash_everywhere(history: str) -> None:
    assert crash_everywhere(World().run(history)) > 3


@settings(max_examples=20)
@given(st.text("fnoFNOcCRksqpPlL", min_size=1, max_size=14), st.integers(0, 3), st.randoms(use_true_random=False))
def test_crash_somewhere_in_any_history(history: str, ahead: int, chance: random.Random) -> None:
    world = World(ahead=ahead).run(history)
    for _ in range(8):
        step = chance.randrange(world.created, len(world.fs.history) + 1)
        kept = [piece for change in world.fs.pending(step) for piece in change.sectors() if chance.random() < 0.6]
        chance.shuffle(kept)
        world.check(world.fs.crash(kept, step=step), step)


@pytest.mark.parametrize("history", ["nfnN", "fnkn", "cnC"])
def test_R9_crash_during_recovery(history: str) -> None:
    world = World().run(history)
    end = len(world.fs.history)
    for kept in losses(world.fs.pending(), 1, 4):
        fs = copy(world.fs.crash(kept))
        last = recover(fs, world.base(end)).last
        assert recover(fs.crash(), world.base(end)).last == last
        seen = set()
        for step in range(len(fs.history)):
            for arrived in losses(fs.pending(step), step, 4):
                disk = fs.crash(arrived, step=step)
                if contents(disk) not in seen:
                    seen.add(contents(disk))
                    again = recover(disk, world.base(end))
                    assert world.promised(end) <= again.last <= world.owner.log.last_number
                    assert numbers(again) == up_to(again.last, world.base(end))


class StoringFile(FaultyFile):
    """Notes the stores: which file, where, which pieces."""

    __slots__ = ()

    def store(self, offset: int, end: int, pieces: tuple[bytes, ...]) -> bool:
        assert isinstance(self.system, StoringFileSystem)
        self.system.stores.append((self.path, bytes(self.inode.data), offset, pieces))
        return super().store(offset, end, pieces)


class StoringFileSystem(FaultyFileSystem):
    def __init__(self) -> None:
        super().__init__()
        self.stores: list[tuple[str, bytes, int, tuple[bytes, ...]]] = []

    def open(self, path: str, *, create: bool = False, read_only: bool = False) -> StoringFile:
        file = super().open(path, create=create, read_only=read_only)
        assert isinstance(file, FaultyFile)
        return StoringFile(path, file.inode, self, read_only)


@pytest.mark.parametrize("size", [10, 300, 400, 1300])
def test_a_process_killed_in_the_middle_of_a_store(size: int) -> None:
    """A prefix of the pieces is there, and of the next one any of its bytes: the log ends before that commit."""
    chance = random.Random(size)
    files = StoringFileSystem()
    owner = create(files, step=1 << 15)
    for _ in range(4):
        owner.commit("normal", size)
    passed = sum(owner.pass_through("normal", size) for _ in range(4))
    assert passed >= 2
    assert len(files.stores) >= passed
    for path, before, offset, pieces in files.stores:
        first = log_format.decode_batch_header(b"".join(pieces), ID, 1, offset)
        assert first is not None
        for whole in range(len(pieces)):
            for _ in range(30):
                disk = copy(files)
                part = bytearray(len(pieces[whole]))
                for place in range(len(part)):
                    if chance.random() < 0.5:
                        part[place] = pieces[whole][place]
                if bytes(part) == pieces[whole]:
                    continue
                disk.names[path].data[:] = before
                disk.open(path).write(offset, b"".join(pieces[:whole]) + part)
                only_end_mark_missing = whole == len(pieces) - 1
                assert recover(disk).last == first.sequence - 1 + only_end_mark_missing


# -- errors of the disk -----------------------------------------------------------------------------------


def run_until_failure(world: World, history: str) -> Exception | None:
    for action in history:
        try:
            world.step(action)
        except OperationalError as error:
            return error
    return None


@pytest.mark.parametrize("history", ["nfnf", "ffkff", "nFnkNf", "ccCkcC", "oooof", "lklL"])
@pytest.mark.parametrize("times", [1, 2, 99])
def test_R5_a_failed_sync_refuses_and_loses_nothing(history: str, times: int) -> None:
    for nth in range(1, 99):
        world = World()
        world.fs.fail("sync", nth, times=times)
        error = run_until_failure(world, history)
        if error is None:
            break
        published = list(world.owner.published)
        assert world.owner.log.failed is not None
        assert not {*world.refused, *world.unknown}.intersection(published)
        with pytest.raises(DatabaseFailed):
            world.owner.queue()
        world.fs.heal()
        with pytest.raises(DatabaseFailed):
            world.owner.log.switch()
        assert world.owner.published == published
        end = len(world.fs.history)
        for kept in losses(world.fs.pending(), nth, 12):
            world.check(world.fs.crash(kept), end)
        world.check(world.fs, end)  # R5: opened again without a power failure, the cache shows what the disk has not
    assert nth >= 3


@pytest.mark.parametrize("history", ["nfnf", "ffkff", "nFnkNf", "ccCkcC", "oooof", "FFFF", "opppPf", "nnpp", "lLLkL"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("times", [1, 2])
def test_R4_a_failed_write_aborts_one_transaction_or_fails_the_log(history: str, code: int, times: int) -> None:
    for nth in range(1, 99):
        world = World()
        world.fs.fail("write", nth, times=times, code=code)
        error = run_until_failure(world, history)
        if error is None:
            break
        assert isinstance(error, DiskFull) <= (code == errno.ENOSPC)
        world.fs.heal()
        if world.owner.log.failed is None:  # nothing has changed: go on
            world.run("fkFn")
        else:
            assert isinstance(error, DatabaseFailed | TransactionResolutionUnknown)
        end = len(world.fs.history)
        for kept in losses(world.fs.pending(), nth, 6):
            world.check(world.fs.crash(kept), end)
        world.check(world.fs, end)
    assert nth >= 3


@pytest.mark.parametrize("kind", ["open", "create", "truncate", "remove", "sync_directory"])
def test_failures_of_names_change_nothing(kind: str) -> None:
    for nth in range(1, 9):
        world = World()
        world.fs.fail(kind, nth, code=errno.ENOSPC)  # type: ignore[arg-type]
        run_until_failure(world, "fkFkFkf")
        world.fs.heal()
        assert world.owner.log.failed is None
        world.run("fkf")
        world.check(world.fs.crash(), len(world.fs.history))


def test_R4_a_full_disk_gives_nothing_away() -> None:
    """Once the space is reserved nothing grows: a full disk can refuse a reservation and nothing else."""
    world = World()
    log = world.owner.log
    size = world.fs.open(FIRST).size()
    world.fs.fail("write", 1, times=9999, code=errno.ENOSPC, partial=700)
    with pytest.raises(DiskFull) as caught:
        log.reserve(5000)
    assert caught.value.sqlstate == "53100"
    assert world.fs.open(FIRST).size() == size, "the space of the failed growth is given back"
    world.fs.heal()
    tickets = [world.owner.queue(size=150 * number) for number in range(9)]
    size = world.fs.open(FIRST).size()
    for ticket in tickets:
        world.settle(ticket)
    world.run("s")
    assert world.fs.open(FIRST).size() == size
    world.check(world.fs.crash(), len(world.fs.history))


# -- damage -----------------------------------------------------------------------------------------------


def recovered_or_corrupt(disk: MemoryFileSystem, world: World) -> bool:
    """True if the damage was reported; otherwise nothing may be missing."""
    end = len(world.fs.history)
    try:
        recovered = recover(disk, world.base(end))
        found = numbers(recovered)
        chunks = {commit.number: list(commit.chunks) for commit in recovered if len(commit.chunks)}
    except DatabaseCorrupt as error:
        assert PATH in str(error)
        return True
    assert found == up_to(world.promised(end), world.base(end))
    assert chunks == {number: expected for number, expected in world.chunks.items() if expected and number in found}
    return False


@pytest.mark.parametrize("history", ["fF", "ccCf", "fkf", "nf"])
def test_R8_any_flipped_bit_is_reported_or_harmless(history: str) -> None:
    world = World().run(history)
    clean = world.fs.crash()
    reported = 0
    for path, inode in clean.names.items():
        used = len(bytes(inode.data).rstrip(b"\0"))
        for position in [*range(used), *range(used, len(inode.data), 17)]:
            before = inode.data[position]
            inode.data[position] ^= 1 << position % 8
            disk = copy(clean)
            inode.data[position] = before
            reported += recovered_or_corrupt(disk, world)
        assert path.startswith(PATH)
    assert reported > 150


@settings(max_examples=60)
@given(st.data())
def test_R8_several_flipped_bytes_are_reported_or_harmless(data: st.DataObject) -> None:
    world = World().run("fFkfCf")
    disk = world.fs.crash()
    path = data.draw(st.sampled_from(sorted(disk.names)))
    stored = disk.names[path].data
    for _ in range(data.draw(st.integers(1, 3))):
        stored[data.draw(st.integers(0, len(stored) - 1))] ^= data.draw(st.integers(1, 255))
    recovered_or_corrupt(disk, world)


@pytest.mark.parametrize("history", ["ffF", "fkf", "FFFF"])
def test_R8_a_file_cut_short_is_reported(history: str) -> None:
    world = World().run(history)
    clean = world.fs.crash()
    for path, inode in clean.names.items():
        for size in range(0, len(inode.data), 100):
            disk = copy(clean)
            disk.names[path].truncate(size)
            assert recovered_or_corrupt(disk, world) or not any(inode.data)


def test_a_short_read_is_not_the_end_of_the_log() -> None:
    world = World().run("ffF")
    for nth in range(1, 30):
        for partial in (0, 3, 200, 513):
            disk = copy(world.fs.crash())
            disk.fail("read", nth, code=0, partial=partial)
            recovered_or_corrupt(disk, world)


@settings(max_examples=40)
@given(st.binary(max_size=1500), st.integers(0, 4))
def test_hostile_bytes_are_reported_or_the_end(garbage: bytes, block: int) -> None:
    world = World().run("ff")
    disk = world.fs.crash()
    disk.names[FIRST].write(block * 512, garbage)
    try:
        recovered = recover(disk)
    except DatabaseCorrupt:
        return
    assert numbers(recovered) in (up_to(2), up_to(1), [])


def test_refused_commits_are_the_ones_that_are_not_there() -> None:
    world = World()
    world.run("nf")
    tickets = [world.owner.queue(), world.owner.queue("off"), world.owner.queue()]
    world.fs.fail("sync")
    with pytest.raises(DatabaseFailed, match="not committed"):
        world.owner.log.settle(tickets[1])
    assert [ticket.outcome for ticket in tickets] == [REFUSED] * 3
    assert world.owner.published == [1, 2]
    for kept in losses(world.fs.pending(), 1):
        assert recover(world.fs.crash(kept)).last == 2
