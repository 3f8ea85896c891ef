"""The power goes off before every write and sync of a workload, with any part of what was not synced lost or torn.

After each crash the database opens, `check()` finds nothing, and it contains exactly the acknowledged commits, plus at
most the one that was under way (R1, R4, R6 to R10, R13, R14, R19, R20, R77).
"""

from __future__ import annotations

from random import Random

import pytest
from crash_world import Workload, contents, images, open_on, small_log

from minidb.storage.faulty import CHANGES, FaultyFileSystem
from minidb.txn import manager

__all__ = ["small_log"]

TABLES = """CREATE TABLE account (id int PRIMARY KEY, owner text, balance numeric(12,2));
CREATE INDEX account_owner ON account (owner);
CREATE TABLE reading (sensor int, at timestamp, value real, PRIMARY KEY CLUSTERED (sensor, at));
CREATE INDEX reading_value ON reading (value)"""


def checkpoint(work: Workload) -> None:
    work.database.checkpoint()


def large(work: Workload) -> None:
    """A transaction that goes through chunks, part of which it rolls back to a savepoint (R6)."""
    session = work.session
    session.execute("BEGIN")
    session.execute("INSERT INTO account SELECT g, 'big' || g, g FROM generate_series(200, 220) g")
    session.execute("SAVEPOINT s")
    session.execute("INSERT INTO account SELECT g, 'gone' || g, g FROM generate_series(300, 320) g")
    session.execute("UPDATE account SET owner = 'touched' WHERE id < 210")
    session.execute("ROLLBACK TO s")
    session.execute("DELETE FROM account WHERE id BETWEEN 205 AND 207")
    session.execute("UPDATE account SET balance = balance + 1 WHERE id = 1")
    session.execute("COMMIT")


def rolled_back(work: Workload) -> None:
    session = work.session
    session.execute("BEGIN")
    session.execute("INSERT INTO account SELECT g, 'never', g FROM generate_series(400, 430) g")
    session.execute("DELETE FROM reading")
    session.execute("ROLLBACK")


STEPS = (
    "INSERT INTO account SELECT g, 'owner' || g % 3, g * 10 FROM generate_series(1, 12) g",
    "INSERT INTO reading SELECT g % 2, timestamp '2026-01-01 00:00:00', g FROM generate_series(1, 2) g",
    "UPDATE account SET balance = NULL WHERE id = 3",
    checkpoint,
    "DELETE FROM account WHERE id IN (2, 4)",
    "UPDATE account SET owner = 'an owner whose name is much longer than before' WHERE id > 8",
    large,
    rolled_back,
    "UPDATE reading SET sensor = sensor + 5",
    checkpoint,
    "CREATE INDEX account_balance ON account (balance DESC)",
    "INSERT INTO account VALUES (50, 'late', 1)",
    "ALTER TABLE account ADD COLUMN note text DEFAULT 'none'",
    "UPDATE account SET note = 'seen' WHERE id = 5",
    "TRUNCATE reading",
    "INSERT INTO reading VALUES (9, '2026-02-02 02:02:02', 2.5)",
    checkpoint,
    "DROP TABLE reading",
    "DROP INDEX account_owner",
    checkpoint,
    "INSERT INTO account (id, owner) VALUES (60, 'last')",
)


def every_crash(work: Workload, seed: int, *, start: int | None = None, more: int = 1) -> int:
    """Crashes before each change and sync since `start`; returns how many disks were looked at."""
    random, count = Random(seed), 0
    history = work.files.history
    for step in range(work.created if start is None else start, len(history) + 1):
        if step < len(history) and history[step].kind not in CHANGES | {"sync", "sync_directory"}:
            continue
        allowed = work.allowed(step)
        for image in images(work.files, step, random, more):
            database = open_on(image)
            database.check()
            found = contents(database)
            assert found in allowed, f"step {step}: {describe(work, step)}"
            count += 1
    return count


def describe(work: Workload, step: int) -> str:
    change = work.files.history[step] if step < len(work.files.history) else None
    return "the end" if change is None else f"{change.kind} {change.path} at {change.offset}"


@pytest.mark.parametrize("durability", ["full", "normal", "off"])
def test_crash_at_every_write_and_sync(small_log: None, monkeypatch: pytest.MonkeyPatch, durability: str) -> None:
    monkeypatch.setattr(manager, "CHUNK", 8)
    work = Workload(durability).run(TABLES.split(";\n")[0], *TABLES.split(";\n")[1:], *STEPS)
    work.session.durability = "full"
    work.run("INSERT INTO account (id, owner) VALUES (61, 'full')")
    assert every_crash(work, seed=1, more=1 if durability == "full" else 0) > 100


def test_crash_during_recovery(small_log: None) -> None:
    """Recovery writes, too: a crash in the middle of it loses nothing (R5, R9)."""
    work = Workload().run(*TABLES.split(";\n"), *STEPS[:6])
    for step in range(work.created, len(work.files.history) + 1, 7):
        image = work.files.crash(work.files.pending(step), step=step)
        second = FaultyFileSystem(image)
        expected = contents(open_on(second))
        assert expected in work.allowed(step)
        for again in range(len(second.history) + 1):
            for after in images(second, again, Random(again), more=1):
                database = open_on(after)
                database.check()
                assert contents(database) == expected


def test_crash_after_recovery_and_more_work(small_log: None) -> None:
    """Commits after a crash stand on what recovery gave out (R9, R10)."""
    work = Workload().run(*TABLES.split(";\n"), *STEPS[:9])
    for step in range(work.created, len(work.files.history) + 1, 11):
        image = FaultyFileSystem(work.files.crash(work.files.pending(step), step=step))
        database = open_on(image)
        if "account" not in contents(database):
            continue
        database.session(autocommit=True).execute("INSERT INTO account (id) VALUES (1000), (1001)")
        expected = contents(database)
        again = open_on(image.crash())
        again.check()
        assert contents(again) == expected


def test_clean_close_at_every_step(small_log: None) -> None:
    """Closing writes a checkpoint; a crash during it loses nothing, and the log may be deleted after it (R14, R19)."""
    work = Workload().run(*TABLES.split(";\n"), *STEPS[:8])
    start = len(work.files.history)
    work.database.close()
    work.promises.append(work.promises[-1]._replace(step=len(work.files.history)))
    assert every_crash(work, seed=3, start=start) > 5
