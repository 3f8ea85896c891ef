"""Read skew (G-single): a transaction reads one row before and one row after somebody else's change of both."""

from __future__ import annotations

from minidb.isolation import IsolationLevel
from minidb.lab.demo import Demo, Judgement, Record, Scene, script


def judge(record: Record) -> Judgement:
    total = record.value("one") + record.value("two")
    return total != 1000, f"Alice counted {total} of her 1000"


SCENE = Scene(
    title="Alice counts her money while it is transferred",
    setup=(
        "CREATE TABLE account (id int PRIMARY KEY, balance int)",
        "INSERT INTO account VALUES (1, 500), (2, 500)",
    ),
    steps=script(
        "alice bank",
        """
        alice: BEGIN
        alice, one: SELECT balance FROM account WHERE id = 1
        bank: BEGIN
        bank: UPDATE account SET balance = balance + 100 WHERE id = 1
        bank: UPDATE account SET balance = balance - 100 WHERE id = 2
        bank: COMMIT
        alice, two: SELECT balance FROM account WHERE id = 2
        alice: COMMIT
        """,
    ),
    final="SELECT id, balance FROM account ORDER BY id",
    judge=judge,
    row="G-single",
)

DEMO = Demo(
    name="read-skew",
    code="G-single",
    title="Read skew",
    summary="One row from before a transfer, one from after it: money is missing.",
    story="Alice has 1000, in two accounts. She reads the first one, the bank moves 100 from the second to the first, "
    "she reads the second one: 900. Both numbers were committed when she read them, and yet they never stood "
    "beside each other. A backup or a report reads for hours; it needs one snapshot for all of it.",
    shown_at=IsolationLevel.READ_COMMITTED,
    prevented_at=IsolationLevel.SNAPSHOT,
    scenes=(SCENE,),
)
