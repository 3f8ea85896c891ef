"""Lost update (P4): two transactions read a value, and both write what they have made of it."""

from __future__ import annotations

from minidb.isolation import IsolationLevel
from minidb.lab.demo import Demo, Judgement, Record, Scene, script
from minidb.lab.demos.tables import LIKES


def judge(record: Record) -> Judgement:
    """Each commit stands for one more like."""
    ((likes,),) = record.final.rows
    commits = sum(record.committed(session) for session in ("a", "b"))
    return likes - 10 < commits, f"{numeral(commits)} committed, and the page went from 10 to {likes}"


def numeral(commits: int) -> str:
    return ("no like", "one like", "two likes")[commits]


SCENE = Scene(
    title="Two readers like the same page",
    setup=LIKES,
    steps=script(
        "a b",
        """
        a: BEGIN
        b: BEGIN
        a, by_a: SELECT likes FROM page WHERE id = 1
        b, by_b: SELECT likes FROM page WHERE id = 1
        a: UPDATE page SET likes = {by_a} + 1 WHERE id = 1
        b: UPDATE page SET likes = {by_b} + 1 WHERE id = 1
        a: COMMIT
        b: COMMIT
        """,
    ),
    final="SELECT likes FROM page",
    judge=judge,
    row="P4",
)

DEMO = Demo(
    name="lost-update",
    code="P4",
    title="Lost update",
    summary="Read, add one, write: two do it at once, and one of them is forgotten.",
    story="Both programs read 10, both write 11, both commit: one like is lost. At read committed b does wait for a, "
    "but then goes on with a number that it read before. Snapshot isolation notices that the row has changed "
    "since b's snapshot was taken, and fails b with 40001, so that it can begin again. Under two-phase locking "
    "both hold the row as readers, so neither can write: a deadlock, and one of them begins again. `minidb demo "
    "lost-update-cures` shows what helps at the lower levels.",
    shown_at=IsolationLevel.READ_COMMITTED,
    prevented_at=IsolationLevel.SNAPSHOT,
    scenes=(SCENE,),
)
