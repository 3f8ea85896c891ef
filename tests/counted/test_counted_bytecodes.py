"""How much of the interpreter a short statement takes: a regression of kind, such as a way that is no longer the short
one, shows here and not in a time. The limits are what was counted, and a tenth more."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

import minidb
from benchmarks.bytecodes import WORKLOADS, counted, load, place

pytestmark = [
    pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="other versions of CPython have other bytecodes"),
    pytest.mark.skipif(sys.gettrace() is not None, reason="somebody else is tracing"),
]
LIMITS = {"select": 430, "update": 1750, "insert": 1750, "empty": 930, "reading": 2300, "writing": 4550, "block": 7450}


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[minidb.Connection]:
    path = tmp_path_factory.mktemp("bytecodes") / "bank.mdb"
    with minidb.connect(path, autocommit=True, durability="normal") as connection:
        load(connection)
        yield connection
    connection.close()


@pytest.mark.parametrize("workload", WORKLOADS)
def test_bytecodes(bank: minidb.Connection, workload: str) -> None:
    count = counted(WORKLOADS[workload], bank)
    most = [f"{bytecodes} {place(code)}" for code, bytecodes in count.bytecodes.most_common(10)]
    assert 0 < count.per_round() < LIMITS[workload], most
