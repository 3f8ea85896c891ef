"""Function calls: scalar functions, set-returning ones in a select list, and the way to aggregates and windows."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.aggregates import bind_aggregate, bind_grouping
from minidb.sql.binder.conditionals import CONDITIONALS
from minidb.sql.binder.expressions import bind, binds
from minidb.sql.binder.json_records import RECORD_FUNCTIONS, record_call
from minidb.sql.binder.scope import Scope, Selection, SetLevel
from minidb.sql.binder.trees import relations_in
from minidb.sql.binder.windows import bind_window_call
from minidb.sql.binder.workspace import Workspace, located
from minidb.sql.functions import is_aggregate, is_function, is_window_function, resolve
from minidb.sql.functions.hypothetical import HYPOTHETICAL
from minidb.sql.functions.parameter_names import places
from minidb.sql.functions.registry import Function, spreading
from minidb.types import DOUBLE, INTEGER, TEXT, TIMESTAMPTZ, SqlType, array_of
from minidb.zoned import is_plain, of_the_wall

_WITH_A_ZONE = frozenset({"make_timestamptz", "date_trunc"})  # if their last argument is a text
_SET_CLAUSES = frozenset({"SELECT", "GROUP BY", "ORDER BY", "DISTINCT ON"})


@binds(ast.FunctionCall)
def _function_call(node: ast.FunctionCall, scope: Scope) -> plan.Expression:
    name = _plain_name(node)
    special = CONDITIONALS.get(name)
    if special is not None:
        return special(node, scope)
    if name == "grouping":
        return bind_grouping(node, scope)
    if node.over is not None:
        _check_plain(node)
        return bind_window_call(node, scope)
    own = scope.workspace.own
    is_own = own is not None and own.is_aggregate(name)
    if is_own or is_aggregate(name) or (node.within_group and name in HYPOTHETICAL):
        _check_plain(node)
        return bind_aggregate(node, scope)
    if is_window_function(name) and not is_function(name):
        raise errors.WrongObjectType(f"window function {name} requires an OVER clause", position=node.at)
    _check_scalar(node)
    if node.variadic:
        return _variadic_call(name, node, scope)
    if any(isinstance(argument, ast.NamedArgument) for argument in node.arguments):
        return _named_call(name, node, scope)
    bound = [bind(argument, scope) for argument in node.arguments]
    return call(name, bound, [argument.at for argument in node.arguments], node.at, scope)


def _plain_name(node: ast.FunctionCall) -> str:
    if len(node.name) > 1 and node.name[-2] not in ("pg_catalog", "public", "sys"):
        raise errors.UndefinedFunction(f"function {'.'.join(node.name)} does not exist", position=node.at)
    return node.name[-1]


def _check_plain(node: ast.FunctionCall) -> None:
    if node.variadic or any(isinstance(a, ast.NamedArgument) for a in node.arguments):
        what = "VARIADIC" if node.variadic else "naming an argument"
        raise errors.NotSupportedError(f"{what} is for functions, not for aggregates", position=node.at)


def _named_call(name: str, node: ast.FunctionCall, scope: Scope) -> plan.Expression:
    """`make_interval(days => 3)`: the arguments in the order of the parameters, defaults for the others."""
    positional = [a for a in node.arguments if not isinstance(a, ast.NamedArgument)]
    named = [a for a in node.arguments if isinstance(a, ast.NamedArgument)]
    if not all(a is b for a, b in zip(node.arguments, positional)):
        raise errors.SyntaxError("positional argument cannot follow named argument", position=node.at)
    given = [*positional, *[argument.value for argument in named]]
    bound, at = [], []
    for place in places(name, len(positional), [(argument.name, argument.at) for argument in named]):
        argument = ast.StringLiteral(place, at=node.at) if isinstance(place, str) else given[place]
        bound.append(bind(argument, scope))
        at.append(argument.at)
    return call(name, bound, at, node.at, scope)


def _variadic_call(name: str, node: ast.FunctionCall, scope: Scope) -> plan.Expression:
    """`f(VARIADIC array)`: the elements stand for further arguments."""
    bound = [bind(argument, scope) for argument in node.arguments]
    last = node.arguments[-1].at
    if bound[-1].type.element is None:
        raise errors.DatatypeMismatch("VARIADIC argument must be an array", position=last)
    with located(node.at):
        function, targets = resolve(name, (*[e.type for e in bound[:-1]], bound[-1].type.element))
        declared = function.arguments
        fixed = len(declared) - (declared[-1:] == (function.variadic,))
        if function.variadic is None or len(bound) <= fixed:
            given = ", ".join([str(e.type) for e in bound])
            raise errors.UndefinedFunction(
                f"function {name}({given}) does not exist", hint="It takes no VARIADIC argument in this place."
            )
    targets = (*targets[:-1], array_of(targets[-1]))
    arguments = coercion.coerce_all(bound, targets, [argument.at for argument in node.arguments], scope.workspace)
    return plan.Call(type=function.result_type(targets), function=spreading(function, targets), arguments=arguments)


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
    if name in RECORD_FUNCTIONS:
        function, arguments = record_call(name, bound, places, at, scope, None, in_from=False)
        return _called(function, arguments, function.result_type(()), at, scope)
    with located(at):
        types = tuple([e.type for e in bound])
        own = scope.workspace.own
        function, targets = (own.function(name, types) if own is not None else None) or resolve(name, types)
    arguments = coercion.coerce_all(bound, targets, places, scope.workspace)
    function = in_zone(function, targets, scope.workspace.zone)
    return _called(function, arguments, function.result_type(targets), at, scope)


def _called(
    function: Function, arguments: tuple[plan.Expression, ...], result: SqlType, at: int, scope: Scope
) -> plan.Expression:
    if function.returns_set:
        return _set_call(function, arguments, result, at, scope)
    nullable = _may_be_null(function, arguments)
    return plan.Call(type=result, nullable=nullable, function=function, arguments=arguments)


def in_zone(function: Function, targets: Sequence[SqlType], zone: str) -> Function:
    """The function as it works where the session's clocks do not show UTC."""
    if TIMESTAMPTZ not in targets and function.result != TIMESTAMPTZ:
        return function
    if is_plain(zone) or function.needs_context or function.arguments[:1] == (DOUBLE,):
        return function
    if len(function.arguments) > 1 and function.arguments[-1] == TEXT and function.name in _WITH_A_ZONE:
        return function
    call = of_the_wall(function.name, function.call, zone)
    return function if call is None else replace(function, call=call, template=None)


