"""The order of inner joins: dynamic programming over sets of relations, greedy beyond ten.

    leaves and predicates --> the cheapest plan for each connected set of leaves --> a tree of joins

A set is a bit mask; costs and row counts are plain floats, and only the winner becomes plan nodes. The rows of a set do
not depend on the order: the product of its leaves' rows and of the selectivities of all predicates inside it
(Selinger 1979; enumeration of subsets as DPsub in Moerkotte and Neumann 2006, with bushy trees).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import msgspec

from minidb.sql.ordering import log_cost

DP_LIMIT = 10

# microseconds
BUILD = 0.15  # a row put into a hash table
PROBE = 0.08  # a row looked up
OUTPUT = 0.04  # a row made
LOOP = 0.05  # a pair of rows compared
MERGE = 0.5  # a row of either side of a merge
SPILL = 1.5  # a row written to a file and read again

Mask = int


class Predicate(msgspec.Struct, frozen=True):
    """A join predicate: the leaves it mentions, its selectivity, and whether a hash join can use it."""

    mask: Mask
    selectivity: float
    equality: bool


class Leaf(msgspec.Struct, frozen=True):
    """needs: leaves that must stand outside (LATERAL). useful: leaves whose columns an index of this one may be asked
    for. inner(mask): the cost of one run of the leaf through an index, as the inner side of a loop over the leaves in
    `mask`; None if no index helps. ordered(mask): the cost of reading the leaf in the order of the columns that join it
    with `mask`, where an index has it."""

    rows: float
    cost: float
    needs: Mask
    useful: Mask
    inner: Callable[[Mask], float | None]
    ordered: Callable[[Mask], float | None] = lambda mask: None


class Tree(msgspec.Struct, frozen=True):
    """The plan of a set: a leaf (`left` None), or a join. method: 'hash' (the right side is built), 'merge', 'index',
    'loop'."""

    cost: float
    rows: float
    mask: Mask
    method: str = ""
    left: Tree | None = None
    right: Tree | None = None


class Costs(msgspec.Struct, frozen=True):
    """What a method costs more because a setting turned it off, and from how many rows on a hash table spills."""

    hash: float = 0.0
    loop: float = 0.0
    merge: float = 0.0
    sort: float = 0.0
    material: float = 0.0
    rows_in_memory: float = float("inf")

    @property
    def free(self) -> bool:
        """Whether nothing is turned off."""
        return not (self.hash or self.loop or self.merge or self.sort or self.material)


NO_COSTS = Costs()
INFINITE = float("inf")


class Orderer:
    """Finds the order of `leaves`; the predicates' masks say which leaves they tie together."""

    def __init__(self, leaves: Sequence[Leaf], predicates: Sequence[Predicate], costs: Costs = NO_COSTS) -> None:
        self.leaves = leaves
        self.predicates = predicates
        self.costs = costs
        self.lateral = any(leaf.needs for leaf in leaves)
        largest = max((leaf.rows for leaf in leaves), default=0.0)
        self.plain = not self.lateral and costs.free and largest < costs.rows_in_memory
        self._rows: dict[Mask, float] = {}
        self._inner: dict[tuple[int, Mask], float | None] = {}
        self._near: dict[Mask, Mask] = {}  # set -> leaves tied to it by a predicate
        self._equal: dict[Mask, Mask] = {}  # set -> leaves tied to it by an equality of two leaves
        self._shares: dict[Mask, list[tuple[Mask, float]]] = {}  # leaf -> predicates of which it is the lowest leaf
        for place in range(len(leaves)):
            self._tie(1 << place)
            self._shares[1 << place] = [
                (p.mask, p.selectivity) for p in predicates if p.mask >> place & 1 and p.mask & ((1 << place) - 1) == 0
            ]

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
            low = mask & -mask
            rest = mask ^ low
            known = self.leaves[low.bit_length() - 1].rows * (self.rows(rest) if rest else 1.0)
            for tied, share in self._shares[low]:
                if tied & mask == tied:
                    known *= share
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
            large = right_rows > self.costs.rows_in_memory
            if large:
                cost += (left_rows + right_rows) * SPILL
            if large or self.costs.hash:
                merged = self._merge_cost(left, right, left_cost, right_cost) + output
                if merged < cost:
                    cost, method = merged, "merge"
        if right & (right - 1) == 0:
            inner = self._run_inner(right, left)
            if inner is not None:
                indexed = left_cost + left_rows * inner + output + self.costs.loop
                if indexed < cost:
                    cost, method = indexed, "index"
        if not method or self.costs.hash:
            run = right_cost if lateral else right_rows * LOOP
            looped = left_cost + right_cost + left_rows * run + output + self.costs.loop
            looped += 0.0 if lateral else self.costs.material
            if looped < cost:
                cost, method = looped, "lateral" if lateral else "loop"
        return cost, method

    def join(self, left: Tree, right: Tree) -> Tree | None:
        found = self.method(left.mask, right.mask, left.cost, right.cost)
        if found is None:
            return None
        mask = left.mask | right.mask
        return Tree(found[0], self.rows(mask), mask, found[1], left, right)

    def _merge_cost(self, left: Mask, right: Mask, left_cost: float, right_cost: float) -> float:
        """The cost of sorting both sides, where no index does, and merging them."""
        cost = (self.rows(left) + self.rows(right)) * MERGE + self.costs.merge
        for side, other, plain in ((left, right, left_cost), (right, left, right_cost)):
            ordered = None
            if side & (side - 1) == 0:
                ordered = self.leaves[side.bit_length() - 1].ordered(other)
            cost += plain + log_cost(self.rows(side)) + self.costs.sort if ordered is None else ordered
        return cost

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
        costs = [INFINITE] * (1 << len(self.leaves))
        choices: dict[Mask, tuple[str, Mask]] = {}
        members = [tree.mask for tree in singles if tree.mask & whole]
        for member in members:
            costs[member] = singles[member.bit_length() - 1].cost
            self.rows(member)
        split = self._best_plain_split if self.plain else self._best_split
        for size in range(2, len(members) + 1):
            for chosen in combinations(members, size):
                split(sum(chosen), costs, choices)
        if costs[whole] == INFINITE:
            return None
        return self._tree(whole, costs, choices, singles)

    def _best_split(self, mask: Mask, costs: list[float], choices: dict[Mask, tuple[str, Mask]]) -> None:
        near = self._near
        self._ties(mask)
        part = (mask - 1) & mask
        while part:
            rest = mask ^ part
            left, right = costs[part], costs[rest]
            if left < costs[mask] and right < INFINITE and near[part] & rest:
                found = self.method(part, rest, left, right)
                if found is not None and found[0] < costs[mask]:
                    costs[mask] = found[0]
                    choices[mask] = found[1], part
            part = (part - 1) & mask

    def _best_plain_split(self, mask: Mask, costs: list[float], choices: dict[Mask, tuple[str, Mask]]) -> None:
        """The same where nothing is lateral or turned off: this is where planning spends its time. What reads a leaf
        through an index comes first, then every pair of sets once, for both sides to build from, unless what it costs
        to make them is too much already."""
        near, equal, rows = self._near, self._equal, self._rows
        self._ties(mask)
        output = self.rows(mask) * OUTPUT
        best, choice = self._best_index(mask, costs)
        rest = mask & (mask - 1)
        part = rest
        while part:
            other = mask ^ part
            cost = costs[part] + costs[other]
            if cost < best and near[part] & other:
                one, two = rows[part], rows[other]
                left, method = part, "hash"
                if not equal[part] & other:
                    cost, method = cost + one * two * LOOP, "loop"
                elif two <= one:
                    cost += two * BUILD + one * PROBE
                else:
                    cost += one * BUILD + two * PROBE
                    left = other
                if cost < best:
                    best, choice = cost, (method, left)
            part = (part - 1) & rest
        if choice is not None:
            costs[mask] = best + output
            choices[mask] = choice

    def _best_index(self, mask: Mask, costs: list[float]) -> tuple[float, tuple[str, Mask] | None]:
        """The cheapest loop over one leaf's index."""
        best: float = INFINITE
        choice: tuple[str, Mask] | None = None
        leaves = mask
        while leaves:
            leaf = leaves & -leaves
            leaves ^= leaf
            outer = mask ^ leaf
            cost = costs[outer]
            if cost < best:
                inner = self._run_inner(leaf, outer)
                if inner is not None:
                    cost += self._rows[outer] * inner
                    if cost < best:
                        best, choice = cost, ("index", outer)
        return best, choice

    def _tree(self, mask: Mask, costs: list[float], choices: dict[Mask, tuple[str, Mask]], singles: list[Tree]) -> Tree:
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
