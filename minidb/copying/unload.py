"""COPY ... TO: the rows of a table or query as lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from minidb import errors
from minidb.copying import csv_format, text_format
from minidb.copying.columns import column_writer
from minidb.copying.options import CopyOptions
from minidb.keys import Row
from minidb.results import Columns


def lines(columns: Columns, batches: Iterable[Sequence[Row]], options: CopyOptions) -> Iterator[tuple[int, str]]:
    """(number of rows, their lines), a batch at a time; the header first."""
    names = [name for name, _ in columns]
    writers = [column_writer(kind) for _, kind in columns]
    special = csv_format.special(options) if options.csv else text_format.special(options)
    if options.csv:
        line = csv_format.writer(options, _forced(names, options))
        heading = csv_format.writer(options, [False] * len(names))
    else:
        line = heading = text_format.writer(options)
    if options.header:
        yield 0, heading(names) + "\n"
    plainly = not (options.csv and (len(names) < 2 or options.force_quote is None or options.force_quote))
    for batch in batches:
        if not names or not batch:
            yield len(batch), "\n" * len(batch)
            continue
        texts = [write(values) for write, values in zip(writers, zip(*batch))]
        if plainly and not any(None in column or options.null in column for column in texts) and not any(
            special.search("".join(column)) for column in texts  # type: ignore[arg-type]
        ):
            yield len(batch), "\n".join(map(options.delimiter.join, zip(*texts))) + "\n"
        else:
            yield len(batch), "".join([line(fields) + "\n" for fields in zip(*texts)])


def _forced(names: Sequence[str], options: CopyOptions) -> list[bool]:
    if options.force_quote is None:
        return [True] * len(names)
    for name in sorted(options.force_quote - set(names)):
        raise errors.InvalidColumnReference(f'FORCE_QUOTE column "{name}" not referenced by COPY')
    return [name in options.force_quote for name in names]
