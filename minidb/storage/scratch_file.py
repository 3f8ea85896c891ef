"""A scratch file: pieces of bytes that are appended and read again by their place, while somebody works.

It has no name (POSIX), so it is gone when its user is: after an error, an interrupt or a crash as after the last piece.
Nothing is buffered, so that a full disk is told by the write that meets it (53100), and not when the file is closed.
What a piece holds is known to its user only; nobody syncs it, and nobody checks it but for its length: it has never
left this process when it is read again.

It is closed by `close`, or when nobody has it any more.
"""

from __future__ import annotations

from minidb.errors import OperationalError
from minidb.storage.disk_errors import disk_error

Place = tuple[int, int]  # where a piece begins, how long it is


class ScratchFile:
    """For one thread at a time. Every method but `close` raises DiskFull or OperationalError, with `advice` as hint."""

    def __init__(self, advice: str = "Temporary files are made where TMPDIR says.") -> None:
        from tempfile import TemporaryFile  # it takes time to load, and few sessions need it

        self._advice = advice
        self._end = 0
        try:
            self._file = TemporaryFile(buffering=0)  # noqa: SIM115 - see above for who closes it
        except OSError as error:
            raise disk_error(error, "create a temporary file", advice) from error

    def append(self, data: bytes) -> Place:
        rest = memoryview(data)
        try:
            self._file.seek(self._end)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise disk_error(error, "write to a temporary file", self._advice) from error
        place = self._end, len(data)
        self._end += len(data)
        return place

    def read(self, place: Place) -> bytes:
        start, length = place
        try:
            self._file.seek(start)
            data = self._file.read(length)
            while len(data) < length:
                more = self._file.read(length - len(data))
                if not more:
                    raise OperationalError("could not read from a temporary file: it is shorter than it was")
                data += more
        except OSError as error:
            raise disk_error(error, "read from a temporary file", self._advice) from error
        return data

    def close(self) -> None:
        self._file.close()


__all__ = ["Place", "ScratchFile"]
