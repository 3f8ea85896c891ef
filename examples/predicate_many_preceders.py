"""Predicate-many-preceders (PMP): a asks twice by a condition, and b inserts a row in between.

python examples/predicate_many_preceders.py [LEVEL]     at read committed by default; snapshot prevents it
"""

import sys

from minidb.lab import Program, Stage


def ask_twice() -> Program:
    yield "BEGIN"
    before = yield "SELECT count(*) FROM test WHERE value = 30"
    after = yield "SELECT count(*) FROM test WHERE value % 3 = 0"
    yield "COMMIT"
    print(f"a found {before.value} rows, and then {after.value}")


def insert() -> Program:
    yield "BEGIN"
    yield "INSERT INTO test VALUES (3, 30)"
    yield "COMMIT"


with Stage(sys.argv[1] if len(sys.argv) > 1 else "read committed", echo=print) as stage:
    stage.prepare("CREATE TABLE test (id int PRIMARY KEY, value int)", "INSERT INTO test VALUES (1, 10), (2, 20)")
    stage.interleave(*"aabbb", a=ask_twice(), b=insert())
