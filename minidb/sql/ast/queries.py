"""Queries and the statements that change rows: what may stand in WITH, and all of its clauses."""

from __future__ import annotations

from typing import Literal

from minidb.sql.ast.nodes import Expression, FromItem, Name, Node, QualifiedName, QueryBody, Statement, TypeName
from minidb.sql.ast.windows import NamedWindow, SortKey

# -- clauses ----------------------------------------------------------------------------------------------


class Target(Node, frozen=True):
    """`expression [AS alias]` of a select list or RETURNING."""

    expression: Expression
    alias: str | None = None


class GroupingSets(Expression, frozen=True):
    """`GROUPING SETS (a, (a, b), (), ROLLUP (...))`, in GROUP BY; a set of several columns is a Row."""

    sets: tuple[Expression, ...]


class Rollup(Expression, frozen=True):
    """`ROLLUP (a, (b, c))`, in GROUP BY."""

    items: tuple[Expression, ...]


class Cube(Expression, frozen=True):
    """`CUBE (a, (b, c))`, in GROUP BY."""

    items: tuple[Expression, ...]


class Locking(Node, frozen=True):
    """`FOR UPDATE OF t NOWAIT`; `tables` are aliases, () means all."""

    strength: Literal["update", "no key update", "share", "key share"]
    tables: tuple[Name, ...] = ()
    wait: Literal["wait", "nowait", "skip locked"] = "wait"


class AsOf(Node, frozen=True):
    """`AS OF SYSTEM TIME value` (kind `time`) or `AS OF COMMIT value` (kind `commit`)."""

    kind: Literal["time", "commit"]
    value: Expression


class CommonTable(Node, frozen=True):
    """`name (columns) AS [NOT] MATERIALIZED (statement)` of WITH; the statement is a Query, Insert, Update, ..."""

    name: str
    columns: tuple[str, ...]
    statement: Query | Insert | Update | Delete | Merge
    materialized: bool | None = None


class With(Node, frozen=True):
    """`WITH [RECURSIVE] a AS (...), b AS (...)`."""

    tables: tuple[CommonTable, ...]
    recursive: bool = False


# -- FROM -------------------------------------------------------------------------------------------------


class TableRef(FromItem, frozen=True):
    """`schema.table FOR SYSTEM_TIME AS OF ... AS alias (columns)`; also the target of UPDATE, DELETE and MERGE."""

    name: QualifiedName
    alias: str | None = None
    columns: tuple[str, ...] = ()
    as_of: AsOf | None = None


class DerivedTable(FromItem, frozen=True):
    """`[LATERAL] (query) AS alias (columns)`; VALUES and parenthesised queries as well."""

    query: Query
    alias: str | None = None
    columns: tuple[str, ...] = ()
    lateral: bool = False


class ColumnAlias(Node, frozen=True):
    """A column name behind an alias of a function in FROM; its type if one is given (`AS t (a int, b text)`)."""

    name: str
    type: TypeName | None = None


class TableFunction(FromItem, frozen=True):
    """`[LATERAL] f(...) [WITH ORDINALITY] AS alias (columns)`; several calls for ROWS FROM (f(...), g(...))."""

    calls: tuple[Expression, ...]
    alias: str | None = None
    columns: tuple[ColumnAlias, ...] = ()
    ordinality: bool = False
    lateral: bool = False


class Join(FromItem, frozen=True):
    """`left JOIN right`; a chain of joins is left-deep. `alias` is that of `(a JOIN b) AS alias`."""

    kind: Literal["inner", "left", "right", "full", "cross"]
    left: FromItem
    right: FromItem
    on: Expression | None = None
    using: tuple[Name, ...] = ()
    natural: bool = False
    using_alias: str | None = None
    alias: str | None = None


# -- bodies -----------------------------------------------------------------------------------------------


class Select(QueryBody, frozen=True):
    """`SELECT ... FROM ... WHERE ... GROUP BY ... HAVING ... WINDOW ...`."""

    targets: tuple[Target, ...]
    from_items: tuple[FromItem, ...] = ()
    where: Expression | None = None
    group_by: tuple[Expression, ...] = ()
    having: Expression | None = None
    windows: tuple[NamedWindow, ...] = ()
    distinct: bool = False
    distinct_on: tuple[Expression, ...] = ()
    group_distinct: bool = False  # GROUP BY DISTINCT


class Values(QueryBody, frozen=True):
    """`VALUES (1, 2), (3, DEFAULT)`."""

    rows: tuple[tuple[Expression, ...], ...]


class SetOperation(QueryBody, frozen=True):
    """`left UNION | INTERSECT | EXCEPT [ALL] right`; a chain is left-deep. `at` is the operator's."""

    operator: Literal["union", "intersect", "except"]
    left: QueryBody | Query
    right: QueryBody | Query
    all: bool = False


