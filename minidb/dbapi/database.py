"""Opening: `connect` and the public `Database`, which hands out connections to one open database."""

from __future__ import annotations

import os
from typing import Any
from weakref import WeakSet

from minidb import database as engine
from minidb.dbapi.connection import Connection, Procedure, canonical, checked_timeout, do_nothing
from minidb.dbapi.engine import Engine, Session
from minidb.errors import InterfaceError, InvalidParameterValue

MEMORY = ":memory:"
DURABILITIES = ("full", "normal", "off")
Path = str | os.PathLike[str]


def connect(
    path: Path = MEMORY,
    *,
    isolation_level: str | None = None,
    autocommit: bool = False,
    durability: str = "full",
    lock_timeout: float | None = None,
    read_only: bool = False,
    dialect: str | None = None,
    archive: Path | None = None,
) -> Connection:
    """Opens a connection to the database file `path`, which is created if it is absent.

    All connections of a process to one file share one open database. `":memory:"` is a new database, private to the
    connection and gone with it; `Database()` gives several connections to one in memory.

    Args:
        isolation_level: any name of a level or an `IsolationLevel`; None: read committed.
        autocommit: whether each statement is its own transaction; if not, the first one opens one.
        durability: `full`: an acknowledged commit survives power loss; `normal`: a crash of the process;
            `off`: neither.
        lock_timeout: longest wait for one lock, in seconds; None: without limit.
        read_only: whether all writing is refused (25006).
        dialect: the SQL to expect, as "mysql", "sqlite", "duckdb", "tsql"; None: minidb's own, which is PostgreSQL's.

    Raises:
        DatabaseInUse: another process has the file open.
        DatabaseCorrupt: the file is damaged, or no database (NotADatabase).
        InvalidParameterValue: an option has a value that it cannot have.
    """
    opened = open_engine(path)
    try:
        if archive is not None:
            opened.set_archive(os.fspath(archive))
        options = session_options(isolation_level, autocommit, durability, lock_timeout, read_only)
        return Connection(session_of(opened, options, dialect), release=opened.close)
    except BaseException:
        opened.close()
        raise


class Database:
    """One open database, to which any number of connections can be made, one per thread or several in one.

    For a file it is the one that the whole process shares. Closing it closes the connections that were made from it;
    the file itself is closed when nobody else in the process uses it."""

    def __init__(self, path: Path = MEMORY, **options: Any) -> None:
        """`options` are the engine's sizes, as the bytes of its page cache; the first to open a file chooses."""
        self._engine = open_engine(path, **options)
        self._connections: WeakSet[Connection] = WeakSet()
        self._procedures: dict[str, Procedure] = {}
        self._closed = False

    def connect(
        self,
        *,
        isolation_level: str | None = None,
        autocommit: bool = False,
        durability: str = "full",
        lock_timeout: float | None = None,
        read_only: bool = False,
        dialect: str | None = None,
    ) -> Connection:
        """A new connection to this database; the options are those of `minidb.connect`."""
        if self._closed:
            raise InterfaceError("the database is closed")
        options = session_options(isolation_level, autocommit, durability, lock_timeout, read_only)
        connection = Connection(session_of(self._engine, options, dialect), do_nothing, self._procedures)
        self._connections.add(connection)
        return connection

    def register_procedure(self, name: str, procedure: Procedure) -> None:
        """Lets `Connection.call` find `procedure` by name on every connection made from this object."""
        self._procedures[name] = procedure

    @property
    def path(self) -> str:
        """The file's path, or ':memory:'."""
        return self._engine.path

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Closes the connections made from it, rolling back what is open. Closing twice is allowed."""
        if self._closed:
            return
        for connection in list(self._connections):
            connection.close()
        self._closed = True
        self._engine.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<minidb.Database: {self.path}{', closed' if self._closed else ''}>"


def open_engine(path: Path, **options: Any) -> Engine:
    """The engine's database for `path`; each call is paired with one `close`."""
    name = os.fspath(path)
    if not isinstance(name, str):
        raise InterfaceError(f"a path is a str, not {type(name).__name__}")
    if name == MEMORY:
        return engine.Database(name, **options)
    return engine.Database.shared(name, **options)


def session_of(opened: Engine, options: dict[str, Any], dialect: str | None) -> Session:
    """A session of the engine that is spoken to in a dialect."""
    session = opened.session(**options)
    if dialect is not None:
        try:
            session.dialect = dialect
        except BaseException:
            session.close()
            raise
    return session


def session_options(
    isolation_level: str | None,
    autocommit: bool,
    durability: str,
    lock_timeout: float | None,
    read_only: bool,
) -> dict[str, Any]:
    """The options as the engine takes them, checked."""
    if durability not in DURABILITIES:
        raise InvalidParameterValue(f"durability is one of {', '.join(DURABILITIES)}, not {durability!r}")
    return {
        "isolation_level": canonical(isolation_level),
        "autocommit": bool(autocommit),
        "durability": durability,
        "lock_timeout": checked_timeout(lock_timeout),
        "read_only": bool(read_only),
    }
