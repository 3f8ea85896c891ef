"""Issue 2, item 4: the SQL core, PostgreSQL's answers to short questions."""

# ruff: noqa: E501  (one case, one line)
from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

import minidb

D = Decimal


@pytest.fixture
def shop(auto: minidb.Connection) -> minidb.Connection:
    auto.execute("CREATE TABLE dept (id int PRIMARY KEY, name text NOT NULL)")
    auto.execute("CREATE TABLE emp (id int PRIMARY KEY, name text, dept int REFERENCES dept, boss int, pay numeric(8,2))")
    auto.execute("INSERT INTO dept VALUES (1, 'dev'), (2, 'ops'), (3, 'hr')")
    auto.execute(
        "INSERT INTO emp VALUES (1, 'ann', 1, NULL, 100), (2, 'bob', 1, 1, 80), (3, 'cid', 2, 1, 70), "
        "(4, 'dan', NULL, 2, NULL)"
    )
    return auto


SCALARS: list[tuple[str, Any]] = [
    # integers
    ("7 / 2", 3), ("-7 / 2", -3), ("7 % 3", 1), ("-7 % 3", -1), ("7 % -3", 1), ("7 / 2.0", D("3.5000000000000000")),
    ("2 ^ 10", 1024.0), ("5 & 3", 1), ("5 | 3", 7), ("5 # 3", 6), ("~5", -6), ("1 << 4", 16), ("-17 >> 2", -5),
    ("2147483647::bigint + 1", 2147483648), ("1.5::int", 2), ("2.5::int", 3), ("-1.5::int", -2), ("2.5::float8::int", 2),
    ("0.1 + 0.2", D("0.3")), ("1.10 * 1.10", D("1.2100")), ("10 / 3.0", D("3.3333333333333333")), ("1e2", D("100")),
    ("abs(-5)", 5), ("round(2.5)", D("3")), ("round(2.345, 2)", D("2.35")), ("round(-2.5)", D("-3")),
    ("trunc(2.789, 1)", D("2.7")), ("ceil(1.2)", D("2")), ("floor(-1.2)", D("-2")), ("mod(7, 3)", 1), ("sign(-3.0)", D("-1")),
    ("power(2, 3)", 8.0), ("sqrt(16)", 4.0), ("greatest(1, NULL, 3)", 3), ("least(2, 1)", 1), ("div(7, 2)", D("3")),
    # NULL
    ("NULL = NULL", None), ("NULL IS NULL", True), ("1 IS DISTINCT FROM NULL", True), ("NULL IS NOT DISTINCT FROM NULL", True),
    ("NULL AND false", False), ("NULL OR true", True), ("NOT NULL::boolean", None), ("1 IN (2, NULL)", None), ("1 IN (1, NULL)", True),
    ("1 NOT IN (2, NULL)", None), ("coalesce(NULL, 2)", 2), ("nullif(1, 1)", None), ("NULL || 'a'", None),
    ("true IS NOT FALSE", True), ("NULL::boolean IS UNKNOWN", True), ("NULL BETWEEN 1 AND 2", None),
    ("(1, NULL::int) = (2, 3)", False), ("(1, NULL::int) = (1, 3)", None), ("1 = ANY (ARRAY[1, 2])", True), ("1 <> ALL (ARRAY[1, 2])", False),
    # text
    ("'a' || 'b'", "ab"), ("'a' || 1", "a1"), ("length('héé')", 3), ("octet_length('é')", 2), ("upper('aé')", "AÉ"), ("lower('AB')", "ab"),
    ("substring('hello' FROM 2 FOR 3)", "ell"), ("substr('hello', 2)", "ello"), ("position('l' IN 'hello')", 3), ("strpos('hello', 'z')", 0),
    ("trim('  a ')", "a"), ("trim(LEADING 'x' FROM 'xxa')", "a"), ("ltrim('xa', 'x')", "a"), ("rtrim('a  ')", "a"),
    ("replace('aXa', 'X', 'b')", "aba"), ("left('hello', 2)", "he"), ("right('hello', 2)", "lo"), ("left('hello', -1)", "hell"),
    ("lpad('7', 3, '0')", "007"), ("rpad('a', 3)", "a  "), ("repeat('ab', 2)", "abab"), ("reverse('abc')", "cba"), ("initcap('ab cd')", "Ab Cd"),
    ("split_part('a,b,c', ',', 2)", "b"), ("concat('a', NULL, 1)", "a1"), ("concat_ws('-', 'a', NULL, 'b')", "a-b"), ("chr(65)", "A"), ("ascii('A')", 65),
    ("overlay('abcd' PLACING 'X' FROM 2 FOR 2)", "aXd"), ("translate('abc', 'ab', 'x')", "xc"), ("md5('a')", "0cc175b9c0f1b6a831c399e269772661"),
    ("'it''s'", "it's"), ("E'a\\nb'", "a\nb"), ("$$a'b$$", "a'b"), ("starts_with('abc', 'ab')", True), ("format('%s-%s', 1, 'a')", "1-a"),
    ("'abc' LIKE 'a%'", True), ("'abc' LIKE 'A%'", False), ("'abc' ILIKE 'A_C'", True), ("'a%c' LIKE 'a\\%c'", True), ("'a%c' LIKE 'a!%c' ESCAPE '!'", True),
    ("'abc' NOT LIKE '%z'", True), ("NULL LIKE 'a'", None), ("'a\nb' LIKE 'a_b'", True), ("'a.c' LIKE 'a.c'", True), ("'abc' LIKE 'a.c'", False), ("'' LIKE '%'", True),
    ("'abc' ~ '^a.c$'", True), ("'abc' ~* 'B'", True), ("'abc' !~ 'z'", True), ("regexp_replace('aaa', 'a', 'b')", "baa"),
    ("'abc' SIMILAR TO 'a(b|x)c'", True), ("'ab  '::char(4) = 'ab'::char(4)", True), ("'abcdef'::varchar(3)", "abc"), ("'ab'::char(4)", "ab  "),
    # CASE, CAST
    ("CASE WHEN NULL THEN 1 ELSE 2 END", 2), ("CASE 1 WHEN 1 THEN 'a' END", "a"), ("CASE 3 WHEN 1 THEN 'a' END", None),
    ("CASE WHEN true THEN 1 ELSE 1/0 END", 1), ("CASE WHEN true THEN 1 ELSE 2.5 END", D("1")), ("CAST('12' AS int)", 12), ("'12'::int + 1", 13),
    ("12::text", "12"), ("true::text", "true"), ("true::int", 1), ("0::boolean", False), ("'t'::boolean", True), ("1.50::text", "1.50"), ("1e10::float8::text", "10000000000"),
    ("'infinity'::float8", float("inf")), ("3.0::float8::text", "3"), ("'\\x41'::bytea", b"A"), ("'a'::text::bytea", b"a"),
    # dates
    ("date '2024-02-29' + 1", "2024-03-01"), ("date '2024-03-01' - date '2024-02-01'", 29), ("extract(year FROM date '2024-02-29')", D("2024")),
    ("date_part('month', timestamp '2024-02-29')", 2.0), ("date_trunc('month', timestamp '2024-02-29 12:00')", "2024-02-01 00:00:00"),
    ("date '2024-01-31' + interval '1 month'", "2024-02-29 00:00:00"), ("timestamp '2024-01-02' - timestamp '2024-01-01'", "1 day"),
    ("extract(dow FROM date '2024-02-29')", D("4")), ("extract(epoch FROM timestamptz '1970-01-01 00:01+00')", D("60.000000")),
    ("to_char(date '2024-02-29', 'YYYY-MM-DD')", "2024-02-29"), ("make_date(2024, 2, 29)", "2024-02-29"), ("age(date '2024-02-29', date '2023-02-28')", "1 year 1 day"),
    ("interval '1 day' * 2", "2 days"), ("to_date('29.02.2024', 'DD.MM.YYYY')", "2024-02-29"), ("date '2024-01-01' < timestamp '2024-01-01 00:01'", True),
    ("'2024-01-01'::date = '2024-01-01'", True), ("current_date = now()::date", True), ("time '10:00' + interval '2 hours'", "12:00:00"),
]


