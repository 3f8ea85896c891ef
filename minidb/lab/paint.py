"""Text with colours: what a piece of text *means* is said here, and how that looks on this terminal.

Everything is laid out as plain text first and painted last, so that colours never disturb the columns. A terminal that
knows no Unicode gets plain ASCII.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from msgspec import Struct

LOOKS = {
    "title": "1",
    "level": "1;36",
    "rule": "2",
    "dim": "2",
    "sql": "",
    "answer": "32",
    "wait": "33",
    "go": "33",
    "error": "31",
    "bad": "1;31",
    "good": "1;32",
    "session 0": "1;34",
    "session 1": "1;35",
    "session 2": "1;36",
}
ASCII = str.maketrans("┌┐└┘├┤┬┴┼─│━·→✗✓⋯▸▼–×", "+++++++++-|=.>x+.>v-x")


class Painter(Struct, frozen=True):
    """Where text will be shown: how many places wide, with colours or without."""

    width: int = 100
    colours: bool = False

    def __call__(self, text: str, look: str) -> str:
        code = LOOKS[look] if self.colours else ""
        return f"\x1b[{code}m{text}\x1b[0m" if code and text else text


def wrapped(text: str, width: int, first: str = "", rest: str | None = None) -> list[str]:
    """Lines of at most `width` places. `first` begins the first one, `rest` the others, by default as wide a blank."""
    rest = " " * len(first) if rest is None else rest
    return textwrap.wrap(
        text, max(width, 12), initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    ) or [first]


def heading(painter: Painter, left: str, right: str) -> str:
    """A heavy rule across the page, with a title in it and, at its end, the level."""
    taken = len(left) + 4 + (len(right) + 4 if right else 0)
    parts = [painter("━━", "rule"), painter(left, "title"), painter("━" * max(2, painter.width - taken), "rule")]
    if right:
        parts += [painter(right, "level"), painter("━━", "rule")]
    return " ".join(parts)


def columns(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip()
