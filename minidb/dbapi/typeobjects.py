"""PEP 249's type objects and constructors.

A column's type code in `Cursor.description` is the name of its SQL type (`'integer'`, `'numeric'`, ...). A type object
equals every code of its kind, so `cursor.description[0][1] == minidb.NUMBER` is the test that PEP 249 has in mind.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time


class TypeObject:
    """Equals the type codes that it stands for."""

    __slots__ = ("codes", "name")

    def __init__(self, name: str, *codes: str) -> None:
        self.name = name
        self.codes = frozenset(codes)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TypeObject):
            return self is other
        return other in self.codes if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"minidb.{self.name}"


STRING = TypeObject("STRING", "text", "varchar", "char", "unknown", "json", "jsonb", "jsonpath", "uuid")
BINARY = TypeObject("BINARY", "bytea")
NUMBER = TypeObject("NUMBER", "smallint", "integer", "bigint", "real", "double precision", "numeric", "boolean")
DATETIME = TypeObject("DATETIME", "date", "time", "timestamp", "timestamptz", "interval")
ROWID = TypeObject("ROWID")  # minidb shows no row ids; PEP 249 wants the name

Date = date
Time = time
Timestamp = datetime
Binary = bytes


def DateFromTicks(ticks: float) -> date:
    """The local date at `ticks` seconds after the epoch."""
    return date.fromtimestamp(ticks)


def TimeFromTicks(ticks: float) -> time:
    """The local time of day at `ticks` seconds after the epoch."""
    return datetime.fromtimestamp(ticks, UTC).astimezone().time()


def TimestampFromTicks(ticks: float) -> datetime:
    """The local date and time, without a zone, at `ticks` seconds after the epoch."""
    return datetime.fromtimestamp(ticks, UTC).astimezone().replace(tzinfo=None)
