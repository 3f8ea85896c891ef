"""A process whose threads commit until it is killed: `committing_child.py PATH FIRST_NUMBER DURABILITY`.

It says `begin N` before the COMMIT of transaction N, and `done N` when COMMIT has returned. See `test_kill`.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from typing import Any

import minidb

THREADS = 4
TABLES = (
    "CREATE TABLE IF NOT EXISTS h (id int PRIMARY KEY, thread int, v text)",
    "CREATE TABLE IF NOT EXISTS c (thread int, id int, v text, PRIMARY KEY CLUSTERED (thread, id))",
    "CREATE TABLE IF NOT EXISTS n (thread int PRIMARY KEY, total int)",
)
COUNT = "INSERT INTO n VALUES (?, 1) ON CONFLICT (thread) DO UPDATE SET total = n.total + 1"
SPEAKING = threading.Lock()


def tell(word: str, number: int) -> None:
    with SPEAKING:
        sys.stdout.write(f"{word} {number}\n")
        sys.stdout.flush()


def work_or_end(*arguments: Any) -> None:
    """An error ends the process: who waits for it to be killed must not wait for ever."""
    try:
        work(*arguments)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def work(database: minidb.Database, durability: str, thread: int, number: int) -> None:
    connection = database.connect(durability=durability)
    while True:
        text = "v" * (number * 37 % 900)
        connection.execute("INSERT INTO h VALUES (?, ?, ?)", (number, thread, text))
        connection.execute("INSERT INTO c VALUES (?, ?, ?)", (thread, number, text))
        connection.execute(COUNT, (thread,))
        if number % 3 == 0:
            connection.execute("UPDATE h SET v = 'changed' WHERE id = ?", (number,))
        tell("begin", number)
        connection.commit()
        tell("done", number)
        number += THREADS


def main(path: str, first: str, durability: str) -> None:
    database = minidb.Database(path, checkpoint_bytes=40_000, checkpoint_rows=60)
    with database.connect(autocommit=True) as setup:
        for sql in TABLES:
            setup.execute(sql)
    for thread in range(THREADS):
        arguments = (database, durability, thread, int(first) + thread)
        threading.Thread(target=work_or_end, args=arguments, daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
