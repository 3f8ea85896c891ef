"""to_char for dates, timestamps and intervals: what a template's patterns make of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from minidb import errors
from minidb.sql.functions.templates import parse_template
from minidb.types import DAY_NAMES, MONTH_NAMES, Interval, time_microseconds
from minidb.zoned import offset_text


def _ordinal(number: str, upper: bool) -> str:
    digits = abs(int(number))
    suffix = "th" if 10 < digits % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(digits % 10, "th")
    return number + (suffix.upper() if upper else suffix)


def _cased(text: str, pattern: str) -> str:
    return text.upper() if pattern.isupper() else text.lower() if pattern.islower() else text


_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
# pattern -> (digits, the number)
_NUMBERS: dict[str, tuple[int, Callable[[datetime], int]]] = {
    "HH": (2, lambda value: (value.hour + 11) % 12 + 1),
    "HH12": (2, lambda value: (value.hour + 11) % 12 + 1),
    "HH24": (2, lambda value: value.hour),
    "MI": (2, lambda value: value.minute),
    "SS": (2, lambda value: value.second),
    "MS": (3, lambda value: value.microsecond // 1000),
    "US": (6, lambda value: value.microsecond),
    "SSSS": (0, lambda value: time_microseconds(value) // 1_000_000),
    "SSSSS": (0, lambda value: time_microseconds(value) // 1_000_000),
    "YYYY": (4, lambda value: value.year),
    "YYY": (3, lambda value: value.year % 1000),
    "YY": (2, lambda value: value.year % 100),
    "Y": (1, lambda value: value.year % 10),
    "IYYY": (4, lambda value: value.isocalendar().year),
    "IYY": (3, lambda value: value.isocalendar().year % 1000),
    "IY": (2, lambda value: value.isocalendar().year % 100),
    "I": (1, lambda value: value.isocalendar().year % 10),
    "MM": (2, lambda value: value.month),
    "DDD": (3, lambda value: value.timetuple().tm_yday),
    "IDDD": (3, lambda value: value.isocalendar().week * 7 - 7 + value.isoweekday()),
    "DD": (2, lambda value: value.day),
    "D": (1, lambda value: value.isoweekday() % 7 + 1),
    "ID": (1, datetime.isoweekday),
    "W": (1, lambda value: (value.day - 1) // 7 + 1),
    "WW": (2, lambda value: (value.timetuple().tm_yday - 1) // 7 + 1),
    "IW": (2, lambda value: value.isocalendar().week),
    "CC": (2, lambda value: (value.year + 99) // 100),
    "J": (0, lambda value: value.toordinal() + 1_721_425),
    "Q": (1, lambda value: (value.month + 2) // 3),
}


def _number(pattern: str, value: datetime, fill: bool, suffix: str) -> str:
    digits, of = _NUMBERS[pattern]
    text = str(of(value)) if fill else f"{of(value):0{digits}}"
    return _ordinal(text, suffix == "TH") if suffix else text


def _word(pattern: str, value: datetime, fill: bool) -> str:
    upper = pattern.upper()
    if upper in ("MONTH", "DAY"):
        names = MONTH_NAMES[value.month - 1] if upper == "MONTH" else DAY_NAMES[value.isoweekday() % 7]
        return _cased(names if fill else names.ljust(9), pattern)
    if upper in ("MON", "DY"):
        name = MONTH_NAMES[value.month - 1] if upper == "MON" else DAY_NAMES[value.isoweekday() % 7]
        return _cased(name[:3], pattern)
    if upper in ("AM", "PM", "A.M.", "P.M."):
        half = "pm" if value.hour >= 12 else "am"
        return _cased(f"{half[0]}.m." if "." in pattern else half, pattern)
    if upper in ("BC", "AD", "B.C.", "A.D."):
        return _cased("A.D." if "." in pattern else "AD", pattern)
    if upper == "RM":
        roman = _ROMAN[value.month - 1]
        return _cased(roman if fill else roman.ljust(4), pattern)
    return ""


def _zone(pattern: str, value: datetime) -> str:
    if value.tzinfo is None:
        return {"OF": "+00", "TZH": "+00", "TZM": "00"}.get(pattern, "")
    offset = offset_text(value.utcoffset() or timedelta())
    if pattern in ("TZ", "tz"):
        name = value.tzname() or ""
        return name.lower() if pattern == "tz" else name
    return {"OF": offset, "TZH": offset[:3], "TZM": offset[4:6] or "00"}[pattern]


def format_moment(value: datetime, template: str) -> str:
    """to_char for dates and timestamps."""
    out = []
    for item in parse_template(template):
        pattern = item.pattern
        if not pattern or pattern == "FX":
            out.append(item.text)
        elif pattern in _NUMBERS:
            out.append(_number(pattern, value, item.fill, item.suffix))
        elif pattern == "Y,YYY":
            out.append(f"{value.year // 1000},{value.year % 1000:03}")
        elif pattern.startswith("FF"):
            out.append(f"{value.microsecond:06}"[: int(pattern[2])])
        elif pattern in ("TZ", "tz", "OF", "TZH", "TZM"):
            out.append(_zone(pattern, value))
        else:
            out.append(_word(pattern, value, item.fill or item.local))
    return "".join(out)


def format_interval(value: Interval, template: str) -> str:
    """to_char for intervals: hours beyond 24 stay hours; remainders have the sign of the whole, as in C."""
    parts = _interval_parts(value)
    hours = parts["HH24"][1]
    out = []
    for item in parse_template(template):
        pattern = item.pattern
        if pattern.upper() in ("AM", "PM", "A.M.", "P.M."):
            half = "pm" if _remainder(hours, 24) >= 12 else "am"
            out.append(_cased(f"{half[0]}.m." if "." in pattern else half, pattern))
        elif pattern in _OF_CALENDARS:
            raise errors.InvalidDatetimeFormat(
                "invalid format specification for an interval value",
                hint="Intervals are not tied to specific calendar dates.",
            )
        elif pattern not in parts:
            out.append(item.text)
        else:
            digits, number = parts[pattern]
            # a minus sign takes a digit's place in days only
            wide = digits + (number < 0 and pattern not in ("DD", "DDD"))
            shown = str(number) if item.fill else f"{number:0{wide}}"
            out.append(_ordinal(shown, item.suffix == "TH") if item.suffix else shown)
    return "".join(out)


_OF_CALENDARS = frozenset({"MONTH", "Month", "month", "MON", "Mon", "mon", "DAY", "Day", "day", "DY", "Dy", "dy"})
_OF_CALENDARS |= {"D", "ID", "TZ", "tz", "TZH", "TZM", "OF", "BC", "AD", "bc", "ad", "B.C.", "A.D.", "b.c.", "a.d."}


def _remainder(number: int, divisor: int) -> int:
    rest = abs(number) % divisor
    return rest if number >= 0 else -rest


def _interval_parts(value: Interval) -> dict[str, tuple[int, int]]:
    """pattern -> (digits, the number)"""
    seconds, fraction = divmod(abs(value.microseconds), 1_000_000)
    sign = -1 if value.microseconds < 0 else 1
    years = (abs(value.months) // 12) * (1 if value.months >= 0 else -1)
    hours = sign * (seconds // 3600)
    half_day = _remainder(hours, 12) or 12
    since = sign * seconds
    return {
        "HH24": (2, hours),
        "HH": (2, half_day),
        "HH12": (2, half_day),
        "MI": (2, sign * (seconds // 60 % 60)),
        "SS": (2, sign * (seconds % 60)),
        "MS": (3, sign * (fraction // 1000)),
        "US": (6, sign * fraction),
        "SSSS": (0, since),
        "SSSSS": (0, since),
        "YYYY": (4, years),
        "YYY": (3, _remainder(years, 1000)),
        "YY": (2, _remainder(years, 100)),
        "Y": (1, _remainder(years, 10)),
        "MM": (2, value.months - years * 12),
        "CC": (2, (abs(years) // 100) * (1 if years >= 0 else -1)),
        "DD": (2, value.days),
        "DDD": (3, value.months * 30 + value.days),
        **{f"FF{digits}": (digits, sign * (fraction // 10 ** (6 - digits))) for digits in range(1, 7)},
    }
