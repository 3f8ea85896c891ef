"""The syntax of minidb's SQL, as frozen records: what the parser makes and the binder reads.

    text --parser--> Statement --binder--> plan          Statement --printer--> text

The tree says what was written, not what it means: names are not looked up, types are not known, numbers keep
their spelling. Conventions that hold for every node:

1. `at` is the offset of the node's place in the statement's text, in characters, -1 if it has none. It is the place an
   error's caret points to: for an operator the operator, for everything else its first character.
   `at` takes part in `==`; compare with `same(a, b)` where positions must not matter.
2. Names are folded already: unquoted ones to lower case, quoted ones as they stand.
3. Sequences are tuples, an absent clause is `()` or None.
4. Words that are a choice (`kind`, `operator`, `action`, ...) are lower case strings, listed in the field's type.
5. A chain of binary operators or of set operations is left-deep and may be thousands of nodes long: loop along `.left`.
   AND and OR are flat. Everything else is nested no deeper than the parser's limit allows, so recursion is safe.

Nothing here imports anything of minidb.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

# == Foundations ==========================================================================================


class Node(Struct, frozen=True, kw_only=True):
    """Anything in the tree."""

    at: int = -1


class Statement(Node, frozen=True):
    """What `parse` returns."""


class Expression(Node, frozen=True):
    """What has a value."""


class FromItem(Node, frozen=True):
    """What stands in FROM."""


class QueryBody(Node, frozen=True):
    """Operand of a set operation: Select, Values, SetOperation, or a parenthesised Query with clauses of its own."""


class Name(Node, frozen=True):
    """A name whose place matters: a column in a list, a constraint, an index."""

    value: str


class QualifiedName(Node, frozen=True):
    """`t` or `schema.t`: the parts from left to right."""

    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        """The last part."""
        return self.parts[-1]

    @property
    def schema(self) -> str | None:
        """The part before the last, or None."""
        return self.parts[-2] if len(self.parts) > 1 else None


class TypeName(Node, frozen=True):
    """A type as written; several words are joined into one name.

    `double precision`, `timestamptz` (TIMESTAMP WITH TIME ZONE), `timestamp` (WITHOUT), `timetz`, `varchar`
    (CHARACTER VARYING), `char` (CHARACTER); `int`, `int4`, `decimal`, ... stay as written. `fields` are those of an
    interval (`year to month`). `modifiers` are the numbers in parentheses, `array` the number of `[]`.
    """

    name: str
    modifiers: tuple[int, ...] = ()
    array: int = 0
    fields: str | None = None


class Option(Node, frozen=True):
    """`name value` in parentheses: of EXPLAIN, COPY, VACUUM, WITH (...). `value` is None for a bare name."""

    name: str
    value: str | int | None = None


# == Expressions: values ==================================================================================


class NumberLiteral(Expression, frozen=True):
    """A number as spelled (`1`, `1.50`, `1e3`, `.5`, `0x1F`, `1_000`): the spelling decides the type."""

    text: str

    @property
    def is_integer(self) -> bool:
        """Whether the spelling is an integer's (int4, int8 or, if it is too large, numeric)."""
        digits = self.text
        return digits[:2] in ("0x", "0X") or not ("." in digits or "e" in digits or "E" in digits)


class StringLiteral(Expression, frozen=True):
    """'...', E'...' or $$...$$: an untyped literal (`unknown` in PostgreSQL) until the context types it."""

    value: str


class BooleanLiteral(Expression, frozen=True):
    """TRUE or FALSE."""

    value: bool


class NullLiteral(Expression, frozen=True):
    """NULL."""


class TypedLiteral(Expression, frozen=True):
    """`DATE '2026-01-31'`: a type name and a string."""

    type: TypeName
    value: str


class IntervalLiteral(Expression, frozen=True):
    """`INTERVAL '1' DAY`, `INTERVAL '1 day 2 hours'`; `fields` as in TypeName, precision of the seconds."""

    value: str
    fields: str | None = None
    precision: int | None = None


class Parameter(Expression, frozen=True):
    """`?` (numbered from 1 by the parser) or `$1`."""

    index: int


