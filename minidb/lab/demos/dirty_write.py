"""Dirty write (G0): two transactions overwrite each other's uncommitted rows, and each wins on one of them.

The story is Kleppmann's (Designing Data-Intensive Applications, chapter 7): a car is sold to one and billed to another.
"""

from __future__ import annotations

from minidb.isolation import IsolationLevel
from minidb.lab.demo import Demo, Judgement, Record, Scene, script

SETUP = (
    "CREATE TABLE listing (car int PRIMARY KEY, buyer text)",
    "CREATE TABLE invoice (car int PRIMARY KEY, recipient text)",
    "INSERT INTO listing VALUES (7, NULL)",
    "INSERT INTO invoice VALUES (7, NULL)",
)


def judge(record: Record) -> Judgement:
    ((_, buyer, recipient),) = record.final.rows
    return buyer != recipient, f"the car goes to {buyer}, the invoice to {recipient}"


SCENE = Scene(
    title="Alice and Bob buy the same car",
    setup=SETUP,
    steps=script(
        "alice bob",
        """
        alice: BEGIN
        bob: BEGIN
        alice: UPDATE listing SET buyer = 'alice' WHERE car = 7
        bob: UPDATE listing SET buyer = 'bob' WHERE car = 7
        bob: UPDATE invoice SET recipient = 'bob' WHERE car = 7
        alice: UPDATE invoice SET recipient = 'alice' WHERE car = 7
        alice: COMMIT
        bob: COMMIT
        """,
    ),
    final="SELECT car, buyer, recipient FROM listing JOIN invoice USING (car)",
    judge=judge,
    row="G0",
)

DEMO = Demo(
    name="dirty-write",
    code="G0",
    title="Dirty write",
    summary="Overwriting a row that its writer has not committed. No level allows it.",
    story="If a transaction may overwrite what another has not committed yet, their changes mix: the listing says one "
    "buyer, the invoice another. Every level of minidb prevents it in the same way: whoever changes a row locks "
    "it to the end of the transaction, and the second writer waits. What happens after the wait is up to the "
    "level: to go on with the newest row (read committed), or to fail, because that row is not in its snapshot.",
    shown_at=IsolationLevel.READ_UNCOMMITTED,
    prevented_at=None,
    scenes=(SCENE,),
)
