"""Window calls: OVER, named windows, frames.

A window call stands in expressions as `Column(window_relation, k)`; the SELECT's `Window` node computes all of them.
"""

from __future__ import annotations

import operator
from datetime import date, datetime

from msgspec.structs import replace

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.aggregates import aggregate_call, aggregate_parts
from minidb.sql.binder.expressions import bind, bind_in_clause, refuse_collation
from minidb.sql.binder.row_counts import refuse_columns, row_count
from minidb.sql.binder.scope import Scope, Selection
from minidb.sql.binder.set_places import refuse_in
from minidb.sql.binder.sorting import bind_sort_key
from minidb.sql.binder.workspace import located
from minidb.sql.functions import is_aggregate, resolve_window
from minidb.sql.functions.operators import resolve_operator
from minidb.types import BIGINT, DATE, DOUBLE, INTERVAL, NUMERIC, UNKNOWN, SqlType, can_coerce, midnight

_ALLOWED = frozenset({"SELECT", "ORDER BY", "DISTINCT ON"})
_NEVER_NULL = frozenset({"count", "row_number", "rank", "dense_rank", "percent_rank", "cume_dist"})
_MEASURED = frozenset("NDT")  # categories of types that have distances
# what RANGE takes as the distance between values of a type; smaller types, too, where that is no question of size
_OFFSETS = {
    **dict.fromkeys(("smallint", "integer", "bigint"), BIGINT),
    **dict.fromkeys(("real", "double precision"), DOUBLE),
    "numeric": NUMERIC,
    **dict.fromkeys(("date", "time", "timestamp", "timestamptz", "interval"), INTERVAL),
}
_BOUNDS = ("unbounded preceding", "preceding", "current row", "following", "unbounded following")


def bind_window_call(node: ast.FunctionCall, scope: Scope) -> plan.Expression:
    """A call with OVER."""
    selection = scope.selection
    if selection is not None and selection.in_aggregate:
        raise errors.GroupingError("aggregate function calls cannot contain window function calls", position=node.at)
    if selection is not None and selection.clause == "WINDOW":
        raise errors.WindowingError("window function calls cannot be nested", position=node.at)
    if selection is None or selection.clause not in _ALLOWED:
        raise errors.WindowingError(f"window functions are not allowed in {scope.clause}", position=node.at)
    if node.distinct:
        raise errors.NotSupportedError("DISTINCT is not implemented for window functions", position=node.at)
    if node.order_by or node.within_group:
        raise errors.NotSupportedError("ORDER BY inside a window function is not supported yet", position=node.at)
    spec = _specification(node, selection)
    # Arguments are bound as in HAVING: aggregates may stand in them, window calls may not.
    before, selection.clause = selection.clause, "WINDOW"
    try:
        call = _call(node, spec, scope)
    finally:
        selection.clause = before
    selection.windows.append(call)
    return plan.Column(
        relation=selection.window_relation,
        position=len(selection.windows) - 1,
        type=call.type,
        nullable=call.function.name not in _NEVER_NULL,
        name=call.function.name,
    )


def _call(node: ast.FunctionCall, spec: ast.WindowSpec, scope: Scope) -> plan.WindowCall:
    refuse_collation(spec.partition_by, "PARTITION BY", scope)
    partition_by = tuple([coercion.settle(bind(e, scope), e.at, scope.workspace) for e in spec.partition_by])
    order_by = tuple([bind_sort_key(key, bind(key.expression, scope), scope) for key in spec.order_by])
    frame = _frame(spec.frame, order_by, scope) if spec.frame is not None else None
    call = _function(node, scope)
    refuse_in("window function calls", (partition_by, order_by, call.arguments), node.at, scope)
    return replace(call, partition_by=partition_by, order_by=order_by, frame=frame)


def _function(node: ast.FunctionCall, scope: Scope) -> plan.WindowCall:
    name = node.name[-1]
    bound, places, keys, condition = aggregate_parts(node, scope)
    own = scope.workspace.own
    if is_aggregate(name) or (own is not None and own.is_aggregate(name)):
        call = aggregate_call(node, bound, places, keys, condition, scope)
        return plan.WindowCall(function=call.aggregate, arguments=call.arguments, type=call.type, filter=call.filter)
    with located(node.at):
        function, targets = resolve_window(name, tuple([e.type for e in bound]))
    if condition is not None:
        raise errors.NotSupportedError("FILTER is not implemented for non-aggregate window functions", position=node.at)
    arguments = tuple([coercion.coerce(e, t, at, scope.workspace) for e, t, at in zip(bound, targets, places)])
    return plan.WindowCall(
        function=function, arguments=arguments, type=function.result_type(targets), ignore_nulls=node.ignore_nulls
    )


# -- named windows ----------------------------------------------------------------------------------------


def _specification(node: ast.FunctionCall, selection: Selection) -> ast.WindowSpec:
    if isinstance(node.over, ast.WindowRef):
        return _named(node.over.name, node.over.at, selection)
    assert node.over is not None
    return _inherited(node.over, selection)


def _named(name: str, at: int, selection: Selection) -> ast.WindowSpec:
    spec = selection.named_windows.get(name)
    if spec is None:
        raise errors.UndefinedObject(f'window "{name}" does not exist', position=at)
    return spec


