"""ORDER BY, top-N and DISTINCT.

A sort keeps its rows as tuples in a list, with the values of keys that are not columns behind the columns. Where only
the first N rows are wanted the list is sorted and cut whenever it has grown to some times N, which costs about what a
heap would and takes every order and direction.
"""

from __future__ import annotations

from collections.abc import Iterable

from minidb.sql import physical, plan
from minidb.sql.compiler import runtime
from minidb.sql.compiler.clauses import Clauses, For, If, nest
from minidb.sql.compiler.core import NO_GUARD, Compiler, Required, emit_stream, fill_list, start_guard
from minidb.sql.compiler.emitter import ARGUMENTS, Function
from minidb.sql.compiler.expressions import Expressions
from minidb.sql.compiler.scope import ColumnKey, Layout, Scope, opened
from minidb.sql.compiler.spilled_sets import distinct_batches
from minidb.sql.compiler.spilling import sorted_batches
from minidb.sql.rules import walk

_NAN_TYPES = ("real", "double precision", "numeric")
_COMPUTED = -10  # relation number of sort keys that are no columns


def sort_columns(
    keys: Iterable[plan.SortKey], places: Iterable[int], site: Expressions | None = None
) -> list[runtime.SortColumn]:
    """What `runtime.sort` needs to know of each key."""
    return [
        (
            place,
            key.descending,
            key.nulls_first,
            key.expression.nullable if site is None else site.nullable(key.expression),
            _special_order(key.expression),
        )
        for key, place in zip(keys, places)
    ]


def _special_order(expression: plan.Expression) -> str:
    """Why Python's `<` is not the order of the type: NaN, or arrays with NULLs in them."""
    if expression.type.element is not None:
        return "array"
    return "nan" if expression.type.name in _NAN_TYPES else ""


