"""Write skew: two doctors go off call, each because the other one is there.

python examples/write_skew.py [LEVEL]       at snapshot by default; try ssi, 2pl or serial
"""

import sys

from minidb.lab import Program, Stage


def go_off_call(name: str) -> Program:
    yield "BEGIN"
    doctors = yield "SELECT count(*) FROM doctor WHERE on_call"
    if doctors.value >= 2:
        yield f"UPDATE doctor SET on_call = false WHERE name = '{name}'"
    yield "COMMIT"


with Stage(sys.argv[1] if len(sys.argv) > 1 else "snapshot", echo=print) as stage:
    stage.prepare(
        "CREATE TABLE doctor (name text PRIMARY KEY, on_call boolean NOT NULL)",
        "INSERT INTO doctor VALUES ('alice', true), ('bob', true)",
    )
    stage.interleave(alice=go_off_call("alice"), bob=go_off_call("bob"))
    left = [name for (name,) in stage.look("SELECT name FROM doctor WHERE on_call").rows]
    print("on call:", " and ".join(left) or "nobody")
