"""Statements that define: tables with their constraints, indexes, views, sequences."""

from __future__ import annotations

from typing import Literal

from minidb.sql.ast.nodes import Expression, Name, Node, Option, QualifiedName, Statement, TypeName
from minidb.sql.ast.queries import Query
from minidb.sql.ast.session import Execute
from minidb.sql.ast.windows import SortKey

# -- tables -----------------------------------------------------------------------------------------------


ReferentialAction = Literal["no action", "restrict", "cascade", "set null", "set default"]


class SequenceOptions(Node, frozen=True):
    """Options of a sequence or identity column; None where nothing is said, `no_...` for NO MINVALUE and so on."""

    type: TypeName | None = None
    increment: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    start: int | None = None
    restart: int | bool | None = None  # True: RESTART without a value
    cache: int | None = None
    cycle: bool | None = None
    no_minimum: bool = False
    no_maximum: bool = False
    owned_by: tuple[str, ...] | None = None  # () is NONE


class Constraint(Node, frozen=True):
    """What constraints have in common; `at` is the place of the constraint.

    `deferrable` and `deferred` are None where nothing is said; `validated` is False for NOT VALID.
    """

    name: str | None = None
    deferrable: bool | None = None
    deferred: bool | None = None
    validated: bool = True


class NotNull(Constraint, frozen=True):
    """`NOT NULL`, of a column (`null` True for an explicit NULL)."""

    null: bool = False


class Check(Constraint, frozen=True, kw_only=True):
    """`CHECK (expression)`."""

    expression: Expression


class Exclude(Constraint, frozen=True, kw_only=True):
    """`EXCLUDE USING method (expression WITH operator, ...)`: known, so that it can be refused by its name."""

    elements: tuple[tuple[SortKey, str], ...]
    method: str | None = None
    include: tuple[Name, ...] = ()
    where: Expression | None = None


class Unique(Constraint, frozen=True, kw_only=True):
    """`UNIQUE` or `PRIMARY KEY`; `columns` is () where it stands behind a column."""

    columns: tuple[Name, ...] = ()
    primary: bool = False
    clustered: bool = False
    nulls_not_distinct: bool = False
    include: tuple[Name, ...] = ()
    using_index: str | None = None  # ALTER TABLE ... ADD UNIQUE USING INDEX name


class ForeignKey(Constraint, frozen=True, kw_only=True):
    """`FOREIGN KEY (columns) REFERENCES table (referenced)`; `columns` is () where it stands behind a column."""

    columns: tuple[Name, ...] = ()
    table: QualifiedName
    referenced: tuple[Name, ...] = ()
    match: Literal["simple", "full", "partial"] = "simple"
    on_delete: ReferentialAction = "no action"
    on_update: ReferentialAction = "no action"
    delete_columns: tuple[Name, ...] = ()  # ON DELETE SET NULL (columns)


class Identity(Node, frozen=True):
    """`GENERATED ALWAYS | BY DEFAULT AS IDENTITY (options)`."""

    always: bool
    options: SequenceOptions | None = None


class ColumnDefinition(Node, frozen=True):
    """A column of CREATE TABLE or ADD COLUMN. `default`, `generated`, `identity` exclude each other."""

    name: str
    type: TypeName | None
    collation: str | None = None
    default: Expression | None = None
    generated: Expression | None = None  # GENERATED ALWAYS AS (expression) STORED
    identity: Identity | None = None
    constraints: tuple[Constraint, ...] = ()


class LikeTable(Node, frozen=True):
    """`LIKE table INCLUDING DEFAULTS ...` inside CREATE TABLE; options as (including, what)."""

    table: QualifiedName
    options: tuple[tuple[bool, str], ...] = ()


OnCommit = Literal["preserve rows", "delete rows", "drop"]


