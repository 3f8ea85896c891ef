"""Dates, times and timestamps as text."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from minidb import errors
from minidb.types.clock import DAY, clock_text, midnight, time_from_microseconds, time_microseconds
from minidb.types.moment import Moment, iso_moment

_YEARS = "Dates go from 0001-01-01 to 9999-12-31 here; use one of these or NULL."


def parse_moment(text: str, type_name: str, now: datetime | None = None) -> Moment:
    """Read a date, a time or both, in the spellings that PostgreSQL takes (ISO, MDY order, month names).

    `now` serves the words now, today, tomorrow and yesterday; without it they are refused.
    Raises InvalidDatetimeFormat (22007), DatetimeFieldOverflow (22008).
    """
    try:
        return iso_moment(text) or _otherwise(text, now)
    except OverflowError:
        beyond = re.search(r"\d{5,}-|\bbc\b", text, re.IGNORECASE) is not None
        raise errors.DatetimeFieldOverflow(
            f'date/time field value out of range: "{text}"', hint=_YEARS if beyond else None
        ) from None
    except (ValueError, KeyError):
        if text.strip().lower().lstrip("+-") == "infinity":
            raise errors.NotSupportedError(
                f"infinite values of type {type_name} are not supported", hint=_YEARS
            ) from None
        raise errors.InvalidDatetimeFormat(f'invalid input syntax for type {type_name}: "{text}"') from None


def _otherwise(text: str, now: datetime | None) -> Moment:
    from minidb.types.date_reader import DateReader  # most dates are ISO's, and many programs have no others

    return DateReader(text, now).moment()


def read_date(text: str, now: datetime | None = None) -> date:
    moment = parse_moment(text, "date", now)
    if moment.day is None:
        raise errors.InvalidDatetimeFormat(f'invalid input syntax for type date: "{text}"')
    return moment.day


def read_time(text: str, now: datetime | None = None) -> time:
    stripped = text.strip()
    if len(stripped) in (4, 6) and stripped.isdigit():
        text = f"{stripped[:2]}:{stripped[2:4]}:{stripped[4:] or '00'}"
    moment = parse_moment(text, "time", now)
    if moment.microseconds is None:
        raise errors.InvalidDatetimeFormat(f'invalid input syntax for type time: "{text}"')
    if moment.microseconds == DAY:
        raise errors.DatetimeFieldOverflow(
            f'date/time field value out of range: "{text}"', hint="Times go from 00:00:00 to 23:59:59.999999 here."
        )
    return time_from_microseconds(moment.microseconds)


def _moment_datetime(text: str, type_name: str, now: datetime | None) -> tuple[datetime, tzinfo | None]:
    moment = parse_moment(text, type_name, now)
    if moment.day is None:
        raise errors.InvalidDatetimeFormat(f'invalid input syntax for type {type_name}: "{text}"')
    try:
        return midnight(moment.day) + timedelta(microseconds=moment.microseconds or 0), moment.zone
    except OverflowError:
        raise errors.DatetimeFieldOverflow(f'timestamp out of range: "{text}"') from None


def read_timestamp(text: str, now: datetime | None = None) -> datetime:
    return _moment_datetime(text, "timestamp", now)[0]


def read_timestamptz(text: str, now: datetime | None = None) -> datetime:
    value, zone = _moment_datetime(text, "timestamp with time zone", now)
    try:
        return value.replace(tzinfo=zone or UTC).astimezone(UTC)
    except OverflowError:
        raise errors.DatetimeFieldOverflow(f'timestamp out of range: "{text}"') from None


def date_text(value: date) -> str:
    return f"{value.year:04}-{value.month:02}-{value.day:02}"


def time_text(value: time) -> str:
    return clock_text(time_microseconds(value))


def timestamp_text(value: datetime) -> str:
    return f"{date_text(value)} {clock_text(time_microseconds(value))}"


def timestamptz_text(value: datetime) -> str:
    return timestamp_text(value.astimezone(UTC)) + "+00"