@pytest.mark.parametrize(("text", "expected"), SCALARS, ids=[text for text, _ in SCALARS])
def test_scalar(auto: minidb.Connection, text: str, expected: Any) -> None:
    ((got,),) = auto.execute(f"SELECT {text}").fetchall()
    if isinstance(expected, str) and not isinstance(got, str):
        ((got,),) = auto.execute(f"SELECT ({text})::text").fetchall()
    assert got == expected
    assert type(got) is type(expected) or expected is None
    if isinstance(expected, D):
        assert str(got) == str(expected)
    auto.execute("CREATE TABLE one (n int)")
    auto.execute("INSERT INTO one VALUES (1)")
    ((again,),) = auto.execute(f"SELECT CASE WHEN n = 1 THEN ({text}) END FROM one").fetchall()
    assert again == got or isinstance(expected, str)


QUERIES: list[tuple[str, list[Any]]] = [
    ("SELECT e.name, d.name FROM emp e JOIN dept d ON d.id = e.dept ORDER BY e.id", [("ann", "dev"), ("bob", "dev"), ("cid", "ops")]),
    ("SELECT e.name, d.name FROM emp e LEFT JOIN dept d ON d.id = e.dept ORDER BY e.id", [("ann", "dev"), ("bob", "dev"), ("cid", "ops"), ("dan", None)]),
    ("SELECT e.name, d.name FROM emp e RIGHT JOIN dept d ON d.id = e.dept ORDER BY d.id, e.id", [("ann", "dev"), ("bob", "dev"), ("cid", "ops"), (None, "hr")]),
    ("SELECT e.id, d.id FROM emp e FULL JOIN dept d ON d.id = e.dept ORDER BY 1, 2", [(1, 1), (2, 1), (3, 2), (4, None), (None, 3)]),
    ("SELECT count(*) FROM emp CROSS JOIN dept", [(12,)]),
    ("SELECT id, emp.name FROM emp JOIN dept USING (id) ORDER BY id", [(1, "ann"), (2, "bob"), (3, "cid")]),
    ("SELECT e.name, b.name FROM emp e LEFT JOIN emp b ON b.id = e.boss AND b.pay > 90 ORDER BY e.id", [("ann", None), ("bob", "ann"), ("cid", "ann"), ("dan", None)]),
    ("SELECT name FROM emp e LEFT JOIN (SELECT id AS d FROM dept) x ON d = dept WHERE d IS NULL", [("dan",)]),
    ("SELECT count(*), count(pay), count(DISTINCT dept), sum(pay), avg(pay), min(name), max(pay) FROM emp", [(4, 3, 2, D("250.00"), D("83.3333333333333333"), "ann", D("100.00"))]),
    ("SELECT count(*), sum(pay), max(id) FROM emp WHERE false", [(0, None, None)]),
    ("SELECT dept, count(*) FROM emp GROUP BY dept ORDER BY dept", [(1, 2), (2, 1), (None, 1)]),
    ("SELECT dept, count(*) AS n FROM emp GROUP BY 1 HAVING count(*) > 1", [(1, 2)]),
    ("SELECT dept FROM emp WHERE false GROUP BY dept", []),
    ("SELECT 1 FROM emp HAVING count(*) > 3", [(1,)]),
    ("SELECT string_agg(name, ',' ORDER BY name DESC) FROM emp", [("dan,cid,bob,ann",)]),
    ("SELECT bool_and(pay > 75), bool_or(pay > 75) FROM emp", [(False, True)]),
    ("SELECT count(*) FILTER (WHERE pay > 75) FROM emp", [(2,)]),
    ("SELECT array_agg(id ORDER BY id) FROM emp", [((1, 2, 3, 4),)]),
    ("SELECT DISTINCT dept FROM emp ORDER BY dept NULLS FIRST", [(None,), (1,), (2,)]),
    ("SELECT DISTINCT ON (dept) dept, name FROM emp ORDER BY dept, pay DESC", [(1, "ann"), (2, "cid"), (None, "dan")]),
    ("SELECT pay FROM emp ORDER BY pay", [(D("70.00"),), (D("80.00"),), (D("100.00"),), (None,)]),
    ("SELECT pay FROM emp ORDER BY pay DESC", [(None,), (D("100.00"),), (D("80.00"),), (D("70.00"),)]),
    ("SELECT pay FROM emp ORDER BY pay DESC NULLS LAST LIMIT 1", [(D("100.00"),)]),
    ("SELECT name AS n FROM emp ORDER BY n DESC LIMIT 2 OFFSET 1", [("cid",), ("bob",)]),
    ("SELECT id FROM emp ORDER BY id FETCH FIRST 2 ROWS ONLY", [(1,), (2,)]),
    ("SELECT id FROM emp ORDER BY -id LIMIT NULL", [(4,), (3,), (2,), (1,)]),
    ("SELECT name FROM emp WHERE pay = (SELECT max(pay) FROM emp)", [("ann",)]),
    ("SELECT name, (SELECT d.name FROM dept d WHERE d.id = e.dept) FROM emp e ORDER BY id", [("ann", "dev"), ("bob", "dev"), ("cid", "ops"), ("dan", None)]),
    ("SELECT name FROM dept WHERE id IN (SELECT dept FROM emp) ORDER BY 1", [("dev",), ("ops",)]),
    ("SELECT name FROM dept WHERE id NOT IN (SELECT dept FROM emp)", []),
    ("SELECT name FROM dept WHERE id NOT IN (SELECT dept FROM emp WHERE dept IS NOT NULL)", [("hr",)]),
    ("SELECT name FROM dept d WHERE EXISTS (SELECT 1 FROM emp WHERE dept = d.id AND pay > 75)", [("dev",)]),
    ("SELECT name FROM dept d WHERE NOT EXISTS (SELECT 1 FROM emp WHERE dept = d.id)", [("hr",)]),
    ("SELECT name FROM emp WHERE pay > ALL (SELECT pay FROM emp WHERE dept = 2)", [("ann",), ("bob",)]),
    ("SELECT name FROM emp WHERE pay > ANY (SELECT pay FROM emp WHERE pay IS NOT NULL) ORDER BY 1", [("ann",), ("bob",)]),
    ("SELECT name FROM emp WHERE (dept, pay) = (SELECT dept, max(pay) FROM emp WHERE dept = 1 GROUP BY dept)", [("ann",)]),
    ("SELECT d, n FROM (SELECT dept AS d, count(*) AS n FROM emp GROUP BY dept) x WHERE n > 1", [(1, 2)]),
    ("SELECT d.name, x.n FROM dept d, LATERAL (SELECT count(*) AS n FROM emp WHERE dept = d.id) x ORDER BY d.id", [("dev", 2), ("ops", 1), ("hr", 0)]),
    ("SELECT dept, (SELECT count(*) FROM dept d WHERE d.id <= e.dept) FROM emp e GROUP BY dept ORDER BY dept", [(1, 1), (2, 2), (None, 0)]),
    ("SELECT id FROM emp ORDER BY (SELECT name FROM dept WHERE id = emp.dept) DESC, id LIMIT 2", [(4,), (3,)]),
    ("SELECT 1 UNION SELECT 1 UNION ALL SELECT 2 ORDER BY 1", [(1,), (2,)]),
    ("SELECT dept FROM emp UNION SELECT id FROM dept ORDER BY 1", [(1,), (2,), (3,), (None,)]),
    ("SELECT dept FROM emp INTERSECT ALL SELECT id FROM dept ORDER BY 1", [(1,), (2,)]),
    ("SELECT dept FROM emp EXCEPT SELECT 1 ORDER BY 1", [(2,), (None,)]),
    ("SELECT dept FROM emp EXCEPT ALL SELECT 1 ORDER BY 1", [(1,), (2,), (None,)]),
    ("SELECT 1 EXCEPT SELECT 2 UNION SELECT 3 INTERSECT SELECT 3 ORDER BY 1", [(1,), (3,)]),
    ("SELECT 1 UNION SELECT 2.5 ORDER BY 1", [(D("1"),), (D("2.5"),)]),
    ("SELECT NULL UNION SELECT 1 ORDER BY 1", [(1,), (None,)]),
    ("WITH x AS (SELECT id FROM emp WHERE id > 2), y AS (SELECT id + 10 AS id FROM x) SELECT * FROM x UNION ALL SELECT * FROM y ORDER BY 1", [(3,), (4,), (13,), (14,)]),
    ("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 4) SELECT sum(n) FROM r", [(10,)]),
    ("WITH RECURSIVE up AS (SELECT id, boss FROM emp WHERE id = 4 UNION ALL SELECT e.id, e.boss FROM emp e JOIN up ON e.id = up.boss) SELECT id FROM up", [(4,), (2,), (1,)]),
    ("VALUES (1, 'a'), (2, NULL) ORDER BY 1 DESC", [(2, None), (1, "a")]),
    ("SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v (x, y) WHERE x = 2", [(2, "b")]),
    ("TABLE dept ORDER BY id LIMIT 1", [(1, "dev")]),
    ("SELECT name FROM emp WHERE id BETWEEN 2 AND 3 ORDER BY 1", [("bob",), ("cid",)]),
    ("SELECT name FROM emp WHERE id NOT BETWEEN 2 AND 3 ORDER BY 1", [("ann",), ("dan",)]),
    ("SELECT 3 BETWEEN SYMMETRIC 5 AND 1", [(True,)]),
    ("SELECT name FROM emp WHERE dept = 1 OR id = 4 ORDER BY id", [("ann",), ("bob",), ("dan",)]),
    ("SELECT name FROM emp WHERE name LIKE '%n%' ORDER BY 1", [("ann",), ("dan",)]),
    ("SELECT row_number() OVER (ORDER BY pay DESC NULLS LAST), name FROM emp ORDER BY 1", [(1, "ann"), (2, "bob"), (3, "cid"), (4, "dan")]),
    ("SELECT name, sum(pay) OVER (PARTITION BY dept ORDER BY id) FROM emp ORDER BY id LIMIT 2", [("ann", D("100.00")), ("bob", D("180.00"))]),
    ("SELECT a % 10, count(*) FROM generate_series(1, 30) AS g(a) GROUP BY a % 10 ORDER BY a % 10 LIMIT 2", [(0, 3), (1, 3)]),
    ("SELECT \"Name\" FROM (SELECT 1 AS \"Name\") AS \"X\"", [(1,)]),
    ("SELECT NAME FROM EMP WHERE ID = 1", [("ann",)]),
    ("SELECT emp.* FROM emp WHERE id = 2", [(2, "bob", 1, 1, D("80.00"))]),
    ("SELECT count(*) FROM emp a JOIN emp b ON a.dept = b.dept", [(5,)]),
    ("SELECT sum(id) FROM emp", [(10,)]),
    ("SELECT avg(id) FROM emp", [(D("2.5000000000000000"),)]),
    ("SELECT sum(id::smallint), sum(id::bigint), sum(id::float8) FROM emp", [(10, D("10"), 10.0)]),
]


