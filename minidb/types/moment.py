"""A moment that a text spells in the style of ISO 8601, and the calendar's words."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, tzinfo
from functools import cache

import msgspec

from minidb.types.clock import DAY, SECOND
from minidb.types.zones import offset_zone

MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
DAY_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


class Moment(msgspec.Struct, frozen=True):
    """What a date and time text said: any part may be missing. `microseconds` counts from midnight."""

    day: date | None
    microseconds: int | None
    zone: tzinfo | None


_ISO = (
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ tT](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?)?"
    r"(?:[zZ]|([+-])(\d{2})(?::?(\d{2}))?)?\Z"
)


@cache
def _iso_match() -> Callable[[str], re.Match[str] | None]:
    """Compiled when first asked for: that takes as long as the import of three modules."""
    return re.compile(_ISO, re.ASCII).match


def iso_moment(text: str) -> Moment | None:
    """None if the text is spelled otherwise; OverflowError if there is no such day or time."""
    match = _iso_match()(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, zone_hours, zone_minutes = match.groups()
    microseconds = None
    if hour:
        microseconds = since_midnight(int(hour), int(minute), int(second or 0), int((fraction or "0").ljust(6, "0")))
    zone: tzinfo | None = None
    if sign:
        zone = offset_zone(sign, int(zone_hours), int(zone_minutes or 0))
    elif match[0][-1] in "zZ":
        zone = UTC
    return Moment(calendar_day(int(year), int(month), int(day)), microseconds, zone)


def calendar_day(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise OverflowError from None


def since_midnight(hour: int, minute: int, second: int, microsecond: int = 0) -> int:
    """Microseconds since midnight; 24:00:00 and second 60 are allowed, as in PostgreSQL."""
    total = ((hour * 60 + minute) * 60 + second) * SECOND + microsecond
    if minute > 59 or second > 60 or total > DAY:
        raise OverflowError
    return total
