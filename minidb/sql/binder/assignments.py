"""What INSERT and UPDATE have in common: target columns, `SET`, RETURNING."""

from __future__ import annotations

from collections.abc import Sequence

from minidb import errors, schema
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.expressions import bind_in_clause
from minidb.sql.binder.named_tables import find_relation, find_table
from minidb.sql.binder.rows import default_of
from minidb.sql.binder.scope import Frame, Scope
from minidb.sql.binder.subqueries import bind_subquery, narrowed
from minidb.sql.binder.subscripts import assigned_part
from minidb.sql.binder.targets import bind_targets, settle_items
from minidb.sql.suggest import nearest


def target_table(item: ast.TableRef, scope: Scope) -> schema.Table:
    """The table that a statement changes. Raises 42P01, 42809 for a view."""
    catalog = scope.workspace.view.catalog
    found = find_relation(item.name, catalog)
    if item.name.schema in ("sys", "information_schema") or isinstance(found, schema.View):
        shown = ".".join(item.name.parts)
        raise errors.WrongObjectType(f'cannot change the view "{shown}"', position=item.at)
    if isinstance(found, schema.Sequence):
        raise errors.WrongObjectType(f'cannot change sequence "{found.name}"', position=item.at)
    table = find_table(item.name, catalog)
    if table.materialized:
        raise errors.WrongObjectType(
            f'cannot change materialized view "{table.name}"', position=item.at,
            hint="REFRESH MATERIALIZED VIEW brings it up to date.",
        )
    scope.workspace.use_table(table, "row exclusive")
    return table


def target_column(name: ast.Name, table: schema.Table) -> schema.Column:
    """The column of this name. Raises 42703."""
    column = table.column(name.value)
    if column is None:
        near = nearest(name.value, [c.name for c in table.live_columns])
        raise errors.UndefinedColumn(
            f'column "{name.value}" of relation "{table.name}" does not exist',
            position=name.at,
            hint=f'Perhaps you meant to reference the column "{table.name}.{near}".' if near else None,
        )
    return column


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


def bind_assignments(nodes: Sequence[ast.Assignment], table: schema.Table, scope: Scope) -> tuple[plan.Assignment, ...]:
    """The assignments of SET. Raises 42701 for a column that is assigned twice."""
    found: dict[int, plan.Assignment] = {}
    parts: set[int] = set()  # positions of columns of which elements were assigned
    for node in nodes:
        for name, value, at in _values(node, scope):
            column = target_column(name, table)
            before = found.get(column.position)
            if node.subscripts and (before is None or column.position in parts):
                parts.add(column.position)
                found[column.position] = _part(node, column, table, before, scope)
                continue
            if before is not None:
                raise errors.DuplicateColumn(f'multiple assignments to same column "{column.name}"', position=name.at)
            check_given(column, isinstance(value, ast.DefaultValue), at, "update")
            found[column.position] = plan.Assignment(column.position, _assigned(value, column, table, at, scope))
    return tuple([a for a in found.values() if table.columns[a.position].generated is None])


def _part(
    node: ast.Assignment, column: schema.Column, table: schema.Table, before: plan.Assignment | None, scope: Scope
) -> plan.Assignment:
    """SET a[1] = x: the column's value with one place replaced; a second one builds on the first."""
    check_given(column, isinstance(node.value, ast.DefaultValue), node.value.at, "update")
    if isinstance(node.value, ast.DefaultValue):
        raise errors.SyntaxError("cannot set an array element to DEFAULT", position=node.value.at)
    if before is None:
        source = next(source for source in scope.frame.sources if source.table is table)
        old = next(c.expression for c in source.columns if c.name == column.name)
    else:
        old = before.expression
    value = bind_in_clause(node.value, scope, "UPDATE")
    return plan.Assignment(column.position, assigned_part(old, node.subscripts, value, node.value.at, scope))


Value = ast.Expression | plan.Expression


def _values(node: ast.Assignment, scope: Scope) -> list[tuple[ast.Name, Value, int]]:
    if not node.multiple:
        return [(node.columns[0], node.value, node.value.at)]
    if isinstance(node.value, ast.Subquery):
        return _from_subquery(node, node.value, scope)
    items = node.value.items if isinstance(node.value, ast.Row) else (node.value,)
    _check_count(len(node.columns), len(items), node.at)
    return [(name, item, item.at) for name, item in zip(node.columns, items)]


def _from_subquery(node: ast.Assignment, value: ast.Subquery, scope: Scope) -> list[tuple[ast.Name, Value, int]]:
    """`(a, b) = (SELECT x, y ...)`: one scalar subquery for each column, bound again because relations are unique."""
    found: list[tuple[ast.Name, Value, int]] = []
    for place, name in enumerate(node.columns):
        query = bind_subquery(value.query, scope)
        _check_count(len(node.columns), len(query.outputs), node.at)
        found.append((name, narrowed(query, place), value.at))
    return found


def _check_count(columns: int, values: int, at: int) -> None:
    if columns != values:
        raise errors.SyntaxError("number of columns does not match number of values", position=at)


def _assigned(value: Value, column: schema.Column, table: schema.Table, at: int, scope: Scope) -> plan.Expression:
    if isinstance(value, ast.DefaultValue):
        return default_of(table, column, scope.workspace)
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
