"""to_date and to_timestamp: text read by a template, as PostgreSQL's DCH_from_char and do_to_timestamp do it.

Blanks before fields never count. A separator of the template matches one separator or blank of the text, or nothing;
a letter of the template stands for any one character, unless more blanks were skipped before than the template has.
Behind FX everything is exactly as wide as its pattern. A number takes all digits there are, unless another number
follows at once. Ends the text early, what was read counts.

Where PostgreSQL gives a year before Christ (a year that is not said is 1 BC there), this gives year 1, because a time
of day is what such a template is about; a year that is said to be BC is 22008.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from minidb import errors
from minidb.sql.functions.moment_fields import Reading, clock_of, day_of, offset_of
from minidb.sql.functions.templates import Item, parse_template
from minidb.types import DAY_NAMES, MONTH_NAMES, midnight

ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
_WIDTHS = {"HH24": 2, "HH12": 2, "HH": 2, "MI": 2, "SS": 2, "MS": 3, "US": 6, "SSSSS": 5, "SSSS": 4, "MM": 2}
_WIDTHS |= {"DDD": 3, "DD": 2, "D": 1, "ID": 1, "IDDD": 3, "WW": 2, "IW": 2, "W": 1, "Q": 1, "CC": 2, "J": 1}
_WIDTHS |= {"YYYY": 4, "YYY": 3, "YY": 2, "Y": 1, "IYYY": 4, "IYY": 3, "IY": 2, "I": 1}
_WIDTHS |= {f"FF{digits}": digits for digits in range(1, 7)}
_FIELDS = {"HH24": "hour", "HH12": "hour", "HH": "hour", "MI": "minute", "SS": "second", "MM": "month", "DD": "day"}
_FIELDS |= {"DDD": "day_of_year", "IDDD": "day_of_year", "D": "weekday", "WW": "week", "IW": "week", "W": "month_week"}
_FIELDS |= {"CC": "century", "J": "julian", "SSSS": "seconds", "SSSSS": "seconds"}
_YEARS = frozenset({"YYYY", "YYY", "YY", "Y", "IYYY", "IYY", "IY", "I"})
_ISO = frozenset({"IYYY", "IYY", "IY", "I", "IW", "ID", "IDDD"})
_NEUTRAL = frozenset({"HH24", "HH12", "HH", "MI", "SS", "MS", "US", "SSSS", "SSSSS", "TZH", "TZM", "TZ", "OF", "J"})
_NEUTRAL |= {"CC", "DAY", "DY", "Q", "BC", "AD", "B.C.", "A.D."}
_MERIDIANS = frozenset({"AM", "PM", "A.M.", "P.M."})
_ERAS = frozenset({"BC", "AD", "B.C.", "A.D."})
_NAMES: dict[str, tuple[str, ...]] = {
    "MONTH": tuple(name.lower() for name in MONTH_NAMES),
    "MON": tuple(name[:3].lower() for name in MONTH_NAMES),
    "DAY": tuple(name.lower() for name in DAY_NAMES),
    "DY": tuple(name[:3].lower() for name in DAY_NAMES),
    "RM": ROMAN[::-1],  # longer ones first where one begins as another does
}
_INTEGER = re.compile(r"\s*[+-]?[0-9]+", re.ASCII)
_SEPARATORS = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_FILL = 'If your source string is not fixed-width, try using the "FM" modifier.'


class _Scanner:
    def __init__(self, text: str, items: tuple[Item, ...]) -> None:
        self.text = text
        self.items = items
        self.position = 0
        self.exact = False
        self.skipped = 0  # blanks of the text that the template has not asked for
        self.reading = Reading()

    @property
    def here(self) -> str:
        return self.text[self.position : self.position + 1]

    def read(self) -> Reading:
        for place, item in enumerate(self.items):
            if not self.here:
                break
            if not self.exact and (item.pattern or place == 0) and item.pattern != "FX":
                self._skip_blanks()
            if not item.pattern:
                self._literal(item)
            elif item.pattern == "FX":
                self.exact = True
            else:
                self._field(item, place)
                if not self.exact:
                    self.skipped = 0
                    self._skip_blanks()
        return self.reading

    def _skip_blanks(self) -> None:
        while self.here.isspace():
            self.position += 1
            self.skipped += 1

    def _literal(self, item: Item) -> None:
        if self.exact:
            self.position += 1
        elif item.separates:
            self.skipped -= 1
            if self.here.isspace() or (self.here in _SEPARATORS and self.here):
                self.position += 1
                self.skipped += 1
        elif self.skipped > 0:
            self.skipped -= 1
        else:
            self.position += 1

    # -- fields

    def _field(self, item: Item, place: int) -> None:
        pattern, reading = item.pattern.upper(), self.reading
        if pattern not in _NEUTRAL and not pattern.startswith("FF") and pattern not in _MERIDIANS:
            self._use_calendar(pattern in _ISO)
        if pattern in _MERIDIANS:
            reading.afternoon = self._one_of(_pair("am", "pm", pattern), item) == 1
            reading.twelve_hours = True
        elif pattern in _ERAS:
            reading.before_christ = self._one_of(_pair("ad", "bc", pattern), item) == 1
        elif pattern in _NAMES:
            self._name(pattern, item)
        elif pattern in ("TZ", "OF"):
            raise errors.NotSupportedError(f'formatting field "{item.pattern}" is only supported in to_char')
        elif pattern in ("TZH", "TZM"):
            self._zone(pattern, item, place)
        elif pattern == "Y,YYY":
            self._year_with_comma()
        else:
            self._number(pattern, item, place)

    def _use_calendar(self, iso: bool) -> None:
        if self.reading.iso is None:
            self.reading.iso = iso
        elif self.reading.iso is not iso:
            raise errors.InvalidDatetimeFormat(
                "invalid combination of date conventions",
                hint="Do not mix Gregorian and ISO week date conventions in a formatting template.",
            )

    def _set(self, name: str, value: int, item: Item) -> None:
        known = self.reading.get(name)
        if known and known != value:
            raise errors.InvalidDatetimeFormat(
                f'conflicting values for "{item.pattern}" field in formatting string',
                detail="This value contradicts a previous setting for the same field type.",
            )
        self.reading.fields[name] = value

    def _number(self, pattern: str, item: Item, place: int) -> None:
        value, width = self._integer(_WIDTHS[pattern], item, place)
        if pattern == "Q":
            return  # a quarter says nothing that a day could be made of
        if pattern in ("HH", "HH12"):
            self.reading.twelve_hours = True
        if pattern == "MS":
            self._fraction("milliseconds", value, 3 - width, item)
        elif pattern == "US" or pattern.startswith("FF"):
            self._fraction("microseconds", value, 6 - width, item)
            self.reading.fraction_digits = _WIDTHS[pattern]
        elif pattern in _YEARS:
            self._year(pattern, value, width, item)
        elif pattern == "ID":
            self._set("weekday", value % 7 + 1, item)
        else:
            self._set(_FIELDS[pattern], value, item)
        if item.suffix:
            self.position += 2

    def _fraction(self, name: str, value: int, missing: int, item: Item) -> None:
        """`5` are five tenths."""
        self._set(name, value, item)
        self.reading.fields[name] = value * 10 ** max(missing, 0)

    def _integer(self, width: int, item: Item, place: int) -> tuple[int, int]:
        """The number here, and how many characters it took, blanks before it included."""
        start = self.position
        self._skip_blanks_quietly()
        fixed = self.text[self.position : self.position + width]
        if item.fill or self._ends_itself(place):
            match = _INTEGER.match(self.text, start)
        else:
            if len(fixed) < width:
                raise errors.InvalidDatetimeFormat(
                    f'source string too short for "{item.pattern}" formatting field',
                    detail=f"Field requires {width} characters, but only {len(fixed)} remain.",
                    hint=_FILL,
                )
            match = _INTEGER.match(self.text, self.position, self.position + width)
            if match is not None and len(match[0]) < width:
                raise errors.InvalidDatetimeFormat(
                    f'invalid value "{fixed}" for "{item.pattern}"',
                    detail=f"Field requires {width} characters, but only {len(match[0])} could be parsed.",
                    hint=_FILL,
                )
        if match is None:
            raise errors.InvalidDatetimeFormat(
                f'invalid value "{fixed}" for "{item.pattern}"', detail="Value must be an integer."
            )
        self.position = match.end()
        value = int(match[0]) if len(match[0]) < 100 else 2**31
        if not -(2**31) <= value < 2**31:
            raise errors.DatetimeFieldOverflow(
                f'value for "{item.pattern}" in source string is out of range',
                detail="Value must be in the range -2147483648 to 2147483647.",
            )
        return value, self.position - start

    def _skip_blanks_quietly(self) -> None:
        while self.here.isspace():
            self.position += 1

    def _ends_itself(self, place: int) -> bool:
        """Whether what follows in the template cannot be mistaken for a digit of this number."""
        if self.items[place].suffix or place + 1 == len(self.items):
            return True
        following = self.items[place + 1]
        if following.pattern:
            return following.pattern.upper() not in _WIDTHS and following.pattern not in ("Y,YYY", "TZM")
        return not following.text[:1].isdigit()

    def _year(self, pattern: str, value: int, width: int, item: Item) -> None:
        digits = 4 if pattern in ("YYYY", "IYYY") else len(pattern.lstrip("I")) + pattern.startswith("I")
        if digits < 4 and width < 4:
            value = _nearest_year(value)
        self._set("year", value, item)
        self.reading.year_digits = digits

    def _year_with_comma(self) -> None:
        match = re.compile(r"\s*([+-]?\d+),(\d{1,3})", re.ASCII).match(self.text, self.position)
        if match is None:
            raise errors.InvalidDatetimeFormat('invalid input string for "Y,YYY"')
        self.reading.fields["year"] = int(match[1]) * 1000 + int(match[2])
        self.reading.year_digits = 4
        self.position = match.end()

    def _one_of(self, names: tuple[str, ...], item: Item) -> int:
        rest = self.text[self.position :].lower()
        for index, name in enumerate(names):
            if rest.startswith(name):
                self.position += len(name)
                return index
        shown = re.split(r"\s", self.text[self.position :], maxsplit=1)[0]
        raise errors.InvalidDatetimeFormat(
            f'invalid value "{shown}" for "{item.pattern}"',
            detail="The given value did not match any of the allowed values for this field.",
        )

    def _name(self, pattern: str, item: Item) -> None:
        index = self._one_of(_NAMES[pattern], item)
        if pattern in ("DAY", "DY"):
            self._set("weekday", index + 1, item)
        else:
            self._set("month", 12 - index if pattern == "RM" else index + 1, item)

    def _zone(self, pattern: str, item: Item, place: int) -> None:
        reading = self.reading
        if pattern == "TZH":
            behind = self.skipped > 0 and self.text[self.position - 1 : self.position] == "-"
            reading.zone_sign = -1 if self.here == "-" or (self.here not in "+- " and behind) else 1
            if self.here in ("+", "-", " "):
                self.position += 1
        reading.zone_sign = reading.zone_sign or 1
        self._set("zone_hours" if pattern == "TZH" else "zone_minutes", self._integer(2, item, place)[0], item)


def _pair(first: str, second: str, pattern: str) -> tuple[str, str]:
    """`am` and `pm`, with points if the pattern has some."""
    if "." not in pattern:
        return first, second
    return f"{first[0]}.{first[1]}.", f"{second[0]}.{second[1]}."


def _nearest_year(year: int) -> int:
    """A short year is the one nearest to 2020: PostgreSQL's adjust_partial_year_to_2020."""
    if year < 70:
        return year + 2000
    if year < 100:
        return year + 1900
    if year < 520:
        return year + 2000
    return year + 1000 if year < 1000 else year


def read_moment(text: str, template: str) -> tuple[datetime, timedelta | None]:
    """The moment that `text` spells by `template`, without a zone, and the offset that it names, if it does.

    Raises 22007, 22008.
    """
    items = parse_template(template)
    reading = _Scanner(text, items).read()
    try:
        day, clock, offset = day_of(reading), clock_of(reading), offset_of(reading)
        return midnight(day) + clock, offset
    except (ValueError, OverflowError):
        raise errors.DatetimeFieldOverflow(f'date/time field value out of range: "{text}"') from None
