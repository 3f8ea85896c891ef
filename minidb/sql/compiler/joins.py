"""Joins: loops inside loops, and hash tables.

    inner   for r1 in left: for m in table.get(key, ()):           left   for m in table.get(key, NULLS):
    semi    for r1 in left: if key in keys:                        anti   for r1 in left: if key not in keys:

An outer join is an inner join whose inner side is replaced by one row of NULLs where it would be empty, so that the
code behind it stands there once. Inner sides that mention nothing of the outer ones are read once, before the loops:
the lines that fill tables and lists are printed when the clauses are made, ahead of all loops.
"""

from __future__ import annotations

from minidb.sql import physical, plan
from minidb.sql.compiler.clauses import (
    Clauses,
    For,
    If,
    Let,
    any_comprehension,
    comprehensible,
    comprehension,
    leading,
    nest,
)
from minidb.sql.compiler.core import LOOPS, Compiler, Required
from minidb.sql.compiler.emitter import ARGUMENTS, Function
from minidb.sql.compiler.expressions import Expressions
from minidb.sql.compiler.scope import ColumnKey, Layout, Scope, opened
from minidb.sql.rules import walk
from minidb.sql.rules.nulls import leaves


def filter_rows(
    compiler: Compiler, function: Function, node: physical.Filter, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    wanted = required | _columns(node.predicates)
    clauses, inside = compiler.clauses(function, node.input, scope, wanted)
    return compiler.filtered(function, clauses, inside, node.predicates)


def project(
    compiler: Compiler, function: Function, node: physical.Project, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    """Computes what is required; a column that is only renamed costs nothing."""
    used = [p for p in range(len(node.expressions)) if (node.relation, p) in required]
    passed = {column for column in required if column[0] != node.relation}
    wanted = passed | _columns(tuple(node.expressions[place] for place in used))
    clauses, inside = compiler.clauses(function, node.input, scope, wanted)
    site = compiler.expressions(function, inside)
    columns: dict[ColumnKey, str] = {}
    known: set[ColumnKey] = set()
    clauses = list(clauses)
    for place in used:
        expression = node.expressions[place]
        text = site.value(expression)
        if not isinstance(expression, plan.Column | plan.Constant | plan.Parameter) and not text.isidentifier():
            name = compiler.module.name("v")
            clauses.append(Let(name, text))
            text = name
        columns[node.relation, place] = text
        if not site.nullable(expression):
            known.add((node.relation, place))
    inside = inside.with_columns(columns)
    inside.known |= known
    inside.tuples = tuple(_renamed(node, used, variable, layout) for variable, layout in inside.tuples)
    return clauses, inside


def _renamed(node: physical.Project, used: list[int], variable: str, layout: Layout) -> tuple[str, Layout]:
    """A tuple's layout with the columns that the projection only renames."""
    added: Layout = {}
    for place in used:
        expression = node.expressions[place]
        if isinstance(expression, plan.Column) and (expression.relation, expression.position) in layout:
            added[node.relation, place] = layout[expression.relation, expression.position]
    return variable, {**layout, **added} if added else layout


def _columns(expressions: object) -> set[ColumnKey]:
    return walk.columns(expressions)


# -- nested loops -----------------------------------------------------------------------------------------


def nested_loop(
    compiler: Compiler, function: Function, node: physical.NestedLoop, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    wanted = required | _columns(node.predicates)
    correlating = {c for c in walk.free_columns(node.inner) if c not in scope.columns}
    outer_wanted = wanted | correlating
    if node.materialized:
        with function.no_flush():
            kept, layout, known = compiler.collect(function, node.inner, scope, wanted)
    outer, outer_scope = compiler.side(function, node.outer, scope, outer_wanted, LOOPS - 2)
    if node.materialized:
        row = compiler.module.name("m")
        inner: Clauses = [For(row, kept)]
        inner_scope = outer_scope.joined(opened(row, layout, known))
    else:
        inner, inner_scope = inner_clauses(compiler, function, node.inner, outer_scope, wanted)
    inner, inner_scope = compiler.filtered(function, inner, inner_scope, node.predicates)
    if node.kind == "inner":
        return [*outer, *inner], inner_scope
    if node.kind in ("semi", "anti"):
        test = exists_test(compiler, inner)
        return [*outer, If(test if node.kind == "semi" else f"not {test}")], outer_scope
    return _left(compiler, function, outer, outer_scope, inner, inner_scope, required)


def inner_clauses(
    compiler: Compiler, function: Function, node: physical.Node, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    """The inner side of a loop, once per outer row: what must be prepared for it goes into a function."""
    if is_direct(node):
        return compiler.clauses(function, node, scope, required)
    name, arguments, layout = compiler.list_function(node, scope, required)
    row = compiler.module.name("m")
    call = f"{name}({', '.join([ARGUMENTS, *[scope.columns[a] for a in arguments]])})"
    return [For(row, call)], scope.unpacked(row, layout)


def is_direct(node: physical.Node) -> bool:
    """Whether the clauses of `node` need nothing printed ahead of the loops."""
    if isinstance(node, physical.Filter | physical.Project | physical.ProjectSet):
        return is_direct(node.input)
    if isinstance(node, physical.NestedLoop):
        return node.kind == "inner" and not node.materialized and is_direct(node.outer) and is_direct(node.inner)
    if isinstance(node, physical.Values):
        return len(node.tuples) == 1
    return isinstance(node, physical.Scan | physical.SingleRow | physical.FunctionScan | physical.HashedScan)


def exists_test(compiler: Compiler, clauses: Clauses) -> str:
    """An expression that is true if the loops find a row; they stop at the first."""
    if all(type(clause) is If for clause in clauses):
        return " and ".join(f"({clause.test})" for clause in clauses if type(clause) is If) or "True"
    return f"any({any_comprehension(clauses, 'True')})"


def _left(
    compiler: Compiler,
    function: Function,
    outer: Clauses,
    outer_scope: Scope,
    inner: Clauses,
    inner_scope: Scope,
    required: Required,
) -> tuple[Clauses, Scope]:
    """For each outer row the inner rows, or one of NULLs."""
    wanted = {c for c in required if c in inner_scope.columns and c not in outer_scope.columns}
    fresh = Scope(
        {c: inner_scope.columns[c] for c in wanted},
        (),
        tuple(t for t in inner_scope.tuples if t not in outer_scope.tuples),
    )
    text, layout = fresh.layout(wanted)
    row = compiler.module.name("m")
    nulls = null_rows(compiler, layout)
    clauses = [*outer, For(row, f"[{any_comprehension(inner, text)}] or {nulls}")]
    return clauses, outer_scope.unpacked(row, layout)


def null_rows(compiler: Compiler, layout: Layout) -> str:
    """A constant: a tuple with one tuple of NULLs of `layout`."""
    width = max([place + 1 for place in layout.values() if place is not None], default=1)
    return compiler.module.constant(((None,) * width,), "nulls")


# -- hash joins -------------------------------------------------------------------------------------------


def hash_join(
    compiler: Compiler, function: Function, node: physical.HashJoin, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    if node.kind == "full":
        return full_join(compiler, function, node, scope, required)
    wanted = required | _columns(node.predicates)
    only_keys = node.kind in ("semi", "anti") and not node.predicates
    table = _Table(compiler, function, node, scope, wanted, only_keys)
    probe, inside = compiler.side(function, node.probe, scope, wanted | _columns(node.probe_keys), LOOPS - 1)
    site = compiler.expressions(function, inside)
    key = key_text(site, node.probe_keys)
    if ":=" in key and not only_keys:
        name = compiler.module.name("x")
        probe = [*probe, Let(name, key)]
        key = name
    if only_keys:
        word = "in" if node.kind == "semi" else "not in"
        return [*probe, If(f"{key} {word} {table.name}")], inside
    row = compiler.module.name("m")
    matched = inside.joined(opened(row, table.layout, table.known))
    if node.kind in ("semi", "anti"):
        test, _ = compiler.condition(function, matched, node.predicates)
        source = f"({table.get}({key}),)" if node.unique else f"{table.get}({key}, ())"
        guard = f"{row} is not None and " if node.unique else ""
        found = f"any([True for {row} in {source} if {guard}({test})])"
        return [*probe, If(found if node.kind == "semi" else f"not {found}")], inside
    if node.kind == "left":
        return probe + _left_probe(compiler, function, node, table, key, row, matched), _without_known(matched, table)
    if node.unique:
        clauses: Clauses = [*probe, Let(row, f"{table.get}({key})"), If(f"{row} is not None")]
    else:
        clauses = [*probe, For(row, f"{table.get}({key}, ())")]
    matched.known |= {c for key in node.probe_keys for c in leaves(key) if c in inside.columns}
    return compiler.filtered(function, clauses, matched, node.predicates)


def _without_known(scope: Scope, table: _Table) -> Scope:
    result = scope.copy()
    result.known -= table.layout.keys()
    return result


def _left_probe(
    compiler: Compiler,
    function: Function,
    node: physical.HashJoin,
    table: _Table,
    key: str,
    row: str,
    matched: Scope,
) -> Clauses:
    nulls = null_rows(compiler, table.layout)
    if not node.predicates:
        if node.unique:
            return [Let(row, f"{table.get}({key}, {nulls}[0])")]
        return [For(row, f"{table.get}({key}, {nulls})")]
    test, _ = compiler.condition(function, matched, node.predicates)
    found = f"({table.get}({key}),)" if node.unique else f"{table.get}({key}, ())"
    guard = f"{row} is not None and " if node.unique else ""
    return [For(row, f"[{row} for {row} in {found} if {guard}({test})] or {nulls}")]


class _Table:
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
        made = wanted | _columns(node.build_keys)
        clauses, inside = compiler.clauses(function, node.build, scope, made)
        clauses, key, inside = _keyed(compiler, function, clauses, inside, node.build_keys)
        needed = {c for c in wanted if c in inside.columns and c not in scope.columns}
        text, self.layout = inside.layout(needed)
        self.known = inside.known & self.layout.keys()
        if only_keys:
            fill_set(function, self.name, clauses, key)
            return
        if node.unique:
            fill_dict(function, self.name, clauses, key, text)
        else:
            function.add(f"{self.name} = {{}}")
            with function.no_flush():
                nest(function, clauses, lambda: _append(compiler, function, self.name, key, text))
        function.add(f"{self.get} = {self.name}.get")


def _append(compiler: Compiler, function: Function, table: str, key: str, text: str) -> None:
    bucket = compiler.module.name("g")
    if not key.isidentifier():
        function.add(f"x = {key}")
        key = "x"
    function.add(f"{bucket} = {table}.get({key})")
    with function.block(f"if {bucket} is None:"):
        function.add(f"{table}[{key}] = [{text}]")
    with function.block("else:"):
        function.add(f"{bucket}.append({text})")


def _keyed(
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


def fill_set(function: Function, name: str, clauses: Clauses, key: str) -> None:
    before, loops = leading(clauses)
    if loops and comprehensible(loops) and not before:
        function.add(f"{name} = {{{comprehension(loops, key)}}}")
        return
    function.add(f"{name} = set()")
    with function.no_flush():
        nest(function, clauses, lambda: function.add(f"{name}.add({key})"))


def fill_dict(function: Function, name: str, clauses: Clauses, key: str, text: str) -> None:
    before, loops = leading(clauses)
    if loops and comprehensible(loops) and not before:
        function.add(f"{name} = {{{comprehension(loops, f'{key}: {text}')}}}")
        return
    function.add(f"{name} = {{}}")
    with function.no_flush():
        nest(function, clauses, lambda: function.add(f"{name}[{key}] = {text}"))


# -- full joins -------------------------------------------------------------------------------------------


def full_join(
    compiler: Compiler,
    function: Function,
    node: physical.HashJoin | physical.FullLoop,
    scope: Scope,
    required: Required,
) -> tuple[Clauses, Scope]:
    """FULL JOIN gathers pairs of rows in a list: matches, lonely left rows, then lonely right rows."""
    if isinstance(node, physical.HashJoin):
        left, right = node.probe, node.build
        left_keys, right_keys = node.probe_keys, node.build_keys
    else:
        left, right, left_keys, right_keys = node.left, node.right, (), ()
    wanted = required | _columns(node.predicates)
    kept, right_layout, _ = compiler.collect(function, right, scope, wanted | _columns(right_keys))
    clauses, left_scope = compiler.side(function, left, scope, wanted | _columns(left_keys), LOOPS - 2)
    left_wanted = {c for c in wanted if c in left_scope.columns and c not in scope.columns}
    left_text, left_layout = left_scope.layout(left_wanted)
    name = compiler.module.name
    pairs, matched, number, row, hit, table = name("l"), name("d"), name("n"), name("m"), name("hit"), name("h")
    function.add(f"{pairs} = []")
    function.add(f"{matched} = set()")
    candidates = f"enumerate({kept})"
    if left_keys:
        inside = scope.joined(opened(row, right_layout))
        function.add(f"{table} = {{}}")
        with function.block(f"for {number}, {row} in enumerate({kept}):"):
            key_clauses, key, _ = _keyed(compiler, function, [], inside, right_keys)
            nest(
                function, key_clauses, lambda: function.add(f"{table}.setdefault({key}, []).append(({number}, {row}))")
            )
        candidates = f"{table}.get({key_text(compiler.expressions(function, left_scope), left_keys)}, ())"
    both = left_scope.joined(opened(row, right_layout))
    inner: Clauses = [For(f"{number}, {row}", candidates)]
    inner, _ = compiler.filtered(function, inner, both, node.predicates)
    right_nulls = null_rows(compiler, right_layout)
    left_nulls = null_rows(compiler, left_layout)

    def match() -> None:
        function.add(f"{hit} = True")
        function.add(f"{matched}.add({number})")
        function.add(f"{pairs}.append(({left_text}, {row}))")

    def body() -> None:
        function.add(f"{hit} = False")
        nest(function, inner, match)
        with function.block(f"if not {hit}:"):
            function.add(f"{pairs}.append(({left_text}, {right_nulls}[0]))")

    with function.no_flush():
        nest(function, clauses, body)
    lonely = f"({left_nulls}[0], {row}) for {number}, {row} in enumerate({kept}) if {number} not in {matched}"
    function.add(f"{pairs} += [{lonely}]")
    one, other = name("m"), name("m")
    inside = scope.joined(opened(one, left_layout)).joined(opened(other, right_layout))
    return [For(f"{one}, {other}", pairs)], inside


# -- hash tables that outlive a call ----------------------------------------------------------------------


def hashed_scan(
    compiler: Compiler, function: Function, node: physical.HashedScan, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    """A temporary index for a correlated subquery: filled at its first call, kept in a slot for the whole run."""
    wanted = required | _columns(node.filters)
    made = wanted | _columns(node.keys)
    inner = Function(compiler.module, compiler.module.name("table"))
    slot = compiler.module.slot()
    clauses, inside = compiler.clauses(inner, node.input, Scope(), made)
    clauses, key, inside = _keyed(compiler, inner, clauses, inside, node.keys)
    text, layout = inside.layout({c for c in wanted if c in inside.columns})
    inner.add(f"d = {slot} = {{}}")
    nest(inner, clauses, lambda: _append(compiler, inner, "d", key, text))
    inner.add("return d")
    compiler.module.add(inner)
    probe = key_text(compiler.expressions(function, scope), node.probes)
    row = compiler.module.name("m")
    table = f"({slot} if {slot} is not None else {inner.name}({ARGUMENTS}))"
    result: Clauses = [For(row, f"{table}.get({probe}, ())")]
    matched = scope.joined(opened(row, layout, inside.known & layout.keys()))
    return compiler.filtered(function, result, matched, node.filters)


__all__ = [
    "filter_rows",
    "full_join",
    "hash_join",
    "hashed_scan",
    "inner_clauses",
    "nested_loop",
    "project",
]
