"""Subqueries as values: EXISTS, scalar, IN, ANY / ALL, ARRAY."""

from __future__ import annotations

from msgspec.structs import replace

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.expressions import bind, binds, binds_row, row_value
from minidb.sql.binder.queries import bind_query
from minidb.sql.binder.scope import Scope
from minidb.sql.binder.trees import is_volatile, relations_in
from minidb.sql.binder.workspace import located
from minidb.sql.functions.operators import resolve_operator
from minidb.sql.functions.registry import Operator
from minidb.types import RECORD, SqlType, array_of

_NOT_IN = (
    "check constraints",
    "DEFAULT expressions",
    "index expressions",
    "index predicates",
    "column generation expressions",
)


def bind_subquery(query: ast.Query, scope: Scope) -> plan.Query:
    """A query that stands in an expression."""
    if scope.selection is not None and scope.selection.clause in _NOT_IN:
        raise errors.NotSupportedError(f"cannot use subquery in {scope.selection.clause[:-1]}", position=query.at)
    return bind_query(query, scope)


@binds(ast.Exists)
def _exists(node: ast.Exists, scope: Scope) -> plan.Expression:
    return plan.Exists(plan=bind_subquery(node.query, scope))


@binds(ast.Subquery)
def _scalar(node: ast.Subquery, scope: Scope) -> plan.Expression:
    query = bind_subquery(node.query, scope)
    output = _single(query, node.at)
    return plan.ScalarSubquery(type=output.expression.type, plan=query)


@binds_row(ast.Subquery)
def _row(node: ast.Subquery, scope: Scope) -> plan.Expression:
    """A subquery beside a row, for `compare_rows`. One that can run alone becomes a scalar subquery for each column,
    bound again because relations are unique: `(a, b) = (SELECT x, y ...)` may then look in an index."""
    first = scope.workspace.new_relation()
    query = bind_subquery(node.query, scope)
    if len(query.outputs) > 1 and (is_volatile(query) or any(number < first for number in relations_in(query))):
        return plan.RowSubquery(type=RECORD, plan=query)
    queries = [query, *[bind_subquery(node.query, scope) for _ in query.outputs[1:]]]
    values = [_narrowed(q, place) for place, q in enumerate(queries)]
    return values[0] if len(values) == 1 else row_value(values)


def _narrowed(query: plan.Query, place: int) -> plan.ScalarSubquery:
    """One column of a subquery that returns one row."""
    output = query.outputs[place]
    return plan.ScalarSubquery(type=output.expression.type, plan=replace(query, outputs=(output,)))


def _single(query: plan.Query, at: int) -> plan.Output:
    if len(query.outputs) != 1:
        raise errors.SyntaxError("subquery must return only one column", position=at)
    return query.outputs[0]


@binds(ast.ArraySubquery)
def _array(node: ast.ArraySubquery, scope: Scope) -> plan.Expression:
    query = bind_subquery(node.query, scope)
    kind = _single(query, node.at).expression.type
    if kind.element is not None:
        raise errors.NotSupportedError("arrays of more than one dimension are not supported yet", position=node.at)
    return plan.ArraySubquery(type=array_of(kind), nullable=False, plan=query)


# -- comparisons with the rows of a subquery --------------------------------------------------------------


@binds(ast.InSubquery)
def _in(node: ast.InSubquery, scope: Scope) -> plan.Expression:
    """IN is `= ANY`, NOT IN is `<> ALL`."""
    symbol = "<>" if node.negated else "="
    return _quantified(node.operand, symbol, node.negated, node.query, node.at, scope)


@binds(ast.QuantifiedSubquery)
def _quantified_subquery(node: ast.QuantifiedSubquery, scope: Scope) -> plan.Expression:
    return _quantified(node.left, node.operator, node.quantifier == "all", node.query, node.at, scope)


def _quantified(
    left: ast.Expression, symbol: str, every: bool, query: ast.Query, at: int, scope: Scope
) -> plan.Expression:
    bound = bind(left, scope)
    values = list(bound.arguments) if isinstance(bound, plan.RowValue) else [bound]
    subquery = bind_subquery(query, scope)
    _check_width(len(values), len(subquery.outputs), at)
    operators = []
    for place, output in enumerate(subquery.outputs):
        with located(at):
            operator = resolve_operator(symbol, values[place].type, output.expression.type)
        operators.append(operator)
        values[place] = _operand(values[place], operator.left, left.at, scope)
    outputs = tuple([_output(o, operator, at, scope) for o, operator in zip(subquery.outputs, operators)])
    nullable = coercion.any_nullable([*values, *[output.expression for output in outputs]])
    return plan.QuantifiedSubquery(
        arguments=tuple(values),
        symbol=symbol,
        operators=tuple(operators),
        all=every,
        plan=replace(subquery, outputs=outputs),
        nullable=nullable,
    )


def _check_width(left: int, right: int, at: int) -> None:
    if right < left:
        raise errors.SyntaxError("subquery has too few columns", position=at)
    if right > left:
        raise errors.SyntaxError("subquery has too many columns", position=at)


def _operand(value: plan.Expression, target: SqlType | None, at: int, scope: Scope) -> plan.Expression:
    assert target is not None
    return coercion.coerce(value, target, at, scope.workspace)


def _output(output: plan.Output, operator: Operator, at: int, scope: Scope) -> plan.Output:
    return plan.Output(output.name, coercion.coerce(output.expression, operator.right, at, scope.workspace))
