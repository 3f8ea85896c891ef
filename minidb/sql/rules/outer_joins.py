"""An outer join whose extra rows a predicate above throws away is an inner one; a side that adds nothing goes."""

from __future__ import annotations

from typing import Any

import msgspec

from minidb.sql import plan
from minidb.sql.rules import walk
from minidb.sql.rules.nulls import strict_columns


def simplify_outer_joins(root: plan.Plan) -> plan.Plan:
    """Uses what filters and inner joins above say cannot be NULL."""
    result: plan.Plan = _simplify(root, set())
    return result


def _simplify(node: Any, known: set[int]) -> Any:
    """`known`: relations that have a column which is not NULL in every row that matters."""
    if isinstance(node, plan.Filter):
        below = known | {column[0] for column in _strict(node.predicate)}
        return _with(node, lambda child: _simplify(child, below))
    if isinstance(node, plan.Join):
        return _join(node, known)
    if isinstance(node, plan.Sort | plan.LockRows):
        return _with(node, lambda child: _simplify(child, known))
    if isinstance(node, plan.Project):
        return _with(node, lambda child: _simplify(child, _through(node, known)))
    return _with(node, lambda child: _simplify(child, set()))


def _strict(predicate: plan.Expression | None) -> set[walk.ColumnKey]:
    return set() if predicate is None else strict_columns(predicate)


def _through(node: plan.Project, known: set[int]) -> set[int]:
    """A projection passes on nothing: which of its columns is meant is not kept."""
    return set()


def _with(node: Any, change: Any) -> Any:
    """Rebuilds the plans directly below; expressions are entered with nothing known."""

    def each(child: Any) -> Any:
        if isinstance(child, plan.Plan):
            return change(child)
        return _enter(child)

    return walk.rebuild(node, each)


def _enter(item: Any) -> Any:
    """Simplifies the subqueries in an expression. Only the outermost ones: those inside of them it meets on the way."""
    if not walk.has_subquery(item):
        return item
    simplify = lambda node: _simplify(node, set()) if isinstance(node, plan.Query) else node  # noqa: E731
    return walk.transform(item, simplify, plan.Query)


def _join(node: plan.Join, known: set[int]) -> plan.Plan:
    left_made, right_made = walk.made(node.left), walk.made(node.right)
    kind = node.kind
    if kind in ("left", "full") and known & right_made:
        kind = "inner" if kind == "left" else "right"
    if kind in ("right", "full") and known & left_made:
        kind = "inner" if kind == "right" else "left"
    said = {column[0] for column in _strict(node.condition)}
    left_known, right_known = set(known), set(known)
    if kind == "inner":
        left_known |= said
        right_known |= said
    elif kind in ("left", "anti"):
        right_known = said if kind == "left" else set()
    elif kind == "right":
        left_known = said
    elif kind == "full":
        left_known = right_known = set()
    elif kind == "semi":
        left_known |= said
        right_known = said
    left = _simplify(node.left, left_known & left_made)
    right = _simplify(node.right, right_known & right_made)
    condition = _enter(node.condition) if node.condition is not None else None
    if kind == node.kind and left is node.left and right is node.right and condition is node.condition:
        return node
    return msgspec.structs.replace(node, kind=kind, left=left, right=right, condition=condition)
