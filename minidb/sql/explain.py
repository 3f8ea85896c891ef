"""EXPLAIN: the physical plan as a tree of lines, with estimates and, after ANALYZE, the true numbers of rows.

    Sort  (estimated rows=20, actual rows=17 time=0.310 ms)
      Sort Key: t.b
      -> Index Scan using t_b on t  (estimated rows=20, actual rows=17 time=0.120 ms)
           Interval: b > 5
           Filter: c = 'x'

The tree is made first (`Explained`), so that it can be written as text or as JSON. What the isolation level would
lock is not known here: `describe`, handed in, adds a line for each interval.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from minidb import schema
from minidb.sql import physical, plan
from minidb.sql.explain_changes import HELD, changes_of, conflict_details, references_in
from minidb.sql.explained import Explained
from minidb.sql.expression_text import Names, expression_text, sort_text
from minidb.sql.physical import Node, reads_columns
from minidb.sql.planner import Planner
from minidb.sql.rules import walk


class ReadInterval(msgspec.Struct, frozen=True):
    """What a scan reads, for whoever knows what that locks: `index` None is the table's own order."""

    table: schema.Table
    index: schema.Index | None
    whole: bool
    point: bool
    locking: bool
    words: str


Describe = Callable[[ReadInterval], str | None]
Parts = tuple[str, list[tuple[str, str]], Sequence[Node]]


class Spill(Protocol):
    """What ANALYZE has seen one operator hold, in bytes."""

    memory: int
    written: int


class Measure(Protocol):
    """What ANALYZE has seen of one operator."""

    loops: int
    rows: int
    seconds: float


class Explainer:
    """`planner`: who made the plan; `measures`: what ANALYZE has seen, `spilled`: what it has held, both by the id of
    the node; `spills`: whether operators may go on in temporary files."""

    def __init__(
        self,
        planner: Planner,
        describe: Describe | None,
        spills: bool,
        measures: Mapping[int, Measure] | None = None,
        spilled: Mapping[int, Spill] | None = None,
    ) -> None:
        self.references = references_in(planner.view.catalog)
        self.names = Names(planner.root)
        self.subqueries = planner.known_subquery
        self.describe = describe
        self.measures = measures
        self.spilled = spilled or {}
        self.spills = spills

    def explain(self, node: Node) -> Explained:
        if isinstance(node, physical.Query):
            return self._query(node)
        title, details, inputs = self._parts(node)
        if self.spills and self.measures is None and self._may_spill(node):
            details.append(("Beyond work_mem", "goes on in temporary files"))
        made = Explained(title, details, node.rows, None, [self.explain(child) for child in inputs])
        self._measure(made, node)
        self._add_subqueries(made, node)
        for cte in getattr(node, "ctes", ()):
            made.inputs.append(self._labelled(cte.node, f"CTE {cte.name}"))
        return made

    def _query(self, node: physical.Query) -> Explained:
        made = self.explain(node.input)
        for output in node.outputs:
            self._add_of_expression(made, output.expression)
        for cte in node.ctes:
            made.inputs.append(self._labelled(cte.node, f"CTE {cte.name}"))
        return made

    def _labelled(self, node: Node, label: str) -> Explained:
        made = self.explain(node)
        made.label = label
        return made

    def _measure(self, made: Explained, node: Node) -> None:
        measure = self.measures.get(id(node)) if self.measures is not None else None
        if measure is not None:
            runs = max(measure.loops, 1)
            made.actual = round(measure.rows / runs)
            made.loops = measure.loops
            made.seconds = measure.seconds / runs
        held = self.spilled.get(id(node))
        if held is not None:
            made.memory, made.disk = held.memory, held.written

    def _may_spill(self, node: Node) -> bool:
        if isinstance(node, physical.Distinct | physical.Aggregate):
            return not node.ordered and isinstance(node, physical.Distinct)
        if isinstance(node, physical.NestedLoop):
            return node.materialized
        return isinstance(node, _SPILLING)

    def _add_subqueries(self, made: Explained, node: Node) -> None:
        for name in type(node).__struct_fields__:
            if name not in ("conditions", "recheck"):
                self._add_of_expression(made, getattr(node, name))

    def _add_of_expression(self, made: Explained, value: Any) -> None:
        if isinstance(value, Node):
            return
        for item in walk.everything(value) if not isinstance(value, physical.Path) else ():
            if isinstance(item, plan.Query):
                query = self.subqueries(item)
                if query is not None:
                    made.inputs.append(self._labelled(query, "SubPlan"))

    # -- operators

    def _parts(self, node: Node) -> tuple[str, list[tuple[str, str]], Sequence[Node]]:
        described = _DESCRIBED.get(type(node))
        if described is None:
            return type(node).__name__, [], ()
        title, details, inputs = described(self, node)
        return title, [(label, text) for label, text in details if text], inputs

    def text(self, expression: Any) -> str:
        return expression_text(expression, self.names)

    def all_of(self, expressions: Sequence[Any]) -> str:
        return " AND ".join(self.text(e) for e in expressions)

    def list_of(self, expressions: Sequence[Any]) -> str:
        return ", ".join(self.text(e) for e in expressions)

    def interval(self, path: physical.Path, table: schema.Table) -> str:
        """The part of an index that is read, in words."""
        if path.index is None:
            return ""
        words = []
        columns = [_key_name(key, table) for key in path.index.keys]
        for column, part in zip(columns, path.interval.parts):
            if part.items is not None:
                words.append(f"{column} IN ({self.list_of(part.items)})")
            elif part.array is not None:
                words.append(f"{column} = ANY ({self.text(part.array)})")
            elif part.value is None:
                words.append(f"{column} IS NULL")
            else:
                words.append(f"{column} = {self.text(part.value)}")
        if path.interval.ranged:
            column = columns[len(path.interval.parts)]
            for bound, sign in ((path.interval.low, ">"), (path.interval.high, "<")):
                if bound is not None:
                    words.append(f"{column} {sign}{'=' if bound.inclusive else ''} {self.text(bound.value)}")
            if path.interval.not_null:
                words.append(f"{column} IS NOT NULL")
        return " AND ".join(words)

    def scan(self, node: physical.Scan) -> tuple[str, list[tuple[str, str]], Sequence[Node]]:
        path, index = node.path, node.path.index
        name = node.table.name if node.alias in ("", node.table.name) else f"{node.table.name} {node.alias}"
        backwards = " Backward" if path.reverse else ""
        words = self.interval(path, node.table)
        if index is None:
            title = f"Seq Scan on {name}"
        elif path.kind == "find":
            title = f"Unique Lookup using {index.name} on {name}"
        elif path.kind == "entries":
            title = f"Index Only Scan{backwards} using {index.name} on {name}"
        elif index.clustered:
            title = f"Clustered Scan{backwards} using {index.name} on {name}"
        else:
            title = f"Index Scan{backwards} using {index.name} on {name}"
        details = [("Interval", words or ("whole index" if index is not None else ""))]
        details.append(("Filter", self.all_of(node.filters)))
        if reads_columns(node):
            from minidb.sql.vectors.zones import useful

            details.append(("Pages Skipped By", self.all_of([part for part, _ in useful(node.filters, node.relation)])))
        if self.describe is not None:
            interval = ReadInterval(
                table=node.table,
                index=index,
                whole=path.interval.whole,
                point=path.kind == "find",
                locking=node.locking,
                words=words,
            )
            details.append(("Locks", self.describe(interval) or ""))
        return title, details, ()

    def union_scan(self, node: physical.ScanOfPaths) -> Parts:
        details = []
        for path in node.paths:
            assert path.index is not None
            words = self.interval(path, node.table)
            details.append(("Interval", f"{path.index.name}: {words}"))
            if self.describe is not None:
                read = ReadInterval(node.table, path.index, False, path.kind == "find", node.locking, words)
                details.append(("Locks", self.describe(read) or ""))
        details.append(("Filter", self.all_of(node.filters)))
        kind = "Union" if isinstance(node, physical.UnionScan) else "Intersection"
        return f"Index {kind} Scan on {node.table.name}", details, ()


