"""FULL JOIN: the only join that has to know which rows of both sides were met."""

from __future__ import annotations

from minidb.sql import physical
from minidb.sql.compiler.clauses import Clauses, For, nest
from minidb.sql.compiler.core import LOOPS, Compiler, Required, start_guard
from minidb.sql.compiler.emitter import Function
from minidb.sql.compiler.hash_tables import key_text, keyed, null_rows
from minidb.sql.compiler.scope import Scope, opened
from minidb.sql.rules import walk


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
    wanted = required | walk.columns(node.predicates)
    kept, right_layout, _ = compiler.collect(function, right, scope, wanted | walk.columns(right_keys), node)
    clauses, left_scope = compiler.side(function, left, scope, wanted | walk.columns(left_keys), LOOPS - 2)
    left_wanted = {c for c in wanted if c in left_scope.columns and c not in scope.columns}
    left_text, left_layout = left_scope.layout(left_wanted)
    name = compiler.module.name
    pairs, matched, number, row, hit, table = name("l"), name("d"), name("n"), name("m"), name("hit"), name("h")
    guard, whole = compiler.overflow(function, pairs, node)
    after = start_guard(function, guard)
    function.add(f"{pairs} = []")
    function.add(f"{matched} = set()")
    candidates = f"enumerate({kept})"
    if left_keys:
        inside = scope.joined(opened(row, right_layout))
        function.add(f"{table} = {{}}")
        with function.block(f"for {number}, {row} in enumerate({kept}):"):
            key_clauses, key, _ = keyed(compiler, function, [], inside, right_keys)
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
        nest(function, clauses, body, after)
    lonely = f"({left_nulls}[0], {row}) for {number}, {row} in enumerate({kept}) if {number} not in {matched}"
    function.add(f"{pairs} += [{lonely}]")
    one, other = name("m"), name("m")
    inside = scope.joined(opened(one, left_layout)).joined(opened(other, right_layout))
    return [For(f"{one}, {other}", whole)], inside
