"""Hash tables of joins and correlated subqueries, and how they are filled.

A row with a NULL in its key matches nothing and stays out; a probe with one finds nothing. Where each key has one row
at most, the table maps to the row itself, not to a list.
"""

from __future__ import annotations

from minidb.sql import physical, plan
from minidb.sql.compiler.clauses import Clauses, For, If, comprehensible, comprehension, leading, nest
from minidb.sql.compiler.core import NO_GUARD, Compiler, Guard, Required, guarded_batches, start_guard
from minidb.sql.compiler.emitter import ARGUMENTS, Function
from minidb.sql.compiler.expressions import Expressions
from minidb.sql.compiler.scope import Layout, Scope, opened
from minidb.sql.rules import walk


class JoinTable:
    """The build side of a hash join, printed: `name` is the table, `get` its bound method."""

    def __init__(
        self,
        compiler: Compiler,
        function: Function,
        node: physical.HashJoin,
        scope: Scope,
        wanted: Required,
        only_keys: bool,
    ) -> None:
        self.name = compiler.module.name("h")
        self.get = compiler.module.name("get")
        made = wanted | walk.columns(node.build_keys)
        clauses, inside = compiler.clauses(function, node.build, scope, made)
        clauses, key, inside = keyed(compiler, function, clauses, inside, node.build_keys)
        guard = compiler.guard(self.name, node.build)
        needed = {c for c in wanted if c in inside.columns and c not in scope.columns}
        text, self.layout = inside.layout(needed)
        self.known = inside.known & self.layout.keys()
        if only_keys:
            fill_set(function, self.name, clauses, key, guard)
            compiler.note(function, self.name, node)
            return
        if node.unique:
            fill_dict(function, self.name, clauses, key, text, guard)
        else:
            function.add(f"{self.name} = {{}}")
            after = start_guard(function, guard)
            with function.no_flush():
                nest(function, clauses, lambda: append_to(compiler, function, self.name, key, text), after)
        compiler.note(function, self.name, node)
        function.add(f"{self.get} = {self.name}.get")


def append_to(compiler: Compiler, function: Function, table: str, key: str, text: str) -> None:
    bucket = compiler.module.name("g")
    if not key.isidentifier():
        function.add(f"x = {key}")
        key = "x"
    function.add(f"{bucket} = {table}.get({key})")
    with function.block(f"if {bucket} is None:"):
        function.add(f"{table}[{key}] = [{text}]")
    with function.block("else:"):
        function.add(f"{bucket}.append({text})")


def keyed(
    compiler: Compiler, function: Function, clauses: Clauses, scope: Scope, keys: tuple[plan.Expression, ...]
) -> tuple[Clauses, str, Scope]:
    """The key of a build row; rows with a NULL in it match nothing and stay out."""
    site = compiler.expressions(function, scope)
    clauses = list(clauses)
    texts = []
    for expression in keys:
        text = site.value(expression)
        if site.nullable(expression):
            if not text.isidentifier():
                name = compiler.module.name("x")
                clauses.append(If(f"({name} := {text}) is not None"))
                text = name
            else:
                clauses.append(If(f"{text} is not None"))
        texts.append(text)
    return clauses, texts[0] if len(texts) == 1 else f"({', '.join(texts)})", scope


def key_text(site: Expressions, keys: tuple[plan.Expression, ...]) -> str:
    """The key of a probe. A NULL is looked up like a value: the table has none."""
    texts = site.values(keys)
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def fill_set(function: Function, name: str, clauses: Clauses, key: str, guard: Guard = NO_GUARD) -> None:
    before, loops = leading(clauses)
    if guard.after and loops:
        function.add(guard.before)
        function.add(f"{name} = set()")
        nest(function, before, lambda: guarded_batches(function, loops, lambda i: f"{name} |= {{{i}}}", key, guard))
        return
    if loops and comprehensible(loops) and not before:
        function.add(f"{name} = {{{comprehension(loops, key)}}}")
        return
    function.add(f"{name} = set()")
    with function.no_flush():
        nest(function, clauses, lambda: function.add(f"{name}.add({key})"))


def fill_dict(function: Function, name: str, clauses: Clauses, key: str, text: str, guard: Guard = NO_GUARD) -> None:
    before, loops = leading(clauses)
    if guard.after and loops:
        pair = f"{key}: {text}"
        function.add(guard.before)
        function.add(f"{name} = {{}}")
        nest(function, before, lambda: guarded_batches(function, loops, lambda i: f"{name} |= {{{i}}}", pair, guard))
        return
    if loops and comprehensible(loops) and not before:
        function.add(f"{name} = {{{comprehension(loops, f'{key}: {text}')}}}")
        return
    function.add(f"{name} = {{}}")
    with function.no_flush():
        nest(function, clauses, lambda: function.add(f"{name}[{key}] = {text}"))


def null_rows(compiler: Compiler, layout: Layout) -> str:
    """A constant: a tuple with one tuple of NULLs of `layout`."""
    width = max([place + 1 for place in layout.values() if place is not None], default=1)
    return compiler.module.constant(((None,) * width,), "nulls")


def hashed_scan(
    compiler: Compiler, function: Function, node: physical.HashedScan, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    """A temporary index for a correlated subquery: filled at its first call, kept in a slot for the whole run."""
    wanted = required | walk.columns(node.filters)
    made = wanted | walk.columns(node.keys)
    inner = Function(compiler.module, compiler.module.name("table"))
    slot = compiler.module.slot()
    clauses, inside = compiler.clauses(inner, node.input, Scope(), made)
    clauses, key, inside = keyed(compiler, inner, clauses, inside, node.keys)
    text, layout = inside.layout({c for c in wanted if c in inside.columns})
    inner.add(f"d = {slot} = {{}}")
    nest(inner, clauses, lambda: append_to(compiler, inner, "d", key, text))
    inner.add("return d")
    compiler.module.add(inner)
    probe = key_text(compiler.expressions(function, scope), node.probes)
    row = compiler.module.name("m")
    table = f"({slot} if {slot} is not None else {inner.name}({ARGUMENTS}))"
    result: Clauses = [For(row, f"{table}.get({probe}, ())")]
    matched = scope.joined(opened(row, layout, inside.known & layout.keys()))
    return compiler.filtered(function, result, matched, node.filters)
