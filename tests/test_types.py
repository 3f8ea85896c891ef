"""Types and values: names, round trips, ranges, coercions, driver parameters, intervals.

What each input function takes and says is in tests/sql/functions_casts.golden; here are the properties and the rules.
"""

from __future__ import annotations

import math
import struct
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidb
from minidb import errors, types
from minidb.types import (
    BIGINT,
    BOOLEAN,
    BYTEA,
    CHAR,
    DATE,
    DOUBLE,
    INTEGER,
    INTERVAL,
    NUMERIC,
    REAL,
    SMALLINT,
    TEXT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    UNKNOWN,
    UUID_TYPE,
    VARCHAR,
    Interval,
    SqlType,
    adapt,
    array_of,
    can_coerce,
    cast,
    cast_function,
    common_type,
    from_text,
    to_text,
    type_from_name,
)

# -- names ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "modifiers", "shown"),
    [
        ("int", (), "integer"),
        ("INT8", (), "bigint"),
        ("int2", (), "smallint"),
        ("float", (), "double precision"),
        ("float", (24,), "real"),
        ("float", (25,), "double precision"),
        ("float4", (), "real"),
        ("decimal", (12, 2), "numeric(12,2)"),
        ("dec", (5,), "numeric(5,0)"),
        ("numeric", (), "numeric"),
        ("character varying", (10,), "character varying(10)"),
        ("varchar", (), "character varying"),
        ("char", (), "character(1)"),
        ("bpchar", (), "character"),
        ("character", (5,), "character(5)"),
        ("bool", (), "boolean"),
        ("timestamp", (), "timestamp without time zone"),
        ("timestamp with time zone", (3,), "timestamp(3) with time zone"),
        ("timestamptz", (), "timestamp with time zone"),
        ("time", (0,), "time(0) without time zone"),
        ("interval", (2,), "interval(2)"),
        ("int[]", (), "integer[]"),
        ("varchar[]", (3,), "character varying(3)[]"),
        ("double  precision", (), "double precision"),
    ],
)
def test_names(name: str, modifiers: tuple[int, ...], shown: str) -> None:
    assert str(type_from_name(name, modifiers)) == shown


@pytest.mark.parametrize(
    ("name", "modifiers", "sqlstate"),
    [
        ("strnig", (), "42704"),
        ("unknown", (), "42704"),
        ("any", (), "42704"),
        ("array", (), "42704"),
        ("varchar", (0,), "22023"),
        ("varchar", (20_000_000,), "22023"),
        ("numeric", (0,), "22023"),
        ("numeric", (1001,), "22023"),
        ("numeric", (1, 2, 3), "22023"),
        ("float", (54,), "22023"),
        ("integer", (5,), "42601"),
    ],
)
def test_wrong_names(name: str, modifiers: tuple[int, ...], sqlstate: str) -> None:
    with pytest.raises((errors.ProgrammingError, errors.DataError)) as caught:
        type_from_name(name, modifiers, at=7)
    assert (caught.value.sqlstate, caught.value.position) == (sqlstate, 7)


def test_base_drops_modifiers() -> None:
    assert type_from_name("numeric", (12, 2)).base is NUMERIC
    assert array_of(SqlType("varchar", length=3)).base == array_of(VARCHAR)
    assert array_of(array_of(INTEGER)) == array_of(INTEGER)


def test_description_codes() -> None:
    codes = {kind: kind.description_code for kind in (INTEGER, NUMERIC, TEXT, BYTEA, DATE, INTERVAL, BOOLEAN)}
    assert list(codes.values()) == ["NUMBER", "NUMBER", "STRING", "BINARY", "DATETIME", "DATETIME", "NUMBER"]


def test_nothing_heavy_is_imported() -> None:
    heavy = ("dataclasses", "zoneinfo", "difflib", "hashlib", "calendar", "random")
    bare = (
        f"import sys, types; m = sys.modules['minidb'] = types.ModuleType('minidb'); m.__path__ = {minidb.__path__!r}"
    )
    code = f"{bare}; import minidb.types; print([m for m in {heavy!r} if m in sys.modules])"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"


