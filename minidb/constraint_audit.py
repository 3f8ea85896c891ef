"""Constraints against rows: what a statement that had never been checked could have left behind.

Each constraint becomes one query that finds a row which breaks it, asked of the database itself. `minidb check` runs
them after the pages, trees and indexes were found in order; so does salvage, whose rows nobody has checked.

    NOT NULL      a row with a null there
    CHECK         a row for which the condition is false
    UNIQUE        a key that occurs twice, among the rows of a partial index
    FOREIGN KEY   a row whose parent is missing

Constraints that are NOT VALID are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from minidb.schema import Catalog, ForeignKey, Index, Table
from minidb.sql.printing.base import name as quoted


class Question(msgspec.Struct, frozen=True):
    """A query whose rows break a constraint, and the constraint in words."""

    title: str
    query: str


def questions(catalog: Catalog) -> Iterator[Question]:
    parents = {table.id: table for table in catalog.tables.values()}
    for table in catalog.tables.values():
        if not table.temporary:
            yield from questions_of(table, parents)


def questions_of(table: Table, parents: dict[int, Table]) -> Iterator[Question]:
    name = quoted(table.name)
    for column in table.live_columns:
        if column.not_null:
            yield Question(f'NOT NULL of "{column.name}" of table "{table.name}"',
                           f"SELECT * FROM {name} WHERE {quoted(column.name)} IS NULL LIMIT 1")
    for check in table.checks:
        if check.validated:
            yield Question(f'check constraint "{check.name}" of table "{table.name}"',
                           f"SELECT * FROM {name} WHERE NOT ({check.expression}) LIMIT 1")
    for index in table.indexes:
        if index.unique:
            yield Question(f'unique index "{index.name}" of table "{table.name}"', duplicates(table, index))
    for key in table.foreign_keys:
        if key.validated and key.parent in parents:
            yield Question(f'foreign key "{key.name}" of table "{table.name}"',
                           orphans(table, key, parents[key.parent]))


def duplicates(table: Table, index: Index) -> str:
    """Finds a key that occurs twice. A null is equal to another one only if the index says so."""
    keys = [quoted(table.columns[key.position].name) if key.position is not None else f"({key.expression})"
            for key in index.keys]
    conditions = [f"({index.where})"] if index.where else []
    if not index.nulls_not_distinct:
        conditions += [f"{key} IS NOT NULL" for key in keys]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    listed = ", ".join(keys)
    return f"SELECT {listed} FROM {quoted(table.name)}{where} GROUP BY {listed} HAVING count(*) > 1 LIMIT 1"


def orphans(table: Table, key: ForeignKey, parent: Table) -> str:
    columns = [quoted(table.columns[position].name) for position in key.columns]
    theirs = [quoted(parent.columns[position].name) for position in key.parent_columns]
    there = " AND ".join(f"c.{column} IS NOT NULL" for column in columns)
    equal = " AND ".join(f"p.{their} = c.{column}" for their, column in zip(theirs, columns))
    return (f"SELECT c.* FROM {quoted(table.name)} c WHERE {there} AND NOT EXISTS "
            f"(SELECT 1 FROM {quoted(parent.name)} p WHERE {equal}) LIMIT 1")


__all__ = ["Question", "questions", "questions_of"]
