"""Expected texts in files. MINIDB_UPDATE_GOLDEN=1 writes them anew; the diff is then the thing to read."""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import unified_diff
from itertools import groupby
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"
REGENERATE = bool(os.environ.get("MINIDB_UPDATE_GOLDEN"))


def check_golden(path: Path, text: str) -> None:
    if REGENERATE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    expected = path.read_text(encoding="utf-8")
    if text != expected:
        difference = unified_diff(expected.splitlines(), text.splitlines(), str(path.name), "now", lineterm="")
        raise AssertionError("\n".join(difference))


def by_level(texts: Iterable[tuple[str, str]]) -> str:
    """One block for each group of levels that gave the same text."""
    ordered = sorted(texts, key=lambda pair: pair[1])
    blocks = {text: [level for level, _ in group] for text, group in groupby(ordered, key=lambda pair: pair[1])}
    names = [level for level, _ in texts]
    firsts = sorted(blocks.items(), key=lambda block: names.index(block[1][0]))
    return "\n".join(f"== {', '.join(sorted(levels, key=names.index))}\n\n{text}\n" for text, levels in firsts)
