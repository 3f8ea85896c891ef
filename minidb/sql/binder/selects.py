"""One SELECT: from its clauses to a plan.

    FROM, WHERE --> GROUP BY, HAVING --> windows --> sets --> (Project) --> DISTINCT --> ORDER BY --> locks --> LIMIT

The names are bound in the order FROM, WHERE, select list, GROUP BY, HAVING, ORDER BY, because GROUP BY and ORDER BY may
name columns of the select list. The `Project` is there only if a computed column is compared or sorted by: it is then
computed once.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder.expressions import bind_in_clause, refuse_collation
from minidb.sql.binder.grouping import Groups, Regrouping, bind_groups, check_groupable
from minidb.sql.binder.items import bind_from
from minidb.sql.binder.ordering import (
    Key,
    bind_distinct_on,
    bind_order,
    check_distinct_on,
    check_lockable,
    limited,
    lock_inside,
    locked,
    position_of,
)
from minidb.sql.binder.scope import Scope, Selection
from minidb.sql.binder.set_groups import expanded, moved
from minidb.sql.binder.targets import Item, bind_targets, settle_items
from minidb.sql.binder.windows import declare_windows
from minidb.sql.binder.workspace import located
from minidb.types import SqlType


def bind_select(
    select: ast.Select, query: ast.Query, around: Scope, wanted: Sequence[SqlType] | None, keep_unknown: bool
) -> tuple[plan.Plan, list[Item]]:
    """The plan of a SELECT with the clauses of the query that it is the body of, and its columns.

    `wanted`: the types that untyped columns are to have (INSERT ... SELECT). `keep_unknown`: leave them untyped, for
    the operand of a set operation."""
    selection = Selection(around.workspace)
    scope = Scope(around.workspace, around, selection=selection)
    if query.locking:
        lock_inside(query.locking, select.from_items, scope.workspace)
    scope.frame = bind_from(select.from_items, scope)
    return _Select(select, query, scope, selection).bound(wanted, keep_unknown)


class _Select:
    """A SELECT whose FROM is bound."""

    def __init__(self, select: ast.Select, query: ast.Query, scope: Scope, selection: Selection) -> None:
        self.select = select
        self.query = query
        self.scope = scope
        self.selection = selection
        self.items: list[Item] = []
        self.having: plan.Expression | None = None
        self.order: list[Key] = []
        self.distinct_on: list[plan.Expression] = []

    def bound(self, wanted: Sequence[SqlType] | None, keep_unknown: bool) -> tuple[plan.Plan, list[Item]]:
        select, scope = self.select, self.scope
        where = self._condition(select.where, "WHERE")
        declare_windows(select.windows, self.selection)
        self.items = bind_targets(select.targets, scope)
        if select.distinct:
            refuse_collation([target.expression for target in select.targets], "DISTINCT", scope)
        if not keep_unknown or select.distinct or select.distinct_on or self.query.order_by or select.group_by:
            settle_items(self.items, scope, wanted)
        groups = bind_groups(select, self.items, scope)
        self.having = self._condition(select.having, "HAVING")
        self.distinct_on = bind_distinct_on(select.distinct_on, self.items, scope)
        self.order = bind_order(self.query.order_by, self.items, scope)
        self._check()
        result = scope.frame.plan
        if where is not None:
            result = plan.Filter(input=result, predicate=where)
        result = self._grouped(result, groups)
        result = self._with_windows(result)
        result = self._with_sets(result)
        return self._arranged(result), self.items

    def _condition(self, node: ast.Expression | None, clause: str) -> plan.Expression | None:
        return None if node is None else bind_in_clause(node, self.scope, clause, clause)

    # -- groups

    @property
    def _is_grouped(self) -> bool:
        return bool(self.select.group_by or self.selection.aggregates or self.selection.groupings) or (
            self.having is not None
        )

    def _grouped(self, input_: plan.Plan, groups: Groups) -> plan.Plan:
        if not self._is_grouped:
            return input_
        input_ = expanded(input_, groups, self.selection, self.scope.workspace)
        with located(self.select.at):
            check_groupable(groups.expressions)
        regrouping = Regrouping(groups, self.selection, self.scope)
        parts = moved(self._parts(), self.selection)
        rewritten = regrouping.rewritten(parts)
        while regrouping.grown:
            regrouping.start()
            rewritten = regrouping.rewritten(parts)
        self._take_parts(rewritten)
        regrouping.check_direct_arguments()
        result: plan.Plan = plan.Aggregate(
            input=input_,
            relation=self.selection.aggregate_relation,
            groups=tuple(groups.expressions),
            aggregates=tuple(self.selection.aggregates),
            sets=groups.sets,
            groupings=regrouping.groupings(),
        )
        return result if self.having is None else plan.Filter(input=result, predicate=self.having)

    def _parts(self) -> tuple[object, ...]:
        """Everything that is computed after grouping."""
        return (
            tuple([item.expression for item in self.items]),
            self.having,
            tuple([key.key for key in self.order]),
            tuple(self.distinct_on),
            tuple(self.selection.windows),
            tuple(self.selection.set_calls),
            tuple([tuple(level.calls) for level in self.selection.upper_sets]),
        )

    def _take_parts(self, parts: tuple[object, ...]) -> None:
        expressions, self.having, keys, distinct_on, windows, set_calls, upper = parts  # type: ignore[assignment]
        for item, expression in zip(self.items, expressions):  # type: ignore[call-overload]
            item.expression = expression
        self.order = [replace(k, key=key) for k, key in zip(self.order, keys)]  # type: ignore[call-overload]
        self.distinct_on = list(distinct_on)  # type: ignore[call-overload]
        self.selection.windows = list(windows)  # type: ignore[call-overload]
        self.selection.set_calls = list(set_calls)  # type: ignore[call-overload]
        for level, calls in zip(self.selection.upper_sets, upper):  # type: ignore[call-overload]
            level.calls = list(calls)

    # -- windows and sets

    def _with_windows(self, input_: plan.Plan) -> plan.Plan:
        calls = tuple(self.selection.windows)
        return plan.Window(input=input_, relation=self.selection.window_relation, calls=calls) if calls else input_

    def _with_sets(self, input_: plan.Plan) -> plan.Plan:
        calls = tuple(self.selection.set_calls)
        if calls:
            input_ = plan.ProjectSet(input=input_, relation=self.selection.set_relation, calls=calls)
        for level in self.selection.upper_sets:
            input_ = plan.ProjectSet(input=input_, relation=level.relation, calls=tuple(level.calls))
        return input_

    # -- DISTINCT, ORDER BY, locks, LIMIT

    def _arranged(self, input_: plan.Plan) -> plan.Plan:
        result = self._projected(input_) if self._needs_project() else input_
        keys = tuple([key.key for key in self.order])
        outputs = tuple([item.expression for item in self.items])
        if self.select.distinct:
            with located(self.select.at):
                check_groupable(outputs)
            result = plan.Distinct(input=result, on=outputs)
        if keys:
            result = plan.Sort(input=result, keys=keys)
        if self.select.distinct_on:
            result = plan.Distinct(input=result, on=tuple(self.distinct_on))
        result = locked(self.query, result, self.scope)
        return limited(self.query, result, keys, self.scope)

    def _needs_project(self) -> bool:
        """Whether a computed column is used twice. Under FOR UPDATE the sort stays next to the tables."""
        if self.query.locking:
            return False
        if self.select.distinct:
            return any(not isinstance(item.expression, plan.Column) for item in self.items)
        return any(
            key.item is not None and not isinstance(self.items[key.item].expression, plan.Column | plan.Constant)
            for key in self.order
        )

    def _projected(self, input_: plan.Plan) -> plan.Plan:
        """A Project with the columns of the select list and what else is sorted by; all of these now read from it."""
        relation = self.scope.workspace.new_relation(self.selection)
        columns: list[plan.Expression] = [item.expression for item in self.items]
        names = [item.name for item in self.items]

        def column(place: int) -> plan.Column:
            e = columns[place]
            return plan.Column(relation=relation, position=place, type=e.type, nullable=e.nullable, name=names[place])

        def moved(expression: plan.Expression) -> plan.Column:
            place = position_of(expression, self.items)
            if place is None:
                place = len(columns)
                columns.append(expression)
                names.append("")
            return column(place)

        self.order = [replace(k, key=replace(k.key, expression=moved(k.key.expression))) for k in self.order]
        self.distinct_on = [moved(expression) for expression in self.distinct_on]
        for place, item in enumerate(self.items):
            item.expression = column(place)
        return plan.Project(input=input_, relation=relation, expressions=tuple(columns), names=tuple(names))

    # -- checks

    def _check(self) -> None:
        if self.select.distinct and any(key.item is None for key in self.order):
            place = next(key.at for key in self.order if key.item is None)
            raise errors.InvalidColumnReference(
                "for SELECT DISTINCT, ORDER BY expressions must appear in select list", position=place
            )
        check_distinct_on(self.distinct_on, self.order)
        check_lockable(self.query, self._combination())

    def _combination(self) -> str | None:
        if self.select.distinct or self.select.distinct_on:
            return "DISTINCT clause"
        if self.select.group_by:
            return "GROUP BY clause"
        if self.having is not None:
            return "HAVING clause"
        if self.selection.aggregates:
            return "aggregate functions"
        if self.selection.windows:
            return "window functions"
        return "set-returning functions in the target list" if self.selection.set_calls else None
