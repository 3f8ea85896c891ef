"""Rows that come from no table: constants, functions, views of the engine's inside."""

from __future__ import annotations

from minidb.sql import physical, plan
from minidb.sql.compiler import runtime
from minidb.sql.compiler.clauses import Clauses, For, Let
from minidb.sql.compiler.core import Compiler, Required
from minidb.sql.compiler.emitter import Function
from minidb.sql.compiler.expressions import Expressions
from minidb.sql.compiler.scope import Layout, Scope
from minidb.sql.rules import walk


def single_row(
    compiler: Compiler, function: Function, node: physical.SingleRow, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    return [], scope


def virtual_scan(
    compiler: Compiler, function: Function, node: physical.VirtualScan, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    row = compiler.module.name("r")
    layout: Layout = {(node.relation, place): place for place in range(node.width)}
    name = compiler.module.constant(node.name)
    return [For(row, f"rows.virtual({name})")], scope.unpacked(row, layout)


def values(
    compiler: Compiler, function: Function, node: physical.Values, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    """Rows of constants are one constant; a single row needs no loop."""
    site = compiler.expressions(function, scope)
    if len(node.tuples) == 1:
        columns = {}
        clauses: Clauses = []
        for place, expression in enumerate(node.tuples[0]):
            if (node.relation, place) in required:
                text, before = named(site, expression)
                clauses += before
                columns[node.relation, place] = text
        return clauses, scope.with_columns(columns)
    row = compiler.module.name("r")
    layout: Layout = {(node.relation, place): place for place in range(node.width)}
    if all(isinstance(e, plan.Constant) for items in node.tuples for e in items):
        items = site.constant(tuple([tuple([e.value for e in items]) for items in node.tuples]))  # type: ignore[attr-defined]
    else:
        items = compiler.module.name("l")
        function.add(f"{items} = [")
        for expressions in node.tuples:
            function.add(f"    {site.tuple_of(expressions)},")
        function.add("]")
    return [For(row, items)], scope.unpacked(row, layout)


def named(site: Expressions, expression: plan.Expression) -> tuple[str, Clauses]:
    """(a name or simple source for a value, the assignment that it needs)."""
    text = site.value(expression)
    if isinstance(expression, plan.Constant | plan.Parameter) or text.isidentifier():
        return text, []
    if isinstance(expression, plan.Column):
        return text, []
    name = site.module.name("v")
    return name, [Let(name, text)]


def function_scan(
    compiler: Compiler, function: Function, node: physical.FunctionScan, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    """A set-returning function; with ordinality the last column counts."""
    site = compiler.expressions(function, scope)
    row = compiler.module.name("r")
    width = len(node.types) - (1 if node.ordinality else 0)
    interruptible = compiler.module.constant(runtime.interruptible, "f")
    call = f"{interruptible}({set_call(site, node.function, node.arguments)}, rows.check_interrupt)"
    layout: Layout
    if node.ordinality:
        number = compiler.module.name("n")
        columns = {(node.relation, width): number}
        target, items = f"{number}, {row}", f"enumerate({call}, 1)"
    else:
        columns = {}
        target, items = row, call
    if width == 1:
        inside = scope.with_columns({(node.relation, 0): row, **columns})
    else:
        layout = {(node.relation, place): place for place in range(width)}
        inside = scope.unpacked(row, layout).with_columns(columns)
    return [For(target, items)], inside


def set_call(site: Expressions, function: object, arguments: tuple[plan.Expression, ...]) -> str:
    """Source of an iterable of values; empty for a strict function with a NULL argument."""
    node = plan.Call(type=arguments[0].type, function=function, arguments=arguments) if arguments else None
    if node is None:
        before = ["c"] if getattr(function, "needs_context", False) else []
        return f"{site.constant(getattr(function, 'call'), 'f')}({', '.join(before)})"  # noqa: B009
    return f"({site.value(node)} or ())"


def project_set(
    compiler: Compiler, function: Function, node: physical.ProjectSet, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    wanted = required | {c for call in node.calls for argument in call.arguments for c in walk.columns(argument)}
    clauses, inside = compiler.clauses(function, node.input, scope, wanted)
    site = compiler.expressions(function, inside)
    calls = [set_call(site, call.function, call.arguments) for call in node.calls]
    row = compiler.module.name("r")
    interruptible = compiler.module.constant(runtime.interruptible, "f")
    if len(calls) == 1:
        clauses = [*clauses, For(row, f"{interruptible}({calls[0]}, rows.check_interrupt)")]
        return clauses, inside.with_columns({(node.relation, 0): row})
    parallel = compiler.module.constant(runtime.parallel, "f")
    together = f"{parallel}(({', '.join(calls)}))"
    clauses = [*clauses, For(row, f"{interruptible}({together}, rows.check_interrupt)")]
    columns = {(node.relation, place): f"{row}[{place}]" for place in range(len(calls))}
    return clauses, inside.with_columns(columns)
