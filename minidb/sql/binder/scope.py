"""Scopes: which names an expression can see, and what each of them means.

A `Frame` is what a FROM clause (or a part of it) offers: its plan, its tables by alias, and the columns that can be
named without a qualifier (those merged by USING stand once). A `Scope` is one level of names; an expression that finds
a name in no frame of its own level looks in the parents: that is correlation. A `Selection` gathers what belongs to one
SELECT: its aggregates, its window calls, and the clause that is being bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from minidb import errors, schema
from minidb.sql import ast, plan
from minidb.sql.binder.workspace import Workspace
from minidb.sql.suggest import nearest
from minidb.types import BIGINT, RECORD, SqlType

ROW_ADDRESS, WHOLE_ROW = "\0address", "\0row"  # names that nobody can write


class SourceColumn(msgspec.Struct, frozen=True):
    """A column that can be named; `source` is the alias it belongs to, None if it is merged from several."""

    name: str
    expression: plan.Expression
    source: str | None = None


class Source(msgspec.Struct, frozen=True):
    """What an alias in FROM stands for."""

    alias: str
    columns: tuple[SourceColumn, ...]
    relation: int | None = None
    table: schema.Table | None = None
    schema: str | None = None  # of a table named without an alias: `public.t.c`
    table_name: str | None = None  # the name that an alias hides
    null_extended: bool = False  # on the nullable side of an outer join
    scalar: bool = False  # a function of one value: its name is the value, not a row

    def find(self, name: str) -> list[SourceColumn]:
        return [column for column in self.columns if column.name == name]


class Frame(msgspec.Struct, frozen=True):
    plan: plan.Plan
    sources: tuple[Source, ...] = ()
    columns: tuple[SourceColumn, ...] = ()


EMPTY_FRAME = Frame(plan.Empty())


class SetLevel(msgspec.Struct):
    """Calls of set-returning functions that run side by side, over the rows that the level below gives."""

    relation: int
    calls: list[plan.SetCall] = []


class Selection:
    """What is gathered while one SELECT is bound.

    `clause` is the phrase for errors, as in "aggregate functions are not allowed in WHERE". Aggregates are first
    `Column(aggregate_relation, -1 - k)`: their places are known only when all group expressions are.
    """

    def __init__(self, workspace: Workspace, clause: str = "FROM") -> None:
        self.clause = clause
        self.in_aggregate = False
        self.aggregate_relation = workspace.new_relation(self)
        self.window_relation = workspace.new_relation(self)
        self.set_relation = workspace.new_relation(self)
        self.aggregates: list[plan.AggregateCall] = []
        self.groupings: list[tuple[tuple[plan.Expression, int], ...]] = []  # arguments of GROUPING() and their places
        self.windows: list[plan.WindowCall] = []
        self.named_windows: dict[str, ast.WindowSpec] = {}
        self.set_calls: list[plan.SetCall] = []
        self.upper_sets: list[SetLevel] = []  # calls whose arguments are rows of calls: f(unnest(a)), f a set, too
        self.moved_sets: dict[int, tuple[int, int]] = {}  # where the columns of calls are that are grouped by
        self.places: dict[tuple[int, int], int] = {}  # column -> where it was mentioned first outside aggregates

    @property
    def set_relations(self) -> list[int]:
        """The relations of the calls of set-returning functions, the innermost calls first."""
        return [self.set_relation, *[level.relation for level in self.upper_sets]]


class CommonTableEntry(msgspec.Struct):
    """A name of WITH. Either its plan is made and read by number, or its query is bound where it is mentioned."""

    name: str
    columns: tuple[str, ...]
    number: int
    types: tuple[SqlType, ...] = ()
    nullable: tuple[bool, ...] = ()
    inlined: ast.Query | None = None
    scope: Scope | None = None  # where an inlined query is bound
    depth: int = 0  # of an inlined query: how many are bound within each other, this one included
    recursive: bool = False  # the working table of a recursive query, seen from inside
    mentioned: int = 0
    at: int = -1
    as_of: ast.AsOf | None = None  # of the query around an inlined one's definition


def common_table_columns(table: ast.CommonTable | CommonTableEntry, names: Sequence[str]) -> tuple[str, ...]:
    """The names of a WITH query's columns: those that it gives them, then those that they have. Raises 42P10."""
    if len(table.columns) > len(names):
        raise errors.InvalidColumnReference(
            f'WITH query "{table.name}" has {len(names)} columns available but {len(table.columns)} columns specified',
            position=table.at,
        )
    return (*table.columns, *names[len(table.columns) :])


