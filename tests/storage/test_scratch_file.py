"""A scratch file gives its pieces back, also from a disk that takes or gives less than it was asked for."""

from __future__ import annotations

import errno
import tempfile
from typing import Any

import pytest

from minidb.errors import DiskFull, OperationalError
from minidb.storage.scratch_file import ScratchFile

PIECES = [b"one", b"", b"two" * 1000, b"\0three"]


class Slow:
    """A file that takes and gives at most seven bytes in one call, and takes `room` in all."""

    def __init__(self, file: Any, room: int) -> None:
        self.file = file
        self.room = room
        self.seek, self.close = file.seek, file.close

    def write(self, data: Any) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken: int = self.file.write(data[: min(7, self.room)])
        self.room -= taken
        return taken

    def read(self, length: int) -> Any:
        return self.file.read(min(7, length))


def slow(monkeypatch: pytest.MonkeyPatch, room: int) -> ScratchFile:
    original = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **options: Slow(original(**options), room))
    return ScratchFile("Wait.")


def test_pieces_come_back_in_any_order() -> None:
    file = ScratchFile()
    places = [file.append(piece) for piece in PIECES]
    assert [file.read(place) for place in reversed(places)] == PIECES[::-1]
    late = file.append(b"late")  # reading has not moved the end
    assert [file.read(place) for place in (*places, late)] == [*PIECES, b"late"]
    file.close()


def test_a_disk_that_does_less_than_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    file = slow(monkeypatch, 1 << 20)
    places = [file.append(piece) for piece in PIECES]
    assert [file.read(place) for place in places] == PIECES
    file.close()


def test_a_full_disk_leaves_what_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    file = slow(monkeypatch, 20)
    place = file.append(b"first")
    with pytest.raises(DiskFull, match="could not write to a temporary file") as caught:
        file.append(b"x" * 100)
    assert caught.value.sqlstate == "53100" and caught.value.hint == "Wait."
    assert file.read(place) == b"first"
    file.close()


def test_a_file_that_somebody_else_cut_off() -> None:
    file = ScratchFile()
    place = file.append(b"whole")
    file._file.truncate(3)
    with pytest.raises(OperationalError, match="shorter than it was"):
        file.read(place)
    file.close()


def test_no_place_for_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")
    with pytest.raises(OperationalError, match="could not create a temporary file") as caught:
        ScratchFile()
    assert caught.value.sqlstate == "58030" and "TMPDIR" in str(caught.value.hint)
