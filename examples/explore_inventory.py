"""What a test would say: `interleavings` fails with the whole story if something can go wrong. The last piece is sold
twice, unless the row is locked when it is read.

python examples/explore_inventory.py [LEVEL]    at read committed by default
"""

import sys

from minidb import Connection
from minidb.lab.checking import interleavings

SETUP = (
    "CREATE TABLE stock (item text PRIMARY KEY, pieces int)",
    "CREATE TABLE sale (item text, pieces int)",
    "INSERT INTO stock VALUES ('lamp', 1)",
)
SOLD_AS_MANY = "SELECT (SELECT sum(pieces) FROM stock) + (SELECT coalesce(sum(pieces), 0) FROM sale) = 1"


class SoldOut(Exception):
    """Nothing is left to sell."""


def sell(connection: Connection, lock: str = "") -> None:
    with connection.transaction():
        (pieces,) = connection.execute(f"SELECT pieces FROM stock WHERE item = 'lamp' {lock}").fetchone()
        if not pieces:
            raise SoldOut
        connection.execute("UPDATE stock SET pieces = ? WHERE item = 'lamp'", (pieces - 1,))
        connection.execute("INSERT INTO sale VALUES ('lamp', 1)")


def sell_safely(connection: Connection) -> None:
    sell(connection, "FOR UPDATE")


level = sys.argv[1] if len(sys.argv) > 1 else "read committed"
for function in (sell, sell_safely):
    try:
        found = interleavings(SETUP, [function] * 2, level=level, invariant=SOLD_AS_MANY, raises=SoldOut)
        print(f"{function.__name__}: all {found.possible} interleavings are right")
    except AssertionError as failure:
        print(f"{function.__name__}: {failure}")