@pytest.mark.parametrize(("sql", "expected"), QUERIES, ids=[sql for sql, _ in QUERIES])
def test_query(shop: minidb.Connection, sql: str, expected: list[Any]) -> None:
    assert shop.execute(sql).fetchall() == expected
    shop.execute("CHECKPOINT")
    shop.execute("ANALYZE")
    assert shop.execute(sql).fetchall() == expected
    ordered = "ORDER BY" in sql or len(expected) < 2
    for off in ("hashjoin", "seqscan", "nestloop"):
        shop.execute(f"SET enable_{off} = off")
        rows = shop.execute(sql).fetchall()
        assert rows == expected if ordered else sorted(map(str, rows)) == sorted(map(str, expected))


def test_row_with_an_untyped_null(auto: minidb.Connection) -> None:
    assert one(auto, "SELECT (1, NULL) = (2, 3), (1, NULL) = (1, 3)") == (False, None)


def one(conn: minidb.Connection, sql: str, *parameters: Any) -> Any:
    row = conn.execute(sql, parameters).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def state_of(conn: minidb.Connection, sql: str) -> str:
    with pytest.raises(minidb.Error) as caught:
        conn.execute(sql)
    return caught.value.sqlstate


# -- DML


def test_insert_forms(auto: minidb.Connection) -> None:
    auto.execute("CREATE TABLE t (a int DEFAULT 7, b text DEFAULT 'x' || 'y', c int)")
    auto.execute("INSERT INTO t DEFAULT VALUES")
    auto.execute("INSERT INTO t (c, a) VALUES (1, DEFAULT), (2, 3)")
    auto.execute("INSERT INTO t SELECT a + 10, b, c FROM t WHERE c IS NOT NULL")
    assert auto.execute("SELECT * FROM t ORDER BY a, c").fetchall() == [
        (3, "xy", 2), (7, "xy", 1), (7, "xy", None), (13, "xy", 2), (17, "xy", 1),
    ]
    assert auto.execute("INSERT INTO t (a) SELECT 1 WHERE false").rowcount == 0