class NamedParameter(Expression, frozen=True):
    """`:name`."""

    name: str


LiftedKind = Literal["int4", "int8", "numeric", "text"]


class Lifted(Expression, frozen=True):
    """A literal that the statement cache took out of the text (see `shapes`): a constant whose value comes late.

    `index` counts from 0 into the values of the statement, equal literals share one. `value` is that of the statement
    that was parsed: looking at it makes it a guard of the plan. A "text" is an untyped literal, as StringLiteral.
    """

    index: int
    kind: LiftedKind
    value: object


class CurrentValue(Expression, frozen=True):
    """CURRENT_DATE, LOCALTIMESTAMP(3), CURRENT_USER, ...: a function written without parentheses (lower case name)."""

    name: str
    precision: int | None = None


class DefaultValue(Expression, frozen=True):
    """DEFAULT, in VALUES of an INSERT and on the right of SET."""


# == Expressions: names and parts =========================================================================


class ColumnRef(Expression, frozen=True):
    """`c`, `t.c` or `s.t.c`: the parts from left to right."""

    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        """The last part."""
        return self.parts[-1]


class Star(Expression, frozen=True):
    """`*` (no qualifier) or `t.*`, as a target, in RETURNING, as a row's item."""

    qualifier: tuple[str, ...] = ()


class Field(Expression, frozen=True):
    """`(row).name`"""

    operand: Expression
    name: str


class FieldStar(Expression, frozen=True):
    """`(row).*`, in a select list."""

    operand: Expression


class Subscript(Expression, frozen=True):
    """`a[i]`."""

    operand: Expression
    index: Expression


class Slice(Expression, frozen=True):
    """`a[low:high]`, both optional."""

    operand: Expression
    low: Expression | None
    high: Expression | None


class AssignedSlice(Expression, frozen=True):
    """The `low:high` of `SET a[low:high] = value`."""

    low: Expression | None
    high: Expression | None


class Collate(Expression, frozen=True):
    """`x COLLATE "C"`."""

    operand: Expression
    collation: str


class Cast(Expression, frozen=True):
    """`CAST(x AS type)` or `x::type`."""

    operand: Expression
    type: TypeName


# == Expressions: operators ===============================================================================


class UnaryOp(Expression, frozen=True):
    """`- + ~ @ |/ ||/` before an operand."""

    operator: str
    operand: Expression


class BinaryOp(Expression, frozen=True):
    """An infix operator by PostgreSQL's text: `+ - * / % ^ || = <> < <= > >= ~ ~* !~ !~* & | # << >> -> ->> #> ...`.

    `!=` is spelled `<>`. The left operand may be a long chain.
    """

    operator: str
    left: Expression
    right: Expression


class And(Expression, frozen=True):
    """`a AND b AND c`, flat; at least two operands, none an And."""

    operands: tuple[Expression, ...]


class Or(Expression, frozen=True):
    """`a OR b OR c`, flat; at least two operands, none an Or."""

    operands: tuple[Expression, ...]


class Not(Expression, frozen=True):
    """`NOT a`."""

    operand: Expression


class Is(Expression, frozen=True):
    """`x IS [NOT] NULL | TRUE | FALSE | UNKNOWN` (ISNULL and NOTNULL, too)."""

    operand: Expression
    test: Literal["null", "true", "false", "unknown"]
    negated: bool = False


class IsDistinct(Expression, frozen=True):
    """`a IS [NOT] DISTINCT FROM b`; `negated` is NOT DISTINCT, that is, equal."""

    left: Expression
    right: Expression
    negated: bool = False


class Between(Expression, frozen=True):
    """`x [NOT] BETWEEN [SYMMETRIC] low AND high`."""

    operand: Expression
    low: Expression
    high: Expression
    symmetric: bool = False
    negated: bool = False


class Like(Expression, frozen=True):
    """`x [NOT] LIKE | ILIKE | SIMILAR TO pattern [ESCAPE e]`."""

    kind: Literal["like", "ilike", "similar"]
    operand: Expression
    pattern: Expression
    escape: Expression | None = None
    negated: bool = False


class InList(Expression, frozen=True):
    """`x [NOT] IN (a, b, ...)`; x and the items may be rows."""

    operand: Expression
    items: tuple[Expression, ...]
    negated: bool = False


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


