"""Window functions: the input is kept in a list, each call makes a list of values beside it.

What a call needs of each row (partition, order, arguments) is gathered by comprehensions; the work over partitions is
not generated (`frames`). What could be large goes on in files (`spilled_windows`).
"""

from __future__ import annotations

from minidb.sql import physical, plan
from minidb.sql.compiler import frames, spilled_windows
from minidb.sql.compiler.clauses import Clauses, For
from minidb.sql.compiler.core import Compiler, Required
from minidb.sql.compiler.emitter import Function
from minidb.sql.compiler.expressions import Expressions
from minidb.sql.compiler.scope import Scope, opened
from minidb.sql.compiler.sorting import sort_columns
from minidb.sql.functions.registry import WindowFunction
from minidb.sql.rules import walk


def window(
    compiler: Compiler, function: Function, node: physical.Window, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    used = [place for place in range(len(node.calls)) if (node.relation, place) in required]
    wanted = {c for c in required if c[0] != node.relation} | walk.columns(tuple(node.calls[p] for p in used))
    with function.no_flush():
        kept, layout, known = compiler.collect(function, node.input, scope, wanted, node)
    row = compiler.module.name("m")
    inside = scope.joined(opened(row, layout, known))
    site = compiler.expressions(function, inside)
    results = [_print_call(compiler, function, site, node, node.calls[place], row, kept) for place in used]
    names = [compiler.module.name("w") for _ in used]
    inside = inside.with_columns({(node.relation, place): name for place, name in zip(used, names)})
    if not used:
        return [For(row, kept)], inside
    return [For(", ".join([row, *names]), f"zip({', '.join([kept, *results])})")], inside


def _print_call(
    compiler: Compiler,
    function: Function,
    site: Expressions,
    node: physical.Window,
    call: plan.WindowCall,
    row: str,
    kept: str,
) -> str:
    """Prints the computation of one call; the name of its list."""

    def gathered(text: str) -> str:
        return f"[{text} for {row} in {kept}]"

    if compiler.memory.spills:
        return _print_spilled(compiler, function, site, node, call, row, kept)
    partitions = gathered(site.tuple_of(call.partition_by)) if call.partition_by else "None"
    orders = gathered(site.tuple_of([key.expression for key in call.order_by])) if call.order_by else "None"
    passes = gathered(f"bool({site.truth(call.filter)})") if call.filter is not None else "None"
    arguments = gathered(site.tuple_of(call.arguments))
    offsets = _offsets(compiler, function, call)
    spec = site.constant(_spec(call, site))
    compute = site.constant(frames.compute, "f")
    name = compiler.module.name("l")
    function.add(f"{name} = {compute}({spec}, {partitions}, {orders}, {arguments}, {passes}, {offsets}, len({kept}))")
    return name


def _offsets(compiler: Compiler, function: Function, call: plan.WindowCall) -> str:
    """Source of both offsets of the frame, which are the same for all rows."""
    frame = call.frame
    if frame is None or (frame.start_offset is None and frame.end_offset is None):
        return "(None, None)"
    outer = compiler.expressions(function, Scope())
    texts = [outer.value(e) if e is not None else "None" for e in (frame.start_offset, frame.end_offset)]
    return f"({', '.join(texts)})"


def _print_spilled(
    compiler: Compiler,
    function: Function,
    site: Expressions,
    node: physical.Window,
    call: plan.WindowCall,
    row: str,
    kept: str,
) -> str:
    """The same outside of the generated code, in files if need be."""
    keys = [plan.SortKey(expression) for expression in call.partition_by]
    parts = [
        site.tuple_of(call.partition_by),
        site.tuple_of([key.expression for key in call.order_by]),
        site.tuple_of(call.arguments),
        site.truth(call.filter) if call.filter is not None else "True",
    ]
    columns = site.constant(tuple(sort_columns(keys, range(len(keys)), site)))
    items = f"(({', '.join(parts)}) for {row} in {kept})"
    name = compiler.module.name("l")
    facts = [site.constant(_spec(call, site)), columns, items, _offsets(compiler, function, call)]
    compute = site.constant(spilled_windows.values, "f")
    function.add(f"{name} = {compute}({', '.join(facts)}, {compiler.budget(node)}, rows.check_interrupt)")
    return name


def _spec(call: plan.WindowCall, site: Expressions) -> frames.CallSpec:
    pure = isinstance(call.function, WindowFunction)
    frame = frames.FrameSpec()
    if call.frame is not None:
        frame = frames.FrameSpec(
            mode=call.frame.mode,
            start=call.frame.start,
            end=call.frame.end,
            exclude=call.frame.exclude,
            in_range=tuple(o.call for o in call.frame.in_range) if call.frame.in_range is not None else None,
            descending=bool(call.order_by) and call.order_by[0].descending,
        )
    return frames.CallSpec(
        name=call.function.name,
        aggregate=None if pure else call.function,
        columns=tuple(sort_columns(call.order_by, range(len(call.order_by)), site)),
        frame=frame,
        ignore_nulls=call.ignore_nulls,
    )
