"""Results that stream while their session goes on (R74), and what plans and DDL do to them."""

from __future__ import annotations

import pytest

import minidb
from minidb.database import Database
from minidb.errors import InvalidCursorState
from minidb.session import Result

ROWS = 20_000
STREAMING = ("read committed", "snapshot", "read uncommitted")


@pytest.fixture(scope="module")
def database() -> Database:
    made = Database(background=False)
    setup = made.session(autocommit=True, durability="off")
    setup.execute("CREATE TABLE t (id int PRIMARY KEY, v int)")
    setup.execute(f"INSERT INTO t SELECT g, 0 FROM generate_series(1, {ROWS}) g")
    made.checkpoint()
    return made


def rest(result: Result) -> int:
    return sum(1 for _ in result)


@pytest.mark.parametrize("level", STREAMING)
def test_a_stream_holds_one_batch_and_sees_its_snapshot_to_the_end(database: Database, level: str) -> None:
    session, other = database.session(), database.session(autocommit=True, durability="off")
    session.begin(isolation_level=level)
    result = session.execute("SELECT id, v FROM t")
    assert result.stream is not None
    other.execute("DELETE FROM t WHERE id > 19990")
    database.checkpoint()
    assert session.execute("SELECT 1").rows == [(1,)]
    expected = ROWS - 10 if level == "read uncommitted" else ROWS
    assert rest(result) == expected
    session.rollback()
    other.execute("INSERT INTO t SELECT g, 0 FROM generate_series(19991, 20000) g")


def test_an_update_in_the_loop_does_not_meet_its_own_reader(database: Database) -> None:
    session = database.session()
    seen = 0
    for batch in session.execute("SELECT id FROM t WHERE id <= 9000").fetch_batches():
        for (key,) in batch[:2]:
            session.execute("INSERT INTO t VALUES (?, 1)", (-key,))
        seen += len(batch)
    assert seen == 9000
    session.rollback()


def test_commit_fetches_the_rest(database: Database) -> None:
    session = database.session()
    result = session.execute("SELECT id FROM t")
    session.commit()
    assert rest(result) == ROWS
    assert not database.manager.views


def test_rollback_closes(database: Database) -> None:
    session = database.session()
    result = session.execute("SELECT id FROM t")
    session.rollback()
    with pytest.raises(InvalidCursorState) as caught:
        rest(result)
    assert caught.value.sqlstate == "24000"
    assert not database.manager.views


def test_rollback_to_a_savepoint_closes_what_came_after_it(database: Database) -> None:
    session = database.session()
    session.begin()
    session.execute("SAVEPOINT s")
    result = session.execute("SELECT id FROM t")
    session.execute("ROLLBACK TO s")
    with pytest.raises(InvalidCursorState):
        rest(result)
    session.rollback()


@pytest.mark.parametrize("level", ["2pl", "ssi", "serial"])
def test_serializable_levels_fetch_the_whole_result(database: Database, level: str) -> None:
    session = database.session()
    session.begin(isolation_level=level)
    assert session.execute("SELECT id FROM t").stream is None
    session.rollback()


def test_with_autocommit_a_stream_keeps_its_snapshot_and_its_table(database: Database) -> None:
    session = database.session(autocommit=True, durability="off")
    result = session.execute("SELECT id FROM t")
    session.execute("UPDATE t SET v = 5 WHERE id = 20000")
    session.execute("ALTER TABLE t ADD COLUMN extra int")
    assert rest(result) == ROWS
    session.execute("ALTER TABLE t DROP COLUMN extra")
    assert not database.manager.views
    assert not database.manager.active


def test_a_stream_that_is_dropped_holds_nothing(database: Database) -> None:
    session = database.session(autocommit=True)
    session.execute("SELECT id FROM t").close()
    assert not database.manager.views
    assert not database.manager.active


def test_a_cursor_of_the_driver(path: str) -> None:
    with minidb.connect(path) as connection:
        connection.execute("CREATE TABLE t (id int)")
        connection.execute("INSERT INTO t SELECT g FROM generate_series(1, 9000) g")
        connection.commit()
        cursor = connection.execute("SELECT id FROM t")
        assert cursor.fetchone() == (1,)
        connection.commit()
        assert len(cursor.fetchall()) == 8999
        cursor = connection.execute("SELECT id FROM t")
        connection.rollback()
        with pytest.raises(minidb.ProgrammingError):
            cursor.fetchall()
