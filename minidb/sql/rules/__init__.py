"""Rewrites of the bound plan, in the order in which they are applied.

Each rule is a function from plan to plan that keeps the result as it is; `RULES` is all of them. `STRUCTURAL` ones come
first: behind them the planner notes what FOR UPDATE, UPDATE and DELETE must ask again of a changed row (R36), before
subqueries turn into joins.
"""
