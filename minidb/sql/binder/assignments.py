"""What INSERT and UPDATE have in common: target columns, `SET`, RETURNING."""

from __future__ import annotations

from collections.abc import Sequence

from minidb import errors, schema
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.expressions import bind_in_clause
from minidb.sql.binder.named_tables import find_table
from minidb.sql.binder.rows import default_of
from minidb.sql.binder.scope import Frame, Scope
from minidb.sql.binder.subqueries import bind_subquery, narrowed
from minidb.sql.binder.targets import bind_targets, settle_items
from minidb.sql.suggest import nearest


def target_table(item: ast.TableRef, scope: Scope) -> schema.Table:
    """The table that a statement changes. Raises 42P01, 42809 for a view."""
    catalog = scope.workspace.view.catalog
    if item.name.schema in ("sys", "information_schema") or (
        item.name.name in catalog.views and item.name.name not in catalog.tables
    ):
        shown = ".".join(item.name.parts)
        raise errors.WrongObjectType(f'cannot change the view "{shown}"', position=item.at)
    table = find_table(item.name, catalog)
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


def check_given(column: schema.Column, is_default: bool, at: int, verb: str) -> None:
    """Generated columns take DEFAULT only. Raises 428C9."""
    if column.generated is not None and not is_default:
        words = f'cannot insert a non-DEFAULT value into column "{column.name}"'
        if verb == "update":
            words = f'column "{column.name}" can only be updated to DEFAULT'
        raise errors.ProgrammingError(
            words, sqlstate="428C9", position=at, detail=f'Column "{column.name}" is a generated column.'
        )


# -- SET --------------------------------------------------------------------------------------------------


def bind_assignments(nodes: Sequence[ast.Assignment], table: schema.Table, scope: Scope) -> tuple[plan.Assignment, ...]:
    """The assignments of SET. Raises 42701 for a column that is assigned twice."""
    found: dict[int, plan.Assignment] = {}
    for node in nodes:
        for name, value, at in _values(node, scope):
            column = target_column(name, table)
            if column.position in found:
                raise errors.DuplicateColumn(f'multiple assignments to same column "{column.name}"', position=name.at)
            check_given(column, isinstance(value, ast.DefaultValue), at, "update")
            found[column.position] = plan.Assignment(column.position, _assigned(value, column, table, at, scope))
    return tuple([a for a in found.values() if table.columns[a.position].generated is None])


Value = ast.Expression | plan.Expression


def _values(node: ast.Assignment, scope: Scope) -> list[tuple[ast.Name, Value, int]]:
    if node.subscripts:
        raise errors.NotSupportedError("assigning to an array element is not supported yet", position=node.at)
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
