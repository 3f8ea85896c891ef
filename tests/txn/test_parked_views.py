"""Old snapshots do not keep what others change in memory: they are parked, and read on (R29)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

import minidb
from minidb.database import Database
from minidb.errors import DataError, Error, SerializationFailure, SnapshotTooOld
from minidb.session import Session
from minidb.storage.file import MemoryFileSystem
from minidb.txn import old_views as module
from minidb.txn.old_views import OldViews

ROWS = 200
LEAF = 400  # bytes: many pages
SCHEMA = (
    "CREATE TABLE heap (id int PRIMARY KEY, v int, s text)",
    "CREATE INDEX heap_v ON heap (v) INCLUDE (s)",
    "CREATE INDEX heap_s ON heap (s) WHERE v > 50",
    "CREATE TABLE tree (a int, b int, s text, PRIMARY KEY CLUSTERED (a, b))",
    "CREATE INDEX tree_s ON tree (s)",
    "CREATE TABLE columns (id int PRIMARY KEY, v int, s text) WITH (layout = column)",
)
FILL = (
    f"INSERT INTO heap SELECT g, g, 'x' || g FROM generate_series(1, {ROWS}) g",
    f"INSERT INTO tree SELECT g % 7, g, 'x' || g FROM generate_series(1, {ROWS}) g",
    f"INSERT INTO columns SELECT g, g, 'x' || g FROM generate_series(1, {ROWS}) g",
)
MANY = 1200
FILL_MORE = f"INSERT INTO heap SELECT g, g, 'x' || g FROM generate_series({ROWS + 1}, {MANY}) g"  # several pages
QUERIES = (
    "SELECT * FROM heap ORDER BY id",
    "SELECT id, s FROM heap WHERE v BETWEEN 20 AND 90 ORDER BY v, id",
    "SELECT v, s FROM heap WHERE v < 100 ORDER BY v, s",
    "SELECT id FROM heap WHERE s > 'x5' AND v > 50 ORDER BY s, id",
    "SELECT v FROM heap WHERE id = 17",
    "SELECT count(*), sum(v) FROM heap",
    "SELECT * FROM tree ORDER BY a DESC, b DESC",
    "SELECT * FROM tree WHERE a = 3 AND b > 100",
    "SELECT b FROM tree WHERE s LIKE 'x1%' ORDER BY b",
    "SELECT v, count(*), min(s) FROM columns GROUP BY v ORDER BY v",
    "SELECT sum(v), max(id) FROM columns WHERE v > 20",
    "SELECT * FROM columns WHERE id = 17",
    "SELECT h.id, t.a FROM heap h JOIN tree t ON t.b = h.id AND t.a = h.v % 7 ORDER BY h.id, t.a",
)


@pytest.fixture
def database() -> Iterator[Database]:
    made = Database("parked.mdb", files=MemoryFileSystem(), background=False, leaf_bytes=LEAF, parking_rows=10)
    session = made.session(autocommit=True)
    for sql in (*SCHEMA, *FILL):
        session.execute(sql)
    made.checkpoint()
    yield made
    made.close()


def old_views(database: Database) -> OldViews:
    return database.checkpointer.old_views


def all_of(session: Session) -> list[Any]:
    return [list(session.execute(sql)) for sql in QUERIES]


def chains(database: Database) -> int:
    return sum(len(store.chains) for store in database.relations.stores.values())


def change_everything(database: Database, turn: int = 0) -> None:
    session = database.session(autocommit=True, durability="off")
    session.execute("UPDATE heap SET v = v + 1000, s = s || '!' WHERE id % 3 <> 0")
    session.execute("UPDATE heap SET id = id + 10000 WHERE id % 3 = 0")
    session.execute("DELETE FROM heap WHERE id % 20 = 1")
    session.execute(f"INSERT INTO heap SELECT {turn} * -1000 - g, g, 'new' FROM generate_series(1, 40) g")
    session.execute("UPDATE columns SET v = v + 1000 WHERE id % 3 = 0")
    session.execute("DELETE FROM columns WHERE id % 20 = 3")
    session.execute("UPDATE tree SET a = a + 1 WHERE b % 2 = 0")
    session.execute("UPDATE tree SET s = s || '?' WHERE b % 2 = 1")
    session.execute("DELETE FROM tree WHERE b % 20 = 3")
    session.execute("INSERT INTO tree SELECT g, g, 'new' FROM generate_series(500, 540) g ON CONFLICT DO NOTHING")
    database.checkpoint()
    session.close()


def snapshot(database: Database, **options: Any) -> Session:
    session = database.session(isolation_level="snapshot", **options)
    list(session.execute("SELECT 1 FROM heap LIMIT 1"))
    return session


def state_of(database: Database, session: Session) -> Any:
    txn = session.txn
    assert txn is not None
    return next(row[3] for row in database.inside.rows("sys.transactions") if row[0] == txn.id)


def test_a_parked_snapshot_reads_on_and_keeps_no_versions(database: Database) -> None:
    reader = snapshot(database)
    before = all_of(reader)
    for turn in range(4):
        change_everything(database, turn)
        assert chains(database) == 0
        assert not database.manager.views
        assert all_of(reader) == before
    assert state_of(database, reader) == "parked"
    assert len(old_views(database).parked) == 1
    root = old_views(database).parked[0].pinned[0]
    assert len(root.pins) == 1
    reader.commit()
    assert not root.pins
    assert all_of(reader) != before
    reader.commit()
    database.checkpoint()
    assert not old_views(database).parked
    database.check()


def test_below_the_limit_nobody_is_parked(database: Database) -> None:
    old_views(database).limit = 10_000
    reader = snapshot(database)
    before = all_of(reader)
    change_everything(database)
    assert chains(database) > ROWS
    assert state_of(database, reader) == "active"
    reader.execute("INSERT INTO heap VALUES (-999, 0, '')")
    reader.execute("ROLLBACK")
    assert all_of(reader) != before


@pytest.mark.parametrize("write", [
    "UPDATE heap SET v = 0 WHERE id = 4", "INSERT INTO tree VALUES (900, 900, '')", "DELETE FROM tree",
    "SELECT 1 FROM heap WHERE id = 4 FOR UPDATE", "CREATE TABLE t ()", "TRUNCATE heap",
])
def test_its_first_write_fails(database: Database, write: str) -> None:
    reader = snapshot(database)
    change_everything(database)
    with pytest.raises(SerializationFailure):
        reader.execute(write)
    reader.execute("ROLLBACK")
    reader.execute(write)
    reader.execute("ROLLBACK")


def test_a_read_only_one_may_fill_its_temporary_tables(database: Database) -> None:
    reader = database.session(isolation_level="snapshot")
    reader.execute("CREATE TEMPORARY TABLE mine (n int PRIMARY KEY)")
    reader.commit()
    reader.execute("BEGIN READ ONLY")
    before = all_of(reader)
    change_everything(database)
    assert all_of(reader) == before
    reader.execute("INSERT INTO mine SELECT id FROM heap")
    assert list(reader.execute("SELECT count(*), max(n) FROM mine")) == [(ROWS, ROWS)]
    assert all_of(reader) == before
    reader.commit()


def test_savepoints_in_a_parked_transaction(database: Database) -> None:
    reader = snapshot(database)
    before = all_of(reader)
    reader.execute("SAVEPOINT a")
    change_everything(database)
    assert all_of(reader) == before
    reader.execute("SAVEPOINT b")
    with pytest.raises(SerializationFailure):
        reader.execute("DELETE FROM heap")
    reader.execute("ROLLBACK TO a")
    assert all_of(reader) == before


@pytest.mark.parametrize("level", ["snapshot", "ssi"])
def test_one_that_has_written_is_given_up(database: Database, level: str) -> None:
    """Neither its own versions nor its locks hold the others' versions back."""
    writer = database.session(isolation_level=level)
    writer.execute("INSERT INTO heap VALUES (-999, 5, 'own')")
    change_everything(database)
    assert chains(database) == 1
    assert not database.manager.views
    with pytest.raises(SerializationFailure, match="snapshot has become too old"):
        writer.commit()
    assert chains(database) == 0
    assert list(writer.execute("SELECT 1 FROM heap WHERE id = -999")) == []


