"""Read skew (G-single): Alice adds up her accounts while the bank moves money from one to the other.

python examples/read_skew.py [LEVEL]        at read committed by default; snapshot prevents it
"""

import sys

from minidb.lab import Program, Stage


def add_up() -> Program:
    yield "BEGIN"
    one = yield "SELECT balance FROM account WHERE id = 1"
    two = yield "SELECT balance FROM account WHERE id = 2"
    yield "COMMIT"
    print(f"Alice has {one.value} + {two.value} = {one.value + two.value}")


def move() -> Program:
    yield "BEGIN"
    yield "UPDATE account SET balance = balance + 100 WHERE id = 1"
    yield "UPDATE account SET balance = balance - 100 WHERE id = 2"
    yield "COMMIT"


with Stage(sys.argv[1] if len(sys.argv) > 1 else "read committed", echo=print) as stage:
    stage.prepare(
        "CREATE TABLE account (id int PRIMARY KEY, balance int)",
        "INSERT INTO account VALUES (1, 500), (2, 500)",
    )
    stage.interleave("alice", "alice", "bank", "bank", "bank", "bank", alice=add_up(), bank=move())
