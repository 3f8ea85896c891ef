"""Dates and times in the other spellings that PostgreSQL takes: `3 July 2024 4:05 pm CET`, `07/03/24`, `today`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal

from minidb import errors
from minidb.types.clock import HOUR, SECOND
from minidb.types.moment import DAY_NAMES, MONTH_NAMES, Moment, calendar_day, since_midnight
from minidb.types.numeric import EXACT
from minidb.types.zones import ABBREVIATIONS, offset_zone, time_zone

_MONTHS = {"sept": 9}
for _number, _name in enumerate(MONTH_NAMES, 1):
    _MONTHS[_name.lower()] = _MONTHS[_name[:3].lower()] = _number
_DAY_WORDS = frozenset(
    {"tues", "weds", "thur", "thurs", *(n.lower() for n in DAY_NAMES), *(n[:3].lower() for n in DAY_NAMES)}
)
_DATE_TOKEN = (
    r"(?i)[\s,]*(?:(?P<clock>\d{1,2}:\d{1,2}(?::\d{1,2}(?:\.\d*)?)?)"
    r"|(?P<iso>\d{4,}-\d{1,2}-\d{1,2}|\d{4,}/\d{1,2}/\d{1,2}|\d{4,}\.\d{1,2}\.\d{1,2})"
    r"|(?P<julian>j\d{7}(?!\d))"
    r"|(?P<ordinal>\d{4}[-.]\d{3}(?!\d))"
    r"|(?P<mdy>\d{1,2}[-/.]\d{1,2}[-/.]\d{1,})"
    r"|(?P<dmy>\d{1,2}[- ][a-z]{3,9}[- ]\d{1,4}|\d{4}-[a-z]{3,9}-\d{1,2}|[a-z]{3,9}-\d{1,2}-\d{1,4})"
    r"|(?P<offset>[+-](?:\d{1,2}(?::\d{1,2}){1,2}|\d{1,6}))(?![\d:])"
    r"|(?P<zone>[a-z]+(?:/[a-z_+\-0-9]+)+)"
    r"|(?P<word>[a-z]+)|(?P<number>\d+(?:\.\d+)?))"
)


class DateReader:
    """Collects the tokens of a date text that is not plain ISO.

    ValueError: not understood; OverflowError: understood, but there is no such day or time.
    """

    __slots__ = ("clock", "day", "meridian", "month", "now", "numbers", "text", "year", "zone")

    def __init__(self, text: str, now: datetime | None) -> None:
        self.text = text
        self.now = now
        self.year: int | None = None
        self.month: int | None = None
        self.day: int | None = None
        self.clock: int | None = None
        self.zone: tzinfo | None = None
        self.meridian = ""
        self.numbers: list[str] = []

    def moment(self) -> Moment:
        text = self.text.rstrip()
        position = 0
        while position < len(text):
            match = re.compile(_DATE_TOKEN).match(text, position)
            if match is None:
                raise ValueError
            token = match[match.lastgroup or 0]
            getattr(self, f"_{match.lastgroup}")(token)
            position = match.end()
            # the T between date and time
            if match.lastgroup in ("iso", "number") and text[position : position + 1] in ("T", "t"):
                position += 1
        return self._finish()

    def _finish(self) -> Moment:
        for number in self.numbers:
            self._place(number)
        if self.meridian and self.clock is not None:
            hour = self.clock // HOUR
            if not 1 <= hour <= 12:
                raise OverflowError
            self.clock += {("am", True): -12, ("pm", False): 12}.get((self.meridian, hour == 12), 0) * HOUR
        parts = (self.year, self.month, self.day)
        if parts == (None, None, None):
            if self.clock is None:
                raise ValueError
            return Moment(None, self.clock, self.zone)
        if self.year is None or self.month is None or self.day is None:
            raise ValueError
        return Moment(calendar_day(self.year, self.month, self.day), self.clock, self.zone)

    def _set_date(self, year: str, month: int, day: str) -> None:
        if self.year is not None or self.month is not None:
            raise ValueError
        self.year, self.month, self.day = _full_year(year), month, int(day)

    def _iso(self, token: str) -> None:
        year, month, day = re.split("[-/.]", token)
        self._set_date(year, int(month), day)

    def _julian(self, token: str) -> None:
        day = date.fromordinal(int(token[1:]) - 1_721_425)
        self._set_date(f"{day.year:04}", day.month, str(day.day))

    def _ordinal(self, token: str) -> None:
        first = date(int(token[:4]), 1, 1)
        day = first + timedelta(days=int(token[5:]) - 1)
        if day.year != first.year:
            raise OverflowError
        self._set_date(token[:4], day.month, str(day.day))

    def _mdy(self, token: str) -> None:
        month, day, year = re.split("[-/.]", token)
        self._set_date(year, int(month), day)

    def _dmy(self, token: str) -> None:
        first, middle, last = re.split("[- ]", token.lower())
        if first.isalpha():
            self._set_date(last, _MONTHS[first], middle)
        elif len(first) == 4:
            self._set_date(first, _MONTHS[middle], last)
        else:
            self._set_date(last, _MONTHS[middle], first)

    def _clock(self, token: str) -> None:
        if self.clock is not None:
            raise ValueError
        hour, minute, *rest = token.split(":")
        seconds = round(EXACT.multiply(Decimal(rest[0]), SECOND)) if rest else 0
        self.clock = since_midnight(int(hour), int(minute), seconds // SECOND, seconds % SECOND)

    def _offset(self, token: str) -> None:
        if self.clock is None:
            raise ValueError
        digits = token[1:]
        if ":" not in digits and len(digits) > 2:  # hhmm or hhmmss; the hour may have one digit
            digits = ":".join(re.findall(r"\d\d", digits.zfill(len(digits) + len(digits) % 2)))
        self.zone = offset_zone(token[0], *map(int, digits.split(":")))

    def _zone(self, token: str) -> None:
        try:
            self.zone = time_zone(token)
        except errors.InvalidParameterValue:
            raise ValueError from None

    def _word(self, token: str) -> None:
        word = token.lower()
        if word in _MONTHS and self.month is None:
            self.month = _MONTHS[word]
        elif word in ("am", "pm"):
            self.meridian = word
        elif word in ABBREVIATIONS:
            self.zone = time_zone(word)
        elif word in ("now", "today", "tomorrow", "yesterday", "epoch", "allballs"):
            self._special(word)
        elif word == "bc":
            raise OverflowError
        elif word in ("ad", "t", "at") or word in _DAY_WORDS:
            return
        else:
            raise ValueError

    def _special(self, word: str) -> None:
        if word == "allballs":
            self.clock, self.zone = 0, UTC
            return
        if word == "epoch":
            day = date(1970, 1, 1)
        elif self.now is None:
            raise ValueError
        else:
            shift = {"tomorrow": 1, "yesterday": -1}.get(word, 0)
            day = self.now.date() + timedelta(days=shift)
        self._set_date(f"{day.year:04}", day.month, str(day.day))
        if word == "now" and self.now is not None:
            clock = self.now.time()
            self.clock = since_midnight(clock.hour, clock.minute, clock.second, clock.microsecond)

    def _number(self, token: str) -> None:
        whole, _, fraction = token.partition(".")
        if len(whole) == 4 and self.year is not None and self.month is not None and self.clock is None and not fraction:
            self.clock = since_midnight(int(whole[:2]), int(whole[2:]), 0)
        elif len(whole) == 8 and self.year is None and not fraction:
            self._set_date(whole[:4], int(whole[4:6]), whole[6:])
        elif len(whole) == 6 and (self.year is not None or fraction):
            micro = int(fraction[:6].ljust(6, "0")) if fraction else 0
            self.clock = since_midnight(int(whole[:2]), int(whole[2:4]), int(whole[4:]), micro)
        elif len(whole) == 6:
            self._set_date(whole[:2], int(whole[2:4]), whole[4:])
        elif fraction:
            raise ValueError
        else:
            self.numbers.append(whole)

    def _place(self, number: str) -> None:
        """A number beside a month name: the day comes first, then the year, unless it has more than two digits."""
        if self.month is None:
            raise ValueError
        if len(number) > 2 or self.day is not None:
            if self.year is not None:
                raise ValueError
            self.year = _full_year(number)
        else:
            self.day = int(number)


def _full_year(text: str) -> int:
    year = int(text)
    if len(text) == 2:
        return year + (2000 if year < 70 else 1900)
    return year
