"""The Python driver: PEP 249 over a session of the engine, and what is pleasant besides.

    connect(path) -> Connection -> Cursor          what PEP 249 asks for
    Database(path).connect()                       several connections to one database, also in memory
    Connection.transaction, run, attempts, call    blocks that commit, roll back, nest and try again

One file each: `connection`, `cursor`, `transactions` (blocks and retries), `database` (opening), `typeobjects`,
`interrupts` (Ctrl-C), `engine` (what the driver needs of the floor below).
The driver holds no data and decides nothing about isolation: it keeps PEP 249's promises and passes the rest on.
"""

from __future__ import annotations

from minidb.dbapi.connection import Connection
from minidb.dbapi.cursor import Cursor
from minidb.dbapi.database import Database, connect
from minidb.dbapi.transactions import Backoff
from minidb.dbapi.typeobjects import (
    BINARY,
    DATETIME,
    NUMBER,
    ROWID,
    STRING,
    Binary,
    Date,
    DateFromTicks,
    Time,
    TimeFromTicks,
    Timestamp,
    TimestampFromTicks,
)

apilevel = "2.0"
threadsafety = 1  # threads may share the module; a connection that two threads use at once says so (R73)
paramstyle = "qmark"

__all__ = [
    "apilevel",
    "threadsafety",
    "paramstyle",
    "connect",
    "Connection",
    "Cursor",
    "Database",
    "Backoff",
    "STRING",
    "BINARY",
    "NUMBER",
    "DATETIME",
    "ROWID",
    "Date",
    "Time",
    "Timestamp",
    "DateFromTicks",
    "TimeFromTicks",
    "TimestampFromTicks",
    "Binary",
]
