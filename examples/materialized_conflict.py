"""Materialised conflict: every slot of every room has a row, and whoever books changes it first.

python examples/materialized_conflict.py [LEVEL]        works at every level; at read committed by default
"""

import sys

from minidb.lab import Program, Stage


def book(who: str) -> Program:
    yield "BEGIN"
    yield "UPDATE slot SET changes = changes + 1 WHERE room = 1 AND hour = 12"
    taken = yield "SELECT count(*) FROM booking WHERE room = 1 AND hour = 12"
    if taken.value == 0:
        yield f"INSERT INTO booking VALUES (1, 12, '{who}')"
    yield "COMMIT"


with Stage(sys.argv[1] if len(sys.argv) > 1 else "read committed", echo=print) as stage:
    stage.prepare(
        "CREATE TABLE booking (room int, hour int, who text)",
        "CREATE TABLE slot (room int, hour int, changes int, PRIMARY KEY (room, hour))",
        "INSERT INTO slot VALUES (1, 12, 0)",
    )
    stage.interleave(alice=book("alice"), bob=book("bob"))
    owners = [who for (who,) in stage.look("SELECT who FROM booking ORDER BY who").rows]
    print("room 1 at noon belongs to", " and ".join(owners))
