"""ORDER BY, DISTINCT ON, LIMIT and FOR UPDATE: what is said about a result as a whole."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.expressions import bind, bind_in_clause, refuse_collation
from minidb.sql.binder.ordinals import ordinal_item
from minidb.sql.binder.row_counts import refuse_columns, row_count
from minidb.sql.binder.scope import Scope, Selection, Source
from minidb.sql.binder.sorting import bind_sort_key
from minidb.sql.binder.targets import Item
from minidb.sql.binder.trees import same
from minidb.sql.binder.workspace import Workspace


class Key(msgspec.Struct):
    """A sort key; `item` is the column of the select list that it is, None if it is none."""

    key: plan.SortKey
    item: int | None
    at: int


def bind_order(keys: Sequence[ast.SortKey], items: Sequence[Item], scope: Scope) -> list[Key]:
    """ORDER BY of a SELECT: names of the result come before names of the input."""
    return [_key(key, output_item(key.expression, items, "ORDER BY"), items, scope) for key in keys]


def output_item(node: ast.Expression, items: Sequence[Item], clause: str) -> Item | None:
    """The column of the result that an ordinal or a bare name means. Raises 42702."""
    item = ordinal_item(node, items, clause)
    if item is not None or not isinstance(node, ast.ColumnRef) or len(node.parts) > 1:
        return item
    named = [item for item in items if item.name == node.name]
    if any(not same(named[0].expression, other.expression) for other in named[1:]):
        raise errors.AmbiguousColumn(f'{clause} "{node.name}" is ambiguous', position=node.at)
    return named[0] if named else None


def _key(key: ast.SortKey, item: Item | None, items: Sequence[Item], scope: Scope) -> Key:
    node = key.expression
    expression = item.expression if item is not None else bind_in_clause(node, scope, "ORDER BY")
    bound = bind_sort_key(key, expression, scope)
    return Key(bound, position_of(bound.expression, items), node.at)


def position_of(expression: plan.Expression, items: Sequence[Item]) -> int | None:
    return next((i for i, item in enumerate(items) if same(item.expression, expression)), None)


def bind_distinct_on(nodes: Sequence[ast.Expression], items: Sequence[Item], scope: Scope) -> list[plan.Expression]:
    found: list[plan.Expression] = []
    refuse_collation(nodes, "DISTINCT ON", scope)
    for node in nodes:
        item = output_item(node, items, "SELECT DISTINCT ON")
        expression = item.expression if item is not None else bind_in_clause(node, scope, "DISTINCT ON")
        found.append(coercion.settle(expression, node.at, scope.workspace))
    return found


def check_distinct_on(on: Sequence[plan.Expression], keys: Sequence[Key]) -> None:
    """The first sort keys are the DISTINCT ON expressions, in any order. Raises 42P10."""
    for key in keys[: len(on)]:
        if not any(same(key.key.expression, expression) for expression in on):
            raise errors.InvalidColumnReference(
                "SELECT DISTINCT ON expressions must match initial ORDER BY expressions", position=key.at
            )


def order_by_outputs(
    keys: Sequence[ast.SortKey], items: Sequence[Item], scope: Scope, what: str
) -> tuple[plan.SortKey, ...]:
    """ORDER BY of a set operation: only names and numbers of the result's columns."""
    found = []
    for key in keys:
        item = output_item(key.expression, items, "ORDER BY")
        if item is None:
            if isinstance(key.expression, ast.ColumnRef):
                raise errors.UndefinedColumn(
                    f'column "{key.expression.name}" does not exist', position=key.expression.at
                )
            raise errors.NotSupportedError(
                f"invalid {what} ORDER BY clause",
                position=key.expression.at,
                detail="Only result column names can be used, not expressions or functions.",
                hint="Add the expression/function to every SELECT, or move the UNION into a FROM clause.",
            )
        found.append(bind_sort_key(key, item.expression, scope))
    return tuple(found)


# -- LIMIT ------------------------------------------------------------------------------------------------


def limited(query: ast.Query, input_: plan.Plan, keys: tuple[plan.SortKey, ...], scope: Scope) -> plan.Plan:
    """The plan with LIMIT and OFFSET of the query above it."""
    count, offset = _count(query.limit, "LIMIT", scope), _count(query.offset, "OFFSET", scope)
    if query.with_ties and not keys:
        raise errors.SyntaxError("WITH TIES cannot be specified without ORDER BY clause", position=query.at)
    if query.with_ties and any(clause.wait == "skip locked" for clause in query.locking):
        raise errors.SyntaxError("SKIP LOCKED and WITH TIES options cannot be used together", position=query.at)
    if count is None and offset is None:
        return input_
    return plan.Limit(input=input_, count=count, offset=offset, with_ties=keys if query.with_ties else None)


