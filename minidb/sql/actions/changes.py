"""Actions of the grammar's section Changing data: INSERT, UPDATE, DELETE, MERGE, COPY."""

from __future__ import annotations

from typing import Any

from minidb.sql import ast
from minidb.sql.actions.queries import QueryActions
from minidb.sql.ast import Assignment, Expression, Name, Option, Query, Target
from minidb.sql.lalr import Constant

InsertSource = tuple[tuple[Name, ...], Query | None, Any]
"""The columns, the query (None: DEFAULT VALUES), OVERRIDING."""


class ChangeActions(QueryActions):
    # -- INSERT -----------------------------------------------------------------------------------------------

    def insert(
        self,
        at: int,
        with_: ast.With | None,
        table: ast.TableRef,
        source: InsertSource,
        on_conflict: ast.OnConflict | None,
        returning: tuple[Target, ...],
    ) -> ast.Insert:
        columns, query, overriding = source
        return ast.Insert(table, columns, query, overriding, on_conflict, returning, with_, at=at)

    def insert_table(self, at: int, name: ast.QualifiedName, alias: str | None = None) -> ast.TableRef:
        return ast.TableRef(name, alias, at=at)

    def insert_defaults(self, at: int) -> InsertSource:
        return (), None, None

    def insert_query(self, at: int, query: Query) -> InsertSource:
        return (), query, None

    def insert_overriding(self, at: int, overriding: str, query: Query) -> InsertSource:
        return (), query, overriding

    def insert_columns(self, at: int, columns: tuple[Name, ...], query: Query) -> InsertSource:
        return columns, query, None

    def insert_columns_overriding(
        self, at: int, columns: tuple[Name, ...], overriding: str, query: Query
    ) -> InsertSource:
        return columns, query, overriding

    system = Constant("system")
    user = Constant("user")

    def conflict_nothing(self, at: int, target: dict[str, Any] | None) -> ast.OnConflict:
        return ast.OnConflict("nothing", **(target or {}), at=at)

    def conflict_update(
        self, at: int, target: dict[str, Any] | None, assignments: tuple[Assignment, ...], where: Expression | None
    ) -> ast.OnConflict:
        if target is None:
            self.fail("ON CONFLICT DO UPDATE requires inference specification or constraint name", at)
        return ast.OnConflict("update", **target, assignments=assignments, where=where, at=at)

    def conflict_keys(self, at: int, keys: tuple[ast.SortKey, ...], where: Expression | None) -> dict[str, Any]:
        return {"keys": keys, "keys_where": where}

    def conflict_constraint(self, at: int, constraint: Name) -> dict[str, Any]:
        return {"constraint": constraint}

    # -- UPDATE and DELETE ------------------------------------------------------------------------------------

    def update(
        self,
        at: int,
        with_: ast.With | None,
        table: ast.TableRef,
        assignments: tuple[Assignment, ...],
        from_items: tuple[ast.FromItem, ...],
        where: Expression | None,
        returning: tuple[Target, ...],
    ) -> ast.Update:
        return ast.Update(table, assignments, from_items, where, returning, with_, at=at)

    def delete(
        self,
        at: int,
        with_: ast.With | None,
        table: ast.TableRef,
        using: tuple[ast.FromItem, ...],
        where: Expression | None,
        returning: tuple[Target, ...],
    ) -> ast.Delete:
        return ast.Delete(table, using, where, returning, with_, at=at)

    def current_of(self, at: int, cursor: str) -> Expression:
        return ast.CurrentOf(cursor, at=at)

    def assignment(self, at: int, column: Name, value: Expression) -> Assignment:
        return Assignment((column,), value, at=at)

    def assignment_element(
        self, at: int, column: Name, subscripts: tuple[Expression, ...], value: Expression
    ) -> Assignment:
        return Assignment((column,), value, subscripts=subscripts, at=at)

    def assigned_slice(self, at: int, low: Expression | None, high: Expression | None) -> Expression:
        return ast.AssignedSlice(low, high, at=at)

    def assignment_row(self, at: int, columns: tuple[Name, ...], value: Expression) -> Assignment:
        return Assignment(columns, value, multiple=True, at=at)

    # -- MERGE ------------------------------------------------------------------------------------------------

    def merge(
        self,
        at: int,
        with_: ast.With | None,
        table: ast.TableRef,
        source: ast.FromItem,
        on: Expression,
        clauses: tuple[ast.MergeWhen, ...],
        returning: tuple[Target, ...],
    ) -> ast.Merge:
        return ast.Merge(table, source, on, clauses, returning, with_, at=at)

    def merge_when(self, at: int, match: Any, condition: Expression | None, action: Any) -> ast.MergeWhen:
        if isinstance(action, ast.MergeInsert) != (match == "not matched") and not isinstance(action, ast.MergeNothing):
            self.fail(f"this action cannot be used with WHEN {match.upper()}", action.at)
        return ast.MergeWhen(match, condition, action, at=at)

    def not_matched(self, at: int, *words: str) -> str:
        return "not matched"

    def merge_update(self, at: int, assignments: tuple[Assignment, ...]) -> ast.MergeUpdate:
        return ast.MergeUpdate(assignments, at=at)

    def merge_delete(self, at: int) -> ast.MergeDelete:
        return ast.MergeDelete(at=at)

    def merge_nothing(self, at: int) -> ast.MergeNothing:
        return ast.MergeNothing(at=at)

    def merge_insert(
        self, at: int, columns: tuple[Name, ...], overriding: Any, values: tuple[Expression, ...]
    ) -> ast.MergeInsert:
        return ast.MergeInsert(columns, values, overriding, at=at)

    def merge_insert_defaults(self, at: int) -> ast.MergeInsert:
        return ast.MergeInsert(at=at)

    # -- COPY and options -------------------------------------------------------------------------------------

    def copy_from(
        self,
        at: int,
        table: ast.QualifiedName,
        columns: tuple[Name, ...],
        file: str | None,
        options: tuple[Option, ...],
        where: Expression | None,
    ) -> ast.Copy:
        return ast.Copy(table, columns, "from", file, options, where, at=at)

    def copy_to(
        self,
        at: int,
        table: ast.QualifiedName,
        columns: tuple[Name, ...],
        file: str | None,
        options: tuple[Option, ...],
    ) -> ast.Copy:
        return ast.Copy(table, columns, "to", file, options, at=at)

    def copy_query(self, at: int, query: Query, file: str | None, options: tuple[Option, ...]) -> ast.Copy:
        return ast.Copy(query, (), "to", file, options, at=at)

    def copy_csv(self, at: int) -> Option:
        return Option("format", "csv", at=at)

    def copy_header(self, at: int) -> Option:
        return Option("header", at=at)

    def copy_delimiter(self, at: int, as_: bool, value: str) -> Option:
        return Option("delimiter", value, at=at)

    def copy_null(self, at: int, as_: bool, value: str) -> Option:
        return Option("null", value, at=at)

    def copy_quote(self, at: int, as_: bool, value: str) -> Option:
        return Option("quote", value, at=at)

    def option_names(self, at: int, names: tuple[str, ...]) -> str:
        return ",".join(names)

    def option_star(self, at: int) -> str:
        return "*"

    def option(self, at: int, name: str, value: str | int | None = None) -> Option:
        return Option(name, value, at=at)
