"""Files that are no databases, damaged or cut off ones, a second process, a forked child: each its own clear error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

import minidb
from minidb.database import Database
from minidb.errors import DatabaseCorrupt, DatabaseInUse, Error, InterfaceError, NotADatabase, OperationalError

ROWS = 300


def fill(path: Path) -> None:
    with minidb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
        connection.execute("CREATE INDEX t_v ON t (v)")
        connection.execute("INSERT INTO t SELECT g, 'value ' || g FROM generate_series(1, 300) g")


def damage(path: Path, source: Path, position: int, bits: int = 1) -> None:
    """`source` with a byte turned round."""
    data = bytearray(source.read_bytes())
    data[position] ^= bits
    path.write_bytes(data)


def read_everything(path: Path) -> int:
    """Opens, verifies and reads; raises what the database raises."""
    database = Database(str(path), background=False)
    try:
        database.check()
        session = database.session(autocommit=True)
        return len(list(session.execute("SELECT * FROM t ORDER BY v")))
    finally:
        database.close()


FOREIGN = [b"x", b"SQLite format 3\x00" * 400, b"\x00" * 100_000, Random(3).randbytes(9000), b"a" * 4096]


@pytest.mark.parametrize("content", FOREIGN, ids=["short", "sqlite", "zeros", "random", "text"])
def test_not_a_database(path: str, content: bytes) -> None:
    Path(path).write_bytes(content)
    with pytest.raises(NotADatabase) as caught:
        minidb.connect(path)
    assert path in str(caught.value)
    assert Path(path).read_bytes() == content


def test_an_empty_file_becomes_a_database(path: str) -> None:
    Path(path).touch()
    fill(Path(path))
    assert read_everything(Path(path)) == ROWS


def test_a_directory_and_a_missing_directory(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing" / "shop.mdb"):
        with pytest.raises(OperationalError) as caught:
            minidb.connect(str(path))
        assert str(path) in str(caught.value)


def test_every_truncation_is_found(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.mdb", tmp_path / "cut.mdb"
    fill(whole)
    data = whole.read_bytes()
    random = Random(1)
    sizes = {1, 511, 512, 4095, 4096, 8192, len(data) - 1, *(random.randrange(1, len(data)) for _ in range(30))}
    for size in sorted(sizes):
        cut.write_bytes(data[:size])
        outcome(cut)


def test_every_flipped_byte_is_found_or_harmless(tmp_path: Path) -> None:
    """Never a wrong answer, never a raw exception: DatabaseCorrupt, or the byte does not count."""
    whole, bad = tmp_path / "whole.mdb", tmp_path / "bad.mdb"
    fill(whole)
    random = Random(2)
    used = [position for position, byte in enumerate(whole.read_bytes()) if byte]
    found = 0
    for position in random.sample(used, 120):
        damage(bad, whole, position, 1 << random.randrange(8))
        found += outcome(bad)
    assert found > 20


def outcome(path: Path) -> bool:
    """Whether damage was reported; otherwise everything is there."""
    for suffix in ("-wal", "-wal2"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    try:
        assert read_everything(path) == ROWS
    except DatabaseCorrupt as error:
        assert error.sqlstate == "XX001"
        return True
    return False


def test_damage_in_the_log(tmp_path: Path) -> None:
    """Commits that are only in the log: a flipped bit is reported, or lies behind the last commit (R8)."""
    whole, bad = tmp_path / "whole.mdb", tmp_path / "bad.mdb"
    subprocess.run([sys.executable, "-c", CRASHING, str(whole)], check=True)
    log = Path(f"{whole}-wal").read_bytes()
    used = len(log.rstrip(b"\x00"))
    found = 0
    for position in range(0, used, max(used // 80, 1)):
        bad.write_bytes(whole.read_bytes())
        damage(Path(f"{bad}-wal"), Path(f"{whole}-wal"), position)
        try:
            assert read_everything(bad) == ROWS, f"byte {position}: commits were dropped silently"
        except DatabaseCorrupt:
            found += 1
    assert found > 20


CRASHING = """
import os, sys
from minidb.database import Database
database = Database(sys.argv[1], background=False)
session = database.session(autocommit=True)
session.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
for low in range(1, 301, 50):
    session.execute(f"INSERT INTO t SELECT g, 'value ' || g FROM generate_series({low}, {low + 49}) g")
