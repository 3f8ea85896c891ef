"""PostgreSQL, through psycopg: each step is sent as one message and its answer is looked for without blocking, as
PostgreSQL's own isolation tester does it.

Whether a session waits is asked of the server on another connection: `pg_isolation_test_session_is_blocked`, which
counts locks and safe snapshots, and for its name `pg_blocking_pids`. A session counts as waiting once it has been seen
to for two looks, and not as long as it is part of a deadlock, which the server is about to end: `deadlock_timeout` is
set to ten milliseconds if the user may do that, and is a second otherwise.

A schedule runs in a schema of its own, which goes with the engine. Its levels, as the manual calls them: "read
uncommitted" is the same as "read committed"; "repeatable read" is snapshot isolation; "serializable" is SSI. A level
that is asked for at `connect` is written into every BEGIN that is sent. Extra `postgres` of minidb brings the driver.
"""

from __future__ import annotations

import re
import select
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from operator import attrgetter
from os import getpid
from time import monotonic
from typing import Any

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from minidb.errors import Error, OperationalError
from minidb.isolation import IsolationLevel
from minidb.lab.engines.control import Control, control_of
from minidb.lab.engines.conversation import checked
from minidb.lab.engines.levels import Level, choose_level
from minidb.lab.engines.patience import LIMIT, LONGEST, Acts, let_go_on, wait_until_known
from minidb.lab.engines.retryable import postgres_error
from minidb.lab.run import Answer
from minidb.sql.script import parse_script

LEVELS = (
    Level("read committed", "READ COMMITTED", (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)),
    Level("repeatable read", "REPEATABLE READ", (IsolationLevel.SNAPSHOT,)),
    Level("serializable", "SERIALIZABLE", (IsolationLevel.SSI,)),
)
BLOCKED = "SELECT pg_catalog.pg_isolation_test_session_is_blocked({pid}, '{{{pids}}}')"
BLOCKERS = "SELECT pg_catalog.pg_blocking_pids({pid})"
LOCKS = "SELECT mode, locktype, relation::regclass::text FROM pg_locks WHERE pid = {pid} AND NOT granted"
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = '{schema}' ORDER BY tablename"
IMPATIENT = "SET deadlock_timeout = '10ms'"
LIMITED = re.compile(r"\b(?:lock|statement)_timeout\b", re.IGNORECASE)
NUMBERS = count(1)
LOOKS = 2
TYPES = {"float4": "real", "float8": "double precision", "bool": "boolean", "int4": "integer", "int8": "bigint"}


class PostgresClient:
    def __init__(self, session: str, engine: PostgresEngine, level: Level | None) -> None:
        self.session = session
        self.engine = engine
        self.acts = engine.acts
        self.stood = -1
        self.level = level
        self.connection = engine.open(session)
        self.pid = self.connection.info.backend_pid
        self.connection.add_notice_handler(lambda notice: self.notices.append(notice.message_primary or ""))
        self.answers: list[Answer] = []
        self.notices: list[str] = []
        self.limited = False  # it has set a time limit for waits
        self.busy = False
        self.looks = 0
        self.since = 0  # its place among those who wait
        self.closed = False

    @property
    def words(self) -> str:
        return self.engine.words_for(self) if self.busy else ""

    def start(self, sql: str) -> None:
        self.send(sql)
        if self.busy:
            wait_until_known(self)

    def send(self, sql: str) -> None:
        assert not self.busy
        self.answers, self.looks = [], 0
        try:
            text = at_level(sql, self.level)
        except Error as error:
            self.answers = [Answer(error=error)]
            return
        self.acts.add()
        self.connection.pgconn.send_query(text.encode())
        self.limited = self.limited or LIMITED.search(sql) is not None
        self.busy = True
        self.since = next(NUMBERS)

    def ended(self, pause: float) -> bool:
        if self.busy:
            self.listen(pause)
        return not self.busy

    def listen(self, pause: float) -> None:
        """Takes what has come, for at most `pause` seconds."""
        until = monotonic() + pause
        connection = self.connection.pgconn
        while self.busy:
            connection.consume_input()
            if not connection.is_busy():
                self.hear(connection.get_result())
            elif not select.select([connection.socket], [], [], max(0.0, until - monotonic()))[0]:
                return

    def hear(self, result: PGresult | None) -> None:
        if result is None:
            self.busy = False
        elif result.status != ExecStatus.EMPTY_QUERY:
            self.answers.append(answer_of(result, self.connection, self.notices))
            self.notices.clear()

    def blocked(self) -> bool:
        self.looks = self.looks + 1 if self.engine.is_blocked(self) else 0
        return self.looks >= LOOKS

    def take(self) -> tuple[Answer, ...]:
        return tuple(self.answers)

    def close(self) -> None:
        """What it holds is free when this returns: a server notices only later that a connection has gone."""
        if self.closed:
            return
        self.closed = True
        self.acts.add()
        if self.busy:
            self.engine.ask(f"SELECT pg_cancel_backend({self.pid})")
        if self.ended(LIMIT) and self.connection.info.transaction_status != TransactionStatus.IDLE:
            self.connection.pgconn.exec_(b"ROLLBACK")
        self.connection.close()