class CreateTable(Statement, frozen=True):
    """`CREATE [TEMP] TABLE name (...)`."""

    name: QualifiedName
    columns: tuple[ColumnDefinition, ...]
    constraints: tuple[Constraint, ...] = ()
    likes: tuple[LikeTable, ...] = ()
    temporary: bool = False
    unlogged: bool = False
    if_not_exists: bool = False
    on_commit: OnCommit | None = None
    options: tuple[Option, ...] = ()


class CreateTableAs(Statement, frozen=True):
    """`CREATE [TEMP] TABLE name (columns) [WITH (...)] AS query [WITH NO DATA]`."""

    name: QualifiedName
    columns: tuple[Name, ...]
    query: Query | Execute
    temporary: bool = False
    if_not_exists: bool = False
    with_data: bool = True
    on_commit: OnCommit | None = None
    options: tuple[Option, ...] = ()


class Drop(Statement, frozen=True):
    """`DROP TABLE | INDEX | ... [IF EXISTS] names [CASCADE | RESTRICT]`."""

    kind: Literal["table", "index", "view", "materialized view", "sequence", "schema"]
    names: tuple[QualifiedName, ...]
    if_exists: bool = False
    cascade: bool = False
    concurrently: bool = False


class Truncate(Statement, frozen=True):
    """`TRUNCATE TABLE names [RESTART | CONTINUE IDENTITY] [CASCADE]`."""

    tables: tuple[QualifiedName, ...]
    restart_identity: bool = False
    cascade: bool = False


class CreateSchema(Statement, frozen=True):
    """`CREATE SCHEMA [IF NOT EXISTS] name`."""

    name: str
    if_not_exists: bool = False


class Comment(Statement, frozen=True):
    """`COMMENT ON TABLE | COLUMN | ... name IS 'text' | NULL`."""

    kind: Literal["table", "column", "index", "view", "materialized view", "sequence", "schema"]
    name: QualifiedName
    text: str | None


# -- indexes, views, sequences ----------------------------------------------------------------------------


class CreateIndex(Statement, frozen=True):
    """`CREATE [UNIQUE] INDEX [IF NOT EXISTS] name ON table USING method (keys) INCLUDE (...) WHERE ...`."""

    table: QualifiedName
    keys: tuple[SortKey, ...]  # an expression may be a Collate
    name: Name | None = None
    unique: bool = False
    if_not_exists: bool = False
    concurrently: bool = False
    method: str | None = None
    include: tuple[Name, ...] = ()
    nulls_not_distinct: bool = False
    options: tuple[Option, ...] = ()
    where: Expression | None = None


class Reindex(Statement, frozen=True):
    """`REINDEX TABLE | INDEX name`."""

    kind: Literal["table", "index"]
    name: QualifiedName


class CreateView(Statement, frozen=True):
    """`CREATE [OR REPLACE] [TEMP] [RECURSIVE] VIEW name (columns) AS query [WITH CHECK OPTION]`."""

    name: QualifiedName
    columns: tuple[Name, ...]
    query: Query
    or_replace: bool = False
    temporary: bool = False
    recursive: bool = False
    if_not_exists: bool = False
    check_option: Literal["local", "cascaded"] | None = None


class CreateMaterializedView(Statement, frozen=True):
    """`CREATE MATERIALIZED VIEW name (columns) AS query [WITH NO DATA]`."""

    name: QualifiedName
    columns: tuple[Name, ...]
    query: Query
    if_not_exists: bool = False
    with_data: bool = True


class RefreshMaterializedView(Statement, frozen=True):
    """`REFRESH MATERIALIZED VIEW [CONCURRENTLY] name [WITH NO DATA]`."""

    name: QualifiedName
    concurrently: bool = False
    with_data: bool = True


class CreateSequence(Statement, frozen=True):
    """`CREATE [TEMP] SEQUENCE [IF NOT EXISTS] name options`."""

    name: QualifiedName
    options: SequenceOptions
    temporary: bool = False
    if_not_exists: bool = False
