"""Outer, semi and anti joins: the method for two sides whose order is given.

The condition's terms are split: equalities between the sides become hash keys, terms over the inner side alone filter
it, the rest is asked for each pair. Against hashing stands a loop that reads the inner table through an index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from minidb.sql import physical, plan, selectivity
from minidb.sql.access_paths import same
from minidb.sql.group_estimates import group_rows
from minidb.sql.join_order import BUILD, LOOP, MERGE, OUTPUT, PROBE, SPILL
from minidb.sql.rules import walk

if TYPE_CHECKING:
    from minidb.sql.planner import Planner


class Sides(msgspec.Struct):
    """Equalities `left[i] = right[i]`, and the other terms."""

    left: list[plan.Expression]
    right: list[plan.Expression]
    rest: list[plan.Expression]


def split_condition(
    terms: Iterable[plan.Expression],
    of_left: Callable[[plan.Expression], bool],
    of_right: Callable[[plan.Expression], bool],
) -> Sides:
    sides = Sides([], [], [])
    for term in terms:
        if isinstance(term, plan.Operator) and term.operator.name == "=" and not walk.has_subquery(term):
            one, other = term.arguments
            if of_left(one) and of_right(other):
                sides.left.append(one)
                sides.right.append(other)
                continue
            if of_left(other) and of_right(one):
                sides.left.append(other)
                sides.right.append(one)
                continue
        sides.rest.append(term)
    return sides


def covers_unique(node: physical.Node, keys: Sequence[plan.Expression]) -> bool:
    """Whether rows of `node` differ in `keys`."""
    while isinstance(node, physical.Filter):
        node = node.input
    if isinstance(node, physical.Distinct):
        return all(any(same(walk.strip_relabel(k), walk.strip_relabel(on)) for k in keys) for on in node.on)
    if isinstance(node, physical.Aggregate) and node.sets is None:
        columns = {(k.relation, k.position) for k in map(walk.strip_relabel, keys) if isinstance(k, plan.Column)}
        return all((node.relation, place) in columns for place in range(len(node.groups)))
    if not isinstance(node, physical.Scan):
        return False
    if node.single:
        return True
    positions = {
        key.position
        for key in map(walk.strip_relabel, keys)
        if isinstance(key, plan.Column) and key.relation == node.relation
    }
    return any(
        index.certain and index.where is None and all(key.position in positions for key in index.keys)
        for index in node.table.indexes
    )


def _split(planner: Planner, join: plan.Join, right: plan.Plan) -> tuple[list[plan.Expression], list[plan.Expression]]:
    """(terms that mention the right side only, the others)."""
    own = walk.made(right)
    inner: list[plan.Expression] = []
    rest: list[plan.Expression] = []
    for term in walk.conjuncts(join.condition):
        mentioned = walk.relations(term) & planner.local(walk.relations(term))
        (inner if mentioned and mentioned <= own and not walk.has_subquery(term) else rest).append(term)
    return inner, rest


def join_left(planner: Planner, join: plan.Join, order: object = ()) -> physical.Node:
    """LEFT JOIN; RIGHT JOIN comes turned round."""
    outer, _ = planner.plan_ordered(join.left, order if isinstance(order, tuple) else (), 0)
    return _with_outer(planner, join, outer, "left")


def join_semi(planner: Planner, join: plan.Join, outer: physical.Node) -> physical.Node:
    return _with_outer(planner, join, outer, join.kind)


def _with_outer(planner: Planner, join: plan.Join, outer: physical.Node, kind: str) -> physical.Node:
    inner_terms, terms = _split(planner, join, join.right)
    right = walk.filtered(join.right, inner_terms)
    own = walk.made(join.right)
    left = walk.made(join.left)
    correlated = bool({relation for relation, _ in walk.free_columns(right)} & left)
    options: list[physical.Node] = []
    indexed = None if correlated else _through_index(planner, right, outer, terms, kind)
    if indexed is not None:
        options.append(indexed)
    if correlated:
        inner = planner.planned(right, first=1 if kind in ("semi", "anti") else 0)
        options.append(_loop(planner, outer, inner, terms, kind, False, inner.cost))
        return options[0]
    inner = planner.planned(right)
    sides = split_condition(
        terms, lambda e: bool(walk.relations(e)) and not walk.relations(e) & own, lambda e: _only(e, own)
    )
    if sides.left:
        options.append(_hash(planner, outer, inner, sides, kind))
        if _worth_merging(planner, inner):
            options.append(_merge(planner, outer, right, sides, kind))
    if not sides.left or planner.join_costs().hash:
        options.append(_independent_loop(planner, outer, inner, terms, kind))
    return min(options, key=lambda option: option.cost)


def _only(expression: plan.Expression, relations: set[int]) -> bool:
    mentioned = walk.relations(expression)
    return bool(mentioned) and mentioned <= relations


def _joined_rows(
    planner: Planner,
    outer: physical.Node,
    inner_rows: float,
    terms: Sequence[plan.Expression],
    kind: str,
    found_by: Sequence[plan.Expression] = (),
    inner_total: float | None = None,
) -> float:
    """`found_by`: terms that `inner_rows`, those of one run, have met already; `inner_total`: rows of all runs."""
    rows = outer.rows * inner_rows * selectivity.of_all(terms, planner.column_statistics)
    if kind == "left":
        return max(rows, outer.rows)
    if kind == "full":
        return max(rows, outer.rows + inner_rows)
    total = inner_rows if inner_total is None else inner_total
    share = _partner_share(planner, [*found_by, *terms], total)
    if share is None:
        share = min(rows / max(outer.rows, 1e-9), 1.0)
    return outer.rows * max(share if kind == "semi" else 1 - share, 0.01)


def _partner_share(planner: Planner, terms: Iterable[plan.Expression], inner_rows: float) -> float | None:
    """The share of outer rows that find a partner: of the outer column's values those that the inner side can have, as
    each has one row at least; and of their rows one must meet the other terms. None if nothing is known."""
    share, partners, others = None, inner_rows, []
    for term in terms:
        equal = isinstance(term, plan.Operator) and term.operator.name == "="
        one, other = map(planner.column_statistics, term.arguments) if equal else (None, None)  # type: ignore[attr-defined]
        if one is None or other is None:
            others.append(term)
            continue
        values = min(one.distinct, other.distinct, group_rows(planner, (term.arguments[1],), inner_rows))  # type: ignore[attr-defined]
        found = min(values / max(one.distinct, other.distinct), 1.0)
        share = found if share is None else min(share, found)
        partners = min(partners, max(inner_rows / max(values, 1.0), 1.0))
    if share is None or not others:
        return share
    met = selectivity.of_all(others, planner.column_statistics)
    missed: float = (1 - min(met, 1.0)) ** partners
    return share * (1 - missed)


def _hash(planner: Planner, outer: physical.Node, inner: physical.Node, sides: Sides, kind: str) -> physical.Node:
    terms = [*_equalities(sides), *sides.rest]
    rows = _joined_rows(planner, outer, inner.rows, terms, kind)
    cost = outer.cost + inner.cost + inner.rows * BUILD + outer.rows * PROBE + rows * OUTPUT
    if sides.rest:  # asked of each pair with equal keys
        cost += outer.rows * inner.rows * selectivity.of_all(_equalities(sides), planner.column_statistics) * LOOP
    if inner.rows > planner.join_costs().rows_in_memory:
        cost += (inner.rows + outer.rows) * SPILL
    return physical.HashJoin(
        kind=kind,
        probe=outer,
        build=inner,
        probe_keys=tuple(sides.left),
        build_keys=tuple(sides.right),
        predicates=tuple(sides.rest),
        unique=covers_unique(inner, sides.right),
        rows=rows,
        cost=cost + planner.join_costs().hash,
    )


def _worth_merging(planner: Planner, inner: physical.Node) -> bool:
    """Whether hashing is turned off, or would not fit into memory."""
    costs = planner.join_costs()
    return bool(costs.hash) or inner.rows > costs.rows_in_memory


def _merge(planner: Planner, outer: physical.Node, right: plan.Plan, sides: Sides, kind: str) -> physical.Node:
    """Both sides sorted by their keys; the right one may come so from an index."""
    left = planner.sorted(outer, tuple(plan.SortKey(key) for key in sides.left))
    order = tuple(plan.SortKey(key) for key in sides.right)
    inner, ordered = planner.plan_ordered(right, order, 0)
    if not ordered:
        inner = planner.sorted(inner, order)
    rows = _joined_rows(planner, outer, inner.rows, [*_equalities(sides), *sides.rest], kind)
    cost = left.cost + inner.cost + (left.rows + inner.rows) * MERGE + rows * OUTPUT + planner.join_costs().merge
    return physical.MergeJoin(
        kind=kind,
        left=left,
        right=inner,
        left_keys=tuple(sides.left),
        right_keys=tuple(sides.right),
        predicates=tuple(sides.rest),
        rows=rows,
        cost=cost,
    )


def _independent_loop(
    planner: Planner, outer: physical.Node, inner: physical.Node, terms: Sequence[plan.Expression], kind: str
) -> physical.Node:
    """A loop over an inner side that does not depend on the outer one: kept, unless that is turned off."""
    if planner.join_costs().material:
        return _loop(planner, outer, inner, terms, kind, False, inner.cost)
    return _loop(planner, outer, inner, terms, kind, True, inner.rows * LOOP)


def _equalities(sides: Sides) -> list[plan.Expression]:
    """Stand-ins for the estimates: `left = right` of each pair."""
    from minidb.sql.functions import resolve_operator
    from minidb.types import BOOLEAN, INTEGER

    equal = resolve_operator("=", INTEGER, INTEGER)
    return [plan.Operator(type=BOOLEAN, operator=equal, arguments=pair) for pair in zip(sides.left, sides.right)]


def _loop(
    planner: Planner,
    outer: physical.Node,
    inner: physical.Node,
    terms: Sequence[plan.Expression],
    kind: str,
    materialized: bool,
    run: float,
) -> physical.Node:
    rows = _joined_rows(planner, outer, inner.rows, terms, kind)
    cost = outer.cost + (inner.cost if materialized else 0.0) + outer.rows * run + rows * OUTPUT
    return physical.NestedLoop(
        kind=kind,
        outer=outer,
        inner=inner,
        predicates=tuple(terms),
        materialized=materialized,
        rows=rows,
        cost=cost + planner.join_costs().loop,
    )


def _through_index(
    planner: Planner, right: plan.Plan, outer: physical.Node, terms: Sequence[plan.Expression], kind: str
) -> physical.Node | None:
    """A loop over an index of the right table, if it is just a table with filters."""
    predicates: list[plan.Expression] = []
    node = right
    while isinstance(node, plan.Filter):
        predicates += walk.conjuncts(node.predicate)
        node = node.input
    if not isinstance(node, plan.Scan):
        return None
    access = planner.access(node)
    usable = [term for term in terms if node.relation in walk.relations(term)]
    found = [
        candidate
        for candidate in access.candidates([*predicates, *usable])
        if any(not any(term is f for f in candidate.filters) for term in usable)
    ]
    if not found:
        return None
    candidate = min(found, key=lambda option: option.cost)
    rest = [term for term in terms if not any(term is used for used in usable)]
    first = 1 if kind in ("semi", "anti") else 0
    inner = planner.scan_node(node, [*predicates, *usable], candidate, first)
    total = access.rows * access.share(predicates)
    rows = _joined_rows(planner, outer, candidate.rows, rest, kind, usable, total)
    cost = outer.cost + outer.rows * candidate.cost + rows * OUTPUT + planner.join_costs().loop
    return physical.NestedLoop(kind=kind, outer=outer, inner=inner, predicates=tuple(rest), rows=rows, cost=cost)


def join_full(planner: Planner, join: plan.Join) -> physical.Node:
    left, right = planner.planned(join.left), planner.planned(join.right)
    own = walk.made(join.right)
    terms = walk.conjuncts(join.condition)
    sides = split_condition(
        terms, lambda e: bool(walk.relations(e)) and not walk.relations(e) & own, lambda e: _only(e, own)
    )
    if sides.left:
        options = [_hash(planner, left, right, sides, "full")]
        if _worth_merging(planner, right):
            options.append(_merge(planner, left, join.right, sides, "full"))
        return min(options, key=lambda option: option.cost)
    rows = _joined_rows(planner, left, right.rows, terms, "full")
    cost = left.cost + right.cost + left.rows * right.rows * LOOP
    return physical.FullLoop(left=left, right=right, predicates=tuple(terms), rows=rows, cost=cost)
