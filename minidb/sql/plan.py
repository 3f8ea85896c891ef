"""The bound statement: what the binder hands to the rules, the planner and the compiler.

Names are gone. Every operator that makes columns has a *relation* number, unique within the statement, subqueries
included; `Column(relation, position)` means that column wherever it stands. A subquery is correlated exactly if it
mentions relations that it does not itself contain. Expressions carry their type and whether they can be NULL; all
conversions are explicit (`Convert`). Nodes are immutable; rewrites are functions from plan to plan (`rules`).

Positions of a table's `Column` are positions in its stored row (schema.Column.position).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from minidb import schema
from minidb.types import BOOLEAN, SqlType


class Node(msgspec.Struct, frozen=True, eq=False):
    pass


# -- expressions ------------------------------------------------------------------------------------------


class Expression(msgspec.Struct, frozen=True, kw_only=True):
    type: SqlType
    nullable: bool = True


class Constant(Expression, frozen=True, kw_only=True):
    value: Any  # None: NULL


class Parameter(Expression, frozen=True, kw_only=True):
    """Value `index` of the parameter list, already converted to `type` before the statement runs."""

    index: int


class Column(Expression, frozen=True, kw_only=True):
    relation: int
    position: int
    name: str = ""


class Operator(Expression, frozen=True, kw_only=True):
    """A strict operator; `operator` comes from sql.functions.resolve_operator."""

    operator: Any
    arguments: tuple[Expression, ...]


class Call(Expression, frozen=True, kw_only=True):
    """A scalar function; `function` comes from sql.functions.resolve."""

    function: Any
    arguments: tuple[Expression, ...]


class Convert(Expression, frozen=True, kw_only=True):
    """A cast; `function` turns a non-null value of the argument's type into one of `type`.

    None where the value serves as it is (integer to bigint, varchar to text): only the type changes."""

    argument: Expression
    function: Callable[[Any], Any] | None


class And(Expression, frozen=True, kw_only=True):
    arguments: tuple[Expression, ...]
    type: SqlType = BOOLEAN


class Or(Expression, frozen=True, kw_only=True):
    arguments: tuple[Expression, ...]
    type: SqlType = BOOLEAN


class Not(Expression, frozen=True, kw_only=True):
    argument: Expression
    type: SqlType = BOOLEAN


class IsNull(Expression, frozen=True, kw_only=True):
    argument: Expression
    negated: bool = False
    type: SqlType = BOOLEAN
    nullable: bool = False


class IsTruth(Expression, frozen=True, kw_only=True):
    """IS [NOT] TRUE / FALSE; `truth` None is IS [NOT] UNKNOWN."""

    argument: Expression
    truth: bool | None
    negated: bool = False
    type: SqlType = BOOLEAN
    nullable: bool = False


class IsDistinct(Expression, frozen=True, kw_only=True):
    left: Expression
    right: Expression
    negated: bool = False
    type: SqlType = BOOLEAN
    nullable: bool = False


class Case(Expression, frozen=True, kw_only=True):
    """Searched CASE; the binder has turned `CASE x WHEN y` into comparisons."""

    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None


class Coalesce(Expression, frozen=True, kw_only=True):
    arguments: tuple[Expression, ...]


class NullIf(Expression, frozen=True, kw_only=True):
    left: Expression
    equal: Expression  # left = right, as a predicate


class Extremum(Expression, frozen=True, kw_only=True):
    """GREATEST / LEAST: NULLs are passed over."""

    arguments: tuple[Expression, ...]
    greatest: bool


class InList(Expression, frozen=True, kw_only=True):
    """`argument [NOT] IN (items)`, all of one type after conversion."""

    argument: Expression
    items: tuple[Expression, ...]
    negated: bool = False
    type: SqlType = BOOLEAN


class RowValue(Expression, frozen=True, kw_only=True):
    arguments: tuple[Expression, ...]


class RowComparison(Expression, frozen=True, kw_only=True):
    """(a, b) op (c, d), column by column; `operators[i]` holds the resolved ('<', '=') operators of the i-th pair."""

    symbol: str
    left: tuple[Expression, ...]
    right: tuple[Expression, ...]
    operators: tuple[Any, ...]
    type: SqlType = BOOLEAN


class ArrayLiteral(Expression, frozen=True, kw_only=True):
    items: tuple[Expression, ...]


class QuantifiedArray(Expression, frozen=True, kw_only=True):
    """argument op ANY / ALL (array)."""

    argument: Expression
    operator: Any
    array: Expression
    all: bool
    type: SqlType = BOOLEAN


class ScalarSubquery(Expression, frozen=True, kw_only=True):
    plan: Plan


class RowSubquery(Expression, frozen=True, kw_only=True):
    """A subquery of several columns beside a row; only while the comparison is bound."""

    plan: Query


class ArraySubquery(Expression, frozen=True, kw_only=True):
    plan: Plan


class Exists(Expression, frozen=True, kw_only=True):
    plan: Plan
    negated: bool = False
    type: SqlType = BOOLEAN
    nullable: bool = False


class QuantifiedSubquery(Expression, frozen=True, kw_only=True):
    """`arguments op ANY / ALL (plan)`; IN is `= ANY`, NOT IN is `<> ALL`. `operators`: one per column. `single`: the
    one row of the subquery, without a quantifier; no row is NULL, a second one an error."""

    arguments: tuple[Expression, ...]
    symbol: str
    operators: tuple[Any, ...]
    all: bool
    plan: Plan
    type: SqlType = BOOLEAN
    single: bool = False


# -- operators --------------------------------------------------------------------------------------------


class Output(msgspec.Struct, frozen=True):
    """One column of a plan's result."""

    name: str
    expression: Expression


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    pass


