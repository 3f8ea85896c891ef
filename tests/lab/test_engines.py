"""Engines that need no server, and what all engines share. Golden: `engines/translations.golden`, the transcripts
`engines/NAME.ENGINE.out`, `engines/comparison.golden`, and the tables in docs/isolation.md.

MINIDB_UPDATE_GOLDEN=1 (with `-n 0`) rewrites the golden files; `make isolation-matrix` rewrites the tables.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from importlib.util import find_spec

import pytest
from engine_checks import DOCUMENT, HERE, check, did, documented, schedule, transcript, values

import minidb
from minidb import errors
from minidb.cli.compare import main
from minidb.isolation import IsolationLevel
from minidb.lab.compare import Cell, Verdict, compare, mark, taking_turns, words
from minidb.lab.engines.choose import open_engine
from minidb.lab.engines.control import Control, Progress, control_of
from minidb.lab.engines.conversation import Conversation
from minidb.lab.engines.levels import Level, choose_level
from minidb.lab.engines.patience import Acts, let_go_on, wait_until_known
from minidb.lab.engines.retryable import duckdb_error, is_retryable, mysql_error, postgres_error, sqlite_error
from minidb.lab.engines.sqlite import SQLiteEngine
from minidb.lab.engines.translate import translated
from minidb.lab.measured import between, engine_table, own_table, placed
from minidb.lab.run import Answer
from minidb.lab.schedule_text import parse
from minidb.lab.theatre import Theatre
from minidb.lab.units import Cutter, Unit, order_count, serial_orders

HAS_DUCKDB = find_spec("duckdb") is not None
ENGINES = {"sqlite": "sqlite", "wal": "sqlite?journal_mode=wal", "duckdb": "duckdb"}
TITLES = {"sqlite": "SQLite", "wal": "SQLite", "duckdb": "DuckDB"}


def url_of(name: str) -> str:
    if name == "duckdb" and not HAS_DUCKDB:
        pytest.skip("duckdb is not installed")
    return ENGINES[name]


# -- golden


def test_translations() -> None:
    path = HERE / "translations.golden"
    asked = [line for line in path.read_text(encoding="utf-8").split("\n") if line and not line.startswith(" ")]
    lines = [line for sql in asked for line in [sql, *translations(sql)]]
    check(path, "".join(f"{line}\n" for line in lines))


def translations(sql: str) -> list[str]:
    return [f"    {target:<7}{'; '.join(translated(sql, target))}" for target in ("sqlite", "mysql", "duckdb")]


@pytest.mark.parametrize("name", ENGINES)
def test_transcript(name: str) -> None:
    check(HERE / f"counter.{name}.out", transcript(url_of(name), "counter"))


@pytest.mark.parametrize("name", ENGINES)
def test_document_has_what_is_measured(name: str) -> None:
    """Versions may differ; what happens should not."""
    with closing(open_engine(url_of(name))) as engine:
        measured = list(engine_table(engine))
    lines = DOCUMENT.read_text(encoding="utf-8").split("\n")
    heading = next(
        line for line in lines
        if line.startswith(f"### {TITLES[name]}") and ("write-ahead" in line) == (name == "wal")
    )
    assert measured == documented(heading.removeprefix("### "))


def test_document_has_what_is_computed() -> None:
    with Theatre() as theatre:
        assert list(own_table(theatre)) == between(DOCUMENT.read_text(encoding="utf-8"), "minidb")


def test_comparison(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    files = [str(HERE / "doctors.spec"), str(HERE / "counter.spec")]
    engines = ["--engine", "minidb", "--engine", "sqlite", "--engine", "sqlite?journal_mode=wal"]
    assert main([*files, *engines]) == 0
    text = capsys.readouterr().out.replace(sqlite3.sqlite_version, "X").replace(minidb.__version__, "X")
    check(HERE / "comparison.golden", re.sub(" {2,}", "  ", text))  # columns are as wide as versions are long


def test_comparison_in_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(HERE / "doctors.spec"), "--engine", "sqlite", "--markdown"]) == 0
    head, rule, first, *_ = capsys.readouterr().out.split("\n")
    assert (head, rule) == ("| doctors | level | outcome |", "|---|---|---|")
    assert first.endswith("| serializable | ✓ 40P01 2×, no wait 1× |")


def test_comparison_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/nowhere.spec"]) == 2
    assert main([str(HERE / "doctors.spec"), "--engine", "oracle"]) == 2
    assert "unknown engine: 'oracle'" in capsys.readouterr().err


# -- statements that steer transactions


@pytest.mark.parametrize(
    ("sql", "control"),
    [
        ("BEGIN", Control("begin")),
        ("begin transaction isolation level read committed, read only;",
         Control("begin", level="read committed", read_only=True)),
        ("START TRANSACTION READ ONLY", Control("begin", read_only=True)),
        ("BEGIN /* why */ ISOLATION LEVEL SERIALIZABLE 2PL", Control("begin", level="serializable 2pl")),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE",
         Control("begin", level="serializable", read_only=True, deferrable=True)),
        ("BEGIN ISOLATION LEVEL SNAPSHOT NOT DEFERRABLE", Control("begin", level="snapshot")),
        ("COMMIT WORK", Control("commit")),
        ("end", Control("commit")),
        ("ABORT", Control("rollback")),
        ("ROLLBACK TO SAVEPOINT f", Control("rollback to", name="f")),
        ("SAVEPOINT f", Control("savepoint", name="f")),
        ("RELEASE f", Control("release", name="f")),
        ("SET TRANSACTION ISOLATION LEVEL READ COMMITTED", Control("modes", level="read committed")),
        ("SET lock_timeout = 100", Control("set")),
        ("SET SESSION innodb_lock_wait_timeout = 1", None),
        ("SELECT 1", None),
        ("UPDATE t SET n = 1", None),
    ],
)
def test_control(sql: str, control: Control | None) -> None:
    assert control_of(sql) == control


def test_a_failed_transaction_waits_for_its_end() -> None:
    progress = Progress()
    seen = []
    for sql, failed in [("BEGIN", False), ("SELECT 1", True), ("ROLLBACK TO f", False), ("SELECT 1", True),
                        ("COMMIT", False), ("SELECT 1", True)]:
        progress.note(control_of(sql), failed)
        seen.append(progress.state)
    assert seen == ["open", "failed", "open", "failed", "idle", "idle"]


# -- levels


def test_levels_are_asked_for_by_either_name() -> None:
    repeatable = Level("repeatable read", "REPEATABLE READ", ())
    snapshot = Level("snapshot", "SNAPSHOT", (IsolationLevel.SNAPSHOT,))
    serializable = Level("serializable", "SERIALIZABLE", (IsolationLevel.SSI,))
    levels = (repeatable, snapshot, serializable)
    assert choose_level(levels, "Repeatable_Read", "X") is repeatable  # its own name comes first
    assert choose_level(levels, "si", "X") is snapshot
    assert choose_level(levels, "ssi", "X") is serializable


def test_levels_are_never_rounded() -> None:
    levels = SQLiteEngine.levels
    with pytest.raises(errors.NotSupportedError, match="SQLite has no isolation level 'snapshot'"):
        choose_level(levels, "snapshot", "SQLite")
    with pytest.raises(errors.InvalidParameterValue, match="unknown isolation level for SQLite: 'best'"):
        choose_level(levels, "best", "SQLite")


def test_a_level_that_is_not_there_fails_at_begin() -> None:
    with closing(SQLiteEngine()) as engine:
        (answer,) = did(engine.connect("a"), "BEGIN ISOLATION LEVEL READ COMMITTED")
        assert isinstance(answer.error, errors.NotSupportedError)


# -- errors


@pytest.mark.parametrize(
    ("error", "kind", "sqlstate", "retryable"),
    [
        (mysql_error(1213, "Deadlock found"), errors.DeadlockDetected, "40P01", True),
        (mysql_error(1020, "Record has changed"), errors.SerializationFailure, "40001", True),
        (mysql_error(1205, "Lock wait timeout"), errors.LockNotAvailable, "55P03", True),
        (mysql_error(1062, "Duplicate entry"), errors.UniqueViolation, "23505", False),
        (mysql_error(1305, "SAVEPOINT f does not exist"), errors.InvalidSavepoint, "3B001", False),
        (mysql_error(9999, "?"), errors.OperationalError, "58000", False),
        (sqlite_error(517, "SQLITE_BUSY_SNAPSHOT", "database is locked"), errors.SerializationFailure, "40001", True),
        (sqlite_error(5, "SQLITE_BUSY", "database is locked"), errors.LockNotAvailable, "55P03", True),
        (sqlite_error(1555, "SQLITE_CONSTRAINT_PRIMARYKEY", "UNIQUE"), errors.UniqueViolation, "23505", False),
        (sqlite_error(1, "SQLITE_ERROR", "no such table: t"), errors.UndefinedTable, "42P01", False),
        (duckdb_error("TransactionException", "TransactionContext Error: Conflict on update!"),
         errors.SerializationFailure, "40001", True),
        (duckdb_error("TransactionException", "Failed to commit: PRIMARY KEY or UNIQUE constraint violation"),
         errors.UniqueViolation, "23505", False),
        (postgres_error("40001", "could not serialize"), errors.SerializationFailure, "40001", True),
        (postgres_error("40P01", "deadlock detected"), errors.DeadlockDetected, "40P01", True),
        (postgres_error("23503", "foreign key"), errors.ForeignKeyViolation, "23503", False),
        (postgres_error("23P01", "exclusion"), errors.IntegrityError, "23P01", False),
    ],
)
def test_errors_mean_what_can_be_done(
    error: errors.Error, kind: type[errors.Error], sqlstate: str, retryable: bool
) -> None:
    assert type(error) is kind
    assert error.sqlstate == sqlstate
    assert is_retryable(error) is retryable


def test_errors_keep_code_and_text() -> None:
    error = mysql_error(1213, "Deadlock found when trying to get lock")
    assert (error.message, error.detail) == ("Deadlock found when trying to get lock", "error 1213 of the server")


# -- conversations


class Recorded:
    """A line that notes what is sent, and fails where it is told to."""

    def __init__(self, *wrong: str) -> None:
        self.sent: list[str] = []
        self.wrong = wrong

    def send(self, sql: str) -> Answer:
        self.sent.append(sql)
        if sql in self.wrong:
            raise errors.UniqueViolation("twice")
        return Answer(sql.split()[0])

    def begin(self, control: Control) -> Sequence[str]:
        return ("BEGIN",)


def told(line: Recorded, *steps: str) -> list[list[str]]:
    conversation = Conversation(line, "sqlite")
    tags = []
    for step in steps:
        conversation.say(step)
        conversation.go_on()
        tags.append([a.error.sqlstate if a.error else a.tag for a in conversation.answers])
    return tags


def test_what_follows_an_error_is_not_sent() -> None:
    line = Recorded("SELECT 2")
    assert told(line, "BEGIN; SELECT 2; SELECT 3", "SELECT 4", "COMMIT", "SELECT 5") == [
        ["BEGIN", "23505"], ["25P02"], ["ROLLBACK"], ["SELECT"]
    ]
    assert line.sent == ["BEGIN", "SELECT 2", "ROLLBACK", "SELECT 5"]


def test_statements_sent_together_are_one_transaction() -> None:
    line = Recorded("SELECT 2")
    assert told(line, "SELECT 1; SELECT 3", "SELECT 1; SELECT 2", "SELECT 1") == [
        ["SELECT", "SELECT"], ["SELECT", "23505"], ["SELECT"]
    ]
    assert line.sent == ["BEGIN", "SELECT 1", "SELECT 3", "COMMIT", "BEGIN", "SELECT 1", "SELECT 2", "ROLLBACK",
                         "SELECT 1"]


def test_ends_without_a_beginning_do_nothing() -> None:
    line = Recorded()
    assert told(line, "COMMIT", "ROLLBACK", "SET lock_timeout = 1", "BEGIN", "BEGIN", "COMMIT") == [
        ["COMMIT"], ["ROLLBACK"], ["SET"], ["BEGIN"], ["BEGIN"], ["COMMIT"]
    ]
    assert line.sent == ["BEGIN", "COMMIT"]


# -- SQLite


def test_sqlite_itself_does_not_let_an_upgrade_wait() -> None:
    """What the module models: with a minute of patience this would take a minute."""
    with closing(SQLiteEngine()) as engine:
        engine.run("CREATE TABLE t (n int); INSERT INTO t VALUES (1)")
        a, b = (sqlite3.connect(engine.path, timeout=60, isolation_level=None) for _ in range(2))
        a.execute("BEGIN")
        b.execute("BEGIN")
        b.execute("SELECT * FROM t").fetchall()
        a.execute("UPDATE t SET n = 2")
        with pytest.raises(sqlite3.OperationalError) as raised:
            b.execute("UPDATE t SET n = 3")
        assert raised.value.sqlite_errorname == "SQLITE_BUSY"
        a.close()
        b.close()


def test_sqlite_gives_up_when_nobody_is_left_to_move() -> None:
    with closing(SQLiteEngine()) as engine:
        engine.run("CREATE TABLE t (n int)")
        client = engine.connect("a")
        stranger = sqlite3.connect(engine.path, isolation_level=None)
        stranger.execute("BEGIN EXCLUSIVE")
        client.start("INSERT INTO t VALUES (1)")
        assert client.busy
        assert engine.settle() == [client]
        (answer,) = client.take()
        assert isinstance(answer.error, errors.LockNotAvailable)
        assert answer.error.detail == "SQLITE_BUSY (5)"
        stranger.close()


def test_sqlite_waits_as_long_as_somebody_can_move() -> None:
    with closing(SQLiteEngine()) as engine:
        engine.run("CREATE TABLE t (n int)")
        a, b, c = (engine.connect(name, "immediate") for name in "abc")
        did(a, "BEGIN")
        b.start("BEGIN; INSERT INTO t VALUES (2)")
        c.start("BEGIN; INSERT INTO t VALUES (3)")
        assert (b.busy, c.busy, b.words) == (True, True, "a lock on the database")
        assert engine.settle() == []
        did(a, "COMMIT")
        assert engine.settle() == [b]
        did(b, "COMMIT")
        assert engine.settle() == [c]
        c.close()
        assert values(engine, "SELECT n FROM t") == [2]


def test_sqlite_leaves_nothing_behind() -> None:
    engine = SQLiteEngine("wal")
    engine.connect("a").start("CREATE TABLE t (n int); INSERT INTO t VALUES (1)")
    assert engine.tables() == ("t",)
    engine.reset()
    assert engine.tables() == ()
    engine.close()
    assert not engine.path.parent.exists()


# -- choosing


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("oracle", "unknown engine: 'oracle'"),
        ("postgresql", "postgresql needs an address"),
        ("sqlite?journal_mode=paper", "unknown journal mode: 'paper'"),
        ("sqlite?colour=red", "sqlite has no option colour"),
    ],
)
def test_engines_that_are_not_there(url: str, message: str) -> None:
    with pytest.raises(errors.InvalidParameterValue, match=message):
        open_engine(url)


def test_a_server_that_is_not_there() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(errors.OperationalError, match="cannot connect to PostgreSQL"):
        open_engine("postgresql:///x?host=/nowhere")


# -- patience


class Slow:
    """Ends, or is known to wait, after so many looks."""

    session = "slow"
    busy = True

    def __init__(self, ends: int, waits: int, acts: Acts) -> None:
        self.ends, self.waits, self.acts, self.stood, self.looks = ends, waits, acts, -1, 0

    def ended(self, pause: float) -> bool:
        self.looks += 1
        return self.looks >= self.ends

    def blocked(self) -> bool:
        return self.looks >= self.waits


def test_patience_knows_an_end_from_a_wait() -> None:
    assert wait_until_known(Slow(9, 99, Acts()))
    assert not wait_until_known(Slow(99, 9, Acts()))


def test_patience_is_bounded() -> None:
    with pytest.raises(errors.OperationalError, match="slow has neither ended nor waits after 0 seconds"):
        wait_until_known(Slow(10**9, 10**9, Acts()), limit=0)


def test_nobody_is_asked_again_before_something_has_happened() -> None:
    acts = Acts()
    client = Slow(99, 5, acts)
    assert not wait_until_known(client)
    looks = client.looks
    assert let_go_on([client]) == []
    assert client.looks == looks
    acts.add()
    client.ends = 0
    assert let_go_on([client]) == [client]


# -- units and verdicts


def unit(session: str, *steps: str) -> Unit:
    return Unit(session, steps, (), True)


def test_serial_orders_keep_each_session_in_order() -> None:
    units = [unit("a", "1"), unit("a", "2"), unit("b", "3")]
    orders = [" ".join(step for unit in order for step in unit.steps) for order in serial_orders(units)]
    assert orders == ["1 2 3", "1 3 2", "3 1 2"]
    assert order_count(units) == 3


def test_cutting_transactions() -> None:
    cutter = Cutter("a")
    rows = Answer("SELECT 2", ("n",), ("",), ((2,), (1,)))
    cutter.add("first", "BEGIN; SELECT n FROM t", (Answer("BEGIN"), rows))
    cutter.add("second", "COMMIT", (Answer("COMMIT"),))
    cutter.add("third", "BEGIN; UPDATE t SET n = 1", (Answer("BEGIN"), Answer(error=errors.UniqueViolation("n"))))
    cutter.add("fourth", "COMMIT", (Answer("ROLLBACK"),))
    cutter.add("fifth", "SELECT 1", (Answer("SELECT 1"),))
    cutter.add("sixth", "BEGIN", (Answer("BEGIN"),))
    cutter.end()
    assert [(unit.steps, unit.reads, unit.committed) for unit in cutter.units] == [
        (("first", "second"), (((1,), (2,)),), True),
        (("third", "fourth"), (), False),
        (("fifth",), (), True),
        (("sixth",), (), False),
    ]


def test_sessions_take_turns() -> None:
    assert taking_turns(schedule("doctors").actors) == (
        "a_look", "b_look", "report", "a_leave", "b_leave", "a_done", "b_done"
    )


def test_broken_invariants_are_told() -> None:
    text = (HERE / "doctors.spec").read_text(encoding="utf-8")
    watched = parse(text + "\ninvariant { SELECT count(*) > 0 FROM doctor WHERE on_call }\n")
    with closing(open_engine("minidb")) as engine:
        cells = {cell.level: f"{mark(cell)} {words(cell)}" for cell in compare(watched, engine)}
    assert cells["snapshot"] == "✗ invariant broken 3×"
    assert cells["ssi"] == "✗ invariant broken 1×, 40001 2×"  # the third order is serial, and breaks it all the same


def test_an_engine_that_does_not_understand_is_no_verdict() -> None:
    cell = Cell("e", "1", "serializable", (Verdict("unusable", "42601"), Verdict("serializable", "no wait")))
    assert (mark(cell), words(cell)) == ("–", "unusable (42601) 1×, no wait 1×")


def test_documents_need_their_marks() -> None:
    text = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb"
    assert placed(text, "x", ["new"]) == "a\n<!-- begin x -->\n\nnew\n\n<!-- end x -->\nb"
    with pytest.raises(errors.InvalidParameterValue, match="no marks <!-- begin y -->"):
        placed(text, "y", [])
