"""How many rows pass a predicate: estimates from statistics, and PostgreSQL's default guesses where there are none.

Predicates of a conjunction count as independent, but for bounds of one column. A value that is not known when planning
(a parameter, a column of another table) counts as an average one. Patterns and other tests against a constant are asked
of the values that statistics hold. Index expressions have statistics of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from minidb import errors
from minidb.sql import plan
from minidb.sql.functions import like_prefix, prefix_upper_bound
from minidb.sql.rules import walk
from minidb.sql.rules.nulls import strict_columns
from minidb.sql.statistics import (
    ColumnStatistics,
    below_fraction,
    equal_fraction,
    histogram_fraction,
    join_fraction,
    matching_fraction,
    uncommon_fraction,
)

EQUAL = 0.005
UNEQUAL = 1 / 3
RANGE = 1 / 3
MATCH = 0.05
UNKNOWN = 1 / 3
_COMPARISONS = {"<": "<", "<=": "<=", ">": ">", ">=": ">="}
TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}

ColumnLookup = Callable[[walk.ColumnKey | plan.Expression], ColumnStatistics | None]


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
    assert isinstance(predicate, plan.Operator)
    found = subject(predicate)
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
    found = subject(node)
    if found is None:
        return EQUAL if name == "=" else _match_default(name)
    expression, operator, other = found
    statistics = lookup(expression)
    if operator in ("=", "<>"):
        share = _of_equality(statistics, other, lookup)
        if operator == "=":
            return share
        return 1 - share - (statistics.null_fraction if statistics is not None else 0.0)
    if operator in _COMPARISONS:
        return _of_range(node, statistics)
    return _of_match(node, statistics, other)


def subject(node: plan.Operator) -> tuple[plan.Expression, str, plan.Expression] | None:
    """(column or expression of columns, operator, other side), turned round where the columns stand right."""
    found = comparison(node)
    if found is not None:
        column = node.arguments[0] if found[2] is node.arguments[1] else node.arguments[1]
        return column, found[1], found[2]
    if len(node.arguments) != 2:
        return None
    left, right = node.arguments
    name = node.operator.name
    if walk.columns(left) and not walk.columns(right):
        return left, name, right
    if walk.columns(right) and not walk.columns(left) and name in TURNED:
        return right, TURNED[name], left
    return None


def _match_default(name: str) -> float:
    if name.startswith("!~"):
        return 1 - MATCH
    return MATCH if name.startswith("~") else UNKNOWN


def _of_match(node: plan.Operator, statistics: ColumnStatistics | None, other: plan.Expression) -> float:
    """LIKE, regular expressions and other tests of one column against a constant: asked of known values."""
    name = node.operator.name
    default = _match_default(name)
    if statistics is None or not isinstance(other, plan.Constant) or other.value is None:
        return default
    call, value = node.operator.call, other.value
    least = min(default, 0.01)
    if name == "~~" and isinstance(value, str) and statistics.histogram:
        least = _of_prefix(statistics, value)
        if value.endswith("%") and like_prefix(value)[0] == value[:-1]:
            share = sum(fraction for known, fraction in statistics.common if call(known, value))
            return share + uncommon_fraction(statistics) * least
    try:
        found = matching_fraction(statistics, lambda known: call(known, value), least)
    except (errors.Error, TypeError, ValueError, AttributeError):
        return default
    return default if found is None else found


def _of_prefix(statistics: ColumnStatistics, pattern: str) -> float:
    """The share of the histogram's values that begin as the pattern does, or less, if more is asked of them."""
    prefix, exact = like_prefix(pattern)
    end = prefix_upper_bound(prefix) if prefix else None
    if exact or end is None:
        return min(1 / max(statistics.distinct, 1.0), MATCH) if exact else 0.002
    least = 1 / max(statistics.distinct, 1.0)
    try:
        share = histogram_fraction(statistics, end) - histogram_fraction(statistics, prefix)
    except TypeError:
        return MATCH
    return max(share if pattern == prefix + "%" else share * 0.2, least)


def _of_equality(statistics: ColumnStatistics | None, other: plan.Expression, lookup: ColumnLookup) -> float:
    bare = walk.strip_relabel(other)
    if isinstance(bare, plan.Column):
        theirs = lookup((bare.relation, bare.position))
        if statistics is not None and theirs is not None:
            return join_fraction(statistics, theirs)
        distinct = max([s.distinct for s in (statistics, theirs) if s is not None], default=0.0)
        return 1 / distinct if distinct else EQUAL
    if statistics is None:
        return EQUAL
    return equal_fraction(statistics, bare.value if isinstance(bare, plan.Constant) else None)


