"""The base file as a store of checksummed pages: each a header and a payload in an extent of whole blocks.

    block b            +----+------+---------+----------+------------+-------+--------+-------+-----------+
    (32 bytes, then    | mp | kind | version | relation | generation | block | length | crc32 | payload...
    the payload)       | 2  | 1    | 1       | 4        | 8          | 8     | 4      | 4     | `length`
                       +----+------+---------+----------+------------+-------+--------+-------+-----------+

A *pointer* is (block, length, generation, crc): where a page is and which write of it is meant. The number of blocks
follows from the length. The header repeats all of it and says who the page is, so that a lost or misdirected write,
which leaves an old and in itself valid page in place, is found out (R19).

Invariants:
 1. A page is checked when it is read: its header is what the pointer and the reader expect, its checksum is right,
    its contents can be decoded. Anything else is DatabaseCorrupt and names file, block, kind and relation.
 2. A page is written once, into blocks that no durable meta page reaches (`extents` sees to it), and never changed.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from zlib import crc32

from minidb.errors import DatabaseCorrupt
from minidb.storage.disk_errors import disk_error
from minidb.storage.interface import File, Layout, Parts
from minidb.storage.pages import Inner, LateLeaf, Leaf, Pointer, decode_inner, decode_leaf

HEADER = struct.Struct("<2scBIQQII")
MARK = b"mp"
VERSION = 1
LARGEST_PAYLOAD = (1 << 32) - 1

LEAF, INNER, RELATIONS, CATALOG, FREE_MAP = b"L", b"I", b"R", b"C", b"F"
KIND_NAMES = {LEAF: "leaf", INNER: "inner node", RELATIONS: "relation table", CATALOG: "catalog", FREE_MAP: "free map"}


class PageFile:
    """Reads and writes pages of `block` bytes' multiples in `file`."""

    __slots__ = ("block", "file", "path")

    def __init__(self, file: File, block: int) -> None:
        self.file = file
        self.path = file.path
        self.block = block

    def blocks(self, length: int) -> int:
        """How many blocks a page with a payload of `length` bytes takes."""
        return -(-(HEADER.size + length) // self.block)

    def room(self, blocks: int) -> int:
        """The longest payload that fits into `blocks` blocks."""
        return blocks * self.block - HEADER.size

    def read(self, pointer: Pointer, kind: bytes, relation: int) -> bytes:
        """The payload of a page (invariant 1)."""
        block, length, generation, crc = pointer
        size = HEADER.size + length
        try:
            data = self.file.read(block * self.block, size)
        except OSError as error:
            raise disk_error(error, f"read {self.path}") from error
        if len(data) != size:
            raise self.damaged(pointer, kind, relation, f"the file ends in it: {len(data)} of {size} bytes")
        if data[: HEADER.size] != HEADER.pack(MARK, kind, VERSION, relation, generation, block, length, crc):
            raise self.damaged(pointer, kind, relation, self._difference(data, pointer, kind, relation))
        payload = data[HEADER.size :]
        if crc32(payload) != crc:
            raise self.damaged(pointer, kind, relation, "its checksum is wrong")
        return payload

    def _difference(self, data: bytes, pointer: Pointer, kind: bytes, relation: int) -> str:
        """In words: what the header has instead of what it should have."""
        mark, found_kind, _, found_relation, generation, block, length, crc = HEADER.unpack_from(data)
        if mark != MARK:
            return "there is no page here"
        if (found_kind, found_relation) != (kind, relation):
            found = KIND_NAMES.get(found_kind, repr(found_kind))
            return f"the page here is another one: {found} of relation {found_relation}"
        if generation != pointer[2]:
            return f"the page here is of generation {generation} instead of {pointer[2]}: a write was lost"
        return f"its header is wrong: block {block}, length {length}, checksum {crc:#010x}"

    def damaged(self, pointer: Pointer, kind: bytes, relation: int, what: str) -> DatabaseCorrupt:
        name = KIND_NAMES.get(kind, repr(kind))
        return DatabaseCorrupt(
            f"{self.path}: damaged page at block {pointer[0]} ({name} of relation {relation}): {what}"
        )

    def write(self, block: int, kind: bytes, relation: int, generation: int, payload: bytes) -> Pointer:
        """Writes a page into an extent that was taken for it; DiskFull when there is no space."""
        assert len(payload) <= LARGEST_PAYLOAD, "a page is too long"
        crc = crc32(payload)
        header = HEADER.pack(MARK, kind, VERSION, relation, generation, block, len(payload), crc)
        self.guard(lambda: self.file.write(block * self.block, header + payload))
        return block, len(payload), generation, crc

    def guard(self, action: Callable[[], None]) -> None:
        try:
            action()
        except OSError as error:
            raise disk_error(error, f"write {self.path}") from error


def read_inner(pages: PageFile, relation: int, pointer: Pointer) -> Inner:
    payload = pages.read(pointer, INNER, relation)
    try:
        return decode_inner(payload)
    except DatabaseCorrupt as error:  # the checksum was right: say which page it is
        raise pages.damaged(pointer, INNER, relation, error.message) from error


def read_leaf(pages: PageFile, relation: int, layout: Layout, pointer: Pointer) -> Leaf:
    payload = pages.read(pointer, LEAF, relation)
    try:
        leaf = decode_leaf(layout, payload)
    except DatabaseCorrupt as error:
        raise pages.damaged(pointer, LEAF, relation, error.message) from error
    if type(leaf) is LateLeaf:
        leaf.contents.where = lambda what: pages.damaged(pointer, LEAF, relation, what)
    return leaf


def read_parts(pages: PageFile, relation: int, layout: Layout, pointer: Pointer) -> Parts | None:
    """A leaf to be read in parts; None if it can be decoded as a whole only."""
    payload = pages.read(pointer, LEAF, relation)
    try:
        return layout.parts(payload)
    except DatabaseCorrupt as error:
        raise pages.damaged(pointer, LEAF, relation, error.message) from error
