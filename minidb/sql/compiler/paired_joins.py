"""Joins that run outside of the generated loops: merge joins, and hash joins that may go beyond memory.

Each side is a generator of its own; `pairing` brings their rows together, and the loops go on over the pairs:

    def test1(m1, m2): return m1[1] < m2[1]
    for b1 in merge_join(join, part1(rows, p, c, s), part2(rows, p, c, s)):
        for m1, m2 in b1:
"""

from __future__ import annotations

from operator import itemgetter

from minidb.sql import physical, plan
from minidb.sql.compiler import pairing
from minidb.sql.compiler.clauses import Clauses, For
from minidb.sql.compiler.core import Compiler, Required
from minidb.sql.compiler.emitter import ARGUMENTS, Function
from minidb.sql.compiler.hash_tables import null_rows
from minidb.sql.compiler.scope import Layout, Scope, opened
from minidb.sql.rules import walk

Keys = tuple[plan.Expression, ...]
_NOT_PYTHON = ("real", "double precision", "numeric")  # NaN: Python's `<` is not the order


def merge_join(
    compiler: Compiler, function: Function, node: physical.MergeJoin, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    sides = node.left, node.right, node.left_keys, node.right_keys
    join, left, right, clauses, inside = _prepared(compiler, function, node, sides, scope, required, True)
    merge = compiler.module.constant(pairing.merge_join, "f")
    return _over(compiler, f"{merge}({join}, {left}, {right})", clauses), inside


def hash_join(
    compiler: Compiler, function: Function, node: physical.HashJoin, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    """The same rows as `joins.hash_join`, with a bound of the memory."""
    sides = node.probe, node.build, node.probe_keys, node.build_keys
    join, left, right, clauses, inside = _prepared(compiler, function, node, sides, scope, required, False)
    hashed = compiler.module.constant(pairing.hash_join, "f")
    return _over(compiler, f"{hashed}({join}, {left}, {right}, {compiler.budget(node)})", clauses), inside


def _over(compiler: Compiler, call: str, clauses: Clauses) -> Clauses:
    batch = compiler.module.name("b")
    pair = clauses[0]
    assert isinstance(pair, For)
    return [For(batch, call, True), For(pair.target, batch)]


def _prepared(
    compiler: Compiler,
    function: Function,
    node: physical.MergeJoin | physical.HashJoin,
    sides: tuple[physical.Node, physical.Node, Keys, Keys],
    scope: Scope,
    required: Required,
    ordered: bool,
) -> tuple[str, str, str, Clauses, Scope]:
    """(the join's facts, the calls of both sides, the loop's clause, the scope inside)."""
    wanted = required | walk.columns(node.predicates)
    name = compiler.module.name
    one, other = name("m"), name("m")
    left, left_layout = _side(compiler, sides[0], scope, wanted | walk.columns(sides[2]))
    right, right_layout = _side(compiler, sides[1], scope, wanted | walk.columns(sides[3]))
    inside = scope.joined(opened(one, left_layout))
    both = inside.joined(opened(other, right_layout))
    test = "None"
    if node.predicates:
        test = name("test")
        text, _ = compiler.condition(function, both, node.predicates)
        with function.block(f"def {test}({one}, {other}):"):
            function.add(f"return {text}")
    facts = [
        repr(node.kind),
        _key(compiler, function, sides[2], scope, left_layout, ordered),
        _key(compiler, function, sides[3], scope, right_layout, ordered),
        test,
        f"{null_rows(compiler, left_layout)}[0]",
        f"{null_rows(compiler, right_layout)}[0]",
        "rows.check_interrupt",
    ]
    join = name("j")
    function.add(f"{join} = {compiler.module.constant(pairing.Join, 'f')}({', '.join(facts)})")
    result = inside if node.kind in ("semi", "anti") else both
    return join, left, right, [For(f"{one}, {other}", "")], result


def _side(compiler: Compiler, node: physical.Node, scope: Scope, wanted: Required) -> tuple[str, Layout]:
    name, arguments, layout = compiler.stream_function(node, scope, wanted)
    return f"{name}({', '.join([ARGUMENTS, *[scope.columns[a] for a in arguments]])})", layout


def _key(compiler: Compiler, function: Function, keys: Keys, scope: Scope, layout: Layout, ordered: bool) -> str:
    """Source of a function from a row to its key; None where one of the values is NULL."""
    row = compiler.module.name("m")
    site = compiler.expressions(function, scope.joined(opened(row, layout)))
    special = ordered and any(key.type.name in _NOT_PYTHON or key.type.element is not None for key in keys)
    made = _column(compiler, keys, layout)
    if made is None:
        made = compiler.module.name("key")
        with function.block(f"def {made}({row}):"):
            texts = site.values(keys)
            if len(texts) == 1:
                function.add(f"return {texts[0]}")
            else:
                function.add(f"k = ({', '.join(texts)})")
                function.add("return None if None in k else k" if any(map(site.nullable, keys)) else "return k")
    if not special:
        return made
    return f"{compiler.module.constant(pairing.ordered_key, 'f')}({made}, {len(keys) > 1})"


def _column(compiler: Compiler, keys: Keys, layout: Layout) -> str | None:
    """For a single key that is a column: a function of Python's own."""
    bare = walk.strip_relabel(keys[0])
    if len(keys) > 1 or not isinstance(bare, plan.Column):
        return None
    place = layout.get((bare.relation, bare.position))
    return None if place is None else compiler.module.constant(itemgetter(place), "f")
