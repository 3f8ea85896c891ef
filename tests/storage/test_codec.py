"""Keys as bytes: what goes in comes out, and nothing else than a key or DatabaseCorrupt ever does."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidb.errors import DatabaseCorrupt
from minidb.keys import EXTREMES, Descending
from minidb.storage.codec import pack_key, pack_keys, unpack_key, unpack_keys
from minidb.types import Interval

texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(1 << 70), 1 << 70),
    st.floats(allow_nan=False),
    st.decimals(allow_nan=False),
    texts,
    st.binary(),
    st.dates(),
    st.times().map(lambda value: value.replace(fold=0)),
    st.datetimes().map(lambda value: value.replace(fold=0)),
    st.datetimes(timezones=st.just(UTC)).map(lambda value: value.replace(fold=0)),
    st.uuids(),
    st.builds(Interval, st.integers(-99, 99), st.integers(-99, 99), st.integers(-(1 << 50), 1 << 50)),
    st.sampled_from(list(EXTREMES.values())),
)
keys = st.recursive(
    st.one_of(scalars, st.builds(Descending, scalars)), lambda inner: st.lists(inner, max_size=4).map(tuple)
)


def same(left: Any, right: Any) -> bool:
    """Equal, with the same types and the same spelling (1.0 is not 1.00, -0.0 is not 0.0)."""
    if type(left) is not type(right):
        return False
    if isinstance(left, tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right) and repr(left) == repr(right)


@given(keys)
def test_a_key_comes_back(key: Any) -> None:
    assert same(unpack_key(pack_key(key)), key)


@given(st.lists(keys, max_size=6))
def test_lists_of_keys_come_back(several: list[Any]) -> None:
    assert same(tuple(unpack_keys(pack_keys(several))), tuple(several))


@pytest.mark.parametrize(
    "key",
    [
        2**63 - 1,
        -(2**63),
        2**64 - 1,
        2**64,
        -(2**63) - 1,
        Decimal("-0E-3"),
        Decimal("1E+1000"),
        Decimal("1.00"),
        float("inf"),
        -0.0,
        "\0\U0010ffff",
        b"\0\xff",
        date.min,
        date.max,
        time.max,
        datetime.min,
        datetime.max,
        datetime.min.replace(tzinfo=UTC),
        UUID(int=0),
        ((), (None,), ((Descending((1, "a")),),)),
        Interval(-1, 1, -1),
    ],
    ids=repr,
)
def test_the_ends_of_each_type(key: Any) -> None:
    assert same(unpack_key(pack_key(key)), key)


def test_nan_survives() -> None:
    assert str(unpack_key(pack_key(float("nan")))) == "nan"
    assert unpack_key(pack_key(Decimal("NaN"))).is_nan()


def test_a_zone_becomes_utc() -> None:
    there = datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert same(unpack_key(pack_key(there)), datetime(2026, 1, 1, tzinfo=UTC))


def test_other_types_are_refused() -> None:
    with pytest.raises(TypeError):
        pack_key({1, 2})


@given(st.binary(max_size=60))
def test_any_bytes_give_a_key_or_corruption(data: bytes) -> None:
    for unpack in (unpack_key, unpack_keys):
        try:
            unpack(data)
        except DatabaseCorrupt:
            pass


@given(st.integers(-128, 127), st.binary(max_size=20))
def test_any_extension_gives_a_key_or_corruption(code: int, data: bytes) -> None:
    try:
        unpack_key(msgspec.msgpack.encode(msgspec.msgpack.Ext(code, data)))
    except DatabaseCorrupt:
        pass


@given(keys, st.data())
def test_a_changed_byte_gives_a_key_or_corruption(key: Any, data: st.DataObject) -> None:
    packed = bytearray(pack_key(key))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        unpack_key(bytes(packed))
    except DatabaseCorrupt:
        pass


@pytest.mark.parametrize("data", [b"\x91" * 100_000, b"\xdd\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\x80", b""])
def test_hostile_shapes(data: bytes) -> None:
    with pytest.raises(DatabaseCorrupt):
        unpack_key(data)


def test_hostile_nesting_of_descending() -> None:
    data = pack_key(1)
    for _ in range(5_000):
        data = msgspec.msgpack.encode(msgspec.msgpack.Ext(10, data))
    with pytest.raises(DatabaseCorrupt):
        unpack_key(data)