def _inherited(spec: ast.WindowSpec, selection: Selection) -> ast.WindowSpec:
    """`(base ORDER BY ...)`: what the base says and the specification may add."""
    if spec.base is None:
        return spec
    base = _named(spec.base, spec.at, selection)
    if spec.partition_by:
        raise errors.WindowingError(f'cannot override PARTITION BY clause of window "{spec.base}"', position=spec.at)
    if spec.order_by and base.order_by:
        raise errors.WindowingError(f'cannot override ORDER BY clause of window "{spec.base}"', position=spec.at)
    if base.frame is not None:
        raise errors.WindowingError(f'cannot copy window "{spec.base}" because it has a frame clause', position=spec.at)
    return replace(spec, base=None, partition_by=base.partition_by, order_by=spec.order_by or base.order_by)


def declare_windows(windows: tuple[ast.NamedWindow, ...], selection: Selection) -> None:
    """The WINDOW clause: each window may build on those before it."""
    for window in windows:
        if window.name in selection.named_windows:
            raise errors.WindowingError(f'window "{window.name}" is already defined', position=window.at)
        selection.named_windows[window.name] = _inherited(window.spec, selection)


# -- frames -----------------------------------------------------------------------------------------------


def _frame(frame: ast.Frame, order_by: tuple[plan.SortKey, ...], scope: Scope) -> plan.Frame:
    start, end = frame.start, frame.end
    _check_bounds(frame)
    if frame.mode == "groups" and not order_by:
        raise errors.WindowingError("GROUPS mode requires an ORDER BY clause", position=frame.at)
    offsets = [_offset(bound, frame, order_by, scope) for bound in (start, end)]
    in_range = None
    if frame.mode == "range" and any(offset is not None for offset in offsets):
        in_range = _range_operators(order_by[0], next(o for o in offsets if o is not None), frame.at)
    return plan.Frame(
        mode=frame.mode,
        start=start.kind,
        end=end.kind,
        start_offset=offsets[0],
        end_offset=offsets[1],
        exclude=frame.exclude,
        in_range=in_range,
    )


def _check_bounds(frame: ast.Frame) -> None:
    start, end = _BOUNDS.index(frame.start.kind), _BOUNDS.index(frame.end.kind)
    if frame.start.kind == "unbounded following":
        raise errors.WindowingError("frame start cannot be UNBOUNDED FOLLOWING", position=frame.start.at)
    if frame.end.kind == "unbounded preceding":
        raise errors.WindowingError("frame end cannot be UNBOUNDED PRECEDING", position=frame.end.at)
    if start > end:
        words = f"frame starting from {frame.start.kind} cannot have {frame.end.kind} rows"
        place = frame.end.at if frame.end.at >= 0 else frame.at
        raise errors.WindowingError(words.replace("unbounded ", ""), position=place)


def _offset(
    bound: ast.FrameBound, frame: ast.Frame, order_by: tuple[plan.SortKey, ...], scope: Scope
) -> plan.Expression | None:
    if bound.offset is None:
        return None
    refuse_columns(bound.offset, frame.mode.upper(), scope)
    expression = bind_in_clause(bound.offset, scope, "window frame offset")
    if frame.mode in ("rows", "groups"):
        return row_count(expression, frame.mode.upper(), bound.at, scope)
    if len(order_by) != 1:
        raise errors.WindowingError(
            "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column", position=frame.at
        )
    kind = order_by[0].expression.type
    wanted = _OFFSETS.get(kind.name)
    if wanted is None or not can_coerce(expression.type, wanted):
        raise _no_range(kind, expression.type, bound.at)
    offset = wanted if expression.type == UNKNOWN and wanted == INTERVAL else expression.type
    try:
        plus = resolve_operator("+", kind, offset)
    except errors.UndefinedFunction:
        raise _no_range(kind, expression.type, bound.at) from None
    return coercion.coerce(expression, plus.right, bound.at, scope.workspace)


def _no_range(kind: SqlType, offset: SqlType, at: int) -> errors.NotSupportedError:
    words = f"RANGE with offset PRECEDING/FOLLOWING is not supported for column type {kind}"
    if kind.category not in _MEASURED:
        return errors.NotSupportedError(words, position=at)
    return errors.NotSupportedError(
        f"{words} and offset type {offset}",
        position=at,
        hint="Cast the offset value to an appropriate type.",
    )


def _range_operators(key: plan.SortKey, offset: plan.Expression, at: int) -> tuple[object, object, object]:
    kind = key.expression.type
    with located(at):
        at_most = resolve_operator("<=", kind, kind)
        if kind == DATE and offset.type == INTERVAL:  # date + interval is a timestamp
            at_most = replace(at_most, call=lambda left, right: _moment(left) <= _moment(right))
        plus, minus = resolve_operator("+", kind, offset.type), resolve_operator("-", kind, offset.type)
    if _OFFSETS.get(kind.name) == BIGINT:  # the end of a frame may lie beyond the greatest value of the type
        plus, minus = replace(plus, call=operator.add), replace(minus, call=operator.sub)
    return plus, minus, at_most


def _moment(value: date | datetime) -> datetime:
    return value if isinstance(value, datetime) else midnight(value)
