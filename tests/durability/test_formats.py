"""Files of each format are in `format1`, `format2`, compressed; a later version must read them or say what to do."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from zlib import crc32

import pytest

from minidb.database import Database
from minidb.errors import NotADatabase
from minidb.storage.meta import FORMAT, META_SIZE, READABLE, SLOT_SIZE


def unpack(name: str, directory: Path, format_: int = FORMAT) -> Path:
    for packed in Path(__file__).with_name(f"format{format_}").glob(f"{name}*.gz"):
        (directory / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    return directory / name


def format_of(path: Path) -> int:
    """The format of the later meta page: a file only goes up."""
    data = path.read_bytes()
    return max(struct.unpack_from("<I", data, slot * SLOT_SIZE + 16)[0] for slot in (0, 1))


@pytest.mark.parametrize("format_", READABLE)
@pytest.mark.parametrize("name", ["closed.mdb", "crashed.mdb"])
def test_golden_files_are_read(tmp_path: Path, name: str, format_: int) -> None:
    path = unpack(name, tmp_path, format_)
    assert format_of(path) == format_
    database = Database(str(path), background=False)
    database.check()
    session = database.session(autocommit=True)
    assert list(session.execute("SELECT count(*), count(v), sum(n), max(note), max(id) FROM p")) == [
        (40, 39, 813, "none", 41)
    ]
    assert list(session.execute("SELECT v, b FROM p WHERE id = 8")) == [("changed", b"\x00\xff")]
    assert list(session.execute("SELECT count(*), sum(n) FROM k")) == [(39, 1626)]
    (number,), = session.execute("INSERT INTO p (v) SELECT v FROM w WHERE id = 9 RETURNING id")
    assert number > 41
    database.close()
    assert format_of(path) == FORMAT


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    path = unpack("closed.mdb", tmp_path)
    data = bytearray(path.read_bytes())
    for slot in (0, 1):
        start = slot * SLOT_SIZE
        struct.pack_into("<I", data, start + 16, FORMAT + 1)
        struct.pack_into("<I", data, start + META_SIZE - 4, crc32(data[start : start + META_SIZE - 4]))
    path.write_bytes(data)
    with pytest.raises(NotADatabase, match=f"format {FORMAT + 1}; this version reads formats 1 to {FORMAT}") as caught:
        Database(str(path), background=False)
    assert caught.value.hint is not None and "minidb dump" in caught.value.hint
    assert path.read_bytes() == data
