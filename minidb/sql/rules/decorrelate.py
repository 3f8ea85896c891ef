"""Subqueries in WHERE become joins.

    EXISTS (SELECT ... WHERE correlated)          semi join        NOT EXISTS: anti join
    x IN (SELECT y ...)                           semi join on x = y
    x NOT IN (SELECT y ...)                       anti join, where neither side can be NULL
    x > (SELECT avg(y) ... WHERE k = outer.k)     left join with the aggregate grouped by k

Only subqueries of a plain shape are taken: filters and joins, no limit, no grouping of their own (but for the last
form, that has nothing else). What is not taken is run per row, with its results kept (`compiler.subqueries`).
"""

from __future__ import annotations

from itertools import count
from typing import Any

import msgspec

from minidb.sql import plan
from minidb.sql.functions import resolve_operator
from minidb.sql.rules import walk
from minidb.types import BOOLEAN


def decorrelate(root: plan.Plan) -> plan.Plan:
    numbers = count(max(walk.made(root), default=0) + 1)
    for node in walk.everything(root):  # numbers that are no operators' own
        for name in ("source_relation", "new_relation", "excluded"):
            numbers = count(max(next(numbers), getattr(node, name, -1) + 1))

    def change(node: Any) -> Any:
        if isinstance(node, plan.Filter):
            return _filter(node, numbers)
        return node

    return walk.transform(root, change)


def _filter(node: plan.Filter, numbers: Any) -> plan.Plan:
    result = node.input
    available = walk.made(result)
    terms: list[plan.Expression] = []
    joins: list[tuple[str, plan.Plan, plan.Expression | None]] = []
    for term in walk.conjuncts(node.predicate):
        join = _as_join(term, available)
        if join is not None:
            joins.append(join)
            continue
        result, term = _without_scalars(result, term, available, numbers)
        terms.append(term)
    result = walk.filtered(result, terms)
    for kind, right, condition in joins:
        result = plan.Join(kind=kind, left=result, right=right, condition=condition)
    return result


Join = tuple[str, plan.Plan, plan.Expression | None]


def _as_join(term: plan.Expression, available: set[int]) -> Join | None:
    if isinstance(term, plan.Not) and isinstance(term.argument, plan.Exists):
        inner = term.argument
        term = msgspec.structs.replace(inner, negated=not inner.negated)
    if isinstance(term, plan.Exists):
        return _exists(term, available)
    if isinstance(term, plan.QuantifiedSubquery):
        return _membership(term, available)
    return None


def _exists(term: plan.Exists, available: set[int]) -> Join | None:
    pulled = _pull_up(term.plan)
    if pulled is None:
        return None
    inner, correlated, _ = pulled
    if not correlated or not walk.relations(tuple(correlated)) & available:
        return None  # runs once
    return "anti" if term.negated else "semi", inner, walk.conjunction(correlated)


def _membership(term: plan.QuantifiedSubquery, available: set[int]) -> Join | None:
    if term.single:
        return None
    anti = term.symbol == "<>" and term.all
    if not anti and not (term.symbol == "=" and not term.all):
        return None
    pulled = _pull_up(term.plan)
    if pulled is None or walk.is_volatile(term):
        return None
    inner, correlated, query = pulled
    outputs = [output.expression for output in query.outputs]
    if any(walk.has_subquery(e) for e in (*term.arguments, *outputs)):
        return None
    if anti and (len(outputs) > 1 or any(e.nullable for e in (*term.arguments, *outputs))):
        return None
    if not correlated and anti:
        return None  # a set does as well
    equalities: list[plan.Expression] = []
    for left, right, operator in zip(term.arguments, outputs, term.operators):
        if not walk.relations(right) or not walk.relations(left) & available:
            return None
        equal = operator if operator.name == "=" else resolve_operator("=", left.type, right.type)
        if (equal.left, equal.right) != (operator.left, operator.right):
            return None
        equalities.append(
            plan.Operator(
                type=BOOLEAN, operator=equal, arguments=(left, right), nullable=left.nullable or right.nullable
            )
        )
    return "anti" if anti else "semi", inner, walk.conjunction([*equalities, *correlated])


def _pull_up(query: plan.Plan) -> tuple[plan.Plan, list[plan.Expression], plan.Query] | None:
    """(the subquery without its correlated terms, these terms, the query), if its shape is plain."""
    if not isinstance(query, plan.Query) or query.ctes:
        return None
    node = query.input
    while isinstance(node, plan.Sort | plan.Distinct):
        if isinstance(node, plan.Distinct) and not all(isinstance(e, plan.Column) for e in node.on):
            return None
        node = node.input
    if isinstance(node, plan.Project):  # DISTINCT over expressions: rows do not count here
        values = {(node.relation, place): expression for place, expression in enumerate(node.expressions)}
        outputs = tuple(
            plan.Output(output.name, walk.substitute(output.expression, values)) for output in query.outputs
        )
        query = msgspec.structs.replace(query, outputs=outputs)
        node = node.input
    own = walk.made(query)
    correlated: list[plan.Expression] = []
    stripped = _strip(node, own, correlated)
    if stripped is None or walk.free_columns(stripped):
        return None
    return stripped, correlated, query


