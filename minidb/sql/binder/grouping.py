"""GROUP BY: group expressions, grouping sets, and what the rest of the SELECT may still mention.

After grouping only the group expressions and the aggregates are left. Each expression above (select list, HAVING,
ORDER BY, windows) is rewritten to columns of the `Aggregate`; a column of the ungrouped rows that remains is an error,
unless its table's primary key is among the groups: then it becomes a group expression, too, for it changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from typing import Any

import msgspec

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.aggregates import GROUPING_BASE
from minidb.sql.binder.expressions import bind_in_clause, refuse_collation
from minidb.sql.binder.ordinals import ordinal_item
from minidb.sql.binder.scope import Scope, Selection
from minidb.sql.binder.targets import Item
from minidb.sql.binder.trees import rewrite, same
from minidb.sql.functions.operators import resolve_operator
from minidb.types import INTEGER

Set = tuple[int, ...]


class Groups(msgspec.Struct):
    """The group expressions of a SELECT; `sets` None where there are no grouping sets. `items`: columns of the select
    list that are groups of grouping sets."""

    expressions: list[plan.Expression] = []
    sets: tuple[Set, ...] | None = None
    items: list[Item] | None = None


# -- GROUP BY ---------------------------------------------------------------------------------------------


def bind_groups(select: ast.Select, items: Sequence[Item], scope: Scope) -> Groups:
    """The GROUP BY clause."""
    several = any(isinstance(n, ast.GroupingSets | ast.Rollup | ast.Cube) or _is_empty(n) for n in select.group_by)
    groups = Groups(items=[] if several else None)
    parts = [_sets(node, groups, items, scope) for node in select.group_by]
    if several:
        sets = [tuple(dict.fromkeys(i for part in chosen for i in part)) for chosen in product(*parts)]
        if select.group_distinct:
            sets = list({frozenset(s): s for s in sets}.values())
        groups.sets = tuple(sets)
    return groups


def _is_empty(node: ast.Expression) -> bool:
    return isinstance(node, ast.Row) and not node.items


def _sets(node: ast.Expression, groups: Groups, items: Sequence[Item], scope: Scope) -> list[Set]:
    """The grouping sets that one item of GROUP BY stands for."""
    if isinstance(node, ast.GroupingSets):
        return [s for part in node.sets for s in _sets(part, groups, items, scope)]
    if isinstance(node, ast.Rollup):
        parts = [_columns(part, groups, items, scope) for part in node.items]
        return [_flat(parts[:count]) for count in range(len(parts), -1, -1)]
    if isinstance(node, ast.Cube):
        parts = [_columns(part, groups, items, scope) for part in node.items]
        if len(parts) > 12:
            raise errors.ProgramLimitExceeded("CUBE is limited to 12 elements", position=node.at)
        return [_flat(chosen) for count in range(len(parts), -1, -1) for chosen in combinations(parts, count)]
    return [_columns(node, groups, items, scope)]


def _flat(parts: Sequence[Set]) -> Set:
    return tuple([index for part in parts for index in part])


def _columns(node: ast.Expression, groups: Groups, items: Sequence[Item], scope: Scope) -> Set:
    parts = node.items if isinstance(node, ast.Row) else (node,)
    return tuple([_index(_own(_group(part, items, scope), items, groups), groups) for part in parts])


def _own(found: Item | plan.Expression, items: Sequence[Item], groups: Groups) -> plan.Expression:
    """The group expression. Of grouping sets, columns of the select list are groups of their own even where they are
    the same expression, for a set may have one without the other: then the later one is wrapped."""
    if groups.items is not None and not isinstance(found, Item):
        found = next((item for item in items if same(item.expression, found)), found)
    if not isinstance(found, Item):
        return found
    if groups.items is not None and not any(found is item for item in groups.items):
        while any(same(found.expression, item.expression) for item in groups.items):
            inner = found.expression
            found.expression = plan.Convert(type=inner.type, nullable=inner.nullable, argument=inner, function=None)
        groups.items.append(found)
    return found.expression


def _index(expression: plan.Expression, groups: Groups) -> int:
    for index, known in enumerate(groups.expressions):
        if same(known, expression):
            return index
    groups.expressions.append(expression)
    return len(groups.expressions) - 1


def _group(node: ast.Expression, items: Sequence[Item], scope: Scope) -> Item | plan.Expression:
    """One group expression: an ordinal, a column of the input, a name of the select list, or any expression."""
    item = ordinal_item(node, items, "GROUP BY")
    if item is None and isinstance(node, ast.ColumnRef) and len(node.parts) == 1 and not scope.try_column(node.name):
        named = [item for item in items if item.name == node.name]
        if len(named) > 1 and not all(same(named[0].expression, other.expression) for other in named):
            raise errors.AmbiguousColumn(f'GROUP BY "{node.name}" is ambiguous', position=node.at)
        item = named[0] if named else None
    if item is not None:
        _check_group(item.expression, node.at, scope)
        return item
    refuse_collation((node,), "GROUP BY", scope)
    bound = bind_in_clause(node, scope, "GROUP BY")
    return coercion.settle(bound, node.at, scope.workspace)


def _check_group(expression: plan.Expression, at: int, scope: Scope) -> None:
    assert scope.selection is not None
    from_windows = (scope.selection.aggregate_relation, scope.selection.window_relation)
    found = next((n for n in _columns_in(expression) if n.relation in from_windows), None)
    if found is None:
        return
    if found.relation == from_windows[0]:
        raise errors.GroupingError("aggregate functions are not allowed in GROUP BY", position=at)
    raise errors.WindowingError("window functions are not allowed in GROUP BY", position=at)


def _columns_in(expression: plan.Expression) -> list[plan.Column]:
    return [node for node in plan.expressions_of(expression) if isinstance(node, plan.Column)]


# -- above the groups -------------------------------------------------------------------------------------


class Regrouping:
    """Rewrites expressions above the groups.

    The number of groups may grow while this goes on (functional dependence), which moves the aggregates behind them:
    whoever calls rewrites everything once more when `grown` says so.
    """

    def __init__(self, groups: Groups, selection: Selection, scope: Scope) -> None:
        self.groups = groups
        self.selection = selection
        self.scope = scope
        self.count = len(groups.expressions)

    @property
    def grown(self) -> bool:
        return len(self.groups.expressions) != self.count

    def start(self) -> None:
        self.count = len(self.groups.expressions)

    def rewritten(self, part: Any) -> Any:
        """`part` (an expression, a key, a call, a tuple of them) in terms of the groups and aggregates."""
        return rewrite(part, self._replace)

    def _replace(self, node: Any) -> plan.Expression | None:
        if not isinstance(node, plan.Expression):
            return None
        for index, group in enumerate(self.groups.expressions):
            if type(group) is type(node) and same(group, node) and type(node) is not plan.Constant:
                return self._group_column(index)
        if type(node) is plan.Column:
            return self._column(node)
        return None

    def _group_column(self, index: int) -> plan.Column:
        group = self.groups.expressions[index]
        return plan.Column(
            relation=self.selection.aggregate_relation,
            position=index,
            type=group.type,
            nullable=group.nullable or self.groups.sets is not None,
            name=group.name if isinstance(group, plan.Column) else "",
        )

    def _column(self, column: plan.Column) -> plan.Expression | None:
        relation = column.relation
        if relation == self.selection.aggregate_relation and column.position < 0:
            return self._aggregate_column(column)
        own = (self.selection.aggregate_relation, self.selection.window_relation, *self.selection.set_relations)
        if self.scope.workspace.owners.get(relation) is not self.selection or relation in own:
            return None
        if self._depends_on_groups(relation):
            index = len(self.groups.expressions)
            self.groups.expressions.append(column)
            if self.groups.sets is not None:
                self.groups.sets = tuple([(*members, index) for members in self.groups.sets])
            return self._group_column(index)
        raise self._ungrouped(column)

    def _aggregate_column(self, column: plan.Column) -> plan.Expression:
        if column.position > GROUPING_BASE:
            index = -1 - column.position
        elif self.groups.sets is None:  # every group expression is in the only set
            return plan.Constant(type=INTEGER, nullable=False, value=0)
        else:
            index = len(self.selection.aggregates) + GROUPING_BASE - column.position - 1
        return msgspec.structs.replace(column, position=self.count + index)

    def _depends_on_groups(self, relation: int) -> bool:
        """Whether the table's primary key is among the groups (of every grouping set)."""
        table = self.scope.workspace.base_tables.get(relation)
        key = table.primary_key if table is not None else None
        if key is None or key.deferrable:
            return False
        expressions = self.groups.expressions
        for members in [range(len(expressions))] if self.groups.sets is None else self.groups.sets:
            grouped = [expressions[index] for index in members]
            known = {g.position for g in grouped if isinstance(g, plan.Column) and g.relation == relation}
            if not all(part.position in known for part in key.keys):
                return False
        return True

    def _ungrouped(self, column: plan.Column) -> errors.GroupingError:
        name = _shown(column, self.scope)
        place = self.selection.places.get((column.relation, column.position))
        if place is None:
            return errors.GroupingError(f'subquery uses ungrouped column "{name}" from outer query')
        return errors.GroupingError(
            f'column "{name}" must appear in the GROUP BY clause or be used in an aggregate function', position=place
        )

    def check_direct_arguments(self) -> None:
        """The fraction of percentile_cont and its like is one for the whole group. Raises 42803."""
        for call in self.selection.aggregates:
            direct = call.arguments[: call.aggregate.direct] if call.aggregate.ordered_set else ()
            for argument in direct:
                self._check_direct(argument)

    def _check_direct(self, argument: plan.Expression) -> None:
        if any(same(argument, group) for group in self.groups.expressions):
            return
        for column in _columns_in(argument):
            if self.scope.workspace.owners.get(column.relation) is not self.selection:
                continue
            if not any(same(column, group) for group in self.groups.expressions):
                name = _shown(column, self.scope)
                raise errors.GroupingError(
                    f'column "{name}" must appear in the GROUP BY clause or be used in an aggregate function',
                    detail="Direct arguments of an ordered-set aggregate must use only grouped columns.",
                )

    def groupings(self) -> tuple[Set, ...]:
        """The arguments of the GROUPING() calls as indexes of groups."""
        return tuple([tuple([self._grouping_index(e, at) for e, at in call]) for call in self.selection.groupings])

    def _grouping_index(self, expression: plan.Expression, at: int) -> int:
        for index, group in enumerate(self.groups.expressions):
            if same(group, expression):
                return index
        raise errors.GroupingError(
            "arguments to GROUPING must be grouping expressions of the associated query level", position=at
        )


def _shown(column: plan.Column, scope: Scope) -> str:
    for source in scope.frame.sources:
        for candidate in source.columns:
            if same(candidate.expression, column):
                return f"{source.alias}.{candidate.name}"
    return column.name


def check_groupable(expressions: Sequence[plan.Expression]) -> None:
    """The types can be compared for equality. Raises 42883."""
    for expression in expressions:
        if not isinstance(expression, plan.RowValue):
            resolve_operator("=", expression.type, expression.type)
