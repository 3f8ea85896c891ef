"""Intermediate read (G1b): a transaction reads a value that its writer goes on to change. After Hermitage."""

from __future__ import annotations

from minidb.isolation import IsolationLevel
from minidb.lab.demo import Demo, Judgement, Record, Scene, script
from minidb.lab.demos.tables import TEST


def judge(record: Record) -> Judgement:
    first = record.value("first")
    return first == 101, f"b read {first}" + (", which a never meant to leave there" if first == 101 else "")


SCENE = Scene(
    title="b looks while a is at work",
    setup=TEST,
    steps=script(
        "a b",
        """
        a: BEGIN
        b: BEGIN
        a: UPDATE test SET value = 101 WHERE id = 1
        b, first: SELECT value FROM test WHERE id = 1
        a: UPDATE test SET value = 11 WHERE id = 1
        a: COMMIT
        b, second: SELECT value FROM test WHERE id = 1
        b: COMMIT
        """,
    ),
    final="SELECT id, value FROM test ORDER BY id",
    judge=judge,
    row="G1b",
)

DEMO = Demo(
    name="intermediate-read",
    code="G1b",
    title="Dirty read, intermediate",
    summary="Reading what its writer has not finished with.",
    story="Transaction a passes through the value 101 on its way to 11. Whoever sees 101 has seen a state that was "
    "not meant to be seen, even though a commits. Levels that read committed versions never show it. Note that "
    "at read committed b's two reads still differ: that is another anomaly (read-skew).",
    shown_at=IsolationLevel.READ_UNCOMMITTED,
    prevented_at=IsolationLevel.READ_COMMITTED,
    scenes=(SCENE,),
)
