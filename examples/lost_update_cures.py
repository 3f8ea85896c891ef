"""The five cures of the lost update, each with four threads that like one page 25 times: 100 likes, and none is lost.

python examples/lost_update_cures.py [LEVEL]        the first three at read committed by default, or at LEVEL
"""

import sys
import tempfile
from pathlib import Path
from threading import Thread

import minidb

LEVEL = sys.argv[1] if len(sys.argv) > 1 else "read committed"
READ = "SELECT likes FROM page WHERE id = 1"
WRITE = "UPDATE page SET likes = ? WHERE id = 1"


def atomic(connection):
    connection.execute("UPDATE page SET likes = likes + 1 WHERE id = 1")


def locking(connection):
    (likes,) = connection.execute(READ + " FOR UPDATE").fetchone()
    connection.execute(WRITE, (likes + 1,))


def compare_and_set(connection):
    while True:
        (likes,) = connection.execute(READ).fetchone()
        if connection.execute(WRITE + " AND likes = ?", (likes + 1, likes)).rowcount:
            return


def naive(connection):
    (likes,) = connection.execute(READ).fetchone()
    connection.execute(WRITE, (likes + 1,))


CURES = (
    ("atomic update", atomic, LEVEL),
    ("FOR UPDATE", locking, LEVEL),
    ("compare and set", compare_and_set, LEVEL),
    ("automatic detection", naive, "snapshot"),
    ("serializable", naive, "ssi"),
)

with tempfile.TemporaryDirectory() as directory, minidb.Database(Path(directory) / "likes.mdb") as database:

    def like(function, level):
        with database.connect(durability="off") as connection:
            for _ in range(25):
                connection.run(function, isolation_level=level, retries=1000)

    with database.connect(autocommit=True) as connection:
        connection.execute("CREATE TABLE page (id int PRIMARY KEY, likes int)")
        connection.execute("INSERT INTO page VALUES (1, 0)")
        for name, function, level in CURES:
            connection.execute("UPDATE page SET likes = 0")
            threads = [Thread(target=like, args=(function, level)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            print(f"{name} at {level}: {connection.execute(READ).fetchone()[0]} likes")
