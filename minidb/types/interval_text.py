"""The spellings of an interval, read into its three parts: months, days and microseconds.

PostgreSQL's own, `1 year 2 mons 3 days 04:05:06.5`, the SQL standard's, `1-2 3 4:05:06.5`, and ISO's, `P1Y2M3DT4H`.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

from minidb.types.clock import DAY, HOUR, MINUTE, SECOND
from minidb.types.numeric import EXACT, ONE, ZERO

# unit -> (months, days, microseconds) of one
_UNITS: dict[str, tuple[int, int, int]] = {}
_UNIT_NAMES: dict[str, str] = {}
for _names, _amount in (
    ("microsecond microseconds us usec usecs usecond useconds", (0, 0, 1)),
    ("millisecond milliseconds ms msec msecs msecond mseconds", (0, 0, 1000)),
    ("second seconds s sec secs", (0, 0, SECOND)),
    ("minute minutes m min mins", (0, 0, MINUTE)),
    ("hour hours h hr hrs", (0, 0, HOUR)),
    ("day days d", (0, 1, 0)),
    ("week weeks w", (0, 7, 0)),
    ("month months mon mons", (1, 0, 0)),
    ("year years y yr yrs", (12, 0, 0)),
    ("decade decades dec decs", (120, 0, 0)),
    ("century centuries c cent", (1200, 0, 0)),
    ("millennium millennia millenniums mil mils", (12000, 0, 0)),
):
    for _name in _names.split():
        _UNITS[_name] = _amount
        _UNIT_NAMES[_name] = _names.split()[0]

# Patterns that few statements need stay text: re compiles them on first use and remembers them.
_INTERVAL_TOKEN = (
    r"\s*(?:(?P<clock>[+-]?\d+:\d+(?::\d+)?(?:\.\d*)?)"
    r"|(?P<years>[+-]?\d+)-(?P<months>\d+)(?![\d.])"
    r"|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))"
    r"|(?P<word>[a-z]+)|(?P<at>@))"
)
_ISO_PART = r"([+-]?(?:\d+\.?\d*|\.\d+))([a-z])"
_ISO_ALTERNATIVE = r"p(\d{4})-(\d\d)-(\d\d)t(\d\d):(\d\d):(\d\d(?:\.\d+)?)$"


class _IntervalSum:
    """Adds up the parts of an interval's text; fractions of a month go to days, of a day to time."""

    __slots__ = ("days", "microseconds", "months")

    def __init__(self) -> None:
        self.months = self.days = 0
        self.microseconds = 0

    def add(self, number: str, unit: str) -> None:
        months, days, microseconds = _UNITS[unit]
        amount = Decimal(number)
        if microseconds:
            self.microseconds += int(EXACT.multiply(amount, microseconds).quantize(ONE, ROUND_HALF_UP, EXACT))
            return
        whole = int(amount)
        fraction = EXACT.subtract(amount, whole)
        self.months += whole * months
        self.days += whole * days
        if months >= 12:
            self.months += round(EXACT.multiply(fraction, months))
        elif fraction:
            part = EXACT.multiply(fraction, 30 if months else days)
            self.days += int(part)
            self.microseconds += round(EXACT.multiply(EXACT.subtract(part, int(part)), DAY))

    def add_clock(self, text: str, minutes_first: bool) -> None:
        negative = text.startswith("-")
        parts = text.lstrip("+-").split(":")
        if len(parts) == 2 and (minutes_first or "." in parts[1]):
            parts.insert(0, "0")
        hours, minutes = int(parts[0]), int(parts[1])
        seconds = Decimal(parts[2]) if len(parts) > 2 else ZERO
        if minutes > 59 or seconds > 60:
            raise ValueError
        amount = hours * HOUR + minutes * MINUTE + round(EXACT.multiply(seconds, SECOND))
        self.microseconds += -amount if negative else amount


def read_parts(text: str, fields: str | None) -> tuple[int, int, int]:
    """Months, days and microseconds that `text`, stripped and in lower case, spells.

    ValueError, KeyError, IndexError or ArithmeticError if it spells none.
    """
    total = _iso_interval(text) if text.startswith("p") else _verbose_interval(text, fields)
    return total.months, total.days, total.microseconds


def _iso_interval(text: str) -> _IntervalSum:
    total = _IntervalSum()
    alternative = re.compile(_ISO_ALTERNATIVE).match(text)
    if alternative:
        for number, unit in zip(alternative.groups(), ("year", "month", "day", "hour", "minute", "second")):
            total.add(number, unit)
        return total
    dates, _, clock = text[1:].partition("t")
    for part, units in (
        (dates, {"y": "year", "m": "month", "w": "week", "d": "day"}),
        (clock, {"h": "hour", "m": "minute", "s": "second"}),
    ):
        if re.compile(_ISO_PART).sub("", part):
            raise ValueError
        for number, unit in re.compile(_ISO_PART).findall(part):
            total.add(number, units[unit])
    if text == "p":
        raise ValueError
    return total


def _verbose_interval(text: str, fields: str | None) -> _IntervalSum:
    total = _IntervalSum()
    last_field = fields.split()[-1] if fields else "second"
    position, pending, seen, ago = 0, "", False, False
    used: set[str] = set()
    while position < len(text):
        match = re.compile(_INTERVAL_TOKEN).match(text, position)
        if match is None or ago:
            raise ValueError
        position = match.end()
        kind, token = match.lastgroup, match.group().strip()
        if kind == "number":
            if pending and last_field != "hour":
                raise ValueError
            if pending:  # `1 2` day to hour
                total.add(pending, "day")
            pending = token
        elif kind == "word" and token == "ago":
            ago = True
        elif kind == "word":
            # `1 day 2 hours`; a blank between number and unit may be missing
            _use_once(used, _UNIT_NAMES[token])
            total.add(pending, token)
            pending = ""
        elif kind == "clock":
            if pending:
                total.add(pending, "day")
                pending = ""
            _use_once(used, "hour", "minute", "second")
            total.add_clock(token, fields == "minute to second")
        elif kind == "months":
            sign = -1 if token.startswith("-") else 1
            _use_once(used, "year", "month")
            total.months += int(match["years"]) * 12 + sign * int(match["months"])
        seen = seen or kind != "at"
        if text[position : position + 1].isspace() and position + 1 == len(text):
            break
    if pending:
        total.add(pending, last_field)
    if not seen:
        raise ValueError
    if ago:
        total.months, total.days, total.microseconds = -total.months, -total.days, -total.microseconds
    return total


def _use_once(used: set[str], *units: str) -> None:
    """A unit may stand once; weeks go with days."""
    if not used.isdisjoint(units) and units != ("week",):
        raise ValueError
    used.update(units)
