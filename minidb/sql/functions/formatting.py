"""to_char, to_date, to_timestamp and to_number: values by template, as in PostgreSQL.

A template is a row of patterns (`YYYY`, `HH24`, `9`, `D` ...) and literal text between them; text in double quotes is
literal. Dates here, numbers in `number_format`.

Not there: TM localisation, the SP and TH spelling modes of numbers in words, Julian input.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from minidb import errors
from minidb.sql.functions.registry import Function
from minidb.types import (
    DATE,
    DAY_NAMES,
    INTERVAL,
    MONTH_NAMES,
    TEXT,
    TIMESTAMP,
    TIMESTAMPTZ,
    Interval,
    time_microseconds,
)
from minidb.zoned import offset_text

_PATTERNS = (
    "SSSSS SSSS HH24 HH12 HH MI SS MS US FF1 FF2 FF3 FF4 FF5 FF6 A.M. P.M. a.m. p.m. AM PM am pm Y,YYY YYYY YYY YY Y "
    "IYYY IYY IY IDDD ID IW I B.C. A.D. b.c. a.d. BC AD bc ad MONTH Month month MON Mon mon MM DAY Day day DY Dy dy "
    "DDD DD D WW W CC J Q RM rm TZH TZM TZ tz OF"
)
# lower case means the same for patterns that are not words
_CASED = frozenset({"MONTH", "Month", "month", "MON", "Mon", "mon", "DAY", "Day", "day", "DY", "Dy", "dy"})
_CASED |= {"A.M.", "P.M.", "a.m.", "p.m.", "AM", "PM", "am", "pm", "TZ", "tz", "RM", "rm"}
_CASED |= {"B.C.", "A.D.", "b.c.", "a.d.", "BC", "AD", "bc", "ad"}

Item = tuple[str, str, str, str]  # literal text, or: "", FM prefix, pattern, TH suffix


@lru_cache(maxsize=256)
def parse_template(template: str) -> tuple[Item, ...]:
    """Split a date template. An item is (text, "", "", "") or ("", "FM" or "", pattern, "TH", "th" or "")."""
    names = _PATTERNS.split()
    alternatives = [re.escape(n) if n in _CASED else f"(?i:{re.escape(n)})" for n in sorted(names, key=len)[::-1]]
    scanner = re.compile(
        r'"((?:[^"\\]|\\.)*)"|((?:FM|FX|TM|fm|fx|tm)*)(' + "|".join(alternatives) + r")(TH|th)?|(FX|fx)|\\(.)|(.)",
        re.DOTALL,
    )
    items: list[Item] = []
    for match in scanner.finditer(template):
        quoted, prefix, pattern, suffix, exact, escaped, plain = match.groups()
        if pattern:
            name = pattern if pattern in _CASED else pattern.upper()
            items.append(("", "FM" if "FM" in prefix.upper() else "", name, suffix or ""))
        elif not exact:
            text = quoted if quoted is not None else escaped or plain
            items.append((re.sub(r"\\(.)", r"\1", text or ""), "", "", ""))
    return tuple(items)


# -- output -----------------------------------------------------------------------------------------------


def _ordinal(number: str, upper: bool) -> str:
    digits = int(number)
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
    for text, prefix, pattern, suffix in parse_template(template):
        if not pattern:
            out.append(text)
        elif pattern in _NUMBERS:
            out.append(_number(pattern, value, bool(prefix), suffix))
        elif pattern == "Y,YYY":
            out.append(f"{value.year // 1000},{value.year % 1000:03}")
        elif pattern.startswith("FF"):
            out.append(f"{value.microsecond:06}"[: int(pattern[2])])
        elif pattern in ("TZ", "tz", "OF", "TZH", "TZM"):
            out.append(_zone(pattern, value))
        else:
            out.append(_word(pattern, value, bool(prefix)))
    return "".join(out)


def format_interval(value: Interval, template: str) -> str:
    """to_char for intervals: hours beyond 24 stay hours."""
    seconds, fraction = divmod(abs(value.microseconds), 1_000_000)
    sign = -1 if value.microseconds < 0 else 1
    years = abs(value.months) // 12 * (1 if value.months >= 0 else -1)
    hours = sign * (seconds // 3600)
    parts = {
        "HH24": (2, hours),
        "HH": (2, hours % 12 or 12),
        "HH12": (2, hours % 12 or 12),
        "MI": (2, sign * (seconds // 60 % 60)),
        "SS": (2, sign * (seconds % 60)),
        "MS": (3, sign * (fraction // 1000)),
        "US": (6, sign * fraction),
        "SSSS": (0, sign * seconds),
        "SSSSS": (0, sign * seconds),
        "YYYY": (4, years),
        "YYY": (3, years % 1000),
        "YY": (2, years % 100),
        "Y": (1, years % 10),
        "MM": (2, value.months - years * 12),
        "CC": (2, years // 100),
        "DD": (2, value.days),
        "DDD": (3, value.months * 30 + value.days),
    }
    out = []
    for text, prefix, pattern, suffix in parse_template(template):
        if pattern.upper() in ("AM", "PM"):
            out.append(_cased("PM" if hours % 24 >= 12 else "AM", pattern))
            continue
        if pattern not in parts:
            out.append(text)
            continue
        digits, number = parts[pattern]
        # a minus sign takes a digit's place in days and months only
        wide = digits + (number < 0 and pattern not in ("DD", "DDD", "MM"))
        shown = str(number) if prefix else f"{number:0{wide}}"
        out.append(_ordinal(shown, suffix == "TH") if suffix else shown)
    return "".join(out)


# -- input ------------------------------------------------------------------------------------------------


class _Reader:
    """Reads text by template; `fields` collects the numbers under the names of the patterns."""

    __slots__ = ("fields", "position", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.fields: dict[str, int] = {}

    def read(self, template: str) -> dict[str, int]:
        items = parse_template(template)
        for place, (text, prefix, pattern, _) in enumerate(items):
            if self.position >= len(self.text):
                break
            if not pattern:
                self._literal(text)
                continue
            self._skip_blanks()
            following = items[place + 1] if place + 1 < len(items) else ("", "", "", "")
            # digits end at the pattern's width only if another number follows at once
            adjacent = following[2] != ""
            self._pattern(pattern, adjacent and not prefix)
        return self.fields

    def _skip_blanks(self) -> None:
        while self.text[self.position : self.position + 1].isspace():
            self.position += 1

    def _literal(self, text: str) -> None:
        for char in text:
            here = self.text[self.position : self.position + 1]
            if char.isspace():
                self._skip_blanks()
            elif (here and (here == char or not here.isalnum())) or char.isalnum():
                self.position += 1

    def _pattern(self, pattern: str, adjacent: bool) -> None:
        upper = pattern.upper()
        if upper in ("MONTH", "MON"):
            self.fields["MM"] = self._name(MONTH_NAMES, upper) + 1
        elif upper in ("DAY", "DY"):
            self._name(DAY_NAMES, upper)
        elif upper in ("AM", "PM", "A.M.", "P.M."):
            self._meridian()
        elif upper in ("BC", "AD", "B.C.", "A.D.", "TZ", "OF", "TZH", "TZM"):
            match = re.compile(r"[A-Za-z.]+|[+-]?\d+").match(self.text, self.position)
            self.position = match.end() if match else self.position
        elif upper == "RM":
            self.fields["MM"] = self._name(_ROMAN[::-1], "RM")
            self.fields["MM"] = 12 - self.fields["MM"]
        else:
            self._digits(upper, adjacent)

    def _digits(self, pattern: str, adjacent: bool) -> None:
        width = _NUMBERS[pattern][0] if pattern in _NUMBERS else {"Y,YYY": 5}.get(pattern, 6)
        exact = adjacent and pattern not in ("J", "SSSS", "SSSSS")
        number = r"\d,?\d{3}" if pattern == "Y,YYY" else rf"[+-]?\d{{1,{width or 9}}}" if exact else r"[+-]?\d+"
        match = re.compile(number).match(self.text, self.position)
        if match is None:
            shown = self.text[self.position : self.position + max(width, 1)]
            raise errors.InvalidDatetimeFormat(
                f'invalid value "{shown}" for "{pattern}"', detail="Value must be an integer."
            )
        self.position = match.end()
        digits = match[0].replace(",", "")
        if pattern == "Q":
            return  # ignored, as in PostgreSQL
        if pattern in ("US", "MS") or pattern.startswith("FF"):
            self.fields["US"] = int(digits.ljust(6, "0")[:6])
        else:
            self.fields[{"Y,YYY": "YYYY"}.get(pattern, pattern)] = int(digits)
            if pattern in ("YYY", "YY", "Y"):
                self.fields["YYYY"] = _nearest_year(int(digits), len(digits))

    def _name(self, names: tuple[str, ...], pattern: str) -> int:
        rest = self.text[self.position :].lower()
        for index, name in enumerate(names):
            for form in (name.lower(), name[:3].lower()) if pattern != "RM" else (name.lower(),):
                if rest.startswith(form):
                    self.position += len(form)
                    return index
        shown = self.text[self.position : self.position + 3]
        raise errors.InvalidDatetimeFormat(
            f'invalid value "{shown}" for "{pattern}"',
            detail="The given value did not match any of the allowed values for this field.",
        )

    def _meridian(self) -> None:
        match = re.compile(r"([ap])\.?m\.?", re.IGNORECASE).match(self.text, self.position)
        if match is None:
            raise errors.InvalidDatetimeFormat(
                f'invalid value "{self.text[self.position : self.position + 2]}" for "AM"'
            )
        self.fields["PM"] = int(match[1].lower() == "p")
        self.position = match.end()


def _nearest_year(number: int, digits: int) -> int:
    """A short year is the one nearest to 2020, as PostgreSQL's adjust_partial_year_to_2020."""
    if digits <= 2:
        return number + (2000 if number < 70 else 1900)
    return number + (2000 if number < 520 else 1000) if digits == 3 else number


