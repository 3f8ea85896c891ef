"""From the numbers that a text gave for a template's fields to a day, a time of day and an offset: do_to_timestamp.

ValueError and OverflowError: there is no such day or time.
"""

from __future__ import annotations

from datetime import date, timedelta

import msgspec

from minidb import errors

_FIRST_DAY = 1_721_425  # Julian day of 0001-01-01, less its ordinal


class Reading(msgspec.Struct):
    """What a text said; 0 for what it did not say, as in PostgreSQL."""

    fields: dict[str, int] = {}
    year_digits: int = 0
    afternoon: bool | None = None
    twelve_hours: bool = False
    before_christ: bool = False
    iso: bool | None = None  # True: week dates, False: Gregorian ones
    fraction_digits: int = 6  # FF3: rounded to milliseconds
    zone_sign: int = 0

    def get(self, name: str) -> int:
        return self.fields.get(name, 0)


def clock_of(reading: Reading) -> timedelta:
    hour, minute, second = reading.get("hour"), reading.get("minute"), reading.get("second")
    since = reading.get("seconds")
    if since:
        hour, minute, second = hour or since // 3600, minute or since // 60 % 60, second or since % 60
    if reading.twelve_hours:
        if not 1 <= hour <= 12:
            raise errors.InvalidDatetimeFormat(
                f'hour "{hour}" is invalid for the 12-hour clock',
                hint="Use the 24-hour clock, or give an hour between 1 and 12.",
            )
        hour = hour % 12 + 12 * bool(reading.afternoon)
    fraction = reading.get("milliseconds") * 1000 + reading.get("microseconds")
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60 and 0 <= fraction < 1_000_000):
        raise ValueError
    step = 10 ** (6 - reading.fraction_digits)
    rounded = (fraction + step // 2) // step * step
    return timedelta(hours=hour, minutes=minute, seconds=second, microseconds=rounded)


def offset_of(reading: Reading) -> timedelta | None:
    if not reading.zone_sign:
        return None
    hours, minutes = reading.get("zone_hours"), reading.get("zone_minutes")
    if not (0 <= hours <= 15 and 0 <= minutes < 60):
        raise ValueError
    return reading.zone_sign * timedelta(hours=hours, minutes=minutes)


def _year_of(reading: Reading) -> int | None:
    """The year; None if nothing says which. 0 and below are years before Christ."""
    year, century = reading.get("year"), reading.get("century")
    if reading.before_christ and (year or century):
        raise ValueError
    if year and century and reading.year_digits <= 2:
        return (century - 1) * 100 + year % 100 if year % 100 else century * 100
    if year:
        return year
    return (century - 1) * 100 + 1 if century else None


def day_of(reading: Reading) -> date:
    year = _year_of(reading)
    known = year if year is not None else 1
    month, day = reading.get("month"), reading.get("day")
    if reading.get("julian"):
        found = date.fromordinal(reading.get("julian") - _FIRST_DAY)
        year = known = found.year
        month, day = month or found.month, day or found.day
    week, day_of_year = reading.get("week"), reading.get("day_of_year")
    if week and reading.iso:
        weekday = reading.get("weekday")
        return date.fromisocalendar(known, 1, 1) + timedelta(
            weeks=week - 1, days=(weekday - 2) % 7 if weekday else 0
        )
    if week:
        day_of_year = (week - 1) * 7 + 1
    if reading.get("month_week"):
        day = (reading.get("month_week") - 1) * 7 + 1
    if day_of_year and (month <= 1 or day <= 1):
        return _by_day_of_year(year, day_of_year, month, day, bool(reading.iso))
    return date(known, month or 1, day or 1)


def _by_day_of_year(year: int | None, number: int, month: int, day: int, iso: bool) -> date:
    if not year:
        raise errors.InvalidDatetimeFormat("cannot calculate day of year without year information")
    if iso:
        return date.fromisocalendar(year, 1, 1) + timedelta(days=number - 1)
    found = date(year, 1, 1) + timedelta(days=number - 1)
    if found.year != year:
        raise ValueError
    return date(year, month if month > 1 else found.month, day if day > 1 else found.day)
