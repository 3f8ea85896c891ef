"""Intermediate read (G1b): b reads a value that a only passes through.

python examples/intermediate_read.py [LEVEL]        at read uncommitted by default; read committed prevents it
"""

import sys

from minidb.lab import Program, Stage


def write_twice() -> Program:
    yield "BEGIN"
    yield "UPDATE test SET value = 101 WHERE id = 1"
    yield "UPDATE test SET value = 11 WHERE id = 1"
    yield "COMMIT"


def read() -> Program:
    yield "BEGIN"
    seen = yield "SELECT value FROM test WHERE id = 1"
    yield "COMMIT"
    print(f"b saw {seen.value}")


with Stage(sys.argv[1] if len(sys.argv) > 1 else "read uncommitted", echo=print) as stage:
    stage.prepare("CREATE TABLE test (id int PRIMARY KEY, value int)", "INSERT INTO test VALUES (1, 10)")
    stage.interleave("a", "b", "a", "b", a=write_twice(), b=read())
