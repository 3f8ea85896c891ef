"""Where the data of COPY comes from and goes to: files, or whoever stands at the session (a driver, the shell)."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from minidb import errors

PIECE = 1 << 20  # bytes that are read at once
Progress = Callable[[int, int, int], None]  # rows so far, bytes read so far, bytes in all (0: not known)


class Port:
    """The other end of STDIN or STDOUT.

    source: gives the data of COPY FROM STDIN, as str or bytes, in pieces of any size.
    target: is given the data of COPY TO STDOUT, as str, many lines at a time.
    progress: is told how far a COPY has come, after each block.
    """

    def __init__(self, *, source: Iterable[str | bytes] | None = None, target: Callable[[str], Any] | None = None,
                 progress: Progress | None = None) -> None:
        self.source = source
        self.target = target
        self.progress = progress


class Input:
    """Characters of a source, decoded piece by piece; `done` bytes of `total` have been read."""

    def __init__(self, pieces: Iterable[str | bytes], encoding: str, total: int = 0) -> None:
        self.pieces = pieces
        self.encoding = encoding
        self.done = 0
        self.total = total

    def __iter__(self) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder(self.encoding)()
        first = True
        try:
            for piece in self.pieces:
                self.done += len(piece)
                text = piece if isinstance(piece, str) else decoder.decode(piece)
                if first and text:
                    text, first = text.removeprefix("\ufeff"), False  # some programs begin their files with it
                yield text
            yield decoder.decode(b"", True)
        except UnicodeDecodeError as error:
            wrong = " ".join(f"0x{byte:02x}" for byte in error.object[error.start : error.start + 4])
            raise errors.CharacterNotInRepertoire(
                f'invalid byte sequence for encoding "{self.encoding.upper()}": {wrong}'
            ) from None


@contextmanager
def opened(path: str, mode: str) -> Iterator[IO[bytes]]:
    """A file for COPY. Raises 58P01, 42501 and their kin."""
    try:
        file: IO[bytes] = open(path, mode)  # noqa: SIM115 - closed below
    except OSError as error:
        purpose = "reading" if "r" in mode else "writing"
        raise errors.OperationalError(
            f'could not open file "{path}" for {purpose}: {error.strerror}', sqlstate=_state(error)
        ) from None
    with file:
        yield file


def _state(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "58P01"
    if isinstance(error, PermissionError):
        return "42501"
    return "42809" if isinstance(error, IsADirectoryError) else "58030"


def pieces_of(file: IO[Any]) -> Iterator[Any]:
    while piece := file.read(PIECE):
        yield piece