def _may_be_null(function: Function, arguments: tuple[plan.Expression, ...]) -> bool:
    """Only a function with a template is known never to answer NULL for arguments that are not."""
    return not (function.strict and function.template is not None) or coercion.any_nullable(arguments)


def _set_call(
    function: Function, arguments: tuple[plan.Expression, ...], result: SqlType, at: int, scope: Scope
) -> plan.Expression:
    selection = scope.selection
    if selection is None or selection.clause not in _SET_CLAUSES:
        if scope.clause == "functions in FROM":
            raise errors.NotSupportedError("set-returning functions must appear at top level of FROM", position=at)
        raise errors.NotSupportedError(f"set-returning functions are not allowed in {scope.clause}", position=at)
    relation, calls = _set_level(selection, arguments, scope.workspace)
    calls.append(plan.SetCall(function=function, arguments=arguments, type=result))
    return plan.Column(relation=relation, position=len(calls) - 1, type=result, name=function.name)


def _set_level(
    selection: Selection, arguments: tuple[plan.Expression, ...], workspace: Workspace
) -> tuple[int, list[plan.SetCall]]:
    """The calls that one with these arguments runs beside: those that are nested as deep."""
    mentioned = relations_in(arguments)
    depths = [depth for depth, relation in enumerate(selection.set_relations, 1) if relation in mentioned]
    if not depths:
        return selection.set_relation, selection.set_calls
    if len(selection.upper_sets) < depths[-1]:
        selection.upper_sets.append(SetLevel(workspace.new_relation(selection)))
    level = selection.upper_sets[depths[-1] - 1]
    return level.relation, level.calls


@binds(ast.CurrentValue)
def _current_value(node: ast.CurrentValue, scope: Scope) -> plan.Expression:
    arguments: list[plan.Expression] = []
    if node.precision is not None:
        arguments.append(plan.Constant(type=INTEGER, nullable=False, value=node.precision))
    return call(node.name, arguments, [node.at], node.at, scope)
