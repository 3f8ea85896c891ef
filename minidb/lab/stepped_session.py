"""A session that asks for its turn before it does anything: what lies below the connection that a function gets.

Whatever touches the database is a `Call`, and goes through `make`; everything else passes through. `call`, a procedure,
is taken apart into its transaction and the calls in it. Where the level of a session is given, it stands above what the
function says of levels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from msgspec import Struct

from minidb.errors import Error
from minidb.isolation import IsolationLevel
from minidb.lab.levels import SQL_NAMES, at_level
from minidb.lab.run import Answer
from minidb.session import Session

LONGEST_PARAMETERS = 80
MANNER = ("autocommit", "level", "default_read_only", "default_deferrable", "settings")


class Call(Struct, frozen=True):
    """A method of the session that was called. `manner`: the settings that it was called with. `text`: in words."""

    verb: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    manner: dict[str, Any]
    text: str

    @property
    def key(self) -> str:
        """Equal for calls that do the same."""
        return f"{self.verb} {self.arguments!r} {self.options!r} {self.manner!r}"

    def apply_manner(self, session: Session) -> None:
        for name, value in self.manner.items():
            setattr(session, name, dict(value) if isinstance(value, dict) else value)


class Maker(Protocol):
    """Who decides when a call is made, and makes it."""

    def make(self, call: Call) -> Any: ...


class SteppedSession:
    """See the module. `level`: None, or what all transactions run at."""

    def __init__(self, maker: Maker, inner: Session, level: IsolationLevel | None) -> None:
        put = object.__setattr__
        put(self, "maker", maker)
        put(self, "inner", inner)
        put(self, "fixed", level)

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "isolation_level" or self.fixed is None:
            setattr(self.inner, name, value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def make(self, verb: str, text: str, *arguments: Any, **options: Any) -> Any:
        inner: Session = self.inner
        manner = {name: copied(getattr(inner, name)) for name in MANNER}
        return self.maker.make(Call(verb, arguments, options, manner, text))

    # -- statements

    def execute(self, sql: str, parameters: Any = None) -> Any:
        sql = self.levelled(sql)
        return self.make("execute", f"{sql}{parameters_text(parameters)}", sql, copied(parameters))

    def execute_many(self, sql: str, parameter_sets: Iterable[Any]) -> Any:
        sets = [copied(parameters) for parameters in parameter_sets]
        return self.make("execute_many", f"{sql}{parameters_text(sets)}", sql, sets)

    def levelled(self, sql: str) -> str:
        return sql if self.fixed is None or "isolation" not in sql.lower() else at_level(sql, SQL_NAMES[self.fixed])

    # -- transactions

    def begin(self, *, isolation_level: str | None = None, **options: Any) -> None:
        level = isolation_level if self.fixed is None else None
        options["isolation_level"] = level
        words = f" ISOLATION LEVEL {SQL_NAMES[IsolationLevel.parse(level)]}" if level else ""
        self.make("begin", f"BEGIN{words}{' READ ONLY' if options.get('read_only') else ''}", **options)

    def commit(self) -> Any:
        return self.make("commit", "COMMIT")

    def rollback(self) -> None:
        self.make("rollback", "ROLLBACK")

    def savepoint(self, name: str) -> None:
        self.make("savepoint", f"SAVEPOINT {name}", name)

    def rollback_to(self, name: str) -> None:
        self.make("rollback_to", f"ROLLBACK TO SAVEPOINT {name}", name)

    def release(self, name: str) -> None:
        self.make("release", f"RELEASE SAVEPOINT {name}", name)

    def call(self, procedure: Callable[..., Any], *arguments: Any) -> Any:
        """A procedure runs at SERIAL, whatever the session's level is."""
        self.make("begin", "BEGIN ISOLATION LEVEL SERIALIZABLE SERIAL", isolation_level=IsolationLevel.SERIAL)
        try:
            value = procedure(*arguments)
        except Exception:
            self.rollback()
            raise
        self.commit()
        return value


def copied(value: Any) -> Any:
    """What its owner may change later."""
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, list) else value


def parameters_text(parameters: Any) -> str:
    """What stands behind a statement. Cut: it is for people."""
    if not parameters:
        return ""
    if isinstance(parameters, Mapping):
        text = ", ".join(f"{name} = {value!r}" for name, value in parameters.items())
    else:
        text = ", ".join(map(repr, parameters))
    return f"  [{text if len(text) <= LONGEST_PARAMETERS else text[: LONGEST_PARAMETERS - 3] + '...'}]"


# -- what comes of a call


def fetched(result: Any) -> Any:
    """A result whose rows are all there: fetching them later would be a step of its own that nobody has asked for."""
    if getattr(result, "stream", None) is not None:
        result.rows = [row for batch in result.fetch_batches() for row in batch]
        result.stream = None
    return result


def answer_of_call(outcome: Any) -> Answer:
    """What a method of the session returned or raised, as far as it is data."""
    if isinstance(outcome, Error):
        return Answer(error=outcome)
    columns = getattr(outcome, "columns", None)
    if columns is None:
        return Answer(str(getattr(outcome, "tag", "")))
    names, types = zip(*columns) if columns else ((), ())
    return Answer(outcome.tag, names, tuple(map(str, types)), tuple(outcome.rows))


def all_that_it_tells(outcome: Any) -> str:
    """Everything that a function can learn from the outcome of a call."""
    if isinstance(outcome, Error):
        return f"{outcome.sqlstate} {outcome}"
    columns = getattr(outcome, "columns", None)
    if columns is None:
        return f"{getattr(outcome, 'tag', outcome)} {getattr(outcome, 'rowcount', '')}"
    return f"{columns!r} {outcome.rows!r}"


__all__ = ["Call", "SteppedSession", "all_that_it_tells", "answer_of_call", "fetched"]
