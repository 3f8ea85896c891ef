"""Functions on text: cutting, searching, padding, splitting, quoting, format().

Positions count characters from 1. Functions on bytes are in `binary`, regular expressions in `regex`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from minidb import errors
from minidb.sql.functions import patterns
from minidb.sql.functions.registry import Function, Types
from minidb.types import (
    ANY,
    ANYELEMENT,
    BIGINT,
    BOOLEAN,
    BYTEA,
    INTEGER,
    TEXT,
    SqlType,
    array_of,
    boolean_text,
    to_text,
)

MAX_LENGTH = 2**30 - 1

# -- parts ------------------------------------------------------------------------------------------------


def slice_bounds(start: int, length: int | None) -> tuple[int, int | None]:
    """Python's bounds for substring(... from start for length)."""
    if length is None:
        return max(start - 1, 0), None
    if length < 0:
        raise errors.DataError("negative substring length not allowed", sqlstate="22011")
    return max(start - 1, 0), max(start - 1 + length, 0)


def substring(value: Any, start: int, length: int | None = None) -> Any:
    low, high = slice_bounds(start, length)
    return value[low:high]


def overlay(value: Any, replacement: Any, start: int, length: int | None = None) -> Any:
    """Replace `length` characters from `start` on (as many as `replacement` has by default)."""
    if start < 1:
        raise errors.DataError("negative substring length not allowed", sqlstate="22011")
    count = len(replacement) if length is None else length
    return value[: start - 1] + replacement + value[max(start - 1 + count, 0) :]


def left(value: str, count: int) -> str:
    return value[:count]


def right(value: str, count: int) -> str:
    return value[-count:] if count > 0 else value[-count:] if count < 0 else ""


def position(value: Any, part: Any) -> int:
    """The place of `part`, counted from 1; 0 if it is not there."""
    return int(value.find(part)) + 1


def split_part(value: str, delimiter: str, number: int) -> str:
    if number == 0:
        raise errors.InvalidParameterValue("field position must not be zero")
    parts = value.split(delimiter) if delimiter else [value]
    index = number - 1 if number > 0 else number
    return parts[index] if -len(parts) <= index < len(parts) else ""


def trim(value: str, characters: str = " ") -> str:
    return value.strip(characters) if characters else value


def trim_left(value: str, characters: str = " ") -> str:
    return value.lstrip(characters) if characters else value


def trim_right(value: str, characters: str = " ") -> str:
    return value.rstrip(characters) if characters else value


def _parts() -> Iterator[Function]:
    for name in ("substr", "substring"):
        yield Function(name, (TEXT, INTEGER), TEXT, substring)
        yield Function(name, (TEXT, INTEGER, INTEGER), TEXT, substring)
    yield Function("overlay", (TEXT, TEXT, INTEGER), TEXT, overlay)
    yield Function("overlay", (TEXT, TEXT, INTEGER, INTEGER), TEXT, overlay)
    yield Function("left", (TEXT, INTEGER), TEXT, left)
    yield Function("right", (TEXT, INTEGER), TEXT, right)
    for name in ("position", "strpos"):
        yield Function(name, (TEXT, TEXT), INTEGER, position, template="({0}.find({1}) + 1)")
    yield Function("split_part", (TEXT, TEXT, INTEGER), TEXT, split_part)
    for name, call in (("btrim", trim), ("ltrim", trim_left), ("rtrim", trim_right)):
        yield Function(name, (TEXT,), TEXT, call)
        yield Function(name, (TEXT, TEXT), TEXT, call)


# -- whole values -----------------------------------------------------------------------------------------


def check_length(length: int) -> None:
    if length > MAX_LENGTH:
        raise errors.ProgramLimitExceeded("requested length too large")


