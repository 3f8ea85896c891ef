"""Write skew (G2-item): two transactions read the same rows, and each changes another one of them."""

from __future__ import annotations

from minidb.isolation import IsolationLevel
from minidb.lab.demo import Demo, Judgement, Record, Scene
from minidb.lab.stage import Seen, Step

COUNT = "SELECT count(*) FROM doctor WHERE on_call"


def judge(record: Record) -> Judgement:
    left = [name for name, on_call in record.final.rows if on_call]
    return not left, f"{' and '.join(left)} is on call" if left else "both doctors are off call"


def enough_for_alice(seen: Seen) -> bool:
    return bool(seen.value("by alice") >= 2)


def enough_for_bob(seen: Seen) -> bool:
    return bool(seen.value("by bob") >= 2)


SCENE = Scene(
    title="Somebody has to be on call",
    setup=(
        "CREATE TABLE doctor (name text PRIMARY KEY, on_call boolean NOT NULL)",
        "INSERT INTO doctor VALUES ('alice', true), ('bob', true)",
    ),
    steps=(
        Step("alice", "BEGIN"),
        Step("bob", "BEGIN"),
        Step("alice", COUNT, "by alice"),
        Step("bob", COUNT, "by bob"),
        Step("alice", "UPDATE doctor SET on_call = false WHERE name = 'alice'", "", enough_for_alice,
             "alice stays: nobody else is there"),
        Step("bob", "UPDATE doctor SET on_call = false WHERE name = 'bob'", "", enough_for_bob,
             "bob stays: nobody else is there"),
        Step("alice", "COMMIT"),
        Step("bob", "COMMIT"),
    ),
    final="SELECT name, on_call FROM doctor ORDER BY name",
    judge=judge,
    row="G2-item",
)

DEMO = Demo(
    name="write-skew",
    code="G2-item",
    title="Write skew",
    summary="Two doctors go off call, each because the other one is there.",
    story="At least one doctor must be on call. Alice and Bob both feel ill, both see that there are two, and both "
    "leave. They have changed different rows, so no lock and no first-updater rule has anything to say: "
    "snapshot isolation, which Oracle calls serializable, lets it happen. Only a level that remembers what was "
    "read finds that each of them has overwritten what the other relied on.",
    shown_at=IsolationLevel.SNAPSHOT,
    prevented_at=IsolationLevel.SSI,
    scenes=(SCENE,),
)