def _out_of_range(text: str) -> errors.DatetimeFieldOverflow:
    return errors.DatetimeFieldOverflow(f'date/time field value out of range: "{text}"')


def parse_moment(text: str, template: str) -> datetime:
    """The timestamp that `text` spells by `template`; what it does not say is the first of its kind."""
    fields = _Reader(text).read(template)
    try:
        day = _day(fields)
        clock = _clock(fields)
    except (ValueError, OverflowError):
        raise _out_of_range(text) from None
    if clock is None:
        raise _out_of_range(text)
    return datetime(day.year, day.month, day.day) + clock


def _day(fields: dict[str, int]) -> date:
    year = fields.get("YYYY", 1)
    if "CC" in fields and "YYYY" not in fields:
        year = (fields["CC"] - 1) * 100 + 1
    if "J" in fields:
        return date.fromordinal(fields["J"] - 1_721_425)
    if "IYYY" in fields:
        return date.fromisocalendar(fields["IYYY"], fields.get("IW", 1), fields.get("ID", 1))
    if "DDD" in fields and "MM" not in fields:
        return date(year, 1, 1) + timedelta(days=fields["DDD"] - 1)
    if "WW" in fields and "MM" not in fields:
        return date(year, 1, 1) + timedelta(days=(fields["WW"] - 1) * 7)
    month = fields.get("MM", fields["Q"] * 3 - 2 if "Q" in fields else 1)
    day = fields.get("DD", (fields["W"] - 1) * 7 + 1 if "W" in fields else 1)
    return date(year, month, day)


