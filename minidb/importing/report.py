"""What an import has done, and what it has left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

EACH = 2000
Progress = Callable[[str, int, int], None]  # table, rows so far, rows in all (0: not known)


class Report(msgspec.Struct):
    tables: dict[str, int] = {}  # rows
    views: list[str] = []
    left_out: list[str] = []

    def leave_out(self, words: str) -> None:
        self.left_out.append(words)

    def lines(self) -> Iterator[str]:
        for name, rows in self.tables.items():
            yield f"{name}: {rows} row{'' if rows == 1 else 's'}"
        for name in self.views:
            yield f"{name}: view"
        for words in self.left_out:
            yield f"left out: {words}"


def counted(rows: Iterable[Any], name: str, total: int, progress: Progress | None) -> Iterator[Any]:
    """The rows, and every now and then word of them."""
    for number, row in enumerate(rows):
        if progress is not None and number % EACH == 0:
            progress(name, number, total)
        yield row
