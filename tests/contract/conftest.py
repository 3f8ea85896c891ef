"""What the contract tests share: a database in memory, and connections to it that autocommit or do not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import minidb


@pytest.fixture
def db() -> Iterator[minidb.Database]:
    """A database in memory."""
    with minidb.Database(":memory:") as opened:
        yield opened


@pytest.fixture
def auto(db: minidb.Database) -> minidb.Connection:
    """A connection that autocommits."""
    return db.connect(autocommit=True)


@pytest.fixture
def conn(db: minidb.Database) -> minidb.Connection:
    """A connection as PEP 249 has it."""
    return db.connect()
