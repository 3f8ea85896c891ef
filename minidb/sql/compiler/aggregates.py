"""Grouping and aggregates, fused into the loop that reads.

The state of a group is a list of *cells*; without groups the cells are locals. Aggregates share cells: sum(x), avg(x)
and count(x) need one counter and one total. A cell is named by what it holds, so that is found by comparing its
source:

    try:
        g1 = d1[r1[2]]
    except KeyError:
        g1 = d1[r1[2]] = [0, 0]
    g1[0] += 1
    g1[1] += r1[3]

Over a plain scan without groups the work is done per batch: one comprehension, then `sum`, `len`, `min` of its list.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import reduce

from minidb.sql import physical, plan
from minidb.sql.compiler import runtime
from minidb.sql.compiler.clauses import (
    Clause,
    Clauses,
    For,
    If,
    Let,
    comprehensible,
    comprehension,
    leading,
    loop_count,
    nest,
)
from minidb.sql.compiler.core import Compiler, Required
from minidb.sql.compiler.emitter import Function
from minidb.sql.compiler.expressions import Expressions
from minidb.sql.compiler.scope import ColumnKey, Scope
from minidb.sql.compiler.sorting import sort_columns
from minidb.sql.rules import walk
from minidb.sql.rules.nulls import strict_columns
from minidb.types import numeric_add

MANY_GROUPS = 0.2  # groups per row from which on an exception per new group costs more than a test per row
_BATCHED = (
    "count_star",
    "count",
    "sum_int",
    "sum_float",
    "sum_numeric",
    "avg_int",
    "avg_float",
    "avg_numeric",
    "min",
    "max",
)


class Cells:
    """Where the state is: `place(n)` names cell n."""

    def __init__(self, place: Callable[[int], str]) -> None:
        self.place = place
        self.initial: list[str] = []
        self.fresh: list[str] = []  # the same where no row is at hand
        self.updates: list[tuple[str, list[str]]] = []  # (test or '', statements), in order
        self._known: dict[tuple[str, ...], int] = {}

    def cell(self, key: tuple[str, ...], initial: str, fresh: str | None = None) -> tuple[str, bool]:
        """(the cell that holds `key`, whether it is new)."""
        number = self._known.get(key)
        if number is not None:
            return self.place(number), False
        number = self._known[key] = len(self.initial)
        self.initial.append(initial)
        self.fresh.append(initial if fresh is None else fresh)
        return self.place(number), True

    def update(self, test: str, statement: str) -> None:
        if self.updates and self.updates[-1][0] == test:
            self.updates[-1][1].append(statement)
        else:
            self.updates.append((test, [statement]))


def aggregate(
    compiler: Compiler, function: Function, node: physical.Aggregate, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    used = {place for relation, place in required if relation == node.relation}
    calls = [(place, call) for place, call in enumerate(node.aggregates, len(node.groups)) if place in used]
    wanted = walk.columns((node.groups, tuple(_call_expressions(call) for _, call in calls)))
    with function.no_flush():
        if node.sets is not None:
            return _grouping_sets(compiler, function, node, scope, wanted, calls, required)
        if node.groups:
            return _grouped(compiler, function, node, scope, wanted, calls, required)
        return _plain(compiler, function, node, scope, wanted, calls)


def _call_expressions(call: plan.AggregateCall) -> tuple[object, ...]:
    return (call.arguments, call.filter, call.order_by) if call.filter is not None else (call.arguments, call.order_by)


Calls = list[tuple[int, plan.AggregateCall]]
Finals = dict[int, str]  # position -> source of the result


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
    if _can_batch(clauses, calls):
        finals = _print_batched(compiler, function, site, clauses, cells, calls)
    else:
        finals = {place: _prepare(compiler, site, cells, call) for place, call in calls}
        for number, initial in enumerate(cells.fresh):
            function.add(f"{cells.place(number)} = {initial}")
        nest(function, clauses, lambda: _print_updates(function, cells))
    return _results(compiler, node, scope, [], finals)


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


def _print_updates(function: Function, cells: Cells) -> None:
    for test, statements in _with_locals(function, cells.updates):
        if test:
            with function.block(f"if {test}:"):
                for statement in statements:
                    function.add(statement)
        else:
            for statement in statements:
                function.add(statement)


_SUBSCRIPT = re.compile(r"\b(?:r|m)\d+\[\d+\]")


def _with_locals(function: Function, updates: list[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    """`updates` with values of the row that occur more than once read into locals first."""
    text = "\n".join(part for test, statements in updates for part in (test, *statements))
    counts = Counter(_SUBSCRIPT.findall(text))
    names = {}
    for subscript, count in counts.items():
        if count > 1:
            names[subscript] = function.module.name("v")
            function.add(f"{names[subscript]} = {subscript}")
    if not names:
        return updates

    def renamed(part: str) -> str:
        return _SUBSCRIPT.sub(lambda match: names.get(match[0], match[0]), part)

    return [(renamed(test), [renamed(statement) for statement in statements]) for test, statements in updates]


# -- batches ----------------------------------------------------------------------------------------------


def _can_batch(clauses: Clauses, calls: Calls) -> bool:
    _, loops = leading(clauses)
    if loop_count(loops) != 2 or not isinstance(loops[0], For) or not loops[0].batched:
        return False
    if not isinstance(loops[1], For) or not comprehensible(loops[1:]):
        return False
    return all(
        call.aggregate.kind in _BATCHED and not call.distinct and call.filter is None and not call.order_by
        for _, call in calls
    )


def _print_batched(
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
    nest(function, before, lambda: _batch_loop(compiler, function, site, header, row, loops, lists))
    return finals


def _batch_loop(
    compiler: Compiler,
    function: Function,
    site: Expressions,
    header: For,
    row: For,
    loops: Clauses,
    lists: dict[str, list[tuple[str, str]]],
) -> None:
    source: list[Clause] = list(loops[1:])
    lists = _merged(lists, len(source) > 1)
    with function.block(f"for {header.target} in {header.items}:"):
        if len(lists) > 1 and len(source) > 1:
            hits = compiler.module.name("l")
            function.add(f"{hits} = [{comprehension(source, row.target)}]")
            source = [For(row.target, hits)]
        for element, updates in lists.items():
            text, _, test = element.partition("\n")
            name = compiler.module.name("l")
            whole = len(source) == 1 and not test
            if text == "" and whole:
                name = source[0].items  # type: ignore[union-attr]
            else:
                made = [*source, If(test)] if test else source
                function.add(f"{name} = [{comprehension(made, text or row.target)}]")
            for _, update in updates:
                for line in update.format(v=name).split("\n"):
                    function.add(line)


def _merged(lists: dict[str, list[tuple[str, str]]], filtered: bool) -> dict[str, list[tuple[str, str]]]:
    """Rows that are only counted are counted by a list of the same length, if there is one."""
    complete = [element for element in lists if element and "\n" not in element]
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
        nullable = site.nullable(argument)
        if kind not in ("count", "count_star") or nullable:
            element = _element(site, argument, nullable)
    updates = lists.setdefault(element, []) if element else []

    def cell(what: str, initial: str, update: str) -> str:
        name, new = cells.cell((what, element), initial)
        if new:
            updates.append((name, update.replace("{c}", name)))
        return name

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
    """What a batch's list holds: source, then behind a line break the test that it is not NULL."""
    if not nullable:
        return site.value(argument)
    text = site.value(argument)
    if isinstance(argument, plan.Column):
        return f"{text}\n{text} is not None"
    name = site.temporary()
    return f"{name}\n({name} := {text}) is not None"