class Empty(Plan, frozen=True, kw_only=True):
    """One row without columns: SELECT without FROM."""


REF = -1  # the position of a row's address; -2 is that of the whole row


class Scan(Plan, frozen=True, kw_only=True):
    relation: int
    table: schema.Table
    alias: str


class VirtualScan(Plan, frozen=True, kw_only=True):
    """A view of the engine's inside; `name` like 'sys.locks'."""

    relation: int
    name: str
    alias: str
    columns: tuple[schema.Column, ...]


class Values(Plan, frozen=True, kw_only=True):
    relation: int
    rows: tuple[tuple[Expression, ...], ...]
    types: tuple[SqlType, ...]


class FunctionScan(Plan, frozen=True, kw_only=True):
    relation: int
    function: Any
    arguments: tuple[Expression, ...]
    types: tuple[SqlType, ...]
    ordinality: bool = False


class CteScan(Plan, frozen=True, kw_only=True):
    """Reads common table expression `cte`; its columns are renumbered under `relation`."""

    relation: int
    cte: int
    types: tuple[SqlType, ...]
    name: str = ""


class Filter(Plan, frozen=True, kw_only=True):
    input: Plan
    predicate: Expression


class Project(Plan, frozen=True, kw_only=True):
    input: Plan
    relation: int
    expressions: tuple[Expression, ...]
    names: tuple[str, ...]


class Join(Plan, frozen=True, kw_only=True):
    kind: str  # 'inner', 'left', 'right', 'full', 'semi', 'anti'; cross is inner with condition None
    left: Plan
    right: Plan
    condition: Expression | None
    lateral: bool = False  # the right side mentions relations of the left


class AggregateCall(msgspec.Struct, frozen=True, kw_only=True):
    aggregate: Any  # from sql.functions
    arguments: tuple[Expression, ...]
    type: SqlType
    distinct: bool = False
    filter: Expression | None = None
    order_by: tuple[SortKey, ...] = ()


