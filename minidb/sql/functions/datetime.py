"""Functions on dates, times and intervals: make_..., time zones, age, series, overlaps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from minidb import errors
from minidb.sql.functions import intervals
from minidb.sql.functions.clocks import current_date
from minidb.sql.functions.registry import Function, FunctionContext
from minidb.types import (
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    INTERVAL,
    TEXT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    Interval,
    SqlType,
    checked_interval,
    midnight,
    time_from_microseconds,
    time_zone,
)
from minidb.types.clock import SECOND
from minidb.zoned import moment


def make_date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except (ValueError, OverflowError):
        raise errors.DatetimeFieldOverflow(f"date field value out of range: {year}-{month:02}-{day:02}") from None


def make_time(hour: int, minute: int, seconds: float) -> time:
    microseconds = round(seconds * SECOND) if seconds == seconds and abs(seconds) < 100 else -1
    total = (hour * 3600 + minute * 60) * SECOND + microseconds
    if not (0 <= hour <= 24 and 0 <= minute <= 59 and 0 <= microseconds <= 60 * SECOND and total < intervals.DAY):
        raise errors.DatetimeFieldOverflow(f"time field value out of range: {hour}:{minute:02}:{seconds:02g}")
    return time_from_microseconds(total)


def make_timestamp(year: int, month: int, day: int, hour: int, minute: int, seconds: float) -> datetime:
    return datetime.combine(make_date(year, month, day), make_time(hour, minute, seconds))


def make_timestamptz(
    year: int, month: int, day: int, hour: int, minute: int, seconds: float, zone: str = "UTC"
) -> datetime:
    """An offset counts as behind a timestamp: +02 lies east."""
    mirrored = zone.translate(str.maketrans("+-", "-+")) if zone[:1] in "+-" else zone
    return at_zone(mirrored, make_timestamp(year, month, day, hour, minute, seconds))


def make_interval(
    years: int = 0, months: int = 0, weeks: int = 0, days: int = 0, hours: int = 0, mins: int = 0, secs: float = 0.0
) -> Interval:
    if secs != secs or abs(secs) > 1e15:
        raise intervals.out_of_range("interval")
    clock = (hours * 3600 + mins * 60) * SECOND + round(secs * SECOND)
    return checked_interval(years * 12 + months, weeks * 7 + days, clock)


def to_timestamp(seconds: float) -> datetime:
    """Seconds since 1970 as a timestamptz."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=round(seconds * SECOND))
    except (OverflowError, ValueError):
        raise errors.DatetimeFieldOverflow(f'timestamp out of range: "{seconds:g}"') from None


def _making() -> Iterator[Function]:
    three = (INTEGER, INTEGER, INTEGER)
    clock = (INTEGER, INTEGER, DOUBLE)
    yield Function("make_date", three, DATE, make_date)
    yield Function("make_time", clock, TIME, make_time)
    yield Function("make_timestamp", three + clock, TIMESTAMP, make_timestamp)
    yield Function("make_timestamptz", three + clock, TIMESTAMPTZ, make_timestamptz)
    yield Function("make_timestamptz", (*three, *clock, TEXT), TIMESTAMPTZ, make_timestamptz)
    parts = (INTEGER,) * 6 + (DOUBLE,)
    for count in range(len(parts) + 1):
        yield Function("make_interval", parts[:count], INTERVAL, make_interval)
    yield Function("to_timestamp", (DOUBLE,), TIMESTAMPTZ, to_timestamp)


def at_zone(zone: str, value: datetime) -> datetime:
    """`timestamp AT TIME ZONE zone`: the moment when clocks there show `value`."""
    try:
        return moment(value, time_zone(zone))
    except OverflowError:
        raise intervals.out_of_range() from None


def in_zone(zone: str, value: datetime) -> datetime:
    """`timestamptz AT TIME ZONE zone`: what clocks there show."""
    try:
        return value.astimezone(time_zone(zone)).replace(tzinfo=None)
    except OverflowError:
        raise intervals.out_of_range() from None


