"""Predicates move towards the tables: below projections, aggregates, sorts, windows, unions and other set
operations, and into the sides of joins.

A term goes as far down as everything that it mentions is made there. Terms with volatile functions stay. Through an
outer join only what concerns the preserved side moves; below an aggregate only what concerns its groups.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from minidb.sql import plan
from minidb.sql.rules import walk

Terms = list[plan.Expression]
_EXACT = ("smallint", "integer", "bigint", "boolean", "text", "varchar", "date", "uuid")  # equal is identical


def push_predicates(root: plan.Plan) -> plan.Plan:
    def change(node: object) -> object:
        if isinstance(node, plan.Filter):
            return push(node.input, walk.conjuncts(node.predicate))
        return node

    return walk.transform(root, change)


def push(node: plan.Plan, terms: Terms) -> plan.Plan:
    """`node` with `terms` asked as deep inside as they can be."""
    if not terms:
        return node
    if isinstance(node, plan.Filter):
        return push(node.input, [*walk.conjuncts(node.predicate), *terms])
    pusher = _PUSHERS.get(type(node))
    if pusher is None:
        return walk.filtered(node, terms)
    down: Terms = []
    stay: Terms = []
    for term in terms:
        (stay if walk.is_volatile(term) else down).append(term)
    pushed, left = pusher(node, down)
    return walk.filtered(pushed, [*left, *stay])


def _project(node: plan.Project, terms: Terms) -> tuple[plan.Plan, Terms]:
    values = {(node.relation, place): expression for place, expression in enumerate(node.expressions)}
    down: Terms = []
    stay: Terms = []
    for term in terms:
        used = [values[c] for c in walk.columns(term) if c in values]
        dear = any(walk.is_volatile(e) or walk.has_subquery(e) for e in used)
        (stay if dear else down).append(term if dear else walk.substitute(term, values))
    return msgspec.structs.replace(node, input=push(node.input, down)), stay


def _join(node: plan.Join, terms: Terms) -> tuple[plan.Plan, Terms]:
    left_made, right_made = walk.made(node.left), walk.made(node.right)
    left: Terms = []
    right: Terms = []
    stay: Terms = []
    for term in terms:
        mentioned = walk.relations(term)
        of_left, of_right = bool(mentioned & left_made), bool(mentioned & right_made)
        if of_left and not of_right and node.kind in ("inner", "left", "semi", "anti"):
            left.append(term)
        elif of_right and not of_left and node.kind in ("inner", "right"):
            right.append(term)
        else:
            stay.append(term)
    if node.kind == "inner" and stay:
        joined = walk.conjunction([*walk.conjuncts(node.condition), *stay])
        node = msgspec.structs.replace(node, condition=joined)
        stay = []
    changed = msgspec.structs.replace(node, left=push(node.left, left), right=push(node.right, right))
    return changed, stay


def _aggregate(node: plan.Aggregate, terms: Terms) -> tuple[plan.Plan, Terms]:
    if not node.groups or node.sets is not None:
        return node, terms
    values = {(node.relation, place): expression for place, expression in enumerate(node.groups)}
    down: Terms = []
    stay: Terms = []
    for term in terms:
        own = {column for column in walk.columns(term) if column[0] == node.relation}
        if own and own <= values.keys():
            down.append(walk.substitute(term, values))
        else:
            stay.append(term)
    return msgspec.structs.replace(node, input=push(node.input, down)), stay


def _sort(node: plan.Sort, terms: Terms) -> tuple[plan.Plan, Terms]:
    return msgspec.structs.replace(node, input=push(node.input, terms)), []


def _distinct(node: plan.Distinct, terms: Terms) -> tuple[plan.Plan, Terms]:
    on = walk.columns(node.on) if all(isinstance(e, plan.Column) for e in node.on) else set()
    own = walk.made(node.input)
    down: Terms = []
    stay: Terms = []
    for term in terms:
        inside = {column for column in walk.columns(term) if column[0] in own}
        (down if inside <= on else stay).append(term)
    return msgspec.structs.replace(node, input=push(node.input, down)), stay


def _union(node: plan.UnionAll, terms: Terms) -> tuple[plan.Plan, Terms]:
    down = [term for term in terms if not walk.has_subquery(term)]
    stay = [term for term in terms if walk.has_subquery(term)]
    inputs = tuple(_into_query(query, node.relation, down) for query in node.inputs)
    if any(query is None for query in inputs):
        return node, terms
    return msgspec.structs.replace(node, inputs=inputs), stay


def _set_operation(node: plan.SetOperation, terms: Terms) -> tuple[plan.Plan, Terms]:
    """Rows come from the left side. The right one is asked the same where equal values cannot be told apart."""
    down = [term for term in terms if not walk.has_subquery(term)]
    stay = [term for term in terms if walk.has_subquery(term)]
    left = _into_query(node.left, node.relation, down)
    if left is None:
        return node, terms
    exact = all(kind.name in _EXACT for kind in node.types)
    right = _into_query(node.right, node.relation, down) if exact else None
    return msgspec.structs.replace(node, left=left, right=right or node.right), stay


def _window(node: plan.Window, terms: Terms) -> tuple[plan.Plan, Terms]:
    """What concerns nothing but the partitions takes out whole ones."""
    shared: set[walk.ColumnKey] | None = None
    for call in node.calls:
        partition = {(e.relation, e.position) for e in call.partition_by if isinstance(e, plan.Column)}
        shared = partition if shared is None else shared & partition
    own = walk.made(node)
    down: Terms = []
    stay: Terms = []
    for term in terms:
        mentioned = {column for column in walk.columns(term) if column[0] in own}
        (down if mentioned and mentioned <= (shared or set()) else stay).append(term)
    return msgspec.structs.replace(node, input=push(node.input, down)), stay


def _into_query(query: plan.Query, relation: int, terms: Terms) -> plan.Query | None:
    values = {(relation, place): output.expression for place, output in enumerate(query.outputs)}
    if any(walk.is_volatile(e) or walk.has_subquery(e) for e in values.values()):
        return None
    pushed = [walk.substitute(term, values) for term in terms]
    if isinstance(query.input, plan.Limit | plan.LockRows):
        return None
    return msgspec.structs.replace(query, input=push(query.input, pushed))


def _lock_rows(node: plan.LockRows, terms: Terms) -> tuple[plan.Plan, Terms]:
    """Only rows that fit are locked; what comes back from the lock may be newer, and is asked again above it."""
    return msgspec.structs.replace(node, input=push(node.input, terms)), terms


_PUSHERS: dict[type, Callable[[Any, Terms], tuple[plan.Plan, Terms]]] = {
    plan.Project: _project,
    plan.Join: _join,
    plan.Aggregate: _aggregate,
    plan.Sort: _sort,
    plan.Distinct: _distinct,
    plan.UnionAll: _union,
    plan.SetOperation: _set_operation,
    plan.Window: _window,
    plan.LockRows: _lock_rows,
}
