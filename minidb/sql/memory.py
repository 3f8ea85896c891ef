"""How a statement keeps to `work_mem`: which of three ways it is compiled in.

    in memory   everything is kept in lists and dicts; each is watched, and the statement gives up where one grows
                beyond the bound
    spilling    sorts, hash joins and groups go on in temporary files (`compiler.spilling`, `compiler.pairing`); taken
                at once where the estimates say so, and by a statement that has given up
    unbounded   what cannot be begun again (it changes data, locks rows, or calls a volatile function) and should be
                small; and what has handed out rows before it gave up: it is run again, and these rows are skipped

Rows that are locked or changed are known by their addresses and by identity, so statements that do that do not spill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from minidb.keys import Row
from minidb.sql import physical
from minidb.sql.compiler.core import TYPICAL_ROW, UNBOUNDED, Memory
from minidb.sql.compiler.spilling import WorkMemoryExceeded
from minidb.sql.planner import Planner
from minidb.sql.rules import walk

CAUTION = 4  # by how much an estimate that cannot be corrected later is taken to be too small

Run = Callable[..., Any]


def bounded(planner: Planner, node: physical.Node, changing: bool) -> tuple[Planner, physical.Node, Memory]:
    """The way of a statement that was planned as `node`: (planner, plan, memory)."""
    limit = planner.memory
    if planner.locked:
        return planner, node, UNBOUNDED
    final = changing or walk.is_volatile(planner.root)
    if largest(node) * TYPICAL_ROW * (CAUTION if final else 1) > limit:
        return *spilling(planner), Memory(limit, spills=True)
    return planner, node, UNBOUNDED if final else Memory(limit, guarded=True)


def spilling(planner: Planner) -> tuple[Planner, physical.Node]:
    """The same statement, planned so that every large operator can go on in files."""
    again = Planner(planner.view, planner.root, planner.rechecks, spilling=True)
    return again, again.statement(planner.root)


def largest(root: physical.Node) -> float:
    """The most rows that an operator is estimated to keep."""
    most = 0.0
    for node in walk.everything(root):
        if isinstance(node, physical.HashJoin):
            most = max(most, node.build.rows)
        elif isinstance(node, physical.Sort):
            most = max(most, node.rows if node.limit is None else 0.0)
        elif isinstance(node, physical.Aggregate | physical.Distinct) and not node.ordered:
            most = max(most, node.rows)
        elif isinstance(node, physical.NestedLoop) and node.materialized:
            most = max(most, node.inner.rows)
    return most


class Restarting:
    """Runs of a statement that may give up: `elsewhere(memory)` compiles it in another way."""

    def __init__(self, run: Run, limit: int, elsewhere: Callable[[Memory], Run]) -> None:
        self.run = run
        self.limit = limit
        self.elsewhere = elsewhere
        self._made: dict[bool, Run] = {}

    def other(self, spills: bool) -> Run:
        made = self._made.get(spills)
        if made is None:
            made = self._made[spills] = self.elsewhere(Memory(self.limit, spills=spills))
        return made

    def whole(self, rows: Any, parameters: tuple[Any, ...], context: Any) -> Any:
        try:
            return self.run(rows, parameters, context)
        except WorkMemoryExceeded:
            pass
        return self.other(True)(rows, parameters, context)

    def stream(self, rows: Any, parameters: tuple[Any, ...], context: Any) -> Iterator[list[Row]]:
        handed = 0
        try:
            for batch in self.run(rows, parameters, context):
                handed += len(batch)
                yield batch
            return
        except WorkMemoryExceeded:
            pass
        if handed:
            yield from skipped(self.other(False)(rows, parameters, context), handed)
        else:
            yield from self.other(True)(rows, parameters, context)


def skipped(batches: Iterator[list[Row]], count: int) -> Iterator[list[Row]]:
    """`batches` without the first `count` rows."""
    for batch in batches:
        if count >= len(batch):
            count -= len(batch)
        else:
            yield batch[count:] if count else batch
            count = 0
