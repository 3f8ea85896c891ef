"""SQL at another level: only names of levels are exchanged, and only where they are such."""

from __future__ import annotations

import pytest

from minidb.isolation import IsolationLevel
from minidb.lab.levels import SQL_NAMES, at_level


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("BEGIN", "BEGIN"),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE", "BEGIN ISOLATION LEVEL X"),
        ("begin work isolation  level repeatable\n read;", "begin work isolation  level X;"),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE", "BEGIN ISOLATION LEVEL X READ ONLY DEFERRABLE"),
        ("BEGIN READ ONLY, ISOLATION LEVEL SNAPSHOT, DEFERRABLE", "BEGIN READ ONLY, ISOLATION LEVEL X, DEFERRABLE"),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE 2PL", "BEGIN ISOLATION LEVEL X"),
        ("BEGIN ISOLATION LEVEL serializable serial, READ WRITE", "BEGIN ISOLATION LEVEL X, READ WRITE"),
        ("START TRANSACTION ISOLATION LEVEL READ UNCOMMITTED", "START TRANSACTION ISOLATION LEVEL X"),
        ("SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "SET TRANSACTION ISOLATION LEVEL X"),
        (
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SSI, ISOLATION LEVEL SNAPSHOT",
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SSI, ISOLATION LEVEL X",
        ),
        ("SET default_transaction_isolation = 'serializable'", "SET default_transaction_isolation = 'x'"),
        ("SET transaction_isolation TO \"read committed\";", "SET transaction_isolation TO 'x';"),
        ("SET SESSION transaction_isolation TO serializable", "SET SESSION transaction_isolation TO 'x'"),
        (
            "SELECT 1; BEGIN ISOLATION LEVEL SNAPSHOT; SELECT 2; SET TRANSACTION ISOLATION LEVEL SNAPSHOT",
            "SELECT 1; BEGIN ISOLATION LEVEL X; SELECT 2; SET TRANSACTION ISOLATION LEVEL X",
        ),
        ("BEGIN /* ISOLATION LEVEL SNAPSHOT */ ISOLATION /* a /* b */ */ LEVEL -- c\n SNAPSHOT",
         "BEGIN /* ISOLATION LEVEL SNAPSHOT */ ISOLATION /* a /* b */ */ LEVEL -- c\n X"),
    ],
)
def test_names_of_levels_are_exchanged(sql: str, expected: str) -> None:
    assert at_level(sql, "X") == expected


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "-- BEGIN ISOLATION LEVEL SERIALIZABLE",
        "SELECT 'BEGIN ISOLATION LEVEL SERIALIZABLE'",
        "SELECT isolation level, serializable FROM t",
        "UPDATE t SET isolation = 1 WHERE level = 'ISOLATION LEVEL SNAPSHOT'",
        "SET application_name = 'ISOLATION LEVEL SERIALIZABLE'",
        "SET application_name = 'a; BEGIN ISOLATION LEVEL SERIALIZABLE'",
        'SET "x" TO "ISOLATION LEVEL SNAPSHOT"',
        "SHOW transaction_isolation",
        "BEGIN 'unterminated",
        "BEGIN /* unterminated ISOLATION LEVEL SNAPSHOT",
        "BEGIN ISOLATION LEVEL",
        "BEGIN ISOLATION LEVEL chaos",
    ],
)
def test_everything_else_stays(sql: str) -> None:
    assert at_level(sql, "X") == sql


@pytest.mark.parametrize("level", IsolationLevel)
def test_every_level_of_minidb_has_its_name_in_sql(level: IsolationLevel, connection) -> None:  # type: ignore[no-untyped-def]
    connection.autocommit = True
    connection.execute(f"BEGIN ISOLATION LEVEL {SQL_NAMES[level]}")
    assert connection.execute("SHOW TRANSACTION ISOLATION LEVEL").fetchone() == (level.value,)
