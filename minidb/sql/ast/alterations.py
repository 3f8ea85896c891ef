"""ALTER TABLE, one statement with a list of actions, and ALTER SEQUENCE."""

from __future__ import annotations

from typing import Literal

from minidb.sql.ast.definitions import ColumnDefinition, Constraint, Identity, SequenceOptions
from minidb.sql.ast.nodes import Expression, Name, Node, Option, QualifiedName, Statement, TypeName


class AlterAction(Node, frozen=True):
    """One action of ALTER TABLE."""


class AddColumn(AlterAction, frozen=True):
    """`ADD [COLUMN] [IF NOT EXISTS] definition`."""

    column: ColumnDefinition
    if_not_exists: bool = False


class DropColumn(AlterAction, frozen=True):
    """`DROP [COLUMN] [IF EXISTS] name [CASCADE]`."""

    column: Name
    if_exists: bool = False
    cascade: bool = False


class SetType(AlterAction, frozen=True):
    """`ALTER COLUMN c [SET DATA] TYPE type [COLLATE c] [USING expression]`."""

    column: Name
    type: TypeName
    using: Expression | None = None
    collation: str | None = None


class SetDefault(AlterAction, frozen=True):
    """`ALTER COLUMN c SET DEFAULT x`, or DROP DEFAULT (None)."""

    column: Name
    default: Expression | None


class SetNotNull(AlterAction, frozen=True):
    """`ALTER COLUMN c SET NOT NULL`, or DROP NOT NULL (False)."""

    column: Name
    not_null: bool


class AddIdentity(AlterAction, frozen=True):
    """`ALTER COLUMN c ADD GENERATED ... AS IDENTITY`."""

    column: Name
    identity: Identity


class DropIdentity(AlterAction, frozen=True):
    """`ALTER COLUMN c DROP IDENTITY [IF EXISTS]`."""

    column: Name
    if_exists: bool = False


class SetIdentity(AlterAction, frozen=True):
    """`ALTER COLUMN c SET GENERATED ALWAYS | BY DEFAULT` and sequence options (`SET INCREMENT BY 2`, RESTART)."""

    column: Name
    always: bool | None = None
    options: SequenceOptions | None = None


class DropExpression(AlterAction, frozen=True):
    """`ALTER COLUMN c DROP EXPRESSION [IF EXISTS]`: the generated column becomes a plain one."""

    column: Name
    if_exists: bool = False


class SetStatistics(AlterAction, frozen=True):
    """`ALTER COLUMN c SET STATISTICS n`."""

    column: Name
    target: int


class AddConstraint(AlterAction, frozen=True):
    """`ADD CONSTRAINT ...`."""

    constraint: Constraint


class DropConstraint(AlterAction, frozen=True):
    """`DROP CONSTRAINT [IF EXISTS] name [CASCADE]`."""

    name: Name
    if_exists: bool = False
    cascade: bool = False


class AlterConstraint(AlterAction, frozen=True):
    """`ALTER CONSTRAINT name [NOT] DEFERRABLE INITIALLY ...`."""

    name: Name
    deferrable: bool | None = None
    deferred: bool | None = None


class ValidateConstraint(AlterAction, frozen=True):
    """`VALIDATE CONSTRAINT name`."""

    name: Name


class RenameColumn(AlterAction, frozen=True):
    """`RENAME [COLUMN] a TO b`."""

    column: Name
    new_name: Name


class RenameConstraint(AlterAction, frozen=True):
    """`RENAME CONSTRAINT a TO b`."""

    name: Name
    new_name: Name


class Rename(AlterAction, frozen=True):
    """`RENAME TO name`, of a table, index, view or sequence."""

    new_name: Name


class SetSchema(AlterAction, frozen=True):
    """`SET SCHEMA name`."""

    schema: str


class SetOptions(AlterAction, frozen=True):
    """`SET (option = value, ...)`."""

    options: tuple[Option, ...]


class ResetOptions(AlterAction, frozen=True):
    """`RESET (option, ...)`."""

    options: tuple[Option, ...]


class AlterTable(Statement, frozen=True):
    """`ALTER TABLE | INDEX | VIEW | MATERIALIZED VIEW [IF EXISTS] name action, ...`."""

    kind: Literal["table", "index", "view", "materialized view"]
    name: QualifiedName
    actions: tuple[AlterAction, ...]
    if_exists: bool = False


class AlterSequence(Statement, frozen=True):
    """`ALTER SEQUENCE [IF EXISTS] name options`, or RENAME TO."""

    name: QualifiedName
    options: SequenceOptions | None = None
    if_exists: bool = False
    rename: Rename | None = None
