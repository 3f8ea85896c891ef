"""The payload of a leaf of rows: addresses and rows, and a directory by which one row is read without the others.

    +--------------+-----------+-------+------+------+-----------------+-----------+------------------------+
    | width + MARK | head size | count | step | form | directory       | head      | rows                   |
    | 2            | 4         | 2     | 2    | 1    | 2 for each word | addresses | one MessagePack array  |
    +--------------+-----------+-------+------+------+-----------------+-----------+------------------------+

The rows are one array, so that decoding all of them is one call of C. The directory says where every `step`-th of them
begins, in bytes of the array, and, if form has KEYED, how long each of these rows is. So a search decodes one row of
some groups, then one group: a tenth of what the whole leaf takes, which matters where the data does not fit the page
cache (`storage.btree` says when a leaf is read in parts).

    form   head
    0      nothing, or a MessagePack array of primary keys
    1      the first address: the others follow without a gap, as on a page of a heap without deletions
    2 4 8  addresses of so many bytes each

Leaves of few rows, or of more bytes than a word can tell, have no directory: width (without MARK), head size, head,
rows, both as MessagePack arrays. So had all leaves of files of format 1.

Invariants:
 1. Whatever the bytes are, the answer is a leaf, or entries of one, or DatabaseCorrupt.
 2. Parts of a leaf are what the whole leaf has at these places.
"""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from minidb.errors import DatabaseCorrupt
from minidb.keys import Key, Row
from minidb.storage.interface import Cut, Ref

_PLAIN = struct.Struct("<HI")  # width, head size
_DIRECTED = struct.Struct("<HIHHB")  # the same, count, step, form
_ADDRESS = struct.Struct("<Q")
MARK = 0x8000  # in the width
PRIMARY, DENSE, KEYED = 0, 1, 16  # in the form
TYPES = {2: "H", 4: "I", 8: "Q"}
LEAST = 32  # rows: a leaf of fewer is read as a whole
GROUPS = 16  # of a leaf; more make a search cheaper and writing dearer
LARGEST = 0xFFFF

_RIDS: msgspec.msgpack.Decoder[list[int]] = msgspec.msgpack.Decoder(list[int])
Encode = Callable[[Any], bytes]


def words(kind: str, values: Any) -> array[int]:
    """Little-endian numbers, from or for a file."""
    found = array(kind)
    if type(values) is list:
        found.extend(values)
    else:
        found.frombytes(values)
    if sys.byteorder == "big":
        found.byteswap()
    return found


# -- writing ----------------------------------------------------------------------------------------------


