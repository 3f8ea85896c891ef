"""Dirty write: Alice and Bob buy the same car. Both tables must name the same buyer in the end.

python examples/dirty_write.py [LEVEL]      at read uncommitted by default: even there it cannot happen
"""

import sys

from minidb.lab import Program, Stage


def buy(name: str) -> Program:
    yield "BEGIN"
    yield f"UPDATE listing SET buyer = '{name}' WHERE car = 7"
    yield f"UPDATE invoice SET recipient = '{name}' WHERE car = 7"
    yield "COMMIT"


with Stage(sys.argv[1] if len(sys.argv) > 1 else "read uncommitted", echo=print) as stage:
    stage.prepare(
        "CREATE TABLE listing (car int PRIMARY KEY, buyer text)",
        "CREATE TABLE invoice (car int PRIMARY KEY, recipient text)",
        "INSERT INTO listing VALUES (7, NULL); INSERT INTO invoice VALUES (7, NULL)",
    )
    stage.interleave(alice=buy("alice"), bob=buy("bob"))
    ((buyer, recipient),) = stage.look("SELECT buyer, recipient FROM listing JOIN invoice USING (car)").rows
    print(f"the car goes to {buyer}, the invoice to {recipient}")