os._exit(0)
"""


def test_a_lost_log_is_reported(tmp_path: Path) -> None:
    """After a crash the log holds commits; without it the database does not open (R19)."""
    path = tmp_path / "shop.mdb"
    subprocess.run([sys.executable, "-c", CRASHING, str(path)], check=True)
    saved = Path(f"{path}-wal").read_bytes()
    Path(f"{path}-wal").unlink()
    with pytest.raises(DatabaseCorrupt):
        read_everything(path)
    Path(f"{path}-wal").write_bytes(saved)
    assert read_everything(path) == ROWS


def test_the_log_of_another_database_is_refused(tmp_path: Path) -> None:
    one, other = tmp_path / "one.mdb", tmp_path / "other.mdb"
    for path in (one, other):
        subprocess.run([sys.executable, "-c", CRASHING, str(path)], check=True)
    Path(f"{one}-wal").write_bytes(Path(f"{other}-wal").read_bytes())
    with pytest.raises(Error):
        read_everything(one)


SECOND = """
import sys, minidb
try:
    minidb.connect(sys.argv[1])
except minidb.DatabaseInUse as error:
    print(error)
    sys.exit(7)
"""


def test_a_second_process_is_refused(path: str) -> None:
    with minidb.Database(path) as database:
        database.connect().execute("SELECT 1")
        second = subprocess.run([sys.executable, "-c", SECOND, path], capture_output=True, text=True)
        assert second.returncode == 7, second.stderr
        assert path in second.stdout
        link = path + ".link"
        os.symlink(path, link)
        assert subprocess.run([sys.executable, "-c", SECOND, link], capture_output=True).returncode == 7
    assert subprocess.run([sys.executable, "-c", SECOND, path]).returncode == 0


def test_two_spellings_share_one_database(path: str, tmp_path: Path) -> None:
    """One open database per device and inode (R75)."""
    os.symlink(path, tmp_path / "link.mdb")
    os.link(write_one(path), tmp_path / "hard.mdb")
    one, two = minidb.connect(path), minidb.connect(str(tmp_path / "link.mdb"))
    three = minidb.connect(str(tmp_path / "hard.mdb"))
    two.execute("INSERT INTO t VALUES (2)")
    two.commit()
    for connection in (one, three):
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (2,)
        connection.rollback()
    for connection in (one, two, three):
        connection.close()


def write_one(path: str) -> str:
    with minidb.connect(path) as connection:
        connection.execute("CREATE TABLE t (id int)")
        connection.execute("INSERT INTO t VALUES (1)")
    return path


def test_a_forked_child_has_no_database(path: str) -> None:
    """It is told so, and the parent and its lock are not disturbed (R76)."""
    write_one(path)
    database = Database.shared(path)
    session = database.session(autocommit=True)
    session.execute("INSERT INTO t VALUES (2)")
    child = os.fork()
    if child == 0:
        os._exit(in_the_child(database, session))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert subprocess.run([sys.executable, "-c", SECOND, path], capture_output=True).returncode == 7
    session.execute("INSERT INTO t VALUES (3)")
    assert len(list(session.execute("SELECT * FROM t"))) == 3
    database.close()


def in_the_child(database: Database, session: object) -> int:
    try:
        session.execute("INSERT INTO t VALUES (9)")  # type: ignore[attr-defined]
    except InterfaceError:
        pass
    else:
        return 1
    try:
        minidb.connect(database.path)
    except DatabaseInUse:
        return 0
    return 2
