"""Our own dumps: a dump makes an equal database; a dump shows one moment; the command and its options."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import minidb
from minidb.cli.main import main
from minidb.dumping.dump import Dump, Options, consistent
from tests.dump_content import TABLES, fill

NO_SURROGATES = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


def unfolded(moment: Any) -> Any:
    """`fold` says nothing in UTC, but it is shown."""
    return moment.replace(fold=0)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "real": st.floats(width=32),
    "double precision": st.floats(),
    "numeric": st.decimals(allow_nan=False, allow_infinity=False, places=9) | st.just(Decimal("NaN")),
    "text": st.text(NO_SURROGATES),
    "varchar(5)": st.text(NO_SURROGATES, max_size=5),
    "boolean": st.booleans(),
    "bytea": st.binary(),
    "date": st.dates(),
    "time": st.times().map(unfolded),
    "timestamp": st.datetimes().map(unfolded),
    "timestamptz": st.datetimes(timezones=st.just(datetime.UTC)).map(unfolded),
    "interval": st.builds(minidb.Interval, *[st.integers(-(2**31), 2**31 - 1)] * 2, st.integers(-(2**62), 2**62)),
    "uuid": st.uuids(),
    "json": st.sampled_from(['{"a" : 1.0}', "null", '["\\u00e9\'"]', "1e5"]),
    "int[]": st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1).map(lambda items: [*items, None]),
    "text[]": st.lists(st.text(NO_SURROGATES), min_size=1).map(lambda items: [None, *items]),
}


def copy_of(connection: minidb.Connection) -> minidb.Connection:
    copy = minidb.connect()
    copy.executescript("".join(connection.iterdump()))
    copy.commit()
    return copy


def test_everything_comes_back() -> None:
    with minidb.connect() as original:
        fill(original)
        with copy_of(original) as copy:
            assert list(copy.iterdump()) == list(original.iterdump())
            for table in TABLES:
                query = f"SELECT * FROM {table}"
                assert repr(copy.execute(query).fetchall()) == repr(original.execute(query).fetchall())
            for connection in (original, copy):
                connection.execute("INSERT INTO parent (name) VALUES ('next')")
                assert connection.execute("SELECT nextval('free'), max(id) FROM parent").fetchall() == [(8, 13)]
                with pytest.raises(minidb.ForeignKeyViolation):
                    connection.execute("INSERT INTO circle_b VALUES (2, 99)")
                connection.rollback()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(*[st.none() | values for values in VALUES.values()]), max_size=3))
def test_every_value_comes_back(rows: list[tuple[Any, ...]]) -> None:
    columns = ", ".join(f"c{number} {kind}" for number, kind in enumerate(VALUES))
    with minidb.connect() as original:
        original.execute(f"CREATE TABLE t ({columns})")
        original.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(VALUES))})", rows)
        original.commit()
        with copy_of(original) as copy:
            query = "SELECT * FROM t"
            assert repr(copy.execute(query).fetchall()) == repr(original.execute(query).fetchall())


@settings(max_examples=15, deadline=None)
@given(st.text(NO_SURROGATES, min_size=1, max_size=20), st.text(NO_SURROGATES))
def test_names_and_comments_of_any_content(name: str, text: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    with minidb.connect() as original:
        original.execute(f"CREATE TABLE {quoted} ({quoted} int DEFAULT 3, CONSTRAINT {quoted} CHECK ({quoted} > 0))")
        comment = "'" + text.replace("'", "''") + "'"
        original.execute(f"COMMENT ON COLUMN {quoted}.{quoted} IS {comment}")
        original.commit()
        with copy_of(original) as copy:
            assert list(copy.iterdump()) == list(original.iterdump())


def test_constraints_that_rows_need_not_pass() -> None:
    with minidb.connect() as original:
        original.executescript("""
            CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (a int, b int UNIQUE DEFERRABLE INITIALLY DEFERRED);
            INSERT INTO t VALUES (-1, 1);
            ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0) NOT VALID;
            ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p (id) ON DELETE SET NULL NOT VALID""")
        original.commit()
        with copy_of(original) as copy:
            assert "NOT VALID" in "".join(copy.iterdump())
            assert list(copy.iterdump()) == list(original.iterdump())


def test_temporary_tables_stay_at_home() -> None:
    with minidb.connect() as original:
        original.execute("CREATE TEMP TABLE secret (a int)")
        original.commit()
        assert "secret" not in "".join(original.iterdump())


# -- one moment


def test_a_dump_shows_one_moment() -> None:
    with minidb.Database() as database:
        writer = database.connect(autocommit=True)
        writer.execute("CREATE TABLE a (x int)")
        writer.execute("CREATE TABLE b (x int)")
        writer.execute("INSERT INTO a VALUES (1)")
        dump = database.connect().iterdump()
        while "INSERT INTO a" not in next(dump):
            pass
        writer.execute("INSERT INTO b VALUES (1)")
        assert not any("INSERT" in text for text in dump)


def test_tables_do_not_change_while_they_are_dumped() -> None:
    with minidb.Database() as database:
        writer = database.connect(autocommit=True, lock_timeout=0)
        writer.execute("CREATE TABLE a (x int)")
        reader = database.connect()
        dump = reader.iterdump()
        next(dump)
        with pytest.raises(minidb.LockNotAvailable):
            writer.execute("ALTER TABLE a ADD COLUMN y int")
        del dump  # a generator that nobody reads is closed
        writer.execute("ALTER TABLE a ADD COLUMN y int")


def test_in_a_transaction_a_dump_shows_its_changes() -> None:
    with minidb.connect() as connection:
        connection.execute("CREATE TABLE mine (x int)")
        assert "CREATE TABLE mine" in "".join(connection.iterdump())
        connection.rollback()
        assert "CREATE TABLE mine" not in "".join(connection.iterdump())


# -- the command


@pytest.fixture
def shop(tmp_path: Path) -> str:
    path = str(tmp_path / "shop.mdb")
    with minidb.connect(path) as connection:
        fill(connection)
    return path


def test_the_shell_runs_a_dump(shop: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dump, copy = str(tmp_path / "dump.sql"), str(tmp_path / "copy.mdb")
    assert main(["dump", shop, "-o", dump]) == 0
    assert main([copy, "--bail", "-f", dump]) == 0
    assert main(["dump", copy, "-o", dump + "2"]) == 0
    assert Path(dump).read_bytes() == Path(dump + "2").read_bytes()
    capsys.readouterr()


def test_parts_of_a_dump(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dump", shop, "--schema-only", "-t", "child"]) == 0
    text = capsys.readouterr().out
    assert "CREATE TABLE child" in text and "INSERT" not in text and "VIEW" not in text and "parent_id_seq" not in text
    assert main(["dump", shop, "--data-only", "-t", "parent", "--inserts"]) == 0
    text = capsys.readouterr().out
    assert "INSERT INTO parent" in text and "CREATE" not in text
    assert main(["dump", shop, "-t", "nobody"]) == 1
    assert main(["dump", shop, "--dialect", "access"]) == 1
    assert "It can for minidb, postgres" in capsys.readouterr().err


def test_postgres_gets_copy_or_inserts(shop: str) -> None:
    with minidb.Database(shop) as database:
        connection = database.connect()
        session = connection.session
        with consistent(session):
            assert "COPY parent" in "".join(Dump(session, Options(dialect="postgres")))
        with consistent(session):
            assert "COPY parent" not in "".join(Dump(session, Options(dialect="postgres", inserts=True)))
