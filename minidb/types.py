"""Types and values: what a value of each SQL type is in Python, and how it is read, written, compared and converted.

The ground floor of the whole system: of minidb it imports the errors and what a JSON document is.

    SQL type                              Python value
    smallint, integer, bigint             int
    real, double precision                float (real rounded to four bytes)
    numeric                               Decimal, exponent never above 0, NaN and infinities allowed
    text, varchar, char                   str (char without its trailing blanks: they are added on output)
    boolean                               bool
    bytea                                 bytes
    date, time, timestamp                 date, naive time, naive datetime
    timestamptz                           aware datetime, always in UTC
    interval                              Interval
    uuid                                  UUID
    json                                  str, as it was written
    jsonb                                 Jsonb: a str in normal form that compares as documents do
    jsonpath                              str, in normal form
    arrays                                tuple of values and None
    unknown                               str: a quoted literal or a driver's str whose type the context decides

Invariants:
 1. A value is always in its type's range: every way in (text, cast, driver parameter) checks it.
 2. NULL is None and never reaches a function of this module, except as an element of an array.
 3. numeric never has a positive exponent, so `str.format(value, "f")` shows exactly its scale.
 4. `from_text(type, to_text(type, value)) == value`.

What PostgreSQL has and this module has not: dates before year 1 and after 9999, 'infinity' as a date or timestamp, the
time 24:00:00, time zones other than UTC in casts (they are read, converted and gone).
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import ROUND_05UP, ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

import msgspec

from minidb import errors
from minidb.documents import Jsonb, check_json, document, read_jsonb

Value = Any  # a Python value as in the table above; never None
Converter = Callable[[Any], Any]
CastContext = Literal["implicit", "assignment", "explicit"]


# -- types ------------------------------------------------------------------------------------------------


class SqlType(msgspec.Struct, frozen=True):
    """A type with its modifiers. Two types are equal if name and modifiers are; `base` drops the modifiers."""

    name: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    element: SqlType | None = None
    fields: tuple[tuple[str, SqlType], ...] | None = None  # of a record whose columns are known

    def __str__(self) -> str:
        if self.element is not None:
            return f"{self.element}[]"
        shown = _DISPLAY_NAMES.get(self.name, self.name)
        if self.length is not None:
            return f"{shown}({self.length})"
        if self.precision is None:
            return shown
        if self.scale is not None:
            return f"{shown}({self.precision},{self.scale})"
        first, _, rest = shown.partition(" ")
        return f"{first}({self.precision}) {rest}".rstrip()

    @property
    def base(self) -> SqlType:
        """The same type without length, precision and scale."""
        if self.element is not None:
            return SqlType("array", element=self.element if self.element.fields else self.element.base)
        return BASE_TYPES[self.name]

    @property
    def category(self) -> str:
        """PostgreSQL's category: N number, S string, B boolean, D date, T interval, A array, X unknown, U other."""
        return _CATEGORIES.get(self.name, "U")

    @property
    def preferred(self) -> bool:
        """Whether overload resolution prefers this type within its category."""
        return self.name in _PREFERRED

    @property
    def python_type(self) -> Any:
        """What msgspec decodes a stored value to. An Interval is stored as its array [months, days, microseconds]."""
        if self.element is not None:
            element: Any = self.element.python_type
            return tuple[element | None, ...]
        return _PYTHON_TYPES[self.name]

    @property
    def description_code(self) -> str:
        """The PEP 249 type object that a column of this type equals: STRING, BINARY, NUMBER or DATETIME."""
        return {"N": "NUMBER", "B": "NUMBER", "D": "DATETIME", "T": "DATETIME"}.get(
            self.category, "BINARY" if self.name == "bytea" else "STRING"
        )


_DISPLAY_NAMES = {
    "varchar": "character varying",
    "char": "character",
    "time": "time without time zone",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
}
_CATEGORIES = {
    "smallint": "N",
    "integer": "N",
    "bigint": "N",
    "real": "N",
    "double precision": "N",
    "numeric": "N",
    "text": "S",
    "varchar": "S",
    "char": "S",
    "boolean": "B",
    "date": "D",
    "time": "D",
    "timestamp": "D",
    "timestamptz": "D",
    "interval": "T",
    "array": "A",
    "unknown": "X",
    "record": "P",
    "void": "P",
    "any": "P",
    "anyelement": "P",
    "anyarray": "P",
    "anynonarray": "P",
}
_PREFERRED = frozenset({"text", "double precision", "boolean", "timestamptz", "interval"})

SMALLINT = SqlType("smallint")
INTEGER = SqlType("integer")
BIGINT = SqlType("bigint")
REAL = SqlType("real")
DOUBLE = SqlType("double precision")
NUMERIC = SqlType("numeric")
TEXT = SqlType("text")
VARCHAR = SqlType("varchar")
CHAR = SqlType("char")
BOOLEAN = SqlType("boolean")
BYTEA = SqlType("bytea")
DATE = SqlType("date")
TIME = SqlType("time")
TIMESTAMP = SqlType("timestamp")
TIMESTAMPTZ = SqlType("timestamptz")
INTERVAL = SqlType("interval")
UUID_TYPE = SqlType("uuid")
JSON = SqlType("json")
JSONB = SqlType("jsonb")
JSONPATH = SqlType("jsonpath")
UNKNOWN = SqlType("unknown")
RECORD = SqlType("record")
VOID = SqlType("void")
ANY = SqlType("any")
ANYELEMENT = SqlType("anyelement")
ANYARRAY = SqlType("anyarray")
ANYNONARRAY = SqlType("anynonarray")

INTEGERS = (SMALLINT, INTEGER, BIGINT)
STRINGS = (TEXT, VARCHAR, CHAR)
BASE_TYPES: dict[str, SqlType] = {
    t.name: t
    for t in (
        *INTEGERS,
        REAL,
        DOUBLE,
        NUMERIC,
        *STRINGS,
        BOOLEAN,
        BYTEA,
        DATE,
        TIME,
        TIMESTAMP,
        TIMESTAMPTZ,
        INTERVAL,
        UUID_TYPE,
        JSON,
        JSONB,
        JSONPATH,
        UNKNOWN,
        RECORD,
        VOID,
        ANY,
        ANYELEMENT,
        ANYARRAY,
        ANYNONARRAY,
    )
}
SERIAL_TYPES = {
    "smallserial": SMALLINT,
    "serial2": SMALLINT,
    "serial": INTEGER,
    "serial4": INTEGER,
    "bigserial": BIGINT,
    "serial8": BIGINT,
}
_ALIASES = {
    "int": "integer",
    "int4": "integer",
    "int2": "smallint",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "float": "double precision",
    "double": "double precision",
    "decimal": "numeric",
    "dec": "numeric",
    "character varying": "varchar",
    "char varying": "varchar",
    "national character varying": "varchar",
    "national char varying": "varchar",
    "nchar varying": "varchar",
    "string": "text",
    "character": "char",
    "national character": "char",
    "national char": "char",
    "nchar": "char",
    "bpchar": "char",
    "regclass": "text",  # the name of a relation, as nextval takes it
    "bool": "boolean",
    "time without time zone": "time",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
}


ELSEWHERE = {  # names that other databases have for types
    "datetime": "timestamp",
    "smalldatetime": "timestamp",
    "blob": "bytea",
    "binary": "bytea",
    "varbinary": "bytea",
    "string": "text",
    "clob": "text",
    "longtext": "text",
    "mediumtext": "text",
    "tinytext": "text",
    "nvarchar": "varchar",
    "varchar2": "varchar",
    "nchar": "char",
    "tinyint": "smallint",
    "mediumint": "integer",
    "hugeint": "numeric",
    "number": "numeric",
    "money": "numeric",
    "double": "double precision",
    "bit": "boolean",
}


def array_of(element: SqlType) -> SqlType:
    """The one-dimensional array type over `element` (an array over an array is the same array type)."""
    return element if element.element is not None else SqlType("array", element=element)