class Aggregate(Plan, frozen=True, kw_only=True):
    """Output: the group expressions, then the aggregates, then one integer per GROUPING() call.

    Without groups there is always one row, unless `sets` says otherwise. With `sets`, a group expression that is not in
    the row's set is NULL; `groupings[i]` lists the arguments of a GROUPING() call as indexes into groups, its value has
    a bit for each, the last argument's lowest, that is 1 where the group is not in the row's set."""

    input: Plan
    relation: int
    groups: tuple[Expression, ...]
    aggregates: tuple[AggregateCall, ...]
    sets: tuple[tuple[int, ...], ...] | None = None  # indexes into groups
    groupings: tuple[tuple[int, ...], ...] = ()


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """A window frame. Offsets mention no column; `in_range` holds the operators of RANGE with offsets: (plus, minus)
    between the sort key and an offset, and the comparison `<=` of the sort key's type."""

    mode: str  # 'rows', 'range', 'groups'
    start: str  # 'unbounded preceding', 'preceding', 'current row', 'following', 'unbounded following'
    end: str
    start_offset: Expression | None = None
    end_offset: Expression | None = None
    exclude: str = "no others"  # 'current row', 'group', 'ties'
    in_range: tuple[Any, Any, Any] | None = None


class WindowCall(msgspec.Struct, frozen=True, kw_only=True):
    """`function` is an aggregate or a window function of sql.functions; frame None is RANGE UNBOUNDED PRECEDING."""

    function: Any
    arguments: tuple[Expression, ...]
    type: SqlType
    filter: Expression | None = None
    partition_by: tuple[Expression, ...] = ()
    order_by: tuple[SortKey, ...] = ()
    frame: Frame | None = None
    ignore_nulls: bool = False


class Window(Plan, frozen=True, kw_only=True):
    """Adds one column per call: Column(relation, i)."""

    input: Plan
    relation: int
    calls: tuple[WindowCall, ...]


class SetCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call of a set-returning function in a select list."""

    function: Any
    arguments: tuple[Expression, ...]
    type: SqlType


class ProjectSet(Plan, frozen=True, kw_only=True):
    """Each input row once per row of its calls, run side by side; shorter ones are filled up with NULL.

    Adds Column(relation, i) for call i; the input's columns stay."""

    input: Plan
    relation: int
    calls: tuple[SetCall, ...]


class SortKey(msgspec.Struct, frozen=True):
    expression: Expression
    descending: bool = False
    nulls_first: bool = False


class Sort(Plan, frozen=True, kw_only=True):
    input: Plan
    keys: tuple[SortKey, ...]


class Distinct(Plan, frozen=True, kw_only=True):
    """DISTINCT over `on`; the first row of each group in input order is kept (DISTINCT ON)."""

    input: Plan
    on: tuple[Expression, ...]


class Limit(Plan, frozen=True, kw_only=True):
    input: Plan
    count: Expression | None
    offset: Expression | None
    with_ties: tuple[SortKey, ...] | None = None


class UnionAll(Plan, frozen=True, kw_only=True):
    """All rows of all inputs, which deliver columns of `types`, renumbered under `relation`.

    Every UNION comes as this node (UNION without ALL with a Distinct above it): a chain of 500 is flat."""

    relation: int
    inputs: tuple[Query, ...]
    types: tuple[SqlType, ...]


class SetOperation(Plan, frozen=True, kw_only=True):
    """Both sides deliver columns of `types`; the result is renumbered under `relation`."""

    relation: int
    kind: str  # 'intersect', 'except'
    all: bool
    left: Query
    right: Query
    types: tuple[SqlType, ...]


class LockedRelation(msgspec.Struct, frozen=True):
    relation: int
    table: schema.Table
    strength: str  # 'update', 'no key update', 'share', 'key share'
    wait: str  # 'wait', 'nowait', 'skip locked'


class LockRows(Plan, frozen=True, kw_only=True):
    """FOR UPDATE and its kin: above the sort, below LIMIT (R37)."""

    input: Plan
    locked: tuple[LockedRelation, ...]


class Cte(msgspec.Struct, frozen=True):
    number: int
    name: str
    plan: Plan  # a Query, a DML plan with returning, or RecursiveUnion
    materialized: bool | None = None


class RecursiveUnion(Plan, frozen=True, kw_only=True):
    """WITH RECURSIVE; `right` reads the working table through CteScan(cte=number)."""

    number: int
    all: bool
    left: Query
    right: Query
    types: tuple[SqlType, ...]


