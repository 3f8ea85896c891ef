"""Observed transaction vanishes (OTV): c sees b's change of row 1, and beside it a's change of row 2, which is older.

python examples/observed_transaction_vanishes.py [LEVEL]    at read uncommitted by default; read committed prevents it
"""

import sys

from minidb.lab import Program, Stage


def write(one: int, two: int) -> Program:
    yield "BEGIN"
    yield f"UPDATE test SET value = {one} WHERE id = 1"
    yield f"UPDATE test SET value = {two} WHERE id = 2"
    yield "COMMIT"


def watch() -> Program:
    yield "BEGIN"
    for _ in range(2):
        seen = yield "SELECT value FROM test ORDER BY id"
        print("c sees", [value for (value,) in seen.rows])
    yield "COMMIT"


with Stage(sys.argv[1] if len(sys.argv) > 1 else "read uncommitted", echo=print) as stage:
    stage.prepare("CREATE TABLE test (id int PRIMARY KEY, value int)", "INSERT INTO test VALUES (1, 10), (2, 20)")
    stage.interleave(*"abcaabacbcbc", a=write(11, 19), b=write(12, 18), c=watch())
