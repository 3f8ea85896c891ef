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
    """`needs`: leaves that must stand outside (LATERAL). `inner(mask)`: (cost, rows) of one run of the leaf as the
    inner side of a loop over the leaves in `mask`, through an index; None if it has none."""

    rows: float
    cost: float
    needs: Mask
    inner: Callable[[Mask], tuple[float, float] | None]


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


class Orderer:
    def __init__(self, leaves: Sequence[Leaf], predicates: Sequence[Predicate], costs: Costs = Costs()) -> None:  # noqa: B008
        self.leaves = leaves
        self.predicates = predicates
        self.costs = costs
        self._rows: dict[Mask, float] = {}
        self._inner: dict[tuple[int, Mask], tuple[float, float] | None] = {}

    def best(self) -> Tree:
        """The cheapest tree over all leaves that was found."""
        singles = [Tree(leaf.cost, leaf.rows, 1 << place) for place, leaf in enumerate(self.leaves)]
        if len(singles) == 1:
            return singles[0]
        if len(singles) <= DP_LIMIT:
            found = self._dynamic(singles)
            if found is not None:
                return found
        return self._greedy(singles)

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

    def _connected(self, left: Mask, right: Mask) -> tuple[bool, bool]:
        """(whether a predicate joins the two sides, whether one of them is an equality)."""
        both = left | right
        joined = False
        for predicate in self.predicates:
            mask = predicate.mask
            if mask & both == mask and mask & left and mask & right:
                joined = True
                if predicate.equality:
                    return True, True
        return joined, False

    def _needs(self, mask: Mask) -> Mask:
        """Leaves outside `mask` that leaves inside it need."""
        needed = 0
        for place, leaf in enumerate(self.leaves):
            if mask >> place & 1:
                needed |= leaf.needs
        return needed & ~mask

    def join(self, left: Tree, right: Tree, connected: tuple[bool, bool] | None = None) -> Tree | None:
        """The cheapest join with `left` outside (or probing); None if that is not possible."""
        if left.mask & self._needs(right.mask) and self._needs(left.mask) & right.mask:
            return None
        if self._needs(left.mask) & right.mask:
            return None
        mask = left.mask | right.mask
        rows = self.rows(mask)
        lateral = bool(self._needs(right.mask))
        _, equality = connected if connected is not None else self._connected(left.mask, right.mask)
        best: Tree | None = None
        output = rows * OUTPUT
        if equality and not lateral:
            cost = left.cost + right.cost + right.rows * BUILD + left.rows * PROBE + output + self.costs.hash
            best = Tree(cost, rows, mask, "hash", left, right)
        if right.left is None:
            inner = self._run_inner(right.mask, left.mask)
            if inner is not None:
                cost = left.cost + left.rows * inner[0] + output + self.costs.loop
                if best is None or cost < best.cost:
                    best = Tree(cost, rows, mask, "index", left, right)
        if best is None or self.costs.hash:
            run = right.rows * LOOP if not lateral else right.cost
            cost = left.cost + right.cost + left.rows * run + output + self.costs.loop
            if best is None or cost < best.cost:
                best = Tree(cost, rows, mask, "lateral" if lateral else "loop", left, right)
        return best

    def _run_inner(self, leaf: Mask, outer: Mask) -> tuple[float, float] | None:
        place = leaf.bit_length() - 1
        relevant = 0
        for predicate in self.predicates:
            if predicate.mask & leaf and predicate.mask & ~leaf & outer == predicate.mask & ~leaf:
                relevant |= predicate.mask & ~leaf
        relevant |= self.leaves[place].needs & outer
        key = place, relevant
        if key not in self._inner:
            self._inner[key] = self.leaves[place].inner(relevant) if relevant else None
        return self._inner[key]

    # -- enumeration

    def _dynamic(self, singles: list[Tree]) -> Tree | None:
        best: dict[Mask, Tree] = {tree.mask: tree for tree in singles}
        count = len(singles)
        for size in range(2, count + 1):
            for members in combinations(range(count), size):
                mask = sum(1 << member for member in members)
                found = self._best_split(mask, best, connected_only=True)
                if found is None and (size == count or not self._linked_outside(mask)):
                    found = self._best_split(mask, best, connected_only=False)
                if found is not None:
                    best[mask] = found
        return best.get((1 << count) - 1)

    def _linked_outside(self, mask: Mask) -> bool:
        """Whether a predicate or a need ties this set to other leaves: then it need not be built by cross joins."""
        return any(p.mask & mask and p.mask & ~mask for p in self.predicates) or bool(self._needs(mask))

    def _best_split(self, mask: Mask, best: dict[Mask, Tree], connected_only: bool) -> Tree | None:
        found: Tree | None = None
        part = (mask - 1) & mask
        while part:
            left, right = best.get(part), best.get(mask ^ part)
            if left is not None and right is not None:
                connected = self._connected(part, mask ^ part)
                if connected[0] or not connected_only or self.leaves_need(right.mask, part):
                    tree = self.join(left, right, connected)
                    if tree is not None and (found is None or tree.cost < found.cost):
                        found = tree
            part = (part - 1) & mask
        return found

    def leaves_need(self, mask: Mask, outer: Mask) -> bool:
        return bool(self._needs(mask) & outer)

    def _greedy(self, trees: list[Tree]) -> Tree:
        """Joins the pair with the fewest rows, preferring connected pairs, until one tree is left."""
        trees = list(trees)
        pairs: dict[tuple[Mask, Mask], tuple[tuple[bool, bool], Tree | None]] = {}
        while len(trees) > 1:
            best: tuple[bool, float, float, Tree, Tree, Tree] | None = None
            for one in trees:
                for other in trees:
                    if one is other:
                        continue
                    known = pairs.get((one.mask, other.mask))
                    if known is None:
                        connected = self._connected(one.mask, other.mask)
                        known = connected, self.join(one, other, connected)
                        pairs[one.mask, other.mask] = known
                    connected, tree = known
                    if tree is None:
                        continue
                    rank = (not connected[0], tree.rows, tree.cost)
                    if best is None or rank < best[:3]:
                        best = (*rank, tree, one, other)
            assert best is not None
            trees = [tree for tree in trees if tree is not best[4] and tree is not best[5]]
            trees.append(best[3])
        return trees[0]
