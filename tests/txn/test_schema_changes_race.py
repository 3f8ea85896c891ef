"""Sessions that change the schema at the same time: what one commits while another is at work must not be undone by it.

A statement puts its new catalog together from the one that it has read. The tests below let somebody else commit DDL
between the reading and the change: once at the narrowest place, and then with threads.
"""

from __future__ import annotations

from threading import Barrier, Thread
from typing import Any

import pytest

import minidb
from minidb.sql.ddl.changes import Changes
from minidb.txn.schema_changes import SchemaChanges


@pytest.fixture
def database() -> Any:
    with minidb.Database(":memory:") as database:
        yield database


def names(connection: minidb.Connection, kind: str) -> list[str]:
    found = connection.execute(f"SELECT table_name FROM information_schema.{kind} WHERE table_schema = 'public'")
    return sorted(name for (name,) in found)


STATEMENTS = {
    "CREATE TABLE": ("CREATE TABLE a (id int)", "CREATE TABLE b (id int)"),
    "CREATE VIEW": ("CREATE VIEW a AS SELECT 1", "CREATE VIEW b AS SELECT 2"),
    "table, view": ("CREATE TABLE a (id int)", "CREATE VIEW b AS SELECT 2"),
    "view, table": ("CREATE VIEW a AS SELECT 1", "CREATE TABLE b (id int)"),
    "COMMENT": ("COMMENT ON TABLE old IS 'x'", "CREATE TABLE b (id int)"),
    "DROP": ("DROP VIEW gone", "CREATE VIEW b AS SELECT 2"),
}


@pytest.mark.parametrize("own, others", STATEMENTS.values(), ids=STATEMENTS)
@pytest.mark.parametrize("place", [(Changes, "put_views"), (SchemaChanges, "change")], ids=["views", "change"])
def test_what_is_committed_in_between_stays(
    database: Any, monkeypatch: pytest.MonkeyPatch, own: str, others: str, place: tuple[type, str]
) -> None:
    first, second = database.connect(autocommit=True), database.connect(autocommit=True)
    first.execute("CREATE TABLE old (id int)")
    first.execute("CREATE VIEW gone AS SELECT 1")
    holder, name = place
    original = getattr(holder, name)

    def meanwhile(*arguments: Any, **options: Any) -> None:
        monkeypatch.setattr(holder, name, original)
        second.execute(others)
        original(*arguments, **options)

    monkeypatch.setattr(holder, name, meanwhile)
    first.execute(own)
    monkeypatch.setattr(holder, name, original)
    second.execute("CREATE TABLE later (id int)")

    wanted = {"old", "later", "gone", "a", "b"} - ({"gone", "a"} if own.startswith("DROP") else set())
    wanted -= {"a"} if own.startswith("COMMENT") else set()
    if place[1] == "put_views" and "VIEW" not in own:
        wanted -= {"b"}  # the statement does not come by there
    assert set(names(first, "tables")) == wanted


def test_many_threads_create_tables_and_views(database: Any) -> None:
    barrier, failures = Barrier(6), []

    def create(number: int) -> None:
        connection = database.connect(autocommit=True)
        barrier.wait()
        try:
            for turn in range(5):
                connection.execute(f"CREATE TABLE t{number}_{turn} (id int PRIMARY KEY)")
                connection.execute(f"CREATE VIEW v{number}_{turn} AS SELECT id FROM t{number}_{turn}")
                connection.execute(f"COMMENT ON TABLE t{number}_{turn} IS 'by {number}'")
                connection.execute(f"INSERT INTO t{number}_{turn} VALUES ({turn})")
        except minidb.Error as error:
            failures.append(error)

    threads = [Thread(target=create, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    connection = database.connect(autocommit=True)
    for number in range(6):
        for turn in range(5):
            assert connection.execute(f"SELECT id FROM v{number}_{turn}").fetchall() == [(turn,)]
            comment = connection.execute(f"SELECT obj_description('t{number}_{turn}')").fetchone()
            assert comment == (f"by {number}",)
