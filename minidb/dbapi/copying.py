"""COPY from Python: `cursor.copy(sql, data)` at once, or psycopg's block.

    with cursor.copy("COPY t FROM STDIN") as copy:        with cursor.copy("COPY t TO STDOUT") as copy:
        copy.write("1\\tone\\n")                                for piece in copy: ...
        copy.write_row((2, "two"))                            (or: for row in copy.rows(), copy.read())

What is written is kept, in memory up to a few megabytes and then in a temporary file, and the statement runs when the
block ends; one that is left by an exception runs nothing. What is read was written by the statement when the block was
entered. So a block never holds locks while Python code runs in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any

from minidb.copying.lines import cut_rows, row_lines
from minidb.copying.ports import PIECE, Port, pieces_of
from minidb.errors import InvalidParameterValue, ProgrammingError

if TYPE_CHECKING:
    from minidb.dbapi.cursor import Cursor

MEMORY = 16 << 20  # characters kept in memory
Data = str | bytes


port = Port


class Copy:
    """A COPY statement about to be run, or its output."""

    def __init__(self, cursor: Cursor, statement: Any, run: Callable[[Port], int]) -> None:
        self._cursor = cursor
        self._statement = statement
        self._run = run
        self._file: IO[str] | None = None

    def __enter__(self) -> Copy:
        from tempfile import SpooledTemporaryFile  # slow to import

        self._file = file = SpooledTemporaryFile(MEMORY, "w+", encoding="utf-8", newline="")
        if self._statement.direction == "to":
            self._run(Port(target=file.write))
            file.seek(0)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        file, self._file = self._opened(), None
        try:
            if kind is None and self._statement.direction == "from":
                file.seek(0)
                self._run(Port(source=pieces_of(file)))
        finally:
            file.close()

    def _opened(self) -> IO[str]:
        if self._file is None:
            raise ProgrammingError("a COPY is used in a `with` block", sqlstate="55000")
        return self._file

    # -- FROM STDIN

    def write(self, data: Data) -> None:
        """More data, in the statement's format; bytes are UTF-8."""
        self._opened().write(data if isinstance(data, str) else bytes(data).decode())

    def write_row(self, row: Iterable[Any]) -> None:
        """One row of Python values."""
        self._opened().writelines(row_lines([tuple(row)], self._statement))

    # -- TO STDOUT

    def __iter__(self) -> Iterator[str]:
        return pieces_of(self._opened())

    def read(self) -> str:
        """The next piece of the data; '' at the end."""
        return self._opened().read(PIECE)

    def rows(self) -> Iterator[tuple[str | None, ...]]:
        """The rows as tuples of texts, None for NULL."""
        return cut_rows(pieces_of(self._opened()), self._statement)


def source_of(data: Any, statement: Any) -> Iterable[Data]:
    """The data of COPY FROM: a text, an open file, or an iterable of texts or of rows."""
    if isinstance(data, str | bytes):
        return [data]
    if hasattr(data, "read"):
        return pieces_of(data)
    if not isinstance(data, Iterable) or isinstance(data, Mapping):
        raise InvalidParameterValue(
            f"COPY FROM takes a text, an open file or an iterable of texts or rows, not {type(data).__name__}"
        )
    return _texts(iter(data), statement)


def _texts(items: Iterator[Any], statement: Any) -> Iterator[Data]:
    first = next(items, None)
    if first is None:
        return
    if isinstance(first, str | bytes):
        yield first
        yield from items
        return
    yield from row_lines([first], statement)
    yield from row_lines(items, statement)


def target_of(data: Any) -> Callable[[str], Any]:
    """Where COPY TO writes: an open file (of bytes, too), or a function."""
    write: Callable[[Any], Any] = getattr(data, "write", data)
    if not callable(write):
        raise InvalidParameterValue(f"COPY TO takes an open file, not {type(data).__name__}")
    mode = getattr(data, "mode", "")
    if ("b" in mode if isinstance(mode, str) else False) or type(data).__name__ == "BytesIO":
        return lambda text: write(text.encode())
    return write
