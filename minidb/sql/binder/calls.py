"""Function calls: scalar functions, set-returning ones in a select list, and the way to aggregates and windows."""

from __future__ import annotations

from collections.abc import Sequence

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.aggregates import bind_aggregate, bind_grouping
from minidb.sql.binder.conditionals import CONDITIONALS
from minidb.sql.binder.expressions import bind, binds
from minidb.sql.binder.scope import Scope
from minidb.sql.binder.windows import bind_window_call
from minidb.sql.binder.workspace import located
from minidb.sql.functions import is_aggregate, is_function, is_window_function, resolve
from minidb.sql.functions.registry import Function
from minidb.types import INTEGER, SqlType

_SET_CLAUSES = frozenset({"SELECT", "ORDER BY", "DISTINCT ON"})


@binds(ast.FunctionCall)
def _function_call(node: ast.FunctionCall, scope: Scope) -> plan.Expression:
    name = _plain_name(node)
    special = CONDITIONALS.get(name)
    if special is not None:
        return special(node, scope)
    if name == "grouping":
        return bind_grouping(node, scope)
    _check_arguments(node)
    if node.over is not None:
        return bind_window_call(node, scope)
    if is_aggregate(name):
        return bind_aggregate(node, scope)
    if is_window_function(name) and not is_function(name):
        raise errors.WindowingError(f"window function {name} requires an OVER clause", position=node.at)
    _check_scalar(node)
    bound = [bind(argument, scope) for argument in node.arguments]
    return call(name, bound, [argument.at for argument in node.arguments], node.at, scope)


def _plain_name(node: ast.FunctionCall) -> str:
    if len(node.name) > 1 and node.name[-2] not in ("pg_catalog", "public", "sys"):
        raise errors.UndefinedFunction(f"function {'.'.join(node.name)} does not exist", position=node.at)
    return node.name[-1]


def _check_arguments(node: ast.FunctionCall) -> None:
    if node.variadic or any(isinstance(a, ast.NamedArgument) for a in node.arguments):
        what = "VARIADIC in a call" if node.variadic else "naming an argument"
        raise errors.NotSupportedError(f"{what} is not supported yet", position=node.at)


def _check_scalar(node: ast.FunctionCall) -> None:
    """What only aggregates may have. An unknown function is reported as unknown first."""
    if not is_function(node.name[-1]) or not (
        node.star or node.distinct or node.order_by or node.within_group or node.filter
    ):
        return
    word = "FILTER" if node.filter else "DISTINCT" if node.distinct else "ORDER BY" if node.order_by else "WITHIN GROUP"
    if node.star:
        raise errors.WrongObjectType(
            f"{node.name[-1]}(*) specified, but it is not an aggregate function", position=node.at
        )
    raise errors.WrongObjectType(
        f"{word} specified, but {node.name[-1]} is not an aggregate function", position=node.at
    )


def call(name: str, bound: Sequence[plan.Expression], places: Sequence[int], at: int, scope: Scope) -> plan.Expression:
    """A call of a scalar function with bound arguments; of a set-returning one, its column."""
    with located(at):
        function, targets = resolve(name, tuple([e.type for e in bound]))
    arguments = convert_arguments(bound, targets, places, scope)
    result = function.result_type(targets)
    if function.returns_set:
        return _set_call(function, arguments, result, at, scope)
    nullable = _may_be_null(function, arguments)
    return plan.Call(type=result, nullable=nullable, function=function, arguments=arguments)


def convert_arguments(
    bound: Sequence[plan.Expression], targets: Sequence[SqlType], places: Sequence[int], scope: Scope
) -> tuple[plan.Expression, ...]:
    return tuple([coercion.coerce(e, t, at, scope.workspace) for e, t, at in zip(bound, targets, places)])


def _may_be_null(function: Function, arguments: tuple[plan.Expression, ...]) -> bool:
    """Only a function with a template is known never to answer NULL for arguments that are not."""
    return not (function.strict and function.template is not None) or coercion.any_nullable(arguments)


def _set_call(
    function: Function, arguments: tuple[plan.Expression, ...], result: SqlType, at: int, scope: Scope
) -> plan.Expression:
    selection = scope.selection
    if selection is None or selection.clause not in _SET_CLAUSES:
        raise errors.NotSupportedError(f"set-returning functions are not allowed in {scope.clause}", position=at)
    selection.set_calls.append(plan.SetCall(function=function, arguments=arguments, type=result))
    return plan.Column(
        relation=selection.set_relation, position=len(selection.set_calls) - 1, type=result, name=function.name
    )


@binds(ast.CurrentValue)
def _current_value(node: ast.CurrentValue, scope: Scope) -> plan.Expression:
    arguments: list[plan.Expression] = []
    if node.precision is not None:
        arguments.append(plan.Constant(type=INTEGER, nullable=False, value=node.precision))
    return call(node.name, arguments, [node.at], node.at, scope)
