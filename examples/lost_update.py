"""Lost update (P4): two likes at the same time, and one of them is forgotten.

python examples/lost_update.py [LEVEL]      at read committed by default; snapshot prevents it
"""

import sys

from minidb.lab import Program, Stage


def like() -> Program:
    yield "BEGIN"
    likes = yield "SELECT likes FROM page WHERE id = 1"
    yield f"UPDATE page SET likes = {likes.value + 1} WHERE id = 1"
    yield "COMMIT"


with Stage(sys.argv[1] if len(sys.argv) > 1 else "read committed", echo=print) as stage:
    stage.prepare("CREATE TABLE page (id int PRIMARY KEY, likes int)", "INSERT INTO page VALUES (1, 10)")
    stage.interleave(a=like(), b=like())
    print("likes:", stage.look("SELECT likes FROM page").value)
