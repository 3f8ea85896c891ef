"""A type, and the table of all types: their names, categories and Python classes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from minidb.documents import Jsonb
from minidb.types.interval import Interval

Value = Any  # a Python value as in the table of the package; never None
Converter = Callable[[Any], Any]


class SqlType(msgspec.Struct, frozen=True):
    """A type with its modifiers. Two types are equal if name and modifiers are; `base` drops the modifiers."""

    name: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    element: SqlType | None = None
    fields: tuple[tuple[str, SqlType], ...] | None = None  # of a record whose columns are known

    def __str__(self) -> str:
        if self.element is not None:
            return f"{self.element}[]"
        shown = _DISPLAY_NAMES.get(self.name, self.name)
        if self.length is not None:
            return f"{shown}({self.length})"
        if self.precision is None:
            return shown
        if self.scale is not None:
            return f"{shown}({self.precision},{self.scale})"
        first, _, rest = shown.partition(" ")
        return f"{first}({self.precision}) {rest}".rstrip()

    @property
    def base(self) -> SqlType:
        """The same type without length, precision and scale."""
        if self.element is not None:
            return SqlType("array", element=self.element if self.element.fields else self.element.base)
        return BASE_TYPES[self.name]

    @property
    def category(self) -> str:
        """PostgreSQL's category: N number, S string, B boolean, D date, T interval, A array, X unknown, U other."""
        return _CATEGORIES.get(self.name, "U")

    @property
    def preferred(self) -> bool:
        """Whether overload resolution prefers this type within its category."""
        return self.name in _PREFERRED

    @property
    def python_type(self) -> Any:
        """What msgspec decodes a stored value to. An Interval is stored as its array [months, days, microseconds]."""
        if self.element is not None:
            element: Any = self.element.python_type
            return tuple[element | None, ...]
        return _PYTHON_TYPES[self.name]

    @property
    def description_code(self) -> str:
        """The PEP 249 type object that a column of this type equals: STRING, BINARY, NUMBER or DATETIME."""
        return {"N": "NUMBER", "B": "NUMBER", "D": "DATETIME", "T": "DATETIME"}.get(
            self.category, "BINARY" if self.name == "bytea" else "STRING"
        )


_DISPLAY_NAMES = {
    "varchar": "character varying",
    "char": "character",
    "time": "time without time zone",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
}
_CATEGORIES = {
    "smallint": "N",
    "integer": "N",
    "bigint": "N",
    "real": "N",
    "double precision": "N",
    "numeric": "N",
    "text": "S",
    "varchar": "S",
    "char": "S",
    "boolean": "B",
    "date": "D",
    "time": "D",
    "timestamp": "D",
    "timestamptz": "D",
    "interval": "T",
    "array": "A",
    "unknown": "X",
    "record": "P",
    "void": "P",
    "any": "P",
    "anyelement": "P",
    "anyarray": "P",
    "anynonarray": "P",
}
_PREFERRED = frozenset({"text", "double precision", "boolean", "timestamptz", "interval"})
_PYTHON_TYPES: dict[str, Any] = {
    "smallint": int,
    "integer": int,
    "bigint": int,
    "real": float,
    "double precision": float,
    "numeric": Decimal,
    "text": str,
    "varchar": str,
    "char": str,
    "unknown": str,
    "boolean": bool,
    "bytea": bytes,
    "date": date,
    "time": time,
    "timestamp": datetime,
    "timestamptz": datetime,
    "interval": Interval,
    "uuid": UUID,
    "json": str,
    "jsonb": Jsonb,
    "jsonpath": str,
    "record": tuple,
    "void": None,
}


SMALLINT = SqlType("smallint")
INTEGER = SqlType("integer")
BIGINT = SqlType("bigint")
REAL = SqlType("real")
DOUBLE = SqlType("double precision")
NUMERIC = SqlType("numeric")
TEXT = SqlType("text")
VARCHAR = SqlType("varchar")
CHAR = SqlType("char")
BOOLEAN = SqlType("boolean")
BYTEA = SqlType("bytea")
DATE = SqlType("date")
TIME = SqlType("time")
TIMESTAMP = SqlType("timestamp")
TIMESTAMPTZ = SqlType("timestamptz")
INTERVAL = SqlType("interval")
UUID_TYPE = SqlType("uuid")
JSON = SqlType("json")
JSONB = SqlType("jsonb")
JSONPATH = SqlType("jsonpath")
UNKNOWN = SqlType("unknown")
RECORD = SqlType("record")
VOID = SqlType("void")
ANY = SqlType("any")
ANYELEMENT = SqlType("anyelement")
ANYARRAY = SqlType("anyarray")
ANYNONARRAY = SqlType("anynonarray")

INTEGERS = (SMALLINT, INTEGER, BIGINT)
STRINGS = (TEXT, VARCHAR, CHAR)
BASE_TYPES: dict[str, SqlType] = {
    t.name: t
    for t in (
        *INTEGERS,
        REAL,
        DOUBLE,
        NUMERIC,
        *STRINGS,
        BOOLEAN,
        BYTEA,
        DATE,
        TIME,
        TIMESTAMP,
        TIMESTAMPTZ,
        INTERVAL,
        UUID_TYPE,
        JSON,
        JSONB,
        JSONPATH,
        UNKNOWN,
        RECORD,
        VOID,
        ANY,
        ANYELEMENT,
        ANYARRAY,
        ANYNONARRAY,
    )
}


def array_of(element: SqlType) -> SqlType:
    """The one-dimensional array type over `element` (an array over an array is the same array type)."""
    return element if element.element is not None else SqlType("array", element=element)
