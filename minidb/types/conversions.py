"""Conversions between types: a function for each pair, and the context that a pair needs."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

from minidb import errors
from minidb.documents import Jsonb, document, document_kind, read_jsonb
from minidb.types.clock import midnight, time_from_microseconds, time_microseconds
from minidb.types.interval import Interval
from minidb.types.numbers import numeric_text
from minidb.types.numeric import EXACT, ONE, canonical_numeric
from minidb.types.ranges import FLOAT_NAN, INTEGER_CHECKS, round_to_real
from minidb.types.sql_type import Converter
from minidb.types.text import strip_blanks

CastContext = Literal["implicit", "assignment", "explicit"]
# (source, target) -> (context it needs, conversion; None: the value serves as it is)
CONVERSIONS: dict[tuple[str, str], tuple[CastContext, Converter | None]] = {}
_JSONB_TARGETS = ("boolean", "smallint", "integer", "bigint", "real", "double precision", "numeric")


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
        return check(int(value.quantize(ONE, ROUND_HALF_UP, EXACT)))

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


def _from_jsonb(name: str) -> Converter:
    """A jsonb number or boolean as an SQL value; numbers go through numeric."""

    def convert(value: Jsonb) -> Any:
        found = document(value)
        if name == "boolean":
            if type(found) is bool:
                return found
        elif type(found) is int or type(found) is Decimal:
            number = Decimal(found)
            step = None if name == "numeric" else CONVERSIONS["numeric", name][1]
            return number if step is None else step(number)
        raise errors.InvalidParameterValue(f"cannot cast jsonb {document_kind(found)} to type {name}")

    return convert


def _fill() -> None:
    def put(source: str, target: str, context: CastContext, convert: Converter | None = None) -> None:
        CONVERSIONS[source, target] = (context, convert)

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
                put(source, target, "implicit", strip_blanks if target == "char" else None)
    put("date", "timestamp", "implicit", midnight)
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


_fill()
