"""Joins: loops inside loops, and hash tables.

    inner   for r1 in left: for m in table.get(key, ()):           left   for m in table.get(key, NULLS):
    semi    for r1 in left: if key in keys:                        anti   for r1 in left: if key not in keys:

An outer join is an inner join whose inner side is replaced by one row of NULLs where it would be empty, so that the
code behind it stands there once. Inner sides that mention nothing of the outer ones are read once, before the loops:
the lines that fill tables and lists are printed when the clauses are made, ahead of all loops.
"""

from __future__ import annotations

from minidb.sql import physical, plan
from minidb.sql.compiler import paired_joins
from minidb.sql.compiler.clauses import (
    Clauses,
    For,
    If,
    Let,
    any_comprehension,
)
from minidb.sql.compiler.core import LOOPS, SAFE_POINT, Compiler, Required
from minidb.sql.compiler.emitter import ARGUMENTS, Function
from minidb.sql.compiler.full_joins import full_join
from minidb.sql.compiler.hash_tables import JoinTable, key_text, null_rows
from minidb.sql.compiler.scope import ColumnKey, Layout, Scope, opened
from minidb.sql.rules import walk
from minidb.sql.rules.nulls import leaves

NOWHERE = -1  # the relation of columns that nobody asks for


def filter_rows(
    compiler: Compiler, function: Function, node: physical.Filter, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    wanted = required | walk.columns(node.predicates)
    clauses, inside = compiler.clauses(function, node.input, scope, wanted)
    return compiler.filtered(function, clauses, inside, node.predicates)


def project(
    compiler: Compiler, function: Function, node: physical.Project, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    """Computes what is required; a column that is only renamed costs nothing."""
    used = [p for p in range(len(node.expressions)) if (node.relation, p) in required]
    passed = {column for column in required if column[0] != node.relation}
    wanted = passed | walk.columns(tuple(node.expressions[place] for place in used))
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


# -- nested loops -----------------------------------------------------------------------------------------


def nested_loop(
    compiler: Compiler, function: Function, node: physical.NestedLoop, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    wanted = required | walk.columns(node.predicates)
    correlating = {c for c in walk.free_columns(node.inner) if c not in scope.columns}
    outer_wanted = wanted | correlating
    if node.materialized:
        with function.no_flush():
            kept, layout, known = compiler.collect(function, node.inner, scope, wanted, node)
    outer, outer_scope = compiler.side(function, node.outer, scope, outer_wanted, LOOPS - 2)
    if node.materialized:
        row = compiler.module.name("m")
        inner: Clauses = [For(row, f"{SAFE_POINT}{kept}")]
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
    return clauses, outer_scope.unpacked(row, _without_outer(layout, outer_scope))


def _without_outer(layout: Layout, outer: Scope) -> Layout:
    """`layout` without the names of outer columns that a LATERAL side has kept beside its own (to sort by them): in the
    row of NULLs they are NULL, too."""
    return {(NOWHERE, n) if c in outer.columns else c: place for n, (c, place) in enumerate(layout.items())}


# -- hash joins -------------------------------------------------------------------------------------------


def hash_join(
    compiler: Compiler, function: Function, node: physical.HashJoin, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    if compiler.memory.spills and compiler.memory.could_spill(node.build.rows):
        return paired_joins.hash_join(compiler, function, node, scope, required)
    if node.kind == "full":
        return full_join(compiler, function, node, scope, required)
    wanted = required | walk.columns(node.predicates)
    only_keys = node.kind in ("semi", "anti") and not node.predicates
    table = JoinTable(compiler, function, node, scope, wanted, only_keys)
    probe, inside = compiler.side(function, node.probe, scope, wanted | walk.columns(node.probe_keys), LOOPS - 1)
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
        clauses = [*probe, For(row, f"{safe_point(node)}{table.get}({key}, ())")]
    matched.known |= {c for key in node.probe_keys for c in leaves(key) if c in inside.columns}
    return compiler.filtered(function, clauses, matched, node.predicates)


def safe_point(node: physical.HashJoin) -> str:
    """A join without a key meets the whole other side again and again."""
    return "" if node.probe_keys else SAFE_POINT


def _without_known(scope: Scope, table: JoinTable) -> Scope:
    result = scope.copy()
    result.known -= table.layout.keys()
    return result


def _left_probe(
    compiler: Compiler,
    function: Function,
    node: physical.HashJoin,
    table: JoinTable,
    key: str,
    row: str,
    matched: Scope,
) -> Clauses:
    nulls = null_rows(compiler, table.layout)
    if not node.predicates:
        if node.unique:
            return [Let(row, f"{table.get}({key}, {nulls}[0])")]
        return [For(row, f"{safe_point(node)}{table.get}({key}, {nulls})")]
    test, _ = compiler.condition(function, matched, node.predicates)
    found = f"({table.get}({key}),)" if node.unique else f"{table.get}({key}, ())"
    guard = f"{row} is not None and " if node.unique else ""
    return [For(row, f"[{row} for {row} in {found} if {guard}({test})] or {nulls}")]
