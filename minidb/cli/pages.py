"""What commands print: a page as wide as the terminal, in the letters that it knows."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterable

from minidb.lab.paint import ASCII, Painter

NARROWEST, WIDEST, ON_PAPER = 64, 120, 100


def painter_for(options: argparse.Namespace, widest: int = WIDEST, on_paper: int = ON_PAPER) -> Painter:
    """Paints for standard output; `options.colour` says whether a terminal gets colours."""
    return Painter(page_width(widest, on_paper), options.colour and sys.stdout.isatty())


def page_width(widest: int = WIDEST, on_paper: int = ON_PAPER) -> int:
    """In places; `on_paper` where there is no terminal."""
    return max(NARROWEST, min(shutil.get_terminal_size((on_paper, 24)).columns, widest))


def show(lines: Iterable[str]) -> None:
    """Prints the lines as they come."""
    for text in lines:
        print(printable(text), flush=True)


def printable(text: str) -> str:
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return text.translate(ASCII).encode("ascii", "replace").decode()
    return text


def positive(text: str) -> int:
    """The type of an option that counts something."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
