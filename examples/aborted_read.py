"""Aborted read (G1a): b reads what a takes back.

python examples/aborted_read.py [LEVEL]     at read uncommitted by default; read committed prevents it
"""

import sys

from minidb.lab import Program, Stage


def write_and_roll_back() -> Program:
    yield "BEGIN"
    yield "UPDATE test SET value = 101 WHERE id = 1"
    yield "ROLLBACK"


def read_twice() -> Program:
    yield "BEGIN"
    first = yield "SELECT value FROM test WHERE id = 1"
    second = yield "SELECT value FROM test WHERE id = 1"
    yield "COMMIT"
    print(f"b saw {first.value} and then {second.value}")


with Stage(sys.argv[1] if len(sys.argv) > 1 else "read uncommitted", echo=print) as stage:
    stage.prepare("CREATE TABLE test (id int PRIMARY KEY, value int)", "INSERT INTO test VALUES (1, 10)")
    stage.interleave("a", "b", "a", "b", a=write_and_roll_back(), b=read_twice())
