"""nextval and its kin. They name a sequence by a text, as `regclass` does: `'s'`, `'public.s'`, `'"My Sequence"'`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from minidb import errors
from minidb.sql.functions.registry import Function, FunctionContext
from minidb.types import BIGINT, BOOLEAN, TEXT


@lru_cache(maxsize=1024)
def name_parts(text: str) -> tuple[str, ...]:
    """The parts of a name as it is written in SQL: folded to lower case unless quoted. Raises 42602."""
    parts: list[str] = []
    place = 0
    while True:
        place = _skip(text, place)
        if text[place : place + 1] == '"':
            part, place = _quoted(text, place + 1)
        else:
            end = place
            while end < len(text) and not text[end].isspace() and text[end] != ".":
                end += 1
            part, place = text[place:end].lower(), end
        if not part:
            raise errors.ProgrammingError("invalid name syntax", sqlstate="42602")
        parts.append(part)
        place = _skip(text, place)
        if place == len(text):
            return tuple(parts)
        if text[place] != ".":
            raise errors.ProgrammingError("invalid name syntax", sqlstate="42602")
        place += 1


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place


def _quoted(text: str, place: int) -> tuple[str, int]:
    """A part in double quotes, and the place behind it."""
    part = ""
    while True:
        end = text.find('"', place)
        if end < 0:
            raise errors.ProgrammingError("invalid name syntax", sqlstate="42602")
        part += text[place:end]
        if text[end + 1 : end + 2] != '"':
            return part, end + 1
        part, place = part + '"', end + 2


def nextval(context: FunctionContext, name: str) -> int:
    return context.next_value(name_parts(name))


def currval(context: FunctionContext, name: str) -> int:
    return context.current_value(name_parts(name))


def lastval(context: FunctionContext) -> int:
    return context.latest_value()


def setval(context: FunctionContext, name: str, value: int, called: bool = True) -> int:
    return context.set_value(name_parts(name), value, called)


def serial_sequence(context: FunctionContext, table: str, column: str) -> str | None:
    """pg_get_serial_sequence: the table's name is written as in SQL, the column's as it is."""
    return context.serial_sequence(name_parts(table), column)


def functions() -> Iterator[Function]:
    """All functions of this module."""
    asks = {"volatility": "volatile", "needs_context": True}
    yield Function("nextval", (TEXT,), BIGINT, nextval, changes=True, **asks)  # type: ignore[arg-type]
    yield Function("setval", (TEXT, BIGINT), BIGINT, setval, changes=True, **asks)  # type: ignore[arg-type]
    yield Function("setval", (TEXT, BIGINT, BOOLEAN), BIGINT, setval, changes=True, **asks)  # type: ignore[arg-type]
    yield Function("currval", (TEXT,), BIGINT, currval, volatility="volatile", needs_context=True)
    yield Function("lastval", (), BIGINT, lastval, volatility="volatile", needs_context=True)
    yield Function(
        "pg_get_serial_sequence", (TEXT, TEXT), TEXT, serial_sequence, volatility="stable", needs_context=True
    )
