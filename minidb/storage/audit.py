"""The audit: every page read from the file, every invariant of trees and blocks verified. What `minidb check` runs.

Two questions, asked apart because the first needs a layout and the second must not:

    audit_tree     is this tree in order? entries, fences, counts, depth; see the invariants of `btree`
    audit_blocks   is every block of the file in exactly one place? see invariant 4 of `base`

Both read with the checks of `page_file` and never through a cache; both raise DatabaseCorrupt and name the page.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from minidb.errors import DatabaseCorrupt
from minidb.storage.extents import Extent
from minidb.storage.interface import Layout
from minidb.storage.meta import NOWHERE
from minidb.storage.page_file import LEAF, PageFile, read_inner, read_leaf
from minidb.storage.pages import Fence, Inner, Leaf, Pointer
from minidb.storage.roots import RelationRoot, Root

# -- one tree ---------------------------------------------------------------------------------------------


def audit_tree(pages: PageFile, relation: int, layout: Layout, top: RelationRoot) -> None:
    """Verifies invariants 1 to 4 of `btree`."""
    if top.level >= 0:
        audit = _TreeAudit(pages, relation, layout)
        if top.level and len(read_inner(pages, relation, top.pointer)) < 2:
            raise audit.fail(top.pointer, "the top has a single child (invariant 3)")
        entries = audit.page(top.pointer, top.level, None, None)
        if (entries, audit.pages_read) != (top.entries, top.pages):
            raise DatabaseCorrupt(f"{pages.path}: relation {relation} is miscounted")


class _TreeAudit:
    """One walk through a tree, from left to right."""

    def __init__(self, pages: PageFile, relation: int, layout: Layout) -> None:
        self.pages = pages
        self.relation = relation
        self.layout = layout
        self.pages_read = 0
        self.last: Fence | None = None

    def fail(self, pointer: Pointer, what: str) -> DatabaseCorrupt:
        return DatabaseCorrupt(f"{self.pages.path}: page at block {pointer[0]} of relation {self.relation}: {what}")

    def page(self, pointer: Pointer, level: int, low: Fence | None, high: Fence | None) -> int:
        """Verifies a page and what is below it; returns the number of entries."""
        self.pages_read += 1
        if level:
            return self.inner(read_inner(self.pages, self.relation, pointer), pointer, level, low, high)
        return self.leaf(read_leaf(self.pages, self.relation, self.layout, pointer), pointer, low, high)

    def inner(self, node: Inner, pointer: Pointer, level: int, low: Fence | None, high: Fence | None) -> int:
        fences = [low, *zip(node.keys, node.refs or [None] * len(node.keys)), high]
        if node.refs is not None and all(ref is None for ref in node.refs):
            raise self.fail(pointer, "it has tie-breaks that break no tie (invariant 4)")
        for left, right in pairwise(fences[1:-1]):
            if not _below(left, right):
                raise self.fail(pointer, f"separators {left!r} and {right!r} do not ascend (invariant 4)")
        for place, child in enumerate(node.children):
            if self.page(child, level - 1, fences[place], fences[place + 1]) != node.counts[place]:
                raise self.fail(child, "the node above miscounts it (invariant 3)")
        return sum(node.counts)

    def leaf(self, leaf: Leaf, pointer: Pointer, low: Fence | None, high: Fence | None) -> int:
        for entry in zip(leaf.keys, leaf.refs):
            if self.last is not None and not _below(self.last, entry):
                raise self.fail(pointer, f"entries {self.last!r} and {entry!r} do not ascend (invariant 1)")
            self.last = entry
        first, last = (leaf.keys[0], leaf.refs[0]), (leaf.keys[-1], leaf.refs[-1])
        if (low is not None and _below(first, low)) or (high is not None and not _below(last, high)):
            raise self.fail(pointer, f"it has entries outside its fences {low!r} to {high!r} (invariant 2)")
        return len(leaf.rows)  # made here, where they are made late: all that can be wrong is found


def _below(left: Any, right: Any) -> bool:
    """Whether left < right, both (key, ref or None)."""
    if left[0] != right[0]:
        return bool(left[0] < right[0])
    if right[1] is None:
        return False
    return left[1] is None or bool(left[1] < right[1])


# -- all blocks -------------------------------------------------------------------------------------------


def audit_blocks(pages: PageFile, root: Root, unused: Iterable[Extent], first: int, end: int) -> None:
    """Reads every page of `root`; verifies that they and `unused` cover the blocks [first, end) exactly once.

    Arguments:
        unused: free runs, and extents in limbo.
    """
    used = [(pointer[0], pages.blocks(pointer[1])) for pointer in _tables(root)]
    for relation, top in root.relations.items():
        if top.level >= 0:
            used += _tree_extents(pages, relation, top)
    stop = first
    for block, count in sorted([*used, *unused, (end, 0)]):
        if block != stop:
            problem = "belong to nobody" if block > stop else "belong to two"
            raise DatabaseCorrupt(f"{pages.path}: blocks {min(stop, block)} to {max(stop, block)} {problem}")
        stop = block + count


def _tables(root: Root) -> list[Pointer]:
    meta = root.meta
    return [pointer for pointer in (meta.relations, meta.catalog, meta.free_map) if pointer != NOWHERE]


def _tree_extents(pages: PageFile, relation: int, top: RelationRoot) -> list[Extent]:
    """The extents of a tree, whose checksums and counts are verified on the way."""
    extents: list[Extent] = []

    def visit(pointer: Pointer, level: int, count: int) -> int:
        extents.append((pointer[0], pages.blocks(pointer[1])))
        if not level:
            pages.read(pointer, LEAF, relation)
            return count
        node = read_inner(pages, relation, pointer)
        return sum([visit(child, level - 1, entries) for child, entries in zip(node.children, node.counts)])

    entries = visit(top.pointer, top.level, top.entries)
    if (entries, len(extents), sum(count for _, count in extents)) != (top.entries, top.pages, top.blocks):
        raise DatabaseCorrupt(f"{pages.path}: relation {relation} is miscounted")
    return extents
