"""`minidb explain`: runs one order of a schedule and says why it went as it did, in words and in pictures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from minidb.cli.main import level
from minidb.cli.messages import error_text
from minidb.cli.pages import painter_for, show
from minidb.cli.schedule_files import STANDARD, USAGE_ERROR, complain, read_schedule
from minidb.errors import Error
from minidb.lab.explaining import explain_schedule
from minidb.lab.explanation import Explanation
from minidb.lab.pictures import dot, html, mermaid, svg, text

COMMAND = "explain"
PICTURES: dict[str, Callable[[Explanation], str]] = {"svg": svg, "mermaid": mermaid, "dot": dot, "html": html}
MEANING = {
    "svg": "draw the graph into this file",
    "mermaid": "write the graph as a Mermaid flowchart",
    "dot": "write the graph in Graphviz' language",
    "html": "write a page with everything: graph, timeline, locks and versions",
}


def main(argv: Sequence[str]) -> int:
    """Runs `minidb explain` with these arguments. Returns 0, or 2 if a file cannot be read, understood or written."""
    options = parser().parse_args(list(argv))
    schedule = read_schedule(COMMAND, options.file)
    if schedule is None:
        return USAGE_ERROR
    try:
        explanation = explain_schedule(schedule, options.isolation, options.permutation)
    except Error as error:
        return complain(COMMAND, f"{options.file}:\n{error_text(error)}")
    wanted = {kind: target for kind in PICTURES if (target := getattr(options, kind)) is not None}
    if STANDARD not in wanted.values():
        show(text(explanation, painter_for(options)))
    return max((write(PICTURES[kind](explanation), target) for kind, target in wanted.items()), default=0)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="minidb explain",
        description="Runs one order of a schedule and says why it went as it did. Without --permutation it is the "
        "file's first one or, if the file names none, the first one found that goes wrong.",
    )
    made.add_argument("file", metavar="FILE", help="a schedule; - is standard input")
    made.add_argument("--isolation", metavar="LEVEL", type=level, help="run every session at this level")
    made.add_argument("--permutation", metavar='"A B C"', type=str.split, help="the steps' order")
    made.add_argument("--no-color", dest="colour", action="store_false", help="no colours, even on a terminal")
    for kind, meaning in MEANING.items():
        made.add_argument(f"--{kind}", metavar="FILE", help=f"{meaning}; - is standard output")
    return made


def write(picture: str, target: str) -> int:
    if target == STANDARD:
        sys.stdout.write(picture)
        return 0
    try:
        Path(target).write_text(picture, encoding="utf-8", newline="\n")
    except OSError as error:
        return complain(COMMAND, f"cannot write {target}: {error.strerror}")
    return 0
