"""The base file: opening, publishing, reuse of extents, damage. What a power failure leaves is in `test_base_crash`."""

from __future__ import annotations

import errno
import sys
import threading
from typing import Any

import pytest
from base_tools import CLUSTERED, ID, PATH, TREE, check, fold, forwards, make_base, open_base

from minidb.errors import (
    DatabaseCorrupt,
    DatabaseFailed,
    DatabaseInUse,
    DiskFull,
    NotADatabase,
    OperationalError,
    ReadOnlyTransaction,
)
from minidb.storage.base import Base
from minidb.storage.btree import Tree
from minidb.storage.faulty import FaultyFileSystem, flip
from minidb.storage.file import MemoryFileSystem, OSFileSystem
from minidb.storage.meta import SLOT_SIZE, decode_meta
from minidb.storage.pages import PagePool
from minidb.storage.roots import StaleRoot


def rows(count: int, text: str = "x", step: int = 1) -> list[Any]:
    return [(key, 1, (text,)) for key in range(0, count, step)]


def void(_: object) -> None:
    pass


def contents(base: Base, relation: int = 1) -> list[Any]:
    return forwards(Tree(base, relation, TREE), base.root)


# -- opening ----------------------------------------------------------------------------------------------


def test_a_new_base_is_empty() -> None:
    files = MemoryFileSystem()
    base = make_base(files, catalog=b"nothing yet")
    root = base.root
    assert (root.number, root.catalog, root.relations, root.database_id) == (0, b"nothing yet", {}, ID)
    base.close()
    base = open_base(files)
    assert (base.root.number, base.root.catalog, base.root.database_id) == (0, b"nothing yet", ID)
    assert base.root.clean and not base.other_slot_damaged  # nothing is in a log yet (R19)
    check(base)


def test_what_was_published_is_there_after_reopening(tmp_path: Any) -> None:
    path = str(tmp_path / PATH)
    base = Base.create(OSFileSystem(), path, database_id=ID, pool=PagePool(1 << 20))
    writer = base.begin()
    writer.fold_tree(1, TREE, rows(5_000))
    writer.fold_heap(2, CLUSTERED, ((rid, ("row",)) for rid in range(700)))
    base.swap(writer.publish(42, b"catalog", clean=True))
    base.close()
    base = Base.open(OSFileSystem(), path, pool=PagePool(1 << 20))
    assert (base.root.number, base.root.catalog, base.root.clean) == (42, b"catalog", True)
    assert contents(base) == rows(5_000)
    assert base.root.relations[2].entries == 700
    check(base, Tree(base, 1, TREE), Tree(base, 2, CLUSTERED))
    base.close()


def test_publishing_again_takes_the_clean_flag_away() -> None:
    """R19: a log that is lost after the reopening must be missed."""
    files = MemoryFileSystem()
    base = make_base(files)
    base.swap(base.begin().publish(1, b"c", clean=True))
    base.swap(base.begin().publish(1, b"c"))
    base.close()
    assert not open_base(files).root.clean


def test_an_empty_file_is_created() -> None:
    files = MemoryFileSystem()
    files.open(PATH, create=True)
    base = Base.open(files, PATH, pool=PagePool(0), database_id=ID)
    assert base.root.database_id == ID
    fold(base, rows(10))
    check(base)


def test_a_missing_file_is_not_created() -> None:
    with pytest.raises(FileNotFoundError):
        open_base(MemoryFileSystem())


def test_creating_over_a_database_is_refused() -> None:
    files = MemoryFileSystem()
    make_base(files).close()
    with pytest.raises(FileExistsError):
        make_base(files)
    open_base(files)


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"SQLite format 3\0" + bytes(9_000),
        bytes(9_000),
        bytes(9_000) + b"x",
        bytes(5_000) + b"x",
        b"\xff" * 20_000,
    ],
)
def test_other_files_are_not_databases(data: bytes) -> None:
    files = MemoryFileSystem()
    files.names[PATH] = files.new_inode(data)
    with pytest.raises(NotADatabase, match=rf"{PATH} is not a minidb database"):
        open_base(files)
    assert bytes(files.names[PATH].data) == data


