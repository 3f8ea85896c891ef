"""Values of timestamptz in the time zone of a session: what casts, literals and functions say where it is not UTC.

A timestamptz is a moment; only its spelling, its calendar day and its hour belong to a place. The binder knows the
session's zone and asks here for conversions and functions that look at the clock on that wall. In UTC, where nothing
differs, everything is as `minidb.types` has it, and nothing of this module runs.

A local time that a clock change repeats is taken in standard time, one that it skips is counted as before the change,
as PostgreSQL does.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

from minidb import errors
from minidb.types import (
    TIMESTAMP,
    TIMESTAMPTZ,
    Converter,
    Interval,
    SqlType,
    cast_function,
    from_text,
    midnight,
    parse_moment,
    time_zone,
    to_text,
)

MOMENT_WORDS = ("now", "today", "tomorrow", "yesterday")


@lru_cache(maxsize=64)
def zone_of(name: str) -> tzinfo:
    return time_zone(name)


def is_plain(zone: str) -> bool:
    """Whether the zone is UTC."""
    return zone_of(zone) is UTC


def moment(local: datetime, zone: tzinfo) -> datetime:
    """The moment, in UTC, when the clocks in `zone` show `local`."""
    first, second = local.replace(tzinfo=zone, fold=0), local.replace(tzinfo=zone, fold=1)
    repeated = (first.utcoffset() or timedelta()) > (second.utcoffset() or timedelta())
    try:
        return (second if repeated else first).astimezone(UTC)
    except OverflowError:
        raise errors.DatetimeFieldOverflow("timestamp out of range") from None


def local(value: datetime, zone: tzinfo) -> datetime:
    """What the clocks in `zone` show, without a zone."""
    try:
        return value.astimezone(zone).replace(tzinfo=None, fold=0)
    except OverflowError:
        raise errors.DatetimeFieldOverflow("timestamp out of range") from None


# -- text -------------------------------------------------------------------------------------------------


def offset_text(offset: timedelta) -> str:
    """`+00`, `-03:30`."""
    seconds = round(offset.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("+", seconds)
    text = f"{sign}{seconds // 3600:02}"
    if seconds % 3600:
        text += f":{seconds // 60 % 60:02}"
    return text + f":{seconds % 60:02}" if seconds % 60 else text


def moment_text(value: datetime, zone: tzinfo) -> str:
    offset = value.astimezone(zone).utcoffset() or timedelta()
    return to_text(TIMESTAMP, local(value, zone)) + offset_text(offset)


def text_of(kind: SqlType, value: Any, zone: str) -> str:
    """`types.to_text` as a session in `zone` sees it."""
    if kind.name == "timestamptz":
        return moment_text(value, zone_of(zone))
    if kind.element is not None and kind.element.name == "timestamptz":
        inner = [None if item is None else moment_text(item, zone_of(zone)) for item in value]
        return to_text(SqlType("array", element=SqlType("text")), tuple(inner))
    return to_text(kind, value)


def read(target: SqlType, text: str, zone: str, now: datetime | None = None) -> Any:
    """`types.from_text` as a session in `zone` means it."""
    place = zone_of(zone)
    if now is not None:
        now = now.astimezone(place)
    if target.element is not None and target.element.name == "timestamptz":
        items = from_text(SqlType("array", element=SqlType("text")), text)
        return tuple([None if item is None else read(target.element, item, zone, now) for item in items])
    if target.name != "timestamptz":
        return from_text(target, text, now)
    found = parse_moment(text, "timestamp with time zone", now)
    if found.day is None:
        raise errors.InvalidDatetimeFormat(f'invalid input syntax for type timestamp with time zone: "{text}"')
    wall = midnight(found.day) + timedelta(microseconds=found.microseconds or 0)
    value = moment(wall, found.zone or place)
    fit = cast_function(TIMESTAMPTZ, target)
    return fit(value) if fit else value


# -- casts ------------------------------------------------------------------------------------------------


def _between(source: SqlType, target: SqlType, zone: str) -> Converter | None:
    """A conversion that depends on the zone; None if this one does not."""
    place = zone_of(zone)
    if source.name == "timestamptz":
        known: dict[str, Converter] = {
            "timestamp": lambda value: local(value, place),
            "date": lambda value: local(value, place).date(),
            "time": lambda value: local(value, place).time(),
        }
        if target.category == "S":
            return lambda value: moment_text(value, place)
        return known.get(target.name)
    if target.name != "timestamptz":
        return None
    if source.name == "date":
        return lambda value: moment(midnight(value), place)
    if source.name == "timestamp":
        return lambda value: moment(value, place)
    return (lambda value: read(TIMESTAMPTZ, value, zone)) if source.category in "SX" else None


@lru_cache(maxsize=512)
def conversion(source: SqlType, target: SqlType, explicit: bool, zone: str) -> Converter | None:
    """`types.cast_function` as a session in `zone` means it."""
    plain = cast_function(source, target, explicit)
    if is_plain(zone):
        return plain
    if source.element is not None and target.element is not None:
        inner = conversion(source.element, target.element, explicit, zone)
        return None if inner is None else lambda items: tuple([None if i is None else inner(i) for i in items])
    if source.element is not None and target.category == "S" and source.element.name == "timestamptz":
        return lambda value: text_of(source, value, zone)
    if target.element is not None and target.element.name == "timestamptz" and source.category in "SX":
        return lambda value: read(target, value, zone)
    found = _between(source, target, zone)
    if found is None:
        return plain
    fit = cast_function(target.base, target, explicit)
    return found if fit is None else (lambda value: fit(found(value)))


# -- functions --------------------------------------------------------------------------------------------

_OF_THE_WALL = frozenset({"extract", "date_part", "date_trunc", "to_char", "age", "to_json", "to_jsonb"})
_OF_THE_WALL |= {"json_build_object", "json_build_array", "jsonb_build_object", "jsonb_build_array"}
_READ_THE_WALL = frozenset({"make_timestamptz"})


def later(value: datetime, span: Interval, zone: tzinfo, add: Callable[[datetime, Interval], datetime]) -> datetime:
    """Months and days by the calendar on the wall, hours by the clock."""
    if span.months or span.days:
        value = moment(add(local(value, zone), Interval(span.months, span.days)), zone)
    return add(value, Interval(0, 0, span.microseconds))


def of_the_wall(name: str, call: Callable[..., Any], zone: str) -> Callable[..., Any] | None:
    """`call` with moments as the clocks in `zone` show them, and its result as a moment again; None: no difference."""
    place = zone_of(zone)
    if name in _READ_THE_WALL:
        return lambda *arguments: moment(call(*arguments).replace(tzinfo=None), place)
    if name not in _OF_THE_WALL:
        return None

    def local_call(*arguments: Any) -> Any:
        result = call(*[a.astimezone(place) if type(a) is datetime and a.tzinfo is not None else a for a in arguments])
        if type(result) is datetime and result.tzinfo is not None:
            return moment(result.replace(tzinfo=None), place)
        return result

    return local_call


def shifted(
    add: Callable[[datetime, Interval], datetime], zone: str, sign: int, swapped: bool
) -> Callable[[Any, Any], datetime]:
    """timestamptz + interval and its like in `zone`."""
    place = zone_of(zone)

    def shift(value: datetime, span: Interval) -> datetime:
        signed = span if sign > 0 else Interval(-span.months, -span.days, -span.microseconds)
        return later(value, signed, place, add)

    return (lambda span, value: shift(value, span)) if swapped else shift


def mentions_now(text: str) -> bool:
    """Whether a date's text says a word that depends on the day."""
    lowered = text.lower()
    return any(word in lowered for word in MOMENT_WORDS)
