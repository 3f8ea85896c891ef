"""Predicate-many-preceders (PMP): a condition that found nothing finds something later on. After Hermitage."""

from __future__ import annotations

from minidb.isolation import IsolationLevel
from minidb.lab.demo import Demo, Judgement, Record, Scene, script
from minidb.lab.demos.tables import TEST


def judge(record: Record) -> Judgement:
    before, after = record.rows("before"), record.rows("after")
    if not before and after:
        return True, f"a found no such row, and then {after[0]}: a phantom"
    return False, "a found no such row, twice" if not after else ""


SCENE = Scene(
    title="b inserts a row that a has looked for",
    setup=TEST,
    steps=script(
        "a b",
        """
        a: BEGIN
        b: BEGIN
        a, before: SELECT id, value FROM test WHERE value = 30
        b: INSERT INTO test VALUES (3, 30)
        b: COMMIT
        a, after: SELECT id, value FROM test WHERE value % 3 = 0
        a: COMMIT
        """,
    ),
    final="SELECT id, value FROM test ORDER BY id",
    judge=judge,
    row="PMP",
)

DEMO = Demo(
    name="predicate-many-preceders",
    code="PMP",
    title="Predicate-many-preceders",
    summary="A condition that matched nothing matches a row that came meanwhile.",
    story="Transaction a asks for rows by a condition, finds none, asks again with a wider one, and meets a row that "
    "existed for neither of its questions or for both, had it run alone. A snapshot answers both questions from "
    "the same state. Two-phase locking keeps the range that was read: the INSERT waits although the row that it "
    "would collide with does not exist.",
    shown_at=IsolationLevel.READ_COMMITTED,
    prevented_at=IsolationLevel.SNAPSHOT,
    scenes=(SCENE,),
)