def test_another_format_is_named() -> None:
    files = MemoryFileSystem()
    make_base(files).close()
    files.names[PATH].data[16] = 9
    with pytest.raises(NotADatabase, match="format 9; this version reads formats 1 to 2"):
        open_base(files)


def test_one_opener_at_a_time() -> None:
    files = MemoryFileSystem()
    base = make_base(files)
    with pytest.raises(DatabaseInUse, match="in use by another process"):
        open_base(files)
    base.close()
    one, two = open_base(files, read_only=True), open_base(files, read_only=True)
    with pytest.raises(DatabaseInUse):
        open_base(files)
    one.close()
    two.close()
    open_base(files)


def test_an_open_file_can_be_handed_in() -> None:
    """R75: who opens finds out first whether the file is open already."""
    files = MemoryFileSystem()
    file = files.open(PATH, create=True)
    file.lock()
    base = make_base(files, file=file)
    fold(base, rows(10))
    assert base.file is file


def test_a_failed_opening_closes_what_it_has_opened() -> None:
    files = MemoryFileSystem()
    files.names[PATH] = files.new_inode(b"no database")
    for _ in range(2):
        with pytest.raises(NotADatabase):
            open_base(files)
    assert not files.names[PATH].holders


def test_reading_only() -> None:
    files = MemoryFileSystem()
    base = make_base(files)
    fold(base, rows(10))
    base.close()
    base = open_base(files, read_only=True)
    assert contents(base) == rows(10)
    with pytest.raises(ReadOnlyTransaction):
        base.begin()


# -- publishing -------------------------------------------------------------------------------------------


def test_nothing_is_seen_before_the_swap() -> None:
    base = make_base()
    old = fold(base, rows(10))
    writer = base.begin()
    writer.fold_tree(1, TREE, rows(10, "y"))
    new = writer.publish(2, b"new")
    assert base.root is old and contents(base) == rows(10)
    base.swap(new)
    assert base.root is new and contents(base) == rows(10, "y") and base.root.catalog == b"new"


def test_several_folds_of_one_relation_in_one_writer() -> None:
    base = make_base()
    writer = base.begin()
    for text in "abc":
        writer.fold_tree(1, TREE, rows(100, text))
    writer.fold_tree(1, TREE, [(key, 1, None) for key in range(50)])
    base.swap(writer.publish(1, b""))
    assert contents(base) == rows(100, "c")[50:]
    check(base, Tree(base, 1, TREE))


def test_dropping_frees_everything() -> None:
    base = make_base()
    base.swap(base.begin().publish(1, b"c"))
    used = base.extents.end - base.extents.total
    fold(base, rows(500))
    writer = base.begin()
    writer.fold_tree(2, TREE, rows(100))
    writer.drop(1)
    writer.drop(2)
    writer.drop(3)
    base.swap(writer.publish(3, b"catalog"))
    assert not base.root.relations
    for number in (4, 5):
        base.swap(base.begin().publish(number, b"c"))
    base.reclaim()
    check(base)
    assert base.extents.end - base.extents.total <= used + 6


def test_abandoning_gives_everything_back() -> None:
    base = make_base()
    fold(base, rows(100))
    before = base.extents.runs(), base.extents.end
    writer = base.begin()
    writer.fold_tree(1, TREE, rows(300, "y"))
    writer.drop(1)
    writer.fold_tree(1, TREE, rows(30, "z"))
    writer.abandon()
    writer.abandon()
    runs = base.extents.runs()
    assert base.extents.total - sum(count for _, count in before[0]) == base.extents.end - before[1]
    assert len(runs) <= len(before[0]) + 1
    check(base)
    assert contents(base) == rows(100)
    fold(base, rows(100, "w"))
    assert contents(base) == rows(100, "w")


