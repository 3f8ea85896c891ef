"""The read-only transaction anomaly: without the report all would be well.

python examples/read_only_anomaly.py [LEVEL]        at snapshot by default; try ssi, 2pl or serial
"""

import sys

from minidb.lab import Program, Stage


def withdraw() -> Program:
    yield "BEGIN"
    total = yield "SELECT sum(balance) FROM account"
    charge = 10 if total.value >= 10 else 11  # a penalty of 1 for overdrawing
    yield f"UPDATE account SET balance = balance - {charge} WHERE name = 'checking'"
    yield "COMMIT"


def deposit() -> Program:
    yield "BEGIN"
    yield "UPDATE account SET balance = balance + 20 WHERE name = 'savings'"
    yield "COMMIT"


def report() -> Program:
    yield "BEGIN READ ONLY"
    seen = yield "SELECT name, balance FROM account ORDER BY name"
    yield "COMMIT"
    print("the report says", dict(seen.rows))


with Stage(sys.argv[1] if len(sys.argv) > 1 else "snapshot", echo=print) as stage:
    stage.prepare(
        "CREATE TABLE account (name text PRIMARY KEY, balance int)",
        "INSERT INTO account VALUES ('checking', 0), ('savings', 0)",
    )
    stage.interleave(*"wwdddrrrr", w=withdraw(), d=deposit(), r=report())
    print("in the end", dict(stage.look("SELECT name, balance FROM account ORDER BY name").rows))
