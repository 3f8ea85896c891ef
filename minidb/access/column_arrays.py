"""Packed columns as NumPy arrays, which stay with their page. NumPy is handed in: nothing here imports it.

    integers, dates, timestamps    int64, and a mask of NULLs (or None)
    a dictionary                   codes (intp), and the values that they stand for
"""

from __future__ import annotations

from typing import Any

from minidb.access.column_values import ColumnForm, Dictionary, Numbers, check_bounds, check_codes
from minidb.access.packed import Bits, Deltas, Offsets, Packed, Runs, run_lengths

Array = Any  # numpy.ndarray: NumPy is not there when types are checked


def integer_array(stored: Numbers, count: int, np: Any) -> tuple[Array, Array | None]:
    """(the numbers, where they are NULL). Raises DatabaseCorrupt."""
    data = unpacked(stored.packed, count, np)
    check_bounds(int(data.min()), int(data.max()), stored)
    return data, bits(stored.nulls, count, np).astype(bool) if stored.nulls else None


def code_array(stored: Dictionary, form: ColumnForm, count: int, np: Any) -> tuple[Array, list[Any]]:
    """(codes, what they stand for). Raises DatabaseCorrupt."""
    values = form.listed(stored.values, stored.size)
    data = unpacked(stored.codes, count, np)
    check_codes(int(data.min()), int(data.max()), stored)
    return data.astype(np.intp, copy=False), values


def unpacked(packed: Packed, count: int, np: Any) -> Array:
    """`packed.unpack` as an array of int64. What is beyond 64 bits wraps round, and is found out by the bounds."""
    if type(packed) is Offsets:
        return _offsets(packed, count, np)
    if type(packed) is Bits:
        return bits(packed.data, count, np).astype(np.int64)
    if type(packed) is Runs:
        return np.repeat(_offsets(packed.values, packed.runs, np), run_lengths(packed, count))
    assert type(packed) is Deltas
    data = np.empty(count, np.int64)
    data[0] = packed.first
    if packed.width:
        np.cumsum(_widened(packed.data, packed.width, np) + packed.step, out=data[1:])
    else:
        data[1:] = np.arange(1, count, dtype=np.int64) * packed.step
    data[1:] += packed.first
    return data


def _offsets(packed: Offsets, count: int, np: Any) -> Array:
    if not packed.width:
        return np.full(count, packed.low, np.int64)
    data = _widened(packed.data, packed.width, np)
    if packed.low:
        data += packed.low
    return data


def _widened(data: bytes, width: int, np: Any) -> Array:
    return np.frombuffer(data, f"<u{width}").astype(np.int64)


def bits(data: bytes, count: int, np: Any) -> Array:
    return np.unpackbits(np.frombuffer(data, np.uint8), count=count, bitorder="little")
