"""What a session says to an engine that takes one statement at a time, and what it is told: everything that SQLite,
DuckDB and MySQL have in common here.

A step's statements wait in `pending` and are done one after the other, until one of them must wait for another session
(the engine raises `MustWait`; the statement stays first in the queue and is tried again) or fails, which ends the step.

Schedules are written for PostgreSQL, where an error leaves a transaction of which only ROLLBACK, or ROLLBACK TO, can
be had. Elsewhere a statement fails alone (SQLite), or all is undone and what follows would run outside of any
transaction (InnoDB's deadlock). Sensible programs give up the transaction either way, so that is what is modelled
here: what follows in a failed transaction gets 25P02 without being sent, and its COMMIT is sent as ROLLBACK. BEGIN in
a transaction, and COMMIT or ROLLBACK outside of one, do nothing, as there. So do SET and RESET of what only PostgreSQL
has; other settings are the engine's own and are sent. Statements that are sent together and do not speak of
transactions are one transaction, as there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from minidb.errors import Error, InFailedTransaction
from minidb.lab.engines.control import Control, Progress, control_of
from minidb.lab.engines.translate import translated
from minidb.lab.run import Answer
from minidb.sql.script import parse_script

ABORTED = "current transaction is aborted, commands ignored until end of transaction block"
TAGS = {"begin": "BEGIN", "commit": "COMMIT", "rollback": "ROLLBACK", "rollback to": "ROLLBACK",
        "savepoint": "SAVEPOINT", "release": "RELEASE", "modes": "SET", "set": "SET"}


class MustWait(Exception):
    """The statement cannot be done now. Its second argument is the error to give if waiting is in vain."""

    def __init__(self, words: str, error: Error) -> None:
        super().__init__(words)
        self.words = words
        self.error = error


class Line(Protocol):
    """The connection to the engine."""

    def send(self, sql: str) -> Answer:
        """Does one statement in the engine's own words. Raises minidb.Error or MustWait."""

    def begin(self, control: Control) -> Sequence[str]:
        """The statements that begin a transaction."""


class Conversation:
    """See the module. target: the dialect that statements are translated to."""

    def __init__(self, line: Line, target: str) -> None:
        self.line = line
        self.target = target
        self.progress = Progress()
        self.pending: deque[str] = deque()
        self.implicit = False  # the statements at hand are one transaction
        self.answers: list[Answer] = []

    def say(self, sql: str) -> None:
        """Takes a step's statements; `go_on` does them."""
        assert not self.pending
        self.answers = []
        statements = [statement for statement, _ in parse_script(sql)]
        self.implicit = self.progress.state == "idle" and is_one_transaction(statements)
        if self.implicit:
            statements = ["BEGIN", *statements, "COMMIT"]
        self.pending.extend(statements)

    def go_on(self) -> None:
        """Does what is pending. Raises MustWait where it must wait."""
        while self.pending:
            control = control_of(self.pending[0])
            try:
                answer = self.answer(self.pending[0], control)
            except Error as error:
                self.told(Answer(error=error), control)
                return
            self.told(answer, control)

    def break_off(self, error: Error) -> None:
        """Waiting was in vain."""
        self.told(Answer(error=error), control_of(self.pending[0]))

    def told(self, answer: Answer, control: Control | None) -> None:
        self.pending.popleft()
        if answer.error is not None or not (self.implicit and control):
            self.answers.append(answer)
        self.progress.note(control, answer.error is not None)
        if answer.error is not None:
            self.pending.clear()
            if self.implicit and self.progress.state == "failed":
                self.line.send("ROLLBACK")
                self.progress = Progress()

    # -- one statement

    def answer(self, sql: str, control: Control | None) -> Answer:
        if self.progress.state == "failed" and (control is None or control.kind not in WAYS_OUT):
            raise InFailedTransaction(ABORTED)
        if control is None:
            return self.all_of(translated(sql, self.target))
        return self.controlled(sql, control)

    def controlled(self, sql: str, control: Control) -> Answer:
        kind, idle = control.kind, self.progress.state == "idle"
        if kind == "begin" and idle:
            self.all_of(self.line.begin(control))
        elif kind == "commit" and not idle:
            return self.commit()
        elif kind == "rollback" and not idle:
            self.line.send("ROLLBACK")
        elif kind == "rollback to":
            self.line.send(f"ROLLBACK TO SAVEPOINT {control.name}")
        elif kind == "savepoint":
            self.line.send(f"SAVEPOINT {control.name}")
        elif kind == "release":
            self.line.send(f"RELEASE SAVEPOINT {control.name}")
        return Answer(TAGS[kind])

    def commit(self) -> Answer:
        if self.progress.state == "failed":
            self.line.send("ROLLBACK")
            return Answer(TAGS["rollback"])
        try:
            self.line.send("COMMIT")
        except Error:
            ignoring_errors(lambda: self.line.send("ROLLBACK"))
            raise
        return Answer(TAGS["commit"])

    def all_of(self, statements: Sequence[str]) -> Answer:
        answer = Answer()
        for sql in statements:
            answer = self.line.send(sql)
        return answer


def is_one_transaction(statements: Sequence[str]) -> bool:
    """Whether several statements, sent together, say nothing of transactions themselves."""
    return len(statements) > 1 and not any(control_of(statement) for statement in statements)


WAYS_OUT = ("commit", "rollback", "rollback to")


def ignoring_errors(action: Callable[[], Any]) -> None:
    try:
        action()
    except Error:
        pass


def tag_of(sql: str, count: int) -> str:
    """The tag that PostgreSQL would give: `UPDATE 1`, `CREATE TABLE`."""
    words = sql.split(None, 2)
    verb = words[0].upper() if words else ""
    if verb in ("INSERT", "REPLACE"):
        return f"INSERT 0 {max(count, 0)}"
    if verb in ("UPDATE", "DELETE", "SELECT", "WITH", "VALUES"):
        return f"{'SELECT' if verb in ('WITH', 'VALUES') else verb} {max(count, 0)}"
    return " ".join(word.upper() for word in words[:2])


def checked(answers: Sequence[Answer]) -> tuple[Answer, ...]:
    """The same answers; the error among them is raised."""
    for answer in answers:
        if answer.error is not None:
            raise answer.error
    return tuple(answers)