def _strip(node: plan.Plan, own: set[int], correlated: list[plan.Expression]) -> plan.Plan | None:
    """`node` without the terms that mention other relations than `own`, which go to `correlated`."""
    if isinstance(node, plan.Filter):
        inner = _strip(node.input, own, correlated)
        if inner is None:
            return None
        stay = []
        for term in walk.conjuncts(node.predicate):
            if walk.relations(term) - own:
                if walk.has_subquery(term) or walk.is_volatile(term):
                    return None
                correlated.append(term)
            else:
                stay.append(term)
        return walk.filtered(inner, stay)
    if isinstance(node, plan.Join) and node.kind == "inner":
        left, right = _strip(node.left, own, correlated), _strip(node.right, own, correlated)
        if left is None or right is None:
            return None
        stay = []
        for term in walk.conjuncts(node.condition):
            (correlated if walk.relations(term) - own else stay).append(term)
        return plan.Join(kind="inner", left=left, right=right, condition=walk.conjunction(stay), lateral=node.lateral)
    if isinstance(node, plan.Scan | plan.CteScan | plan.Project | plan.Join | plan.Aggregate | plan.VirtualScan):
        if isinstance(node, plan.Aggregate) and not node.groups:
            return None
        return node
    return None


# -- scalar aggregates ------------------------------------------------------------------------------------


def _without_scalars(
    node: plan.Plan, term: plan.Expression, available: set[int], numbers: Any
) -> tuple[plan.Plan, plan.Expression]:
    """Replaces correlated scalar aggregates in a comparison by a left join with the grouped aggregate."""
    if not isinstance(term, plan.Operator):
        return node, term
    result = node

    def change(item: Any) -> Any:
        nonlocal result
        if isinstance(item, plan.ScalarSubquery):
            replaced = _grouped(result, item, available, numbers)
            if replaced is not None:
                result, column = replaced
                return column
        return item

    return_term = walk.transform(term, change)
    return result, return_term


def _grouped(
    node: plan.Plan, item: plan.ScalarSubquery, available: set[int], numbers: Any
) -> tuple[plan.Plan, plan.Expression] | None:
    query = item.plan
    if not isinstance(query, plan.Query) or query.ctes or len(query.outputs) != 1:
        return None
    aggregate = query.input
    if not isinstance(aggregate, plan.Aggregate) or aggregate.groups or aggregate.sets is not None:
        return None
    if any(
        call.aggregate.kind in ("count", "count_star") or not call.aggregate.strict for call in aggregate.aggregates
    ):
        return None  # over no rows not NULL
    own = walk.made(query)
    correlated: list[plan.Expression] = []
    stripped = _strip(aggregate.input, own, correlated)
    if stripped is None or walk.free_columns(stripped) or not correlated:
        return None
    if walk.relations(query.outputs[0].expression) - {aggregate.relation} or walk.is_volatile(query):
        return None
    if not _strict_output(query.outputs[0].expression):
        return None
    pairs = [_pair(term, own) for term in correlated]
    keys = [pair for pair in pairs if pair is not None]
    if len(keys) != len(pairs) or any(not walk.relations(pair[0]) <= available for pair in keys):
        return None
    relation, projected = next(numbers), next(numbers)
    groups = tuple(pair[1] for pair in keys)
    shifted = {
        (aggregate.relation, place): plan.Column(
            type=call.type, relation=relation, position=len(groups) + place, nullable=True
        )
        for place, call in enumerate(aggregate.aggregates)
    }
    grouped = plan.Aggregate(
        input=stripped, relation=relation, groups=groups, aggregates=aggregate.aggregates, sets=None
    )
    value = walk.substitute(query.outputs[0].expression, dict(shifted))
    columns = [
        plan.Column(type=group.type, relation=relation, position=place, nullable=group.nullable)
        for place, group in enumerate(groups)
    ]
    inner = plan.Project(
        input=grouped, relation=projected, expressions=(*columns, value), names=("",) * (len(columns) + 1)
    )
    condition = walk.conjunction(
        [
            plan.Operator(
                type=BOOLEAN,
                operator=pair[2],
                arguments=(
                    pair[0],
                    plan.Column(type=group.type, relation=projected, position=place, nullable=group.nullable),
                ),
            )
            for place, (pair, group) in enumerate(zip(keys, groups))
        ]
    )
    joined = plan.Join(kind="left", left=node, right=inner, condition=condition)
    column = plan.Column(type=item.type, relation=projected, position=len(groups), nullable=True)
    return joined, column


def _strict_output(expression: plan.Expression) -> bool:
    """Whether the output over no rows is NULL because the aggregates are."""
    return all(
        isinstance(node, plan.Operator | plan.Convert | plan.Column | plan.Constant | plan.Parameter)
        for node in walk.everything(expression)
        if isinstance(node, plan.Expression)
    )


def _pair(term: plan.Expression, own: set[int]) -> tuple[plan.Expression, plan.Expression, Any] | None:
    """(outer side, inner side, operator) of a correlating equality of equal types."""
    if not isinstance(term, plan.Operator) or term.operator.name != "=":
        return None
    operator = term.operator
    for inner, outer in (term.arguments, term.arguments[::-1]):
        if walk.relations(inner) and walk.relations(inner) <= own and not walk.relations(outer) & own:
            if operator.left != operator.right:
                operator = resolve_operator("=", outer.type, inner.type)
            return outer, inner, operator
    return None
