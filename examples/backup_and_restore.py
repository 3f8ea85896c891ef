"""Backup, archive, restore: the whole table was deleted at noon, so back to the moment before.

python examples/backup_and_restore.py
"""

import contextlib
import io
import tempfile
from pathlib import Path

import minidb
from minidb.cli.main import main

with tempfile.TemporaryDirectory() as name:
    directory = Path(name)
    shop, copy, archive, restored = (directory / n for n in ("shop.mdb", "copy.mdb", "archive", "restored.mdb"))
    with minidb.connect(shop, autocommit=True, archive=str(archive)) as connection:
        connection.execute("CREATE TABLE item (name text PRIMARY KEY, amount int)")
        connection.execute("INSERT INTO item VALUES ('pen', 5)")
        print("backup of commit", connection.backup(copy))  # others may write meanwhile

        connection.execute("INSERT INTO item VALUES ('ink', 2)")
        (good,) = connection.execute("SELECT current_commit()").fetchone()
        connection.execute("DELETE FROM item")  # the mistake

    # The same as: minidb restore copy.mdb -o restored.mdb --archive archive --log shop.mdb --until N
    with contextlib.redirect_stdout(io.StringIO()):
        words = ["restore", copy, "-o", restored, "--archive", archive, "--log", shop, "--until", good]
        status = main([str(word) for word in words])
    print("restored" if status == 0 else "failed")
    with minidb.connect(restored) as connection:
        print(connection.execute("SELECT * FROM item ORDER BY name").fetchall())
