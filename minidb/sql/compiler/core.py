"""The compiler's core: from physical operators to clauses, from clauses to functions.

`Compiler.clauses` asks the operator's own module (the table `producers`, put together in `producers.py`) for its loops.
Around that, this module makes functions: `list_function` returns all rows of a plan as a list of tuples,
`stream_function` is a generator of such lists. A plan with more than `LOOPS` nested loops is cut into several
functions, because CPython allows 20 nested blocks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from minidb.sql import physical, plan
from minidb.sql.compiler.clauses import (
    Clauses,
    For,
    If,
    Let,
    any_comprehension,
    comprehensible,
    comprehension,
    leading,
    loop_count,
    nest,
)
from minidb.sql.compiler.emitter import ARGUMENTS, Function, Module
from minidb.sql.compiler.expressions import Expressions
from minidb.sql.compiler.hopeful import may_be_hopeful, nullable_leaves, print_filtered
from minidb.sql.compiler.limits import emit_limited
from minidb.sql.compiler.scope import ColumnKey, Layout, Scope, opened
from minidb.sql.compiler.spilling import Kept, Overflow, checked_bound, chunked, first_bound, noted
from minidb.sql.compiler.temporary_files import Budget, Spill
from minidb.sql.rules import walk
from minidb.sql.rules.nulls import strict_columns
from minidb.sql.statistics import SURPRISE, TYPICAL_ROW

LOOPS = 9
# before a loop over the whole of one side of a join; an expression, so that it fits into comprehensions, too (R72)
SAFE_POINT = "rows.check_interrupt() or "
FLUSH = 256  # rows after which a generator hands out what it has
Required = set[ColumnKey]
Producer = Callable[["Compiler", Function, Any, Scope, Required], tuple[Clauses, Scope]]
SubquerySource = Callable[[Expressions, Any, str], str]  # the site, the expression, the question asked


class SubqueryPlanner(Protocol):
    def subquery(self, query: plan.Query, first: int = 0) -> physical.Query:
        """The physical plan of a subquery; the same object each time it is asked for."""


class Memory(NamedTuple):
    """How a statement keeps to its bound of `limit` bytes for each operator. `spills`: by operators that go on in
    files; otherwise, if `guarded`, by giving up (`spilling.WorkMemoryExceeded`)."""

    limit: int = 64 << 20
    guarded: bool = False
    spills: bool = False

    def watches(self, rows: float) -> bool:
        """Whether so many rows are worth a look."""
        return self.guarded and self.could_spill(rows)

    def could_spill(self, rows: float) -> bool:
        """Whether so many rows could be too many: an estimate may be wrong by a factor."""
        return rows * TYPICAL_ROW * SURPRISE > self.limit


UNBOUNDED = Memory()


class Compiler:
    """One statement on its way to Python. `counters`: a number per operator, for EXPLAIN ANALYZE, or None."""

    def __init__(
        self,
        planner: SubqueryPlanner,
        producers: Mapping[type, Producer],
        subqueries: Mapping[type, SubquerySource],
        counters: dict[int, int] | None = None,
        memory: Memory = UNBOUNDED,
    ) -> None:
        self.memory = memory
        self.watching = False  # whether a size is watched somewhere
        self.module = Module()
        self.planner = planner
        self.producers = producers
        self.subqueries = subqueries
        self.counters = counters
        self.spills: dict[int, Spill] = {}  # what EXPLAIN ANALYZE notes, by the id of the node
        self._budget: str | None = None
        self.tables: dict[int, str] = {}  # sources of the rows of common table expressions, by number
        self.growing: set[int] = set()  # those that are `rounds.Rounds` there, not lists
        self.first_calls: list[str] = []  # data-modifying ones, that run whether they are read or not
        self.changes: Callable[[Compiler, physical.Node], str] = _no_changes
        self._measured: physical.Node | None = None  # whose generator is being made
        self._loops: dict[int, int] = {}
        self._kept: list[Any] = []  # what `_loops` knows by id

    # -- expressions

    def expressions(self, function: Function, scope: Scope) -> Expressions:
        return Expressions(self, function, scope)

    def condition(self, function: Function, scope: Scope, predicates: Iterable[plan.Expression]) -> tuple[str, Scope]:
        """(a test that all `predicates` are true, the scope behind it)."""
        scope = scope.copy()
        texts: list[str] = []
        for predicate in predicates:
            site = Expressions(self, function, scope, conditional=bool(texts))
            texts.append(site.truth(predicate))
            scope.known |= strict_columns(predicate) & scope.columns.keys()
            if isinstance(predicate, plan.Operator):
                scope.rename(site.bindings)
        if len(texts) == 1:
            return texts[0], scope
        return " and ".join(f"({text})" if " or " in text or " if " in text else text for text in texts), scope

    def filtered(
        self, function: Function, clauses: Clauses, scope: Scope, predicates: Iterable[plan.Expression]
    ) -> tuple[Clauses, Scope]:
        listed = list(predicates)
        if not listed:
            return clauses, scope
        test, inside = self.condition(function, scope, listed)
        if not all(map(may_be_hopeful, listed)):
            return [*clauses, If(test)], inside
        certain = scope.copy()
        certain.known |= nullable_leaves(listed)
        site = Expressions(self, function, certain, hopeful=True)
        hopeful = " and ".join(f"({text})" for text in map(site.truth, listed))
        names = tuple((inside.columns[c], text) for c, text in scope.columns.items() if inside.columns[c] != text)
        return [*clauses, If(test, hopeful, names) if hopeful != test else If(test)], inside

    # -- operators

    def clauses(
        self, function: Function, node: physical.Node, scope: Scope, required: Required
    ) -> tuple[Clauses, Scope]:
        """The loops through which the rows of `node` come, and the scope inside. Columns in `required` are used."""
        if self.counters is not None and node is not self._measured:
            return self._measured_part(node, scope, required)
        self._measured = None
        return self.producers[type(node)](self, function, node, scope, required)

    def _measured_part(self, node: physical.Node, scope: Scope, required: Required) -> tuple[Clauses, Scope]:
        """For EXPLAIN ANALYZE each operator is a generator of its own, whose batches are counted and timed."""
        assert self.counters is not None
        number = self.counters.setdefault(id(node), len(self.counters))
        self._kept.append(node)
        self._measured = node
        call, layout = self.stream_call(node, scope, required)
        watched = f"{self.module.constant(Ticker.watched, 'f')}(c, {number}, {call})"
        batch, row = self.module.name("b"), self.module.name("m")
        return [For(batch, watched, True), For(row, batch)], scope.unpacked(row, layout)

    def loops(self, node: physical.Node) -> int:
        """About how many loops `node` needs if nothing is cut."""
        known = self._loops.get(id(node))
        if known is None:
            self._kept.append(node)
            known = self._loops[id(node)] = _count_loops(self, node)
        return known

    def side(
        self, function: Function, node: physical.Node, scope: Scope, required: Required, room: int
    ) -> tuple[Clauses, Scope]:
        """The clauses of one side of a join; as a function of its own if it needs more loops than there is room."""
        if self.loops(node) > room:
            return self.part(function, node, scope, required)
        return self.clauses(function, node, scope, required)

    def part(self, function: Function, node: physical.Node, scope: Scope, required: Required) -> tuple[Clauses, Scope]:
        """`node` in a generator of its own."""
        name, arguments, layout = self.stream_function(node, scope, required)
        batch, row = self.module.name("b"), self.module.name("m")
        call = f"{name}({', '.join([ARGUMENTS, *[scope.columns[a] for a in arguments]])})"
        return [For(batch, call, True), For(row, batch)], scope.unpacked(row, layout)

    # -- functions

    def outer_columns(self, node: Any, scope: Scope) -> list[ColumnKey]:
        """The columns of `scope` that `node` mentions without making them: the arguments of its function."""
        return sorted(column for column in walk.free_columns(node) if column in scope.columns)

    def new_function(self, prefix: str, arguments: list[ColumnKey], outer: Scope) -> tuple[Function, Scope]:
        names = [f"a{place}" for place in range(len(arguments))]
        function = Function(self.module, self.module.name(prefix), ", ".join([ARGUMENTS, *names]))
        known = {column for column in arguments if column in outer.known}
        return function, Scope(dict(zip(arguments, names)), known)

    def stream_function(
        self, node: physical.Node, outer: Scope, required: Required
    ) -> tuple[str, list[ColumnKey], Layout]:
        """A generator of lists of tuples: (its name, its arguments, the tuples' layout)."""
        arguments = self.outer_columns(node, outer)
        function, scope = self.new_function("part", arguments, outer)
        layouts: list[Layout] = []
        self.emit(function, node, scope, required, _packer(required, layouts, outer), stream=True)
        self.module.add(function)
        return function.name, arguments, layouts[0]

    def list_function(
        self, node: physical.Node, outer: Scope, required: Required
    ) -> tuple[str, list[ColumnKey], Layout]:
        """A function that returns a list of tuples."""
        arguments = self.outer_columns(node, outer)
        function, scope = self.new_function("part", arguments, outer)
        layouts: list[Layout] = []
        self.emit(function, node, scope, required, _packer(required, layouts, outer), stream=False)
        self.module.add(function)
        return function.name, arguments, layouts[0]

    def emit(
        self,
        function: Function,
        node: physical.Node,
        scope: Scope,
        required: Required,
        output: Callable[[Function, Scope], str],
        stream: bool,
    ) -> None:
        """The body of a function that delivers `output` for each row of `node`: returned as a list, or yielded."""
        if isinstance(node, physical.Limit) and not stream:
            emit_limited(self, function, node, scope, required, output)
            return
        clauses, inside = self.clauses(function, node, scope, required)
        if stream and self.memory.spills:  # what may go to a file is no more than what is needed
            inside = inside.without_tuples()
        text = output(function, inside)
        if stream:
            emit_stream(function, clauses, text)
        else:
            emit_list(function, clauses, text)

    def collect(
        self, function: Function, node: physical.Node, scope: Scope, required: Required, owner: physical.Node
    ) -> tuple[str, Layout, set[ColumnKey]]:
        """Prints code that keeps the rows of `node` in a list for the operator `owner`: (its name, the tuples' layout,
        what is not NULL)."""
        if self.memory.spills:
            call, layout = self.stream_call(node, scope, required)
            name = self.module.name("l")
            function.add(f"{name} = {self.module.constant(Kept, 'f')}({call}, {self.budget(owner)})")
            return name, layout, set()
        clauses, inside = self.clauses(function, node, scope, required)
        text, layout = inside.layout(c for c in required if c in inside.columns and c not in scope.columns)
        name = self.module.name("l")
        fill_list(function, name, clauses, text, self.guard(name, node))
        self.note(function, name, owner)
        return name, layout, inside.known & layout.keys()

    def stream_call(self, node: physical.Node, scope: Scope, required: Required) -> tuple[str, Layout]:
        """A call of a generator of the rows of `node`, and their layout."""
        name, arguments, layout = self.stream_function(node, scope, required)
        return f"{name}({', '.join([ARGUMENTS, *[scope.columns[a] for a in arguments]])})", layout

    # -- memory

    def budget(self, node: physical.Node) -> str:
        """A constant: what the operator `node` may hold."""
        if self.counters is None:
            if self._budget is None:
                self._budget = self.module.constant(Budget(self.memory.limit), "budget")
            return self._budget
        self._kept.append(node)
        spill = self.spills.setdefault(id(node), Spill())
        return self.module.constant(Budget(self.memory.limit, spill), "budget")

    def guard(self, name: str, node: physical.Node) -> Guard:
        """What watches the size of `name`, which holds rows of `node`."""
        if not self.memory.watches(node.rows):
            return NO_GUARD
        self.watching = True
        return self._asked(name, f"{self.module.constant(checked_bound, 'f')}({name}, {self.budget(node)})")

    def _asked(self, name: str, ask: str) -> Guard:
        bound = self.module.name("bound")
        return Guard(f"{bound} = {first_bound(self.memory.limit)}", f"if len({name}) > {bound}: {bound} = {ask}")

    def overflow(self, function: Function, name: str, node: physical.Node) -> tuple[Guard, str]:
        """(what empties the list `name` into a file when it is too large, the source of all its rows)."""
        if not self.memory.could_spill(node.rows):
            return NO_GUARD, name
        held = self.module.name("o")
        function.add(f"{held} = {self.module.constant(Overflow, 'f')}({self.budget(node)})")
        return self._asked(name, f"{held}.take({name})"), f"{held}.whole({name})"

    def note(self, function: Function, name: str, node: physical.Node) -> None:
        """Under EXPLAIN ANALYZE, tells how large `name` is."""
        if self.counters is not None:
            function.add(f"{self.module.constant(noted, 'f')}({name}, {self.budget(node)})")


class Measure:
    """What EXPLAIN ANALYZE has seen of one operator: rows and seconds of all its runs together."""

    __slots__ = ("loops", "rows", "seconds")

    def __init__(self) -> None:
        self.loops = 0
        self.rows = 0
        self.seconds = 0.0


class Ticker:
    """Measures operators for EXPLAIN ANALYZE, by the context's clock; the function context is wrapped in one."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self.measures: dict[int, Measure] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def watched(self, number: int, batches: Iterator[list[Any]]) -> Iterator[list[Any]]:
        """The batches of one run of operator `number`."""
        measure = self.measures.setdefault(number, Measure())
        clock = self._context.clock
        measure.loops += 1
        while True:
            start = clock()
            batch = next(batches, None)
            measure.seconds += (clock() - start).total_seconds()
            if batch is None:
                return
            measure.rows += len(batch)
            yield batch


def _packer(required: Required, layouts: list[Layout], outer: Scope) -> Callable[[Function, Scope], str]:
    """Delivers the columns that are required of the inside, as a tuple whose layout goes to `layouts`."""
    wanted = {column for column in required if column not in outer.columns}

    def pack(function: Function, scope: Scope) -> str:
        text, layout = scope.layout(column for column in wanted if column in scope.columns)
        layouts.append(layout)
        return text

    return pack


def _count_loops(compiler: Compiler, node: physical.Node) -> int:
    if isinstance(node, physical.NestedLoop):
        inner = 1 if node.kind != "inner" or node.materialized else compiler.loops(node.inner)
        return min(compiler.loops(node.outer), LOOPS) + inner
    if isinstance(node, physical.HashJoin):
        return min(compiler.loops(node.probe), LOOPS) + 1
    if isinstance(node, physical.Filter | physical.Project | physical.Distinct | physical.ProjectSet):
        return compiler.loops(node.input)
    return 2


def _no_changes(compiler: Compiler, node: physical.Node) -> str:
    raise NotImplementedError(type(node).__name__)


# -- printing ---------------------------------------------------------------------------------------------


class Guard(NamedTuple):
    """Lines that watch a size: `before` all rows, `after` each batch. Empty where nothing is watched."""

    before: str = ""
    after: str = ""


NO_GUARD = Guard()
def start_guard(function: Function, guard: Guard) -> tuple[str, ...]:
    """Prints the guard's beginning; the lines to print after each batch."""
    if not guard.after:
        return ()
    function.add(guard.before)
    return (guard.after,)


_LIST = re.compile(r"[lk]\d+\Z")  # names that hold a list, or a constant tuple of rows


def fill_list(function: Function, name: str, clauses: Clauses, text: str, guard: Guard = NO_GUARD) -> None:
    """Prints code that puts `text` for each row into the new list `name`."""
    before, loops = leading(clauses)
    if guard.after and loops:
        function.add(guard.before)
        function.add(f"{name} = []")
        nest(function, before, lambda: guarded_batches(function, loops, lambda i: f"{name} += [{i}]", text, guard))
        return
    if loops and comprehensible(loops):
        if before:
            function.add(f"{name} = []")

        def body() -> None:
            function.add(f"{name} = [{comprehension(loops, text)}]")

        nest(function, before, body)
        return
    function.add(f"{name} = []")
    with function.no_flush():
        nest(function, clauses, lambda: function.add(f"{name}.append({text})"))


def guarded_batches(
    function: Function, loops: Clauses, statement: Callable[[str], str], text: str, guard: Guard
) -> None:
    """Prints `statement`, which is given a comprehension's inside, per batch of the outermost loop."""
    first = loops[0]
    assert isinstance(first, For)
    header, inside = first, loops[1:]
    if not first.batched:
        batch = function.module.name("b")
        header = For(batch, f"{function.module.constant(chunked, 'f')}({first.items})")
        inside = [For(first.target, batch), *inside]
    with function.block(f"for {header.target} in {header.items}:"):
        function.add(statement(any_comprehension(inside, text)))
        function.add(guard.after)


def _whole_batch(loops: Clauses, text: str) -> str | None:
    """The name of a batch whose rows are handed on as they come."""
    if len(loops) != 2:
        return None
    batches, rows = loops
    if isinstance(batches, For) and batches.batched and isinstance(rows, For) and rows.target == text:
        return rows.items
    return None


def emit_list(function: Function, clauses: Clauses, text: str) -> None:
    """Prints code that returns the list of all rows."""
    before, loops = leading(clauses)
    if not loops:
        conditional = any(type(clause) is If for clause in before)
        nest(function, before, lambda: function.add(f"return [{text}]"))
        if conditional:
            function.add("return []")
        return
    if comprehensible(loops):
        nest(function, before, lambda: _return_list(function, loops, text))
        if any(type(clause) is If for clause in before):
            function.add("return []")
        return
    function.add("out = []")
    nest(function, clauses, lambda: function.add(f"out.append({text})"))
    function.add("return out")


def _return_list(function: Function, loops: Clauses, text: str) -> None:
    first = loops[0]
    assert type(first) is For
    batch = _whole_batch(loops, text)
    if batch is not None:
        function.add("out = []")
        with function.block(f"for {first.target} in {first.items}:"):
            function.add(f"out += {batch}")
        function.add("return out")
    elif len(loops) == 1 and first.target == text:
        is_list = _LIST.match(first.items) is not None
        function.add(f"return {first.items}" if is_list else f"return list({first.items})")
    else:
        function.add(f"return [{comprehension(loops, text)}]")


def emit_stream(function: Function, clauses: Clauses, text: str) -> None:
    """Prints code that yields the rows in lists."""
    before, loops = leading(clauses)
    first = loops[0] if loops else None
    if isinstance(first, For) and first.batched and loop_count(loops) == 2 and comprehensible(loops[1:]):
        nest(function, before, lambda: _yield_batches(function, first, loops, text))
        return
    if not loops or loop_count(loops) == 1:
        nest(function, before, lambda: _yield_once(function, loops, text))
        return
    function.add("out = []")
    function.flush = (f"if len(out) >= {FLUSH}:", "    yield out", "    out = []")
    nest(function, clauses, lambda: function.add(f"out.append({text})"))
    function.flush = ()
    function.add("if out:")
    function.add("    yield out")


def _yield_batches(function: Function, first: For, loops: Clauses, text: str) -> None:
    with function.block(f"for {first.target} in {first.items}:"):
        batch = _whole_batch(loops, text)
        if batch is not None:
            function.add(f"yield {batch}")
        elif type(loops[1]) is For:
            if any(isinstance(clause, If) and clause.hopeful for clause in loops):
                print_filtered(function, "out", loops[1:], text)
                function.add("yield out")
            else:
                function.add(f"yield [{comprehension(loops[1:], text)}]")
        else:
            before, rest = leading(loops[1:])
            nest(function, before, lambda: function.add(f"yield [{comprehension(rest, text)}]"))


def _yield_once(function: Function, loops: Clauses, text: str) -> None:
    if not loops:
        function.add(f"yield [{text}]")
    elif comprehensible(loops):
        first = loops[0]
        if len(loops) == 1 and isinstance(first, For) and first.target == text:
            function.add(f"yield list({first.items})")
        else:
            function.add(f"yield [{comprehension(loops, text)}]")
    else:
        function.add("out = []")
        nest(function, loops, lambda: function.add(f"out.append({text})"))
        function.add("yield out")


__all__ = ["Compiler", "Let", "Producer", "Required", "SubqueryPlanner", "Ticker", "opened"]
