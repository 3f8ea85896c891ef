"""Statements on a real database, as golden scripts: MERGE, COPY, cursors, materialized views and their like.

Each file begins with an empty database in memory; a block is a statement and its rows, tag or error. A block that
begins with `COPY ... FROM STDIN` has its data behind it, a line for each row; `COPY ... TO STDOUT` prints it.
MINIDB_UPDATE_GOLDEN=1 rewrites them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from golden_script import check_script

import minidb
from minidb import errors

HERE = Path(__file__).parent / "statements"


@pytest.mark.parametrize("path", sorted(HERE.glob("*.golden")), ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    with minidb.Database(":memory:") as database:
        connection = database.connect(autocommit=True)
        check_script(path, lambda command: ran(connection, command))


def ran(connection: minidb.Connection, command: str) -> str:
    cursor = connection.cursor()
    try:
        sql, _, data = command.partition("\n")
        if sql.startswith("COPY") and "STDIN" in sql:
            cursor.copy(sql, data)
        elif sql.startswith("COPY") and "STDOUT" in sql:
            pieces: list[str] = []
            cursor.copy(sql, pieces.append)
            return "".join(pieces) + str(cursor.statusmessage)
        else:
            cursor.execute(command)
    except errors.Error as error:
        return "\n".join(filter(None, [f"ERROR {error.sqlstate} {error.message}", error.detail, error.context]))
    if cursor.description is None:
        return str(cursor.statusmessage)
    return "\n".join([row_text(row) for row in cursor] or ["no rows"])


def row_text(row: tuple[Any, ...]) -> str:
    return " | ".join("NULL" if value is None else str(value) for value in row)
