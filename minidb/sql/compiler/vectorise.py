"""Puts vectors between a table kept by columns and the aggregates over it (`sql.vectors`).

    v1 = f4.new_totals()
    for b1 in f4.batches(rows.pages(7), p, (lambda x: e1(rows, p, c, s, x),), v1):
        ... the loop over rows, for what vectors leave
    c1_0 += v1[0]

The row path is printed as ever; only where its batches come from is replaced, and afterwards its cells are told the
totals. `Vectorised.slots_of` finds out what they hold.
"""

from __future__ import annotations

from collections.abc import Sequence

from minidb.sql import physical, plan
from minidb.sql.compiler.cells import Cells
from minidb.sql.compiler.clauses import Clauses, For, leading
from minidb.sql.compiler.column_scans import wanted_columns
from minidb.sql.compiler.core import Compiler, Required
from minidb.sql.compiler.emitter import Function
from minidb.sql.compiler.scope import Scope
from minidb.sql.vectors.choice import choice, slot_of
from minidb.sql.vectors.run import Vectors
from minidb.sql.vectors.totals import Slot, merge

_WHAT = {"total": "int"}


class Vectorised:
    """One aggregate whose batches come through vectors; the slots follow when the row path has been printed."""

    def __init__(self, compiler: Compiler, node: physical.Aggregate, vectors: Vectors) -> None:
        self.compiler = compiler
        self.source = compiler.module.constant(vectors, "f")
        self.relation = node.input.relation  # type: ignore[attr-defined]
        self.vectors = vectors

    def slot(self, what: str, argument: plan.Expression | None) -> Slot:
        found = slot_of(what, argument, self.relation)
        assert found is not None, "what was covered has a slot"
        return found

    def hold_cells(self, cells: Cells) -> None:
        """The slots are those of the row path's cells."""
        slots = []
        for what, key in cells.known():
            argument = cells.arguments.get(key) if key else None
            slots.append(self.slot("rows" if argument is None else _WHAT.get(what, what), argument))
        self.vectors.slots = tuple(slots)

    def hold_kinds(self, kinds: Sequence[str], argument: plan.Expression) -> None:
        """The slots are the states of one argument's values, gathered by group."""
        self.vectors.slots = tuple([self.slot(kind, None if kind == "rows" else argument) for kind in kinds])

    def hold_counts(self) -> None:
        self.vectors.slots = (Slot("rows"),)
        self.vectors.counts_only = True

    def add_totals(self, function: Function, cells: Cells, totals: str) -> None:
        """Prints what brings the totals into the row path's cells."""
        for number, slot in enumerate(self.vectors.slots):
            name = cells.place(number)
            if slot.what in ("rows", "count", "int"):
                function.add(f"{name} += {totals}[{number}]")
            else:
                call = f"{self.compiler.module.constant(merge, 'f')}('{slot.what}', {name}, {totals}[{number}])"
                function.add(f"{name} = {call}")


def vectorised(
    compiler: Compiler, node: physical.Aggregate, clauses: Clauses, wanted: Required, into: str
) -> tuple[Clauses, Vectorised] | None:
    """The clauses with vectors before their batches; `into` names the totals or the groups. None where that cannot be
    done."""
    before, loops = leading(clauses)
    chosen = choice(node)
    if before or isinstance(chosen, str):
        return None
    assert isinstance(node.input, physical.Scan) and isinstance(loops[0], For)
    vectors = Vectors(wanted_columns(node.input, wanted), chosen.condition, chosen.keys)
    tests = [_test(compiler, node.input.relation, *test) for test in chosen.tests]
    name = compiler.module.constant(vectors, "f")
    given = f"({', '.join(tests)},)" if tests else "()"
    items = f"{name}.batches(rows.pages({node.input.table.id}), p, {given}, {into})"
    batch = loops[0].target.removeprefix("_, ")  # a scan of rows gives their addresses, too
    return [For(batch, items, True), *loops[1:]], Vectorised(compiler, node, vectors)


def _test(compiler: Compiler, relation: int, condition: plan.Expression, position: int) -> str:
    """A condition as a function of the one column that it looks at."""
    column = (relation, position)
    function = Function(compiler.module, compiler.module.name("e"))
    ready = compiler.expressions(function, Scope({column: "x"})).outline(condition, (column,))
    return f"lambda x: {ready.function}(rows, p, c, s, x)"
