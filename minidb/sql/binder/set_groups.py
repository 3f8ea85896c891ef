"""Set-returning functions among the group expressions: `GROUP BY 1` where the first column is `unnest(a)`.

Such a function multiplies the rows before they are grouped, the others of the select list multiply the groups. So the
calls that a group expression mentions get a `ProjectSet` below the `Aggregate`, and what they deliver is from then on
a column like those of the tables.
"""

from __future__ import annotations

from typing import Any

import msgspec

from minidb import errors
from minidb.sql import plan
from minidb.sql.binder.grouping import Groups
from minidb.sql.binder.scope import Selection
from minidb.sql.binder.trees import relations_in, rewrite, same, walk
from minidb.sql.binder.workspace import Workspace


def expanded(input_: plan.Plan, groups: Groups, selection: Selection, workspace: Workspace) -> plan.Plan:
    """`input_` with the calls that group expressions mention; these expressions then mention its columns."""
    if not {level.relation for level in selection.upper_sets}.isdisjoint(relations_in(tuple(groups.expressions))):
        raise errors.NotSupportedError("grouping by set-returning functions inside others is not supported")
    early = _early_calls(groups, selection)
    if not early:
        return input_
    relation = workspace.new_relation(selection)
    selection.moved_sets = _places(selection.set_calls, early, selection.set_relation, relation)
    groups.expressions = [moved(group, selection) for group in groups.expressions]
    selection.groupings = [
        tuple([(moved(argument, selection), at) for argument, at in call]) for call in selection.groupings
    ]
    selection.set_calls = [call for call in selection.set_calls if not any(same(call, other) for other in early)]
    return plan.ProjectSet(input=input_, relation=relation, calls=tuple(early))


def moved(part: Any, selection: Selection) -> Any:
    """`part` with the columns of set-returning functions where they are now."""
    if not selection.moved_sets:
        return part

    def replace(node: Any) -> plan.Column | None:
        if type(node) is not plan.Column or node.relation != selection.set_relation:
            return None
        relation, position = selection.moved_sets[node.position]
        return msgspec.structs.replace(node, relation=relation, position=position)

    return rewrite(part, replace)


def _early_calls(groups: Groups, selection: Selection) -> list[plan.SetCall]:
    early: list[plan.SetCall] = []
    for node in walk(tuple(groups.expressions)):
        if type(node) is plan.Column and node.relation == selection.set_relation:
            call = selection.set_calls[node.position]
            if not any(same(call, other) for other in early):
                early.append(call)
    return early


def _places(
    calls: list[plan.SetCall], early: list[plan.SetCall], late_relation: int, early_relation: int
) -> dict[int, tuple[int, int]]:
    """Where the column of each call is: the same calls stand below the groups once, the rest close ranks."""
    places: dict[int, tuple[int, int]] = {}
    late = 0
    for position, call in enumerate(calls):
        index = next((i for i, other in enumerate(early) if same(call, other)), None)
        if index is None:
            places[position] = late_relation, late
            late += 1
        else:
            places[position] = early_relation, index
    return places