def sort(
    compiler: Compiler, function: Function, node: physical.Sort, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    keys = [key for key in node.keys if not isinstance(key.expression, plan.Constant)]
    if compiler.memory.spills and keys and (node.limit is None or _may_be_many(compiler, node)):
        return _external_sort(compiler, function, node, keys, scope, required)
    wanted = required | walk.columns(tuple(key.expression for key in keys))
    with function.no_flush():
        clauses, inside = compiler.clauses(function, node.input, scope, wanted)
        site = compiler.expressions(function, inside)
        text, layout, places = _packed(site, keys, scope, required)
        name = compiler.module.name("l")
        columns = site.constant(tuple(sort_columns(keys, places, site)))
        sorter = site.constant(runtime.sort, "f")
        if node.limit is not None and keys:
            bound = _key_text(keys[0], text, inside, places[0], site)
            sort_line = f"{sorter}({name}, {columns})"
            _fill_bounded(compiler, function, name, clauses, text, node, sort_line, scope, bound)
        else:
            fill_list(function, name, clauses, text, compiler.guard(name, node))
        compiler.note(function, name, node)
        if keys:
            function.add(f"{sorter}({name}, {columns})")
    row = compiler.module.name("m")
    return [For(row, name)], scope.joined(opened(row, layout, inside.known & layout.keys()))


def _may_be_many(compiler: Compiler, node: physical.Sort) -> bool:
    """Whether the first rows that a top-N sort keeps could be too many."""
    parts = [part for part in node.limit or () if part is not None]
    known = [part.value for part in parts if isinstance(part, plan.Constant) and isinstance(part.value, int)]
    return len(known) < len(parts) or compiler.memory.could_spill(4 * sum(known))


def _external_sort(
    compiler: Compiler,
    outside: Function,
    node: physical.Sort,
    keys: list[plan.SortKey],
    scope: Scope,
    required: Required,
) -> tuple[Clauses, Scope]:
    """A generator of the rows, sorted outside of the generated code (`spilling.Sorter`)."""
    wanted = required | walk.columns(tuple(key.expression for key in keys))
    arguments = compiler.outer_columns(node, scope)
    function, outer = compiler.new_function("part", arguments, scope)
    clauses, inside = compiler.clauses(function, node.input, outer, wanted)
    site = compiler.expressions(function, inside.without_tuples())
    text, layout, places = _packed(site, keys, outer, required)
    columns = site.constant(tuple(sort_columns(keys, places, site)))
    count = "None" if node.limit is None else _print_count(compiler, outside, node, scope)
    emit_stream(function, clauses, text)
    compiler.module.add(function)
    stream = f"{function.name}({', '.join([ARGUMENTS, *[scope.columns[a] for a in arguments]])})"
    batch, row = compiler.module.name("b"), compiler.module.name("m")
    sorter = compiler.module.constant(sorted_batches, "f")
    call = f"{sorter}({stream}, {columns}, {compiler.budget(node)}, rows.check_interrupt, {count})"
    return [For(batch, call, True), For(row, batch)], scope.joined(opened(row, layout, inside.known & layout.keys()))


def _packed(
    site: Expressions, keys: list[plan.SortKey], outer: Scope, required: Required
) -> tuple[str, Layout, list[int]]:
    """(source of the kept tuple, its layout, where the keys are in it)."""
    inside = site.scope
    columns = {c for c in required if c in inside.columns and c not in outer.columns}
    computed: dict[ColumnKey, str] = {}
    at: list[ColumnKey] = []
    for number, key in enumerate(keys):
        expression = walk.strip_relabel(key.expression)
        if isinstance(expression, plan.Column):
            column = expression.relation, expression.position
        else:
            column = _COMPUTED, number
            computed[column] = site.value(expression)
        at.append(column)
    if computed or any(column in outer.columns for column in at):
        inside = inside.with_columns(computed)
        inside.tuples = ()
    text, layout = inside.layout(columns | set(at))
    return text, layout, [layout[column] or 0 for column in at]


def _fill_bounded(
    compiler: Compiler,
    function: Function,
    name: str,
    clauses: Clauses,
    text: str,
    node: physical.Sort,
    sort_line: str,
    scope: Scope,
    leading_key: tuple[str, int, str] | None,
) -> None:
    """`leading_key`: (source of the first key, its place in the tuple, comparison that a useful row passes)."""
    count, bound = _print_count(compiler, function, node, scope), compiler.module.name("n")
    function.add(f"{bound} = max(4 * {count}, 1000)")
    function.add(f"{name} = []")
    worst = compiler.module.name("worst")
    if leading_key is not None:
        key, place, comparison = leading_key
        function.add(f"{worst} = None")
        held = compiler.module.name("t")
        test = f"{worst} is None or ({held} := {key}) is None or {held} {comparison} {worst}"
        clauses = [*clauses, If(test)]

    def body() -> None:
        function.add(f"{name}.append({text})")
        with function.block(f"if len({name}) == {bound}:"):
            function.add(sort_line)
            function.add(f"del {name}[{count}:]")
            if leading_key is not None:
                with function.block(f"if {name}:"):
                    function.add(f"{worst} = {name}[-1][{place}]")

    after = start_guard(function, compiler.guard(name, node) if _may_be_many(compiler, node) else NO_GUARD)
    nest(function, clauses, body, after)


def _print_count(compiler: Compiler, function: Function, node: physical.Sort, scope: Scope) -> str:
    """Prints how many rows a top-N sort keeps; the name of that number."""
    count = compiler.module.name("n")
    site = compiler.expressions(function, scope)
    checked = compiler.module.constant(runtime.top_count, "f")
    parts = [site.value(part) if part is not None else "None" for part in node.limit or ()]
    function.add(f"{count} = {checked}({', '.join(parts)})")
    return count


def _key_text(
    key: plan.SortKey, text: str, inside: Scope, place: int, site: Expressions
) -> tuple[str, int, str] | None:
    """What tells early that a row is not among the first ones: the first key, if it is a column without NaN."""
    expression = walk.strip_relabel(key.expression)
    if not isinstance(expression, plan.Column) or expression.type.name in _NAN_TYPES or expression.type.element:
        return None
    source = inside.columns[expression.relation, expression.position]
    return source, place, ">=" if key.descending else "<="


def distinct(
    compiler: Compiler, function: Function, node: physical.Distinct, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    """The first row for each value of `on`."""
    if node.ordered:
        return _adjacent(compiler, function, node, scope, required)
    if not node.keeps_order and compiler.memory.could_spill(node.rows):
        return _spilled_distinct(compiler, function, node, scope, required)
    wanted = required | walk.columns(node.on)
    seen, add = compiler.module.name("seen"), compiler.module.name("add")
    function.add(f"{seen} = set()")
    function.add(f"{add} = {seen}.add")
    clauses, inside = compiler.clauses(function, node.input, scope, wanted)
    site = compiler.expressions(function, inside)
    texts = site.values(node.on)
    if not texts:
        key = "()"
    elif len(texts) == 1:
        key = texts[0]
    else:
        key, _ = inside.layout(_columns(node.on)) if all(isinstance(e, plan.Column) for e in node.on) else ("", {})
        if key == "" or key not in [variable for variable, _ in inside.tuples] or not _same(inside, key, node.on):
            key = f"({', '.join(texts)})"
    test = f"({key} not in {seen} and not {add}({key}))"
    if not key.isidentifier() and key != "()":
        name = compiler.module.name("x")
        test = f"(({name} := {key}) not in {seen} and not {add}({name}))"
    return [*clauses, If(test)], inside


def _spilled_distinct(
    compiler: Compiler, function: Function, node: physical.Distinct, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    """The same outside of the generated code: what does not fit into memory goes on in files."""
    stream, layout = compiler.stream_call(node.input, scope, required | walk.columns(node.on))
    batch, row = compiler.module.name("b"), compiler.module.name("m")
    inside = scope.unpacked(row, layout)
    key = compiler.module.name("key")
    with function.block(f"def {key}({row}):"):
        texts = compiler.expressions(function, inside).values(node.on)
        function.add(f"return {texts[0] if len(texts) == 1 else '(' + ', '.join(texts) + ')'}")
    helper = compiler.module.constant(distinct_batches, "f")
    call = f"{helper}({stream}, {key}, {compiler.budget(node)}, rows.check_interrupt)"
    return [For(batch, call, True), For(row, batch)], inside


def _adjacent(
    compiler: Compiler, function: Function, node: physical.Distinct, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    """The first of rows that come together."""
    key, last = compiler.module.name("x"), compiler.module.name("last")
    function.add(f"{last} = None")
    clauses, inside = compiler.clauses(function, node.input, scope, required | walk.columns(node.on))
    texts = compiler.expressions(function, inside).values(node.on)
    differs = changed(compiler, node.on, key, last)
    made = f"({key} := ({', '.join(texts)},))"
    return [*clauses, If(f"{made} and {differs} and [{last} := {key}]")], inside


def _columns(expressions: tuple[plan.Expression, ...]) -> set[ColumnKey]:
    return walk.columns(expressions)


def _same(scope: Scope, variable: str, on: tuple[plan.Expression, ...]) -> bool:
    """Whether the tuple holds the values of `on` and nothing else."""
    layout = dict(scope.tuples)[variable]
    places = {place for place in layout.values() if place is not None}
    return {layout[column] for column in _columns(on)} == places


def changed(compiler: Compiler, groups: tuple[plan.Expression, ...], key: str, last: str) -> str:
    """A test that a key is another one than the last one, None at the beginning; NaN equals NaN."""
    if not any(group.type.name in _NAN_TYPES for group in groups):
        return f"{key} != {last}"
    same = compiler.module.constant(runtime.same_keys, "f")
    return f"({last} is None or {key} != {last} and not {same}({key}, {last}))"


__all__ = ["changed", "distinct", "sort", "sort_columns"]