def test_serializable_reads_need_a_safe_snapshot(database: Database) -> None:
    safe = database.session(isolation_level="ssi")
    safe.execute("BEGIN READ ONLY")
    before = all_of(safe)
    other = database.session(isolation_level="ssi")
    other.execute("SELECT 1 FROM tree")
    unsafe = database.session(isolation_level="ssi")
    unsafe.execute("BEGIN READ ONLY")
    assert all_of(unsafe) == before
    change_everything(database)
    assert all_of(safe) == before
    for session in (other, unsafe):
        with pytest.raises(SerializationFailure, match="snapshot has become too old"):
            session.execute("SELECT 1 FROM heap")
    assert chains(database) == 0


@pytest.mark.parametrize("level", ["read committed", "snapshot"])
@pytest.mark.parametrize("autocommit", [False, True])
@pytest.mark.parametrize("sql", [QUERIES[0], QUERIES[6], QUERIES[-1].split("ORDER")[0]])
def test_a_result_that_is_being_fetched(database: Database, level: str, autocommit: bool, sql: str) -> None:
    reader = database.session(isolation_level=level, autocommit=autocommit)
    wanted = sorted(reader.execute(sql))
    if not autocommit:
        reader.execute("COMMIT")
    batches = reader.execute(sql).fetch_batches()
    rows = list(next(batches))
    for turn in range(3):
        change_everything(database, turn)
        if autocommit:
            assert chains(database) == 0
        rows += next(batches, [])
    for batch in batches:
        rows += batch
    assert sorted(rows) == wanted


