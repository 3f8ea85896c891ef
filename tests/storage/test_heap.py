"""Heaps: rows keep their addresses whatever happens to them; addresses are handed out once."""

from __future__ import annotations

from typing import Any

import pytest
from base_tools import CLUSTERED, INTS, check, make_base, open_base
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from minidb.storage.base import Base
from minidb.storage.file import MemoryFileSystem
from minidb.storage.free_space import HeapSpace
from minidb.storage.heap import SLOTS, Heap, page_and_slot

ROWS = st.sampled_from(["", "x" * 10, "y" * 60, "z" * 300]).map(lambda text: (text,))


def scan(heap: Heap, base: Base, rid: int = 0) -> dict[int, Any]:
    found: dict[int, Any] = {}
    following: int | None = rid
    while following is not None:
        leaf, following = heap.seek(base.root, following)
        if leaf is not None:
            assert not found or leaf.refs[0] > max(found)
            found.update(zip(leaf.refs, leaf.rows))
    return found


def scan_back(heap: Heap, base: Base) -> list[int]:
    found: list[int] = []
    leaf, rid = heap.seek_before(base.root)
    while leaf is not None:
        found += reversed(leaf.refs)
        if rid is None:
            break
        leaf, rid = heap.seek_before(base.root, rid)
    return found


def fold(base: Base, changes: dict[int, Any]) -> None:
    writer = base.begin()
    writer.fold_heap(1, CLUSTERED, sorted(changes.items()))
    base.swap(writer.publish(base.root.number + 1, b""))


class HeapMachine(RuleBasedStateMachine):
    """Inserts through the space, updates and deletes, folded now and then; released addresses come back."""

    @initialize(fanout=st.integers(3, 6))
    def begin(self, fanout: int) -> None:
        self.files = MemoryFileSystem()
        self.fanout = fanout
        self.base = make_base(self.files, fanout=fanout)
        self.heap = Heap(self.base, 1, CLUSTERED)
        self.space = HeapSpace.load(self.heap, self.base.root)
        self.model: dict[int, Any] = {}
        self.changes: dict[int, Any] = {}
        self.deleted: list[int] = []

    @rule(row=ROWS)
    def insert(self, row: Any) -> None:
        rid = self.space.allocate(len(row[0]))
        assert rid not in self.model and rid not in self.deleted
        self.model[rid] = self.changes[rid] = row

    @rule(count=st.integers(0, 40), row=ROWS)
    def insert_many(self, count: int, row: Any) -> None:
        rids = self.space.allocate_many(count, len(row[0]))
        assert rids == sorted(set(rids)) and len(rids) == count
        assert not set(rids) & (self.model.keys() | set(self.deleted))
        self.model |= dict.fromkeys(rids, row)
        self.changes |= dict.fromkeys(rids, row)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), row=st.one_of(st.none(), ROWS), count=st.integers(1, 30))
    def change(self, data: st.DataObject, row: Any, count: int) -> None:
        rids = sorted(self.model)
        start = data.draw(st.integers(0, len(rids) - 1))
        for rid in rids[start : start + count]:
            self.changes[rid] = row
            if row is None:
                del self.model[rid]
                self.deleted.append(rid)
            else:
                self.model[rid] = row

    @rule()
    def fold(self) -> None:
        fold(self.base, self.changes)
        for rid in self.deleted:
            self.space.release(rid)  # their chains are dropped after the swap (R22)
        self.changes, self.deleted = {}, []
        check(self.base, self.heap.tree)
        assert scan(self.heap, self.base) == self.model
        assert scan_back(self.heap, self.base) == sorted(self.model, reverse=True)
        for rid in range(-1, self.space.next + 1):
            assert self.heap.get(self.base.root, rid) == self.model.get(rid)

    @rule()
    def reopen(self) -> None:
        self.fold()
        self.base.close()
        self.base = open_base(self.files, fanout=self.fanout)
        self.heap = Heap(self.base, 1, CLUSTERED)
        self.space = HeapSpace.load(self.heap, self.base.root)
        assert self.space.next == max(self.model, default=-1) + 1

    @invariant()
    def free_addresses_are_free(self) -> None:
        self.space.check()
        used = self.model.keys() | set(self.deleted)
        assert not used & self.space._free.keys()
        assert all(rid < self.space.next for rid in used)


