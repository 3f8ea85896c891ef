"""Heaps: rows under addresses that never change, in a B+tree ordered by address.

A row's address, its RID, is one integer: page number * SLOTS + slot. It is assigned when the row is inserted and stays
the row's only name for life (R21): locks, chains and index entries know nothing else.

    RID   0 ... 1023   1024 ... 2047   2048 ...          logical pages of SLOTS addresses
          |  |  |    |       |   |        |
    leaf [..][..][..][.......][..][.........]            leaves: as many rows as fill a page, whatever their RIDs

The classic heap file pins a row to a physical page and needs forwarding pointers when it grows: a second page to read,
pages with holes, targets that scans must skip. Here pages are found through a tree anyway (copy-on-write moves each
page with each change), so the tree's leaves are simply cut by size, as in any other B+tree: a row that grows makes its
leaf split, and it is still found under its RID, in RID order, with one leaf read. R21 asks that a moved row is never
returned twice or under two names: no row moves, so none is. Deletions make leaves merge, so space comes back without
any RID being reused; RIDs are reused all the same (`free_space`), to keep them small and new rows dense.

Invariants: those of `btree`; and refs are the keys.
"""

from __future__ import annotations

from minidb.keys import Row
from minidb.storage.base import Base
from minidb.storage.btree import Tree
from minidb.storage.interface import Layout
from minidb.storage.pages import Leaf
from minidb.storage.roots import Root

SLOTS = 1024  # addresses in a logical page


def page_and_slot(rid: int) -> tuple[int, int]:
    """How a RID is shown to people."""
    return divmod(rid, SLOTS)


class Heap:
    """One heap of a base. Any thread, no latch; StaleRoot as in `Tree`."""

    __slots__ = ("relation", "tree")

    def __init__(self, base: Base, relation: int, layout: Layout) -> None:
        self.tree = Tree(base, relation, layout)
        self.relation = relation

    def get(self, root: Root, rid: int) -> Row | None:
        found = self.tree.find(root, rid)
        return None if found is None else found[1]

    def seek(self, root: Root, rid: int = 0) -> tuple[Leaf | None, int | None]:
        """The leaf with the first row at or after `rid`, and the RID to go on with (None: it was the last leaf)."""
        leaf, fence = self.tree.seek(root, rid)
        return leaf, None if fence is None else fence[0]

    def seek_before(self, root: Root, rid: int | None = None) -> tuple[Leaf | None, int | None]:
        """The leaf with the last row before `rid` (None: the very last), and the RID to go on with downwards."""
        leaf, fence = self.tree.seek_before(root, rid)
        return leaf, None if fence is None else fence[0]

    def end(self, root: Root) -> int:
        """One past the highest RID in use."""
        leaf, _ = self.tree.seek_before(root)
        return 0 if leaf is None else leaf.refs[-1] + 1

    def entries(self, root: Root) -> int:
        return self.tree.entries(root)

    def check(self, root: Root) -> None:
        self.tree.check(root)
