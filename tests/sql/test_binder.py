"""Binding: golden scripts in `binder/`, over the schema in `binder/schema.sql`.

A block is a statement and its bound plan, as `plan_text` prints it, or the error. A first line `$ integer, unknown`
gives the types of parameters; a last line `parameters: ...` shows what they became, `locks: ...` what is locked more
strongly than for reading.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from golden_script import check_script
from plan_text import plan_text
from schema_door import Schema

from minidb import errors
from minidb.sql.binder import Bound
from minidb.types import UNKNOWN, SqlType, type_from_name

HERE = Path(__file__).parent / "binder"


@pytest.fixture(scope="module")
def schema() -> Schema:
    made = Schema()
    for statement in (HERE / "schema.sql").read_text().split(";"):
        if statement.strip():
            made.execute(statement)
    return made


@pytest.mark.parametrize("path", sorted(HERE.glob("*.golden")), ids=lambda path: path.stem)
def test_golden(path: Path, schema: Schema) -> None:
    check_script(path, lambda command: _bound(command, schema))


def _bound(command: str, schema: Schema) -> str:
    types: tuple[SqlType, ...] = ()
    if command.startswith("$ "):
        line, command = command[2:].split("\n", 1)
        types = tuple(UNKNOWN if name == "unknown" else type_from_name(name) for name in line.split(", "))
    try:
        bound = schema.bind(command, types)
    except errors.Error as error:
        return f"{type(error).__name__} {error.sqlstate}: {error}"
    return plan_text(bound.plan) + _facts(bound, schema)


def _facts(bound: Bound, schema: Schema) -> str:
    names = {table.id: table.name for table in schema.door.catalog.tables.values()}
    locks = [f"{names[table]} {mode}" for table, mode in bound.tables if mode != "access share"]
    text = f"\nparameters: {', '.join(map(str, bound.parameters))}" if bound.parameters else ""
    return text + (f"\nlocks: {', '.join(locks)}" if locks else "")
