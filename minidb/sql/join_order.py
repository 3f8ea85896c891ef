"""The order of inner joins: dynamic programming over sets of relations, greedy beyond ten.

    leaves and predicates --> the cheapest plan for each connected set of leaves --> a tree of joins

A set is a bit mask; costs and row counts are plain floats, and only the winner becomes plan nodes. The rows of a set do
not depend on the order: the product of its leaves' rows and of the selectivities of all predicates inside it
(Selinger 1979; enumeration of subsets as DPsub in Moerkotte and Neumann 2006, with bushy trees).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import NamedTuple

DP_LIMIT = 10

# microseconds
BUILD = 0.15  # a row put into a hash table
PROBE = 0.08  # a row looked up
OUTPUT = 0.04  # a row made
LOOP = 0.05  # a pair of rows compared

Mask = int


class Predicate(NamedTuple):
    """A join predicate: the leaves it mentions, its selectivity, and whether a hash join can use it."""

    mask: Mask
    selectivity: float
    equality: bool


class Leaf(NamedTuple):
    """needs: leaves that must stand outside (LATERAL). useful: leaves whose columns an index of this one may be asked
    for. inner(mask): the cost of one run of the leaf through an index, as the inner side of a loop over the leaves in
    `mask`; None if no index helps."""

    rows: float
    cost: float
    needs: Mask
    useful: Mask
    inner: Callable[[Mask], float | None]


class Tree(NamedTuple):
    """The plan of a set: a leaf (`left` None), or a join. method: 'hash' (the right side is built), 'index', 'loop'."""

    cost: float
    rows: float
    mask: Mask
    method: str = ""
    left: Tree | None = None
    right: Tree | None = None


class Costs(NamedTuple):
    """What a join method costs more because a setting turned it off."""

    hash: float = 0.0
    loop: float = 0.0


NO_COSTS = Costs()
INFINITE = float("inf")


class Orderer:
    """Finds the order of `leaves`; the predicates' masks say which leaves they tie together."""

    def __init__(self, leaves: Sequence[Leaf], predicates: Sequence[Predicate], costs: Costs = NO_COSTS) -> None:
        self.leaves = leaves
        self.predicates = predicates
        self.costs = costs
        self.lateral = any(leaf.needs for leaf in leaves)
        self._rows: dict[Mask, float] = {}
        self._inner: dict[tuple[int, Mask], float | None] = {}
        self._near: dict[Mask, Mask] = {}  # set -> leaves tied to it by a predicate
        self._equal: dict[Mask, Mask] = {}  # set -> leaves tied to it by an equality of two leaves
        for place in range(len(leaves)):
            self._tie(1 << place)

    def _tie(self, bit: Mask) -> None:
        near = equal = 0
        for predicate in self.predicates:
            if predicate.mask & bit:
                near |= predicate.mask & ~bit
                if predicate.equality:
                    equal |= predicate.mask & ~bit
        needs = self.leaves[bit.bit_length() - 1].needs
        for place, leaf in enumerate(self.leaves):
            if leaf.needs & bit:
                near |= 1 << place
        self._near[bit], self._equal[bit] = near | needs, equal

    def _ties(self, mask: Mask) -> tuple[Mask, Mask]:
        near = self._near.get(mask)
        if near is None:
            low = mask & -mask
            one, other = self._ties(low), self._ties(mask ^ low)
            near = self._near[mask] = one[0] | other[0]
            self._equal[mask] = one[1] | other[1]
        return near, self._equal[mask]

    def best(self) -> Tree:
        """The cheapest tree over all leaves that was found."""
        singles = [Tree(leaf.cost, leaf.rows, 1 << place) for place, leaf in enumerate(self.leaves)]
        if len(singles) == 1:
            return singles[0]
        if len(singles) > DP_LIMIT:
            return self._greedy(singles)
        trees = [self._dynamic(part, singles) for part in self._components()]
        if any(tree is None for tree in trees):
            return self._greedy(singles)
        return self._greedy([tree for tree in trees if tree is not None])

    def _components(self) -> list[Mask]:
        """Sets of leaves that are tied together; between them there are only cross joins."""
        left = (1 << len(self.leaves)) - 1
        found = []
        while left:
            part = left & -left
            while (grown := part | self._ties(part)[0]) != part:
                part = grown
            found.append(part)
            left &= ~part
        return found

    # -- estimates

    def rows(self, mask: Mask) -> float:
        known = self._rows.get(mask)
        if known is None:
            known = 1.0
            for place, leaf in enumerate(self.leaves):
                if mask >> place & 1:
                    known *= leaf.rows
            for predicate in self.predicates:
                if predicate.mask & mask == predicate.mask:
                    known *= predicate.selectivity
            self._rows[mask] = known
        return known

    def _needs(self, mask: Mask) -> Mask:
        """Leaves outside `mask` that leaves inside it need."""
        needed = 0
        if self.lateral:
            for place, leaf in enumerate(self.leaves):
                if mask >> place & 1:
                    needed |= leaf.needs
        return needed & ~mask

    def method(self, left: Mask, right: Mask, left_cost: float, right_cost: float) -> tuple[float, str] | None:
        """(cost, method) of the cheapest join with `left` outside (or probing); None if that is not possible."""
        left_rows, right_rows = self.rows(left), self.rows(right)
        output = self.rows(left | right) * OUTPUT
        lateral = False
        if self.lateral:
            if self._needs(left) & right:
                return None
            lateral = bool(self._needs(right))
        cost, method = INFINITE, ""
        if self._ties(left)[1] & right and not lateral:
            cost = left_cost + right_cost + right_rows * BUILD + left_rows * PROBE + output + self.costs.hash
            method = "hash"
        if right & (right - 1) == 0:
            inner = self._run_inner(right, left)
            if inner is not None:
                indexed = left_cost + left_rows * inner + output + self.costs.loop
                if indexed < cost:
                    cost, method = indexed, "index"
        if not method or self.costs.hash:
            run = right_cost if lateral else right_rows * LOOP
            looped = left_cost + right_cost + left_rows * run + output + self.costs.loop
            if looped < cost:
                cost, method = looped, "lateral" if lateral else "loop"
        return cost, method

    def join(self, left: Tree, right: Tree) -> Tree | None:
        found = self.method(left.mask, right.mask, left.cost, right.cost)
        if found is None:
            return None
        mask = left.mask | right.mask
        return Tree(found[0], self.rows(mask), mask, found[1], left, right)

    def _run_inner(self, leaf: Mask, outer: Mask) -> float | None:
        """The cost of one run of a leaf through an index, given the leaves outside; None without one."""
        place = leaf.bit_length() - 1
        relevant = outer & self.leaves[place].useful
        if not relevant:
            return None
        key = place, relevant
        if key not in self._inner:
            self._inner[key] = self.leaves[place].inner(relevant)
        return self._inner[key]

    # -- enumeration

    def _dynamic(self, whole: Mask, singles: list[Tree]) -> Tree | None:
        """The cheapest tree over a component: every connected set from every split into connected sets."""
        costs: dict[Mask, float] = {tree.mask: tree.cost for tree in singles if tree.mask & whole}
        choices: dict[Mask, tuple[str, Mask]] = {}
        members = [tree.mask for tree in singles if tree.mask & whole]
        for member in members:
            self.rows(member)
        for size in range(2, len(members) + 1):
            for chosen in combinations(members, size):
                self._best_split(sum(chosen), costs, choices)
        if whole not in costs:
            return None
        return self._tree(whole, costs, choices, singles)

    def _best_split(self, mask: Mask, costs: dict[Mask, float], choices: dict[Mask, tuple[str, Mask]]) -> None:
        near = self._near
        self._ties(mask)
        best = INFINITE
        choice: tuple[str, Mask] | None = None
        decide = self.method if self.lateral or self.costs != NO_COSTS else self._plain_method
        part = (mask - 1) & mask
        while part:
            left = costs.get(part)
            if left is not None and left < best and near[part] & (mask ^ part):
                right = costs.get(mask ^ part)
                if right is not None:
                    found = decide(part, mask ^ part, left, right)
                    if found is not None and found[0] < best:
                        best, choice = found[0], (found[1], part)
            part = (part - 1) & mask
        if choice is not None:
            costs[mask] = best
            choices[mask] = choice

    def _plain_method(self, left: Mask, right: Mask, left_cost: float, right_cost: float) -> tuple[float, str] | None:
        """`method` where nothing is lateral or turned off, for the inner loop of the enumeration."""
        rows = self._rows
        left_rows, right_rows = rows[left], rows[right]
        if self._equal[left] & right:
            cost = left_cost + right_cost + right_rows * BUILD + left_rows * PROBE
            method = "hash"
        else:
            cost = left_cost + right_cost + left_rows * right_rows * LOOP
            method = "loop"
        if right & (right - 1) == 0:
            inner = self._run_inner(right, left)
            if inner is not None and left_cost + left_rows * inner < cost:
                cost, method = left_cost + left_rows * inner, "index"
        return cost + self.rows(left | right) * OUTPUT, method

    def _tree(
        self, mask: Mask, costs: dict[Mask, float], choices: dict[Mask, tuple[str, Mask]], singles: list[Tree]
    ) -> Tree:
        choice = choices.get(mask)
        if choice is None:
            return singles[mask.bit_length() - 1]
        method, part = choice
        left = self._tree(part, costs, choices, singles)
        right = self._tree(mask ^ part, costs, choices, singles)
        return Tree(costs[mask], self.rows(mask), mask, method, left, right)

    def _greedy(self, trees: list[Tree]) -> Tree:
        """Joins the pair with the fewest rows, preferring connected pairs, until one tree is left."""
        pairs: dict[tuple[Mask, Mask], tuple[bool, Tree | None]] = {}
        while len(trees) > 1:
            best: tuple[bool, float, float, Tree, Tree, Tree] | None = None
            for one in trees:
                for other in trees:
                    if one is other:
                        continue
                    key = one.mask, other.mask
                    if key not in pairs:
                        pairs[key] = not self._ties(one.mask)[0] & other.mask, self.join(one, other)
                    apart, tree = pairs[key]
                    if tree is None:
                        continue
                    rank = (apart, tree.rows, tree.cost)
                    if best is None or rank < best[:3]:
                        best = (*rank, tree, one, other)
            assert best is not None
            trees = [tree for tree in trees if tree is not best[4] and tree is not best[5]]
            trees.append(best[3])
        return trees[0]