# -- values of each type ----------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))
moments = st.datetimes()
intervals = st.builds(
    Interval, st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1), st.integers(-(2**62), 2**62)
)
numerics = (
    st.decimals()
    .map(lambda value: value if abs(value.adjusted()) < 300 else Decimal(1))
    .filter(lambda value: not value.is_snan())
)
VALUES: dict[SqlType, st.SearchStrategy[Any]] = {
    SMALLINT: st.integers(-(2**15), 2**15 - 1),
    INTEGER: st.integers(-(2**31), 2**31 - 1),
    BIGINT: st.integers(-(2**63), 2**63 - 1),
    REAL: st.floats(width=32, allow_nan=False),
    DOUBLE: st.floats(allow_nan=False),
    NUMERIC: numerics.map(types.canonical_numeric).filter(lambda value: not value.is_nan()),
    TEXT: texts,
    VARCHAR: texts,
    CHAR: texts.map(lambda value: value.rstrip(" ")),
    BOOLEAN: st.booleans(),
    BYTEA: st.binary(),
    DATE: st.dates(),
    TIME: st.times(),
    TIMESTAMP: moments,
    TIMESTAMPTZ: st.datetimes(timezones=st.just(UTC)),
    INTERVAL: intervals,
    UUID_TYPE: st.uuids(),
    array_of(INTEGER): st.lists(st.none() | st.integers(-5, 5)).map(tuple),
    array_of(TEXT): st.lists(st.none() | texts).map(tuple),
}
typed_values = st.sampled_from(list(VALUES)).flatmap(lambda kind: st.tuples(st.just(kind), VALUES[kind]))


@given(typed_values)
def test_text_round_trip(pair: tuple[SqlType, Any]) -> None:
    kind, value = pair
    back = from_text(kind, to_text(kind, value))
    assert back == value
    assert type(back) is type(value)
    if kind == NUMERIC:
        assert str(back) == str(value) or not value
    if kind == INTERVAL:
        assert (back.months, back.days, back.microseconds) == (value.months, value.days, value.microseconds)


@given(typed_values)
def test_stored_values_come_back(pair: tuple[SqlType, Any]) -> None:
    kind, value = pair
    decoder = msgspec.msgpack.Decoder(tuple[kind.python_type | None, kind.python_type | None])
    assert decoder.decode(msgspec.msgpack.encode((value, None))) == (value, None)


@given(typed_values)
def test_adapted_values_keep_their_type(pair: tuple[SqlType, Any]) -> None:
    kind, value = pair
    if kind.element is not None:
        return
    adapted, same = adapt(value)
    assert same == value
    assert adapted == UNKNOWN if kind.category == "S" else can_coerce(adapted, kind, "assignment")


@given(typed_values)
def test_every_type_casts_to_text_and_back(pair: tuple[SqlType, Any]) -> None:
    kind, value = pair
    assert cast(cast(value, kind, TEXT, explicit=True), TEXT, kind, explicit=True) == value


@given(st.sampled_from(list(VALUES)), st.text(max_size=12) | st.text("0123456789-+:.eT /PDMYinfa{}\\x", max_size=16))
def test_hostile_text_gives_errors_of_ours(kind: SqlType, text: str) -> None:
    try:
        value = from_text(kind, text)
    except errors.DataError as error:
        assert error.sqlstate in ("22P02", "22003", "22007", "22008", "22015", "22021", "22023")
    else:
        assert to_text(kind, value) is not None


# -- numbers ----------------------------------------------------------------------------------------------


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_double_text_is_the_shortest(value: float) -> None:
    digits = [c for c in to_text(DOUBLE, value).partition("e")[0] if c.isdigit()]
    assert len("".join(digits).strip("0")) <= 17
    assert float(to_text(DOUBLE, value)) == value


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_real_text_is_at_most_nine_digits(value: float) -> None:
    digits = "".join(c for c in to_text(REAL, value).partition("e")[0] if c.isdigit()).strip("0")
    assert len(digits) <= 9
    assert struct.pack("<f", from_text(REAL, to_text(REAL, value))) == struct.pack("<f", value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9))
def test_numeric_rounding_is_away_from_zero(value: Decimal) -> None:
    rounded = types.numeric_round(value, 2)
    assert types.numeric_scale(rounded) == 2
    expected = int(abs(Fraction(value)) * 100 + Fraction(1, 2))
    assert abs(rounded) * 100 == expected
    assert not (rounded == 0 and rounded.is_signed())


def test_numeric_never_has_a_positive_exponent() -> None:
    for value in (from_text(NUMERIC, "1e20"), types.numeric_round(Decimal(12345), -3), adapt(Decimal("1E+3"))[1]):
        assert value.as_tuple().exponent == 0
    assert to_text(NUMERIC, from_text(NUMERIC, "1.500")) == "1.500"
    assert to_text(NUMERIC, types.numeric_round(Decimal("-0.4"))) == "0"


