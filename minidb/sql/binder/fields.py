"""`(row).column` and `(row).*`: the columns of a value that is a row."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder.expressions import bind, binds
from minidb.sql.binder.scope import Scope
from minidb.sql.functions.registry import Function


@binds(ast.Field)
def _field(node: ast.Field, scope: Scope) -> plan.Expression:
    value = bind(node.operand, scope)
    names = [name for name, _ in value.type.fields or ()]
    if value.type.fields is None:
        raise errors.WrongObjectType(
            f"column notation .{node.name} applied to type {value.type}, which is not a composite type",
            position=node.at,
        )
    if node.name not in names:
        raise errors.UndefinedColumn(
            f'could not identify column "{node.name}" in record data type',
            position=node.at,
            hint=f"Its columns are {', '.join(names)}.",
        )
    return _part(value, names.index(node.name))


@binds(ast.FieldStar)
def _misplaced(node: ast.FieldStar, scope: Scope) -> plan.Expression:
    raise errors.SyntaxError('row expansion via "*" is not supported here', position=node.at)


def all_fields(value: plan.Expression, at: int) -> Iterator[tuple[str, plan.Expression]]:
    """Name and value of each column of a row."""
    if value.type.fields is None:
        raise errors.WrongObjectType(f"type {value.type} is not composite", position=at)
    for place, (name, _) in enumerate(value.type.fields):
        yield name, _part(value, place)


def _part(value: plan.Expression, place: int) -> plan.Expression:
    if isinstance(value, plan.RowValue):
        return value.arguments[place]
    assert value.type.fields is not None
    name, kind = value.type.fields[place]
    function = Function(name, (value.type,), kind, itemgetter(place))
    return plan.Call(type=kind, function=function, arguments=(value,))
