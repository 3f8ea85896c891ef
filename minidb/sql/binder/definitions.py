"""Queries that are kept: views, with every `*` written out, so that later columns of the tables do not change them.

When a column of a table is renamed, the names that meant it are exchanged, and it keeps its old name as an alias where
it is a column of the query itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder.queries import bind_query
from minidb.sql.binder.results import ResultColumn, result_columns
from minidb.sql.binder.scope import Scope, SourceColumn
from minidb.sql.binder.targets import name_of
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


def rename_in_view(query: ast.Query, view: CatalogView, thing: int, position: int, new: str) -> ast.Query:
    """The query with the names of one column of a table or view exchanged for `new`; `view` still has the old name."""
    workspace = Workspace(view)
    workspace.meanings = {}
    bind_query(query, Scope(workspace))

    def is_meant(node: ast.Node) -> bool:
        meaning = (workspace.meanings or {}).get(id(node))
        if not isinstance(meaning, plan.Column) or meaning.position != position:
            return False
        base = workspace.base_tables.get(meaning.relation)
        return workspace.views.get(meaning.relation) == thing if base is None else base.id == thing

    renamed = _renamed(query, is_meant, new)
    assert isinstance(renamed, ast.Query)
    return renamed


def _renamed(value: Any, is_meant: Callable[[ast.Node], bool], new: str) -> Any:
    if isinstance(value, tuple):
        return tuple([_renamed(item, is_meant, new) for item in value])
    if not isinstance(value, ast.Node):
        return value
    if isinstance(value, ast.ColumnRef):
        return replace(value, parts=(*value.parts[:-1], new)) if is_meant(value) else value
    fields = {name: _renamed(getattr(value, name), is_meant, new) for name in value.__struct_fields__}
    if isinstance(value, ast.Target) and value.alias is None and fields["expression"] != value.expression:
        fields["alias"] = name_of(value.expression)
    return type(value)(**fields)