def test_numeric_has_room_for_postgresql_s_digits() -> None:
    large = from_text(NUMERIC, "9" * 131_072)
    assert to_text(NUMERIC, types.numeric_add(large, Decimal("0.5"))) == "9" * 131_072 + ".5"
    with pytest.raises(ArithmeticError) as caught:
        types.numeric_multiply(large, large)
    assert types.arithmetic_error(caught.value).sqlstate == "22003"
    with pytest.raises(errors.NumericValueOutOfRange):
        from_text(NUMERIC, "1e131072")


def test_arithmetic_errors_become_ours() -> None:
    for operation, sqlstate in (
        (lambda: 1 // 0, "22012"),
        (lambda: 1.5 / 0, "22012"),
        (lambda: math.exp(1000), "22003"),
        (lambda: types.numeric_multiply(Decimal("9e131071"), Decimal(10)), "22003"),
    ):
        with pytest.raises(ArithmeticError) as caught:
            operation()
        assert types.arithmetic_error(caught.value).sqlstate == sqlstate


@given(st.integers(1, 10**30), st.integers(1, 10**30), st.integers(0, 20), st.integers(0, 20))
def test_quotients_have_sixteen_digits(left: int, right: int, left_scale: int, right_scale: int) -> None:
    dividend, divisor = Decimal(left).scaleb(-left_scale), Decimal(right).scaleb(-right_scale)
    quotient = types.numeric_divide(dividend, divisor)
    scale = types.numeric_scale(quotient)
    assert scale >= max(left_scale, right_scale)
    assert scale + quotient.adjusted() + 1 >= 16 or scale == 1000
    exact = Fraction(dividend) / Fraction(divisor)
    assert Fraction(quotient) == Fraction(int(exact * 10**scale + Fraction(1, 2)), 10**scale)


# -- strings ----------------------------------------------------------------------------------------------


def test_strings_that_are_too_long() -> None:
    three = SqlType("varchar", length=3)
    assert cast("abc  ", TEXT, three) == "abc"
    assert cast("abcd", TEXT, three, explicit=True) == "abc"
    with pytest.raises(errors.StringDataRightTruncation, match=r"too long for type character varying\(3\)"):
        cast("abcd", TEXT, three)


def test_char_is_stored_without_its_blanks() -> None:
    five = SqlType("char", length=5)
    value = cast("ab ", TEXT, five)
    assert (value, to_text(five, value)) == ("ab", "ab   ")


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x\udfffy"])
def test_text_that_utf8_cannot_hold(text: str) -> None:
    for way_in in (adapt, lambda value: from_text(TEXT, value)):
        with pytest.raises(errors.CharacterNotInRepertoire):
            way_in(text)


# -- coercion ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "target", "context"),
    [
        (INTEGER, BIGINT, "implicit"),
        (INTEGER, NUMERIC, "implicit"),
        (NUMERIC, DOUBLE, "implicit"),
        (BIGINT, INTEGER, "assignment"),
        (DOUBLE, NUMERIC, "assignment"),
        (INTEGER, TEXT, "assignment"),
        (TEXT, INTEGER, "explicit"),
        (BOOLEAN, INTEGER, "explicit"),
        (INTEGER, BOOLEAN, "explicit"),
        (VARCHAR, TEXT, "implicit"),
        (DATE, TIMESTAMP, "implicit"),
        (TIMESTAMPTZ, TIMESTAMP, "assignment"),
        (TIME, INTERVAL, "implicit"),
        (UNKNOWN, DATE, "implicit"),
        (array_of(INTEGER), array_of(NUMERIC), "implicit"),
        (array_of(INTEGER), TEXT, "assignment"),
        (TEXT, array_of(INTEGER), "explicit"),
    ],
)
def test_weakest_context(source: SqlType, target: SqlType, context: str) -> None:
    assert types.cast_context(source, target) == context
    order = ["implicit", "assignment", "explicit"]
    assert [can_coerce(source, target, c) for c in order] == [order.index(context) <= n for n in range(3)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "target"),
    [(BIGINT, BOOLEAN), (INTEGER, DATE), (DATE, INTEGER), (BYTEA, INTEGER), (UUID_TYPE, BYTEA), (INTEGER, UUID_TYPE)],
)
def test_no_such_cast(source: SqlType, target: SqlType) -> None:
    assert not can_coerce(source, target, "explicit")
    with pytest.raises(errors.CannotCoerce, match=f"cannot cast type {source} to {target}"):
        cast_function(source, target, True)


