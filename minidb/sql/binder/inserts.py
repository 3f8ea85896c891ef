"""INSERT: where the rows come from, how each becomes a complete row of the table, what happens on conflict."""

from __future__ import annotations

from collections.abc import Sequence

from minidb import errors, schema
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.assignments import bind_returning, check_given
from minidb.sql.binder.changed_tables import ChangedTable, changed_frame, changed_table, view_checks
from minidb.sql.binder.common_tables import bind_with
from minidb.sql.binder.conflicts import bind_on_conflict
from minidb.sql.binder.expressions import bind_in_clause, null
from minidb.sql.binder.queries import bind_query
from minidb.sql.binder.rows import default_of, generated_columns, row_checks
from minidb.sql.binder.scope import Scope, Selection
from minidb.sql.binder.statements import binds_statement
from minidb.sql.binder.values import check_lengths, values_column, values_scope
from minidb.types import SqlType


@binds_statement(ast.Insert)
def _bind_insert(node: ast.Insert, around: Scope) -> plan.Plan:
    scope = around.root()
    workspace = scope.workspace
    if node.with_ is not None:
        bind_with(node.with_, node, scope)
    changed = changed_table(node.table, "insert into", scope)
    table = changed.table
    columns = given_columns(node, changed)
    source = _source(node, columns, changed, scope)
    source_relation = workspace.new_relation()
    level = Scope(workspace, scope, selection=Selection(workspace, "INSERT"))
    relation = workspace.new_relation(level.selection)
    frame = level.frame = changed_frame(changed, node.table, relation, workspace)
    conflict = bind_on_conflict(node.on_conflict, changed, level) if node.on_conflict is not None else None
    return plan.Insert(
        table=table,
        relation=relation,
        source=source,
        source_relation=source_relation,
        row=_row(changed.with_defaults, _stored(columns, node), source, source_relation, scope),
        generated=generated_columns(table, relation, workspace),
        checks=row_checks(table, relation, workspace),
        view_checks=view_checks(changed, node.table, relation, workspace),
        on_conflict=conflict,
        returning=bind_returning(node.returning, frame, level),
        ctes=tuple(scope.ctes),
    )


# -- columns ----------------------------------------------------------------------------------------------


def given_columns(node: ast.Insert | ast.MergeInsert, changed: ChangedTable) -> tuple[schema.Column, ...]:
    """The columns that values are given for. Raises 42703, 42701; 0A000 for columns that a view computes."""
    if not node.columns:
        return changed.columns
    found: dict[str, schema.Column] = {}
    for name in node.columns:
        column = changed.column(name)
        if column.name in found:
            raise errors.DuplicateColumn(f'column "{name.value}" specified more than once', position=name.at)
        found[column.name] = column
    return tuple(found.values())


def check_columns(columns: Sequence[schema.Column], changed: ChangedTable, at: int) -> None:
    """Each of the columns is one of the table, and none is given twice: a view may have it under two names."""
    seen: set[int] = set()
    for column in columns:
        changed.check_changeable(column, at)
        if column.position in seen:
            same = changed.table.columns[column.position].name
            raise errors.SyntaxError(f'multiple assignments to same column "{same}"', position=at)
        seen.add(column.position)


def _check_width(node: ast.Insert, columns: int, values: int, at: int) -> None:
    if values > columns:
        raise errors.SyntaxError("INSERT has more expressions than target columns", position=at)
    if values < columns and node.columns:
        raise errors.SyntaxError("INSERT has more target columns than expressions", position=node.columns[values].at)


def _stored(columns: Sequence[schema.Column], node: ast.Insert) -> tuple[schema.Column | None, ...]:
    """The columns whose given values are stored: OVERRIDING USER VALUE passes over those for identity columns."""
    passed = node.overriding == "user"
    return tuple([None if passed and column.identity is not None else column for column in columns])


def _row(
    table: schema.Table, columns: Sequence[schema.Column | None], source: plan.Query, relation: int, scope: Scope
) -> tuple[plan.Expression, ...]:
    """The complete row: given columns from the source, defaults for the others."""
    given = {}
    for place, (column, output) in enumerate(zip(columns, source.outputs)):
        if column is None:
            continue
        e = output.expression
        given[column.position] = plan.Column(
            relation=relation, position=place, type=e.type, nullable=e.nullable, name=column.name
        )
    return tuple(
        [
            given[c.position] if c.position in given and c.generated is None else default_of(table, c, scope.workspace)
            for c in table.columns
        ]
    )


# -- sources ----------------------------------------------------------------------------------------------


def _source(node: ast.Insert, columns: Sequence[schema.Column], changed: ChangedTable, scope: Scope) -> plan.Query:
    """The rows to insert, each column converted to its target's type."""
    if node.source is None:
        return plan.Query(input=plan.Empty(), outputs=())
    body = node.source.body
    if isinstance(body, ast.Values) and _is_bare(node.source):
        return _values(node, body, columns, changed, scope)
    wanted = [column.type for column in columns]
    query = bind_query(node.source, scope, wanted=wanted)
    _check_width(node, len(columns), len(query.outputs), node.source.at)
    check_columns(columns[: len(query.outputs)], changed, node.source.at)
    for column in columns[: len(query.outputs)]:
        check_given(column, False, node.source.at, "insert", node.overriding)
    outputs = tuple(
        [
            plan.Output(c.name, coercion.assign(o.expression, c.type, c.name, node.source.at, scope.workspace))
            for c, o in zip(columns, query.outputs)
        ]
    )
    return plan.Query(input=query.input, outputs=outputs, ctes=query.ctes)


def _is_bare(query: ast.Query) -> bool:
    return not (query.with_ or query.order_by or query.limit or query.offset or query.locking)


def _values(
    node: ast.Insert, body: ast.Values, columns: Sequence[schema.Column], changed: ChangedTable, around: Scope
) -> plan.Query:
    """VALUES: each expression is converted by itself, DEFAULT stands for the column's."""
    check_lengths(body)
    width = len(body.rows[0])
    _check_width(node, len(columns), width, body.rows[0][min(len(columns), width - 1)].at)
    columns = columns[:width]
    check_columns(columns, changed, node.table.at)
    table = changed.with_defaults
    scope = values_scope(around)
    rows = tuple(
        [tuple([_value(e, c, table, scope, node.overriding) for e, c in zip(row, columns)]) for row in body.rows]
    )
    relation = around.workspace.new_relation()
    types: tuple[SqlType, ...] = tuple([column.type for column in columns])
    outputs = tuple(
        [
            plan.Output(column.name, values_column(relation, place, column.type, tuple([row[place] for row in rows])))
            for place, column in enumerate(columns)
        ]
    )
    return plan.Query(input=plan.Values(relation=relation, rows=rows, types=types), outputs=outputs)


def _value(
    node: ast.Expression, column: schema.Column, table: schema.Table, scope: Scope, overriding: str | None
) -> plan.Expression:
    is_default = isinstance(node, ast.DefaultValue)
    check_given(column, is_default, node.at, "insert", overriding)
    if is_default and overriding == "user" and column.identity is not None:
        return null(column.type)  # the row takes the default by itself: a second one would skip a number
    if is_default:
        return default_of(table, table.columns[column.position], scope.workspace)
    bound = bind_in_clause(node, scope, "VALUES")
    return coercion.assign(bound, column.type, column.name, node.at, scope.workspace)
