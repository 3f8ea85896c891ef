"""Grouping of sorted rows: one group at a time, so that memory does not grow with their number.

    last = None
    for m1 in sorted rows:
        k = (m1[0],)
        if k != last:
            if last is not None: out.append((*last, total))
            last = k
            total = 0
        total += m1[1]

Used where an index delivers the order of the groups, where hashing is turned off, and where a hash table would not fit
into memory.
"""

from __future__ import annotations

from minidb.sql import physical
from minidb.sql.compiler.batches import Calls
from minidb.sql.compiler.cells import Cells, prepare, print_updates
from minidb.sql.compiler.clauses import Clauses, For, nest
from minidb.sql.compiler.core import FLUSH, Compiler, Required
from minidb.sql.compiler.emitter import ARGUMENTS, Function
from minidb.sql.compiler.scope import ColumnKey, Layout, Scope, opened
from minidb.sql.compiler.sorting import changed


def sorted_groups(
    compiler: Compiler, node: physical.Aggregate, scope: Scope, wanted: Required, calls: Calls
) -> tuple[Clauses, Scope]:
    arguments = compiler.outer_columns(node, scope)
    function, inner = compiler.new_function("groups", arguments, scope)
    layout, known = _emit(compiler, function, node, inner, wanted, calls)
    compiler.module.add(function)
    batch, row = compiler.module.name("b"), compiler.module.name("m")
    call = f"{function.name}({', '.join([ARGUMENTS, *[scope.columns[a] for a in arguments]])})"
    return [For(batch, call, True), For(row, batch)], scope.joined(opened(row, layout, known))


def _emit(
    compiler: Compiler, function: Function, node: physical.Aggregate, scope: Scope, wanted: Required, calls: Calls
) -> tuple[Layout, set[ColumnKey]]:
    clauses, inside = compiler.clauses(function, node.input, scope, wanted)
    site = compiler.expressions(function, inside)
    texts = site.values(node.groups)
    prefix = compiler.module.name("c")
    cells = Cells(lambda number: f"{prefix}_{number}")
    finals = [prepare(compiler, site, cells, call) for _, call in calls]
    row = f"({', '.join(['*last', *finals])},)"
    function.add("out = []")
    function.add("last = None")

    def body() -> None:
        function.add(f"k = ({', '.join(texts)},)")
        with function.block(f"if {changed(compiler, node.groups, 'k', 'last')}:"):
            with function.block("if last is not None:"):
                function.add(f"out.append({row})")
                with function.block(f"if len(out) >= {FLUSH}:"):
                    function.add("yield out")
                    function.add("out = []")
            function.add("last = k")
            for number, initial in enumerate(cells.initial):
                function.add(f"{cells.place(number)} = {initial}")
        print_updates(function, cells)

    nest(function, clauses, body)
    with function.block("if last is not None:"):
        function.add(f"out.append({row})")
        function.add("yield out")
    layout: Layout = {(node.relation, place): place for place in range(len(node.groups))}
    layout.update({(node.relation, place): len(texts) + at for at, (place, _) in enumerate(calls)})
    known = {(node.relation, place) for place, e in enumerate(node.groups) if not site.nullable(e)}
    known |= {(node.relation, place) for place, call in calls if call.aggregate.kind in ("count", "count_star")}
    return layout, known
