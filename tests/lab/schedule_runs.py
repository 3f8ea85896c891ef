"""Runs a schedule as `minidb schedule -o` does: what is printed and what is complained of, in one text."""

from __future__ import annotations

from pathlib import Path

from minidb.lab.engines.own import OwnEngine
from minidb.lab.schedule_text import parse
from minidb.lab.tester import Tester


def run_file(path: Path, level: str | None = None, defer: bool = False) -> tuple[bool, str]:
    """Whether all went well, and the text."""
    return run_text(path.read_text(encoding="utf-8"), level, defer)


def run_text(text: str, level: str | None = None, defer: bool = False) -> tuple[bool, str]:
    lines: list[str] = []
    engine = OwnEngine()
    try:
        fine = Tester(parse(text), engine, lines.append, lines.append, level, defer).run()
    finally:
        engine.close()
    return fine, "".join(f"{line}\n" for line in lines)
