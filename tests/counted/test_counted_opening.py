"""What opening a database and answering its first query take, counted: a program that is run for one question pays for
nothing else. The limit of bytecodes is what was counted, and a tenth more."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from counted_world import World

import minidb
from benchmarks.bytecodes import Count, place
from benchmarks.bytecodes import bank as stored_bank

POINT = "SELECT * FROM account WHERE id = ?"
BYTECODES = 58_000


def ask(path: Path, key: int) -> minidb.Database:
    database = minidb.Database(str(path))
    assert database.connect(autocommit=True).execute(POINT, (key,)).fetchone()[0] == key
    return database


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="other versions of CPython have other bytecodes")
@pytest.mark.skipif(sys.gettrace() is not None, reason="somebody else is tracing")
def test_bytecodes_of_an_opening_and_its_first_query(tmp_path: Path) -> None:
    stored_bank(tmp_path).close()
    ask(tmp_path / "bank.mdb", 5).close()  # modules are imported, what is made once in a process is made
    opened = []
    count = Count()
    count.run(lambda: opened.append(ask(tmp_path / "bank.mdb", 7)))
    opened[0].close()
    most = [f"{bytecodes} {place(code)}" for code, bytecodes in count.bytecodes.most_common(10)]
    assert 0 < count.bytecodes.total() < BYTECODES, (count.bytecodes.total(), most)


def test_nothing_is_written_or_synced_and_one_statement_is_compiled(bank: Callable[[int], World]) -> None:
    world = bank(3000)
    world.database.close()
    base, log = world.files.base.copy(), world.files.log.copy()
    world.open()
    with world.counted() as work:
        assert world.connect().execute(POINT, (5,)).fetchone() == (5, "owner 5", 35, 5)
    base, log = world.files.base - base, world.files.log - log
    assert (base.writes, base.syncs, log.writes, log.syncs) == (0, 0, 0, 0)
    assert base.reads <= 12  # four of the file's head, three tables, four pages
    assert log.reads <= 3
    assert (work.compiled, work.rows_decoded, work.judged, work.versions) == (1, 0, 0, 0)


def test_who_only_reads_starts_no_thread(tmp_path: Path) -> None:
    stored_bank(tmp_path).close()
    threads = threading.active_count()
    database = ask(tmp_path / "bank.mdb", 5)
    assert threading.active_count() == threads
    database.connect(autocommit=True).execute("UPDATE account SET balance = 0 WHERE id = 5")
    assert threading.active_count() == threads + 1, "from the first write on checkpoints may be due"
    database.close()
    assert threading.active_count() == threads


def test_a_second_session_has_a_thread_that_closes_what_the_first_forgets(tmp_path: Path) -> None:
    stored_bank(tmp_path).close()
    threads = threading.active_count()
    database = ask(tmp_path / "bank.mdb", 5)
    other = database.connect()
    assert threading.active_count() == threads + 1
    other.close()
    database.close()


def test_a_database_that_was_not_closed_has_something_to_fold(tmp_path: Path) -> None:
    database = stored_bank(tmp_path)
    database.connect(autocommit=True).execute("UPDATE account SET balance = 0 WHERE id = 5")
    database._engine.leave()
    threads = threading.active_count()
    database = ask(tmp_path / "bank.mdb", 5)
    assert threading.active_count() == threads + 1
    database.close()
