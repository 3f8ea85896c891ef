"""From the rewritten logical plan to the physical one.

Trees of inner joins and filters are taken apart into leaves and predicates (`clusters`), put in order by
`join_order`, and each table is read through the access path that costs least. Everything else is planned from its
inputs upwards. Two hints go downwards: the order that somebody above wants, and how many rows will be looked at
(R49).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from minidb.sql import physical, plan, selectivity, several_indexes
from minidb.sql.access_paths import FILTER, Access, Candidate
from minidb.sql.join_order import SPILL
from minidb.sql.operator_plans import PLANNERS
from minidb.sql.ordering import Order, log_cost
from minidb.sql.planning_facts import PlannerView, PlanningFacts
from minidb.sql.rules import walk
from minidb.sql.statistics import DEFAULT_ROWS


class Planner(PlanningFacts):
    """Plans one statement."""

    def __init__(
        self,
        view: PlannerView,
        root: plan.Plan,
        rechecks: Mapping[int, Sequence[plan.Expression]],
        spilling: bool = False,
    ) -> None:
        super().__init__(view, root, rechecks, spilling)
        self._subqueries: dict[int, tuple[plan.Plan, physical.Query]] = {}
        self._cte_rows: dict[int, float] = {}

    # -- building blocks

    def filtered(self, node: physical.Node, predicates: Iterable[plan.Expression]) -> physical.Node:
        terms = tuple(predicates)
        if not terms:
            return node
        share = selectivity.of_all(terms, self.column_statistics)
        cost = node.cost + node.rows * FILTER * len(terms)
        return physical.Filter(input=node, predicates=terms, rows=node.rows * share, cost=cost)

    def sorted(self, node: physical.Node, order: Order) -> physical.Node:
        """`node` with a sort on top."""
        cost = node.cost + log_cost(node.rows) + self.join_costs().sort
        if node.rows > self.join_costs().rows_in_memory:
            cost += node.rows * SPILL
        return physical.Sort(input=node, keys=order, rows=node.rows, cost=cost)

    def scan_node(
        self, scan: plan.Scan, predicates: Sequence[plan.Expression], candidate: Candidate, first: plan.Expression | int
    ) -> physical.Node:
        filters = tuple(sorted(candidate.filters, key=walk.has_subquery))
        locking = scan.relation in self.updated
        if candidate.path.kind in ("union", "intersection"):
            made = physical.UnionScan if candidate.path.kind == "union" else physical.IntersectionScan
            return made(
                relation=scan.relation,
                table=scan.table,
                alias=scan.alias,
                paths=candidate.path.paths,
                filters=filters,
                conditions=tuple(predicates),
                locking=locking,
                rows=candidate.rows,
                cost=candidate.cost,
            )
        return physical.Scan(
            relation=scan.relation,
            table=scan.table,
            alias=scan.alias,
            path=candidate.path,
            filters=filters,
            conditions=tuple(predicates),
            first=first,
            locking=locking,
            single=candidate.single,
            rows=candidate.rows,
            cost=candidate.cost,
        )

    def hashed(
        self, scan: plan.Scan, predicates: Sequence[plan.Expression], candidate: Candidate
    ) -> physical.Node | None:
        """In a correlated subquery: a kept hash table, where the table would be read anew for each outer row."""
        if not self._local or candidate.path.kind != "scan" or not candidate.path.interval.whole:
            return None
        if scan.relation in self.updated or not self.settings.enabled("enable_hashjoin"):
            return None
        keys: list[plan.Expression] = []
        probes: list[plan.Expression] = []
        correlated: list[plan.Expression] = []
        plain: list[plan.Expression] = []
        for term in predicates:
            outside = walk.relations(term) - self._local[-1]
            pair = _equal_pair(term, scan.relation, self._local[-1]) if outside else None
            if pair is not None:
                keys.append(pair[0])
                probes.append(pair[1])
            else:
                (correlated if outside else plain).append(term)
        if not keys:
            return None
        inner = self.scan_node(scan, plain, self.access(scan).best(plain), 0)
        return physical.HashedScan(
            input=inner,
            keys=tuple(keys),
            probes=tuple(probes),
            filters=tuple(correlated),
            rows=candidate.rows,
            cost=0.3 + candidate.rows * FILTER * (1 + len(correlated)),
        )

    def through_several(self, access: Access, predicates: Sequence[plan.Expression]) -> Candidate | None:
        """The cheapest way to read a table through more than one index."""
        if not self.settings.enabled("enable_bitmapscan"):
            return None
        found = [several_indexes.union(access, predicates)]
        if access.scan.relation not in self.locked:
            found.append(several_indexes.intersection(access, predicates))
        return min((c for c in found if c is not None), key=lambda candidate: candidate.cost, default=None)

    def distinct_side(
        self, semi: plan.Join, lefts: Sequence[plan.Plan]
    ) -> tuple[plan.Plan, list[plan.Expression]] | None:
        """For a semi join on equalities whose right side is small and whose left side has an index on them: the right
        side's distinct rows, and the terms that join them."""
        if semi.kind != "semi" or walk.is_volatile(semi):
            return None
        own = walk.made(semi.right)
        if walk.free_columns(semi.right):
            return None
        keys: list[plan.Expression] = []
        for term in walk.conjuncts(semi.condition):
            pair = _semi_pair(term, own)
            if pair is None:
                return None
            keys.append(pair[1])
            if not self._indexed(pair[0], lefts):
                return None
        if not keys or not all(isinstance(walk.strip_relabel(key), plan.Column) for key in keys):
            return None
        left_rows = max((self._base_rows(node) for node in lefts), default=0.0)
        right_rows = self.planned(semi.right).rows
        if right_rows * 10 > left_rows:
            return None
        return plan.Distinct(input=semi.right, on=tuple(keys)), walk.conjuncts(semi.condition)

    def _base_rows(self, node: plan.Plan) -> float:
        if not isinstance(node, plan.Scan):
            return 0.0
        statistics = self.table_statistics(node.table)
        return statistics.rows if statistics is not None else DEFAULT_ROWS

    def _indexed(self, expression: plan.Expression, nodes: Sequence[plan.Plan]) -> bool:
        bare = walk.strip_relabel(expression)
        if not isinstance(bare, plan.Column):
            return False
        return any(
            isinstance(node, plan.Scan)
            and node.relation == bare.relation
            and any(index.keys[0].position == bare.position and index.where is None for index in node.table.indexes)
            for node in nodes
        )

    # -- the plan

    def subquery(self, query: plan.Query, first: int = 0) -> physical.Query:
        found = self._subqueries.get(id(query))
        if found is None:
            self._local.append(walk.made(query))
            node = self.query(query, first)
            self._local.pop()
            found = self._subqueries[id(query)] = query, node
        return found[1]

    def known_subquery(self, query: plan.Query) -> physical.Query | None:
        """The plan of a subquery that was asked for, for EXPLAIN."""
        found = self._subqueries.get(id(query))
        return None if found is None else found[1]

    def query(self, query: plan.Query, first: plan.Expression | int = 0) -> physical.Query:
        ctes = tuple(self._cte(cte) for cte in query.ctes)
        node, _ = self.plan_ordered(query.input, (), first)
        return physical.Query(input=node, outputs=query.outputs, ctes=ctes, rows=node.rows, cost=node.cost)

    def _cte(self, cte: plan.Cte) -> physical.Cte:
        width = _width(cte.plan)
        if isinstance(cte.plan, plan.RecursiveUnion):
            node: physical.Node = self._recursive(cte.plan)
        elif isinstance(cte.plan, plan.Query):
            node = self.query(cte.plan)
        else:
            node = self.statement(cte.plan)
        self._cte_rows[cte.number] = max(node.rows, 1.0)
        return physical.Cte(cte.number, cte.name, node, width)

    def _recursive(self, union: plan.RecursiveUnion) -> physical.RecursiveUnion:
        left = self.query(union.left)
        self._cte_rows[union.number] = max(left.rows, 1.0)
        right = self.query(union.right)
        return physical.RecursiveUnion(
            number=union.number,
            all=union.all,
            left=left,
            right=right,
            rows=left.rows * 10,
            cost=left.cost + right.cost * 10,
        )

    def statement(self, root: plan.Plan) -> physical.Node:
        """The plan of a whole statement."""
        if isinstance(root, plan.Query):
            return self.query(root)
        if isinstance(root, plan.Insert):
            return self._insert(root)
        if isinstance(root, plan.Merge):
            return self._merge(root)
        assert isinstance(root, plan.Update | plan.Delete)
        ctes = tuple(self._cte(cte) for cte in root.ctes)
        node = self.planned(root.input)
        recheck = tuple(self.rechecks.get(root.relation, ()))
        single = isinstance(node, physical.Scan) and node.single
        shared: dict[str, Any] = {
            "table": root.table,
            "relation": root.relation,
            "input": node,
            "returning": root.returning,
            "recheck": recheck,
            "single": single,
            "joined": not isinstance(node, physical.Scan | physical.UnionScan),
            "ctes": ctes,
            "rows": node.rows,
            "cost": node.cost,
        }
        if isinstance(root, plan.Delete):
            return physical.Delete(**shared)
        return physical.Update(
            assignments=root.assignments,
            generated=root.generated,
            checks=root.checks,
            view_checks=root.view_checks,
            new_relation=root.new_relation,
            **shared,
        )

    def _insert(self, root: plan.Insert) -> physical.Insert:
        ctes = tuple(self._cte(cte) for cte in root.ctes)
        source = self.query(root.source)
        return physical.Insert(
            table=root.table,
            relation=root.relation,
            source=source,
            source_relation=root.source_relation,
            row=root.row,
            generated=root.generated,
            checks=root.checks,
            view_checks=root.view_checks,
            on_conflict=root.on_conflict,
            returning=root.returning,
            ctes=ctes,
            rows=source.rows,
            cost=source.cost + source.rows,
        )

    def _merge(self, root: plan.Merge) -> physical.Merge:
        ctes = tuple(self._cte(cte) for cte in root.ctes)
        node = self.planned(root.input)
        return physical.Merge(
            table=root.table,
            relation=root.relation,
            input=node,
            present=root.present,
            actions=root.actions,
            generated=root.generated,
            checks=root.checks,
            returning=root.returning,
            new_relation=root.new_relation,
            recheck=tuple(self.rechecks.get(root.relation, ())),
            ctes=ctes,
            rows=node.rows,
            cost=node.cost + node.rows,
        )

    def planned(self, node: plan.Plan, first: plan.Expression | int = 0) -> physical.Node:
        return self.plan_ordered(node, (), first)[0]

    def plan_ordered(self, node: plan.Plan, order: Order, first: plan.Expression | int) -> tuple[physical.Node, bool]:
        """(the plan, whether its rows come in `order`)."""
        return PLANNERS[type(node)](self, node, order, first)


def _equal_pair(
    term: plan.Expression, relation: int, local: set[int]
) -> tuple[plan.Expression, plan.Expression] | None:
    """(side over `relation`, side over what stands outside) of an equality."""
    if not isinstance(term, plan.Operator) or term.operator.name != "=" or walk.has_subquery(term):
        return None
    for one, other in (term.arguments, term.arguments[::-1]):
        if walk.relations(one) == {relation} and not walk.relations(other) & local:
            return one, other
    return None


def _semi_pair(term: plan.Expression, own: set[int]) -> tuple[plan.Expression, plan.Expression] | None:
    """(left side, right side) of an equality of a semi join."""
    if not isinstance(term, plan.Operator) or term.operator.name != "=" or walk.has_subquery(term):
        return None
    for one, other in (term.arguments, term.arguments[::-1]):
        if walk.relations(other) and walk.relations(other) <= own and not walk.relations(one) & own:
            return one, other
    return None


def _width(node: plan.Plan) -> int:
    if isinstance(node, plan.Query):
        return len(node.outputs)
    if isinstance(node, plan.RecursiveUnion):
        return len(node.types)
    returning = getattr(node, "returning", None)
    return len(returning) if returning is not None else 0