# -- cells ------------------------------------------------------------------------------------------------


def _prepare(compiler: Compiler, site: Expressions, cells: Cells, call: plan.AggregateCall) -> str:
    """Allocates the cells of one aggregate and its updates; returns the source of its result."""
    test = ""
    if call.filter is not None:
        test = site.truth(call.filter)
        inner = site.scope.copy()
        inner.known |= strict_columns(call.filter)
        site = Expressions(compiler, site.function, inner, conditional=True)
    if call.order_by or call.aggregate.ordered_set:
        return _ordered(compiler, site, cells, call, test)
    tests = [test] if test else []
    texts = []
    for argument in call.arguments:
        text = site.value(argument)
        if call.aggregate.strict and site.nullable(argument):
            text = _tested(site, text, tests)
        texts.append(text)
    if call.distinct:
        return _distinct(compiler, site, cells, call, texts, tests)
    return _steps(site, cells, call, texts, " and ".join(tests), "\n".join([*texts, test]))


def _tested(site: Expressions, text: str, tests: list[str]) -> str:
    if text.isidentifier() or text.endswith("]"):
        tests.append(f"{text} is not None")
        return text
    name = site.temporary()
    tests.append(f"({name} := {text}) is not None")
    return name


def _distinct(
    compiler: Compiler, site: Expressions, cells: Cells, call: plan.AggregateCall, texts: list[str], tests: list[str]
) -> str:
    """Values that the group has had already are passed over."""
    value = texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
    counting = call.aggregate.kind == "count"
    seen, new = cells.cell(("distinct", value, *tests, "" if counting else str(len(cells.initial))), "set()")
    if counting:
        if new:
            cells.update(" and ".join(tests), f"{seen}.add({value})")
        return f"len({seen})"
    name = site.temporary()
    tests = [*tests, f"({name} := {value}) not in {seen}"]
    inner = Cells(cells.place)
    inner.initial, inner.fresh, inner._known = cells.initial, cells.fresh, cells._known
    inner_texts = [name] if len(texts) == 1 else [f"{name}[{place}]" for place in range(len(texts))]
    key = f"distinct {value} {call.aggregate.name} {len(cells.initial)}"
    result = _steps(site, inner, call, inner_texts, "", key)
    test = " and ".join(tests)
    for inner_test, statements in inner.updates:
        for statement in statements:
            cells.update(test, f"if {inner_test}: {statement}" if inner_test else statement)
    cells.update(test, f"{seen}.add({name})")
    return result