def type_from_name(name: str, modifiers: tuple[int, ...] = (), at: int | None = None) -> SqlType:
    """The type that SQL calls `name` with the modifiers in its parentheses.

    Args:
        name: in any case, with single blanks: `int`, `timestamp with time zone`, `text[]`.
        modifiers: `(12, 2)` for numeric(12,2).
        at: position of the name in the statement, for the error.
    Raises UndefinedObject (42704), InvalidParameterValue (22023).
    """
    name = " ".join(name.lower().split())
    if name.endswith("[]"):
        return array_of(type_from_name(name.rstrip("[]").rstrip(), modifiers, at))
    canonical = _ALIASES.get(name, name)
    known = BASE_TYPES.get(canonical)
    if known is None or known.category in "PX":
        meant = ELSEWHERE.get(name)
        hint = None if meant is None else f"Here it is called {meant}."
        raise errors.UndefinedObject(f'type "{name}" does not exist', position=at, hint=hint)
    if canonical in ("varchar", "char"):
        return _string_type(known, name, modifiers, at)
    if canonical == "numeric":
        return _numeric_type(modifiers, at)
    if name == "float" and modifiers:
        return _float_type(modifiers, at)
    if not modifiers:
        return known
    if canonical in ("time", "timestamp", "timestamptz", "interval") and len(modifiers) == 1:
        if modifiers[0] < 0:
            raise errors.InvalidParameterValue(f"precision of type {name} must not be negative", position=at)
        # PostgreSQL warns and reduces a precision above 6.
        return SqlType(canonical, precision=min(modifiers[0], 6))
    raise errors.SyntaxError(f'type modifier is not allowed for type "{name}"', position=at)


def _string_type(known: SqlType, name: str, modifiers: tuple[int, ...], at: int | None) -> SqlType:
    if not modifiers:
        return SqlType("char", length=1) if known is CHAR and name != "bpchar" else known
    if len(modifiers) > 1:
        raise errors.InvalidParameterValue("invalid type modifier", position=at)
    if modifiers[0] < 1:
        raise errors.InvalidParameterValue(f"length for type {name} must be at least 1", position=at)
    if modifiers[0] > 10485760:
        raise errors.InvalidParameterValue(f"length for type {name} cannot exceed 10485760", position=at)
    return SqlType(known.name, length=modifiers[0])


def _numeric_type(modifiers: tuple[int, ...], at: int | None) -> SqlType:
    if not modifiers:
        return NUMERIC
    if len(modifiers) > 2:
        raise errors.InvalidParameterValue("invalid NUMERIC type modifier", position=at)
    precision, scale = modifiers if len(modifiers) == 2 else (modifiers[0], 0)
    if not 1 <= precision <= 1000:
        raise errors.InvalidParameterValue(f"NUMERIC precision {precision} must be between 1 and 1000", position=at)
    if not -1000 <= scale <= 1000:
        raise errors.InvalidParameterValue(f"NUMERIC scale {scale} must be between -1000 and 1000", position=at)
    return SqlType("numeric", precision=precision, scale=scale)


def _float_type(modifiers: tuple[int, ...], at: int | None) -> SqlType:
    bits = modifiers[0]
    if bits < 1:
        raise errors.InvalidParameterValue("precision for type float must be at least 1 bit", position=at)
    if bits > 53:
        raise errors.InvalidParameterValue("precision for type float must be less than 54 bits", position=at)
    return REAL if bits <= 24 else DOUBLE


# -- intervals --------------------------------------------------------------------------------------------

_DAY = 86_400_000_000
_HOUR = 3_600_000_000
_MINUTE = 60_000_000
_SECOND = 1_000_000


class Interval(msgspec.Struct, frozen=True, eq=False, array_like=True, gc=False):
    """A span of time in three parts that do not convert into each other: months, days and microseconds.

    Order, equality and hash count a month as 30 days and a day as 24 hours, as PostgreSQL does: 1 month = 30 days.
    msgspec writes it as the array [months, days, microseconds] and a typed decoder reads it back.
    """

    months: int = 0
    days: int = 0
    microseconds: int = 0

    @property
    def total(self) -> int:
        """Microseconds with 30-day months and 24-hour days: what order, equality and hash look at."""
        return (self.months * 30 + self.days) * _DAY + self.microseconds

    def __eq__(self, other: object) -> bool:
        return self.total == other.total if isinstance(other, Interval) else NotImplemented

    def __ne__(self, other: object) -> bool:  # Struct's own would compare identities
        return self.total != other.total if isinstance(other, Interval) else NotImplemented

    def __lt__(self, other: Interval) -> bool:
        return self.total < other.total if isinstance(other, Interval) else NotImplemented

    def __le__(self, other: Interval) -> bool:
        return self.total <= other.total if isinstance(other, Interval) else NotImplemented

    def __gt__(self, other: Interval) -> bool:
        return self.total > other.total if isinstance(other, Interval) else NotImplemented

    def __ge__(self, other: Interval) -> bool:
        return self.total >= other.total if isinstance(other, Interval) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.total)

    def __neg__(self) -> Interval:
        return checked_interval(-self.months, -self.days, -self.microseconds)

    def __add__(self, other: Interval) -> Interval:
        if not isinstance(other, Interval):
            return NotImplemented
        return checked_interval(
            self.months + other.months, self.days + other.days, self.microseconds + other.microseconds
        )

    def __sub__(self, other: Interval) -> Interval:
        if not isinstance(other, Interval):
            return NotImplemented
        return checked_interval(
            self.months - other.months, self.days - other.days, self.microseconds - other.microseconds
        )

    def __mul__(self, factor: float) -> Interval:
        if not isinstance(factor, (int, float)):
            return NotImplemented
        return _scaled_interval(self, self.months * factor, self.days * factor, self.microseconds * factor)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Interval:
        if not isinstance(divisor, (int, float)):
            return NotImplemented
        if divisor == 0:
            raise errors.DivisionByZero("division by zero")
        return _scaled_interval(self, self.months / divisor, self.days / divisor, self.microseconds / divisor)

    def __str__(self) -> str:
        return interval_text(self)

    @staticmethod
    def parse(text: str, fields: str | None = None) -> Interval:
        """Read PostgreSQL's, the SQL standard's or ISO 8601's spelling.

        `fields` is the qualifier of `INTERVAL '...' DAY TO SECOND`, lower case: its last word is the unit of a bare
        number, and smaller units are cut off.
        """
        return parse_interval(text, fields)


def checked_interval(months: int, days: int, microseconds: int) -> Interval:
    """An interval whose parts fit PostgreSQL's int4, int4 and int8, or 22008."""
    if -(2**31) <= months < 2**31 and -(2**31) <= days < 2**31 and -(2**63) <= microseconds < 2**63:
        return Interval(months, days, microseconds)
    raise errors.DatetimeFieldOverflow("interval out of range")


def _scaled_interval(span: Interval, months: float, days: float, microseconds: float) -> Interval:
    """Cascade the fractions of months into days and of days into time, as PostgreSQL's interval_mul does."""
    if not (math.isfinite(months) and math.isfinite(days) and math.isfinite(microseconds)):
        raise errors.DatetimeFieldOverflow("interval out of range")
    whole_months, whole_days = int(months), int(days)
    month_days = round((months - whole_months) * 30, 6)
    seconds = round((days - whole_days + month_days - int(month_days)) * 86400, 6)
    if abs(seconds) >= 86400:
        extra = int(seconds / 86400)
        whole_days += extra
        seconds -= extra * 86400
    return checked_interval(whole_months, whole_days + int(month_days), round(microseconds + seconds * 1_000_000))


def interval_text(span: Interval) -> str:
    """PostgreSQL's default style: `1 year 2 mons 3 days 04:05:06.5`."""
    years, months = _truncated_divmod(span.months, 12)
    parts: list[str] = []
    negative = False
    for number, unit in ((years, "year"), (months, "mon"), (span.days, "day")):
        if number:
            sign = "+" if negative and number > 0 else ""
            parts.append(f"{sign}{number} {unit}{'' if number == 1 else 's'}")
            negative = number < 0
    if span.microseconds or not parts:
        sign = "-" if span.microseconds < 0 else "+" if negative else ""
        parts.append(sign + _clock_text(abs(span.microseconds)))
    return " ".join(parts)


def _truncated_divmod(number: int, divisor: int) -> tuple[int, int]:
    quotient = abs(number) // divisor * (1 if number >= 0 else -1)
    return quotient, number - quotient * divisor


def _clock_text(microseconds: int) -> str:
    seconds, fraction = divmod(microseconds, _SECOND)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{fraction:06}".rstrip("0") if fraction else text


