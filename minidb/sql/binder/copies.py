"""COPY FROM: an INSERT whose rows come from outside, as the one parameter of the statement.

The rows hold one value, already converted, for each of the columns that are copied; defaults, generated columns, checks
and WHERE are those of an INSERT, and are compiled with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from minidb import errors, schema
from minidb.keys import Row
from minidb.sql import ast, plan
from minidb.sql.binder.changed_tables import named_column
from minidb.sql.binder.expressions import bind_in_clause
from minidb.sql.binder.named_tables import find_table
from minidb.sql.binder.rows import default_of, generated_columns, row_checks
from minidb.sql.binder.scope import Frame, Scope, Selection, Source, SourceColumn
from minidb.sql.binder.statements import binds_statement
from minidb.sql.functions.registry import Function
from minidb.types import RECORD


def _given(rows: Iterable[Row]) -> Iterable[Row]:
    return rows


_ROWS = Function("copy", (RECORD,), RECORD, _given, volatility="volatile", returns_set=True)


class CopiedRows:
    """The parameter of a compiled COPY FROM. `current` is the place of the row that is being worked on."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.current = -1

    def __iter__(self) -> Iterator[Any]:
        single = bool(self.rows) and len(self.rows[0]) == 1
        for self.current, row in enumerate(self.rows):  # noqa: B020 - an attribute, for whoever reports the error
            yield row[0] if single else row


@binds_statement(ast.Copy)
def _bind_copy(node: ast.Copy, around: Scope) -> plan.Plan:
    assert isinstance(node.source, ast.QualifiedName)
    scope = around.root()
    workspace = scope.workspace
    table = copied_table(node.source, workspace.view.catalog, "to")
    workspace.use_table(table, "row exclusive")
    columns = copied_columns(node.columns, table)
    level = Scope(workspace, scope, selection=Selection(workspace, "COPY"))
    relation = workspace.new_relation(level.selection)
    workspace.base_tables[relation] = table
    read, source_relation = workspace.new_relation(level.selection), workspace.new_relation(level.selection)
    types = tuple([column.type for column in columns])
    given = [plan.Column(relation=read, position=p, type=c.type, name=c.name) for p, c in enumerate(columns)]
    rows: plan.Plan = plan.FunctionScan(
        relation=read, function=_ROWS, arguments=(plan.Parameter(type=RECORD, index=0),), types=types
    )
    if node.where is not None:
        by_position = {column.position: value for column, value in zip(columns, given)}
        level.frame = _row_frame(table, by_position, level)
        rows = plan.Filter(input=rows, predicate=bind_in_clause(node.where, level, "COPY FROM WHERE", "WHERE"))
    outputs = tuple([plan.Output(column.name, value) for column, value in zip(columns, given)])
    places = {column.position: place for place, column in enumerate(columns)}
    row = tuple(
        [
            plan.Column(relation=source_relation, position=places[c.position], type=c.type, name=c.name)
            if c.position in places
            else default_of(table, c, workspace)
            for c in table.columns
        ]
    )
    return plan.Insert(
        table=table,
        relation=relation,
        source=plan.Query(input=rows, outputs=outputs),
        source_relation=source_relation,
        row=row,
        generated=generated_columns(table, relation, workspace),
        checks=row_checks(table, relation, workspace),
    )


def _row_frame(table: schema.Table, given: dict[int, plan.Column], scope: Scope) -> Frame:
    """What WHERE sees: the copied values and the defaults of the other columns."""
    columns = tuple(
        [
            SourceColumn(c.name, given[c.position] if c.position in given else default_of(table, c, scope.workspace),
                         table.name)
            for c in table.live_columns
        ]
    )
    return Frame(plan.Empty(), (Source(table.name, columns, table=table),), columns)


def copied_table(name: ast.QualifiedName, catalog: schema.Catalog, direction: str) -> schema.Table:
    """The table of COPY. Raises 42P01, 42809 for a view."""
    if name.name in catalog.views and name.schema in (None, "public"):
        hint = "Try the COPY (SELECT ...) TO variant."
        if direction == "to":
            hint = "INSERT can go through a view; COPY needs the table below it."
        raise errors.WrongObjectType(f'cannot copy {direction} view "{name.name}"', position=name.at, hint=hint)
    table = find_table(name, catalog)
    if table.materialized and direction == "to":
        raise errors.WrongObjectType(f'cannot copy to materialized view "{table.name}"', position=name.at)
    return table


def copied_columns(names: Sequence[ast.Name], table: schema.Table) -> tuple[schema.Column, ...]:
    """The columns that are copied: all but generated ones, or those named. Raises 42703, 42701, 42P10."""
    if not names:
        return tuple([column for column in table.live_columns if column.generated is None])
    found: dict[int, schema.Column] = {}
    for name in names:
        column = named_column(name, table.live_columns, table.name)
        if column.position in found:
            raise errors.DuplicateColumn(f'column "{name.value}" specified more than once', position=name.at)
        if column.generated is not None:
            raise errors.InvalidColumnReference(
                f'column "{column.name}" is a generated column', position=name.at,
                detail="Generated columns cannot be used in COPY.",
            )
        found[column.position] = column
    return tuple(found.values())
