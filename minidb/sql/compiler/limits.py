"""LIMIT and OFFSET: a function that returns as soon as it has enough rows.

Nothing is read that need not be looked at (R49): with a count of 0 no table is touched, and a loop ends at the row that
completes the result. Above a sort, the sorted list is cut instead. Inside a larger plan a limit is a function of its
own, because Python leaves several loops only by `return`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from minidb.sql import physical, plan
from minidb.sql.compiler import runtime
from minidb.sql.compiler.clauses import Clauses, For, comprehension, leading, nest
from minidb.sql.compiler.emitter import ARGUMENTS, Function
from minidb.sql.compiler.scope import ColumnKey, Scope

if TYPE_CHECKING:
    from minidb.sql.compiler.core import Compiler


def limit(
    compiler: Compiler, function: Function, node: physical.Limit, scope: Scope, required: set[ColumnKey]
) -> tuple[Clauses, Scope]:
    """A limit inside a plan: loops over the list that its function returns."""
    name, arguments, layout = compiler.list_function(node, scope, required)
    row = compiler.module.name("m")
    call = f"{name}({', '.join([ARGUMENTS, *[scope.columns[a] for a in arguments]])})"
    return [For(row, call)], scope.unpacked(row, layout)


def emit_limited(
    compiler: Compiler,
    function: Function,
    node: physical.Limit,
    scope: Scope,
    required: set[ColumnKey],
    output: Callable[[Function, Scope], str],
) -> None:
    """The body of a function that returns the rows of `node`."""
    if node.with_ties is not None:
        _emit_with_ties(compiler, function, node, scope, required, output)
        return
    count = _number(compiler, function, scope, node.count, "LIMIT")
    offset = _number(compiler, function, scope, node.offset, "OFFSET")
    if count is not None and (count == "0" or not count.isdigit()):
        with function.block(f"if {count} == 0:" if count != "0" else "if True:"):
            function.add("return []")
    clauses, inside = compiler.clauses(function, node.input, scope, required)
    text = output(function, inside)
    if _over_list(clauses):
        _return_slice(function, clauses, text, count, offset)
    else:
        _return_early(compiler, function, clauses, text, count, offset)


def _number(
    compiler: Compiler, function: Function, scope: Scope, expression: plan.Expression | None, clause: str
) -> str | None:
    """The name of a local with the number, None where nothing limits. A NULL is no limit."""
    if expression is None or (isinstance(expression, plan.Constant) and expression.value is None):
        return None
    if isinstance(expression, plan.Constant) and expression.value >= 0:
        return repr(int(expression.value))
    name = compiler.module.name("n")
    check = compiler.module.constant(runtime.count_value, "f")
    text = compiler.expressions(function, scope).value(expression)
    function.add(f"{name} = {check}({text}, {clause!r})")
    return name


def _over_list(clauses: Clauses) -> bool:
    """Whether the rows are in a list already, none of them to be rejected."""
    return len(clauses) == 1 and type(clauses[0]) is For and clauses[0].items.isidentifier()


def _return_slice(function: Function, clauses: Clauses, text: str, count: str | None, offset: str | None) -> None:
    first = clauses[0]
    assert type(first) is For
    items = first.items
    if offset is not None:
        function.add(f"{items} = {items}[{offset}:]" if offset.isdigit() else f"{items} = {items}[{offset} or 0:]")
    if count is not None:
        items = f"{items}[:{count}]"
    if first.target == text:
        function.add(f"return {items}")
    else:
        function.add(f"return [{comprehension([For(first.target, items)], text)}]")


def _return_early(
    compiler: Compiler, function: Function, clauses: Clauses, text: str, count: str | None, offset: str | None
) -> None:
    _, loops = leading(clauses)
    function.add("out = []")
    stop = None
    if count is not None:
        stop = _sum(compiler, function, count, offset)
    skip = f"out[{offset} or 0:]" if offset is not None else "out"

    def body() -> None:
        function.add(f"out.append({text})")
        if stop == "1":
            function.add(f"return {skip}")
        elif stop is not None and loops:
            with function.block(f"if len(out) == {stop}:"):
                function.add(f"return {skip}")

    nest(function, clauses, body)
    function.add(f"return {skip}")


def _sum(compiler: Compiler, function: Function, count: str, offset: str | None) -> str:
    if offset is None:
        return count
    if count.isdigit() and offset.isdigit():
        return str(int(count) + int(offset))
    name = compiler.module.name("n")
    function.add(f"{name} = None if {count} is None else {count} + ({offset} or 0)")
    return name


def _emit_with_ties(
    compiler: Compiler,
    function: Function,
    node: physical.Limit,
    scope: Scope,
    required: set[ColumnKey],
    output: Callable[[Function, Scope], str],
) -> None:
    """FETCH FIRST n ROWS WITH TIES: the input is sorted, equal rows behind the last one come along."""
    assert node.with_ties is not None
    count = _number(compiler, function, scope, node.count, "LIMIT")
    offset = _number(compiler, function, scope, node.offset, "OFFSET")
    clauses, inside = compiler.clauses(function, node.input, scope, required)
    site = compiler.expressions(function, inside)
    keys = site.tuple_of([key.expression for key in node.with_ties])
    text = output(function, inside)
    ties = compiler.module.name("ties")
    function.add(f"{ties} = {compiler.module.constant(runtime.Ties, 'f')}({count or 'None'}, {offset or '0'})")

    def body() -> None:
        with function.block(f"if {ties}.add({keys}, {text}):"):
            function.add(f"return {ties}.rows")

    nest(function, clauses, body)
    function.add(f"return {ties}.rows")
