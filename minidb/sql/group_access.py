"""Groups made one key at a time: a grouped subquery, a view say, as the inner side of a loop.

    SELECT ... FROM part JOIN (SELECT key, avg(n) FROM line GROUP BY key) AS q ON q.key = part.key

A hash join makes all groups first. Where few parts are left, and an index finds the lines of a key, it is cheaper to
make one group for each part: the equality moves below the grouping, and the subquery is run like a LATERAL one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from minidb.sql import plan
from minidb.sql.join_order import Mask
from minidb.sql.rules import walk
from minidb.sql.rules.pushdown import push

if TYPE_CHECKING:
    from minidb.sql.planner import Planner


def is_grouped(node: plan.Plan) -> bool:
    """Whether there is a grouping below projections and filters, into which a term can move."""
    while isinstance(node, plan.Project | plan.Filter):
        node = node.input
    return isinstance(node, plan.Aggregate) and bool(node.groups) and node.sets is None


def group_access(
    planner: Planner, node: plan.Plan, terms: Sequence[tuple[Mask, plan.Expression]]
) -> tuple[Mask, Callable[[Mask], float | None]]:
    """(the leaves that the equalities `terms` mention, what one run costs given some of them)."""
    useful = 0
    for others, _ in terms:
        useful |= others

    def inner(outer: Mask) -> float | None:
        keys = [term for others, term in terms if others & ~outer == 0]
        if not keys or walk.is_volatile(node):
            return None
        return planner.planned(push(node, keys)).cost

    return useful, inner
