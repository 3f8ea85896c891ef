"""Which table and which view comes before which."""

from __future__ import annotations

from collections.abc import Iterable

from minidb.schema import Catalog, Table, View
from minidb.sql import ast
from minidb.sql.parser import parse, parse_expression


def tables_in_order(catalog: Catalog) -> list[Table]:
    """Parents before children as far as possible; else by age, so that a dump of a copy is the same."""
    waiting = sorted((t for t in catalog.tables.values() if not t.temporary), key=lambda table: table.id)
    placed: set[int] = set()
    ordered: list[Table] = []
    while waiting:
        free = [t for t in waiting if all(key.parent in placed or key.parent == t.id for key in t.foreign_keys)]
        following = free[0] if free else waiting[0]  # a circle: somebody must begin
        waiting.remove(following)
        placed.add(following.id)
        ordered.append(following)
    return ordered


def views_in_order(catalog: Catalog) -> list[View]:
    """A view after the views that its query reads."""
    views = {view.name: view for view in catalog.views.values() if not view.temporary}
    ordered: list[View] = []
    placed: set[str] = set()

    def place(view: View) -> None:
        if view.name in placed:
            return
        placed.add(view.name)
        for name in sorted(relations_of(view.query)):
            if name in views:
                place(views[name])
        ordered.append(view)

    for view in sorted(views.values(), key=lambda view: view.id):
        place(view)
    return ordered


def relations_of(query: str) -> set[str]:
    return {node.name.name for node in every(parse(query)) if isinstance(node, ast.TableRef)}


def columns_of(expression: str) -> set[str]:
    """The names of the columns in an expression of the schema."""
    return {node.parts[-1] for node in every(parse_expression(expression)) if isinstance(node, ast.ColumnRef)}


def every(root: ast.Node) -> Iterable[ast.Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(ast.children(node))
