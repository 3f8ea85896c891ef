"""Plans, generated sources, results and rewrites as golden scripts over one small database.

`planner.golden`: a query and its EXPLAIN. `compiler.golden`: a query and the Python that it becomes.
`execution.golden`: a statement and its rows. `rules.golden`: a query, its bound plan after the rules.
MINIDB_UPDATE_GOLDEN=1 rewrites them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from golden_script import check_script
from model_database import ModelDatabase
from plan_text import plan_text

from minidb import errors
from minidb.sql.binder import bind
from minidb.sql.parser import parse
from minidb.sql.rewriting import rewrite
from minidb.sql.rules import RULES, STRUCTURAL
from minidb.sql.statistics import TableStatistics, column_statistics

HERE = Path(__file__).parent


def shop() -> ModelDatabase:
    db = ModelDatabase()
    db.table(
        "account",
        "id bigint!, owner text!, branch int, balance bigint",
        "primary id",
        "index branch|owner desc",
        "index owner include balance",
        "index balance where balance > 100",
        rows=[(i, f"o{i % 7}", i % 5 if i % 6 else None, i * 37 % 1000) for i in range(1, 401)],
    )
    db.table("branch", "id int!, city text", "primary id", rows=[(i, f"city{i % 3}") for i in range(6)])
    db.table(
        "reading",
        "sensor int!, at int!, value double precision",
        "clustered sensor|at",
        rows=[(s, a, float(s * a) if a % 4 else None) for s in range(5) for a in range(20)],
    )
    db.table("note", "id int!, body text, tags text default 'none'", "primary id", "check id > 0")
    wide = db.table(
        "wide",
        "id int!, a int, b int, owner text",
        "primary id",
        "index a",
        "index b",
        rows=[(i, i % 40, i * 7 % 41, f"o{i % 9}") for i in range(8)],
    )
    db.rows.views["sys.things"] = [(1, "one"), (2, None)]
    db.analyze()
    db.pretend(wide, statistics_of_many())
    return db


@cache
def statistics_of_many() -> TableStatistics:
    """Of `wide`, as if it had many rows."""
    values = [list(range(5000)), [i % 40 for i in range(5000)], [i * 7 % 41 for i in range(5000)]]
    return TableStatistics(5000.0, {place: column_statistics(column, 5000) for place, column in enumerate(values)})


def explained(db: ModelDatabase, sql: str) -> str:
    prepared, _ = db.prepare(sql)
    return "\n".join(prepared.explain().lines())


def listed(db: ModelDatabase, sql: str) -> str:
    try:
        prepared, values = db.prepare(sql)
        if prepared.verb != "SELECT":
            count, rows = prepared.run_write(db.rows, values, db.context)
            return "\n".join([f"{prepared.verb} {count}", *map(_row_text, rows or [])])
        return "\n".join(map(_row_text, db.query(sql)))
    except errors.Error as error:
        return f"ERROR {error.sqlstate} {error}"


def _row_text(row: tuple[Any, ...]) -> str:
    return " | ".join("NULL" if value is None else str(value) for value in row)


def rewritten(db: ModelDatabase, sql: str) -> str:
    plan, _ = rewrite(bind(parse(sql), sql, db).plan)
    return plan_text(plan)


def test_plans() -> None:
    db = shop()
    check_script(HERE / "planner.golden", lambda sql: explained(db, sql))


def test_sources() -> None:
    db = shop()
    check_script(HERE / "compiler.golden", lambda sql: db.source(sql))


def test_results() -> None:
    db = shop()
    check_script(HERE / "execution.golden", lambda sql: listed(db, sql))


def test_rewrites() -> None:
    db = shop()
    check_script(HERE / "rules.golden", lambda sql: rewritten(db, sql))


@pytest.mark.parametrize("name", ["rules.golden", "planner.golden", "execution.golden"])
def test_rules_that_are_not_asked_would_have_changed_nothing(name: str) -> None:
    db, compared = shop(), 0
    for block in (HERE / name).read_text().split("\n\n"):
        sql = "\n".join(line for line in block.split("\n---")[0].split("\n") if not line.startswith("#"))
        try:
            root = bind(parse(sql), sql, db).plan
        except errors.Error:
            continue
        asked, _ = rewrite(root)
        for rule in (*STRUCTURAL, *RULES):
            root = rule(root)
        assert plan_text(asked) == plan_text(root), sql
        compared += 1
    assert compared > 15


@pytest.mark.parametrize("name", ["planner.golden", "execution.golden"])
def test_analyze_counts_what_comes_out(name: str) -> None:
    """EXPLAIN ANALYZE runs an instrumented function: it must find as many rows."""
    for block in (HERE / name).read_text().split("\n\n"):
        sql = "\n".join(line for line in block.split("\n---")[0].split("\n") if not line.startswith("#"))
        db = shop()
        try:
            prepared, values = db.prepare(sql)
            expected = prepared.run(db.rows, values, db.context)
            if prepared.streams:
                expected = [row for batch in expected for row in batch]
        except errors.Error:
            continue
        count = expected[0] if isinstance(expected, tuple) else len(expected)
        tree = prepared.analyze(shop().rows, values, db.context)
        assert tree.actual == count, sql
