"""A LEFT JOIN whose right side nobody looks at.

    SELECT o.* FROM o LEFT JOIN c ON c.id = o.c           c.id is unique: each o once, with or without a c; c goes
    SELECT o.* FROM o LEFT JOIN c ON ... WHERE c.id IS NULL     rows without a partner: an anti join

The second needs a column that is never NULL in a row that has found a partner: one that its table declares so, or
that the join's condition is strict about.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from minidb.sql import plan
from minidb.sql.rules import walk
from minidb.sql.rules.nulls import strict_columns

Uses = Counter[int]


def drop_unused_sides(root: plan.Plan) -> plan.Plan:
    while any(isinstance(node, plan.Join) and node.kind == "left" for node in walk.everything(root)):
        rule = _Rule(root)
        changed = walk.transform(root, rule.change)
        if changed is root:
            break
        root = changed
    return root


def _uses(node: Any) -> Uses:
    """How often each relation is mentioned."""
    return Counter(n.relation for n in walk.everything(node) if type(n) is plan.Column)


class _Rule:
    """One pass; what it has changed is counted anew in the next one."""

    def __init__(self, root: plan.Plan) -> None:
        self.uses = _uses(root)
        self.kept: set[int] = set()  # relations whose rows are locked or changed
        for node in walk.everything(root):
            if isinstance(node, plan.LockRows):
                self.kept |= {locked.relation for locked in node.locked}
            elif isinstance(node, plan.Update | plan.Delete | plan.Merge):
                self.kept.add(node.relation)

    def change(self, node: Any) -> Any:
        if isinstance(node, plan.Join) and node.kind == "left" and not node.lateral:
            return self._without_right(node)
        if isinstance(node, plan.Filter) and isinstance(node.input, plan.Join) and node.input.kind == "left":
            return self._lonely(node, node.input)
        return node

    def _is_unused(self, join: plan.Join, *others: Any) -> bool:
        own = walk.made(join.right)
        if own & self.kept:
            return False
        inside = _uses((join.right, join.condition, *others))
        return all(inside[relation] == self.uses[relation] for relation in own)

    def _without_right(self, join: plan.Join) -> plan.Plan:
        own = walk.made(join.right)
        keys: set[walk.ColumnKey] = set()
        for term in walk.conjuncts(join.condition):
            if isinstance(term, plan.Operator) and term.operator.name == "=":
                for one, other in (term.arguments, term.arguments[::-1]):
                    bare = walk.strip_relabel(one)
                    if isinstance(bare, plan.Column) and bare.relation in own and not walk.relations(other) & own:
                        keys.add((bare.relation, bare.position))
        if not is_unique(join.right, keys) or walk.is_volatile((join.right, join.condition)):
            return join
        return join.left if self._is_unused(join) else join

    def _lonely(self, node: plan.Filter, join: plan.Join) -> plan.Plan:
        terms = walk.conjuncts(node.predicate)
        never_null = strict_columns(join.condition) if join.condition is not None else set()
        never_null |= _declared(join.right)
        own = walk.made(join.right)
        for term in terms:
            if not isinstance(term, plan.IsNull) or term.negated or join.lateral:
                continue
            bare = walk.strip_relabel(term.argument)
            if not isinstance(bare, plan.Column) or bare.relation not in own:
                continue
            if (bare.relation, bare.position) in never_null and self._is_unused(join, term):
                rest = [other for other in terms if other is not term]
                return walk.filtered(msgspec.structs.replace(join, kind="anti"), rest)
        return node


def _declared(node: plan.Plan) -> set[walk.ColumnKey]:
    """Columns of a table, filtered or not, that are NOT NULL."""
    while isinstance(node, plan.Filter):
        node = node.input
    if not isinstance(node, plan.Scan):
        return set()
    return {(node.relation, column.position) for column in node.table.columns if column.not_null}


def is_unique(node: plan.Plan, keys: set[walk.ColumnKey]) -> bool:
    """Whether no two rows of `node` agree in all of the columns `keys`."""
    if isinstance(node, plan.Filter | plan.Sort):
        return is_unique(node.input, keys)
    if isinstance(node, plan.Join):
        return node.kind in ("semi", "anti") and is_unique(node.left, keys)
    if isinstance(node, plan.Project):
        return is_unique(node.input, _below(node, keys))
    if isinstance(node, plan.Aggregate):
        return node.sets is None and all((node.relation, place) in keys for place in range(len(node.groups)))
    if isinstance(node, plan.Distinct):
        return all(isinstance(e, plan.Column) and (e.relation, e.position) in keys for e in node.on)
    if not isinstance(node, plan.Scan):
        return False
    return any(
        index.certain
        and index.where is None
        and all(key.position is not None and (node.relation, key.position) in keys for key in index.keys)
        for index in node.table.indexes
    )


def _below(node: plan.Project, keys: set[walk.ColumnKey]) -> set[walk.ColumnKey]:
    found = {key for key in keys if key[0] != node.relation}
    for place, expression in enumerate(node.expressions):
        bare = walk.strip_relabel(expression)
        if (node.relation, place) in keys and isinstance(bare, plan.Column):
            found.add((bare.relation, bare.position))
    return found
