"""UPDATE and DELETE: the rows are found by a plan over the target and the tables of FROM or USING."""

from __future__ import annotations

from collections.abc import Sequence

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder.assignments import bind_assignments, bind_returning
from minidb.sql.binder.changed_tables import ChangedTable, changed_frame, changed_table, view_checks
from minidb.sql.binder.common_tables import bind_with
from minidb.sql.binder.expressions import bind_in_clause
from minidb.sql.binder.items import bind_from
from minidb.sql.binder.rows import generated_columns, row_checks
from minidb.sql.binder.scope import Frame, Scope, Selection
from minidb.sql.binder.statements import binds_statement


def _level(node: ast.Update | ast.Delete, around: Scope) -> Scope:
    scope = around.root()
    if node.with_ is not None:
        bind_with(node.with_, node, scope)
    return Scope(scope.workspace, scope, selection=Selection(scope.workspace, "FROM"))


def _target(
    node: ast.Update | ast.Delete, others: Sequence[ast.FromItem], verb: str, level: Scope
) -> tuple[ChangedTable, int, plan.Plan]:
    """The target, its relation number, and the plan that finds its rows."""
    changed = changed_table(node.table, verb, level)
    relation = level.workspace.new_relation(level.selection)
    level.frame = bind_from(others, level, changed_frame(changed, node.table, relation, level.workspace))
    if isinstance(node.where, ast.CurrentOf):
        raise errors.NotSupportedError("WHERE CURRENT OF is not supported yet", position=node.where.at)
    found = level.frame.plan
    if node.where is not None:
        found = plan.Filter(input=found, predicate=bind_in_clause(node.where, level, "WHERE", "WHERE"))
    return changed, relation, found


@binds_statement(ast.Update)
def _bind_update(node: ast.Update, around: Scope) -> plan.Plan:
    level = _level(node, around)
    workspace = level.workspace
    changed, relation, found = _target(node, node.from_items, "update", level)
    new_relation = workspace.new_relation(level.selection)
    row = _new_row(level.frame, changed, node.table, new_relation, level)
    return plan.Update(
        table=changed.table,
        relation=relation,
        input=found,
        assignments=bind_assignments(node.assignments, changed, level),
        generated=generated_columns(changed.table, new_relation, workspace),
        checks=row_checks(changed.table, new_relation, workspace),
        view_checks=view_checks(changed, node.table, new_relation, workspace),
        returning=bind_returning(node.returning, row, level),
        new_relation=new_relation,
        ctes=tuple(level.ctes),
    )


def _new_row(frame: Frame, changed: ChangedTable, item: ast.TableRef, relation: int, level: Scope) -> Frame:
    """The frame of RETURNING: the target's columns are those of the new row."""
    new = changed_frame(changed, item, relation, level.workspace)
    return Frame(frame.plan, new.sources + frame.sources[1:], new.columns + frame.columns[len(new.columns) :])


@binds_statement(ast.Delete)
def _bind_delete(node: ast.Delete, around: Scope) -> plan.Plan:
    level = _level(node, around)
    changed, relation, found = _target(node, node.using, "delete from", level)
    return plan.Delete(
        table=changed.table,
        relation=relation,
        input=found,
        returning=bind_returning(node.returning, level.frame, level),
        ctes=tuple(level.ctes),
    )
