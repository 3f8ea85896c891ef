"""to_char, to_date, to_timestamp and to_number: values by template, as in PostgreSQL.

A template is a row of patterns (`YYYY`, `HH24`, `9`, `D` ...) and literal text between them; text in double quotes is
literal. How dates are written is in `moment_format`, how they are read in `moment_input`; `number_format` and
`number_input` do the same for numbers. They are imported when the first template is met: few sessions have any.

Not there: names of months and days in other languages, the SP mode (numbers in words).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from typing import Any

from minidb.sql.functions.registry import Function, FunctionContext
from minidb.types import (
    BIGINT,
    DATE,
    DOUBLE,
    INTEGER,
    INTERVAL,
    NUMERIC,
    REAL,
    TEXT,
    TIMESTAMP,
    TIMESTAMPTZ,
    Interval,
)
from minidb.zoned import moment, zone_of


@cache
def _written_moment() -> Callable[[datetime, str], str]:
    from minidb.sql.functions.moment_format import format_moment

    return format_moment


@cache
def _written_interval() -> Callable[[Interval, str], str]:
    from minidb.sql.functions.moment_format import format_interval

    return format_interval


@cache
def _written_number() -> Callable[[Any, str, int], str]:
    from minidb.sql.functions.number_format import format_number

    return format_number


@cache
def _read_moment() -> Callable[[str, str], tuple[datetime, timedelta | None]]:
    from minidb.sql.functions.moment_input import read_moment

    return read_moment


@cache
def _read_number() -> Callable[[str, str], Decimal]:
    from minidb.sql.functions.number_input import to_number

    return to_number


def format_moment(value: datetime, template: str) -> str:
    return _written_moment()(value, template)


def format_interval(value: Interval, template: str) -> str:
    return _written_interval()(value, template)


def format_number(value: Any, template: str) -> str:
    """A double has 15 digits to show."""
    return _written_number()(value, template, 15)


def format_real(value: float, template: str) -> str:
    return _written_number()(value, template, 6)


def to_number(text: str, template: str) -> Decimal:
    return _read_number()(text, template)


def to_date(text: str, template: str) -> date:
    return _read_moment()(text, template)[0].date()


def to_timestamp(context: FunctionContext, text: str, template: str) -> datetime:
    """The moment that the text spells, in the zone that it names or in the session's."""
    wall, offset = _read_moment()(text, template)
    return moment(wall, zone_of(context.time_zone) if offset is None else timezone(offset))


def functions() -> Iterator[Function]:
    """All functions of this module."""
    for kind in (TIMESTAMP, TIMESTAMPTZ):
        yield Function("to_char", (kind, TEXT), TEXT, format_moment, volatility="stable")
    yield Function("to_char", (INTERVAL, TEXT), TEXT, format_interval, volatility="stable")
    for kind in (INTEGER, BIGINT, NUMERIC, REAL, DOUBLE):
        call = format_real if kind is REAL else format_number
        yield Function("to_char", (kind, TEXT), TEXT, call, volatility="stable")
    yield Function("to_number", (TEXT, TEXT), NUMERIC, to_number, volatility="stable")
    yield Function("to_date", (TEXT, TEXT), DATE, to_date, volatility="stable")
    yield Function("to_timestamp", (TEXT, TEXT), TIMESTAMPTZ, to_timestamp, volatility="stable", needs_context=True)
