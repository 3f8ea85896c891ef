"""The errors of a row that breaks its table's own rules, with PostgreSQL's texts."""

from __future__ import annotations

from typing import NoReturn

from minidb import errors, schema
from minidb.keys import Row
from minidb.row_texts import failing_row


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


def view_violation(table: schema.Table, view: str, row: Row) -> NoReturn:
    raise errors.ProgrammingError(
        f'new row violates check option for view "{view}"', sqlstate="44000", detail=failing_row(table, row)
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
