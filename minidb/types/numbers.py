"""Numbers as text: how integers, floats and numeric are read, and how floats and numeric are written."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from minidb import errors
from minidb.types.numeric import canonical_numeric
from minidb.types.ranges import FLOAT_NAN, INTEGER_RANGES, pack_real, round_to_real
from minidb.types.text import bad_syntax

_INTEGER = r"\s*([+-]?[0-9]+)\s*\Z"
_NUMBER = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*\Z")
_SPECIAL = r"(?i)\s*([+-]?)(nan|inf|infinity)\s*\Z"


def integer_reader(name: str) -> Callable[[str], int]:
    low, high = INTEGER_RANGES[name]

    def read(text: str) -> int:
        digits = text
        if not text.removeprefix("-").isdigit() or not text.isascii():
            match = re.compile(_INTEGER).match(text)
            if match is None:
                raise bad_syntax(name, text)
            digits = match[1]
        # 20 digits are beyond every range, and int() of thousands of digits is slow or refused
        value = int(digits) if len(digits) < 100 else high + 1
        if low <= value <= high:
            return value
        raise errors.NumericValueOutOfRange(f'value "{text.strip()}" is out of range for type {name}')

    return read


def read_numeric(text: str) -> Decimal:
    match = _NUMBER.match(text)
    if match:
        try:
            return canonical_numeric(Decimal(match[1]))
        except InvalidOperation:
            raise errors.NumericValueOutOfRange("value overflows numeric format") from None
    special = re.compile(_SPECIAL).match(text)
    if special is None or (special[1] and special[2].lower() == "nan"):
        raise bad_syntax("numeric", text)
    return canonical_numeric(Decimal(special[1] + special[2]))


def read_double(text: str, name: str = "double precision") -> float:
    match = _NUMBER.match(text)
    if match is None:
        special = re.compile(_SPECIAL).match(text)
        if special is None:
            raise bad_syntax(name, text)
        return FLOAT_NAN if special[2].lower() == "nan" else float(special[1] + special[2])
    value = float(match[1])
    digits = match[1].lower().partition("e")[0]
    if math.isinf(value) or (value == 0 and digits.strip("+-0.")):
        raise errors.NumericValueOutOfRange(f'"{text.strip()}" is out of range for type {name}')
    return value


def read_real(text: str) -> float:
    value = read_double(text, "real")
    try:
        return round_to_real(value)
    except errors.NumericValueOutOfRange:
        raise errors.NumericValueOutOfRange(f'"{text.strip()}" is out of range for type real') from None


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
    packed = pack_real(value)
    for digits in range(6, 9):
        shortest = f"{value:.{digits}g}"
        try:
            if pack_real(float(shortest)) == packed:
                return _float_text(value, shortest, 6)
        except OverflowError:  # rounded up beyond the largest real
            continue
    return _float_text(value, f"{value:.9g}", 6)


def numeric_text(value: Decimal) -> str:
    if value.is_finite():
        return f"{value:f}"
    return "NaN" if value.is_nan() else "Infinity" if value > 0 else "-Infinity"
