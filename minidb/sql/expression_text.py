"""Bound expressions as SQL text, for EXPLAIN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidb.sql import plan
from minidb.sql.printing.base import string
from minidb.sql.rules import walk
from minidb.types import to_text

QUOTED = frozenset({"text", "varchar", "char", "date", "time", "timestamp", "timestamptz", "interval", "uuid", "bytea"})


class Names:
    """What columns are called: found by looking over the plan."""

    def __init__(self, root: Any) -> None:
        self._tables: dict[int, tuple[str, Any]] = {}
        self._values: dict[walk.ColumnKey, Any] = {}
        for node in walk.everything(root):
            if isinstance(node, plan.Scan | plan.VirtualScan):
                columns = node.table.columns if isinstance(node, plan.Scan) else node.columns
                self._tables[node.relation] = node.alias, columns
            elif isinstance(node, plan.Update | plan.Merge):
                self._tables[node.new_relation] = "new", node.table.columns
            elif isinstance(node, plan.Project):
                for place, expression in enumerate(node.expressions):
                    self._values[node.relation, place] = expression
            elif isinstance(node, plan.Aggregate):
                for place, group in enumerate(node.groups):
                    self._values[node.relation, place] = group
                for place, call in enumerate(node.aggregates, len(node.groups)):
                    self._values[node.relation, place] = call

    def column(self, relation: int, position: int, name: str) -> str:
        found = self._tables.get(relation)
        if found is not None:
            alias, columns = found
            return f"{alias}.{columns[position].name}" if alias else str(columns[position].name)
        value = self._values.get((relation, position))
        if isinstance(value, plan.AggregateCall):
            arguments = ", ".join(expression_text(a, self) for a in value.arguments) or "*"
            return f"{value.aggregate.name}({'DISTINCT ' if value.distinct else ''}{arguments})"
        if value is not None:
            return expression_text(value, self)
        return name or f"column{position + 1}"


def expression_text(node: Any, names: Names) -> str:
    writer = _WRITERS.get(type(node))
    return f"<{type(node).__name__}>" if writer is None else writer(node, names)


def sort_text(key: plan.SortKey, names: Names) -> str:
    text = expression_text(key.expression, names)
    if key.descending:
        text += " DESC"
    if key.nulls_first != key.descending:
        text += " NULLS FIRST" if key.nulls_first else " NULLS LAST"
    return text


def _inner(node: Any, names: Names) -> str:
    text = expression_text(node, names)
    return f"({text})" if isinstance(node, plan.Operator | plan.And | plan.Or | plan.Case | plan.IsNull) else text


def _constant(node: plan.Constant, names: Names) -> str:
    if node.value is None:
        return "NULL"
    text = to_text(node.type, node.value)
    if node.type.name in QUOTED or node.type.element is not None:
        return string(text)
    return text


def _operator(node: plan.Operator, names: Names) -> str:
    name = {"~~": "LIKE", "!~~": "NOT LIKE", "~~*": "ILIKE", "!~~*": "NOT ILIKE"}.get(node.operator.name)
    name = name or node.operator.name
    if len(node.arguments) == 1:
        return f"{name} {_inner(node.arguments[0], names)}"
    left, right = node.arguments
    return f"{_inner(left, names)} {name} {_inner(right, names)}"


def _list(items: Any, names: Names) -> str:
    return ", ".join(expression_text(item, names) for item in items)


def _call(node: plan.Call, names: Names) -> str:
    return f"{node.function.name}({_list(node.arguments, names)})"


def _convert(node: plan.Convert, names: Names) -> str:
    if node.function is None:
        return expression_text(node.argument, names)
    return f"{_inner(node.argument, names)}::{node.type}"


def _logic(word: str) -> Callable[[Any, Names], str]:
    def write(node: Any, names: Names) -> str:
        return f" {word} ".join(_inner(argument, names) for argument in node.arguments)

    return write


def _case(node: plan.Case, names: Names) -> str:
    branches = " ".join(f"WHEN {expression_text(c, names)} THEN {expression_text(r, names)}" for c, r in node.branches)
    otherwise = "" if node.otherwise is None else f" ELSE {expression_text(node.otherwise, names)}"
    return f"CASE {branches}{otherwise} END"


def _negated(node: Any) -> str:
    return "NOT " if node.negated else ""


_WRITERS: dict[type, Callable[[Any, Names], str]] = {
    plan.Constant: _constant,
    plan.Parameter: lambda node, names: f"${node.index + 1}",
    plan.Column: lambda node, names: names.column(node.relation, node.position, node.name),
    plan.Operator: _operator,
    plan.Call: _call,
    plan.Convert: _convert,
    plan.And: _logic("AND"),
    plan.Or: _logic("OR"),
    plan.Not: lambda node, names: f"NOT {_inner(node.argument, names)}",
    plan.IsNull: lambda node, names: f"{_inner(node.argument, names)} IS {_negated(node)}NULL",
    plan.IsTruth: lambda node, names: (
        f"{_inner(node.argument, names)} IS {_negated(node)}"
        f"{'UNKNOWN' if node.truth is None else str(node.truth).upper()}"
    ),
    plan.IsDistinct: lambda node, names: (
        f"{_inner(node.left, names)} IS {_negated(node)}DISTINCT FROM {_inner(node.right, names)}"
    ),
    plan.Case: _case,
    plan.Coalesce: lambda node, names: f"COALESCE({_list(node.arguments, names)})",
    plan.NullIf: lambda node, names: f"NULLIF({expression_text(node.left, names)}, ...)",
    plan.Extremum: lambda node, names: f"{'GREATEST' if node.greatest else 'LEAST'}({_list(node.arguments, names)})",
    plan.InList: lambda node, names: f"{_inner(node.argument, names)} {_negated(node)}IN ({_list(node.items, names)})",
    plan.RowValue: lambda node, names: f"ROW({_list(node.arguments, names)})",
    plan.ArrayLiteral: lambda node, names: f"ARRAY[{_list(node.items, names)}]",
    plan.QuantifiedArray: lambda node, names: (
        f"{_inner(node.argument, names)} {node.operator.name} {'ALL' if node.all else 'ANY'} "
        f"({expression_text(node.array, names)})"
    ),
    plan.ScalarSubquery: lambda node, names: "(SubPlan)",
    plan.ArraySubquery: lambda node, names: "ARRAY(SubPlan)",
    plan.Exists: lambda node, names: f"{_negated(node)}EXISTS (SubPlan)",
    plan.QuantifiedSubquery: lambda node, names: (
        f"{_list(node.arguments, names)} {node.symbol} {'ALL' if node.all else 'ANY'} (SubPlan)"
    ),
}
