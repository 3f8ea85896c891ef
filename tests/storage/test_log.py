"""The log: round trips, what each rule forbids, group commit, checkpoints. Crashes are in `test_log_crash`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_world import FIRST, ID, PATH, SECOND, TINY, Owner, copy, create, numbers, payload_of, recover, up_to

from minidb.errors import (
    DatabaseCorrupt,
    DatabaseFailed,
    OperationalError,
    ProgramLimitExceeded,
    TransactionResolutionUnknown,
)
from minidb.storage import log_format
from minidb.storage.faulty import FaultyFile, FaultyFileSystem, flip, subsets
from minidb.storage.file import OSFileSystem
from minidb.storage.log import PLACE, Log, Ticket
from minidb.storage.log_leader import COMMITTED, REFUSED, UNKNOWN, Leadership, Waiter
from minidb.storage.log_tail import LogTail


@pytest.fixture
def fs() -> FaultyFileSystem:
    return FaultyFileSystem()


@pytest.fixture
def owner(fs: FaultyFileSystem) -> Owner:
    """Its first segment has room for some 14 commits."""
    return create(fs, step=1 << 13)


def syncs(fs: FaultyFileSystem) -> int:
    return fs.counts.get("sync", 0)


def writes(fs: FaultyFileSystem) -> int:
    return fs.counts.get("write", 0)


# -- round trips ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("durability", ["full", "normal", "off"])
def test_what_is_committed_is_recovered(fs: FaultyFileSystem, owner: Owner, durability: str) -> None:
    for size in (0, 1, 387, 388, 700, 5000):
        owner.commit(durability, size)
    assert owner.published == up_to(6)
    owner.log.close()
    recovered = recover(fs)
    assert (numbers(recovered), recovered.before, recovered.last) == (up_to(6), 0, 6)
    assert [len(commit.payload) for commit in recovered] == [0, 1, 387, 388, 700, 5000]
    assert numbers(recover(fs.crash(), after=4)) == [5, 6]


def test_real_files(tmp_path: Path) -> None:
    path = str(tmp_path / "shop.mdb")
    owner = Owner(Log.create(OSFileSystem(), path, ID, **TINY))
    for _ in range(3):
        owner.commit(size=900)
    last = owner.log.switch()
    owner.log.release(last)
    owner.commit()
    owner.log.close()
    recovered = Log.recover(OSFileSystem(), path, ID, after=last)
    assert numbers(recovered) == [4]
    recovered.log.close()
    sizes = {file.name: file.stat().st_size for file in tmp_path.iterdir()}
    assert sizes == {"shop.mdb-wal": 0, "shop.mdb-wal2": 2048}  # G4
    assert Log.exists(OSFileSystem(), path)
    assert not Log.exists(OSFileSystem(), path + "2")


def test_a_log_may_begin_at_any_number(fs: FaultyFileSystem) -> None:
    owner = create(fs, number=41)
    assert owner.commit() == 42
    assert numbers(recover(fs, after=41)) == [42]


def test_create_removes_what_an_earlier_database_left(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit()
    owner.log.switch()
    owner.commit()
    create(fs).commit()
    assert numbers(recover(fs.crash())) == [1]
    assert not fs.exists(SECOND)


def test_recovering_again_and_again_goes_on(fs: FaultyFileSystem, owner: Owner) -> None:
    for count in range(1, 6):
        owner.commit("normal" if count % 2 else "full")
        recovered = recover(fs)
        assert numbers(recovered) == up_to(count)
        owner = Owner(recovered.log)


def test_the_commits_can_be_read_while_the_log_goes_on(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit()
    recovered = recover(fs)
    owner = Owner(recovered.log)
    reading = iter(recovered)
    owner.commit()
    assert next(reading).number == 1
    owner.log.switch()
    owner.commit()
    assert list(reading) == []
    assert numbers(recovered) == [1]


def whole_batch(*fields: Any, **named: Any) -> bytes:
    return log_format.whole_blocks(log_format.encode_batch(*fields, **named)[0])


@given(st.integers(0, 100), st.binary(max_size=600))
def test_a_batch_of_one_commit_is_a_batch_like_others(zeros: int, rest: bytes) -> None:
    payload = rest + bytes(zeros) + rest
    head = log_format.encode_frame(log_format.COMMIT, 7, 5, 0, len(payload))
    fields = ID, 2, 3, 4, 512, 512, 2048, 9
    assert log_format.encode_commit(*fields, 7, 5, payload) == log_format.encode_batch(*fields, [head, payload])


@given(st.integers(0, 3), st.binary(max_size=40), st.integers(0, 3000))
def test_M3_no_block_of_a_batch_is_zero(fill: int, rest: bytes, zeros: int) -> None:
    payload = bytes([fill]) * 700 + bytes(zeros) + rest
    head = log_format.encode_frame(log_format.COMMIT, 1, 0, 0, len(payload))
    pieces, checksum = log_format.encode_batch(ID, 1, 1, 1, 512, 512, 2048, 0, [head, payload])
    data = log_format.whole_blocks(pieces)
    assert len(data) % 512 == 0
    for start in range(0, len(data), 512):
        block = data[start : start + 512]
        assert sum(map(int.bit_count, block)) > 1  # the last one may hold nothing but the end mark (M2)
        assert sum(map(bool, block)) > 1 or start + 512 == len(data)
    header = log_format.decode_batch_header(data[:512], ID, 1, 512)
    assert header is not None and header.end == 512 + len(data)
    body = log_format.decode_body(header, data)
    assert body == log_format.Body(head + payload, checksum, True, False)
    assert log_format.decode_batch_header(data[:512], ID, 1, 1024) is None  # M4
    assert log_format.encode_commit(ID, 1, 1, 1, 512, 512, 2048, 0, 1, 0, payload) == (pieces, checksum)


# -- R1, R2: order ----------------------------------------------------------------------------------------


def test_R1_numbers_have_no_gaps(owner: Owner) -> None:
    with pytest.raises(AssertionError):
        owner.log.queue(2, b"", "full", 0)


def test_R2_an_off_commit_waits_for_the_full_one_before_it(fs: FaultyFileSystem, owner: Owner) -> None:
    first, second = owner.queue("full"), owner.queue("off")
    before = syncs(fs)
    owner.log.settle(second)
    assert syncs(fs) == before + 1
    assert owner.published == [1, 2]
    owner.log.settle(first)
    assert owner.rounds == 1
    assert numbers(recover(fs.crash())) == [1, 2]


def test_R12_a_full_commit_takes_those_before_it_along(fs: FaultyFileSystem, owner: Owner) -> None:
    for durability in ("off", "normal", "off", "off"):
        owner.commit(durability)
    assert recover(fs.crash()).last == 0
    owner.commit("full")
    assert recover(fs.crash()).last == 5


def test_durability_decides_about_writes_and_syncs(fs: FaultyFileSystem) -> None:
    owner = create(fs, step=1 << 16, flush_limit=5000)
    calls = []
    for durability in ("off", "normal", "full"):
        before = writes(fs), syncs(fs)
        for _ in range(10):
            owner.commit(durability)
        calls.append((writes(fs) - before[0], syncs(fs) - before[1]))
    assert calls == [(0, 0), (10, 0), (10, 10)]
    before = writes(fs), syncs(fs)
    for _ in range(100):
        owner.commit("off")
    assert writes(fs) - before[0] == 2  # each time that 5,000 bytes wait
    assert syncs(fs) == before[1]


def test_off_commits_are_written_together_before_the_log_grows(fs: FaultyFileSystem) -> None:
    owner = create(fs, step=1 << 13, flush_limit=1 << 20)
    for _ in range(30):
        owner.commit("off")
    assert fs.open(FIRST).size() == 1 << 13  # alone, each of them could need a block
    owner.log.close()
    assert numbers(recover(fs.crash())) == up_to(30)


def test_flush_hands_off_commits_to_the_system(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit("off")
    assert recover(copy(fs)).last == 0
    owner.log.flush()
    assert recover(copy(fs)).last == 1
    assert recover(fs.crash()).last == 0
    owner.log.sync()
    assert recover(fs.crash()).last == 1


def test_an_idle_sync_does_nothing(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit()
    before = len(fs.history)
    owner.log.sync()
    owner.log.flush()
    assert len(fs.history) == before


# -- R4, R5: space and failures ---------------------------------------------------------------------------


def test_R4_commits_write_into_zeros_that_are_synced(fs: FaultyFileSystem, owner: Owner) -> None:
    for _ in range(20):
        owner.commit(size=600)
    sizes = [0]
    for change in fs.history:
        if change.kind == "write" and any(change.data):
            assert change.offset + len(change.data) <= sizes[-1], "in space that was synced before"
        elif change.kind == "write":
            sizes.append(max(sizes[-1], change.offset + len(change.data)))
    assert len(sizes) > 3


def test_R4_reservations_are_used_up_or_given_back(owner: Owner) -> None:
    for size in (0, 100, 3000):
        owner.log.reserve(size)
        owner.log.unreserve(size)
        owner.commit("off", size)
        owner.commit("normal", size)
    owner.log.chunk(1, b"x" * 2000)
    owner.log.chunk(2, b"x")
    owner.log.forget(2)
    owner.log.sync()
    assert owner.log._writer.reserved == 0


def test_reservations_fit_into_the_next_segment_too(fs: FaultyFileSystem) -> None:
    owner = create(fs)
    tickets = [owner.queue(size=2000), owner.queue(size=3000)]
    owner.log.reserve(4000)
    assert owner.log.switch() == 2
    assert [ticket.done for ticket in tickets] == [True, True]
    before = len(fs.history)
    owner.log.settle(owner.log.queue(3, payload_of(3, 4000), "full", 3000))
    assert [change.kind for change in fs.history[before:]] == ["write", "sync"]


def test_R4_a_batch_that_could_not_be_written_is_erased(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit()
    ticket = owner.queue(size=1500)
    fs.fail("write", partial=1024)
    with pytest.raises(DatabaseFailed) as caught:
        owner.log.settle(ticket)
    assert (ticket.outcome, caught.value.sqlstate) == (REFUSED, "58030")
    assert "Input/output error" in (caught.value.detail or "")
    assert numbers(recover(copy(fs))) == [1] == owner.published


def test_R4_when_that_fails_too_the_outcome_is_unknown(fs: FaultyFileSystem, owner: Owner) -> None:
    ticket = owner.queue()
    fs.fail("sync", times=2)
    with pytest.raises(TransactionResolutionUnknown) as caught:
        owner.log.settle(ticket)
    assert (ticket.outcome, caught.value.sqlstate) == (UNKNOWN, "08007")
    assert owner.published == []


def test_R5_after_a_failed_sync_the_log_refuses_everything(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit()
    owner.log.reserve(0)
    fs.fail("sync")
    with pytest.raises(DatabaseFailed):
        owner.commit()
    for attempt in (
        owner.commit,
        owner.log.switch,
        owner.log.sync,
        owner.log.flush,
        lambda: owner.log.release(9),
        lambda: owner.log.chunk(1, b""),
        lambda: owner.log.settle(owner.log.queue(3, b"", "off", 0)),
    ):
        with pytest.raises(DatabaseFailed):
            attempt()
    assert owner.published == [1]
    assert isinstance(owner.log.failed, Exception)
    owner.log.close()


def test_R5_recovery_does_not_trust_what_only_the_cache_has(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit("normal")
    fs.fail("sync", times=2)
    with pytest.raises(TransactionResolutionUnknown):
        owner.commit()  # both are in the cache, and count as clean: a sync would not write them
    recovered = recover(fs)  # shows the second one as zeros, and the disk may have it
    assert recovered.last == 1
    for kept in subsets(fs.pending()):
        assert recover(fs.crash(kept)).last == 1


def test_an_error_while_publishing_fails_the_log(owner: Owner) -> None:
    def broken(tickets: list[Ticket]) -> None:
        raise ZeroDivisionError

    owner.log.on_durable = broken
    with pytest.raises(TransactionResolutionUnknown) as caught:
        owner.commit("normal")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    with pytest.raises(DatabaseFailed):
        owner.commit()


def test_a_record_too_large_is_refused(owner: Owner) -> None:
    with pytest.raises(ProgramLimitExceeded):
        owner.log.reserve(1 << 31)
    owner.commit()


def test_any_number_of_checkpoints_may_fail(fs: FaultyFileSystem, owner: Owner) -> None:
    """There are only so many segments: the last one goes on being used, and is released by what comes after."""
    for _ in range(80):
        owner.commit()
        assert owner.log.switch() == owner.log.last_number
    assert len(owner.log.closed()) == 63
    owner.commit()
    assert len(numbers(recover(fs.crash()))) == 81
    last = owner.log.switch()
    owner.commit()
    owner.log.release(last)
    owner.log.check()
    assert len(owner.log.closed()) == 0
    after = recover(fs.crash(), last)
    assert after.last == last + 1
    assert owner.log.switch() == last + 1
    owner.commit()
    owner.log.release(last + 1)
    assert recover(fs.crash(), last + 1).last == last + 2


def test_a_closed_log_refuses(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit("off")
    owner.log.close()
    assert recover(fs.crash()).last == 1
    with pytest.raises(DatabaseFailed, match="failed"):
        owner.commit()
    owner.log.close()


# -- R6: chunks -------------------------------------------------------------------------------------------


def chunks_of(recovered: Any) -> dict[int, list[bytes]]:
    return {commit.number: list(commit.chunks) for commit in recovered}


def test_R6_chunks_belong_to_their_commit(fs: FaultyFileSystem, owner: Owner) -> None:
    for part in range(5):
        for transaction_id in (7, 8, 9):
            owner.log.chunk(transaction_id, b"%d/%d" % (transaction_id, part) * 50)
    owner.log.forget(8)
    owner.log.forget(8)
    owner.commit(transaction_id=9)
    owner.commit()
    recovered = recover(fs.crash())
    assert chunks_of(recovered) == {1: [b"9/%d" % part * 50 for part in range(5)], 2: []}
    assert [commit.transaction_id for commit in recovered] == [9, 0]


def test_R6_chunks_are_written_without_a_sync(fs: FaultyFileSystem) -> None:
    owner = create(fs, step=1 << 16)
    before = writes(fs), syncs(fs)
    for _ in range(20):
        owner.log.chunk(1, bytes(200))
    assert (writes(fs) - before[0], syncs(fs) - before[1]) == (6, 0)


def test_R6_chunks_with_zeros_come_back(fs: FaultyFileSystem, owner: Owner) -> None:
    parts = [bytes(5000), b"\1" + bytes(900), b""]
    for part in parts:
        owner.log.chunk(1, part)
    owner.commit("off", transaction_id=1)
    owner.log.sync()
    assert chunks_of(recover(fs.crash())) == {1: parts}


def test_L5_chunks_of_an_incarnation_that_ended_are_nothing(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.log.chunk(1, b"old")
    owner.log.flush()
    owner = Owner(recover(fs).log)
    owner.log.chunk(1, b"new")
    owner.commit(transaction_id=1)
    assert chunks_of(recover(fs)) == {1: [b"new"]}


def test_L5_also_when_the_new_incarnation_began_with_a_checkpoint(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.log.chunk(1, b"old")
    owner.log.flush()
    owner = Owner(recover(fs).log)
    owner.log.switch()
    owner.commit(transaction_id=1)
    assert chunks_of(recover(fs)) == {1: []}


def test_R10_a_segment_with_chunks_of_an_open_transaction_is_kept(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.log.chunk(1, b"part")
    for _ in range(4):
        owner.commit()
        owner.log.release(owner.log.switch())
    assert len(owner.log._writer.segments) == 5
    owner.commit(transaction_id=1)
    owner.log.release(4)
    assert chunks_of(recover(copy(fs), after=4)) == {5: [b"part"]}
    recovered = recover(fs, after=4)
    recovered.log.release(4)  # recovery knows it, too
    assert chunks_of(recover(copy(fs), after=4)) == {5: [b"part"]}
    owner = Owner(recovered.log)
    owner.log.release(owner.log.switch())
    assert len(owner.log._writer.segments) == 1
    assert len([name for name in fs.names if name.startswith(PATH)]) == 2
    assert recover(fs.crash(), after=5).last == 5


def test_R6_a_lost_chunk_is_reported(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.log.chunk(1, b"part")
    owner.log.switch()
    owner.commit(transaction_id=1)
    fs.remove(FIRST)
    with pytest.raises(DatabaseCorrupt, match="chunks"):
        recover(fs)


# -- R7 to R10: reading back ------------------------------------------------------------------------------


def test_R7_a_batch_of_an_earlier_use_of_the_segment_is_not_replayed(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit()
    old = fs.open(FIRST).read(512, 512)
    owner.log.release(owner.log.switch())
    owner.commit()
    owner.log.release(owner.log.switch())
    assert fs.open(FIRST).read(512, 512) == bytes(512)
    fs.open(FIRST).write(512, old)
    with pytest.raises(DatabaseCorrupt, match="wal is damaged at offset 512"):  # the cleaning was synced
        recover(fs, after=2)


def test_R7_a_batch_of_a_torn_tail_is_not_replayed(fs: FaultyFileSystem, owner: Owner) -> None:
    """The tail held commits 2 and 3; 2 was lost. A new 2 of the same size does not bring the old 3 back."""
    for _ in range(3):
        owner.commit("normal")
    fs.open(FIRST).write(1024, bytes(512))
    tail = fs.open(FIRST).read(1536, 512)
    recovered = recover(fs)
    assert numbers(recovered) == [1]
    assert fs.open(FIRST).read(1536, 512) == bytes(512)  # R9
    Owner(recovered.log).commit("normal")
    assert numbers(recover(copy(fs))) == [1, 2]
    fs.open(FIRST).write(1536, tail)
    with pytest.raises(DatabaseCorrupt):
        recover(fs)


def crafted(fs: FaultyFileSystem, offset: int = 1024, **wrong: Any) -> FaultyFileSystem:
    """The files with a valid batch behind the first one, which follows it in everything but what is `wrong`."""
    first = fs.open(FIRST).read(512, 512)
    header = log_format.decode_batch_header(first, ID, 1, 512)
    assert header is not None
    checksum = log_format.decode_body(header, first).checksum
    fields = header._replace(sequence=2, offset=offset, synced=512, previous=checksum)._asdict() | wrong
    del fields["length"], fields["mask"]
    frame = log_format.encode_frame(log_format.COMMIT, 2, 2000, 0, 40)
    after = copy(fs)
    after.open(FIRST).write(offset, whole_batch(**fields, frames=[frame, payload_of(2)]))
    return after


def test_R7_a_batch_must_follow_the_one_before_in_everything(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit()
    assert numbers(recover(crafted(fs))) == [1, 2]
    assert numbers(recover(crafted(fs, incarnation=5))) == [1, 2]
    wrong: list[dict[str, Any]] = [
        {"database_id": bytes(16)},
        {"generation": 2},
        {"incarnation": 0},
        {"sequence": 3},
        {"sequence": 1},
        {"previous": 1},
    ]
    for fields in wrong:
        with pytest.raises(DatabaseCorrupt, match="offset 1024: the header"):
            recover(crafted(fs, **fields))


def test_R8_a_header_behind_the_end_names_what_must_be_there(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit()
    assert numbers(recover(crafted(fs, 2048, sequence=4))) == [1]
    with pytest.raises(DatabaseCorrupt, match="offset 1024: the log was synced up to 1536"):
        recover(crafted(fs, 2048, sequence=4, synced=1536))
    with pytest.raises(DatabaseCorrupt, match="and should have 9999"):
        recover(crafted(fs, 2048, sequence=4, known_size=9999))


def test_R8_a_segment_with_a_successor_is_whole(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit()
    owner.commit("normal")
    owner.log.switch()
    fs.open(FIRST).write(1024, bytes(512))
    with pytest.raises(DatabaseCorrupt, match="wal is damaged at offset 1024: the segment should end at 1536"):
        recover(fs)


def test_R8_a_flipped_bit_in_a_segment_header_is_damage(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit()
    owner.log.switch()
    owner.commit()
    for name in (FIRST, SECOND):
        for position in range(84):
            damaged = copy(fs)
            flip(damaged, name, 8 * position + position % 8)
            if position < 80:
                with pytest.raises(DatabaseCorrupt, match="header is wrong"):
                    recover(damaged)
            else:
                assert numbers(recover(damaged)) == [1, 2]


def test_R10_segments_follow_one_another(fs: FaultyFileSystem, owner: Owner) -> None:
    for _ in range(2):
        owner.commit()
        owner.log.switch()
    gap = copy(fs)
    gap.remove(SECOND)
    with pytest.raises(DatabaseCorrupt, match=r"lacks a segment between .*-wal and .*-wal3"):
        recover(gap)
    header = log_format.decode_segment_header(fs.open(SECOND).read(0, 512))
    assert header is not None
    for wrong in (header._replace(previous=1), header._replace(sequence=7), header._replace(before=0)):
        fs.open(SECOND).write(0, log_format.encode_segment_header(wrong))
        with pytest.raises(DatabaseCorrupt, match="wal2 is damaged at offset 0: it does not follow"):
            recover(copy(fs))


def test_R8_unsynced_batches_that_arrived_out_of_order_are_the_end(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit("full")
    for _ in range(3):
        owner.commit("normal")
    pending = fs.pending()
    assert numbers(recover(fs.crash([pending[0], pending[2]]))) == [1, 2]
    assert numbers(recover(fs.crash([pending[2], pending[1]]))) == [1]


def test_R8_a_synced_batch_that_is_gone_is_damage(fs: FaultyFileSystem, owner: Owner) -> None:
    for _ in range(3):
        owner.commit("full")
    fs.open(FIRST).write(1024, bytes(512))
    with pytest.raises(DatabaseCorrupt, match=r"shop.mdb-wal is damaged at offset 1024: .* synced up to 1536"):
        recover(fs)


def test_R8_a_wrong_header_with_something_behind_it_is_damage(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit()
    flip(fs, FIRST, 8 * (512 + 20))
    with pytest.raises(DatabaseCorrupt, match="offset 512: the header"):
        recover(fs)


def test_R8_a_wrong_checksum_in_a_batch_that_arrived_is_damage(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit(size=3000)
    flip(fs, FIRST, 8 * (512 + 1700))
    with pytest.raises(DatabaseCorrupt, match="offset 512: the checksum"):
        recover(fs)


def test_R8_a_batch_that_did_not_arrive_whole_is_the_end(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit()
    owner.commit("normal", size=3000)
    file = fs.open(FIRST)
    for offset in range(1024, 1024 + 3584, 512):
        torn = copy(fs)
        torn.open(FIRST).write(offset, bytes(512))
        assert numbers(recover(torn)) == [1]
    assert any(file.read(1024 + 3072, 512))


def test_R8_a_batch_that_is_not_whole_has_zeros_behind_it(fs: FaultyFileSystem, owner: Owner) -> None:
    """A stretch of rubbish over the end of the log, with a zero where the end mark was."""
    owner.commit()
    owner.commit("normal", size=700)
    file = fs.open(FIRST)
    data = file.read(1024, 1024)
    mark = 1024 + len(data.rstrip(b"\0")) - 1
    file.write(mark - 100, b"x" * 100 + b"\0" + b"x" * 300)
    with pytest.raises(DatabaseCorrupt, match="behind the end of a batch that is not whole"):
        recover(copy(fs))
    file.write(mark + 1, bytes(300))
    assert numbers(recover(copy(fs))) == [1]  # it may have been torn


def test_R8_a_file_cut_at_what_it_grew_by_is_damage(fs: FaultyFileSystem) -> None:
    owner = create(fs)
    while fs.open(FIRST).size() == 2048:
        owner.commit()
    fs.open(FIRST).truncate(2048)
    with pytest.raises(DatabaseCorrupt, match="2048 bytes and should have 4096"):
        recover(fs)


def test_R8_damage_leaves_the_files_alone(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit()
    owner.commit("normal")
    flip(fs, FIRST, 8 * 600)
    before = {name: bytes(inode.data) for name, inode in fs.names.items()}
    with pytest.raises(DatabaseCorrupt):
        recover(fs)
    assert {name: bytes(inode.data) for name, inode in fs.names.items()} == before


def test_hostile_lengths_allocate_nothing(fs: FaultyFileSystem, owner: Owner) -> None:
    header = (ID, 1, 1, 1, 512, 1 << 62, 512, 2048, 0, 0)
    block = log_format._BATCH.pack(b"mdbB", 1, 0, *header)
    block += log_format._CHECKSUM.pack(log_format.crc32(block))
    fs.open(FIRST).write(512, block + b"payload")
    assert recover(copy(fs)).last == 0  # not synced, not whole: the end
    frame = log_format.encode_frame(log_format.COMMIT, 1, 0, 0, 1 << 31)
    fs.open(FIRST).write(512, whole_batch(ID, 1, 1, 1, 512, 512, 2048, 0, [frame, b"x"]))
    with pytest.raises(DatabaseCorrupt, match="no frame"):
        recover(fs)
    tail = LogTail(fs, PATH, ID, [], 0)  # who reads along says so as well
    with pytest.raises(DatabaseCorrupt, match=f"{FIRST} is damaged .* no frame"):
        list(tail.read_all())
    tail.close()


def test_a_gap_in_the_numbers_is_damage(fs: FaultyFileSystem, owner: Owner) -> None:
    frame = log_format.encode_frame(log_format.COMMIT, 2, 0, 0, 0)
    fs.open(FIRST).write(512, whole_batch(ID, 1, 1, 1, 512, 512, 2048, 0, [frame]))
    with pytest.raises(DatabaseCorrupt, match="commit 2 follows commit 0"):
        recover(fs)


def test_R19_the_log_must_go_on_from_the_base(fs: FaultyFileSystem, owner: Owner) -> None:
    for _ in range(3):
        owner.commit()
    owner.log.release(owner.log.switch())
    owner.commit()
    assert numbers(recover(copy(fs), after=3)) == [4]
    for after in (0, 2, 5):
        with pytest.raises(DatabaseCorrupt, match="commits 4 to 4"):
            recover(copy(fs), after=after)


def test_R19_a_lost_log_is_reported(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit()
    fs.remove(FIRST)
    with pytest.raises(DatabaseCorrupt, match="missing"):
        recover(fs)


def test_a_log_of_another_database_is_reported(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit()
    with pytest.raises(DatabaseCorrupt, match="another database"):
        Log.recover(fs, PATH, bytes(16), after=0)


# -- R10: checkpoints -------------------------------------------------------------------------------------


def test_R10_segments_alternate_and_do_not_grow(fs: FaultyFileSystem, owner: Owner) -> None:
    sizes = set()
    for round_number in range(8):
        for _ in range(5):
            owner.commit(size=300)
        last = owner.log.switch()
        assert last == 5 * (round_number + 1)
        owner.log.release(last)
        sizes.add((fs.open(FIRST).size(), fs.open(SECOND).size()))
    assert len(sizes) <= 2
    assert not fs.exists(PATH + "-wal3")
    assert recover(fs.crash(), after=40).last == 40


def test_R10_what_is_not_released_is_kept(fs: FaultyFileSystem, owner: Owner) -> None:
    for _ in range(4):
        owner.commit()
        owner.log.switch()
    assert numbers(recover(copy(fs), after=0)) == up_to(4)
    owner.log.release(2)  # as a replication slot would ask for
    assert numbers(recover(copy(fs), after=2)) == [3, 4]
    owner.log.release(4)
    assert recover(fs, after=4).before == 4


def test_R10_the_old_segment_is_synced_before_the_new_one_begins(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit("normal")
    owner.commit("off")
    owner.log.switch()
    assert recover(fs.crash()).last == 2


def test_R10_a_segment_that_could_not_begin_leaves_the_log_as_it_was(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit()
    fs.fail("write", 2, path=SECOND, partial=512)  # the header arrives, and an error is reported
    with pytest.raises(OperationalError) as caught:
        owner.log.switch()
    assert caught.value.sqlstate == "58030"
    owner.commit()
    assert numbers(recover(copy(fs))) == [1, 2]
    assert owner.log.switch() == 2
    owner.commit()
    assert numbers(recover(fs.crash())) == [1, 2, 3]


def test_L3_nothing_is_reserved_while_the_log_switches(
    fs: FaultyFileSystem, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sync(file: FaultyFile) -> None:
        attempts.append(owner.log._writer.reserve(512))
        real(file)

    attempts: list[bool] = []
    real = FaultyFile.sync
    owner.commit()
    monkeypatch.setattr(FaultyFile, "sync", sync)
    owner.log.switch()
    assert attempts == [True, False]  # filling the new segment, and its header
    assert owner.log._writer.reserve(512)


def test_R13_F_is_registered_before_anything_above_it_is_published(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit("off")
    owner.queue("full")

    def register(number: int) -> None:
        assert owner.published == up_to(number)
        registered.append(number)

    registered: list[int] = []
    assert owner.log.switch(register) == 2
    assert registered == [2]
    owner.commit()
    assert owner.log.switch(register) == 3


def test_size_counts_live_segments(fs: FaultyFileSystem, owner: Owner) -> None:
    assert owner.log.size == 512
    owner.commit()
    assert owner.log.size == 1024
    last = owner.log.switch()
    assert owner.log.size == 1536
    owner.log.release(last)
    assert owner.log.size == 512


def test_what_a_segment_has_grown_by_is_given_back(fs: FaultyFileSystem) -> None:
    owner = create(fs, kept_segment=4096)
    for _ in range(3):
        owner.commit(size=3000)
    grown = fs.open(FIRST).size()
    owner.log.release(owner.log.switch())
    assert fs.open(FIRST).size() == 4096 < grown
    for size in (40, 5000):  # it is used again, and grows again
        owner.commit(size=size)
        owner.log.release(owner.log.switch())
    owner.log.check()
    assert recover(fs.crash(), after=5).last == 5


def test_a_segment_is_extended_before_it_is_full(fs: FaultyFileSystem) -> None:
    owner = create(fs, step=1 << 13)
    size = fs.open(FIRST).size()
    while not owner.log.is_low():
        owner.commit("normal")
    assert fs.open(FIRST).size() == size, "nobody had to wait for it yet"
    owner.log.extend()
    owner.log.check()
    assert fs.open(FIRST).size() == size + (1 << 13) and not owner.log.is_low()
    owner.log.extend()
    before = syncs(fs)
    while not owner.log.is_low():
        owner.commit("normal")
    assert fs.open(FIRST).size() == size + (1 << 13) and syncs(fs) == before, "it has grown for nobody"
    assert recover(copy(fs)).last == owner.log.last_number


def test_a_full_disk_hinders_nobody_who_needs_no_space(fs: FaultyFileSystem) -> None:
    owner = create(fs, step=1 << 13)
    while not owner.log.is_low():
        owner.commit("normal")
    fs.fail("write", times=1 << 30)
    owner.log.extend()
    assert not owner.log.is_low(), "not again and again"
    fs.heal()
    last = owner.commit()
    owner.log.check()
    for _ in range(40):
        last = owner.commit()
    assert recover(copy(fs)).last == last


def test_a_sync_that_fails_while_a_segment_is_extended_fails_the_log(fs: FaultyFileSystem) -> None:
    owner = create(fs, step=1 << 13)
    while not owner.log.is_low():
        owner.commit("normal")
    fs.fail("sync")
    with pytest.raises(DatabaseFailed):
        owner.log.extend()
    with pytest.raises(DatabaseFailed):
        owner.commit()
    owner.log.extend()  # nothing is left to do


def test_an_empty_segment_that_is_large_is_left_when_free_ones_are_gone(fs: FaultyFileSystem) -> None:
    """So what the last checkpoint leaves is small, whatever the one before has left."""
    owner = create(fs, kept_segment=1 << 14)
    for _ in range(3):
        owner.commit(size=8000)
        owner.log.release(owner.log.switch())
    assert owner.log.size == 512  # an empty one
    owner.log.switch()
    assert len(owner.log.closed()) == 0, "it goes on being used while another is free"
    owner.log.shrink()
    assert max(fs.open(name).size() for name in (FIRST, SECOND) if fs.exists(name)) > 8000
    owner.log.release(owner.log.switch())
    owner.log.close()
    assert [fs.open(name).size() for name in (FIRST, SECOND) if fs.exists(name)] in ([2048], [0, 2048], [2048, 0])
    assert recover(fs.crash(), after=3).last == 3


def test_R9_after_a_clean_shutdown_the_log_is_secured_before_the_first_commit(fs: FaultyFileSystem) -> None:
    owner = create(fs)
    owner.commit()
    owner.log.release(owner.log.switch())
    owner.log.close()
    for clean in (True, False):
        steps = len(fs.history)
        log = recover(fs, after=1, clean=clean).log
        assert (len(fs.history) == steps) is clean
        log.secure()
        log.secure()
        assert [change.kind for change in fs.history[steps:]].count("sync") == 1
        log.abandon()
    log = recover(fs, after=1, clean=True).log
    steps = len(fs.history)
    log.switch()
    assert [change.kind for change in fs.history[steps:]].count("sync") >= 1
    owner = Owner(log)
    owner.commit()
    log.abandon()
    steps = len(fs.history)
    assert recover(fs, after=1, clean=True).last == 2
    assert len(fs.history) > steps, "there is something to secure"


def test_R5_a_sync_that_fails_before_the_first_commit(fs: FaultyFileSystem) -> None:
    owner = create(fs)
    owner.log.close()
    log = recover(fs, clean=True).log
    fs.fail("sync")
    with pytest.raises(DatabaseFailed):
        log.secure()
    assert log.failed is not None
    assert recover(fs).last == 0


# -- group commit -----------------------------------------------------------------------------------------


class SignallingGate:
    """A gate that tells when somebody begins to wait at it, and what to raise then."""

    def __init__(self, waiting: threading.Semaphore, interrupt: Callable[[threading.Lock], None] | None = None) -> None:
        self.lock = threading.Lock()
        self.waiting = waiting
        self.interrupt = interrupt
        self.calls = 0

    def acquire(self) -> bool:
        self.calls += 1
        if self.calls == 2:
            self.waiting.release()
            if self.interrupt is not None:
                self.interrupt(self.lock)
        return self.lock.acquire()

    def release(self) -> None:
        self.lock.release()


def run_followers(owner: Owner, waiting: threading.Semaphore, count: int) -> list[BaseException]:
    """`count` committers queue up behind a leader, who then lets them go."""
    errors: list[BaseException] = []

    def committer() -> None:
        try:
            owner.commit()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=committer) for _ in range(count)]
    with owner.log._leadership.held():
        for thread in threads:
            thread.start()
            waiting.acquire()
    for thread in threads:
        thread.join()
    return errors


def test_one_sync_serves_all_who_wait(fs: FaultyFileSystem) -> None:
    waiting = threading.Semaphore(0)
    owner = create(fs, step=1 << 15, batch_limit=1 << 15, make_gate=lambda: SignallingGate(waiting))
    before = syncs(fs)
    assert run_followers(owner, waiting, 12) == []
    assert syncs(fs) == before + 1
    assert (owner.published, owner.rounds) == (up_to(12), 1)
    assert recover(fs.crash()).last == 12


def test_a_batch_has_a_limit(fs: FaultyFileSystem) -> None:
    waiting = threading.Semaphore(0)
    owner = create(fs, step=1 << 15, batch_limit=4 * 512, make_gate=lambda: SignallingGate(waiting))
    assert run_followers(owner, waiting, 10) == []
    assert (owner.published, owner.rounds) == (up_to(10), 3)


def test_R11_an_interrupted_follower_is_published_all_the_same(fs: FaultyFileSystem) -> None:
    def before(lock: threading.Lock) -> None:
        raise KeyboardInterrupt

    def after(lock: threading.Lock) -> None:
        lock.acquire()
        raise KeyboardInterrupt

    for interrupt in (before, after):
        waiting = threading.Semaphore(0)
        fs = FaultyFileSystem()
        owner = create(fs, step=1 << 15, make_gate=lambda: SignallingGate(waiting, interrupt))  # noqa: B023
        errors = run_followers(owner, waiting, 5)
        assert [type(error) for error in errors] == [KeyboardInterrupt] * 5
        assert owner.published == up_to(5)
        assert recover(fs.crash()).last == 5
        owner.commit()  # nobody has left with the leadership


def test_R11_a_committer_that_went_away_holds_nobody_up(owner: Owner) -> None:
    owner.queue()
    assert owner.commit() == 2
    assert owner.published == [1, 2]


def test_a_failure_reaches_every_follower(fs: FaultyFileSystem) -> None:
    waiting = threading.Semaphore(0)
    owner = create(fs, step=1 << 15, make_gate=lambda: SignallingGate(waiting))
    fs.fail("sync")
    errors = run_followers(owner, waiting, 8)
    assert [type(error) for error in errors] == [DatabaseFailed] * 8
    assert len({id(error) for error in errors}) == 8
    assert owner.published == []
    assert recover(fs.crash(fs.pending())).last == 0


def test_W4_a_lone_committer_never_waits(fs: FaultyFileSystem) -> None:
    def no_gate() -> Any:
        raise AssertionError("W4")

    owner = create(fs, make_gate=no_gate)
    for durability in ("full", "normal", "off") * 10:
        owner.commit(durability)
    owner.log.release(owner.log.switch())
    owner.log.close()


def test_leadership_is_handed_over_in_the_order_of_arrival() -> None:
    leadership = Leadership()
    first, second = Waiter(), Waiter()
    assert leadership.enter(first)
    second.gate = threading.Lock()
    second.gate.acquire()
    leadership._waiters.append(second)
    assert not leadership.leave([], own=first)
    assert leadership.leave([first], own=first)
    assert second.promoted and not second.done
    assert not leadership.enter(first)
    leadership.leave([second], own=second)
    assert leadership.enter(Waiter())


def test_W1_who_comes_while_the_leader_goes_leads_at_once() -> None:
    def while_it_is_made() -> threading.Lock:
        assert leadership.leave([first], own=first)  # before the other is among the waiters
        return threading.Lock()

    leadership = Leadership(while_it_is_made)
    first = Waiter()
    assert leadership.enter(first)
    assert leadership.enter(Waiter())
    assert not leadership.try_to_lead()
    leadership.leave()
    assert leadership.try_to_lead()


def test_W1_who_goes_looks_once_more_for_who_came_meanwhile() -> None:
    class LateLock:
        """At the first release somebody is there who has tried in vain just before it."""

        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.acquire, self.late = self.lock.acquire, [late]

        def release(self) -> None:
            leadership._waiters.extend(self.late)
            self.late = []
            self.lock.release()

    late = Waiter()
    late.gate = threading.Lock()
    late.gate.acquire()
    leadership = Leadership()
    leadership._led = LateLock()  # type: ignore[assignment]
    assert leadership.enter(Waiter())
    leadership.leave()
    assert late.promoted and late.gate.acquire(False)
    assert not leadership.try_to_lead()
    leadership.leave([late], own=late)
    assert leadership.try_to_lead()


def test_L2_a_call_that_writes_and_syncs_is_for_who_has_nothing_unsynced_before(fs: FaultyFileSystem) -> None:
    owner = create(fs, step=1 << 14)
    for durability in ("full", "normal", "full", "off", "full"):
        owner.commit(durability)
    calls = [(change.kind, bool(change.data)) for change in fs.history if change.path == FIRST][-8:]
    together, alone = ("sync", True), ("sync", False)
    write = ("write", True)
    assert calls == [alone, write, together, write, write, alone, write, together]
    assert recover(fs.crash()).last == 5


@pytest.mark.parametrize(("real", "ahead"), [(False, 0), (False, 3), (True, 3)])
def test_many_threads(tmp_path: Path, real: bool, ahead: int) -> None:
    """Every acknowledged commit is there, in order, once; with checkpoints and large transactions in between."""
    fs = OSFileSystem() if real else FaultyFileSystem()
    path = str(tmp_path / "shop.mdb")
    log = Log.create(fs, path, ID, **{**TINY, "segment_step": 1 << 14, "largest_step": 1 << 14, "ahead": ahead})
    owner = Owner(log)
    expected: dict[int, list[bytes]] = {}

    def committer(name: int) -> None:
        for turn in range(30):
            if turn % 10 == name % 10:
                parts = [b"%d-%d" % (name, turn) * 60] * 3
                transaction_id = 1 + name * 100 + turn
                for part in parts:
                    log.chunk(transaction_id, part)
                if turn % 3 == 0:
                    log.forget(transaction_id)
                else:
                    expected[owner.commit("full", transaction_id=transaction_id)] = parts
            else:
                number = owner.commit(("full", "normal", "off")[(name + turn) % 3], size=turn * 9)
                assert number in owner.published

    def checkpoints() -> None:
        for _ in range(6):
            assert log.switch() <= len(owner.published)
            log.check()

    threads = [threading.Thread(target=committer, args=(name,)) for name in range(12)]
    threads.append(threading.Thread(target=checkpoints))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = log.last_number
    assert owner.published == up_to(total)
    log.check()
    assert total + 12 >= 12 * 30 - 12
    log.sync()
    assert log._writer.reserved == len(log._places) * PLACE
    log.close()
    recovered = Log.recover(fs, path, ID, after=0, **TINY)
    assert numbers(recovered) == up_to(total)
    assert {number: parts for number, parts in chunks_of(recovered).items() if parts} == expected
    recovered.log.close()


def test_check_finds_what_is_wrong(fs: FaultyFileSystem, owner: Owner) -> None:
    owner.commit()
    owner.commit("off")
    owner.log.chunk(1, b"part")
    owner.log.check()
    owner.log._writer.reserved = 0
    with pytest.raises(AssertionError, match="L3"):
        owner.log.check()
    owner.log._writer.reserved = 2048
    flip(fs, FIRST, 8 * 600)
    with pytest.raises(DatabaseCorrupt):
        owner.log.check()


def test_outcome_of_a_ticket_that_went_well(owner: Owner) -> None:
    ticket = owner.queue()
    owner.log.settle(ticket)
    owner.log.settle(ticket)
    assert (ticket.done, ticket.outcome) == (True, COMMITTED)