class PostgresEngine:
    """See the module. url: as libpq takes it, postgresql://user:password@host:port/database. The user must be allowed
    to create a schema in that database."""

    levels = LEVELS

    def __init__(self, url: str) -> None:
        self.url = url
        self.acts = Acts()
        self.name = "postgresql"
        self.schema = f"minidb_lab_{getpid()}_{next(NUMBERS)}"
        self.watch = self.open("watch")
        number = self.watch.info.server_version
        self.version = f"PostgreSQL {number // 10000}.{number % 10000}"
        self.ask(f"CREATE SCHEMA {self.schema}")
        self.clients: list[PostgresClient] = []
        self.control = PostgresClient("control", self, None)

    def open(self, session: str) -> psycopg.Connection[Any]:
        try:
            made = psycopg.connect(self.url, autocommit=True, application_name=f"minidb {session}")
        except psycopg.Error as error:
            raise OperationalError(f"cannot connect to PostgreSQL: {str(error).strip()}") from None
        made.execute(f"SET search_path TO {self.schema}")
        try:
            made.execute(IMPATIENT)
        except psycopg.errors.InsufficientPrivilege:
            pass
        return made

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        cursor = self.watch.execute(sql)
        return cursor.fetchall() if cursor.description else []

    def run(self, sql: str) -> tuple[Answer, ...]:
        self.control.start(sql)
        if self.control.busy:
            raise OperationalError(f"waits for {self.control.words}: {sql}")
        return checked(self.control.take())

    def connect(self, session: str, level: str | None = None) -> PostgresClient:
        chosen = choose_level(LEVELS, level, self.version) if level else None
        client = PostgresClient(session, self, chosen)
        if chosen:
            default = f"SET default_transaction_isolation = '{chosen.name}'"
            client.connection.execute(default)
        self.clients = [*(client for client in self.clients if not client.closed), client]
        return client

    def settle(self) -> list[PostgresClient]:
        return let_go_on(sorted((client for client in self.clients if client.busy), key=attrgetter("since")))

    def pass_time(self) -> bool:
        limited = [client for client in self.clients if client.busy and client.limited]
        until = monotonic() + LIMIT
        while limited and monotonic() < until:
            if any(client.ended(LONGEST) for client in limited):
                return True
        return False

    def reset(self) -> None:
        for client in self.clients:
            client.close()
        self.ask(f"DROP SCHEMA {self.schema} CASCADE")
        self.ask(f"CREATE SCHEMA {self.schema}")

    # -- who waits for whom

    def is_blocked(self, client: PostgresClient) -> bool:
        """Whether it waits for other sessions, and for no deadlock that the server is about to end."""
        pids = ",".join(str(other.pid) for other in [*self.clients, self.control] if other is not client)
        ((blocked,),) = self.ask(BLOCKED.format(pid=client.pid, pids=pids))
        return bool(blocked) and not self.deadlocked(client)

    def deadlocked(self, client: PostgresClient) -> bool:
        """Whether it waits, directly or through others, for somebody who waits for himself in the end."""
        waits = {other.pid: self.blockers(other) for other in self.clients if other.busy}
        return any(pid in reached(waits, waits.get(pid, ())) for pid in reached(waits, [client.pid]))

    def blockers(self, client: PostgresClient) -> list[int]:
        ((pids,),) = self.ask(BLOCKERS.format(pid=client.pid))
        return list(pids)

    def words_for(self, client: PostgresClient) -> str:
        names = {other.pid: other.session for other in self.clients}
        who = " and ".join(dict.fromkeys(names.get(pid, "?") for pid in self.blockers(client)))
        locks = [f"{mode}, {kind}" + (f" of {table}" if table else "") for mode, kind, table in self.locks(client)]
        return f"{who or 'a safe snapshot'}" + (f" ({'; '.join(locks)})" if locks else "")

    def locks(self, client: PostgresClient) -> list[tuple[Any, ...]]:
        return self.ask(LOCKS.format(pid=client.pid))

    def tables(self) -> tuple[str, ...]:
        return tuple(name for (name,) in self.ask(TABLES.format(schema=self.schema)))

    def close(self) -> None:
        for client in [*self.clients, self.control]:
            client.close()
        self.ask(f"DROP SCHEMA {self.schema} CASCADE")
        self.watch.close()


