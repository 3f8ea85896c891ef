"""MERGE: a join of the source with the target, and for each of its rows the first WHEN clause that fits.

    WHEN MATCHED                  source row and target row         inner join
    WHEN NOT MATCHED              source row without a target row   left join: the source is kept
    WHEN NOT MATCHED BY SOURCE    target row without a source row   the target is kept

What is kept decides the kind of the join. Conditions and actions of NOT MATCHED see the source only, those of NOT
MATCHED BY SOURCE the target only. As in PostgreSQL 17, MERGE has RETURNING: the target's columns are those of the new
row, or of the deleted one.
"""

from __future__ import annotations

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.assignments import bind_assignments, bind_returning, check_given
from minidb.sql.binder.changed_tables import ChangedTable, changed_frame, changed_table
from minidb.sql.binder.common_tables import bind_with
from minidb.sql.binder.expressions import bind_in_clause
from minidb.sql.binder.inserts import given_columns
from minidb.sql.binder.items import beside, bind_from, null_extended
from minidb.sql.binder.rows import default_of, generated_columns, row_checks
from minidb.sql.binder.scope import Frame, Scope, Selection
from minidb.sql.binder.statements import binds_statement
from minidb.types import BOOLEAN

_SEEN = plan.Constant(type=BOOLEAN, nullable=False, value=True)


@binds_statement(ast.Merge)
def _bind_merge(node: ast.Merge, around: Scope) -> plan.Plan:
    scope = around.root()
    workspace = scope.workspace
    if node.with_ is not None:
        bind_with(node.with_, node, scope)
    level = Scope(workspace, scope, selection=Selection(workspace, "FROM"))
    changed = changed_table(node.table, "merge", level)
    table = changed.table
    relation = workspace.new_relation(level.selection)
    target = changed_frame(changed, node.table, relation, workspace)
    source = bind_from((node.source,), level)
    _check_alias(target, source, node.source.at)
    kind = _join_kind(node)
    present, kept = _marked(source, level) if kind in ("right", "full") else (None, source.plan)
    both = beside(target, source, target.plan)
    condition = bind_in_clause(node.on, level.beside(both), "JOIN conditions", "JOIN/ON")
    new_relation = workspace.new_relation(level.selection)
    frames = {"matched": both, "not matched": source, "not matched by source": target}
    actions = tuple([_action(clause, changed, level.beside(frames[clause.match])) for clause in node.clauses])
    _check_reachable(node.clauses)
    row = _changed_row(node, target, source, changed, new_relation, level)
    return plan.Merge(
        table=table,
        relation=relation,
        input=plan.Join(kind=kind, left=kept, right=target.plan, condition=condition),
        on=condition,
        present=present,
        actions=actions,
        generated=generated_columns(table, new_relation, workspace),
        checks=row_checks(table, new_relation, workspace),
        returning=bind_returning(node.returning, row, level),
        new_relation=new_relation,
        ctes=tuple(level.ctes),
    )


def _check_alias(target: Frame, source: Frame, at: int) -> None:
    alias = target.sources[0].alias
    if any(other.alias == alias for other in source.sources):
        raise errors.DuplicateAlias(
            f'name "{alias}" specified more than once', position=at,
            detail="The name is used both as MERGE target table and data source.",
        )


def _marked(source: Frame, level: Scope) -> tuple[plan.Expression, plan.Plan]:
    """A column that is true in rows of the source, and the source with it."""
    relation = level.workspace.new_relation(level.selection)
    marked = plan.Project(input=source.plan, relation=relation, expressions=(_SEEN,), names=("present",))
    return plan.Column(relation=relation, position=0, type=BOOLEAN, name="present"), marked


def _join_kind(node: ast.Merge) -> str:
    kinds = {clause.match for clause in node.clauses}
    if "not matched by source" in kinds:
        return "full" if "not matched" in kinds else "right"
    return "left" if "not matched" in kinds else "inner"


def _check_reachable(clauses: tuple[ast.MergeWhen, ...]) -> None:
    """Raises 42601 for a clause behind one of its kind that has no condition."""
    final: set[str] = set()
    for clause in clauses:
        if clause.match in final:
            raise errors.SyntaxError("unreachable WHEN clause specified after unconditional WHEN clause",
                                     position=clause.at)
        if clause.condition is None:
            final.add(clause.match)


def _changed_row(
    node: ast.Merge, target: Frame, source: Frame, changed: ChangedTable, relation: int, level: Scope
) -> Frame:
    """The frame of RETURNING."""
    new = changed_frame(changed, node.table, relation, level.workspace)
    if any(clause.match == "not matched by source" for clause in node.clauses):
        source = null_extended(source)
    return beside(new, source, target.plan)


# -- WHEN -------------------------------------------------------------------------------------------------


def _action(clause: ast.MergeWhen, changed: ChangedTable, level: Scope) -> plan.MergeAction:
    condition = None
    if clause.condition is not None:
        condition = bind_in_clause(clause.condition, level, "MERGE WHEN conditions", "WHEN")
    action = clause.action
    if isinstance(action, ast.MergeNothing):
        return plan.MergeAction(clause.match, condition, "nothing")
    if isinstance(action, ast.MergeDelete):
        return plan.MergeAction(clause.match, condition, "delete")
    if isinstance(action, ast.MergeUpdate):
        assignments = bind_assignments(action.assignments, changed, level)
        return plan.MergeAction(clause.match, condition, "update", assignments)
    return plan.MergeAction(clause.match, condition, "insert", (), _new_row(action, changed, level))


def _new_row(node: ast.MergeInsert, changed: ChangedTable, level: Scope) -> tuple[plan.Expression, ...]:
    """The complete row: given values, defaults for the others."""
    table = changed.table
    given = _given(node, changed, level)
    return tuple(
        [
            given[c.position] if c.position in given and c.generated is None else default_of(table, c, level.workspace)
            for c in table.columns
        ]
    )


def _given(node: ast.MergeInsert, changed: ChangedTable, level: Scope) -> dict[int, plan.Expression]:
    table = changed.table
    columns = given_columns(node, changed)
    found: dict[int, plan.Expression] = {}
    if len(node.values or ()) > len(columns):
        raise errors.SyntaxError("INSERT has more expressions than target columns", position=node.at)
    if node.values is not None and node.columns and len(node.values) < len(columns):
        at = node.columns[len(node.values)].at
        raise errors.SyntaxError("INSERT has more target columns than expressions", position=at)
    for column, value in zip(columns, node.values or ()):
        is_default = isinstance(value, ast.DefaultValue)
        check_given(column, is_default, value.at, "insert", node.overriding)
        if is_default or (node.overriding == "user" and column.identity is not None):
            found[column.position] = default_of(table, column, level.workspace)
        else:
            bound = bind_in_clause(value, level, "VALUES")
            found[column.position] = coercion.assign(bound, column.type, column.name, value.at, level.workspace)
    return found
