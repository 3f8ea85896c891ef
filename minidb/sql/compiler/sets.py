"""UNION, INTERSECT, EXCEPT, WITH and WITH RECURSIVE.

The parts of a union are generators, chained; the others need both sides. A common table expression is a function whose
rows are kept in a slot from its first use on; one that changes data runs once, before the statement's own query. What
could be large goes on in files (`spilled_sets`).
"""

from __future__ import annotations

from minidb import errors
from minidb.sql import physical, plan
from minidb.sql.compiler import runtime, spilled_sets
from minidb.sql.compiler.clauses import Clauses, For
from minidb.sql.compiler.core import Compiler, Required
from minidb.sql.compiler.emitter import ARGUMENTS, Function
from minidb.sql.compiler.rounds import Rounds
from minidb.sql.compiler.scope import ColumnKey, Layout, Scope
from minidb.sql.compiler.spilling import Kept
from minidb.sql.rules import walk


def query_function(compiler: Compiler, node: physical.Query, outer: Scope, stream: bool) -> tuple[str, list[ColumnKey]]:
    """A function that delivers the outputs of `node` as tuples: (its name, its arguments)."""
    arguments = compiler.outer_columns(node, outer)
    function, scope = compiler.new_function("query", arguments, outer)
    emit_query(compiler, function, node, scope, stream)
    compiler.module.add(function)
    return function.name, arguments


def emit_query(compiler: Compiler, function: Function, node: physical.Query, scope: Scope, stream: bool) -> None:
    """The body of a function that delivers the outputs of `node`."""
    define_tables(compiler, node.ctes)
    expressions = [output.expression for output in node.outputs]

    def output(function: Function, inside: Scope) -> str:
        whole = _whole_tuple(inside, node)
        if whole is not None:
            return whole
        return compiler.expressions(function, inside).tuple_of(expressions)

    compiler.emit(function, node.input, scope, walk.columns(tuple(expressions)), output, stream)


def _whole_tuple(scope: Scope, node: physical.Query) -> str | None:
    """The variable whose tuple is the output as it stands."""
    columns: list[ColumnKey] = []
    for output in node.outputs:
        expression = walk.strip_relabel(output.expression)
        if not isinstance(expression, plan.Column):
            return None
        columns.append((expression.relation, expression.position))
    for variable, layout in scope.tuples:
        width = len({place for place in layout.values() if place is not None})
        if width == len(columns) and all(layout.get(c, -1) == place for place, c in enumerate(columns)):
            return variable
    return None


