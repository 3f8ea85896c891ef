"""From the rewritten logical plan to the physical one.

Trees of inner joins and filters are taken apart into leaves and predicates (`clusters`), put in order by
`join_order`, and each table is read through the access path that costs least. Everything else is planned from its
inputs upwards. Two hints go downwards: the order that somebody above wants, and how many rows will be looked at
(R49).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from minidb import schema
from minidb.sql import physical, plan, selectivity, several_indexes
from minidb.sql.access_paths import DISABLED, FILTER, Access, Candidate, Settings, same
from minidb.sql.binder import bind_row_expression
from minidb.sql.equalities import given_column
from minidb.sql.join_order import SPILL, Costs
from minidb.sql.operator_plans import PLANNERS
from minidb.sql.ordering import Order, log_cost
from minidb.sql.rules import walk
from minidb.sql.statistics import DEFAULT_ROWS, ColumnStatistics, TableStatistics

WORK_MEMORY = 64 << 20
TYPICAL_ROW = 150  # bytes
SURPRISE = 200  # how far estimates are believed to be wrong at most
PARAMETER_ROWS = 10.0  # what LIMIT ? is taken for


class PlannerView(Protocol):
    """What the planner asks of its surroundings."""

    @property
    def catalog(self) -> schema.Catalog: ...

    @property
    def settings(self) -> Mapping[str, Any]: ...

    def virtual(self, schema_name: str, name: str) -> tuple[schema.Column, ...] | None: ...

    def statistics(self, table_id: int) -> TableStatistics | None: ...

    def size(self, table_id: int) -> TableStatistics | None: ...


class Planner:
    """Plans one statement. `rechecks`: the predicates that locked relations must meet again, by relation (R36)."""

    def __init__(
        self,
        view: PlannerView,
        root: plan.Plan,
        rechecks: Mapping[int, Sequence[plan.Expression]],
        spilling: bool = False,
    ) -> None:
        self.view = view
        self.memory = int(view.settings.get("work_mem", WORK_MEMORY))  # bytes for each operator
        self.spilling = spilling  # only operators that can go on in files
        self.settings = Settings(view.settings)
        self.rechecks = rechecks
        self.locked: set[int] = set()  # relations whose rows and addresses are needed
        self.updated: set[int] = set()  # those that are read to be locked or changed
        self._uses: dict[int, set[int]] = {}
        self._scans: dict[int, plan.Scan] = {}
        self._renamed: dict[walk.ColumnKey, plan.Expression] = {}
        self._subqueries: dict[int, tuple[plan.Plan, physical.Query]] = {}
        self._statistics: dict[int, TableStatistics | None] = {}
        self._local: list[set[int]] = []
        self._cte_rows: dict[int, float] = {}
        self._costs: Costs | None = None
        self._look_over(root)
        self.root = root

    def _look_over(self, root: plan.Plan) -> None:
        for node in walk.everything(root):
            kind = type(node)
            if kind is plan.Column:
                self._uses.setdefault(node.relation, set()).add(node.position)
            elif kind is plan.Scan:
                self._scans[node.relation] = node
            elif kind is plan.Project:
                for place, expression in enumerate(node.expressions):
                    self._renamed[node.relation, place] = expression
            elif kind is plan.LockRows:
                self.locked |= {locked.relation for locked in node.locked}
                self.updated |= {locked.relation for locked in node.locked}
            elif kind is plan.Update or kind is plan.Delete or kind is plan.Merge:
                self.locked.add(node.relation)
                self.updated.add(node.relation)
        for terms in self.rechecks.values():
            for relation, position in walk.columns(tuple(terms)):
                self._uses.setdefault(relation, set()).add(position)

    # -- facts

    def expected(self, first: plan.Expression | int) -> float:
        """How many rows will be looked at; 0 for all."""
        return float(first) if isinstance(first, int) else PARAMETER_ROWS

    def join_costs(self) -> Costs:
        """What settings make dearer."""
        if self._costs is None:
            penalty = self.settings.penalty
            self._costs = Costs(
                hash=penalty("enable_hashjoin"),
                loop=penalty("enable_nestloop"),
                merge=penalty("enable_mergejoin"),
                sort=penalty("enable_sort"),
                material=penalty("enable_material"),
                rows_in_memory=self.memory / TYPICAL_ROW,
            )
        return self._costs

    def hashing_cost(self, rows: float) -> float:
        """What a hash table of groups costs more: where it is turned off, or could be too large."""
        too_large = self.spilling and rows * TYPICAL_ROW * SURPRISE > self.memory
        return self.settings.penalty("enable_hashagg") + (DISABLED if too_large else 0.0)

    def sorted(self, node: physical.Node, order: Order) -> physical.Node:
        """`node` with a sort on top."""
        cost = node.cost + log_cost(node.rows) + self.join_costs().sort
        if node.rows > self.join_costs().rows_in_memory:
            cost += node.rows * SPILL
        return physical.Sort(input=node, keys=order, rows=node.rows, cost=cost)

    def local(self, relations: set[int]) -> set[int]:
        """Those of `relations` that belong to the query being planned, not to one outside."""
        return relations & self._local[-1] if self._local else relations

    def table_statistics(self, table: schema.Table) -> TableStatistics | None:
        if table.id not in self._statistics:
            self._statistics[table.id] = self.view.statistics(table.id)
        return self._statistics[table.id]

    def column_statistics(self, column: walk.ColumnKey | plan.Expression) -> ColumnStatistics | None:
        """What is known of a column, or of an expression that an index has."""
        if isinstance(column, plan.Expression):
            bare = walk.strip_relabel(column)
            if not isinstance(bare, plan.Column):
                return self._expression_statistics(bare)
            column = bare.relation, bare.position
        for _ in range(20):  # through renaming projections
            scan = self._scans.get(column[0])
            if scan is not None:
                return self._column_of(scan, column[1])
            expression = self._renamed.get(column)
            expression = walk.strip_relabel(expression) if expression is not None else None
            if not isinstance(expression, plan.Column):
                return None
            column = expression.relation, expression.position
        return None

    def _expression_statistics(self, expression: plan.Expression) -> ColumnStatistics | None:
        relations = walk.relations(expression)
        scan = self._scans.get(next(iter(relations))) if len(relations) == 1 else None
        statistics = self.table_statistics(scan.table) if scan is not None else None
        if scan is None or statistics is None:
            return None
        for text, found in statistics.expressions.items():
            if same(self._row_expression(text, scan), expression):
                return found
        return None

    def renamed(self, expression: plan.Expression) -> plan.Expression:
        """What a column of projections stands for."""
        for _ in range(20):
            bare = walk.strip_relabel(expression)
            found = self._renamed.get((bare.relation, bare.position)) if isinstance(bare, plan.Column) else None
            if found is None:
                return expression
            expression = found
        return expression

    def table_of(self, relation: int) -> plan.Scan | None:
        """The scan that makes a relation."""
        return self._scans.get(relation)

    def _column_of(self, scan: plan.Scan, position: int) -> ColumnStatistics | None:
        statistics = self.table_statistics(scan.table)
        found = statistics.columns.get(position) if statistics is not None else None
        if found is not None:
            return found
        rows = statistics.rows if statistics is not None else DEFAULT_ROWS
        for index in scan.table.indexes:
            if index.certain and len(index.keys) == 1 and index.keys[0].position == position:
                return ColumnStatistics(distinct=max(rows, 1.0))
        return None

    def uses(self, relation: int) -> set[int]:
        """The positions of the columns of a relation that the statement mentions."""
        return self._uses.get(relation, set())

    def access(self, scan: plan.Scan, predicates: Sequence[plan.Expression] = ()) -> Access:
        if scan.table.id not in self._statistics and self._one_row(scan, predicates):
            self._statistics[scan.table.id] = self.view.size(scan.table.id)
        statistics = self.table_statistics(scan.table)
        rows = max(statistics.rows, 1.0) if statistics is not None else DEFAULT_ROWS
        expressions: dict[tuple[int, int], plan.Expression] = {}
        conditions: dict[int, Sequence[plan.Expression]] = {}
        for index in scan.table.indexes:
            for place, key in enumerate(index.keys):
                if key.expression is not None:
                    expressions[index.id, place] = self._row_expression(key.expression, scan)
            if index.where is not None:
                conditions[index.id] = walk.conjuncts(self._row_expression(index.where, scan))
        needed = None if scan.relation in self.locked else self._uses.get(scan.relation, set())
        return Access(scan, rows, self.column_statistics, expressions, conditions, needed, self.settings)

    def _one_row(self, scan: plan.Scan, predicates: Sequence[plan.Expression]) -> bool:
        """Whether a table is only asked for one row by its key: then nothing need be known of its values."""
        if sum(each.table.id == scan.table.id for each in self._scans.values()) != 1:
            return False
        given = {given_column(scan.relation, predicate) for predicate in predicates}
        return any(
            index.certain and index.where is None and {key.position for key in index.keys} <= given
            for index in scan.table.indexes
        )

    def _row_expression(self, text: str, scan: plan.Scan) -> plan.Expression:
        bound = bind_row_expression(text, scan.table, self.view)

        def change(node: Any) -> Any:
            if type(node) is plan.Column:
                return msgspec.structs.replace(node, relation=scan.relation)
            return node

        return walk.transform(bound, change)

    # -- building blocks

    def filtered(self, node: physical.Node, predicates: Iterable[plan.Expression]) -> physical.Node:
        terms = tuple(predicates)
        if not terms:
            return node
        share = selectivity.of_all(terms, self.column_statistics)
        cost = node.cost + node.rows * FILTER * len(terms)
        return physical.Filter(input=node, predicates=terms, rows=node.rows * share, cost=cost)

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
