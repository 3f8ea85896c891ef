"""A database with one of everything that a dump must carry, and checksums that other databases can repeat."""

from __future__ import annotations

import datetime
import hashlib
import struct
from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

import minidb

SCHEMA = """
CREATE SEQUENCE free START 5 INCREMENT 3;
CREATE TABLE parent (
    id int GENERATED ALWAYS AS IDENTITY (START WITH 10), name text NOT NULL UNIQUE,
    "Mixed Case" varchar(10) DEFAULT 'it''s', CONSTRAINT pk PRIMARY KEY (id), CHECK (length(name) > 0));
CREATE TABLE clustered (a int, b varchar(20), n numeric(10,2), PRIMARY KEY CLUSTERED (a, b));
CREATE TABLE child (
    id serial PRIMARY KEY, parent int REFERENCES parent (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    twice int GENERATED ALWAYS AS (parent * 2) STORED, boss int REFERENCES child (id), x int NOT NULL DEFAULT 5);
CREATE TABLE circle_a (id int PRIMARY KEY, b int);
CREATE TABLE circle_b (id int PRIMARY KEY, a int REFERENCES circle_a (id));
ALTER TABLE circle_a ADD CONSTRAINT circle FOREIGN KEY (b) REFERENCES circle_b (id);
CREATE TABLE kinds (
    id int PRIMARY KEY, s smallint, l bigint, r real, d double precision, n numeric, np numeric(12,3), t text,
    v varchar(20), c char(5), o boolean, b bytea, da date, ti time, ts timestamp, tz timestamptz, iv interval, u uuid,
    j json, jb jsonb, ar int[], ta text[]);
CREATE UNIQUE INDEX part ON child (parent) WHERE x > 5;
CREATE INDEX expr ON parent (lower(name) DESC NULLS LAST, id);
CREATE INDEX inc ON child (x) INCLUDE (boss);
CREATE VIEW upper_floor AS SELECT id, name FROM parent WHERE id > 5 WITH LOCAL CHECK OPTION;
ALTER VIEW upper_floor ALTER name SET DEFAULT 'nobody';
CREATE VIEW ground_floor AS SELECT count(*) AS n FROM upper_floor;
CREATE MATERIALIZED VIEW summary AS SELECT x, count(*) AS c FROM child GROUP BY x;
CREATE INDEX of_summary ON summary (x);
COMMENT ON TABLE parent IS 'the parent''s';
COMMENT ON COLUMN parent.name IS 'their name';
COMMENT ON INDEX expr IS 'an index';
COMMENT ON VIEW upper_floor IS 'a view';
INSERT INTO parent (name) VALUES ('one'), ('two'), ('drei''s \\ "q"');
INSERT INTO child (parent, x) VALUES (10, 6), (11, 7), (NULL, 1);
UPDATE child SET boss = 1;
INSERT INTO clustered VALUES (1, 'x', 1.5), (1, 'y', 2);
INSERT INTO circle_a VALUES (1, NULL); INSERT INTO circle_b VALUES (1, 1); UPDATE circle_a SET b = 1;
SELECT nextval('free');
"""
TABLES = ("parent", "clustered", "child", "circle_a", "circle_b", "kinds")
UTC = datetime.UTC
LAST = datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)
TEXT = "a\nb\\'\"\u2028\r\x85\t;é\U0001f600--/*"
KINDS: list[tuple[Any, ...]] = [
    (1, -32768, -(2**63), 1.1, 0.1 + 0.2, Decimal("12345678901234567890.123456789"), Decimal("-999999999.999"), TEXT,
     "v'", "ab", True, bytes(range(256)), datetime.date(1, 1, 1), datetime.time(23, 59, 59, 999999), LAST,
     datetime.datetime(2020, 1, 1, tzinfo=UTC), minidb.Interval(14, -3, -1000001), UUID(int=5), '{"a" : 1.0}',
     '{"a":[1,null,"x"]}', [1, None, 3], ["a,b", 'q"', "NULL", None, ""]),
    (2, 0, 0, 0.5, -1e300, Decimal("1.1"), Decimal(0), "", "", "", False, b"", datetime.date(9999, 12, 31),
     datetime.time(0), datetime.datetime(1900, 2, 28), datetime.datetime(1970, 1, 1, tzinfo=UTC),
     minidb.Interval(0, 0, 0), UUID(int=2**128 - 1), "null", '"x"', "{}", "{}"),
    (3, *[None] * 21),
    (4, 32767, 2**63 - 1, 3.4e38, 5e-324, Decimal("1e-12"), Decimal("0.001"), "NULL", "1", "abcde", None, b"\\'",
     *[None] * 10),
]
SPECIAL: list[tuple[Any, ...]] = [
    (5, 1, 1, float("nan"), float("inf"), Decimal("NaN"), *[None] * 16),
    (6, 1, 1, float("-inf"), -0.0, Decimal("Infinity"), *[None] * 16),
]


