"""The physical plan: what the planner decides and the compiler prints as Python.

Each node says how rows are made. `rows` is the estimate of how many, `cost` the estimated time in microseconds, both
for one run of the node. Columns keep the names of the logical plan, `(relation, position)`; two positions are special:
`REF` is a row's address and `WHOLE` the row itself, for operators that lock or change rows.
"""

from __future__ import annotations

from typing import Any

import msgspec

from minidb import schema
from minidb.sql.plan import (
    AggregateCall,
    Assignment,
    Expression,
    LockedRelation,
    MergeAction,
    OnConflict,
    Output,
    SetCall,
    SortKey,
    WindowCall,
)
from minidb.types import SqlType

REF = -1
WHOLE = -2


class Node(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    rows: float = 1.0
    cost: float = 0.0


# -- access paths -----------------------------------------------------------------------------------------


class Part(msgspec.Struct, frozen=True):
    """What one leading index column is fixed to: a value, NULL (`value` None), or each of several values."""

    value: Expression | None = None
    items: tuple[Expression, ...] | None = None  # IN: one interval for each distinct value
    array: Expression | None = None  # = ANY (array)


class Bound(msgspec.Struct, frozen=True):
    value: Expression
    inclusive: bool


class Interval(msgspec.Struct, frozen=True):
    """The part of an index that is read: leading columns fixed, then at most one range (R49).

    `low` and `high` are bounds in the order of the *values*; a descending column swaps them. `not_null`: the range
    ends before NULLs even where a bound is open."""

    parts: tuple[Part, ...] = ()
    low: Bound | None = None
    high: Bound | None = None
    not_null: bool = False

    @property
    def ranged(self) -> bool:
        """Whether the column behind the fixed ones is bounded, so that it has no NULLs."""
        return bool(self.low or self.high or self.not_null)

    @property
    def whole(self) -> bool:
        return not self.parts and not self.ranged


class Path(msgspec.Struct, frozen=True, kw_only=True):
    """How a table is read. kind: 'scan' (own order), 'range' (whole rows), 'entries' (index-only), 'find' (one row),
    'union' and 'intersection' (several paths, OR and AND)."""

    kind: str
    index: schema.Index | None = None
    interval: Interval = Interval()
    reverse: bool = False
    paths: tuple[Path, ...] = ()
    address: Expression | None = None  # of 'scan' in a heap: the one row there


class Scan(Node, frozen=True, kw_only=True, eq=False):
    """`filters` are what the path does not answer; `conditions` all there was to answer (for the re-check, R36)."""

    relation: int
    table: schema.Table
    alias: str
    path: Path
    filters: tuple[Expression, ...] = ()
    conditions: tuple[Expression, ...] = ()
    first: Expression | int = 0
    locking: bool = False
    single: bool = False  # at most one row


class ScanOfPaths(Node, frozen=True, kw_only=True, eq=False):
    """A table through several of its indexes."""

    relation: int
    table: schema.Table
    alias: str
    paths: tuple[Path, ...]
    filters: tuple[Expression, ...] = ()
    conditions: tuple[Expression, ...] = ()
    locking: bool = False


class UnionScan(ScanOfPaths, frozen=True, kw_only=True, eq=False):
    """OR over several indexes: rows of all paths, each once."""


class IntersectionScan(ScanOfPaths, frozen=True, kw_only=True, eq=False):
    """AND over several indexes: rows that are in the intervals of all paths."""


class DistinctScan(Node, frozen=True, kw_only=True, eq=False):
    """The different values of an index's leading column, one descent for each. It makes the one column of its table."""

    relation: int
    table: schema.Table
    alias: str
    index: schema.Index
    reverse: bool = False


class HashedScan(Node, frozen=True, kw_only=True, eq=False):
    """The input, which mentions nothing outside, kept in a hash table for the whole run and probed by `keys`."""

    input: Node
    keys: tuple[Expression, ...]  # over the input's columns
    probes: tuple[Expression, ...]  # over what stands outside
    filters: tuple[Expression, ...] = ()


def reads_columns(node: Node) -> bool:
    """Whether a node reads a whole table that is kept by columns."""
    return (
        isinstance(node, Scan)
        and node.table.layout == "column"
        and node.path.kind == "scan"
        and node.path.address is None
        and not (node.path.reverse or node.locking or node.first)
    )


# -- sources without a table ------------------------------------------------------------------------------


class SingleRow(Node, frozen=True, kw_only=True, eq=False):
    pass


class VirtualScan(Node, frozen=True, kw_only=True, eq=False):
    relation: int
    name: str
    width: int


class Values(Node, frozen=True, kw_only=True, eq=False):
    relation: int
    tuples: tuple[tuple[Expression, ...], ...]
    width: int


class FunctionScan(Node, frozen=True, kw_only=True, eq=False):
    relation: int
    function: Any
    arguments: tuple[Expression, ...]
    types: tuple[SqlType, ...]
    ordinality: bool


class CteScan(Node, frozen=True, kw_only=True, eq=False):
    relation: int
    cte: int
    width: int
    name: str


# -- operators --------------------------------------------------------------------------------------------


class Filter(Node, frozen=True, kw_only=True, eq=False):
    input: Node
    predicates: tuple[Expression, ...]


class Project(Node, frozen=True, kw_only=True, eq=False):
    input: Node
    relation: int
    expressions: tuple[Expression, ...]


class ProjectSet(Node, frozen=True, kw_only=True, eq=False):
    input: Node
    relation: int
    calls: tuple[SetCall, ...]


class NestedLoop(Node, frozen=True, kw_only=True, eq=False):
    """For each outer row all inner rows; kind 'inner', 'left', 'semi' or 'anti'. The inner side may mention the outer.

    `materialized`: the inner side mentions nothing outside; it is run once and kept."""

    kind: str
    outer: Node
    inner: Node
    predicates: tuple[Expression, ...] = ()
    materialized: bool = False


class HashJoin(Node, frozen=True, kw_only=True, eq=False):
    """kind 'inner', 'left', 'semi', 'anti' or 'full', seen from the probe side. `unique`: the build side has at most
    one row per key."""

    kind: str
    probe: Node
    build: Node
    probe_keys: tuple[Expression, ...]
    build_keys: tuple[Expression, ...]
    predicates: tuple[Expression, ...] = ()
    unique: bool = False


class MergeJoin(Node, frozen=True, kw_only=True, eq=False):
    """Both sides come in ascending order of their keys; kind as for HashJoin, seen from the left."""

    kind: str
    left: Node
    right: Node
    left_keys: tuple[Expression, ...]
    right_keys: tuple[Expression, ...]
    predicates: tuple[Expression, ...] = ()


class FullLoop(Node, frozen=True, kw_only=True, eq=False):
    """FULL JOIN without an equality."""

    left: Node
    right: Node
    predicates: tuple[Expression, ...]


class Aggregate(Node, frozen=True, kw_only=True, eq=False):
    """`ordered`: rows of one group come together, so that there is only one at a time."""

    input: Node
    relation: int
    groups: tuple[Expression, ...]
    aggregates: tuple[AggregateCall, ...]
    sets: tuple[tuple[int, ...], ...] | None
    groupings: tuple[tuple[int, ...], ...]
    ordered: bool = False


class Window(Node, frozen=True, kw_only=True, eq=False):
    input: Node
    relation: int
    calls: tuple[WindowCall, ...]


class Sort(Node, frozen=True, kw_only=True, eq=False):
    """`limit`: only so many first rows are wanted (top-N)."""

    input: Node
    keys: tuple[SortKey, ...]
    limit: tuple[Expression | None, Expression | None] | None = None


class Distinct(Node, frozen=True, kw_only=True, eq=False):
    """`ordered`: equal rows come together; `keeps_order`: somebody relies on the order of the input."""

    input: Node
    on: tuple[Expression, ...]
    ordered: bool = False
    keeps_order: bool = False


class Limit(Node, frozen=True, kw_only=True, eq=False):
    input: Node
    count: Expression | None
    offset: Expression | None
    with_ties: tuple[SortKey, ...] | None = None


class LockRows(Node, frozen=True, kw_only=True, eq=False):
    """`recheck`: what must hold for the newest versions (R36)."""

    input: Node
    locked: tuple[LockedRelation, ...]
    recheck: tuple[Expression, ...]


class UnionAll(Node, frozen=True, kw_only=True, eq=False):
    relation: int
    inputs: tuple[Query, ...]
    width: int


class SetOperation(Node, frozen=True, kw_only=True, eq=False):
    relation: int
    kind: str  # 'intersect', 'except'
    all: bool
    left: Query
    right: Query
    width: int


class RecursiveUnion(Node, frozen=True, kw_only=True, eq=False):
    number: int
    all: bool
    left: Query
    right: Query


class Cte(msgspec.Struct, frozen=True, eq=False):
    number: int
    name: str
    node: Node  # Query, RecursiveUnion, or a DML node with returning
    width: int


class Query(Node, frozen=True, kw_only=True, eq=False):
    input: Node
    outputs: tuple[Output, ...]
    ctes: tuple[Cte, ...] = ()


# -- changing data ----------------------------------------------------------------------------------------


class Insert(Node, frozen=True, kw_only=True, eq=False):
    table: schema.Table
    relation: int
    source: Query
    source_relation: int
    row: tuple[Expression, ...]
    generated: tuple[Assignment, ...]
    checks: tuple[tuple[str, Expression], ...]
    view_checks: tuple[tuple[str, Expression], ...]
    on_conflict: OnConflict | None
    returning: tuple[Output, ...] | None
    ctes: tuple[Cte, ...] = ()


class Update(Node, frozen=True, kw_only=True, eq=False):
    table: schema.Table
    relation: int
    input: Node
    assignments: tuple[Assignment, ...]
    generated: tuple[Assignment, ...]
    checks: tuple[tuple[str, Expression], ...]
    view_checks: tuple[tuple[str, Expression], ...]
    returning: tuple[Output, ...] | None
    new_relation: int
    recheck: tuple[Expression, ...]
    single: bool = False  # at most one row is found
    joined: bool = False  # a target row may be found more than once
    ctes: tuple[Cte, ...] = ()


class Delete(Node, frozen=True, kw_only=True, eq=False):
    table: schema.Table
    relation: int
    input: Node
    returning: tuple[Output, ...] | None
    recheck: tuple[Expression, ...]
    single: bool = False
    joined: bool = False
    ctes: tuple[Cte, ...] = ()


class Merge(Node, frozen=True, kw_only=True, eq=False):
    table: schema.Table
    relation: int
    input: Node
    present: Expression | None
    actions: tuple[MergeAction, ...]
    generated: tuple[Assignment, ...]
    checks: tuple[tuple[str, Expression], ...]
    returning: tuple[Output, ...] | None
    new_relation: int
    recheck: tuple[Expression, ...]
    ctes: tuple[Cte, ...] = ()
