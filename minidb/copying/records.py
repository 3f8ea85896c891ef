"""Blocks of records, as `csv_format` and `text_format` cut them from blocks of characters.

A reader is given the source's characters piece by piece. It keeps what belongs to a record that is not complete yet,
and it knows the line that each record begins on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from minidb import errors

SHOWN = 100  # characters of a record that a message shows
Field = str | None


class Block(NamedTuple):
    """Records cut into fields, None for NULL; `lines[i]` is the line on which record i begins, `texts[i]` its text.

    `plain`: fields that are equal to the NULL string have not been replaced by None yet."""

    records: Sequence[Sequence[Field]]
    lines: Sequence[int]
    texts: Sequence[str]
    plain: bool


def whole_lines(pieces: Iterator[str]) -> Iterator[tuple[list[str], str]]:
    """The lines of the source, many at a time, without their newlines; with them the newline of this source.

    The first newline decides what a newline is; a line that is not ended is complete when the source ends."""
    rest = ""
    newline = ""
    for piece in pieces:
        rest += piece
        if not newline:
            newline = _newline(rest)
            if not newline:
                continue
        lines = rest.split(newline)
        rest = lines.pop()
        if lines:
            yield lines, newline
    if rest:
        if not newline and rest.endswith("\r"):
            newline = "\r"
        yield rest.removesuffix("\r").split(newline) if newline == "\r" else [rest], newline or "\n"


def _newline(text: str) -> str:
    """The kind of newline that the text has first; '' where it is not known yet."""
    place = text.find("\n")
    if place < 0:
        return "" if "\r" not in text[:-1] else "\r"
    if "\r" in text[: max(place - 1, 0)]:
        return "\r"
    return "\r\n" if place and text[place - 1] == "\r" else "\n"


def bad_format(message: str, context: str) -> errors.DataError:
    """22P04 with the place in the source."""
    error = errors.DataError(message, sqlstate="22P04")
    error.context = context
    return error


def shown(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


Reader = Callable[[Iterator[str]], Iterator[Block]]