class Scope:
    """One level of names."""

    __slots__ = ("common_tables", "ctes", "frame", "hidden", "parent", "selection", "workspace")

    def __init__(
        self,
        workspace: Workspace,
        parent: Scope | None = None,
        frame: Frame = EMPTY_FRAME,
        selection: Selection | None = None,
    ) -> None:
        self.workspace = workspace
        self.parent = parent
        self.frame = frame
        self.selection = selection
        self.hidden = EMPTY_FRAME  # tables of this level that a FROM item could see if it were LATERAL
        self.common_tables: dict[str, CommonTableEntry] = {}
        # The tables of WITH that the nearest query around must carry; shared by derived tables.
        self.ctes: list[plan.Cte] = parent.ctes if parent is not None else []

    def child(self, selection: Selection | None = None) -> Scope:
        return Scope(self.workspace, self, selection=selection)

    def root(self) -> Scope:
        """The scope of a query that carries its own tables of WITH: a subquery, an operand of UNION."""
        scope = Scope(self.workspace, self)
        scope.ctes = []
        return scope

    def beside(self, frame: Frame, hidden: Frame = EMPTY_FRAME) -> Scope:
        """The same level with another frame: for LATERAL items and join conditions."""
        scope = Scope(self.workspace, self.parent, frame, self.selection)
        scope.hidden = hidden
        scope.ctes = self.ctes
        scope.common_tables = self.common_tables
        return scope

    @property
    def clause(self) -> str:
        return self.selection.clause if self.selection is not None else "this place"

    def levels(self) -> Iterator[Scope]:
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def common_table(self, name: str) -> CommonTableEntry | None:
        for scope in self.levels():
            if name in scope.common_tables:
                return scope.common_tables[name]
        return None

    # -- columns

    def column(self, reference: ast.ColumnRef) -> plan.Expression:
        """What a column name means here. Raises 42703, 42702, 42P01."""
        name = reference.name
        qualifier = reference.parts[:-1]
        for scope in self.levels():
            found = scope._matches(name, qualifier)
            if len(found) > 1:
                raise _ambiguous(reference, found)
            if found:
                return scope.mention(found[0].expression, reference.at)
        if name in (ROW_ADDRESS, WHOLE_ROW):
            return self._row_itself(name, qualifier)
        raise self._unknown(reference)

    def _row_itself(self, name: str, qualifier: tuple[str, ...]) -> plan.Expression:
        """For cursors: where a row of a heap is, and all of it."""
        source = self._source(qualifier)
        assert source is not None and source.relation is not None
        if name == ROW_ADDRESS:
            return plan.Column(relation=source.relation, position=plan.REF, type=BIGINT, nullable=False, name=name)
        return plan.Column(relation=source.relation, position=plan.REF - 1, type=RECORD, nullable=False, name=name)

    def try_column(self, name: str) -> list[SourceColumn]:
        """The columns of this level alone that are called `name`."""
        return self._matches(name, ())

    def has_column(self, reference: ast.ColumnRef) -> bool:
        """Whether this level alone has what the reference means."""
        return bool(self._matches(reference.name, reference.parts[:-1]))

    def _matches(self, name: str, qualifier: tuple[str, ...]) -> list[SourceColumn]:
        if not qualifier:
            return [column for column in self.frame.columns if column.name == name]
        source = self._source(qualifier)
        return source.find(name) if source is not None else []

    def mention(self, expression: plan.Expression, at: int) -> plan.Expression:
        if self.selection is not None and not self.selection.in_aggregate and type(expression) is plan.Column:
            self.selection.places.setdefault((expression.relation, expression.position), at)
        return expression

    def _source(self, qualifier: tuple[str, ...]) -> Source | None:
        for source in self.frame.sources:
            if source.alias == qualifier[-1] and (len(qualifier) == 1 or source.schema == qualifier[-2]):
                return source
        return None

    def source(self, qualifier: tuple[str, ...], at: int) -> Source:
        """The table that `qualifier.*` means."""
        for scope in self.levels():
            source = scope._source(qualifier)
            if source is not None:
                return source
        raise self._missing_source(qualifier, at)

    # -- errors

    def _unknown(self, reference: ast.ColumnRef) -> errors.ProgrammingError:
        qualifier = reference.parts[:-1]
        if not qualifier:
            return errors.UndefinedColumn(
                f'column "{reference.name}" does not exist',
                position=reference.at,
                hint=self._column_hint(reference.name),
            )
        for scope in self.levels():
            source = scope._source(qualifier)
            if source is not None:
                near = nearest(reference.name, [c.name for c in source.columns])
                return errors.UndefinedColumn(
                    f"column {'.'.join(reference.parts)} does not exist",
                    position=reference.at,
                    hint=_perhaps(f"{source.alias}.{near}") if near else self._column_hint(reference.name),
                )
        return self._missing_source(qualifier, reference.at)

    def _column_hint(self, name: str) -> str | None:
        by_name = {c.name: c for scope in reversed([*self.levels()]) for c in _all_columns(scope.frame)}
        near = nearest(name, by_name)
        if near is None:
            return None
        source = by_name[near].source
        return _perhaps(f"{source}.{near}" if source else near)

    def _missing_source(self, qualifier: tuple[str, ...], at: int) -> errors.ProgrammingError:
        name = qualifier[-1]
        if any(source.alias == name for scope in self.levels() for source in scope.hidden.sources):
            return errors.UndefinedTable(
                f'invalid reference to FROM-clause entry for table "{name}"',
                position=at,
                detail=f'There is an entry for table "{name}", but it cannot be mentioned in this part of the query.',
                hint="To reference that table, you must mark this subquery with LATERAL.",
            )
        sources = [source for scope in self.levels() for source in scope.frame.sources]
        for source in sources:
            if source.table_name == name and source.alias != name:
                return errors.UndefinedTable(
                    f'invalid reference to FROM-clause entry for table "{name}"',
                    position=at,
                    hint=f'Perhaps you meant to reference the table alias "{source.alias}".',
                )
        near = nearest(name, [source.alias for source in sources])
        return errors.UndefinedTable(
            f'missing FROM-clause entry for table "{name}"',
            position=at,
            hint=f'Perhaps you meant to reference the table "{near}".' if near else None,
        )


def _all_columns(frame: Frame) -> Iterator[SourceColumn]:
    for source in frame.sources:
        yield from source.columns
    yield from frame.columns


def _perhaps(column: str) -> str:
    return f'Perhaps you meant to reference the column "{column}".'


def _ambiguous(reference: ast.ColumnRef, found: list[SourceColumn]) -> errors.AmbiguousColumn:
    places = [f"{column.source}.{column.name}" for column in found if column.source]
    return errors.AmbiguousColumn(
        f'column reference "{reference.name}" is ambiguous',
        position=reference.at,
        hint=f"It could be {' or '.join(places)}: write which." if len(places) > 1 else None,
    )
