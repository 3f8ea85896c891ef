"""Time zones by their names: abbreviations, offsets, and the names of the tz database."""

from __future__ import annotations

import re
from datetime import UTC, timedelta, timezone, tzinfo

from minidb import errors

ABBREVIATIONS = {
    "z": 0,
    "zulu": 0,
    "utc": 0,
    "gmt": 0,
    "ut": 0,
    "est": -300,
    "edt": -240,
    "cst": -360,
    "cdt": -300,
    "mst": -420,
    "mdt": -360,
    "pst": -480,
    "pdt": -420,
    "cet": 60,
    "cest": 120,
    "bst": 60,
    "wet": 0,
    "eet": 120,
    "eest": 180,
    "msk": 180,
    "jst": 540,
}


def time_zone(name: str) -> tzinfo:
    """The zone called `name`: an abbreviation, a name of the tz database, or an offset, which counts as POSIX does:
    `+02` lies west of Greenwich, contrary to the `+02` behind a timestamp."""
    minutes = ABBREVIATIONS.get(name.strip().lower())
    if minutes is not None:
        return timezone(timedelta(minutes=minutes)) if minutes else UTC
    match = re.match(r"([+-])(\d{1,2})(?::?(\d{2}))?\Z", name.strip())
    try:
        if match:
            return offset_zone("-" if match[1] == "+" else "+", int(match[2]), int(match[3] or 0))
        from zoneinfo import ZoneInfo  # 8 ms, and few statements name a zone

        return ZoneInfo(name.strip())
    except (ValueError, OSError, KeyError, OverflowError):
        raise errors.InvalidParameterValue(f'time zone "{name}" not recognized') from None


def offset_zone(sign: str, hours: int, minutes: int = 0, seconds: int = 0) -> tzinfo:
    if hours > 15 or minutes > 59 or seconds > 59:
        raise OverflowError
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return timezone(-offset if sign == "-" else offset)
