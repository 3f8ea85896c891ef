"""Input: the value of a type that a text spells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from minidb import errors
from minidb.documents import check_json, read_jsonb
from minidb.types.arrays import array_items
from minidb.types.dates import read_date, read_time, read_timestamp, read_timestamptz
from minidb.types.interval import parse_interval
from minidb.types.modifiers import modifier_function
from minidb.types.numbers import integer_reader, read_double, read_numeric, read_real
from minidb.types.sql_type import SqlType, Value
from minidb.types.text import check_text, read_char
from minidb.types.words import read_boolean, read_bytea, read_uuid


def _read_path(text: str) -> str:
    from minidb.jsonpath.writing import normal_form  # 5 ms, and few statements have paths

    return normal_form(check_text(text))


READERS: dict[str, Callable[[str], Any]] = {
    "smallint": integer_reader("smallint"),
    "integer": integer_reader("integer"),
    "bigint": integer_reader("bigint"),
    "real": read_real,
    "double precision": read_double,
    "numeric": read_numeric,
    "text": check_text,
    "varchar": check_text,
    "char": read_char,
    "unknown": check_text,
    "boolean": read_boolean,
    "bytea": read_bytea,
    "date": read_date,
    "time": read_time,
    "timestamp": read_timestamp,
    "timestamptz": read_timestamptz,
    "interval": parse_interval,
    "uuid": read_uuid,
    "json": check_json,
    "jsonb": read_jsonb,
    "jsonpath": _read_path,
}
_MOMENT_READERS: dict[str, Callable[[str, datetime | None], Any]] = {
    "date": read_date,
    "time": read_time,
    "timestamp": read_timestamp,
    "timestamptz": read_timestamptz,
}


def from_text(target: SqlType, text: str, now: datetime | None = None) -> Value:
    """The value of type `target` that `text` spells: PostgreSQL's input function, modifiers checked as on assignment.

    `now` (aware) gives the words now, today, ... their meaning in dates. Raises 22P02, 22003, 22007, 22008, 22001.
    """
    if target.element is not None:
        return _read_array(target.element, text)
    if now is not None and target.name in _MOMENT_READERS:
        value = _MOMENT_READERS[target.name](text, now)
    else:
        reader = READERS.get(target.name)
        if reader is None:
            raise errors.NotSupportedError(f"cannot accept a value of type {target}")
        value = reader(text)
    modify = modifier_function(target, explicit=False)
    return modify(value) if modify else value


def _read_array(element: SqlType, text: str) -> tuple[Any, ...]:
    return tuple([None if item is None else from_text(element, item) for item in array_items(text)])
