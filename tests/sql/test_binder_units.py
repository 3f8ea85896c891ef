"""What golden plans do not show: lifted literals, long chains, deep nesting, trees, suggestions, stored expressions."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_text import plan_text, text
from schema_door import Schema, View

from minidb import errors
from minidb.sql import plan
from minidb.sql.binder import NotLiftable, bind, bind_row_expression
from minidb.sql.binder.trees import relations_in, rewrite, same, walk
from minidb.sql.parser import MAX_DEPTH, parse
from minidb.sql.shapes import parse_lifted
from minidb.sql.suggest import distance, nearest
from minidb.types import BIGINT, DATE, INTEGER, NUMERIC, TEXT, UNKNOWN


@pytest.fixture(scope="module")
def schema() -> Schema:
    made = Schema()
    made.execute("CREATE TABLE t (a int PRIMARY KEY, b text, c numeric, d date, e bigint)")
    made.execute("CREATE TABLE u (a int, b text)")
    return made


def lifted(sql: str, schema: Schema) -> str:
    parsed = parse_lifted(sql)
    assert parsed is not None
    tree, _ = parsed
    bound = bind(tree, sql, View(schema.door))
    return plan_text(bound.plan) + "\n" + ", ".join(map(str, bound.parameters))


# -- lifted literals (R68) --------------------------------------------------------------------------------


def test_lifted_literals_become_parameters(schema: Schema) -> None:
    assert lifted("SELECT a FROM t WHERE b = 'x' AND c > 5 AND d < '2020-01-01' AND e = 5000000000", schema) == (
        "Query r3.a! as 'a' :: integer\n"
        "  Filter ((r3.b = $0:text) and (r3.c > ($1:integer -> numeric)) and (r3.d < $2:date) and (r3.e = $3:bigint))\n"
        "    Scan r3 t\n"
        "text, integer, date, bigint"
    )


def test_equal_literals_stay_equal(schema: Schema) -> None:
    assert "by (r3.a! % $0:integer)" in lifted("SELECT a % 10, count(*) FROM t GROUP BY a % 10", schema)


def test_equal_literals_of_two_types_cannot_be_lifted(schema: Schema) -> None:
    with pytest.raises(NotLiftable):
        lifted("SELECT a FROM t WHERE b = '2020-01-01' AND d = '2020-01-01'", schema)


@pytest.mark.parametrize("clause", ["ORDER BY", "GROUP BY"])
def test_an_ordinal_that_was_lifted_is_refused(clause: str, schema: Schema) -> None:
    from minidb.sql import ast

    tree = parse(f"SELECT a FROM t {clause} 1")
    literal = ast.Lifted(index=0, kind="int4", value=1)
    assert isinstance(tree, ast.Query) and isinstance(tree.body, ast.Select)
    if clause == "ORDER BY":
        tree = ast.Query(body=tree.body, order_by=(ast.SortKey(expression=literal),))
    else:
        tree = ast.Query(
            body=ast.Select(targets=tree.body.targets, from_items=tree.body.from_items, group_by=(literal,))
        )
    with pytest.raises(NotLiftable):
        bind(tree, "", View(schema.door))


def test_lifted_literals_come_after_the_parameters(schema: Schema) -> None:
    parsed = parse_lifted("SELECT a FROM t WHERE b = ? AND a = 5")
    assert parsed is not None
    tree, _ = parsed
    bound = bind(tree, "", View(schema.door), (UNKNOWN,))
    assert bound.parameters == (TEXT, INTEGER)
    bound = bind(tree, "", View(schema.door), (UNKNOWN,), lifted_offset=1)
    assert bound.parameters == (TEXT, INTEGER)


# -- parameters -------------------------------------------------------------------------------------------


def test_named_parameters(schema: Schema) -> None:
    tree = parse("SELECT a FROM t WHERE d = :day AND a = :id OR :day IS NULL")
    bound = bind(tree, "", View(schema.door), (BIGINT, UNKNOWN), parameter_names=("id", "day"))
    assert bound.parameters == (BIGINT, DATE)
    with pytest.raises(errors.UndefinedParameter):
        bind(tree, "", View(schema.door), (BIGINT,), parameter_names=("id",))


def test_a_parameter_without_context_is_text(schema: Schema) -> None:
    assert schema.bind("SELECT ?", (UNKNOWN,)).parameters == (TEXT,)
    assert schema.bind("SELECT ? IS NULL", (UNKNOWN,)).parameters == (TEXT,)
    assert schema.bind("INSERT INTO t (c) SELECT ?", (UNKNOWN,)).parameters == (NUMERIC,)


# -- chains and depth -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT {} FROM t".format(" + ".join(["a"] * 3000)),
        "SELECT {} AS x, count(*) FROM t GROUP BY 1 ORDER BY x".format(" + ".join(["a"] * 3000)),
        "SELECT sum({}) FROM t".format(" - ".join(["a"] * 3000)),
        "SELECT a FROM t WHERE {}".format(" OR ".join(f"a = {i}" for i in range(3000))),
        "SELECT a FROM t WHERE a IN ({})".format(", ".join(map(str, range(3000)))),
        "SELECT {} FROM t".format(" || ".join(["'x'"] * 3000)),
        " UNION ALL ".join(["SELECT a FROM t"] * 1000),
        " UNION ".join(["SELECT 1"] * 1000),
        " EXCEPT ".join(["SELECT 1"] * 1000),
        "SELECT 1 FROM " + " JOIN ".join(["t t0"] + [f"t t{i} ON t{i}.a = t0.a" for i in range(1, 300)]),
        "SELECT 1 FROM " + ", ".join(f"t t{i}" for i in range(300)),
        "INSERT INTO t (a) VALUES " + ", ".join(f"({i})" for i in range(3000)),
    ],
    ids=lambda sql: sql[:30],
)
def test_long_chains_do_not_recurse(sql: str, schema: Schema) -> None:
    schema.bind(sql)


def nested(open_: str, core: str, close: str, levels: int) -> str:
    return open_ * levels + core + close * levels


@pytest.mark.parametrize(
    ("open_", "core", "close"),
    [
        ("abs(", "1", ")"),
        ("CASE WHEN true THEN ", "1", " END"),
        ("NOT (1 = 1 AND ", "true", ")"),
        ("(SELECT ", "1", ")"),
        ("1 + (2 * ", "3", ")"),
        ("coalesce(", "1", ", 2)"),
        ("-", "(1)", ""),
    ],
)
def test_as_deep_as_the_parser_allows(open_: str, core: str, close: str, schema: Schema) -> None:
    deepest = 0
    for levels in range(1, MAX_DEPTH + 5):
        sql = "SELECT " + nested(open_.replace("-", "- "), core, close, levels)
        try:
            tree = parse(sql)
        except errors.StatementTooComplex:
            break
        deepest = levels
        bind(tree, sql, View(schema.door))
    assert deepest > 20


def test_deep_subqueries_in_from(schema: Schema) -> None:
    for levels in (1, 10, 45):
        schema.bind(nested("SELECT * FROM (", "SELECT a FROM t", ") q", levels))


# -- statements as wholes ---------------------------------------------------------------------------------


def test_tables_and_modes(schema: Schema) -> None:
    t, u = schema.table("t").id, schema.table("u").id
    assert schema.bind("SELECT 1 FROM t, u, t AS v").tables == ((t, "access share"), (u, "access share"))
    assert schema.bind("SELECT 1 FROM t, u FOR UPDATE OF t").tables == ((t, "row share"), (u, "access share"))
    assert schema.bind("UPDATE t SET b = u.b FROM u").tables == ((t, "row exclusive"), (u, "access share"))
    assert schema.bind("WITH w AS (DELETE FROM u) SELECT 1 FROM t").tables == (
        (t, "access share"),
        (u, "row exclusive"),
    )


def test_errors_carry_place_and_statement(schema: Schema) -> None:
    sql = "SELECT a,\n  nothing\nFROM t"
    with pytest.raises(errors.UndefinedColumn) as caught:
        schema.bind(sql)
    assert (caught.value.position, caught.value.statement) == (sql.index("nothing"), sql)


@pytest.mark.parametrize("sql", ["SELECT ARRAY[[1, 2], [3, 4]]"])
def test_what_is_not_there_yet_says_so(sql: str, schema: Schema) -> None:
    with pytest.raises(errors.NotSupportedError, match="not supported yet"):
        schema.bind(sql)


def test_relations_are_unique(schema: Schema) -> None:
    bound = schema.bind(
        "WITH w AS (SELECT a FROM t) SELECT (SELECT max(a) FROM u WHERE u.a = w.a), count(*) OVER () FROM w, u "
        "WHERE EXISTS (SELECT 1 FROM t WHERE t.a = u.a UNION SELECT 2) GROUP BY w.a, u.b"
    )
    numbers = [node.relation for node in walk(bound.plan) if isinstance(node, plan.Plan) and hasattr(node, "relation")]
    assert len(numbers) == len(set(numbers))


# -- stored expressions -----------------------------------------------------------------------------------


def test_row_expressions(schema: Schema) -> None:
    table = schema.table("t")
    view = View(schema.door)
    assert text(bind_row_expression("a > 1 AND lower(b) = 'x'", table, view)) == (
        "((r0.a! > 1) and (lower(r0.b) = 'x'::text))"
    )
    assert bind_row_expression("'x'", table, view).type == TEXT
    with pytest.raises(errors.UndefinedColumn):
        bind_row_expression("z", table, view)


# -- trees ------------------------------------------------------------------------------------------------


def test_rewriting_nothing_keeps_the_tree(schema: Schema) -> None:
    bound = schema.bind("SELECT a + 1, (SELECT max(u.a) FROM u WHERE u.b = t.b) FROM t WHERE a IN (1, 2) ORDER BY 1")
    assert rewrite(bound.plan, lambda node: None) is bound.plan


def test_rewriting_reaches_subqueries(schema: Schema) -> None:
    bound = schema.bind("SELECT (SELECT u.a FROM u WHERE u.b = t.b) FROM t")
    moved = rewrite(
        bound.plan,
        lambda node: (
            plan.Column(type=node.type, relation=node.relation + 100, position=node.position)
            if type(node) is plan.Column
            else None
        ),
    )
    assert {r + 100 for r in relations_in(bound.plan)} == relations_in(moved)
    assert not same(bound.plan.outputs[0].expression, moved.outputs[0].expression)


# -- suggestions ------------------------------------------------------------------------------------------

words = st.text("abc", max_size=5)


def slow_distance(left: str, right: str) -> int:
    """By definition: the cheapest of the four ways to deal with the last letters."""
    if not left or not right:
        return len(left) + len(right)
    costs = [
        slow_distance(left[:-1], right) + 1,
        slow_distance(left, right[:-1]) + 1,
        slow_distance(left[:-1], right[:-1]) + (left[-1] != right[-1]),
    ]
    if left[-2:] == right[:-3:-1] and len(left) > 1 and len(right) > 1:
        costs.append(slow_distance(left[:-2], right[:-2]) + 1)
    return min(costs)


@given(words, words)
def test_distance_is_that_of_its_definition(left: str, right: str) -> None:
    exact = slow_distance(left, right)
    assert distance(left, right, 10) == exact
    for limit in range(4):
        assert distance(left, right, limit) == min(exact, limit + 1)


def test_nearest() -> None:
    names = ["owner", "balance", "id", "x"]
    assert nearest("onwer", names) == "owner"
    assert nearest("balnce", names) == "balance"
    assert nearest("OWNER", names) == "owner"
    assert nearest("idd", names) == "id"
    assert nearest("y", names) is None
    assert nearest("nothing", names) is None
    assert all(nearest("".join(p), ["abc"]) in ("abc", None) for p in permutations("abc"))
