"""minidb itself as an engine for schedules: a database in memory, whose waiting is taken over by a `Scheduler`.

Statements that are sent together are one message, see `messages`.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from minidb.dbapi import Connection, Database
from minidb.errors import OperationalError
from minidb.isolation import IsolationLevel
from minidb.lab.engines.protocol import Client
from minidb.lab.levels import SQL_NAMES, at_level
from minidb.lab.messages import answer_of, run_message
from minidb.lab.run import Answer
from minidb.lab.scheduler import Actor, Scheduler
from minidb.sql.script import parse_script

MEMORY = ":memory:"


class OwnClient:
    """One session and its actor."""

    def __init__(
        self, session: str, connection: Connection, scheduler: Scheduler, level: IsolationLevel | None
    ) -> None:
        self.session = session
        self.connection = connection
        self.inner = connection.session
        self.inner.name = session
        self.scheduler = scheduler
        self.level = level
        self.actor = Actor(session, scheduler)
        self.answers: list[Answer] = []

    @property
    def busy(self) -> bool:
        return self.actor.busy

    @property
    def words(self) -> str:
        return (self.inner.waiting_for or "") if self.busy else ""

    def start(self, sql: str) -> None:
        if self.level is not None:
            sql = at_level(sql, SQL_NAMES[self.level])
        self.answers = []
        self.scheduler.start(self.actor, lambda: self.work(sql))

    def take(self) -> tuple[Answer, ...]:
        assert not self.busy
        return tuple(self.answers)

    def close(self) -> None:
        self.scheduler.dismiss(self.actor)
        self.connection.close()

    # -- in the actor

    def work(self, sql: str) -> None:
        session = self.inner

        def say(_: int, statement: str) -> Answer:
            self.answers.append(answer_of(session, statement))
            return self.answers[-1]

        try:
            error = run_message(session, [statement for statement, _ in parse_script(sql)], say)
        except BaseException:  # the actor is dismissed
            if not session.explicit and session.state != "idle":
                session.rollback()
            raise
        if error is not None:
            self.answers.append(Answer(error=error))


class OwnEngine:
    """See the module. `reset` makes a new database."""

    name = "minidb"

    def __init__(self) -> None:
        self.version = f"minidb {installed_version()}".rstrip()
        self.open()

    def open(self) -> None:
        self.scheduler = Scheduler()
        self.database = Database(MEMORY, waiting=self.scheduler, background=False)
        self.clients: dict[str, OwnClient] = {}
        self.control = self.new_client("control connection")

    def new_client(self, session: str, level: IsolationLevel | None = None) -> OwnClient:
        connection = self.database.connect(isolation_level=level, autocommit=True, durability="off")
        return OwnClient(session, connection, self.scheduler, level)

    def run(self, sql: str) -> tuple[Answer, ...]:
        self.control.start(sql)
        self.settle()
        if self.control.busy:
            words = self.control.words
            self.control.close()
            self.control = self.new_client("control connection")
            raise OperationalError(f"it would wait for ever for {words}")
        answers = self.control.take()
        for answer in answers:
            if answer.error is not None:
                raise answer.error
        return answers

    def connect(self, session: str, level: str | None = None) -> OwnClient:
        client = self.new_client(session, None if level is None else IsolationLevel.parse(level))
        self.clients[session] = client
        return client

    def settle(self) -> list[Client]:
        ended: list[Client] = []
        while (actor := self.scheduler.resume()) is not None:
            if not actor.busy and actor.name in self.clients:
                ended.append(self.clients[actor.name])
        return ended

    def pass_time(self) -> bool:
        """The shortest limit is over first; of equal ones the one that began to wait first."""
        limited = [actor for actor in self.scheduler.parked.values() if actor.timeout is not None]
        if not limited:
            return False
        self.scheduler.expire(min(limited, key=limit))
        return True

    def reset(self) -> None:
        self.close()
        self.open()

    def close(self) -> None:
        for client in self.clients.values():
            client.close()
        self.control.close()
        self.database.close()


def installed_version() -> str:
    """Empty if minidb is run from its sources, uninstalled."""
    try:
        return version("minidb")
    except PackageNotFoundError:
        return ""


def limit(actor: Actor) -> float:
    assert actor.timeout is not None
    return actor.timeout
