"""Actions of the grammar's sections Defining tables and Indexes, views, sequences, schemas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from minidb import errors
from minidb.sql import ast
from minidb.sql.actions.changes import ChangeActions
from minidb.sql.ast import AlterAction, Constraint, Expression, Name, Option, QualifiedName, Query, TypeName
from minidb.sql.lalr import Constant, placed

Field = tuple[str, Any]
AlterColumn = Callable[[Name], AlterAction]

_ATTRIBUTES = ("deferrable", "deferred", "validated")


class DefinitionActions(ChangeActions):
    # -- CREATE TABLE -----------------------------------------------------------------------------------------

    def create_table(
        self,
        at: int,
        kind: str | bool | None,
        if_not_exists: bool,
        name: QualifiedName,
        elements: tuple[Any, ...],
        options: tuple[Option, ...],
        on_commit: Any,
    ) -> ast.CreateTable:
        return ast.CreateTable(
            name,
            tuple(element for element in elements if isinstance(element, ast.ColumnDefinition)),
            tuple(element for element in elements if isinstance(element, Constraint)),
            tuple(element for element in elements if isinstance(element, ast.LikeTable)),
            temporary=kind is True,
            unlogged=kind == "unlogged",
            if_not_exists=if_not_exists,
            on_commit=on_commit,
            options=options,
            at=at,
        )

    unlogged = Constant("unlogged")

    def like_table(self, at: int, table: QualifiedName, options: tuple[tuple[bool, str], ...]) -> ast.LikeTable:
        return ast.LikeTable(table, options, at=at)

    def including(self, at: int, what: str) -> tuple[bool, str]:
        return True, what

    def excluding(self, at: int, what: str) -> tuple[bool, str]:
        return False, what

    def create_table_as(
        self,
        at: int,
        kind: str | bool | None,
        if_not_exists: bool,
        name: QualifiedName,
        columns: tuple[Name, ...],
        options: tuple[Option, ...],
        on_commit: Any,
        query: Query | ast.Execute,
        with_data: bool,
    ) -> ast.CreateTableAs:
        temporary = kind is True
        return ast.CreateTableAs(name, columns, query, temporary, if_not_exists, with_data, on_commit, options, at=at)

    # -- columns ----------------------------------------------------------------------------------------------

    def column_definition(
        self, at: int, name: str, type: TypeName, collation: QualifiedName | None, items: tuple[Any, ...]
    ) -> ast.ColumnDefinition:
        constraints: list[Constraint] = []
        values: dict[str, Any] = {}
        for item in items:
            if isinstance(item, Constraint):
                constraints.append(item)
            elif item[0] in _ATTRIBUTES:
                if not constraints:
                    self.fail("a constraint attribute needs a constraint before it", at)
                constraints[-1] = self._with_attributes(constraints[-1], (item,), at)
            elif values:
                self.fail(f'column "{name}" has more than one default, identity or generation expression', at)
            else:
                values[item[0]] = item[1]
        return ast.ColumnDefinition(
            name, type, collation.name if collation else None, **values, constraints=tuple(constraints), at=at
        )

    def _with_attributes(self, constraint: Constraint, attributes: tuple[Field, ...], at: int) -> Constraint:
        fields = self.fields(attributes, at)
        if fields.get("deferred"):
            if fields.get("deferrable", constraint.deferrable) is False:
                self.fail("constraint declared INITIALLY DEFERRED must be DEFERRABLE", at)
            fields["deferrable"] = True
        return replace(constraint, **fields) if fields else constraint

    def named_constraint(self, at: int, name: Name, item: Any) -> Any:
        return replace(item, name=name.value, at=at) if isinstance(item, Constraint) else item

    def not_null(self, at: int) -> Constraint:
        return ast.NotNull(at=at)

    def explicit_null(self, at: int) -> Constraint:
        return ast.NotNull(null=True, at=at)

    def column_default(self, at: int, value: Expression) -> Field:
        return "default", value

    def check(self, at: int, expression: Expression, no_inherit: None) -> Constraint:
        return ast.Check(expression=expression, at=at)

    def column_unique(self, at: int, nulls_not_distinct: bool) -> Constraint:
        return ast.Unique(nulls_not_distinct=nulls_not_distinct, at=at)

    def column_primary(self, at: int, clustered: bool) -> Constraint:
        return ast.Unique(primary=True, clustered=clustered, at=at)

    def generated(self, at: int, expression: Expression) -> Field:
        return "generated", expression

    def identity_always(self, at: int, options: ast.SequenceOptions | None) -> Field:
        return "identity", ast.Identity(True, options, at=at)

    def identity_by_default(self, at: int, options: ast.SequenceOptions | None) -> Field:
        return "identity", ast.Identity(False, options, at=at)

    # -- constraints ------------------------------------------------------------------------------------------

    def reference(
        self, at: int, table: QualifiedName, referenced: tuple[Name, ...], options: tuple[Field, ...]
    ) -> ast.ForeignKey:
        fields = self.fields(options, at)
        for event in ("on_delete", "on_update"):
            if isinstance(fields.get(event), tuple):
                fields[event], columns = fields[event]
                if event == "on_update":
                    raise errors.NotSupportedError(
                        f"a column list with {fields[event].upper()} is only supported for ON DELETE actions",
                        position=columns[0].at,
                    )
                fields["delete_columns"] = columns
        return ast.ForeignKey(table=table, referenced=referenced, **fields, at=at)

    def match(self, at: int, kind: str) -> Field:
        return "match", kind

    def on_delete(self, at: int, action: Any) -> Field:
        return "on_delete", action

    def on_update(self, at: int, action: Any) -> Field:
        return "on_update", action

    def set_columns(self, at: int, action: str, columns: tuple[Name, ...]) -> tuple[str, tuple[Name, ...]]:
        return action, columns

    deferrable = Constant(("deferrable", True))
    not_deferrable = Constant(("deferrable", False))
    initially_deferred = Constant(("deferred", True))
    initially_immediate = Constant(("deferred", False))
    not_valid = Constant(("validated", False))

    def table_constraint(self, at: int, body: Constraint, attributes: tuple[Field, ...]) -> Constraint:
        return self._with_attributes(body, attributes, at)

    def named_table_constraint(
        self, at: int, name: Name, body: Constraint, attributes: tuple[Field, ...]
    ) -> Constraint:
        return replace(self._with_attributes(body, attributes, at), name=name.value, at=at)

    def table_unique(
        self, at: int, nulls_not_distinct: bool, columns: tuple[Name, ...], include: tuple[Name, ...]
    ) -> Constraint:
        return ast.Unique(columns=columns, nulls_not_distinct=nulls_not_distinct, include=include, at=at)

    def table_primary(
        self, at: int, clustered: bool, columns: tuple[Name, ...], include: tuple[Name, ...]
    ) -> Constraint:
        return ast.Unique(columns=columns, primary=True, clustered=clustered, include=include, at=at)

    def foreign_key(self, at: int, columns: tuple[Name, ...], reference: ast.ForeignKey) -> Constraint:
        return replace(reference, columns=columns, at=at)

    def unique_using_index(self, at: int, index: str) -> Constraint:
        return ast.Unique(using_index=index, at=at)

    def exclude(
        self, at: int, method: str | None, elements: Any, include: tuple[Name, ...], where: Expression | None
    ) -> Constraint:
        return ast.Exclude(elements=elements, method=method, include=include, where=where, at=at)

    def primary_using_index(self, at: int, index: str) -> Constraint:
        return ast.Unique(primary=True, using_index=index, at=at)

    # -- ALTER TABLE ------------------------------------------------------------------------------------------

    def alter_table(
        self,
        at: int,
        kind: Any,
        if_exists: bool,
        only: bool,
        name: QualifiedName,
        actions: tuple[AlterAction, ...],
    ) -> ast.AlterTable:
        return ast.AlterTable(kind, name, actions, if_exists, at=at)

    def add_column(
        self, at: int, keyword: bool, if_not_exists: bool, column: ast.ColumnDefinition
    ) -> AlterAction:
        return ast.AddColumn(column, if_not_exists, at=at)

    def drop_column(self, at: int, keyword: bool, if_exists: bool, column: Name, cascade: bool) -> AlterAction:
        return ast.DropColumn(column, if_exists, cascade, at=at)

    def alter_column(self, at: int, keyword: bool, column: Name, action: AlterColumn) -> AlterAction:
        return replace(action(column), at=at)

    def add_constraint(self, at: int, constraint: Constraint) -> AlterAction:
        return ast.AddConstraint(constraint, at=at)

    def drop_constraint(self, at: int, if_exists: bool, name: Name, cascade: bool) -> AlterAction:
        return ast.DropConstraint(name, if_exists, cascade, at=at)

    def alter_constraint(self, at: int, name: Name, attributes: tuple[Field, ...]) -> AlterAction:
        fields = self.fields(attributes, at)
        if "validated" in fields:
            self.fail("constraints cannot be altered to be NOT VALID", at)
        return ast.AlterConstraint(name, **fields, at=at)

    def validate_constraint(self, at: int, name: Name) -> AlterAction:
        return ast.ValidateConstraint(name, at=at)

    def rename_column(self, at: int, keyword: bool, column: Name, new_name: Name) -> AlterAction:
        return ast.RenameColumn(column, new_name, at=at)

    def rename_constraint(self, at: int, name: Name, new_name: Name) -> AlterAction:
        return ast.RenameConstraint(name, new_name, at=at)

    def rename(self, at: int, new_name: Name) -> ast.Rename:
        return ast.Rename(new_name, at=at)

    def set_schema(self, at: int, schema: str) -> AlterAction:
        return ast.SetSchema(schema, at=at)

    def set_options(self, at: int, options: tuple[Option, ...]) -> AlterAction:
        return ast.SetOptions(options, at=at)

    def reset_options(self, at: int, options: tuple[Option, ...]) -> AlterAction:
        return ast.ResetOptions(options, at=at)

    def set_type(
        self, at: int, data: None, type: TypeName, collation: QualifiedName | None, using: Expression | None
    ) -> AlterColumn:
        return lambda column: ast.SetType(column, type, using, collation.name if collation else None)

    def set_default(self, at: int, value: Expression) -> AlterColumn:
        return lambda column: ast.SetDefault(column, value)

    def drop_default(self, at: int) -> AlterColumn:
        return lambda column: ast.SetDefault(column, None)

    def set_not_null(self, at: int) -> AlterColumn:
        return lambda column: ast.SetNotNull(column, True)

    def drop_not_null(self, at: int) -> AlterColumn:
        return lambda column: ast.SetNotNull(column, False)

    def add_identity(self, at: int, identity: Field) -> AlterColumn:
        return lambda column: ast.AddIdentity(column, identity[1])

    def drop_identity(self, at: int, if_exists: bool) -> AlterColumn:
        return lambda column: ast.DropIdentity(column, if_exists)

    def set_identity(self, at: int, items: tuple[bool | Field, ...]) -> AlterColumn:
        kinds = [item for item in items if isinstance(item, bool)]
        options = tuple(item for item in items if not isinstance(item, bool))
        if len(kinds) > 1:
            self.fail("conflicting or redundant options", at)
        made = self.sequence_options(at, options) if options else None
        return lambda column: ast.SetIdentity(column, kinds[0] if kinds else None, made)

    def drop_expression(self, at: int, if_exists: bool) -> AlterColumn:
        return lambda column: ast.DropExpression(column, if_exists)

    def set_statistics(self, at: int, target: int) -> AlterColumn:
        return lambda column: ast.SetStatistics(column, target)

    # -- DROP, TRUNCATE, COMMENT ------------------------------------------------------------------------------

    def drop(
        self,
        at: int,
        kind: Any,
        concurrently: bool,
        if_exists: bool,
        names: tuple[QualifiedName, ...],
        cascade: bool,
    ) -> ast.Drop:
        return ast.Drop(kind, names, if_exists, cascade, concurrently, at=at)

    def truncate(
        self, at: int, table: bool, only: bool, tables: tuple[QualifiedName, ...], restart: bool, cascade: bool
    ) -> ast.Truncate:
        return ast.Truncate(tables, restart, cascade, at=at)

    def comment(self, at: int, kind: Any, name: QualifiedName, text: str | None) -> ast.Comment:
        return ast.Comment(kind, name, text, at=at)

    # -- indexes, views, schemas ------------------------------------------------------------------------------

    def create_index(
        self,
        at: int,
        unique: bool,
        concurrently: bool,
        index: tuple[bool, Name | None],
        only: bool,
        table: QualifiedName,
        method: str | None,
        keys: tuple[ast.SortKey, ...],
        include: tuple[Name, ...],
        nulls_not_distinct: bool,
        options: tuple[Option, ...],
        where: Expression | None,
    ) -> ast.CreateIndex:
        if_not_exists, name = index
        return ast.CreateIndex(
            table, keys, name, unique, if_not_exists, concurrently, method, include, nulls_not_distinct, options,
            where, at=at,
        )  # fmt: skip

    def index_name(self, at: int, if_not_exists: bool, name: Name) -> tuple[bool, Name | None]:
        return if_not_exists, name

    def no_index_name(self, at: int) -> tuple[bool, Name | None]:
        return False, None

    def reindex(self, at: int, kind: Any, name: QualifiedName) -> ast.Reindex:
        return ast.Reindex(kind, name, at=at)

    def create_view(
        self,
        at: int,
        temporary: bool | None,
        recursive: bool,
        if_not_exists: bool,
        name: QualifiedName,
        columns: tuple[Name, ...],
        options: tuple[Option, ...],
        query: Query,
        check_option: Any,
    ) -> ast.CreateView:
        check = _check_option(self, options, check_option)
        return ast.CreateView(name, columns, query, False, bool(temporary), recursive, if_not_exists, check, at=at)

    def replace_view(
        self,
        at: int,
        temporary: bool | None,
        recursive: bool,
        name: QualifiedName,
        columns: tuple[Name, ...],
        options: tuple[Option, ...],
        query: Query,
        check_option: Any,
    ) -> ast.CreateView:
        check = _check_option(self, options, check_option)
        return ast.CreateView(name, columns, query, True, bool(temporary), recursive, False, check, at=at)

    cascaded = Constant("cascaded")
    local = Constant("local")

    def create_materialized_view(
        self, at: int, if_not_exists: bool, name: QualifiedName, columns: tuple[Name, ...], query: Query, data: bool
    ) -> ast.CreateMaterializedView:
        return ast.CreateMaterializedView(name, columns, query, if_not_exists, data, at=at)

    def refresh(
        self, at: int, concurrently: bool, name: QualifiedName, with_data: bool
    ) -> ast.RefreshMaterializedView:
        return ast.RefreshMaterializedView(name, concurrently, with_data, at=at)

    def create_schema(self, at: int, if_not_exists: bool, name: str) -> ast.CreateSchema:
        return ast.CreateSchema(name, if_not_exists, at=at)

    # -- sequences --------------------------------------------------------------------------------------------

    def create_sequence(
        self, at: int, temporary: bool | None, if_not_exists: bool, name: QualifiedName, options: tuple[Field, ...]
    ) -> ast.CreateSequence:
        return ast.CreateSequence(
            name, self.sequence_options(at, options), bool(temporary), if_not_exists, at=at
        )

    def alter_sequence(
        self, at: int, if_exists: bool, name: QualifiedName, options: tuple[Field, ...]
    ) -> ast.AlterSequence:
        return ast.AlterSequence(name, self.sequence_options(at, options), if_exists, at=at)

    def rename_sequence(
        self, at: int, if_exists: bool, name: QualifiedName, rename: ast.Rename
    ) -> ast.AlterSequence:
        return ast.AlterSequence(name, None, if_exists, rename, at=at)

    def sequence_options(self, at: int, options: tuple[Field, ...]) -> ast.SequenceOptions:
        return ast.SequenceOptions(**self.fields(options, at), at=at)

    @placed(1)
    def sequence_type(self, at: int, type: TypeName) -> Field:
        return "type", type

    def increment(self, at: int, by: bool, number: int) -> Field:
        return "increment", number

    def minimum(self, at: int, number: int) -> Field:
        return "minimum", number

    no_minimum = Constant(("no_minimum", True))

    def maximum(self, at: int, number: int) -> Field:
        return "maximum", number

    no_maximum = Constant(("no_maximum", True))

    def start(self, at: int, with_: bool, number: int) -> Field:
        return "start", number

    def cache(self, at: int, number: int) -> Field:
        return "cache", number

    cycle = Constant(("cycle", True))
    no_cycle = Constant(("cycle", False))

    def owned_by(self, at: int, column: QualifiedName) -> Field:
        return "owned_by", () if column.parts == ("none",) else column.parts

    restart = Constant(("restart", True))

    def restart_with(self, at: int, with_: bool, number: int) -> Field:
        return "restart", number


def _check_option(actions: DefinitionActions, options: tuple[Option, ...], written: Any) -> Any:
    """WITH (check_option = ...) before the query says the same as WITH CHECK OPTION behind it."""
    for option in options:
        value = str(option.value).lower()
        if option.name != "check_option" or value not in ("local", "cascaded"):
            actions.fail(f'unrecognized parameter "{option.name}"', option.at)
        written = written or value
    return written
