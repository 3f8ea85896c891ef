"""Orders of rows: what ORDER BY wants and what an index delivers."""

from __future__ import annotations

from math import log2

from minidb import schema
from minidb.sql import plan
from minidb.sql.access_paths import Access, Candidate
from minidb.sql.rules import walk

Order = tuple[plan.SortKey, ...]

SORT_ROW = 0.12  # microseconds to keep a row
SORT_STEP = 0.03  # and for each comparison


def log_cost(rows: float) -> float:
    """The cost of sorting."""
    return rows * (SORT_ROW + SORT_STEP * log2(rows + 2))


def satisfies(access: Access, candidate: Candidate, order: Order) -> bool | None:
    """Whether the candidate's rows come in `order`: False forwards, True backwards, None not at all."""
    if candidate.single:
        return False
    index = candidate.path.index
    if index is None or candidate.path.paths:
        return None
    parts = candidate.path.interval.parts
    if any(part.items is not None or part.array is not None for part in parts):
        return None
    for reverse in (False, True):
        if _in_order(access, candidate, order, len(parts), reverse):
            return reverse
    return None


def _in_order(access: Access, candidate: Candidate, order: Order, fixed: int, reverse: bool) -> bool:
    index = candidate.path.index
    assert index is not None
    place = fixed
    for key in order:
        expression = walk.strip_relabel(key.expression)
        if isinstance(expression, plan.Constant) or _is_fixed(access, index, fixed, expression):
            continue
        if place == len(index.keys):
            return index.certain and _never_null(access, index)
        column = index.keys[place]
        if not access.is_key(index, place, expression):
            return False
        if (column.descending != reverse) != key.descending:
            return False
        nullable = column.position is None or not access.scan.table.columns[column.position].not_null
        without_nulls = place == fixed and candidate.path.interval.ranged
        if nullable and not without_nulls and (column.nulls_first != reverse) != key.nulls_first:
            return False
        place += 1
    return True


def _is_fixed(access: Access, index: schema.Index, fixed: int, expression: plan.Expression) -> bool:
    return any(access.is_key(index, place, expression) for place in range(fixed))


def _never_null(access: Access, index: schema.Index) -> bool:
    columns = access.scan.table.columns
    return all(key.position is not None and columns[key.position].not_null for key in index.keys)