def reached(waits: dict[int, list[int]], start: Iterable[int]) -> set[int]:
    """All that can be come to along the waits, beginning with `start`."""
    found: set[int] = set()
    left = list(start)
    while left:
        pid = left.pop()
        if pid not in found:
            found.add(pid)
            left.extend(waits.get(pid, ()))
    return found


# -- what is sent


def at_level(sql: str, level: Level | None) -> str:
    """A step's statements with the level of each BEGIN in PostgreSQL's words, or replaced by `level`."""
    return "; ".join(statement_at_level(statement, level) for statement, _ in parse_script(sql))


def statement_at_level(sql: str, level: Level | None) -> str:
    control = control_of(sql)
    if control is None or control.kind not in ("begin", "modes") or not (level or control.level):
        return sql
    if control.kind == "modes" and level is None:
        return sql
    chosen = level or choose_level(LEVELS, control.level, "PostgreSQL")
    return " ".join(modes(control, chosen))


def modes(control: Control, level: Level) -> Iterator[str]:
    yield "BEGIN" if control.kind == "begin" else "SET TRANSACTION"
    yield f"ISOLATION LEVEL {level.sql}"
    yield "READ ONLY" if control.read_only else "READ WRITE"
    if control.deferrable:
        yield "DEFERRABLE"


# -- what is heard


def answer_of(result: PGresult, connection: psycopg.Connection[Any], said: Sequence[str]) -> Answer:
    notices = tuple(said)
    if result.status == ExecStatus.TUPLES_OK:
        transformer = Transformer(connection)
        transformer.set_pgresult(result)
        names = tuple((result.fname(i) or b"").decode() for i in range(result.nfields))
        types = tuple(type_name(connection, result.ftype(i)) for i in range(result.nfields))
        rows = tuple(transformer.load_rows(0, result.ntuples, tuple))
        return Answer(text(result.command_status), names, types, rows, notices=notices)
    if result.status == ExecStatus.COMMAND_OK:
        return Answer(text(result.command_status), notices=notices)
    return Answer(error=error_of(result), notices=notices)


def error_of(result: PGresult) -> Error:
    field = DiagnosticField
    state, message = result.error_field(field.SQLSTATE), result.error_field(field.MESSAGE_PRIMARY)
    detail, hint = result.error_field(field.MESSAGE_DETAIL), result.error_field(field.MESSAGE_HINT)
    return postgres_error(text(state) or "58000", text(message), text(detail) or None, text(hint) or None)


def text(field: bytes | None) -> str:
    return (field or b"").decode(errors="replace")


def type_name(connection: psycopg.Connection[Any], oid: int) -> str:
    kind = connection.adapters.types.get(oid)
    return TYPES.get(kind.name, kind.name) if kind else ""
