"""What WITH RECURSIVE asks of its queries: the order in which they are bound, and where a query may mention itself.

The step of a recursive query reads the rows that the round before has found, one row at a time as it were: it may name
itself once, in FROM, and neither on a side of an outer join that can be missing, nor in a subquery, nor where its rows
would have to be known as a whole (EXCEPT, aggregates). The texts are PostgreSQL's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from minidb import errors
from minidb.sql import ast
from minidb.sql.functions import is_aggregate

Body = ast.QueryBody | ast.Query
NULLABLE_SIDES = {"left": (False, True), "right": (True, False), "full": (True, True)}


def mentions(statement: ast.Node, name: str) -> list[ast.TableRef]:
    """Where the name may be mentioned in FROM (an inner WITH of the same name is counted, too)."""
    return [node for node in ast.walk(statement) if isinstance(node, ast.TableRef) and node.name.parts == (name,)]


def mentioned_names(statement: ast.Node) -> Iterator[str]:
    """The names in FROM that may be those of WITH, as often as they stand there."""
    tables = (node for node in ast.walk(statement) if isinstance(node, ast.TableRef))
    return (table.name.parts[0] for table in tables if len(table.name.parts) == 1)


# -- the order --------------------------------------------------------------------------------------------


def in_order(tables: Sequence[ast.CommonTable]) -> list[ast.CommonTable]:
    """The tables of WITH RECURSIVE, each behind those that it mentions. Raises 0A000 where they mention each other."""
    rest = {table.name: table for table in tables}
    needed = {table.name: set(mentioned_names(table.statement)) - {table.name} for table in tables}
    known = []
    while rest:
        ready = next((name for name in rest if rest.keys().isdisjoint(needed[name])), None)
        if ready is None:
            raise errors.NotSupportedError(
                "mutual recursion between WITH items is not implemented", position=next(iter(rest.values())).at
            )
        known.append(rest.pop(ready))
    return known


# -- the step ---------------------------------------------------------------------------------------------


def check_step(body: Body, name: str) -> None:
    """Raises 42P19 if the step of a recursive query mentions it where it must not."""
    found = mentions(body, name)
    if len(found) > 1:
        raise _misplaced(name, "more than once", found[1])
    _check_body(body, name)


def _check_body(body: Body, name: str) -> None:
    if isinstance(body, ast.Query):
        _check_body(body.body, name)
    elif isinstance(body, ast.SetOperation):
        if body.operator == "except":
            _forbid(body.right, name, "within EXCEPT")
        _check_body(body.left, name)
        _check_body(body.right, name)
    elif isinstance(body, ast.Select):
        _check_select(body, name)


def _check_select(select: ast.Select, name: str) -> None:
    for part in ast.children(select):
        if not isinstance(part, ast.FromItem):
            _forbid(part, name, "within a subquery")
    for item in select.from_items:
        _check_item(item, name)
    if any(item.name.parts == (name,) for item in _tables(select.from_items)):
        _check_aggregates(select)


def _check_item(item: ast.FromItem, name: str) -> None:
    if isinstance(item, ast.DerivedTable):
        _check_body(item.query, name)
    elif isinstance(item, ast.Join):
        for side, nullable in zip((item.left, item.right), NULLABLE_SIDES.get(item.kind, (False, False))):
            if nullable:
                _forbid(side, name, "within an outer join")
            _check_item(side, name)


def _tables(items: Sequence[ast.FromItem]) -> Iterator[ast.TableRef]:
    """The tables that stand in FROM themselves, not in a subquery."""
    for item in items:
        if isinstance(item, ast.TableRef):
            yield item
        elif isinstance(item, ast.Join):
            yield from _tables((item.left, item.right))


def _check_aggregates(select: ast.Select) -> None:
    stack: list[ast.Node] = [*select.targets, *([select.having] if select.having is not None else [])]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionCall) and node.over is None and is_aggregate(node.name[-1]):
            raise errors.ProgrammingError(
                "aggregate functions are not allowed in a recursive query's recursive term",
                sqlstate="42P19",
                position=node.at,
            )
        if not isinstance(node, ast.Query):
            stack += ast.children(node)


def _forbid(part: ast.Node, name: str, where: str) -> None:
    found = mentions(part, name)
    if found:
        raise _misplaced(name, where, found[0])


def _misplaced(name: str, where: str, place: ast.TableRef) -> errors.ProgrammingError:
    return errors.ProgrammingError(
        f'recursive reference to query "{name}" must not appear {where}', sqlstate="42P19", position=place.at
    )
