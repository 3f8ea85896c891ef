"""COPY ... FROM: blocks of records become rows of a table.

Where all columns are given and the table has neither checks nor generated columns, the rows of a block go to
`insert_many` as they are; else through the compiled statement (`binder.copies`), which fills in defaults and checks.
An error tells the line, and the column if it was about one; which record of a block it was is found out afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from minidb import errors, schema
from minidb.copying import csv_format, text_format
from minidb.copying.columns import column_reader
from minidb.copying.options import CopyOptions
from minidb.copying.records import Block, Field, bad_format, shown
from minidb.keys import Row
from minidb.sql.compiler.violations import null_violation
from minidb.types import from_text


class Loader:
    """One COPY FROM."""

    def __init__(self, table: schema.Table, columns: Sequence[schema.Column], options: CopyOptions,
                 now: datetime) -> None:
        self.table = table
        self.columns = columns
        self.options = options
        self.now = now
        self.readers = [column_reader(column.type, options.null, now) for column in columns]
        names = [column.name for column in columns]
        self.not_null = [names.index(name) for name in options.force_not_null if name in names]
        self.null = [names.index(name) for name in options.force_null if name in names]

    def blocks(self, pieces: Iterator[str]) -> Iterator[Block]:
        """The records behind the header."""
        reader = self.reader(pieces)
        if not self.options.header:
            yield from reader
            return
        first = True
        for block in reader:
            if first and block.records:
                self.check_header(block)
                block = Block(block.records[1:], block.lines[1:], block.texts[1:], block.plain)
                first = False
            yield block

    def reader(self, pieces: Iterator[str]) -> Iterator[Block]:
        if self.options.csv:
            return csv_format.read(pieces, self.options, self.table.name)
        return text_format.read(pieces, self.options)

    def check_header(self, block: Block) -> None:
        if self.options.header != "match":
            return
        names = [column.name for column in self.columns]
        given = block.records[0]
        where = f'COPY {self.table.name}, line 1: "{shown(block.texts[0])}"'
        if len(given) != len(names):
            raise bad_format(f"wrong number of fields in header line: got {len(given)}, expected {len(names)}", where)
        for place, (name, wanted) in enumerate(zip(given, names), 1):
            if name != wanted:
                got = "null value" if name is None else f'"{name}"'
                raise bad_format(
                    f'column name mismatch in header line field {place}: got {got}, expected "{wanted}"', where
                )

    # -- from records to rows

    def rows(self, block: Block) -> list[Row]:
        """The converted rows of a block."""
        width = len(self.columns)
        try:
            if set(map(len, block.records)) - {width}:
                raise errors.DataError("a record is too short or too long")
            if width == 0:
                return [()] * len(block.records)
            columns = list(zip(*block.records))
            for place in self.not_null:
                columns[place] = tuple([self.options.null if text is None else text for text in columns[place]])
            for place in self.null:
                columns[place] = tuple([None if text == self.options.null else text for text in columns[place]])
            plain = block.plain
            values = [
                read(texts, plain and place not in self.not_null)
                for place, (read, texts) in enumerate(zip(self.readers, columns))
            ]
        except errors.Error:
            self.explain(block)
            raise
        return list(zip(*values))

    def explain(self, block: Block) -> None:
        """Raises the error of the first record that has one, with its place."""
        for record, line, text in zip(block.records, block.lines, block.texts):
            where = f"COPY {self.table.name}, line {line}"
            self.check_width(record, where, text)
            for place, (column, field) in enumerate(zip(self.columns, record)):
                if field is None or (block.plain and field == self.options.null and place not in self.not_null):
                    continue
                try:
                    from_text(column.type, field, self.now)
                except errors.Error as error:
                    error.context = f'{where}, column {column.name}: "{shown(field)}"'
                    raise

    def check_width(self, record: Sequence[Field], where: str, text: str) -> None:
        context = f'{where}: "{shown(text)}"'
        if len(record) > len(self.columns):
            raise bad_format("extra data after last expected column", context)
        if len(record) < len(self.columns):
            raise bad_format(f'missing data for column "{self.columns[len(record)].name}"', context)

    # -- from rows to the table

    @property
    def direct(self) -> bool:
        """Whether a row is complete as it comes."""
        table = self.table
        positions = [column.position for column in self.columns]
        return not table.checks and positions == list(range(len(table.columns)))

    def check_nulls(self, rows: Sequence[Row]) -> None:
        for place, column in enumerate(self.columns):
            if column.not_null and any(row[place] is None for row in rows):
                for row in rows:
                    self.first_null(row)

    def first_null(self, row: Row) -> None:
        for place, column in enumerate(self.columns):
            if column.not_null and row[place] is None:
                null_violation(self.table, column.position, row)

    def context(self, block: Block, place: int) -> str | None:
        if not 0 <= place < len(block.lines):
            return None
        return f'COPY {self.table.name}, line {block.lines[place]}: "{shown(block.texts[place])}"'