def fill(connection: minidb.Connection, *, special: bool = True) -> None:
    connection.executescript(SCHEMA)
    rows = KINDS + SPECIAL if special else KINDS
    connection.executemany(f"INSERT INTO kinds VALUES ({', '.join('?' * 22)})", rows)
    connection.commit()


def columns_of(connection: minidb.Connection, table: str) -> list[tuple[str, str]]:
    """Names and types."""
    description = connection.execute(f"SELECT * FROM {table} LIMIT 0").description
    assert description is not None
    return [(str(each[0]), str(each[1])) for each in description]


def checksum(rows: Iterable[Iterable[Any]], kinds: list[str]) -> str:
    """Of rows in any order: each value in one form, whatever the driver has made of it."""
    lines = sorted("|".join(plain(value, kind) for value, kind in zip(row, kinds)) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def plain(value: Any, kind: str) -> str:
    """A value as text, so that what is the same is written the same."""
    if value is None:
        return "\\N"
    if kind == "real":
        value = struct.unpack("f", struct.pack("f", float(value)))[0]
    if kind in ("real", "double precision"):
        return repr(float(value) + 0.0)
    if kind == "numeric":
        number = Decimal(repr(value) if isinstance(value, float) else str(value))
        return str(number) if not number.is_finite() else format(number.normalize() + 0, "f")
    if kind == "boolean":
        return str(int(value))
    if kind == "bytea":
        return bytes(value).hex()
    if kind == "char":
        return str(value).rstrip(" ")
    if kind == "interval":
        return interval(value)
    if kind == "array":
        return array(value)
    if kind == "timestamptz" and isinstance(value, datetime.datetime):
        return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC).replace(tzinfo=None).isoformat(" ")
    return value.isoformat(" ") if isinstance(value, datetime.datetime) else clock(value)


def clock(value: Any) -> str:
    if isinstance(value, datetime.timedelta):  # how PyMySQL gives a time
        return (datetime.datetime.min + value).time().isoformat()
    text = value.isoformat() if isinstance(value, datetime.date | datetime.time) else str(value)
    return text.removesuffix("+00:00").removesuffix("+00")


def interval(value: Any) -> str:
    """A driver's timedelta counts a month as 30 days: then months are compared as such, too."""
    if isinstance(value, str):
        from minidb.types import parse_interval

        value = parse_interval(value)
    if isinstance(value, minidb.Interval):
        value = datetime.timedelta(days=value.months * 30 + value.days, microseconds=value.microseconds)
    return str(value)


def array(value: Any) -> str:
    if isinstance(value, str):
        from minidb.types import INTEGER, TEXT, array_of, from_text

        kind = INTEGER if value.strip("{}").replace(",", "").replace("NULL", "").isdigit() else TEXT
        value = from_text(array_of(kind), value)
    return repr(list(value))
