"""Types whose values are integers, or stand in one row as integers do: dates by day, timestamps by microsecond, numeric
values of one scale without their point."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from typing import Any

from minidb.types.sql_type import SqlType

LOWEST, HIGHEST = -(1 << 63), (1 << 63) - 1
INTEGERS = frozenset({"smallint", "integer", "bigint"})
Numbered = tuple[Callable[[Any], int], Callable[[int], Any]]  # a value as an integer, and back

_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1)
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)

NUMBERED: dict[str, Numbered] = {
    "date": (date.toordinal, date.fromordinal),
    "timestamp": (lambda value: (value - _EPOCH) // _MICROSECOND, lambda number: _EPOCH + timedelta(0, 0, number)),
    "timestamptz": (
        lambda value: (value - _EPOCH_UTC) // _MICROSECOND,
        lambda number: _EPOCH_UTC + timedelta(0, 0, number),
    ),
}


WIDE = Context(prec=60, Emin=-999_999, Emax=999_999, traps=[])  # exact for any sum of 64-bit integers in a page


def unscaled(value: Decimal, scale: int) -> int:
    """A numeric value without its point; rounded, and far beyond 64 bits, if it has more than 60 digits."""
    return int(value.scaleb(scale, WIDE))


def scaled(number: int, scale: int) -> Decimal:
    return Decimal(number).scaleb(-scale, WIDE)


def family(type: SqlType) -> str | None:
    """Types whose values compare as integers: 'integer', 'date', ...; None for all others."""
    if type.element is not None:
        return None
    return "integer" if type.name in INTEGERS else type.name if type.name in NUMBERED else None
