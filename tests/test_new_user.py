"""What people try first who come from elsewhere: it works, or the error says what to write instead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import minidb
from minidb import errors
from minidb.cli import main
from minidb.cli.backslash import meant


@pytest.fixture
def connection() -> Iterator[minidb.Connection]:
    made = minidb.connect(":memory:", autocommit=True)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT * FROM abs(-1)", [(1,)]),
        ("SELECT * FROM abs(-1) WITH ORDINALITY", [(1, 1)]),
        ("SELECT x.x FROM upper('a') AS x", [("A",)]),
        ("SELECT count(*) FROM now()", [(1,)]),
        ("SELECT g, u FROM generate_series(1, 2) g, upper(g::text || 'x') u", [(1, "1X"), (2, "2X")]),
    ],
)
def test_a_function_that_returns_one_value_is_a_row_in_from(
    connection: minidb.Connection, sql: str, rows: list[tuple[object, ...]]
) -> None:
    assert connection.execute(sql).fetchall() == rows


def test_create_table_as_values(connection: minidb.Connection) -> None:
    connection.execute("CREATE TABLE q AS VALUES (1, 'x'), (2, NULL)")
    assert connection.execute("TABLE q").fetchall() == [(1, "x"), (2, None)]


@pytest.mark.parametrize(
    ("sql", "sqlstate", "hint"),
    [
        ("SELECT ifnull(NULL, 1)", "42883", "coalesce"),
        ("SELECT group_concat('a')", "42883", "string_agg"),
        ("SELECT typeof(1)", "42883", "pg_typeof"),
        ("SELECT last_insert_rowid()", "42883", "RETURNING"),
        ("SELECT lenth('a')", "42883", '"length"'),
        ("CREATE TABLE t (a datetime)", "42704", "timestamp"),
        ("CREATE TABLE t (a blob)", "42704", "bytea"),
    ],
)
def test_the_hint_says_what_to_write_instead(
    connection: minidb.Connection, sql: str, sqlstate: str, hint: str
) -> None:
    with pytest.raises(errors.Error) as caught:
        connection.execute(sql)
    assert caught.value.sqlstate == sqlstate
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("line", "command"),
    [("help", "\\?"), (" Quit; ", "\\q"), ("exit", "\\q"), (".tables", "\\dt"), ("SELECT 1;", "SELECT 1;")],
)
def test_words_of_other_shells(line: str, command: str) -> None:
    assert meant(line) == command


def test_read_only_makes_no_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--read-only", str(tmp_path / "no.mdb"), "-c", "SELECT 1"]) == 1
    assert "there is no database" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
