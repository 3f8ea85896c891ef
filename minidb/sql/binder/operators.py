"""Operators: unary, infix (in chains of any length) and between rows."""

from __future__ import annotations

from msgspec.structs import replace

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.expressions import bind, bind_row, binds, constant, in_collation, own_collation
from minidb.sql.binder.scope import Scope
from minidb.sql.binder.workspace import Workspace, located
from minidb.sql.functions import resolve
from minidb.sql.functions.intervals import add_interval
from minidb.sql.functions.operators import resolve_operator
from minidb.sql.functions.registry import Operator
from minidb.types import INTERVAL, TIMESTAMPTZ, SqlType
from minidb.zoned import is_plain, shifted

COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
_SWITCHED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
# Operators that may answer NULL for operands that are not.
_MAYBE_NULL = frozenset({"->", "->>", "#>", "#>>"})


def apply(
    symbol: str, left: plan.Expression, right: plan.Expression, at: int, workspace: Workspace, right_at: int = -1
) -> plan.Expression:
    """`left symbol right`, both converted to what the operator takes. Raises 42883."""
    with located(at):
        operator = resolve_operator(symbol, left.type, right.type)
    return applied(operator, left, right, at, workspace, right_at)


def applied(
    operator: Operator, left: plan.Expression, right: plan.Expression, at: int, workspace: Workspace, right_at: int = -1
) -> plan.Expression:
    assert operator.left is not None
    if operator.name == "||" and operator.result.element is not None:
        return _array_concatenation(operator, left, right, at, workspace)
    operator = _in_zone(operator, workspace.zone)
    assert operator.left is not None
    arguments = (
        operand(left, operator.left, at, workspace),
        operand(right, operator.right, right_at if right_at >= 0 else at, workspace),
    )
    nullable = coercion.any_nullable(arguments) or operator.name in _MAYBE_NULL
    return plan.Operator(type=operator.result, nullable=nullable, operator=operator, arguments=arguments)


def _in_zone(operator: Operator, zone: str) -> Operator:
    """timestamptz + interval counts days by the calendar of the session's zone."""
    kinds = operator.left, operator.right
    if TIMESTAMPTZ not in kinds or INTERVAL not in kinds or is_plain(zone):
        return operator
    sign = -1 if operator.name == "-" else 1
    return replace(operator, call=shifted(add_interval, zone, sign, operator.left == INTERVAL), template=None)


def _array_concatenation(
    operator: Operator, left: plan.Expression, right: plan.Expression, at: int, workspace: Workspace
) -> plan.Expression:
    """The one operator that is not strict: `array || NULL` appends a NULL, `NULL::int[] || 1` is an array of one."""
    assert operator.left is not None
    arrays = operator.left.element is not None, operator.right.element is not None
    name = {(True, True): "array_cat", (True, False): "array_append", (False, True): "array_prepend"}[arrays]
    arguments = (operand(left, operator.left, at, workspace), operand(right, operator.right, at, workspace))
    function, _ = resolve(name, (operator.left, operator.right))
    nullable = left.nullable and right.nullable
    return plan.Call(type=operator.result, nullable=nullable, function=function, arguments=arguments)


def operand(expression: plan.Expression, target: SqlType, at: int, workspace: Workspace) -> plan.Expression:
    """An operand as the operator wants it; `text || 1` converts as an assignment does."""
    return coercion.coerce(expression, target, at, workspace, "assignment")


@binds(ast.BinaryOp)
def _binary(node: ast.BinaryOp, scope: Scope) -> plan.Expression:
    """A chain of operators is followed along its left side in a loop: it may be thousands of terms long."""
    chain: list[ast.BinaryOp] = []
    first: ast.Expression = node
    while isinstance(first, ast.BinaryOp):
        chain.append(first)
        first = first.left
    result = bind_row(first, scope) if isinstance(chain[-1].right, ast.Row) else bind(first, scope)
    place = first.at
    for link in reversed(chain):
        result = _infix(link, result, place, scope)
        place = link.at
    return result


def _infix(node: ast.BinaryOp, left: plan.Expression, left_at: int, scope: Scope) -> plan.Expression:
    right = bind_row(node.right, scope) if isinstance(left, plan.RowValue) else bind(node.right, scope)
    if isinstance(left, plan.RowValue | plan.RowSubquery) or isinstance(right, plan.RowValue):
        return compare_rows(node.operator, left, right, node.at, scope.workspace)
    with located(node.at):
        operator = resolve_operator(node.operator, left.type, right.type)
    assert operator.left is not None
    left = operand(left, operator.left, left_at, scope.workspace)
    collation = own_collation(node.left, scope) or own_collation(node.right, scope)
    if collation is not None and node.operator in COMPARISONS:
        right = operand(right, operator.right, node.right.at, scope.workspace)
        left, right = in_collation(collation, left), in_collation(collation, right)
    return applied(operator, left, right, node.at, scope.workspace, node.right.at)


