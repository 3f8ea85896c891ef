"""Where semi and anti joins stand among the inner joins: as soon as all that they mention is there, or above them all.

Asked early, they take rows away from the joins above them. Asked late, where those joins leave few rows, they have
little to do, and an index may find what a hash table of a whole table would have to be built for. The joins' order is
decided without them; only their place is chosen here, by what they cost at both ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from minidb.sql import physical, plan
from minidb.sql.join_order import Mask, Tree
from minidb.sql.joining import join_semi

if TYPE_CHECKING:
    from minidb.sql.planner import Planner

FEWER = 4.0  # how many times fewer rows there must be at the top for the late place to be thought of


def places(planner: Planner, semis: Sequence[plan.Join], needs: Sequence[Mask], tree: Tree) -> list[Mask]:
    """For each semi join the leaves of `tree` that are joined before it; `needs` are those that it mentions."""
    return [_place(planner, semi, needed, tree) for semi, needed in zip(semis, needs)]


def _place(planner: Planner, semi: plan.Join, needed: Mask, tree: Tree) -> Mask:
    early = _earliest(tree, needed)
    if tree.rows * FEWER > early.rows:
        return needed
    soon, late = (join_semi(planner, semi, physical.SingleRow(rows=place.rows)) for place in (early, tree))
    spared = (1 - min(soon.rows / early.rows, 1.0)) * (tree.cost - early.cost)  # at most: by fewer rows further up
    return tree.mask if late.cost + spared < soon.cost else needed


def _earliest(tree: Tree, needed: Mask) -> Tree:
    """The smallest part of the tree that has the leaves; the inner side of a loop over an index is no part."""
    parts = (tree.left, tree.right if tree.method != "index" else None)
    inside = next((part for part in parts if part is not None and needed & ~part.mask == 0), None)
    return tree if inside is None else _earliest(inside, needed)
