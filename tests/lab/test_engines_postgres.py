"""PostgreSQL: a private server, if its programs and psycopg are installed. The transcripts of PostgreSQL's own
isolation tests, run through our tester and this engine, must be PostgreSQL's expected files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from engine_checks import HERE, check, did, documented, failures, printed, running, schedule, transcript, values

from minidb import errors
from minidb.lab.compare import compare, mark, words
from minidb.lab.engines.choose import open_engine
from minidb.lab.engines.protocol import Engine
from minidb.lab.engines.servers import PostgresServer, Server
from minidb.lab.measured import engine_table
from minidb.lab.schedule_text import parse

CONFORMANCE = Path(__file__).parents[2].parent / "shared" / "conformance" / "isolation"
SPECS = ("deadlock-soft", "delete-abort-savept", "insert-conflict-do-update", "read-only-anomaly-3", "skip-locked-2")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    yield from running(PostgresServer, "psycopg")


def test_transcript(server: PostgresServer) -> None:
    check(HERE / "counter.postgresql.out", transcript(server.url, "counter"))


@pytest.mark.skipif(not CONFORMANCE.is_dir(), reason="PostgreSQL's isolation tests are not here")
@pytest.mark.parametrize("name", SPECS)
def test_expected_output(server: PostgresServer, name: str) -> None:
    text = (CONFORMANCE / "specs" / f"{name}.spec").read_text(encoding="utf-8")
    with closing(open_engine(server.url)) as engine:
        expected = (CONFORMANCE / "expected" / f"{name}.out").read_text(encoding="utf-8")
        assert printed(engine, parse(text, name)) == expected


def test_document_has_what_is_measured(engine: Engine) -> None:
    assert list(engine_table(engine)) == documented("PostgreSQL")


def test_comparison(engine: Engine) -> None:
    cells = {cell.level: f"{mark(cell)} {words(cell)}" for cell in compare(schedule("doctors"), engine)}
    assert cells == {
        "read committed": "✗ anomaly 2×, no wait 1×",
        "repeatable read": "✗ anomaly 2×, no wait 1×",
        "serializable": "✓ 40001 2×, no wait 1×",
    }


def test_a_deadlock_has_one_victim(counter: Engine) -> None:
    a, b = counter.connect("a"), counter.connect("b")
    did(a, "BEGIN; UPDATE counter SET n = 1 WHERE id = 1")
    did(b, "BEGIN; UPDATE counter SET n = 2 WHERE id = 2")
    a.start("UPDATE counter SET n = 1 WHERE id = 2")
    assert a.busy
    assert a.words == "b (ShareLock, transactionid)"
    assert counter.settle() == []
    b.start("UPDATE counter SET n = 2 WHERE id = 1")
    others = counter.settle()
    victims = [error for client in (a, b) if not client.busy for error in failures(client.take())]
    assert [type(error) for error in victims] == [errors.DeadlockDetected]
    assert not a.busy
    assert not b.busy
    assert others in ([a], [a, b], [b])


def test_a_session_that_waits_can_be_closed(counter: Engine) -> None:
    a, b = counter.connect("a"), counter.connect("b")
    did(a, "BEGIN; UPDATE counter SET n = 1")
    b.start("UPDATE counter SET n = 2")
    assert b.busy
    b.close()
    did(a, "COMMIT")
    assert values(counter, "SELECT n FROM counter ORDER BY id") == [1, 1]


def test_a_level_replaces_that_of_begin(counter: Engine) -> None:
    a = counter.connect("a", "ssi")
    answers = did(a, "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SHOW transaction_isolation")
    assert answers[-1].rows == (("serializable",),)
    assert did(a, "SHOW transaction_read_only")[0].rows == (("on",),)


def test_a_level_by_minidbs_name(counter: Engine) -> None:
    a = counter.connect("a")
    assert did(a, "BEGIN ISOLATION LEVEL SNAPSHOT; SHOW transaction_isolation")[-1].rows == (("repeatable read",),)
    did(a, "ROLLBACK")
    (answer,) = did(a, "BEGIN ISOLATION LEVEL SERIALIZABLE 2PL")
    assert isinstance(answer.error, errors.NotSupportedError)


def test_answers_of_a_message(counter: Engine) -> None:
    a = counter.connect("a")
    notice = "DO $$ BEGIN RAISE NOTICE 'hello'; END $$"
    first, second, third = did(a, f"{notice}; SELECT n, true AS yes FROM counter WHERE id = 1; SELECT 1/0")
    assert first.notices == ("hello",)
    assert (second.columns, second.types, second.rows) == (("n", "yes"), ("integer", "boolean"), ((0, True),))
    assert isinstance(third.error, errors.DivisionByZero)


def test_time_passes_only_when_it_is_asked_to(counter: Engine) -> None:
    a, b = counter.connect("a"), counter.connect("b")
    did(a, "BEGIN; UPDATE counter SET n = 1")
    did(b, "SET lock_timeout = '50ms'")
    b.start("UPDATE counter SET n = 2")
    assert counter.pass_time() or not b.busy  # type: ignore[attr-defined]
    assert isinstance(failures(b.take())[0], errors.LockNotAvailable)


def test_it_leaves_nothing_behind(server: PostgresServer) -> None:
    with closing(open_engine(server.url)) as first:
        first.run("CREATE TABLE t (n int)")
        first.connect("a").start("BEGIN; SELECT * FROM t")
    with closing(open_engine(server.url)) as second:
        query = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'minidb%'"
        assert len(values(second, query)) == 1  # its own