class QuantifiedArray(Expression, frozen=True):
    """`x = ANY (array)`; the operators as above."""

    operator: str
    left: Expression
    quantifier: Literal["any", "all"]
    array: Expression


# == Expressions: constructors, calls, subqueries =========================================================


class Row(Expression, frozen=True):
    """`ROW(a, b)` or `(a, b)`; in GROUP BY also `()`."""

    items: tuple[Expression, ...]


class ArrayConstructor(Expression, frozen=True):
    """`ARRAY[a, b]`; inside one, `[a, b]` is an ArrayConstructor, too."""

    items: tuple[Expression, ...]


class ArraySubquery(Expression, frozen=True):
    """`ARRAY(SELECT ...)`."""

    query: Query


class Subquery(Expression, frozen=True):
    """`(SELECT ...)` as a value."""

    query: Query


class Exists(Expression, frozen=True):
    """`EXISTS (SELECT ...)`; NOT EXISTS is Not(Exists)."""

    query: Query


class When(Node, frozen=True):
    """`WHEN condition THEN result`; with an operand, `condition` is a value to compare with."""

    condition: Expression
    result: Expression


class Case(Expression, frozen=True):
    """`CASE [operand] WHEN ... [ELSE otherwise] END`."""

    operand: Expression | None
    whens: tuple[When, ...]
    otherwise: Expression | None = None


class NamedArgument(Expression, frozen=True):
    """`name => value` in a call."""

    name: str
    value: Expression


class FunctionCall(Expression, frozen=True):
    """A call: function, aggregate, window function, and all the functions that have a syntax of their own.

    COALESCE, NULLIF, GREATEST, LEAST, GROUPING are calls of these names (lower case). The others become:
    EXTRACT(f FROM x) extract('f', x); SUBSTRING(x FROM a FOR b) substring(x, a, b), (x FOR b) substring(x, 1, b),
    (x SIMILAR p ESCAPE e) substring_similar(x, p, e); POSITION(a IN x) position(x, a), the string first;
    OVERLAY(x PLACING y FROM a FOR b) overlay(x, y, a, b); TRIM([LEADING|TRAILING|BOTH] c FROM x) ltrim, rtrim,
    btrim(x, c); x AT TIME ZONE z timezone(z, x), x AT LOCAL timezone(x); (a, b) OVERLAPS (c, d) overlaps(a, b, c, d).
    """

    name: tuple[str, ...]
    arguments: tuple[Expression, ...] = ()
    star: bool = False  # count(*)
    distinct: bool = False
    order_by: tuple[SortKey, ...] = ()
    within_group: tuple[SortKey, ...] = ()
    filter: Expression | None = None
    ignore_nulls: bool = False
    over: WindowSpec | WindowRef | None = None
    variadic: bool = False  # the last argument is an array to spread


class CurrentOf(Expression, frozen=True):
    """`WHERE CURRENT OF cursor`, of UPDATE and DELETE."""

    cursor: str


# == Queries: clauses =====================================================================================


class SortKey(Node, frozen=True):
    """`expression [ASC | DESC] [NULLS FIRST | LAST]`; `nulls_first` is None where nothing is said."""

    expression: Expression
    descending: bool = False
    nulls_first: bool | None = None


class Target(Node, frozen=True):
    """`expression [AS alias]` of a select list or RETURNING."""

    expression: Expression
    alias: str | None = None


class FrameBound(Node, frozen=True):
    """One end of a window frame; `offset` for `preceding` and `following` only."""

    kind: Literal["unbounded preceding", "preceding", "current row", "following", "unbounded following"]
    offset: Expression | None = None


class Frame(Node, frozen=True):
    """`ROWS BETWEEN start AND end EXCLUDE ...`; `end` is CURRENT ROW where only one bound is written."""

    mode: Literal["rows", "range", "groups"]
    start: FrameBound
    end: FrameBound
    exclude: Literal["no others", "current row", "group", "ties"] = "no others"


