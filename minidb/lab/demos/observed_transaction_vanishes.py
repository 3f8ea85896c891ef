"""Observed transaction vanishes (OTV): a reader sees one change of a transaction and then misses another of it.

Bailis et al., Highly Available Transactions (2013); the steps are Hermitage's.
"""

from __future__ import annotations

from minidb.isolation import IsolationLevel
from minidb.lab.demo import Demo, Judgement, Record, Scene, script
from minidb.lab.demos.tables import TEST


def judge(record: Record) -> Judgement:
    """Having seen b's 12 in the first row, c must not see a's 19 in the second one any more."""
    observed = False
    for label in ("first", "second", "third"):
        values = dict(record.rows(label))
        observed = observed or values.get(1) == 12
        if observed and values.get(2) == 19:
            return True, "c saw b's 12, and beside it a's 19, which b has overwritten"
    return False, ""


SCENE = Scene(
    title="c watches a and b change the same two rows",
    setup=TEST,
    steps=script(
        "a b c",
        """
        a: BEGIN
        b: BEGIN
        c: BEGIN
        a: UPDATE test SET value = 11 WHERE id = 1
        a: UPDATE test SET value = 19 WHERE id = 2
        b: UPDATE test SET value = 12 WHERE id = 1
        a: COMMIT
        c, first: SELECT id, value FROM test ORDER BY id
        b: UPDATE test SET value = 18 WHERE id = 2
        c, second: SELECT id, value FROM test ORDER BY id
        b: COMMIT
        c, third: SELECT id, value FROM test ORDER BY id
        c: COMMIT
        """,
    ),
    final="SELECT id, value FROM test ORDER BY id",
    judge=judge,
    row="OTV",
)

DEMO = Demo(
    name="observed-transaction-vanishes",
    code="OTV",
    title="Observed transaction vanishes",
    summary="Seeing a part of a transaction, and then not the rest of it.",
    story="Transactions a and b change the same two rows, a first. Reader c sees b's change of the first row, and a's "
    "change of the second one: b has been observed and has vanished again. A statement that reads one snapshot "
    "cannot see that; dirty reads can.",
    shown_at=IsolationLevel.READ_UNCOMMITTED,
    prevented_at=IsolationLevel.READ_COMMITTED,
    scenes=(SCENE,),
)
