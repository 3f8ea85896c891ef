"""Clusters of inner joins and filters, put together again in the best order.

Taken apart they are by `cluster_inputs`, ordered by `join_order` with what `cluster_choices` tells it. Predicates are
asked as soon as all that they mention is there. Semi and anti joins that have not become inputs are applied where they
first can be, or above all joins.
"""

from __future__ import annotations

from minidb.sql import physical, plan
from minidb.sql.cluster_choices import ClusterChoices
from minidb.sql.cluster_inputs import Input
from minidb.sql.group_access import is_grouped
from minidb.sql.join_order import Orderer, Tree
from minidb.sql.joining import Sides, covers_unique, join_semi, split_condition
from minidb.sql.ordering import Order, log_cost
from minidb.sql.rules.pushdown import push
from minidb.sql.semi_places import places


class Cluster(ClusterChoices):
    """A cluster on its way from the logical plan to the physical one."""

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

    def _single(self, leaf: Input, order: Order) -> tuple[physical.Node, bool]:
        if leaf.access is None:
            return self._leaf_node(leaf, self.first), not order
        assert leaf.chosen is not None
        if not order:
            return self._scan(leaf, leaf.chosen, self.first), True
        candidate, ordered = self._ordered_candidate(leaf, order)
        if candidate.path.paths:
            return self._scan(leaf, candidate, 0), False
        return self._scan(leaf, candidate, self.first if ordered else 0), ordered

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
        self, tree: Tree, left: physical.Node, leaf: Input, keys: list[plan.Expression], terms: list[plan.Expression]
    ) -> physical.Node:
        """The groups of one key are made for each row outside."""
        inner = self.planner.filtered(self.planner.planned(push(leaf.node, keys)), leaf.predicates)
        rest = tuple(term for term in terms if not any(term is key for key in keys))
        return physical.NestedLoop(
            kind="inner", outer=left, inner=inner, predicates=rest, rows=tree.rows, cost=tree.cost
        )

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