def _of_and(node: plan.And, lookup: ColumnLookup) -> float:
    return of_all(node.arguments, lookup)


def _of_or(node: plan.Or, lookup: ColumnLookup) -> float:
    """Equalities of one column exclude each other; other terms count as independent."""
    missing = 1.0
    values: dict[walk.ColumnKey, float] = {}
    for term in node.arguments:
        found = comparison(term)
        if found is not None and found[1] == "=":
            values[found[0]] = values.get(found[0], 0.0) + of(term, lookup)
        else:
            missing *= 1 - of(term, lookup)
    for share in values.values():
        missing *= 1 - min(share, 1.0)
    return 1 - missing


def _of_not(node: plan.Not, lookup: ColumnLookup) -> float:
    return 1 - of(node.argument, lookup) - _null_fraction(node.argument, lookup)


def _of_column(node: plan.Column, lookup: ColumnLookup) -> float:
    """A boolean column."""
    statistics = lookup((node.relation, node.position))
    return 0.5 if statistics is None else equal_fraction(statistics, True)


def _null_fraction(expression: plan.Expression, lookup: ColumnLookup) -> float:
    """The share of rows for which an expression over one column is NULL."""
    columns = walk.columns(expression) & strict_columns(expression) if isinstance(expression, plan.Operator) else set()
    bare = walk.strip_relabel(expression)
    if isinstance(bare, plan.Column):
        columns = {(bare.relation, bare.position)}
    found = [statistics.null_fraction for statistics in map(lookup, columns) if statistics is not None]
    return max(found, default=0.0)


def _of_null(node: plan.IsNull, lookup: ColumnLookup) -> float:
    statistics = lookup(node.argument)
    share = 0.01 if statistics is None else statistics.null_fraction
    return 1 - share if node.negated else share


def _of_truth(node: plan.IsTruth, lookup: ColumnLookup) -> float:
    """IS [NOT] TRUE, FALSE, UNKNOWN."""
    null = _null_fraction(node.argument, lookup)
    share = null if node.truth is None else of(node.argument, lookup)
    if node.truth is False:
        share = 1 - share - null
    return 1 - share if node.negated else share


def _of_distinct(node: plan.IsDistinct, lookup: ColumnLookup) -> float:
    left = walk.strip_relabel(node.left)
    one, other = (node.left, node.right) if isinstance(left, plan.Column) else (node.right, node.left)
    share = _of_equality(lookup(one), other, lookup)
    return share if node.negated else 1 - share


def _of_in(node: plan.InList, lookup: ColumnLookup) -> float:
    statistics = lookup(node.argument)
    share = min(sum(_of_equality(statistics, item, lookup) for item in node.items), 1.0)
    if not node.negated:
        return share
    return 1 - share - (statistics.null_fraction if statistics is not None else 0.0)


def _of_array(node: plan.QuantifiedArray, lookup: ColumnLookup) -> float:
    """= ANY and <> ALL, as IN and NOT IN; an array that is not known counts as ten values."""
    if (node.operator.name, node.all) not in (("=", False), ("<>", True)):
        return UNKNOWN
    statistics = lookup(node.argument)
    array = node.array
    if isinstance(array, plan.Constant) and isinstance(array.value, tuple):
        shares = [equal_fraction(statistics, v) if statistics is not None else EQUAL for v in set(array.value)]
    else:
        shares = [equal_fraction(statistics) if statistics is not None else EQUAL] * 10
    share = min(sum(shares), 1.0)
    return 1 - share if node.all else share


def _of_exists(node: Any, lookup: ColumnLookup) -> float:
    return 0.5


_ESTIMATES: dict[type, Callable[[Any, ColumnLookup], float]] = {
    plan.Constant: _of_constant,
    plan.Column: _of_column,
    plan.Operator: _of_operator,
    plan.And: _of_and,
    plan.Or: _of_or,
    plan.Not: _of_not,
    plan.IsNull: _of_null,
    plan.IsTruth: _of_truth,
    plan.IsDistinct: _of_distinct,
    plan.InList: _of_in,
    plan.QuantifiedArray: _of_array,
    plan.Exists: _of_exists,
    plan.QuantifiedSubquery: _of_exists,
}