def test_insert_select_from_itself_sees_the_old_rows(auto: minidb.Connection) -> None:
    auto.execute("CREATE TABLE t (a int)")
    auto.execute("INSERT INTO t VALUES (1), (2)")
    for n in (4, 8, 16):
        auto.execute("INSERT INTO t SELECT a FROM t")
        assert one(auto, "SELECT count(*) FROM t") == n


def test_on_conflict(auto: minidb.Connection) -> None:
    auto.execute("CREATE TABLE t (k int PRIMARY KEY, n int DEFAULT 1, u int UNIQUE)")
    assert auto.execute("INSERT INTO t VALUES (1, 1, 1) ON CONFLICT DO NOTHING").rowcount == 1
    assert auto.execute("INSERT INTO t VALUES (1, 5, 2) ON CONFLICT DO NOTHING").rowcount == 0
    assert auto.execute("INSERT INTO t VALUES (2, 5, 1) ON CONFLICT (u) DO NOTHING").rowcount == 0
    auto.execute("INSERT INTO t VALUES (1, 5, 9) ON CONFLICT (k) DO UPDATE SET n = t.n + excluded.n")
    assert auto.execute("SELECT * FROM t").fetchall() == [(1, 6, 1)]
    cur = auto.execute("INSERT INTO t VALUES (1, 5, 9) ON CONFLICT (k) DO UPDATE SET n = 0 WHERE t.n > 100 RETURNING n")
    assert (cur.fetchall(), cur.rowcount) == ([], 0)
    cur = auto.execute(
        "INSERT INTO t VALUES (1, 5, 9), (2, 2, 2) ON CONFLICT ON CONSTRAINT t_pkey DO UPDATE SET u = excluded.u RETURNING k, u"
    )
    assert cur.fetchall() == [(1, 9), (2, 2)]
    assert state_of(auto, "INSERT INTO t VALUES (3, 3, 9) ON CONFLICT (k) DO NOTHING") == "23505"
    assert state_of(auto, "INSERT INTO t VALUES (4, 4, 4), (4, 5, 5) ON CONFLICT (k) DO UPDATE SET n = 1") == "21000"
    assert state_of(auto, "INSERT INTO t VALUES (4, 4, 4) ON CONFLICT (n) DO NOTHING") == "42P10"


