"""Issue 2, "Bad input": each gives its own clear error, and nothing that was committed is lost."""

# ruff: noqa: E501  (one case, one line)
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import minidb


def make(path: Path) -> None:
    with minidb.connect(path, autocommit=True, durability="off") as conn:
        conn.execute("CREATE TABLE t (a int PRIMARY KEY, b text)")
        conn.executemany("INSERT INTO t VALUES (?, ?)", [(i, "x" * 100) for i in range(2000)])


@pytest.mark.parametrize("content", [b"x", b"hello world, this is no database\n" * 1000, b"SQLite format 3\0" + bytes(8000),
                                     os.urandom(100_000)])
def test_a_file_that_is_not_a_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "no.mdb"
    path.write_bytes(content)
    with pytest.raises(minidb.NotADatabase) as caught:
        minidb.connect(path)
    assert isinstance(caught.value, minidb.DatabaseError)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == content


def test_an_empty_file_is_a_new_database(tmp_path: Path) -> None:
    path = tmp_path / "new.mdb"
    path.touch()
    try:
        minidb.connect(path).close()
    except minidb.DatabaseError as error:
        assert error.sqlstate


def test_a_directory_and_a_missing_directory(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no" / "such.mdb"):
        with pytest.raises(minidb.OperationalError) as caught:
            minidb.connect(path)
        assert str(path) in str(caught.value)


def test_a_path_of_the_wrong_type() -> None:
    for path in (5, None, b"x.mdb"):
        with pytest.raises((minidb.Error, TypeError)):
            minidb.connect(path)  # type: ignore[arg-type]


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_truncated_file(tmp_path: Path, part: float) -> None:
    path = tmp_path / "t.mdb"
    make(path)
    size = path.stat().st_size
    os.truncate(path, int(size * part))
    with pytest.raises(minidb.DatabaseError) as caught, minidb.connect(path) as conn:
        rows = conn.execute("SELECT * FROM t").fetchall()
        assert len(rows) == 2000
        raise minidb.DatabaseCorrupt("all rows were there")  # the log had them
    assert caught.value.sqlstate in ("XX001", "58030")


def test_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "t.mdb"
    make(path)
    data = bytearray(path.read_bytes())
    for at in range(3 * 8192 + 100, len(data), 8192):
        data[at] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(minidb.DatabaseCorrupt) as caught, minidb.connect(path) as conn:
        conn.execute("SELECT * FROM t").fetchall()
    assert caught.value.sqlstate == "XX001"


def test_a_second_process(tmp_path: Path) -> None:
    path = tmp_path / "t.mdb"
    make(path)
    with minidb.connect(path):
        code = (
            "import minidb, sys\n"
            "try: minidb.connect(sys.argv[1])\n"
            "except minidb.DatabaseInUse as e: print(e.sqlstate, e, isinstance(e, minidb.OperationalError))\n"
        )
        run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
        assert "True" in run.stdout
        assert "process" in run.stdout
        assert run.stderr == ""
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert run.stdout == ""


def test_fork_marks_the_child_dead(tmp_path: Path) -> None:
    path = tmp_path / "t.mdb"
    make(path)
    with minidb.connect(path, autocommit=True) as conn:
        child = os.fork()
        if child == 0:
            try:
                conn.execute("INSERT INTO t VALUES (-1, 'child')")
            except minidb.Error:
                os._exit(7)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        conn.execute("INSERT INTO t VALUES (-2, 'parent')")
    with minidb.connect(path) as conn:
        assert conn.execute("SELECT a FROM t WHERE a < 0").fetchall() == [(-2,)]


@pytest.mark.parametrize("bad", [None, 5, b"SELECT 1", ["SELECT 1"]])
def test_a_statement_that_is_no_text(auto: minidb.Connection, bad: object) -> None:
    with pytest.raises((minidb.Error, TypeError)):
        auto.execute(bad)  # type: ignore[arg-type]
    assert auto.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("sql", ["SELECT \x00", "\ud800", "SELECT \u00a0 1 \u2028", "SELECT \\", "SELECT $", "$$", "'", '"', "\"\"",
                                 "SELECT 1e", "SELECT 0x", "SELECT 1a", "SELECT @", "SELECT `a`", "{", "SELECT ?::", "SELECT ::int",
                                 "SELECT :", "SELECT U&'\\zzzz'", "SELECT E'\\u12'", "SELECT E'\\ud800'", "SELECT E'\\x00'", "--", "/**/"])
def test_garbage(auto: minidb.Connection, sql: str) -> None:
    try:
        auto.execute(sql)
    except minidb.Error as error:
        assert error.sqlstate
        str(error)


def test_errors_of_a_parameter_iterator_come_through(auto: minidb.Connection) -> None:
    auto.execute("CREATE TABLE t (a int)")

    def rows() -> object:
        yield (1,)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        auto.executemany("INSERT INTO t VALUES (?)", rows())  # type: ignore[arg-type]
    assert auto.execute("SELECT count(*) FROM t").fetchone() == (0,)
