"""Numbers of rows: LIMIT, OFFSET, and how far a window frame reaches. They are computed once, before there is a row."""

from __future__ import annotations

from collections.abc import Iterator

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.scope import Scope
from minidb.types import BIGINT, can_coerce


def row_count(expression: plan.Expression, clause: str, at: int, scope: Scope) -> plan.Expression:
    """`expression` as a number of rows. Raises 42804."""
    if not can_coerce(expression.type, BIGINT, "assignment"):
        raise errors.DatatypeMismatch(
            f"argument of {clause} must be type bigint, not type {expression.type}", position=at
        )
    return coercion.coerce(expression, BIGINT, at, scope.workspace, "assignment")


def refuse_columns(node: ast.Expression, clause: str, scope: Scope) -> None:
    """Raises 42P10 if `node` mentions a column of the scope's own tables."""
    for reference in _columns(node):
        if scope.has_column(reference):
            raise errors.InvalidColumnReference(
                f"argument of {clause} must not contain variables", position=reference.at
            )


def _columns(node: ast.Node) -> Iterator[ast.ColumnRef]:
    """The columns that are mentioned, but for those in subqueries."""
    if isinstance(node, ast.ColumnRef):
        yield node
    elif not isinstance(node, ast.Query):
        for child in ast.children(node):
            yield from _columns(child)
