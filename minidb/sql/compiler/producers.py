"""The table of operators: one plan node, one compiler function."""

from __future__ import annotations

from collections.abc import Mapping

from minidb.sql import physical, plan
from minidb.sql.compiler import (
    address_scans,
    aggregates,
    changes,
    full_joins,
    hash_tables,
    joins,
    limits,
    locking,
    paired_joins,
    scans,
    sets,
    sorting,
    sources,
    subqueries,
    windows,
)
from minidb.sql.compiler.core import UNBOUNDED, Compiler, Memory, Producer, SubqueryPlanner, SubquerySource

PRODUCERS: Mapping[type, Producer] = {
    physical.SingleRow: sources.single_row,
    physical.Scan: scans.scan,
    physical.UnionScan: scans.union_scan,
    physical.IntersectionScan: address_scans.intersection_scan,
    physical.DistinctScan: address_scans.distinct_scan,
    physical.HashedScan: hash_tables.hashed_scan,
    physical.VirtualScan: sources.virtual_scan,
    physical.Values: sources.values,
    physical.FunctionScan: sources.function_scan,
    physical.CteScan: sets.cte_scan,
    physical.Filter: joins.filter_rows,
    physical.Project: joins.project,
    physical.ProjectSet: sources.project_set,
    physical.NestedLoop: joins.nested_loop,
    physical.HashJoin: joins.hash_join,
    physical.MergeJoin: paired_joins.merge_join,
    physical.FullLoop: full_joins.full_join,
    physical.Aggregate: aggregates.aggregate,
    physical.Window: windows.window,
    physical.Sort: sorting.sort,
    physical.Distinct: sorting.distinct,
    physical.Limit: limits.limit,
    physical.LockRows: locking.lock_rows,
    physical.UnionAll: sets.union_all,
    physical.SetOperation: sets.set_operation,
}
SUBQUERIES: Mapping[type, SubquerySource] = {
    plan.Exists: subqueries.exists,
    plan.ScalarSubquery: subqueries.scalar,
    plan.ArraySubquery: subqueries.array,
    plan.QuantifiedSubquery: subqueries.quantified,
}


def new_compiler(
    planner: SubqueryPlanner, counters: dict[int, int] | None = None, memory: Memory = UNBOUNDED
) -> Compiler:
    """A compiler that knows every operator."""
    compiler = Compiler(planner, PRODUCERS, SUBQUERIES, counters, memory)
    compiler.changes = changes.changes
    return compiler
