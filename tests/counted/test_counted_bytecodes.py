"""How much of the interpreter a short statement takes: a regression of kind, such as a way that is no longer the short
one, shows here and not in a time. The limits are what was counted, and a tenth more."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

import minidb
from benchmarks.bytecodes import WORKLOADS, bank, counted, place

pytestmark = [
    pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="other versions of CPython have other bytecodes"),
    pytest.mark.skipif(sys.gettrace() is not None, reason="somebody else is tracing"),
]
LIMITS = {"select": 430, "update": 1640, "insert": 1680, "empty": 930, "reading": 2300, "writing": 4550, "block": 7100}
DURABLE = {"update": 1740, "insert": 1800, "block": 7050}  # each commit synced, its thread leading the log
# How much a transaction that is alone may take at SERIALIZABLE, compared with SNAPSHOT.
SERIALIZABLE = {"select": 1.4, "empty": 1.2, "reading": 1.25, "writing": 1.13, "block": 1.1}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[minidb.Database]:
    database = bank(tmp_path_factory.mktemp("bytecodes"))
    yield database
    database.close()


@pytest.mark.parametrize(("durability", "workload", "limit"), [
    *[("normal", workload, limit) for workload, limit in LIMITS.items()],
    *[("full", workload, limit) for workload, limit in DURABLE.items()],
])
def test_bytecodes(database: minidb.Database, durability: str, workload: str, limit: int) -> None:
    connection = database.connect(autocommit=True, durability=durability)
    count = counted(WORKLOADS[workload], connection)
    most = [f"{bytecodes} {place(code)}" for code, bytecodes in count.bytecodes.most_common(10)]
    assert 0 < count.per_round() < limit, most


@pytest.mark.parametrize(("workload", "limit"), SERIALIZABLE.items())
def test_serializable_costs_hardly_more_than_snapshot(database: minidb.Database, workload: str, limit: float) -> None:
    serializable, snapshot = (
        counted(WORKLOADS[workload], database.connect(autocommit=True, durability="normal", isolation_level=level))
        for level in ("serializable", "snapshot")
    )
    most = [f"{bytecodes} {place(code)}" for code, bytecodes in serializable.bytecodes.most_common(10)]
    assert serializable.per_round() < limit * snapshot.per_round(), most


def test_every_workload_has_a_limit() -> None:
    assert LIMITS.keys() == WORKLOADS.keys()
