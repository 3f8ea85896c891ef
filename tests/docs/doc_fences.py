"""The fenced blocks of a Markdown file, and the files of this project that have any.

A comment `<!-- sql` or `<!-- python` ... `-->` is a block, too: it is run like the others and not shown, for what the
examples of a page stand on.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$|^<!-- (sql|python)\n(.*?)^-->$", re.MULTILINE | re.DOTALL)


class Fence(NamedTuple):
    """One block: what it is written in, its text, and where in the file that begins."""

    language: str
    text: str
    start: int


def fences(page: str) -> list[Fence]:
    """All fenced blocks of a page, and the hidden ones, in order."""
    found = []
    for match in _FENCE.finditer(page):
        group = 1 if match[1] is not None else 3
        found.append(Fence(match[group], match[group + 1], match.start(group + 1)))
    return found


def page_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()
