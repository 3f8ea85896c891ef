"""Deadlock: two transfers in opposite directions. One of them gets 40P01, with the circle in words, and begins again.

python examples/deadlock.py [LEVEL]         at read committed by default; at serial there is nothing to collide with
"""

import sys

import minidb
from minidb.lab import Program, Stage


def transfer(amount: int, source: int, target: int) -> Program:
    while True:
        try:
            yield "BEGIN"
            yield f"UPDATE account SET balance = balance - {amount} WHERE id = {source}"
            yield f"UPDATE account SET balance = balance + {amount} WHERE id = {target}"
            yield "COMMIT"
            return
        except minidb.RetryableError as error:
            for wait in error.cycle:
                print(f"    {wait['from']} waits for {wait['to']}: {wait['object']}")
            yield "ROLLBACK"


with Stage(sys.argv[1] if len(sys.argv) > 1 else "read committed", echo=print) as stage:
    stage.prepare(
        "CREATE TABLE account (id int PRIMARY KEY, balance int)",
        "INSERT INTO account VALUES (1, 500), (2, 500)",
    )
    stage.interleave(a=transfer(10, 1, 2), b=transfer(20, 2, 1))
    print(dict(stage.look("SELECT id, balance FROM account ORDER BY id").rows))
