"""Arithmetic between dates, times, timestamps and intervals, as PostgreSQL does it.

A month added to the last day of January gives the last day of February; days are added before time. Results outside
the years 1 to 9999 are 22008.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar

from minidb import errors
from minidb.types import Interval, checked_interval, midnight, time_from_microseconds, time_microseconds

DAY = 86_400_000_000
Moment = TypeVar("Moment", bound=datetime)


def out_of_range(what: str = "timestamp") -> errors.DatetimeFieldOverflow:
    return errors.DatetimeFieldOverflow(f"{what} out of range")


_MONTH_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def days_in_month(year: int, month: int) -> int:
    """As calendar.monthrange, whose import costs 2 ms."""
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _MONTH_LENGTHS[month - 1] + leap


def shift_months(value: Moment, months: int) -> Moment:
    """`value` some months later, on the last day of the month if that month is shorter."""
    total = value.year * 12 + value.month - 1 + months
    year, month = total // 12, total % 12 + 1
    if not 1 <= year <= 9999:
        raise out_of_range()
    return value.replace(year=year, month=month, day=min(value.day, days_in_month(year, month)))


def add_interval(value: datetime, span: Interval) -> datetime:
    if span.months:
        value = shift_months(value, span.months)
    try:
        return value + timedelta(days=span.days, microseconds=span.microseconds)
    except OverflowError:
        raise out_of_range() from None


def subtract_interval(value: datetime, span: Interval) -> datetime:
    return add_interval(value, Interval(-span.months, -span.days, -span.microseconds))


def interval_plus_moment(span: Interval, value: datetime) -> datetime:
    return add_interval(value, span)


def date_plus_interval(value: date, span: Interval) -> datetime:
    return add_interval(midnight(value), span)


def interval_plus_date(span: Interval, value: date) -> datetime:
    return add_interval(midnight(value), span)


def date_minus_interval(value: date, span: Interval) -> datetime:
    return subtract_interval(midnight(value), span)


def date_plus_days(value: date, days: int) -> date:
    try:
        return value + timedelta(days=days)
    except OverflowError:
        raise out_of_range("date") from None


def days_plus_date(days: int, value: date) -> date:
    return date_plus_days(value, days)


def date_minus_days(value: date, days: int) -> date:
    return date_plus_days(value, -days)


def date_minus_date(left: date, right: date) -> int:
    return left.toordinal() - right.toordinal()


def date_plus_time(value: date, clock: time) -> datetime:
    return datetime.combine(value, clock)


def time_plus_date(clock: time, value: date) -> datetime:
    return datetime.combine(value, clock)


def moment_minus_moment(left: datetime, right: datetime) -> Interval:
    """Whole days and the rest, both with the sign of the difference."""
    difference = left - right
    microseconds = (difference.days * 86400 + difference.seconds) * 1_000_000 + difference.microseconds
    days = abs(microseconds) // DAY * (1 if microseconds >= 0 else -1)
    return Interval(0, days, microseconds - days * DAY)


def time_plus_interval(value: time, span: Interval) -> time:
    return time_from_microseconds(time_microseconds(value) + span.microseconds)


def interval_plus_time(span: Interval, value: time) -> time:
    return time_plus_interval(value, span)


def time_minus_interval(value: time, span: Interval) -> time:
    return time_from_microseconds(time_microseconds(value) - span.microseconds)


def time_minus_time(left: time, right: time) -> Interval:
    return Interval(0, 0, time_microseconds(left) - time_microseconds(right))


def interval_plus_interval(left: Interval, right: Interval) -> Interval:
    return left + right


def interval_minus_interval(left: Interval, right: Interval) -> Interval:
    return left - right


def interval_times(span: Interval, factor: float) -> Interval:
    return span * factor


def times_interval(factor: float, span: Interval) -> Interval:
    return span * factor


def interval_divided(span: Interval, divisor: float) -> Interval:
    return span / divisor


def negate_interval(span: Interval) -> Interval:
    return -span


# -- age and justification --------------------------------------------------------------------------------


def age(left: datetime, right: datetime) -> Interval:
    """The difference in years, months, days and time, as PostgreSQL's timestamp_age counts it."""
    return -_positive_age(right, left) if left < right else _positive_age(left, right)


def _positive_age(later: datetime, earlier: datetime) -> Interval:
    """Subtract part by part; days are borrowed from the month of the earlier one."""
    months = (later.year - earlier.year) * 12 + later.month - earlier.month
    days = later.day - earlier.day
    microseconds = time_microseconds(later) - time_microseconds(earlier)
    if microseconds < 0:
        microseconds += DAY
        days -= 1
    while days < 0:
        days += days_in_month(earlier.year, earlier.month)
        months -= 1
    return Interval(months, days, microseconds)


def justify_hours(span: Interval) -> Interval:
    """24 hours become a day, the signs of both alike."""
    days, rest = _carry(span.microseconds, DAY)
    days, rest = _same_sign(span.days + days, rest, DAY)
    return checked_interval(span.months, days, rest)


def justify_days(span: Interval) -> Interval:
    """30 days become a month, the signs of both alike."""
    months, rest = _carry(span.days, 30)
    months, rest = _same_sign(span.months + months, rest, 30)
    return checked_interval(months, rest, span.microseconds)


def justify_interval(span: Interval) -> Interval:
    days, microseconds = _carry(span.microseconds, DAY)
    months, days = _carry(span.days + days, 30)
    months += span.months
    if months > 0 and (days < 0 or (days == 0 and microseconds < 0)):
        months, days = months - 1, days + 30
    elif months < 0 and (days > 0 or (days == 0 and microseconds > 0)):
        months, days = months + 1, days - 30
    days, microseconds = _same_sign(days, microseconds, DAY)
    return checked_interval(months, days, microseconds)


def _carry(amount: int, size: int) -> tuple[int, int]:
    whole = abs(amount) // size * (1 if amount >= 0 else -1)
    return whole, amount - whole * size


def _same_sign(high: int, low: int, size: int) -> tuple[int, int]:
    if high > 0 and low < 0:
        return high - 1, low + size
    if high < 0 and low > 0:
        return high + 1, low - size
    return high, low


# -- epoch ------------------------------------------------------------------------------------------------

_EPOCH = datetime(1970, 1, 1)


def epoch_microseconds(value: datetime) -> int:
    """Microseconds since 1970; a naive value counts as UTC."""
    difference = (value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value) - _EPOCH
    return (difference.days * 86400 + difference.seconds) * 1_000_000 + difference.microseconds


def interval_epoch_microseconds(span: Interval) -> int:
    """PostgreSQL counts a year as 365.25 days and a month as 30."""
    years, months = _carry(span.months, 12)
    seconds = years * 31_557_600 + (months * 30 + span.days) * 86_400
    return seconds * 1_000_000 + span.microseconds
