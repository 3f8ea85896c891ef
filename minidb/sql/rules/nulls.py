"""Where NULL cannot be: what a predicate that is true says about the columns in it."""

from __future__ import annotations

from minidb.sql import plan
from minidb.sql.rules import walk
from minidb.sql.rules.walk import ColumnKey


def strict_columns(predicate: plan.Expression) -> set[ColumnKey]:
    """Columns that are not NULL where `predicate` is true."""
    if isinstance(predicate, plan.And):
        return {column for term in predicate.arguments for column in strict_columns(term)}
    if isinstance(predicate, plan.Or):
        return set.intersection(*[strict_columns(term) for term in predicate.arguments])
    if isinstance(predicate, plan.IsNull):
        return leaves(predicate.argument) if predicate.negated else set()
    if isinstance(predicate, plan.InList):
        return leaves(predicate.argument)
    if isinstance(predicate, plan.Not):
        inner = predicate.argument
        return leaves(inner) if is_strict(inner) or isinstance(inner, plan.InList) else set()
    return leaves(predicate)


def leaves(expression: plan.Expression) -> set[ColumnKey]:
    """Columns in the strict tree at the top of `expression`."""
    found: set[ColumnKey] = set()
    stack = [expression]
    while stack:
        node = stack.pop()
        if isinstance(node, plan.Column):
            found.add((node.relation, node.position))
        elif isinstance(node, plan.Convert | plan.InList):
            stack.append(node.argument)
        elif is_strict(node):
            stack.extend(node.arguments)  # type: ignore[attr-defined]
    return found


def divides(expression: plan.Expression) -> bool:
    """Whether there may be a division by 0 inside: its error comes even where another operand is NULL."""
    return any(
        isinstance(node, plan.Operator)
        and node.operator.name in ("/", "%")
        and not (isinstance(node.arguments[-1], plan.Constant) and node.arguments[-1].value)
        for node in walk.everything(expression)
    )


def is_strict(node: plan.Expression) -> bool:
    return isinstance(node, plan.Operator) or (isinstance(node, plan.Call) and node.function.strict)
