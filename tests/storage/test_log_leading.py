"""A durable commit whose own thread leads the log from before its number to after its publishing: when the log lets it,
who comes meanwhile, and what becomes of all of them when something fails. Crashes are in `test_log_crash`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from log_world import FIRST, Owner, create, numbers, recover, up_to

from minidb.errors import DatabaseFailed, OperationalError, TransactionResolutionUnknown
from minidb.storage.faulty import FaultyFile, FaultyFileSystem


class HeldUpFile(FaultyFile):
    """Something happens in the middle of the call that writes and syncs, or before a sync."""

    __slots__ = ()

    def write_synced(self, offset: int, data: bytes) -> None:
        self.write(offset, data)
        self.system.meanwhile()  # type: ignore[attr-defined]
        self._sync(offset, data)


class HeldUpFiles(FaultyFileSystem):
    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], None] = lambda: None

    def open(self, path: str, *, create: bool = False, read_only: bool = False) -> HeldUpFile:
        file = super().open(path, create=create, read_only=read_only)
        assert isinstance(file, FaultyFile)
        return HeldUpFile(path, file.inode, self, read_only)


class Gate:
    """Tells when somebody is about to wait at it: it is acquired for the second time then."""

    def __init__(self, waiting: threading.Semaphore) -> None:
        self.lock, self.waiting, self.calls = threading.Lock(), waiting, 0

    def acquire(self) -> bool:
        self.calls += 1
        if self.calls == 2:
            self.waiting.release()
        return self.lock.acquire()

    def release(self) -> None:
        self.lock.release()


class Meeting:
    """A log, and threads that come while the leader is in its sync."""

    def __init__(self) -> None:
        self.files = HeldUpFiles()
        self.waiting = threading.Semaphore(0)
        self.owner = create(self.files, step=1 << 14, make_gate=lambda: Gate(self.waiting))
        self.threads: list[threading.Thread] = []
        self.outcomes: list[object] = []

    def come(self, *works: Callable[[], object]) -> None:
        """Begins these, one after the other; returns when all of them wait."""
        self.files.meanwhile = lambda: None
        for work in works:
            thread = threading.Thread(target=self.run, args=(work,))
            self.threads.append(thread)
            thread.start()
            self.waiting.acquire()

    def run(self, work: Callable[[], object]) -> None:
        try:
            self.outcomes.append(work())
        except OperationalError as error:
            self.outcomes.append(type(error))

    def meanwhile(self, *works: Callable[[], object]) -> None:
        self.files.meanwhile = lambda: self.come(*works)

    def end(self) -> None:
        for thread in self.threads:
            thread.join()


@pytest.fixture
def fs() -> FaultyFileSystem:
    return FaultyFileSystem()


@pytest.fixture
def owner(fs: FaultyFileSystem) -> Owner:
    return create(fs, step=1 << 13)


@pytest.fixture
def meeting() -> Iterator[Meeting]:
    meeting = Meeting()
    yield meeting
    meeting.end()


# -- when the log lets it ---------------------------------------------------------------------------------


def test_what_is_committed_is_recovered(fs: FaultyFileSystem) -> None:
    owner = create(fs, step=1 << 15)
    for size in (0, 1, 387, 388, 900, 901, 5000):
        assert owner.commit_leading(size)
    owner.log.check()
    assert numbers(recover(fs.crash())) == owner.published == up_to(7)


def test_R4_it_takes_what_was_reserved_for_nobody(owner: Owner) -> None:
    led = 0
    while owner.commit_leading(600):
        led += 1
    assert led == 7, "16 blocks, less the header and the spare one; a commit takes two"
    assert owner.log._writer.reserved == 0
    owner.commit(size=600)  # the long way grows
    assert owner.commit_leading(600)


def test_R4_what_others_have_reserved_is_theirs(owner: Owner) -> None:
    for _ in range(6):
        owner.log.reserve(600)
    assert owner.commit_leading(600)
    assert not owner.commit_leading(600)
    owner.log.check()
    for _ in range(6):
        owner.log.unreserve(600)
    assert owner.commit_leading(600)


def test_R4_nobody_reserves_its_place_while_it_is_written(meeting: Meeting) -> None:
    log, reserved = meeting.owner.log, []
    free = (1 << 14) // 512 - 2

    def reserve_all() -> None:
        while log._writer.reserve(512):
            reserved.append(512)

    meeting.files.meanwhile = reserve_all
    meeting.owner.commit_leading()
    assert len(reserved) == free - 1
    log.check()


def test_L1_what_waits_for_a_batch_comes_before(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit("off")
    assert not owner.commit_leading()
    owner.commit()
    owner.log.chunk(1, b"part")
    assert not owner.commit_leading()
    owner.commit()
    assert owner.commit_leading() == 4
    ticket = owner.queue()
    assert not owner.commit_leading()
    owner.log.settle(ticket)
    assert owner.commit_leading() == 6
    assert numbers(recover(fs.crash())) == owner.published == up_to(6)


def test_R12_it_takes_along_what_was_not_synced(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit("normal")
    assert owner.commit_leading()
    assert recover(fs.crash()).last == 2


def test_a_place_that_was_not_taken_is_free_again(fs: FaultyFileSystem, owner: Owner) -> None:
    log = owner.log
    assert log.lead() and log.place(1, 40)
    log.hand_on()
    log.check()
    assert log.last_number == 0
    assert (owner.commit_leading(), owner.commit()) == (1, 2)
    assert numbers(recover(fs.crash())) == [1, 2]


def test_L1_who_is_queued_between_leading_and_the_number_comes_before(owner: Owner) -> None:
    assert owner.log.lead()
    ticket = owner.queue()
    assert not owner.log.place(2, 40)
    owner.log.hand_on()
    owner.log.settle(ticket)
    assert owner.published == [1]


def test_only_one_leads(owner: Owner) -> None:
    assert owner.log.lead()
    assert not owner.log.lead() and not owner.pass_through()
    owner.log.hand_on()
    assert owner.commit_leading()


# -- who comes meanwhile ----------------------------------------------------------------------------------


def test_who_gets_a_number_meanwhile_is_written_and_published_behind_it(meeting: Meeting) -> None:
    owner = meeting.owner
    meeting.meanwhile(*[owner.commit] * 3)
    assert owner.commit_leading() == 1
    meeting.end()
    assert (set(meeting.outcomes), owner.published, owner.rounds) == ({2, 3, 4}, up_to(4), 1)
    assert recover(meeting.files.crash()).last == 4
    assert owner.commit_leading() == 5, "nobody has left with the leadership"


def test_R2_nothing_is_published_before_it(meeting: Meeting) -> None:
    owner = meeting.owner
    meeting.meanwhile(lambda: owner.commit("off"), lambda: owner.commit("normal"))
    published: list[list[int]] = []
    come = meeting.files.meanwhile

    def look() -> None:
        come()
        published.append(list(owner.published))

    meeting.files.meanwhile = look
    owner.commit_leading()
    meeting.end()
    assert (published, owner.published) == ([[]], up_to(3))


def test_a_checkpoint_that_comes_meanwhile_waits_for_it(meeting: Meeting) -> None:
    meeting.meanwhile(meeting.owner.log.switch)
    meeting.owner.commit_leading()
    meeting.end()
    assert meeting.outcomes == [1]
    meeting.owner.log.check()


def test_R5_its_failed_sync_refuses_all_who_came_meanwhile(meeting: Meeting) -> None:
    owner = meeting.owner
    owner.commit()
    meeting.meanwhile(*[owner.commit] * 3)
    meeting.files.fail("sync")
    with pytest.raises(DatabaseFailed, match="not committed"):
        owner.commit_leading()
    meeting.end()
    assert meeting.outcomes == [DatabaseFailed] * 3
    assert owner.published == [1]
    assert recover(meeting.files.crash(meeting.files.pending())).last == 1
    with pytest.raises(DatabaseFailed):
        owner.commit()


def test_R4_when_it_cannot_be_erased_its_outcome_alone_is_unknown(meeting: Meeting) -> None:
    owner = meeting.owner
    meeting.meanwhile(*[owner.commit] * 2)
    meeting.files.fail("sync", times=2)
    with pytest.raises(TransactionResolutionUnknown):
        owner.commit_leading()
    meeting.end()
    assert meeting.outcomes == [DatabaseFailed] * 2
    assert recover(meeting.files.crash(meeting.files.pending())).last <= 1


# -- what goes wrong --------------------------------------------------------------------------------------


def test_R4_a_batch_that_could_not_be_written_is_erased(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit_leading()
    fs.fail("write", path=FIRST, partial=1024)
    with pytest.raises(DatabaseFailed):
        owner.commit_leading(1500)
    assert not owner.commit_leading()
    assert recover(fs.crash(fs.pending())).last == 1


def test_an_error_while_publishing_leaves_it_in_the_log(fs: FaultyFileSystem) -> None:
    class Forgetful(list[int]):
        def append(self, number: int) -> None:
            raise ZeroDivisionError

    owner = create(fs)
    owner.published = Forgetful()
    with pytest.raises(TransactionResolutionUnknown) as caught:
        owner.commit_leading()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert recover(fs.crash()).last == 1
    with pytest.raises(DatabaseFailed):
        owner.commit()


def test_R11_an_interrupt_in_the_middle_fails_the_log_and_hands_it_on(meeting: Meeting) -> None:
    def interrupt() -> None:
        meeting.come(meeting.owner.commit)
        raise KeyboardInterrupt

    meeting.files.meanwhile = interrupt
    with pytest.raises(DatabaseFailed):
        meeting.owner.commit_leading()
    meeting.end()
    assert meeting.outcomes == [DatabaseFailed]
    assert recover(meeting.files.crash()).last == 0
