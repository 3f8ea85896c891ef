"""VALUES as a query: rows of expressions, each column of one type."""

from __future__ import annotations

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.expressions import bind_in_clause
from minidb.sql.binder.scope import Scope, Selection
from minidb.sql.binder.targets import Item
from minidb.types import SqlType


def values_scope(around: Scope) -> Scope:
    """The scope of the expressions in VALUES: they see what is around, and no aggregate belongs to them."""
    return Scope(around.workspace, around, selection=Selection(around.workspace, "VALUES"))


def check_lengths(node: ast.Values) -> None:
    for row in node.rows:
        if len(row) != len(node.rows[0]):
            raise errors.SyntaxError("VALUES lists must all be the same length", position=row[0].at)


def bind_values(node: ast.Values, around: Scope) -> tuple[plan.Plan, list[Item]]:
    check_lengths(node)
    scope = values_scope(around)
    rows = [[bind_in_clause(e, scope, "VALUES") for e in row] for row in node.rows]
    columns = []
    for place in range(len(node.rows[0])):
        places = [row[place].at for row in node.rows]
        columns.append(coercion.unify([row[place] for row in rows], places, "VALUES", around.workspace))
    types = tuple([kind for kind, _ in columns])
    relation = around.workspace.new_relation(around.selection)
    return plan.Values(relation=relation, rows=tuple(zip(*[c for _, c in columns])), types=types), [
        Item(f"column{place + 1}", values_column(relation, place, kind, expressions), node.rows[0][place].at)
        for place, (kind, expressions) in enumerate(columns)
    ]


def values_column(relation: int, place: int, kind: SqlType, expressions: tuple[plan.Expression, ...]) -> plan.Column:
    nullable = coercion.any_nullable(expressions)
    return plan.Column(relation=relation, position=place, type=kind, nullable=nullable, name=f"column{place + 1}")
