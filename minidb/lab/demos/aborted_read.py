"""Aborted read (G1a): a transaction reads what is rolled back later, and so has never been true. After Hermitage."""

from __future__ import annotations

from minidb.isolation import IsolationLevel
from minidb.lab.demo import Demo, Judgement, Record, Scene, script
from minidb.lab.demos.tables import TEST


def judge(record: Record) -> Judgement:
    first = record.value("first")
    return first == 101, f"b read {first}" + (", which was rolled back" if first == 101 else "")


SCENE = Scene(
    title="a takes back what b has read",
    setup=TEST,
    steps=script(
        "a b",
        """
        a: BEGIN
        b: BEGIN
        a: UPDATE test SET value = 101 WHERE id = 1
        b, first: SELECT value FROM test WHERE id = 1
        a: ROLLBACK
        b, second: SELECT value FROM test WHERE id = 1
        b: COMMIT
        """,
    ),
    final="SELECT id, value FROM test ORDER BY id",
    judge=judge,
    row="G1a",
)

DEMO = Demo(
    name="aborted-read",
    code="G1a",
    title="Dirty read, aborted",
    summary="Reading what its writer rolls back: it has never been true.",
    story="Transaction b sees a value that a has written and not committed. Then a rolls back: b has acted on "
    "something that never was. Read committed and the levels above it give b the last committed version "
    "instead, without waiting; under two-phase locking b waits until a has ended.",
    shown_at=IsolationLevel.READ_UNCOMMITTED,
    prevented_at=IsolationLevel.READ_COMMITTED,
    scenes=(SCENE,),
)