def test_a_result_of_a_transaction_that_writes(database: Database) -> None:
    """It sees what was written before it, and nothing of what comes later."""
    session = database.session()
    session.execute("UPDATE heap SET s = 'own' WHERE id = 190")
    session.execute("DELETE FROM heap WHERE id = 191")
    wanted = list(session.execute("SELECT id, s FROM heap ORDER BY id"))
    batches = session.execute("SELECT id, s FROM heap ORDER BY id").fetch_batches()
    rows = list(next(batches))
    session.execute("UPDATE heap SET s = 'later' WHERE id = 195")
    other = database.session(autocommit=True)
    other.execute("UPDATE heap SET s = 'other' WHERE id < 180")
    database.checkpoint()
    assert len(old_views(database).parked) == 1
    other.execute("UPDATE heap SET s = 'again' WHERE id < 180")
    database.checkpoint()
    for batch in batches:
        rows += batch
    assert rows == wanted


def test_a_statement_that_runs_moves_over_between_two_batches(database: Database) -> None:
    with minidb.Database(":memory:", checkpoint_rows=10**9) as other:
        engine = other._engine
        engine.checkpointer.old_views.limit = 10
        connection = other.connect(autocommit=True)
        for sql in (*SCHEMA, *FILL, FILL_MORE):
            connection.execute(sql)
        engine.checkpoint()
        calls = [0]

        def disturb(value: int) -> int:
            calls[0] += 1
            if calls[0] % 300 == 150:
                change_everything(engine, calls[0])
            return value

        connection.create_function("disturb", 1, disturb, arguments=["integer"], returns="integer")
        for level in ("read committed", "snapshot"):
            connection.isolation_level = level
            before = connection.execute("SELECT sum(v), count(*) FROM heap").fetchone()
            found = connection.execute(
                "SELECT sum(disturb(h.v)), count((SELECT t.s FROM tree t WHERE t.b = h.id LIMIT 1)) FROM heap h"
            ).fetchone()
            assert found is not None
            assert found[0] == before[0]
            assert calls[0] > 300
            assert connection.execute("SELECT sum(v), count(*) FROM heap").fetchone() != before
        connection.execute("SELECT 1")
        engine.checkpoint()
        assert not engine.manager.views
        assert sum(len(store.chains) for store in engine.relations.stores.values()) == 0


