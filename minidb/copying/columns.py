"""Columns: many texts of one type to values at once, and values to texts.

The common types have readers that are made of a few calls in C for the whole column; they refuse (`Slow`) whatever
could mean something else to PostgreSQL than to Python, and then each different text is read once by its type's own
function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from minidb.types import SqlType, from_text, to_text

Texts = Sequence[str | None]
_BITS = {"smallint": 15, "integer": 31, "bigint": 63}


class Slow(Exception):
    """The column holds something out of the ordinary."""


def column_reader(kind: SqlType, null: str, now: datetime) -> Callable[[Texts, bool], list[Any]]:
    """A function of a column's texts and whether the NULL string still stands in it; its errors name no row."""
    quick = _quick(kind)

    def read(texts: Texts, plain: bool) -> list[Any]:
        if plain and null in texts:
            texts = [None if text == null else text for text in texts]
        if quick is not None:
            try:
                return quick(texts)
            except (Slow, ValueError, OverflowError):
                pass
        meanings = {text: from_text(kind, text, now) for text in set(texts) if text is not None}
        meanings[None] = None  # type: ignore[index]
        return [meanings[text] for text in texts]  # type: ignore[index]

    return read


def _quick(kind: SqlType) -> Callable[[Texts], list[Any]] | None:
    if kind.element is not None:
        return None
    if kind.name in _BITS:
        limit = 1 << _BITS[kind.name]
        return lambda texts: _integers(texts, limit)
    if kind.name == "double precision":
        return _floats
    if kind.name in ("text", "varchar"):
        length = kind.length
        return lambda texts: _strings(texts, length)
    return None


def _ordinary(texts: Texts, nulls: bool) -> str:
    """Python reads digits of other scripts and underscores in numbers; PostgreSQL does not."""
    joined = "".join([text for text in texts if text is not None] if nulls else texts)  # type: ignore[arg-type]
    if not joined.isascii() or "_" in joined:
        raise Slow
    return joined


def _integers(texts: Texts, limit: int) -> list[Any]:
    nulls = None in texts
    _ordinary(texts, nulls)
    if not nulls:
        values = list(map(int, texts))  # type: ignore[arg-type]
        if values and (max(values) >= limit or min(values) < -limit):
            raise Slow
        return values
    found = [None if text is None else int(text) for text in texts]
    if any(value is not None and not -limit <= value < limit for value in found):
        raise Slow
    return found


def _floats(texts: Texts) -> list[Any]:
    nulls = None in texts
    exponents = "e" in _ordinary(texts, nulls).lower()
    values = [None if text is None else float(text) for text in texts]
    # What is not finite, and what 1e-400 became, is left to the type's own reader: it knows what is out of range.
    if any(value is not None and (value - value != 0 or (exponents and value == 0)) for value in values):
        raise Slow
    return values


def _strings(texts: Texts, length: int | None) -> list[Any]:
    joined = "".join([text for text in texts if text is not None] if None in texts else texts)  # type: ignore[arg-type]
    if "\0" in joined:
        raise Slow
    if not joined.isascii():
        joined.encode()  # a lone surrogate is a UnicodeEncodeError, which is a ValueError
    if length is not None and any(text is not None and len(text) > length for text in texts):
        raise Slow
    return list(texts)


# -- to text ----------------------------------------------------------------------------------------------


def column_writer(kind: SqlType) -> Callable[[Sequence[Any]], Sequence[str | None]]:
    """A function that gives the texts of a column's values."""
    if kind.element is None and kind.name in ("text", "varchar"):
        return _itself
    write = str if kind.element is None and kind.name in _BITS else partial(to_text, kind)

    def texts(values: Sequence[Any]) -> Sequence[str | None]:
        if None in values:
            return [None if value is None else write(value) for value in values]
        return list(map(write, values))

    return texts


def _itself(values: Sequence[Any]) -> Sequence[str | None]:
    return values
