"""Files made by the present format are in `format1`, compressed; a later version must read them or say what to do."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from zlib import crc32

import pytest

from minidb.database import Database
from minidb.errors import NotADatabase
from minidb.storage.meta import FORMAT, META_SIZE, SLOT_SIZE

GOLDEN = Path(__file__).with_name("format1")


def unpack(name: str, directory: Path) -> Path:
    for packed in GOLDEN.glob(f"{name}*.gz"):
        (directory / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    return directory / name


@pytest.mark.parametrize("name", ["closed.mdb", "crashed.mdb"])
def test_golden_files_are_read(tmp_path: Path, name: str) -> None:
    database = Database(str(unpack(name, tmp_path)), background=False)
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


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    path = unpack("closed.mdb", tmp_path)
    data = bytearray(path.read_bytes())
    for slot in (0, 1):
        start = slot * SLOT_SIZE
        struct.pack_into("<I", data, start + 16, FORMAT + 1)
        struct.pack_into("<I", data, start + META_SIZE - 4, crc32(data[start : start + META_SIZE - 4]))
    path.write_bytes(data)
    with pytest.raises(NotADatabase, match=f"format {FORMAT + 1}; this version reads format {FORMAT}") as caught:
        Database(str(path), background=False)
    assert caught.value.hint is not None and "minidb dump" in caught.value.hint
    assert path.read_bytes() == data