@binds(ast.UnaryOp)
def _unary(node: ast.UnaryOp, scope: Scope) -> plan.Expression:
    value = bind(node.operand, scope)
    with located(node.at):
        operator = resolve_operator(node.operator, None, value.type)
        converted = operand(value, operator.right, node.operand.at, scope.workspace)
        if isinstance(converted, plan.Constant) and converted.value is not None:
            return constant(operator.result, operator.call(converted.value))
    return plan.Operator(type=operator.result, nullable=converted.nullable, operator=operator, arguments=(converted,))


# -- rows -------------------------------------------------------------------------------------------------


def row_pairs(left: plan.Expression, right: plan.Expression, at: int) -> list[tuple[plan.Expression, plan.Expression]]:
    """The columns of two rows, side by side. Raises 42601 if they differ in number."""
    lefts = left.arguments if isinstance(left, plan.RowValue) else (left,)
    rights = right.arguments if isinstance(right, plan.RowValue) else (right,)
    if len(lefts) != len(rights) or not isinstance(left, plan.RowValue) or not isinstance(right, plan.RowValue):
        raise errors.SyntaxError("unequal number of entries in row expressions", position=at)
    if not lefts:
        raise errors.NotSupportedError("cannot compare rows of zero length", position=at)
    return list(zip(lefts, rights))


def compare_rows(
    symbol: str, left: plan.Expression, right: plan.Expression, at: int, workspace: Workspace
) -> plan.Expression:
    """Row comparison: `=` is AND, `<>` is OR, the others go by the first columns that differ."""
    if isinstance(right, plan.RowSubquery):
        return _with_subquery(symbol, left, right, at, workspace)
    if isinstance(left, plan.RowSubquery):
        return _with_subquery(_SWITCHED.get(symbol, symbol), right, left, at, workspace)
    pairs = row_pairs(left, right, at)
    if symbol not in COMPARISONS:
        raise errors.NotSupportedError(f"operator {symbol} cannot compare rows", position=at)
    if symbol in ("=", "<>"):
        tests = tuple([apply(symbol, a, b, at, workspace) for a, b in pairs])
        nullable = coercion.any_nullable(tests)
        if len(tests) == 1:
            return tests[0]
        return (
            plan.And(arguments=tests, nullable=nullable)
            if symbol == "="
            else plan.Or(arguments=tests, nullable=nullable)
        )
    return _ordered_rows(symbol, pairs, at, workspace)


def _with_subquery(
    symbol: str, row: plan.Expression, subquery: plan.RowSubquery, at: int, workspace: Workspace
) -> plan.Expression:
    """A row compared with the one row of a subquery, which runs once."""
    values = list(row.arguments) if isinstance(row, plan.RowValue) else [row]
    outputs = list(subquery.plan.outputs)
    if len(values) != len(outputs):
        words = "too few" if len(outputs) < len(values) else "too many"
        raise errors.SyntaxError(f"subquery has {words} columns", position=at)
    if symbol not in COMPARISONS:
        raise errors.NotSupportedError(f"operator {symbol} cannot compare rows", position=at)
    operators = []
    for place, output in enumerate(outputs):
        with located(at):
            operator = resolve_operator(symbol, values[place].type, output.expression.type)
        assert operator.left is not None
        operators.append(operator)
        values[place] = operand(values[place], operator.left, at, workspace)
        outputs[place] = plan.Output(output.name, operand(output.expression, operator.right, at, workspace))
    return plan.QuantifiedSubquery(
        arguments=tuple(values),
        symbol=symbol,
        operators=tuple(operators),
        all=False,
        plan=replace(subquery.plan, outputs=tuple(outputs)),
        single=True,
    )


def _ordered_rows(
    symbol: str, pairs: list[tuple[plan.Expression, plan.Expression]], at: int, workspace: Workspace
) -> plan.Expression:
    lefts, rights, operators = [], [], []
    for a, b in pairs:
        with located(at):
            strict = resolve_operator(symbol.rstrip("="), a.type, b.type)
        assert strict.left is not None
        lefts.append(operand(a, strict.left, at, workspace))
        rights.append(operand(b, strict.right, at, workspace))
        operators.append((strict, resolve_operator("=", strict.left, strict.right)))
    return plan.RowComparison(
        symbol=symbol,
        left=tuple(lefts),
        right=tuple(rights),
        operators=tuple(operators),
        nullable=coercion.any_nullable(lefts) or coercion.any_nullable(rights),
    )
