"""How a statement keeps to `work_mem`: which of two ways it is compiled in.

    in memory   everything is kept in lists and dicts; each is watched, and the statement gives up where one grows
                beyond the bound: it is begun again in the other way
    spilling    operators go on in temporary files (`compiler.spilling`, `compiler.pairing`, ...); taken at once where
                the estimates say so, by a statement that has given up, and where there could be too much for one that
                cannot be begun again, because it changes data, locks rows, or calls a volatile function

A statement that has handed out rows when it gives up goes on without a bound: it is run again, and these rows are
skipped. Only the later parts of a UNION ALL and what is computed on the way (subqueries, lists for a loop's inner side)
can bring that about, so such statements spill where the estimates come near the bound.

Which rows UPDATE, DELETE and MERGE are to change is kept in a list that goes on in a file in both ways. A row that
comes back from a file is equal to the one that was seen, not the same; who locks it compares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from minidb.keys import Row
from minidb.sql import physical, plan
from minidb.sql.compiler.core import Memory
from minidb.sql.compiler.spilling import WorkMemoryExceeded
from minidb.sql.planner import Planner
from minidb.sql.rules import walk
from minidb.sql.statistics import SURPRISE, TYPICAL_ROW

CAUTION = 4  # by how much an estimate that cannot be corrected later is taken to be too small

Run = Callable[..., Any]


def bounded(planner: Planner, node: physical.Node, changing: bool) -> tuple[Planner, physical.Node, Memory]:
    """The way of a statement that was planned as `node`: (planner, plan, memory)."""
    limit = planner.memory
    final = changing or bool(planner.locked) or walk.is_volatile(planner.root)
    size = largest(node) * TYPICAL_ROW
    if size and size * (SURPRISE if final else CAUTION if is_late(node) else 1) > limit:
        return *spilling(planner), Memory(limit, spills=True)
    return planner, node, Memory(limit, guarded=not final)


def spilling(planner: Planner) -> tuple[Planner, physical.Node]:
    """The same statement, planned so that every large operator can go on in files."""
    again = Planner(planner.view, planner.root, planner.rechecks, spilling=True)
    return again, again.statement(planner.root)


_KEPT = (
    physical.Distinct,
    physical.Window,
    physical.SetOperation,
    physical.RecursiveUnion,
    physical.CteScan,
    physical.FullLoop,
)


def largest(root: physical.Node) -> float:
    """The most rows that an operator is estimated to keep."""
    most = 0.0
    for node in walk.everything(root):
        if not isinstance(node, physical.Node):
            continue
        if isinstance(node, physical.HashJoin):
            most = max(most, node.build.rows)
        elif isinstance(node, physical.Sort):
            most = max(most, node.rows if node.limit is None else 0.0)
        elif isinstance(node, physical.Aggregate):
            most = max(most, 0.0 if node.ordered else node.rows)
        elif isinstance(node, physical.NestedLoop):
            most = max(most, node.inner.rows if node.materialized else 0.0)
        elif isinstance(node, physical.SetOperation):
            most = max(most, node.left.rows, node.right.rows)
        elif isinstance(node, _KEPT) and not getattr(node, "ordered", False):
            most = max(most, node.rows)
    return most


_LATE = (physical.UnionAll, plan.Query)


def is_late(root: physical.Node) -> bool:
    """Whether something large may be met after rows were handed out."""
    return any(isinstance(node, _LATE) for node in walk.everything(root))


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