class Query(Plan, frozen=True, kw_only=True):
    """A plan with its visible columns; the root of every SELECT and of every subquery.

    `ctes` are visible in the whole of the query, derived tables and subqueries included, later ones in none before."""

    input: Plan
    outputs: tuple[Output, ...]
    ctes: tuple[Cte, ...] = ()


class RowSource(msgspec.Struct, frozen=True):
    """A subquery of at most one row, whose outputs are Column(relation, place): NULL where there is no row."""

    relation: int
    plan: Query


class Assignment(msgspec.Struct, frozen=True):
    """`row` is run before the expression, which may mention its columns, as may those of the assignments after it."""

    position: int
    expression: Expression
    row: RowSource | None = None


class OnConflict(msgspec.Struct, frozen=True):
    """`arbiters`: index ids (empty: any unique index). `excluded`: relation number of EXCLUDED."""

    arbiters: tuple[int, ...]
    update: tuple[Assignment, ...] | None  # None: DO NOTHING
    where: Expression | None
    excluded: int


class Insert(Plan, frozen=True, kw_only=True):
    """`source` delivers one output per column of `values`' mapping; `row` builds the complete stored row from it.

    `row[i]` is the expression of column position i over the source's outputs (Column(source_relation, k)), defaults
    included; generated columns and checks are in `generated` and `checks`, over Column(relation, position).
    `view_checks` are the conditions of views WITH CHECK OPTION: unlike checks, they must be true."""

    table: schema.Table
    relation: int
    source: Query
    source_relation: int
    row: tuple[Expression, ...]
    generated: tuple[Assignment, ...] = ()
    checks: tuple[tuple[str, Expression], ...] = ()
    view_checks: tuple[tuple[str, Expression], ...] = ()
    on_conflict: OnConflict | None = None
    returning: tuple[Output, ...] | None = None
    ctes: tuple[Cte, ...] = ()


class Update(Plan, frozen=True, kw_only=True):
    """`input` finds the target rows as relation `relation` (joined with FROM items); assignments over all of them."""

    table: schema.Table
    relation: int
    input: Plan
    assignments: tuple[Assignment, ...]
    generated: tuple[Assignment, ...] = ()
    checks: tuple[tuple[str, Expression], ...] = ()
    view_checks: tuple[tuple[str, Expression], ...] = ()
    returning: tuple[Output, ...] | None = None
    new_relation: int = -1  # generated, checks and returning mention the new row as this relation
    ctes: tuple[Cte, ...] = ()


class Delete(Plan, frozen=True, kw_only=True):
    table: schema.Table
    relation: int
    input: Plan
    returning: tuple[Output, ...] | None = None
    ctes: tuple[Cte, ...] = ()


class MergeAction(msgspec.Struct, frozen=True):
    """One WHEN clause of MERGE: which rows it is for, and what is done with them."""

    match: str  # 'matched', 'not matched', 'not matched by source'
    condition: Expression | None
    kind: str  # 'insert', 'update', 'delete', 'nothing'
    assignments: tuple[Assignment, ...] = ()
    row: tuple[Expression, ...] = ()


class Merge(Plan, frozen=True, kw_only=True):
    """`input` joins the source with the target, which is relation `relation`; `on` is the join's condition.

    `present` is true in rows that have a source row, None where all have one. The first of `actions` that fits a row
    of the join is carried out."""

    table: schema.Table
    relation: int
    input: Plan
    on: Expression
    present: Expression | None
    actions: tuple[MergeAction, ...]
    generated: tuple[Assignment, ...] = ()
    checks: tuple[tuple[str, Expression], ...] = ()
    returning: tuple[Output, ...] | None = None
    new_relation: int = -1  # generated, checks and returning mention the changed row as this relation
    ctes: tuple[Cte, ...] = ()


def expressions_of(expression: Expression) -> Iterator[Expression]:
    """`expression` and everything below it, without entering subquery plans."""
    stack: list[Any] = [expression]
    while stack:
        node = stack.pop()
        if isinstance(node, Expression):
            yield node
            stack.extend(getattr(node, name) for name in node.__struct_fields__)
        elif isinstance(node, tuple):
            stack.extend(node)
