"""Dates and times inside paths: what `.datetime()` makes of a string, how two of them compare, how one is written.

Documents have no dates, so these exist only while a path is followed; what leaves it is a string.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import msgspec

from minidb import errors
from minidb.jsonpath.failures import Failure
from minidb.sql.functions.moment_input import read_moment
from minidb.sql.functions.templates import parse_template
from minidb.types import time_microseconds

_CLOCK = r"(\d\d?):(\d\d?):(\d\d?)(?:\.(\d{1,6}))?(?:([+-])(\d\d?)(?::(\d\d?))?)?"
_DAY = r"(\d{1,4})-(\d\d?)-(\d\d?)"
_DATE = re.compile(rf"{_DAY}\Z")
_TIME = re.compile(rf"{_CLOCK}\Z")
_MOMENT = re.compile(rf"{_DAY}[ T]{_CLOCK}\Z")
_DAY_FIELDS = frozenset({"YYYY", "YYY", "YY", "Y", "Y,YYY", "MM", "MON", "MONTH", "DD", "DDD", "DAY", "DY", "J"})
_DAY_FIELDS |= {"IYYY", "IYY", "IY", "I", "IW", "ID", "IDDD", "WW", "W", "D", "Q", "CC", "RM"}
_ZONE_FIELDS = frozenset({"TZH", "TZM", "OF", "TZ"})


class Moment(msgspec.Struct, frozen=True):
    """`day` None: a time of day. `clock` None: a date. `offset` None: without a time zone."""

    day: date | None = None
    clock: time | None = None
    offset: timedelta | None = None

    @property
    def kind(self) -> str:
        """The word of `.type()`."""
        if self.clock is None:
            return "date"
        what = "time" if self.day is None else "timestamp"
        return f"{what} {'without' if self.offset is None else 'with'} time zone"

    def __str__(self) -> str:
        written = [] if self.day is None else [self.day.isoformat()]
        if self.clock is not None:
            clock = self.clock.isoformat()
            written.append(clock.rstrip("0") if "." in clock else clock)
        return "T".join(written) + ("" if self.offset is None else _offset_text(self.offset))


def _offset_text(offset: timedelta) -> str:
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


# -- reading ----------------------------------------------------------------------------------------------


def read(text: str) -> Moment:
    """An ISO date, time or timestamp. Raises Failure 22031."""
    try:
        if match := _DATE.match(text):
            return Moment(day=_day(match.groups()))
        if match := _TIME.match(text):
            return Moment(clock=_clock(match.groups()), offset=_offset(match.groups()))
        if match := _MOMENT.match(text):
            groups = match.groups()
            return Moment(_day(groups), _clock(groups[3:]), _offset(groups[3:]))
    except ValueError:
        raise Failure("22008", f'date/time field value out of range: "{text}"') from None
    raise Failure(
        "22031",
        f'datetime format is not recognized: "{text}"',
        hint="Use a datetime template argument to specify the input data format.",
    )


Groups = tuple[str | None, ...]


def _day(groups: Groups) -> date:
    return date(*(int(part or 0) for part in groups[:3]))


def _clock(groups: Groups) -> time:
    hour, minute, second = (int(part or 0) for part in groups[:3])
    return time(hour, minute, second, int((groups[3] or "").ljust(6, "0")))


def _offset(groups: Groups) -> timedelta | None:
    if groups[4] is None:
        return None
    offset = timedelta(hours=int(groups[5] or 0), minutes=int(groups[6] or 0))
    return -offset if groups[4] == "-" else offset


def read_by(text: str, template: str) -> Moment:
    """What `text` says by a template of to_timestamp; the template's fields decide what it is. Raises Failure."""
    fields = {item.pattern.upper() for item in parse_template(template) if item.pattern}
    try:
        local, zone = read_moment(text, template)
    except errors.DataError as error:
        raise Failure(error.sqlstate or "22007", error.message) from None
    has_day, has_clock = bool(fields & _DAY_FIELDS), bool(fields - _DAY_FIELDS - _ZONE_FIELDS)
    if not has_clock:
        return Moment(day=local.date())
    return Moment(local.date() if has_day else None, local.time(), zone)


# -- comparing --------------------------------------------------------------------------------------------


def compare(left: Moment, right: Moment, zone: tzinfo | None) -> int | None:
    """-1, 0 or 1; None for a time beside a date. `zone` is what has none in comparison with what has; without it that
    is 0A000."""
    if (left.day is None) != (right.day is None):
        return None
    if (left.offset is None) != (right.offset is None) and zone is None:
        plain, zoned = (left, right) if left.offset is None else (right, left)
        raise errors.NotSupportedError(
            f"cannot convert value from {_short(plain)} to {_short(zoned)} without time zone usage",
            hint="Use *_tz() function for time zone support.",
        )
    one, other = (_instant(value, left.offset is not None or right.offset is not None, zone) for value in (left, right))
    return (one > other) - (one < other)


def _short(value: Moment) -> str:
    name = value.kind.partition(" ")[0]
    return name if value.offset is None else f"{name}tz"


def _instant(value: Moment, zoned: bool, zone: tzinfo | None) -> timedelta:
    clock = timedelta(microseconds=time_microseconds(value.clock or time()))
    day = value.day or date(2000, 1, 1)
    since = timedelta(days=day.toordinal()) + clock
    if not zoned:
        return since
    if value.offset is not None:
        return since - value.offset
    local = datetime(day.year, day.month, day.day, tzinfo=zone or UTC) + clock
    return since - (local.utcoffset() or timedelta())