def _steps(site: Expressions, cells: Cells, call: plan.AggregateCall, texts: list[str], test: str, key: str) -> str:
    kind = call.aggregate.kind
    value = texts[0] if texts else ""

    def cell(what: str, initial: str, statement: str, also: str = "") -> str:
        name, new = cells.cell((what, key if value or test else ""), initial)
        if new:
            tests = " and ".join(part for part in (test, also.replace("{c}", name)) if part)
            cells.update(tests, statement.replace("{c}", name))
        return name

    if kind in ("count_star", "count"):
        if kind == "count" and not test:  # never NULL: the same as count(*)
            name, new = cells.cell(("count", ""), "0")
            if new:
                cells.update("", f"{name} += 1")
            return name
        return cell("count", "0", "{c} += 1")
    if kind in ("min", "max"):
        sign = "<" if kind == "min" else ">"
        return cell(kind, "None", f"{{c}} = {value}", f"({{c}} is None or {value} {sign} {{c}})")
    if kind in ("min_numeric", "min_float"):
        better = f"({{c}} is None or {value} == {value} and ({{c}} != {{c}} or {value} < {{c}}))"
        return cell(kind, "None", f"{{c}} = {value}", better)
    if kind in ("max_numeric", "max_float"):
        better = f"({{c}} is None or {{c}} == {{c}} and ({value} != {value} or {value} > {{c}}))"
        return cell(kind, "None", f"{{c}} = {value}", better)
    if kind in ("bool_and", "bool_or"):
        skip = "False" if kind == "bool_and" else "True"
        return cell(kind, "None", f"{{c}} = {value}", f"{{c}} is not {skip}")
    final = site.constant(call.aggregate.final, "f")
    if kind.startswith(("sum_", "avg_")):
        if test or call.distinct:
            count = cell("count", "0", "{c} += 1")
        else:  # counted with the rows
            count, new = cells.cell(("count", ""), "0")
            if new:
                cells.update("", f"{count} += 1")
        if kind.endswith("numeric"):
            total = cell("numeric", "0", f"{{c}} = {site.constant(numeric_add, 'f')}({{c}}, {value})")
        else:
            total = cell("total", "0", f"{{c}} += {value}")
        return f"{final}([{count}, {total}])"
    step = site.constant(call.aggregate.step, "f")
    initial = f"{site.constant(call.aggregate.init, 'f')}()"
    name, _ = cells.cell(("general", str(len(cells.initial))), initial)
    cells.update(test, f"{name} = {step}({', '.join([name, *texts])})")
    return f"{final}({name})"


