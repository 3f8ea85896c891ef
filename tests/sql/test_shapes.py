"""Literal lifting: what shares a key, what must not, and that a lifted tree is the plain tree."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidb import errors
from minidb.sql import ast
from minidb.sql.parser import parse, parse_script
from minidb.sql.printer import to_sql
from minidb.sql.shapes import lift, parse_lifted

STATEMENTS = [text for text, _ in parse_script((Path(__file__).parent / "statements.sql").read_text("utf-8"))]


def values(text: str) -> list[object]:
    """The lifted literals of a statement."""
    lifted = lift(text)
    assert lifted is not None
    return list(lifted[1])


def key(text: str) -> object:
    lifted = lift(text)
    assert lifted is not None
    return lifted[0]


def test_values_are_typed_by_their_spelling() -> None:
    text = "SELECT a FROM t WHERE a IN (42, 2147483648, 9223372036854775808, 1.50, 'it''s', '')"
    assert values(text) == [42, 2147483648, Decimal("9223372036854775808"), Decimal("1.50"), "it's", ""]
    parsed = parse_lifted(text)
    assert parsed is not None
    kinds = [node.kind for node in ast.walk(parsed[0]) if isinstance(node, ast.Lifted)]
    assert kinds == ["int4", "int8", "numeric", "numeric", "text", "text"]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("SELECT a FROM t WHERE a = 1", "SELECT a FROM t WHERE a = 2"),
        ("SELECT a FROM t WHERE a = 'x'", "SELECT a FROM t WHERE a = 'it''s --'"),
        ("INSERT INTO t VALUES (1, 'a')", "INSERT INTO t VALUES (20, 'b')"),
        ("UPDATE t SET a = a + 1 WHERE b = 7", "UPDATE t SET a = a + 10 WHERE b = 70"),
        ("SELECT a % 10 FROM t GROUP BY a % 10", "SELECT a % 20 FROM t GROUP BY a % 20"),
        ("SELECT a FROM t WHERE (a, b) > (1, 2)", "SELECT a FROM t WHERE (a, b) > (3, 4)"),
        ('SELECT "1" FROM t WHERE a = 1', 'SELECT "1" FROM t WHERE a = 2'),
    ],
)
def test_same_shape(left: str, right: str) -> None:
    assert key(left) == key(right)
    assert values(left) != values(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("SELECT a FROM t WHERE a = 1", "SELECT a FROM t WHERE a = '1'"),
        ("SELECT a FROM t WHERE a = 1", "SELECT a FROM t WHERE a = 1.0"),
        ("SELECT a FROM t WHERE a = 1", "SELECT a FROM t WHERE a = 3000000000"),
        ("SELECT a FROM t WHERE a = 1", "SELECT b FROM t WHERE a = 1"),
        ("SELECT a % 10 FROM t GROUP BY a % 10", "SELECT a % 10 FROM t GROUP BY a % 20"),
        ("SELECT a FROM t LIMIT 1", "SELECT a FROM t LIMIT 2"),
        ("SELECT a FROM t ORDER BY 1", "SELECT a FROM t ORDER BY 2"),
        ('SELECT "1" FROM t', 'SELECT "2" FROM t'),
    ],
)
def test_other_shape(left: str, right: str) -> None:
    assert key(left) != key(right)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a FROM t ORDER BY 1, 2 DESC",
        "SELECT a FROM t GROUP BY 1, (2), ROLLUP (3), GROUPING SETS ((4, 5), 6)",
        "SELECT DISTINCT ON (1, 2) a FROM t",
        "SELECT a FROM t LIMIT 1 + 1 OFFSET 2",
        "SELECT a FROM t ORDER BY a FETCH FIRST 3 ROWS ONLY",
        "SELECT a FROM t AS OF COMMIT 17",
        "SELECT DATE '2026-01-31', INTERVAL '1' DAY, interval '1 day', time with time zone '12:00'",
        "SELECT a::numeric(12, 2), a::varchar(5), CAST(a AS timestamp(3)), a::int[3]",
        "SELECT '1'::int, 1::text, CAST('x' AS char(3))",
        "SELECT a LIKE 'x%' ESCAPE '!', a ILIKE 'x' || 'y', a SIMILAR TO 'x', a ~ 'x', a !~* 'x'",
        "SELECT a -> 'k' ->> 0 #> '{a}', a @> '{}', a ? 'k'",
        "SELECT sum(a) OVER (ORDER BY b ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING) FROM t",
        "SELECT nextval('s'), to_char(a, 'YYYY'), EXTRACT('epoch' FROM a), date_trunc('day', a)",
        "INSERT INTO t VALUES (a) ON CONFLICT (b) WHERE c > 5 DO NOTHING",
        "SELECT t1.a2, x1 FROM t1 WHERE a2 = b3",
        "SELECT 0x1F, 1e3, .5, 1_000, 5.",
        'SELECT "1", "a 2 b" FROM "3"',
    ],
)
def test_what_means_more_than_a_value_stays(text: str) -> None:
    assert values(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE t (a int DEFAULT 1)",
        "CREATE VIEW v AS SELECT 1",
        "BEGIN ISOLATION LEVEL SERIALIZABLE 2PL",
        "SET x = 1",
        "EXPLAIN SELECT 1",
        "SELECT 1 -- comment",
        "SELECT /* 2 */ 1",
        "SELECT $1, 2",
        "SELECT $$a$$, 2",
        r"SELECT E'a\'b', 'c\'",
        r"SELECT E'\\', 'b'",
        "SELECT date'2026-01-01'",
        "SELECT 'abc",
        "SELECT 1 +",
        "SELECT 'a\0'",
        "SELECT '\ud800'",
        "",
        "SELECT " + ", ".join(["1"] * 1000),
    ],
)
def test_not_lifted(text: str) -> None:
    assert lift(text) is None


def test_a_lifted_tree_holds_the_values() -> None:
    text = "SELECT name FROM t WHERE id = 42 AND kind = 'x' OR id = 42 LIMIT 10"
    parsed = parse_lifted(text)
    assert parsed is not None
    tree, found = parsed
    lifted = [node for node in ast.walk(tree) if isinstance(node, ast.Lifted)]
    assert [(node.index, node.value) for node in lifted] == [(0, 42), (1, "x"), (0, 42)]
    assert found == [42, "x"]
    assert all(text[node.at :].startswith(("42", "'x'")) for node in lifted)


@pytest.mark.parametrize("text", STATEMENTS)
def test_the_lifted_tree_prints_as_the_plain_one(text: str) -> None:
    parsed = parse_lifted(text)
    if parsed is not None:
        assert ast.same(parse(to_sql(parsed[0])), parse(text))


PARTS = st.lists(
    st.sampled_from(
        ["SELECT", "a", "1", "'x'", "2.5", ",", "FROM", "t", "WHERE", "=", "+", "(", ")", "LIMIT", "ORDER BY", "E",
         '"q"', "''", "IN", "AND", "interval", "::int", "LIKE", "AS", ".", "[", "]", "?", "-", "--", "e5", "3000000000"]
    ),
    max_size=14,
)  # fmt: skip


@given(PARTS, st.sampled_from(["", " "]))
def test_random_text_is_lifted_as_it_is_parsed(parts: list[str], gap: str) -> None:
    text = "SELECT " + gap.join(parts)
    try:
        parsed = parse_lifted(text)
    except errors.Error:
        with pytest.raises(errors.Error):
            parse(text)
        return
    if parsed is not None:
        assert ast.same(parse(to_sql(parsed[0])), parse(to_sql(parse(text))))
