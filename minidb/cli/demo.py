"""`minidb demo`: the anomalies, played on a database file before the reader's eyes.

Without a name every demo is shown, at the level that shows it best, and then the matrix of all anomalies at all levels.
With a name one demo is told at length, at that level and at one that prevents it, or at the level asked for.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from minidb.cli.main import level
from minidb.cli.pages import page_width, show
from minidb.isolation import IsolationLevel
from minidb.lab.demo import Demo, Scene
from minidb.lab.demos import DEMOS
from minidb.lab.matrix import compute, matrix
from minidb.lab.paint import Painter, wrapped
from minidb.lab.theatre import Theatre
from minidb.lab.transcript import elsewhere, scene_heading, scene_title, transcript

MATRIX = "matrix"
BY_NAME = {demo.name: demo for demo in DEMOS}
FONTS = "Menlo, Consolas, DejaVu Sans Mono"
USAGE_ERROR = 2
MORE = "`minidb demo NAME` tells one of them at length, `--isolation LEVEL` at another level; `--list` names them."


def main(argv: Sequence[str]) -> int:
    """Runs `minidb demo` with these arguments and returns the exit status."""
    options = parser().parse_args(list(argv))
    strange = [name for name in options.names if name != MATRIX and name not in BY_NAME]
    if strange:
        return unknown(strange[0])
    painter = Painter(page_width(), options.svg is not None or (options.colour and sys.stdout.isatty()))
    with Theatre() as theatre:
        lines = overview(painter) if options.list else chosen(options, theatre, painter)
        if options.svg:
            return draw(lines, painter.width, options.svg)
        show(lines)
        return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="minidb demo", description="Shows anomalies happening and being prevented.")
    made.add_argument("names", nargs="*", metavar="NAME", help="a demo, or `matrix`; without any, all of them")
    made.add_argument("--isolation", metavar="LEVEL", type=as_level, help="play at this level")
    made.add_argument("--brief", action="store_true", help="leave out the story and the details of errors")
    made.add_argument("--list", action="store_true", help="list the demos")
    made.add_argument("--no-color", dest="colour", action="store_false", help="no colours, even on a terminal")
    made.add_argument("--svg", metavar="FILE", help="draw the output into this file instead of printing it")
    return made


def as_level(name: str) -> IsolationLevel:
    return IsolationLevel.parse(level(name))


def unknown(name: str) -> int:
    near = get_close_matches(name, [demo.name for demo in DEMOS], 1)
    hint = f"Did you mean {near[0]}?" if near else "`minidb demo --list` names them."
    print(f"minidb demo: there is no demo {name!r}. {hint}", file=sys.stderr)
    return USAGE_ERROR


# -- what is shown


def chosen(options: argparse.Namespace, theatre: Theatre, painter: Painter) -> Iterator[str]:
    """What the command line asks for."""
    if not options.names:
        yield from everything(theatre, painter, options.isolation)
    for name in options.names:
        if name == MATRIX:
            yield from matrix(compute(DEMOS, theatre), painter)
        else:
            tell = briefly if options.brief else at_length
            yield from tell(theatre, BY_NAME[name], levels_of(BY_NAME[name], options.isolation), painter)


def overview(painter: Painter) -> Iterator[str]:
    size = max(len(demo.name) for demo in DEMOS) + 2
    for demo in DEMOS:
        yield from wrapped(demo.summary, painter.width, demo.name.ljust(size), " " * size)


def everything(theatre: Theatre, painter: Painter, asked: IsolationLevel | None) -> Iterator[str]:
    """Every demo, briefly, then the matrix."""
    for demo in DEMOS:
        yield from briefly(theatre, demo, levels_of(demo, asked), painter)
    yield from matrix(compute(DEMOS, theatre), painter)
    yield ""
    yield from wrapped(MORE, painter.width, "  ")


def levels_of(demo: Demo, asked: IsolationLevel | None) -> list[IsolationLevel]:
    if asked is not None:
        return [asked]
    return [level for level in (demo.shown_at, demo.prevented_at) if level is not None]


def briefly(theatre: Theatre, demo: Demo, levels: list[IsolationLevel], painter: Painter) -> Iterator[str]:
    """Its first scene in full at the first level; one line for each other scene and level."""
    scene, *others = demo.scenes
    shown = theatre.play(scene, levels[0])
    yield scene_heading(demo, shown, painter)
    yield from wrapped(demo.summary, painter.width, "  ")
    yield from transcript(shown, painter, explain=False)
    for other in levels[1:]:
        yield elsewhere(theatre.play(scene, other), painter)
    for more in others:
        yield f"  {more.title}"
        for played_at in levels_for(more, levels):
            yield elsewhere(theatre.play(more, played_at), painter)
    yield ""


def at_length(theatre: Theatre, demo: Demo, levels: list[IsolationLevel], painter: Painter) -> Iterator[str]:
    """The story, then every scene at every level asked for."""
    yield from wrapped(demo.story, painter.width, "  ")
    for scene in demo.scenes:
        for played_at in levels_for(scene, levels):
            record = theatre.play(scene, played_at)
            yield ""
            yield scene_heading(demo, record, painter)
            yield from scene_title(scene, painter)
            yield from transcript(record, painter)
    yield ""


def levels_for(scene: Scene, levels: list[IsolationLevel]) -> list[IsolationLevel]:
    return levels if scene.level is None else [scene.level]


def draw(lines: Iterable[str], width: int, path: str) -> int:
    """Writes the lines as an SVG picture that needs nothing from elsewhere."""
    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, width=width, file=io.StringIO())
    console.print(Text.from_ansi("\n".join(lines)))
    picture = console.export_svg(title="minidb demo")
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL).replace("Fira Code", FONTS)
    Path(path).write_text(picture, encoding="utf-8")
    return 0
