"""What values of each type are in SQL, as golden scripts: json, arrays, time zones. Rows look as in psql."""

from __future__ import annotations

from pathlib import Path

import pytest
from golden_script import check_script

import minidb
from minidb.zoned import text_of

SCRIPTS = sorted((Path(__file__).parent / "types").glob("*.golden"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    with minidb.connect(":memory:", autocommit=True) as connection:
        check_script(path, lambda command: shown(connection, command))


def shown(connection: minidb.Connection, command: str) -> str:
    try:
        cursor = connection.execute(command)
    except minidb.Error as error:
        parts = [f"{error.sqlstate}: {error.message}", error.detail and f"DETAIL: {error.detail}"]
        return "\n".join([part for part in parts if part])
    columns = cursor._result.columns if cursor._result is not None else None
    if columns is None:
        return ""
    rows = cursor.fetchall()
    zone = connection.session.settings["timezone"]
    lines = [
        " | ".join(["NULL" if v is None else text_of(kind, v, zone) for v, (_, kind) in zip(row, columns)])
        for row in rows
    ]
    return "\n".join(lines) if lines else "(no rows)"
