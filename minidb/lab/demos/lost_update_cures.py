"""The five cures of the lost update: three that work at every level, and two levels that make them needless."""

from __future__ import annotations

from minidb.isolation import IsolationLevel
from minidb.lab.demo import Demo, Scene, script
from minidb.lab.demos.lost_update import judge
from minidb.lab.demos.tables import LIKES
from minidb.lab.stage import Seen, Step

FINAL = "SELECT likes FROM page"


def b_came_too_late(seen: Seen) -> bool:
    """Compare-and-set changed nothing."""
    return seen["by_b_write"].rowcount == 0


def b_failed(seen: Seen) -> bool:
    return seen["by_b_write"].error is not None


ATOMIC = Scene(
    title="Atomic update: let the database add",
    setup=LIKES,
    steps=script(
        "a b",
        """
        a: BEGIN
        b: BEGIN
        a: UPDATE page SET likes = likes + 1 WHERE id = 1
        b: UPDATE page SET likes = likes + 1 WHERE id = 1
        a: COMMIT
        b: COMMIT
        """,
    ),
    final=FINAL,
    judge=judge,
    note="b waits and then adds to the newest number, not to one that it has read before.",
    row="P4 atomic update",
    cure=True,
)

LOCKING = Scene(
    title="FOR UPDATE: read and lock at once",
    setup=LIKES,
    steps=script(
        "a b",
        """
        a: BEGIN
        b: BEGIN
        a, by_a: SELECT likes FROM page WHERE id = 1 FOR UPDATE
        b, by_b: SELECT likes FROM page WHERE id = 1 FOR UPDATE
        a: UPDATE page SET likes = {by_a} + 1 WHERE id = 1
        a: COMMIT
        b: UPDATE page SET likes = {by_b} + 1 WHERE id = 1
        b: COMMIT
        """,
    ),
    final=FINAL,
    judge=judge,
    note="The second reader waits, and reads what the first one has left.",
    row="P4 FOR UPDATE",
    cure=True,
)

COMPARE_AND_SET = Scene(
    title="Compare and set: write only if nothing has changed",
    setup=LIKES,
    steps=(
        *script(
            "a b",
            """
            a: BEGIN
            b: BEGIN
            a, by_a: SELECT likes FROM page WHERE id = 1
            b, by_b: SELECT likes FROM page WHERE id = 1
            a: UPDATE page SET likes = {by_a} + 1 WHERE id = 1 AND likes = {by_a}
            b, by_b_write: UPDATE page SET likes = {by_b} + 1 WHERE id = 1 AND likes = {by_b}
            a: COMMIT
            """,
        ),
        Step("b", "SELECT likes FROM page WHERE id = 1", "again", b_came_too_late),
        Step("b", "UPDATE page SET likes = {again} + 1 WHERE id = 1 AND likes = {again}", "", b_came_too_late),
        Step("b", "COMMIT"),
    ),
    final=FINAL,
    judge=judge,
    note="UPDATE 0 tells b that it came too late: it reads again.",
    row="P4 compare-set",
    cure=True,
)

RACE = """
    a: BEGIN
    b: BEGIN
    a, by_a: SELECT likes FROM page WHERE id = 1
    b, by_b: SELECT likes FROM page WHERE id = 1
    a: UPDATE page SET likes = {by_a} + 1 WHERE id = 1
    b, by_b_write: UPDATE page SET likes = {by_b} + 1 WHERE id = 1
    a: COMMIT
"""
RETRY = (
    Step("b", "ROLLBACK", when=b_failed),
    Step("b", "BEGIN", when=b_failed),
    Step("b", "SELECT likes FROM page WHERE id = 1", "again", b_failed),
    Step("b", "UPDATE page SET likes = {again} + 1 WHERE id = 1", when=b_failed),
    Step("b", "COMMIT"),
)

DETECTION = Scene(
    title="Automatic detection: snapshot isolation, and try again",
    setup=LIKES,
    steps=(*script("a b", RACE), *RETRY),
    final=FINAL,
    judge=judge,
    note="The naive code, with a loop around it: connection.run(function, isolation_level='snapshot').",
    level=IsolationLevel.SNAPSHOT,
)

SERIALIZABLE = Scene(
    title="Serializable: two-phase locking, and try again",
    setup=LIKES,
    steps=(*script("a b", RACE), *RETRY),
    final=FINAL,
    judge=judge,
    note="The same code; here it is the locks of the readers that make a deadlock of it.",
    level=IsolationLevel.TWO_PHASE_LOCKING,
)

DEMO = Demo(
    name="lost-update-cures",
    code="P4",
    title="Lost update: five cures",
    summary="Atomic update, FOR UPDATE, compare-and-set, automatic detection, serializable.",
    story="Three of the cures change the code and work at every level: leave the reading to the UPDATE, lock what is "
    "read, or write only if it is still as it was read. The other two leave the code as it is and change the "
    "level: snapshot isolation detects the lost update, a serializable level prevents it with everything else. "
    "Both ask for one thing: that a transaction which failed with 40001 or 40P01 is run again.",
    shown_at=IsolationLevel.READ_COMMITTED,
    prevented_at=None,
    scenes=(ATOMIC, LOCKING, COMPARE_AND_SET, DETECTION, SERIALIZABLE),
)
