"""Constant folding: what has only constants below is computed now, and AND, OR, CASE lose what cannot matter.

An expression that raises is left alone: whether it is ever evaluated is decided when the statement runs.
"""

from __future__ import annotations

from typing import Any

import msgspec

from minidb import errors
from minidb.sql import plan
from minidb.sql.rules import walk
from minidb.sql.rules.nulls import divides
from minidb.types import BOOLEAN

TRUE = plan.Constant(type=BOOLEAN, value=True, nullable=False)
FALSE = plan.Constant(type=BOOLEAN, value=False, nullable=False)
UNKNOWN = plan.Constant(type=BOOLEAN, value=None)
_FACTORED = 20  # branches of an OR that are searched for common terms


def fold_constants(root: plan.Plan) -> plan.Plan:
    return walk.transform(root, _fold)


def fold(expression: plan.Expression) -> plan.Expression:
    return walk.transform(expression, _fold)


def _fold(node: Any) -> Any:
    folder = _FOLDERS.get(type(node))
    return node if folder is None else folder(node)


def _constant(node: plan.Expression, value: Any) -> plan.Constant:
    return plan.Constant(type=node.type, value=value, nullable=value is None)


def _values(arguments: tuple[plan.Expression, ...]) -> list[Any] | None:
    if all(type(argument) is plan.Constant for argument in arguments):
        return [argument.value for argument in arguments]  # type: ignore[attr-defined]
    return None


def _operator(node: plan.Operator) -> plan.Expression:
    values = _values(node.arguments)
    if values is not None:
        return _computed(node, node.operator.call, values)
    if any(type(argument) is plan.Constant and argument.value is None for argument in node.arguments):
        return node if any(map(divides, node.arguments)) else _constant(node, None)
    return node


def _call(node: plan.Call) -> plan.Expression:
    function = node.function
    if function.volatility != "immutable" or function.needs_context or function.needs_types or function.returns_set:
        return node
    values = _values(node.arguments)
    if values is None or not function.strict or not node.arguments:
        return node
    return _computed(node, function.call, values)


def _computed(node: plan.Expression, call: Any, values: list[Any]) -> plan.Expression:
    if any(value is None for value in values):
        return _constant(node, None)
    try:
        return _constant(node, call(*values))
    except (errors.Error, ArithmeticError):
        return node


def _convert(node: plan.Convert) -> plan.Expression:
    if type(node.argument) is not plan.Constant:
        return node
    value = node.argument.value
    if value is None or node.function is None:
        return _constant(node, value)
    return _computed(node, node.function, [value])


def _and(node: plan.And) -> plan.Expression:
    terms = []
    for term in walk.conjuncts(node):
        if type(term) is plan.Constant and term.value is False:
            return FALSE
        terms.append(term)
    if not terms:
        return TRUE
    return walk.conjunction(terms) or TRUE


def _or(node: plan.Or) -> plan.Expression:
    terms: list[plan.Expression] = []
    for argument in node.arguments:
        for term in argument.arguments if isinstance(argument, plan.Or) else (argument,):
            if type(term) is plan.Constant and term.value is True:
                return TRUE
            if not (type(term) is plan.Constant and term.value is False):
                terms.append(term)
    if not terms:
        return FALSE
    if len(terms) == 1:
        return terms[0]
    return _factored(terms)


def _factored(terms: list[plan.Expression]) -> plan.Expression:
    """(a AND b) OR (a AND c) as a AND (b OR c): `a` may join or find by index."""
    branches = [walk.conjuncts(term) for term in terms]
    common = [
        part
        for part in branches[0]
        if len(terms) <= _FACTORED
        and not walk.is_volatile(part)
        and all(any(_same(part, other) for other in branch) for branch in branches[1:])
    ]
    if not common:
        return plan.Or(arguments=tuple(terms), nullable=any(term.nullable for term in terms))
    rest = [
        walk.conjunction([part for part in branch if not any(_same(part, c) for c in common)]) for branch in branches
    ]
    if any(part is None for part in rest):  # a OR (a AND b) is a
        return walk.conjunction(common) or TRUE
    left = [part for part in rest if part is not None]
    either = plan.Or(arguments=tuple(left), nullable=any(part.nullable for part in left))
    return plan.And(arguments=(*common, either), nullable=any(part.nullable for part in (*common, either)))


def _same(left: plan.Expression, right: plan.Expression) -> bool:
    return type(left) is type(right) and left == right


