"""A whole query: WITH, the body, ORDER BY, LIMIT, FOR UPDATE."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder.common_tables import bind_with
from minidb.sql.binder.ordering import check_lockable, limited, order_by_outputs
from minidb.sql.binder.scope import Scope
from minidb.sql.binder.selects import bind_select
from minidb.sql.binder.set_operations import bind_set_operation
from minidb.sql.binder.statements import binds_statement
from minidb.sql.binder.targets import Item, settle_items
from minidb.sql.binder.values import bind_values
from minidb.types import SqlType


def bind_query(
    query: ast.Query,
    around: Scope,
    *,
    wanted: Sequence[SqlType] | None = None,
    keep_unknown: bool = False,
    hoist: bool = False,
) -> plan.Query:
    """The plan of a query that stands in the scope `around`.

    `wanted`, `keep_unknown`: as for `bind_select`. `hoist`: tables of WITH are left to the query around (for derived
    tables, whose plan becomes part of that query's)."""
    if query.as_of is not None:
        return _as_it_was(query, around, wanted, keep_unknown, hoist)
    scope = around.child() if hoist else around.root()
    if query.with_ is not None:
        bind_with(query.with_, query, scope)
    body, items = _bind_body(query, scope, wanted, keep_unknown)
    outputs = tuple([plan.Output(item.name, item.expression) for item in items])
    return plan.Query(input=body, outputs=outputs, ctes=() if hoist else tuple(scope.ctes))


@binds_statement(ast.Query)
def _query_statement(query: ast.Query, scope: Scope) -> plan.Plan:
    return bind_query(query, scope)


def _as_it_was(
    query: ast.Query, around: Scope, wanted: Sequence[SqlType] | None, keep_unknown: bool, hoist: bool
) -> plan.Query:
    """`AS OF` of a query within another: its tables are read as they were."""
    assert query.as_of is not None
    if query.locking:
        raise errors.NotSupportedError("FOR UPDATE is not allowed with AS OF", position=query.as_of.at)
    with around.workspace.in_the_past(query.as_of):
        now = replace(query, as_of=None)
        return bind_query(now, around, wanted=wanted, keep_unknown=keep_unknown, hoist=hoist)


def _bind_body(
    query: ast.Query, scope: Scope, wanted: Sequence[SqlType] | None, keep_unknown: bool
) -> tuple[plan.Plan, list[Item]]:
    body = query.body
    if isinstance(body, ast.Select):
        return bind_select(body, query, scope, wanted, keep_unknown)
    if isinstance(body, ast.SetOperation):
        check_lockable(query, "UNION/INTERSECT/EXCEPT")
        result, items = bind_set_operation(body, scope, bind_operand)
    elif isinstance(body, ast.Values):
        check_lockable(query, "VALUES")
        result, items = bind_values(body, scope)
    else:
        assert isinstance(body, ast.Query)
        inner = bind_query(body, scope, hoist=True)
        result, items = inner.input, [Item(o.name, o.expression, -1) for o in inner.outputs]
    settle_items(items, scope, wanted)
    return _arranged(query, result, items, scope)


def _arranged(query: ast.Query, result: plan.Plan, items: list[Item], scope: Scope) -> tuple[plan.Plan, list[Item]]:
    """The clauses of a query whose body is not a SELECT."""
    if not (query.order_by or query.limit is not None or query.offset is not None):
        return result, items
    keys = order_by_outputs(query.order_by, items, scope, "UNION/INTERSECT/EXCEPT")
    if keys:
        result = plan.Sort(input=result, keys=keys)
    return limited(query, result, keys, scope.child()), items


def bind_operand(body: ast.QueryBody | ast.Query, around: Scope) -> plan.Query:
    """An operand of a set operation; columns that nothing types stay untyped."""
    query = body if isinstance(body, ast.Query) else ast.Query(at=body.at, body=body)
    return bind_query(query, around, keep_unknown=True)
