"""How many rows pass a predicate: estimates from statistics, and PostgreSQL's default guesses where there are none.

Predicates of a conjunction count as independent. A value that is not known when planning (a parameter, a column of
another table) counts as an average one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from minidb.sql import plan
from minidb.sql.rules import walk
from minidb.sql.statistics import ColumnStatistics, below_fraction, equal_fraction

EQUAL = 0.005
UNEQUAL = 1 / 3
RANGE = 1 / 3
MATCH = 0.05
UNKNOWN = 1 / 3
_COMPARISONS = {"<": "<", "<=": "<=", ">": ">", ">=": ">="}
TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}

ColumnLookup = Callable[[walk.ColumnKey], ColumnStatistics | None]


def of_all(predicates: Iterable[plan.Expression], lookup: ColumnLookup) -> float:
    result = 1.0
    ranges: dict[walk.ColumnKey, list[plan.Expression]] = {}
    for predicate in predicates:
        column = _range_column(predicate)
        if column is not None:
            ranges.setdefault(column, []).append(predicate)
        else:
            result *= of(predicate, lookup)
    for column, both in ranges.items():
        result *= _of_ranges(both, column, lookup)
    return result


def _range_column(predicate: plan.Expression) -> walk.ColumnKey | None:
    found = comparison(predicate)
    return found[0] if found is not None and found[1] in _COMPARISONS else None


def comparison(predicate: plan.Expression) -> tuple[walk.ColumnKey, str, plan.Expression] | None:
    """(column, operator, other side) of `column op other`, turned round where the column stands right."""
    if not isinstance(predicate, plan.Operator) or predicate.operator.name not in TURNED:
        return None
    left, right = predicate.arguments
    bare = walk.strip_relabel(left)
    if isinstance(bare, plan.Column):
        return (bare.relation, bare.position), predicate.operator.name, right
    bare = walk.strip_relabel(right)
    if isinstance(bare, plan.Column):
        return (bare.relation, bare.position), TURNED[predicate.operator.name], left
    return None


def _of_ranges(predicates: list[plan.Expression], column: walk.ColumnKey, lookup: ColumnLookup) -> float:
    """Bounds on one column belong together: their shares are added up, not multiplied."""
    statistics = lookup(column)
    shares = [_of_range(predicate, statistics) for predicate in predicates]
    if len(shares) == 1:
        return shares[0]
    if statistics is None or any(not isinstance(comparison(p)[2], plan.Constant) for p in predicates):  # type: ignore[index]
        return EQUAL
    present = 1 - statistics.null_fraction
    return max(sum(shares) - (len(shares) - 1) * present, 1e-4)


def _of_range(predicate: plan.Expression, statistics: ColumnStatistics | None) -> float:
    found = comparison(predicate)
    assert found is not None
    _, operator, other = found
    if statistics is None or not isinstance(other, plan.Constant) or other.value is None:
        return RANGE
    below = below_fraction(statistics, other.value, operator in ("<=", ">"))
    if below is None:
        return RANGE
    share = below if operator in ("<", "<=") else 1 - statistics.null_fraction - below
    return min(max(share, 1e-5), 1.0)


def of(predicate: plan.Expression, lookup: ColumnLookup) -> float:
    """The share of rows for which `predicate` is true."""
    estimate = _ESTIMATES.get(type(predicate))
    return UNKNOWN if estimate is None else min(max(estimate(predicate, lookup), 1e-7), 1.0)


def _of_constant(node: plan.Constant, lookup: ColumnLookup) -> float:
    return 1.0 if node.value else 0.0


def _of_operator(node: plan.Operator, lookup: ColumnLookup) -> float:
    name = node.operator.name
    found = comparison(node)
    if found is None:
        return EQUAL if name == "=" else MATCH if name.startswith(("~", "like")) else UNKNOWN
    column, operator, other = found
    statistics = lookup(column)
    if operator in ("=", "<>"):
        share = _of_equality(statistics, other, lookup)
        if operator == "=":
            return share
        return 1 - share - (statistics.null_fraction if statistics is not None else 0.0)
    return _of_range(node, statistics)


def _of_equality(statistics: ColumnStatistics | None, other: plan.Expression, lookup: ColumnLookup) -> float:
    bare = walk.strip_relabel(other)
    if isinstance(bare, plan.Column):
        theirs = lookup((bare.relation, bare.position))
        distinct = max([s.distinct for s in (statistics, theirs) if s is not None], default=0.0)
        return 1 / distinct if distinct else EQUAL
    if statistics is None:
        return EQUAL
    return equal_fraction(statistics, bare.value if isinstance(bare, plan.Constant) else None)


def _of_and(node: plan.And, lookup: ColumnLookup) -> float:
    return of_all(node.arguments, lookup)


def _of_or(node: plan.Or, lookup: ColumnLookup) -> float:
    missing = 1.0
    for term in node.arguments:
        missing *= 1 - of(term, lookup)
    return 1 - missing


def _of_not(node: plan.Not, lookup: ColumnLookup) -> float:
    return 1 - of(node.argument, lookup)


def _of_null(node: plan.IsNull, lookup: ColumnLookup) -> float:
    bare = walk.strip_relabel(node.argument)
    share = 0.01
    if isinstance(bare, plan.Column):
        statistics = lookup((bare.relation, bare.position))
        if statistics is not None:
            share = statistics.null_fraction
    return 1 - share if node.negated else share


def _of_in(node: plan.InList, lookup: ColumnLookup) -> float:
    bare = walk.strip_relabel(node.argument)
    statistics = lookup((bare.relation, bare.position)) if isinstance(bare, plan.Column) else None
    share = min(sum(_of_equality(statistics, item, lookup) for item in node.items), 1.0)
    return 1 - share if node.negated else share


def _of_exists(node: Any, lookup: ColumnLookup) -> float:
    return 0.5


_ESTIMATES: dict[type, Callable[[Any, ColumnLookup], float]] = {
    plan.Constant: _of_constant,
    plan.Operator: _of_operator,
    plan.And: _of_and,
    plan.Or: _of_or,
    plan.Not: _of_not,
    plan.IsNull: _of_null,
    plan.InList: _of_in,
    plan.Exists: _of_exists,
    plan.QuantifiedSubquery: _of_exists,
}
