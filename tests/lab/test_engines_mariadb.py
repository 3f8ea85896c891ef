"""MariaDB: a private server, if its programs and PyMySQL are installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from engine_checks import HERE, check, did, documented, failures, running, schedule, transcript, values

from minidb import errors
from minidb.lab.compare import compare, mark, words
from minidb.lab.demos import DEMOS
from minidb.lab.engines.choose import open_engine
from minidb.lab.engines.inspection import levels_of
from minidb.lab.engines.protocol import Engine
from minidb.lab.engines.servers import MariaDBServer, Server
from minidb.lab.matrix import rows
from minidb.lab.measured import line, name, shown
from minidb.lab.tour import play_on

ROWS = ("G1a", "PMP", "P4", "G2-item")  # a wait costs a tenth of a second; `make isolation-matrix` measures all


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    yield from running(MariaDBServer, "pymysql")


def test_transcript(server: MariaDBServer) -> None:
    check(HERE / "counter.mariadb.out", transcript(server.url, "counter"))


@pytest.mark.parametrize("row", ROWS)
def test_document_has_what_is_measured(engine: Engine, row: str) -> None:
    demo, scene = next((demo, scene) for demo, scene in rows(DEMOS) if scene.row == row)
    cells = [shown(play_on(engine, scene, level.name, level.like[0])) for level in levels_of(engine)]
    assert line([name(demo, scene), *cells]) in documented("MariaDB")


def test_comparison(engine: Engine) -> None:
    cells = {cell.level: f"{mark(cell)} {words(cell)}" for cell in compare(schedule("doctors"), engine)}
    assert cells["repeatable read"] == "✗ anomaly 2×, no wait 1×"
    assert cells["serializable"] == "✓ 40P01 1×, waits 1×, no wait 1×"


def test_a_deadlock_is_found_at_once(counter: Engine) -> None:
    a, b = counter.connect("a"), counter.connect("b")
    did(a, "BEGIN; UPDATE counter SET n = 1 WHERE id = 1")
    did(b, "BEGIN; UPDATE counter SET n = 2 WHERE id = 2")
    a.start("UPDATE counter SET n = 1 WHERE id = 2")
    assert a.busy
    assert a.words == "b (X lock on counter, index PRIMARY)"
    b.start("UPDATE counter SET n = 2 WHERE id = 1")
    assert counter.settle() == [a]
    (error,) = failures(b.take())
    assert isinstance(error, errors.DeadlockDetected)
    assert error.detail == "error 1213 of the server"
    assert did(b, "UPDATE counter SET n = 3 WHERE id = 2")[0].error is not None  # nothing runs outside of a transaction
    assert did(b, "COMMIT")[0].tag == "ROLLBACK"


def test_a_conflict_with_a_snapshot_is_retryable(counter: Engine) -> None:
    """Error 1020, which says HY000."""
    if "snapshot" not in [level.name for level in levels_of(counter)]:
        pytest.skip("this server has no innodb_snapshot_isolation")
    a, b = counter.connect("a", "snapshot"), counter.connect("b", "snapshot")
    did(a, "BEGIN; SELECT n FROM counter")
    did(b, "UPDATE counter SET n = 1")
    (error,) = failures(did(a, "UPDATE counter SET n = n + 1"))
    assert isinstance(error, errors.SerializationFailure)
    assert error.detail == "error 1020 of the server"


def test_a_lock_that_is_not_had_in_time(counter: Engine) -> None:
    """Error 1205, which says HY000."""
    a, b = counter.connect("a"), counter.connect("b")
    did(a, "BEGIN; UPDATE counter SET n = 1")
    (error,) = failures(did(b, "SELECT n FROM counter FOR UPDATE NOWAIT"))
    assert isinstance(error, errors.LockNotAvailable)
    assert error.detail == "error 1205 of the server"


def test_a_setting_of_its_own_is_sent(counter: Engine) -> None:
    client = counter.connect("a")
    did(client, "SET SESSION innodb_lock_wait_timeout = 7")
    answer = client.line.send("SELECT @@innodb_lock_wait_timeout")  # type: ignore[attr-defined]
    assert answer.rows == ((7,),)


def test_a_wait_for_a_table(counter: Engine) -> None:
    """Not in InnoDB's view of its transactions, but in the process list."""
    a, b = counter.connect("a"), counter.connect("b")
    did(a, "BEGIN; SELECT n FROM counter")
    b.start("ALTER TABLE counter ADD COLUMN m int")
    assert b.busy
    assert b.words == "a metadata lock"
    did(a, "COMMIT")
    assert counter.settle() == [b]


def test_a_session_that_waits_can_be_closed(counter: Engine) -> None:
    a, b = counter.connect("a"), counter.connect("b")
    did(a, "BEGIN; UPDATE counter SET n = 1")
    b.start("UPDATE counter SET n = 2")
    assert b.busy
    b.close()
    did(a, "COMMIT")
    assert values(counter, "SELECT n FROM counter ORDER BY id") == [1, 1]


def test_rows_that_were_found_count_as_updated(counter: Engine) -> None:
    assert did(counter.connect("a"), "UPDATE counter SET n = 0")[0].tag == "UPDATE 2"


def test_it_leaves_nothing_behind(server: MariaDBServer) -> None:
    with closing(open_engine(server.url)) as first:
        first.run("CREATE TABLE t (n int)")
        first.connect("a").start("BEGIN; SELECT * FROM t")
    with closing(open_engine(server.url)) as second:
        assert len([name for name in values(second, "SHOW DATABASES") if str(name).startswith("minidb")]) == 1
