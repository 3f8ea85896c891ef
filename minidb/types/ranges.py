"""The ranges of the numbers of fixed width: integers of two, four and eight bytes, and floats of four."""

from __future__ import annotations

import struct
from collections.abc import Callable

from minidb import errors

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


pack_real = struct.Struct("<f").pack
_unpack_real = struct.Struct("<f").unpack
FLOAT_NAN = float("nan")  # one object, so that dicts group it


def round_to_real(value: float) -> float:
    """The nearest value of four bytes; 22003 if a finite number becomes infinite or a number becomes zero."""
    try:
        rounded: float = _unpack_real(pack_real(value))[0]
    except OverflowError:
        raise errors.NumericValueOutOfRange("value out of range: overflow") from None
    if rounded == 0 and value != 0:
        raise errors.NumericValueOutOfRange("value out of range: underflow")
    return rounded