class Query(Statement, frozen=True):
    """A whole query: WITH, the body, and what is said about its result.

    A parenthesised query without clauses of its own is just its body, so a Query inside a SetOperation, or as the body
    of a Query, always has some.
    """

    body: QueryBody | Query
    with_: With | None = None
    order_by: tuple[SortKey, ...] = ()
    limit: Expression | None = None  # LIMIT ALL is None
    offset: Expression | None = None
    with_ties: bool = False
    locking: tuple[Locking, ...] = ()
    as_of: AsOf | None = None


# -- expressions that hold a query ------------------------------------------------------------------------


class InSubquery(Expression, frozen=True):
    """`x [NOT] IN (SELECT ...)`; x may be a row."""

    operand: Expression
    query: Query
    negated: bool = False


class QuantifiedSubquery(Expression, frozen=True):
    """`x = ANY (SELECT ...)`; SOME is `any`. LIKE and ILIKE have the operators `~~`, `~~*`, NOT LIKE `!~~`, `!~~*`."""

    operator: str
    left: Expression
    quantifier: Literal["any", "all"]
    query: Query


class ArraySubquery(Expression, frozen=True):
    """`ARRAY(SELECT ...)`."""

    query: Query


class Subquery(Expression, frozen=True):
    """`(SELECT ...)` as a value."""

    query: Query


class Exists(Expression, frozen=True):
    """`EXISTS (SELECT ...)`; NOT EXISTS is Not(Exists)."""

    query: Query


# -- changing data ----------------------------------------------------------------------------------------


class Assignment(Node, frozen=True):
    """`column = value`, or `(a, b) = value` with a Row or Subquery as its value (`multiple`)."""

    columns: tuple[Name, ...]
    value: Expression
    multiple: bool = False
    subscripts: tuple[Expression, ...] = ()  # SET a[1] = ...


class OnConflict(Node, frozen=True):
    """`ON CONFLICT (keys) WHERE ... DO NOTHING | DO UPDATE SET ... WHERE ...`; `keys` may be expressions."""

    action: Literal["nothing", "update"]
    keys: tuple[SortKey, ...] = ()
    keys_where: Expression | None = None  # which partial index
    constraint: Name | None = None  # ON CONFLICT ON CONSTRAINT name
    assignments: tuple[Assignment, ...] = ()
    where: Expression | None = None


class Insert(Statement, frozen=True):
    """`INSERT INTO table (columns) ...`; `source` is None for DEFAULT VALUES."""

    table: TableRef
    columns: tuple[Name, ...]
    source: Query | None
    overriding: Literal["system", "user"] | None = None
    on_conflict: OnConflict | None = None
    returning: tuple[Target, ...] = ()
    with_: With | None = None


class Update(Statement, frozen=True):
    """`UPDATE table SET ... FROM ... WHERE ... RETURNING ...`."""

    table: TableRef
    assignments: tuple[Assignment, ...]
    from_items: tuple[FromItem, ...] = ()
    where: Expression | None = None
    returning: tuple[Target, ...] = ()
    with_: With | None = None


class Delete(Statement, frozen=True):
    """`DELETE FROM table USING ... WHERE ... RETURNING ...`."""

    table: TableRef
    using: tuple[FromItem, ...] = ()
    where: Expression | None = None
    returning: tuple[Target, ...] = ()
    with_: With | None = None


class MergeInsert(Node, frozen=True):
    """`THEN INSERT (columns) VALUES (...)`; `values` is None for DEFAULT VALUES."""

    columns: tuple[Name, ...] = ()
    values: tuple[Expression, ...] | None = None
    overriding: Literal["system", "user"] | None = None


class MergeUpdate(Node, frozen=True):
    """`THEN UPDATE SET ...`."""

    assignments: tuple[Assignment, ...]


class MergeDelete(Node, frozen=True):
    """`THEN DELETE`."""


class MergeNothing(Node, frozen=True):
    """`THEN DO NOTHING`."""


class MergeWhen(Node, frozen=True):
    """`WHEN [NOT] MATCHED [BY SOURCE] AND condition THEN action`."""

    match: Literal["matched", "not matched", "not matched by source"]
    condition: Expression | None
    action: MergeInsert | MergeUpdate | MergeDelete | MergeNothing


class Merge(Statement, frozen=True):
    """`MERGE INTO table USING source ON ... WHEN ...`."""

    table: TableRef
    source: FromItem
    on: Expression
    clauses: tuple[MergeWhen, ...]
    returning: tuple[Target, ...] = ()
    with_: With | None = None