TestHeapMachine = HeapMachine.TestCase
TestHeapMachine.settings = settings(max_examples=40, stateful_step_count=20, deadline=None, derandomize=True)


def test_an_empty_heap() -> None:
    base = make_base()
    heap = Heap(base, 1, CLUSTERED)
    assert heap.seek(base.root) == heap.seek_before(base.root) == (None, None)
    assert heap.get(base.root, 0) is None and heap.end(base.root) == heap.entries(base.root) == 0
    heap.check(base.root)


def test_a_grown_row_stays_under_its_address_and_is_found_once() -> None:
    """R21."""
    base = make_base(block=1024, leaf_bytes=900, fanout=8)
    heap = Heap(base, 1, CLUSTERED)
    fold(base, dict.fromkeys(range(1_000), ("x",)))
    for size in (50, 500, 3_000, 10):
        fold(base, dict.fromkeys(range(0, 1_000, 10), ("y" * size,)))
        expected = {rid: ("y" * size,) if rid % 10 == 0 else ("x",) for rid in range(1_000)}
        assert scan(heap, base) == expected
        assert heap.get(base.root, 500) == ("y" * size,)
    check(base, heap.tree)


def test_a_scan_may_begin_anywhere() -> None:
    base = make_base()
    heap = Heap(base, 1, CLUSTERED)
    fold(base, dict.fromkeys(range(0, 300, 3), ("x",)))
    for rid in range(-2, 302):
        leaf, _ = heap.seek(base.root, rid)
        expected = next((present for present in range(0, 300, 3) if present >= rid), None)
        assert (None if leaf is None else next(ref for ref in leaf.refs if ref >= rid)) == expected


def test_addresses_as_people_see_them() -> None:
    assert page_and_slot(0) == (0, 0)
    assert page_and_slot(3 * SLOTS + 7) == (3, 7)


# -- free addresses ---------------------------------------------------------------------------------------


def test_released_addresses_are_reused_before_new_ones() -> None:
    space = HeapSpace()
    assert space.allocate_many(5) == [0, 1, 2, 3, 4]
    space.release(3)
    space.release(1)
    assert len(space) == 2
    assert space.allocate_many(3) == [1, 3, 5]
    with pytest.raises(AssertionError):
        space.release(6)
    space.release(5)
    with pytest.raises(AssertionError):
        space.release(5)


def test_reserving_in_any_order() -> None:
    """Replay meets addresses in the order of commits (R20)."""
    space = HeapSpace()
    for rid in (5, 2, 5, 9, 0):
        space.reserve(rid)
    assert sorted(space.allocate_many(8)) == [1, 3, 4, 6, 7, 8, 10, 11]
    space.check()


def test_a_large_gap_is_not_taken_in() -> None:
    space = HeapSpace()
    space.reserve(1 << 40)
    assert len(space) == 0 and space.allocate() == (1 << 40) + 1


def test_the_space_is_read_from_few_pages() -> None:
    base = make_base(block=4096, leaf_bytes=1_000, fanout=64, pool=0)
    writer = base.begin()
    writer.fold_tree(1, INTS, ((rid, rid, (rid, "x")) for rid in range(20_000)), clustered=True)
    writer.fold_tree(1, INTS, ((rid, rid, None) for rid in range(5_000, 10_000) if rid % 50), clustered=True)
    base.swap(writer.publish(1, b""))
    heap = Heap(base, 1, INTS)
    read: list[Any] = []
    original = base.pages.read

    class Counting(type(base.pages)):  # type: ignore[misc]
        def read(self, *arguments: Any) -> bytes:
            read.append(arguments)
            return original(*arguments)

    base.pages = Counting(base.pages.file, base.pages.block)
    space = HeapSpace.load(heap, base.root)
    assert len(space) == 4_900 and space.next == 20_000
    assert len(read) < 30
    assert space.allocate_many(3) == [5_001, 5_002, 5_003]
    few = HeapSpace.load(heap, base.root, leaves=1)
    assert 0 < len(few) < 4_900  # holes may be overlooked, never invented
