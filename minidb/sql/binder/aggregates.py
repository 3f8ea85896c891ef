"""Aggregate calls: which SELECT each belongs to, and its entry in that SELECT's list.

An aggregate belongs to the innermost SELECT that one of the columns in it comes from (the one around it, if it mentions
none): `(SELECT sum(t.a) FROM u)` may be an aggregate of the query that has `t`. Until the groups are known it stands
in expressions as `Column(aggregate_relation, -1 - k)`; `grouping` gives it its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.expressions import bind, bind_boolean, refuse_collation
from minidb.sql.binder.scope import Scope, Selection
from minidb.sql.binder.sorting import bind_sort_key
from minidb.sql.binder.trees import relations_in, same
from minidb.sql.binder.workspace import located
from minidb.sql.functions import resolve_aggregate
from minidb.sql.functions.hypothetical import HYPOTHETICAL, hypothetical
from minidb.sql.functions.registry import Aggregate
from minidb.types import INTEGER

ALLOWED = frozenset({"SELECT", "HAVING", "ORDER BY", "DISTINCT ON", "WINDOW"})
GROUPING_BASE = -1_000_000  # GROUPING() calls stand below this until they have their place


def bind_aggregate(node: ast.FunctionCall, scope: Scope) -> plan.Expression:
    """An aggregate call without OVER."""
    with _inside_aggregate(scope):
        bound, places, order_by, condition = aggregate_parts(node, scope)
    call = aggregate_call(node, bound, places, order_by, condition, scope)
    parts = (call.arguments, call.order_by, call.filter)
    owner = _checked_place(_owner(scope, parts), node.at)
    _check_parts(owner, parts, node.at)
    return _entry(owner, call)


def aggregate_parts(
    node: ast.FunctionCall, scope: Scope
) -> tuple[list[plan.Expression], list[int], tuple[plan.SortKey, ...], plan.Expression | None]:
    """What stands in the call: arguments, their places, sort keys, FILTER."""
    if node.within_group and node.distinct:
        raise errors.SyntaxError("cannot use DISTINCT with WITHIN GROUP", position=node.at)
    if node.name[-1] in ("min", "max"):
        refuse_collation(node.arguments, node.name[-1], scope)
    direct = [bind(argument, scope) for argument in node.arguments]
    places = [argument.at for argument in node.arguments]
    ordered = node.within_group or node.order_by
    keys = tuple([bind_sort_key(key, bind(key.expression, scope), scope) for key in ordered])
    if node.within_group:
        direct += [key.expression for key in keys]
        places += [key.expression.at for key in node.within_group]
    condition = bind_boolean(node.filter, scope, "FILTER") if node.filter is not None else None
    return direct, places, keys, condition


def aggregate_call(
    node: ast.FunctionCall,
    bound: list[plan.Expression],
    places: list[int],
    order_by: tuple[plan.SortKey, ...],
    condition: plan.Expression | None,
    scope: Scope,
) -> plan.AggregateCall:
    """The call with its aggregate found and its arguments converted. Raises 42883, 42809."""
    name = node.name[-1]
    if node.within_group and name in HYPOTHETICAL:
        return _hypothetical_call(node, bound, places, order_by, condition, scope)
    with located(node.at):
        types = tuple([e.type for e in bound])
        own = scope.workspace.own
        aggregate, targets = (own.aggregate(name, types) if own is not None else None) or resolve_aggregate(name, types)
    _check_form(aggregate, node)
    # a row keeps the names of its columns
    targets = tuple([e.type if e.type.name == target.name == "record" else target for e, target in zip(bound, targets)])
    arguments = coercion.coerce_all(bound, targets, places, scope.workspace)
    if node.within_group:
        order_by = tuple(
            [plan.SortKey(a, k.descending, k.nulls_first) for a, k in zip(arguments[aggregate.direct :], order_by)]
        )
    elif order_by:
        order_by = _converted_keys(order_by, bound, arguments)
    if node.distinct and any(not any(same(key.expression, a) for a in arguments) for key in order_by):
        raise errors.InvalidColumnReference(
            "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list", position=node.at
        )
    return plan.AggregateCall(
        aggregate=aggregate,
        arguments=_wrapped(aggregate, arguments),
        type=aggregate.result_type(targets),
        distinct=node.distinct,
        filter=condition,
        order_by=order_by,
    )


def _hypothetical_call(
    node: ast.FunctionCall,
    bound: list[plan.Expression],
    places: list[int],
    order_by: tuple[plan.SortKey, ...],
    condition: plan.Expression | None,
    scope: Scope,
) -> plan.AggregateCall:
    """rank(a, b) WITHIN GROUP (ORDER BY x, y): a and x get their common type, b and y theirs."""
    count = len(node.within_group)
    if len(bound) != 2 * count:
        given = ", ".join([str(e.type) for e in bound])
        raise errors.UndefinedFunction(
            f"function {node.name[-1]}({given}) does not exist",
            position=node.at,
            hint=f"To use the hypothetical-set aggregate {node.name[-1]}, the number of hypothetical direct arguments"
            f" (here {len(bound) - count}) must match the number of ordering columns (here {count}).",
        )
    targets = [
        coercion.common([bound[i].type, bound[count + i].type], [places[i], places[count + i]], "WITHIN GROUP")
        for i in range(count)
    ]
    arguments = coercion.coerce_all(bound, [*targets, *targets], places, scope.workspace)
    aggregate = hypothetical(node.name[-1], targets, [(k.descending, k.nulls_first) for k in order_by])
    keys = tuple([plan.SortKey(a, k.descending, k.nulls_first) for a, k in zip(arguments[count:], order_by)])
    return plan.AggregateCall(
        aggregate=aggregate, arguments=arguments, type=aggregate.result_type(()), filter=condition, order_by=keys
    )


def _wrapped(aggregate: Aggregate, arguments: tuple[plan.Expression, ...]) -> tuple[plan.Expression, ...]:
    """The arguments of json_agg and its like as JSON: what comes later does not know their types."""
    if not aggregate.wraps:
        return arguments
    return tuple(
        [
            plan.Call(type=wrap.result_type([argument.type]), nullable=False, function=wrap, arguments=(argument,))
            for wrap, argument in zip(aggregate.wraps, arguments)
        ]
    )


def _converted_keys(
    keys: tuple[plan.SortKey, ...], bound: Sequence[plan.Expression], arguments: tuple[plan.Expression, ...]
) -> tuple[plan.SortKey, ...]:
    """A sort key that is an argument sorts by the converted argument."""

    def converted(key: plan.SortKey) -> plan.SortKey:
        for before, after in zip(bound, arguments):
            if same(before, key.expression):
                return plan.SortKey(after, key.descending, key.nulls_first)
        return key

    return tuple([converted(key) for key in keys])


def _check_form(aggregate: Aggregate, node: ast.FunctionCall) -> None:
    name = node.name[-1]
    if aggregate.ordered_set and not node.within_group:
        raise errors.WrongObjectType(f"WITHIN GROUP is required for ordered-set aggregate {name}", position=node.at)
    if node.within_group and not aggregate.ordered_set:
        raise errors.WrongObjectType(
            f"{name} is not an ordered-set aggregate, so it cannot have WITHIN GROUP", position=node.at
        )
    if not node.star and not node.arguments and not node.within_group:
        raise errors.WrongObjectType(
            f"{name}(*) must be used to call a parameterless aggregate function", position=node.at
        )
    if node.distinct and node.star:
        raise errors.SyntaxError("DISTINCT cannot be used with *", position=node.at)


@contextmanager
def _inside_aggregate(scope: Scope) -> Iterator[None]:
    selection = scope.selection
    if selection is None or selection.in_aggregate:
        yield  # a nested call is an error only if it turns out to belong to the same SELECT
        return
    selection.in_aggregate = True
    try:
        yield
    finally:
        selection.in_aggregate = False


def _owner(scope: Scope, parts: object) -> Selection | None:
    relations = relations_in(parts)
    owners = scope.workspace.owners
    mentioned = {id(owners[r]) for r in relations if r in owners}
    for level in scope.levels():
        if level.selection is not None and id(level.selection) in mentioned:
            return level.selection
    return scope.selection


def _checked_place(owner: Selection | None, at: int) -> Selection:
    if owner is None:
        raise errors.GroupingError("aggregate functions are not allowed here", position=at)
    if owner.in_aggregate:
        raise errors.GroupingError("aggregate function calls cannot be nested", position=at)
    if owner.clause not in ALLOWED:
        raise errors.GroupingError(f"aggregate functions are not allowed in {owner.clause}", position=at)
    return owner


def _check_parts(owner: Selection, parts: object, at: int) -> None:
    """What stands in a call is computed for each row of the SELECT that it belongs to, before its groups are known."""
    mentioned = relations_in(parts)
    if owner.aggregate_relation in mentioned:
        raise errors.GroupingError("aggregate function calls cannot be nested", position=at)
    if owner.set_relation in mentioned:
        raise errors.NotSupportedError(
            "aggregate function calls cannot contain set-returning function calls",
            position=at,
            hint="You might be able to move the set-returning function into a LATERAL FROM item.",
        )
    if owner.window_relation in mentioned:
        raise errors.GroupingError("aggregate function calls cannot contain window function calls", position=at)


def _entry(owner: Selection, call: plan.AggregateCall) -> plan.Column:
    """The column that stands for the call; a call that is there already is computed once."""
    index = next((i for i, known in enumerate(owner.aggregates) if same(known, call)), None)
    if index is None:
        index = len(owner.aggregates)
        owner.aggregates.append(call)
    nullable = call.aggregate.kind not in ("count", "count_star")
    return plan.Column(
        relation=owner.aggregate_relation,
        position=-1 - index,
        type=call.type,
        nullable=nullable,
        name=call.aggregate.name,
    )


def bind_grouping(node: ast.FunctionCall, scope: Scope) -> plan.Expression:
    """GROUPING(a, b): which of the group expressions are not in the row's grouping set."""
    if not 1 <= len(node.arguments) <= 31:
        raise errors.SyntaxError("GROUPING must have fewer than 32 arguments", position=node.at)
    with _inside_aggregate(scope):
        arguments = tuple([(bind(argument, scope), argument.at) for argument in node.arguments])
    owner = _checked_place(_owner(scope, tuple([argument for argument, _ in arguments])), node.at)
    owner.groupings.append(arguments)
    position = GROUPING_BASE - len(owner.groupings)
    return plan.Column(
        relation=owner.aggregate_relation, position=position, type=INTEGER, nullable=False, name="grouping"
    )
