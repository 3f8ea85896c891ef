"""What the orderer of joins is told of a cluster: how rare the joining predicates are, and what an index would help.

`join_order` knows numbers and masks only. Here they are made of terms: which inputs an index of another one may be
asked for, what one such look-up costs with the terms that are known by then, and what it costs to read an input in the
order of its keys.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidb.sql import plan, selectivity
from minidb.sql.access_paths import Access
from minidb.sql.cluster_inputs import ClusterInputs
from minidb.sql.group_access import group_access, is_grouped
from minidb.sql.join_order import Leaf, Orderer, Predicate
from minidb.sql.joining import split_condition
from minidb.sql.rules import walk


class ClusterChoices(ClusterInputs):
    """A cluster that can be ordered."""

    def _orderer(self) -> Orderer:
        predicates = []
        shares = [selectivity.of(term, self.planner.column_statistics) for _, term in self.joins]
        self._know_keys(shares)
        for (mask, term), share in zip(self.joins, shares):
            equality = any(self.mask(a) for a in _sides(term)) and self._is_equality(term)
            predicates.append(Predicate(mask, share, equality))
        leaves = []
        for place, leaf in enumerate(self.leaves):
            useful = self._useful(place)
            inner = self._inner_of(place)
            if is_grouped(leaf.node) and not leaf.needs:
                useful, inner = group_access(self.planner, leaf.node, self._key_terms(place))
            leaves.append(Leaf(leaf.rows, leaf.cost, leaf.needs, useful, inner, self._ordered_of(place)))
        return Orderer(leaves, predicates, self.planner.join_costs())

    def _know_keys(self, shares: list[float]) -> None:
        """Equalities with all columns of a unique key find one row at most: together they are no rarer than that."""
        for place, leaf in enumerate(self.leaves):
            if not isinstance(leaf.node, plan.Scan) or leaf.access is None:
                continue
            terms: dict[int, int] = {}  # column -> the place of its equality
            for number, (mask, term) in enumerate(self.joins):
                found = selectivity.comparison(term) if mask >> place & 1 and self._is_equality(term) else None
                for side in term.arguments if found is not None else ():  # type: ignore[attr-defined]
                    bare = walk.strip_relabel(side)
                    if isinstance(bare, plan.Column) and bare.relation == leaf.node.relation:
                        terms.setdefault(bare.position, number)
            for index in leaf.node.table.indexes:
                numbers = [terms.get(key.position, -1) if key.position is not None else -1 for key in index.keys]
                if index.certain and index.where is None and len(numbers) > 1 and -1 not in numbers:
                    together = 1.0
                    for number in numbers:
                        together *= shares[number]
                    shares[numbers[0]] *= max(1.0, 1 / max(leaf.access.rows, 1.0) / together)

    def _is_equality(self, term: plan.Expression) -> bool:
        if not (isinstance(term, plan.Operator) and term.operator.name == "="):
            return False
        left, right = (self.mask(argument) for argument in term.arguments)
        return bool(left) and bool(right) and not left & right

    def _key_terms(self, place: int) -> list[tuple[int, plan.Expression]]:
        """The equalities of a leaf with others, and these others."""
        bit = 1 << place
        return [(mask & ~bit, term) for mask, term in self.joins if mask & bit and self._is_equality(term)]

    def _inside(self, mask: int) -> Callable[[plan.Expression], bool]:
        return lambda expression: bool(self.mask(expression)) and self.mask(expression) & ~mask == 0

    # -- what an index would help

    def _useful(self, place: int) -> int:
        """The leaves that a predicate ties to an indexed column of this one."""
        leaf = self.leaves[place]
        if leaf.access is None:
            return 0
        useful = 0
        for mask, term in self.joins:
            if mask >> place & 1 and _asked_columns(term, leaf.access):
                useful |= mask & ~(1 << place)
        return useful

    def _inner_of(self, place: int) -> Callable[[int], float | None]:
        """The cost of one run, by the terms that matter: the first one for each indexed column."""
        known: dict[tuple[int, ...], float | None] = {}
        terms: list[plan.Expression] = []
        groups = self._indexed_terms(place, terms)

        def inner(outer: int) -> float | None:
            chosen: list[int] = []
            for group in groups:
                for needed, number, alone in group:
                    if needed & outer == needed:
                        chosen.append(number)
                        if alone:
                            break
            key = tuple(chosen)
            if key not in known:
                candidate = self._through_index(place, [terms[number] for number in dict.fromkeys(key)])
                known[key] = None if candidate is None else candidate.cost
            return known[key]

        return inner

    def _indexed_terms(self, place: int, terms: list[plan.Expression]) -> list[list[tuple[int, int, bool]]]:
        """For each indexed column of a leaf the joining terms that an index may answer: (other leaves that they need,
        their number in `terms`, whether one is enough). Equalities come first."""
        leaf, bit = self.leaves[place], 1 << place
        groups: dict[int, list[tuple[int, int, bool]]] = {}
        if leaf.access is None:
            return []
        for mask, term in sorted(self.joins, key=lambda join: not self._is_equality(join[1])):
            if not mask & bit:
                continue
            for _, position in sorted(_asked_columns(term, leaf.access)):
                alone = self._is_equality(term) and not leaf.access.expressions
                groups.setdefault(position, []).append((mask & ~bit, len(terms), alone))
            terms.append(term)
        return list(groups.values())

    def _ordered_of(self, place: int) -> Callable[[int], float | None]:
        def ordered(other: int) -> float | None:
            bit = 1 << place
            terms = [t for m, t in self.joins if m & bit and m & ~bit and m & ~bit & other == m & ~bit]
            sides = split_condition(terms, self._inside(bit), self._inside(other))
            found = self._in_key_order(place, sides.left)
            return None if found is None else found[0].cost

        return ordered


def _sides(term: plan.Expression) -> Sequence[plan.Expression]:
    return term.arguments if isinstance(term, plan.Operator) else ()


def _asked_columns(term: plan.Expression, access: Access) -> set[walk.ColumnKey]:
    """The indexed columns that an index might be asked for by `term`. A comparison asks only for what stands alone on
    one of its sides, unless there are indexes of expressions."""
    parts: Any = term
    if isinstance(term, plan.Operator) and not access.expressions:
        parts = tuple(side for side in map(walk.strip_relabel, term.arguments) if isinstance(side, plan.Column))
    return {column for column in walk.columns(parts) if access.is_indexed(column)}
