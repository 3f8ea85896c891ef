"""Statements that a program has written: long chains of WITH, hundreds of SELECTs in a UNION."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import minidb
from minidb.sql.binder.common_tables import DEEPEST
from minidb.sql.compiler.emitter import CHAPTER


@pytest.fixture
def connection() -> Iterator[minidb.Connection]:
    made = minidb.connect(":memory:", autocommit=True)
    yield made
    made.close()


def chain(length: int, recursive: str = "") -> str:
    """`length` queries, each of which reads the one before."""
    steps = [f"c{n} AS (SELECT x + 1 AS x FROM c{n - 1} WHERE x < 1000)" for n in range(1, length)]
    return f"WITH {recursive}c0 AS (SELECT 1 AS x), {', '.join(steps)} SELECT x FROM c{length - 1}"


@pytest.mark.parametrize("length", [DEEPEST, DEEPEST + 1, 8 * DEEPEST])
def test_a_chain_of_common_tables(connection: minidb.Connection, length: int) -> None:
    assert connection.execute(chain(length)).fetchall() == [(length,)]


def test_a_chain_under_recursive(connection: minidb.Connection) -> None:
    assert connection.execute(chain(100, "RECURSIVE ")).fetchall() == [(100,)]


def test_a_union_of_more_functions_than_one_factory_makes(connection: minidb.Connection) -> None:
    count = 2 * CHAPTER + 3
    text = " UNION ALL ".join(f"SELECT {n}, (SELECT {n} + 1)" for n in range(count))
    assert connection.execute(text).fetchall() == [(n, n + 1) for n in range(count)]
    code = "\n".join(line for (line,) in connection.execute(f"EXPLAIN (CODE) {text}"))
    assert code.count("def make(") > 2
