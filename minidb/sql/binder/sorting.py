"""Sort keys: direction, place of NULLs, and that the type has an order."""

from __future__ import annotations

from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.expressions import in_collation, own_collation
from minidb.sql.binder.scope import Scope
from minidb.sql.binder.workspace import located
from minidb.sql.functions.operators import resolve_operator


def bind_sort_key(key: ast.SortKey, expression: plan.Expression, scope: Scope) -> plan.SortKey:
    """`expression` as a sort key with the key's direction; NULLs come last, with DESC first. Raises 42883."""
    settled = coercion.settle(expression, key.expression.at, scope.workspace)
    check_ordered(settled, key.expression.at)
    collation = own_collation(key.expression, scope)
    if collation is not None:
        settled = in_collation(collation, settled)
    nulls_first = key.descending if key.nulls_first is None else key.nulls_first
    return plan.SortKey(settled, key.descending, nulls_first)


def check_ordered(expression: plan.Expression, at: int) -> None:
    """Values of the type can be compared. Raises 42883."""
    if isinstance(expression, plan.RowValue):
        return
    with located(at):
        resolve_operator("<", expression.type, expression.type)
