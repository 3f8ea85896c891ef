"""What `SET a[i] = x` does to a column: the array or document with one place replaced.

Three functions that have no name in SQL. A subscript is checked here: arrays begin with 1, so there is no place 0.
"""

from __future__ import annotations

from typing import Any

from minidb import errors
from minidb.documents import Document, Jsonb, document, jsonb_of
from minidb.sql.functions.json_changes import subscript

Array = tuple[Any, ...]
_LARGEST = 134_217_727  # elements of an array in PostgreSQL


def _checked(index: int | None) -> int:
    if index is None:
        raise errors.DataError("array subscript in assignment must not be null", sqlstate="22004")
    if index < 1:
        raise errors.NotSupportedError("arrays begin with subscript 1", hint="array_prepend adds an element in front.")
    if index > _LARGEST:
        raise errors.DataError(f"array size exceeds the maximum allowed ({_LARGEST})", sqlstate="54000")
    return index


def _filled(array: Array | None, size: int) -> Array:
    present = array or ()
    return present + (None,) * (size - len(present))


def set_element(array: Array | None, index: int | None, value: Any) -> Array:
    """`array` with `value` at `index`; what lies between its end and the index is NULL."""
    place = _checked(index) - 1
    whole = _filled(array, place)
    return (*whole[:place], value, *whole[place + 1 :])


def set_slice(array: Array | None, low: int | None, high: int | None, values: Array | None) -> Array | None:
    """`array` with the places low to high replaced by the first of `values`."""
    if low is None or high is None:
        raise errors.DataError("array subscript in assignment must not be null", sqlstate="22004")
    if values is None:
        return array
    high = min(high, len(array or ())) if high == 2**31 - 1 else high
    if low > high:
        raise errors.DataError("upper bound cannot be less than lower bound", sqlstate="2202E")
    count = _checked(high) - _checked(low) + 1
    if len(values) < count:
        raise errors.DataError("source array too small", sqlstate="2202E")
    whole = _filled(array, low - 1)
    return (*whole[: low - 1], *values[:count], *whole[high:])


def set_in_document(target: Jsonb | None, value: Jsonb | None, *path: Any) -> Jsonb:
    """`target` with `value` at `path`: what is missing on the way is made, an array for a number, else an object."""
    if None in path:
        raise errors.DataError("jsonb subscript in assignment must not be null", sqlstate="22004")
    start = _empty(path[0]) if target is None else document(target)
    return jsonb_of(_placed(start, path, 0, None if value is None else document(value)))


def _empty(step: Any) -> Document:
    return [] if type(step) is int else {}


def _placed(value: Document, path: tuple[Any, ...], level: int, new: Document) -> Document:
    if level == len(path):
        return new
    step = path[level]
    if type(value) is dict:
        name = str(step)
        inner = value.get(name, _empty(path[level + 1]) if level + 1 < len(path) else None)
        return {**value, name: _placed(inner, path, level + 1, new)}
    if type(value) is not list:
        raise errors.InvalidParameterValue(
            "cannot replace existing key",
            detail="The path assumes key is a composite object, but it is a scalar value.",
        )
    place = _place(step, level, len(value))
    while len(value) <= place:
        value = [*value, None]
    inner = value[place]
    if inner is None and level + 1 < len(path):
        inner = _empty(path[level + 1])
    return [*value[:place], _placed(inner, path, level + 1, new), *value[place + 1 :]]


def _place(step: Any, level: int, size: int) -> int:
    index = subscript(step, level)
    if index < -size:
        raise errors.InvalidParameterValue(f"path element at position {level + 1} is out of range: {index}")
    return index + size if index < 0 else index