def _ordered(compiler: Compiler, site: Expressions, cells: Cells, call: plan.AggregateCall, test: str) -> str:
    """Rows are kept with their sort keys and fed to the aggregate in order, when the group is complete."""
    direct = call.arguments[: call.aggregate.direct] if call.aggregate.ordered_set else ()
    arguments = call.arguments[call.aggregate.direct :] if call.aggregate.ordered_set else call.arguments
    keys = [key.expression for key in call.order_by]
    tests = [test] if test else []
    texts = []
    for argument in arguments:
        text = site.value(argument)
        if call.aggregate.strict and site.nullable(argument):
            text = _tested(site, text, tests)
        texts.append(text)
    row = f"({', '.join([*texts, *site.values(keys)])},)"
    name, _ = cells.cell(("ordered", str(len(cells.initial))), "[]")
    cells.update(" and ".join(tests), f"{name}.append({row})")
    columns = site.constant(tuple(sort_columns(call.order_by, range(len(texts), len(texts) + len(keys)))))
    finish = site.constant(runtime.finish_ordered, "f")
    aggregate = site.constant(call.aggregate, "f")
    given = []
    for expression in direct:
        text = site.value(expression)
        fresh = "None" if walk.columns(expression) else text
        held, _ = cells.cell(("direct", str(len(cells.initial))), text, fresh)
        given.append(held)
    extra = f"({', '.join(given)},)" if given else "()"
    return f"{finish}({aggregate}, {name}, {columns}, {len(texts)}, {call.distinct}, {extra})"


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
        _distinct_keys(function, groups, clauses, value)
        outer = scope.with_columns(columns)
        outer.known |= known
        if len(texts) > 1:
            layout: dict[ColumnKey, int | None] = {(node.relation, place): place for place in range(len(texts))}
            outer.tuples = (*outer.tuples, (key, layout))
        return [For(key, groups)], outer
    cells = Cells(lambda number: f"{group}[{number}]")
    finals = {place: _prepare(compiler, site, cells, call) for place, call in calls}
    function.add(f"{groups} = {{}}")
    many = node.rows > MANY_GROUPS * max(node.input.rows, 1)
    nest(function, clauses, lambda: _group_body(compiler, function, cells, groups, group, value, many))
    outer = scope.with_columns(columns)
    outer.known |= known
    return _results(compiler, node, outer, [For(f"{key}, {group}", f"{groups}.items()")], finals)


def _distinct_keys(function: Function, groups: str, clauses: Clauses, value: str) -> None:
    before, loops = leading(clauses)
    if loops and comprehensible(loops) and not before:
        function.add(f"{groups} = dict.fromkeys([{comprehension(loops, value)}])")
        return
    function.add(f"{groups} = {{}}")
    nest(function, clauses, lambda: function.add(f"{groups}[{value}] = None"))


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
    _print_updates(function, cells)


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
    finals = {place: _prepare(compiler, site, cells, call) for place, call in calls}
    function.add(f"{groups} = {{}}")
    loop = [*clauses, *lets, For("k", f"({', '.join(every)},)" if every else "()")]
    nest(function, loop, lambda: _group_body(compiler, function, cells, groups, group, "k", True))
    for number, members in enumerate(node.sets):
        if not members:  # the set () has a row even where there is no input
            absent = f"({', '.join([str(number), *['None'] * len(names)])},)"
            with function.block(f"if {absent} not in {groups}:"):
                function.add(f"{groups}[{absent}] = [{', '.join(cells.fresh)}]")
    columns = {(node.relation, place): f"{key}[{place + 1}]" for place in range(len(names))}
    masks = tuple([tuple([_mask(members, listed) for listed in node.groupings]) for members in node.sets])
    first = len(node.groups) + len(node.aggregates)
    table = compiler.module.constant(masks)
    for place in range(len(node.groupings)):
        columns[node.relation, first + place] = f"{table}[{key}[0]][{place}]"
    outer = scope.with_columns(columns)
    return _results(compiler, node, outer, [For(f"{key}, {group}", f"{groups}.items()")], finals)


def _mask(members: tuple[int, ...], listed: tuple[int, ...]) -> int:
    """GROUPING(): a bit per argument, the last one lowest, 1 where it is not in the set."""
    mask = 0
    for place in listed:
        mask = mask * 2 + (place not in members)
    return mask
