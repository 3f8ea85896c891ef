"""Serial execution: a stored procedure, run alone, is right without any thought of concurrency."""

from __future__ import annotations

from collections.abc import Callable

from minidb.dbapi import Connection
from minidb.isolation import IsolationLevel
from minidb.lab.demo import Demo, Judgement, Record, Scene
from minidb.lab.stage import Seen, Step

SETUP = (
    "CREATE TABLE concert (id int PRIMARY KEY, seats int)",
    "CREATE TABLE ticket (concert int, owner text)",
    "INSERT INTO concert VALUES (1, 0)",
)
FINAL = "SELECT owner FROM ticket ORDER BY owner"
LOOK = "SELECT seats FROM concert WHERE id = 1"
TAKE = "UPDATE concert SET seats = {by_%s} - 1 WHERE id = 1"


def buy(owner: str) -> Callable[[Connection], str]:
    """The procedure: look, take, note. Nothing in it knows that there are others."""

    def procedure(connection: Connection) -> str:
        (seats,) = connection.execute("SELECT seats FROM concert WHERE id = 1").fetchone() or (0,)
        if seats == 0:
            return "sold out"
        connection.execute("UPDATE concert SET seats = ? WHERE id = 1", (seats - 1,))
        connection.execute("INSERT INTO ticket VALUES (1, ?)", (owner,))
        return "bought"

    return procedure


def judge(record: Record) -> Judgement:
    owners = [owner for (owner,) in record.final.rows]
    return len(owners) > 1, f"one seat, sold to {' and '.join(owners)}"


def seat_for_alice(seen: Seen) -> bool:
    return bool(seen.value("by_alice"))


def seat_for_bob(seen: Seen) -> bool:
    return bool(seen.value("by_bob"))


STATEMENTS = Scene(
    title="As statements: look, take, note",
    setup=(*SETUP, "UPDATE concert SET seats = 1"),
    steps=(
        Step("alice", "BEGIN"),
        Step("bob", "BEGIN"),
        Step("alice", LOOK, "by_alice"),
        Step("bob", LOOK, "by_bob"),
        Step("alice", TAKE % "alice", "", seat_for_alice, "sold out"),
        Step("alice", "INSERT INTO ticket VALUES (1, 'alice')", "", seat_for_alice),
        Step("alice", "COMMIT"),
        Step("bob", TAKE % "bob", "", seat_for_bob, "sold out"),
        Step("bob", "INSERT INTO ticket VALUES (1, 'bob')", "", seat_for_bob),
        Step("bob", "COMMIT"),
    ),
    final=FINAL,
    judge=judge,
    note="What the procedure does, done by hand, with room for others between the statements.",
)

PROCEDURES = Scene(
    title="As a procedure: connection.call(buy, ...)",
    setup=SETUP,
    steps=(
        Step("office", "BEGIN"),
        Step("office", "UPDATE concert SET seats = 1 WHERE id = 1"),
        Step("alice", "CALL buy('alice')", procedure=buy("alice")),
        Step("bob", "CALL buy('bob')", procedure=buy("bob")),
        Step("office", "COMMIT"),
    ),
    final=FINAL,
    judge=judge,
    note="Each call has the database for itself: it waits for the writer that is at work, and for the call before "
    "it.",
    row="P4 procedures",
    cure=True,
)

DEMO = Demo(
    name="serial-execution",
    code="serial",
    title="Serial execution by stored procedure",
    summary="One at a time, each without a pause: nothing is left that could interleave.",
    story="If a transaction never waits for its user, it takes microseconds, and then it may as well have the "
    "database for itself (H-Store, VoltDB, Redis). `connection.call(procedure, ...)` runs a Python function as "
    "one transaction at level SERIAL, side by side with transactions of any other level: writers wait for it, "
    "and it for them. The function needs no lock, no retry and no thought of others.",
    shown_at=IsolationLevel.READ_COMMITTED,
    prevented_at=IsolationLevel.SERIAL,
    scenes=(STATEMENTS, PROCEDURES),
)
