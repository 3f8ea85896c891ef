"""From the type that an expression has to the type that its place asks for.

Untyped literals and parameters (`unknown`) take the type of the place; constants are converted at once, so that the
plan holds values of the right type; everything else gets a `Convert`. The rules are those of `minidb.types`.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from minidb import errors
from minidb.sql import plan
from minidb.sql.binder.workspace import Workspace, located
from minidb.sql.functions.registry import Function, FunctionContext
from minidb.types import (
    BOOLEAN,
    TEXT,
    UNKNOWN,
    CastContext,
    SqlType,
    can_coerce,
    cast,
    common_type,
)
from minidb.zoned import conversion, mentions_now, read


def coerce(
    expression: plan.Expression, target: SqlType, at: int, workspace: Workspace, context: CastContext = "implicit"
) -> plan.Expression:
    """`expression` as a value of type `target`. Raises 42846 if there is no such conversion in this context."""
    source = expression.type
    if source == target:
        return expression
    if source == UNKNOWN:
        return _coerce_unknown(expression, target, at, workspace, context)
    if source.name == target.name and source.element is None and _has_no_modifiers(target):
        return expression
    if not can_coerce(source, target, context):
        raise errors.CannotCoerce(f"cannot cast type {source} to {target}", position=at)
    return _convert(expression, target, at, workspace, explicit=context == "explicit")


def coerce_all(
    expressions: Sequence[plan.Expression], targets: Sequence[SqlType], places: Sequence[int], workspace: Workspace
) -> tuple[plan.Expression, ...]:
    return tuple([coerce(e, t, at, workspace) for e, t, at in zip(expressions, targets, places)])


def _has_no_modifiers(kind: SqlType) -> bool:
    return kind.length is None and kind.precision is None


def _convert(
    expression: plan.Expression, target: SqlType, at: int, workspace: Workspace, explicit: bool
) -> plan.Expression:
    function = conversion(expression.type, target, explicit, workspace.zone)
    if type(expression) is plan.Constant:
        value = expression.value
        with located(at):
            value = value if value is None or function is None else function(value)
        return plan.Constant(type=target, nullable=value is None, value=value)
    return plan.Convert(type=target, nullable=expression.nullable, argument=expression, function=function)


def _coerce_unknown(
    expression: plan.Expression, target: SqlType, at: int, workspace: Workspace, context: CastContext
) -> plan.Expression:
    explicit = context == "explicit"
    if type(expression) is plan.Constant:
        return _literal(expression, target, at, workspace, explicit)
    if type(expression) is plan.Parameter:
        wanted = TEXT if target.category == "P" else target.base
        known = workspace.settle_parameter(expression.index, wanted)
        settled = replace(expression, type=known)
        return settled if known == UNKNOWN else coerce(settled, target, at, workspace, context)
    return _convert(replace(expression, type=TEXT), target, at, workspace, explicit)


def _literal(literal: plan.Constant, target: SqlType, at: int, workspace: Workspace, explicit: bool) -> plan.Expression:
    if target.category == "P":
        return replace(literal, type=TEXT)
    if literal.value is None:
        return replace(literal, type=target)
    if target.category == "D" and mentions_now(literal.value):
        return _word_for_a_day(literal, target)
    with located(at):
        if explicit:
            value = cast(read(target.base, literal.value, workspace.zone), target.base, target, explicit=True)
        else:
            value = read(target, literal.value, workspace.zone)
    return plan.Constant(type=target, nullable=False, value=value)


def _word_for_a_day(literal: plan.Constant, target: SqlType) -> plan.Expression:
    """'today' and its like are asked of the clock whenever the statement runs, because plans are kept."""

    def today(context: FunctionContext) -> object:
        return read(target, literal.value, context.time_zone, context.now)

    function = Function(str(literal.value), (), target, today, volatility="stable", needs_context=True)
    return plan.Call(type=target, nullable=False, function=function, arguments=())


def settle(expression: plan.Expression, at: int, workspace: Workspace) -> plan.Expression:
    """`expression` with a type: what nothing else has decided is text."""
    return coerce(expression, TEXT, at, workspace) if expression.type == UNKNOWN else expression


def assign(expression: plan.Expression, target: SqlType, column: str, at: int, workspace: Workspace) -> plan.Expression:
    """`expression` as the new value of a column (assignment casts). Raises 42804."""
    if not can_coerce(expression.type, target, "assignment"):
        raise errors.DatatypeMismatch(
            f'column "{column}" is of type {target} but expression is of type {expression.type}',
            position=at,
            hint="You will need to rewrite or cast the expression.",
        )
    return coerce(expression, target, at, workspace, "assignment")


def boolean(expression: plan.Expression, what: str, at: int, workspace: Workspace) -> plan.Expression:
    """`expression` as a condition; `what` is "WHERE", "AND", "JOIN/ON", ..."""
    if expression.type == BOOLEAN:
        return expression
    if not can_coerce(expression.type, BOOLEAN):
        raise errors.DatatypeMismatch(
            f"argument of {what} must be type boolean, not type {expression.type}", position=at
        )
    return coerce(expression, BOOLEAN, at, workspace)


def unify(
    expressions: Sequence[plan.Expression], places: Sequence[int], word: str, workspace: Workspace
) -> tuple[SqlType, tuple[plan.Expression, ...]]:
    """All of them as values of their common type; `word` is "CASE", "UNION", ... for the error."""
    target = common([e.type for e in expressions], places, word)
    return target, tuple([coerce(e, target, at, workspace) for e, at in zip(expressions, places)])


def common(types: Sequence[SqlType], places: Sequence[int], word: str) -> SqlType:
    try:
        return common_type(types, word)
    except errors.Error as error:
        error.position = _first_mismatch(types, places)
        raise


def _first_mismatch(types: Sequence[SqlType], places: Sequence[int]) -> int | None:
    for count in range(2, len(types) + 1):
        try:
            common_type(types[:count])
        except errors.Error:
            return places[count - 1]
    return None


def any_nullable(expressions: Sequence[plan.Expression]) -> bool:
    return any(e.nullable for e in expressions)
