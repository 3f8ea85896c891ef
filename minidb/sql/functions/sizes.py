"""Numbers of bytes in words and back: pg_size_pretty and pg_size_bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from minidb import errors
from minidb.sql.functions.registry import Function
from minidb.types import BIGINT, NUMERIC, TEXT, check_bigint, from_text, numeric_multiply, numeric_round

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_BYTES = {"": 0, "b": 0, **{unit.lower(): power for power, unit in enumerate(_UNITS)}}
_STEP = 1024
_LAST_SMALL = 10 * _STEP  # a unit is left at ten of the next


def pretty(size: int) -> str:
    """`size` in the largest unit that it is at least ten of, rounded."""
    power = 0
    while power < len(_UNITS) - 1 and abs(_rounded(size, power)) >= _LAST_SMALL:
        power += 1
    return f"{_rounded(size, power)} {_UNITS[power]}"


def _rounded(size: int, power: int) -> int:
    """`size` in units of 1024 ** power, half away from zero."""
    unit: int = _STEP**power
    whole = (abs(size) * 2 + unit) // (unit * 2)
    return whole if size >= 0 else -whole


def pretty_numeric(size: Decimal) -> str:
    if size == size.to_integral_value():
        return pretty(int(size))
    return f"{size:f} bytes" if abs(size) < _LAST_SMALL else pretty(int(size))


def size_bytes(text: str) -> int:
    """`1.5 GB` as a number of bytes. Raises 22023."""
    match = re.match(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*\Z", text, re.DOTALL)
    if match is None:
        raise errors.InvalidParameterValue(f'invalid size: "{text}"')
    power = _BYTES.get(match[2].lower())
    if power is None:
        raise errors.InvalidParameterValue(
            f'invalid size: "{text}"',
            detail=f'Invalid size unit: "{match[2]}".',
            hint='Valid units are "bytes", "B", "kB", "MB", "GB", "TB", and "PB".',
        )
    number = numeric_multiply(from_text(NUMERIC, match[1]), Decimal(_STEP**power))
    return check_bigint(int(numeric_round(number)))


def functions() -> Iterator[Function]:
    """All functions of this module."""
    yield Function("pg_size_pretty", (BIGINT,), TEXT, pretty)
    yield Function("pg_size_pretty", (NUMERIC,), TEXT, pretty_numeric)
    yield Function("pg_size_bytes", (TEXT,), BIGINT, size_bytes)
