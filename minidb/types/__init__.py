"""Types and values: what a value of each SQL type is in Python, and how it is read, written, compared and converted.

The ground floor of the whole system: of minidb it imports the errors and what a JSON document is.

    sql_type, names         a type and its table; what SQL calls it
    text, ranges, numbers, numeric, words, arrays
                            strings, numbers and what their texts look like; the arithmetic of numeric
    clock, zones, moment, date_reader, dates, interval, interval_text
                            days, times and spans, and their many spellings
    input, output           from_text and to_text: each type's reader and writer in one table
    modifiers, conversions, casts
                            length and precision; what converts to what, where, and how
    python_values           what a driver's parameters are

    SQL type                              Python value
    smallint, integer, bigint             int
    real, double precision                float (real rounded to four bytes)
    numeric                               Decimal, exponent never above 0, NaN and infinities allowed
    text, varchar, char                   str (char without its trailing blanks: they are added on output)
    boolean                               bool
    bytea                                 bytes
    date, time, timestamp                 date, naive time, naive datetime
    timestamptz                           aware datetime, always in UTC
    interval                              Interval
    uuid                                  UUID
    json                                  str, as it was written
    jsonb                                 Jsonb: a str in normal form that compares as documents do
    jsonpath                              str, in normal form
    arrays                                tuple of values and None
    unknown                               str: a quoted literal or a driver's str whose type the context decides

Invariants:
 1. A value is always in its type's range: every way in (text, cast, driver parameter) checks it.
 2. NULL is None and never reaches a function of this package, except as an element of an array.
 3. numeric never has a positive exponent, so `str.format(value, "f")` shows exactly its scale.
 4. `from_text(type, to_text(type, value)) == value`.

What PostgreSQL has and this package has not: dates before year 1 and after 9999, 'infinity' as a date or timestamp, the
time 24:00:00, time zones other than UTC in casts (they are read, converted and gone).
"""

from __future__ import annotations

from minidb.types.casts import can_coerce, cast, cast_context, cast_function, common_type
from minidb.types.clock import midnight, time_from_microseconds, time_microseconds
from minidb.types.conversions import CastContext
from minidb.types.dates import parse_moment
from minidb.types.input import from_text
from minidb.types.interval import Interval, checked_interval, cut_interval, parse_interval
from minidb.types.moment import DAY_NAMES, MONTH_NAMES
from minidb.types.names import SERIAL_TYPES, type_from_name
from minidb.types.numbers import double_text, real_text
from minidb.types.numeric import (
    NUMERIC_NAN,
    arithmetic_error,
    canonical_numeric,
    divide_to_scale,
    division_scale,
    fit_numeric,
    numeric_add,
    numeric_compare,
    numeric_divide,
    numeric_modulo,
    numeric_multiply,
    numeric_round,
    numeric_scale,
    numeric_subtract,
    shift_point,
)
from minidb.types.output import to_text
from minidb.types.python_values import adapt, decoded, encoded, integer_type
from minidb.types.ranges import FLOAT_NAN, INTEGER_CHECKS, check_bigint, check_integer, round_to_real
from minidb.types.sql_type import (
    ANY,
    ANYARRAY,
    ANYELEMENT,
    ANYNONARRAY,
    BASE_TYPES,
    BIGINT,
    BOOLEAN,
    BYTEA,
    CHAR,
    DATE,
    DOUBLE,
    INTEGER,
    INTEGERS,
    INTERVAL,
    JSON,
    JSONB,
    JSONPATH,
    NUMERIC,
    REAL,
    RECORD,
    SMALLINT,
    TEXT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    UNKNOWN,
    UUID_TYPE,
    VARCHAR,
    VOID,
    Converter,
    SqlType,
    array_of,
)
from minidb.types.text import check_text
from minidb.types.words import boolean_text, bytes_from_hex
from minidb.types.zones import time_zone

__all__ = [
    "ANY",
    "ANYARRAY",
    "ANYELEMENT",
    "ANYNONARRAY",
    "BASE_TYPES",
    "BIGINT",
    "BOOLEAN",
    "BYTEA",
    "CHAR",
    "CastContext",
    "Converter",
    "DATE",
    "DAY_NAMES",
    "DOUBLE",
    "FLOAT_NAN",
    "INTEGER",
    "INTEGERS",
    "INTEGER_CHECKS",
    "INTERVAL",
    "Interval",
    "JSON",
    "JSONB",
    "JSONPATH",
    "MONTH_NAMES",
    "NUMERIC",
    "NUMERIC_NAN",
    "REAL",
    "RECORD",
    "SERIAL_TYPES",
    "SMALLINT",
    "SqlType",
    "TEXT",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMPTZ",
    "UNKNOWN",
    "UUID_TYPE",
    "VARCHAR",
    "VOID",
    "adapt",
    "arithmetic_error",
    "array_of",
    "boolean_text",
    "bytes_from_hex",
    "can_coerce",
    "canonical_numeric",
    "cast",
    "cast_context",
    "cast_function",
    "check_bigint",
    "check_integer",
    "check_text",
    "checked_interval",
    "common_type",
    "cut_interval",
    "decoded",
    "divide_to_scale",
    "division_scale",
    "double_text",
    "encoded",
    "fit_numeric",
    "from_text",
    "integer_type",
    "midnight",
    "numeric_add",
    "numeric_compare",
    "numeric_divide",
    "numeric_modulo",
    "numeric_multiply",
    "numeric_round",
    "numeric_scale",
    "numeric_subtract",
    "parse_interval",
    "parse_moment",
    "real_text",
    "round_to_real",
    "shift_point",
    "time_from_microseconds",
    "time_microseconds",
    "time_zone",
    "to_text",
    "type_from_name",
]
