"""Rewrites of the bound plan, in the order in which they are applied.

Each rule is a function from plan to plan that keeps the result as it is; `STRUCTURAL` and `RULES` are all of them. The
structural ones come first: behind them `rewriting` notes what FOR UPDATE, UPDATE and DELETE must ask again of a changed
row (R36), before subqueries turn into joins.

Most statements are small, and most rules are about what they do not have: `CONCERNS` says which kinds of nodes a rule
looks for, so that it is not asked where there is none of them. That is a quarter of what a first execution takes.
"""

from __future__ import annotations

from collections.abc import Callable

from minidb.sql import plan
from minidb.sql.rules.dates import compare_dates
from minidb.sql.rules.decorrelate import decorrelate
from minidb.sql.rules.folding import FOLDED, fold_constants
from minidb.sql.rules.outer_joins import simplify_outer_joins
from minidb.sql.rules.pushdown import push_predicates
from minidb.sql.rules.unused_sides import drop_unused_sides

Rule = Callable[[plan.Plan], plan.Plan]

STRUCTURAL: tuple[Rule, ...] = (fold_constants, compare_dates)
RULES: tuple[Rule, ...] = (decorrelate, simplify_outer_joins, drop_unused_sides, push_predicates)

CONCERNS: dict[Rule, frozenset[type]] = {
    fold_constants: FOLDED,
    compare_dates: frozenset({plan.Convert}),
    decorrelate: frozenset({plan.Exists, plan.QuantifiedSubquery, plan.ScalarSubquery}),
    simplify_outer_joins: frozenset({plan.Join}),
    drop_unused_sides: frozenset({plan.Join}),
    push_predicates: frozenset({plan.Filter}),
}
