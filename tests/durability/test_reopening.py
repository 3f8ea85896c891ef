"""Opening after a clean shutdown: nothing is written before the first change, and a crash at any step loses nothing."""

from __future__ import annotations

from random import Random

from crash_world import contents, images, open_on, opened, small_log

from minidb.storage.faulty import FaultyFileSystem
from minidb.storage.file import MemoryFileSystem

__all__ = ["small_log"]


def closed_cleanly() -> MemoryFileSystem:
    files = MemoryFileSystem()
    with opened(files) as database:
        session = database.session(autocommit=True)
        session.execute("CREATE TABLE t (id int PRIMARY KEY)")
        session.execute("INSERT INTO t VALUES (1)")
    return files


def test_who_only_reads_writes_and_syncs_nothing(small_log: None) -> None:
    files = FaultyFileSystem(closed_cleanly())
    with opened(files) as database:
        assert contents(database) == {"t": [("1",)]}
    assert not files.history


def test_a_crash_at_any_step_of_the_first_change(small_log: None) -> None:
    files = FaultyFileSystem(closed_cleanly())
    database = open_on(files)
    database.session(autocommit=True).execute("INSERT INTO t VALUES (2)")
    done = len(files.history)
    database.checkpoint()
    random = Random(1)
    for step in range(len(files.history) + 1):
        for image in images(files, step, random):
            found = open_on(image)
            found.check()
            wanted = [[("1",), ("2",)]] if step >= done else [[("1",)], [("1",), ("2",)]]
            assert contents(found)["t"] in wanted
            found.session(autocommit=True).execute("INSERT INTO t VALUES (3)")
            found.check()
