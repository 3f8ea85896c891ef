"""The values of one column in one page, as bytes: which of five forms suits them, and both ways.

    Numbers      integers, dates and timestamps, as integers: packed (`packed`), NULLs in a bitmap
    Scaled       numeric, where all values of the page have the same scale: as Numbers, without the point
    Doubles      floats as 8 bytes each, unless there is a NaN
    Dictionary   each different value once, and packed codes: few texts, booleans (a bitmap), UUIDs
    Plain        MessagePack, as rows have it: everything else

Numbers and Doubles carry their least and greatest value, so that a page can be passed over without being unpacked (a
*zone map*; Moerkotte, VLDB 1998, calls them small materialized aggregates). Where values are equal, they must be the
same, or a dictionary would lose which of them it was: 1.0 and 1.00, 0.0 and -0.0 are Plain or Doubles.

Invariants:
 1. `decode(encode(values)) == values`, with the same types, for every column of SQL values.
 2. Bytes from a disk are the world, as in `codec`: lengths are compared before anything is made of them, bounds are
    compared with what they bound, and all other errors become DatabaseCorrupt.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from typing import Any

import msgspec

from minidb.access.packed import Offsets, Packed, check, pack, pack_bits, unpack, unpack_bits
from minidb.errors import DatabaseCorrupt
from minidb.types import SqlType, decoded, encoded
from minidb.types.numbered import HIGHEST, INTEGERS, LOWEST, NUMBERED, scaled, unscaled

FLOATS = frozenset({"real", "double precision"})
EXACT = frozenset({"boolean", "text", "varchar", "char", "bytea", "uuid", "time"})  # equal values are the same
MOST_SCALE = 1000
_ENCODE = msgspec.msgpack.Encoder(enc_hook=encoded).encode


class Plain(msgspec.Struct, array_like=True, frozen=True, tag=0):
    data: bytes


class Dictionary(msgspec.Struct, array_like=True, frozen=True, tag=1):
    size: int
    values: bytes
    codes: Packed


class Numbers(msgspec.Struct, array_like=True, frozen=True, tag=2):
    low: int
    high: int
    packed: Packed
    nulls: bytes = b""


class Doubles(msgspec.Struct, array_like=True, frozen=True, tag=3):
    low: float
    high: float
    data: bytes
    nulls: bytes = b""


class Scaled(msgspec.Struct, array_like=True, frozen=True, tag=4):
    scale: int
    numbers: Numbers


Values = Plain | Dictionary | Numbers | Doubles | Scaled


class ColumnForm:
    """How the values of one column are written and read."""

    def __init__(self, type: SqlType) -> None:
        plain = type.element is None
        self.integral = plain and type.name in INTEGERS
        self.numbered = NUMBERED.get(type.name) if plain else None
        self.decimal = plain and type.name == "numeric"
        self.floating = plain and type.name in FLOATS
        self.exact = plain and type.name in EXACT
        self.decoder: Any = msgspec.msgpack.Decoder(list[type.python_type | None], dec_hook=decoded)  # type: ignore[name-defined]

    # -- writing

    def encode(self, values: Sequence[Any]) -> Values:
        """At least one value."""
        found: Values | None = None
        if self.integral or self.numbered is not None:
            found = self._numbers(values)
        elif self.decimal:
            found = self._scaled(values)
        elif self.floating:
            found = _doubles(values)
        elif self.exact:
            found = _dictionary(values)
        return Plain(_ENCODE(values)) if found is None else found

    def _numbers(self, values: Sequence[Any]) -> Numbers | None:
        present: Sequence[Any] = values
        if None in values:
            present = [value for value in values if value is not None]
            if not present:
                return None
        if self.numbered is not None:
            present = list(map(self.numbered[0], present))
        low, high = min(present), max(present)
        if low < LOWEST or high > HIGHEST:
            return None
        if len(present) == len(values):
            return Numbers(low, high, pack(present, low, high))
        numbers = iter(present)
        filled = [low if value is None else next(numbers) for value in values]
        return Numbers(low, high, pack(filled, low, high), pack_bits([value is None for value in values]))

    def _scaled(self, values: Sequence[Any]) -> Scaled | None:
        """Numeric values of one scale, none of them longer than 64 bits; there is no negative zero among integers."""
        first = next((value for value in values if value is not None), None)
        if first is None or not first.is_finite():
            return None
        if not all(value is None or value.same_quantum(first) for value in values):
            return None
        scale = -first.as_tuple().exponent
        if not 0 <= scale <= MOST_SCALE:
            return None
        numbers = [None if value is None else unscaled(value, scale) for value in values]
        if 0 in numbers and any(number == 0 and value.is_signed() for number, value in zip(numbers, values)):
            return None
        made = self._numbers(numbers)
        return None if made is None else Scaled(scale, made)

    # -- reading

    def check(self, values: Values, count: int) -> None:
        """Raises DatabaseCorrupt where the lengths are wrong, or the form is not one of this column's."""
        if type(values) is Plain:
            return
        if type(values) is Dictionary:
            fits = self.exact and 0 < values.size <= count and len(values.values) >= values.size
            check(values.codes, count)
        elif type(values) is Numbers:
            fits = (self.integral or self.numbered is not None) and _fits(values, count)
        elif type(values) is Scaled:
            fits = self.decimal and 0 <= values.scale <= MOST_SCALE and _fits(values.numbers, count)
        else:
            assert type(values) is Doubles
            fits = self.floating and values.low <= values.high and len(values.data) == 8 * count
            fits = fits and _is_mask(values.nulls, count)
        if not fits:
            raise DatabaseCorrupt("the values of a column are not what its type and their number demand")

    def decode(self, values: Values, count: int) -> list[Any]:
        """The values, after `check`."""
        if type(values) is Plain:
            return self.listed(values.data, count)
        if type(values) is Dictionary:
            return self._looked_up(values, count)
        if type(values) is Numbers:
            return self._from_numbers(values, count)
        if type(values) is Scaled:
            found = self._from_numbers(values.numbers, count)
            return [None if number is None else scaled(number, values.scale) for number in found]
        assert type(values) is Doubles
        floats = _floats(values.data).tolist()
        if not values.low <= min(floats) <= max(floats) <= values.high:  # false for NaN, too
            raise DatabaseCorrupt("floats are outside their bounds")
        return _without_nulls(floats, values.nulls)

    def listed(self, data: bytes, count: int) -> list[Any]:
        """A plain list of `count` values."""
        try:
            found: list[Any] = self.decoder.decode(data)
        except (msgspec.MsgspecError, RecursionError, ValueError, OverflowError) as error:
            raise DatabaseCorrupt(f"the values of a column cannot be decoded: {error}") from error
        if len(found) != count:
            raise DatabaseCorrupt("a column has another number of values than its page has rows")
        return found

    def _looked_up(self, values: Dictionary, count: int) -> list[Any]:
        known = self.listed(values.values, values.size)
        codes = unpack(values.codes, count)
        check_codes(min(codes), max(codes), values)
        return list(map(known.__getitem__, codes))

    def _from_numbers(self, values: Numbers, count: int) -> list[Any]:
        numbers = unpack(values.packed, count)
        check_bounds(min(numbers), max(numbers), values)
        found: list[Any] = numbers
        if self.numbered is not None:
            back = self.numbered[1]
            try:
                found = list(map(back, numbers))
            except (ValueError, OverflowError) as error:
                raise DatabaseCorrupt(f"a number in a column stands for no value: {error}") from error
        return _without_nulls(found, values.nulls)


