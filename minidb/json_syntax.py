"""The syntax of JSON: the standard library's scanner with exact numbers, and PostgreSQL's words for what is wrong.

The scanner is C and says little; when it refuses a text, `complain` reads it again, slowly, to find the token that
PostgreSQL's parser would name (json_parse.c: one error detail for each place in the grammar).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from minidb import errors

if TYPE_CHECKING:
    from json import JSONDecoder

_BLANKS = re.compile(r"[ \t\n\r]*")
_MAX_DIGITS = 4000  # int() refuses more than 4,300
_MAX_WEIGHT = 131_071


def skip_blanks(text: str, position: int) -> int:
    return _BLANKS.match(text, position).end()  # type: ignore[union-attr]


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) < _MAX_DIGITS else Decimal(text)


def _fraction(text: str) -> Decimal:
    """As numeric reads it: no exponent, no negative zero."""
    value = Decimal(text)
    if value and value.adjusted() > _MAX_WEIGHT:
        raise errors.NumericValueOutOfRange("value overflows numeric format")
    if "e" in text or "E" in text:
        value = Decimal(f"{value:f}")
    return value if value else value.copy_abs()


def _constant(text: str) -> NoReturn:
    raise ValueError(text)  # NaN and Infinity are not JSON


@cache
def decoder() -> JSONDecoder:
    import json  # few sessions have documents

    return json.JSONDecoder(parse_float=_fraction, parse_int=_integer, parse_constant=_constant)


def scan_once() -> Callable[[str, int], tuple[Any, int]]:
    scan: Callable[[str, int], tuple[Any, int]] = decoder().scan_once  # type: ignore[attr-defined]
    return scan


def scan_string(text: str, position: int) -> tuple[str, int]:
    """The string whose first character stands at `position` (behind its quote), and the place behind it."""
    return decoder().parse_string(text, position, True)  # type: ignore[attr-defined, no-any-return]


@cache
def _quoter() -> Callable[[str], str]:
    from json.encoder import encode_basestring

    return encode_basestring


def quoted(text: str) -> str:
    return _quoter()(text)


# -- what is wrong ----------------------------------------------------------------------------------------

_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"  # compiled when there is something to complain of
_WORD = r"[A-Za-z0-9_\x80-\U0010ffff]+"
_NUMBER_LIKE = r"-?[A-Za-z0-9_.+\-]*"
_PUNCTUATION = "{}[],:"


class _Wrong(Exception):
    pass


def complain(text: str) -> errors.InvalidTextRepresentation:
    """The error for a text that is not JSON."""
    detail = None
    try:
        _Reader(text).value_and_end()
    except _Wrong as wrong:
        detail = str(wrong)
    except RecursionError:
        pass
    return errors.InvalidTextRepresentation("invalid input syntax for type json", detail=detail)


class _Reader:
    """Reads tokens and fails at the first that has no place; `kind` and `token` are the one at hand."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.kind = self.token = ""
        self.advance()

    def advance(self) -> None:
        start = skip_blanks(self.text, self.position)
        if start == len(self.text):
            self.kind, self.token, self.position = "end", "", start
            return
        first = self.text[start]
        if first in _PUNCTUATION:
            self.kind, end = first, start + 1
        elif first == '"':
            self.kind, end = "string", self._string(start + 1)
        elif first == "-" or first.isdigit():
            self.kind, end = "number", self._number(start)
        else:
            self.kind, end = "word", self._word(start)
        self.token, self.position = self.text[start:end], end

    def _number(self, start: int) -> int:
        match = re.compile(_NUMBER).match(self.text, start)
        end = re.compile(_NUMBER_LIKE).match(self.text, start).end()  # type: ignore[union-attr]
        if match is None or match.end() != end:
            raise _Wrong(f'Token "{self.text[start:end]}" is invalid.')
        return end

    def _word(self, start: int) -> int:
        match = re.compile(_WORD).match(self.text, start)
        end = match.end() if match else start + 1
        if self.text[start:end] not in ("true", "false", "null"):
            raise _Wrong(f'Token "{self.text[start:end]}" is invalid.')
        return end

    def _string(self, position: int) -> int:
        text, start = self.text, position - 1
        while position < len(text):
            char = text[position]
            if char == '"':
                return position + 1
            if char < " ":
                raise _Wrong(f"Character with value 0x{ord(char):02x} must be escaped.")
            position = self._escape(position) if char == "\\" else position + 1
        raise _Wrong(f'Token "{text[start:]}" is invalid.')

    def _escape(self, position: int) -> int:
        following = self.text[position + 1 : position + 2]
        if following == "u":
            if re.compile("[0-9a-fA-F]{4}").match(self.text, position + 2) is None:
                raise _Wrong('"\\u" must be followed by four hexadecimal digits.')
            return position + 6
        if following and following in '"\\/bfnrt':
            return position + 2
        raise _Wrong(f'Escape sequence "\\{following}" is invalid.')

    def fail(self, expected: str) -> NoReturn:
        if self.kind == "end":
            raise _Wrong("The input string ended unexpectedly.")
        raise _Wrong(f'Expected {expected}, but found "{self.token}".')

    def value_and_end(self) -> None:
        self.value("JSON value")
        if self.kind != "end":
            self.fail("end of input")

    def value(self, expected: str) -> None:
        if self.kind == "{":
            self.object()
        elif self.kind == "[":
            self.array()
        elif self.kind in ("string", "number", "word"):
            self.advance()
        else:
            self.fail(expected)

    def object(self) -> None:
        self.advance()
        first = True
        while self.kind != "}":
            if not first:
                if self.kind != ",":
                    self.fail('"," or "}"')
                self.advance()
            if self.kind != "string":
                self.fail('string or "}"' if first else "string")
            self.advance()
            if self.kind != ":":
                self.fail('":"')
            self.advance()
            self.value("JSON value")
            first = False
        self.advance()

    def array(self) -> None:
        self.advance()
        first = True
        while self.kind != "]":
            if not first:
                if self.kind != ",":
                    self.fail('"," or "]"')
                self.advance()
            self.value('array element or "]"' if first else "JSON value")
            first = False
        self.advance()