def test_update_forms(shop: minidb.Connection) -> None:
    cur = shop.execute("UPDATE emp SET pay = pay + 1, name = upper(name) WHERE dept = 1 RETURNING id, name, pay")
    assert sorted(cur.fetchall()) == [(1, "ANN", D("101.00")), (2, "BOB", D("81.00"))]
    shop.execute("UPDATE emp e SET name = d.name FROM dept d WHERE d.id = e.dept")
    assert [n for (n,) in shop.execute("SELECT name FROM emp ORDER BY id")] == ["dev", "dev", "ops", "dan"]
    shop.execute("UPDATE emp SET (name, pay) = (SELECT 'z', 5) WHERE id = 4")
    assert one(shop, "SELECT name, pay FROM emp WHERE id = 4") == ("z", D("5.00"))
    shop.execute("UPDATE emp SET id = id + 10, boss = id")
    assert shop.execute("SELECT id, boss FROM emp ORDER BY id").fetchall() == [(11, 1), (12, 2), (13, 3), (14, 4)]
    shop.execute("UPDATE emp SET dept = DEFAULT WHERE id = 11")
    assert one(shop, "SELECT dept FROM emp WHERE id = 11") is None


def test_update_shifts_a_unique_key(auto: minidb.Connection) -> None:
    for kind in ("PRIMARY KEY", "PRIMARY KEY CLUSTERED"):
        auto.execute(f"CREATE TABLE t (a int {kind}, b int)")
        auto.execute("INSERT INTO t VALUES (3, 3), (1, 1), (2, 2)")
        try:
            auto.execute("UPDATE t SET a = a + 1")
        except minidb.UniqueViolation:  # PostgreSQL checks row by row; both are allowed
            assert auto.execute("SELECT a FROM t ORDER BY a").fetchall() == [(1,), (2,), (3,)]
        auto.execute("UPDATE t SET a = -a")
        assert one(auto, "SELECT count(*) FROM t WHERE a < 0") == 3
        auto.execute("DROP TABLE t")


def test_delete_forms(shop: minidb.Connection) -> None:
    assert shop.execute("DELETE FROM emp USING dept d WHERE d.id = dept AND d.name = 'ops' RETURNING emp.id").fetchall() == [(3,)]
    assert shop.execute("DELETE FROM emp WHERE id IN (SELECT max(id) FROM emp)").rowcount == 1
    assert shop.execute("DELETE FROM emp").rowcount == 2


def test_with_and_dml(shop: minidb.Connection) -> None:
    rows = shop.execute("WITH gone AS (DELETE FROM emp WHERE id > 2 RETURNING id) SELECT sum(id) FROM gone").fetchall()
    assert rows == [(7,)]
    assert one(shop, "SELECT count(*) FROM emp") == 2


# -- constraints


@pytest.mark.parametrize(
    ("action", "after_delete", "after_update"),
    [
        ("CASCADE", [], [(1, 5)]),
        ("SET NULL", [(1, None)], [(1, None)]),
        ("SET DEFAULT", [(1, 2)], [(1, 2)]),
        ("NO ACTION", None, None),
        ("RESTRICT", None, None),
    ],
)
@pytest.mark.parametrize("clustered", ["", "CLUSTERED"])
def test_foreign_key_actions(
    db: minidb.Database, auto: minidb.Connection, action: str, after_delete: Any, after_update: Any, clustered: str
) -> None:
    auto.execute(f"CREATE TABLE p (id int PRIMARY KEY {clustered})")
    auto.execute(f"CREATE TABLE c (id int PRIMARY KEY, p int DEFAULT 2 REFERENCES p ON DELETE {action} ON UPDATE {action})")
    auto.execute("INSERT INTO p VALUES (1), (2)")
    auto.execute("INSERT INTO c VALUES (1, 1)")
    for sql, expected in (("DELETE FROM p WHERE id = 1", after_delete), ("UPDATE p SET id = 5 WHERE id = 1", after_update)):
        with db.connect() as conn:
            if expected is None:
                assert state_of(conn, sql) == "23503"
            else:
                conn.execute(sql)
                assert conn.execute("SELECT * FROM c").fetchall() == expected
            conn.rollback()
    auto.execute("INSERT INTO c VALUES (2, NULL)")
    assert state_of(auto, "INSERT INTO c VALUES (3, 9)") == "23503"


