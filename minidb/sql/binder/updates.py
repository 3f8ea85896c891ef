"""UPDATE and DELETE: the rows are found by a plan over the target and the tables of FROM or USING."""

from __future__ import annotations

from collections.abc import Sequence

from minidb import errors, schema
from minidb.sql import ast, plan
from minidb.sql.binder.assignments import bind_assignments, bind_returning, target_table
from minidb.sql.binder.common_tables import bind_with
from minidb.sql.binder.expressions import bind_in_clause
from minidb.sql.binder.items import bind_from
from minidb.sql.binder.named_tables import table_columns, table_frame
from minidb.sql.binder.rows import generated_columns, row_checks
from minidb.sql.binder.scope import Frame, Scope, Selection, Source
from minidb.sql.binder.statements import binds_statement


def _level(node: ast.Update | ast.Delete, around: Scope) -> Scope:
    scope = around.root()
    if node.with_ is not None:
        bind_with(node.with_, node, scope)
    return Scope(scope.workspace, scope, selection=Selection(scope.workspace, "FROM"))


def _target(
    item: ast.TableRef, others: Sequence[ast.FromItem], where: ast.Expression | None, level: Scope
) -> tuple[schema.Table, Source, plan.Plan]:
    """The target table, its place among the sources, and the plan that finds its rows."""
    table = target_table(item, level)
    first = table_frame(item, table, level, "row exclusive")
    level.frame = bind_from(others, level, first)
    if isinstance(where, ast.CurrentOf):
        raise errors.NotSupportedError("WHERE CURRENT OF is not supported yet", position=where.at)
    found = level.frame.plan
    if where is not None:
        found = plan.Filter(input=found, predicate=bind_in_clause(where, level, "WHERE", "WHERE"))
    return table, first.sources[0], found


@binds_statement(ast.Update)
def _bind_update(node: ast.Update, around: Scope) -> plan.Plan:
    level = _level(node, around)
    table, source, found = _target(node.table, node.from_items, node.where, level)
    assert source.relation is not None
    new_relation = level.workspace.new_relation(level.selection)
    return plan.Update(
        table=table,
        relation=source.relation,
        input=found,
        assignments=bind_assignments(node.assignments, table, level),
        generated=generated_columns(table, new_relation, level.workspace),
        checks=row_checks(table, new_relation, level.workspace),
        returning=bind_returning(node.returning, _new_row(level.frame, source, table, new_relation), level),
        new_relation=new_relation,
        ctes=tuple(level.ctes),
    )


def _new_row(frame: Frame, old: Source, table: schema.Table, relation: int) -> Frame:
    """The frame of RETURNING: the target's columns are those of the new row."""
    names = [column.name for column in old.columns]
    columns = table_columns(table, relation, old.alias, names)
    count = len(columns)
    new = Source(old.alias, columns, relation, table, old.schema, old.table_name)
    return Frame(frame.plan, (new, *frame.sources[1:]), (*columns, *frame.columns[count:]))


@binds_statement(ast.Delete)
def _bind_delete(node: ast.Delete, around: Scope) -> plan.Plan:
    level = _level(node, around)
    table, source, found = _target(node.table, node.using, node.where, level)
    assert source.relation is not None
    return plan.Delete(
        table=table,
        relation=source.relation,
        input=found,
        returning=bind_returning(node.returning, level.frame, level),
        ctes=tuple(level.ctes),
    )