def _key_name(key: schema.IndexKey, table: schema.Table) -> str:
    return table.columns[key.position].name if key.position is not None else f"({key.expression})"


def _distinct_scan(self: Explainer, node: physical.DistinctScan) -> Parts:
    column = _key_name(node.index.keys[0], node.table)
    details = [("Interval", f"the first entry of each {column}")]
    if self.describe is not None:
        words = f"the first entry of each {column}, and before it"
        read = ReadInterval(node.table, node.index, False, False, False, words)
        details.append(("Locks", self.describe(read) or ""))
    backwards = " Backward" if node.reverse else ""
    return f"Distinct Index Scan{backwards} using {node.index.name} on {node.table.name}", details, ()


_KINDS = {"inner": "", "left": " Left", "semi": " Semi", "anti": " Anti", "full": " Full"}


def _hash_join(self: Explainer, node: physical.HashJoin) -> Parts:
    pairs = " AND ".join(
        f"{self.text(one)} = {self.text(other)}" for one, other in zip(node.probe_keys, node.build_keys)
    )
    details = [("Hash Cond", pairs), ("Join Filter", self.all_of(node.predicates))]
    return f"Hash{_KINDS[node.kind]} Join", details, (node.probe, node.build)


def _nested_loop(self: Explainer, node: physical.NestedLoop) -> Parts:
    details = [("Join Filter", self.all_of(node.predicates))]
    kept = " (inner side kept)" if node.materialized else ""
    return (
        f"Nested Loop{_KINDS[node.kind]}{' Join' if _KINDS[node.kind] else ''}{kept}",
        details,
        (
            node.outer,
            node.inner,
        ),
    )


