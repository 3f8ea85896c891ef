"""The type of an imported column: what was declared, as far as the values agree; else what holds them all.

A `Guess` sees every value. Types are tried from the narrowest on; each is given up at the first value that it does not
read. SQLite declares types and keeps anything; CSV declares nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from minidb.errors import Error
from minidb.types import (
    BIGINT,
    BOOLEAN,
    BYTEA,
    DATE,
    DOUBLE,
    INTEGER,
    JSONB,
    NUMERIC,
    TEXT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    UUID_TYPE,
    SqlType,
    from_text,
)

_WHOLE = re.compile(r"-?(?:0|[1-9]\d{0,17})\Z")  # 007 is no number: its zeros mean something
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?\Z")
_FLOAT = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?\Z")
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z")
_TIME = re.compile(r"\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?\Z")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?\Z")
_ZONED = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[-+]\d\d(?::?\d\d)?)\Z")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_TRUTH = re.compile(r"(?:true|false|t|f)\Z", re.IGNORECASE)
FORMS: tuple[tuple[SqlType, re.Pattern[str]], ...] = (
    (BOOLEAN, _TRUTH), (INTEGER, _WHOLE), (BIGINT, _WHOLE), (NUMERIC, _NUMBER), (DOUBLE, _FLOAT), (DATE, _DATE),
    (TIME, _TIME), (TIMESTAMP, _STAMP), (TIMESTAMPTZ, _ZONED), (UUID_TYPE, _UUID),
)


def reads(kind: SqlType, text: str) -> bool:
    try:
        from_text(kind, text)
    except Error:
        return False
    return True


class TextGuess:
    """The type of a column of texts: the first of FORMS that reads all of them."""

    def __init__(self) -> None:
        self.left: list[tuple[SqlType, re.Pattern[str]]] = list(FORMS)
        self.seen = False

    def add(self, texts: Sequence[str | None]) -> None:
        for text in set(texts):
            if text is not None and self.left:
                self.seen = True
                self.left = [form for form in self.left if form[1].match(text) and reads(form[0], text)]

    @property
    def kind(self) -> SqlType:
        return self.left[0][0] if self.left and self.seen else TEXT


class Values(msgspec.Struct):
    """What kinds of values a column of SQLite holds."""

    storage: frozenset[str]  # of typeof()
    binary: bool = False  # zero characters, which text cannot hold here


DECLARED: tuple[tuple[tuple[str, ...], SqlType], ...] = (
    (("BOOL",), BOOLEAN), (("INT",), BIGINT), (("UUID", "GUID"), UUID_TYPE), (("JSON",), JSONB),
    (("CHAR", "CLOB", "TEXT", "STRING"), TEXT), (("BLOB", "BINARY"), BYTEA), (("REAL", "FLOA", "DOUB"), DOUBLE),
    (("TIMESTAMPTZ",), TIMESTAMPTZ), (("DATETIME", "TIMESTAMP"), TIMESTAMP), (("DATE",), DATE), (("TIME",), TIME),
    (("NUM", "DEC", "MONEY"), NUMERIC),
)


def declared_type(words: str) -> SqlType | None:
    upper = words.upper()
    return next((kind for parts, kind in DECLARED if any(part in upper for part in parts)), None)


def column_type(declared: str, values: Values, distinct: Callable[[], Sequence[Any]]) -> SqlType:
    """`distinct` gives the values that are there, once each; it is asked only if the storage leaves a choice."""
    kind = declared_type(declared)
    storage = values.storage - {"null"}
    if values.binary or storage == {"blob"}:
        return BYTEA
    if not storage:
        return kind or TEXT
    if storage == {"integer"}:
        return _of_whole(kind, distinct)
    if storage <= {"integer", "real"}:
        return NUMERIC if kind == NUMERIC and all(value - value == 0 for value in distinct()) else DOUBLE
    if storage == {"text"} and kind is not None and kind not in (TEXT, BYTEA):
        return kind if all(reads(kind, value) for value in distinct()) else TEXT
    return TEXT


def _of_whole(kind: SqlType | None, distinct: Callable[[], Sequence[Any]]) -> SqlType:
    if kind == BOOLEAN and set(distinct()) <= {0, 1}:
        return BOOLEAN
    return kind if kind in (NUMERIC, DOUBLE) and all(abs(value) < 1 << 53 for value in distinct()) else BIGINT


def converter(kind: SqlType) -> Callable[[Any], Any]:
    """Values of SQLite as parameters for a column of this type."""
    if kind == BOOLEAN:
        return lambda value: value if value is None or isinstance(value, str) else bool(value)
    if kind == NUMERIC:
        return lambda value: Decimal(repr(value)) if isinstance(value, float) else value
    if kind == BYTEA:
        return lambda value: value.encode("utf-8", "surrogateescape") if isinstance(value, str) else _as_bytes(value)
    if kind == TEXT:
        return _as_text
    return lambda value: float(value) if kind == DOUBLE and isinstance(value, int) else value


def _as_bytes(value: Any) -> Any:
    return value if value is None or isinstance(value, bytes) else str(value).encode()


def _as_text(value: Any) -> Any:
    """As SQLite's CAST to text; bytes in it are taken as characters if they are such."""
    if value is None or isinstance(value, str):
        return value
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
