"""CSV: fields that hold a delimiter, a quote or a newline stand in quotes, quotes in them are doubled.

An unquoted field that is the NULL string (nothing, if not said otherwise) is NULL; a quoted one is text. Quotes may
begin and end anywhere in a field, as in PostgreSQL. Lines without a quote are split, well-formed ones are matched by an
expression, and only the rest is read character by character.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from minidb.copying.options import CopyOptions
from minidb.copying.records import Block, Field, bad_format, blocks, shown


def read(pieces: Iterator[str], options: CopyOptions, table: str, first_line: int = 1) -> Iterator[Block]:
    return blocks(pieces, options.delimiter, _Cutter(options, table), first_line)


class _Cutter:
    """Cuts a record into its fields."""

    def __init__(self, options: CopyOptions, table: str) -> None:
        self.options = options
        self.table = table
        self.simple = options.quote == options.escape
        d, q = re.escape(options.delimiter), re.escape(options.quote)
        self.field = re.compile(rf"{q}((?:[^{q}]|{q}{q})*){q}(?={d}|\Z)|([^{d}{q}]*)(?={d}|\Z)", re.DOTALL)

    def is_plain(self, lines: Sequence[str]) -> bool:
        quote = self.options.quote
        return "\\." not in lines and not any(quote in line for line in lines)

    def is_open(self, line: str, inside: bool) -> bool:
        """Whether a quote has not been closed, so that the record goes on in the next line."""
        if self.simple:
            return inside ^ (line.count(self.options.quote) % 2 == 1)
        escape, quote = self.options.escape, self.options.quote
        place = 0
        while place < len(line):
            letter = line[place]
            if inside and letter == escape and line[place + 1 : place + 2] in (escape, quote):
                place += 1
            elif letter == quote:
                inside = not inside
            place += 1
        return inside

    def last(self, text: str, line: int) -> Block:
        raise bad_format("unterminated CSV quoted field", f'COPY {self.table}, line {line}: "{shown(text)}"')

    def fields(self, text: str) -> Sequence[Field]:
        options = self.options
        if options.quote not in text:
            parts: list[Field] = [None if p == options.null else p for p in text.split(options.delimiter)]
            return parts
        found = self.well_formed(text) if self.simple else None
        if found is None:
            found = self.slowly(text)
        assert found is not None
        return found

    def well_formed(self, text: str) -> list[Field] | None:
        """The fields, if each is quoted from its first to its last character or not at all."""
        quote, null = self.options.quote, self.options.null
        doubled = quote + quote
        fields: list[Field] = []
        position = 0
        match = self.field.match
        while True:
            found = match(text, position)
            if found is None:
                return None
            quoted, bare = found.groups()
            if quoted is None:
                fields.append(None if bare == null else bare)
            else:
                fields.append(quoted.replace(doubled, quote) if quote in quoted else quoted)
            position = found.end() + 1
            if position > len(text):
                return fields

    def slowly(self, text: str) -> list[Field] | None:
        """The fields, read character by character; None if a quote is open at the end."""
        options = self.options
        fields: list[Field] = []
        word: list[str] = []
        inside = was_quoted = False
        place = 0
        while place < len(text):
            letter = text[place]
            following = text[place + 1 : place + 2]
            if inside and letter == options.escape and following and following in (options.quote, options.escape):
                word.append(following)
                place += 1
            elif letter == options.quote:
                inside, was_quoted = not inside, True
            elif letter == options.delimiter and not inside:
                fields.append(self.finished(word, was_quoted))
                word, was_quoted = [], False
            else:
                word.append(letter)
            place += 1
        if inside:
            return None
        fields.append(self.finished(word, was_quoted))
        return fields

    def finished(self, word: list[str], was_quoted: bool) -> Field:
        text = "".join(word)
        return None if not was_quoted and text == self.options.null else text


# -- writing ----------------------------------------------------------------------------------------------


def special(options: CopyOptions) -> re.Pattern[str]:
    """What a field cannot hold without quotes."""
    return re.compile("[\r\n" + re.escape(options.delimiter) + re.escape(options.quote) + "]")


def writer(options: CopyOptions, forced: Sequence[bool]) -> Callable[[Sequence[Field]], str]:
    """A function that makes a line (without newline) of a row's texts; `forced`: columns that are always quoted."""
    delimiter, quote, null = options.delimiter, options.quote, options.null
    needs_quotes = special(options)
    alone = len(forced) == 1
    force = any(forced)

    def quoted(field: str) -> str:
        if options.escape != quote:
            field = field.replace(options.escape, options.escape * 2)
        return quote + field.replace(quote, options.escape + quote) + quote

    def text(field: Field, always: bool) -> str:
        if field is None:
            return null
        if always or field == null or needs_quotes.search(field) is not None or (alone and field == "\\."):
            return quoted(field)
        return field

    def line(fields: Sequence[Field]) -> str:
        if not force and None not in fields and null not in fields and not alone:
            if needs_quotes.search("".join(fields)) is None:  # type: ignore[arg-type]
                return delimiter.join(fields)  # type: ignore[arg-type]
        return delimiter.join([text(field, always) for field, always in zip(fields, forced)])

    return line
