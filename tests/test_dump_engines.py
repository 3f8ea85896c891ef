"""Dumps for other databases, loaded there: as many rows, and the same checksums. Skips what is not installed."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import minidb
from minidb.dumping.dump import Dump, Options, consistent
from minidb.lab.engines.servers import MariaDBServer, PostgresServer, program
from tests.dump_content import KINDS, SPECIAL, TABLES, checksum, columns_of, fill

Query = Callable[[str], list[Any]]


@pytest.fixture(params=[False, True], ids=["plain", "special"])
def source(request: pytest.FixtureRequest) -> Iterator[minidb.Connection]:
    """A full database; with NaN and the infinities, or without."""
    with minidb.connect() as connection:
        fill(connection, special=request.param)
        yield connection


def dumped(connection: minidb.Connection, dialect: str) -> tuple[str, list[str]]:
    """The text, and what was left out."""
    other = connection.session.database.session(isolation_level="snapshot")
    with consistent(other):
        dump = Dump(other, Options(dialect=dialect))
        return "".join(dump), dump.left_out


def check(source: minidb.Connection, query: Query, quote: str) -> None:
    for table in TABLES:
        columns = columns_of(source, table)
        names = ", ".join(f"{quote}{name}{quote}" for name, _ in columns)
        ours = source.execute(f"SELECT * FROM {table}").fetchall()
        theirs = query(f"SELECT {names} FROM {quote}{table}{quote}")
        assert len(theirs) == len(ours) and (table != "kinds" or len(ours) in (len(KINDS), len(KINDS + SPECIAL)))
        for place, (name, kind) in enumerate(columns):
            mine, yours = [[row[place]] for row in ours], [[row[place]] for row in theirs]
            assert checksum(yours, [kind]) == checksum(mine, [kind]), (table, name, mine, yours)
        kinds = [kind for _, kind in columns]
        assert checksum(theirs, kinds) == checksum(ours, kinds)
    assert query(f"SELECT n FROM {quote}ground_floor{quote}")[0][0] == 3


def test_sqlite(source: minidb.Connection) -> None:
    text, left_out = dumped(source, "sqlite")
    there = sqlite3.connect(":memory:")
    there.executescript(text)
    check(source, lambda sql: there.execute(sql).fetchall(), '"')
    assert there.execute("PRAGMA foreign_key_check").fetchall() == []
    assert there.execute("INSERT INTO parent (name) VALUES ('next') RETURNING id").fetchone() == (13,)
    assert there.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('part', 'expr', 'inc')").fetchone() == (3,)
    assert "sequence free" in left_out
    there.close()


def test_duckdb(source: minidb.Connection) -> None:
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed")
    from minidb.sql.script import parse_script

    text, left_out = dumped(source, "duckdb")
    there = duckdb.connect()
    for statement, _ in parse_script(text):
        there.execute(statement)
    there.execute("SET timezone = 'UTC'")
    check(source, lambda sql: there.execute(sql).fetchall(), '"')
    assert there.execute("INSERT INTO parent (name) VALUES ('next') RETURNING id").fetchone() == (13,)
    assert "a foreign key" not in left_out and any("circle" in words for words in left_out)
    there.close()


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariaDBServer]:
    if missing := [*MariaDBServer.missing(), *([] if program("mariadb") else ["mariadb"])]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    server = MariaDBServer()
    yield server
    server.close()


def test_mariadb(source: minidb.Connection, mariadb: MariaDBServer, tmp_path: Path) -> None:
    pymysql = pytest.importorskip("pymysql", reason="PyMySQL is not installed")
    client = [str(program("mariadb")), "--no-defaults", "-uroot", f"--socket={mariadb.socket}"]
    there = pymysql.connect(unix_socket=str(mariadb.socket), user="root", charset="utf8mb4")
    with there.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS loaded")
        cursor.execute("CREATE DATABASE loaded")
    file = tmp_path / "dump.sql"
    file.write_text(dumped(source, "mysql")[0], encoding="utf-8", newline="\n")
    with file.open("rb") as text:
        done = subprocess.run([*client, "--default-character-set=utf8mb4", "loaded"], stdin=text, capture_output=True,
                              check=False)
    assert done.returncode == 0, done.stderr.decode()
    there.select_db("loaded")

    def query(sql: str) -> list[Any]:
        with there.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    check(source, query, "`")
    assert query("INSERT INTO parent (name) VALUES ('next') RETURNING id") == [(13,)]
    assert query("SELECT count(*) FROM parent WHERE name = 'ONE' OR name = 'one '") == [(0,)]
    there.close()


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    if missing := [*PostgresServer.missing(), *([] if program("psql") else ["psql"])]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    server = PostgresServer()
    yield server
    server.close()


def test_postgres(source: minidb.Connection, postgres: PostgresServer, tmp_path: Path) -> None:
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    client = [str(program("psql")), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(postgres.directory), "-U", "minidb"]
    with psycopg.connect(postgres.url, autocommit=True) as there:
        there.execute("DROP DATABASE IF EXISTS loaded")
        there.execute("CREATE DATABASE loaded")
    file = tmp_path / "dump.sql"
    text, left_out = dumped(source, "postgres")
    file.write_text(text, encoding="utf-8", newline="\n")
    done = subprocess.run([*client, "loaded", "-f", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and left_out == [], done.stderr
    url = postgres.url.replace("/postgres?", "/loaded?")
    with psycopg.connect(url, options="-c timezone=UTC -c intervalstyle=postgres") as there:
        there.adapters.register_loader("interval", psycopg.types.string.TextLoader)
        there.adapters.register_loader("json", psycopg.types.string.TextLoader)
        there.adapters.register_loader("jsonb", psycopg.types.string.TextLoader)
        check(source, lambda sql: there.execute(sql).fetchall(), '"')
        assert there.execute("INSERT INTO parent (name) VALUES ('next') RETURNING id").fetchone() == (13,)
        assert there.execute("SELECT nextval('free')").fetchone() == (8,)
        assert there.execute("SELECT obj_description('parent'::regclass)").fetchone() == ("the parent's",)
