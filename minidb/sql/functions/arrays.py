"""Functions on one-dimensional arrays, which are tuples counted from 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minidb import errors
from minidb.sql.functions.registry import Function, Types, element_of_first
from minidb.types import ANYARRAY, ANYELEMENT, BOOLEAN, INTEGER, TEXT, SqlType, array_of, to_text

Array = tuple[Any, ...]


def _array_type(targets: Any) -> SqlType:
    found = next((target for target in targets if target.element is not None), None)
    return found or array_of(targets[-1])


def array_length(value: Array, dimension: int) -> int | None:
    return len(value) if dimension == 1 and value else None


def array_lower(value: Array, dimension: int) -> int | None:
    return 1 if dimension == 1 and value else None


def array_dims(value: Array) -> str | None:
    return f"[1:{len(value)}]" if value else None


def array_append(value: Array | None, item: Any) -> Array:
    return (*(value or ()), item)


def array_prepend(item: Any, value: Array | None) -> Array:
    return (item, *(value or ()))


def array_cat(left: Array | None, right: Array | None) -> Array | None:
    if left is None or right is None:
        return right if left is None else left
    return left + right


def array_position(value: Array | None, item: Any, start: int | None = 1) -> int | None:
    if value is None:
        return None
    if start is None:
        raise errors.DataError("initial position must not be null", sqlstate="22004")
    for place in range(max(start, 1), len(value) + 1):
        if _same(value[place - 1], item):
            return place
    return None


def array_positions(value: Array | None, item: Any) -> Array | None:
    if value is None:
        return None
    return tuple([place for place, other in enumerate(value, 1) if _same(other, item)])


def _same(left: Any, right: Any) -> bool:
    """Equality in which NULL equals NULL and NaN equals NaN."""
    if left is None or right is None:
        return left is right
    return bool(left == right or (left != left and right != right))


def array_remove(value: Array | None, item: Any) -> Array | None:
    return None if value is None else tuple([other for other in value if not _same(other, item)])


def array_replace(value: Array | None, old: Any, new: Any) -> Array | None:
    return None if value is None else tuple([new if _same(other, old) else other for other in value])


def array_to_string(types: Types, value: Array | None, delimiter: str | None, null: str | None = None) -> str | None:
    if value is None or delimiter is None:
        return None
    element = types[0].element or TEXT
    texts = [null if item is None else to_text(element, item) for item in value]
    return delimiter.join([text for text in texts if text is not None])


def array_fill(item: Any, lengths: Array | None) -> Array:
    if lengths is None or None in lengths:
        raise errors.DataError("dimension array or low bound array cannot be null", sqlstate="22004")
    if len(lengths) != 1 or lengths[0] is None or lengths[0] < 0:
        raise errors.NotSupportedError("arrays have one dimension")
    return (item,) * int(lengths[0])


def trim_array(value: Array, count: int) -> Array:
    if not 0 <= count <= len(value):
        raise errors.DataError(f"number of elements to trim must be between 0 and {len(value)}", sqlstate="2202E")
    return value[: len(value) - count]


def generate_subscripts(value: Array, dimension: int, reverse: bool = False) -> range:
    if dimension != 1:
        return range(0)
    return range(len(value), 0, -1) if reverse else range(1, len(value) + 1)


def unnest(value: Array) -> Array:
    return value


def functions() -> Iterator[Function]:
    """All functions of this module."""
    yield Function("array_length", (ANYARRAY, INTEGER), INTEGER, array_length)
    yield Function("array_upper", (ANYARRAY, INTEGER), INTEGER, array_length)
    yield Function("array_lower", (ANYARRAY, INTEGER), INTEGER, array_lower)
    yield Function("array_dims", (ANYARRAY,), TEXT, array_dims)
    yield Function("array_ndims", (ANYARRAY,), INTEGER, lambda value: 1 if value else None)
    yield Function("cardinality", (ANYARRAY,), INTEGER, len, template="len({0})")
    yield Function("array_append", (ANYARRAY, ANYELEMENT), _array_type, array_append, strict=False)
    yield Function("array_prepend", (ANYELEMENT, ANYARRAY), _array_type, array_prepend, strict=False)
    yield Function("array_cat", (ANYARRAY, ANYARRAY), _array_type, array_cat, strict=False)
    yield Function("array_position", (ANYARRAY, ANYELEMENT), INTEGER, array_position, strict=False)
    yield Function("array_position", (ANYARRAY, ANYELEMENT, INTEGER), INTEGER, array_position, strict=False)
    yield Function("array_positions", (ANYARRAY, ANYELEMENT), array_of(INTEGER), array_positions, strict=False)
    yield Function("array_remove", (ANYARRAY, ANYELEMENT), _array_type, array_remove, strict=False)
    yield Function("array_replace", (ANYARRAY, ANYELEMENT, ANYELEMENT), _array_type, array_replace, strict=False)
    for arguments in ((ANYARRAY, TEXT), (ANYARRAY, TEXT, TEXT)):
        yield Function("array_to_string", arguments, TEXT, array_to_string, strict=False, needs_types=True)
    yield Function("array_fill", (ANYELEMENT, array_of(INTEGER)), _fill_type, array_fill, strict=False)
    yield Function("trim_array", (ANYARRAY, INTEGER), _array_type, trim_array)
    for arguments in ((ANYARRAY, INTEGER), (ANYARRAY, INTEGER, BOOLEAN)):
        yield Function("generate_subscripts", arguments, INTEGER, generate_subscripts, returns_set=True)
    yield Function("unnest", (ANYARRAY,), element_of_first, unnest, returns_set=True)


def _fill_type(targets: Any) -> SqlType:
    return array_of(targets[0])
