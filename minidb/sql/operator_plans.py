"""One planning function per logical operator that is not part of a cluster of joins.

Each is given the planner, the node, the order that is wanted above and how many rows will be looked at; it gives the
physical node and whether its rows come in that order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from minidb.sql import physical, plan
from minidb.sql.access_paths import DISABLED, same
from minidb.sql.clusters import Cluster
from minidb.sql.group_estimates import group_rows
from minidb.sql.join_order import OUTPUT
from minidb.sql.joining import covers_unique, join_full, join_left
from minidb.sql.ordering import Order, log_cost
from minidb.sql.rules import walk
from minidb.sql.statistics import DEFAULT_ROWS
from minidb.types import BIGINT

if TYPE_CHECKING:
    from minidb.sql.planner import Planner

GROUP = 0.15  # microseconds for a row of a group
JUMP = 12.0  # a descent to the next value of an index's leading column
GROUP_IN_ORDER = 0.35  # the same where groups come one after the other
_UNORDERED = ("json", "record", "unknown")
DISTINCT = 0.1  # and for one that is looked up among those seen

Result = tuple[physical.Node, bool]


def _cluster(planner: Planner, node: plan.Plan, order: Order, first: Any) -> Result:
    return Cluster(planner, node, first).arranged(order)


def _join(planner: Planner, node: plan.Join, order: Order, first: Any) -> Result:
    if node.kind == "left":
        joined = join_left(planner, node, order)
        return joined, not order
    if node.kind == "right":
        turned = plan.Join(kind="left", left=node.right, right=node.left, condition=node.condition)
        return join_left(planner, turned), not order
    if node.kind == "full":
        return join_full(planner, node), not order
    return _cluster(planner, node, order, first)


def _values(planner: Planner, node: plan.Values, order: Order, first: Any) -> Result:
    count = float(len(node.rows))
    return (
        physical.Values(
            relation=node.relation, tuples=node.rows, width=len(node.types), rows=count, cost=count * OUTPUT
        ),
        not order,
    )


def _virtual(planner: Planner, node: plan.VirtualScan, order: Order, first: Any) -> Result:
    return (
        physical.VirtualScan(relation=node.relation, name=node.name, width=len(node.columns), rows=100, cost=100),
        not order,
    )


def _function(planner: Planner, node: plan.FunctionScan, order: Order, first: Any) -> Result:
    return (
        physical.FunctionScan(
            relation=node.relation,
            function=node.function,
            arguments=node.arguments,
            types=node.types,
            ordinality=node.ordinality,
            rows=1000,
            cost=100,
        ),
        not order,
    )


def _cte_scan(planner: Planner, node: plan.CteScan, order: Order, first: Any) -> Result:
    rows = planner._cte_rows.get(node.cte, DEFAULT_ROWS)
    return (
        physical.CteScan(
            relation=node.relation, cte=node.cte, width=len(node.types), name=node.name, rows=rows, cost=rows * OUTPUT
        ),
        not order,
    )


def _project(planner: Planner, node: plan.Project, order: Order, first: Any) -> Result:
    values = {(node.relation, place): expression for place, expression in enumerate(node.expressions)}
    below = tuple(walk.substitute(key, values) for key in order)
    child, ordered = planner.plan_ordered(node.input, below, first)
    return (
        physical.Project(
            input=child,
            relation=node.relation,
            expressions=node.expressions,
            rows=child.rows,
            cost=child.cost + child.rows * OUTPUT,
        ),
        ordered,
    )


def _project_set(planner: Planner, node: plan.ProjectSet, order: Order, first: Any) -> Result:
    child = planner.planned(node.input)
    return (
        physical.ProjectSet(
            input=child, relation=node.relation, calls=node.calls, rows=child.rows * 10, cost=child.cost + child.rows
        ),
        not order,
    )




def _aggregate(planner: Planner, node: plan.Aggregate, order: Order, first: Any) -> Result:
    child = planner.planned(node.input)
    extremes = _extremes(planner, node, child)
    if extremes is not None:
        return extremes, True
    rows = 1.0 if not node.groups else group_rows(planner, node.groups, child.rows)
    if not node.groups or node.sets is not None:
        cost = child.cost + child.rows * GROUP
        return _aggregated(node, child, rows, cost, False), not order or not (node.groups or node.sets)
    cost = child.cost + child.rows * GROUP + planner.hashing_cost(rows)
    hashed = _aggregated(node, child, rows, cost, False)
    jumping = None if node.aggregates else _leading_values(planner, node.input, node.groups, rows, cost)
    if jumping is not None:
        return physical.Project(
            input=jumping, relation=node.relation, expressions=node.groups, rows=jumping.rows, cost=jumping.cost
        ), not order
    if cost < DISABLED and not _is_one_table(node.input):
        return hashed, not order
    return _cheaper_groups(planner, node, hashed, order, first)


def _aggregated(
    node: plan.Aggregate, child: physical.Node, rows: float, cost: float, ordered: bool
) -> physical.Aggregate:
    return physical.Aggregate(
        input=child,
        relation=node.relation,
        groups=node.groups,
        aggregates=node.aggregates,
        sets=node.sets,
        groupings=node.groupings,
        ordered=ordered,
        rows=rows,
        cost=cost,
    )


def _is_one_table(node: plan.Plan) -> bool:
    while isinstance(node, plan.Filter | plan.Project):
        node = node.input
    return isinstance(node, plan.Scan) and bool(node.table.indexes)


def _cheaper_groups(
    planner: Planner, node: plan.Aggregate, hashed: physical.Aggregate, order: Order, first: Any
) -> Result:
    """The hash table, or groups from rows in their order: an index may have it, few groups may be wanted, and a hash
    table may not be."""
    keys, satisfied = _keys_in_order(order, [(node.relation, place) for place in range(len(node.groups))], node.groups)
    if any(key.expression.type.name in _UNORDERED for key in keys):
        return hashed, not order
    child, ordered = planner.plan_ordered(node.input, keys, 0)
    if not ordered and hashed.cost < DISABLED:
        return hashed, not order
    if not ordered:
        child = planner.sorted(child, keys)
    cost = child.cost + child.rows * GROUP_IN_ORDER
    wanted = planner.expected(first) if satisfied and ordered else 0.0
    share = min(1.0, wanted / hashed.rows) if wanted else 1.0
    sorting = log_cost(hashed.rows) if order else 0.0
    if cost * share < hashed.cost + sorting and (satisfied or not order or cost < hashed.cost):
        return _aggregated(node, child, hashed.rows, cost, True), satisfied or not order
    return hashed, not order


def _keys_in_order(
    order: Order, columns: list[walk.ColumnKey], expressions: Sequence[plan.Expression]
) -> tuple[Order, bool]:
    """(sort keys over all of `expressions`, which above are `columns`, beginning with those that `order` wants; whether
    that is all that it wants)."""
    keys: list[plan.SortKey] = []
    used: set[int] = set()
    satisfied = True
    for key in order:
        bare = walk.strip_relabel(key.expression)
        column = (bare.relation, bare.position) if isinstance(bare, plan.Column) else None
        if column not in columns:
            satisfied = False
            break
        place = columns.index(column)
        if place not in used:
            used.add(place)
            keys.append(plan.SortKey(expressions[place], key.descending, key.nulls_first))
    rest = [plan.SortKey(e) for place, e in enumerate(expressions) if place not in used]
    return (*keys, *rest), satisfied


def _leading_values(
    planner: Planner, node: plan.Plan, on: Sequence[plan.Expression], rows: float, cost: float
) -> physical.Node | None:
    """DISTINCT over the leading column of an index: a descent for each value, where there are few."""
    if not isinstance(node, plan.Scan) or len(on) != 1 or node.relation in planner.locked:
        return None
    column = walk.strip_relabel(on[0])
    if not isinstance(column, plan.Column) or column.relation != node.relation or rows * JUMP >= cost:
        return None
    if planner.uses(node.relation) != {column.position} or planner.settings.penalty("enable_indexonlyscan"):
        return None
    for index in node.table.indexes:
        if index.keys[0].position == column.position and index.where is None and not index.clustered:
            return physical.DistinctScan(
                relation=node.relation, table=node.table, alias=node.alias, index=index, rows=rows, cost=rows * JUMP
            )
    return None


def _extremes(planner: Planner, node: plan.Aggregate, child: physical.Node) -> physical.Node | None:
    """min and max over an index: one row from its end each."""
    if node.groups or node.sets is not None or not node.aggregates:
        return None
    expressions: list[plan.Expression] = []
    cost = 0.0
    for call in node.aggregates:
        if call.aggregate.name not in ("min", "max") or call.filter is not None or len(call.arguments) != 1:
            return None
        argument = call.arguments[0]
        descending = call.aggregate.name == "max"
        present = (
            plan.Filter(input=node.input, predicate=plan.IsNull(argument=argument, negated=True))
            if argument.nullable
            else node.input
        )
        key = plan.SortKey(argument, descending, descending)
        one = plan.Constant(type=BIGINT, value=1, nullable=False)
        ordered, satisfied = planner.plan_ordered(present, (key,), 1)
        if not satisfied:
            return None
        cost += 3.0 if ordered.rows > 1 else ordered.cost
        limited = plan.Limit(input=plan.Sort(input=present, keys=(key,)), count=one, offset=None)
        query = plan.Query(input=limited, outputs=(plan.Output("", argument),))
        expressions.append(plan.ScalarSubquery(type=call.type, plan=query))
    if cost > child.cost:
        return None
    return physical.Project(
        input=physical.SingleRow(), relation=node.relation, expressions=tuple(expressions), rows=1, cost=cost
    )


def _window(planner: Planner, node: plan.Window, order: Order, first: Any) -> Result:
    child = planner.planned(node.input)
    cost = child.cost + log_cost(child.rows) * len(node.calls)
    return (
        physical.Window(input=child, relation=node.relation, calls=node.calls, rows=child.rows, cost=cost),
        not order,
    )


def _sort(planner: Planner, node: plan.Sort, order: Order, first: Any) -> Result:
    child, ordered = planner.plan_ordered(node.input, node.keys, first)
    return (child if ordered else planner.sorted(child, node.keys)), not order


def _distinct(planner: Planner, node: plan.Distinct, order: Order, first: Any) -> Result:
    child, ordered = planner.plan_ordered(node.input, order, 0)
    if covers_unique(child, node.on):
        return child, ordered
    rows = group_rows(planner, node.on, child.rows)
    cost = child.cost + child.rows * DISTINCT
    jumping = _leading_values(planner, node.input, node.on, rows, cost)
    if jumping is not None:
        return jumping, not order
    keeps_order = isinstance(node.input, plan.Sort) or (ordered and bool(order))
    avoided = planner.hashing_cost(rows) if keeps_order else planner.settings.penalty("enable_hashagg")
    if avoided and not any(e.type.name in _UNORDERED for e in node.on):
        found = _adjacent(planner, node, child, ordered, order)
        if found is not None:
            return physical.Distinct(input=found[0], on=node.on, ordered=True, rows=rows, cost=cost), found[1]
    return physical.Distinct(input=child, on=node.on, keeps_order=keeps_order, rows=rows, cost=cost), ordered


def _adjacent(
    planner: Planner, node: plan.Distinct, child: physical.Node, ordered: bool, order: Order
) -> tuple[physical.Node, bool] | None:
    """The input in an order that brings equal rows together. Below DISTINCT ON the order decides which row stays: there
    it must be one already."""
    if isinstance(node.input, plan.Sort):
        leading = [key.expression for key in node.input.keys[: len(node.on)]]
        together = len(leading) == len(node.on) and all(any(same(e, key) for key in leading) for e in node.on)
        return (child, ordered) if together else None
    columns = [(e.relation, e.position) if isinstance(e, plan.Column) else (-1, -1) for e in node.on]
    keys, satisfied = _keys_in_order(order, columns, node.on)
    found, in_order = planner.plan_ordered(node.input, keys, 0)
    return (found if in_order else planner.sorted(found, keys)), satisfied


def _limit(planner: Planner, node: plan.Limit, order: Order, first: Any) -> Result:
    hint = 0 if node.with_ties is not None else limit_hint(node)
    child = planner.planned(node.input, hint)
    wanted = planner.expected(hint)
    rows = min(child.rows, wanted) if wanted else child.rows
    bounded = node.with_ties is None and wanted and wanted < child.rows / 2
    if bounded:
        child = bound_sort(child, (node.count, node.offset))
    return (
        physical.Limit(
            input=child, count=node.count, offset=node.offset, with_ties=node.with_ties, rows=rows, cost=child.cost
        ),
        not order,
    )


def limit_hint(node: plan.Limit) -> plan.Expression | int:
    """How many rows LIMIT looks at; 0 if nobody knows."""
    if node.count is None:
        return 0
    if isinstance(node.count, plan.Constant):
        offset = node.offset
        if node.count.value is None or (offset is not None and not isinstance(offset, plan.Constant)):
            return 0
        return max(int(node.count.value) + int((offset.value if offset is not None else 0) or 0), 0)
    bare = walk.strip_relabel(node.count)
    return node.count if node.offset is None and isinstance(bare, plan.Parameter) else 0


def bound_sort(node: physical.Node, limit: tuple[plan.Expression | None, plan.Expression | None]) -> physical.Node:
    """A sort under a limit keeps the first rows only; projections between them change nothing."""
    if isinstance(node, physical.Sort):
        return msgspec.structs.replace(node, limit=limit)
    if isinstance(node, physical.Project):
        return msgspec.structs.replace(node, input=bound_sort(node.input, limit))
    return node


def _lock_rows(planner: Planner, node: plan.LockRows, order: Order, first: Any) -> Result:
    child = planner.planned(node.input)
    terms: list[plan.Expression] = []
    for locked in node.locked:
        for term in planner.rechecks.get(locked.relation, ()):
            if not any(term is other for other in terms):
                terms.append(term)
    return (
        physical.LockRows(
            input=child, locked=node.locked, recheck=tuple(terms), rows=child.rows, cost=child.cost + child.rows
        ),
        not order,
    )


def _union_all(planner: Planner, node: plan.UnionAll, order: Order, first: Any) -> Result:
    queries = tuple(planner.query(query, first) for query in node.inputs)
    return (
        physical.UnionAll(
            relation=node.relation,
            inputs=queries,
            width=len(node.types),
            rows=sum(query.rows for query in queries),
            cost=sum(query.cost for query in queries),
        ),
        not order,
    )


def _set_operation(planner: Planner, node: plan.SetOperation, order: Order, first: Any) -> Result:
    left, right = planner.query(node.left), planner.query(node.right)
    return (
        physical.SetOperation(
            relation=node.relation,
            kind=node.kind,
            all=node.all,
            left=left,
            right=right,
            width=len(node.types),
            rows=left.rows,
            cost=left.cost + right.cost + (left.rows + right.rows) * GROUP,
        ),
        not order,
    )


PLANNERS: Mapping[type, Callable[[Planner, Any, Order, Any], Result]] = {
    plan.Empty: _cluster,
    plan.Scan: _cluster,
    plan.Filter: _cluster,
    plan.Join: _join,
    plan.VirtualScan: _virtual,
    plan.Values: _values,
    plan.FunctionScan: _function,
    plan.CteScan: _cte_scan,
    plan.Project: _project,
    plan.ProjectSet: _project_set,
    plan.Aggregate: _aggregate,
    plan.Window: _window,
    plan.Sort: _sort,
    plan.Distinct: _distinct,
    plan.Limit: _limit,
    plan.LockRows: _lock_rows,
    plan.UnionAll: _union_all,
    plan.SetOperation: _set_operation,
}
