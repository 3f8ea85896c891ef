"""What the tests of all database servers begin with; `server` is the fixture of their own module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from minidb.lab.engines.choose import open_engine
from minidb.lab.engines.protocol import Engine
from minidb.lab.engines.servers import Server


@pytest.fixture
def engine(server: Server) -> Iterator[Engine]:
    with closing(open_engine(server.url)) as opened:
        yield opened


@pytest.fixture
def counter(engine: Engine) -> Engine:
    engine.run("CREATE TABLE counter (id int PRIMARY KEY, n int); INSERT INTO counter VALUES (1, 0), (2, 0)")
    return engine