def _not(node: plan.Not) -> plan.Expression:
    argument = node.argument
    if type(argument) is plan.Constant:
        return UNKNOWN if argument.value is None else FALSE if argument.value else TRUE
    if isinstance(argument, plan.Not):
        return argument.argument
    if isinstance(argument, plan.IsNull | plan.Exists | plan.InList | plan.IsDistinct):
        return msgspec.structs.replace(argument, negated=not argument.negated)
    return node


def _is_null(node: plan.IsNull) -> plan.Expression:
    argument = node.argument
    if type(argument) is plan.Constant:
        return TRUE if (argument.value is None) != node.negated else FALSE
    if isinstance(argument, plan.Column) and not argument.nullable:
        return TRUE if node.negated else FALSE
    return node


def _case(node: plan.Case) -> plan.Expression:
    branches: list[tuple[plan.Expression, plan.Expression]] = []
    for condition, result in node.branches:
        if type(condition) is plan.Constant:
            if condition.value is not True:
                continue
            if not branches:
                return result
            return msgspec.structs.replace(node, branches=tuple(branches), otherwise=result)
        branches.append((condition, result))
    if not branches:
        return node.otherwise if node.otherwise is not None else _constant(node, None)
    if len(branches) == len(node.branches):
        return node
    return msgspec.structs.replace(node, branches=tuple(branches))


def _coalesce(node: plan.Coalesce) -> plan.Expression:
    arguments = []
    for argument in node.arguments:
        if type(argument) is plan.Constant and argument.value is None:
            continue
        arguments.append(argument)
        if type(argument) is plan.Constant:
            break
    if not arguments:
        return _constant(node, None)
    if len(arguments) == 1:
        return arguments[0]
    return msgspec.structs.replace(node, arguments=tuple(arguments))


def _in_list(node: plan.InList) -> plan.Expression:
    values = _values((node.argument, *node.items))
    if values is None:
        return node
    if values[0] is None:
        return UNKNOWN
    if values[0] in [value for value in values[1:] if value is not None]:
        return FALSE if node.negated else TRUE
    if None in values[1:]:
        return UNKNOWN
    return TRUE if node.negated else FALSE


def _row_comparison(node: plan.RowComparison) -> plan.Expression:
    """(a, b) < (c, d) as a < c OR a = c AND b < d."""
    if node.symbol == "<>":
        terms = [_unequal(l, r, ops) for l, r, ops in zip(node.left, node.right, node.operators)]
        return plan.Or(arguments=tuple(terms))
    result: plan.Expression | None = None
    strict = node.symbol.rstrip("=") or "="
    pairs = list(zip(node.left, node.right, node.operators))
    for left, right, operators in reversed(pairs):
        unequal, equal = operators[0], operators[-1]
        if result is None and node.symbol in ("<=", ">="):
            less = _apply(unequal, left, right)
            result = plan.Or(arguments=(less, _apply(equal, left, right)))
        elif result is None:
            result = _apply(unequal if strict != "=" else equal, left, right)
        elif node.symbol == "=":
            result = plan.And(arguments=(_apply(equal, left, right), result))
        else:
            both = plan.And(arguments=(_apply(equal, left, right), result))
            result = plan.Or(arguments=(_apply(unequal, left, right), both))
    assert result is not None
    return walk.transform(result, _fold)


def _apply(operator: Any, left: plan.Expression, right: plan.Expression) -> plan.Expression:
    return plan.Operator(
        type=BOOLEAN, operator=operator, arguments=(left, right), nullable=left.nullable or right.nullable
    )


def _unequal(left: plan.Expression, right: plan.Expression, operators: tuple[Any, ...]) -> plan.Expression:
    return plan.Not(argument=_apply(operators[-1], left, right))


def _filter(node: plan.Filter) -> plan.Plan:
    predicate = node.predicate
    if type(predicate) is plan.Constant and predicate.value is True:
        return node.input
    return node


_FOLDERS: dict[type, Any] = {
    plan.Operator: _operator,
    plan.Call: _call,
    plan.Convert: _convert,
    plan.And: _and,
    plan.Or: _or,
    plan.Not: _not,
    plan.IsNull: _is_null,
    plan.Case: _case,
    plan.Coalesce: _coalesce,
    plan.InList: _in_list,
    plan.RowComparison: _row_comparison,
    plan.Filter: _filter,
}
FOLDED = frozenset(_FOLDERS)
