"""Actions of the grammar's section Queries: SELECT, set operations, FROM, WITH."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from minidb.sql import ast
from minidb.sql.actions.expressions import ExpressionActions
from minidb.sql.ast import Expression, FromItem, Query, QueryBody, SortKey
from minidb.sql.lalr import Constant, placed

Alias = tuple[str | None, tuple[Any, ...]]
"""An alias and its column names."""

_CLAUSES = ("with_", "order_by", "limit", "offset", "locking", "as_of")


def bare(query: QueryBody | Query) -> QueryBody | Query:
    """The body of a query that has no clauses of its own: what its parentheses enclose."""
    if isinstance(query, Query) and not any(getattr(query, clause) for clause in _CLAUSES):
        return query.body
    return query


class QueryActions(ExpressionActions):
    # -- whole queries ----------------------------------------------------------------------------------------

    def query(self, at: int, body: QueryBody | Query, tail: dict[str, Any] | None) -> Query:
        if tail is None:
            return Query(bare(body), at=at)
        return Query(bare(body), **tail, at=at)

    def query_with(self, at: int, with_: ast.With, body: QueryBody | Query, tail: dict[str, Any] | None) -> Query:
        return Query(bare(body), with_, **(tail or {}), at=at)

    def query_tail_limits(self, at: int, items: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
        return self.query_tail(at, (), items)

    def query_tail(
        self, at: int, order_by: tuple[SortKey, ...], items: tuple[tuple[str, Any], ...] = ()
    ) -> dict[str, Any]:
        tail: dict[str, Any] = {"order_by": order_by}
        for name, value in items:
            if name == "locking":
                value = (*tail.get("locking", ()), value)
            elif name in tail:
                self.fail(f"multiple {name.upper().replace('_', ' ')} clauses are not allowed", at)
            tail[name] = value
        if isinstance(tail.get("limit"), tuple):
            tail["limit"], tail["with_ties"] = tail["limit"]
            if tail["with_ties"] and not order_by:
                self.fail("WITH TIES cannot be specified without ORDER BY clause", at)
        return tail

    def limit(self, at: int, count: Expression) -> tuple[str, Any]:
        return "limit", count

    limit_all = Constant(("limit", None))

    def offset(self, at: int, count: Expression, rows: None) -> tuple[str, Any]:
        return "offset", count

    def fetch_first(self, at: int, first: None, count: Expression | None, rows: None, ties: bool) -> tuple[str, Any]:
        return "limit", (count or ast.NumberLiteral("1", at=at), ties)

    def locking(self, at: int, strength: Any, tables: tuple[ast.Name, ...], wait: Any) -> tuple[str, Any]:
        return "locking", ast.Locking(strength, tables, wait, at=at)

    wait = Constant("wait")

    def as_of_time(self, at: int, value: Expression) -> tuple[str, Any]:
        return "as_of", ast.AsOf("time", value, at=at)

    def as_of_commit(self, at: int, value: Expression) -> tuple[str, Any]:
        return "as_of", ast.AsOf("commit", value, at=at)

    def sort_key(self, at: int, expression: Expression, descending: bool, nulls_first: bool | None) -> SortKey:
        return SortKey(expression, descending, nulls_first, at=at)

    def with_clause(self, at: int, recursive: bool, tables: tuple[ast.CommonTable, ...]) -> ast.With:
        return ast.With(tables, recursive, at=at)

    def common_table(
        self, at: int, name: str, columns: tuple[str, ...], materialized: bool | None, statement: Any
    ) -> ast.CommonTable:
        return ast.CommonTable(name, columns, statement, materialized, at=at)

    # -- bodies -----------------------------------------------------------------------------------------------

    @placed(1)
    def set_operation(
        self, at: int, left: QueryBody | Query, operator: tuple[Any, bool], right: QueryBody | Query
    ) -> QueryBody:
        kind, all_ = operator
        return ast.SetOperation(kind, bare(left), bare(right), all_, at=at)

    def union(self, at: int, all_: bool) -> tuple[str, bool]:
        return "union", all_

    def except_(self, at: int, all_: bool) -> tuple[str, bool]:
        return "except", all_

    def intersect(self, at: int, all_: bool) -> tuple[str, bool]:
        return "intersect", all_

    def select(
        self,
        at: int,
        quantifier: bool | tuple[Expression, ...],
        targets: tuple[ast.Target, ...],
        from_items: tuple[FromItem, ...],
        where: Expression | None,
        group_by: tuple[bool, tuple[Expression, ...]] | None,
        having: Expression | None,
        windows: tuple[ast.NamedWindow, ...],
    ) -> QueryBody:
        distinct, distinct_on = (False, quantifier) if isinstance(quantifier, tuple) else (quantifier, ())
        group_distinct, keys = group_by or (False, ())
        return ast.Select(
            targets, from_items, where, keys, having, windows, distinct, distinct_on, group_distinct, at=at
        )

    def select_nothing(
        self,
        at: int,
        from_items: tuple[FromItem, ...],
        where: Expression | None,
        group_by: tuple[bool, tuple[Expression, ...]] | None,
        having: Expression | None,
        windows: tuple[ast.NamedWindow, ...],
    ) -> QueryBody:
        return self.select(at, False, (), from_items, where, group_by, having, windows)

    def values(self, at: int, rows: tuple[tuple[Expression, ...], ...]) -> QueryBody:
        return ast.Values(rows, at=at)

    def table_query(self, at: int, table: ast.TableRef) -> QueryBody:
        star = ast.Target(ast.Star(at=at), at=at)
        return ast.Select((star,), (table,), at=at)

    distinct = Constant(True)
    not_distinct = Constant(False)

    def distinct_on(self, at: int, keys: tuple[Expression, ...]) -> tuple[Expression, ...]:
        return keys

    def target(self, at: int, expression: Expression, alias: str | None = None) -> ast.Target:
        return ast.Target(expression, alias, at=at)

    def target_fields(self, at: int, row: Expression) -> ast.Target:
        return ast.Target(ast.FieldStar(row, at=at), at=at)

    def target_star(self, at: int) -> ast.Target:
        return ast.Target(ast.Star(at=at), at=at)

    def named_window(self, at: int, name: str, spec: ast.WindowSpec) -> ast.NamedWindow:
        return ast.NamedWindow(name, spec, at=at)

    def group_by(self, at: int, distinct: bool, keys: tuple[Expression, ...]) -> tuple[bool, tuple[Expression, ...]]:
        return distinct, keys

    def empty_row(self, at: int) -> Expression:
        return ast.Row((), at=at)

    def rollup(self, at: int, items: tuple[Expression, ...]) -> Expression:
        return ast.Rollup(items, at=at)

    def cube(self, at: int, items: tuple[Expression, ...]) -> Expression:
        return ast.Cube(items, at=at)

    def grouping_sets(self, at: int, sets: tuple[Expression, ...]) -> Expression:
        return ast.GroupingSets(sets, at=at)

    # -- FROM -------------------------------------------------------------------------------------------------

    @placed(1)
    def cross_join(self, at: int, left: FromItem, right: FromItem) -> FromItem:
        return ast.Join("cross", left, right, at=at)

    @placed(1)
    def natural_join(self, at: int, left: FromItem, kind: Any, right: FromItem) -> FromItem:
        return ast.Join(kind, left, right, natural=True, at=at)

    @placed(1)
    def join_on(self, at: int, left: FromItem, kind: Any, right: FromItem, on: Expression) -> FromItem:
        return ast.Join(kind, left, right, on, at=at)

    @placed(1)
    def join_using(
        self, at: int, left: FromItem, kind: Any, right: FromItem, columns: tuple[ast.Name, ...], alias: str | None
    ) -> FromItem:
        return ast.Join(kind, left, right, using=columns, using_alias=alias, at=at)

    inner = Constant("inner")

    def left(self, at: int, outer: bool) -> str:
        return "left"

    def right(self, at: int, outer: bool) -> str:
        return "right"

    def full(self, at: int, outer: bool) -> str:
        return "full"

    def parenthesised_join(self, at: int, join: ast.Join, alias: Alias) -> FromItem:
        name, columns = alias
        if columns:
            self.fail("the alias of a join cannot have column names", at)
        return replace(join, alias=name) if name else join

    def table_reference(self, at: int, name: ast.QualifiedName, alias: Alias) -> FromItem:
        return ast.TableRef(name, *alias, at=name.at)

    def table_as_it_was(self, at: int, name: ast.QualifiedName, as_of: ast.AsOf, alias: Alias) -> FromItem:
        return ast.TableRef(name, alias[0], alias[1], as_of, at=name.at)

    def past_time(self, at: int, *parts: Any) -> ast.AsOf:
        return ast.AsOf("time", parts[-1], at=parts[-1].at)

    def past_commit(self, at: int, *parts: Any) -> ast.AsOf:
        return ast.AsOf("commit", parts[-1], at=parts[-1].at)

    def derived_table(self, at: int, query: Query, alias: Alias) -> FromItem:
        return ast.DerivedTable(query, *alias, at=at)

    def lateral_table(self, at: int, query: Query, alias: Alias) -> FromItem:
        return ast.DerivedTable(query, *alias, lateral=True, at=at)

    def table_function(self, at: int, call: Expression, ordinality: bool, alias: Alias) -> ast.TableFunction:
        return ast.TableFunction((call,), *alias, ordinality, at=at)

    def rows_from(
        self, at: int, calls: tuple[Expression, ...], ordinality: bool, alias: Alias
    ) -> ast.TableFunction:
        return ast.TableFunction(calls, *alias, ordinality, at=at)

    def lateral_function(self, at: int, function: ast.TableFunction) -> FromItem:
        return replace(function, lateral=True)

    def no_alias(self, at: int) -> Alias:
        return None, ()

    def only_columns(self, at: int, columns: tuple[ast.ColumnAlias, ...]) -> Alias:
        return None, columns

    def column_alias(self, at: int, name: str, type: ast.TypeName | None = None) -> ast.ColumnAlias:
        return ast.ColumnAlias(name, type, at=at)
