"""MySQL and MariaDB, through PyMySQL: a thread for each session, and InnoDB's own word for who waits.

A session waits if information_schema.innodb_trx says LOCK WAIT of its transaction, or the process list that it waits
for a metadata, table or user lock. That view is a copy which InnoDB renews when it is at least a tenth of a second
old, and only if nobody has read it meanwhile, so it is read at that pace: a wait costs that much time. Deadlocks are
found by InnoDB at once. `innodb_lock_wait_timeout` is set high, since time should not decide.

A schedule runs in a database of its own, which goes with the engine. Its levels, as InnoDB's manual calls them:

    read uncommitted
    read committed
    repeatable read     the default: reads from a snapshot, but writes go to the newest rows
    snapshot            the same with MariaDB's innodb_snapshot_isolation, where the server knows it: a write to a row
                        that has changed since fails with 1020. Where it does not, "snapshot" is repeatable read
    serializable        every SELECT locks what it reads; asked for by "2pl" and "ssi"

Extra `mysql` of minidb brings the driver. Tested with MariaDB 10.11; of MySQL, `words` does not tell who is waited for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import count
from operator import attrgetter
from os import getpid
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pymysql
from pymysql.constants import CLIENT, FIELD_TYPE

from minidb.errors import Error, OperationalError
from minidb.isolation import IsolationLevel
from minidb.lab.engines.control import Control
from minidb.lab.engines.conversation import Conversation, checked, ignoring_errors, tag_of
from minidb.lab.engines.levels import Level, choose_level
from minidb.lab.engines.patience import Acts, let_go_on, wait_until_known
from minidb.lab.engines.retryable import mysql_error
from minidb.lab.engines.threads import Worker
from minidb.lab.run import Answer

OLD_LEVELS = (
    Level("read uncommitted", "READ UNCOMMITTED", (IsolationLevel.READ_UNCOMMITTED,)),
    Level("read committed", "READ COMMITTED", (IsolationLevel.READ_COMMITTED,)),
    Level("repeatable read", "REPEATABLE READ", (IsolationLevel.SNAPSHOT,)),
    Level("serializable", "SERIALIZABLE", (IsolationLevel.TWO_PHASE_LOCKING, IsolationLevel.SSI)),
)
SNAPSHOT = Level("snapshot", "REPEATABLE READ", (IsolationLevel.SNAPSHOT,))
NEW_LEVELS = (*OLD_LEVELS[:3], SNAPSHOT, OLD_LEVELS[3])
HERE = ("localhost", "127.0.0.1", "::1")
SWITCH = "innodb_snapshot_isolation"
SETTINGS = "SET SESSION innodb_lock_wait_timeout = 100000"
RENEWED_AFTER = 0.11  # seconds: how old InnoDB's copy of its transactions must be for the next look to be fresh
LOCK_STATES = ("Waiting for table metadata lock", "Waiting for table level lock", "User lock",
               "Waiting for backup lock", "Waiting for schema metadata lock")
WAITING = "SELECT trx_mysql_thread_id FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
PROCESSES = "SELECT id FROM information_schema.processlist WHERE state IN (" + ", ".join(map(repr, LOCK_STATES)) + ")"
BLOCKERS = """SELECT other.trx_mysql_thread_id, held.lock_mode, held.lock_table, held.lock_index
    FROM information_schema.innodb_lock_waits wait
    JOIN information_schema.innodb_trx own ON own.trx_id = wait.requesting_trx_id
    JOIN information_schema.innodb_trx other ON other.trx_id = wait.blocking_trx_id
    JOIN information_schema.innodb_locks held ON held.lock_id = wait.requested_lock_id
    WHERE own.trx_mysql_thread_id = """
NUMBERS = count(1)
TYPES = {number: name.lower() for name, number in vars(FIELD_TYPE).items() if isinstance(number, int)}


class MySQLLine:
    """One connection; every call comes back when the server has answered."""

    def __init__(self, connection: pymysql.Connection[Any], levels: Sequence[Level], level: Level | None) -> None:
        self.connection = connection
        self.levels = levels
        self.level = level  # stands for that of every BEGIN

    def begin(self, control: Control) -> Sequence[str]:
        begin = "START TRANSACTION" + (" READ ONLY" if control.read_only else "")
        if self.level is None and not control.level:
            return (begin,)
        return (*self.asking(self.level or choose_level(self.levels, control.level, "MySQL"), ""), begin)

    def asking(self, level: Level, scope: str) -> Iterator[str]:
        """The statements that ask for a level, for the session or the next transaction."""
        if SNAPSHOT in self.levels:
            yield f"SET SESSION {SWITCH} = {'ON' if level is SNAPSHOT else 'OFF'}"
        yield f"SET {scope} TRANSACTION ISOLATION LEVEL {level.sql}"

    def send(self, sql: str) -> Answer:
        try:
            with self.connection.cursor() as cursor:
                found = cursor.execute(sql)
                names = [(name, TYPES.get(kind, "")) for name, kind, *_ in cursor.description or ()]
                rows = tuple(tuple(row) for row in cursor.fetchall())
        except pymysql.MySQLError as error:
            code: Any = error.args[0] if error.args else 0
            raise mysql_error(code if isinstance(code, int) else 0, str(error.args[-1] if error.args else "")) from None
        return Answer(tag_of(sql, found), tuple(n for n, _ in names), tuple(kind for _, kind in names), rows)


class MySQLClient:
    def __init__(self, session: str, engine: MySQLEngine, level: Level | None) -> None:
        self.session = session
        self.engine = engine
        self.acts = engine.acts
        self.stood = -1
        self.line = MySQLLine(engine.open(), engine.levels, level)
        ((self.id,),) = self.line.send("SELECT connection_id()").rows
        self.conversation = Conversation(self.line, "mysql")
        self.worker = Worker(f"session {session}")
        self.busy = False
        self.since = 0  # its place among those who wait
        self.closed = False

    @property
    def words(self) -> str:
        return self.engine.words_for(self) if self.busy else ""

    def start(self, sql: str) -> None:
        assert not self.busy
        self.conversation.say(sql)
        self.acts.add()
        self.worker.begin(self.conversation.go_on)
        self.busy = True
        self.since = next(NUMBERS)
        wait_until_known(self)

    def ended(self, pause: float) -> bool:
        if self.busy:
            self.busy = not self.worker.ended(pause)
        return not self.busy

    def blocked(self) -> bool:
        return self.id in self.engine.waiting_threads()

    def take(self) -> tuple[Answer, ...]:
        return tuple(self.conversation.answers)

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self.acts.add()
        self.conversation.pending.clear()
        if self.busy:
            ignoring_errors(lambda: self.engine.control.send(f"KILL QUERY {self.id}"))
        self.worker.dismiss()
        self.busy = False
        ignoring_errors(lambda: self.line.send("ROLLBACK"))
        self.line.connection.close()


class MySQLEngine:
    """See the module. url: mysql://user:password@host:port/?unix_socket=/path. The user must be allowed to create a
    database and to see all transactions (PROCESS)."""

    def __init__(self, url: str) -> None:
        self.options = options_of(url)
        self.acts = Acts()
        self.database = f"minidb_lab_{getpid()}_{next(NUMBERS)}"
        self.levels: tuple[Level, ...] = OLD_LEVELS
        self.control = MySQLLine(self.open(), self.levels, None)
        self.make_database()
        self.options["database"] = self.database
        if self.control.send(f"SHOW VARIABLES LIKE '{SWITCH}'").rows:
            self.levels = NEW_LEVELS
        ((text,),) = self.control.send("SELECT version()").rows
        brand, number = ("MariaDB" if "MariaDB" in text else "MySQL"), text.split("-")[0]
        self.name, self.version = brand.lower(), f"{brand} {number}"
        self.conversation = Conversation(self.control, "mysql")
        self.clients: list[MySQLClient] = []
        self.watch = MySQLLine(self.open(), self.levels, None)
        self.looked = 0.0

    def make_database(self) -> None:
        self.control.send(f"CREATE DATABASE {self.database}")
        self.control.send(f"USE {self.database}")

    def reset(self) -> None:
        for client in self.clients:
            client.close()
        self.control.send(f"DROP DATABASE {self.database}")
        self.make_database()

    def open(self) -> pymysql.Connection[Any]:
        try:
            made = pymysql.connect(**self.options, autocommit=True, client_flag=CLIENT.FOUND_ROWS, charset="utf8mb4")
        except pymysql.MySQLError as error:
            raise OperationalError(f"cannot connect to MySQL: {error.args[-1]}") from None
        MySQLLine(made, (), None).send(SETTINGS)
        return made

    def run(self, sql: str) -> tuple[Answer, ...]:
        self.acts.add()
        self.conversation.say(sql)
        self.conversation.go_on()
        return checked(self.conversation.answers)

    def connect(self, session: str, level: str | None = None) -> MySQLClient:
        chosen = choose_level(self.levels, level, self.version) if level else None
        client = MySQLClient(session, self, chosen)
        for sql in client.line.asking(chosen, "SESSION") if chosen else ():
            client.line.send(sql)
        self.clients = [*(client for client in self.clients if not client.closed), client]
        return client

    def settle(self) -> list[MySQLClient]:
        return let_go_on(sorted((client for client in self.clients if client.busy), key=attrgetter("since")))

    def waiting_threads(self) -> set[int]:
        """Connections that wait for a lock, as of now."""
        time.sleep(max(0.0, self.looked + RENEWED_AFTER - time.monotonic()))
        found = self.look(WAITING) + self.look(PROCESSES)
        return {number for (number,) in found}

    def look(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        """Asks, and remembers when: asking keeps the copy from being renewed."""
        try:
            return self.watch.send(sql).rows
        finally:
            self.looked = time.monotonic()

    def words_for(self, client: MySQLClient) -> str:
        names = {other.id: other.session for other in self.clients}
        try:
            rows = self.look(f"{BLOCKERS}{client.id}")
        except Error:
            return "a lock"  # MySQL 8 keeps this elsewhere
        told = [f"{names.get(who, '?')} ({mode} lock on {place(table, index)})" for who, mode, table, index in rows]
        return ", ".join(dict.fromkeys(told)) or "a metadata lock"

    def tables(self) -> tuple[str, ...]:
        (answer,) = self.run("SHOW TABLES")
        return tuple(str(name) for (name,) in answer.rows)

    def close(self) -> None:
        for client in self.clients:
            client.close()
        ignoring_errors(lambda: self.control.send(f"DROP DATABASE {self.database}"))
        self.control.connection.close()
        self.watch.connection.close()


def place(table: str, index: str | None) -> str:
    """`test`.`page` and PRIMARY as words."""
    name = table.replace("`", "").split(".")[-1]
    return f"{name}, index {index}" if index else name


def options_of(url: str) -> dict[str, Any]:
    """The driver's arguments from a URL."""
    parts = urlsplit(url)
    options: dict[str, Any] = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    given = {"user": parts.username, "password": parts.password, "host": parts.hostname}
    options.update({name: unquote(value) for name, value in given.items() if value})
    if parts.port:
        options["port"] = parts.port
    if "unix_socket" in options or options.get("host", HERE[0]) in HERE:
        options["ssl_disabled"] = True  # to make a context for it takes longer than all the rest
    return options
