"""Statements that define tables, indexes, views and sequences, as SQL."""

from __future__ import annotations

from minidb.sql import ast
from minidb.sql.printing.base import columns, dotted, name, prints, string, when
from minidb.sql.printing.expressions import OPERATION
from minidb.sql.printing.statements import StatementPrinter

_DEFERRABLE = {True: " DEFERRABLE", False: " NOT DEFERRABLE", None: ""}
_DEFERRED = {True: " INITIALLY DEFERRED", False: " INITIALLY IMMEDIATE", None: ""}
_CYCLE = {True: " CYCLE", False: " NO CYCLE", None: ""}
_NUMBERS = (
    ("increment", "INCREMENT BY"),
    ("minimum", "MINVALUE"),
    ("maximum", "MAXVALUE"),
    ("start", "START WITH"),
    ("cache", "CACHE"),
)


class DefinitionPrinter(StatementPrinter):
    # -- CREATE TABLE -----------------------------------------------------------------------------------------

    @prints(ast.CreateTable)
    def create_table(self, node: ast.CreateTable) -> str:
        kind = " TEMPORARY" if node.temporary else when(node.unlogged, "UNLOGGED")
        elements = self.list((*node.columns, *node.constraints, *node.likes))
        return (
            f"CREATE{kind} TABLE {_if_not_exists(node)}{self.text(node.name)} ({elements})"
            f"{self.options(node.options, 'WITH')}{_on_commit(node)}"
        )

    @prints(ast.CreateTableAs)
    def create_table_as(self, node: ast.CreateTableAs) -> str:
        return (
            f"CREATE{when(node.temporary, 'TEMPORARY')} TABLE {_if_not_exists(node)}{self.text(node.name)}"
            f"{columns(node.columns)}{self.options(node.options, 'WITH')}{_on_commit(node)} AS {self.text(node.query)}"
            f"{when(not node.with_data, 'WITH NO DATA')}"
        )

    @prints(ast.LikeTable)
    def like_table(self, node: ast.LikeTable) -> str:
        options = [f" {'INCLUDING' if including else 'EXCLUDING'} {what.upper()}" for including, what in node.options]
        return f"LIKE {self.text(node.table)}{''.join(options)}"

    @prints(ast.ColumnDefinition)
    def column_definition(self, node: ast.ColumnDefinition) -> str:
        parts = [name(node.name), "" if node.type is None else f" {self.text(node.type)}"]
        if node.collation is not None:
            parts.append(f" COLLATE {name(node.collation)}")
        if node.default is not None:
            parts.append(f" DEFAULT {self.operand(node.default, OPERATION)}")
        if node.generated is not None:
            parts.append(f" GENERATED ALWAYS AS ({self.text(node.generated)}) STORED")
        if node.identity is not None:
            parts.append(f" {self.text(node.identity)}")
        parts += [f" {self.text(constraint)}" for constraint in node.constraints]
        return "".join(parts)

    @prints(ast.Identity)
    def identity(self, node: ast.Identity) -> str:
        options = "" if node.options is None else f" ({self.text(node.options)[1:]})"
        return f"GENERATED {'ALWAYS' if node.always else 'BY DEFAULT'} AS IDENTITY{options}"

    # -- constraints ------------------------------------------------------------------------------------------

    def constraint(self, node: ast.Constraint, body: str) -> str:
        """The constraint with its name and attributes around it."""
        named = "" if node.name is None else f"CONSTRAINT {name(node.name)} "
        attributes = _DEFERRABLE[node.deferrable] + _DEFERRED[node.deferred]
        return f"{named}{body}{attributes}{when(not node.validated, 'NOT VALID')}"

    @prints(ast.NotNull)
    def not_null(self, node: ast.NotNull) -> str:
        return self.constraint(node, "NULL" if node.null else "NOT NULL")

    @prints(ast.Check)
    def check(self, node: ast.Check) -> str:
        return self.constraint(node, f"CHECK ({self.text(node.expression)})")

    @prints(ast.Unique)
    def unique(self, node: ast.Unique) -> str:
        kind = "PRIMARY KEY" if node.primary else "UNIQUE"
        if node.using_index is not None:
            return self.constraint(node, f"{kind} USING INDEX {name(node.using_index)}")
        clustered, nulls = when(node.clustered, "CLUSTERED"), when(node.nulls_not_distinct, "NULLS NOT DISTINCT")
        return self.constraint(node, f"{kind}{clustered}{nulls}{columns(node.columns)}{_include(node)}")

    @prints(ast.Exclude)
    def exclude(self, node: ast.Exclude) -> str:
        method = "" if node.method is None else f" USING {name(node.method)}"
        elements = ", ".join([f"{self.text(key)} WITH {operator}" for key, operator in node.elements])
        where = "" if node.where is None else f" WHERE ({self.text(node.where)})"
        return self.constraint(node, f"EXCLUDE{method} ({elements}){_include(node)}{where}")

    @prints(ast.ForeignKey)
    def foreign_key(self, node: ast.ForeignKey) -> str:
        source = f"FOREIGN KEY{columns(node.columns)} " if node.columns else ""
        match = "" if node.match == "simple" else f" MATCH {node.match.upper()}"
        delete = "" if node.on_delete == "no action" else f" ON DELETE {node.on_delete.upper()}"
        update = "" if node.on_update == "no action" else f" ON UPDATE {node.on_update.upper()}"
        target = f"REFERENCES {self.text(node.table)}{columns(node.referenced)}"
        return self.constraint(node, f"{source}{target}{match}{delete}{columns(node.delete_columns)}{update}")

    # -- ALTER TABLE ------------------------------------------------------------------------------------------

    @prints(ast.AlterTable)
    def alter_table(self, node: ast.AlterTable) -> str:
        exists = "IF EXISTS " if node.if_exists else ""
        return f"ALTER {node.kind.upper()} {exists}{self.text(node.name)} {self.list(node.actions)}"

    @prints(ast.AddColumn)
    def add_column(self, node: ast.AddColumn) -> str:
        return f"ADD COLUMN {_if_not_exists(node)}{self.text(node.column)}"

    @prints(ast.DropColumn)
    def drop_column(self, node: ast.DropColumn) -> str:
        return f"DROP COLUMN {_if_exists(node)}{self.text(node.column)}{when(node.cascade, 'CASCADE')}"

    def alter_column(self, column: ast.Name, change: str) -> str:
        return f"ALTER COLUMN {self.text(column)} {change}"

    @prints(ast.SetType)
    def set_type(self, node: ast.SetType) -> str:
        collation = "" if node.collation is None else f" COLLATE {name(node.collation)}"
        change = f"SET DATA TYPE {self.text(node.type)}{collation}{self.optional('USING', node.using)}"
        return self.alter_column(node.column, change)

    @prints(ast.SetDefault)
    def set_default(self, node: ast.SetDefault) -> str:
        change = "DROP DEFAULT" if node.default is None else f"SET DEFAULT {self.text(node.default)}"
        return self.alter_column(node.column, change)

    @prints(ast.SetNotNull)
    def set_not_null(self, node: ast.SetNotNull) -> str:
        return self.alter_column(node.column, "SET NOT NULL" if node.not_null else "DROP NOT NULL")

    @prints(ast.AddIdentity)
    def add_identity(self, node: ast.AddIdentity) -> str:
        return self.alter_column(node.column, f"ADD {self.text(node.identity)}")

    @prints(ast.DropIdentity)
    def drop_identity(self, node: ast.DropIdentity) -> str:
        return self.alter_column(node.column, f"DROP IDENTITY{when(node.if_exists, 'IF EXISTS')}")

    @prints(ast.SetIdentity)
    def set_identity(self, node: ast.SetIdentity) -> str:
        changes = [] if node.always is None else [f"SET GENERATED {'ALWAYS' if node.always else 'BY DEFAULT'}"]
        if node.options is not None:
            changes += [text if text.startswith("RESTART") else f"SET {text}" for text in self._options(node.options)]
        return self.alter_column(node.column, " ".join(changes))

    @prints(ast.DropExpression)
    def drop_expression(self, node: ast.DropExpression) -> str:
        return self.alter_column(node.column, f"DROP EXPRESSION{when(node.if_exists, 'IF EXISTS')}")

    @prints(ast.SetStatistics)
    def set_statistics(self, node: ast.SetStatistics) -> str:
        return self.alter_column(node.column, f"SET STATISTICS {node.target}")

    @prints(ast.AddConstraint)
    def add_constraint(self, node: ast.AddConstraint) -> str:
        return f"ADD {self.text(node.constraint)}"

    @prints(ast.DropConstraint)
    def drop_constraint(self, node: ast.DropConstraint) -> str:
        return f"DROP CONSTRAINT {_if_exists(node)}{self.text(node.name)}{when(node.cascade, 'CASCADE')}"

    @prints(ast.AlterConstraint)
    def alter_constraint(self, node: ast.AlterConstraint) -> str:
        return f"ALTER CONSTRAINT {self.text(node.name)}{_DEFERRABLE[node.deferrable]}{_DEFERRED[node.deferred]}"

    @prints(ast.ValidateConstraint)
    def validate_constraint(self, node: ast.ValidateConstraint) -> str:
        return f"VALIDATE CONSTRAINT {self.text(node.name)}"

    @prints(ast.RenameColumn)
    def rename_column(self, node: ast.RenameColumn) -> str:
        return f"RENAME COLUMN {self.text(node.column)} TO {self.text(node.new_name)}"

    @prints(ast.RenameConstraint)
    def rename_constraint(self, node: ast.RenameConstraint) -> str:
        return f"RENAME CONSTRAINT {self.text(node.name)} TO {self.text(node.new_name)}"

    @prints(ast.Rename)
    def rename(self, node: ast.Rename) -> str:
        return f"RENAME TO {self.text(node.new_name)}"

    @prints(ast.SetSchema)
    def set_schema(self, node: ast.SetSchema) -> str:
        return f"SET SCHEMA {name(node.schema)}"

    @prints(ast.SetOptions)
    def set_options(self, node: ast.SetOptions) -> str:
        return f"SET{self.options(node.options)}"

    @prints(ast.ResetOptions)
    def reset_options(self, node: ast.ResetOptions) -> str:
        return f"RESET{self.options(node.options)}"

    # -- the others -------------------------------------------------------------------------------------------

    @prints(ast.Drop)
    def drop(self, node: ast.Drop) -> str:
        return (
            f"DROP {node.kind.upper()} {'CONCURRENTLY ' if node.concurrently else ''}{_if_exists(node)}"
            f"{self.list(node.names)}{when(node.cascade, 'CASCADE')}"
        )

    @prints(ast.Truncate)
    def truncate(self, node: ast.Truncate) -> str:
        restart, cascade = when(node.restart_identity, "RESTART IDENTITY"), when(node.cascade, "CASCADE")
        return f"TRUNCATE TABLE {self.list(node.tables)}{restart}{cascade}"

    @prints(ast.CreateSchema)
    def create_schema(self, node: ast.CreateSchema) -> str:
        return f"CREATE SCHEMA {_if_not_exists(node)}{name(node.name)}"

    @prints(ast.Comment)
    def comment(self, node: ast.Comment) -> str:
        text = "NULL" if node.text is None else string(node.text)
        return f"COMMENT ON {node.kind.upper()} {self.text(node.name)} IS {text}"

    @prints(ast.CreateIndex)
    def create_index(self, node: ast.CreateIndex) -> str:
        named = "" if node.name is None else f" {_if_not_exists(node)}{self.text(node.name)}"
        method = "" if node.method is None else f" USING {name(node.method)}"
        return (
            f"CREATE{when(node.unique, 'UNIQUE')} INDEX{when(node.concurrently, 'CONCURRENTLY')}{named}"
            f" ON {self.text(node.table)}{method} ({self.list(node.keys)}){_include(node)}"
            f"{when(node.nulls_not_distinct, 'NULLS NOT DISTINCT')}{self.options(node.options, 'WITH')}"
            f"{self.optional('WHERE', node.where)}"
        )

    @prints(ast.Reindex)
    def reindex(self, node: ast.Reindex) -> str:
        return f"REINDEX {node.kind.upper()} {self.text(node.name)}"

    @prints(ast.CreateView)
    def create_view(self, node: ast.CreateView) -> str:
        kind = f"{when(node.or_replace, 'OR REPLACE')}{when(node.temporary, 'TEMPORARY')}"
        check = "" if node.check_option is None else f" WITH {node.check_option.upper()} CHECK OPTION"
        return (
            f"CREATE{kind}{when(node.recursive, 'RECURSIVE')} VIEW {_if_not_exists(node)}{self.text(node.name)}"
            f"{columns(node.columns)} AS {self.text(node.query)}{check}"
        )

    @prints(ast.CreateMaterializedView)
    def create_materialized_view(self, node: ast.CreateMaterializedView) -> str:
        return (
            f"CREATE MATERIALIZED VIEW {_if_not_exists(node)}{self.text(node.name)}{columns(node.columns)}"
            f" AS {self.text(node.query)}{when(not node.with_data, 'WITH NO DATA')}"
        )

    @prints(ast.RefreshMaterializedView)
    def refresh(self, node: ast.RefreshMaterializedView) -> str:
        return (
            f"REFRESH MATERIALIZED VIEW{when(node.concurrently, 'CONCURRENTLY')} {self.text(node.name)}"
            f"{when(not node.with_data, 'WITH NO DATA')}"
        )

    # -- sequences --------------------------------------------------------------------------------------------

    @prints(ast.CreateSequence)
    def create_sequence(self, node: ast.CreateSequence) -> str:
        kind = when(node.temporary, "TEMPORARY")
        return f"CREATE{kind} SEQUENCE {_if_not_exists(node)}{self.text(node.name)}{self.text(node.options)}"

    @prints(ast.AlterSequence)
    def alter_sequence(self, node: ast.AlterSequence) -> str:
        change = "" if node.options is None else self.text(node.options)
        if node.rename is not None:
            change = f" {self.text(node.rename)}"
        return f"ALTER SEQUENCE {_if_exists(node)}{self.text(node.name)}{change}"

    @prints(ast.SequenceOptions)
    def sequence_options(self, node: ast.SequenceOptions) -> str:
        return "".join([f" {option}" for option in self._options(node)])

    def _options(self, node: ast.SequenceOptions) -> list[str]:
        options = [] if node.type is None else [f"AS {self.text(node.type)}"]
        for field, words in _NUMBERS:
            if getattr(node, field) is not None:
                options.append(f"{words} {getattr(node, field)}")
        options += ["NO MINVALUE"] * node.no_minimum + ["NO MAXVALUE"] * node.no_maximum
        if node.cycle is not None:
            options.append(_CYCLE[node.cycle][1:])
        if node.restart is not None:
            options.append("RESTART" if node.restart is True else f"RESTART WITH {node.restart}")
        if node.owned_by is not None:
            options.append(f"OWNED BY {dotted(node.owned_by) or 'NONE'}")
        return options


def _if_not_exists(node: object) -> str:
    return "IF NOT EXISTS " if getattr(node, "if_not_exists", False) else ""


def _if_exists(node: object) -> str:
    return "IF EXISTS " if getattr(node, "if_exists", False) else ""


def _include(node: ast.Unique | ast.Exclude | ast.CreateIndex) -> str:
    return f" INCLUDE{columns(node.include)}" if node.include else ""


def _on_commit(node: ast.CreateTable | ast.CreateTableAs) -> str:
    return "" if node.on_commit is None else f" ON COMMIT {node.on_commit.upper()}"
