"""docs/performance.md: the parts of it that measurements replace, and the charts beside it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def begin(part: str) -> str:
    return f"<!-- {part}: begin -->"


def end(part: str) -> str:
    return f"<!-- {part}: end -->"


def replace_part(path: Path, part: str, lines: Iterable[str]) -> None:
    """Puts the lines between the marks of a part; the marks must be there."""
    before, found, rest = path.read_text(encoding="utf-8").partition(begin(part))
    _, closed, after = rest.partition(end(part))
    if not found or not closed:
        raise SystemExit(f"{path} has no part {part!r}")
    middle = "\n".join(lines)
    path.write_text(f"{before}{begin(part)}\n{middle}\n{end(part)}{after}", encoding="utf-8")


def write_chart(path: Path, name: str, svg: str) -> str:
    """Puts a chart into the document's folder; returns the line that shows it."""
    folder = path.with_suffix("")
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    return f"![{name.replace('-', ' ')}]({folder.name}/{name}.svg)"
