"""BETWEEN, IN (list), LIKE, IS DISTINCT FROM, and ANY / ALL over arrays."""

from __future__ import annotations

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.calls import call
from minidb.sql.binder.expressions import bind, binds, negate, refuse_collation
from minidb.sql.binder.operators import apply, compare_rows, operand
from minidb.sql.binder.scope import Scope
from minidb.sql.binder.set_places import refuse_argument
from minidb.sql.binder.workspace import located
from minidb.sql.functions.operators import resolve_operator
from minidb.types import BYTEA, TEXT, UNKNOWN, array_of


def _both(tests: list[plan.Expression]) -> plan.Expression:
    return plan.And(arguments=tuple(tests), nullable=coercion.any_nullable(tests))


def _either(tests: list[plan.Expression]) -> plan.Expression:
    return plan.Or(arguments=tuple(tests), nullable=coercion.any_nullable(tests))


@binds(ast.Between)
def _between(node: ast.Between, scope: Scope) -> plan.Expression:
    refuse_collation((node.operand, node.low, node.high), "BETWEEN", scope)
    value, low, high = (bind(part, scope) for part in (node.operand, node.low, node.high))
    refuse_argument("OR" if node.negated else "AND", (value, low, high), node.at, scope)
    if not node.symmetric:
        return _range(value, low, high, node, scope)
    ranges = [_range(value, low, high, node, scope), _range(value, high, low, node, scope)]
    return _both(ranges) if node.negated else _either(ranges)


def _range(
    value: plan.Expression, low: plan.Expression, high: plan.Expression, node: ast.Between, scope: Scope
) -> plan.Expression:
    def compare(symbol: str, bound: plan.Expression) -> plan.Expression:
        if isinstance(value, plan.RowValue):
            return compare_rows(symbol, value, bound, node.at, scope.workspace)
        return apply(symbol, value, bound, node.at, scope.workspace)

    if node.negated:
        return _either([compare("<", low), compare(">", high)])
    return _both([compare(">=", low), compare("<=", high)])


# -- IN ---------------------------------------------------------------------------------------------------


@binds(ast.InList)
def _in_list(node: ast.InList, scope: Scope) -> plan.Expression:
    refuse_collation((node.operand, *node.items), "IN", scope)
    value = bind(node.operand, scope)
    items = [bind(item, scope) for item in node.items]
    if len(items) == 1:
        refuse_argument("IN", (value, *items), node.at, scope)
    if isinstance(value, plan.RowValue) or any(isinstance(item, plan.RowValue) for item in items):
        symbol = "<>" if node.negated else "="
        tests = [compare_rows(symbol, value, item, node.at, scope.workspace) for item in items]
        if len(tests) == 1:
            return tests[0]
        return _both(tests) if node.negated else _either(tests)
    places = [node.operand.at, *[item.at for item in node.items]]
    with located(node.at):
        target, converted = coercion.unify([value, *items], places, "IN", scope.workspace)
        resolve_operator("=", target, target)
    return plan.InList(
        argument=converted[0], items=converted[1:], negated=node.negated, nullable=coercion.any_nullable(converted)
    )


# -- LIKE -------------------------------------------------------------------------------------------------

_LIKE = {"like": "~~", "ilike": "~~*", "similar": "similar to"}


def _like_symbol(kind: str, negated: bool) -> str:
    if kind == "similar":
        return "not similar to" if negated else "similar to"
    return f"!{_LIKE[kind]}" if negated else _LIKE[kind]


@binds(ast.Like)
def _like(node: ast.Like, scope: Scope) -> plan.Expression:
    value, pattern = bind(node.operand, scope), bind(node.pattern, scope)
    if node.escape is None:
        return apply(_like_symbol(node.kind, node.negated), value, pattern, node.at, scope.workspace, node.pattern.at)
    escape = bind(node.escape, scope)
    name = {"like": "like", "ilike": "ilike", "similar": "similar"}[node.kind]
    kind = BYTEA if value.type == BYTEA and node.kind == "like" else TEXT
    arguments = [coercion.coerce(e, kind, node.at, scope.workspace) for e in (value, pattern, escape)]
    tested = call(name, arguments, [node.operand.at, node.pattern.at, node.escape.at], node.at, scope)
    return negate(tested) if node.negated else tested


# -- IS DISTINCT FROM -------------------------------------------------------------------------------------


@binds(ast.IsDistinct)
def _is_distinct(node: ast.IsDistinct, scope: Scope) -> plan.Expression:
    refuse_collation((node.left, node.right), "IS DISTINCT FROM", scope)
    left, right = bind(node.left, scope), bind(node.right, scope)
    if isinstance(left, plan.RowValue) and isinstance(right, plan.RowValue):
        return _rows_distinct(left, right, node, scope)
    return _distinct(left, right, node, scope)


def _distinct(left: plan.Expression, right: plan.Expression, node: ast.IsDistinct, scope: Scope) -> plan.Expression:
    with located(node.at):
        operator = resolve_operator("=", left.type, right.type)
    assert operator.left is not None
    return plan.IsDistinct(
        left=operand(left, operator.left, node.at, scope.workspace),
        right=operand(right, operator.right, node.at, scope.workspace),
        negated=node.negated,
    )


def _rows_distinct(left: plan.RowValue, right: plan.RowValue, node: ast.IsDistinct, scope: Scope) -> plan.Expression:
    if len(left.arguments) != len(right.arguments):
        raise errors.SyntaxError("unequal number of entries in row expressions", position=node.at)
    tests = [_distinct(a, b, node, scope) for a, b in zip(left.arguments, right.arguments)]
    return _both(tests) if node.negated else _either(tests)


# -- arrays -----------------------------------------------------------------------------------------------


@binds(ast.QuantifiedArray)
def _quantified_array(node: ast.QuantifiedArray, scope: Scope) -> plan.Expression:
    value, array = bind(node.left, scope), bind(node.array, scope)
    if array.type == UNKNOWN:
        element = value.type if value.type != UNKNOWN else TEXT
        array = coercion.coerce(array, array_of(element.base), node.array.at, scope.workspace)
    if array.type.element is None:
        raise errors.WrongObjectType("op ANY/ALL (array) requires array on right side", position=node.at)
    with located(node.at):
        operator = resolve_operator(node.operator, value.type, array.type.element)
    assert operator.left is not None
    return plan.QuantifiedArray(
        argument=operand(value, operator.left, node.left.at, scope.workspace),
        operator=operator,
        array=coercion.coerce(array, array_of(operator.right), node.array.at, scope.workspace),
        all=node.quantifier == "all",
    )