def _clock(fields: dict[str, int]) -> timedelta | None:
    seconds = fields.get("SSSSS", fields.get("SSSS"))
    if seconds is not None:
        return timedelta(seconds=seconds, microseconds=fields.get("US", 0))
    twelve = fields.get("HH12", fields.get("HH"))
    hour = fields.get("HH24", twelve if twelve is not None else 0)
    if twelve is not None and "HH24" not in fields:
        if not 1 <= hour <= 12:
            raise errors.InvalidDatetimeFormat(
                f'hour "{hour}" is invalid for the 12-hour clock',
                hint="Use the 24-hour clock, or give an hour between 1 and 12.",
            )
        hour = hour % 12 + 12 * fields.get("PM", 0) if "PM" in fields or hour == 12 else hour
    minute, second = fields.get("MI", 0), fields.get("SS", 0)
    if not (0 <= hour <= 24 and 0 <= minute < 60 and 0 <= second < 60):
        return None
    return timedelta(hours=hour, minutes=minute, seconds=second, microseconds=fields.get("US", 0))


def to_date(text: str, template: str) -> date:
    return parse_moment(text, template).date()


def to_timestamp(text: str, template: str) -> datetime:
    return parse_moment(text, template).replace(tzinfo=UTC)


def functions() -> Iterator[Function]:
    """All functions of this module."""
    for kind in (TIMESTAMP, TIMESTAMPTZ):
        yield Function("to_char", (kind, TEXT), TEXT, format_moment, volatility="stable")
    yield Function("to_char", (INTERVAL, TEXT), TEXT, format_interval, volatility="stable")
    yield Function("to_date", (TEXT, TEXT), DATE, to_date, volatility="stable")
    yield Function("to_timestamp", (TEXT, TEXT), TIMESTAMPTZ, to_timestamp, volatility="stable")