def _count(node: ast.Expression | None, clause: str, scope: Scope) -> plan.Expression | None:
    """A number of rows; no column of the query itself can be named, for the scope is the one around it."""
    if node is None:
        return None
    outer = Scope(scope.workspace, scope.parent, selection=Selection(scope.workspace, clause))
    refuse_columns(node, clause, scope)
    expression = row_count(bind(node, outer), clause, node.at, scope)
    if isinstance(expression, plan.Constant):
        if expression.value is None:
            return None
        if expression.value < 0:
            state = "2201W" if clause == "LIMIT" else "2201X"
            raise errors.DataError(f"{clause} must not be negative", sqlstate=state, position=node.at)
    return expression


# -- FOR UPDATE -------------------------------------------------------------------------------------------

_STRENGTHS = ("key share", "share", "no key update", "update")
_WAITS = ("wait", "skip locked", "nowait")


def locked(query: ast.Query, input_: plan.Plan, scope: Scope) -> plan.Plan:
    """The plan with the row locks of FOR UPDATE and its kin above it (R37)."""
    if not query.locking:
        return input_
    found: dict[int, plan.LockedRelation] = {}
    for clause in query.locking:
        for source in _locked_sources(clause, scope):
            assert source.relation is not None and source.table is not None
            scope.workspace.use_table(source.table, "row share")
            lock = plan.LockedRelation(source.relation, source.table, clause.strength, clause.wait)
            found[source.relation] = _stronger(found.get(source.relation), lock)
    return plan.LockRows(input=input_, locked=tuple(found.values())) if found else input_


def _stronger(known: plan.LockedRelation | None, lock: plan.LockedRelation) -> plan.LockedRelation:
    if known is None:
        return lock
    strength = max(known.strength, lock.strength, key=_STRENGTHS.index)
    return msgspec.structs.replace(lock, strength=strength, wait=max(known.wait, lock.wait, key=_WAITS.index))


def _locked_sources(clause: ast.Locking, scope: Scope) -> list[Source]:
    words = f"FOR {clause.strength.upper()}"
    if not clause.tables:
        found = [source for source in scope.frame.sources if source.table is not None and source.table.id >= 0]
    else:
        named = [_named_source(name, words, scope) for name in clause.tables]
        found = [source for source in named if source.relation not in scope.workspace.locked_inside]
    for source in found:
        if source.table is not None and source.table.materialized:
            raise errors.WrongObjectType(
                f'cannot lock rows in materialized view "{source.table.name}"', position=clause.at
            )
        if source.null_extended:
            raise errors.NotSupportedError(
                f"{words} cannot be applied to the nullable side of an outer join", position=clause.at
            )
    return found


def _named_source(name: ast.Name, words: str, scope: Scope) -> Source:
    source = next((s for s in scope.frame.sources if s.alias == name.value), None)
    if source is None:
        raise errors.UndefinedTable(
            f'relation "{name.value}" in {words} clause not found in FROM clause', position=name.at
        )
    if source.table is not None and source.table.id < 0:
        raise errors.NotSupportedError(f"{words} cannot be applied to a table as it was", position=name.at)
    if source.table is None and source.relation not in scope.workspace.locked_inside:
        raise errors.NotSupportedError(f"{words} cannot be applied to {name.value}: it is no table", position=name.at)
    return source


def lock_inside(clauses: Sequence[ast.Locking], items: Sequence[ast.FromItem], workspace: Workspace) -> None:
    """FOR UPDATE over a subquery or view locks the rows inside it: its query gets the clause as well."""
    waiting = list(items)
    while waiting:
        item = waiting.pop()
        if isinstance(item, ast.Join):
            waiting += [item.left, item.right]
        elif isinstance(item, ast.TableRef | ast.DerivedTable):
            alias = item.alias or (item.name.name if isinstance(item, ast.TableRef) else None)
            meant = [c for c in clauses if not c.tables or any(name.value == alias for name in c.tables)]
            if meant:
                workspace.locks[id(item)] = tuple([msgspec.structs.replace(c, tables=()) for c in meant])


def with_locks(query: ast.Query, item: ast.FromItem, workspace: Workspace) -> ast.Query:
    """The query of a FROM item with the locks that the query around it asks for."""
    clauses = workspace.locks.get(id(item))
    if clauses is None or not isinstance(query.body, ast.Select | ast.SetOperation):
        return query
    return msgspec.structs.replace(query, locking=(*query.locking, *clauses))


def check_lockable(query: ast.Query, what: str | None) -> None:
    """Rows that were combined cannot be locked. Raises 0A000."""
    if query.locking and what is not None:
        clause = query.locking[0]
        raise errors.NotSupportedError(f"FOR {clause.strength.upper()} is not allowed with {what}", position=clause.at)