def test_casts_that_do_nothing_cost_nothing() -> None:
    same = [(INTEGER, INTEGER), (INTEGER, BIGINT), (VARCHAR, TEXT), (REAL, DOUBLE)]
    same.append((SqlType("varchar", length=3), SqlType("varchar", length=5)))
    same.append((type_from_name("numeric", (6, 2)), type_from_name("numeric", (8, 2))))
    assert [cast_function(source, target) for source, target in same] == [None] * len(same)


def test_null_stays_null() -> None:
    assert cast(None, TEXT, INTEGER, explicit=True) is None


def test_numeric_field_overflow_tells_the_limit() -> None:
    with pytest.raises(errors.NumericValueOutOfRange, match="numeric field overflow") as caught:
        cast(1000, INTEGER, type_from_name("numeric", (5, 2)))
    assert caught.value.detail == ("A field with precision 5, scale 2 must round to an absolute value less than 10^3.")


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([INTEGER, BIGINT], BIGINT),
        ([BIGINT, INTEGER], BIGINT),
        ([INTEGER, NUMERIC, SMALLINT], NUMERIC),
        ([NUMERIC, REAL], REAL),
        ([REAL, DOUBLE], DOUBLE),
        ([UNKNOWN, UNKNOWN], TEXT),
        ([UNKNOWN, DATE], DATE),
        ([DATE, TIMESTAMPTZ], TIMESTAMPTZ),
        ([VARCHAR, TEXT], VARCHAR),
        ([type_from_name("numeric", (5, 2)), type_from_name("numeric", (5, 2))], type_from_name("numeric", (5, 2))),
        ([type_from_name("numeric", (5, 2)), type_from_name("numeric", (6, 2))], NUMERIC),
        ([array_of(INTEGER), UNKNOWN], array_of(INTEGER)),
    ],
)
def test_common_type(kinds: list[SqlType], expected: SqlType) -> None:
    assert common_type(kinds) == expected


def test_no_common_type() -> None:
    with pytest.raises(errors.DatatypeMismatch, match="UNION types integer and text cannot be matched"):
        common_type([INTEGER, TEXT], "UNION")


# -- driver parameters ------------------------------------------------------------------------------------


class Colour(IntEnum):
    RED = 3


@pytest.mark.parametrize(
    ("value", "kind", "adapted"),
    [
        (None, UNKNOWN, None),
        (True, BOOLEAN, True),
        (5, INTEGER, 5),
        (-(2**31), INTEGER, -(2**31)),
        (2**31, BIGINT, 2**31),
        (2**63, NUMERIC, Decimal(2**63)),
        (Colour.RED, INTEGER, 3),
        (1.5, DOUBLE, 1.5),
        (Decimal("1E+2"), NUMERIC, Decimal(100)),
        ("x", UNKNOWN, "x"),
        (bytearray(b"x"), BYTEA, b"x"),
        (memoryview(b"x"), BYTEA, b"x"),
        (date(2020, 1, 2), DATE, date(2020, 1, 2)),
        (time(1, 2), TIME, time(1, 2)),
        (datetime(2020, 1, 2), TIMESTAMP, datetime(2020, 1, 2)),
        (
            datetime(2020, 1, 2, tzinfo=timezone(timedelta(hours=2))),
            TIMESTAMPTZ,
            datetime(2020, 1, 1, 22, tzinfo=UTC),
        ),
        (timedelta(days=1, seconds=2), INTERVAL, Interval(0, 1, 2_000_000)),
        (Interval(1), INTERVAL, Interval(1)),
        (UUID(int=5), UUID_TYPE, UUID(int=5)),
        ([1, None, 2**40], array_of(BIGINT), (1, None, 2**40)),
    ],
)
def test_adapt(value: object, kind: SqlType, adapted: object) -> None:
    assert adapt(value) == (kind, adapted)
    assert type(adapt(value)[1]) is type(adapted)


def test_one_nan() -> None:
    assert adapt(float("nan"))[1] is types.FLOAT_NAN
    assert from_text(DOUBLE, "nan") is types.FLOAT_NAN
    assert adapt(Decimal("sNaN"))[1] is types.NUMERIC_NAN


