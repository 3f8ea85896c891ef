"""Aggregates by the batch: lists made by comprehensions, then `sum`, `len`, `min` of them.

Three forms, each where it applies. Without groups: a list per argument and batch. With groups and one argument: the
values of each group are appended to a list, and the lists are folded into states now and then
(`runtime.fold_groups`). Rows that are only counted per group: a `Counter`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from minidb.sql import plan
from minidb.sql.compiler import runtime
from minidb.sql.compiler.cells import Cells, counts_what_may_raise
from minidb.sql.compiler.clauses import (
    Clause,
    Clauses,
    For,
    If,
    comprehensible,
    comprehension,
    leading,
    loop_count,
    nest,
)
from minidb.sql.compiler.core import NO_GUARD, Compiler, Guard, start_guard
from minidb.sql.compiler.emitter import Function
from minidb.sql.compiler.expressions import Expressions
from minidb.sql.compiler.hopeful import print_filtered
from minidb.types import numeric_add

BATCHED = frozenset(
    {"count_star", "count", "sum_int", "sum_float", "sum_numeric", "avg_int", "avg_float", "avg_numeric", "min", "max"}
)
Calls = list[tuple[int, plan.AggregateCall]]
Finals = dict[int, str]  # position -> source of the result


# -- groups -----------------------------------------------------------------------------------------------

FOLDED = 500  # batches after which lists of values are folded
PAGE = 25  # batches are so much larger where a table is kept by columns


def print_counter(
    function: Function, clauses: Clauses, groups: str, key: str, update: str, after: tuple[str, ...] = ()
) -> bool:
    """Counts rows per key in a Counter, if whole batches can be counted."""
    before, loops = leading(clauses)
    if before or loop_count(loops) != 2 or not comprehensible(loops[1:]):
        return False
    header = loops[0]
    if not isinstance(header, For) or not header.batched or not isinstance(loops[1], For):
        return False
    function.add(f"{update} = {groups}.update")
    with function.block(f"for {header.target} in {header.items}:"):
        function.add(f"{update}([{comprehension(loops[1:], key)}])")
        for line in after:
            function.add(line)
    return True


def gathered_argument(clauses: Clauses, calls: Calls) -> plan.Expression | None:
    """The one argument of all aggregates, if values can be gathered per group."""
    _, loops = leading(clauses)
    if not loops or not isinstance(loops[0], For) or not loops[0].batched:
        return None
    arguments: list[plan.Expression] = []
    for _, call in calls:
        if call.aggregate.kind not in BATCHED or call.distinct or call.filter is not None or call.order_by:
            return None
        arguments += call.arguments
    if not arguments or any(argument != arguments[0] for argument in arguments[1:]):
        return None
    return arguments[0]


def print_gathered(
    site: Expressions,
    function: Function,
    clauses: Clauses,
    groups: str,
    key: str,
    argument: plan.Expression,
    calls: Calls,
    group: str,
    many: bool,
    guard: Guard = NO_GUARD,
    noted: list[str] | None = None,
) -> Finals:
    """Values are appended to the list of their group; `groups` ends up with the states, whose kinds are `noted`."""
    lists = site.module.name("d")
    value = site.value(argument)
    kinds = [] if noted is None else noted

    def place(kind: str) -> str:
        if kind not in kinds:
            kinds.append(kind)
        return f"{group}[{kinds.index(kind)}]"

    finals = {at: _gathered_result(site, call, place, site.nullable(argument)) for at, call in calls}
    fold = site.constant(runtime.fold_groups, "f")
    call = f"{fold}({lists}, {groups}, {site.constant(tuple(kinds))}, {site.nullable(argument)})"
    batches = site.module.name("n")
    function.add(f"{lists} = {{}}")
    function.add(f"{batches} = 0")

    def body() -> None:
        name = "k"
        if key.isidentifier() or (key.endswith("]") and not key.startswith("(")):
            name = key
        else:
            function.add(f"k = {key}")
        if many:
            function.add(f"{group} = {lists}.get({name})")
            with function.block(f"if {group} is None:"):
                function.add(f"{lists}[{name}] = [{value}]")
            with function.block("else:"):
                function.add(f"{group}.append({value})")
        else:
            with function.block("try:"):
                function.add(f"{lists}[{name}].append({value})")
            with function.block("except KeyError:"):
                function.add(f"{lists}[{name}] = [{value}]")

    folded = FOLDED // PAGE if "rows.pages(" in leading(clauses)[1][0].items else FOLDED  # type: ignore[union-attr]
    after = (f"{batches} += 1", f"if {batches} == {folded}:", f"    {call}", f"    {batches} = 0")
    nest(function, clauses, body, (*after, *start_guard(function, guard)))
    function.add(call)
    return finals


def _gathered_result(site: Expressions, call: plan.AggregateCall, place: Callable[[str], str], nullable: bool) -> str:
    kind = call.aggregate.kind
    if kind == "count_star":
        return place("rows")
    count = place("count" if nullable else "rows")
    if kind in ("count", "min", "max"):
        return count if kind == "count" else place(kind)
    total = place(kind.partition("_")[2])
    return f"{site.constant(call.aggregate.final, 'f')}([{count}, {total}])"


# -- one row ----------------------------------------------------------------------------------------------


def can_batch(clauses: Clauses, calls: Calls) -> bool:
    _, loops = leading(clauses)
    if loop_count(loops) != 2 or not isinstance(loops[0], For) or not loops[0].batched:
        return False
    if not isinstance(loops[1], For) or not comprehensible(loops[1:]):
        return False
    return all(
        call.aggregate.kind in BATCHED
        and (not call.distinct or call.aggregate.kind == "count")
        and call.filter is None
        and not call.order_by
        for _, call in calls
    )


def print_batched(
    compiler: Compiler, function: Function, site: Expressions, clauses: Clauses, cells: Cells, calls: Calls
) -> Finals:
    """A list per argument and batch; rows that pass the filter are gathered first if there are several arguments."""
    before, loops = leading(clauses)
    header, row = loops[0], loops[1]
    assert isinstance(header, For) and isinstance(row, For)
    finals: Finals = {}
    lists: dict[str, list[tuple[str, str]]] = {}  # element source -> [(cell, update with {v})]
    for place, call in calls:
        finals[place] = _batched_call(compiler, site, cells, call, lists)
    for number, initial in enumerate(cells.initial):
        function.add(f"{cells.place(number)} = {initial}")
    nest(function, before, lambda: _batch_loop(compiler, function, header, row, loops, lists))
    return finals


def _batch_loop(
    compiler: Compiler,
    function: Function,
    header: For,
    row: For,
    loops: Clauses,
    lists: dict[str, list[tuple[str, str]]],
) -> None:
    """The lists of one batch. Several lists of filtered rows are taken from one list of tuples of all values."""
    source: list[Clause] = list(loops[1:])
    lists = _merged(lists, len(source) > 1)
    values = {element: element.rstrip("\n") for element in lists}
    with function.block(f"for {header.target} in {header.items}:"):
        if len(lists) > 1 and len(source) > 1:
            hits, hit = compiler.module.name("l"), compiler.module.name("m")
            kept = [element for element in lists if element]
            text = f"({', '.join(values[element] for element in kept)},)"
            print_filtered(function, hits, source, text)
            source = [For(hit, hits)]
            values = {element: f"{hit}[{place}]" for place, element in enumerate(kept)}
        for element, updates in lists.items():
            name = _print_element(compiler, function, source, row, element, values.get(element, ""))
            for _, update in updates:
                for line in update.format(v=name).split("\n"):
                    function.add(line)


def _print_element(
    compiler: Compiler, function: Function, source: list[Clause], row: For, element: str, text: str
) -> str:
    """Prints one list; its name."""
    first = source[0]
    assert isinstance(first, For)
    if element == "" and len(source) == 1:
        return first.items
    name = compiler.module.name("l")
    if not element.endswith("\n"):
        print_filtered(function, name, source, text or row.target.partition(",")[0])
    elif text.isidentifier() or text.endswith("]"):
        function.add(f"{name} = [{comprehension([*source, If(f'{text} is not None')], text)}]")
    else:
        function.add(f"{name} = [{comprehension([*source, If(f'(x := {text}) is not None')], 'x')}]")
    return name


def _merged(lists: dict[str, list[tuple[str, str]]], filtered: bool) -> dict[str, list[tuple[str, str]]]:
    """Rows that are only counted are counted by a list of the same length, if there is one."""
    complete = [element for element in lists if element and not element.endswith("\n")]
    if "" not in lists or not complete or not filtered:
        return lists
    result = {element: list(updates) for element, updates in lists.items() if element}
    result[complete[0]] = lists[""] + result[complete[0]]
    return result


def _batched_call(
    compiler: Compiler,
    site: Expressions,
    cells: Cells,
    call: plan.AggregateCall,
    lists: dict[str, list[tuple[str, str]]],
) -> str:
    kind = call.aggregate.kind
    element, nullable = "", False
    if call.arguments:
        argument = call.arguments[0]
        nullable = site.nullable(argument) or counts_what_may_raise(call)
        if kind not in ("count", "count_star") or nullable or call.distinct:
            element = _element(site, argument, nullable)
            cells.arguments[element] = argument
    updates = lists.setdefault(element, []) if element else []

    def cell(what: str, initial: str, update: str) -> str:
        name, new = cells.cell((what, element), initial)
        if new:
            updates.append((name, update.replace("{c}", name)))
        return name

    if call.distinct:
        return f"len({cell('distinct', 'set()', '{c}.update({v})')})"
    count = ""
    if kind[:3] not in ("min", "max"):
        count = _batch_count(cells, lists, element if nullable else "")
    if kind in ("count", "count_star"):
        return count
    if kind in ("min", "max"):
        sign = "<" if kind == "min" else ">"
        test = f"if {{v}}:\n    x = {kind}({{v}})\n    if {{c}} is None or x {sign} {{c}}:\n        {{c}} = x"
        return cell(kind, "None", test)
    if kind.endswith("numeric"):
        add, fold = site.constant(numeric_add, "f"), site.constant(reduce, "f")
        total = cell("numeric", "0", f"{{c}} = {fold}({add}, {{v}}, {{c}})")
    elif kind.endswith("float"):
        total = cell("float", "0.0", "{c} = sum({v}, {c})")
    else:
        total = cell("int", "0", "{c} += sum({v})")
    return f"{site.constant(call.aggregate.final, 'f')}([{count}, {total}])"


def _batch_count(cells: Cells, lists: dict[str, list[tuple[str, str]]], element: str) -> str:
    """The cell that counts the elements of a list; what is never NULL is counted with the rows."""
    name, new = cells.cell(("count", element), "0")
    if new:
        lists.setdefault(element, []).append((name, f"{name} += len({{v}})"))
    return name


def _element(site: Expressions, argument: plan.Expression, nullable: bool) -> str:
    """What a batch's list holds: source, with a line break behind it if NULLs are to be left out."""
    return site.value(argument) + ("\n" if nullable else "")
