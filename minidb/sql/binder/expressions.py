"""Expressions: which function binds which syntax node, and the simplest of them: constants, names, casts, truth.

Each kind of syntax node has one handler, registered with `@binds`. The handlers live beside this module, one family a
file (`operators`, `predicates`, `conditionals`, `calls`, `subqueries`); they call back through `bind`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.handlers import registrar
from minidb.sql.binder.json_records import as_row, row_type
from minidb.sql.binder.scope import Scope, Source
from minidb.sql.binder.set_places import refuse_argument
from minidb.sql.functions.registry import Function
from minidb.types import (
    BIGINT,
    BOOLEAN,
    INTEGER,
    NUMERIC,
    TEXT,
    UNKNOWN,
    SqlType,
    array_of,
    cut_interval,
    type_from_name,
)

Handler = Callable[[Any, Scope], plan.Expression]
_HANDLERS: dict[type, Handler] = {}
_ROW_HANDLERS: dict[type, Handler] = {}
binds = registrar(_HANDLERS)
binds_row = registrar(_ROW_HANDLERS)


def bind(node: ast.Expression, scope: Scope) -> plan.Expression:
    """The meaning of an expression in a scope; its type may be UNKNOWN (an untyped literal or parameter)."""
    handler = _HANDLERS.get(type(node))
    if handler is None:
        raise errors.NotSupportedError(f"{_words(type(node).__name__)} is not supported yet", position=node.at)
    return handler(node, scope)


def bind_row(node: ast.Expression, scope: Scope) -> plan.Expression:
    """As `bind`, in a place where a subquery may return a row: beside a row."""
    handler = _ROW_HANDLERS.get(type(node))
    return bind(node, scope) if handler is None else handler(node, scope)


def _words(name: str) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()


def bind_typed(node: ast.Expression, scope: Scope) -> plan.Expression:
    """As `bind`, but what is untyped becomes text."""
    return coercion.settle(bind(node, scope), node.at, scope.workspace)


def bind_boolean(node: ast.Expression, scope: Scope, what: str) -> plan.Expression:
    """The meaning of a condition; `what` names its place for the error."""
    bound = bind(node, scope)
    refuse_argument(what, bound, node.at, scope)
    return coercion.boolean(bound, what, node.at, scope.workspace)


def bind_in_clause(node: ast.Expression, scope: Scope, clause: str, what: str | None = None) -> plan.Expression:
    """Binds in a clause of the scope's SELECT; with `what`, a condition."""
    selection = scope.selection
    if selection is None:
        return bind(node, scope) if what is None else bind_boolean(node, scope, what)
    before, selection.clause = selection.clause, clause
    try:
        return bind(node, scope) if what is None else bind_boolean(node, scope, what)
    finally:
        selection.clause = before


def bind_type(name: ast.TypeName) -> SqlType:
    """The type that a name in the text means."""
    kind = type_from_name(name.name, name.modifiers, name.at if name.at >= 0 else None)
    return array_of(kind) if name.array else kind


# -- constants and parameters ---------------------------------------------------------------------------


def constant(kind: SqlType, value: Any) -> plan.Constant:
    return plan.Constant(type=kind, nullable=value is None, value=value)


def null(kind: SqlType = UNKNOWN) -> plan.Constant:
    return plan.Constant(type=kind, value=None)


_LIFTED_TYPES = {"int4": INTEGER, "int8": BIGINT, "numeric": NUMERIC, "text": UNKNOWN}


@binds(ast.Parameter)
def _parameter(node: ast.Parameter, scope: Scope) -> plan.Expression:
    return scope.workspace.parameter(node.index - 1, node.at)


@binds(ast.NamedParameter)
def _named_parameter(node: ast.NamedParameter, scope: Scope) -> plan.Expression:
    return scope.workspace.named_parameter(node.name, node.at)


@binds(ast.Lifted)
def _lifted(node: ast.Lifted, scope: Scope) -> plan.Expression:
    return scope.workspace.lifted(node.index, _LIFTED_TYPES[node.kind])


# -- names ------------------------------------------------------------------------------------------------


