"""Which row addresses of a heap are free: in memory, made from the base when the heap is first inserted into.

    0 .................................... next          addresses ever used, and beyond `next` all free
        used  free  used  used  free ...                 `free`: those below `next` known to be unused

The base needs no map of its own: inner nodes say how many rows each leaf has and which addresses it covers, so the
leaves with many holes are known without being read, and only those are.

Invariants:
 1. An address is handed out once until it is released (R22: by whoever drops the last version of its row, or unlinks an
    aborted insert).
 2. `free` holds only addresses below `next`.
 3. What is not known to be free counts as used: holes may be overlooked, never invented.

Not thread-safe: the caller holds the latch. `load` reads pages and is called without it.
"""

from __future__ import annotations

from collections.abc import Iterable

from minidb.storage.heap import Heap
from minidb.storage.pages import Pointer
from minidb.storage.roots import Root

SPARSE = 0.25  # part of a leaf's addresses that must be free to make it worth a read
LEAVES_TO_READ = 64
LARGEST_GAP = 1 << 16  # addresses in a row that are taken in as free at most


class HeapSpace:
    """The free addresses of one heap."""

    __slots__ = ("_free", "next")

    def __init__(self, next: int = 0, free: Iterable[int] = ()) -> None:
        self.next = next
        self._free: dict[int, None] = dict.fromkeys(free)  # a stack whose members can be taken out

    @classmethod
    def load(cls, heap: Heap, root: Root, leaves: int = LEAVES_TO_READ) -> HeapSpace:
        """The space of `heap` as `root` has it; reads at most `leaves` leaves.

        Rows that the base no longer has may still have chains: in the same latch hold in which the space is first used,
        the caller must `reserve` the address of every chain (R20, R22).
        """
        holes: list[int] = []
        for pointer, low, high in _sparsest(heap, root, leaves):
            taken = set(heap.tree.read_leaf(root, pointer).refs)
            holes += [rid for rid in range(low, min(high, low + LARGEST_GAP)) if rid not in taken]
        return cls(heap.end(root), sorted(holes, reverse=True))

    def allocate(self, size_hint: int = 0) -> int:
        """A free address; the one released last, or a new one."""
        if self._free:
            return self._free.popitem()[0]
        rid = self.next
        self.next = rid + 1
        return rid

    def allocate_many(self, count: int, size_hint: int = 0) -> list[int]:
        """`count` free addresses in ascending order."""
        reused = min(count, len(self._free))
        rids = sorted([self._free.popitem()[0] for _ in range(reused)])
        rids += range(self.next, self.next + count - reused)
        self.next += count - reused
        return rids

    def release(self, rid: int) -> None:
        """`rid` is free again: its chain is dropped or its insert unlinked (R22)."""
        assert rid < self.next and rid not in self._free, "an address is released that was not taken"
        self._free[rid] = None

    def reserve(self, rid: int) -> None:
        """`rid` is in use: replay has met it (R20), or it has a chain. May be repeated."""
        if rid < self.next:
            self._free.pop(rid, None)
            return
        if rid - self.next <= LARGEST_GAP:
            self._free.update(dict.fromkeys(range(rid - 1, self.next - 1, -1)))
        self.next = rid + 1

    def __len__(self) -> int:
        """How many addresses below `next` are known to be free."""
        return len(self._free)

    def check(self) -> None:
        """Invariant 2."""
        assert all(0 <= rid < self.next for rid in self._free), "a free address lies beyond the end"


def _sparsest(heap: Heap, root: Root, most: int) -> list[tuple[Pointer, int, int]]:
    """(pointer, first address, end) of the leaves with the most holes."""
    end = heap.end(root)
    found: list[tuple[int, Pointer, int, int]] = []
    for pointer, low_fence, high_fence, count in heap.tree.leaves(root):
        low = low_fence[0] if low_fence else 0
        high = high_fence[0] if high_fence else end
        if high - low - count > SPARSE * (high - low):
            found.append((high - low - count, pointer, low, high))
    found.sort(key=lambda entry: -entry[0])
    return [entry[1:] for entry in found[:most]]
