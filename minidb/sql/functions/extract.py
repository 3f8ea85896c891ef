"""extract and date_part: the fields of dates, times, timestamps and intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from minidb import errors
from minidb.sql.functions import intervals
from minidb.sql.functions.registry import Function
from minidb.types import (
    DATE,
    DOUBLE,
    INTERVAL,
    NUMERIC,
    TEXT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    Interval,
    midnight,
    numeric_add,
    numeric_divide,
    shift_point,
    time_microseconds,
)

_FIELDS = {
    "years": "year",
    "y": "year",
    "yr": "year",
    "yrs": "year",
    "months": "month",
    "mon": "month",
    "mons": "month",
    "days": "day",
    "d": "day",
    "hours": "hour",
    "h": "hour",
    "hr": "hour",
    "hrs": "hour",
    "minutes": "minute",
    "m": "minute",
    "min": "minute",
    "mins": "minute",
    "seconds": "second",
    "s": "second",
    "sec": "second",
    "secs": "second",
    "millisecond": "milliseconds",
    "ms": "milliseconds",
    "msec": "milliseconds",
    "microsecond": "microseconds",
    "us": "microseconds",
    "usec": "microseconds",
    "weeks": "week",
    "w": "week",
    "qtr": "quarter",
    "decades": "decade",
    "dec": "decade",
    "centuries": "century",
    "c": "century",
    "cent": "century",
    "millenniums": "millennium",
    "millennia": "millennium",
    "mil": "millennium",
    "mils": "millennium",
}


def field_name(name: str) -> str:
    lowered = name.strip().lower()
    return _FIELDS.get(lowered, lowered)


def _scaled(microseconds: int, scale: int) -> Decimal:
    return shift_point(Decimal(microseconds), -scale)


def _century(year: int) -> int:
    return (year + 99) // 100


_DATE_FIELDS: dict[str, Callable[[date], int]] = {
    "year": lambda day: day.year,
    "month": lambda day: day.month,
    "day": lambda day: day.day,
    "quarter": lambda day: (day.month + 2) // 3,
    "week": lambda day: day.isocalendar().week,
    "isoyear": lambda day: day.isocalendar().year,
    "dow": lambda day: day.isoweekday() % 7,
    "isodow": date.isoweekday,
    "doy": lambda day: day.timetuple().tm_yday,
    "decade": lambda day: day.year // 10,
    "century": lambda day: _century(day.year),
    "millennium": lambda day: (day.year + 999) // 1000,
}
# microseconds since midnight -> the field
_TIME_FIELDS: dict[str, Callable[[int], Decimal]] = {
    "hour": lambda clock: Decimal(clock // 3_600_000_000),
    "minute": lambda clock: Decimal(clock // 60_000_000 % 60),
    "second": lambda clock: _scaled(clock % 60_000_000, 6),
    "milliseconds": lambda clock: _scaled(clock % 60_000_000, 3),
    "microseconds": lambda clock: Decimal(clock % 60_000_000),
}
_JULIAN_OFFSET = 1_721_425  # Julian day of the ordinal 0
_OTHER_FIELDS = ("epoch", "julian", "timezone", "timezone_hour", "timezone_minute")


def unknown_field(field: str, type_name: str) -> errors.Error:
    known = field in _DATE_FIELDS or field in _TIME_FIELDS or field in _OTHER_FIELDS
    if known:
        return errors.NotSupportedError(f'unit "{field}" not supported for type {type_name}')
    return errors.InvalidParameterValue(f'unit "{field}" not recognized for type {type_name}')


def extract_date(field: str, value: date) -> Decimal:
    name = field_name(field)
    if name in _DATE_FIELDS:
        return Decimal(_DATE_FIELDS[name](value))
    if name == "epoch":
        return Decimal((value.toordinal() - 719_163) * 86_400)
    if name == "julian":
        return Decimal(value.toordinal() + _JULIAN_OFFSET)
    raise unknown_field(name, "date")


def extract_timestamp(field: str, value: datetime) -> Decimal:
    name = field_name(field)
    if name in _DATE_FIELDS:
        return Decimal(_DATE_FIELDS[name](value))
    if name in _TIME_FIELDS:
        return _TIME_FIELDS[name](time_microseconds(value))
    if name == "epoch":
        return _scaled(intervals.epoch_microseconds(value), 6)
    if name == "julian":
        day, part = Decimal(value.toordinal() + _JULIAN_OFFSET), _scaled(time_microseconds(value), 6)
        return numeric_add(day, numeric_divide(part, Decimal(86_400)))
    if value.tzinfo is not None and name in ("timezone", "timezone_hour", "timezone_minute"):
        return _offset_part(name, value.utcoffset() or timedelta())
    raise unknown_field(name, f"timestamp with{'out' if value.tzinfo is None else ''} time zone")


def _offset_part(name: str, offset: timedelta) -> Decimal:
    """Seconds east of Greenwich, or their hours or minutes, all with the same sign."""
    seconds = round(offset.total_seconds())
    sign = -1 if seconds < 0 else 1
    parts = {"timezone_hour": abs(seconds) // 3600, "timezone_minute": abs(seconds) // 60 % 60}
    return Decimal(sign * parts.get(name, abs(seconds)))


def extract_time(field: str, value: time) -> Decimal:
    name = field_name(field)
    clock = time_microseconds(value)
    if name in _TIME_FIELDS:
        return _TIME_FIELDS[name](clock)
    if name == "epoch":
        return _scaled(clock, 6)
    raise unknown_field(name, "time without time zone")


def signed(number: int, divisor: int) -> int:
    return abs(number) // divisor * (1 if number >= 0 else -1)


_MONTH_FIELDS: dict[str, Callable[[int], int]] = {
    "year": lambda months: signed(months, 12),
    "month": lambda months: months - signed(months, 12) * 12,
    "quarter": lambda months: signed(months - signed(months, 12) * 12, 3) + 1,
    "decade": lambda months: signed(months, 120),
    "century": lambda months: signed(months, 1200),
    "millennium": lambda months: signed(months, 12000),
}


def extract_interval(field: str, value: Interval) -> Decimal:
    name = field_name(field)
    if name in _MONTH_FIELDS:
        return Decimal(_MONTH_FIELDS[name](value.months))
    if name == "day":
        return Decimal(value.days)
    if name == "epoch":
        return _scaled(intervals.interval_epoch_microseconds(value), 6)
    if name in _TIME_FIELDS:
        if name == "hour":
            return Decimal(signed(value.microseconds, 3_600_000_000))
        magnitude = _TIME_FIELDS[name](abs(value.microseconds))
        return magnitude.copy_negate() if value.microseconds < 0 and magnitude else magnitude
    raise unknown_field(name, "interval")


def _as_double(call: Callable[[str, Any], Decimal]) -> Callable[[str, Any], float]:
    return lambda field, value: float(call(field, value))


def _date_part(field: str, value: date) -> Decimal:
    """date_part takes a date as its midnight, extract does not."""
    return extract_timestamp(field, midnight(value))


def functions() -> Iterator[Function]:
    """All functions of this module."""
    for kind, call in (
        (DATE, extract_date),
        (TIMESTAMP, extract_timestamp),
        (TIMESTAMPTZ, extract_timestamp),
        (TIME, extract_time),
        (INTERVAL, extract_interval),
    ):
        yield Function("extract", (TEXT, kind), NUMERIC, call)
        part = _date_part if kind is DATE else call
        yield Function("date_part", (TEXT, kind), DOUBLE, _as_double(part))
