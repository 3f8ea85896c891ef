"""Tokens of a path: (kind, text or value, where it begins).

Kinds: 'string', 'variable', 'number', 'name' (an identifier or a keyword), 'end', and each symbol as its own kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from minidb import errors

_TOKEN = re.compile(
    r"(?P<blank>\s+|/\*.*?\*/)"
    r"|(?P<symbol>&&|\|\||\*\*|<=|>=|==|<>|!=|[?%.\[\]{}()!<>@,*\-+/])"
    r'|(?P<string>"(?:[^"\\]|\\.)*")'
    r'|(?P<variable>\$(?:"(?:[^"\\]|\\.)*"|(?:[^\s?%$.\[\]{}()|&!=<>@#,*:\-+/"\\]|\\.)+))'
    r"|(?P<root>\$)"
    r"|(?P<name>(?:[^\s?%$.\[\]{}()|&!=<>@#,*:\-+/\"\\]|\\.)+)",
    re.DOTALL,
)
_NUMBER = re.compile(r"(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_JUNK = re.compile(r"[^\s?%$.\[\]{}()|&!=<>@#,*:\-+/\"\\]")
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")


class Token(NamedTuple):
    kind: str
    value: Any
    text: str


def tokens(text: str) -> Iterator[Token]:
    """The tokens of `text`, 'end' last. Raises 42601."""
    position = 0
    while position < len(text):
        number = _NUMBER.match(text, position)
        if number is not None:
            position = number.end()
            if _JUNK.match(text, position):
                raise failure("trailing junk after numeric literal", number[0] + text[position])
            yield Token("number", _number(number[0]), number[0])
            continue
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unreadable(text, position)
        position = match.end()
        if match.lastgroup != "blank":
            yield _token(match.lastgroup or "", match[0])
    yield Token("end", None, "")


def failure(words: str, near: str) -> errors.SyntaxError:
    """The error for what stands at `near`; empty for the end."""
    place = f'at or near "{near}"' if near else "at end"
    return errors.SyntaxError(f"{words} {place} of jsonpath input")


def _unreadable(text: str, position: int) -> errors.SyntaxError:
    if text[position] == '"':
        return failure("unterminated quoted string", "")
    if text.startswith("/*", position):
        return failure("unexpected end of comment", "")
    return failure("syntax error", text[position])


def _token(kind: str, text: str) -> Token:
    if kind == "symbol":
        return Token(text, text, text)
    if kind == "root":
        return Token("$", text, text)
    if kind == "string":
        return Token("string", _unescaped(text[1:-1]), text)
    if kind == "variable":
        return Token("variable", _unescaped(text[2:-1] if text[1] == '"' else text[1:]), text)
    # an identifier with an escape in it is no keyword
    return Token("name" if "\\" not in text else "string", _unescaped(text), text)


def _number(text: str) -> int | Decimal:
    if text.isdecimal() and len(text) < 4000:
        return int(text)
    value = Decimal(text)
    if value and value.adjusted() > 131_071:
        raise errors.NumericValueOutOfRange("value overflows numeric format")
    value = Decimal(f"{value:f}")
    return int(value) if value == value.to_integral_value() and "." not in f"{value}" and len(text) < 4000 else value


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text

    def character(match: re.Match[str]) -> str:
        code = match[1] or match[2] or match[3]
        return chr(int(code, 16)) if code else _CONTROLS.get(match[4], match[4])

    plain = _ESCAPE.sub(character, text)
    if "\0" in plain:
        raise errors.DataError(
            "unsupported Unicode escape sequence", sqlstate="22P05", detail="\\u0000 cannot be converted to text."
        )
    return _SURROGATES.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), plain)
