"""Files as storage sees them: positioned reads and writes, sync, a lock, and directories whose names are synced, too.

Two implementations of the protocols `File` and `FileSystem` (see `interface`), chosen by who wires the database:

    OSFileSystem      real files: pread and pwrite without a shared position, fdatasync, flock
    MemoryFileSystem  files that live as long as the object does: for ":memory:" and for tests (`faulty` wraps it)

Invariants

 F1  `read` is short only at the end of the file, `write` is never short: the loops are here and nowhere else.
 F2  What was written is durable after `sync` of that file, and its name after `sync_directory` (R77); not before.
 F3  A lock belongs to the open file, not to the process or to its name: it ends when the last descriptor that came
     from this `open` is closed, also those that a fork copied. `close` therefore never unlocks (R75, R76).
 F4  Only regular files are opened: a pipe or a device would block or swallow.

This module does not map errors: every method raises OSError, and the layer above says what it means (ENOSPC becomes
DiskFull, a failed sync puts the database in the failed state, R4 and R5).
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
import threading
from typing import Any

from minidb.storage.interface import File
from minidb.storage.mapped import Mapping, map_file, writes_in_place

_EFFECTIVE = os.access in os.supports_effective_ids
CLOSED = (1 << 31) - 1  # no descriptor: the system answers EBADF; some of Python's functions answer -1 with ValueError
RWF_DSYNC: int = getattr(os, "RWF_DSYNC", 0)  # Linux: one call writes and syncs
LARGEST_TRANSFER = 1 << 30  # bytes per system call; Linux stops at 2 GiB - 4 KiB, macOS at 2 GiB - 1


def _os_error(code: int, path: str) -> OSError:
    return OSError(code, os.strerror(code), path)


# -- real files -------------------------------------------------------------------------------------------


class OSFile:
    """A regular file of the operating system. Threads may use it at once; each call names its offset."""

    __slots__ = ("_descriptor", "_in_place", "_mapping", "_syncing", "_unmapped", "path")

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._in_place: bool | None = None  # see `writes_in_place`; None: not asked yet
        self._mapping: Mapping | None = None
        self._unmapped = 0  # the size at which no mapping could be had
        self._syncing: bool | None = None  # whether one call may write and sync; None: not asked yet

    def read(self, offset: int, length: int) -> bytes:
        data = os.pread(self._descriptor, min(length, LARGEST_TRANSFER), offset)
        if len(data) == length or not data:
            return data
        pieces = [data]  # a short read: go on until the end of the file (F1)
        got = len(data)
        while got < length:
            data = os.pread(self._descriptor, min(length - got, LARGEST_TRANSFER), offset + got)
            if not data:
                break
            pieces.append(data)
            got += len(data)
        return b"".join(pieces)

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        length = len(data)
        written = os.pwrite(self._descriptor, data, offset)
        if written == length:
            return
        with memoryview(data) as view:  # a short write: a signal, a full disk or a very large buffer (F1)
            while written < length:
                count = os.pwrite(self._descriptor, view[written : written + LARGEST_TRANSFER], offset + written)
                if count == 0:
                    raise _os_error(errno.EIO, self.path)
                written += count

    def write_synced(self, offset: int, data: bytes) -> None:
        if self._syncing is None:
            self._syncing = bool(RWF_DSYNC) and self.in_place()
        if self._syncing:
            try:
                if os.pwritev(self._descriptor, (data,), offset, RWF_DSYNC) == len(data):
                    return
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.ENOSYS):  # an old kernel
                    raise
                self._syncing = False
        self.write(offset, data)
        self.sync()

    def in_place(self) -> bool:
        """Whether it is on a file system that is known well (`writes_in_place`): others may not be told, over a network
        or in user space, that a single write is to be synced."""
        if self._in_place is None:
            self._in_place = writes_in_place(self._descriptor)
        return self._in_place

    def store(self, offset: int, end: int, pieces: tuple[bytes, ...]) -> bool:
        mapping = self._mapping
        if mapping is None or end > mapping.size:
            mapping = self._map(end)
            if mapping is None:
                return False
        try:
            mapping.store(offset, pieces)
        except ValueError:  # closed meanwhile
            raise _os_error(errno.EBADF, self.path) from None
        return True

    def _map(self, end: int) -> Mapping | None:
        if self._unmapped >= end:
            return None
        mapping = map_file(self._descriptor) if self.in_place() else None
        if mapping is None or mapping.size < end:
            self._mapping, self._unmapped = None, max(end, self.size())
            return None
        self._mapping = mapping
        return mapping

    if sys.platform == "darwin":  # fsync there leaves the data in the drive's cache

        def sync(self) -> None:
            fcntl.fcntl(self._descriptor, fcntl.F_FULLFSYNC)
    else:

        def sync(self) -> None:
            os.fdatasync(self._descriptor)  # writes the size, too, when it has changed; leaves out the times only

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def truncate(self, size: int) -> None:
        self._mapping, self._unmapped = None, 0  # beyond the end there is nothing that could be stored to
        os.ftruncate(self._descriptor, size)

    def identity(self) -> tuple[int, int]:
        status = os.fstat(self._descriptor)
        return status.st_dev, status.st_ino

    def lock(self, *, shared: bool = False) -> None:
        fcntl.flock(self._descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)

    def close(self) -> None:
        """Closes the descriptor (F3: without unlocking). Closing again does nothing."""
        mapping, self._mapping = self._mapping, None
        if mapping is not None:
            mapping.close()
        descriptor, self._descriptor = self._descriptor, CLOSED
        if descriptor != CLOSED:
            os.close(descriptor)

    def __repr__(self) -> str:
        return f"<OSFile {self.path!r}{' closed' if self._descriptor == CLOSED else ''}>"


class OSFileSystem:
    """The file system of the operating system; it has no state."""

    def open(self, path: str, *, create: bool = False, read_only: bool = False) -> OSFile:
        flags = os.O_RDONLY if read_only else os.O_RDWR
        if create:
            flags |= os.O_CREAT
        descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)  # a pipe must not block the open (F4)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _os_error(errno.EISDIR if os.path.isdir(path) else errno.EINVAL, path)
        except BaseException:
            os.close(descriptor)
            raise
        return OSFile(path, descriptor)

    def exists(self, path: str) -> bool:
        return os.access(path, os.F_OK, effective_ids=_EFFECTIVE)  # half of what a failing `stat` takes

    def remove(self, path: str) -> None:
        os.remove(path)

    def rename(self, old: str, new: str) -> None:
        os.replace(old, new)

    def sync_directory(self, path: str) -> None:
        descriptor = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def resolve(self, path: str) -> str:
        return os.path.realpath(path)


# -- files in memory --------------------------------------------------------------------------------------


class Inode:
    """The contents of a file in memory, whatever its names are; and who holds its lock."""

    __slots__ = ("data", "exclusive", "holders", "mutex", "number")

    def __init__(self, number: int, data: bytes | bytearray = b"") -> None:
        self.number = number
        self.data = bytearray(data)
        self.mutex = threading.Lock()
        self.holders: set[Any] = set()  # the open files that hold the lock
        self.exclusive = False

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        with self.mutex:  # growing and filling must be one step
            if offset > len(self.data):
                self.data.extend(bytes(offset - len(self.data)))
            self.data[offset : offset + len(data)] = data

    def truncate(self, size: int) -> None:
        with self.mutex:
            if size > len(self.data):
                self.data.extend(bytes(size - len(self.data)))
            else:
                del self.data[size:]


class MemoryFile:
    """One open file of a `MemoryFileSystem`."""

    __slots__ = ("_closed", "_device", "_read_only", "inode", "path")

    def __init__(self, path: str, inode: Inode, device: int, read_only: bool) -> None:
        self.path = path
        self.inode = inode
        self._device = device
        self._read_only = read_only
        self._closed = False

    def read(self, offset: int, length: int) -> bytes:
        self._check_open()
        return bytes(self.inode.data[offset : offset + length])

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        self._check_writable()
        self.inode.write(offset, data)

    def write_synced(self, offset: int, data: bytes) -> None:
        self.write(offset, data)
        self.sync()

    def store(self, offset: int, end: int, pieces: tuple[bytes, ...]) -> bool:
        if pieces:
            self.write(offset, b"".join(pieces))
        return True

    def sync(self) -> None:
        self._check_open()

    def size(self) -> int:
        self._check_open()
        return len(self.inode.data)

    def truncate(self, size: int) -> None:
        self._check_writable()
        self.inode.truncate(size)

    def identity(self) -> tuple[int, int]:
        return self._device, self.inode.number

    def lock(self, *, shared: bool = False) -> None:
        self._check_open()
        inode = self.inode
        with inode.mutex:
            others = inode.holders - {self}
            if others and (inode.exclusive or not shared):
                raise BlockingIOError(errno.EWOULDBLOCK, os.strerror(errno.EWOULDBLOCK), self.path)
            inode.holders.add(self)
            inode.exclusive = not shared

    def close(self) -> None:
        self._closed = True
        with self.inode.mutex:
            self.inode.holders.discard(self)

    def _check_open(self) -> None:
        if self._closed:
            raise _os_error(errno.EBADF, self.path)

    def _check_writable(self) -> None:
        if self._closed or self._read_only:
            raise _os_error(errno.EBADF, self.path)

    def __repr__(self) -> str:
        return f"<MemoryFile {self.path!r}{' closed' if self._closed else ''}>"


class MemoryFileSystem:
    """Names and contents in memory. Sync does nothing: there is nothing below that could be lost."""

    def __init__(self) -> None:
        self.names: dict[str, Inode] = {}
        self._last_inode = 0

    def open(self, path: str, *, create: bool = False, read_only: bool = False) -> File:
        inode = self.names.get(path)
        if inode is None:
            if not create:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            inode = self.names[path] = self.new_inode()
        return MemoryFile(path, inode, id(self), read_only)

    def exists(self, path: str) -> bool:
        return path in self.names

    def remove(self, path: str) -> None:
        self._check_name(path)
        del self.names[path]

    def rename(self, old: str, new: str) -> None:
        self._check_name(old)
        self.names[new] = self.names.pop(old)

    def sync_directory(self, path: str) -> None:
        pass

    def resolve(self, path: str) -> str:
        return path

    def new_inode(self, data: bytes | bytearray = b"") -> Inode:
        self._last_inode += 1
        return Inode(self._last_inode, data)

    def _check_name(self, path: str) -> None:
        if path not in self.names:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
