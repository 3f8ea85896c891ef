"""Unicode and identifiers: normalize, is_normalized, unistr, parse_ident."""

from __future__ import annotations

import re
from collections.abc import Iterator

from minidb import errors
from minidb.sql.functions.registry import Function
from minidb.types import BOOLEAN, TEXT, array_of, check_text

_FORMS = frozenset({"NFC", "NFD", "NFKC", "NFKD"})
_ESCAPE = r"\\(?:(\\)|([0-9a-fA-F]{4})|u([0-9a-fA-F]{4})|\+([0-9a-fA-F]{6})|U([0-9a-fA-F]{8}))?"
_PART = r'\s*(?:"((?:[^"]|"")*)"|([A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*))\s*'


def _form(name: str) -> str:
    if name.upper() not in _FORMS:
        raise errors.InvalidParameterValue(f"invalid normalization form: {name}")
    return name.upper()


def normalize(value: str, form: str = "NFC") -> str:
    import unicodedata  # 1 MB, and few statements need it

    return unicodedata.normalize(_form(form), value)  # type: ignore[arg-type]


def is_normalized(value: str, form: str = "NFC") -> bool:
    return normalize(value, form) == value


def unistr(value: str) -> str:
    r"""\0041, \u0041, \+000041 and \U00000041 as characters; a pair of surrogates is one."""

    def character(match: re.Match[str]) -> str:
        digits = match[2] or match[3] or match[4] or match[5]
        if match[1]:
            return "\\"
        if digits is None:
            raise errors.SyntaxError(
                "invalid Unicode escape", hint="Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX."
            )
        code = int(digits, 16)
        if not 0 < code <= 0x10FFFF:
            raise errors.InvalidParameterValue(f"invalid Unicode code point: {code:04X}")
        return chr(code)

    text = re.sub(_ESCAPE, character, value)
    try:
        return check_text(text.encode("utf-16", "surrogatepass").decode("utf-16"))
    except UnicodeDecodeError:
        raise errors.SyntaxError("invalid Unicode surrogate pair") from None


def parse_ident(value: str, strict: bool = True) -> tuple[str, ...]:
    """The parts of a qualified name; not strict: what stands behind it is ignored."""

    def refuse(detail: str | None = None) -> errors.InvalidParameterValue:
        return errors.InvalidParameterValue(f'string is not a valid identifier: "{value}"', detail=detail)

    parts: list[str] = []
    position = 0
    while True:
        match = re.compile(_PART).match(value, position)
        if match is None:
            before = ' before ".".' if value[position : position + 1] == "." else ' after ".".' if parts else ""
            raise refuse(f"No valid identifier{before}" if before else None)
        if match[1] == "":
            raise refuse("Quoted identifier must not be empty.")
        parts.append(match[2].lower() if match[1] is None else match[1].replace('""', '"'))
        position = match.end()
        if value[position : position + 1] != ".":
            break
        position += 1
    if strict and position < len(value):
        raise refuse()
    return tuple(parts)


def functions() -> Iterator[Function]:
    """All functions of this module."""
    for count in (1, 2):
        yield Function("normalize", (TEXT, TEXT)[:count], TEXT, normalize)
        yield Function("is_normalized", (TEXT, TEXT)[:count], BOOLEAN, is_normalized)
        yield Function("parse_ident", (TEXT, BOOLEAN)[:count], array_of(TEXT), parse_ident)
    yield Function("unistr", (TEXT,), TEXT, unistr)
