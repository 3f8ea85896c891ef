"""The contract, 1.4: sys.*, information_schema and EXPLAIN."""

# ruff: noqa: E501  (one case, one line)
from __future__ import annotations

import json

import pytest

import minidb


@pytest.fixture
def shop(db: minidb.Database, auto: minidb.Connection) -> minidb.Database:
    auto.execute("CREATE TABLE account (id bigint PRIMARY KEY, owner text NOT NULL, branch int, balance numeric(12,2))")
    auto.execute("CREATE TABLE reading (sensor int, at timestamp, value real, PRIMARY KEY CLUSTERED (sensor, at))")
    auto.execute("CREATE INDEX account_branch_owner ON account (branch, owner DESC)")
    auto.execute("CREATE INDEX account_cover ON account (branch) INCLUDE (balance)")
    auto.execute("CREATE UNIQUE INDEX one_open ON account (owner) WHERE balance > 0")
    auto.executemany("INSERT INTO account VALUES (?, ?, ?, ?)", [(i, f"o{i}", i % 50, i) for i in range(1000)])
    auto.execute("ANALYZE")
    return db


def plan(conn: minidb.Connection, sql: str) -> str:
    return "\n".join(line for (line,) in conn.execute(sql))


def test_sys_transactions(shop: minidb.Database, auto: minidb.Connection) -> None:
    a = shop.connect(isolation_level="ssi")
    a.execute("SELECT * FROM account WHERE id = 1").fetchall()
    a.execute("UPDATE account SET branch = 7 WHERE id = 1")
    (row,) = auto.execute(
        "SELECT isolation_level, state, read_only, statement, writes FROM sys.transactions WHERE isolation_level = 'ssi'"
    ).fetchall()
    assert row == ("ssi", "active", False, "UPDATE account SET branch = 7 WHERE id = 1", 1)


@pytest.mark.parametrize(("level", "mode"), [("2pl", "shared"), ("ssi", "siread")])
def test_sys_locks_shows_the_interval(shop: minidb.Database, auto: minidb.Connection, level: str, mode: str) -> None:
    a = shop.connect(isolation_level=level)
    a.execute("SELECT balance FROM account WHERE branch BETWEEN 5 AND 7").fetchall()
    found = auto.execute(
        "SELECT object, index_name, place, granted FROM sys.locks WHERE mode = ? AND index_name = 'account_cover'", (mode,)
    ).fetchall()
    assert len(found) == 1
    assert found[0][0] == "account" and found[0][3] is True
    assert "5" in found[0][2] and "7" in found[0][2]
    a.commit()
    assert auto.execute("SELECT count(*) FROM sys.locks").fetchone() == (0,)


def test_sys_locks_shows_who_waits(shop: minidb.Database, auto: minidb.Connection) -> None:
    import threading

    a, b = shop.connect(), shop.connect()
    a.execute("UPDATE account SET branch = 7 WHERE id = 1")
    thread = threading.Thread(target=lambda: b.execute("UPDATE account SET branch = 8 WHERE id = 1"))
    thread.start()
    while not (found := auto.execute("SELECT object, waits_for FROM sys.locks WHERE NOT granted").fetchall()):
        pass
    assert found[0][0] == "account" or found[0][0] is None
    assert found[0][1]
    assert auto.execute("SELECT count(*) FROM sys.dependencies WHERE kind = 'waits'").fetchone() == (1,)
    a.commit()
    thread.join()
    b.commit()


def test_sys_locks_shows_table_locks(shop: minidb.Database, auto: minidb.Connection) -> None:
    a = shop.connect()
    a.execute("LOCK TABLE reading IN SHARE MODE")
    rows = auto.execute("SELECT kind, object, mode FROM sys.locks WHERE object = 'reading'").fetchall()
    assert ("table", "reading", "share") in rows


def test_sys_versions(shop: minidb.Database, auto: minidb.Connection) -> None:
    reader = shop.connect(isolation_level="snapshot")
    reader.execute("SELECT 1 FROM account").fetchone()
    auto.execute("UPDATE account SET balance = 5 WHERE id = 3")
    a = shop.connect()
    a.execute("UPDATE account SET balance = 6 WHERE id = 3")
    rows = auto.execute(
        "SELECT contents, state, begin_commit, end_commit, statement FROM sys.versions WHERE table_name = 'account' "
        "AND contents LIKE '(3,%' ORDER BY depth"
    ).fetchall()
    assert [row[1] for row in rows][:2] == ["uncommitted", "committed"]
    assert rows[0][0] == "(3, o3, 3, 6.00)"
    assert rows[0][4] == "UPDATE account SET balance = 6 WHERE id = 3"
    assert rows[0][2] is None and rows[1][2] is not None
    a.rollback()


def test_sys_dependencies(shop: minidb.Database, auto: minidb.Connection) -> None:
    a, b = shop.connect(isolation_level="ssi"), shop.connect(isolation_level="ssi")
    a.execute("SELECT * FROM account WHERE id = 1").fetchall()
    b.execute("UPDATE account SET balance = 9 WHERE id = 1")
    found = auto.execute("SELECT kind, description FROM sys.dependencies WHERE kind = 'rw'").fetchall()
    assert len(found) == 1
    assert "SELECT * FROM account WHERE id = 1" in found[0][1] or "account" in found[0][1]