def test_foreign_key_to_itself_and_of_two_columns(auto: minidb.Connection) -> None:
    auto.execute("CREATE TABLE n (id int PRIMARY KEY, up int REFERENCES n ON DELETE CASCADE)")
    auto.execute("INSERT INTO n VALUES (1, 2), (2, 1), (3, 3), (4, 3)")
    assert auto.execute("DELETE FROM n WHERE id = 3").rowcount == 1
    assert one(auto, "SELECT count(*) FROM n") == 2
    auto.execute("CREATE TABLE p (a int, b int, PRIMARY KEY (a, b))")
    auto.execute("CREATE TABLE c (x int, y int, FOREIGN KEY (x, y) REFERENCES p (a, b))")
    auto.execute("INSERT INTO p VALUES (1, 2)")
    auto.execute("INSERT INTO c VALUES (1, 2), (1, NULL), (NULL, 7)")
    assert state_of(auto, "INSERT INTO c VALUES (2, 1)") == "23503"


def test_checks_defaults_generated(auto: minidb.Connection) -> None:
    auto.execute(
        "CREATE TABLE t (a int CHECK (a > 0), b int DEFAULT 5, c int GENERATED ALWAYS AS (a * b) STORED, "
        "d timestamp DEFAULT '2024-01-01', CONSTRAINT small CHECK (a < b))"
    )
    auto.execute("INSERT INTO t (a) VALUES (2), (NULL)")
    assert auto.execute("SELECT a, b, c FROM t ORDER BY a").fetchall() == [(2, 5, 10), (None, 5, None)]
    auto.execute("UPDATE t SET b = 6 WHERE a = 2")
    assert one(auto, "SELECT c FROM t WHERE a = 2") == 12
    assert state_of(auto, "INSERT INTO t (a) VALUES (0)") == "23514"
    assert state_of(auto, "UPDATE t SET b = 1") == "23514"
    assert state_of(auto, "INSERT INTO t (a, c) VALUES (1, 1)") == "428C9"
    assert state_of(auto, "UPDATE t SET c = 1") == "428C9"


def test_identity_and_serial(auto: minidb.Connection) -> None:
    try:
        auto.execute("CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a text)")
    except minidb.NotSupportedError:
        pytest.skip("identity columns are not part of the contract")
    assert auto.execute("INSERT INTO t (a) VALUES ('x'), ('y') RETURNING id").fetchall() == [(1,), (2,)]


def test_char_is_padded_on_output_only(auto: minidb.Connection) -> None:
    auto.execute("CREATE TABLE t (a char(4), b char)")
    assert auto.execute("INSERT INTO t VALUES ('ab', 'x'), ('cd  ', NULL) RETURNING a").fetchall() == [("ab  ",), ("cd  ",)]
    assert one(auto, "SELECT a, length(a), a || '!', a::text, b FROM t WHERE a = 'ab'") == ("ab  ", 2, "ab!", "ab", "x")
    assert one(auto, "SELECT count(*) FROM t WHERE a = 'cd      '") == 1
    auto.execute("CREATE TABLE u AS SELECT a FROM t")
    assert one(auto, "SELECT a::text FROM u WHERE a = 'ab'") == "ab"
    assert state_of(auto, "INSERT INTO t VALUES ('abcde')") == "22001"
    auto.execute("INSERT INTO t VALUES ('abc      ')")


def test_unique_and_null(auto: minidb.Connection) -> None:
    auto.execute("CREATE TABLE t (a int, b int, UNIQUE (a, b))")
    auto.execute("INSERT INTO t VALUES (1, NULL), (1, NULL), (1, 1)")
    assert state_of(auto, "INSERT INTO t VALUES (1, 1)") == "23505"
    auto.execute("CREATE UNIQUE INDEX part ON t (b) WHERE a > 5")
    auto.execute("INSERT INTO t VALUES (2, 1), (6, 1)")
    assert state_of(auto, "INSERT INTO t VALUES (7, 1)") == "23505"
    assert state_of(auto, "CREATE UNIQUE INDEX whole ON t (b)") == "23505"


# -- DDL


def test_create_table_as(shop: minidb.Connection) -> None:
    for _ in range(2):
        cur = shop.execute("CREATE TABLE rich AS SELECT id, pay * 2 AS double FROM emp WHERE pay > 75")
        assert cur.rowcount in (2, -1)
        assert shop.execute("SELECT * FROM rich ORDER BY id").fetchall() == [(1, D("200.00")), (2, D("160.00"))]
        shop.execute("DROP TABLE rich")
    shop.execute("CREATE TABLE none (a, b) AS SELECT 1, 'x' WITH NO DATA")
    assert shop.execute("SELECT a, b FROM none").fetchall() == []
    shop.execute("CREATE TABLE IF NOT EXISTS none AS SELECT 1")
    shop.execute("CREATE TABLE par AS SELECT 1 AS a")


