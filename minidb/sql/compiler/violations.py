"""The errors of a row that breaks its table's own rules, with PostgreSQL's texts."""

from __future__ import annotations

from typing import NoReturn

from minidb import errors, schema
from minidb.keys import Row
from minidb.types import to_text

_SHOWN = 64  # characters of a value that a message shows


def failing_row(table: schema.Table, row: Row) -> str:
    shown = []
    for column in table.live_columns:
        value = row[column.position]
        text = "null" if value is None else to_text(column.type, value)
        shown.append(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
    return f"Failing row contains ({', '.join(shown)})."


def null_violation(table: schema.Table, position: int, row: Row) -> NoReturn:
    name = table.columns[position].name
    raise errors.NotNullViolation(
        f'null value in column "{name}" of relation "{table.name}" violates not-null constraint',
        detail=failing_row(table, row),
        table=table.name,
    )


def check_violation(table: schema.Table, name: str, row: Row) -> NoReturn:
    raise errors.CheckViolation(
        f'new row for relation "{table.name}" violates check constraint "{name}"',
        detail=failing_row(table, row),
        constraint=name,
        table=table.name,
    )


def second_conflict() -> NoReturn:
    raise errors.CardinalityViolation(
        "ON CONFLICT DO UPDATE command cannot affect row a second time",
        hint="Ensure that no rows proposed for insertion within the same command have duplicate constrained values.",
    )


def second_merge() -> NoReturn:
    raise errors.CardinalityViolation(
        "MERGE command cannot affect row a second time",
        hint="Ensure that not more than one source row matches any one target row.",
    )
