"""What mistakes are answered with, as the user sees it: SQLSTATE and `str(error)` with line, caret, detail and hint.

The texts, states and places are PostgreSQL's; what is added to them (what was expected, what was probably meant, a
place where PostgreSQL has none) stands in further lines. MINIDB_UPDATE_GOLDEN=1 rewrites the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from golden_script import check_script

import minidb
from minidb import errors

HERE = Path(__file__).parent
SETUP = (
    "CREATE TABLE account (id bigint PRIMARY KEY, owner text NOT NULL, branch int, balance numeric(12,2))",
    "CREATE TABLE branch (id int PRIMARY KEY, name varchar(10), opened date, tags int[], doc jsonb)",
    "CREATE VIEW rich AS SELECT id, owner, 100 / balance AS part FROM account",
    "CREATE SEQUENCE counter",
    "INSERT INTO account VALUES (1, 'ann', 1, 0)",
)


def test_golden() -> None:
    with minidb.Database(":memory:") as database:
        connection = database.connect(autocommit=True)
        for statement in SETUP:
            connection.execute(statement)
        check_script(HERE / "error_texts.golden", lambda command: complaint(connection, command))


def complaint(connection: minidb.Connection, command: str) -> str:
    try:
        connection.execute(command)
    except errors.Error as error:
        return f"{error.sqlstate} {error}"
    return "no error"


@pytest.mark.parametrize("again", [False, True], ids=["first", "cached"])
def test_a_literal_that_does_not_fit_has_its_place_and_fails_the_transaction(again: bool) -> None:
    """Also where the statement is known with its literals taken out, and where a parameter does not fit."""
    with minidb.Database(":memory:") as database:
        connection = database.connect(autocommit=True)
        connection.execute("CREATE TABLE t (id int)")
        if again:
            connection.execute("SELECT * FROM t WHERE id = '1'")
            connection.execute("SELECT * FROM t WHERE id = ?", ("1",))
            connection.execute("SELECT * FROM t WHERE id = :id", {"id": "1"})
        wrong: list[tuple[str, Any, int | None]] = [
            ("SELECT * FROM t WHERE id = 'x'", None, 27),
            ("SELECT * FROM t WHERE id = ?", ("x",), None),
            ("SELECT * FROM t WHERE id = :id", {"id": "x"}, None),
        ]
        for sql, parameters, place in wrong:
            connection.execute("BEGIN")
            with pytest.raises(minidb.DataError) as caught:
                connection.execute(sql, *([parameters] if parameters else []))
            assert (caught.value.sqlstate, caught.value.position) == ("22P02", place)
            with pytest.raises(errors.InFailedTransaction):
                connection.execute("SELECT 1")
            connection.execute("ROLLBACK")


def test_a_mapping_is_not_taken_for_a_sequence() -> None:
    """Also where the statement is known by its text alone."""
    with minidb.Database(":memory:") as database:
        connection = database.connect(autocommit=True)
        for _ in range(3):
            assert connection.execute("SELECT ?", ("x",)).fetchall() == [("x",)]
        with pytest.raises(minidb.ProgrammingError) as caught:
            connection.execute("SELECT ?", {"a": 1})
        assert caught.value.sqlstate == "07001"


def test_statements_with_named_parameters_are_compiled_once() -> None:
    with minidb.Database(":memory:") as database:
        connection = database.connect(autocommit=True)
        connection.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
        cache = database._engine.statements
        for number in range(5):
            connection.execute("INSERT INTO t VALUES (:id, :v)", {"v": "x", "id": number})
            connection.execute("SELECT v FROM t WHERE id = :id", {"id": number, "unused": object()})
        before = cache.compilations
        found = connection.execute("SELECT v FROM t WHERE id = :id", {"id": 3, "other": 1}).fetchall()
        assert found == [("x",)] and cache.compilations == before
        with pytest.raises(minidb.ProgrammingError, match=":id"):
            connection.execute("SELECT v FROM t WHERE id = :id", {"other": 3})
        assert connection.execute("SELECT v FROM t WHERE id = :id", {"id": 3.0}).fetchall() == [("x",)]
        assert cache.compilations == before + 1  # another type, another plan
