"""The 22 queries of TPC-H: answers as DuckDB has them, and the same with every method turned off in turn.

`answers.golden` has a checksum of each answer, made when DuckDB agreed; so the answers are tested where DuckDB is not
there, too. MINIDB_UPDATE_GOLDEN=1 rewrites it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.tpch.engines import comparable, load_duckdb, load_minidb
from benchmarks.tpch.generator import Generator
from benchmarks.tpch.queries import QUERIES, query

SCALE = 0.004
GOLDEN = Path(__file__).parent / "answers.golden"
DUCKDB = importlib.util.find_spec("duckdb") is not None
FORCED = ("hashjoin", "nestloop", "hashagg")
LARGE = (1, 3, 9, 10, 13, 18, 21)  # queries that keep many rows


@pytest.fixture(scope="module")
def data() -> Generator:
    return Generator(SCALE)


@pytest.fixture(scope="module")
def ours(data: Generator) -> Iterator[Any]:
    connection = load_minidb(data)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def duckdb(data: Generator) -> Iterator[Any]:
    connection = load_duckdb(data)
    yield connection
    connection.close()


def answer(connection: Any, number: int) -> list[tuple[Any, ...]]:
    return comparable(connection.execute(query(number, SCALE)).fetchall())


def checksum(rows: list[tuple[Any, ...]]) -> str:
    return f"{len(rows)} rows, {hashlib.sha256(repr(rows).encode()).hexdigest()[:16]}"


def test_the_generator_is_deterministic(data: Generator) -> None:
    assert list(Generator(SCALE).rows("part"))[:50] == list(data.rows("part"))[:50]
    orders, lines = list(data.rows("orders")), list(data.rows("lineitem"))
    assert {order[0] for order in orders} == {line[0] for line in lines}
    assert all(order[1] % 3 for order in orders), "a third of the customers has no orders"


def test_answers_are_the_golden_ones(ours: Any) -> None:
    found = "".join(f"Q{number}: {checksum(answer(ours, number))}\n" for number in QUERIES)
    if os.environ.get("MINIDB_UPDATE_GOLDEN"):
        GOLDEN.write_text(found)
    assert found == GOLDEN.read_text()


@pytest.mark.skipif(not DUCKDB, reason="needs duckdb")
@pytest.mark.parametrize("number", QUERIES)
def test_answers_are_duckdbs(ours: Any, duckdb: Any, number: int) -> None:
    assert answer(ours, number) == answer(duckdb, number)


@pytest.mark.parametrize("switch", FORCED)
def test_every_method_gives_the_same(ours: Any, switch: str) -> None:
    expected = dict(line.split(": ") for line in GOLDEN.read_text().splitlines())
    ours.execute(f"SET enable_{switch} = off")
    try:
        for number in QUERIES:
            assert checksum(answer(ours, number)) == expected[f"Q{number}"], number
    finally:
        ours.execute("RESET ALL")


def test_little_memory_gives_the_same(ours: Any) -> None:
    expected = dict(line.split(": ") for line in GOLDEN.read_text().splitlines())
    ours.execute("SET work_mem = '64kB'")
    try:
        for number in LARGE:
            assert checksum(answer(ours, number)) == expected[f"Q{number}"], number
    finally:
        ours.execute("RESET ALL")


def true_and_estimated(plan: dict[str, Any]) -> Iterator[tuple[int, int]]:
    if plan.get("Actual Loops", 0):
        yield max(plan["Actual Rows"], 1), max(plan["Estimated Rows"], 1)
    for child in plan.get("Plans", ()):
        yield from true_and_estimated(child)


def test_most_estimates_are_near(ours: Any) -> None:
    pairs: list[tuple[int, int]] = []
    for number in QUERIES:
        ((text,),) = ours.execute(f"EXPLAIN (ANALYZE, FORMAT json) {query(number, SCALE)}").fetchall()
        pairs += true_and_estimated(json.loads(text)[0]["Plan"])
    near = sum(1 for true, estimated in pairs if max(true / estimated, estimated / true) <= 10)
    assert len(pairs) > 180 and near >= 0.8 * len(pairs), (near, len(pairs))
