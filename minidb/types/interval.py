"""Intervals: spans of time in three parts, their order, arithmetic and text."""

from __future__ import annotations

import math
from datetime import timedelta

import msgspec

from minidb import errors
from minidb.types.clock import DAY, HOUR, MINUTE, SECOND, clock_text


class Interval(msgspec.Struct, frozen=True, eq=False, array_like=True, gc=False):
    """A span of time in three parts that do not convert into each other: months, days and microseconds.

    Order, equality and hash count a month as 30 days and a day as 24 hours, as PostgreSQL does: 1 month = 30 days.
    msgspec writes it as the array [months, days, microseconds] and a typed decoder reads it back.
    """

    months: int = 0
    days: int = 0
    microseconds: int = 0

    @property
    def total(self) -> int:
        """Microseconds with 30-day months and 24-hour days: what order, equality and hash look at."""
        return (self.months * 30 + self.days) * DAY + self.microseconds

    def __eq__(self, other: object) -> bool:
        return self.total == other.total if isinstance(other, Interval) else NotImplemented

    def __ne__(self, other: object) -> bool:  # Struct's own would compare identities
        return self.total != other.total if isinstance(other, Interval) else NotImplemented

    def __lt__(self, other: Interval) -> bool:
        return self.total < other.total if isinstance(other, Interval) else NotImplemented

    def __le__(self, other: Interval) -> bool:
        return self.total <= other.total if isinstance(other, Interval) else NotImplemented

    def __gt__(self, other: Interval) -> bool:
        return self.total > other.total if isinstance(other, Interval) else NotImplemented

    def __ge__(self, other: Interval) -> bool:
        return self.total >= other.total if isinstance(other, Interval) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.total)

    def __neg__(self) -> Interval:
        return checked_interval(-self.months, -self.days, -self.microseconds)

    def __add__(self, other: Interval) -> Interval:
        if not isinstance(other, Interval):
            return NotImplemented
        return checked_interval(
            self.months + other.months, self.days + other.days, self.microseconds + other.microseconds
        )

    def __sub__(self, other: Interval) -> Interval:
        if not isinstance(other, Interval):
            return NotImplemented
        return checked_interval(
            self.months - other.months, self.days - other.days, self.microseconds - other.microseconds
        )

    def __mul__(self, factor: float) -> Interval:
        if not isinstance(factor, (int, float)):
            return NotImplemented
        return _scaled_interval(self, self.months * factor, self.days * factor, self.microseconds * factor)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Interval:
        if not isinstance(divisor, (int, float)):
            return NotImplemented
        if divisor == 0:
            raise errors.DivisionByZero("division by zero")
        return _scaled_interval(self, self.months / divisor, self.days / divisor, self.microseconds / divisor)

    def __str__(self) -> str:
        return interval_text(self)

    @staticmethod
    def parse(text: str, fields: str | None = None) -> Interval:
        """Read PostgreSQL's, the SQL standard's or ISO 8601's spelling.

        `fields` is the qualifier of `INTERVAL '...' DAY TO SECOND`, lower case: its last word is the unit of a bare
        number, and smaller units are cut off.
        """
        return parse_interval(text, fields)


def checked_interval(months: int, days: int, microseconds: int) -> Interval:
    """An interval whose parts fit PostgreSQL's int4, int4 and int8, or 22008."""
    if -(2**31) <= months < 2**31 and -(2**31) <= days < 2**31 and -(2**63) <= microseconds < 2**63:
        return Interval(months, days, microseconds)
    raise errors.DatetimeFieldOverflow("interval out of range")


def _scaled_interval(span: Interval, months: float, days: float, microseconds: float) -> Interval:
    """Cascade the fractions of months into days and of days into time, as PostgreSQL's interval_mul does."""
    if not (math.isfinite(months) and math.isfinite(days) and math.isfinite(microseconds)):
        raise errors.DatetimeFieldOverflow("interval out of range")
    whole_months, whole_days = int(months), int(days)
    month_days = round((months - whole_months) * 30, 6)
    seconds = round((days - whole_days + month_days - int(month_days)) * 86400, 6)
    if abs(seconds) >= 86400:
        extra = int(seconds / 86400)
        whole_days += extra
        seconds -= extra * 86400
    return checked_interval(whole_months, whole_days + int(month_days), round(microseconds + seconds * 1_000_000))


def interval_text(span: Interval) -> str:
    """PostgreSQL's default style: `1 year 2 mons 3 days 04:05:06.5`."""
    years, months = _truncated_divmod(span.months, 12)
    parts: list[str] = []
    negative = False
    for number, unit in ((years, "year"), (months, "mon"), (span.days, "day")):
        if number:
            sign = "+" if negative and number > 0 else ""
            parts.append(f"{sign}{number} {unit}{'' if number == 1 else 's'}")
            negative = number < 0
    if span.microseconds or not parts:
        sign = "-" if span.microseconds < 0 else "+" if negative else ""
        parts.append(sign + clock_text(abs(span.microseconds)))
    return " ".join(parts)


def _truncated_divmod(number: int, divisor: int) -> tuple[int, int]:
    quotient = abs(number) // divisor * (1 if number >= 0 else -1)
    return quotient, number - quotient * divisor


def parse_interval(text: str, fields: str | None = None) -> Interval:
    """The interval that `text` spells; see Interval.parse. Raises 22007, 22008."""
    from minidb.types.interval_text import read_parts  # many programs have no intervals

    try:
        span = checked_interval(*read_parts(text.strip().lower(), fields))
    except errors.DatetimeFieldOverflow:
        raise errors.DatetimeFieldOverflow(f'interval field value out of range: "{text}"', sqlstate="22015") from None
    except (ValueError, KeyError, IndexError, ArithmeticError):
        raise errors.InvalidDatetimeFormat(f'invalid input syntax for type interval: "{text}"') from None
    return cut_interval(span, fields) if fields else span


def cut_interval(span: Interval, fields: str) -> Interval:
    """Drop what is smaller than the last field of a qualifier such as `day to hour`."""
    last = fields.split()[-1]
    months, days, microseconds = span.months, span.days, span.microseconds
    if last == "year":
        return Interval(_truncated_divmod(months, 12)[0] * 12)
    if last == "month":
        return Interval(months)
    if last == "day":
        return Interval(months, days)
    step = {"hour": HOUR, "minute": MINUTE}.get(last, 1)
    return Interval(months, days, _truncated_divmod(microseconds, step)[0] * step)


def interval_from_timedelta(value: timedelta) -> Interval:
    return Interval(0, value.days, value.seconds * SECOND + value.microseconds)
