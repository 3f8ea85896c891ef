"""DuckDB: one database in memory, a connection for each session. Nobody ever waits.

DuckDB has one level, snapshot isolation, and is optimistic: of two transactions that change the same row, the second
one fails at once, and one that would break a key fails when it commits. FOR UPDATE and savepoints do not exist: the
former is left out, the latter fails. Extra `duckdb` of minidb brings the package.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from minidb.isolation import IsolationLevel
from minidb.lab.engines.control import Control
from minidb.lab.engines.conversation import Conversation, checked, ignoring_errors, tag_of
from minidb.lab.engines.levels import Level, choose_level
from minidb.lab.engines.retryable import duckdb_error
from minidb.lab.run import Answer

SNAPSHOT = Level("snapshot", "BEGIN TRANSACTION", (IsolationLevel.SNAPSHOT,))
COUNTED = ("INSERT", "UPDATE", "DELETE")


class DuckDBLine:
    def __init__(self, connection: duckdb.DuckDBPyConnection, replaced: bool) -> None:
        self.connection = connection
        self.replaced = replaced  # whether the session's level stands for that of every BEGIN

    def begin(self, control: Control) -> Sequence[str]:
        if control.level and not self.replaced:
            choose_level((SNAPSHOT,), control.level, "DuckDB")
        return (SNAPSHOT.sql + (" READ ONLY" if control.read_only else ""),)

    def send(self, sql: str) -> Answer:
        try:
            result = self.connection.execute(sql)
            names = [(name, str(kind).lower()) for name, kind, *_ in result.description or ()]
            rows = tuple(result.fetchall()) if names else ()
        except duckdb.Error as error:
            raise duckdb_error(type(error).__name__, str(error)) from None
        if len(names) == 1 and names[0][0] in ("Count", "Success"):
            return Answer(tag_of(sql, changed(sql, rows)))
        return Answer(tag_of(sql, len(rows)), tuple(n for n, _ in names), tuple(kind for _, kind in names), rows)


def changed(sql: str, rows: Sequence[tuple[object, ...]]) -> int:
    counted = sql.lstrip().upper().startswith(COUNTED) and rows
    return int(str(rows[0][0])) if counted else 0


class DuckDBClient:
    busy = False
    words = ""

    def __init__(self, session: str, connection: duckdb.DuckDBPyConnection, replaced: bool) -> None:
        self.session = session
        self.connection = connection
        self.line = DuckDBLine(connection, replaced)
        self.conversation = Conversation(self.line, "duckdb")

    def start(self, sql: str) -> None:
        self.conversation.say(sql)
        self.conversation.go_on()

    def take(self) -> tuple[Answer, ...]:
        return tuple(self.conversation.answers)

    def close(self) -> None:
        if self.conversation.progress.state != "idle":
            ignoring_errors(lambda: self.line.send("ROLLBACK"))
        self.connection.close()


class DuckDBEngine:
    """See the module."""

    levels = (SNAPSHOT,)

    def __init__(self) -> None:
        self.name = "duckdb"
        self.version = f"DuckDB {duckdb.__version__}"
        self.open()

    def open(self) -> None:
        self.database = duckdb.connect(":memory:")
        self.clients: list[DuckDBClient] = []
        self.control = DuckDBClient("control", self.database.cursor(), False)

    def run(self, sql: str) -> tuple[Answer, ...]:
        self.control.start(sql)
        return checked(self.control.take())

    def connect(self, session: str, level: str | None = None) -> DuckDBClient:
        if level:
            choose_level(self.levels, level, "DuckDB")
        self.clients.append(DuckDBClient(session, self.database.cursor(), level is not None))
        return self.clients[-1]

    def settle(self) -> list[DuckDBClient]:
        return []

    def tables(self) -> tuple[str, ...]:
        (answer,) = self.run("SELECT table_name FROM information_schema.tables ORDER BY table_name")
        return tuple(str(name) for (name,) in answer.rows)

    def reset(self) -> None:
        self.close()
        self.open()

    def close(self) -> None:
        for client in [*self.clients, self.control]:
            client.close()
        self.database.close()