@binds(ast.ColumnRef)
def _column(node: ast.ColumnRef, scope: Scope) -> plan.Expression:
    try:
        meaning = scope.column(node)
        if scope.workspace.meanings is not None:
            scope.workspace.meanings[id(node)] = meaning
        return meaning
    except errors.UndefinedColumn:
        for level in scope.levels():
            for source in level.frame.sources:
                if source.alias == node.name and len(node.parts) == 1:
                    return _whole_row(source, level, node.at)
        raise


def _whole_row(source: Source, level: Scope, at: int) -> plan.Expression:
    """A table's name as a value: its row; NULL where an outer join has found none."""
    values = [level.mention(column.expression, at) for column in source.columns]
    if source.scalar:
        return values[0]
    row = row_value(values, [column.name for column in source.columns])
    if not source.null_extended:
        return row
    certain = {c.name for c in source.table.live_columns if c.not_null} if source.table is not None else set()
    tested = [v for c, v in zip(source.columns, values) if c.name in certain][:1] or values
    missing: plan.Expression = plan.IsNull(argument=tested[0])
    if len(tested) > 1:
        missing = plan.And(arguments=tuple([plan.IsNull(argument=value) for value in tested]), nullable=False)
    return plan.Case(type=row.type, branches=((missing, null(row.type)),), otherwise=row)


@binds(ast.Star)
def _star(node: ast.Star, scope: Scope) -> plan.Expression:
    raise errors.SyntaxError('"*" is not allowed here', position=node.at)


@binds(ast.DefaultValue)
def _default(node: ast.DefaultValue, scope: Scope) -> plan.Expression:
    raise errors.SyntaxError("DEFAULT is not allowed in this context", position=node.at)


# Collations under which texts compare as they always do.
BY_CODE_POINT = ("c", "posix", "default", "ucs_basic", "c.utf-8", "c.utf8", "binary")


@binds(ast.Collate)
def _collate(node: ast.Collate, scope: Scope) -> plan.Expression:
    operand = bind_typed(node.operand, scope)
    if operand.type.category != "S":
        raise errors.DatatypeMismatch(f"collations are not supported by type {operand.type}", position=node.at)
    if node.collation.lower() not in BY_CODE_POINT and own_collation(node, scope) is None:
        raise errors.UndefinedObject(f'collation "{node.collation}" does not exist', position=node.at)
    return operand


def own_collation(node: ast.Node, scope: Scope) -> Function | None:
    """The sort key of a collation written in Python, if `node` names one: for ORDER BY and comparisons."""
    own = scope.workspace.own
    if own is None or not isinstance(node, ast.Collate):
        return None
    return own.collation(node.collation)


def refuse_collation(nodes: Iterable[ast.Node], what: str, scope: Scope) -> None:
    """For what would pass over a collation written in Python. Raises 0A000."""
    for node in nodes:
        if own_collation(node, scope) is not None:
            raise errors.NotSupportedError(
                f"{what} does not know collations written in Python",
                position=node.at,
                hint="They can be named in ORDER BY, and beside = <> < <= > and >=.",
            )


def in_collation(key: Function, value: plan.Expression) -> plan.Expression:
    """A text as the sort key of its collation."""
    return plan.Call(type=TEXT, nullable=value.nullable, function=key, arguments=(value,))


# -- casts and constructors -------------------------------------------------------------------------------


@binds(ast.Cast)
def _cast(node: ast.Cast, scope: Scope) -> plan.Expression:
    try:
        target = bind_type(node.type)
    except errors.UndefinedObject:
        row = row_type(node.type, scope.workspace)
        if row is None:
            raise
        return as_row(bind(node.operand, scope), row, node.at, scope.workspace)
    operand = node.operand
    if isinstance(operand, ast.ArrayConstructor) and target.element is not None:
        return bind_array(operand, scope, target.element)
    bound = bind(operand, scope)
    place = node.at if bound.type != UNKNOWN else operand.at
    converted = coercion.coerce(bound, target, place, scope.workspace, "explicit")
    if node.type.fields is not None and target.name == "interval":
        return _cut(converted, node.type.fields)
    return converted


