"""The clock: now() and its kin.

What reads a clock asks the context: now() is the start of the transaction. The session's time zone decides what
current_date and localtime say; timestamptz itself is always UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from typing import Any

from minidb.sql.functions.registry import Function, FunctionContext
from minidb.types import (
    DATE,
    DAY_NAMES,
    INTEGER,
    MONTH_NAMES,
    TEXT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    cast_function,
    time_zone,
    type_from_name,
)


def _local(value: datetime, context: FunctionContext) -> datetime:
    """A moment as the session's clock on the wall shows it."""
    return value.astimezone(time_zone(context.time_zone)).replace(tzinfo=None)


def now(context: FunctionContext) -> datetime:
    return context.now.astimezone(UTC)


def statement_timestamp(context: FunctionContext) -> datetime:
    return context.statement_time.astimezone(UTC)


def clock_timestamp(context: FunctionContext) -> datetime:
    return context.clock().astimezone(UTC)


def timeofday(context: FunctionContext) -> str:
    """The clock as Unix writes it: `Wed Feb 26 10:34:05.123456 2003 UTC`."""
    moment = context.clock().astimezone(time_zone(context.time_zone))
    day, month = DAY_NAMES[moment.isoweekday() % 7][:3], MONTH_NAMES[moment.month - 1][:3]
    return f"{day} {month} {moment.day:02} {moment.time().isoformat('microseconds')} {moment.year} {moment.tzname()}"


def current_date(context: FunctionContext) -> date:
    return _local(context.now, context).date()


def localtime(context: FunctionContext) -> time:
    return _local(context.now, context).time()


def localtimestamp(context: FunctionContext) -> datetime:
    return _local(context.now, context)


def _with_precision(call: Callable[[FunctionContext], Any], name: str) -> Callable[[FunctionContext, int], Any]:
    def rounded(context: FunctionContext, precision: int) -> Any:
        target = type_from_name(name, (precision,))
        fit = cast_function(target.base, target)
        return fit(call(context)) if fit else call(context)

    return rounded


def functions() -> Iterator[Function]:
    """All functions of this module."""

    def stable(name: str, result: Any, call: Callable[..., Any], *arguments: Any) -> Function:
        volatility: Any = "volatile" if name in ("clock_timestamp", "timeofday") else "stable"
        return Function(name, arguments, result, call, volatility=volatility, needs_context=True)

    for name in ("now", "transaction_timestamp", "current_timestamp"):
        yield stable(name, TIMESTAMPTZ, now)
    yield stable("statement_timestamp", TIMESTAMPTZ, statement_timestamp)
    yield stable("clock_timestamp", TIMESTAMPTZ, clock_timestamp)
    yield stable("timeofday", TEXT, timeofday)
    yield stable("current_date", DATE, current_date)
    yield stable("localtimestamp", TIMESTAMP, localtimestamp)
    for name in ("localtime", "current_time"):
        yield stable(name, TIME, localtime)
        yield stable(name, TIME, _with_precision(localtime, "time"), INTEGER)
    yield stable("current_timestamp", TIMESTAMPTZ, _with_precision(now, "timestamptz"), INTEGER)
    yield stable("localtimestamp", TIMESTAMP, _with_precision(localtimestamp, "timestamp"), INTEGER)
