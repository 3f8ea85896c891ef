"""What every test may use: a database file of its own, a connection to it, and hypothesis without a clock."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import minidb

settings.register_profile("minidb", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile("elsewhere", settings.get_profile("minidb"), derandomize=False, database=None)
settings.load_profile("minidb")  # always the same examples; --hypothesis-profile=elsewhere --hypothesis-seed=7: others

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell starts its background jobs so; the tests press Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes seconds; still part of the suite (leave out with -m 'not slow')")


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where a database may be made."""
    return str(tmp_path / "shop.mdb")


@pytest.fixture
def database(path: str) -> Iterator[minidb.Database]:
    """A database on a file."""
    with minidb.Database(path) as opened:
        yield opened


@pytest.fixture
def connection(database: minidb.Database) -> minidb.Connection:
    """A connection to the database file; the database closes it."""
    return database.connect()
