"""From a parsed statement to something that runs: the entry of the SQL floor.

    ast --binder--> plan --rules--> plan --planner--> physical --compiler--> Python function

`prepare` does all of it; `Prepared` is what the statement cache keeps. It belongs to one catalog version and one set of
settings, and holds no data. The door to data (`Rows`), the parameters and the function context come with each run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from minidb import errors, schema
from minidb.keys import Row
from minidb.sql import ast, physical, plan
from minidb.sql.binder import NotLiftable, bind, bind_row_expression
from minidb.sql.compiler.changes import emit_changes, emit_row_maker
from minidb.sql.compiler.core import UNBOUNDED, Compiler, Measure, Memory, Ticker
from minidb.sql.compiler.emitter import Function
from minidb.sql.compiler.producers import new_compiler
from minidb.sql.compiler.scope import Scope, opened, row_layout
from minidb.sql.compiler.sets import define_tables, emit_query
from minidb.sql.compiler.spilling import WorkMemoryExceeded
from minidb.sql.lifting import literal_decides
from minidb.sql.memory import Restarting, Run, bounded, spilling
from minidb.sql.planner import Planner
from minidb.sql.rewriting import fired, rewrite
from minidb.sql.rules import walk
from minidb.sql.statistics import TableStatistics
from minidb.txn.door import Rows
from minidb.types import SqlType, arithmetic_error

if TYPE_CHECKING:
    from minidb.sql.explain import Describe
    from minidb.sql.explained import Explained

Converter = Callable[[Any], Any]


class Environment(Protocol):
    """What the session lends for preparing a statement."""

    @property
    def catalog(self) -> schema.Catalog: ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """enable_seqscan, enable_indexscan, enable_indexonlyscan, enable_bitmapscan, enable_hashjoin, enable_nestloop,
        work_mem, ... as SET left them; absent means on."""

    def virtual(self, schema_name: str, name: str) -> tuple[schema.Column, ...] | None: ...

    def statistics(self, table_id: int) -> TableStatistics | None: ...

    def size(self, table_id: int) -> TableStatistics | None: ...


class Prepared:
    """A statement that can be run any number of times, by any thread.

    columns: (name, type) of the result's columns, None if the statement has no result rows.
    tables: (table id, lock mode) to lock before the run.
    parameters: the type of each parameter slot; the caller converts values to them.
    verb: 'SELECT', 'INSERT', 'UPDATE' or 'DELETE'; writes: whether it changes data or locks rows; streams: whether
    `run`
        gives a generator of lists instead of one list.
    source: the generated Python.
    run(rows, parameters, context): the result of a query, as a list of tuples or a generator of such lists.
    run_write(rows, parameters, context): (number of rows, rows of RETURNING or None) of INSERT, UPDATE, DELETE.
    """

    __slots__ = (
        "bound",
        "columns",
        "compiled",
        "made_rows",
        "memory",
        "node",
        "parameters",
        "planner",
        "run",
        "run_write",
        "source",
        "streams",
        "tables",
        "verb",
        "writes",
        "zone",
    )

    run: Callable[[Rows, tuple[Any, ...], Any], Any]
    run_write: Callable[[Rows, tuple[Any, ...], Any], tuple[int, list[Row] | None]]

    def __init__(
        self,
        columns: tuple[tuple[str, SqlType], ...] | None,
        tables: tuple[tuple[int, str], ...],
        parameters: tuple[SqlType, ...],
        verb: str,
        writes: bool,
        node: physical.Node,
        planner: Planner,
        memory: Memory = UNBOUNDED,
        bound: plan.Plan | None = None,
    ) -> None:
        self.bound = bound  # before the rewrites
        self.columns = columns
        self.made_rows: tuple[Any, ...] = ()
        self.tables = tables
        self.parameters = parameters
        self.verb = verb
        self.writes = writes
        self.node = node
        self.planner = planner
        self.zone = str(planner.view.settings.get("timezone", "UTC"))  # untyped values are read in it
        could_stream = isinstance(node, physical.Query) and not writes
        self.streams = isinstance(node, physical.Query) and not writes and (memory.spills or streams(node))
        self.memory = memory
        compiler = new_compiler(planner, memory=memory)
        self.compiled, self.source = compile_statement(compiler, node, self.streams)
        if could_stream and compiler.watching and not self.streams:  # who gives up goes on with a stream
            self.streams = True
            compiler = new_compiler(planner, memory=memory)
            self.compiled, self.source = compile_statement(compiler, node, True)
        run = self.compiled
        if compiler.watching:
            restarting = Restarting(run, memory.limit, partial(compile_anew, planner, node, self.streams))
            run = restarting.stream if self.streams else restarting.whole
        self.run = self.run_write = run

    def row_maker(self) -> Callable[[list[Row], Any], list[Row]] | None:
        """The new rows for many sets of parameters at once: a function (sets, context), of an INSERT that has one row
        for each set and need not look at the table before it inserts them; else None."""
        if isinstance(self.node, physical.Insert) and self.parameters and not self.made_rows:
            self.made_rows = (compile_row_maker(new_compiler(self.planner), self.node, len(self.parameters)),)
        return self.made_rows[0] if self.made_rows else None

    def explain(self, describe: Describe | None = None) -> Explained:
        """The plan as a tree; `.lines()` and `.as_dict()` write it. `describe` says what reading an interval locks."""
        from minidb.sql.explain import Explainer  # only here: most programs explain nothing

        return Explainer(self.planner, describe, self.memory.spills).explain(self.node)

    def rewrites(self) -> list[str]:
        """The rules that have changed the statement's plan, in their order."""
        return fired(self.bound) if self.bound is not None else []

    def analyze(
        self, rows: Rows, parameters: tuple[Any, ...], context: Any, describe: Describe | None = None
    ) -> Explained:
        """Runs the statement with each operator measured; the plan with the true numbers of rows. If it gives up and
        goes on in files, as it would when it is run, that is what is told."""
        run = partial(self._measured, rows, parameters, context, describe)
        try:
            return run(self.planner, self.node, self.memory)
        except WorkMemoryExceeded:
            return run(*spilling(self.planner), Memory(self.memory.limit, spills=True))

    def _measured(
        self,
        rows: Rows,
        parameters: tuple[Any, ...],
        context: Any,
        describe: Describe | None,
        planner: Planner,
        node: physical.Node,
        memory: Memory,
    ) -> Explained:
        from minidb.sql.explain import Explainer

        counters: dict[int, int] = {}
        compiler = new_compiler(planner, counters, memory)
        function, _ = compile_statement(compiler, node, self.streams)
        ticker = Ticker(context)
        result = function(rows, parameters, ticker)
        whole = Measure()
        whole.rows, whole.loops = counted(result), 1
        none = Measure()
        measures = {node: ticker.measures.get(number, none) for node, number in counters.items()}
        measures.setdefault(id(node.input if isinstance(node, physical.Query) else node), whole)
        return Explainer(planner, describe, memory.spills, measures, compiler.spills).explain(node)


