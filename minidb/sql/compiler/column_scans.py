"""Scans of tables kept by columns (`txn.pages`): only the columns that are wanted are unpacked, and no rows are made.

    for b1 in f2(rows.pages(7), (3, 5), z1, p):        batches of (column 3, column 5)
        for x1, x2 in b1:

Pages whose bounds exclude all their rows are passed over (`vectors.zones`), also where whole rows are wanted.
"""

from __future__ import annotations

from minidb.sql import physical
from minidb.sql.compiler.clauses import Clauses, For
from minidb.sql.compiler.core import Compiler, Required
from minidb.sql.compiler.scope import Scope, opened, row_layout
from minidb.sql.physical import REF, WHOLE
from minidb.sql.rules import walk
from minidb.sql.vectors.narrow import narrow_batches
from minidb.sql.vectors.zones import zones_of


def wanted_columns(node: physical.Scan, required: Required) -> tuple[int, ...] | None:
    """The columns of a table that are used; None: whole rows are, or serve as well."""
    used = walk.columns((node.filters,)) | required
    positions = tuple(sorted({position for relation, position in used if relation == node.relation}))
    return None if WHOLE in positions or len(positions) >= len(node.table.live_columns) else positions


def column_scan(
    compiler: Compiler, node: physical.Scan, scope: Scope, required: Required
) -> tuple[Clauses, Scope] | None:
    """The clauses of a scan of a whole table, without the filters; None where a scan of rows serves as well."""
    if (node.relation, REF) in required:
        return None
    positions = wanted_columns(node, required)
    zones = zones_of(node.filters, node.relation)
    if positions is None and zones is None:
        return None
    module = compiler.module
    batch = module.name("b")
    skipping = "" if zones is None else f", {module.constant(zones, 'z')}, p"
    call = f"{module.constant(narrow_batches, 'f')}(rows.pages({node.table.id}), {positions}{skipping})"
    if positions is None:
        row = module.name("r")
        layout = row_layout(node.relation, len(node.table.columns))
        return [For(batch, call, True), For(row, batch)], scope.joined(opened(row, layout))
    names = [module.name("x") for _ in positions]
    inside = scope.with_columns({(node.relation, p): name for p, name in zip(positions, names)})
    return [For(batch, call, True), For(", ".join(names) or "_", batch)], inside
