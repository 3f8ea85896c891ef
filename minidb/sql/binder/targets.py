"""Select lists: stars, and the names that columns get when none is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.expressions import bind_in_clause
from minidb.sql.binder.fields import all_fields
from minidb.sql.binder.scope import Scope
from minidb.types import UNKNOWN, SqlType

UNNAMED = "?column?"


class Item(msgspec.Struct):
    """One column of a select list; its expression changes when the groups are known."""

    name: str
    expression: plan.Expression
    at: int


def bind_targets(targets: Sequence[ast.Target], scope: Scope, clause: str = "SELECT") -> list[Item]:
    """The columns of a select list or RETURNING."""
    items: list[Item] = []
    for target in targets:
        if isinstance(target.expression, ast.Star):
            items.extend(_star(target.expression, scope))
        elif isinstance(target.expression, ast.FieldStar):
            row = bind_in_clause(target.expression.operand, scope, clause)
            items += [Item(name, part, target.at) for name, part in all_fields(row, target.at)]
        else:
            name = target.alias if target.alias is not None else name_of(target.expression)
            items.append(Item(name, bind_in_clause(target.expression, scope, clause), target.expression.at))
    return items


def _star(star: ast.Star, scope: Scope) -> Iterator[Item]:
    if star.qualifier:
        columns = scope.source(star.qualifier, star.at).columns
    else:
        columns = scope.frame.columns
        if not scope.frame.sources and not columns:
            raise errors.SyntaxError("SELECT * with no tables specified is not valid", position=star.at)
    if scope.workspace.stars is not None:
        scope.workspace.stars[id(star)] = columns
    for column in columns:
        yield Item(column.name, scope.mention(column.expression, star.at), star.at)


def settle_items(items: Sequence[Item], scope: Scope, wanted: Sequence[SqlType] | None) -> None:
    """Untyped columns get the type that is wanted of them, or text."""
    for place, item in enumerate(items):
        if item.expression.type == UNKNOWN:
            target = wanted[place] if wanted is not None and place < len(wanted) else None
            if target is None:
                item.expression = coercion.settle(item.expression, item.at, scope.workspace)
            elif target != UNKNOWN:
                item.expression = coercion.coerce(item.expression, target, item.at, scope.workspace, "assignment")


# -- names ------------------------------------------------------------------------------------------------

_TYPE_NAMES = {
    "smallint": "int2",
    "integer": "int4",
    "int": "int4",
    "bigint": "int8",
    "real": "float4",
    "double precision": "float8",
    "float": "float8",
    "decimal": "numeric",
    "dec": "numeric",
    "boolean": "bool",
    "char": "bpchar",
    "character": "bpchar",
    "character varying": "varchar",
}


def name_of(node: ast.Expression) -> str:
    """The name of a column without an alias, as PostgreSQL makes it."""
    return _strong_name(node) or _weak_name(node) or UNNAMED


def _strong_name(node: ast.Expression) -> str | None:
    if isinstance(node, ast.ColumnRef | ast.FunctionCall):
        return node.parts[-1] if isinstance(node, ast.ColumnRef) else node.name[-1]
    if isinstance(node, ast.CurrentValue | ast.Field):
        return node.name
    if isinstance(node, ast.Cast | ast.Collate | ast.Subscript | ast.Slice):
        return _strong_name(node.operand)
    if isinstance(node, ast.Exists):
        return "exists"
    if isinstance(node, ast.ArrayConstructor | ast.ArraySubquery):
        return "array"
    if isinstance(node, ast.Row):
        return "row"
    if isinstance(node, ast.Subquery):
        return _subquery_name(node.query)
    if isinstance(node, ast.Case) and node.otherwise is not None:
        return _strong_name(node.otherwise)
    return None


def _weak_name(node: ast.Expression) -> str | None:
    if isinstance(node, ast.Cast | ast.TypedLiteral):
        return _TYPE_NAMES.get(node.type.name, node.type.name)
    if isinstance(node, ast.Collate):
        return _weak_name(node.operand)
    if isinstance(node, ast.IntervalLiteral):
        return "interval"
    if isinstance(node, ast.BooleanLiteral):
        return "bool"
    if isinstance(node, ast.Case):
        return "case"
    return None


def _subquery_name(query: ast.Query) -> str | None:
    body: ast.QueryBody | ast.Query = query
    while isinstance(body, ast.Query):
        body = body.body
    while isinstance(body, ast.SetOperation):
        body = body.left
    if isinstance(body, ast.Select) and body.targets:
        first = body.targets[0]
        return first.alias if first.alias is not None else name_of(first.expression)
    return "column1" if isinstance(body, ast.Values) else None
