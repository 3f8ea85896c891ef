"""The borders of the storage floor, as protocols: files below it, layouts handed in from above.

Storage knows bytes, keys, rows as tuples and positions. What a type means comes in through `Layout`, what a disk is
comes in through `FileSystem`; both have more than one implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from minidb.errors import DatabaseCorrupt
from minidb.keys import Key, Row

Ref = Any  # a row's address: RID (int) in a heap, primary key (a Key) in a clustered table
Cut = tuple[Key, int]  # before (0) or behind (1) all entries of a key


class File(Protocol):
    """A file with positioned reads and writes. Every method may raise OSError."""

    path: str

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`; shorter only at the end of the file."""

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Writes all of `data`; not durable before `sync`."""

    def write_synced(self, offset: int, data: bytes) -> None:
        """Writes all of `data`, durable on return. It says nothing of what was written before."""

    def store(self, offset: int, end: int, pieces: tuple[bytes, ...]) -> bool:
        """Writes all pieces, one behind the other, into a range that exists and was synced, without a system call;
        False if that is not to be had: then nothing was written. `end` is behind the last piece. A process that is
        killed meanwhile leaves a prefix of the pieces, and of the next one any of its bytes. No pieces: `end` is that
        of the range that is going to be stored to, so that what takes time is done now."""

    def sync(self) -> None: ...

    def size(self) -> int: ...

    def truncate(self, size: int) -> None: ...

    def identity(self) -> tuple[int, int]:
        """(device, inode): equal for two names of one file (R75)."""

    def lock(self, *, shared: bool = False) -> None:
        """Takes `flock` at once or raises BlockingIOError."""

    def close(self) -> None: ...


class FileSystem(Protocol):
    def open(self, path: str, *, create: bool = False, read_only: bool = False) -> File:
        """Raises FileNotFoundError without `create`; creating leaves an existing file as it is."""

    def exists(self, path: str) -> bool: ...

    def remove(self, path: str) -> None: ...

    def rename(self, old: str, new: str) -> None: ...

    def sync_directory(self, path: str) -> None:
        """Makes the names in the directory of `path` durable (R77)."""

    def resolve(self, path: str) -> str:
        """The path without symlinks."""


class Contents(Protocol):
    """The rows of a leaf that are made when somebody asks for them; DatabaseCorrupt may come as late as that."""

    where: Callable[[str], DatabaseCorrupt] | None  # an error that names the page, given what is wrong

    @property
    def memory(self) -> int:
        """Bytes that are taken besides the rows, once everything is made that can be."""

    def __len__(self) -> int: ...

    def rows(self) -> list[Row]:
        """Made once."""


class Parts(Protocol):
    """A leaf of which only what is asked for is decoded. Every method may raise DatabaseCorrupt."""

    def find(self, key: Key) -> tuple[Ref, Row] | None:
        """(ref, row) of the entry with `key`, in a leaf whose keys are unique."""

    def between(self, low: Cut, high: Cut) -> tuple[Sequence[Key], Sequence[Ref], Sequence[Row]]:
        """Entries in a row among which are all that lie between the cuts; more may be there, or none."""


class Layout(Protocol):
    """How the leaves of one relation are encoded. Made from the schema by `access`; pure and free of latches."""

    scale: int  # its leaves are so many times as large as the base's usual ones
    least: int  # bytes that an entry counts for at least, however few it takes

    def encode(self, keys: list[Key], refs: list[Ref], rows: list[Row]) -> bytes:
        """One leaf's payload. For a clustered table and a heap `rows` are whole rows, for a secondary index they are
        the tuples of column values (key columns, then INCLUDE columns) as they were stored."""

    def decode(self, data: bytes) -> tuple[list[Key], list[Ref], list[Row] | Contents]:
        """The inverse; raises DatabaseCorrupt on anything else than what encode made. Rows may be made later."""

    def parts(self, data: bytes) -> Parts | None:
        """The same leaf to be read in parts; None if it can be read as a whole only. Raises DatabaseCorrupt."""
