"""Literals: numbers, strings, typed strings, intervals."""

from __future__ import annotations

from decimal import Decimal

from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.expressions import bind_type, binds, constant, null
from minidb.sql.binder.scope import Scope
from minidb.sql.binder.workspace import located
from minidb.types import (
    BOOLEAN,
    INTERVAL,
    NUMERIC,
    UNKNOWN,
    canonical_numeric,
    cut_interval,
    from_text,
    integer_type,
    parse_interval,
    type_from_name,
)


@binds(ast.NumberLiteral)
def _number(node: ast.NumberLiteral, scope: Scope) -> plan.Expression:
    text = node.text.replace("_", "")
    if not node.is_integer:
        with located(node.at):
            return constant(NUMERIC, from_text(NUMERIC, text))
    value = _integer(text)
    kind = integer_type(value)
    return constant(kind, canonical_numeric(Decimal(value)) if kind == NUMERIC else value)


def _integer(text: str) -> int:
    prefix = text[:2].lower()
    base = {"0x": 16, "0o": 8, "0b": 2}.get(prefix)
    if base is not None:
        return int(text[2:], base)
    return int(Decimal(text))  # int() refuses more than 4,300 digits


@binds(ast.StringLiteral)
def _string(node: ast.StringLiteral, scope: Scope) -> plan.Expression:
    return constant(UNKNOWN, node.value)


@binds(ast.BooleanLiteral)
def _boolean(node: ast.BooleanLiteral, scope: Scope) -> plan.Expression:
    return constant(BOOLEAN, node.value)


@binds(ast.NullLiteral)
def _null(node: ast.NullLiteral, scope: Scope) -> plan.Expression:
    return null()


@binds(ast.TypedLiteral)
def _typed_literal(node: ast.TypedLiteral, scope: Scope) -> plan.Expression:
    target = bind_type(node.type)
    return coercion.coerce(constant(UNKNOWN, node.value), target, node.at, scope.workspace, "explicit")


@binds(ast.IntervalLiteral)
def _interval(node: ast.IntervalLiteral, scope: Scope) -> plan.Expression:
    with located(node.at):
        value = parse_interval(node.value, node.fields)
        if node.fields is not None:
            value = cut_interval(value, node.fields)
    literal = constant(INTERVAL, value)
    if node.precision is None:
        return literal
    target = type_from_name("interval", (node.precision,), node.at)
    return coercion.coerce(literal, target, node.at, scope.workspace, "explicit")
