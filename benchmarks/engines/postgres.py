"""PostgreSQL on a server of its own, in a temporary directory and on a unix socket, through psycopg.

Commits that need not be durable are made with synchronous_commit=off. A database is one of the server's, not a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.dataset import Index
from benchmarks.engines.interface import Durability, Level, NotInstalled
from benchmarks.engines.sql import SqlSession, create_tables, with_included
from minidb.errors import OperationalError
from minidb.lab.engines.servers import PostgresServer

SETTINGS = ("fsync=on", "shared_buffers=128MB", "autovacuum=on")


class Server(PostgresServer):
    """As the laboratory starts it, but with the settings that it is delivered with."""

    def command(self) -> Sequence[str]:
        return [*super().command(), *(part for setting in SETTINGS for part in ("-c", setting))]


class PostgresSession(SqlSession):
    mark = "%s"
    begins = {
        Level.READ_COMMITTED: "BEGIN ISOLATION LEVEL READ COMMITTED",
        Level.SNAPSHOT: "BEGIN ISOLATION LEVEL REPEATABLE READ",
        Level.SERIALIZABLE: "BEGIN ISOLATION LEVEL SERIALIZABLE",
    }


class PostgresDatabase:
    def __init__(self, url: str, durability: Durability) -> None:
        self.url = url
        self.committing = "on" if durability is Durability.DURABLE else "off"
        self.sessions: list[PostgresSession] = []

    def session(self) -> PostgresSession:
        import psycopg

        connection = psycopg.connect(self.url, autocommit=True, options=f"-c synchronous_commit={self.committing}")
        session = PostgresSession(connection)
        self.sessions.append(session)
        return session

    def create(self, indexes: Sequence[Index]) -> None:
        create_tables(self.session(), indexes, with_included)

    def settle(self) -> None:
        session = self.session()
        session.execute("VACUUM ANALYZE")
        session.execute("CHECKPOINT")
        session.close()

    def close(self) -> None:
        for session in self.sessions:
            session.close()


class Postgres:
    key: ClassVar[str] = "postgres"
    levels: ClassVar[frozenset[Level]] = frozenset({Level.READ_COMMITTED, Level.SNAPSHOT, Level.SERIALIZABLE})
    speaks_sql: ClassVar[bool] = True
    fraction: ClassVar[float] = 1
    embedded: ClassVar[bool] = False
    chooses_columns: ClassVar[bool] = False

    def __init__(self) -> None:
        try:
            import psycopg

            self.server = Server()
        except (ImportError, OperationalError) as error:
            raise NotInstalled(str(error)) from error
        self.driver: Any = psycopg
        self.retryable: tuple[type[Exception], ...] = (
            psycopg.errors.SerializationFailure,
            psycopg.errors.DeadlockDetected,
        )
        self.names: dict[Path, str] = {}
        self.numbers = count(1)

    def version(self) -> str:
        with self.connected("postgres") as connection:
            return f"PostgreSQL {connection.execute('SHOW server_version').fetchone()[0].split()[0]}"

    def open(self, path: Path, durability: Durability) -> PostgresDatabase:
        if path not in self.names:
            self.names[path] = f"bench{next(self.numbers)}"
            with self.connected("postgres") as connection:
                connection.execute(f"CREATE DATABASE {self.names[path]}")
        return PostgresDatabase(self.url(self.names[path]), durability)

    def size(self, path: Path) -> int:
        """What the tables and indexes take, without the 7 MB of an empty database."""
        with self.connected(self.names[path]) as connection:
            text = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = 2200"
            return int(connection.execute(text).fetchone()[0])

    def connected(self, name: str) -> Any:
        return self.driver.connect(self.url(name), autocommit=True)

    def url(self, name: str) -> str:
        return self.server.url.replace("/postgres?", f"/{name}?")

    def close(self) -> None:
        self.server.close()
