"""Reading an index for something else than its rows: addresses to intersect, and leading values to jump between.

AND     a set of addresses for each interval; the rows of those that are in all of them are fetched one by one
DISTINCT    the first entry, then the first one behind all entries with its value, and so on
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minidb import keys
from minidb.sql import physical
from minidb.sql.compiler.clauses import Clauses, For, If, Let, nest
from minidb.sql.compiler.core import Compiler, Required
from minidb.sql.compiler.emitter import Function
from minidb.sql.compiler.scans import cuts
from minidb.sql.compiler.scope import Scope, opened, row_layout
from minidb.sql.physical import REF
from minidb.txn.door import Rows


def intersection_scan(
    compiler: Compiler, function: Function, node: physical.IntersectionScan, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    found = compiler.module.name("refs")
    for number, path in enumerate(node.paths):
        assert path.index is not None
        name = found if number == 0 else compiler.module.name("refs")
        low, high, before = cuts(compiler.expressions(function, scope), node.table, path)
        batch = compiler.module.name("b")
        clauses = [*before, For(batch, f"rows.addresses({node.table.id}, {path.index.id}, {low}, {high})", True)]
        function.add(f"{name} = set()")
        with function.no_flush():
            nest(function, clauses, lambda name=name, batch=batch: function.add(f"{name}.update({batch})"))  # type: ignore[misc]
        if number:
            function.add(f"{found} &= {name}")
    ref, row = compiler.module.name("ref"), compiler.module.name("r")
    inside = scope.joined(opened(row, row_layout(node.relation, len(node.table.columns))))
    inside.columns[node.relation, REF] = ref
    loop: Clauses = [
        For(ref, f"sorted({found})"),
        Let(row, f"rows.get({node.table.id}, {ref})"),
        If(f"{row} is not None"),
    ]
    return compiler.filtered(function, loop, inside, node.filters)


def distinct_scan(
    compiler: Compiler, function: Function, node: physical.DistinctScan, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    value = compiler.module.name("v")
    helper = compiler.module.constant(leading_values, "f")
    facts = compiler.module.constant(node.index, "index")
    position = node.index.keys[0].position
    assert position is not None
    call = f"{helper}(rows, {node.table.id}, {facts}, {node.reverse})"
    return [For(value, call)], scope.with_columns({(node.relation, position): value})


def leading_values(rows: Rows, table: int, index: Any, reverse: bool) -> Iterator[Any]:
    """The values of the index's first column in its order."""
    key, several = index.keys[0], len(index.keys) > 1
    low = high = None
    while True:
        entry = next(
            (batch[0] for batch in rows.entries(table, index.id, low, high, reverse=reverse, first=1) if batch), None
        )
        if entry is None:
            return
        yield entry[0]
        part = keys.part(entry[0], desc=key.descending, nulls_first=key.nulls_first)
        if reverse:
            high = ((part,) if several else part, 0)
        else:
            low = ((part, keys.HIGHEST) if several else part, 1)
