"""Compaction: where the cut lies, what is moved, that readers and crashes notice nothing, that the file gets short."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from base_tools import PATH, TREE, check, fold, forwards, make_base, open_base
from hypothesis import given
from hypothesis import strategies as st

from minidb.errors import DiskFull
from minidb.storage.base import Base
from minidb.storage.btree import Tree
from minidb.storage.compaction import Limits, Place, cut_of
from minidb.storage.extents import before, merge
from minidb.storage.faulty import FaultyFileSystem, flip, subsets
from minidb.storage.file import MemoryFileSystem
from minidb.storage.meta import SLOT_SIZE
from minidb.storage.roots import StaleRoot

ALL = 1 << 60


def rows(count: int, text: str = "x", start: int = 0) -> list[Any]:
    return [(key, 1, (text,)) for key in range(start, count)]


def contents(base: Base, relation: int = 1) -> list[Any]:
    return forwards(Tree(base, relation, TREE), base.root)


def publish(base: Base, limits: Limits | None = None, start: Place | None = None) -> tuple[int, Place | None]:
    """The same database again, with pages moved if there are limits."""
    writer = base.begin()
    found = writer.compact(limits, start) if limits is not None else (0, None)
    base.swap(writer.publish(base.root.number, base.root.catalog, clean=base.root.clean))
    return found


def with_holes(files: MemoryFileSystem | None = None, **sizes: Any) -> Base:
    """A base whose relation 1 lies at the end, behind the place of a dropped one."""
    base = make_base(files or MemoryFileSystem(), **sizes)
    fold(base, rows(400), relation=2)
    fold(base, rows(150))
    writer = base.begin()
    writer.drop(2)
    base.swap(writer.publish(3, b"catalog"))
    publish(base)
    base.reclaim()
    assert base.extents.total > 2 * base.root.relations[1].blocks
    return base


# -- the cut ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("free", "waiting", "end", "most", "cut"),
    [
        ([], [], 50, ALL, 50),  # nothing is free
        ([(10, 20)], [], 50, ALL, 30),  # all of the used end fits
        ([(10, 5)], [], 50, ALL, 45),
        ([(10, 20)], [], 50, 8, 42),  # no more than allowed
        ([(10, 5), (20, 5)], [], 28, ALL, 18),  # 5 from the end fit; with what is free behind the cut there is no room
        ([(10, 8), (20, 5)], [], 28, ALL, 18),
        ([(10, 3), (20, 5)], [], 28, ALL, 20),
        ([(10, 5)], [(20, 25)], 50, ALL, 20),  # what waits is moved by nobody, and takes nothing
        ([(40, 10)], [], 50, ALL, 40),  # the free end alone
    ],
)
def test_the_cut(free: Any, waiting: Any, end: int, most: int, cut: int) -> None:
    assert cut_of(free, waiting, end, most) == cut


@given(st.lists(st.sampled_from("fwuu"), max_size=40), st.integers(0, 50))
def test_what_is_behind_the_cut_fits_before_it(kinds: list[str], most: int) -> None:
    def runs(kind: str) -> list[tuple[int, int]]:
        return merge((block, 1) for block, found in enumerate(kinds) if found == kind)

    cut = cut_of(runs("f"), runs("w"), len(kinds), most)
    used = kinds[cut:].count("u")
    assert used <= min(most, kinds[:cut].count("f"))
    if cut and used < most:  # and with one block more it would not
        assert kinds[: cut - 1].count("f") < kinds[cut - 1 :].count("u") or kinds[cut - 1] != "u"


def test_the_parts_before_an_end() -> None:
    assert before([(1, 2), (5, 5), (20, 1)], 7) == [(1, 2), (5, 2)]


# -- moving -----------------------------------------------------------------------------------------------


def test_everything_moves_to_the_head_and_the_end_is_cut_off() -> None:
    files = MemoryFileSystem()
    base = with_holes(files)
    size, used = base.file.size(), base.root.relations[1]
    moved, place = publish(base, Limits(ALL, ALL, ALL))
    assert moved > 10 and place is None
    check(base, Tree(base, 1, TREE))
    assert contents(base) == rows(150)
    for _ in range(2):
        publish(base, Limits(ALL, ALL, ALL))
        check(base, Tree(base, 1, TREE))
    base.cut_file(exactly=True)
    assert base.root.relations[1].entries == used.entries and base.root.relations[1].pages == used.pages
    assert base.file.size() < size / 2
    assert base.file.size() < (used.blocks + base.extents.first + 24) * base.pages.block
    base.close()
    base = open_base(files)
    check(base, Tree(base, 1, TREE))
    assert contents(base) == rows(150)


def test_a_packed_file_is_left_alone() -> None:
    base = make_base()
    fold(base, rows(150))
    publish(base)
    assert publish(base, Limits(ALL, ALL, ALL))[0] <= 3  # inner nodes into holes of their size at most
    for _ in range(6):
        publish(base, Limits(ALL, ALL, ALL))
    assert publish(base, Limits(ALL, ALL, ALL))[0] == 0


def test_limits_are_kept_and_the_walk_goes_on_where_it_stopped() -> None:
    base = with_holes()
    places: list[Place] = []
    moves, place = 0, None
    for _ in range(400):
        moved, place = publish(base, Limits(4, 3, ALL), place)
        assert moved <= 9  # a page, and the nodes above those that were moved
        moves += moved
        if place is None:
            break
        places.append(place)
        check(base, Tree(base, 1, TREE))
    assert place is None and len(places) > 5
    assert all(one < next_one for one, next_one in pairwise(places))
    assert contents(base) == rows(150)
    publish(base)
    publish(base)
    base.reclaim()
    assert base.extents.end < 3 * base.root.relations[1].blocks


def test_a_place_in_a_tree_that_is_gone_or_smaller() -> None:
    base = with_holes()
    _, place = publish(base, Limits(4, 8, ALL))
    assert place is not None and place.relation == 1
    fold(base, [(key, 1, None) for key in range(2, 150)])
    publish(base, Limits(4, 8, ALL), place)
    check(base, Tree(base, 1, TREE))
    assert contents(base) == rows(2)
    writer = base.begin()
    writer.drop(1)
    base.swap(writer.publish(9, b"catalog"))
    assert publish(base, Limits(4, 8, ALL), place) == (0, None)


def test_pages_moved_by_the_writer_that_wrote_them() -> None:
    base = with_holes()
    writer = base.begin()
    writer.fold_tree(1, TREE, rows(150, "y"))
    writer.fold_tree(3, TREE, rows(40, "z"))
    writer.compact(Limits(ALL, ALL, ALL))
    base.swap(writer.publish(9, b"catalog"))
    check(base, Tree(base, 1, TREE), Tree(base, 3, TREE))
    assert contents(base) == rows(150, "y") and contents(base, 3) == rows(40, "z")


def test_cached_pages_stay_cached() -> None:
    base = with_holes()
    assert contents(base) == rows(150)
    decoded = base.pool.decoded
    publish(base, Limits(ALL, ALL, ALL))
    assert contents(base) == rows(150)
    assert base.pool.decoded == decoded
    check(base)


def test_a_damaged_page_stays_where_it_is() -> None:
    """Invariant 2: a page that nobody asks for must not stop checkpoints."""
    files = MemoryFileSystem()
    base = with_holes(files, pool=0)
    leaf = max(pointer for pointer, _, _, _ in Tree(base, 1, TREE).leaves(base.root))
    flip(files, PATH, (leaf[0] * base.pages.block + 40) * 8)
    moved, _ = publish(base, Limits(ALL, ALL, ALL))
    assert moved > 10
    assert leaf in [pointer for pointer, _, _, _ in Tree(base, 1, TREE).leaves(base.root)]


def test_abandoning_takes_all_moves_back() -> None:
    base = with_holes()
    runs = base.extents.runs()
    writer = base.begin()
    assert writer.compact(Limits(ALL, ALL, ALL))[0] > 10
    writer.abandon()
    assert base.extents.runs() == runs
    check(base, Tree(base, 1, TREE))


def test_a_full_disk_while_moving() -> None:
    files = FaultyFileSystem()
    base = with_holes(files)
    files.fail("write", 5, code=errno.ENOSPC)
    with pytest.raises(DiskFull):
        base.begin().compact(Limits(ALL, ALL, ALL))
    check(base, Tree(base, 1, TREE))
    publish(base, Limits(ALL, ALL, ALL))
    assert contents(base) == rows(150)


# -- readers of older roots -------------------------------------------------------------------------------


def test_the_file_is_not_cut_before_a_pinned_root_is_let_go() -> None:
    base = with_holes(pool=0)
    pinned = base.pin()
    reader = Tree(base, 1, TREE)
    for _ in range(5):
        publish(base, Limits(ALL, ALL, ALL))
        base.cut_file(exactly=True)
        assert forwards(reader, pinned) == rows(150)
        check(base)
    size = base.file.size()
    base.unpin(pinned)
    publish(base)
    base.cut_file(exactly=True)
    assert base.file.size() < size / 2
    with pytest.raises(StaleRoot):
        reader.find(pinned, 1)


# -- crashes ----------------------------------------------------------------------------------------------


def outcomes(files: FaultyFileSystem, first: int) -> Iterator[tuple[int, MemoryFileSystem]]:
    for step in range(first, len(files.history) + 1):
        pending = files.pending(step)
        for kept in [*subsets(pending, most=32), pending[::-1]]:
            yield step, files.crash(kept, step=step)


def cut_offs(files: FaultyFileSystem) -> int:
    sizes = [change.offset for change in files.history if change.kind == "truncate"]
    return sum(after < before for before, after in pairwise(sizes))


def test_a_crash_at_any_step_of_moving_and_cutting() -> None:
    """The same database is found at each; what then goes on overwrites nothing of either meta page's."""
    files = FaultyFileSystem()
    base = with_holes(files)
    first = len(files.history)
    for _ in range(4):
        publish(base, Limits(30, ALL, 30))
        base.cut_file(exactly=True)
    fold(base, rows(160, "y"))
    assert cut_offs(files) >= 2
    for step, image in outcomes(files, first):
        found = open_base(image)
        tree = Tree(found, 1, TREE)
        check(found, tree)
        assert contents(found) in (rows(150), rows(160, "y")), step
        before = contents(found)
        second = FaultyFileSystem(image)
        found = open_base(second)
        fold(found, rows(20, "z"))
        for slot in (found.root.meta.slot, None):  # R19: the root before is whole
            copy = second.crash(second.pending())
            if slot is not None:
                flip(copy, PATH, 8 * slot * SLOT_SIZE)
            again = open_base(copy)
            check(again)
            assert contents(again) == (before if slot is not None else rows(20, "z") + before[20:])
