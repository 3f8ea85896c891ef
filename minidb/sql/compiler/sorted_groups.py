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
into memory; there also for GROUPING SETS.
"""

from __future__ import annotations

from collections.abc import Sequence

from minidb.sql import physical, plan
from minidb.sql.compiler.batches import Calls
from minidb.sql.compiler.cells import Cells, prepare, print_updates
from minidb.sql.compiler.clauses import Clauses, For, Let, nest
from minidb.sql.compiler.core import FLUSH, Compiler, Required, emit_stream
from minidb.sql.compiler.emitter import ARGUMENTS, Function
from minidb.sql.compiler.expressions import Expressions
from minidb.sql.compiler.scope import ColumnKey, Layout, Scope, opened
from minidb.sql.compiler.sorting import changed, sort_columns
from minidb.sql.compiler.spilling import sorted_batches


def sorted_groups(
    compiler: Compiler, node: physical.Aggregate, scope: Scope, wanted: Required, calls: Calls
) -> tuple[Clauses, Scope]:
    arguments = compiler.outer_columns(node, scope)
    function, inner = compiler.new_function("groups", arguments, scope)
    clauses, inside = compiler.clauses(function, node.input, inner, wanted)
    site = compiler.expressions(function, inside)
    key = f"({', '.join(site.values(node.groups))},)"
    _emit(compiler, function, site, node, clauses, key, calls)
    compiler.module.add(function)
    known = {(node.relation, place) for place, e in enumerate(node.groups) if not site.nullable(e)}
    layout: Layout = {(node.relation, place): place for place in range(len(node.groups))}
    return _groups_of(compiler, function, node, arguments, scope, layout, known, calls)


def _groups_of(
    compiler: Compiler,
    function: Function,
    node: physical.Aggregate,
    arguments: list[ColumnKey],
    scope: Scope,
    layout: Layout,
    known: set[ColumnKey],
    calls: Calls,
) -> tuple[Clauses, Scope]:
    """The loop over the groups that `function` delivers: its keys, then the results of `calls`."""
    first = max((place for place in layout.values() if place is not None), default=-1) + 1
    layout = {**layout, **{(node.relation, place): first + at for at, (place, _) in enumerate(calls)}}
    known = known | {(node.relation, place) for place, call in calls if call.aggregate.kind in ("count", "count_star")}
    batch, row = compiler.module.name("b"), compiler.module.name("m")
    call = f"{function.name}({', '.join([ARGUMENTS, *[scope.columns[a] for a in arguments]])})"
    return [For(batch, call, True), For(row, batch)], scope.joined(opened(row, layout, known))


def _emit(
    compiler: Compiler,
    function: Function,
    site: Expressions,
    node: physical.Aggregate,
    clauses: Clauses,
    key: str,
    calls: Calls,
    lonely: Sequence[tuple[int, str]] = (),
) -> None:
    """The body of the generator. `lonely`: (number of a set, its key) of the grouping sets that have a row even where
    there is no input."""
    prefix = compiler.module.name("c")
    cells = Cells(lambda number: f"{prefix}_{number}")
    finals = [prepare(compiler, site, cells, call) for _, call in calls]
    row = f"({', '.join(['*last', *finals])},)"
    function.add("out = []")
    function.add("last = None")
    if lonely:
        function.add("found = set()")

    def body() -> None:
        function.add(f"k = {key}")
        with function.block(f"if {changed(compiler, node.groups, 'k', 'last')}:"):
            with function.block("if last is not None:"):
                function.add(f"out.append({row})")
                with function.block(f"if len(out) >= {FLUSH}:"):
                    function.add("yield out")
                    function.add("out = []")
            function.add("last = k")
            if lonely:
                function.add("found.add(k[0])")
            for number, initial in enumerate(cells.initial):
                function.add(f"{cells.place(number)} = {initial}")
        print_updates(function, cells)

    nest(function, clauses, body)
    with function.block("if last is not None:"):
        function.add(f"out.append({row})")
    for number, absent in lonely:
        with function.block(f"if {number} not in found:"):
            function.add(f"last = {absent}")
            for place, fresh in enumerate(cells.fresh):
                function.add(f"{cells.place(place)} = {fresh}")
            function.add(f"out.append({row})")
    function.add("yield out")


# -- grouping sets ----------------------------------------------------------------------------------------


def sorted_grouping_sets(
    compiler: Compiler, node: physical.Aggregate, scope: Scope, wanted: Required, calls: Calls
) -> tuple[Clauses, Scope]:
    """Each row once for each set, beginning with the set's number and the keys of that set; sorted in files if need be,
    and grouped like one GROUP BY. The groups begin with the set's number, too."""
    assert node.sets is not None
    arguments = compiler.outer_columns(node, scope)
    stream, held = _each_set(compiler, node, arguments, scope, wanted)
    function, inner = compiler.new_function("groups", arguments, scope)
    width = len(node.groups) + 1
    row, batch = compiler.module.name("m"), compiler.module.name("b")
    layout: Layout = {column: width + place for place, column in enumerate(held)}
    site = compiler.expressions(function, inner.joined(opened(row, layout)))
    keys = sort_columns([plan.SortKey(e) for e in node.groups], range(1, width))
    columns = site.constant(((0, False, False, False, ""), *[(p, d, n, True, special) for p, d, n, _, special in keys]))
    sorter = compiler.module.constant(sorted_batches, "f")
    passed = ", ".join([ARGUMENTS, *[inner.columns[a] for a in arguments]])
    call = f"{sorter}({stream.name}({passed}), {columns}, {compiler.budget(node)}, rows.check_interrupt)"
    nulls = ["None"] * len(node.groups)
    lonely = [(n, f"({', '.join([str(n), *nulls])},)") for n, members in enumerate(node.sets) if not members]
    _emit(compiler, function, site, node, [For(batch, call, True), For(row, batch)], f"{row}[:{width}]", calls, lonely)
    compiler.module.add(function)
    keyed: Layout = {(node.relation, place): place + 1 for place in range(len(node.groups))}
    keyed[_SET_NUMBER] = 0
    return _groups_of(compiler, function, node, arguments, scope, keyed, set(), calls)


_SET_NUMBER = (-11, 0)  # the column of a group that tells its set


def set_number(scope: Scope) -> str:
    return scope.columns[_SET_NUMBER]


def _each_set(
    compiler: Compiler, node: physical.Aggregate, arguments: list[ColumnKey], scope: Scope, wanted: Required
) -> tuple[Function, list[ColumnKey]]:
    """(a generator of each row for each set, the columns behind the number and the keys)."""
    assert node.sets is not None
    function, outer = compiler.new_function("sets", arguments, scope)
    clauses, inside = compiler.clauses(function, node.input, outer, wanted)
    held = sorted(column for column in wanted if column in inside.columns and column not in outer.columns)
    names = [compiler.module.name("x") for _ in node.groups]
    texts = compiler.expressions(function, inside).values(node.groups)
    lets: Clauses = [Let(name, text) for name, text in zip(names, texts)]
    behind = [inside.columns[column] for column in held]
    every = []
    for number, members in enumerate(node.sets):
        parts = [name if place in members else "None" for place, name in enumerate(names)]
        every.append(f"({', '.join([str(number), *parts, *behind])},)")
    row = compiler.module.name("m")
    emit_stream(function, [*clauses, *lets, For(row, f"({', '.join(every)},)" if every else "()")], row)
    compiler.module.add(function)
    return function, held
