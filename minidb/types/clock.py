"""The clock: a time of day as microseconds since midnight, and how it is written."""

from __future__ import annotations

from datetime import date, datetime, time

DAY = 86_400_000_000
HOUR = 3_600_000_000
MINUTE = 60_000_000
SECOND = 1_000_000


def time_from_microseconds(microseconds: int) -> time:
    """The time of day that many microseconds after midnight, wrapping at 24 hours."""
    seconds, fraction = divmod(microseconds % DAY, SECOND)
    return time(seconds // 3600, seconds // 60 % 60, seconds % 60, fraction)


def time_microseconds(value: time | datetime) -> int:
    """Microseconds since midnight."""
    return ((value.hour * 60 + value.minute) * 60 + value.second) * SECOND + value.microsecond


def clock_text(microseconds: int) -> str:
    """`04:05:06.5`; hours may be more than a day has."""
    seconds, fraction = divmod(microseconds, SECOND)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{fraction:06}".rstrip("0") if fraction else text


def midnight(day: date) -> datetime:
    """The timestamp at which a day begins."""
    return datetime(day.year, day.month, day.day)