def test_an_error_in_the_changes_abandons_the_writer() -> None:
    base = make_base()
    fold(base, rows(100))

    def changes() -> Any:
        yield from rows(50, "y")
        raise KeyError("from above")

    with pytest.raises(KeyError, match="from above"):
        base.begin().fold_tree(1, TREE, changes())
    with pytest.raises(KeyError):
        base.begin(on_slice=lambda: {}["x"]).fold_tree(1, TREE, rows(50, "y"))
    check(base)
    fold(base, rows(100, "z"))
    check(base, Tree(base, 1, TREE))


def test_before_swap_stands_between_the_pages_and_the_meta_page() -> None:
    files = FaultyFileSystem()
    base = make_base(files)
    steps: list[int] = []
    writer = base.begin()
    writer.fold_tree(1, TREE, rows(10))
    root = writer.publish(1, b"c", before_swap=lambda: steps.append(len(files.history)))
    base.swap(root)
    assert files.history[steps[0] - 1].kind == "sync"
    assert files.history[steps[0]].offset in (0, SLOT_SIZE)
    writer = base.begin()
    writer.fold_tree(1, TREE, rows(10, "y"))
    with pytest.raises(ZeroDivisionError):
        writer.publish(2, b"d", before_swap=lambda: [][1 // 0])
    check(base)
    assert contents(base) == rows(10)


def test_one_writer_at_a_time() -> None:
    base = make_base()
    writer = base.begin()
    with pytest.raises(AssertionError, match="writer already"):
        base.begin()
    writer.abandon()
    root = base.begin().publish(1, b"")
    with pytest.raises(AssertionError, match="not swapped"):
        base.begin()
    base.swap(root)
    base.begin()


def test_slices() -> None:
    base = make_base()
    slices: list[int] = []
    writer = base.begin(on_slice=lambda: slices.append(1))
    root = writer.fold_tree(1, TREE, rows(500))
    assert len(slices) == sum(1 for _ in range(root.pages)) - inner_pages(base, writer.publish(1, b""))


def inner_pages(base: Base, root: Any) -> int:
    base.swap(root)
    tree = Tree(base, 1, TREE)
    return tree.pages(root) - sum(1 for _ in tree.leaves(root))


# -- errors of the disk -----------------------------------------------------------------------------------


@pytest.mark.parametrize("nth", range(1, 40, 3))
def test_a_full_disk_changes_nothing(nth: int) -> None:
    """R14."""
    files = FaultyFileSystem()
    base = make_base(files)
    fold(base, rows(60))
    before = contents(base)
    fault = files.fail("write", nth, times=1 << 30, code=errno.ENOSPC)
    writer = base.begin()
    with pytest.raises(DiskFull) as caught:
        writer.fold_tree(1, TREE, rows(200, "y"))
        for relation in range(2, 40):
            writer.fold_tree(relation, TREE, rows(3))
        writer.publish(2, b"new")
    assert caught.value.sqlstate == "53100"
    writer.abandon()
    fault.times = 0
    check(base, Tree(base, 1, TREE))
    assert contents(base) == before
    fold(base, rows(200, "z"))
    assert contents(base) == rows(200, "z")
    check(base, Tree(base, 1, TREE))


def test_a_full_disk_at_the_meta_page() -> None:
    """The torn meta page is blanked before the extents behind it are given back."""
    for partial in (0, 100, 512):
        files = FaultyFileSystem()
        base = make_base(files)
        fold(base, rows(60))
        writer = base.begin()
        writer.fold_tree(1, TREE, rows(60, "y"))

        def order(files: FaultyFileSystem = files, partial: int = partial) -> None:
            files.fail("write", 1, code=errno.ENOSPC, partial=partial)

        with pytest.raises(DiskFull):
            writer.publish(2, b"new", before_swap=order)
        fold(base, rows(70, "z"))
        check(base)
        for kept in ([], files.pending()):
            after = open_base(files.crash(kept))
            check(after, Tree(after, 1, TREE))
            assert contents(after) == rows(70, "z")


def test_a_meta_page_that_cannot_be_taken_back_stops_the_writing() -> None:
    files = FaultyFileSystem()
    base = make_base(files)
    fold(base, rows(60))
    writer = base.begin()
    with pytest.raises(OperationalError):
        writer.publish(2, b"new", before_swap=lambda: void(files.fail("write", 1, times=2)))
    with pytest.raises(DatabaseFailed):
        base.begin()
    assert contents(base) == rows(60)


@pytest.mark.parametrize("nth", [1, 2])
def test_a_failed_sync_stops_the_writing_and_not_the_reading(nth: int) -> None:
    """R5: no second sync tells what the first has lost."""
    files = FaultyFileSystem()
    base = make_base(files)
    fold(base, rows(60))
    files.fail("sync", nth)
    writer = base.begin()
    writer.fold_tree(1, TREE, rows(60, "y"))
    with pytest.raises(OperationalError):
        writer.publish(2, b"new")
    with pytest.raises(DatabaseFailed, match="reopen the database"):
        base.begin()
    assert contents(base) == rows(60)
    base.close()
    after = open_base(files)
    assert contents(after) in (rows(60), rows(60, "y"))
    check(after, Tree(after, 1, TREE))


def test_a_failing_read_is_not_called_damage() -> None:
    files = FaultyFileSystem()
    base = make_base(files, pool=0)
    fold(base, rows(60))
    files.fail("read", 1)
    with pytest.raises(OperationalError):
        contents(base)
    assert contents(base) == rows(60)


# -- extents ----------------------------------------------------------------------------------------------


def test_the_file_stays_bounded_under_repeated_updates() -> None:
    base = make_base()
    fold(base, rows(300))
    for step in range(100):
        fold(base, rows(300, f"y{step}", step=1 + step % 7))
    used = base.root.relations[1].blocks
    assert base.extents.end < 3 * used + 40  # the present root, the one before, the one being written
    check(base, Tree(base, 1, TREE))


def test_the_file_shrinks_when_its_end_is_free() -> None:
    files = MemoryFileSystem()
    base = make_base(files)
    fold(base, rows(20))
    fold(base, rows(3_000), relation=2)
    most = base.file.size()
    writer = base.begin()
    writer.drop(2)
    base.swap(writer.publish(3, b"catalog"))
    for step in range(6):
        before = contents(base)
        fold(base, rows(20, str(step)))
        check(base, Tree(base, 1, TREE))
        copy = MemoryFileSystem()
        copy.names[PATH] = copy.new_inode(files.names[PATH].data)
        flip(copy, PATH, 8 * base.root.meta.slot * SLOT_SIZE)
        assert contents(open_base(copy)) == before  # the end that the older meta page counts is there
    assert base.file.size() < most / 4
    base.close()
    base = open_base(files)
    check(base)
    assert contents(base) == rows(20, "5")


def test_extents_wait_for_pinned_roots_and_not_for_others() -> None:
    """R18, invariants 2 and 3 of `base`."""
    base = make_base(pool=0)
    fold(base, rows(300))
    pinned = base.pin()
    reader = Tree(base, 1, TREE)
    for step in range(20):
        fold(base, rows(300, f"y{step}"))
    assert forwards(reader, pinned) == rows(300)
    grown = base.extents.end
    base.unpin(pinned)
    base.reclaim()
    for step in range(20):
        fold(base, rows(300, f"z{step}"))
    assert base.extents.end <= grown
    with pytest.raises(StaleRoot):
        reader.find(pinned, 1)
    check(base)


def test_extents_that_wait_for_a_reader_are_free_after_a_crash() -> None:
    """R20."""
    files = FaultyFileSystem()
    base = make_base(files)
    fold(base, rows(300))
    pinned = base.pin()
    kept = pinned.relations[1].blocks
    for step in range(20):
        fold(base, rows(300, f"y{step}"))
    after = open_base(files.crash())
    check(after)
    assert after.extents.total > base.extents.total + kept * 3 / 4


def test_a_pinned_root_keeps_its_own_pages_and_no_others() -> None:
    """Those that were made and replaced since are free again, whatever is pinned (R29)."""
    base = make_base(pool=0)
    fold(base, rows(300))
    first = base.pin()
    for step in range(3):
        fold(base, rows(300, f"x{step}"))
    second = base.pin()
    size = base.extents.end
    for step in range(30):
        fold(base, rows(300, f"y{step}"))
    assert base.extents.end <= size + 2 * base.root.relations[1].blocks
    reader = Tree(base, 1, TREE)
    assert forwards(reader, first) == rows(300)
    assert forwards(reader, second) == rows(300, "x2")
    base.unpin(first)
    for step in range(5):
        fold(base, rows(300, f"z{step}"))
    assert forwards(reader, second) == rows(300, "x2")
    check(base)
    base.unpin(second)
    base.reclaim()
    fold(base, rows(300))
    base.reclaim()
    used = base.extents.end - base.extents.first - base.extents.total
    assert used < 4 * base.root.relations[1].blocks
    check(base)


def test_extents_taken_since_the_meta_page_are_free_after_a_crash() -> None:
    """R20."""
    files = FaultyFileSystem()
    base = make_base(files)
    fold(base, rows(30))
    writer = base.begin()
    writer.fold_tree(2, TREE, rows(500))
    after = open_base(files.crash(files.pending()))
    check(after)
    assert after.extents.end == base.root.meta.blocks


def test_reopening_again_and_again_leaks_nothing() -> None:
    files = MemoryFileSystem()
    make_base(files).close()
    ends = []
    for step in range(30):
        base = open_base(files)
        fold(base, rows(100, str(step)))
        check(base, Tree(base, 1, TREE))
        ends.append(base.extents.end)
        base.close()
    assert max(ends[5:]) <= max(ends[:8]) + 8


def test_pages_leave_the_cache_with_their_extents() -> None:
    base = make_base()
    tree = Tree(base, 1, TREE)
    sizes = []
    for step in range(20):
        fold(base, rows(300, f"{step:02}"))
        assert contents(base) == rows(300, f"{step:02}")
        base.reclaim()
        sizes.append((base.pool.bytes, len(tree.cache)))
    assert max(sizes[4:]) <= max(sizes[:4])
    assert base.pool.evicted == 0


def test_pins_count() -> None:
    base = make_base()
    fold(base, rows(10))
    root = base.pin()
    assert base.pin(root) is root
    base.unpin(root)
    for step in range(4):
        fold(base, rows(10, str(step)))
    base.reclaim()
    assert not root.dead
    base.unpin(root)
    base.reclaim()
    assert root.dead


@pytest.mark.parametrize("pinning", [False, True])
def test_readers_beside_a_writer_see_one_root_each(pinning: bool) -> None:
    """R17, R18: no latch, no cache; a root is read as it was published, or refused as stale."""
    base = make_base(pool=0, leaf_bytes=150)
    fold(base, rows(60, "1"), number=1)
    tree = Tree(base, 1, TREE)
    wrong: list[Any] = []
    counts = [0, 0]
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            root = base.pin() if pinning else base.root
            try:
                texts = {tree.find(root, key)[1][0] for key in range(0, 60, 7)}  # type: ignore[index]
                counts[0] += 1
                if texts != {str(root.number)}:
                    wrong.append((root, texts))
            except StaleRoot:
                counts[1] += 1
            except BaseException as error:
                wrong.append(error)
                raise
            finally:
                if pinning:
                    base.unpin(root)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    threads = [threading.Thread(target=read) for _ in range(3)]
    try:
        for thread in threads:
            thread.start()
        for number in range(2, 60):
            fold(base, rows(60, str(number)), number=number)
    finally:
        done.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert not wrong
    assert counts[0] and not (pinning and counts[1])
    check(base, tree)


# -- layouts ----------------------------------------------------------------------------------------------


def test_another_layout_starts_with_an_empty_cache() -> None:
    """R66: rows are completed when they are decoded, so a new column means decoding again."""

    class Completing(type(TREE)):  # type: ignore[misc]
        def decode(self, data: bytes) -> Any:
            keys, refs, found = super().decode(data)
            return keys, refs, [(*row, None)[:2] for row in found]

    base = make_base()
    fold(base, rows(20))
    assert contents(base) == rows(20)
    wider = Completing()
    tree = Tree(base, 1, wider)
    assert {len(row) for _, _, row in forwards(tree, base.root)} == {2}
    writer = base.begin()
    writer.fold_tree(1, wider, [(0, 1, ("new", "column"))])
    base.swap(writer.publish(2, b""))
    assert forwards(tree, base.root)[0][2] == ("new", "column")


# -- damage -----------------------------------------------------------------------------------------------


def test_a_damaged_newest_meta_page_leaves_the_older_one_and_says_so() -> None:
    """R19: whether that is enough, only the log can say."""
    for slot in (0, 1):
        files = MemoryFileSystem()
        base = make_base(files)
        fold(base, rows(50), number=7)
        fold(base, rows(50, "y"), number=8)
        newest = base.root.meta.slot
        base.close()
        flip(files, PATH, 8 * (slot * SLOT_SIZE + 100))
        base = open_base(files)
        assert base.other_slot_damaged
        assert base.root.number == (7 if slot == newest else 8)
        assert contents(base) == (rows(50) if slot == newest else rows(50, "y"))
        check(base, Tree(base, 1, TREE))
        fold(base, rows(50, "z"), number=9)
        base.close()
        assert not open_base(files).other_slot_damaged


def test_both_meta_pages_damaged() -> None:
    files = MemoryFileSystem()
    base = make_base(files)
    fold(base, rows(50))
    base.close()
    for slot in (0, 1):
        flip(files, PATH, 8 * (slot * SLOT_SIZE + 100))
    with pytest.raises(DatabaseCorrupt, match="both meta pages are damaged"):
        open_base(files)


def test_a_blank_slot_is_damage_after_the_first_publish() -> None:
    files = MemoryFileSystem()
    base = make_base(files)
    for text in "ab":
        fold(base, rows(5, text))
    newest = base.root.meta.slot
    base.close()
    data = files.names[PATH].data
    data[newest * SLOT_SIZE : (newest + 1) * SLOT_SIZE] = bytes(SLOT_SIZE)
    assert open_base(files).other_slot_damaged


def test_meta_pages_of_two_databases() -> None:
    files = MemoryFileSystem()
    base = make_base(files)
    fold(base, rows(5))
    base.close()
    other = MemoryFileSystem()
    Base.create(other, PATH, database_id=b"another database", pool=PagePool(0)).close()
    slot = decode_meta(bytes(other.names[PATH].data[:512]), 0)
    assert slot is not None
    files.names[PATH].data[:512] = other.names[PATH].data[:512]
    with pytest.raises(DatabaseCorrupt, match="contradict"):
        open_base(files)


def test_a_flipped_bit_anywhere_in_a_page_is_found() -> None:
    files = MemoryFileSystem()
    base = make_base(files, pool=0)
    fold(base, rows(40))
    tree = Tree(base, 1, TREE)
    page, *_ = next(iter(tree.leaves(base.root)))
    pages = [(page, "leaf of relation 1"), (base.root.relations[1].pointer, "inner node of relation 1")]
    for pointer, name in pages:
        for byte in range(32 + pointer[1]):
            bit = 8 * (pointer[0] * 256 + byte) + byte % 8
            flip(files, PATH, bit)
            with pytest.raises(DatabaseCorrupt, match=rf"{PATH}: damaged page at block {pointer[0]} \({name}\)"):
                tree.seek(base.root)
            with pytest.raises(DatabaseCorrupt):
                base.check()
            flip(files, PATH, bit)
    check(base, tree)


@pytest.mark.parametrize("table", ["relations", "catalog", "free_map"])
def test_a_flipped_bit_in_a_table_is_found_at_opening(table: str) -> None:
    files = MemoryFileSystem()
    base = make_base(files)
    fold(base, rows(40))
    pointer = getattr(base.root.meta, table)
    base.close()
    flip(files, PATH, 8 * (pointer[0] * 256 + 34))
    with pytest.raises(DatabaseCorrupt, match=f"damaged page at block {pointer[0]}"):
        open_base(files)


def test_a_lost_write_is_found() -> None:
    """R19: an old page in the place of the new one is in itself valid."""
    files = MemoryFileSystem()
    base = make_base(files, pool=0)
    written: dict[int, bytes] = {}
    for text in "abcdefgh":
        fold(base, rows(3, text))
        block, length, *_ = base.root.relations[1].pointer
        extent = slice(block * 256, block * 256 + 32 + length)
        now = bytes(files.names[PATH].data[extent])
        if block in written:
            files.names[PATH].data[extent] = written[block]
            with pytest.raises(DatabaseCorrupt, match=r"generation \d+ instead of \d+: a write was lost"):
                contents(base)
            return
        written[block] = now
    raise AssertionError("no extent was used again")


def test_a_misdirected_page_is_found() -> None:
    files = MemoryFileSystem()
    base = make_base(files, pool=0)
    fold(base, rows(3))
    fold(base, rows(3), relation=2)
    one, two = (base.root.relations[relation].pointer[0] * 256 for relation in (1, 2))
    data = files.names[PATH].data
    data[one : one + 256] = data[two : two + 256]
    with pytest.raises(DatabaseCorrupt, match="another one: leaf of relation 2"):
        contents(base)


@pytest.mark.parametrize("size", [0, 100, SLOT_SIZE, 2 * SLOT_SIZE, 2 * SLOT_SIZE + 300])
def test_a_file_that_is_cut_off(size: int) -> None:
    files = MemoryFileSystem()
    base = make_base(files)
    fold(base, rows(40))
    base.close()
    del files.names[PATH].data[size:]
    if size:
        with pytest.raises(DatabaseCorrupt):
            open_base(files)
    else:
        assert open_base(files).root.relations == {}  # an empty file; that the log is not empty shows to recovery


def test_a_missing_byte_at_the_end_is_noticed_at_once() -> None:
    files = MemoryFileSystem()
    base = make_base(files)
    fold(base, rows(40))
    base.close()
    del files.names[PATH].data[base.root.meta.blocks * 256 :]
    open_base(files).close()
    del files.names[PATH].data[-1:]
    with pytest.raises(DatabaseCorrupt, match="is cut off"):
        open_base(files)


def test_check_accounts_for_every_block() -> None:
    for change, what in [
        (lambda base: base.extents.take(1), "belong to nobody"),
        (lambda base: base.extents.give(base.root.relations[1].pointer[0], 1), "belong to two"),
        (lambda base: setattr(base.extents, "end", base.extents.end + 3), "belong to nobody"),
        (lambda base: setattr(base.root.relations[1], "entries", 7), "miscounted"),
    ]:
        base = make_base()
        for text in "abc":
            fold(base, rows(40, text))
        check(base)
        change(base)
        with pytest.raises(DatabaseCorrupt, match=what):
            base.check()
