"""Phantom write skew (G2): two transactions rely on rows that do not exist, and each then inserts one."""

from __future__ import annotations

from minidb.isolation import IsolationLevel
from minidb.lab.demo import Demo, Judgement, Record, Scene
from minidb.lab.demos.tables import BOOKINGS
from minidb.lab.stage import Seen, Step

FREE = "SELECT count(*) FROM booking WHERE room = 1 AND hour = 12"
TAKEN = "SELECT count(*) FROM member WHERE name = 'neo'"


def judge_rooms(record: Record) -> Judgement:
    owners = [who for _, _, who in record.final.rows]
    return len(owners) > 1, f"room 1 at noon belongs to {' and '.join(owners)}"


def judge_names(record: Record) -> Judgement:
    owners = [f"member {number}" for number, _ in record.final.rows]
    return len(owners) > 1, f"neo is {' and '.join(owners)}"


def nothing_seen_by_a(seen: Seen) -> bool:
    return bool(seen.value("by a") == 0)


def nothing_seen_by_b(seen: Seen) -> bool:
    return bool(seen.value("by b") == 0)


ROOMS = Scene(
    title="A meeting room is booked twice",
    setup=BOOKINGS,
    steps=(
        Step("a", "BEGIN"),
        Step("b", "BEGIN"),
        Step("a", FREE, "by a"),
        Step("b", FREE, "by b"),
        Step("a", "INSERT INTO booking VALUES (1, 12, 'alice')", "", nothing_seen_by_a, "alice finds it taken"),
        Step("b", "INSERT INTO booking VALUES (1, 12, 'bob')", "", nothing_seen_by_b, "bob finds it taken"),
        Step("a", "COMMIT"),
        Step("b", "COMMIT"),
    ),
    final="SELECT room, hour, who FROM booking ORDER BY who",
    judge=judge_rooms,
    row="G2",
)

NAMES = Scene(
    title="A user name is claimed twice",
    setup=("CREATE TABLE member (id int PRIMARY KEY, name text)", "INSERT INTO member VALUES (1, 'trinity')"),
    steps=(
        Step("a", "BEGIN"),
        Step("b", "BEGIN"),
        Step("a", TAKEN, "by a"),
        Step("b", TAKEN, "by b"),
        Step("a", "INSERT INTO member VALUES (2, 'neo')", "", nothing_seen_by_a, "the name is taken"),
        Step("b", "INSERT INTO member VALUES (3, 'neo')", "", nothing_seen_by_b, "the name is taken"),
        Step("a", "COMMIT"),
        Step("b", "COMMIT"),
    ),
    final="SELECT id, name FROM member WHERE name = 'neo' ORDER BY id",
    judge=judge_names,
    note="Here a UNIQUE constraint would do at any level: it is checked against the newest rows.",
    row="G2 names",
)

DEMO = Demo(
    name="phantom-write-skew",
    code="G2",
    title="Phantom write skew",
    summary="A room is booked twice: there was no row that could have been locked.",
    story="Both look for a booking of the room and find none; both insert one. SELECT ... FOR UPDATE would not help, "
    "for there is nothing to lock. Two-phase locking locks the interval of the index that was read, rows or "
    "not, so that neither can insert; SSI marks the same interval and aborts the one that closes the circle. "
    "How much is locked depends on the plan: bookings of another room would not have disturbed each other.",
    shown_at=IsolationLevel.SNAPSHOT,
    prevented_at=IsolationLevel.SSI,
    scenes=(ROOMS, NAMES),
)
