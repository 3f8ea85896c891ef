"""Rewrites of the bound plan, in the order in which they are applied.

Each rule is a function from plan to plan that keeps the result as it is; `STRUCTURAL` and `RULES` are all of them. The
structural ones come first: behind them the planner notes what FOR UPDATE, UPDATE and DELETE must ask again of a changed
row (R36), before subqueries turn into joins.
"""

from __future__ import annotations

from collections.abc import Callable

from minidb.sql import plan

Rule = Callable[[plan.Plan], plan.Plan]

STRUCTURAL: tuple[Rule, ...] = ()
RULES: tuple[Rule, ...] = ()
