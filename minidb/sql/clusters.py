"""Inner joins and filters taken apart: leaves, predicates, and the plan put together again in the best order.

A cluster is a maximal tree of inner joins and filters, with semi and anti joins over it. Predicates are asked as soon
as all that they mention is there. A semi join on equalities may become an inner join with the distinct rows of its
right side, which then takes part in the ordering; the others are applied where they first can be, or above all joins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import TYPE_CHECKING, Any

import msgspec

from minidb.sql import physical, plan, selectivity
from minidb.sql.access_paths import Access, Candidate
from minidb.sql.equalities import with_equal_constants
from minidb.sql.group_access import group_access, is_grouped
from minidb.sql.join_order import Leaf, Orderer, Predicate, Tree
from minidb.sql.joining import Sides, covers_unique, join_semi, split_condition
from minidb.sql.ordering import Order, log_cost, satisfies
from minidb.sql.rules import walk
from minidb.sql.rules.pushdown import push
from minidb.sql.semi_places import places

if TYPE_CHECKING:
    from minidb.sql.planner import Planner

HASHED_PROBE = 0.3  # microseconds: probing the hash table that a correlated subquery keeps


class _Leaf:
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


class Cluster:
    def __init__(self, planner: Planner, root: plan.Plan, first: plan.Expression | int = 0) -> None:
        self.planner = planner
        self.first = first
        self.leaves: list[_Leaf] = []
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
                self.leaves.append(_Leaf(node))

    def _distinct_leaves(self) -> None:
        """Semi joins on equalities with few rows become inner joins with distinct rows."""
        for semi in list(self.semis):
            leaf = self.planner.distinct_side(semi, [leaf.node for leaf in self.leaves])
            if leaf is not None:
                self.leaves.append(_Leaf(leaf[0]))
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

    def _place_terms(self) -> None:
        for term in self.terms:
            mask = self.mask(term)
            if mask == 0:
                self.outside.append(term)
            elif mask & (mask - 1) == 0:
                self.leaves[mask.bit_length() - 1].predicates.append(term)
            else:
                self.joins.append((mask, term))

    def _open(self, leaf: _Leaf) -> None:
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

    def _alone(self, leaf: _Leaf) -> Candidate:
        assert leaf.access is not None
        best = leaf.access.best(leaf.predicates)
        several = self.planner.through_several(leaf.access, leaf.predicates)
        if several is not None and several.cost < best.cost:
            return several
        return best

    # -- putting together

    def arranged(self, order: Order = ()) -> tuple[physical.Node, bool]:
        """(the plan, whether its rows come in `order`)."""
        if not self.leaves:
            return self._on_top(self.planner.filtered(physical.SingleRow(), ()), 0), True
        if len(self.leaves) == 1:
            node, ordered = self._single(self.leaves[0], order)
            node = self._apply_semis(node, 1, 0)
            return self._on_top(node, 1), ordered and (not order or self._keeps_order(node))
        orderer = self._orderer()
        tree = orderer.best()
        if self.semis:
            self.places = places(self.planner, self.semis, self.places, tree)
        if order:
            alternative = self._driven_by(orderer, order, tree)
            if alternative is not None:
                return alternative, True
        return self._on_top(self._build(tree, self.first), tree.mask), not order

    def _on_top(self, node: physical.Node, mask: int) -> physical.Node:
        """Terms that mention nothing of the cluster stand before all loops."""
        if not self.outside:
            return node
        gate = physical.Filter(input=physical.SingleRow(), predicates=tuple(self.outside))
        if isinstance(node, physical.SingleRow):
            return gate
        return physical.NestedLoop(kind="inner", outer=gate, inner=node, rows=node.rows, cost=node.cost)

    def _single(self, leaf: _Leaf, order: Order) -> tuple[physical.Node, bool]:
        if leaf.access is None:
            return self._leaf_node(leaf, self.first), not order
        assert leaf.chosen is not None
        if not order:
            return self._scan(leaf, leaf.chosen, self.first), True
        candidate, ordered = self._ordered_candidate(leaf, order)
        if candidate.path.paths:
            return self._scan(leaf, candidate, 0), False
        return self._scan(leaf, candidate, self.first if ordered else 0), ordered

    def _ordered_candidate(self, leaf: _Leaf, order: Order, always: bool = False) -> tuple[Candidate, bool]:
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

    def _scan(self, leaf: _Leaf, candidate: Candidate, first: plan.Expression | int) -> physical.Node:
        assert isinstance(leaf.node, plan.Scan)
        return self.planner.scan_node(leaf.node, leaf.predicates, candidate, first)

    def _leaf_node(self, leaf: _Leaf, first: plan.Expression | int) -> physical.Node:
        if leaf.planned is not None:
            return leaf.planned
        assert leaf.chosen is not None
        return self._scan(leaf, leaf.chosen, first)

    # -- ordering

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

    def _semi_needs(self) -> set[int]:
        return {relation for semi in self.semis for relation in walk.relations((semi.condition, semi.right))}

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

    # -- building

    def _build(self, tree: Tree, first: plan.Expression | int) -> physical.Node:
        if tree.left is None or tree.right is None:
            leaf = self.leaves[tree.mask.bit_length() - 1]
            return self._apply_semis(self._leaf_node(leaf, first), tree.mask, 0)
        terms = [t for m, t in self.joins if m & tree.mask == m and m & tree.left.mask and m & tree.right.mask]
        if tree.method == "merge":
            node = self._merge_join(tree, tree.left, tree.right, terms)
            return self._apply_semis(node, tree.mask, tree.left.mask, tree.right.mask)
        left = self._build(tree.left, first)
        node = self._join(tree, left, terms)
        if tree.method == "index":  # what is read through the index has not met its own semi joins yet
            return self._apply_semis(node, tree.mask, tree.left.mask)
        return self._apply_semis(node, tree.mask, tree.left.mask, tree.right.mask)

    def _join(self, tree: Tree, left: physical.Node, terms: list[plan.Expression]) -> physical.Node:
        assert tree.left is not None and tree.right is not None
        place = tree.right.mask.bit_length() - 1
        if tree.method == "index" and is_grouped(self.leaves[place].node):
            keys = [term for others, term in self._key_terms(place) if others & ~tree.left.mask == 0]
            return self._group_loop(tree, left, self.leaves[place], keys, terms)
        if tree.method == "index":
            candidate = self.inner_candidate(place, tree.left.mask)
            assert candidate is not None
            leaf = self.leaves[place]
            assert isinstance(leaf.node, plan.Scan)
            inner = self.planner.scan_node(leaf.node, [*leaf.predicates, *terms], candidate, 0)
            return physical.NestedLoop(kind="inner", outer=left, inner=inner, rows=tree.rows, cost=tree.cost)
        right = self._build(tree.right, 0)
        if tree.method == "hash":
            sides = split_condition(terms, self._inside(tree.left.mask), self._inside(tree.right.mask))
            return self._hash_join(tree, left, right, sides)
        return physical.NestedLoop(
            kind="inner",
            outer=left,
            inner=right,
            predicates=tuple(terms),
            materialized=tree.method == "loop" and not self.planner.join_costs().material,
            rows=tree.rows,
            cost=tree.cost,
        )

    def _group_loop(
        self, tree: Tree, left: physical.Node, leaf: _Leaf, keys: list[plan.Expression], terms: list[plan.Expression]
    ) -> physical.Node:
        """The groups of one key are made for each row outside."""
        inner = self.planner.filtered(self.planner.planned(push(leaf.node, keys)), leaf.predicates)
        rest = tuple(term for term in terms if not any(term is key for key in keys))
        return physical.NestedLoop(
            kind="inner", outer=left, inner=inner, predicates=rest, rows=tree.rows, cost=tree.cost
        )

    def _inside(self, mask: int) -> Callable[[plan.Expression], bool]:
        return lambda expression: bool(self.mask(expression)) and self.mask(expression) & ~mask == 0

    def _hash_join(self, tree: Tree, left: physical.Node, right: physical.Node, sides: Sides) -> physical.Node:
        return physical.HashJoin(
            kind="inner",
            probe=left,
            build=right,
            probe_keys=tuple(sides.left),
            build_keys=tuple(sides.right),
            predicates=tuple(sides.rest),
            unique=covers_unique(right, sides.right),
            rows=tree.rows,
            cost=tree.cost,
        )

    def _merge_join(self, tree: Tree, left: Tree, right: Tree, terms: list[plan.Expression]) -> physical.Node:
        """Both sides in the order of their keys: by an index that has it, or sorted."""
        sides = split_condition(terms, self._inside(left.mask), self._inside(right.mask))
        chosen = tuple(range(len(sides.left)))
        for side, keys in ((left, sides.left), (right, sides.right)):
            found = self._in_key_order(side.mask.bit_length() - 1, keys) if side.left is None else None
            if found is not None:
                chosen = found[1]
                break
        left_keys = tuple(sides.left[at] for at in chosen)
        right_keys = tuple(sides.right[at] for at in chosen)
        return physical.MergeJoin(
            kind="inner",
            left=self._in_order(left, left_keys),
            right=self._in_order(right, right_keys),
            left_keys=left_keys,
            right_keys=right_keys,
            predicates=tuple(sides.rest),
            rows=tree.rows,
            cost=tree.cost,
        )

    def _in_order(self, tree: Tree, keys: tuple[plan.Expression, ...]) -> physical.Node:
        order = tuple(plan.SortKey(key) for key in keys)
        if tree.left is None:
            leaf = self.leaves[tree.mask.bit_length() - 1]
            if leaf.access is not None and not leaf.relations & self._semi_needs():
                candidate, ordered = self._ordered_candidate(leaf, order, always=True)
                if ordered:
                    return self._scan(leaf, candidate, 0)
        return self.planner.sorted(self._build(tree, 0), order)

    def _apply_semis(self, node: physical.Node, mask: int, *parts: int) -> physical.Node:
        """Semi and anti joins that have all they need in `mask`, and had not in one of its parts."""
        for semi, needed in zip(reversed(self.semis), reversed(self.places)):
            if needed & ~mask or any(part and needed & ~part == 0 and needed for part in parts):
                continue
            if needed == 0 and mask != (1 << len(self.leaves)) - 1:
                continue
            node = join_semi(self.planner, semi, node)
        return node

    # -- an order from the driving table

    def _driven_by(self, orderer: Orderer, order: Order, best: Tree) -> physical.Node | None:
        """A left-deep plan whose first table delivers the order, if that is cheaper than sorting."""
        mask = self.mask(tuple(key.expression for key in order))
        if mask == 0 or mask & (mask - 1):
            return None
        leaf = self.leaves[mask.bit_length() - 1]
        if leaf.access is None or leaf.needs:
            return None
        candidate, ordered = self._ordered_candidate(leaf, order)
        if not ordered:
            return None
        tree: Tree | None = Tree(candidate.cost, candidate.rows, mask)
        rest = [place for place in range(len(self.leaves)) if not mask >> place & 1]
        while rest and tree is not None:
            options = [
                (joined, place)
                for place in rest
                if (joined := orderer.join(tree, Tree(self.leaves[place].cost, self.leaves[place].rows, 1 << place)))
            ]
            if not options:
                return None
            tree, place = min(options, key=lambda option: option[0].cost)
            rest.remove(place)
        assert tree is not None
        wanted = self.planner.expected(self.first)
        share = min(1.0, wanted / max(tree.rows, 1.0)) if wanted else 1.0
        if tree.cost * share >= best.cost + log_cost(best.rows):
            return None
        leaf.chosen, before = candidate, leaf.chosen
        node = self._build(tree, self.first)
        if not self._keeps_order(node):
            leaf.chosen = before
            return None
        return self._on_top(node, tree.mask)

    def _keeps_order(self, node: physical.Node) -> bool:
        """Whether rows come in the order of the table that drives the joins: not out of a merge, which has its own, nor
        out of a hash join that may be cut into partitions."""
        while True:
            if isinstance(node, physical.Filter):
                node = node.input
            elif isinstance(node, physical.NestedLoop):
                node = node.outer
            elif isinstance(node, physical.HashJoin):
                if self.planner.spilling:
                    return False
                node = node.probe
            else:
                return not isinstance(node, physical.MergeJoin)


def _sides(term: plan.Expression) -> Sequence[plan.Expression]:
    return term.arguments if isinstance(term, plan.Operator) else ()


def _asked_columns(term: plan.Expression, access: Access) -> set[walk.ColumnKey]:
    """The indexed columns that an index might be asked for by `term`. A comparison asks only for what stands alone on
    one of its sides, unless there are indexes of expressions."""
    parts: Any = term
    if isinstance(term, plan.Operator) and not access.expressions:
        parts = tuple(side for side in map(walk.strip_relabel, term.arguments) if isinstance(side, plan.Column))
    return {column for column in walk.columns(parts) if access.is_indexed(column)}


def _uses(candidate: Candidate, terms: Sequence[plan.Expression]) -> bool:
    """Whether the path answers one of `terms`."""
    return any(not any(term is f for f in candidate.filters) for term in terms)
