"""Closed segments of the log, kept for those who read it later: slots of the change feed, the archive.

    PREFIXindex                what is kept; replaced as a whole (new file, sync, rename, sync of the directory)
    PREFIX000000000007         segment of generation 7, from its header to its end, byte for byte

The log itself reuses a segment as soon as the base has all of it. Whoever wants it longer has it copied here before
(`Log.closed`, then `keep`, then `save`, then `Log.release`), so that the log stays as short as recovery needs it.

A reader of old commits needs the catalog of that time. `points` knows it at some numbers: whoever reads from commit N
on begins at the greatest known number not above N and lets the catalog changes in the log carry it on.

Invariants

 A1  A segment that the index names is whole and synced; a file that it does not name means nothing.
 A2  The segments that the index names have no gap, and go on with the live segments of the log.
 A3  For each of them the catalog is known at or before its beginning, or at `since`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from zlib import crc32

import msgspec

from minidb.errors import DatabaseCorrupt, OperationalError
from minidb.storage.disk_errors import disk_error
from minidb.storage.interface import File, FileSystem
from minidb.storage.log_segments import Segment

WINDOW = 1 << 20
_HEAD = struct.Struct("<12sII")
_MAGIC = b"minidb kept\n"


class KeptSegment(msgspec.Struct, frozen=True, array_like=True):
    """A segment with the commits `before` + 1 to `last`; their first chunks are in generation `chunks_from`."""

    generation: int
    before: int
    last: int
    end: int
    chunks_from: int


class CatalogPoint(msgspec.Struct, frozen=True, array_like=True):
    """The catalog as of the commits `first` to `last`: it was not changed in between."""

    first: int
    last: int
    catalog: bytes


class SlotEntry(msgspec.Struct, frozen=True, array_like=True):
    name: str
    lost: bool = False


class Index(msgspec.Struct):
    """What an archive says of itself.

    Attributes:
        since: commits above this number have their old rows in the log, and are here or in the live log.
        archive: the directory of the archive, for the database's own index.
    """

    database_id: bytes
    since: int = 0
    segments: list[KeptSegment] = []
    points: list[CatalogPoint] = []
    slots: list[SlotEntry] = []
    archive: str = ""


_decode = msgspec.msgpack.Decoder(Index).decode
_encode = msgspec.msgpack.Encoder().encode


def encode_index(index: Index) -> bytes:
    body = _encode(index)
    return _HEAD.pack(_MAGIC, len(body), crc32(body)) + body


def decode_index(data: bytes, path: str) -> Index:
    """Raises DatabaseCorrupt unless these are the bytes of a whole index."""
    body = data[_HEAD.size :]
    if len(data) < _HEAD.size or _HEAD.unpack_from(data) != (_MAGIC, len(body), crc32(body)):
        raise DatabaseCorrupt(f"{path} is damaged, or no index of kept log segments")
    try:
        return _decode(body)
    except (msgspec.DecodeError, ValueError) as error:
        raise DatabaseCorrupt(f"{path} cannot be decoded: {error}") from error


class Archive:
    """The kept segments below one prefix. Used by one thread at a time."""

    def __init__(self, fs: FileSystem, prefix: str, index: Index) -> None:
        self.fs = fs
        self.prefix = prefix
        self.index = index

    @classmethod
    def load(cls, fs: FileSystem, prefix: str) -> Archive | None:
        """The archive that is there, None if there is none."""
        path = f"{prefix}index"
        if not fs.exists(path):
            return None
        try:
            file = fs.open(path, read_only=True)
            try:
                data = file.read(0, file.size())
            finally:
                file.close()
        except OSError as error:
            raise disk_error(error, f"read {path}") from error
        return cls(fs, prefix, decode_index(data, path))

    def name(self, generation: int) -> str:
        return f"{self.prefix}{generation:012d}"

    # -- writing

    def keep(self, segment: Segment, chunks_from: int) -> None:
        """Copies a closed segment, unless it is here; `save` makes it count."""
        known = self.index.segments
        if known and segment.generation <= known[-1].generation:
            if segment.last > known[-1].last:
                raise OperationalError(
                    f"the log has been begun anew; {self.prefix}index goes on from another one", sqlstate="55000"
                )
            return
        header = segment.header
        assert header is not None and (not known or segment.generation == known[-1].generation + 1), "A2"
        try:
            target = self.fs.open(self.name(segment.generation), create=True)
            try:
                target.truncate(0)  # left behind by a crash
                copy(segment.file, target, segment.end)
                target.sync()
            finally:
                target.close()
        except OSError as error:
            raise disk_error(error, "keep a log segment") from error
        known.append(KeptSegment(segment.generation, header.before, segment.last, segment.end, chunks_from))

    def note_catalog(self, number: int, catalog: bytes) -> None:
        """As of commit `number` the catalog is this."""
        points = self.index.points
        if points and points[-1].last >= number:
            return
        if points and points[-1].catalog == catalog:
            points[-1] = CatalogPoint(points[-1].first, number, catalog)
        else:
            points.append(CatalogPoint(number, number, catalog))

    def save(self) -> None:
        """Replaces the index; all that it names is durable then (A1)."""
        path = f"{self.prefix}index"
        try:
            file = self.fs.open(f"{path}-new", create=True)
            try:
                file.truncate(0)
                file.write(0, encode_index(self.index))
                file.sync()
            finally:
                file.close()
            self.fs.rename(f"{path}-new", path)
            self.fs.sync_directory(path)
        except OSError as error:
            raise disk_error(error, f"write {path}") from error

    def prune(self, number: int) -> list[KeptSegment]:
        """Forgets what no reader from commit `number` on needs; returns it, for `discard` after `save`."""
        index = self.index
        start = known_before(index.points, number)
        needed = needed_generation(index.segments, start)
        gone = [segment for segment in index.segments if segment.generation < needed]
        index.segments = [segment for segment in index.segments if segment.generation >= needed]
        index.points = [point for point in index.points if point.last >= start]
        index.since = max(index.since, start)
        return gone

    def discard(self, gone: Iterable[KeptSegment]) -> None:
        for segment in gone:
            self._remove(self.name(segment.generation))

    def remove(self) -> None:
        """The whole archive: the index first, so that nothing is named that is gone."""
        self._remove(f"{self.prefix}index")
        self.discard(self.index.segments)
        self.index.segments = []

    def _remove(self, name: str) -> None:
        try:
            if self.fs.exists(name):
                self.fs.remove(name)
                self.fs.sync_directory(name)
        except OSError as error:
            raise disk_error(error, f"remove {name}") from error

    @property
    def size(self) -> int:
        """Bytes of the kept segments."""
        return sum(segment.end for segment in self.index.segments)


def known_before(points: list[CatalogPoint], number: int) -> int:
    """The greatest number not above `number` at which the catalog is known; the first one known if there is none."""
    known = [min(point.last, number) for point in points if point.first <= number]
    return max(known) if known else (points[0].first if points else number)


def needed_generation(segments: list[KeptSegment], number: int) -> int:
    """The first generation that a reader of the commits above `number` needs."""
    return min((segment.chunks_from for segment in segments if segment.last > number), default=1 << 62)


def copy(source: File, target: File, size: int) -> None:
    for offset in range(0, size, WINDOW):
        target.write(offset, source.read(offset, min(WINDOW, size - offset)))


__all__ = ["Archive", "CatalogPoint", "Index", "KeptSegment", "SlotEntry", "known_before", "needed_generation"]
