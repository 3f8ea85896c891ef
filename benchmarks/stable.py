"""The databases of a run: one for each engine and durability, loaded when first asked for, in a temporary directory.

Workloads share them, as a program's parts share one database; those that need one of their own ask for a path.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import cast

from benchmarks.dataset import COVERING, accounts, branches, tellers
from benchmarks.engines.interface import ColumnDatabase, Database, Durability, Engine, Session


class Stable:
    """
    Args:
        rows: accounts in each database.
        seconds: how long a workload runs that has no natural end, as one of many threads.
        effort: how much of its usual repetitions a workload does in one round.
    """

    def __init__(self, rows: int, seconds: float, effort: float = 1.0) -> None:
        self.rows = rows
        self.seconds = seconds
        self.effort = effort
        self.folder = Path(tempfile.mkdtemp(prefix="minidb-bench-"))
        self.databases: dict[tuple[str, Durability], Database] = {}
        self.sessions: list[Session] = []
        self.numbers = count(1)

    def path(self, engine: Engine) -> Path:
        """One that nobody has used."""
        return self.folder / f"{engine.key}-{next(self.numbers)}.db"

    def database(self, engine: Engine, durability: Durability) -> Database:
        """The bank that all share."""
        place = (engine.key, durability)
        if place not in self.databases:
            self.databases[place] = loaded(engine, self.path(engine), durability, self.rows)
        return self.databases[place]

    def session(self, engine: Engine, durability: Durability) -> Session:
        """A session of the shared bank, until `release`."""
        session = self.database(engine, durability).session()
        self.sessions.append(session)
        return session

    def session_by_columns(self, engine: Engine, durability: Durability) -> Session:
        """A session of a bank whose accounts are kept by columns, where the engine has a choice; else of the shared
        one."""
        if not engine.chooses_columns:
            return self.session(engine, durability)
        place = (f"{engine.key} by columns", durability)
        if place not in self.databases:
            self.databases[place] = loaded(engine, self.path(engine), durability, self.rows, by_columns=True)
        session = self.databases[place].session()
        self.sessions.append(session)
        return session

    def release(self) -> None:
        """Closes the sessions that a workload has had."""
        for session in self.sessions:
            session.close()
        self.sessions.clear()

    def close(self) -> None:
        self.release()
        for database in self.databases.values():
            database.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def stable(rows: int, seconds: float, effort: float = 1.0) -> Iterator[Stable]:
    opened = Stable(rows, seconds, effort)
    try:
        yield opened
    finally:
        opened.close()


def loaded(engine: Engine, path: Path, durability: Durability, rows: int, *, by_columns: bool = False) -> Database:
    """The bank, with its covering index, settled."""
    database = engine.open(path, durability)
    database.create([COVERING])
    if by_columns:
        cast(ColumnDatabase, database).keep_by_columns("account")
    session = database.session()
    session.load("branch", 3, branches())
    session.load("teller", 3, tellers())
    session.load("account", 5, list(accounts(rows)))
    session.close()
    database.settle()
    return database