def pad_left(value: str, length: int, fill: str = " ") -> str:
    check_length(length)
    missing = length - len(value)
    if missing <= 0 or not fill:
        return value[: max(length, 0)]
    return (fill * (missing // len(fill) + 1))[:missing] + value


def pad_right(value: str, length: int, fill: str = " ") -> str:
    check_length(length)
    missing = length - len(value)
    if missing <= 0 or not fill:
        return value[: max(length, 0)]
    return value + (fill * (missing // len(fill) + 1))[:missing]


def repeat(value: str, count: int) -> str:
    check_length(len(value) * max(count, 0))
    return value * count


def replace(value: str, old: str, new: str) -> str:
    return value.replace(old, new) if old else value


def translate(value: str, old: str, new: str) -> str:
    """Replace each character of `old` by its partner in `new`; without a partner it goes."""
    table: dict[int, str | None] = {}
    for place, char in enumerate(old):
        table.setdefault(ord(char), new[place] if place < len(new) else None)
    return value.translate(table)


_INITIAL = re.compile(r"[^\W_]+")


def initcap(value: str) -> str:
    return _INITIAL.sub(lambda match: match[0][0].upper() + match[0][1:].lower(), value)


def ascii_code(value: str) -> int:
    return ord(value[0]) if value else 0


def character(code: int) -> str:
    if code == 0:
        raise errors.ProgramLimitExceeded("null character not permitted")
    if code < 0:
        raise errors.InvalidParameterValue("character number must be positive")
    if 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
        raise errors.ProgramLimitExceeded(f"requested character too large for encoding: {code}")
    return chr(code)


def octet_length(value: str) -> int:
    return len(value) if value.isascii() else len(value.encode())


def to_hex(value: int, bits: int) -> str:
    return f"{value & ((1 << bits) - 1):x}"


def _whole() -> Iterator[Function]:
    yield Function("lower", (TEXT,), TEXT, str.lower, template="{0}.lower()")
    yield Function("upper", (TEXT,), TEXT, str.upper, template="{0}.upper()")
    yield Function("initcap", (TEXT,), TEXT, initcap)
    for name in ("length", "char_length", "character_length"):
        yield Function(name, (TEXT,), INTEGER, len, template="len({0})")
    yield Function("octet_length", (TEXT,), INTEGER, octet_length)
    yield Function("bit_length", (TEXT,), INTEGER, lambda value: octet_length(value) * 8)
    for name, call in (("lpad", pad_left), ("rpad", pad_right)):
        yield Function(name, (TEXT, INTEGER), TEXT, call)
        yield Function(name, (TEXT, INTEGER, TEXT), TEXT, call)
    yield Function("repeat", (TEXT, INTEGER), TEXT, repeat)
    yield Function("reverse", (TEXT,), TEXT, lambda value: value[::-1], template="{0}[::-1]")
    yield Function("replace", (TEXT, TEXT, TEXT), TEXT, replace)
    yield Function("translate", (TEXT, TEXT, TEXT), TEXT, translate)
    yield Function("ascii", (TEXT,), INTEGER, ascii_code)
    yield Function("chr", (INTEGER,), TEXT, character)
    yield Function("starts_with", (TEXT, TEXT), BOOLEAN, str.startswith, template="{0}.startswith({1})")
    yield Function("to_hex", (INTEGER,), TEXT, lambda value: to_hex(value, 32))
    yield Function("to_hex", (BIGINT,), TEXT, lambda value: to_hex(value, 64))


# -- LIKE as functions ------------------------------------------------------------------------------------


def _likes() -> Iterator[Function]:
    """With the escape character as a third argument, for `LIKE ... ESCAPE`."""
    tests: tuple[tuple[str, Callable[..., bool]], ...] = (
        ("like", patterns.like),
        ("notlike", patterns.not_like),
        ("ilike", patterns.ilike),
        ("notilike", patterns.not_ilike),
        ("similar", patterns.similar),
        ("notsimilar", patterns.not_similar),
    )
    for name, call in tests:
        yield Function(name, (TEXT, TEXT), BOOLEAN, call)
        yield Function(name, (TEXT, TEXT, TEXT), BOOLEAN, call)
    for name, on_bytes in (("like", patterns.like_bytes), ("notlike", patterns.not_like_bytes)):
        yield Function(name, (BYTEA, BYTEA), BOOLEAN, on_bytes)
        yield Function(name, (BYTEA, BYTEA, BYTEA), BOOLEAN, on_bytes)


# -- concatenation and quoting ----------------------------------------------------------------------------


def concat(types: Types, *values: Any) -> str:
    return "".join([to_text(kind, value) for kind, value in zip(types, values) if value is not None])


def concat_ws(types: Types, separator: str | None, *values: Any) -> str | None:
    if separator is None:
        return None
    return separator.join([to_text(kind, value) for kind, value in zip(types[1:], values) if value is not None])


def _cast_text(kind: SqlType, value: Any) -> str:
    return boolean_text(value) if kind.name == "boolean" else to_text(kind, value)


_PLAIN_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*\Z")
_RESERVED = """
all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case
cast char character check coalesce collate collation column concurrently constraint create cross current_catalog
current_date current_role current_schema current_time current_timestamp current_user dec decimal default
deferrable desc distinct do else end except exists extract false fetch float for foreign freeze from full grant
greatest group grouping having ilike in initially inner inout int integer intersect interval into is isnull join
lateral leading least left like limit localtime localtimestamp national natural nchar none normalize not notnull
null nullif numeric offset on only or order out outer overlaps overlay placing position precision primary real
references returning right row select session_user setof similar smallint some substring symmetric table
tablesample then time timestamp to trailing treat trim true union unique user using values varchar variadic
verbose when where window with
"""
RESERVED_WORDS = frozenset(_RESERVED.split())


def quote_identifier(name: str) -> str:
    """`name` as SQL text: in double quotes unless it is a plain lower-case name that is no reserved word."""
    if _PLAIN_IDENTIFIER.match(name) and name not in RESERVED_WORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def quote_literal(value: str) -> str:
    """`value` as an SQL string literal, with the E prefix if it holds a backslash."""
    quoted = "'" + value.replace("'", "''") + "'"
    return "E" + quoted.replace("\\", "\\\\") if "\\" in value else quoted


def quote_any(types: Types, value: Any) -> str:
    return quote_literal(_cast_text(types[0], value))


def quote_nullable(types: Types, value: Any) -> str:
    return "NULL" if value is None else quote_literal(_cast_text(types[0], value))


_FORMAT = r"(?s)%(?:(?P<number>\d+)\$)?(?P<minus>-*)(?P<width>\*(?:\d+\$)?|\d+)?(?P<kind>.)?"  # compiled at first use


class _Formatter:
    """One call of format(): takes its arguments in order, or by number."""

    __slots__ = ("next", "types", "values")

    def __init__(self, types: Types, values: tuple[Any, ...]) -> None:
        self.types = types
        self.values = values
        self.next = 0

    def replace(self, match: re.Match[str]) -> str:
        kind = match["kind"]
        if kind == "%":
            return "%"
        if kind is None:
            raise errors.InvalidParameterValue("unterminated format() type specifier")
        if kind not in "sIL":
            raise errors.InvalidParameterValue(
                f'unrecognized format() type specifier "{kind}"', hint='For a single "%" use "%%".'
            )
        width = self._width(match["width"])
        text = self._text(kind, self._argument(match["number"]))
        padded = text.ljust(abs(width)) if match["minus"] or width < 0 else text.rjust(width)
        return padded

    def _width(self, width: str | None) -> int:
        if width is None or not width.startswith("*"):
            return int(width or 0)
        _, value = self._argument(width[1:-1] or None)
        return int(value or 0)

    def _argument(self, number: str | None) -> tuple[SqlType, Any]:
        index = self.next if number is None else int(number) - 1
        self.next = index + 1
        if index < 0:
            raise errors.InvalidParameterValue("format specifies argument 0, but arguments are numbered from 1")
        if index >= len(self.values):
            raise errors.InvalidParameterValue("too few arguments for format()")
        return self.types[index], self.values[index]

    @staticmethod
    def _text(kind: str, argument: tuple[SqlType, Any]) -> str:
        of_type, value = argument
        if value is None:
            if kind == "I":
                raise errors.DataError("null values cannot be formatted as an SQL identifier", sqlstate="22004")
            return "NULL" if kind == "L" else ""
        text = to_text(of_type, value)
        return text if kind == "s" else quote_identifier(text) if kind == "I" else quote_literal(text)


def format_text(types: Types, template: str | None, *values: Any) -> str | None:
    """PostgreSQL's format(): %s, %I and %L with positions and widths."""
    if template is None:
        return None
    formatter = _Formatter(types[1:], values)
    return re.sub(_FORMAT, formatter.replace, template)


def _quoting() -> Iterator[Function]:
    stable = {"strict": False, "volatility": "stable", "needs_types": True}
    yield Function("concat", (ANY,), TEXT, concat, variadic=ANY, **stable)  # type: ignore[arg-type]
    yield Function("concat_ws", (TEXT,), TEXT, concat_ws, variadic=ANY, **stable)  # type: ignore[arg-type]
    yield Function("format", (TEXT,), TEXT, format_text, variadic=ANY, **stable)  # type: ignore[arg-type]
    yield Function("quote_ident", (TEXT,), TEXT, quote_identifier)
    yield Function("quote_literal", (TEXT,), TEXT, quote_literal)
    yield Function("quote_literal", (ANYELEMENT,), TEXT, quote_any, needs_types=True)
    yield Function("quote_nullable", (ANYELEMENT,), TEXT, quote_nullable, strict=False, needs_types=True)


# -- arrays of text ---------------------------------------------------------------------------------------


def string_to_array(value: str | None, delimiter: str | None, null: str | None = None) -> tuple[Any, ...] | None:
    """Split; without a delimiter (NULL) into characters; parts that equal `null` become NULL."""
    if value is None:
        return None
    if not value:
        return ()
    parts = list(value) if delimiter is None else value.split(delimiter) if delimiter else [value]
    return tuple([None if null is not None and part == null else part for part in parts])


def string_to_table(value: str | None, delimiter: str | None, null: str | None = None) -> tuple[Any, ...]:
    return string_to_array(value, delimiter, null) or ()


def _splitting() -> Iterator[Function]:
    texts = array_of(TEXT)
    for arguments in ((TEXT, TEXT), (TEXT, TEXT, TEXT)):
        yield Function("string_to_array", arguments, texts, string_to_array, strict=False)
        yield Function("string_to_table", arguments, TEXT, string_to_table, strict=False, returns_set=True)


def functions() -> Iterator[Function]:
    """All functions of this module."""
    yield from _parts()
    yield from _whole()
    yield from _likes()
    yield from _quoting()
    yield from _splitting()
