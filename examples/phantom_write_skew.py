"""Phantom write skew (G2): a meeting room is booked twice, because neither booking was there to be seen or locked.

python examples/phantom_write_skew.py [LEVEL]       at snapshot by default; try ssi, 2pl or serial
"""

import sys

from minidb.lab import Program, Stage


def book(who: str) -> Program:
    yield "BEGIN"
    taken = yield "SELECT count(*) FROM booking WHERE room = 1 AND hour = 12"
    if taken.value == 0:
        yield f"INSERT INTO booking VALUES (1, 12, '{who}')"
    yield "COMMIT"


with Stage(sys.argv[1] if len(sys.argv) > 1 else "snapshot", echo=print) as stage:
    stage.prepare(
        "CREATE TABLE booking (room int, hour int, who text)",
        "CREATE INDEX booking_room_hour ON booking (room, hour)",
    )
    stage.interleave(alice=book("alice"), bob=book("bob"))
    owners = [who for (who,) in stage.look("SELECT who FROM booking ORDER BY who").rows]
    print("room 1 at noon belongs to", " and ".join(owners))