def _fits(values: Numbers, count: int) -> bool:
    check(values.packed, count)
    return LOWEST <= values.low <= values.high <= HIGHEST and _is_mask(values.nulls, count)


def _is_mask(nulls: bytes, count: int) -> bool:
    return not nulls or len(nulls) == (count + 7) // 8


def check_codes(least: int, most: int, values: Dictionary) -> None:
    if not 0 <= least <= most < values.size:
        raise DatabaseCorrupt("a code is not in its dictionary")


def check_bounds(least: int, most: int, values: Numbers) -> None:
    if (least, most) != (values.low, values.high):
        raise DatabaseCorrupt("numbers are not within the bounds of their page")


def _without_nulls(values: list[Any], nulls: bytes) -> list[Any]:
    if not nulls:
        return values
    marks = unpack_bits(nulls, len(values))
    return [None if mark else value for value, mark in zip(values, marks)]


def _doubles(values: Sequence[Any]) -> Doubles | None:
    present = [value for value in values if value is not None]
    if not present or any(value != value for value in present):
        return None
    low, high = min(present), max(present)
    data = _floats([low if value is None else value for value in values]).tobytes()
    nulls = b"" if len(present) == len(values) else pack_bits([value is None for value in values])
    return Doubles(low, high, data, nulls)


def _floats(source: bytes | list[float]) -> array[float]:
    """Eight bytes for each, the lowest first."""
    floats = array("d", source)
    if sys.byteorder == "big":
        floats.byteswap()
    return floats


def _dictionary(values: Sequence[Any]) -> Dictionary | None:
    known = dict.fromkeys(values)
    if len(known) > 256 and len(known) * 4 > len(values):
        return None
    places = {value: place for place, value in enumerate(known)}
    if len(known) == 1:
        return Dictionary(1, _ENCODE(list(known)), Offsets(0, 0, b""))
    codes = pack(list(map(places.__getitem__, values)), 0, len(known) - 1)
    return Dictionary(len(known), _ENCODE(list(known)), codes)
