"""SQLite: connections of their own to one temporary file, and a model of waiting.

SQLite does not queue: a connection that cannot have a lock is told SQLITE_BUSY, and the library's busy handler sleeps
and tries again. Here the timeout is 0, and what a busy handler of endless patience would do is *modelled*:

- A statement that gets BUSY is a session that waits. It is tried again by `settle`, in the order in which the sessions
  began to wait, whenever another one has moved. The file's locks, and nothing else, decide whether it goes on.
- SQLite does not call its busy handler for a transaction that has read and now wants to write while another one
  writes: it fails at once, whatever the timeout (sqlite3BtreeBeginTrans). So it does here, too. With a rollback journal
  that is a deadlock avoided: the writer could not commit while this one reads (40P01). With a write-ahead log its
  snapshot is out of date, or will be as soon as the writer commits (40001).
- If all sessions that are in a transaction wait, nobody can move, and the last to begin gets its BUSY.

Whom a session waits for, SQLite does not tell. Two modes of the journal, no shared cache:

    sqlite                     rollback journal: readers keep a writer from committing
    sqlite?journal_mode=wal    write-ahead log: readers have a snapshot, one writer at a time

Its levels: BEGIN, which is deferred and serializable, and BEGIN IMMEDIATE, which takes the right to write at once, so
that all transactions at that level run one after the other; minidb's word for that is "serial". READ ONLY transactions
are begun deferred at both. FOR UPDATE does not exist and is left out; settings are left out.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections.abc import Sequence
from itertools import count
from operator import attrgetter
from pathlib import Path

from minidb.errors import DeadlockDetected, InvalidParameterValue, SerializationFailure
from minidb.isolation import IsolationLevel
from minidb.lab.engines.control import Control
from minidb.lab.engines.conversation import Conversation, MustWait, checked, tag_of
from minidb.lab.engines.levels import Level, choose_level
from minidb.lab.engines.retryable import BUSY, sqlite_error
from minidb.lab.run import Answer

DEFERRED = Level("serializable", "BEGIN", (IsolationLevel.SSI, IsolationLevel.TWO_PHASE_LOCKING))
IMMEDIATE = Level("immediate", "BEGIN IMMEDIATE", (IsolationLevel.SERIAL,))
WORDS = "a lock on the database"  # all that it tells
MODES = ("delete", "wal")
ENDS = ("COMMIT", "ROLLBACK")
LOCKLESS = re.compile(r"BEGIN|SAVEPOINT .*")
WAITS = count(1)


class SQLiteLine:
    """One connection. `holds`: its transaction has had a lock, so that SQLite would not let it wait for another."""

    def __init__(self, path: Path, mode: str, level: Level | None) -> None:
        self.connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        self.mode = mode
        self.level = level
        self.holds = False
        for pragma in ("foreign_keys = ON", "synchronous = OFF"):  # no crash is looked at here
            self.connection.execute(f"PRAGMA {pragma}")

    def begin(self, control: Control) -> Sequence[str]:
        level = self.level
        if level is None:
            level = choose_level((DEFERRED, IMMEDIATE), control.level or DEFERRED.name, "SQLite")
        return ((DEFERRED if control.read_only else level).sql,)

    def send(self, sql: str) -> Answer:
        try:
            cursor = self.connection.execute(sql)
            rows = tuple(cursor.fetchall())
        except sqlite3.Error as error:
            raise self.busy_or_wrong(sql, error) from None
        self.holds = self.connection.in_transaction and (self.holds or not LOCKLESS.fullmatch(sql))
        columns = tuple(name for name, *_ in cursor.description or ())
        count = len(rows) if columns else cursor.rowcount
        return Answer(tag_of(sql, count), columns, ("",) * len(columns), rows)

    def busy_or_wrong(self, sql: str, error: sqlite3.Error) -> Exception:
        code, name = getattr(error, "sqlite_errorcode", 1), getattr(error, "sqlite_errorname", "SQLITE_ERROR")
        meant = sqlite_error(code, name, str(error))
        if code != BUSY:
            return meant
        if not self.holds or sql in ENDS:
            return MustWait(WORDS, meant)
        kind = SerializationFailure if self.mode == "wal" else DeadlockDetected
        return kind(meant.message, detail=meant.detail)

    def close(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self.connection.close()


class SQLiteClient:
    def __init__(self, session: str, line: SQLiteLine) -> None:
        self.session = session
        self.line = line
        self.conversation = Conversation(line, "sqlite")
        self.wait: MustWait | None = None
        self.since = 0  # its place among those who wait
        self.closed = False

    @property
    def busy(self) -> bool:
        return self.wait is not None

    @property
    def words(self) -> str:
        return self.wait.words if self.wait else ""

    @property
    def in_transaction(self) -> bool:
        return not self.closed and self.line.connection.in_transaction

    def start(self, sql: str) -> None:
        assert not self.busy
        self.conversation.say(sql)
        self.advance()

    def advance(self) -> bool:
        """Tries what is pending. Returns whether anything was done."""
        before = len(self.conversation.answers)
        try:
            self.conversation.go_on()
            self.stop_waiting()
        except MustWait as wait:
            self.wait = wait
            self.since = self.since or next(WAITS)
        return not self.busy or len(self.conversation.answers) > before

    def give_up(self) -> None:
        assert self.wait is not None
        self.conversation.break_off(self.wait.error)
        self.stop_waiting()

    def stop_waiting(self) -> None:
        self.wait = None
        self.since = 0

    def take(self) -> tuple[Answer, ...]:
        return tuple(self.conversation.answers)

    def close(self) -> None:
        self.conversation.pending.clear()
        self.wait = None
        self.closed = True
        self.line.close()


class SQLiteEngine:
    """See the module. journal_mode: "delete" or "wal"."""

    levels = (DEFERRED, IMMEDIATE)

    def __init__(self, journal_mode: str = "delete") -> None:
        self.mode = journal_mode.lower()
        if self.mode not in MODES:
            hint = f"There is {' and '.join(MODES)}."
            raise InvalidParameterValue(f"unknown journal mode: {journal_mode!r}", hint=hint)
        self.name = "sqlite" if self.mode == "delete" else f"sqlite?journal_mode={self.mode}"
        self.version = f"SQLite {sqlite3.sqlite_version}"
        self.open()

    def open(self) -> None:
        self.directory = tempfile.TemporaryDirectory(prefix="minidb-sqlite-")
        self.path = Path(self.directory.name) / "schedule.db"
        self.clients: list[SQLiteClient] = []
        self.control = SQLiteClient("control", SQLiteLine(self.path, self.mode, None))
        self.control.line.connection.execute(f"PRAGMA journal_mode = {self.mode}")

    def run(self, sql: str) -> tuple[Answer, ...]:
        self.control.start(sql)
        if self.control.busy:
            self.control.give_up()
        return checked(self.control.take())

    def connect(self, session: str, level: str | None = None) -> SQLiteClient:
        chosen = choose_level(self.levels, level, "SQLite") if level else None
        self.clients = [client for client in self.clients if not client.closed]
        self.clients.append(SQLiteClient(session, SQLiteLine(self.path, self.mode, chosen)))
        return self.clients[-1]

    def settle(self) -> list[SQLiteClient]:
        ended: list[SQLiteClient] = []
        waiting = self.waiting()
        while waiting:
            moved = [client for client in waiting if client.advance()]
            ended += [client for client in moved if not client.busy]
            if not moved and not self.hopeless():
                break
            if not moved:
                waiting[-1].give_up()
                ended.append(waiting[-1])
            waiting = [client for client in waiting if client.busy]
        return ended

    def waiting(self) -> list[SQLiteClient]:
        return sorted((client for client in self.clients if client.busy), key=attrgetter("since"))

    def hopeless(self) -> bool:
        """Whether nobody is left who could end the waiting."""
        return all(client.busy for client in self.clients if client.in_transaction)

    def tables(self) -> tuple[str, ...]:
        rows = self.control.line.connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        return tuple(name for (name,) in rows if not name.startswith("sqlite_"))

    def reset(self) -> None:
        self.close()
        self.open()

    def close(self) -> None:
        for client in [*self.clients, self.control]:
            if not client.closed:
                client.close()
        self.directory.cleanup()
