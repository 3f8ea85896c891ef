"""Sequences and the loss of power: no number that a committed transaction has drawn is ever given out again.

The workload draws in transactions that write, that only read, that are rolled back, and between checkpoints. Before
every write and sync the power goes off; then the next number must be above all that had been drawn when the last
acknowledged transaction ended. A clean close loses no number at all.
"""

from __future__ import annotations

import threading
from random import Random

import pytest
from crash_world import images, open_on, small_log

from minidb.database import Database
from minidb.session import Session
from minidb.storage.faulty import CHANGES, FaultyFileSystem
from minidb.storage.file import MemoryFileSystem

__all__ = ["small_log"]

Drawn = tuple[int, int]  # length of the history when the transaction was acknowledged, highest number drawn by then


def next_number(database: Database, name: str = "s") -> int:
    return number(database.session(autocommit=True), f"SELECT nextval('{name}')")


def number(session: Session, sql: str) -> int:
    return int(next(iter(session.execute(sql)))[0])


class Drawing:
    """Transactions of many kinds, and what each of them has promised."""

    def __init__(self, durability: str = "full") -> None:
        self.files = FaultyFileSystem()
        self.database = open_on(self.files)
        self.session = self.database.session(autocommit=True, durability=durability)
        self.other = self.database.session(autocommit=True, durability=durability)
        self.session.execute("CREATE SEQUENCE s")
        self.session.execute("CREATE TABLE t (id bigint DEFAULT nextval('s'))")
        self.created = len(self.files.history)
        self.promises: list[Drawn] = []
        self.highest = 0

    def promise(self, drawn: int) -> None:
        self.highest = max(self.highest, drawn)
        self.promises.append((len(self.files.history), self.highest))

    def reads(self) -> None:
        self.promise(number(self.session, "SELECT nextval('s')"))

    def writes(self) -> None:
        self.promise(number(self.session, "INSERT INTO t DEFAULT VALUES RETURNING id"))

    def rolls_back(self) -> None:
        """The next one uses what this one was the first to reach beyond."""
        self.session.execute("BEGIN")
        for _ in range(20):
            number(self.session, "SELECT nextval('s')")
        self.session.execute("ROLLBACK")

    def overlaps(self) -> None:
        """One draws first, the other commits first."""
        self.session.execute("BEGIN")
        rows = self.session.execute("INSERT INTO t SELECT nextval('s') FROM generate_series(1, 40) RETURNING id")
        highest = max(int(row[0]) for row in rows)
        self.promise(number(self.other, "INSERT INTO t DEFAULT VALUES RETURNING id"))
        self.database.checkpoint()
        self.session.execute("COMMIT")
        self.promise(highest)

    def run(self, seed: int) -> None:
        random = Random(seed)
        kinds = [self.reads, self.writes, self.rolls_back, self.overlaps, self.database.checkpoint]
        for _ in range(25):
            random.choices(kinds, (4, 4, 1, 1, 1))[0]()


@pytest.mark.parametrize("seed", range(4))
def test_no_number_comes_twice(small_log: None, seed: int) -> None:
    work = Drawing()
    work.run(seed)
    history, random, looked = work.files.history, Random(seed), 0
    for step in range(work.created, len(history) + 1):
        if step < len(history) and history[step].kind not in CHANGES | {"sync", "sync_directory"}:
            continue
        promised = max((highest for place, highest in work.promises if place <= step), default=0)
        for image in images(work.files, step, random, 1):
            database = open_on(image)
            database.check()
            assert next_number(database) > promised, f"step {step}"
            looked += 1
    assert looked > 50


def test_a_crash_of_the_process_loses_no_number_of_normal_commits(small_log: None) -> None:
    work = Drawing("normal")
    for _ in range(3):
        work.reads()
        work.writes()
        survivor = open_on(work.files.crash(work.files.pending()))
        assert next_number(survivor) > work.highest


def test_numbers_are_logged_ahead(small_log: None) -> None:
    """Thirty-three transactions that only draw need two syncs."""
    work = Drawing()
    before = sum(1 for change in work.files.history if change.kind == "sync")
    for _ in range(33):
        work.reads()
    syncs = sum(1 for change in work.files.history if change.kind == "sync") - before
    assert syncs <= 2
    assert next_number(open_on(work.files.crash([]))) == 34


def test_setval_and_restart_survive(small_log: None) -> None:
    files = FaultyFileSystem()
    database = open_on(files)
    session = database.session(autocommit=True)
    for sql in ("CREATE SEQUENCE s", "CREATE SEQUENCE r", "SELECT setval('s', 1000)", "SELECT nextval('r')",
                "ALTER SEQUENCE r RESTART 500 INCREMENT 10", "SELECT setval('s', 70)"):
        session.execute(sql)
    survivor = open_on(files.crash([]))
    assert next_number(survivor) == 71
    assert next_number(survivor, "r") == 500


def test_a_clean_close_loses_no_number() -> None:
    files = MemoryFileSystem()
    for expected in range(1, 4):
        database = open_on(files)
        assert next_number(database) == expected if expected > 1 else create(database)
        database.close()
    database = open_on(files)
    session = database.session()
    session.execute("SELECT nextval('s')")
    session.rollback()  # nothing of this reaches the log
    database.close()
    assert next_number(open_on(files)) == 5


def create(database: Database) -> bool:
    database.session(autocommit=True).execute("CREATE SEQUENCE s")
    return next_number(database) == 1


def test_a_rolled_back_restart_is_forgotten_and_the_numbers_drawn_are_not() -> None:
    database = open_on(MemoryFileSystem())
    session = database.session(autocommit=True)
    session.execute("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, v int)")
    session.execute("INSERT INTO t (v) VALUES (1), (2)")
    session.execute("BEGIN")
    session.execute("TRUNCATE t RESTART IDENTITY")
    assert number(session, "INSERT INTO t (v) VALUES (3) RETURNING id") == 1
    session.execute("ROLLBACK")
    assert number(session, "INSERT INTO t (v) VALUES (3) RETURNING id") == 3


def test_threads_draw_every_number_once() -> None:
    database = open_on(MemoryFileSystem())
    database.session(autocommit=True).execute("CREATE SEQUENCE s")
    drawn: list[list[int]] = [[] for _ in range(8)]

    def draw(mine: list[int]) -> None:
        session = database.session(autocommit=True)
        for _ in range(100):
            mine.append(number(session, "SELECT nextval('s')"))

    threads = [threading.Thread(target=draw, args=(mine,)) for mine in drawn]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(value for mine in drawn for value in mine) == list(range(1, 801))
    assert all(mine == sorted(mine) for mine in drawn)
