"""Which anomalies a level forbids, also where transactions of different levels run side by side.

    rank                      levels                    forbidden
    0  dirty reads            read uncommitted          G0
    1  committed reads        read committed            G0, G1a, G1b, G1c
    2  one snapshot           snapshot                  and G-single, G-nonadjacent (lost update, read skew, long fork)
    3  serializable           2pl, ssi, serial          and G2 (write skew)

In a mixed history each edge is owed to somebody (Adya 1999, section 3.5, the mixing-correct graph): a write dependency
to everybody, a read dependency to the reader if it has rank 1, an antidependency to the reader if it has rank 2. What
follows for cycles:

  - Of edges that are owed to somebody, none may form a cycle in which no two antidependencies stand beside each other.
    Every such edge other than an antidependency says that its source committed before its target committed, and, if
    the target has a snapshot, before that was taken; an antidependency, that its target committed after the source's
    snapshot. A cycle in which each antidependency is followed by something else would put a moment before itself.
    For histories of one level these are G0, G1c, G-single and G-nonadjacent at once.
  - Transactions of rank 3 are serializable *together*: what the others wrote is taken out of every list, and what is
    left of the history must have no cycle of any kind. (Cycles through the others are not promised: nobody records
    what a READ COMMITTED transaction reads.)

minidb is strict about time at every level: a transaction that began after another was acknowledged stands behind it.
So an edge of that kind counts like a write dependency. 2PL and SERIAL have it because locks are held to the end, the
others because a snapshot is never older than its transaction; it holds for SSI because the theorem that every cycle has
a dangerous structure only asks that such an edge's source has committed before its target's snapshot was taken.
"""

from __future__ import annotations

from minidb.isolation import IsolationLevel

SERIALIZABLE = 3
RANKS = {
    IsolationLevel.READ_UNCOMMITTED: 0,
    IsolationLevel.READ_COMMITTED: 1,
    IsolationLevel.SNAPSHOT: 2,
    IsolationLevel.TWO_PHASE_LOCKING: SERIALIZABLE,
    IsolationLevel.SSI: SERIALIZABLE,
    IsolationLevel.SERIAL: SERIALIZABLE,
}
FORBIDDEN_FROM = {  # the rank of the reader from which on an anomaly of one read is forbidden
    "G1a": 1,
    "G1b": 1,
    "garbage read": 0,
    "duplicate items": 0,
    "internal": 0,
    "incompatible order": 1,
    "lost update": 2,
}
NAMES = {
    "G0": "dirty write",
    "G1a": "aborted read",
    "G1b": "intermediate read",
    "G1c": "circular information flow",
    "G-single": "read skew",
    "G-nonadjacent": "long fork",
    "G2-item": "write skew",
    "garbage read": "garbage read",
    "duplicate items": "duplicate items",
    "internal": "internal contradiction",
    "incompatible order": "incompatible orders",
    "lost update": "lost update",
}


def rank(level: IsolationLevel | None) -> int:
    """The rank of a level; who names none asks for everything."""
    return SERIALIZABLE if level is None else RANKS[level]
