"""Grouping and aggregates, fused into the loop that reads.

The state of a group is a list of cells; without groups the cells are locals:

    try:
        g1 = d1[r1[2]]
    except KeyError:
        g1 = d1[r1[2]] = [0, 0]
    g1[0] += 1
    g1[1] += r1[3]

Where the batches of a scan can be worked on as a whole, `batches` does so.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from minidb.sql import physical, plan
from minidb.sql.compiler.batches import (
    Calls,
    Finals,
    can_batch,
    gathered_argument,
    print_batched,
    print_counter,
    print_gathered,
)
from minidb.sql.compiler.cells import Cells, prepare, print_updates
from minidb.sql.compiler.clauses import Clauses, For, Let, comprehensible, comprehension, leading, nest
from minidb.sql.compiler.core import Compiler, Guard, Required, start_guard
from minidb.sql.compiler.emitter import Function
from minidb.sql.compiler.scope import ColumnKey, Scope
from minidb.sql.compiler.sorted_groups import set_number, sorted_grouping_sets, sorted_groups
from minidb.sql.rules import walk

if TYPE_CHECKING:
    from minidb.sql.compiler.vectorise import Vectorised

MANY_GROUPS = 0.2  # groups per row from which on an exception per new group costs more than a test per row


def aggregate(
    compiler: Compiler, function: Function, node: physical.Aggregate, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    used = {place for relation, place in required if relation == node.relation}
    calls = [(place, call) for place, call in enumerate(node.aggregates, len(node.groups)) if place in used]
    wanted = walk.columns((node.groups, tuple(_call_expressions(call) for _, call in calls)))
    with function.no_flush():
        if node.sets is not None:
            return _grouping_sets(compiler, function, node, scope, wanted, calls, required)
        if node.ordered:
            return sorted_groups(compiler, node, scope, wanted, calls)
        if node.groups:
            return _grouped(compiler, function, node, scope, wanted, calls, required)
        return _plain(compiler, function, node, scope, wanted, calls)


def _call_expressions(call: plan.AggregateCall) -> tuple[object, ...]:
    return (call.arguments, call.filter, call.order_by) if call.filter is not None else (call.arguments, call.order_by)


# -- one row ----------------------------------------------------------------------------------------------


def _plain(
    compiler: Compiler,
    function: Function,
    node: physical.Aggregate,
    scope: Scope,
    wanted: Required,
    calls: Calls,
) -> tuple[Clauses, Scope]:
    prefix = compiler.module.name("c")
    cells = Cells(lambda number: f"{prefix}_{number}")
    clauses, inside = compiler.clauses(function, node.input, scope, wanted)
    site = compiler.expressions(function, inside)
    if can_batch(clauses, calls):
        totals = compiler.module.name("totals")
        found = _vectorised(compiler, node, clauses, wanted, totals)
        if found is not None:
            clauses = found[0]
            function.add(f"{totals} = {found[1].source}.new_totals()")
        finals = print_batched(compiler, function, site, clauses, cells, calls)
        if found is not None:
            found[1].hold_cells(cells)
            found[1].add_totals(function, cells, totals)
    else:
        finals = {place: prepare(compiler, site, cells, call) for place, call in calls}
        for number, initial in enumerate(cells.initial):
            function.add(f"{cells.place(number)} = {initial}")
        nest(function, clauses, lambda: print_updates(function, cells))
    return _results(compiler, node, scope, [], finals)


def _vectorised(
    compiler: Compiler, node: physical.Aggregate, clauses: Clauses, wanted: Required, into: str
) -> tuple[Clauses, Vectorised] | None:
    """The clauses with vectors before their batches, and who knows about them; None where there are none."""
    if compiler.counters is not None or not physical.reads_columns(node.input):  # EXPLAIN ANALYZE counts every row
        return None
    from minidb.sql.compiler.vectorise import vectorised  # most databases have no such table

    return vectorised(compiler, node, clauses, wanted, into)


def _results(
    compiler: Compiler, node: physical.Aggregate, scope: Scope, clauses: Clauses, finals: Finals
) -> tuple[Clauses, Scope]:
    columns: dict[ColumnKey, str] = {}
    clauses = list(clauses)
    for place, text in finals.items():
        if not text.isidentifier() and not text.endswith("]"):
            name = compiler.module.name("v")
            clauses.append(Let(name, text))
            text = name
        columns[node.relation, place] = text
    inside = scope.with_columns(columns)
    inside.known |= {
        (node.relation, place)
        for place, call in enumerate(node.aggregates, len(node.groups))
        if call.aggregate.kind in ("count", "count_star")
    }
    return clauses, inside


# -- groups -----------------------------------------------------------------------------------------------


def _grouped(
    compiler: Compiler,
    function: Function,
    node: physical.Aggregate,
    scope: Scope,
    wanted: Required,
    calls: Calls,
    required: Required,
) -> tuple[Clauses, Scope]:
    groups, group, key = (compiler.module.name(prefix) for prefix in ("d", "g", "k"))
    clauses, inside = compiler.clauses(function, node.input, scope, wanted)
    site = compiler.expressions(function, inside)
    texts = site.values(node.groups)
    value = texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
    columns = {(node.relation, place): key if len(texts) == 1 else f"{key}[{place}]" for place in range(len(texts))}
    known = {(node.relation, place) for place, e in enumerate(node.groups) if not site.nullable(e)}
    if not calls:
        _distinct_keys(function, groups, clauses, value, compiler.guard(groups, node))
        outer = scope.with_columns(columns)
        outer.known |= known
        if len(texts) > 1:
            layout: dict[ColumnKey, int | None] = {(node.relation, place): place for place in range(len(texts))}
            outer.tuples = (*outer.tuples, (key, layout))
        return [For(key, groups)], outer
    many = node.rows > MANY_GROUPS * max(node.input.rows, 1)
    outer = scope.with_columns(columns)
    outer.known |= known
    guard = compiler.guard(groups, node)
    found = _vectorised(compiler, node, clauses, wanted, groups)
    clauses, vectors = (clauses, None) if found is None else found
    finals = _counted(compiler, function, clauses, groups, group, value, calls, guard)
    argument = gathered_argument(clauses, calls)
    if finals is not None and vectors is not None:
        vectors.hold_counts()
    if finals is None and argument is not None:
        function.add(f"{groups} = {{}}")
        kinds: list[str] = []
        finals = print_gathered(site, function, clauses, groups, value, argument, calls, group, many, guard, kinds)
        if vectors is not None:
            vectors.hold_kinds(kinds, argument)
    if finals is None:
        cells = Cells(lambda number: f"{group}[{number}]")
        finals = {place: prepare(compiler, site, cells, call) for place, call in calls}
        if vectors is not None:
            vectors.hold_cells(cells)
        function.add(f"{groups} = {{}}")
        after = start_guard(function, guard)
        nest(function, clauses, lambda: _group_body(compiler, function, cells, groups, group, value, many), after)
    compiler.note(function, groups, node)
    return _results(compiler, node, outer, [For(f"{key}, {group}", f"{groups}.items()")], finals)


def _counted(
    compiler: Compiler,
    function: Function,
    clauses: Clauses,
    groups: str,
    group: str,
    key: str,
    calls: Calls,
    guard: Guard,
) -> Finals | None:
    """count(*) alone."""
    if any(call.aggregate.kind != "count_star" or call.filter is not None for _, call in calls):
        return None
    function.add(f"{groups} = {compiler.module.constant(Counter, 'f')}()")
    after = start_guard(function, guard)
    if not print_counter(function, clauses, groups, key, compiler.module.name("update"), after):
        nest(function, clauses, lambda: function.add(f"{groups}[{key}] += 1"), after)
    return {place: group for place, _ in calls}


def _distinct_keys(function: Function, groups: str, clauses: Clauses, value: str, guard: Guard) -> None:
    before, loops = leading(clauses)
    if not guard.after and loops and comprehensible(loops) and not before:
        function.add(f"{groups} = dict.fromkeys([{comprehension(loops, value)}])")
        return
    function.add(f"{groups} = {{}}")
    after = start_guard(function, guard)
    nest(function, clauses, lambda: function.add(f"{groups}[{value}] = None"), after)


def _group_body(
    compiler: Compiler, function: Function, cells: Cells, groups: str, group: str, value: str, many: bool
) -> None:
    key = value
    if not value.isidentifier() and not (value.endswith("]") and not value.startswith("(")):
        key = "k"
        function.add(f"k = {value}")
    initial = f"[{', '.join(cells.initial)}]"
    if many:
        function.add(f"{group} = {groups}.get({key})")
        with function.block(f"if {group} is None:"):
            function.add(f"{group} = {groups}[{key}] = {initial}")
    else:
        with function.block("try:"):
            function.add(f"{group} = {groups}[{key}]")
        with function.block("except KeyError:"):
            function.add(f"{group} = {groups}[{key}] = {initial}")
    print_updates(function, cells)


def _grouping_sets(
    compiler: Compiler,
    function: Function,
    node: physical.Aggregate,
    scope: Scope,
    wanted: Required,
    calls: Calls,
    required: Required,
) -> tuple[Clauses, Scope]:
    """Every set of groups in one pass; the key begins with the number of its set."""
    assert node.sets is not None
    if compiler.memory.spills and compiler.memory.could_spill(node.rows):
        loops, outer = sorted_grouping_sets(compiler, node, scope, wanted, calls)
        return loops, outer.with_columns(_masks(compiler, node, set_number(outer)))
    groups, group, key = (compiler.module.name(prefix) for prefix in ("d", "g", "k"))
    clauses, inside = compiler.clauses(function, node.input, scope, wanted)
    site = compiler.expressions(function, inside)
    names = [compiler.module.name("x") for _ in node.groups]
    lets: Clauses = [Let(name, text) for name, text in zip(names, site.values(node.groups))]
    every = []
    for number, members in enumerate(node.sets):
        parts = [name if place in members else "None" for place, name in enumerate(names)]
        every.append(f"({', '.join([str(number), *parts])},)")
    cells = Cells(lambda number: f"{group}[{number}]")
    finals = {place: prepare(compiler, site, cells, call) for place, call in calls}
    function.add(f"{groups} = {{}}")
    after = start_guard(function, compiler.guard(groups, node))
    loop = [*clauses, *lets, For("k", f"({', '.join(every)},)" if every else "()")]
    nest(function, loop, lambda: _group_body(compiler, function, cells, groups, group, "k", True), after)
    compiler.note(function, groups, node)
    for number, members in enumerate(node.sets):
        if not members:  # the set () has a row even where there is no input
            absent = f"({', '.join([str(number), *['None'] * len(names)])},)"
            with function.block(f"if {absent} not in {groups}:"):
                function.add(f"{groups}[{absent}] = [{', '.join(cells.fresh)}]")
    columns = {(node.relation, place): f"{key}[{place + 1}]" for place in range(len(names))}
    columns.update(_masks(compiler, node, f"{key}[0]"))
    outer = scope.with_columns(columns)
    return _results(compiler, node, outer, [For(f"{key}, {group}", f"{groups}.items()")], finals)


def _masks(compiler: Compiler, node: physical.Aggregate, number: str) -> dict[ColumnKey, str]:
    """The columns of GROUPING(), given the source of the number of a group's set."""
    assert node.sets is not None
    masks = tuple([tuple([_mask(members, listed) for listed in node.groupings]) for members in node.sets])
    first = len(node.groups) + len(node.aggregates)
    table = compiler.module.constant(masks)
    return {(node.relation, first + place): f"{table}[{number}][{place}]" for place in range(len(node.groupings))}


def _mask(members: tuple[int, ...], listed: tuple[int, ...]) -> int:
    """GROUPING(): a bit per argument, the last one lowest, 1 where it is not in the set."""
    mask = 0
    for place in listed:
        mask = mask * 2 + (place not in members)
    return mask
