"""Inner joins and filters taken apart: the inputs, the predicates over each and between them, and how each can be read.

A cluster is a maximal tree of inner joins and filters, with semi and anti joins over it. A semi join on equalities may
become an inner join with the distinct rows of its right side, which then is one of the inputs. Sets of inputs are bit
masks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import TYPE_CHECKING

import msgspec

from minidb.sql import physical, plan
from minidb.sql.access_paths import Access, Candidate
from minidb.sql.equalities import with_equal_constants
from minidb.sql.ordering import Order, log_cost, satisfies
from minidb.sql.rules import walk

if TYPE_CHECKING:
    from minidb.sql.planner import Planner

HASHED_PROBE = 0.3  # microseconds: probing the hash table that a correlated subquery keeps


class Input:
    """One input of the joins, with the predicates over it alone."""

    def __init__(self, node: plan.Plan) -> None:
        self.node = node
        self.relations = walk.made(node)
        self.predicates: list[plan.Expression] = []
        self.access: Access | None = None
        self.needs = 0
        self.planned: physical.Node | None = None
        self.rows = 1.0
        self.cost = 0.0
        self.chosen: Candidate | None = None


class ClusterInputs:
    """The parts of one cluster. `first`: how many rows of the result will be looked at."""

    def __init__(self, planner: Planner, root: plan.Plan, first: plan.Expression | int = 0) -> None:
        self.planner = planner
        self.first = first
        self.leaves: list[Input] = []
        self.terms: list[plan.Expression] = []
        self.semis: list[plan.Join] = []
        self._take_apart(root)
        self._distinct_leaves()
        self.terms = with_equal_constants(self.terms, {r for leaf in self.leaves for r in leaf.relations})
        self.masks = self._masks()
        self.places = [self._semi_mask(semi) for semi in self.semis]  # leaves that are joined before a semi join
        self.outside: list[plan.Expression] = []  # terms that mention no leaf
        self.joins: list[tuple[int, plan.Expression]] = []
        self._place_terms()
        for leaf in self.leaves:
            self._open(leaf)

    # -- taking apart

    def _take_apart(self, root: plan.Plan) -> None:
        stack = [root]
        while stack:
            node = stack.pop()
            if isinstance(node, plan.Filter):
                self.terms += walk.conjuncts(node.predicate)
                stack.append(node.input)
            elif isinstance(node, plan.Join) and node.kind == "inner":
                self.terms += walk.conjuncts(node.condition)
                stack += [node.right, node.left]
            elif isinstance(node, plan.Join) and node.kind in ("semi", "anti"):
                self.semis.append(node)
                stack.append(node.left)
            elif not isinstance(node, plan.Empty):
                self.leaves.append(Input(node))

    def _distinct_leaves(self) -> None:
        """Semi joins on equalities with few rows become inner joins with distinct rows."""
        for semi in list(self.semis):
            leaf = self.planner.distinct_side(semi, [leaf.node for leaf in self.leaves])
            if leaf is not None:
                self.leaves.append(Input(leaf[0]))
                self.terms += leaf[1]
                self.semis.remove(semi)

    def _masks(self) -> dict[int, int]:
        """relation -> bit of its leaf"""
        return {relation: 1 << place for place, leaf in enumerate(self.leaves) for relation in leaf.relations}

    def mask(self, node: object) -> int:
        result = 0
        for relation in walk.relations(node):
            result |= self.masks.get(relation, 0)
        return result

    def _semi_mask(self, semi: plan.Join) -> int:
        """The leaves that a semi join mentions."""
        result = 0
        for relation in walk.relations((semi.condition, semi.right)) - walk.made(semi.right):
            result |= self.masks.get(relation, 0)
        return result

    def _semi_needs(self) -> set[int]:
        return {relation for semi in self.semis for relation in walk.relations((semi.condition, semi.right))}

    def _place_terms(self) -> None:
        for term in self.terms:
            mask = self.mask(term)
            if mask == 0:
                self.outside.append(term)
            elif mask & (mask - 1) == 0:
                self.leaves[mask.bit_length() - 1].predicates.append(term)
            else:
                self.joins.append((mask, term))

    # -- how an input is read

    def _open(self, leaf: Input) -> None:
        """Estimates for one leaf standing alone."""
        leaf.needs = 0
        for relation in {column[0] for column in walk.free_columns(leaf.node)}:
            leaf.needs |= self.masks.get(relation, 0)
        leaf.needs &= ~(1 << self.leaves.index(leaf))
        if isinstance(leaf.node, plan.Scan):
            leaf.access = self.planner.access(leaf.node, leaf.predicates)
            leaf.chosen = self._alone(leaf)
            leaf.rows, leaf.cost = leaf.chosen.rows, leaf.chosen.cost
            leaf.planned = self.planner.hashed(leaf.node, leaf.predicates, leaf.chosen)
            if leaf.planned is not None:
                leaf.access, leaf.cost = None, HASHED_PROBE
            return
        leaf.planned = self.planner.filtered(self.planner.planned(leaf.node), leaf.predicates)
        leaf.rows, leaf.cost = leaf.planned.rows, leaf.planned.cost

    def _alone(self, leaf: Input) -> Candidate:
        assert leaf.access is not None
        best = leaf.access.best(leaf.predicates)
        several = self.planner.through_several(leaf.access, leaf.predicates)
        if several is not None and several.cost < best.cost:
            return several
        return best

    def _ordered_candidate(self, leaf: Input, order: Order, always: bool = False) -> tuple[Candidate, bool]:
        """The cheapest candidate, sorting included; with few rows wanted, an ordered one costs only a share. `always`:
        sorting is nothing to choose."""
        assert leaf.access is not None and leaf.chosen is not None
        wanted = 0.0 if always else self.planner.expected(self.first)
        best, ordered = leaf.chosen, leaf.chosen.single
        best_cost = best.cost + (0.0 if ordered else log_cost(best.rows) + self.planner.join_costs().sort)
        if always and not ordered:
            best_cost = float("inf")
        for candidate in leaf.access.candidates(leaf.predicates):
            reverse = satisfies(leaf.access, candidate, order)
            if reverse is None:
                continue
            share = min(1.0, wanted / max(candidate.rows, 1.0)) if wanted else 1.0
            cost = candidate.cost * share
            if cost < best_cost or (cost == best_cost and not ordered):
                path = msgspec.structs.replace(candidate.path, reverse=reverse)
                best, ordered, best_cost = msgspec.structs.replace(candidate, path=path), True, cost
        return best, ordered

    def _in_key_order(self, place: int, keys: Sequence[plan.Expression]) -> tuple[Candidate, tuple[int, ...]] | None:
        """The cheapest way to read a leaf in ascending order of its keys, and the order of the keys."""
        leaf = self.leaves[place]
        if leaf.access is None or not keys or len(keys) > 3 or leaf.relations & self._semi_needs():
            return None
        best: tuple[Candidate, tuple[int, ...]] | None = None
        for chosen in permutations(range(len(keys))):
            order = tuple(plan.SortKey(keys[at]) for at in chosen)
            candidate, ordered = self._ordered_candidate(leaf, order, always=True)
            if ordered and (best is None or candidate.cost < best[0].cost):
                best = candidate, chosen
        return best

    def inner_candidate(self, place: int, outer: int) -> Candidate | None:
        """The cheapest way to read a leaf through an index, once per row of the leaves in `outer`."""
        leaf = self.leaves[place]
        if leaf.access is None:
            return None
        bit = 1 << place
        joining = [term for mask, term in self.joins if mask & bit and mask & ~bit & outer == mask & ~bit]
        if not joining:
            return None
        return self._through_index(place, joining)

    def _through_index(self, place: int, joining: list[plan.Expression]) -> Candidate | None:
        leaf = self.leaves[place]
        if leaf.access is None or not joining:
            return None
        found = [c for c in leaf.access.candidates([*leaf.predicates, *joining]) if _uses(c, joining)]
        return min(found, key=lambda candidate: candidate.cost) if found else None

    def _scan(self, leaf: Input, candidate: Candidate, first: plan.Expression | int) -> physical.Node:
        assert isinstance(leaf.node, plan.Scan)
        return self.planner.scan_node(leaf.node, leaf.predicates, candidate, first)

    def _leaf_node(self, leaf: Input, first: plan.Expression | int) -> physical.Node:
        if leaf.planned is not None:
            return leaf.planned
        assert leaf.chosen is not None
        return self._scan(leaf, leaf.chosen, first)


def _uses(candidate: Candidate, terms: Sequence[plan.Expression]) -> bool:
    """Whether the path answers one of `terms`."""
    return any(not any(term is f for f in candidate.filters) for term in terms)