def counted(result: Any) -> int:
    """How many rows a statement has made: of a list, a stream of lists, or what a change gives back."""
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], int):
        return result[0]
    return len(result) if isinstance(result, list | tuple) else sum(map(len, result))


def prepare(
    statement: ast.Statement,
    text: str,
    environment: Environment,
    parameter_types: tuple[SqlType, ...] = (),
    *,
    parameter_names: tuple[str, ...] = (),
    lifted_offset: int | None = None,
) -> Prepared:
    """Binds, rewrites, plans and compiles a query, INSERT, UPDATE or DELETE.

    lifted_offset: from which parameter on they are literals that the statement cache took out of the text.
    Raises ProgrammingError and its kin; StatementTooComplex (54001) where the statement is nested too deeply;
    NotLiftable where a lifted literal must stay in its place (R68)."""
    try:
        bound = bind(
            statement,
            text,
            environment,
            parameter_types,
            parameter_names=parameter_names,
            lifted_offset=lifted_offset,
        )
        if lifted_offset is not None and literal_decides(bound.plan, lifted_offset):
            raise NotLiftable
        root, rechecks = rewrite(bound.plan)
        planner = Planner(environment, root, rechecks)
        node = planner.statement(root)
        columns = None if bound.columns is None else tuple((c.name, c.type) for c in bound.columns)
        verb = type(root).__name__.upper() if not isinstance(root, plan.Query) else "SELECT"
        writes = not isinstance(root, plan.Query) or _changes(root)
        planner, node, memory = bounded(planner, node, writes)
        return Prepared(columns, bound.tables, bound.parameters, verb, writes, node, planner, memory, bound.plan)
    except RecursionError:
        raise errors.StatementTooComplex("statement is too complex", hint="It is nested too deeply.") from None


