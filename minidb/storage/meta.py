"""The two meta pages at the head of a base file: from which everything else is reached.

    offset 0      slot 0   | one meta page, 512 bytes of a 4 KiB slot |
    offset 4096   slot 1   | the other                                |
    offset 8192   blocks of pages

    magic 16 | format 4 | block size 4 | database id 16 | generation 8 | number 8 | blocks 8 | flags 4 |
    relation table 24 | catalog 24 | free map 24 | zeros | crc32 of all before, 4

Publishing overwrites the older slot; the newest valid one counts. A meta page lies within one sector, so the disk
writes it as a whole or not at all.

Invariants:
 1. A slot is valid if magic, format and checksum are right and both valid slots name one database.
 2. The slot that is not the newest is older by at least a generation, or in a database that was published once it has
    the mark of creation. Otherwise it is *damaged*: it may have been the newest, and the caller must ask the log
    whether the one that is left is new enough (R19).
 3. Creation syncs a mark into slot 1, then writes all pages, then slot 0 (R77). A file with the mark and a blank slot
    0, and a short file of zeros, never held anything; no other file that is not empty is ever written to.
"""

from __future__ import annotations

import struct
from zlib import crc32

import msgspec

from minidb.errors import DatabaseCorrupt, NotADatabase
from minidb.storage.interface import File
from minidb.storage.pages import Pointer

CREATION_MARK = b"a minidb base is being created\n".ljust(512, b"\0")
MAGIC = b"minidb base\r\n\x1a\n\0"
FORMAT = 2  # what is written; 1 had no directories in its leaves
READABLE = (1, 2)
SLOT_SIZE = 4096
META_SIZE = 512  # one sector
CLEAN = 1  # flag: everything is in the base, the log is not needed

_FIXED = struct.Struct("<16sII16sQQQI")
_POINTER = struct.Struct("<QIQI")
_CRC = struct.Struct("<I")
_CRC_OFFSET = META_SIZE - _CRC.size
NOWHERE: Pointer = (0, 0, 0, 0)  # the pointer of something that is empty


class Meta(msgspec.Struct, frozen=True):
    """What one meta page says. `slot` is where it stands."""

    slot: int
    database_id: bytes
    block: int
    generation: int
    number: int
    blocks: int
    clean: bool
    relations: Pointer
    catalog: Pointer
    free_map: Pointer


def encode_meta(meta: Meta) -> bytes:
    flags = CLEAN if meta.clean else 0
    fixed = _FIXED.pack(MAGIC, FORMAT, meta.block, meta.database_id, meta.generation, meta.number, meta.blocks, flags)
    pointers = b"".join(_POINTER.pack(*pointer) for pointer in (meta.relations, meta.catalog, meta.free_map))
    body = (fixed + pointers).ljust(_CRC_OFFSET, b"\0")
    return body + _CRC.pack(crc32(body))


def decode_meta(data: bytes, slot: int) -> Meta | None:
    """The meta page in `data`, or None if it is not a valid one (invariant 1)."""
    if len(data) < META_SIZE or _CRC.unpack_from(data, _CRC_OFFSET)[0] != crc32(data[:_CRC_OFFSET]):
        return None
    magic, format_, block, database_id, generation, number, blocks, flags = _FIXED.unpack_from(data)
    if magic != MAGIC or format_ not in READABLE:
        return None
    relations, catalog, free_map = (
        _POINTER.unpack_from(data, _FIXED.size + index * _POINTER.size) for index in range(3)
    )
    return Meta(slot, database_id, block, generation, number, blocks, bool(flags & CLEAN), relations, catalog, free_map)


def write_meta(file: File, meta: Meta) -> None:
    file.write(meta.slot * SLOT_SIZE, encode_meta(meta))


def blank_slot(file: File, slot: int) -> None:
    file.write(slot * SLOT_SIZE, bytes(META_SIZE))


def write_creation_mark(file: File) -> None:
    """Says that what follows is the creation of a base, so that an interrupted one can begin again (invariant 3)."""
    file.write(SLOT_SIZE, CREATION_MARK)


def unfinished(file: File) -> bool:
    """Whether this file may become a base: it is empty, or its creation was interrupted (invariant 3)."""
    if any(file.read(0, META_SIZE)):
        return False
    return file.read(SLOT_SIZE, META_SIZE) == CREATION_MARK or _all_zero(file)


def _all_zero(file: File) -> bool:
    """A file whose creation mark has not arrived: short, and without contents."""
    return file.size() <= 2 * SLOT_SIZE and not any(file.read(0, 2 * SLOT_SIZE))


def read_metas(file: File) -> tuple[Meta, Meta | None, bool]:
    """(newest, the other, whether the other is damaged). Raises NotADatabase or DatabaseCorrupt."""
    slots = [file.read(slot * SLOT_SIZE, META_SIZE) for slot in (0, 1)]
    metas = [decode_meta(data, slot) for slot, data in enumerate(slots)]
    valid = sorted((meta for meta in metas if meta is not None), key=lambda meta: meta.generation)
    if not valid:
        raise _no_meta(file.path, slots)
    newest = valid[-1]
    if len(valid) == 1:
        never_written = newest.generation == 1 and slots[1 - newest.slot] == CREATION_MARK
        return newest, None, not never_written
    if valid[0].database_id != newest.database_id or valid[0].generation == newest.generation:
        raise DatabaseCorrupt(f"{file.path}: its two meta pages contradict each other")
    return newest, valid[0], False


def _no_meta(path: str, slots: list[bytes]) -> DatabaseCorrupt:
    """The error for a file without a valid meta page."""
    formats = [_FIXED.unpack_from(data)[1] for data in slots if data.startswith(MAGIC) and len(data) >= _FIXED.size]
    if not formats:
        return NotADatabase(f"{path} is not a minidb database")
    if not any(number in READABLE for number in formats):
        return NotADatabase(
            f"{path} is a minidb database of format {formats[0]}; this version reads formats 1 to {FORMAT}",
            hint="Open it with the version that made it, write `minidb dump FILE`, and load that with this version.",
        )
    return DatabaseCorrupt(f"{path}: both meta pages are damaged", hint="Restore the database from a backup.")
