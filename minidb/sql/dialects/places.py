"""Where in the user's text an error belongs that was found in its translation.

The word at the place of the error is looked for in the user's text: the n-th time that the translation says it is the
n-th time that the user did, or the last one. Words that only the translation has give no place.
"""

from __future__ import annotations

import re

WORD = re.compile(r"'(?:[^']|'')*'|[A-Za-z_][\w$]*|\d[\w.]*|[^\s\w]")
NAMES = re.compile(r"[`\"\[\]]")


def place_in(original: str, changed: str, position: int | None) -> int | None:
    """The offset in `original` of what stands at `position` in `changed`."""
    if position is None:
        return None
    found = next((match for match in WORD.finditer(changed, position) if not NAMES.fullmatch(match[0])), None)
    if found is None:
        return len(original)
    word = found[0].lower()
    before = sum(match[0].lower() == word for match in WORD.finditer(changed, 0, found.start()))
    places = [match.start() for match in WORD.finditer(original) if match[0].lower() == word]
    return places[min(before, len(places) - 1)] if places else None


def offset(text: str, line: int, column: int) -> int:
    """The offset of a line and column, which count from one."""
    lines = text.split("\n")
    return sum(len(each) + 1 for each in lines[: line - 1]) + column - 1
