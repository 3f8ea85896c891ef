"""Truth values of databases that have none: MySQL, SQLite and SQL Server take numbers.

TRUE is 1 and FALSE is 0; where a condition stands, what is a number is compared with 0. Columns that are booleans here
are left as they are. A comparison gives a boolean here, which Python counts as 1 or 0.
"""

from __future__ import annotations

from sqlglot import exp

from minidb.sql.dialects.names import Names

NUMERIC = ("mysql", "sqlite", "tsql")
_NUMBERS = (exp.Column, exp.Literal, exp.Placeholder, exp.Binary, exp.Neg, exp.Func, exp.Paren, exp.Subquery)
_PREDICATES = (exp.Predicate, exp.Connector, exp.Not, exp.Exists, exp.Boolean, exp.Any, exp.RegexpLike, exp.If)


def make_conditions(tree: exp.Expr, names: Names) -> None:
    if names.dialect not in NUMERIC:
        return
    tables = {table.alias_or_name: table.name for table in tree.find_all(exp.Table)}
    for node in list(tree.walk()):
        for place in _conditions(node):
            _compare(place, names, tables)
    for boolean in list(tree.find_all(exp.Boolean)):
        if not _stands_as_condition(boolean) and not _beside_boolean(boolean, names, tables):
            boolean.replace(exp.Literal.number(int(boolean.this)))


def _conditions(node: exp.Expr) -> list[exp.Expr]:
    """The parts of a node that are conditions."""
    found: list[exp.Expr | None] = []
    if isinstance(node, exp.Where | exp.Having | exp.Not):
        found = [node.this]
    elif isinstance(node, exp.And | exp.Or | exp.Xor):
        found = [node.this, node.expression]
    elif isinstance(node, exp.Join):
        found = [node.args.get("on")]
    elif isinstance(node, exp.If):
        found = [node.this] if not _of_simple_case(node) else []
    return [part for part in found if part is not None]


def _of_simple_case(node: exp.If) -> bool:
    return isinstance(node.parent, exp.Case) and node.parent.this is not None


def _stands_as_condition(node: exp.Expr) -> bool:
    parent = node.parent
    if isinstance(parent, exp.Paren):
        return _stands_as_condition(parent)
    return parent is not None and any(part is node for part in _conditions(parent))


def _beside_boolean(node: exp.Expr, names: Names, tables: dict[str, str]) -> bool:
    parent = node.parent
    if isinstance(parent, exp.Is):
        return True
    return isinstance(parent, exp.Binary) and any(
        isinstance(side, exp.Column) and names.is_boolean(side, tables) for side in (parent.this, parent.expression)
    )


def _compare(node: exp.Expr, names: Names, tables: dict[str, str]) -> None:
    inner = node.unnest()
    if isinstance(inner, _PREDICATES) or not isinstance(inner, _NUMBERS):
        return
    if isinstance(inner, exp.Column) and names.is_boolean(inner, tables):
        return
    if isinstance(inner, exp.Literal) and not inner.is_string:
        node.replace(exp.Boolean(this=float(inner.this) != 0))
    else:
        node.replace(exp.NEQ(this=node.copy(), expression=exp.Literal.number(0)))
