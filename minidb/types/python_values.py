"""Values on their way from Python: the type that a driver's parameter has, and what encoders of rows must be told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from minidb import errors
from minidb.documents import Jsonb
from minidb.types.casts import cast, common_type
from minidb.types.interval import Interval, checked_interval, interval_from_timedelta
from minidb.types.numeric import canonical_numeric
from minidb.types.ranges import FLOAT_NAN
from minidb.types.sql_type import (
    BIGINT,
    BOOLEAN,
    BYTEA,
    DATE,
    DOUBLE,
    INTEGER,
    INTERVAL,
    NUMERIC,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    UNKNOWN,
    UUID_TYPE,
    SqlType,
    Value,
    array_of,
)
from minidb.types.text import check_text


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
