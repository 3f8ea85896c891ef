"""How large the files are after updates, deletions and VACUUM, while somebody reads old pages, and after crashes."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from crash_world import PATH, Workload, contents, images, open_on, opened, run_all, small_log

from minidb.backup import backup, restore
from minidb.database import Database
from minidb.storage.faulty import CHANGES, FaultyFileSystem
from minidb.storage.file import MemoryFileSystem

__all__ = ["small_log"]

ROWS = 6000
SETUP = f"""CREATE TABLE t (id int PRIMARY KEY, n int, v text);
CREATE INDEX t_n ON t (n) INCLUDE (v);
INSERT INTO t SELECT g, g, 'the value of row number ' || g FROM generate_series(1, {ROWS}) g;
CHECKPOINT"""


def size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))


def update_all(database: Database, times: int = 1, part: int = 3) -> None:
    """Each row, in scattered order, with a checkpoint in between."""
    session = database.session(autocommit=True, durability="off")
    for _ in range(times):
        for rest in range(part):
            session.execute(f"UPDATE t SET n = n + 1 WHERE id % {part} = {rest}")
            database.checkpoint()


def used(database: Database) -> int:
    return sum(relation.blocks for relation in database.base.root.relations.values()) * 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.mdb"


def test_after_many_updates_the_files_are_as_large_as_after_loading(path: Path) -> None:
    database = Database(str(path), background=False)
    run_all(database.session(autocommit=True), SETUP)
    database.close()
    loaded = size(path)
    database = Database(str(path), background=False)
    update_all(database, 2)
    assert size(path) > 2 * loaded
    database.close()
    assert size(path) < 1.3 * loaded
    database = Database(str(path), background=False)
    database.check()
    assert list(database.session(autocommit=True).execute("SELECT count(*), sum(n - id) FROM t")) == [(ROWS, 2 * ROWS)]
    database.close()


def test_one_large_log_segment_does_not_outlive_the_last_checkpoint(path: Path) -> None:
    """Neither when it was in use to the end, nor when a checkpoint has just left it empty."""
    for last in ("SELECT 1", "CHECKPOINT", "INSERT INTO t VALUES (0, 0, 'last')"):
        database = Database(str(path), background=False)
        session = database.session(autocommit=True)
        session.execute("CREATE TABLE IF NOT EXISTS t (id int, n int, v text)")
        for _ in range(3):
            session.execute("INSERT INTO t VALUES (1, 1, repeat('x', 2000000))")
            session.execute("DELETE FROM t")
            session.execute("CHECKPOINT")
        session.execute(last)
        database.close()
        assert size(path) < 600_000, last


def test_a_session_that_writes_nothing_writes_nothing_at_the_end() -> None:
    files = FaultyFileSystem()
    with opened(files, leaf_bytes=None) as database:
        run_all(database.session(autocommit=True), SETUP)
        update_all(database)
    before = bytes(files.names[PATH].data)
    with opened(files, leaf_bytes=None) as database:
        contents(database)
    assert bytes(files.names[PATH].data) == before


def test_vacuum_gives_back_what_deletions_left() -> None:
    database = open_on(MemoryFileSystem(), leaf_bytes=None)
    session = database.session(autocommit=True)
    run_all(session, SETUP)
    before = database.base.file.size()
    session.execute("DELETE FROM t WHERE id > 100")
    run_all(session, "VACUUM")
    assert database.base.file.size() < used(database) + 100_000 < before / 4
    database.check()
    assert len(contents(database)["t"]) == 100
    generation = database.base.root.generation
    run_all(session, "VACUUM")
    assert database.base.root.generation == generation, "nothing more is to be had"


def test_checkpoints_move_pages_down_by_and_by() -> None:
    """A large free part goes away without VACUUM, at the pace of the changes."""
    database = open_on(MemoryFileSystem(), leaf_bytes=None)
    session = database.session(autocommit=True)
    session.execute("CREATE TABLE big (id int PRIMARY KEY, v text)")
    for start in range(0, 8000, 1000):
        session.execute(f"INSERT INTO big SELECT g, repeat('x', 1000) FROM generate_series({start}, {start + 999}) g")
    run_all(session, SETUP + ";\nCHECKPOINT;\nDROP TABLE big")
    size, ended = database.base.file.size(), 0
    while database.base.file.size() > size / 3 and ended < 20:
        session.execute("UPDATE t SET n = n + 1 WHERE id = 7")
        written = database.base.root.generation
        session.execute("CHECKPOINT")
        assert database.base.root.generation == written + 1
        ended += 1
    assert ended < 12
    database.check()


def test_readers_and_backups_of_an_old_root_go_on() -> None:
    files = MemoryFileSystem()
    database = open_on(files, cache_bytes=0, leaf_bytes=None)
    session, reader = database.session(autocommit=True), database.session(isolation_level="snapshot")
    run_all(session, SETUP)
    wanted = [(ROWS, sum(range(ROWS + 1)))]
    assert list(reader.execute("SELECT count(*), sum(n) FROM t")) == wanted

    def meanwhile(status: str, left: int, total: int) -> None:
        session.execute("UPDATE t SET n = n + 1")
        run_all(session, "VACUUM")
        session.execute("DELETE FROM t WHERE id > 3000")
        run_all(session, "VACUUM")

    backup(database, "copy.mdb", pages=40, progress=meanwhile)
    assert list(reader.execute("SELECT count(*), sum(n) FROM t")) == wanted
    reader.execute("COMMIT")
    run_all(session, "VACUUM")
    assert database.base.file.size() < used(database) + 100_000
    database.check()
    copy = Database("copy.mdb", files=files, background=False)
    copy.check()
    assert list(copy.session(autocommit=True).execute("SELECT count(*), sum(n) FROM t")) == wanted


def test_the_archive_goes_on_over_compactions(small_log: None) -> None:
    """Closing leaves empty segments behind; the archive has no gap, and every commit can be restored."""
    files = MemoryFileSystem()
    with opened(files, archive="kept/") as database:
        run_all(database.session(autocommit=True), "CREATE TABLE t (id int PRIMARY KEY, n int, v text)")
        backup(database, "copy.mdb")
    for step in range(4):
        with opened(files) as database:
            session = database.session(autocommit=True)
            session.execute(f"INSERT INTO t SELECT g, {step}, repeat('x', 300) FROM generate_series({step}, 900, 4) g")
            session.execute("UPDATE t SET n = n + 10")
            run_all(session, "CHECKPOINT;\nDELETE FROM t WHERE id % 3 = 0;\nVACUUM;\nCHECKPOINT")
            wanted = contents(database)
    restore("copy.mdb", "restored.mdb", archive="kept/", log=PATH, fs=files)
    assert contents(Database("restored.mdb", files=files, background=False)) == wanted


def test_a_crash_at_any_step_of_vacuum_and_of_closing(small_log: None) -> None:
    """The power goes off between meta pages, moves and cuts: nothing is lost."""
    work = Workload().run(
        "CREATE TABLE t (id int PRIMARY KEY, n int, v text)",
        "CREATE INDEX t_n ON t (n)",
        "INSERT INTO t SELECT g, g, 'row ' || g FROM generate_series(1, 150) g",
        "CHECKPOINT",
        "UPDATE t SET n = n + 1",
        "CHECKPOINT",
        "DELETE FROM t WHERE id % 3 > 0",
    )
    start = len(work.files.history)
    work.run("VACUUM", "UPDATE t SET n = 1 WHERE id < 60", "CHECKPOINT")
    work.database.close()
    work.promises.append(work.promises[-1]._replace(step=len(work.files.history)))
    cuts = [change for change in work.files.history[start:] if change.path == PATH and change.kind == "truncate"]
    sizes = [change.offset for change in cuts]
    assert len(sizes) >= 2 and min(sizes) < max(sizes), "the file is cut off on the way"
    random, count = Random(4), 0
    for step in range(start, len(work.files.history) + 1):
        if step == len(work.files.history) or work.files.history[step].kind in CHANGES | {"sync"}:
            for image in images(work.files, step, random, 3):
                database = open_on(image)
                database.check()
                assert contents(database) in work.allowed(step)
                database.session(autocommit=True).execute("VACUUM")
                database.check()
                count += 1
    assert count > 100
