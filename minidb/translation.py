"""Statements of a session that speaks another dialect: translated, then run as any other.

Most become one statement. CREATE TABLE of MySQL may become several (its indexes, its comments), which succeed or fail
together; and what asks only for what is always so (`PRAGMA foreign_keys = ON`) becomes none. Errors get the user's own
text, and a place in it where that can be found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from minidb import statements
from minidb.errors import Error
from minidb.results import Result
from minidb.sql import ast
from minidb.sql.dialects.places import place_in

if TYPE_CHECKING:
    from minidb.session import Parameters, Session
    from minidb.sql.dialects.translator import Translator


def translator_of(dialect: str) -> Translator:
    """Raises InvalidParameterValue for a dialect that nobody knows."""
    from minidb.sql.dialects.translator import Translator  # sqlglot takes a third of a second

    return Translator(dialect)


def is_own(dialect: str | None) -> bool:
    return dialect is None or dialect.strip().lower() in ("minidb", "postgres", "postgresql")


def execute(session: Session, sql: str, parameters: Parameters | None) -> Result:
    with speaking_own(session) as translator:
        found = texts(session, translator, sql, kind_of(parameters))
        if parameters and translator.counts_truth:
            parameters = counted(parameters)
        with in_words_of(sql, found):
            if len(found) == 1:
                return session.execute(found[0], parameters)
            return run_all(session, found, sql)


def execute_many(session: Session, sql: str, parameter_sets: Iterable[Parameters]) -> int:
    with speaking_own(session) as translator:
        sets = iter(parameter_sets)
        first = next(sets, None)
        if first is None:
            return 0
        found = texts(session, translator, sql, kind_of(first))
        count: Callable[[Any], Any] = counted if translator.counts_truth else lambda parameters: parameters

        def all_sets() -> Iterator[Parameters]:
            yield count(first)
            yield from map(count, sets)

        with in_words_of(sql, found):
            return session.execute_many(found[0], all_sets()) if found else 0


@contextmanager
def speaking_own(session: Session) -> Iterator[Translator]:
    """What is run meanwhile is not translated again."""
    translator = session.translator
    assert translator is not None
    session.translator = None
    try:
        yield translator
    finally:
        if session.translator is None:
            session.translator = translator


def texts(session: Session, translator: Translator, sql: str, given: str) -> tuple[str, ...]:
    session.check_open()
    try:
        return translator.translated(sql, given, session.catalog)
    except Error:
        if session.state == "active":
            session.statement_failed()
        raise


@contextmanager
def in_words_of(sql: str, translated: tuple[str, ...]) -> Iterator[None]:
    try:
        yield
    except Error as error:
        if error.statement is not None and error.statement != sql and error.statement in translated:
            error.position = place_in(sql, error.statement, error.position)
            error.statement = sql
        elif error.position is not None and error.statement is None and translated:
            error.position = place_in(sql, translated[0], error.position)
        raise


def run_all(session: Session, translated: tuple[str, ...], sql: str) -> Result:
    """Several definitions as one statement; what counts is the first of them, behind the DROP of an OR REPLACE."""
    if not translated:
        return Result(sql.split(None, 1)[0].upper().rstrip(";"))
    parsed = [session.parse(text) for text in translated]

    def run() -> Result:
        results = [statements.run_ddl(session, each, text) for each, text in zip(parsed, translated)]
        main = results[isinstance(parsed[0], ast.Drop) and len(results) > 1]
        main.notices = [notice for each in results for notice in each.notices]
        return main

    return session.within_transaction(run, sql)


def kind_of(parameters: Parameters | None) -> str:
    if not parameters:
        return "none"
    return "mapping" if isinstance(parameters, Mapping) else "sequence"


def counted(parameters: Any) -> Any:
    """True and False as 1 and 0, for databases in which they are."""
    if isinstance(parameters, Mapping):
        return {name: int(value) if type(value) is bool else value for name, value in parameters.items()}
    if isinstance(parameters, str | bytes):
        return parameters
    return tuple([int(value) if type(value) is bool else value for value in parameters])
