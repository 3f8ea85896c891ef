"""Queries that are kept: views, with every `*` written out, so that later columns of the tables do not change them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minidb import errors
from minidb.sql import ast
from minidb.sql.binder.queries import bind_query
from minidb.sql.binder.results import ResultColumn, result_columns
from minidb.sql.binder.scope import Scope, SourceColumn
from minidb.sql.binder.workspace import CatalogView, Workspace


def bind_view(
    query: ast.Query, view: CatalogView, replaced: str | None = None
) -> tuple[ast.Query, tuple[ResultColumn, ...]]:
    """The query as it is to be kept, and its columns. `replaced`: the view whose definition it becomes."""
    parameter = next((n for n in ast.walk(query) if isinstance(n, ast.Parameter | ast.NamedParameter)), None)
    if parameter is not None:
        raise errors.UndefinedParameter("a view cannot have parameters", position=parameter.at)
    workspace = Workspace(view)
    workspace.stars = {}
    if replaced is not None:
        workspace.open_views.append(replaced)
    bound = bind_query(query, Scope(workspace))
    expanded = _expanded(query, workspace.stars)
    assert isinstance(expanded, ast.Query)
    return expanded, result_columns(bound.outputs)


def _expanded(value: Any, stars: Mapping[int, Sequence[SourceColumn]]) -> Any:
    """The tree with the targets that are a star exchanged for the columns that it meant."""
    if isinstance(value, tuple):
        return tuple([part for item in value for part in _targets(item, stars)])
    if not isinstance(value, ast.Node):
        return value
    fields = {name: _expanded(getattr(value, name), stars) for name in value.__struct_fields__}
    return type(value)(**fields)


def _targets(item: Any, stars: Mapping[int, Sequence[SourceColumn]]) -> list[Any]:
    if isinstance(item, ast.Target) and id(item.expression) in stars:
        return [_target(column, item.at) for column in stars[id(item.expression)]]
    return [_expanded(item, stars)]


def _target(column: SourceColumn, at: int) -> ast.Target:
    parts = (column.name,) if column.source is None else (column.source, column.name)
    return ast.Target(at=at, expression=ast.ColumnRef(at=at, parts=parts))
