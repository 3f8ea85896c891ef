"""Blocks of records, as `csv_format` and `text_format` cut them from blocks of characters.

A reader is given the source's characters piece by piece. It keeps what belongs to a record that is not complete yet,
and it knows the line that each record begins on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

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


class Cutter(Protocol):
    """What a format knows of its lines and records."""

    def is_plain(self, lines: Sequence[str]) -> bool:
        """Whether each line is a record that a split at the delimiter cuts."""
        ...

    def is_open(self, line: str, inside: bool) -> bool:
        """Whether a record goes on behind this line; `inside`: it did so behind the one before."""
        ...

    def fields(self, text: str) -> Sequence[Field]:
        """The fields of a record."""
        ...

    def last(self, text: str, line: int) -> Block:
        """What to make of a record that the source ends in."""
        ...


def blocks(pieces: Iterator[str], delimiter: str, cutter: Cutter, first_line: int) -> Iterator[Block]:
    r"""The records of a source, up to its end or to a line `\.`."""
    number = first_line
    waiting: list[str] = []  # lines of a record that goes on
    inside = False
    for lines, newline in whole_lines(pieces):
        if not waiting and cutter.is_plain(lines):
            yield Block([line.split(delimiter) for line in lines], range(number, number + len(lines)), lines, True)
            number += len(lines)
            continue
        records: list[Sequence[Field]] = []
        starts: list[int] = []
        texts: list[str] = []
        for line in lines:
            number += 1
            if line == "\\." and not waiting:
                yield Block(records, starts, texts, False)
                return
            waiting.append(line)
            inside = cutter.is_open(line, inside)
            if inside:
                continue
            text = newline.join(waiting) if len(waiting) > 1 else line
            records.append(cutter.fields(text))
            starts.append(number - len(waiting))
            texts.append(text)
            waiting = []
        yield Block(records, starts, texts, False)
    if waiting:
        yield cutter.last("\n".join(waiting), number - len(waiting))


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
