"""ROWS FROM: several set-returning functions as one, whose rows have a column for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

from minidb.sql.functions.registry import Function
from minidb.types import RECORD, SqlType


def together(functions: Sequence[Function], widths: Sequence[int], types: Sequence[SqlType]) -> Function:
    """The functions as one that takes all their arguments; `widths`: how many are whose."""
    parts: list[Callable[..., Iterable[Any]]] = []
    start = 0
    for function, width in zip(functions, widths):
        parts.append(_part(function, start, width, tuple(types[start : start + width])))
        start += width

    def call(context: Any, *arguments: Any) -> Iterator[tuple[Any, ...]]:
        return zip_longest(*[part(context, arguments) for part in parts])

    volatilities = {function.volatility for function in functions}
    volatility = next(v for v in ("volatile", "stable", "immutable") if v in volatilities)
    return Function(
        "rows from", tuple(types), RECORD, call, strict=False, volatility=volatility, needs_context=True,
        returns_set=True,
    )


def _part(function: Function, start: int, width: int, types: tuple[SqlType, ...]) -> Callable[..., Iterable[Any]]:
    """One function, called with its own slice of the arguments; a scalar one is a set of one row."""

    def part(context: Any, arguments: Sequence[Any]) -> Iterable[Any]:
        values = arguments[start : start + width]
        if function.strict and None in values:
            return () if function.returns_set else (None,)
        before = ((context,) if function.needs_context else ()) + ((types,) if function.needs_types else ())
        result = function.call(*before, *values)
        return result if function.returns_set else (result,)

    return part
