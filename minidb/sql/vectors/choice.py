"""Whether the aggregates of a statement can be calculated by vectors, and if not, why."""

from __future__ import annotations

import msgspec

from minidb.sql import physical, plan
from minidb.sql.physical import reads_columns
from minidb.sql.rules import walk
from minidb.sql.vectors import arrays
from minidb.sql.vectors.conditions import Condition, Conditions
from minidb.sql.vectors.keys import Key
from minidb.sql.vectors.terms import term_of
from minidb.sql.vectors.totals import Slot
from minidb.types.numbered import family

WORTH = 100.0  # cost of a scan, in microseconds, from which on NumPy is worth being imported
KINDS = frozenset({"count_star", "count", "sum_int", "sum_numeric", "avg_int", "avg_numeric", "min", "max"})


class Choice(msgspec.Struct, frozen=True):
    condition: Condition
    tests: tuple[tuple[plan.Expression, int], ...]  # to be compiled as functions of the column at that position
    keys: tuple[Key, ...]


def choice(node: physical.Aggregate) -> Choice | str:
    """How to do it, or why not."""
    scan = node.input
    if not isinstance(scan, physical.Scan) or not reads_columns(scan):
        return "its rows do not come from a whole table by columns"
    if node.sets is not None or node.ordered:
        return "grouping sets and sorted groups"
    if scan.cost < WORTH:
        return "few rows"
    return _choice(node, scan)


def _choice(node: physical.Aggregate, scan: physical.Scan) -> Choice | str:
    for call in node.aggregates:
        if not _is_covered(call, scan.relation):
            return f"{call.aggregate.name}"
    conditions = Conditions(scan.relation)
    condition = conditions.all_of(scan.filters)
    if condition is None:
        return "the filter"
    keys = [key_of(group, scan.relation) for group in node.groups]
    found = tuple(key for key in keys if key is not None)
    if len(found) < len(keys):
        return "the group key"
    if arrays.numpy() is None:
        return "NumPy is not installed"
    return Choice(condition, tuple(conditions.tests), found)


def _is_covered(call: plan.AggregateCall, relation: int) -> bool:
    if call.aggregate.kind not in KINDS or call.distinct or call.filter is not None or call.order_by:
        return False
    return all(slot_of("count", argument, relation) is not None for argument in call.arguments)


def slot_of(what: str, argument: plan.Expression | None, relation: int) -> Slot | None:
    """The slot for what the row path keeps of an argument (None: of rows)."""
    if argument is None:
        return Slot("rows")
    term = term_of(argument, relation)
    bare = walk.strip_relabel(argument)
    if term is not None:
        return Slot(what, term, kind=family(bare.type) or "")
    if isinstance(bare, plan.Column) and bare.relation == relation and bare.position >= 0:
        return Slot(what, position=bare.position)
    return None


def key_of(group: plan.Expression, relation: int) -> Key | None:
    bare = walk.strip_relabel(group)
    term = term_of(group, relation)
    if term is not None:
        return Key(term, -1, family(bare.type) or "")
    if isinstance(bare, plan.Column) and bare.relation == relation and bare.position >= 0:
        return Key(None, bare.position, "")
    return None


def words(node: physical.Aggregate, measured: bool) -> str:
    """For EXPLAIN, of aggregates over a table by columns. `measured`: with ANALYZE."""
    if not reads_columns(node.input):
        return ""
    found = "every row is counted" if measured else choice(node)
    return f"no ({found})" if isinstance(found, str) else "NumPy"

