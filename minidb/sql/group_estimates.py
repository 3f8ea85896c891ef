"""How many groups there are: distinct values of several expressions among the rows that are left.

columns of one table      their distinct values multiplied, but no more than its rows; a unique key says it all
after filters             of n values, each in N/n of N rows, those that a share p of the rows meets:
                          n * (1 - (1 - p) ** (N / n))  (Yao 1977, with replacement, as PostgreSQL)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from minidb.sql import plan
from minidb.sql.rules import walk
from minidb.sql.statistics import ColumnStatistics

if TYPE_CHECKING:
    from minidb.sql.planner import Planner

SEVERAL = 0.1  # the largest share of a table's rows that several columns together are taken to distinguish
UNKNOWN = 200.0  # distinct values of what has no statistics


def group_rows(planner: Planner, groups: Iterable[plan.Expression], rows: float) -> float:
    """Distinct values of `groups` among `rows` rows."""
    by_relation: dict[int, list[plan.Column]] = {}
    result = 1.0
    for expression in groups:
        bare = walk.strip_relabel(planner.renamed(expression))
        if isinstance(bare, plan.Column) and planner.table_of(bare.relation) is not None:
            by_relation.setdefault(bare.relation, []).append(bare)
        elif not isinstance(bare, plan.Constant):
            statistics = planner.column_statistics(bare)
            unknown = min(UNKNOWN, max(rows / 10, 1.0))
            result *= statistics.distinct if statistics is not None else unknown
    for relation, columns in by_relation.items():
        result *= _of_table(planner, relation, columns, rows)
    return max(min(result, rows), 1.0)


def _of_table(planner: Planner, relation: int, columns: list[plan.Column], rows: float) -> float:
    scan = planner.table_of(relation)
    assert scan is not None
    statistics = planner.table_statistics(scan.table)
    positions = {column.position for column in columns}
    known: list[ColumnStatistics | None] = [planner.column_statistics((relation, position)) for position in positions]
    if statistics is None:
        return min(UNKNOWN ** len(positions), max(rows / 10, 1.0))
    total = max(statistics.rows, 1.0)
    for index in scan.table.indexes:
        if index.certain and index.where is None and all(key.position in positions for key in index.keys):
            return min(total, rows)
    counts = [found.distinct + (found.null_fraction > 0) if found is not None else UNKNOWN for found in known]
    distinct = 1.0
    for count in counts:
        distinct *= count
    if len(counts) > 1:
        distinct = min(distinct, max(total * SEVERAL, *counts))
    distinct = min(distinct, total)
    share = min(rows / total, 1.0)
    met: float = 1 - (1 - share) ** (total / distinct)
    return max(distinct * met, 1.0)
