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
LIMITS = {"select": 430, "update": 1750, "insert": 1750, "empty": 930, "reading": 2300, "writing": 4550, "block": 7450}


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[minidb.Connection]:
    database = bank(tmp_path_factory.mktemp("bytecodes"))
    yield database.connect(autocommit=True, durability="normal")
    database.close()


@pytest.mark.parametrize("workload", WORKLOADS)
def test_bytecodes(connection: minidb.Connection, workload: str) -> None:
    count = counted(WORKLOADS[workload], connection)
    most = [f"{bytecodes} {place(code)}" for code, bytecodes in count.bytecodes.most_common(10)]
    assert 0 < count.per_round() < LIMITS[workload], most