class WindowSpec(Node, frozen=True):
    """`([base] PARTITION BY ... ORDER BY ... frame)`."""

    base: str | None = None
    partition_by: tuple[Expression, ...] = ()
    order_by: tuple[SortKey, ...] = ()
    frame: Frame | None = None


class WindowRef(Node, frozen=True):
    """`OVER name`."""

    name: str


class NamedWindow(Node, frozen=True):
    """`WINDOW name AS (...)`."""

    name: str
    spec: WindowSpec


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


# == Queries: FROM ========================================================================================


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


# == Queries: bodies ======================================================================================


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


# == Changing data ========================================================================================


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


class Copy(Statement, frozen=True):
    """`COPY table (columns) | (query) FROM | TO 'file' | STDIN | STDOUT WITH (options)`.

    `file` is None for STDIN and STDOUT. Options: format, header, delimiter, null, quote, escape, encoding.
    """

    source: QualifiedName | Query
    columns: tuple[Name, ...]
    direction: Literal["from", "to"]
    file: str | None
    options: tuple[Option, ...] = ()
    where: Expression | None = None


# == Defining tables ======================================================================================


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
    """`CREATE [TEMP] TABLE name (columns) AS query [WITH NO DATA]`."""

    name: QualifiedName
    columns: tuple[Name, ...]
    query: Query | Execute
    temporary: bool = False
    if_not_exists: bool = False
    with_data: bool = True
    on_commit: OnCommit | None = None


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


# -- ALTER TABLE: one statement, a list of actions --------------------------------------------------------


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


# == Indexes, views, sequences ============================================================================


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


class AlterSequence(Statement, frozen=True):
    """`ALTER SEQUENCE [IF EXISTS] name options`, or RENAME TO."""

    name: QualifiedName
    options: SequenceOptions | None = None
    if_exists: bool = False
    rename: Rename | None = None


# == Transactions =========================================================================================


IsolationName = Literal["read uncommitted", "read committed", "snapshot", "2pl", "ssi", "serial"]


class TransactionModes(Node, frozen=True):
    """ISOLATION LEVEL, READ ONLY and DEFERRABLE; None where nothing is said. REPEATABLE READ is `snapshot`."""

    isolation: IsolationName | None = None
    read_only: bool | None = None
    deferrable: bool | None = None


class Begin(Statement, frozen=True):
    """`BEGIN [TRANSACTION] modes` or `START TRANSACTION modes`."""

    modes: TransactionModes = TransactionModes()


class Commit(Statement, frozen=True):
    """`COMMIT` or `END`; `chain` for AND CHAIN."""

    chain: bool = False


class Rollback(Statement, frozen=True):
    """`ROLLBACK` or `ABORT`; `chain` for AND CHAIN."""

    chain: bool = False


class Savepoint(Statement, frozen=True):
    """`SAVEPOINT name`."""

    name: str


class RollbackTo(Statement, frozen=True):
    """`ROLLBACK TO [SAVEPOINT] name`."""

    name: str


class Release(Statement, frozen=True):
    """`RELEASE [SAVEPOINT] name`."""

    name: str


class SetTransaction(Statement, frozen=True):
    """`SET TRANSACTION modes`, or `SET SESSION CHARACTERISTICS AS TRANSACTION modes` (`session`)."""

    modes: TransactionModes
    session: bool = False


class SetConstraints(Statement, frozen=True):
    """`SET CONSTRAINTS ALL | names DEFERRED | IMMEDIATE`; `names` is () for ALL."""

    names: tuple[QualifiedName, ...]
    deferred: bool


LockMode = Literal[
    "access share",
    "row share",
    "row exclusive",
    "share update exclusive",
    "share",
    "share row exclusive",
    "exclusive",
    "access exclusive",
]


class LockTable(Statement, frozen=True):
    """`LOCK [TABLE] tables [IN mode MODE] [NOWAIT]`."""

    tables: tuple[QualifiedName, ...]
    mode: LockMode = "access exclusive"
    nowait: bool = False


# == Session ==============================================================================================


class SetSetting(Statement, frozen=True):
    """`SET [SESSION | LOCAL] name = value, ...`; `values` is () for DEFAULT. SET TIME ZONE is the setting `timezone`.

    Words (`on`, `off`, names) and strings are str, numbers int or float.
    """

    name: str
    values: tuple[str | int | float, ...]
    local: bool = False