def test_sys_tables_indexes_columns(shop: minidb.Database, auto: minidb.Connection) -> None:
    tables = auto.execute("SELECT name, storage, columns FROM sys.tables ORDER BY name").fetchall()
    assert tables == [("account", "heap", 4), ("reading", "clustered", 3)]
    indexes = auto.execute(
        "SELECT name, table_name, columns, is_unique, is_primary, is_clustered, include FROM sys.indexes ORDER BY name"
    ).fetchall()
    assert indexes == [
        ("account_branch_owner", "account", "branch, owner DESC", False, False, False, None),
        ("account_cover", "account", "branch", False, False, False, "balance"),
        ("account_pkey", "account", "id", True, True, False, None),
        ("one_open", "account", "owner", True, False, False, None),
        ("reading_pkey", "reading", "sensor, at", True, True, True, None),
    ]
    columns = auto.execute(
        "SELECT name, position, type, nullable, in_primary_key FROM sys.columns WHERE table_name = 'account' ORDER BY 2"
    ).fetchall()
    assert columns == [
        ("id", 1, "bigint", False, True),
        ("owner", 2, "text", False, False),
        ("branch", 3, "integer", True, False),
        ("balance", 4, "numeric(12,2)", True, False),
    ]


def test_information_schema(shop: minidb.Database, auto: minidb.Connection) -> None:
    assert auto.execute(
        "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
    ).fetchall() == [("account", "BASE TABLE"), ("reading", "BASE TABLE")]
    assert auto.execute(
        "SELECT column_name, ordinal_position, is_nullable, data_type FROM information_schema.columns "
        "WHERE table_name = 'reading' ORDER BY ordinal_position"
    ).fetchall() == [
        ("sensor", 1, "NO", "integer"),
        ("at", 2, "NO", "timestamp without time zone"),
        ("value", 3, "YES", "real"),
    ]


VIEWS = [
    "sys.transactions", "sys.locks", "sys.versions", "sys.dependencies", "sys.tables", "sys.indexes", "sys.columns",
    "information_schema.tables", "information_schema.columns",
]


@pytest.mark.parametrize("view", VIEWS)
def test_views_are_read_only_and_join(shop: minidb.Database, auto: minidb.Connection, view: str) -> None:
    assert auto.execute(f"SELECT count(*) FROM {view} a CROSS JOIN (VALUES (1)) b").fetchone()
    for sql in (f"DELETE FROM {view}", f"DROP TABLE {view}", f"CREATE INDEX i ON {view} (x)"):
        with pytest.raises(minidb.Error):
            auto.execute(sql)


def test_explain(shop: minidb.Database, auto: minidb.Connection) -> None:
    cur = auto.execute("EXPLAIN SELECT balance FROM account WHERE branch = 3")
    assert [column[0] for column in cur.description or ()] == ["QUERY PLAN"]
    text = "\n".join(line for (line,) in cur)
    assert "Index Only Scan using account_cover" in text
    assert "branch = 3" in text
    assert "estimated rows=20" in text
    assert "nothing" in text


def test_explain_says_what_is_locked(shop: minidb.Database) -> None:
    sql = "EXPLAIN SELECT balance FROM account WHERE branch BETWEEN 5 AND 7"
    assert "shared lock on branch >= 5 AND branch <= 7 of account_cover" in plan(shop.connect(isolation_level="2pl"), sql)
    assert "SIREAD mark on branch >= 5 AND branch <= 7 of account_cover" in plan(shop.connect(isolation_level="ssi"), sql)
    text = plan(shop.connect(isolation_level="2pl"), "EXPLAIN UPDATE account SET branch = 1 WHERE id = 3")
    assert "update lock on id = 3 of account_pkey" in text
    assert "ROW EXCLUSIVE" in text
    assert "SIREAD mark on" in plan(shop.connect(isolation_level="ssi"), "EXPLAIN SELECT * FROM account WHERE balance = 3")


def test_explain_does_not_run(shop: minidb.Database, auto: minidb.Connection) -> None:
    plan(auto, "EXPLAIN DELETE FROM account")
    plan(auto, "EXPLAIN DELETE FROM account")
    assert auto.execute("SELECT count(*) FROM account").fetchone() == (1000,)


def test_explain_analyze_runs_and_counts(shop: minidb.Database, auto: minidb.Connection) -> None:
    text = plan(auto, "EXPLAIN ANALYZE SELECT count(*) FROM account WHERE branch = 3")
    assert "actual rows=20" in text
    text = plan(auto, "EXPLAIN ANALYZE DELETE FROM account WHERE branch = 3")
    assert "actual rows=20" in text
    assert auto.execute("SELECT count(*) FROM account").fetchone() == (980,)


def test_explain_with_parameters(shop: minidb.Database, auto: minidb.Connection) -> None:
    cur = auto.execute("EXPLAIN SELECT * FROM account WHERE id = ?", (5,))
    assert "account_pkey" in "\n".join(line for (line,) in cur)


def test_explain_code(shop: minidb.Database, auto: minidb.Connection) -> None:
    source = plan(auto, "EXPLAIN (CODE) SELECT owner FROM account WHERE branch = 3")
    compile(source, "statement", "exec")
    assert "def " in source
    assert "owner" not in source  # user text never enters the source


def test_explain_json(shop: minidb.Database, auto: minidb.Connection) -> None:
    (found,) = json.loads(plan(auto, "EXPLAIN (FORMAT JSON) SELECT * FROM account WHERE id = 3"))
    assert "account_pkey" in found["Plan"]["Node"]


def test_explain_twice_gives_the_same(shop: minidb.Database, auto: minidb.Connection) -> None:
    sql = "EXPLAIN SELECT * FROM account WHERE id = 3"
    assert plan(auto, sql) == plan(auto, sql)
