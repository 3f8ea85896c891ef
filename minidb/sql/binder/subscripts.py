"""`a[i]`, `a[low:high]`, `j['key']`, and the same as targets of SET: calls of functions that have no name in SQL.

Array subscripts count from 1. A jsonb subscript is a step of a path: of an object its text is a key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.expressions import bind, bind_typed, binds, constant
from minidb.sql.binder.scope import Scope
from minidb.sql.functions.element_changes import set_element, set_in_document, set_slice
from minidb.sql.functions.json_access import jsonb_path
from minidb.sql.functions.registry import Function, element_of_first, first_type
from minidb.types import ANY, ANYARRAY, ANYELEMENT, INTEGER, INTEGERS, JSONB, TEXT, SqlType

_END = 2**31 - 1  # of a slice that is open


def _element(array: tuple[Any, ...], index: int) -> Any:
    return array[index - 1] if 1 <= index <= len(array) else None


def _part(array: tuple[Any, ...], low: int, high: int) -> tuple[Any, ...]:
    return array[max(low, 1) - 1 : max(high, 0)]


_ELEMENT = Function("array_element", (ANYARRAY, INTEGER), element_of_first, _element)
_PART = Function("array_part", (ANYARRAY, INTEGER, INTEGER), first_type, _part)
_FIELD = Function("jsonb_element", (JSONB, TEXT), JSONB, lambda value, step: jsonb_path(value, (step,)))
_SET_ELEMENT = Function("set_element", (ANYARRAY, INTEGER, ANYELEMENT), first_type, set_element, strict=False)
_SET_PART = Function("set_part", (ANYARRAY, INTEGER, INTEGER, ANYARRAY), first_type, set_slice, strict=False)
_SET_FIELD = Function("set_field", (JSONB, JSONB), JSONB, set_in_document, strict=False, variadic=ANY)


def _refuse(kind: SqlType, at: int) -> errors.DatatypeMismatch:
    return errors.DatatypeMismatch(
        f"cannot subscript type {kind} because it does not support subscripting", position=at
    )


def _array(node: ast.Expression, scope: Scope) -> plan.Expression:
    array = bind_typed(node, scope)
    if array.type == JSONB:
        raise errors.DatatypeMismatch("jsonb subscript does not support slices", position=node.at)
    if array.type.element is None:
        raise _refuse(array.type, node.at)
    return array


def _index(node: ast.Expression | None, open_end: int, scope: Scope) -> plan.Expression:
    if node is None:
        return constant(INTEGER, open_end)
    return coercion.coerce(bind(node, scope), INTEGER, node.at, scope.workspace, "assignment")


def _step(node: ast.Expression, scope: Scope) -> plan.Expression:
    """A subscript of a document: a whole number or a text."""
    bound = bind_typed(node, scope)
    if bound.type in INTEGERS:
        return coercion.coerce(bound, INTEGER, node.at, scope.workspace, "assignment")
    if bound.type.category != "S":
        raise errors.DatatypeMismatch(
            f"subscript type {bound.type} is not supported",
            position=node.at,
            hint="jsonb subscript must be coercible to either integer or text.",
        )
    return coercion.coerce(bound, TEXT, node.at, scope.workspace)


@binds(ast.Subscript)
def _subscript(node: ast.Subscript, scope: Scope) -> plan.Expression:
    value = bind_typed(node.operand, scope)
    if value.type == JSONB:
        step = coercion.coerce(_step(node.index, scope), TEXT, node.index.at, scope.workspace, "explicit")
        return plan.Call(type=JSONB, function=_FIELD, arguments=(value, step))
    if value.type.element is None:
        raise _refuse(value.type, node.operand.at)
    return plan.Call(type=value.type.element, function=_ELEMENT, arguments=(value, _index(node.index, 1, scope)))


@binds(ast.Slice)
def _slice(node: ast.Slice, scope: Scope) -> plan.Expression:
    array = _array(node.operand, scope)
    arguments = (array, _index(node.low, 1, scope), _index(node.high, _END, scope))
    return plan.Call(type=array.type, function=_PART, arguments=arguments)


# -- as a target ------------------------------------------------------------------------------------------


def assigned_part(
    before: plan.Expression, subscripts: Sequence[ast.Expression], value: plan.Expression, at: int, scope: Scope
) -> plan.Expression:
    """`before`, a column's value, with `value` at the place that the subscripts name."""
    kind = before.type
    if kind == JSONB:
        new = coercion.coerce(value, JSONB, at, scope.workspace, "assignment")
        steps = [_step(node, scope) for node in subscripts]
        return plan.Call(type=kind, function=_SET_FIELD, arguments=(before, new, *steps))
    if kind.element is None:
        raise _refuse(kind, at)
    if len(subscripts) > 1:
        raise errors.NotSupportedError("arrays have one dimension", position=subscripts[1].at)
    place = subscripts[0]
    if isinstance(place, ast.AssignedSlice):
        new = coercion.coerce(value, kind, at, scope.workspace, "assignment")
        bounds = (_index(place.low, 1, scope), _index(place.high, _END, scope))
        return plan.Call(type=kind, function=_SET_PART, arguments=(before, *bounds, new))
    new = coercion.coerce(value, kind.element, at, scope.workspace, "assignment")
    return plan.Call(type=kind, function=_SET_ELEMENT, arguments=(before, _index(place, 1, scope), new))
