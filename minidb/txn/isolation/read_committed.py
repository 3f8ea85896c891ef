"""READ COMMITTED: a snapshot per statement; an UPDATE that meets a newer version re-checks its WHERE on it and goes on.

Prevents G0, G1a, G1b, G1c and OTV. Follows PostgreSQL's READ COMMITTED (EvalPlanQual).
"""

from __future__ import annotations

from minidb.txn.isolation.policy import Policy


class ReadCommitted(Policy):
    level = "read committed"
