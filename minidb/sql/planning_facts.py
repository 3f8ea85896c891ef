"""What is known of the statement that is being planned: its tables, the columns that it uses, statistics, costs.

One look over the whole statement finds out which relation is which table, what projections only rename, and which rows
are locked or changed. Statistics are asked for when they are first wanted, and of a table that is asked for one row by
its key not at all but its size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from minidb import schema
from minidb.sql import plan
from minidb.sql.access_paths import DISABLED, Access, Settings, same
from minidb.sql.binder import bind_row_expression
from minidb.sql.equalities import given_column
from minidb.sql.join_order import Costs
from minidb.sql.rules import walk
from minidb.sql.statistics import DEFAULT_ROWS, SURPRISE, TYPICAL_ROW, ColumnStatistics, TableStatistics

WORK_MEMORY = 64 << 20
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


class PlanningFacts:
    """Of one statement. `rechecks`: the predicates that locked relations must meet again, by relation (R36)."""

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
        self._statistics: dict[int, TableStatistics | None] = {}
        self._local: list[set[int]] = []  # the relations of each query being planned, from outside inwards
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

    # -- the statement

    def uses(self, relation: int) -> set[int]:
        """The positions of the columns of a relation that the statement mentions."""
        return self._uses.get(relation, set())

    def table_of(self, relation: int) -> plan.Scan | None:
        """The scan that makes a relation."""
        return self._scans.get(relation)

    def renamed(self, expression: plan.Expression) -> plan.Expression:
        """What a column of projections stands for."""
        for _ in range(20):
            bare = walk.strip_relabel(expression)
            found = self._renamed.get((bare.relation, bare.position)) if isinstance(bare, plan.Column) else None
            if found is None:
                return expression
            expression = found
        return expression

    def local(self, relations: set[int]) -> set[int]:
        """Those of `relations` that belong to the query being planned, not to one outside."""
        return relations & self._local[-1] if self._local else relations

    def expected(self, first: plan.Expression | int) -> float:
        """How many rows will be looked at; 0 for all."""
        return float(first) if isinstance(first, int) else PARAMETER_ROWS

    # -- what things cost

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

    # -- what tables hold

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
