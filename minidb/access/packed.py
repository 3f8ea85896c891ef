"""Integers of 64 bits packed into bytes, in whichever of four forms is the shortest.

    Offsets   low + d            d in 0, 1, 2, 4 or 8 bytes each; 0: all are `low`
    Bits      0 or 1             a bit each, the lowest of a byte first
    Deltas    first, + (step + d) ...          what neighbours differ by; 0 bytes: an arithmetic sequence, as 1, 2, 3
    Runs      v v v w w ...      each value once, and how often it stands there; both lists packed themselves

    [7, 7, 7, 7] -> Offsets(7)      [1, 2, 3, 4] -> Deltas(1, 1)      [5, 5, 5, 9, 9] -> Runs([5, 9], [3, 2])

Bytes come from a disk: every length is compared with `count`, which is bounded, before anything is made from it, and
what is not as it must be is DatabaseCorrupt. Numbers beyond 64 bits cannot come out: callers compare with the bounds
that they keep themselves.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain, islice, repeat
from operator import ne, sub

import msgspec

from minidb.errors import DatabaseCorrupt
from minidb.types.numbered import HIGHEST, LOWEST

CODES = {1: "B", 2: "H", 4: "I" if array("I").itemsize == 4 else "L", 8: "Q"}
LONGEST = 8  # runs are worth it from so many bytes of each on; below, deltas and offsets are as short
RUN_BYTES = 6  # what one run takes, about
_SWAPS = sys.byteorder == "big"
_BITS = [tuple([byte >> place & 1 for place in range(8)]) for byte in range(256)]


class Offsets(msgspec.Struct, array_like=True, frozen=True, tag=0):
    low: int
    width: int
    data: bytes


class Bits(msgspec.Struct, array_like=True, frozen=True, tag=1):
    data: bytes


class Deltas(msgspec.Struct, array_like=True, frozen=True, tag=2):
    first: int
    step: int
    width: int
    data: bytes


class Runs(msgspec.Struct, array_like=True, frozen=True, tag=3):
    runs: int
    values: Offsets
    lengths: Offsets


Packed = Offsets | Bits | Deltas | Runs


# -- packing ----------------------------------------------------------------------------------------------


def width_of(span: int) -> int:
    """Bytes for numbers from 0 to `span`; more than 8: they cannot be packed."""
    return 0 if span == 0 else 1 if span < 1 << 8 else 2 if span < 1 << 16 else 4 if span < 1 << 32 else (
        8 if span < 1 << 64 else 16
    )


def pack(numbers: Sequence[int], low: int, high: int) -> Packed:
    """At least one number, each of 64 bits, between these two and no other bounds."""
    span = high - low
    width = width_of(span)
    if width == 0:
        return Offsets(low, 0, b"")
    count = len(numbers)
    steps = list(map(sub, islice(numbers, 1, None), numbers))
    runs = count - steps.count(0)
    if runs * RUN_BYTES * 2 < count * width and runs * LONGEST < count:
        return _pack_runs(numbers)
    if low == 0 and span == 1:
        return Bits(pack_bits(numbers))
    least = min(steps)
    step_width = width_of(max(steps) - least)
    if step_width < width and LOWEST <= least <= HIGHEST:
        return _pack_deltas(numbers[0], least, step_width, steps)
    return _pack_offsets(numbers, low, width)


def _pack_offsets(numbers: Sequence[int], low: int, width: int) -> Offsets:
    return Offsets(low, width, _bytes_of(width, [number - low for number in numbers] if low else numbers))


def _pack_deltas(first: int, least: int, width: int, steps: list[int]) -> Deltas:
    return Deltas(first, least, width, _bytes_of(width, [step - least for step in steps]) if width else b"")


def _pack_runs(numbers: Sequence[int]) -> Runs:
    starts = [0, *[place for place, number in enumerate(map(ne, islice(numbers, 1, None), numbers), 1) if number]]
    values = [numbers[place] for place in starts]
    lengths = list(map(sub, [*starts[1:], len(numbers)], starts))
    return Runs(len(starts), _plain(values), _plain(lengths))


def _plain(numbers: list[int]) -> Offsets:
    low = min(numbers)
    width = width_of(max(numbers) - low)
    return _pack_offsets(numbers, low, width) if width else Offsets(low, 0, b"")


def _bytes_of(width: int, numbers: Iterable[int]) -> bytes:
    packed = array(CODES[width], numbers)
    if _SWAPS:
        packed.byteswap()
    return packed.tobytes()


def pack_bits(numbers: Sequence[int]) -> bytes:
    """Zeros and ones (or False and True), a bit each."""
    text = "".join(["1" if number else "0" for number in reversed(numbers)])
    return int(text, 2).to_bytes((len(numbers) + 7) // 8, "little")


# -- unpacking --------------------------------------------------------------------------------------------


def check(packed: Packed, count: int) -> None:
    """Raises DatabaseCorrupt unless the lengths are those of `count` numbers, at least one."""
    if type(packed) is Offsets:
        fits = _fits(packed.data, packed.width, count) and LOWEST <= packed.low <= HIGHEST
    elif type(packed) is Bits:
        fits = len(packed.data) == (count + 7) // 8
    elif type(packed) is Deltas:
        fits = _fits(packed.data, packed.width, count - 1)
        fits = fits and LOWEST <= packed.first <= HIGHEST and LOWEST <= packed.step <= HIGHEST
    else:
        assert type(packed) is Runs
        fits = 0 < packed.runs <= count
        if fits:
            check(packed.values, packed.runs)
            check(packed.lengths, packed.runs)
    if not fits:
        raise DatabaseCorrupt("packed numbers are not as many as they must be")


def _fits(data: bytes, width: int, count: int) -> bool:
    return (width == 0 or width in CODES) and len(data) == count * width


def unpack(packed: Packed, count: int) -> list[int]:
    """The numbers, after `check`."""
    if type(packed) is Offsets:
        return _unpack_offsets(packed, count)
    if type(packed) is Bits:
        return unpack_bits(packed.data, count)
    if type(packed) is Deltas:
        return _unpack_deltas(packed, count)
    assert type(packed) is Runs
    lengths = run_lengths(packed, count)
    return list(chain.from_iterable(map(repeat, _unpack_offsets(packed.values, packed.runs), lengths)))


def run_lengths(packed: Runs, count: int) -> list[int]:
    """How long each run is; DatabaseCorrupt unless they are `count` together."""
    lengths = _unpack_offsets(packed.lengths, packed.runs)
    if min(lengths) < 1 or sum(lengths) != count:
        raise DatabaseCorrupt("runs are not as long as they must be")
    return lengths


def _numbers_in(width: int, data: bytes) -> array[int]:
    numbers = array(CODES[width])
    numbers.frombytes(data)
    if _SWAPS:
        numbers.byteswap()
    return numbers


def _unpack_offsets(packed: Offsets, count: int) -> list[int]:
    low = packed.low
    if packed.width == 0:
        return [low] * count
    numbers = _numbers_in(packed.width, packed.data)
    return [low + number for number in numbers] if low else numbers.tolist()


def _unpack_deltas(packed: Deltas, count: int) -> list[int]:
    first, step = packed.first, packed.step
    if packed.width == 0:
        return list(range(first, first + step * count, step)) if step else [first] * count
    steps = [step + number for number in _numbers_in(packed.width, packed.data)]
    return list(accumulate(steps, initial=first))


def unpack_bits(data: bytes, count: int) -> list[int]:
    numbers = list(chain.from_iterable(map(_BITS.__getitem__, data)))
    del numbers[count:]
    return numbers