@pytest.mark.parametrize("level", ["read committed", "snapshot"])
@pytest.mark.parametrize("autocommit", [False, True])
@pytest.mark.parametrize("sql", ["SELECT disturb(v) FROM heap WHERE id = 4", "SELECT sum(disturb(v)) FROM heap"])
def test_the_statement_after_one_that_was_parked(level: str, autocommit: bool, sql: str) -> None:
    """It reads what its level says, and not what is frozen for another number."""
    with minidb.Database(":memory:", checkpoint_rows=10**9) as database:
        engine = database._engine
        engine.checkpointer.old_views.limit = 10
        setup = database.connect(autocommit=True)
        for text in (*SCHEMA, *FILL, FILL_MORE):
            setup.execute(text)
        engine.checkpoint()
        connection = database.connect(isolation_level=level, autocommit=autocommit)
        turns = iter([1])

        def disturb(value: int) -> int:
            for turn in turns:
                change_everything(engine, turn)
            return value

        connection.create_function("disturb", 1, disturb, arguments=["integer"], returns="integer")
        before = setup.execute("SELECT sum(v), count(*) FROM heap").fetchone()
        assert connection.execute(sql).fetchone() in ((4,), before[:1])
        now = setup.execute("SELECT sum(v), count(*) FROM heap").fetchone()
        assert before != now
        keeps = level == "snapshot" and not autocommit
        for _ in range(2):
            assert connection.execute("SELECT sum(v), count(*) FROM heap").fetchone() == (before if keeps else now)
        setup.execute("UPDATE heap SET v = v + 7")
        engine.checkpoint()
        now = setup.execute("SELECT sum(v), count(*) FROM heap").fetchone()
        assert connection.execute("SELECT sum(v), count(*) FROM heap").fetchone() == (before if keeps else now)


def test_a_view_that_was_parked_when_its_statement_was_over(database: Database) -> None:
    """The checkpoint was late: what it has frozen is of another number."""
    reader, old = database.session(autocommit=True), snapshot(database)
    for _ in range(2):
        all_of(reader)
    change_everything(database)
    parked = old_views(database).parked[0]
    assert reader.reader is not None
    parked.users.add(reader.reader.txn)
    reader.reader.txn.parked = parked
    for _ in range(2):
        assert list(reader.execute("SELECT count(*) FROM heap WHERE id > 10000")) != [(0,)]
    assert reader.reader.txn.parked is None
    assert list(old.execute("SELECT count(*) FROM heap WHERE id > 10000")) == [(0,)]


def test_who_changes_one_row_without_a_transaction_is_left_alone(database: Database) -> None:
    """It is registered for a moment only, and would write into what is frozen."""
    writer, _ = database.session(autocommit=True), snapshot(database)
    for value in range(3):
        writer.execute("UPDATE heap SET v = ? WHERE id = 4", (value,))
    assert writer.writer is not None
    database.manager.views.backdate(writer.writer.txn, 1)
    change_everything(database)
    assert writer.writer.txn.parked is None
    database.manager.views.pop(writer.writer.txn)
    writer.execute("UPDATE heap SET v = 77 WHERE id = 4")
    assert list(writer.execute("SELECT v FROM heap WHERE id = 4")) == [(77,)]


def test_numbers_of_a_sequence_in_a_statement_that_is_parked() -> None:
    with minidb.Database(":memory:", checkpoint_rows=10**9, parking_rows=10) as database:
        connection = database.connect(autocommit=True)
        for text in (*SCHEMA, *FILL, FILL_MORE, "CREATE SEQUENCE s"):
            connection.execute(text)
        database._engine.checkpoint()

        def disturb(value: int) -> int:
            if value == 700:
                change_everything(database._engine)
            return value

        connection.create_function("disturb", 1, disturb, arguments=["integer"], returns="integer")
        sql = "SELECT max(CASE WHEN disturb(v) > 1100 THEN nextval('s') END) FROM heap"
        assert connection.execute(sql).fetchone() == (100,)


def test_too_many_of_them(database: Database) -> None:
    old_views(database).most = 2
    readers, wanted = [], []
    for turn in range(4):
        readers.append(snapshot(database))
        wanted.append(all_of(readers[-1]))
        change_everything(database, turn)
    assert len(old_views(database).parked) == 2
    for reader, rows in zip(readers[2:], wanted[2:]):
        assert all_of(reader) == rows
    for reader in readers[:2]:
        with pytest.raises(SnapshotTooOld):
            list(reader.execute(QUERIES[0]))
        reader.execute("ROLLBACK")
        all_of(reader)