def union_all(
    compiler: Compiler, function: Function, node: physical.UnionAll, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    inner_arguments = compiler.outer_columns(node, scope)
    union, inner = compiler.new_function("union", inner_arguments, scope)
    for query in node.inputs:
        name, arguments = query_function(compiler, query, inner, stream=True)
        union.add(f"yield from {name}({', '.join([ARGUMENTS, *[inner.columns[a] for a in arguments]])})")
    compiler.module.add(union)
    call = f"{union.name}({', '.join([ARGUMENTS, *[scope.columns[a] for a in inner_arguments]])})"
    batch, row = compiler.module.name("b"), compiler.module.name("m")
    return [For(batch, call, True), For(row, batch)], scope.unpacked(row, numbered(node.relation, node.width))


def numbered(relation: int, width: int) -> Layout:
    return {(relation, place): place for place in range(width)}


def set_operation(
    compiler: Compiler, function: Function, node: physical.SetOperation, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    large = compiler.memory.could_spill(max(node.left.rows, node.right.rows))
    calls = []
    for query in (node.left, node.right):
        name, arguments = query_function(compiler, query, scope, stream=large)
        calls.append(f"{name}({', '.join([ARGUMENTS, *[scope.columns[a] for a in arguments]])})")
    facts = f"{node.kind!r}, {node.all}, {', '.join(calls)}"
    row = compiler.module.name("m")
    inside = scope.unpacked(row, numbered(node.relation, node.width))
    if large:
        helper, batch = compiler.module.constant(spilled_sets.set_operation, "f"), compiler.module.name("b")
        call = f"{helper}({facts}, {compiler.budget(node)}, rows.check_interrupt)"
        return [For(batch, call, True), For(row, batch)], inside
    result = compiler.module.name("l")
    function.add(f"{result} = {compiler.module.constant(runtime.set_operation, 'f')}({facts})")
    return [For(row, result)], inside


# -- common table expressions -----------------------------------------------------------------------------


def define_tables(compiler: Compiler, ctes: tuple[physical.Cte, ...]) -> None:
    """Makes the functions of `ctes`; `Compiler.tables` then has the source of each one's list of rows."""
    for cte in ctes:
        slot = compiler.module.slot()
        function = Function(compiler.module, compiler.module.name("with"))
        call = f"({slot} or {function.name}({ARGUMENTS}))[0]"
        if walk.free_columns(cte.node):
            raise errors.NotSupportedError(
                f'common table expression "{cte.name}" mentions columns of an outer query',
                hint="Write it as a subquery in FROM.",
            )
        if isinstance(cte.node, physical.RecursiveUnion):
            _emit_recursive(compiler, function, cte.node)
        elif isinstance(cte.node, physical.Query):
            large = compiler.memory.could_spill(cte.node.rows)
            name, _ = query_function(compiler, cte.node, Scope(), stream=large)
            made = f"{name}({ARGUMENTS})"
            if large:
                made = f"{compiler.module.constant(Kept, 'f')}({made}, {compiler.budget(cte.node)})"
            function.add(f"result = {made}")
        else:
            name = compiler.changes(compiler, cte.node)
            function.add(f"result = {name}({ARGUMENTS})[1] or []")
            compiler.first_calls.append(call)
        function.add(f"{slot} = (result,)")
        function.add(f"return {slot}")
        compiler.module.add(function)
        compiler.tables[cte.number] = call


def cte_scan(
    compiler: Compiler, function: Function, node: physical.CteScan, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    row, source = compiler.module.name("m"), compiler.tables[node.cte]
    inside = scope.unpacked(row, numbered(node.relation, node.width))
    if node.cte not in compiler.growing:
        return [For(row, source)], inside
    batch = compiler.module.name("b")
    return [For(batch, f"{source}.batches()", True), For(row, batch)], inside


def _emit_recursive(compiler: Compiler, function: Function, node: physical.RecursiveUnion) -> None:
    """The left side, then again and again the right side over what the last round brought, until nothing new comes.

    The rows are handed out as they come: see `rounds`."""
    working = compiler.module.slot()
    compiler.tables[node.number] = working
    coming = Function(compiler.module, compiler.module.name("rounds"))
    left, _ = query_function(compiler, node.left, Scope(), stream=True)
    first = compiler.module.slots
    right, _ = query_function(compiler, node.right, Scope(), stream=True)
    kept = compiler.module.slots - first  # results of subqueries, which may read the working table
    budget = compiler.budget(node)
    keep = compiler.module.constant(Kept, "f")
    if not node.all:
        coming.add(f"seen = {compiler.module.constant(spilled_sets.Seen, 'f')}({budget}, rows.check_interrupt)")
    _emit_round(coming, left, node.all, f"{keep}((), {budget})")
    with coming.block("while len(new):"):
        coming.add("rows.check_interrupt()")
        coming.add(f"{working} = new")
        if kept:
            coming.add(f"s[{first} : {first + kept}] = [None] * {kept}")
        _emit_round(coming, right, node.all, f"{keep}((), {budget})")
    compiler.module.add(coming)
    function.add(f"result = {compiler.module.constant(Rounds, 'f')}({coming.name}({ARGUMENTS}), {budget})")
    compiler.growing.add(node.number)


def _emit_round(coming: Function, query: str, keeps_all: bool, kept: str) -> None:
    coming.add(f"new = {kept}")
    batches = f"{query}({ARGUMENTS})" if keeps_all else f"seen.new({query}({ARGUMENTS}))"
    with coming.block(f"for batch in {batches}:"):
        coming.add("new.extend(batch)")
        coming.add("yield batch")
