"""DDL: golden scripts in `ddl/`, each on an empty schema in memory.

A block is a statement and its tag, notices and what it asked of the door, or the error. Other commands: `\\d` prints
the schema, `\\d t` one table; `\\insert t (1, 'x'), (2, None)` puts rows into a table, `\\rows t` shows them.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from golden_script import check_script
from schema_door import Schema, describe

from minidb import errors, schema

HERE = Path(__file__).parent / "ddl"


@pytest.mark.parametrize("path", sorted(HERE.glob("*.golden")), ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    database = Schema()
    check_script(path, lambda command: _run(command, database))


def _run(command: str, database: Schema) -> str:
    if command.startswith("\\"):
        return _command(*command[1:].split(None, 2), database=database)
    database.take_log()
    try:
        result = database.execute(command)
    except errors.Error as error:
        return f"{type(error).__name__} {error.sqlstate}: {error}"
    lines = [result.tag, *[f"NOTICE: {notice}" for notice in result.notices]]
    log = [line for line in database.take_log() if not line.startswith("lock name")]
    return "\n".join(lines + [f"  {line}" for line in log])


def _command(name: str, table: str = "", rows: str = "", *, database: Schema) -> str:
    if name == "insert":
        database.insert(table, *ast.literal_eval(f"[{rows}]"))
        return ""
    if name == "rows":
        return "\n".join(map(str, database.rows(table)))
    assert name == "d"
    catalog = database.door.catalog
    if table:
        return describe(schema.Catalog(tables={table: catalog.tables[table], **catalog.tables})).split("\ntable ")[0]
    return describe(catalog)
