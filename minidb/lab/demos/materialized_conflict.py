"""Materialised conflict: rows that are there only to be locked, so that a phantom becomes an ordinary conflict."""

from __future__ import annotations

from minidb.isolation import IsolationLevel
from minidb.lab.demo import Demo, Scene
from minidb.lab.demos.phantom_write_skew import FREE, judge_rooms, nothing_seen_by_a, nothing_seen_by_b
from minidb.lab.demos.tables import BOOKINGS
from minidb.lab.stage import Step

SETUP = (
    *BOOKINGS,
    "CREATE TABLE slot (room int, hour int, changes int, PRIMARY KEY (room, hour))",
    "INSERT INTO slot VALUES (1, 12, 0)",
)
LOCK = "SELECT room, hour FROM slot WHERE room = 1 AND hour = 12 FOR UPDATE"
CHANGE = "UPDATE slot SET changes = changes + 1 WHERE room = 1 AND hour = 12"


def booking(claim: str) -> tuple[Step, ...]:
    return (
        Step("a", "BEGIN"),
        Step("b", "BEGIN"),
        Step("a", claim),
        Step("b", claim),
        Step("a", FREE, "by a"),
        Step("a", "INSERT INTO booking VALUES (1, 12, 'alice')", "", nothing_seen_by_a, "alice finds it taken"),
        Step("a", "COMMIT"),
        Step("b", FREE, "by b"),
        Step("b", "INSERT INTO booking VALUES (1, 12, 'bob')", "", nothing_seen_by_b, "bob finds it taken"),
        Step("b", "COMMIT"),
    )


LOCKED = Scene(
    title="Lock the slot, then look",
    setup=SETUP,
    steps=booking(LOCK),
    final="SELECT room, hour, who FROM booking ORDER BY who",
    judge=judge_rooms,
    note="Enough where each statement reads afresh. Under snapshot isolation b's snapshot was taken before it "
    "waited, and a has not changed the row that b has locked: nothing tells b that it came too late.",
    row="G2 slot locked",
    cure=True,
)

CHANGED = Scene(
    title="Change the slot, then look",
    setup=SETUP,
    steps=booking(CHANGE),
    final="SELECT room, hour, who FROM booking ORDER BY who",
    judge=judge_rooms,
    note="A change is a conflict at every level, snapshot isolation included.",
    row="G2 slot changed",
    cure=True,
)

DEMO = Demo(
    name="materialized-conflict",
    code="G2",
    title="Materialised conflict",
    summary="A row for each slot of each room, made only to be locked.",
    story="A phantom cannot be locked, so make something that can: a table with a row for every room and hour. "
    "Whoever books takes that row first, and the second one waits. It is the last resort (Kleppmann): the rules "
    "of concurrency leak into the data model; a serializable level needs none of it. And it has a trap: at "
    "snapshot, locking is not enough, the row must be changed.",
    shown_at=IsolationLevel.READ_COMMITTED,
    prevented_at=IsolationLevel.SNAPSHOT,
    scenes=(LOCKED, CHANGED),
)