# unit -> (months, days, microseconds) of one
_UNITS: dict[str, tuple[int, int, int]] = {}
_UNIT_NAMES: dict[str, str] = {}
for _names, _amount in (
    ("microsecond microseconds us usec usecs usecond useconds", (0, 0, 1)),
    ("millisecond milliseconds ms msec msecs msecond mseconds", (0, 0, 1000)),
    ("second seconds s sec secs", (0, 0, _SECOND)),
    ("minute minutes m min mins", (0, 0, _MINUTE)),
    ("hour hours h hr hrs", (0, 0, _HOUR)),
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
            self.microseconds += int(_NUMERIC.multiply(amount, microseconds).quantize(_ONE, ROUND_HALF_UP, _NUMERIC))
            return
        whole = int(amount)
        fraction = _NUMERIC.subtract(amount, whole)
        self.months += whole * months
        self.days += whole * days
        if months >= 12:
            self.months += round(_NUMERIC.multiply(fraction, months))
        elif fraction:
            part = _NUMERIC.multiply(fraction, 30 if months else days)
            self.days += int(part)
            self.microseconds += round(_NUMERIC.multiply(_NUMERIC.subtract(part, int(part)), _DAY))

    def add_clock(self, text: str, minutes_first: bool) -> None:
        negative = text.startswith("-")
        parts = text.lstrip("+-").split(":")
        if len(parts) == 2 and (minutes_first or "." in parts[1]):
            parts.insert(0, "0")
        hours, minutes = int(parts[0]), int(parts[1])
        seconds = Decimal(parts[2]) if len(parts) > 2 else _ZERO
        if minutes > 59 or seconds > 60:
            raise ValueError
        amount = hours * _HOUR + minutes * _MINUTE + round(_NUMERIC.multiply(seconds, _SECOND))
        self.microseconds += -amount if negative else amount

    def result(self) -> Interval:
        return checked_interval(self.months, self.days, self.microseconds)


def parse_interval(text: str, fields: str | None = None) -> Interval:
    """The interval that `text` spells; see Interval.parse. Raises 22007, 22008."""
    lowered = text.strip().lower()
    try:
        total = _iso_interval(lowered) if lowered.startswith("p") else _verbose_interval(lowered, fields)
        span = total.result()
    except errors.DatetimeFieldOverflow:
        raise errors.DatetimeFieldOverflow(f'interval field value out of range: "{text}"', sqlstate="22015") from None
    except (ValueError, KeyError, IndexError, ArithmeticError):
        raise errors.InvalidDatetimeFormat(f'invalid input syntax for type interval: "{text}"') from None
    return cut_interval(span, fields) if fields else span


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


def cut_interval(span: Interval, fields: str) -> Interval:
    """Drop what is smaller than the last field of a qualifier such as `day to hour`."""
    last = fields.split()[-1]
    months, days, microseconds = span.months, span.days, span.microseconds
    if last == "year":
        return Interval(_truncated_divmod(months, 12)[0] * 12)
    if last == "month":
        return Interval(months)
    if last == "day":
        return Interval(months, days)
    step = {"hour": _HOUR, "minute": _MINUTE}.get(last, 1)
    return Interval(months, days, _truncated_divmod(microseconds, step)[0] * step)


# -- numeric arithmetic -----------------------------------------------------------------------------------
#
# Sums, differences and products are exact: the context holds the 131,072 digits before and 16,383 after the point that
# PostgreSQL allows. Only the quotient needs a scale. InvalidOperation is not trapped: Infinity - Infinity is NaN.

_NUMERIC = Context(
    prec=147_455, rounding=ROUND_HALF_UP, Emin=-147_455, Emax=131_071, capitals=0, traps=[Overflow, DivisionByZero]
)
# ROUND_05UP keeps a digit that tells "not exact", so that rounding a second time to the scale is right.
_QUOTIENTS = tuple(
    Context(prec=digits, rounding=ROUND_05UP, Emin=-999_999, Emax=999_999, traps=[]) for digits in (48, 400, 150_000)
)
_ZERO, _ONE = Decimal(0), Decimal(1)
NUMERIC_NAN = Decimal("NaN")
FLOAT_NAN = float("nan")  # one object, so that dicts group it
MAX_SCALE = 16_383

numeric_add: Callable[[Decimal, Decimal], Decimal] = _NUMERIC.add
numeric_subtract: Callable[[Decimal, Decimal], Decimal] = _NUMERIC.subtract


@lru_cache(maxsize=256)
def _unit(scale: int) -> Decimal:
    return Decimal((0, (1,), -scale))


def shift_point(value: Decimal, places: int) -> Decimal:
    """value * 10 ** places without rounding; never the caller's context, which may hold any precision."""
    return canonical_numeric(value.scaleb(places, _QUOTIENTS[2]))


def numeric_scale(value: Decimal) -> int:
    """Digits after the point; 0 for NaN and the infinities."""
    exponent = value.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def numeric_round(value: Decimal, scale: int = 0, rounding: str = ROUND_HALF_UP) -> Decimal:
    """`value` with exactly `scale` digits after the point; a negative scale rounds tens and hundreds."""
    if not value.is_finite():
        return value
    if scale >= 0:
        return _positive_zero(value.quantize(_unit(min(scale, MAX_SCALE)), rounding, _NUMERIC))
    if value.adjusted() + 1 < -scale:
        return _ZERO
    return _positive_zero(value.quantize(_unit(scale), rounding, _NUMERIC).quantize(_ONE, rounding, _NUMERIC))


def _positive_zero(value: Decimal) -> Decimal:
    """numeric has no negative zero."""
    return value if value else value.copy_abs()


_product: Callable[[Decimal, Decimal], Decimal] = _NUMERIC.multiply


def numeric_multiply(left: Decimal, right: Decimal) -> Decimal:
    product = _product(left, right)
    return product if product else product.copy_abs()


def canonical_numeric(value: Decimal) -> Decimal:
    """Bring a Decimal from outside into the numeric type: no positive exponent, no -0, one NaN; 22003 if too large."""
    if value.is_nan():
        return NUMERIC_NAN
    if value.is_infinite():
        return value
    if value.adjusted() > 131_071:
        raise errors.NumericValueOutOfRange("value overflows numeric format")
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and (exponent > 0 or -exponent > MAX_SCALE):
        value = value.quantize(_ONE if exponent > 0 else _unit(MAX_SCALE), ROUND_HALF_UP, _NUMERIC)
    return _positive_zero(value)


def numeric_divide(left: Decimal, right: Decimal) -> Decimal:
    """The quotient with the scale that PostgreSQL's select_div_scale gives: at least 16 significant digits."""
    if not right:
        if left.is_nan():
            return NUMERIC_NAN
        raise errors.DivisionByZero("division by zero")
    if not (left.is_finite() and right.is_finite()):
        return _special_quotient(left, right)
    return divide_to_scale(left, right, division_scale(left, right))


def _special_quotient(left: Decimal, right: Decimal) -> Decimal:
    if left.is_nan() or right.is_nan() or (left.is_infinite() and right.is_infinite()):
        return NUMERIC_NAN
    return _ZERO if right.is_infinite() else left.copy_sign(_ONE if left.is_signed() == right.is_signed() else -_ONE)


def divide_to_scale(left: Decimal, right: Decimal, scale: int) -> Decimal:
    """left / right, rounded half away from zero to `scale` digits after the point. Both finite, right not 0."""
    digits = left.adjusted() - right.adjusted() + scale + 3
    context = _QUOTIENTS[0] if digits < 48 else _QUOTIENTS[1] if digits < 400 else _QUOTIENTS[2]
    quotient = context.divide(left, right)
    if quotient.adjusted() > 131_071:
        raise errors.NumericValueOutOfRange("value overflows numeric format")
    return _positive_zero(quotient.quantize(_unit(scale), ROUND_HALF_UP, _NUMERIC))


def division_scale(left: Decimal, right: Decimal) -> int:
    """PostgreSQL counts in base 10,000: weights and leading digits of both operands decide the quotient's weight."""
    left_weight, left_digit = _leading_digit(left)
    right_weight, right_digit = _leading_digit(right)
    weight = left_weight - right_weight - (left_digit <= right_digit)
    return min(max(16 - weight * 4, numeric_scale(left), numeric_scale(right), 0), 1000)


def _leading_digit(value: Decimal) -> tuple[int, int]:
    if not value:
        return 0, 0
    weight = value.adjusted() // 4
    return weight, int(value.copy_abs().scaleb(-4 * weight, _QUOTIENTS[2]))


def numeric_modulo(left: Decimal, right: Decimal) -> Decimal:
    """The remainder with the sign of the dividend and the larger scale of the two."""
    if left.is_nan() or right.is_nan():
        return NUMERIC_NAN
    if not right:
        raise errors.DivisionByZero("division by zero")
    if left.is_infinite():
        return NUMERIC_NAN
    return left if right.is_infinite() else _positive_zero(_NUMERIC.remainder(left, right))


def numeric_compare(left: Decimal, right: Decimal) -> int:
    """-1, 0 or 1; NaN equals itself and is above everything else."""
    if left.is_nan() or right.is_nan():
        return int(left.is_nan()) - int(right.is_nan())
    return (left > right) - (left < right)


def arithmetic_error(error: ArithmeticError) -> errors.DataError:
    """minidb's error for what Python's arithmetic raises inside generated code."""
    if isinstance(error, ZeroDivisionError):  # decimal.DivisionByZero is one, too
        return errors.DivisionByZero("division by zero")
    if isinstance(error, Overflow):
        return errors.NumericValueOutOfRange("value overflows numeric format")
    if isinstance(error, InvalidOperation):
        return errors.InvalidParameterValue("invalid numeric operation")
    return errors.NumericValueOutOfRange("value out of range: overflow")


# -- ranges and modifiers ---------------------------------------------------------------------------------

INTEGER_RANGES = {
    "smallint": (-(2**15), 2**15 - 1),
    "integer": (-(2**31), 2**31 - 1),
    "bigint": (-(2**63), 2**63 - 1),
}


def check_smallint(value: int) -> int:
    if -32768 <= value <= 32767:
        return value
    raise errors.NumericValueOutOfRange("smallint out of range")


def check_integer(value: int) -> int:
    if -2147483648 <= value <= 2147483647:
        return value
    raise errors.NumericValueOutOfRange("integer out of range")


def check_bigint(value: int) -> int:
    if -9223372036854775808 <= value <= 9223372036854775807:
        return value
    raise errors.NumericValueOutOfRange("bigint out of range")


INTEGER_CHECKS: dict[str, Callable[[int], int]] = {
    "smallint": check_smallint,
    "integer": check_integer,
    "bigint": check_bigint,
}
_pack_real = struct.Struct("<f").pack
_unpack_real = struct.Struct("<f").unpack


def round_to_real(value: float) -> float:
    """The nearest value of four bytes; 22003 if a finite number becomes infinite or a number becomes zero."""
    try:
        rounded: float = _unpack_real(_pack_real(value))[0]
    except OverflowError:
        raise errors.NumericValueOutOfRange("value out of range: overflow") from None
    if rounded == 0 and value != 0:
        raise errors.NumericValueOutOfRange("value out of range: underflow")
    return rounded


def check_text(value: str) -> str:
    """Reject what UTF-8 or PostgreSQL cannot hold: lone surrogates and NUL (22021)."""
    if "\0" in value:
        raise errors.CharacterNotInRepertoire('invalid byte sequence for encoding "UTF8": 0x00')
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            code = f"0x{ord(value[error.start]):04x}"
            raise errors.CharacterNotInRepertoire(
                f'invalid byte sequence for encoding "UTF8": lone surrogate {code}'
            ) from None
    return value


def fit_numeric(value: Decimal, precision: int, scale: int) -> Decimal:
    """Round to numeric(precision, scale); 22003 if digits before the point are too many."""
    if value.is_nan():
        return value
    rounded = numeric_round(value, scale)
    if rounded.is_infinite() or (rounded and rounded.adjusted() >= precision - scale):
        must = f"must round to an absolute value less than {_power_of_ten(precision - scale)}."
        if rounded.is_infinite():
            must = "cannot hold an infinite value."
        raise errors.NumericValueOutOfRange(
            "numeric field overflow", detail=f"A field with precision {precision}, scale {scale} {must}"
        )
    return rounded


def _power_of_ten(exponent: int) -> str:
    return f"10^{exponent}" if exponent else "1"


def _fit_string(target: SqlType, explicit: bool) -> Converter:
    length = target.length or 0
    is_char = target.name == "char"

    def fit(value: str) -> str:
        if len(value) > length:
            cut = value[:length]
            if not explicit and value[length:].strip(" "):
                raise errors.StringDataRightTruncation(f"value too long for type {target}")
            value = cut
        return value.rstrip(" ") if is_char else value

    return fit


def _round_microseconds(microseconds: int, precision: int) -> int:
    step: int = 10 ** (6 - precision)
    # away from zero at the half
    rounded = (abs(microseconds) + step // 2) // step * step
    return rounded if microseconds >= 0 else -rounded


def _fit_moment(precision: int) -> Converter:
    def fit(value: Any) -> Any:
        if isinstance(value, Interval):
            return Interval(value.months, value.days, _round_microseconds(value.microseconds, precision))
        # PostgreSQL counts from 2000: before it, halves go to the earlier moment
        back = isinstance(value, datetime) and value.year < 2000
        rounded = _round_microseconds(value.microsecond - back, precision)
        if rounded < _SECOND:
            return value.replace(microsecond=rounded)
        if isinstance(value, datetime):
            return value.replace(microsecond=0) + timedelta(seconds=1)
        later = datetime.combine(date(2000, 1, 1), value.replace(microsecond=0)) + timedelta(seconds=1)
        return later.time() if later.day == 1 else value.replace(microsecond=_SECOND - 10 ** (6 - precision))

    return fit


def _modifier_function(target: SqlType, explicit: bool) -> Converter | None:
    """What makes a value of `target.base` fit the modifiers of `target`; None if there are none."""
    if target.length is not None:
        return _fit_string(target, explicit)
    if target.precision is None:
        return None
    if target.name != "numeric":
        return None if target.precision == 6 else _fit_moment(target.precision)
    precision, scale = target.precision, target.scale or 0
    return lambda value: fit_numeric(value, precision, scale)


# -- input ------------------------------------------------------------------------------------------------

_INTEGER = re.compile(r"\s*([+-]?[0-9]+)\s*\Z")
_NUMBER = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*\Z")
_SPECIAL = r"(?i)\s*([+-]?)(nan|inf|infinity)\s*\Z"


def _bad_syntax(type_name: str, text: str) -> errors.InvalidTextRepresentation:
    return errors.InvalidTextRepresentation(f'invalid input syntax for type {type_name}: "{text}"')


def _integer_reader(name: str) -> Callable[[str], int]:
    low, high = INTEGER_RANGES[name]

    def read(text: str) -> int:
        match = _INTEGER.match(text)
        if match is None:
            raise _bad_syntax(name, text)
        # 20 digits are beyond every range, and int() of thousands of digits is slow or refused
        digits = match[1]
        value = int(digits) if len(digits) < 100 else high + 1
        if low <= value <= high:
            return value
        raise errors.NumericValueOutOfRange(f'value "{text.strip()}" is out of range for type {name}')

    return read


def _read_numeric(text: str) -> Decimal:
    match = _NUMBER.match(text)
    if match:
        try:
            return canonical_numeric(Decimal(match[1]))
        except InvalidOperation:
            raise errors.NumericValueOutOfRange("value overflows numeric format") from None
    special = re.compile(_SPECIAL).match(text)
    if special is None or (special[1] and special[2].lower() == "nan"):
        raise _bad_syntax("numeric", text)
    return canonical_numeric(Decimal(special[1] + special[2]))


def _read_double(text: str, name: str = "double precision") -> float:
    match = _NUMBER.match(text)
    if match is None:
        special = re.compile(_SPECIAL).match(text)
        if special is None:
            raise _bad_syntax(name, text)
        return FLOAT_NAN if special[2].lower() == "nan" else float(special[1] + special[2])
    value = float(match[1])
    digits = match[1].lower().partition("e")[0]
    if math.isinf(value) or (value == 0 and digits.strip("+-0.")):
        raise errors.NumericValueOutOfRange(f'"{text.strip()}" is out of range for type {name}')
    return value


def _read_real(text: str) -> float:
    value = _read_double(text, "real")
    try:
        return round_to_real(value)
    except errors.NumericValueOutOfRange:
        raise errors.NumericValueOutOfRange(f'"{text.strip()}" is out of range for type real') from None


def _read_boolean(text: str) -> bool:
    word = text.strip().lower()
    if word in ("on", "1") or (word and ("true".startswith(word) or "yes".startswith(word))):
        return True
    if word in ("off", "of", "0") or (word and ("false".startswith(word) or "no".startswith(word))):
        return False
    raise _bad_syntax("boolean", text)


def _read_bytea(text: str) -> bytes:
    if text.startswith("\\x"):
        return bytes_from_hex(text[2:])
    if "\\" not in text:
        return text.encode()
    out = bytearray()
    for plain, escaped in re.compile(_BYTEA_PART).findall(text):
        if plain:
            out += plain.encode()
        elif escaped == "\\\\":
            out += b"\\"
        elif len(escaped) == 4:
            out.append(int(escaped[1:], 8))
        else:
            raise errors.InvalidTextRepresentation("invalid input syntax for type bytea")
    return bytes(out)


def bytes_from_hex(text: str) -> bytes:
    """Pairs of hexadecimal digits, blanks between them allowed; 22023 for anything else."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        pass
    wrong = next((char for char in text if char not in "0123456789abcdefABCDEF \t\n\r"), None)
    if wrong is None:
        raise errors.InvalidParameterValue("invalid hexadecimal data: odd number of digits")
    raise errors.InvalidParameterValue(f'invalid hexadecimal digit: "{wrong}"')


_BYTEA_PART = r"([^\\]+)|(\\\\|\\[0-3][0-7]{2}|\\)"
_UUID = r"\{?((?:[0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4})\}?\Z"


def _read_uuid(text: str) -> UUID:
    match = re.compile(_UUID).match(text)
    if match is None or (text[0] == "{") != (text[-1] == "}"):
        raise _bad_syntax("uuid", text)
    return UUID(hex=match[1].replace("-", ""))


def _read_path(text: str) -> str:
    from minidb.jsonpath.writing import normal_form  # 5 ms, and few statements have paths

    return normal_form(check_text(text))


def _read_char(text: str) -> str:
    return check_text(text).rstrip(" ")


# -- input of dates and times -----------------------------------------------------------------------------


class Moment(msgspec.Struct, frozen=True):
    """What a date and time text said: any part may be missing. `seconds` counts from midnight, in microseconds."""

    day: date | None
    microseconds: int | None
    zone: tzinfo | None


MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
DAY_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = {"sept": 9}
for _number, _name in enumerate(MONTH_NAMES, 1):
    _MONTHS[_name.lower()] = _MONTHS[_name[:3].lower()] = _number
_DAY_WORDS = frozenset(
    {"tues", "weds", "thur", "thurs", *(n.lower() for n in DAY_NAMES), *(n[:3].lower() for n in DAY_NAMES)}
)
_ZONE_ABBREVIATIONS = {
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
_ISO_MOMENT = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ tT](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?)?"
    r"(?:[zZ]|([+-])(\d{2})(?::?(\d{2}))?)?\Z",
    re.ASCII,
)


_YEARS = "Dates go from 0001-01-01 to 9999-12-31 here; use one of these or NULL."


def parse_moment(text: str, type_name: str, now: datetime | None = None) -> Moment:
    """Read a date, a time or both, in the spellings that PostgreSQL takes (ISO, MDY order, month names).

    `now` serves the words now, today, tomorrow and yesterday; without it they are refused.
    Raises InvalidDatetimeFormat (22007), DatetimeFieldOverflow (22008).
    """
    try:
        match = _ISO_MOMENT.match(text)
        return _iso_moment(match) if match else _DateReader(text, now).moment()
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


def _iso_moment(match: re.Match[str]) -> Moment:
    year, month, day, hour, minute, second, fraction, sign, zone_hours, zone_minutes = match.groups()
    microseconds = None
    if hour:
        microseconds = _clock(int(hour), int(minute), int(second or 0), int((fraction or "0").ljust(6, "0")))
    zone: tzinfo | None = None
    if sign:
        zone = _offset_zone(sign, int(zone_hours), int(zone_minutes or 0))
    elif match[0][-1] in "zZ":
        zone = UTC
    return Moment(_day(int(year), int(month), int(day)), microseconds, zone)


def _day(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise OverflowError from None


def _clock(hour: int, minute: int, second: int, microsecond: int = 0) -> int:
    """Microseconds since midnight; 24:00:00 and second 60 are allowed, as in PostgreSQL."""
    total = ((hour * 60 + minute) * 60 + second) * _SECOND + microsecond
    if minute > 59 or second > 60 or total > _DAY:
        raise OverflowError
    return total


def _offset_zone(sign: str, hours: int, minutes: int = 0, seconds: int = 0) -> tzinfo:
    if hours > 15 or minutes > 59 or seconds > 59:
        raise OverflowError
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return timezone(-offset if sign == "-" else offset)


def time_zone(name: str) -> tzinfo:
    """The zone called `name`: an abbreviation, a name of the tz database, or an offset, which counts as POSIX does:
    `+02` lies west of Greenwich, contrary to the `+02` behind a timestamp."""
    minutes = _ZONE_ABBREVIATIONS.get(name.strip().lower())
    if minutes is not None:
        return timezone(timedelta(minutes=minutes)) if minutes else UTC
    match = re.match(r"([+-])(\d{1,2})(?::?(\d{2}))?\Z", name.strip())
    try:
        if match:
            return _offset_zone("-" if match[1] == "+" else "+", int(match[2]), int(match[3] or 0))
        from zoneinfo import ZoneInfo  # 8 ms, and few statements name a zone

        return ZoneInfo(name.strip())
    except (ValueError, OSError, KeyError, OverflowError):
        raise errors.InvalidParameterValue(f'time zone "{name}" not recognized') from None


class _DateReader:
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
            hour = self.clock // _HOUR
            if not 1 <= hour <= 12:
                raise OverflowError
            self.clock += {("am", True): -12, ("pm", False): 12}.get((self.meridian, hour == 12), 0) * _HOUR
        parts = (self.year, self.month, self.day)
        if parts == (None, None, None):
            if self.clock is None:
                raise ValueError
            return Moment(None, self.clock, self.zone)
        if self.year is None or self.month is None or self.day is None:
            raise ValueError
        return Moment(_day(self.year, self.month, self.day), self.clock, self.zone)

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
        seconds = round(_NUMERIC.multiply(Decimal(rest[0]), _SECOND)) if rest else 0
        self.clock = _clock(int(hour), int(minute), seconds // _SECOND, seconds % _SECOND)

    def _offset(self, token: str) -> None:
        if self.clock is None:
            raise ValueError
        digits = token[1:]
        if ":" not in digits and len(digits) > 2:  # hhmm or hhmmss; the hour may have one digit
            digits = ":".join(re.findall(r"\d\d", digits.zfill(len(digits) + len(digits) % 2)))
        self.zone = _offset_zone(token[0], *map(int, digits.split(":")))

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
        elif word in _ZONE_ABBREVIATIONS:
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
            self.clock = _clock(clock.hour, clock.minute, clock.second, clock.microsecond)

    def _number(self, token: str) -> None:
        whole, _, fraction = token.partition(".")
        if len(whole) == 4 and self.year is not None and self.month is not None and self.clock is None and not fraction:
            self.clock = _clock(int(whole[:2]), int(whole[2:]), 0)
        elif len(whole) == 8 and self.year is None and not fraction:
            self._set_date(whole[:4], int(whole[4:6]), whole[6:])
        elif len(whole) == 6 and (self.year is not None or fraction):
            micro = int(fraction[:6].ljust(6, "0")) if fraction else 0
            self.clock = _clock(int(whole[:2]), int(whole[2:4]), int(whole[4:]), micro)
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


def _read_date(text: str, now: datetime | None = None) -> date:
    moment = parse_moment(text, "date", now)
    if moment.day is None:
        raise errors.InvalidDatetimeFormat(f'invalid input syntax for type date: "{text}"')
    return moment.day


def _read_time(text: str, now: datetime | None = None) -> time:
    stripped = text.strip()
    if len(stripped) in (4, 6) and stripped.isdigit():
        text = f"{stripped[:2]}:{stripped[2:4]}:{stripped[4:] or '00'}"
    moment = parse_moment(text, "time", now)
    if moment.microseconds is None:
        raise errors.InvalidDatetimeFormat(f'invalid input syntax for type time: "{text}"')
    if moment.microseconds == _DAY:
        raise errors.DatetimeFieldOverflow(
            f'date/time field value out of range: "{text}"', hint="Times go from 00:00:00 to 23:59:59.999999 here."
        )
    return time_from_microseconds(moment.microseconds)


def time_from_microseconds(microseconds: int) -> time:
    """The time of day that many microseconds after midnight, wrapping at 24 hours."""
    seconds, fraction = divmod(microseconds % _DAY, _SECOND)
    return time(seconds // 3600, seconds // 60 % 60, seconds % 60, fraction)


def time_microseconds(value: time | datetime) -> int:
    """Microseconds since midnight."""
    return ((value.hour * 60 + value.minute) * 60 + value.second) * _SECOND + value.microsecond


def _moment_datetime(text: str, type_name: str, now: datetime | None) -> tuple[datetime, tzinfo | None]:
    moment = parse_moment(text, type_name, now)
    if moment.day is None:
        raise errors.InvalidDatetimeFormat(f'invalid input syntax for type {type_name}: "{text}"')
    midnight = datetime(moment.day.year, moment.day.month, moment.day.day)
    try:
        return midnight + timedelta(microseconds=moment.microseconds or 0), moment.zone
    except OverflowError:
        raise errors.DatetimeFieldOverflow(f'timestamp out of range: "{text}"') from None


def _read_timestamp(text: str, now: datetime | None = None) -> datetime:
    return _moment_datetime(text, "timestamp", now)[0]


def _read_timestamptz(text: str, now: datetime | None = None) -> datetime:
    value, zone = _moment_datetime(text, "timestamp with time zone", now)
    try:
        return value.replace(tzinfo=zone or UTC).astimezone(UTC)
    except OverflowError:
        raise errors.DatetimeFieldOverflow(f'timestamp out of range: "{text}"') from None


# -- input of arrays --------------------------------------------------------------------------------------

_ARRAY_ITEM = r'(?s)\s*(?:"((?:[^"\\]|\\.)*)"|((?:[^\\",{}]|\\.)+))\s*([,}])'


def _read_array(element: SqlType, text: str) -> tuple[Any, ...]:
    def fail() -> errors.InvalidTextRepresentation:
        return errors.InvalidTextRepresentation(f'malformed array literal: "{text}"')

    body = text.strip()
    bounds = re.match(r"\[\s*([+-]?\d+)\s*:\s*([+-]?\d+)\s*\]\s*=\s*", body)
    if bounds is not None:
        if int(bounds[1]) != 1:
            raise errors.NotSupportedError("arrays begin with subscript 1")
        body = body[bounds.end() :]
    if re.match(r"\{\s*\{|\[", body):
        raise errors.NotSupportedError("arrays have one dimension")
    if not body.startswith("{"):
        raise errors.InvalidTextRepresentation(
            f'malformed array literal: "{text}"', detail='Array value must start with "{" or dimension information.'
        )
    if body[1:].strip() == "}":
        return ()
    items: list[Any] = []
    position, end = 1, ""
    while end != "}":
        match = re.compile(_ARRAY_ITEM).match(body, position)
        if match is None:
            raise fail()
        quoted, bare, end = match.groups()
        position = match.end()
        items.append(_array_item(element, quoted, bare))
    if position != len(body):
        raise fail()
    return tuple(items)


def _array_item(element: SqlType, quoted: str | None, bare: str | None) -> Any:
    if quoted is not None:
        return from_text(element, re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL))
    word = (bare or "").strip()
    return None if word.lower() == "null" else from_text(element, re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL))


_READERS: dict[str, Callable[[str], Any]] = {
    "smallint": _integer_reader("smallint"),
    "integer": _integer_reader("integer"),
    "bigint": _integer_reader("bigint"),
    "real": _read_real,
    "double precision": _read_double,
    "numeric": _read_numeric,
    "text": check_text,
    "varchar": check_text,
    "char": _read_char,
    "unknown": check_text,
    "boolean": _read_boolean,
    "bytea": _read_bytea,
    "date": _read_date,
    "time": _read_time,
    "timestamp": _read_timestamp,
    "timestamptz": _read_timestamptz,
    "interval": parse_interval,
    "uuid": _read_uuid,
    "json": check_json,
    "jsonb": read_jsonb,
    "jsonpath": _read_path,
}
_MOMENT_READERS: dict[str, Callable[[str, datetime | None], Any]] = {
    "date": _read_date,
    "time": _read_time,
    "timestamp": _read_timestamp,
    "timestamptz": _read_timestamptz,
}


def from_text(target: SqlType, text: str, now: datetime | None = None) -> Value:
    """The value of type `target` that `text` spells: PostgreSQL's input function, modifiers checked as on assignment.

    `now` (aware) gives the words now, today, ... their meaning in dates. Raises 22P02, 22003, 22007, 22008, 22001.
    """
    if target.element is not None:
        return _read_array(target.element, text)
    if now is not None and target.name in _MOMENT_READERS:
        value = _MOMENT_READERS[target.name](text, now)
    else:
        reader = _READERS.get(target.name)
        if reader is None:
            raise errors.NotSupportedError(f"cannot accept a value of type {target}")
        value = reader(text)
    modify = _modifier_function(target, explicit=False)
    return modify(value) if modify else value


# -- output -----------------------------------------------------------------------------------------------


def _scientific(digits: str, exponent: int, limit: int) -> str:
    """Shortest digits as PostgreSQL lays them out: fixed from 1e-4 up to `limit` places, else with an exponent."""
    if -4 <= exponent < limit:
        if exponent < 0:
            return "0." + "0" * (-exponent - 1) + digits
        whole = digits[: exponent + 1].ljust(exponent + 1, "0")
        return f"{whole}.{digits[exponent + 1 :]}" if len(digits) > exponent + 1 else whole
    mantissa = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
    return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02}"


def _float_text(value: float, shortest: str, limit: int) -> str:
    if value != value:
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    sign = "-" if math.copysign(1, value) < 0 else ""
    if value == 0:
        return f"{sign}0"
    mantissa, _, exponent = shortest.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    # position of the first significant digit
    first = len(whole) - 1 - (len(whole + fraction) - len(digits)) + int(exponent or 0)
    return sign + _scientific(digits.rstrip("0") or "0", first, limit)


def double_text(value: float) -> str:
    return _float_text(value, repr(value), 15)


def real_text(value: float) -> str:
    """The shortest digits that read back as the same four bytes."""
    if not math.isfinite(value) or value == 0:
        return _float_text(value, "0", 6)
    packed = _pack_real(value)
    for digits in range(6, 9):
        shortest = f"{value:.{digits}g}"
        try:
            if _pack_real(float(shortest)) == packed:
                return _float_text(value, shortest, 6)
        except OverflowError:  # rounded up beyond the largest real
            continue
    return _float_text(value, f"{value:.9g}", 6)


def numeric_text(value: Decimal) -> str:
    if value.is_finite():
        return f"{value:f}"
    return "NaN" if value.is_nan() else "Infinity" if value > 0 else "-Infinity"


def boolean_text(value: bool) -> str:
    """What a cast to text gives; output by psql is `t` and `f`."""
    return "true" if value else "false"


def _date_text(value: date) -> str:
    return f"{value.year:04}-{value.month:02}-{value.day:02}"


def _time_text(value: time) -> str:
    return _clock_text(time_microseconds(value))


def _timestamp_text(value: datetime) -> str:
    return f"{_date_text(value)} {_clock_text(time_microseconds(value))}"


def _timestamptz_text(value: datetime) -> str:
    return _timestamp_text(value.astimezone(UTC)) + "+00"


def _bytea_text(value: bytes) -> str:
    return "\\x" + value.hex()


_ARRAY_QUOTE = r'[\s{},"\\]|\A\Z|\A[nN][uU][lL][lL]\Z'


def _array_text(element: SqlType, values: Iterable[Any]) -> str:
    parts = []
    for value in values:
        text = "NULL" if value is None else to_text(element, value)
        if value is not None and re.compile(_ARRAY_QUOTE).search(text):
            text = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        parts.append(text)
    return "{" + ",".join(parts) + "}"


def _record_text(values: Sequence[Any], fields: tuple[tuple[str, SqlType], ...] | None = None) -> str:
    parts = []
    for place, value in enumerate(values):
        kind = None if value is None else adapt(value)[0] if fields is None else fields[place][1]
        text = "" if kind is None else to_text(kind, value)
        if value is not None and (not text or re.search(r'[\s(),"\\]', text)):
            text = '"' + text.replace("\\", "\\\\").replace('"', '""') + '"'
        parts.append(text)
    return "(" + ",".join(parts) + ")"


_WRITERS: dict[str, Callable[[Any], str]] = {
    "smallint": str,
    "integer": str,
    "bigint": str,
    "real": real_text,
    "double precision": double_text,
    "numeric": numeric_text,
    "boolean": lambda value: "t" if value else "f",
    "bytea": _bytea_text,
    "date": _date_text,
    "time": _time_text,
    "timestamp": _timestamp_text,
    "timestamptz": _timestamptz_text,
    "interval": interval_text,
    "uuid": str,
    "record": _record_text,
    "void": lambda value: "",
}


def to_text(source: SqlType, value: Value) -> str:
    """How psql shows `value`, which is not None."""
    if source.element is not None:
        return _array_text(source.element, value)
    if source.fields is not None:
        return _record_text(value, source.fields)
    writer = _WRITERS.get(source.name)
    if writer is not None:
        return writer(value)
    text: str = value
    return text.ljust(source.length) if source.name == "char" and source.length else text


# -- casts ------------------------------------------------------------------------------------------------


def _integer_cast(name: str) -> dict[str, Converter]:
    check = INTEGER_CHECKS[name]

    def from_float(value: float) -> int:
        if not math.isfinite(value):
            raise errors.NumericValueOutOfRange(f"{name} out of range")
        return check(round(value))

    def from_numeric(value: Decimal) -> int:
        if not value.is_finite():
            shown = "NaN" if value.is_nan() else "infinity"
            raise errors.NotSupportedError(f"cannot convert {shown} to {name}")
        return check(int(value.quantize(_ONE, ROUND_HALF_UP, _NUMERIC)))

    return {"integer": check, "float": from_float, "numeric": from_numeric}


def _numeric_to_double(value: Decimal) -> float:
    if value.is_nan():
        return FLOAT_NAN
    result = float(value)
    if value.is_finite() and (math.isinf(result) or (result == 0 and value)):
        raise errors.NumericValueOutOfRange(f'"{numeric_text(value)}" is out of range for type double precision')
    return result


def _numeric_to_real(value: Decimal) -> float:
    return round_to_real(_numeric_to_double(value))


def _float_to_numeric(digits: int) -> Converter:
    def convert(value: float) -> Decimal:
        return canonical_numeric(Decimal(f"{value:.{digits}g}"))

    return convert


def _date_to_timestamp(value: date) -> datetime:
    return datetime(value.year, value.month, value.day)


def _date_to_timestamptz(value: date) -> datetime:
    return datetime(value.year, value.month, value.day, tzinfo=UTC)


def _with_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC)


def _without_zone(value: datetime) -> datetime:
    return value.replace(tzinfo=None)


def _time_to_interval(value: time) -> Interval:
    return Interval(0, 0, time_microseconds(value))


def _interval_to_time(value: Interval) -> time:
    return time_from_microseconds(value.microseconds)


def _strip_blanks(value: str) -> str:
    return value.rstrip(" ")


_JSONB_TARGETS = ("boolean", "smallint", "integer", "bigint", "real", "double precision", "numeric")


def _from_jsonb(name: str) -> Converter:
    """A jsonb number or boolean as an SQL value; numbers go through numeric."""

    def convert(value: Jsonb) -> Any:
        found = document(value)
        if name == "boolean":
            if type(found) is bool:
                return found
        elif type(found) is int or type(found) is Decimal:
            number = Decimal(found)
            step = None if name == "numeric" else cast_function(NUMERIC, BASE_TYPES[name])
            return number if step is None else step(number)
        raise errors.InvalidParameterValue(f"cannot cast jsonb {document_kind(found)} to type {name}")

    return convert


def document_kind(value: Any) -> str:
    """The word for what a document is, in messages."""
    if value is None:
        return "null"
    return {str: "string", bool: "boolean", list: "array", dict: "object"}.get(type(value), "numeric")


_RANK: dict[CastContext, int] = {"implicit": 0, "assignment": 1, "explicit": 2}
# (source, target) -> (context it needs, conversion; None: the value serves as it is)
_CASTS: dict[tuple[str, str], tuple[CastContext, Converter | None]] = {}


def _fill_casts() -> None:
    def put(source: str, target: str, context: CastContext, convert: Converter | None = None) -> None:
        _CASTS[source, target] = (context, convert)

    order = ("smallint", "integer", "bigint")
    for place, name in enumerate(order):
        casts = _integer_cast(name)
        for other in order[:place]:
            put(other, name, "implicit")
        for other in order[place + 1 :]:
            put(other, name, "assignment", casts["integer"])
        put("real", name, "assignment", casts["float"])
        put("double precision", name, "assignment", casts["float"])
        put("numeric", name, "assignment", casts["numeric"])
        put(name, "numeric", "implicit", Decimal)
        put(name, "real", "implicit", lambda value: round_to_real(float(value)))
        put(name, "double precision", "implicit", float)
    put("numeric", "real", "implicit", _numeric_to_real)
    put("numeric", "double precision", "implicit", _numeric_to_double)
    put("real", "double precision", "implicit")
    put("double precision", "real", "assignment", round_to_real)
    put("real", "numeric", "assignment", _float_to_numeric(6))
    put("double precision", "numeric", "assignment", _float_to_numeric(15))
    put("integer", "boolean", "explicit", bool)
    put("boolean", "integer", "explicit", int)
    for source in ("text", "varchar", "char"):
        for target in ("text", "varchar", "char"):
            if source != target:
                put(source, target, "implicit", _strip_blanks if target == "char" else None)
    put("date", "timestamp", "implicit", _date_to_timestamp)
    put("date", "timestamptz", "implicit", _date_to_timestamptz)
    put("timestamp", "timestamptz", "implicit", _with_utc)
    put("timestamptz", "timestamp", "assignment", _without_zone)
    put("timestamp", "date", "assignment", datetime.date)
    put("timestamptz", "date", "assignment", datetime.date)
    put("timestamp", "time", "assignment", datetime.time)
    put("timestamptz", "time", "assignment", datetime.time)
    put("time", "interval", "implicit", _time_to_interval)
    put("interval", "time", "assignment", _interval_to_time)
    put("json", "jsonb", "assignment", read_jsonb)
    put("jsonb", "json", "assignment", str)
    for name in _JSONB_TARGETS:
        put("jsonb", name, "explicit", _from_jsonb(name))


_fill_casts()
_PSEUDO_TARGETS = frozenset({"any", "anyelement"})


def cast_context(source: SqlType, target: SqlType) -> CastContext | None:
    """The weakest context in which `source` converts to `target`; None if never. Modifiers do not matter."""
    if source.name == target.name and source.element is None:
        return "implicit"
    if source.name == "unknown" or target.name in _PSEUDO_TARGETS:
        return None if target.name in ("record", "void") else "implicit"
    if source.element is not None or target.element is not None:
        return _array_cast_context(source, target)
    known = _CASTS.get((source.name, target.name))
    if known is not None:
        return known[0]
    if "P" in (source.category, target.category):
        return "assignment" if source.name == "record" and target.category == "S" else None
    if target.category == "S":
        return "assignment"
    return "explicit" if source.category == "S" else None


def _array_cast_context(source: SqlType, target: SqlType) -> CastContext | None:
    if source.element is not None and target.element is not None:
        return cast_context(source.element, target.element)
    if source.element is not None:
        if target.name == "anyarray":
            return "implicit"
        return "assignment" if target.category == "S" else None
    return "explicit" if source.category == "S" else None


def can_coerce(source: SqlType, target: SqlType, context: CastContext = "implicit") -> bool:
    """Whether PostgreSQL converts `source` to `target` without a cast, in an assignment, or with one."""
    needed = cast_context(source, target)
    return needed is not None and _RANK[needed] <= _RANK[context]


def _base_converter(source: SqlType, target: SqlType) -> Converter | None:
    """Conversion between unmodified types that `can_coerce` allows."""
    if source.name == target.name or target.category == "P":
        return None
    known = _CASTS.get((source.name, target.name))
    if known is not None:
        return known[1]
    if target.category == "S":
        if source.name == "unknown":
            return _strip_blanks if target.name == "char" else None
        return boolean_text if source.name == "boolean" else lambda value: to_text(source, value)
    if target.element is not None:
        return lambda text: from_text(target, text)
    return _READERS[target.name]


def _array_converter(source: SqlType, target: SqlType, explicit: bool) -> Converter | None:
    convert = cast_function(source, target, explicit)
    if convert is None:
        return None
    return lambda values: tuple([None if value is None else convert(value) for value in values])


@lru_cache(maxsize=1024)
def cast_function(source: SqlType, target: SqlType, explicit: bool = False) -> Converter | None:
    """The function that converts a non-null value; None if it serves as it is.

    `explicit` is CAST or `::`: it allows more conversions and cuts a string that is too long for varchar(n), where an
    assignment fails with 22001. Raises CannotCoerce (42846) if there is no such conversion.
    """
    if not can_coerce(source, target, "explicit" if explicit else "assignment"):
        raise errors.CannotCoerce(f"cannot cast type {source} to {target}")
    if source.element is not None and target.element is not None:
        return _array_converter(source.element, target.element, explicit)
    convert = _base_converter(source, target)
    modify = None if target == source else _modifier_function(target, explicit)
    if source.name == target.name and _already_fits(source, target):
        modify = None
    if convert is None or modify is None:
        return convert or modify
    first, second = convert, modify
    return lambda value: second(first(value))


def _already_fits(source: SqlType, target: SqlType) -> bool:
    """varchar(5) into varchar(10), numeric(6,2) into numeric(8,2): nothing to check."""
    if target.length is not None:
        return source.length is not None and source.length <= target.length
    if target.name == "numeric" and target.precision is not None and source.precision is not None:
        same_scale = source.scale == target.scale
        return same_scale and source.precision <= target.precision
    return False


def cast(value: Value, source: SqlType, target: SqlType, explicit: bool = False) -> Value:
    """Convert one value; None stays None."""
    if value is None:
        return None
    convert = cast_function(source, target, explicit)
    return convert(value) if convert else value


def common_type(types: Sequence[SqlType], context: str = "CASE") -> SqlType:
    """The type of CASE, UNION, VALUES, COALESCE, ARRAY over these types, by PostgreSQL's rules.

    `context` is the word for the error (42804): `UNION types integer and text cannot be matched`.
    """
    known = [t for t in types if t.name != "unknown"]
    if not known:
        return TEXT
    if all(t == known[0] for t in known):
        return known[0]
    chosen = known[0].base
    for other in known[1:]:
        other = other.base
        if other == chosen:
            continue
        if other.category != chosen.category:
            raise errors.DatatypeMismatch(f"{context} types {chosen} and {other} cannot be matched")
        if not chosen.preferred and can_coerce(chosen, other) and not can_coerce(other, chosen):
            chosen = other
    for other in known:
        if not can_coerce(other, chosen):
            raise errors.CannotCoerce(f"{context} could not convert type {other} to {chosen}")
    return chosen


# -- values from Python -----------------------------------------------------------------------------------


def integer_type(value: int) -> SqlType:
    """The type of an integer literal or parameter of this size."""
    if -2147483648 <= value <= 2147483647:
        return INTEGER
    return BIGINT if -9223372036854775808 <= value <= 9223372036854775807 else NUMERIC


def _adapt_integer(value: int) -> tuple[SqlType, Value]:
    kind = integer_type(value)
    return kind, int(value) if kind is not NUMERIC else canonical_numeric(Decimal(value))


def _adapt_datetime(value: datetime) -> tuple[SqlType, Value]:
    if value.tzinfo is None:
        return TIMESTAMP, value.replace(fold=0)
    try:
        return TIMESTAMPTZ, value.astimezone(UTC)
    except OverflowError:
        raise errors.DatetimeFieldOverflow("timestamp out of range") from None


def _adapt_time(value: time) -> tuple[SqlType, Value]:
    if value.tzinfo is not None:
        raise errors.CannotCoerce("cannot bind a time with a time zone", hint="Use a naive time or an aware datetime.")
    return TIME, value.replace(fold=0)


def _adapt_interval(value: Interval) -> tuple[SqlType, Value]:
    parts = (value.months, value.days, value.microseconds)
    if not all(type(part) is int for part in parts):
        raise errors.CannotCoerce("months, days and microseconds of an Interval must be integers")
    return INTERVAL, checked_interval(*parts)


def _adapt_array(value: Sequence[Any]) -> tuple[SqlType, Value]:
    pairs = [adapt(item) for item in value]
    element = common_type([kind for kind, _ in pairs], "ARRAY")
    return array_of(element), tuple([cast(item, kind, element) for kind, item in pairs])


def interval_from_timedelta(value: timedelta) -> Interval:
    return Interval(0, value.days, value.seconds * _SECOND + value.microseconds)


_ADAPTERS: dict[type, Callable[[Any], tuple[SqlType, Value]]] = {
    type(None): lambda value: (UNKNOWN, None),
    bool: lambda value: (BOOLEAN, value),
    int: _adapt_integer,
    float: lambda value: (DOUBLE, FLOAT_NAN if value != value else float(value)),
    Decimal: lambda value: (NUMERIC, canonical_numeric(value)),
    str: lambda value: (UNKNOWN, check_text(value)),
    bytes: lambda value: (BYTEA, bytes(value)),
    bytearray: lambda value: (BYTEA, bytes(value)),
    memoryview: lambda value: (BYTEA, bytes(value)),
    datetime: _adapt_datetime,
    date: lambda value: (DATE, value),
    time: _adapt_time,
    timedelta: lambda value: (INTERVAL, interval_from_timedelta(value)),
    Interval: _adapt_interval,
    UUID: lambda value: (UUID_TYPE, value),
    list: _adapt_array,
    tuple: _adapt_array,
    Jsonb: lambda value: (UNKNOWN, str(value)),  # what a result gave is a str like any other
}


def adapt(value: object) -> tuple[SqlType, Value]:
    """The SQL type and value of a driver parameter; a str is an untyped literal, as in PostgreSQL.

    Raises CannotCoerce (42846) for a class without an SQL type, 22021 for text that UTF-8 cannot hold.
    """
    adapter = _ADAPTERS.get(type(value))
    if adapter is None:
        adapter = _inherited_adapter(value)
    return adapter(value)


def _inherited_adapter(value: object) -> Callable[[Any], tuple[SqlType, Value]]:
    """Subclasses (an IntEnum, a str subclass) bind as their base; `datetime` stands before `date` in the table."""
    for base, adapter in _ADAPTERS.items():
        if isinstance(value, base):
            return adapter
    shown = type(value).__qualname__
    raise errors.CannotCoerce(
        f"cannot bind a value of Python type {shown}",
        hint="Pass json.dumps(value) for json and jsonb."
        if isinstance(value, dict)
        else "Pass None, bool, int, float, Decimal, str, bytes, date, time, datetime, timedelta, Interval or UUID.",
    )


_PYTHON_TYPES: dict[str, Any] = {
    "smallint": int,
    "integer": int,
    "bigint": int,
    "real": float,
    "double precision": float,
    "numeric": Decimal,
    "text": str,
    "varchar": str,
    "char": str,
    "unknown": str,
    "boolean": bool,
    "bytea": bytes,
    "date": date,
    "time": time,
    "timestamp": datetime,
    "timestamptz": datetime,
    "interval": Interval,
    "uuid": UUID,
    "json": str,
    "jsonb": Jsonb,
    "jsonpath": str,
    "record": tuple,
    "void": None,
}



def encoded(value: Any) -> Any:
    """For encoders of rows: what msgspec does not know, as something that it does."""
    if type(value) is Jsonb:
        return str(value)
    raise TypeError(f"{type(value).__name__} is not a type of values")


def decoded(kind: type, value: Any) -> Any:
    """For decoders of rows: the inverse. ValueError if the bytes hold something else."""
    if kind is Jsonb and type(value) is str:
        return Jsonb(value)
    raise ValueError(f"{type(value).__name__} where {kind.__name__} is expected")


TRUNCATE = ROUND_DOWN  # for callers of numeric_round
