"""CASE, COALESCE, NULLIF, GREATEST and LEAST: what evaluates only some of its arguments. And COLLATION FOR."""

from __future__ import annotations

from collections.abc import Callable

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.expressions import bind, bind_boolean, binds, constant, null, refuse_collation
from minidb.sql.binder.operators import apply, compare_rows
from minidb.sql.binder.scope import Scope
from minidb.sql.binder.set_places import refuse_in
from minidb.sql.binder.workspace import located
from minidb.sql.functions.operators import resolve_operator
from minidb.types import TEXT, UNKNOWN, SqlType


@binds(ast.Case)
def _case(node: ast.Case, scope: Scope) -> plan.Expression:
    conditions = [_condition(node, when, scope) for when in node.whens]
    results = [bind(when.result, scope) for when in node.whens]
    places = [when.result.at for when in node.whens]
    otherwise = bind(node.otherwise, scope) if node.otherwise is not None else null()
    # PostgreSQL looks at ELSE first when it chooses the type.
    else_at = node.otherwise.at if node.otherwise is not None else node.at
    refuse_in("CASE", (otherwise, *results, *conditions), node.at, scope)
    target, converted = coercion.unify([otherwise, *results], [else_at, *places], "CASE", scope.workspace)
    return plan.Case(
        type=target,
        branches=tuple(zip(conditions, converted[1:])),
        otherwise=converted[0] if node.otherwise is not None else None,
        nullable=coercion.any_nullable(converted),
    )


def _condition(node: ast.Case, when: ast.When, scope: Scope) -> plan.Expression:
    if node.operand is None:
        return bind_boolean(when.condition, scope, "CASE/WHEN")
    refuse_collation((node.operand, when.condition), "CASE", scope)
    operand, value = bind(node.operand, scope), bind(when.condition, scope)
    if isinstance(operand, plan.RowValue):
        return compare_rows("=", operand, value, when.condition.at, scope.workspace)
    return apply("=", operand, value, when.condition.at, scope.workspace)


def _coalesce(node: ast.FunctionCall, scope: Scope) -> plan.Expression:
    target, arguments = _unified(node, scope, "COALESCE")
    refuse_in("COALESCE", arguments, node.at, scope)
    return plan.Coalesce(type=target, arguments=arguments, nullable=all(a.nullable for a in arguments))


def _extremum(node: ast.FunctionCall, scope: Scope) -> plan.Expression:
    word = node.name[-1].upper()
    refuse_collation(node.arguments, word, scope)
    target, arguments = _unified(node, scope, word)
    with located(node.at):
        resolve_operator("<", target, target)
    return plan.Extremum(
        type=target, arguments=arguments, greatest=word == "GREATEST", nullable=all(a.nullable for a in arguments)
    )


def _unified(node: ast.FunctionCall, scope: Scope, word: str) -> tuple[SqlType, tuple[plan.Expression, ...]]:
    if not node.arguments:
        raise errors.SyntaxError(f"{word} needs an argument", position=node.at)
    bound = [bind(argument, scope) for argument in node.arguments]
    return coercion.unify(bound, [a.at for a in node.arguments], word, scope.workspace)


_INTEGERS = frozenset({"smallint", "integer", "bigint"})
_MOMENTS = frozenset({"date", "timestamp", "timestamptz"})
_AS_IT_IS = {
    **dict.fromkeys(_INTEGERS, _INTEGERS),
    **dict.fromkeys(_MOMENTS, _MOMENTS),
    "real": _INTEGERS | {"real", "double precision", "numeric"},
}  # the types that values of a type are compared with without being converted, in PostgreSQL


def _null_if(node: ast.FunctionCall, scope: Scope) -> plan.Expression:
    if len(node.arguments) != 2:
        raise errors.SyntaxError("NULLIF takes two arguments", position=node.at)
    refuse_collation(node.arguments, "NULLIF", scope)
    left, right = (bind(argument, scope) for argument in node.arguments)
    equal = apply("=", left, right, node.at, scope.workspace)
    if isinstance(equal, plan.Operator) and right.type.name not in _AS_IT_IS.get(left.type.name, ()):
        left = equal.arguments[0]  # it is what was compared that is given back
    return plan.NullIf(type=left.type, left=left, equal=equal)


def _collation_for(node: ast.FunctionCall, scope: Scope) -> plan.Expression:
    """COLLATION FOR (x): the name of the collation that COLLATE says anywhere in it, else "default"."""
    if len(node.arguments) != 1:
        raise errors.UndefinedFunction("COLLATION FOR takes one argument", position=node.at)
    (argument,) = node.arguments
    kind = bind(argument, scope).type
    if kind == UNKNOWN:
        return null()
    if kind.category != "S":
        raise errors.DatatypeMismatch(f"collations are not supported by type {kind}", position=node.at)
    return constant(TEXT, f'"{_collation_of(argument) or "default"}"')


def _collation_of(node: ast.Node) -> str | None:
    if isinstance(node, ast.Collate):
        return node.collation
    if isinstance(node, ast.BinaryOp):
        return _collation_of(node.left) or _collation_of(node.right)
    return _collation_of(node.operand) if isinstance(node, ast.Cast) else None


CONDITIONALS: dict[str, Callable[[ast.FunctionCall, Scope], plan.Expression]] = {
    "coalesce": _coalesce,
    "pg_collation_for": _collation_for,
    "greatest": _extremum,
    "least": _extremum,
    "nullif": _null_if,
}
