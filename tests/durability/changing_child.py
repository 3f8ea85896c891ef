"""A process whose threads change rows until it is killed: `changing_child.py PATH FIRST_NUMBER`. See `test_changes`."""

from __future__ import annotations

import sys
import threading

import minidb

THREADS = 3


def work(database: minidb.Database, thread: int, number: int) -> None:
    connection = database.connect(durability=("full", "normal", "off")[thread])
    while True:
        connection.execute("INSERT INTO t VALUES (?, ?, 0)", (number, thread))
        connection.execute("UPDATE t SET n = n + 1 WHERE thread = ? AND id % 7 = ?", (thread, number % 7))
        if number % 5 == 0:
            connection.execute("DELETE FROM t WHERE id = ?", (number - THREADS * 5,))
        connection.commit()
        number += THREADS


def main(path: str, first: str) -> None:
    database = minidb.Database(path, checkpoint_bytes=30_000, checkpoint_rows=80)
    for thread in range(THREADS):
        threading.Thread(target=work, args=(database, thread, int(first) + thread), daemon=True).start()
    print("begun", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
