"""The read-only transaction anomaly: a transaction that only reads makes an execution non-serializable.

Fekete, O'Neil & O'Neil, A Read-Only Transaction Anomaly Under Snapshot Isolation (2004).
"""

from __future__ import annotations

from minidb.isolation import IsolationLevel
from minidb.lab.demo import Demo, Judgement, Record, Scene, script
from minidb.lab.stage import Seen, Step

PENALTY = 1


def withdraw(seen: Seen) -> str:
    """10 are withdrawn, and a penalty is charged if that leaves less than nothing."""
    charge = 10 if seen.value("total") >= 10 else 10 + PENALTY
    return f"UPDATE account SET balance = balance - {charge} WHERE name = 'checking'"


def judge(record: Record) -> Judgement:
    """The report showed the deposit and not yet the withdrawal; so the withdrawal must have seen the deposit, too."""
    reported, final = dict(record.rows("reported")), dict(record.final.rows)
    charged = final["checking"] == -10 - PENALTY
    if reported == {"checking": 0, "savings": 20} and charged:
        return True, "the report saw 20 before the withdrawal of 10, and yet a penalty was charged"
    return False, f"the report saw {sum(reported.values())}, the penalty was {'' if charged else 'not '}charged"


SCENE = Scene(
    title="A report between a deposit and a withdrawal",
    setup=(
        "CREATE TABLE account (name text PRIMARY KEY, balance int)",
        "INSERT INTO account VALUES ('checking', 0), ('savings', 0)",
    ),
    steps=(
        *script(
            "withdrawal deposit report",
            """
            withdrawal: BEGIN
            deposit: BEGIN
            withdrawal, total: SELECT sum(balance) FROM account
            deposit: UPDATE account SET balance = balance + 20 WHERE name = 'savings'
            deposit: COMMIT
            report: BEGIN READ ONLY
            report, reported: SELECT name, balance FROM account ORDER BY name
            report: COMMIT
            """,
        ),
        Step("withdrawal", withdraw),
        Step("withdrawal", "COMMIT"),
    ),
    final="SELECT name, balance FROM account ORDER BY name",
    judge=judge,
    row="read-only",
)

DEMO = Demo(
    name="read-only-anomaly",
    code="read-only",
    title="Read-only transaction anomaly",
    summary="Without the report all would be well; with it there is no serial order.",
    story="A withdrawal that overdraws costs a penalty. It saw nothing in the accounts, so one is charged: fine, if "
    "it came before the deposit. But the report saw the deposit and not the withdrawal, so the deposit came "
    "first, and no penalty was due. The two writers alone are serializable; it is the reader that proves them "
    "wrong. SSI counts the reader's dependency, too, and aborts the withdrawal.",
    shown_at=IsolationLevel.SNAPSHOT,
    prevented_at=IsolationLevel.SSI,
    scenes=(SCENE,),
)
