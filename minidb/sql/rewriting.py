"""Applies the rules to a bound statement, and notes between them what locked rows must meet again (R36)."""

from __future__ import annotations

from collections.abc import Iterable

from minidb.sql import plan
from minidb.sql.rules import CONCERNS, RULES, STRUCTURAL, Rule, walk

Rechecks = dict[int, list[plan.Expression]]
CHANGING = frozenset({plan.Update, plan.Delete, plan.Merge, plan.LockRows})


def rewrite(root: plan.Plan) -> tuple[plan.Plan, Rechecks]:
    """(the rewritten plan, by relation the predicates to ask again of its newest versions)."""
    root = applied(STRUCTURAL, root)
    rechecks = gather_rechecks(root)
    return applied(RULES, root), rechecks


def applied(rules: Iterable[Rule], root: plan.Plan) -> plan.Plan:
    """`root` after those of the rules that concern it."""
    seen: plan.Plan | None = None
    kinds: set[type] = set()
    for rule in rules:
        if root is not seen:
            seen, kinds = root, walk.kinds(root)
        if not kinds.isdisjoint(CONCERNS[rule]):
            root = rule(root)
    return root


def fired(root: plan.Plan) -> list[str]:
    """The names of the rules that change `root`, in their order, for EXPLAIN."""
    found = []
    for rule in (*STRUCTURAL, *RULES):
        changed = rule(root)
        if changed is not root and changed != root:
            found.append(rule.__name__.replace("_", " "))
        root = changed
    return found


def gather_rechecks(root: plan.Plan) -> Rechecks:
    found: Rechecks = {}
    for node in walk.everything(root):
        if type(node) not in CHANGING:
            continue
        if isinstance(node, plan.Update | plan.Delete):
            found[node.relation] = inner_predicates(node.input)
        elif isinstance(node, plan.Merge):
            found[node.relation] = walk.conjuncts(node.on)
        elif isinstance(node, plan.LockRows):
            predicates = inner_predicates(node.input)
            for locked in node.locked:
                found[locked.relation] = predicates
    return found


def inner_predicates(root: plan.Plan) -> list[plan.Expression]:
    """The terms of filters and inner joins that every row of `root` meets; what outer joins ask is left aside."""
    found: list[plan.Expression] = []
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, plan.Filter):
            found += walk.conjuncts(node.predicate)
            stack.append(node.input)
        elif isinstance(node, plan.Join):
            if node.kind == "inner":
                found += walk.conjuncts(node.condition)
                stack += [node.left, node.right]
            elif node.kind == "left":
                stack.append(node.left)
            elif node.kind == "right":
                stack.append(node.right)
        elif isinstance(node, plan.Sort | plan.Project | plan.Limit | plan.Distinct):
            stack.append(node.input)
    return found
