"""Colours for SQL: cuts a text into pieces and says what each one is. It knows the surface only, as an editor does."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

PIECE = re.compile(
    r"""
      (?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
    | (?P<string>[eE]?'(?:[^']|'')*(?:'|\Z)|\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z))
    | (?P<name>"(?:[^"]|"")*(?:"|\Z))
    | (?P<parameter>\?|(?<!:):[A-Za-z_]\w*|\$\d+)
    | (?P<number>\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<command>\A\s*\\\S*)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def pieces(text: str, keywords: Collection[str]) -> Iterator[tuple[str, str]]:
    """Pairs of kind and text that together are `text`. `keywords` are in lower case.

    Kinds: comment, string, name, parameter, number, keyword, word, command, other."""
    for match in PIECE.finditer(text):
        kind = match.lastgroup
        assert kind is not None
        if match["string"] is not None:
            kind = "string"
        elif kind == "word" and match[0].lower() in keywords:
            kind = "keyword"
        yield kind, match[0]


def lines(text: str, keywords: Collection[str]) -> list[list[tuple[str, str]]]:
    """The same, line by line; a piece that spans lines is cut."""
    result: list[list[tuple[str, str]]] = [[]]
    for kind, piece in pieces(text, keywords):
        first, *others = piece.split("\n")
        result[-1].append((kind, first))
        result.extend([(kind, other)] for other in others)
    return result