class Reset(Statement, frozen=True):
    """`RESET name`; None for ALL."""

    name: str | None


class Show(Statement, frozen=True):
    """`SHOW name`; None for ALL. SHOW TRANSACTION ISOLATION LEVEL is `transaction_isolation`."""

    name: str | None


class Discard(Statement, frozen=True):
    """`DISCARD ALL | PLANS | SEQUENCES | TEMP`."""

    what: Literal["all", "plans", "sequences", "temp"]


# == Prepared statements, cursors, the rest ===============================================================


class Prepare(Statement, frozen=True):
    """`PREPARE name (types) AS statement`."""

    name: str
    types: tuple[TypeName, ...]
    statement: Statement


class Execute(Statement, frozen=True):
    """`EXECUTE name (arguments)`."""

    name: str
    arguments: tuple[Expression, ...] = ()


class Deallocate(Statement, frozen=True):
    """`DEALLOCATE [PREPARE] name`; None for ALL."""

    name: str | None


class DeclareCursor(Statement, frozen=True):
    """`DECLARE name [INSENSITIVE] [[NO] SCROLL] CURSOR [WITH | WITHOUT HOLD] FOR query`."""

    name: str
    query: Query
    scroll: bool | None = None
    hold: bool = False


class Fetch(Statement, frozen=True):
    """`FETCH | MOVE direction FROM cursor`.

    `count` belongs to `forward`, `backward`, `absolute`, `relative`; None is ALL. NEXT is forward 1, PRIOR backward 1,
    FIRST absolute 1, LAST absolute -1.
    """

    cursor: str
    direction: Literal["forward", "backward", "absolute", "relative"] = "forward"
    count: int | None = 1
    move: bool = False


class Close(Statement, frozen=True):
    """`CLOSE name`; None for ALL."""

    cursor: str | None


class Explain(Statement, frozen=True):
    """`EXPLAIN [ANALYZE] [VERBOSE] statement` or `EXPLAIN (ANALYZE, CODE, FORMAT json, COSTS off, ...) statement`."""

    statement: Statement
    analyze: bool = False
    verbose: bool = False
    code: bool = False
    format: Literal["text", "json"] = "text"
    options: tuple[Option, ...] = ()  # the others: costs, timing, buffers, ...


class Vacuum(Statement, frozen=True):
    """`VACUUM [FULL] [VERBOSE] [ANALYZE] table (columns), ...`; () for all."""

    tables: tuple[tuple[QualifiedName, tuple[Name, ...]], ...] = ()
    full: bool = False
    analyze: bool = False
    verbose: bool = False


class Analyze(Statement, frozen=True):
    """`ANALYZE [VERBOSE] table (columns), ...`; () for all."""

    tables: tuple[tuple[QualifiedName, tuple[Name, ...]], ...] = ()
    verbose: bool = False


class Checkpoint(Statement, frozen=True):
    """`CHECKPOINT`."""


class Call(Statement, frozen=True):
    """`CALL procedure(arguments)`."""

    name: QualifiedName
    arguments: tuple[Expression, ...] = ()


# == Walking ==============================================================================================


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below `node`, in the order of the fields."""
    for field in node.__struct_fields__:
        yield from _nodes_in(getattr(node, field))


def _nodes_in(value: object) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif type(value) is tuple:
        for item in value:
            yield from _nodes_in(item)


def walk(node: Node) -> Iterator[Node]:
    """`node` and everything below it, parents first, in the order of the text. Does not recurse."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(list(children(current))))


def same(left: object, right: object) -> bool:
    """Whether two trees are equal but for `at`. Does not recurse."""
    stack = [(left, right)]
    while stack:
        a, b = stack.pop()
        if type(a) is not type(b):
            return False
        if isinstance(a, Node):
            stack.extend((getattr(a, field), getattr(b, field)) for field in a.__struct_fields__ if field != "at")
        elif isinstance(a, tuple) and isinstance(b, tuple):
            if len(a) != len(b):
                return False
            stack.extend(zip(a, b))
        elif a != b:
            return False
    return True
