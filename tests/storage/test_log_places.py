"""Places in the log that are reserved ahead, for commits of ordinary size to come."""

from __future__ import annotations

import errno

import pytest
from log_world import FIRST, Owner, create, numbers, recover, up_to

from minidb.errors import DatabaseFailed, DiskFull
from minidb.storage.faulty import FaultyFileSystem
from minidb.storage.log import ORDINARY, PLACE
from minidb.storage.log_format import space_for


@pytest.fixture
def fs() -> FaultyFileSystem:
    return FaultyFileSystem()


@pytest.fixture
def owner(fs: FaultyFileSystem) -> Owner:
    return create(fs, step=1 << 13, ahead=3)


def reserved(owner: Owner) -> int:
    """Places that commits to come may take, and no byte more."""
    owner.log.check()
    places = len(owner.log._places)
    assert owner.log._writer.reserved == places * PLACE
    return places


def test_an_ordinary_commit_fits_into_a_place() -> None:
    assert space_for(ORDINARY) == PLACE < space_for(ORDINARY + 1)


def test_the_first_commit_reserves_for_those_that_follow(owner: Owner) -> None:
    left = []
    for _ in range(4):
        owner.commit()
        left.append(reserved(owner))
    assert left == [2, 1, 0, 2]


@pytest.mark.parametrize("size", [0, ORDINARY, ORDINARY + 1, 3000])
def test_what_is_not_used_is_given_back(owner: Owner, size: int) -> None:
    owner.commit()
    before = reserved(owner)
    owner.log.reserve(size)
    owner.log.unreserve(size)
    assert reserved(owner) == before


def test_a_large_commit_reserves_what_it_needs(fs: FaultyFileSystem, owner: Owner) -> None:
    for size in (ORDINARY, ORDINARY + 1, 5000, 40):
        owner.commit(size=size)
    assert reserved(owner) == 1
    assert numbers(recover(fs.crash())) == up_to(4)


def test_a_chunk_takes_no_place(owner: Owner) -> None:
    owner.commit()
    owner.log.chunk(1, b"part")
    owner.commit(transaction_id=1)
    owner.log.chunk(2, b"part")
    owner.log.forget(2)
    owner.log.sync()
    assert reserved(owner) == 1


def test_R4_a_full_disk_is_told_only_when_nothing_is_left(fs: FaultyFileSystem, owner: Owner) -> None:
    size = fs.open(FIRST).size()
    tickets = [owner.queue() for _ in range((size // 512 - 2) // (PLACE // 512))]
    assert owner.log._writer.reserved == len(tickets) * PLACE
    fs.fail("write", 1, times=9999, code=errno.ENOSPC)
    with pytest.raises(DiskFull):
        owner.log.reserve(40)
    fs.heal()
    for ticket in tickets:
        owner.log.settle(ticket)
    assert fs.open(FIRST).size() == size
    assert reserved(owner) == 0


def test_places_move_to_the_next_segment(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit()
    assert owner.log.switch() == 1
    assert reserved(owner) == 2
    before = len(fs.history)
    owner.commit()
    owner.commit()
    assert [change.kind for change in fs.history[before:]] == ["write", "sync"] * 2, "it did not grow"


def test_R5_a_log_that_has_failed_has_no_places(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit()
    fs.fail("sync")
    with pytest.raises(DatabaseFailed):
        owner.commit()
    with pytest.raises(DatabaseFailed):
        owner.log.reserve(40)
    assert owner.log.last_number == 2


def test_a_closed_log_has_no_places(owner: Owner) -> None:
    owner.commit()
    owner.log.close()
    with pytest.raises(DatabaseFailed, match="failed"):
        owner.log.reserve(40)


def test_check_finds_a_place_that_nobody_has_reserved(owner: Owner) -> None:
    owner.commit()
    owner.log._places.append(None)
    with pytest.raises(AssertionError, match="L3"):
        owner.log.check()
