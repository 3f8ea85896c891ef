"""The matrix anomaly x isolation level as Markdown: computed for minidb, measured for other engines, and put into a
document between a pair of marks:

    <!-- begin NAME -->
    what is here is replaced
    <!-- end NAME -->
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from minidb.errors import InvalidParameterValue
from minidb.lab.demo import Demo, Record, Scene
from minidb.lab.demos import DEMOS
from minidb.lab.engines.inspection import levels_of
from minidb.lab.engines.protocol import Engine
from minidb.lab.matrix import LEVELS, cell, rows
from minidb.lab.theatre import Theatre
from minidb.lab.tour import can_travel, play_on


def own_table(theatre: Theatre) -> Iterator[str]:
    """minidb's own matrix."""
    head = ["", *map(str, LEVELS)]
    body = [
        [name(demo, scene), *(shown(theatre.play(scene, level)) for level in LEVELS)] for demo, scene in rows(DEMOS)
    ]
    return markdown([head, *body])


def engine_table(engine: Engine) -> Iterator[str]:
    """Another engine's: each scene that can be performed there, at each of its levels."""
    levels = levels_of(engine)
    body = [
        [name(demo, scene), *(shown(play_on(engine, scene, level.name, level.like[0])) for level in levels)]
        for demo, scene in rows(DEMOS) if can_travel(scene)
    ]
    return markdown([["", *(level.name for level in levels)], *body])


def name(demo: Demo, scene: Scene) -> str:
    """`G2-item: write skew`; cures, and scenes that only vary one, are named as they are in the matrix."""
    first = next(other for other in demo.scenes if other.row)
    if scene.cure or scene is not first:
        return f"{scene.row}{' (cure)' if scene.cure else ''}"
    return f"{scene.row}: {demo.title.lower()}"


def shown(record: Record) -> str:
    text = cell(record)
    return f"**{text}**" if record.verdict.happened else text


def markdown(table: Sequence[Sequence[str]]) -> Iterator[str]:
    head, *body = table
    yield line(head)
    yield "|" + "---|" * len(head)
    yield from map(line, body)


def line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def placed(document: str, mark: str, lines: Iterable[str]) -> str:
    """The document with `lines` between the marks of that name. Raises InvalidParameterValue if it has none."""
    begin, end = f"<!-- begin {mark} -->\n", f"<!-- end {mark} -->"
    before, found, rest = document.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise InvalidParameterValue(f"the document has no marks {begin.strip()} and {end}")
    return before + begin + "\n" + "".join(f"{text}\n" for text in lines) + "\n" + end + after


def between(document: str, mark: str) -> list[str]:
    """The lines that stand between the marks."""
    text = document.partition(f"<!-- begin {mark} -->\n")[2].partition(f"<!-- end {mark} -->")[0]
    return text.strip("\n").split("\n")
