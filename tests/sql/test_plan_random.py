"""Random queries on random data give what sqlite3 gives: freely planned, and with each method turned off in turn.

MINIDB_PLAN_EXAMPLES=5000 looks longer, --hypothesis-profile=elsewhere --hypothesis-seed=7 elsewhere.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_clauses import queries
from random_queries import Query, World, normal, worlds

import minidb

EXAMPLES = int(os.environ.get("MINIDB_PLAN_EXAMPLES", "20"))
SWITCHES = (
    "seqscan", "indexscan", "indexonlyscan", "bitmapscan", "nestloop", "hashjoin", "mergejoin", "hashagg", "sort",
    "material",
)  # fmt: skip
FORCED = (
    *((switch,) for switch in SWITCHES),
    ("hashjoin", "nestloop"),
    ("hashjoin", "mergejoin"),
    ("hashjoin", "mergejoin", "material"),
    ("hashjoin", "nestloop", "sort", "hashagg"),
    ("seqscan", "indexscan", "indexonlyscan"),
)


def opened(world: World) -> Any:
    connection = minidb.connect(":memory:", autocommit=True)
    world.fill(connection.execute, True)
    connection.execute("ANALYZE")
    return connection


def answer(connection: Any, query: Query) -> list[Any]:
    return normal(connection.execute(query.text).fetchall(), query.ordered)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), worlds)
def test_every_method_gives_the_same(data: st.DataObject, world: World) -> None:
    drawn = [data.draw(queries(world)) for _ in range(2)]
    reference, connection = world.sqlite(), opened(world)
    for query in drawn:
        expected = normal(reference.execute(query.reference or query.text).fetchall(), query.ordered)
        assert answer(connection, query) == expected, query.text
        for forced in FORCED:
            for switch in forced:
                connection.execute(f"SET enable_{switch} = off")
            assert answer(connection, query) == expected, (query.text, forced)
            connection.execute("RESET ALL")
        connection.execute("SET work_mem = '1kB'")
        assert answer(connection, query) == expected, (query.text, "work_mem")
        connection.execute("RESET work_mem")
    connection.close()