def _check_zone(span: Interval) -> Interval:
    if span.months or span.days:
        raise errors.InvalidParameterValue(f'interval time zone "{span}" must not include months or days')
    return span


def at_offset(span: Interval, value: datetime) -> datetime:
    return intervals.subtract_interval(value, _check_zone(span)).replace(tzinfo=UTC)


def in_offset(span: Interval, value: datetime) -> datetime:
    return intervals.add_interval(value, _check_zone(span)).replace(tzinfo=None)


def age_from_today(context: FunctionContext, value: datetime) -> Interval:
    """age() with one argument counts from midnight of the current date."""
    today = midnight(current_date(context)).replace(tzinfo=value.tzinfo)
    return intervals.age(today, value)


def timestamp_series(start: datetime, stop: datetime, step: Interval) -> Iterator[datetime]:
    zero = Interval()
    if step == zero:
        raise errors.InvalidParameterValue("step size cannot equal zero")
    current = start
    while current <= stop if step > zero else current >= stop:
        yield current
        try:
            current = intervals.add_interval(current, step)
        except errors.DatetimeFieldOverflow:
            return


def overlaps(start: Any, end: Any, other_start: Any, other_end: Any) -> bool:
    """Half-open periods; one of no length is a point."""
    low, high = min(start, end), max(start, end)
    other_low, other_high = min(other_start, other_end), max(other_start, other_end)
    if low == other_low:
        return True
    return bool(low < other_high if low > other_low else other_low < high)


def _overlapping(kind: SqlType, first: bool, second: bool) -> Callable[..., bool]:
    """overlaps where one period, or both, end a span after their start."""
    later = intervals.time_plus_interval if kind is TIME else intervals.add_interval

    def call(start: Any, end: Any, other_start: Any, other_end: Any) -> bool:
        return overlaps(
            start,
            later(start, end) if first else end,
            other_start,
            later(other_start, other_end) if second else other_end,
        )

    return call


def _zones() -> Iterator[Function]:
    yield Function("timezone", (TEXT, TIMESTAMP), TIMESTAMPTZ, at_zone)
    yield Function("timezone", (TEXT, TIMESTAMPTZ), TIMESTAMP, in_zone)
    yield Function("timezone", (INTERVAL, TIMESTAMP), TIMESTAMPTZ, at_offset)
    yield Function("timezone", (INTERVAL, TIMESTAMPTZ), TIMESTAMP, in_offset)
    for kind in (TIMESTAMP, TIMESTAMPTZ):
        yield Function("age", (kind, kind), INTERVAL, intervals.age)
        yield Function("age", (kind,), INTERVAL, age_from_today, volatility="stable", needs_context=True)
        yield Function("generate_series", (kind, kind, INTERVAL), kind, timestamp_series, returns_set=True)
    for kind in (DATE, TIMESTAMP, TIMESTAMPTZ, INTERVAL):
        yield Function("isfinite", (kind,), BOOLEAN, lambda value: True)
    for kind in (TIME, TIMESTAMP, TIMESTAMPTZ):
        yield Function("overlaps", (kind, kind, kind, kind), BOOLEAN, overlaps)
        for first, second in ((INTERVAL, kind), (kind, INTERVAL), (INTERVAL, INTERVAL)):
            compare = _overlapping(kind, first is INTERVAL, second is INTERVAL)
            yield Function("overlaps", (kind, first, kind, second), BOOLEAN, compare)
    for name, call in (
        ("justify_days", intervals.justify_days),
        ("justify_hours", intervals.justify_hours),
        ("justify_interval", intervals.justify_interval),
    ):
        yield Function(name, (INTERVAL,), INTERVAL, call)


def functions() -> Iterator[Function]:
    """All functions of this module."""
    yield from _making()
    yield from _zones()
