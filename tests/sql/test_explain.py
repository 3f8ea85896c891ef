"""EXPLAIN: JSON form, the hook for locks, and lifted literals that must stay."""

from __future__ import annotations

import json

import pytest
from model_database import ModelDatabase

from minidb.sql.binder import NotLiftable
from minidb.sql.explain import ReadInterval
from minidb.sql.parser import parse
from minidb.sql.shapes import parse_lifted
from minidb.sql.statement import prepare


@pytest.fixture
def db() -> ModelDatabase:
    db = ModelDatabase()
    rows = [(i, f"w{i}", i % 3) for i in range(300)]
    db.table("t", "i int!, w text, n int", "primary i", "index w", "index n where n > 1", rows=rows)
    db.analyze()
    return db


def test_json_form(db: ModelDatabase) -> None:
    prepared, values = db.prepare("SELECT n, count(*) FROM t WHERE i > 290 GROUP BY n ORDER BY 2 LIMIT 1")
    tree = prepared.analyze(db.rows, values, db.context).as_dict()
    assert json.loads(json.dumps(tree)) == tree
    assert tree["Node"] == "Limit" and tree["Actual Rows"] == 1
    scan = tree["Plans"][0]["Plans"][0]["Plans"][0]
    assert scan["Interval"] == "i > 290" and scan["Actual Rows"] == 9


def test_describe_is_asked_for_each_interval(db: ModelDatabase) -> None:
    asked: list[ReadInterval] = []

    def describe(interval: ReadInterval) -> str:
        asked.append(interval)
        return f"lock {interval.words or 'all'}"

    prepared, _ = db.prepare("UPDATE t SET n = 0 FROM t u WHERE t.i = 5 AND u.w = 'w7'")
    lines = list(prepared.explain(describe).lines())
    assert sum("Locks: lock" in line for line in lines) == 2
    by_words = {interval.words: interval for interval in asked}
    assert by_words["i = 5"].point and by_words["i = 5"].locking and not by_words["i = 5"].whole
    assert not by_words["w = 'w7'"].locking


def test_subqueries_and_tables_are_labelled(db: ModelDatabase) -> None:
    prepared, _ = db.prepare(
        "WITH q AS MATERIALIZED (SELECT 1 AS a) SELECT (SELECT count(*) FROM t WHERE n = q.a), q.a FROM q, q AS r"
    )
    text = "\n".join(prepared.explain().lines())
    assert "CTE q" in text and "SubPlan" in text


def test_a_pattern_makes_an_interval(db: ModelDatabase) -> None:
    sql = "SELECT * FROM t WHERE w LIKE 'w7%'"
    lifted = parse_lifted(sql)
    statement = lifted[0] if lifted is not None else parse(sql)
    try:
        prepared = prepare(statement, sql, db, (), lifted_offset=0)
    except NotLiftable:
        prepared = prepare(parse(sql), sql, db, ())
    assert "Interval: w >= 'w7' AND w < 'w8'" in "\n".join(prepared.explain().lines())


@pytest.mark.parametrize(
    ("sql", "liftable"),
    [
        ("SELECT * FROM t WHERE i = 5", True),
        ("SELECT * FROM t WHERE w = 'w7'", True),
        ("SELECT * FROM t WHERE n > 1 AND n < 7", False),
        ("SELECT * FROM t WHERE 'w7' LIKE 'w%'", True),
    ],
)
def test_literals_that_decide_a_plan_are_not_lifted(db: ModelDatabase, sql: str, liftable: bool) -> None:
    lifted = parse_lifted(sql)
    assert lifted is not None
    if liftable:
        prepare(lifted[0], sql, db, (), lifted_offset=0)
    else:
        with pytest.raises(NotLiftable):
            prepare(lifted[0], sql, db, (), lifted_offset=0)
    assert prepare(parse(sql), sql, db).columns is not None