def test_equal_snapshots_share_what_is_frozen(database: Database) -> None:
    readers = [snapshot(database) for _ in range(10)]
    wanted = [all_of(reader) for reader in readers]
    change_everything(database)
    assert len(old_views(database).parked) == 1
    assert [all_of(reader) for reader in readers] == wanted
    for reader in readers[:9]:
        reader.commit()
    assert all_of(readers[9]) == wanted[9]
    readers[9].commit()
    assert not any(parked.open for parked in old_views(database).parked)


def test_a_schema_that_is_changed_meanwhile(database: Database) -> None:
    reader = snapshot(database)
    before = list(reader.execute("SELECT id, v, s FROM heap"))
    change_everything(database)
    other = database.session(autocommit=True)
    other.execute("CREATE INDEX tree_b ON tree (b)")
    other.execute("CREATE TABLE later (n int)")
    assert list(reader.execute("SELECT id, v, s FROM heap")) == before
    reader.execute("SAVEPOINT a")
    for table in ("tree", "later"):
        with pytest.raises(SerializationFailure):
            reader.execute(f"SELECT count(*) FROM {table}")
        reader.execute("ROLLBACK TO a")
    assert list(reader.execute("SELECT id, v, s FROM heap")) == before


def test_what_cannot_be_frozen_is_left_as_it_is(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The expression of an index that came later fails for an old row, say."""
    def fail(*_: object) -> None:
        raise DataError("division by zero")

    reader = snapshot(database)
    before = all_of(reader)
    with monkeypatch.context() as patched:
        patched.setattr(module, "frozen_store", fail)
        change_everything(database)
    assert not old_views(database).parked
    assert chains(database) > 10
    assert all_of(reader) == before
    change_everything(database, 1)
    assert len(old_views(database).parked) == 1
    assert all_of(reader) == before


def test_time_travel_ends_where_nothing_is_kept(database: Database) -> None:
    reader = snapshot(database)
    assert reader.txn is not None
    number = reader.txn.snapshot
    change_everything(database)
    with pytest.raises(Error, match="not held any more"):
        database.session().execute(f"SELECT * FROM heap AS OF COMMIT {number}")
    database.manager.past.keep(database, 1000.0)
    number = database.manager.published
    wanted = list(database.session().execute("SELECT * FROM heap ORDER BY id"))
    change_everything(database, 2)
    assert chains(database) > 10  # the window was asked for: nobody is parked for it
    assert list(database.session().execute(f"SELECT * FROM heap ORDER BY id AS OF COMMIT {number}")) == wanted
    database.manager.past.keep(database, None)


def random_change(session: Session, random: Random) -> None:
    low = random.randrange(ROWS)
    session.execute(random.choice((
        f"UPDATE heap SET v = v + {random.randrange(90)} WHERE id BETWEEN {low} AND {low + random.randrange(40)}",
        f"UPDATE heap SET s = 'y' || v WHERE id % 10 = {low % 10}",
        f"DELETE FROM heap WHERE id BETWEEN {low} AND {low + 3}",
        f"INSERT INTO heap SELECT g, g, 'z' FROM generate_series({low}, {low + 9}) g ON CONFLICT DO NOTHING",
        f"UPDATE tree SET b = b + 1000 WHERE b = {low}",
        f"UPDATE tree SET s = 'y' || b WHERE a = {low % 7}",
        f"UPDATE columns SET v = v + 5 WHERE id > {low}",
        f"DELETE FROM columns WHERE id = {low}",
        f"DELETE FROM tree WHERE b BETWEEN {low} AND {low + 3}",
        f"INSERT INTO tree SELECT {low % 7}, g, 'z' FROM generate_series({low}, {low + 9}) g ON CONFLICT DO NOTHING",
    )))


@pytest.mark.parametrize("seed", range(6))
def test_snapshots_of_any_age_among_changes_savepoints_and_checkpoints(database: Database, seed: int) -> None:
    random = Random(seed)
    old_views(database).limit = random.choice((0, 20, 100))
    readers: list[tuple[Session, list[Any]]] = []
    streams: list[tuple[Iterator[list[Any]], list[Any], list[Any]]] = []
    writers = [database.session(durability="off") for _ in range(2)]
    for _ in range(60):
        writer, chance = random.choice(writers), random.random()
        try:
            random_change(writer, random)
            if chance < 0.2:
                writer.execute("SAVEPOINT a")
                random_change(writer, random)
                writer.execute("ROLLBACK TO a")
            if chance < 0.7:
                for other in writers:
                    other.execute("COMMIT")
        except Error as error:
            assert error.sqlstate in ("40001", "55P03", "23505"), error
            writer.execute("ROLLBACK")
        for other in writers:  # so that nobody waits
            other.execute("ROLLBACK" if chance > 0.9 else "COMMIT")
        if chance < 0.15 and len(readers) < 4:
            session = snapshot(database)
            readers.append((session, all_of(session)))
        if 0.1 < chance < 0.2 and len(streams) < 3:
            sql = random.choice((QUERIES[0], QUERIES[6]))
            session = database.session(autocommit=True)
            wanted = list(session.execute(sql))
            streams.append((session.execute(sql).fetch_batches(), [], wanted))
        if random.random() < 0.3:
            database.checkpoint()
        for session, before in readers:
            try:
                assert all_of(session) == before
            except SnapshotTooOld:
                session.execute("ROLLBACK")
                readers.remove((session, before))
                break
        for batches, rows, wanted in list(streams):
            batch = next(batches, None)
            if batch is None:
                assert rows == wanted
                streams.remove((batches, rows, wanted))
            else:
                rows += batch
    for session, _ in readers:
        session.commit()
    for batches, _, _ in streams:
        for _ in batches:
            pass
    database.checkpoint()
    database.checkpoint()
    assert not old_views(database).parked
    assert not database.manager.views
    database.check()


def test_threads_that_read_while_they_are_parked() -> None:
    """The hand-over between a running statement and the checkpoint (P1)."""
    with minidb.Database(":memory:", checkpoint_rows=10**9) as database:
        engine = database._engine
        engine.checkpointer.old_views.limit = 0
        engine.checkpointer.old_views.most = 50
        with database.connect(autocommit=True) as setup:
            for sql in (*SCHEMA, *FILL, FILL_MORE):
                setup.execute(sql)
        stop = threading.Event()
        failures: list[BaseException] = []

        def read(level: str) -> None:
            connection = database.connect(isolation_level=level)
            try:
                while not stop.is_set():
                    total = None
                    for _ in range(5):
                        for sql in ("SELECT sum(v) FROM heap", "SELECT sum(v) FROM heap WHERE v >= 0"):
                            found = connection.execute(sql).fetchone()
                            assert found is not None
                            assert found[0] % 1000 == MANY * (MANY + 1) // 2 % 1000, found
                            assert total in (None, found[0]) or level != "snapshot"
                            total = found[0]
                        row = connection.execute("SELECT v % 1000 FROM heap WHERE id = 17").fetchone()
                        assert row == (17,)
                    connection.commit()
            except BaseException as error:
                failures.append(error)
            finally:
                connection.close()

        def fetch() -> None:
            connection = database.connect(autocommit=True)
            try:
                while not stop.is_set():
                    rows = connection.execute("SELECT v FROM heap ORDER BY id").fetchall()
                    assert [v % 1000 for v, in rows] == [n % 1000 for n in range(1, MANY + 1)]
                    assert len({v - n for n, (v,) in enumerate(rows) if n % 2}) == 1
            except BaseException as error:
                failures.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=read, args=(level,)) for level in ("snapshot", "read committed")]
        threads.append(threading.Thread(target=fetch))
        for thread in threads:
            thread.start()
        with database.connect(autocommit=True, durability="off") as writer:
            for turn in range(5):
                writer.execute("UPDATE heap SET v = v + 1000 WHERE id % 2 = ?", (turn % 2,))
                engine.checkpoint()
        stop.set()
        for thread in threads:
            thread.join(60)
        assert not failures, failures
        engine.checkpoint()
        engine.checkpoint()
        assert not engine.manager.views
        assert not engine.checkpointer.old_views.parked
