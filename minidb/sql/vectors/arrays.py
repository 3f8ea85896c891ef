"""The columns of a page as NumPy arrays. NumPy is optional, and imported when the first statement could use it."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from minidb.txn.door import PageColumns

Array = Any  # numpy.ndarray: NumPy is not there when types are checked


class Unsuited(Exception):
    """This page is not for vectors; its rows are gone through one by one."""


class Bounded(NamedTuple):
    """Between what values lie that are not NULL, and whether there may be NULLs. Known without unpacking anything."""

    low: int
    high: int
    nulls: bool


@cache
def numpy() -> Any:
    """The module, or None where it is not installed."""
    try:
        return import_module("numpy")
    except ImportError:
        return None


def bounds(contents: PageColumns, position: int) -> Bounded:
    """Of a column of integers. Raises Unsuited."""
    found = contents.bounds(position)
    if found is None:
        raise Unsuited
    return Bounded(*found)


def integers(contents: PageColumns, position: int) -> tuple[Array, Array | None]:
    """(values, something within the bounds where they are NULL; where that is). Raises Unsuited."""
    found = contents.integers(position, numpy())
    if found is None:
        raise Unsuited
    return found


def codes(contents: PageColumns, position: int) -> tuple[Array, list[Any]] | None:
    """(codes, what they stand for) of a column that is stored by codes."""
    return contents.codes(position, numpy())
