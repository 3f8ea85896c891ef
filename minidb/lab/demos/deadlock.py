"""Deadlock: each of two transactions waits for the other. Found at the moment when the circle closes."""

from __future__ import annotations

from minidb.errors import DeadlockDetected
from minidb.isolation import IsolationLevel
from minidb.lab.demo import Demo, Judgement, Record, Scene, script


def judge(record: Record) -> Judgement:
    victims = [m.session for m in record.moments if isinstance(m.outcome.error, DeadlockDetected)]
    moved = [m.session for m in record.moments if m.later and m.outcome.error is None]
    if victims:
        return True, f"{victims[0]} was the victim; {' and '.join(moved)} could go on"
    return False, ""


SCENE = Scene(
    title="Two transfers, in opposite directions",
    setup=(
        "CREATE TABLE account (id int PRIMARY KEY, balance int)",
        "INSERT INTO account VALUES (1, 500), (2, 500)",
    ),
    steps=script(
        "a b",
        """
        a: BEGIN
        b: BEGIN
        a: UPDATE account SET balance = balance - 10 WHERE id = 1
        b: UPDATE account SET balance = balance - 20 WHERE id = 2
        a: UPDATE account SET balance = balance + 10 WHERE id = 2
        b: UPDATE account SET balance = balance + 20 WHERE id = 1
        a: COMMIT
        b: COMMIT
        """,
    ),
    final="SELECT id, balance FROM account ORDER BY id",
    judge=judge,
    bad="DEADLOCK",
    good="no deadlock",
)

DEMO = Demo(
    name="deadlock",
    code="40P01",
    title="Deadlock",
    summary="Each waits for the other; one of them has to begin again.",
    story="Two transfers lock the same two accounts in opposite order. minidb looks at the graph of who waits for "
    "whom at the moment somebody begins to wait, so a deadlock costs no timeout: whoever closes the circle gets "
    "40P01, with the circle in words, and has lost nothing but the work of one transaction. Locking in one "
    "order (the smaller id first) avoids it; so does running the transactions one at a time.",
    shown_at=IsolationLevel.READ_COMMITTED,
    prevented_at=IsolationLevel.SERIAL,
    scenes=(SCENE,),
)
