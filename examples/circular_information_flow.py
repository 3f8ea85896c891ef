"""Circular information flow (G1c): a reads what b wrote, and b what a wrote. Who was first?

python examples/circular_information_flow.py [LEVEL]        at read uncommitted by default; read committed prevents it
"""

import sys

from minidb.lab import Program, Stage


def write_one_read_the_other(name: str, mine: int, other: int) -> Program:
    yield "BEGIN"
    yield f"UPDATE test SET value = value + 1 WHERE id = {mine}"
    seen = yield f"SELECT value FROM test WHERE id = {other}"
    yield "COMMIT"
    print(f"{name} saw {seen.value} in row {other}")


with Stage(sys.argv[1] if len(sys.argv) > 1 else "read uncommitted", echo=print) as stage:
    stage.prepare("CREATE TABLE test (id int PRIMARY KEY, value int)", "INSERT INTO test VALUES (1, 10), (2, 20)")
    stage.interleave(a=write_one_read_the_other("a", 1, 2), b=write_one_read_the_other("b", 2, 1))
