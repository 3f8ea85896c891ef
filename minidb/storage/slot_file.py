"""Where a reader of the change feed has got to: a small file per slot, `NAME.mdb-slot-SLOT`.

    block 0 | block 1      512 bytes each, written in turn:  magic, sequence, position, time (us), checksum

Its reader writes it, in whichever process it runs; the database reads it before it gives log away. A block lies in one
sector, and the other one stays as it was: a crash leaves the position before or the new one. The reader holds a lock
on the file, so that a slot has one reader at a time.
"""

from __future__ import annotations

import struct
from zlib import crc32

from minidb.errors import DatabaseCorrupt, ObjectInUse
from minidb.storage.disk_errors import disk_error
from minidb.storage.interface import File, FileSystem

BLOCK = 512
_BLOCK = struct.Struct("<12sQQQ")
_CHECKSUM = struct.Struct("<I")
_MAGIC = b"minidb slot\n"


class SlotFile:
    """An open slot file. Made by `create` or `open`.

    Attributes:
        position: all commits up to this one have been handled.
        time_us: when the position was written.
    """

    def __init__(self, file: File, sequence: int, position: int, time_us: int) -> None:
        self._file = file
        self._sequence = sequence
        self.position = position
        self.time_us = time_us

    @classmethod
    def create(cls, fs: FileSystem, path: str, position: int, time_us: int) -> None:
        """Makes the file, durable with its name; replaces what an earlier slot has left."""
        try:
            file = fs.open(path, create=True)
            try:
                file.truncate(0)
                file.write(0, bytes(2 * BLOCK))
                cls(file, 0, 0, 0)._write(position, time_us)
                fs.sync_directory(path)
            finally:
                file.close()
        except OSError as error:
            raise disk_error(error, f"create {path}") from error

    @classmethod
    def open(cls, fs: FileSystem, path: str, *, lock: bool = False) -> SlotFile:
        """Raises FileNotFoundError, DatabaseCorrupt, and ObjectInUse if it is locked."""
        file = fs.open(path, read_only=not lock)
        try:
            if lock:
                file.lock()
            data = file.read(0, 2 * BLOCK)
        except BlockingIOError as error:
            file.close()
            raise ObjectInUse(
                f"the slot {path.rpartition('-slot-')[2]} has a reader", hint="A slot has one reader at a time."
            ) from error
        except OSError as error:
            file.close()
            raise disk_error(error, f"read {path}") from error
        newest = max(filter(None, (_decode(data, place) for place in (0, BLOCK))), default=None)
        if newest is None:
            file.close()
            raise DatabaseCorrupt(f"the slot file {path} is damaged", hint="Drop the slot and make it again.")
        return cls(file, *newest)

    def advance(self, position: int, time_us: int) -> None:
        """All commits up to `position` have been handled; durable when it returns. Never goes back."""
        if position > self.position:
            try:
                self._write(position, time_us)
            except OSError as error:
                raise disk_error(error, f"write {self._file.path}") from error

    def _write(self, position: int, time_us: int) -> None:
        sequence = self._sequence + 1
        data = _BLOCK.pack(_MAGIC, sequence, position, time_us)
        self._file.write(sequence % 2 * BLOCK, (data + _CHECKSUM.pack(crc32(data))).ljust(BLOCK, b"\0"))
        self._file.sync()
        self._sequence, self.position, self.time_us = sequence, position, time_us

    def close(self) -> None:
        self._file.close()


def _decode(data: bytes, place: int) -> tuple[int, int, int] | None:
    size = _BLOCK.size
    block = data[place : place + BLOCK]
    if len(block) < BLOCK or _CHECKSUM.unpack_from(block, size)[0] != crc32(block[:size]):
        return None
    magic, *facts = _BLOCK.unpack_from(block)
    return (facts[0], facts[1], facts[2]) if magic == _MAGIC else None


__all__ = ["SlotFile"]