@pytest.mark.parametrize("value", [object(), {1}, {"a": 1}, 1j, Fraction(1, 2), time(1, tzinfo=UTC), Interval(1.5)])
def test_values_that_cannot_be_bound(value: object) -> None:
    with pytest.raises(errors.ProgrammingError) as caught:
        adapt(value)
    assert caught.value.sqlstate == "42846"


# -- intervals --------------------------------------------------------------------------------------------


@given(intervals, intervals)
def test_interval_order_is_total_and_agrees_with_hash(left: Interval, right: Interval) -> None:
    assert (left < right) + (left == right) + (left > right) == 1
    assert (left <= right) == (not right < left)
    assert left != right or hash(left) == hash(right)


def test_a_month_is_thirty_days() -> None:
    assert Interval(1) == Interval(0, 30) == Interval(0, 29, 86_400_000_000)
    assert len({Interval(1), Interval(0, 30)}) == 1
    assert Interval(1) != (1, 0, 0)


@given(intervals)
def test_interval_negation_and_sums(span: Interval) -> None:
    if span.months > -(2**31) and span.days > -(2**31):
        assert (span + -span) == Interval()
        assert -Interval(0, 0, 1) < Interval()


def test_interval_arithmetic_cascades() -> None:
    assert str(Interval(1) * 1.5) == "1 mon 15 days"
    assert str(Interval(0, 1) / 7) == "03:25:42.857143"
    assert str(2 * Interval(0, 0, 5)) == "00:00:00.00001"
    with pytest.raises(errors.DivisionByZero):
        Interval(1) / 0
    for factor in (1e300, math.inf, math.nan):
        with pytest.raises(errors.DatetimeFieldOverflow):
            Interval(1) * factor
    with pytest.raises(TypeError):
        Interval(1) + 1  # type: ignore[operator]


@pytest.mark.parametrize(
    ("text", "fields", "expected"),
    [
        ("1", "year", "1 year"),
        ("5", "month", "5 mons"),
        ("1 2:03:04", "day to hour", "1 day 02:00:00"),
        ("1 2:03:04", "day to minute", "1 day 02:03:00"),
        ("2:03", "minute to second", "00:02:03"),
        ("1-2", "year to month", "1 year 2 mons"),
        ("1 year 2 mons 3 days", "year", "1 year"),
        ("1.5", "second", "00:00:01.5"),
        ("-7", "day", "-7 days"),
    ],
)
def test_interval_qualifiers(text: str, fields: str, expected: str) -> None:
    assert str(Interval.parse(text, fields)) == expected


def test_intervals_are_immutable_and_small() -> None:
    span = Interval(1, 2, 3)
    with pytest.raises(AttributeError):
        span.days = 5  # type: ignore[misc]
    assert not hasattr(span, "__dict__")
    assert msgspec.msgpack.encode(span) == msgspec.msgpack.encode((1, 2, 3))


# -- dates ------------------------------------------------------------------------------------------------


def test_words_need_a_clock() -> None:
    now = datetime(2020, 2, 29, 12, 30, tzinfo=UTC)
    assert from_text(DATE, "tomorrow", now) == date(2020, 3, 1)
    assert from_text(TIMESTAMP, "yesterday 04:05", now) == datetime(2020, 2, 28, 4, 5)
    assert from_text(TIMESTAMPTZ, "now", now) == now
    with pytest.raises(errors.InvalidDatetimeFormat):
        from_text(DATE, "today")


def test_zones() -> None:
    # a zone that is an offset counts as POSIX does, westwards
    assert types.time_zone("+02:30").utcoffset(None) == -timedelta(hours=2, minutes=30)
    assert types.time_zone("utc") is UTC
    for name in ("Nowhere/Else", "", "../etc/passwd", "+99"):
        with pytest.raises(errors.InvalidParameterValue):
            types.time_zone(name)


def test_rounding_of_times() -> None:
    second = SqlType("time", precision=0)
    assert cast(time(1, 2, 3, 600_000), TIME, second) == time(1, 2, 4)
    # PostgreSQL says 24:00:00, which Python's time cannot hold
    assert cast(time(23, 59, 59, 600_000), TIME, second) == time(23, 59, 59)
    stamp = SqlType("timestamp", precision=0)
    assert cast(datetime(2020, 12, 31, 23, 59, 59, 500_000), TIMESTAMP, stamp) == datetime(2021, 1, 1)
