"""Circular information flow (G1c): each of two transactions reads what the other has written. After Hermitage."""

from __future__ import annotations

from minidb.isolation import IsolationLevel
from minidb.lab.demo import Demo, Judgement, Record, Scene, script
from minidb.lab.demos.tables import TEST


def judge(record: Record) -> Judgement:
    by_a, by_b = record.value("by a"), record.value("by b")
    if by_a == 22 and by_b == 11 and record.committed("a", "b"):
        return True, "a read b's 22 and b read a's 11, so each of them comes after the other"
    return False, ""


SCENE = Scene(
    title="a and b read each other's changes",
    setup=TEST,
    steps=script(
        "a b",
        """
        a: BEGIN
        b: BEGIN
        a: UPDATE test SET value = 11 WHERE id = 1
        b: UPDATE test SET value = 22 WHERE id = 2
        a, by a: SELECT value FROM test WHERE id = 2
        b, by b: SELECT value FROM test WHERE id = 1
        a: COMMIT
        b: COMMIT
        """,
    ),
    final="SELECT id, value FROM test ORDER BY id",
    judge=judge,
    row="G1c",
)

DEMO = Demo(
    name="circular-information-flow",
    code="G1c",
    title="Circular information flow",
    summary="Two transactions that have both seen the other's changes.",
    story="If a has read what b wrote, a comes after b in any serial order; if b has also read what a wrote, there is "
    "no such order. Committed reads prevent that: neither sees the other. But then each has missed the other's "
    "change, which is no serial order either, and so the serializable levels stop one of the two.",
    shown_at=IsolationLevel.READ_UNCOMMITTED,
    prevented_at=IsolationLevel.READ_COMMITTED,
    scenes=(SCENE,),
)
