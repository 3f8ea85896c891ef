"""What INSERT and UPDATE have in common: target columns, `SET`, RETURNING."""

from __future__ import annotations

from collections.abc import Sequence

from minidb import errors, schema
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.changed_tables import ChangedTable
from minidb.sql.binder.expressions import bind_in_clause, null
from minidb.sql.binder.rows import default_of
from minidb.sql.binder.scope import Frame, Scope
from minidb.sql.binder.subqueries import bind_subquery
from minidb.sql.binder.subscripts import assigned_part
from minidb.sql.binder.targets import bind_targets, settle_items


def check_given(
    column: schema.Column, is_default: bool, at: int, verb: str, overriding: str | None = None
) -> None:
    """Generated columns take DEFAULT only; GENERATED ALWAYS AS IDENTITY, too, unless INSERT says OVERRIDING. Raises
    428C9."""
    always = column.identity == "always" and overriding is None
    if is_default or not (always or column.generated is not None):
        return
    words = f'cannot insert a non-DEFAULT value into column "{column.name}"'
    if verb == "update":
        words = f'column "{column.name}" can only be updated to DEFAULT'
    kind = "a generated column" if column.generated is not None else "an identity column defined as GENERATED ALWAYS"
    raise errors.ProgrammingError(
        words,
        sqlstate="428C9",
        position=at,
        detail=f'Column "{column.name}" is {kind}.',
        hint="Use OVERRIDING SYSTEM VALUE to override." if always and verb == "insert" else None,
    )


# -- SET --------------------------------------------------------------------------------------------------


def bind_assignments(
    nodes: Sequence[ast.Assignment], changed: ChangedTable, scope: Scope
) -> tuple[plan.Assignment, ...]:
    """The assignments of SET. Raises 42601 for a column that is assigned twice."""
    table = changed.table
    found: dict[int, plan.Assignment] = {}
    parts: set[int] = set()  # positions of columns of which elements were assigned
    for node in nodes:
        for name, value, at, row in _values(node, scope):
            column = changed.column(name)
            changed.check_changeable(column, name.at)
            before = found.get(column.position)
            if node.subscripts and (before is None or column.position in parts):
                parts.add(column.position)
                found[column.position] = _part(node, column, changed, before, scope)
                continue
            if before is not None:
                same = table.columns[column.position].name
                raise errors.SyntaxError(f'multiple assignments to same column "{same}"', position=name.at)
            check_given(column, isinstance(value, ast.DefaultValue), at, "update")
            assigned = _assigned(value, column, changed, at, scope)
            found[column.position] = plan.Assignment(column.position, assigned, row)
    return tuple([a for a in found.values() if a.row is not None or table.columns[a.position].generated is None])


def _part(
    node: ast.Assignment, column: schema.Column, changed: ChangedTable, before: plan.Assignment | None, scope: Scope
) -> plan.Assignment:
    """SET a[1] = x: the column's value with one place replaced; a second one builds on the first."""
    check_given(column, isinstance(node.value, ast.DefaultValue), node.value.at, "update")
    if isinstance(node.value, ast.DefaultValue):
        raise errors.SyntaxError("cannot set an array element to DEFAULT", position=node.value.at)
    if before is None:
        old = _old_value(column, changed, scope)
    else:
        old = before.expression
    value = bind_in_clause(node.value, scope, "UPDATE")
    return plan.Assignment(column.position, assigned_part(old, node.subscripts, value, node.value.at, scope))


def _old_value(column: schema.Column, changed: ChangedTable, scope: Scope) -> plan.Expression:
    """The column's value in the row as it was found."""
    bases = scope.workspace.base_tables
    return next(
        found.expression
        for source in scope.frame.sources
        if source.relation is not None and bases.get(source.relation) is changed.table
        for found in source.columns
        if isinstance(found.expression, plan.Column) and found.expression.position == column.position
    )


Value = ast.Expression | plan.Expression


Given = tuple[ast.Name, Value, int, plan.RowSource | None]


def _values(node: ast.Assignment, scope: Scope) -> list[Given]:
    if not node.multiple:
        return [(node.columns[0], node.value, node.value.at, None)]
    if isinstance(node.value, ast.Subquery):
        return _from_subquery(node, node.value, scope)
    items = node.value.items if isinstance(node.value, ast.Row) else (node.value,)
    _check_count(len(node.columns), len(items), node.at)
    return [(name, item, item.at, None) for name, item in zip(node.columns, items)]


def _from_subquery(node: ast.Assignment, value: ast.Subquery, scope: Scope) -> list[Given]:
    """`(a, b) = (SELECT x, y ...)`: the first assignment runs the subquery, each takes a column of its row."""
    query = bind_subquery(value.query, scope)
    _check_count(len(node.columns), len(query.outputs), node.at)
    row = plan.RowSource(scope.workspace.new_relation(), query)
    found: list[Given] = []
    for place, (name, output) in enumerate(zip(node.columns, query.outputs)):
        column = plan.Column(relation=row.relation, position=place, type=output.expression.type, name=output.name)
        found.append((name, column, value.at, row if place == 0 else None))
    return found


def _check_count(columns: int, values: int, at: int) -> None:
    if columns != values:
        raise errors.SyntaxError("number of columns does not match number of values", position=at)


def _assigned(value: Value, column: schema.Column, changed: ChangedTable, at: int, scope: Scope) -> plan.Expression:
    if isinstance(value, ast.DefaultValue):
        if changed.layers and column.default is None:
            return null(column.type)  # the default of the view's column, as in PostgreSQL; INSERT takes the table's
        table = changed.with_defaults
        return default_of(table, table.columns[column.position], scope.workspace)
    bound = value if isinstance(value, plan.Expression) else bind_in_clause(value, scope, "UPDATE")
    return coercion.assign(bound, column.type, column.name, at, scope.workspace)


# -- RETURNING --------------------------------------------------------------------------------------------


def bind_returning(nodes: Sequence[ast.Target], frame: Frame, scope: Scope) -> tuple[plan.Output, ...] | None:
    """The columns of RETURNING; `frame` offers the changed row."""
    if not nodes:
        return None
    level = scope.beside(frame)
    items = bind_targets(nodes, level, "RETURNING")
    settle_items(items, level, None)
    return tuple([plan.Output(item.name, item.expression) for item in items])
