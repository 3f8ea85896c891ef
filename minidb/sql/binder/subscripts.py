"""`a[i]` and `a[low:high]`: calls of two functions that have no name in SQL. Subscripts count from 1."""

from __future__ import annotations

from typing import Any

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.expressions import bind, bind_typed, binds, constant
from minidb.sql.binder.scope import Scope
from minidb.sql.functions.registry import Function, element_of_first, first_type
from minidb.types import ANYARRAY, INTEGER


def _element(array: tuple[Any, ...], index: int) -> Any:
    return array[index - 1] if 1 <= index <= len(array) else None


def _part(array: tuple[Any, ...], low: int, high: int) -> tuple[Any, ...]:
    return array[max(low, 1) - 1 : max(high, 0)]


_ELEMENT = Function("array_element", (ANYARRAY, INTEGER), element_of_first, _element)
_PART = Function("array_part", (ANYARRAY, INTEGER, INTEGER), first_type, _part)


def _array(node: ast.Expression, scope: Scope) -> plan.Expression:
    array = bind_typed(node, scope)
    if array.type.element is None:
        raise errors.DatatypeMismatch(
            f"cannot subscript type {array.type} because it does not support subscripting", position=node.at
        )
    return array


def _index(node: ast.Expression | None, open_end: int, scope: Scope) -> plan.Expression:
    if node is None:
        return constant(INTEGER, open_end)
    return coercion.coerce(bind(node, scope), INTEGER, node.at, scope.workspace, "assignment")


@binds(ast.Subscript)
def _subscript(node: ast.Subscript, scope: Scope) -> plan.Expression:
    array = _array(node.operand, scope)
    assert array.type.element is not None
    return plan.Call(type=array.type.element, function=_ELEMENT, arguments=(array, _index(node.index, 1, scope)))


@binds(ast.Slice)
def _slice(node: ast.Slice, scope: Scope) -> plan.Expression:
    array = _array(node.operand, scope)
    arguments = (array, _index(node.low, 1, scope), _index(node.high, 2**31 - 1, scope))
    return plan.Call(type=array.type, function=_PART, arguments=arguments)