def test_create_table_as_with_parameters(auto: minidb.Connection) -> None:
    try:
        auto.execute("CREATE TABLE t AS SELECT ? AS a", (5,))
    except minidb.Error as error:
        assert error.sqlstate in ("07001", "42P02", "0A000")
    else:
        assert one(auto, "SELECT a FROM t") == 5


def test_truncate(shop: minidb.Connection) -> None:
    assert state_of(shop, "TRUNCATE dept") == "0A000"
    shop.execute("TRUNCATE TABLE emp")
    assert one(shop, "SELECT count(*) FROM emp") == 0
    shop.execute("INSERT INTO emp VALUES (1, 'x', 1, NULL, 1)")
    shop.execute("TRUNCATE dept, emp")
    shop.execute("INSERT INTO dept VALUES (1, 'x')")
    shop.execute("INSERT INTO emp VALUES (1, 'x', 1, NULL, 1)")
    shop.execute("TRUNCATE dept CASCADE")
    assert one(shop, "SELECT count(*) FROM emp") == 0


@pytest.mark.parametrize("clustered", ["", "CLUSTERED"])
def test_alter_table(auto: minidb.Connection, clustered: str) -> None:
    auto.execute(f"CREATE TABLE t (id int PRIMARY KEY {clustered}, a int)")
    auto.execute("INSERT INTO t VALUES (1, 10), (2, 20)")
    auto.execute("CHECKPOINT")
    auto.execute("ALTER TABLE t ADD COLUMN b text DEFAULT 'x' NOT NULL, ADD COLUMN c int")
    assert auto.execute("SELECT * FROM t ORDER BY id").fetchall() == [(1, 10, "x", None), (2, 20, "x", None)]
    auto.execute("ALTER TABLE t DROP COLUMN a")
    assert auto.execute("SELECT * FROM t ORDER BY id").fetchall() == [(1, "x", None), (2, "x", None)]
    auto.execute("ALTER TABLE t ADD COLUMN a numeric DEFAULT 1.5")
    auto.execute("ALTER TABLE t RENAME COLUMN b TO label")
    assert auto.execute("SELECT label, a FROM t WHERE id = 1").fetchall() == [("x", D("1.5"))]
    auto.execute("ALTER TABLE t ALTER COLUMN c SET DEFAULT 9")
    auto.execute("INSERT INTO t (id) VALUES (3)")
    assert one(auto, "SELECT c FROM t WHERE id = 3") == 9
    auto.execute("ALTER TABLE t ALTER COLUMN c DROP DEFAULT")
    assert state_of(auto, "ALTER TABLE t ALTER COLUMN c SET NOT NULL") == "23502"
    auto.execute("UPDATE t SET c = 0 WHERE c IS NULL")
    auto.execute("ALTER TABLE t ALTER COLUMN c SET NOT NULL")
    assert state_of(auto, "INSERT INTO t (id) VALUES (4)") == "23502"
    auto.execute("ALTER TABLE t ALTER COLUMN c DROP NOT NULL")
    auto.execute("ALTER TABLE t ALTER COLUMN c TYPE text USING 'n' || c")
    assert one(auto, "SELECT c FROM t WHERE id = 3") == "n9"
    assert state_of(auto, "ALTER TABLE t ADD CONSTRAINT k CHECK (id > 1)") == "23514"
    auto.execute("ALTER TABLE t ADD CONSTRAINT k CHECK (id > 0)")
    assert state_of(auto, "INSERT INTO t (id) VALUES (0)") == "23514"
    auto.execute("ALTER TABLE t DROP CONSTRAINT k")
    auto.execute("ALTER TABLE t ADD CONSTRAINT both_u UNIQUE (c, id)")
    auto.execute("ALTER TABLE t RENAME TO u")
    assert one(auto, "SELECT count(*) FROM u") == 3
    assert state_of(auto, "SELECT * FROM t") == "42P01"
    auto.execute("CHECKPOINT")
    assert auto.execute("SELECT id, label, c, a FROM u ORDER BY id").fetchall() == [
        (1, "x", "n0", D("1.5")), (2, "x", "n0", D("1.5")), (3, "x", "n9", D("1.5")),
    ]
    auto.execute("DROP TABLE u")
    auto.execute("DROP TABLE IF EXISTS u")


def test_alters_in_a_transaction(conn: minidb.Connection) -> None:
    conn.execute("CREATE TABLE t (id int PRIMARY KEY, a int)")
    conn.execute("INSERT INTO t VALUES (1, 10)")
    conn.commit()
    conn.execute("ALTER TABLE t ADD COLUMN b int DEFAULT 1")
    conn.execute("SAVEPOINT s")
    conn.execute("ALTER TABLE t DROP COLUMN a")
    conn.execute("INSERT INTO t VALUES (2, 2)")
    assert conn.execute("SELECT * FROM t ORDER BY id").fetchall() == [(1, 1), (2, 2)]
    conn.execute("ROLLBACK TO s")
    conn.execute("INSERT INTO t VALUES (3, 30, 3)")
    conn.execute("ALTER TABLE t RENAME TO u")
    conn.execute("CREATE INDEX u_a ON u (a)")
    conn.execute("SET enable_seqscan = off")
    assert conn.execute("SELECT id FROM u WHERE a = 30").fetchall() == [(3,)]
    conn.commit()
    assert conn.execute("SELECT * FROM u ORDER BY id").fetchall() == [(1, 10, 1), (3, 30, 3)]