def _cut(expression: plan.Expression, fields: str) -> plan.Expression:
    if isinstance(expression, plan.Constant):
        value = expression.value
        return constant(expression.type, None if value is None else cut_interval(value, fields))
    return plan.Convert(
        type=expression.type,
        nullable=expression.nullable,
        argument=expression,
        function=lambda value: cut_interval(value, fields),
    )


@binds(ast.Row)
def _row(node: ast.Row, scope: Scope) -> plan.Expression:
    """What is untyped in it gets its type from the row that it is compared with."""
    return row_value([bind(item, scope) for item in node.items])


def row_value(arguments: Sequence[plan.Expression], names: Sequence[str] | None = None) -> plan.RowValue:
    """A row of these values; its columns are f1, f2, ... where they have no names."""
    named = names or [f"f{place}" for place in range(1, len(arguments) + 1)]
    kind = SqlType("record", fields=tuple([(name, argument.type) for name, argument in zip(named, arguments)]))
    return plan.RowValue(type=kind, nullable=False, arguments=tuple(arguments))


@binds(ast.ArrayConstructor)
def _array(node: ast.ArrayConstructor, scope: Scope) -> plan.Expression:
    return bind_array(node, scope, None)


def bind_array(node: ast.ArrayConstructor, scope: Scope, element: SqlType | None) -> plan.Expression:
    """ARRAY[...], its items converted to `element` where a cast stands around it."""
    if any(isinstance(item, ast.ArrayConstructor) for item in node.items):
        raise errors.NotSupportedError("arrays of more than one dimension are not supported yet", position=node.at)
    places = [item.at for item in node.items]
    items = [bind(item, scope) for item in node.items]
    if element is not None:
        converted = tuple(
            [coercion.coerce(i, element, at, scope.workspace, "explicit") for i, at in zip(items, places)]
        )
        return plan.ArrayLiteral(type=array_of(element), nullable=False, items=converted)
    if not items:
        raise errors.IndeterminateDatatype(
            "cannot determine type of empty array",
            position=node.at,
            hint="Explicitly cast to the desired type, for example ARRAY[]::integer[].",
        )
    target, converted = coercion.unify(items, places, "ARRAY", scope.workspace)
    return plan.ArrayLiteral(type=array_of(target), nullable=False, items=converted)


# -- truth ------------------------------------------------------------------------------------------------


@binds(ast.And)
def _and(node: ast.And, scope: Scope) -> plan.Expression:
    arguments = tuple([bind_boolean(operand, scope, "AND") for operand in node.operands])
    return plan.And(arguments=arguments, nullable=coercion.any_nullable(arguments))


@binds(ast.Or)
def _or(node: ast.Or, scope: Scope) -> plan.Expression:
    arguments = tuple([bind_boolean(operand, scope, "OR") for operand in node.operands])
    return plan.Or(arguments=arguments, nullable=coercion.any_nullable(arguments))


@binds(ast.Not)
def _not(node: ast.Not, scope: Scope) -> plan.Expression:
    return negate(bind_boolean(node.operand, scope, "NOT"))


def negate(predicate: plan.Expression) -> plan.Expression:
    if isinstance(predicate, plan.Exists):
        return plan.Exists(plan=predicate.plan, negated=not predicate.negated)
    return plan.Not(argument=predicate, nullable=predicate.nullable)


@binds(ast.Is)
def _is(node: ast.Is, scope: Scope) -> plan.Expression:
    if node.test == "null":
        return _is_null(bind(node.operand, scope), node.negated)
    word = f"IS {'NOT ' if node.negated else ''}{node.test.upper()}"
    truth = {"true": True, "false": False, "unknown": None}[node.test]
    return plan.IsTruth(argument=bind_boolean(node.operand, scope, word), truth=truth, negated=node.negated)


def _is_null(operand: plan.Expression, negated: bool) -> plan.Expression:
    """A row is NULL if all its columns are, and NOT NULL if none is."""
    if isinstance(operand, plan.RowValue):
        tests = tuple([plan.IsNull(argument=a, negated=negated) for a in operand.arguments])
        if not tests:
            return plan.Constant(type=BOOLEAN, nullable=False, value=True)
        return plan.And(arguments=tests, nullable=False) if len(tests) > 1 else tests[0]
    return plan.IsNull(argument=operand, negated=negated)
