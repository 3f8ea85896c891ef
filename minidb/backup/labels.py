"""Labels: what a backup says of itself, behind the meta page of slot 0."""

from __future__ import annotations

import struct
from typing import NamedTuple
from zlib import crc32

from minidb.storage.interface import File
from minidb.storage.meta import META_SIZE

_LABEL = struct.Struct("<16s16sQQQ")
_CHECKSUM = struct.Struct("<I")
_LABEL_MAGIC = b"minidb backup\r\n\0"


class Label(NamedTuple):
    """What a backup says of itself. `generation` is that of its newest meta page until somebody writes to it."""

    origin: bytes
    number: int
    generation: int
    time_us: int


def encode_label(label: Label) -> bytes:
    data = _LABEL.pack(_LABEL_MAGIC, *label)
    return data + _CHECKSUM.pack(crc32(data))


def read_label(file: File) -> Label | None:
    data = file.read(META_SIZE, _LABEL.size + _CHECKSUM.size)
    if len(data) < _LABEL.size + _CHECKSUM.size or not data.startswith(_LABEL_MAGIC):
        return None
    body = data[: _LABEL.size]
    if _CHECKSUM.unpack_from(data, _LABEL.size)[0] != crc32(body):
        return None
    return Label(*_LABEL.unpack(body)[1:])
