"""Which blocks of the base file are free: runs of blocks, merged with their neighbours; the lowest that fits is taken.

    blocks   | meta | used  | free    | used | free | used |   beyond the end: free without limit
    runs                     (14, 5)          (22, 2)          end = 29

A free map on disk is the list of runs as of a meta page: pairs (gap since the run before, length), so that most numbers
are small. It lists what that meta page's tree of pages does not reach, in two parts (R20):

    free     nobody reaches them
    limbo    the meta page before still reaches them: free after the next publish

What is taken after the meta page was written is free again after a crash, because no meta page knows of it.

Invariants:
 1. Runs do not overlap or touch; all lie in [first, end); `total` is the sum of their lengths.
 2. What `take` returns is in no run any more; what `give` receives was in none.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import msgspec
from sortedcontainers import SortedList

from minidb.errors import DatabaseCorrupt

Extent = tuple[int, int]  # first block, number of blocks

MAP_MARGIN = 64  # bytes by which a free map can grow when one more extent is taken from what it lists

_LENGTH = struct.Struct("<I")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[list[int], list[int]]).decode


class FreeExtents:
    """The free runs below `end`, and the file's growth beyond it.

    Arguments:
        first: the first block that may ever be handed out.
        end: one past the last block in use or free.
    """

    def __init__(self, first: int, end: int, runs: Iterable[Extent] = ()) -> None:
        self.first = first
        self.end = end
        self.total = 0
        self._by_start: dict[int, int] = {}
        self._by_stop: dict[int, int] = {}
        self._by_length: dict[int, SortedList[int]] = {}
        for block, count in runs:
            self.give(block, count)

    def take(self, count: int) -> int:
        """The first of `count` blocks in a row: those of the lowest run that has them, or new ones.

        The lowest, so that pages move towards the head of the file as they are rewritten and the end can be cut off.
        """
        block = self._lowest(count)
        if block < 0:
            return self._grow(count)
        length = self._by_start[block]
        self._remove(block, length)
        if length > count:
            self._add(block + count, length - count)
        return block

    def place_for(self, count: int) -> int:
        """What `take` would return."""
        block = self._lowest(count)
        return block if block >= 0 else self._by_stop.get(self.end, self.end)

    def _lowest(self, count: int) -> int:
        return min([blocks[0] for length, blocks in self._by_length.items() if length >= count], default=-1)

    def _grow(self, count: int) -> int:
        """New blocks at the end, together with a free run that ends there."""
        block = self._by_stop.get(self.end, self.end)
        if block < self.end:
            self._remove(block, self.end - block)
        self.end = block + count
        return block

    def give(self, block: int, count: int) -> None:
        """Takes back `count` blocks from `block` on."""
        assert self.first <= block and block + count <= self.end, "an extent outside the file is given back"
        before = self._by_stop.get(block)
        if before is not None:
            self._remove(before, block - before)
            block, count = before, block + count - before
        after = self._by_start.get(block + count)
        if after is not None:
            self._remove(block + count, after)
            count += after
        self._add(block, count)

    def shrink(self) -> None:
        """Lets the end be where the free run begins that ends there."""
        count = self.end - self._by_stop.get(self.end, self.end)
        if count:
            self._remove(self.end - count, count)
            self.end -= count

    def _add(self, block: int, count: int) -> None:
        self._by_start[block] = count
        self._by_stop[block + count] = block
        self._by_length.setdefault(count, SortedList()).add(block)
        self.total += count

    def _remove(self, block: int, count: int) -> None:
        del self._by_start[block]
        del self._by_stop[block + count]
        blocks = self._by_length[count]
        blocks.remove(block)
        if not blocks:
            del self._by_length[count]
        self.total -= count

    def runs(self) -> list[Extent]:
        """All free runs, in order."""
        return sorted(self._by_start.items())

    def __len__(self) -> int:
        return len(self._by_start)

    def check(self) -> None:
        """Invariant 1."""
        stop = -1
        for block, count in self.runs():
            assert count > 0 and block > stop and self.first <= block and block + count <= self.end, "free runs overlap"
            stop = block + count
        assert self.total == sum(self._by_start.values()), "free blocks are miscounted"
        assert {block: count for count, blocks in self._by_length.items() for block in blocks} == self._by_start
        assert self._by_stop == {block + count: block for block, count in self.runs()}


def merge(extents: Iterable[Extent]) -> list[Extent]:
    """`extents` in order, neighbours made one."""
    merged: list[Extent] = []
    for block, count in sorted(extents):
        if merged and merged[-1][0] + merged[-1][1] == block:
            merged[-1] = (merged[-1][0], merged[-1][1] + count)
        else:
            merged.append((block, count))
    return merged


def before(extents: Iterable[Extent], end: int) -> list[Extent]:
    """The parts of `extents` that lie before block `end`."""
    return [(block, min(count, end - block)) for block, count in extents if block < end]


def encode_map(free: list[Extent], limbo: list[Extent], room: int = 0) -> bytes:
    """A free map, filled up to `room` bytes: its extent was taken before it could be written (R20)."""
    message = _encode((_gaps(free), _gaps(limbo)))
    return (_LENGTH.pack(len(message)) + message).ljust(room, b"\0")


def _gaps(runs: list[Extent]) -> list[int]:
    numbers: list[int] = []
    stop = 0
    for block, count in runs:
        numbers += (block - stop, count)
        stop = block + count
    return numbers


def decode_map(data: bytes, first: int, end: int) -> tuple[list[Extent], list[Extent]]:
    """(free, limbo) runs, or DatabaseCorrupt if they cannot be those of a file with blocks [first, end)."""
    try:
        (length,) = _LENGTH.unpack_from(data)
        free, limbo = (_runs(numbers) for numbers in _decode(data[_LENGTH.size : _LENGTH.size + length]))
    except (msgspec.DecodeError, ValueError, struct.error) as error:
        raise DatabaseCorrupt(f"damaged free map: {error}") from error
    stop = first
    for block, count in sorted(free + limbo):
        if count <= 0 or block < stop or block + count > end:
            raise DatabaseCorrupt(f"damaged free map: blocks {block} to {block + count} cannot be free")
        stop = block + count
    return free, limbo


def _runs(numbers: list[int]) -> list[Extent]:
    runs: list[Extent] = []
    stop = 0
    for gap, count in zip(numbers[::2], numbers[1::2], strict=True):
        runs.append((stop + gap, count))
        stop += gap + count
    return runs