def _merge_join(self: Explainer, node: physical.MergeJoin) -> Parts:
    keys = zip(node.left_keys, node.right_keys)
    pairs = " AND ".join(f"{self.text(one)} = {self.text(other)}" for one, other in keys)
    details = [("Merge Cond", pairs), ("Join Filter", self.all_of(node.predicates))]
    return f"Merge{_KINDS[node.kind]} Join", details, (node.left, node.right)


def _aggregate(self: Explainer, node: physical.Aggregate) -> Parts:
    title = ("GroupAggregate" if node.ordered else "HashAggregate") if node.groups else "Aggregate"
    details = [("Group Key", self.list_of(node.groups))]
    if node.sets is not None:
        sets = ", ".join(f"({self.list_of([node.groups[place] for place in members])})" for members in node.sets)
        details.append(("Grouping Sets", sets))
        title = "MixedAggregate"
    if reads_columns(node.input):
        from minidb.sql.vectors.choice import words  # most databases have no such table

        details.append(("Vectors", words(node, self.measures is not None)))
    return title, details, (node.input,)


def _sort(self: Explainer, node: physical.Sort) -> Parts:
    title = "Sort" if node.limit is None else "Top-N Sort"
    return title, [("Sort Key", ", ".join(sort_text(key, self.names) for key in node.keys))], (node.input,)


def _limit(self: Explainer, node: physical.Limit) -> Parts:
    details = []
    if node.count is not None:
        details.append(("Count", self.text(node.count) + (" WITH TIES" if node.with_ties is not None else "")))
    if node.offset is not None:
        details.append(("Offset", self.text(node.offset)))
    return "Limit", details, (node.input,)


def _lock_rows(self: Explainer, node: physical.LockRows) -> Parts:
    words = ", ".join(f"FOR {locked.strength.upper()} on each row of {locked.table.name}" for locked in node.locked)
    return "Lock Rows", [("Row Locks", f"{words} that comes out, {HELD}")], (node.input,)


def _insert(self: Explainer, node: physical.Insert) -> Parts:
    details = [*conflict_details(node), *changes_of(node, self.references)]
    return f"Insert on {node.table.name}", details, (node.source,)


def _change(self: Explainer, node: physical.Update | physical.Delete | physical.Merge) -> Parts:
    return f"{type(node).__name__} on {node.table.name}", changes_of(node, self.references), (node.input,)


_SPILLING = physical.HashJoin | physical.Sort | physical.Window | physical.SetOperation
_DESCRIBED: dict[type, Callable[[Explainer, Any], Parts]] = {
    physical.Scan: Explainer.scan,
    physical.UnionScan: Explainer.union_scan,
    physical.IntersectionScan: Explainer.union_scan,
    physical.DistinctScan: _distinct_scan,
    physical.HashedScan: lambda self, node: (
        "Hashed",
        [
            ("Hash Cond", " AND ".join(f"{self.text(k)} = {self.text(p)}" for k, p in zip(node.keys, node.probes))),
            ("Filter", self.all_of(node.filters)),
        ],
        (node.input,),
    ),
    physical.SingleRow: lambda self, node: ("Result", [], ()),
    physical.VirtualScan: lambda self, node: (f"View Scan on {node.name}", [], ()),
    physical.Values: lambda self, node: ("Values Scan", [], ()),
    physical.FunctionScan: lambda self, node: (f"Function Scan on {node.function.name}", [], ()),
    physical.CteScan: lambda self, node: (f"CTE Scan on {node.name}", [], ()),
    physical.Filter: lambda self, node: ("Filter", [("Filter", self.all_of(node.predicates))], (node.input,)),
    physical.Project: lambda self, node: ("Project", [], (node.input,)),
    physical.ProjectSet: lambda self, node: ("ProjectSet", [], (node.input,)),
    physical.NestedLoop: _nested_loop,
    physical.HashJoin: _hash_join,
    physical.MergeJoin: _merge_join,
    physical.FullLoop: lambda self, node: (
        "Nested Loop Full Join",
        [("Join Filter", self.all_of(node.predicates))],
        (node.left, node.right),
    ),
    physical.Aggregate: _aggregate,
    physical.Window: lambda self, node: ("WindowAgg", [], (node.input,)),
    physical.Sort: _sort,
    physical.Distinct: lambda self, node: ("Unique", [("On", self.list_of(node.on))], (node.input,)),
    physical.Limit: _limit,
    physical.LockRows: _lock_rows,
    physical.UnionAll: lambda self, node: ("Append", [], node.inputs),
    physical.SetOperation: lambda self, node: (
        f"{node.kind.capitalize()}{' All' if node.all else ''}",
        [],
        (node.left, node.right),
    ),
    physical.RecursiveUnion: lambda self, node: ("Recursive Union", [], (node.left, node.right)),
    physical.Insert: _insert,
    physical.Update: _change,
    physical.Merge: _change,
    physical.Delete: _change,
}
