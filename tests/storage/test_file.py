"""Files: what every file system promises, what the real one adds, and that the faulty one fails when told to."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidb.storage.faulty import FaultyFileSystem, flip, subsets
from minidb.storage.file import RWF_DSYNC, MemoryFileSystem, OSFileSystem
from minidb.storage.interface import FileSystem


@pytest.fixture(params=["os", "memory", "faulty"])
def fs(request: pytest.FixtureRequest) -> FileSystem:
    return {"os": OSFileSystem, "memory": MemoryFileSystem, "faulty": FaultyFileSystem}[request.param]()


@pytest.fixture
def name(tmp_path: Path) -> str:
    return str(tmp_path / "file")


# -- every file system ------------------------------------------------------------------------------------


def test_reads_what_was_written_and_stops_at_the_end(fs: FileSystem, name: str) -> None:
    file = fs.open(name, create=True)
    file.write(3, b"abc")
    file.write(5, memoryview(b"XY"))
    file.write(1, bytearray(b"_"))
    assert file.read(0, 100) == b"\0_\0abXY"
    assert file.read(3, 2) == b"ab"
    assert file.read(7, 10) == b"" == file.read(100, 1) == file.read(0, 0)
    assert file.size() == 7
    file.sync()
    file.close()


def test_truncate_cuts_and_extends_with_zeros(fs: FileSystem, name: str) -> None:
    file = fs.open(name, create=True)
    file.write(0, b"abcdef")
    file.truncate(2)
    file.truncate(4)
    assert file.read(0, 10) == b"ab\0\0"
    file.close()


def test_open_creates_only_when_told_and_keeps_what_is_there(fs: FileSystem, name: str) -> None:
    with pytest.raises(FileNotFoundError):
        fs.open(name)
    assert not fs.exists(name)
    file = fs.open(name, create=True)
    file.write(0, b"old")
    again = fs.open(name, create=True)
    assert again.read(0, 3) == b"old"
    assert again.identity() == file.identity()
    assert again.path == name
    assert fs.exists(name)
    fs.sync_directory(name)


def test_read_only_and_closed_files_refuse_to_write(fs: FileSystem, name: str) -> None:
    file = fs.open(name, create=True)
    reader = fs.open(name, read_only=True)
    with pytest.raises(OSError) as caught:
        reader.write(0, b"x")
    assert caught.value.errno == errno.EBADF
    file.close()
    file.close()
    for attempt in (lambda: file.write(0, b"x"), lambda: file.read(0, 1), file.sync, file.size):
        with pytest.raises(OSError):
            attempt()


def test_rename_replaces_and_remove_removes(fs: FileSystem, name: str) -> None:
    for path, data in ((name, b"new"), (name + "2", b"old")):
        fs.open(path, create=True).write(0, data)
    fs.rename(name, name + "2")
    assert not fs.exists(name)
    assert fs.open(name + "2").read(0, 9) == b"new"
    fs.remove(name + "2")
    for attempt in (lambda: fs.remove(name), lambda: fs.rename(name, name + "3")):
        with pytest.raises(FileNotFoundError):
            attempt()


def test_R75_a_lock_belongs_to_the_open_file(fs: FileSystem, name: str) -> None:
    first, second, third = (fs.open(name, create=True) for _ in range(3))
    first.lock()
    first.lock()
    with pytest.raises(BlockingIOError):
        second.lock()
    third.close()  # an fcntl lock would be gone now
    with pytest.raises(BlockingIOError):
        second.lock(shared=True)
    first.close()
    second.lock(shared=True)
    fs.open(name).lock(shared=True)
    with pytest.raises(BlockingIOError):
        fs.open(name).lock()


def test_different_files_have_different_identities(fs: FileSystem, name: str) -> None:
    assert fs.open(name, create=True).identity() != fs.open(name + "2", create=True).identity()


# -- the real one -----------------------------------------------------------------------------------------


def test_short_transfers_are_continued(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = OSFileSystem().open(name, create=True)
    pwrite, pread = os.pwrite, os.pread
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: pwrite(fd, bytes(data)[:3], offset))
    monkeypatch.setattr(os, "pread", lambda fd, length, offset: pread(fd, min(length, 2), offset))
    file.write(1, b"0123456789")
    assert file.read(1, 10) == b"0123456789"
    assert file.read(1, 100) == b"0123456789"
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: 0)
    with pytest.raises(OSError):
        file.write(0, b"x")


def test_R75_symlinks_are_resolved(name: str) -> None:
    fs = OSFileSystem()
    file = fs.open(name, create=True)
    os.symlink(name, name + "-link")
    assert fs.resolve(name + "-link") == fs.resolve(name)
    assert fs.open(name + "-link").identity() == file.identity()


def test_what_is_stored_is_read_and_outlives_the_file(fs: FileSystem, name: str) -> None:
    file = fs.open(name, create=True)
    file.write(0, bytes(1000))
    for offset, pieces in ((10, (b"abc", b"de")), (20, (b"f",))):
        data = b"".join(pieces)
        if not file.store(offset, offset + len(data), pieces):  # on a file system that does not write in place
            file.write(offset, data)
    assert file.read(8, 14) == b"\0\0abcde\0\0\0\0\0f\0"
    file.write(1000, b"xyz")
    if file.store(1000, 1003, (b"uvw",)):  # the file has grown since
        assert file.read(999, 9) == b"\0uvw"
    file.truncate(5)
    file.sync()
    file.close()
    with pytest.raises(OSError):
        file.write(0, b"a")
    assert fs.open(name).read(0, 99) == bytes(5)


@given(st.data())
@settings(max_examples=20, deadline=None)
def test_only_ranges_that_exist_are_stored_to(data: st.DataObject) -> None:
    """Beyond the end there is nothing: the process would be ended by the system."""
    with TemporaryDirectory() as folder:
        file = OSFileSystem().open(f"{folder}/log", create=True)
        size = 0
        for _ in range(12):
            action = data.draw(st.sampled_from(["write", "store", "truncate"]))
            offset = data.draw(st.integers(0, 9000))
            if action == "write":
                file.write(offset, b"12345")
                size = max(size, offset + 5)
            elif action == "truncate":
                file.truncate(offset)
                size = offset
            else:
                stored = file.store(offset, offset + 5, (b"67", b"890"))
                assert not stored or offset + 5 <= size
                assert not stored or file.read(offset, 5) == b"67890"
        assert file.size() == size
        file.close()


def test_only_what_writes_in_place_is_mapped(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minidb.storage.mapped.IN_PLACE", frozenset())
    file = OSFileSystem().open(name, create=True)
    file.write(0, bytes(100))
    assert not file.store(0, 1, (b"a",))
    assert file.read(0, 1) == b"\0"
    file.close()


def test_what_is_written_and_synced_is_durable_and_nothing_else_is() -> None:
    fs = FaultyFileSystem()
    file = fs.open("a", create=True)
    fs.sync_directory("a")
    file.write(0, b"before")
    file.write_synced(512, b"now")
    assert [change.data for change in fs.pending()] == [b"before"]
    assert fs.crash().names["a"].data == bytes(512) + b"now"
    fs.fail("sync")
    with pytest.raises(OSError, match="Input/output error"):
        file.write_synced(1024, b"then")
    file.sync()
    assert [change.data for change in fs.pending()] == [b"then"]


@pytest.mark.skipif(not RWF_DSYNC, reason="Linux")
@pytest.mark.parametrize(
    ("in_place", "answer", "calls"),
    [
        (True, 3, ["pwritev"]),
        (True, 2, ["pwritev", "pwrite", "fdatasync"]),
        (True, OSError(errno.EOPNOTSUPP, ""), ["pwritev", "pwrite", "fdatasync", "pwrite", "fdatasync"]),
        (False, 3, ["pwrite", "fdatasync"]),
    ],
)
def test_one_call_syncs_where_that_is_known_to_work(name: str, monkeypatch: pytest.MonkeyPatch, in_place: bool,
                                                    answer: int | OSError, calls: list[str]) -> None:
    def pwritev(descriptor: int, buffers: tuple[bytes], offset: int, flags: int) -> int:
        assert (buffers, offset, flags) == ((b"abc",), 7, RWF_DSYNC)
        seen.append("pwritev")
        if isinstance(answer, OSError):
            raise answer
        return answer

    def noting(call: str) -> Callable[..., Any]:
        real: Callable[..., Any] = getattr(os, call)
        return lambda *arguments: seen.append(call) or real(*arguments)

    seen: list[str] = []
    file = OSFileSystem().open(name, create=True)
    monkeypatch.setattr("minidb.storage.file.writes_in_place", lambda descriptor: in_place)
    monkeypatch.setattr(os, "pwritev", pwritev)
    for call in ("pwrite", "fdatasync"):
        monkeypatch.setattr(os, call, noting(call))
    file.write_synced(7, b"abc")
    if isinstance(answer, OSError):
        file.write_synced(7, b"abc")  # it is not asked again
    assert seen == calls


def test_other_errors_of_a_synced_write_are_raised(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> int:
        raise OSError(errno.EIO, "broken")

    file = OSFileSystem().open(name, create=True)
    monkeypatch.setattr(os, "pwritev", fail)
    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(OSError, match="broken"):
        file.write_synced(0, b"abc")


def test_a_synced_write_is_read_back(fs: FileSystem, name: str) -> None:
    file = fs.open(name, create=True)
    file.write_synced(2, b"abc")
    assert file.read(0, 9) == b"\0\0abc"


def test_only_regular_files_are_opened(tmp_path: Path, name: str) -> None:
    os.mkfifo(name)
    for read_only in (False, True):
        with pytest.raises(OSError):
            OSFileSystem().open(name, read_only=read_only)
        with pytest.raises(IsADirectoryError):
            OSFileSystem().open(str(tmp_path), read_only=read_only)


def test_R76_a_forked_child_closes_without_unlocking(name: str) -> None:
    file = OSFileSystem().open(name, create=True)
    file.lock()
    child = os.fork()
    if child == 0:
        file.close()
        os._exit(0)
    os.waitpid(child, 0)
    with pytest.raises(BlockingIOError):
        OSFileSystem().open(name).lock()


def test_descriptors_are_closed_when_a_process_is_replaced(name: str) -> None:
    file = OSFileSystem().open(name, create=True)
    assert not os.get_inheritable(file._descriptor)


# -- the faulty one ---------------------------------------------------------------------------------------


def contents(fs: MemoryFileSystem) -> dict[str, bytes]:
    return {path: bytes(inode.data) for path, inode in fs.names.items()}


def test_a_crash_loses_any_subset_of_what_was_not_synced() -> None:
    fs = FaultyFileSystem()
    file = fs.open("a", create=True)
    fs.sync_directory("a")
    file.write(0, b"1111")
    file.sync()
    file.write(0, b"22")
    file.write(1, b"33")
    assert contents(fs.crash()) == {"a": b"1111"}
    assert contents(fs.crash(fs.pending())) == {"a": b"2331"}
    assert contents(fs.crash(reversed(fs.pending()))) == {"a": b"2231"}
    found = {contents(fs.crash(kept))["a"] for kept in subsets(fs.pending())}
    assert found == {b"1111", b"2211", b"1331", b"2331"}
    assert contents(fs.crash([fs.pending()[0].torn(1, 2)])) == {"a": b"1211"}
    assert contents(fs.crash(fs.pending(4), step=4)) == {"a": b"1111"}
    assert contents(fs) == {"a": b"2331"}


def test_R77_a_name_is_lost_until_its_directory_is_synced() -> None:
    fs = FaultyFileSystem()
    file = fs.open("d/a", create=True)
    file.write(0, b"x")
    file.sync()
    fs.sync_directory("other/file")
    assert contents(fs.crash()) == {}
    fs.sync_directory("d/anything")
    fs.rename("d/a", "d/b")
    assert contents(fs.crash()) == {"d/a": b"x"}
    assert contents(fs.crash(fs.pending())) == {"d/b": b"x"}
    fs.sync_directory("d/b")
    fs.remove("d/b")
    assert contents(fs.crash()) == {"d/b": b"x"}
    assert contents(fs.crash(fs.pending())) == {}


def test_R5_what_a_failed_sync_dropped_no_later_sync_brings_back() -> None:
    fs = FaultyFileSystem()
    file = fs.open("a", create=True)
    fs.sync_directory("a")
    file.write(0, b"1111")
    fs.fail("sync")
    with pytest.raises(OSError):
        file.sync()
    file.write(2, b"22")
    file.sync()
    assert contents(fs.crash()) == {"a": b"\0\x0022"}
    assert contents(fs.crash(fs.pending())) == {"a": b"1122"}
    assert file.read(0, 4) == b"1122"


def test_faults_strike_the_call_they_were_ordered_for() -> None:
    fs = FaultyFileSystem(seed=1)
    file = fs.open("a", create=True)
    fs.fail("write", 2, times=2, code=errno.ENOSPC, partial=1)
    fs.fail("read", code=0, partial=2)
    file.write(0, b"aaaa")
    for _ in range(2):
        with pytest.raises(OSError) as caught:
            file.write(0, b"bb")
        assert caught.value.errno == errno.ENOSPC
    file.write(2, b"c")
    assert file.read(0, 4) == b"ba"
    assert file.read(0, 4) == b"baca"
    fs.fail("open", path="b")
    fs.open("a")
    with pytest.raises(OSError):
        fs.open("b", create=True)
    fs.fail("write", times=9)
    fs.heal()
    file.write(0, b"d")
    assert fs.counts["write"] == 5


def test_a_write_is_torn_at_the_sectors_of_the_disk() -> None:
    fs = FaultyFileSystem()
    file = fs.open("a", create=True)
    fs.sync_directory("a")
    file.write(500, bytes(range(256)) * 4)
    pieces = fs.pending()[0].sectors()
    assert [(piece.offset, len(piece.data)) for piece in pieces] == [(500, 12), (512, 512), (1024, 500)]
    assert fs.crash(pieces).names["a"].data == fs.names["a"].data
    file.sync()
    after = FaultyFileSystem(fs.crash())
    flip(after, "a", 500 * 8 + 3)
    assert after.open("a").read(500, 2) == b"\x08\x01"
    assert after.pending() == []