def test_indexes_in_all_forms(auto: minidb.Connection) -> None:
    auto.execute("CREATE TABLE t (id int PRIMARY KEY, a int, b text, c int)")
    auto.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", [(i, i % 10 if i % 7 else None, f"s{i % 5}", i) for i in range(300)])
    queries = [
        "SELECT id FROM t WHERE a = 3 ORDER BY id",
        "SELECT id FROM t WHERE a IS NULL ORDER BY id",
        "SELECT id FROM t WHERE a > 7 AND b = 's2' ORDER BY id",
        "SELECT a, c FROM t WHERE a BETWEEN 2 AND 4 ORDER BY a, c",
        "SELECT id FROM t WHERE lower(b) = 's1' ORDER BY id",
        "SELECT id FROM t WHERE c > 290 ORDER BY c DESC",
        "SELECT a, b FROM t ORDER BY a, b DESC, id",
        "SELECT id FROM t WHERE a IN (1, 5, NULL) ORDER BY id",
        "SELECT max(a), min(a) FROM t",
        "SELECT id FROM t WHERE b LIKE 's1%' ORDER BY id",
    ]
    before = [auto.execute(sql).fetchall() for sql in queries]
    for sql in (
        "CREATE INDEX i1 ON t (a)",
        "CREATE INDEX i2 ON t (a, b DESC)",
        "CREATE INDEX i3 ON t (a) INCLUDE (c)",
        "CREATE INDEX i4 ON t (lower(b))",
        "CREATE INDEX i5 ON t (c) WHERE c > 200",
        "CREATE INDEX i6 ON t (a DESC NULLS LAST)",
        "CREATE INDEX IF NOT EXISTS i6 ON t (b)",
        "CREATE UNIQUE INDEX i7 ON t (b, c)",
        "CREATE INDEX ON t (b)",
        "ANALYZE t",
        "SET enable_seqscan = off",
        "CHECKPOINT",
        "SET enable_indexonlyscan = off",
    ):
        auto.execute(sql)
        assert [auto.execute(query).fetchall() for query in queries] == before
    auto.execute("DROP INDEX i1, i2")


def test_plan_cache_respects_literals_and_schema(auto: minidb.Connection) -> None:
    auto.execute("CREATE TABLE t (a int, b int)")
    auto.execute("INSERT INTO t VALUES (1, 2), (3, 4)")
    auto.execute("CREATE INDEX part ON t (b) WHERE b > 3")
    for low, n in ((5, 0), (3, 1), (-5, 2)):
        assert one(auto, f"SELECT count(*) FROM t WHERE b > {low}") == n
    assert auto.execute("SELECT a, b FROM t ORDER BY 1").fetchall() == [(1, 2), (3, 4)]
    assert auto.execute("SELECT a, b FROM t ORDER BY 2 DESC").fetchall() == [(3, 4), (1, 2)]
    assert auto.execute("SELECT * FROM t WHERE a = 1").fetchall() == [(1, 2)]
    auto.execute("ALTER TABLE t ADD COLUMN c int DEFAULT 0")
    assert auto.execute("SELECT * FROM t WHERE a = 1").fetchall() == [(1, 2, 0)]
    assert auto.execute("SELECT * FROM t WHERE a = 3").fetchall() == [(3, 4, 0)]
    assert one(auto, "SELECT 1") == 1
    assert one(auto, "SELECT 1.5") == D("1.5")
    assert one(auto, "SELECT 'x'") == "x"
    assert one(auto, "SELECT NULL") is None


def test_prepare_execute(auto: minidb.Connection) -> None:
    auto.execute("PREPARE q AS SELECT $1::int + $2::int")
    assert one(auto, "EXECUTE q (1, 2)") == 3
    assert one(auto, "EXECUTE q (?, 5)", 4) == 9
    assert state_of(auto, "PREPARE q AS SELECT 1") == "42P05"
    auto.execute("DEALLOCATE q")
    assert state_of(auto, "EXECUTE q (1, 2)") == "26000"


def test_views(shop: minidb.Connection) -> None:
    shop.execute("CREATE VIEW v AS SELECT d.name AS dept, count(e.id) AS n FROM dept d LEFT JOIN emp e ON e.dept = d.id GROUP BY d.name")
    assert shop.execute("SELECT * FROM v ORDER BY dept").fetchall() == [("dev", 2), ("hr", 0), ("ops", 1)]
    shop.execute("DROP VIEW v")


def test_clustered_table(auto: minidb.Connection) -> None:
    auto.execute("CREATE TABLE r (s int, at timestamp, v real, PRIMARY KEY CLUSTERED (s, at))")
    auto.execute("INSERT INTO r VALUES (2, '2024-01-02', 1), (1, '2024-01-03', 2), (2, '2024-01-01', 3)")
    assert [v for (v,) in auto.execute("SELECT v FROM r")] == [2.0, 3.0, 1.0]
    assert [v for (v,) in auto.execute("SELECT v FROM r WHERE s = 2 AND at > '2024-01-01'")] == [1.0]
    auto.execute("UPDATE r SET s = 0 WHERE v = 1")
    assert [v for (v,) in auto.execute("SELECT v FROM r")] == [1.0, 2.0, 3.0]
    assert state_of(auto, "INSERT INTO r VALUES (1, '2024-01-03', 9)") == "23505"
    assert state_of(auto, "INSERT INTO r VALUES (NULL, '2024-01-03', 9)") == "23502"
