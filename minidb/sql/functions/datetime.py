"""Functions on dates, times and intervals: the clock, extract, date_trunc, age, make_..., time zones.

What reads a clock asks the context: now() is the start of the transaction. The session's time zone decides what
current_date and localtime say; timestamptz itself is always UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from minidb import errors
from minidb.sql.functions import intervals
from minidb.sql.functions.registry import Function, FunctionContext
from minidb.types import (
    BOOLEAN,
    DATE,
    DAY_NAMES,
    DOUBLE,
    INTEGER,
    INTERVAL,
    MONTH_NAMES,
    NUMERIC,
    TEXT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    Interval,
    SqlType,
    cast_function,
    checked_interval,
    numeric_add,
    numeric_divide,
    shift_point,
    time_from_microseconds,
    time_microseconds,
    time_zone,
    type_from_name,
)
from minidb.zoned import moment

_SECOND = 1_000_000

# -- the clock --------------------------------------------------------------------------------------------


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


def _clock() -> Iterator[Function]:
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


# -- extract ----------------------------------------------------------------------------------------------

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


def _field(name: str) -> str:
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


def _unknown_field(field: str, type_name: str) -> errors.Error:
    known = field in _DATE_FIELDS or field in _TIME_FIELDS or field in _OTHER_FIELDS
    if known:
        return errors.NotSupportedError(f'unit "{field}" not supported for type {type_name}')
    return errors.InvalidParameterValue(f'unit "{field}" not recognized for type {type_name}')


def extract_date(field: str, value: date) -> Decimal:
    name = _field(field)
    if name in _DATE_FIELDS:
        return Decimal(_DATE_FIELDS[name](value))
    if name == "epoch":
        return Decimal((value.toordinal() - 719_163) * 86_400)
    if name == "julian":
        return Decimal(value.toordinal() + _JULIAN_OFFSET)
    raise _unknown_field(name, "date")


def extract_timestamp(field: str, value: datetime) -> Decimal:
    name = _field(field)
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
    raise _unknown_field(name, f"timestamp with{'out' if value.tzinfo is None else ''} time zone")


def _offset_part(name: str, offset: timedelta) -> Decimal:
    """Seconds east of Greenwich, or their hours or minutes, all with the same sign."""
    seconds = round(offset.total_seconds())
    sign = -1 if seconds < 0 else 1
    parts = {"timezone_hour": abs(seconds) // 3600, "timezone_minute": abs(seconds) // 60 % 60}
    return Decimal(sign * parts.get(name, abs(seconds)))


def extract_time(field: str, value: time) -> Decimal:
    name = _field(field)
    clock = time_microseconds(value)
    if name in _TIME_FIELDS:
        return _TIME_FIELDS[name](clock)
    if name == "epoch":
        return _scaled(clock, 6)
    raise _unknown_field(name, "time without time zone")


def _signed(number: int, divisor: int) -> int:
    return abs(number) // divisor * (1 if number >= 0 else -1)


_MONTH_FIELDS: dict[str, Callable[[int], int]] = {
    "year": lambda months: _signed(months, 12),
    "month": lambda months: months - _signed(months, 12) * 12,
    "quarter": lambda months: _signed(months - _signed(months, 12) * 12, 3) + 1,
    "decade": lambda months: _signed(months, 120),
    "century": lambda months: _signed(months, 1200),
    "millennium": lambda months: _signed(months, 12000),
}


def extract_interval(field: str, value: Interval) -> Decimal:
    name = _field(field)
    if name in _MONTH_FIELDS:
        return Decimal(_MONTH_FIELDS[name](value.months))
    if name == "day":
        return Decimal(value.days)
    if name == "epoch":
        return _scaled(intervals.interval_epoch_microseconds(value), 6)
    if name in _TIME_FIELDS:
        if name == "hour":
            return Decimal(_signed(value.microseconds, 3_600_000_000))
        magnitude = _TIME_FIELDS[name](abs(value.microseconds))
        return magnitude.copy_negate() if value.microseconds < 0 and magnitude else magnitude
    raise _unknown_field(name, "interval")


def _as_double(call: Callable[[str, Any], Decimal]) -> Callable[[str, Any], float]:
    return lambda field, value: float(call(field, value))


def _date_part(field: str, value: date) -> Decimal:
    """date_part takes a date as its midnight, extract does not."""
    return extract_timestamp(field, datetime(value.year, value.month, value.day))


def _extract() -> Iterator[Function]:
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


# -- truncation -------------------------------------------------------------------------------------------

_TIME_STEPS = {
    "microseconds": 1,
    "milliseconds": 1000,
    "second": _SECOND,
    "minute": 60 * _SECOND,
    "hour": 3600 * _SECOND,
    "day": 86_400 * _SECOND,
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
    name = _field(field)
    midnight = value.replace(hour=0, minute=0, second=0, microsecond=0)
    if name in _TIME_STEPS:
        clock = time_microseconds(value)
        return midnight + timedelta(microseconds=clock - clock % _TIME_STEPS[name])
    if name not in _YEAR_STEPS and name not in ("week", "month", "quarter"):
        raise _unknown_field(name, f"timestamp with{'out' if value.tzinfo is None else ''} time zone")
    try:
        return _trunc_day(name, midnight)
    except (OverflowError, ValueError):
        raise intervals.out_of_range() from None


def date_trunc_zone(field: str, value: datetime, zone: str) -> datetime:
    return at_zone(zone, date_trunc(field, in_zone(zone, value)))


def date_trunc_interval(field: str, value: Interval) -> Interval:
    name = _field(field)
    months = {"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1200, "millennium": 12000}.get(name)
    if months:
        return Interval(_signed(value.months, months) * months)
    if name == "day":
        return Interval(value.months, value.days)
    if name not in _TIME_STEPS:
        raise _unknown_field(name, "interval")
    step = _TIME_STEPS[name]
    return Interval(value.months, value.days, _signed(value.microseconds, step) * step)


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


def _truncation() -> Iterator[Function]:
    for kind in (TIMESTAMP, TIMESTAMPTZ):
        yield Function("date_trunc", (TEXT, kind), kind, date_trunc)
        yield Function("date_bin", (INTERVAL, kind, kind), kind, date_bin)
    yield Function("date_trunc", (TEXT, TIMESTAMPTZ, TEXT), TIMESTAMPTZ, date_trunc_zone)
    yield Function("date_trunc", (TEXT, INTERVAL), INTERVAL, date_trunc_interval)


# -- making -----------------------------------------------------------------------------------------------


def make_date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except (ValueError, OverflowError):
        raise errors.DatetimeFieldOverflow(f"date field value out of range: {year}-{month:02}-{day:02}") from None


def make_time(hour: int, minute: int, seconds: float) -> time:
    microseconds = round(seconds * _SECOND) if seconds == seconds and abs(seconds) < 100 else -1
    total = (hour * 3600 + minute * 60) * _SECOND + microseconds
    if not (0 <= hour <= 24 and 0 <= minute <= 59 and 0 <= microseconds <= 60 * _SECOND and total < intervals.DAY):
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
    clock = (hours * 3600 + mins * 60) * _SECOND + round(secs * _SECOND)
    return checked_interval(years * 12 + months, weeks * 7 + days, clock)


def to_timestamp(seconds: float) -> datetime:
    """Seconds since 1970 as a timestamptz."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=round(seconds * _SECOND))
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


# -- zones, age, series -----------------------------------------------------------------------------------


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
    today = current_date(context)
    midnight = datetime(today.year, today.month, today.day, tzinfo=value.tzinfo)
    return intervals.age(midnight, value)


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
    yield from _clock()
    yield from _extract()
    yield from _truncation()
    yield from _making()
    yield from _zones()
