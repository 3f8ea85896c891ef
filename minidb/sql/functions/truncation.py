"""date_trunc and date_bin: the beginning of the hour, day, month ... that a moment is in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from minidb import errors
from minidb.sql.functions import intervals
from minidb.sql.functions.datetime import at_zone, in_zone
from minidb.sql.functions.extract import field_name, signed, unknown_field
from minidb.sql.functions.registry import Function
from minidb.types import INTERVAL, TEXT, TIMESTAMP, TIMESTAMPTZ, Interval, time_microseconds
from minidb.types.clock import SECOND

_TIME_STEPS = {
    "microseconds": 1,
    "milliseconds": 1000,
    "second": SECOND,
    "minute": 60 * SECOND,
    "hour": 3600 * SECOND,
    "day": 86_400 * SECOND,
}
_YEAR_STEPS = {"year": (1, 0), "decade": (10, 0), "century": (100, 1), "millennium": (1000, 1)}


def _trunc_day(name: str, value: datetime) -> datetime:
    """The first day of the week, month, quarter, year, ... of a midnight."""
    if name == "week":
        return value - timedelta(days=value.weekday())
    if name == "month":
        return value.replace(day=1)
    if name == "quarter":
        return value.replace(month=(value.month - 1) // 3 * 3 + 1, day=1)
    step, first = _YEAR_STEPS[name]
    # centuries begin with the year 1
    return value.replace(year=max((value.year - first) // step * step + first, 1), month=1, day=1)


def date_trunc(field: str, value: datetime) -> datetime:
    name = field_name(field)
    day = value.replace(hour=0, minute=0, second=0, microsecond=0)
    if name in _TIME_STEPS:
        clock = time_microseconds(value)
        return day + timedelta(microseconds=clock - clock % _TIME_STEPS[name])
    if name not in _YEAR_STEPS and name not in ("week", "month", "quarter"):
        raise unknown_field(name, f"timestamp with{'out' if value.tzinfo is None else ''} time zone")
    try:
        return _trunc_day(name, day)
    except (OverflowError, ValueError):
        raise intervals.out_of_range() from None


def date_trunc_zone(field: str, value: datetime, zone: str) -> datetime:
    return at_zone(zone, date_trunc(field, in_zone(zone, value)))


def date_trunc_interval(field: str, value: Interval) -> Interval:
    name = field_name(field)
    months = {"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1200, "millennium": 12000}.get(name)
    if months:
        return Interval(signed(value.months, months) * months)
    if name == "day":
        return Interval(value.months, value.days)
    if name not in _TIME_STEPS:
        raise unknown_field(name, "interval")
    step = _TIME_STEPS[name]
    return Interval(value.months, value.days, signed(value.microseconds, step) * step)


def date_bin(stride: Interval, value: datetime, origin: datetime) -> datetime:
    if stride.months:
        raise errors.NotSupportedError("timestamps cannot be binned into intervals containing months or years")
    width = stride.days * intervals.DAY + stride.microseconds
    if width <= 0:
        raise errors.DatetimeFieldOverflow("stride must be greater than zero")
    distance = (value - origin) // timedelta(microseconds=1)
    try:
        return origin + timedelta(microseconds=distance // width * width)
    except OverflowError:
        raise intervals.out_of_range() from None


def functions() -> Iterator[Function]:
    """All functions of this module."""
    for kind in (TIMESTAMP, TIMESTAMPTZ):
        yield Function("date_trunc", (TEXT, kind), kind, date_trunc)
        yield Function("date_bin", (INTERVAL, kind, kind), kind, date_bin)
    yield Function("date_trunc", (TEXT, TIMESTAMPTZ, TEXT), TIMESTAMPTZ, date_trunc_zone)
    yield Function("date_trunc", (TEXT, INTERVAL), INTERVAL, date_trunc_interval)
