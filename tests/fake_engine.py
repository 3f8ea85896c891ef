"""A session without a database: it keeps a transaction's state, writes down what it is asked and answers by script.

`answers` maps a statement to its rows (a list), a number of changed rows, an exception to raise, or a function that
takes the parameters and returns one of these. Statements that are not in it change nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from minidb import types
from minidb.errors import InvalidCursorState, QueryCanceled
from minidb.schema import Catalog

Answer = Any
COLUMNS = (("id", types.INTEGER), ("name", types.TEXT))
TRANSACTION_WORDS = {"BEGIN": "begin", "COMMIT": "commit", "ROLLBACK": "rollback"}


class FakeResult:
    def __init__(
        self,
        tag: str,
        rows: list[tuple[Any, ...]] | None = None,
        rowcount: int = -1,
        columns: tuple[tuple[str, types.SqlType], ...] = COLUMNS,
        batch: int = 2,
    ) -> None:
        self.tag = tag
        self.rows = rows or []
        self.stream = rows if batch else None
        self.rowcount = rowcount
        self.columns = None if rows is None else columns
        self.notices: list[str] = []
        self.batch = batch
        self.closed = False

    def fetch_batches(self) -> Iterator[list[tuple[Any, ...]]]:
        rows = self.rows
        for start in range(0, len(rows), self.batch or 1000):
            if self.closed:
                raise InvalidCursorState("closed")
            yield rows[start : start + self.batch]

    def close(self) -> None:
        self.closed = True


class FakeSession:
    def __init__(self, answers: dict[str, Answer] | None = None, **options: Any) -> None:
        self.answers = answers or {}
        self.log: list[str] = []
        self.state = "idle"
        self.transaction_level: str | None = None
        self.isolation_level = options.get("isolation_level") or "read committed"
        self.autocommit = options.get("autocommit", False)
        self.durability = options.get("durability", "full")
        self.lock_timeout = options.get("lock_timeout")
        self.read_only = options.get("read_only", False)
        self.name: str | None = options.get("name")
        self.dialect: str | None = None
        self.batch = options.get("batch", 2)  # rows to a batch of a stream; 0: results are complete
        self.waiting_for: str | None = None
        self.on_wait: Callable[[str | None], None] | None = None
        self.catalog = Catalog()
        self.closed = False
        self.canceled = threading.Event()

    # -- statements

    def execute(self, sql: str, parameters: Any = None) -> FakeResult:
        self.log.append(sql)
        word = sql.split()[0].upper()
        if word in TRANSACTION_WORDS and " TO " not in sql:
            getattr(self, f"_{TRANSACTION_WORDS[word]}")()
            return FakeResult(word)
        if not self.autocommit and self.state == "idle":
            self._begin()
        try:
            return self._answer(sql, self.answers.get(sql, 0), parameters)
        except BaseException:
            if self.state == "active":
                self.state = "failed"
            raise

    def execute_many(self, sql: str, parameter_sets: Iterable[Any]) -> int:
        return sum(max(0, self.execute(sql, parameters).rowcount) for parameters in parameter_sets)

    def _answer(self, sql: str, answer: Answer, parameters: Any) -> FakeResult:
        if callable(answer) and not isinstance(answer, type):
            answer = answer(parameters)
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, FakeResult):
            return answer
        if isinstance(answer, list):
            return FakeResult("SELECT", answer, batch=self.batch)
        return FakeResult(f"{sql.split()[0].upper()} {answer}", rowcount=answer)

    def wait_until_canceled(self, _parameters: Any) -> Answer:
        """An answer: a statement that runs until it is interrupted."""
        assert self.canceled.wait(30)
        self.canceled.clear()
        return QueryCanceled("canceling statement due to user request")

    # -- transactions

    def begin(self, *, isolation_level: str | None = None, read_only: Any = None, deferrable: Any = None) -> None:
        options = {"isolation_level": isolation_level, "read_only": read_only, "deferrable": deferrable}
        named = [f"{name}={value}" for name, value in options.items() if value is not None]
        self.log.append(" ".join(["begin", *named]))
        self._begin(isolation_level)

    def commit(self) -> str:
        self.log.append("commit")
        failed = self.state == "failed"
        self._commit()
        return "ROLLBACK" if failed else "COMMIT"

    def rollback(self) -> None:
        self.log.append("rollback")
        self._rollback()

    def _begin(self, level: str | None = None) -> None:
        assert self.state == "idle"
        self.state = "active"
        self.transaction_level = level or self.isolation_level

    def _commit(self) -> None:
        answer = self.answers.get("commit")
        self._rollback()
        if callable(answer):
            answer = answer()
        if isinstance(answer, BaseException):
            raise answer

    def _rollback(self) -> None:
        self.state = "idle"
        self.transaction_level = None

    def savepoint(self, name: str) -> None:
        self.log.append(f"savepoint {name}")

    def rollback_to(self, name: str) -> None:
        self.log.append(f"rollback to {name}")
        self.state = "active"

    def release(self, name: str) -> None:
        self.log.append(f"release {name}")

    def call(self, procedure: Callable[..., Any], *args: Any) -> Any:
        self.begin(isolation_level="serial")
        try:
            value = procedure(*args)
        except BaseException:
            self.rollback()
            raise
        self.commit()
        return value

    def interrupt(self) -> None:
        self.canceled.set()

    def close(self) -> None:
        self.log.append("close")
        self.state = "idle"
        self.closed = True


class FakeEngine:
    """Hands out fake sessions; `answers` are those of all of them."""

    def __init__(self, path: str = ":memory:", answers: dict[str, Answer] | None = None) -> None:
        self.path = path
        self.answers = answers or {}
        self.sessions: list[FakeSession] = []
        self.closed = False

    def session(self, **options: Any) -> FakeSession:
        made = FakeSession(self.answers, **options)
        self.sessions.append(made)
        return made

    def close(self) -> None:
        self.closed = True