def pack(encode: Encode, width: int, refs: Any, rows: list[Row], *, rids: bool, keyed: bool) -> bytes:
    """A leaf's payload.

    Arguments:
        refs: addresses, or None where they follow from the rows.
        rids: whether these are addresses in a heap.
        keyed: whether entries are searched by what stands in the rows.
    """
    count = len(rows)
    if LEAST <= count <= LARGEST:
        step = -(-count // GROUPS)
        groups = [encode(rows[start : start + step]) for start in range(0, count, step)]
        if sum(map(len, groups)) <= LARGEST:
            form, head = pack_rids(refs) if rids else (PRIMARY, b"" if refs is None else encode(refs))
            directory, body = join(groups, count, step)
            if keyed:
                directory += [len(encode(row)) for row in rows[::step]]
                form |= KEYED
            start = _DIRECTED.pack(width | MARK, len(head), count, step, form)
            return b"".join((start, words("H", directory).tobytes(), head, body))
    head = b"" if refs is None else encode(refs)
    return b"".join((_PLAIN.pack(width, len(head)), head, encode(rows)))


def join(groups: list[bytes], count: int, step: int) -> tuple[list[int], bytes]:
    """(where each group begins, all of them as one array)."""
    pieces = [b"\xdc" + count.to_bytes(2, "big")]
    starts, place = [], 3
    for number, group in enumerate(groups):
        piece = group[1 if min(step, count - number * step) < 16 else 3 :]  # without the array's own head
        starts.append(place)
        pieces.append(piece)
        place += len(piece)
    return starts, b"".join(pieces)


def pack_rids(refs: list[int]) -> tuple[int, bytes]:
    first, count = refs[0], len(refs)
    if refs[-1] - first == count - 1 and refs == list(range(first, first + count)):
        return DENSE, _ADDRESS.pack(first)
    for size, kind in TYPES.items():
        try:
            return size, words(kind, refs).tobytes()
        except OverflowError:
            continue
    raise AssertionError("an address has more than 64 bits")


# -- reading ----------------------------------------------------------------------------------------------


class Payload:
    """A payload in its pieces. Raises DatabaseCorrupt (invariant 1)."""

    __slots__ = ("body", "count", "directory", "form", "head", "step", "width")

    def __init__(self, data: bytes) -> None:
        if len(data) < _PLAIN.size:
            raise DatabaseCorrupt("a page's payload is too short")
        self.width, size = _PLAIN.unpack_from(data)
        self.directory: array[int] | None = None
        self.count = self.form = self.step = 0
        start = _PLAIN.size
        if self.width & MARK:
            if len(data) < _DIRECTED.size:
                raise DatabaseCorrupt("a page's payload is too short")
            _, _, self.count, self.step, self.form = _DIRECTED.unpack_from(data)
            self.width -= MARK
            if not self.step or not self.count:
                raise DatabaseCorrupt("a page's directory is empty")
            start = _DIRECTED.size + 2 * -(-self.count // self.step) * (2 if self.form & KEYED else 1)
            self.form &= ~KEYED
        if start + size > len(data):
            raise DatabaseCorrupt("a page's payload is shorter than it says")
        if self.step:
            self.directory = words("H", data[_DIRECTED.size : start])
        self.head = data[start : start + size]
        self.body = data[start + size :]

    def rids(self) -> Sequence[int]:
        """The addresses in a heap; as many as there are rows, or the reader finds out."""
        if self.directory is None:
            return decode_rids(self.head)
        if self.form == DENSE and len(self.head) == _ADDRESS.size:
            (first,) = _ADDRESS.unpack(self.head)
            return range(first, first + self.count)
        if self.form not in TYPES or len(self.head) != self.count * self.form:
            raise DatabaseCorrupt("a page's addresses cannot be decoded")
        return words(TYPES[self.form], self.head)


def decode_rids(data: bytes | memoryview) -> list[int]:
    try:
        return _RIDS.decode(data)
    except msgspec.MsgspecError as error:
        raise DatabaseCorrupt(f"row addresses cannot be decoded: {error}") from error


class Parts:
    """A leaf of which only what is asked for is decoded.

    Arguments:
        decode: rows from a MessagePack array.
        key: of an entry, from its row; None: entries stand under their addresses.
        refs: the addresses; None: they are the keys.
    """

    __slots__ = ("_decode", "_groups", "_key", "_payload", "_refs", "_starts")

    def __init__(self, payload: Payload, decode: Callable[[bytes], list[Row]], key: Callable[[Row], Key] | None,
                 refs: Sequence[Ref] | None) -> None:
        assert payload.directory is not None, "this leaf is read as a whole"
        count = -(-payload.count // payload.step)
        if len(payload.directory) != (count if key is None else 2 * count):
            raise DatabaseCorrupt("a page's directory has another length than its entries ask for")
        self._payload = payload
        self._decode = decode
        self._key = key
        self._refs = refs
        self._starts = payload.directory[:count]
        self._groups: dict[int, list[Row]] = {}

    def find(self, key: Key) -> tuple[Ref, Row] | None:
        """(ref, row) of the entry with `key`, in a leaf whose keys are unique."""
        step, refs = self._payload.step, self._refs
        if self._key is None:
            assert refs is not None, "what stands under addresses has some"
            place = bisect_left(refs, key)
            if place == len(refs) or refs[place] != key:
                return None
            return refs[place], self._row(place)
        number = max(0, bisect_right(range(len(self._starts)), key, key=self._first_key) - 1)
        rows = self._group(number)
        keys = list(map(self._key, rows))
        place = bisect_left(keys, key)
        if place == len(keys) or keys[place] != key:
            return None
        return keys[place] if refs is None else refs[number * step + place], rows[place]

    def between(self, low: Cut, high: Cut) -> tuple[list[Key], list[Ref], list[Row]]:
        """Entries among which are all that lie between the cuts."""
        payload, refs = self._payload, self._refs
        if self._key is None:
            assert refs is not None, "what stands under addresses has some"
            first = bisect_left(refs, low[0]) // payload.step
            last = -(-bisect_right(refs, high[0]) // payload.step)
        else:
            count = len(self._starts)
            last = first = max(0, bisect_left(range(count), low[0], key=self._first_key) - 1)
            while last < count and not high[0] < self._first_key(last):  # most ranges are short
                last += 1
        rows = self._decoded(first, last) if first < last else []
        start = first * payload.step
        keys = list(refs[start : start + len(rows)]) if self._key is None else list(map(self._key, rows))  # type: ignore[index]
        return keys, keys if refs is None else list(refs[start : start + len(rows)]), rows

    def _row(self, place: int) -> Row:
        number, place = divmod(place, self._payload.step)
        return self._group(number)[place]

    def _group(self, number: int) -> list[Row]:
        found = self._groups.get(number)
        if found is None:
            found = self._groups[number] = self._decoded(number, number + 1)
        return found

    def _decoded(self, first: int, last: int) -> list[Row]:
        """The rows of the groups from `first` to before `last`."""
        payload, starts = self._payload, self._starts
        stop = starts[last] if last < len(starts) else len(payload.body)
        count = min(last * payload.step, payload.count) - first * payload.step
        rows = self._decode(b"\xdc" + count.to_bytes(2, "big") + payload.body[starts[first] : stop])
        if len(rows) != count:
            raise DatabaseCorrupt("a page's directory is wrong")
        return rows

    def _first_key(self, number: int) -> Key:
        payload, starts = self._payload, self._starts
        start = starts[number]
        length = payload.directory[len(starts) + number]  # type: ignore[index]
        return self._key(self._decode(b"\x91" + payload.body[start : start + length])[0])  # type: ignore[misc]
