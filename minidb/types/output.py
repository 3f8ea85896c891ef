"""Output: the text of a value, as psql shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from minidb.types.arrays import array_text, record_text
from minidb.types.dates import date_text, time_text, timestamp_text, timestamptz_text
from minidb.types.interval import interval_text
from minidb.types.numbers import double_text, numeric_text, real_text
from minidb.types.sql_type import SqlType, Value
from minidb.types.words import bytea_text


def to_text(source: SqlType, value: Value) -> str:
    """How psql shows `value`, which is not None."""
    if source.element is not None:
        return _array_text(source.element, value)
    if source.fields is not None:
        return _record_text(value, source.fields)
    writer = _WRITERS.get(source.name)
    if writer is not None:
        return writer(value)
    text: str = value
    return text.ljust(source.length) if source.name == "char" and source.length else text


def _array_text(element: SqlType, values: Iterable[Any]) -> str:
    return array_text([None if value is None else to_text(element, value) for value in values])


def _record_text(values: Sequence[Any], fields: tuple[tuple[str, SqlType], ...]) -> str:
    return record_text([None if value is None else to_text(kind, value) for (_, kind), value in zip(fields, values)])


def _plain_record_text(values: Sequence[Any]) -> str:
    """Of a record whose columns nobody knows: each value is of the type that it would have as a parameter."""
    from minidb.types.python_values import adapt  # which knows casts, and those know this module

    return record_text([None if value is None else to_text(adapt(value)[0], value) for value in values])


_WRITERS: dict[str, Callable[[Any], str]] = {
    "smallint": str,
    "integer": str,
    "bigint": str,
    "real": real_text,
    "double precision": double_text,
    "numeric": numeric_text,
    "boolean": lambda value: "t" if value else "f",
    "bytea": bytea_text,
    "date": date_text,
    "time": time_text,
    "timestamp": timestamp_text,
    "timestamptz": timestamptz_text,
    "interval": interval_text,
    "uuid": str,
    "record": _plain_record_text,
    "void": lambda value: "",
}
