"""The matrix anomaly x isolation level, computed: each of its cells is a performance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from minidb.isolation import IsolationLevel
from minidb.lab.demo import Demo, Record, Scene
from minidb.lab.paint import Painter, heading, wrapped
from minidb.lab.theatre import Theatre

LEVELS = tuple(IsolationLevel)
MARGIN = "  "
LEGEND = (
    "✗ happens   ✓ prevented, because a session waits (waits), fails as not serializable (40001) or as a deadlock's "
    "victim (40P01), or because readers get an older version without waiting (no wait)"
)


class Line(Struct, frozen=True):
    """One row: a scene, and its performances by level."""

    demo: Demo
    scene: Scene
    records: dict[IsolationLevel, Record]

    def cells(self) -> list[str]:
        return [cell(self.records[level]) for level in LEVELS]


def cell(record: Record) -> str:
    verdict = record.verdict
    return f"{'✗' if verdict.happened else '✓'} {verdict.how}"


def compute(demos: Iterable[Demo], theatre: Theatre) -> list[Line]:
    """Plays every scene that has a row, at every level."""
    return [Line(demo, scene, {level: theatre.play(scene, level) for level in LEVELS}) for demo, scene in rows(demos)]


def rows(demos: Iterable[Demo]) -> Iterator[tuple[Demo, Scene]]:
    return ((demo, scene) for demo in demos for scene in demo.scenes if scene.row)


def matrix(lines: Sequence[Line], painter: Painter) -> Iterator[str]:
    """Its text: the anomalies first, then the cures at levels that would not prevent them."""
    labels, widths = layout(lines, painter.width - len(MARGIN))
    yield heading(painter, "Anomaly × isolation level", "")
    yield from head(widths, painter)
    for cured in (False, True):
        part = [(label, line) for label, line in zip(labels, lines) if line.scene.cure is cured]
        if cured and part:
            yield MARGIN + painter("─" * sum(widths), "rule")
        for label, line in part:
            yield MARGIN + body(label, line, widths, painter)
    yield ""
    yield from (painter(text, "dim") for text in wrapped(LEGEND, painter.width, MARGIN))


def layout(lines: Sequence[Line], room: int) -> tuple[list[str], list[int]]:
    """Labels and column widths: as roomy as the page allows."""
    short, long = [line.scene.row for line in lines], [long_label(line) for line in lines]
    for labels, gap in ((long, 2), (long, 1), (short, 2)):
        widths = [max(map(len, labels)) + gap, *(width + gap for width in column_widths(lines))]
        widths[-1] -= gap
        if sum(widths) <= room:
            return labels, widths
    return short, [max(map(len, short)) + 1, *(width + 1 for width in column_widths(lines))]


def long_label(line: Line) -> str:
    anomalies = [scene for scene in line.demo.scenes if scene.row and not scene.cure]
    if not anomalies or line.scene is not anomalies[0]:
        return line.scene.row
    return f"{line.scene.row:<11}{line.demo.title}"


def column_widths(lines: Sequence[Line]) -> list[int]:
    columns = zip(*[line.cells() for line in lines])
    words = [str(level).split() for level in LEVELS]
    return [max(map(len, [*cells, *name])) for cells, name in zip(columns, words)]


def head(widths: Sequence[int], painter: Painter) -> Iterator[str]:
    """The levels' names, one word above the other."""
    for place in (0, 1):
        names = [["", *str(level).split()][-2:][place] for level in LEVELS]
        text = "".join(name.ljust(width) for name, width in zip(names, widths[1:])).rstrip()
        yield MARGIN + " " * widths[0] + painter(text, "level")


def body(label: str, line: Line, widths: Sequence[int], painter: Painter) -> str:
    text = label.ljust(widths[0])
    for level, shown, width in zip(LEVELS, line.cells(), widths[1:]):
        look = "bad" if line.records[level].verdict.happened else "answer"
        text += painter(shown, look) + " " * (width - len(shown))
    return text.rstrip()
