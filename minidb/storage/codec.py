"""Keys as bytes: one self-describing encoding for separators, row addresses and fences.

Rows are written by a `Layout` that knows their types. Keys also stand where no layout is at hand (inner nodes, the log,
marks), so they carry their types with them: MessagePack, and an extension type for whatever MessagePack lacks.

    None, bool, int of 64 bits, float, str, bytes     as MessagePack has them
    tuple                                             array
    ext 1   int beyond 64 bits                        big-endian two's complement
    ext 2   Decimal                                   its text: exponent, sign of zero and NaN are kept
    ext 3   date                                      proleptic ordinal
    ext 4   time                                      microseconds since midnight
    ext 5   datetime without a zone                   microseconds since 1970-01-01
    ext 6   datetime with a zone                      the same, in UTC
    ext 7   UUID                                      16 bytes
    ext 8   Interval                                  array [months, days, microseconds]
    ext 9   keys.Extreme                              its rank
    ext 10  keys.Descending                           the encoding of the value inside
    ext 11  Jsonb                                     its text
    ext 12  keys.ArrayKey                             the encoding of the tuple inside

Invariants:
 1. `unpack_key(pack_key(key)) == key`, with the same types, for every key that `minidb.keys` makes.
 2. Bytes from a disk are the world: whatever they are, the answer is a key or DatabaseCorrupt, never another error.
    Depth of nesting is bounded (`RecursionError`), lengths by msgspec (`DecodeError`), values by this module.
 3. Nothing is evaluated, imported or called by name: the types above are all that bytes can become.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn
from uuid import UUID

import msgspec

from minidb.documents import Jsonb
from minidb.errors import DatabaseCorrupt
from minidb.keys import EXTREMES, ArrayKey, Descending, Extreme, Key
from minidb.types import Interval

Ext = msgspec.msgpack.Ext
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1)
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN = frozenset({str, float, bool, bytes, type(None)})  # what MessagePack has and needs no look
_encode = msgspec.msgpack.Encoder().encode
_LOWEST_INT, _INT_LIMIT = -(1 << 63), 1 << 64  # what MessagePack's integers can hold

BIGINT, DECIMAL, DATE, TIME, DATETIME, DATETIME_UTC, UUID_, INTERVAL, EXTREME, DESCENDING, JSONB, ARRAY = range(1, 13)


# -- writing ----------------------------------------------------------------------------------------------


def _bytes_of(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def _time_of(value: time) -> int:
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond


def _datetime(value: datetime) -> Ext:
    if value.tzinfo is None:
        return Ext(DATETIME, _bytes_of((value - _EPOCH) // _MICROSECOND))
    return Ext(DATETIME_UTC, _bytes_of((value - _EPOCH_UTC) // _MICROSECOND))


_WRITERS: dict[type, Callable[[Any], Any]] = {
    int: lambda value: value if _LOWEST_INT <= value < _INT_LIMIT else Ext(BIGINT, _bytes_of(value)),
    tuple: lambda value: [_prepare(part) for part in value],
    Decimal: lambda value: Ext(DECIMAL, str(value).encode()),
    date: lambda value: Ext(DATE, _bytes_of(value.toordinal())),
    time: lambda value: Ext(TIME, _bytes_of(_time_of(value))),
    datetime: _datetime,
    UUID: lambda value: Ext(UUID_, value.bytes),
    Interval: lambda value: Ext(INTERVAL, _encode([value.months, value.days, value.microseconds])),
    Extreme: lambda value: Ext(EXTREME, _bytes_of(value.rank)),
    Descending: lambda value: Ext(DESCENDING, pack_key(value.value)),
    Jsonb: lambda value: Ext(JSONB, value.encode()),
    ArrayKey: lambda value: Ext(ARRAY, pack_key(value.items)),
}


def _prepare(value: Any) -> Any:
    """`value` in terms of what MessagePack has."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    writer = _WRITERS.get(kind)
    if writer is None:
        raise TypeError(f"{kind.__name__} is not a type of keys")
    return writer(value)


def prepare_keys(keys: list[Key]) -> list[Any]:
    """`keys` in terms of what MessagePack has, to stand inside a larger message; `restore_keys` is the inverse."""
    return [_prepare(key) for key in keys]


def pack_key(key: Key) -> bytes:
    return _encode(_prepare(key))


def pack_keys(keys: list[Key]) -> bytes:
    return _encode([_prepare(key) for key in keys])


# -- reading ----------------------------------------------------------------------------------------------


def _corrupt(what: str) -> NoReturn:
    raise DatabaseCorrupt(f"damaged key: {what}")


def _int_of(data: bytes) -> int:
    if not data:
        _corrupt("an empty number")
    return int.from_bytes(data, "big", signed=True)


def _time_from(data: bytes) -> time:
    seconds, microsecond = divmod(_int_of(data), 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return time(hour, minute, second, microsecond)


def _array_key(items: Key) -> ArrayKey:
    if type(items) is not tuple:
        _corrupt("an array that is none")
    return ArrayKey(items)


_INTERVAL = msgspec.msgpack.Decoder(tuple[int, int, int])

_READERS: dict[int, Callable[[bytes], Any]] = {
    BIGINT: _int_of,
    DECIMAL: lambda data: Decimal(data.decode("ascii")),
    DATE: lambda data: date.fromordinal(_int_of(data)),
    TIME: _time_from,
    DATETIME: lambda data: _EPOCH + timedelta(microseconds=_int_of(data)),
    DATETIME_UTC: lambda data: _EPOCH_UTC + timedelta(microseconds=_int_of(data)),
    UUID_: lambda data: UUID(bytes=data),
    INTERVAL: lambda data: Interval(*_INTERVAL.decode(data)),
    EXTREME: lambda data: EXTREMES[_int_of(data)],
    DESCENDING: lambda data: Descending(unpack_key(data)),
    JSONB: lambda data: Jsonb(data.decode()),
    ARRAY: lambda data: _array_key(unpack_key(data)),
}


def extension_hook(code: int, data: memoryview) -> Any:
    """For decoders of messages with keys inside: what stands behind an extension type."""
    reader = _READERS.get(code)
    if reader is None:
        _corrupt(f"unknown extension type {code}")
    try:
        return reader(bytes(data))
    except (ValueError, LookupError, OverflowError, InvalidOperation) as error:
        raise DatabaseCorrupt(f"damaged key: {error}") from error


_CONTAINERS = frozenset({list, dict, Ext})


def _restore(value: Any) -> Any:
    """The key that a decoded message stands for: arrays are tuples."""
    if type(value) is list:
        return tuple([_restore(part) for part in value])
    if type(value) is dict or type(value) is Ext:
        _corrupt(f"a {type(value).__name__}")
    return value


def restore_keys(values: list[Any]) -> list[Key]:
    """The inverse of `prepare_keys`, after the message was decoded with `extension_hook`."""
    if _CONTAINERS.isdisjoint(map(type, values)):
        return values
    return [_restore(value) if type(value) in _CONTAINERS else value for value in values]


_ANY = msgspec.msgpack.Decoder(ext_hook=extension_hook)
_LIST = msgspec.msgpack.Decoder(list[Any], ext_hook=extension_hook)


def unpack_key(data: bytes) -> Key:
    """The key that `data` stands for, or DatabaseCorrupt (invariant 2)."""
    try:
        return _restore(_ANY.decode(data))
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise DatabaseCorrupt(f"damaged key: {error}") from error


def unpack_keys(data: bytes) -> list[Key]:
    try:
        return restore_keys(_LIST.decode(data))
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise DatabaseCorrupt(f"damaged key: {error}") from error