def _changes(root: plan.Plan) -> bool:
    return any(
        type(node) in _CHANGING or (type(node) in _CALLING and node.function.changes) for node in walk.everything(root)
    )


_CHANGING = (plan.Insert, plan.Update, plan.Delete, plan.Merge, plan.LockRows)
_CALLING = (plan.Call, plan.SetCall)


def streams(node: physical.Query) -> bool:
    """Whether the rows come as they are found: not where all are in a list first, nor where one row is looked up, nor
    where rows are locked or changed on the way."""
    if any(not isinstance(cte.node, physical.Query | physical.RecursiveUnion) for cte in node.ctes):
        return False
    inner = node.input
    while isinstance(inner, physical.Project | physical.Filter):
        inner = inner.input
    if isinstance(inner, physical.Scan):
        return not inner.single
    listed = (
        physical.Sort
        | physical.Limit
        | physical.Aggregate
        | physical.SingleRow
        | physical.Values
        | physical.LockRows
        | physical.Window
        | physical.SetOperation
    )
    return not isinstance(inner, listed)


def compile_statement(compiler: Compiler, node: physical.Node, stream: bool) -> tuple[Callable[..., Any], str]:
    """The function (rows, p, c) of a statement, and its source."""
    function = Function(compiler.module, "run", "rows, p, c")
    body = Function(compiler.module, "run", "rows, p, c")
    if isinstance(node, physical.Query):
        emit_query(compiler, body, node, Scope(), stream)
    else:
        define_tables(compiler, getattr(node, "ctes", ()))
        emit_changes(compiler, body, node, alone=not getattr(node, "ctes", ()))
    if compiler.module.slots:
        function.add(f"s = [None] * {compiler.module.slots}")
    elif "s" in body.names_used():
        function.add("s = None")
    for call in compiler.first_calls:
        function.add(call)
    function.absorb(body)
    translate_errors(function)
    compiler.module.add(function)
    return compiler.module.build("run")


def compile_row_maker(
    compiler: Compiler, node: physical.Insert, parameters: int
) -> Callable[[list[Row], Any], list[Row]] | None:
    function = Function(compiler.module, "run", "rows, p, c")
    function.sets = parameters
    if not emit_row_maker(compiler, function, node):
        return None
    translate_errors(function)
    compiler.module.add(function)
    built, _ = compiler.module.build("run")
    return lambda sets, context: built(None, sets, context)


def compile_anew(planner: Planner, node: physical.Node, stream: bool, memory: Memory) -> Run:
    """The same statement with another use of memory."""
    if memory.spills:
        planner, node = spilling(planner)
    compiler = new_compiler(planner, memory=memory)
    return compile_statement(compiler, node, stream)[0]


def translate_errors(function: Function) -> None:
    """Python's arithmetic errors come out of a statement as errors of minidb."""
    if function.module.calculates:
        function.translator = function.module.constant(arithmetic_error, "f")


def row_function(table: schema.Table, expression: str, view: Environment) -> Callable[[Row], Any]:
    """A function of a row for an index expression, a partial index's condition or a CHECK: the value, None for NULL."""
    bound = bind_row_expression(expression, table, view)
    return compile_row_expression(bound, len(table.columns))


def compile_row_expression(expression: plan.Expression, width: int) -> Callable[[Row], Any]:
    compiler = new_compiler(_NoSubqueries())
    function = Function(compiler.module, "run", "row, rows=None, p=(), c=None, s=None")
    scope = opened("row", row_layout(0, width))
    function.add(f"return {compiler.expressions(function, scope).value(expression)}")
    compiler.module.add(function)
    built, _ = compiler.module.build("run")
    return built


class _NoSubqueries:
    """Expressions of a schema hold no subqueries."""

    def subquery(self, query: plan.Query, first: int = 0) -> physical.Query:
        raise errors.NotSupportedError("subqueries are not allowed in a schema's expressions")


__all__ = ["Environment", "Prepared", "Ticker", "prepare", "row_function"]
