"""The graph as SVG: standing alone, with the verdict above and its edges in words below, or as a part of a page.

Colours follow the reader's preference for light or dark. Nothing is loaded from elsewhere; all text is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from minidb.lab.explanation import Explanation
from minidb.lab.paint import wrapped
from minidb.lab.pictures.drawing import drawing
from minidb.lab.pictures.geometry import NAME_LENGTH, Box, Placed, Plan, Point, planned
from minidb.lab.pictures.words import fit, one_line, sentence, shortened, steps_of

HERE = Path(__file__).parent
NAMESPACE = "http://www.w3.org/2000/svg"
NARROWEST = 520.0
MARGIN = 24.0
LINE_HEIGHT = 19.0
VERDICT_HEIGHT = 30.0
COLOURS = 6
HEAD_LENGTH, HEAD_WIDTH = 11.0, 8.5
ALONE = """
.verdict { font-size: 19px; font-weight: 700; letter-spacing: -0.01em; }
.more { font-size: 12.5px; } text.soft { fill: var(--soft); }
.paper { fill: var(--paper); }
"""


def svg(explanation: Explanation) -> str:
    """A picture of its own."""
    plan = planned(drawing(explanation))
    width = max(plan.width + 2 * MARGIN, NARROWEST)
    head = list(headlines(explanation, int((width - 2 * MARGIN) / 6.2)))
    below = list(legend(explanation, int((width - 2 * MARGIN) / 6.2)))
    graph_top = VERDICT_HEIGHT + LINE_HEIGHT * (len(head) + 1)
    height = graph_top + plan.height + 14 + LINE_HEIGHT * len(below) + MARGIN
    parts = [
        f'<svg xmlns="{NAMESPACE}" width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'role="img" class="graph" aria-label="{text_of(explanation.verdict)}">',
        f"<style>\n{style()}{ALONE}</style>",
        '<rect class="paper" width="100%" height="100%"/>',
        *text_lines(head, VERDICT_HEIGHT + 8),
        f'<g transform="translate({(width - plan.width) / 2 - plan.left:.1f} {graph_top - plan.top:.1f})">',
        *graph(plan),
        "</g>",
        *text_lines(below, graph_top + plan.height + 14 + 12),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def figure(explanation: Explanation) -> str:
    """The graph alone, for a page that has `style()` in it. Arrows that belong to a link lead to its words."""
    plan = planned(drawing(explanation))
    view = f"{plan.left:.1f} {plan.top:.1f} {plan.width:.1f} {plan.height:.1f}"
    names = ", ".join(f"{node.name} {node.state}" for node, _ in plan.nodes)
    label = text_of(f"Transactions as nodes: {names}. The arrows between them are listed below in words.")
    head = f'<svg class="graph" viewBox="{view}" style="--wide:{plan.width:.0f}px" role="group" aria-label="{label}">'
    return "\n".join([head, *graph(plan, links=True), "</svg>"])


def style() -> str:
    return (HERE / "theme.css").read_text(encoding="utf-8") + (HERE / "drawing.css").read_text(encoding="utf-8")


def text_of(text: str) -> str:
    return escape(fit(text))


# -- the graph


def graph(plan: Plan, links: bool = False) -> Iterator[str]:
    """Plain arrows first, so that those of the cycle lie above them; labels above all lines."""
    arrows = sorted(plan.arrows, key=lambda placed: placed.arrow.look != "plain")
    for placed in arrows:
        yield line(placed)
    for node, box in plan.nodes:
        yield from node_lines(node.name, node.state, box, f"node{' aborted' if node.aborted else ''}", node.session)
    for placed in arrows:
        yield from label(placed, links)


def line(placed: Placed) -> str:
    """The curve, which ends where its head begins."""
    (x0, y0), (x1, y1), tip = placed.curve.start, placed.curve.bend, placed.curve.end
    base, left, right = head_points(placed.curve.at(0.97), tip)
    curve = f"M{x0:.1f} {y0:.1f}Q{x1:.1f} {y1:.1f} {base[0]:.1f} {base[1]:.1f}"
    head = f"M{tip[0]:.1f} {tip[1]:.1f}L{left[0]:.1f} {left[1]:.1f}L{right[0]:.1f} {right[1]:.1f}Z"
    return (
        f'<g class="arrow {placed.arrow.look}"{data_of(placed)}>'
        f'<path class="curve" d="{curve}"/><path class="head" d="{head}"/></g>'
    )


def head_points(before: Point, tip: Point) -> tuple[Point, Point, Point]:
    """The middle of the head's base, and its two corners."""
    across, down = tip[0] - before[0], tip[1] - before[1]
    length = (across**2 + down**2) ** 0.5 or 1.0
    across, down = across / length, down / length
    x, y = tip[0] - across * HEAD_LENGTH, tip[1] - down * HEAD_LENGTH
    half = HEAD_WIDTH / 2
    return (x, y), (x - down * half, y + across * half), (x + down * half, y - across * half)


def data_of(placed: Placed) -> str:
    numbers = " ".join(map(str, placed.arrow.numbers))
    return f' data-links="{numbers}"' if numbers else ""


def node_lines(name: str, state: str, box: Box, kind: str, session: int) -> Iterator[str]:
    x, y = box.x - box.width / 2, box.y - box.height / 2
    yield f'<g class="{kind}" style="--session:var(--s{session % COLOURS})"><title>{text_of(name)}</title>'
    yield f'<rect x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="10"/>'
    yield centred(shortened(name, NAME_LENGTH), "name", box.x, box.y - 2)
    yield centred(state, "state", box.x, box.y + 14) + "</g>"


def label(placed: Placed, links: bool) -> Iterator[str]:
    box, arrow = placed.label, placed.arrow
    x, y = box.x - box.width / 2, box.y - box.height / 2
    linked = links and arrow.numbers
    if linked:
        name = text_of(f"{placed.lines[0]}: {arrow.words}")
        yield f'<a href="#link-{arrow.numbers[0]}" aria-label="{name}" class="arrow {arrow.look}"{data_of(placed)}>'
    else:
        yield f'<g class="arrow {arrow.look}"{data_of(placed)}>'
    yield f"<title>{text_of(one_line(arrow.words))}</title>"
    yield f'<rect class="label" x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="5"/>'
    yield centred(placed.lines[0], "kind", box.x, y + 15)
    if len(placed.lines) > 1:
        yield centred(placed.lines[1], "place", box.x, y + 32)
    yield "</a>" if linked else "</g>"


def centred(text: str, kind: str, x: float, y: float) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{text_of(text)}</text>'


# -- words around it


def headlines(explanation: Explanation, characters: int) -> Iterator[tuple[str, str]]:
    """The verdict; below it the schedule, the levels and the rollbacks."""
    yield from ((line, "verdict") for line in wrapped(one_line(explanation.verdict), int(characters / 2)))
    levels = ", ".join(dict.fromkeys(explanation.run.levels.values()))
    codes = [anomaly.code for anomaly in explanation.anomalies[:1]]
    about = " · ".join(filter(None, [one_line(explanation.title), levels, *codes]))
    yield from ((line, "more soft") for line in wrapped(about, characters))
    for abort in explanation.aborts:
        said = f"{abort.name} was rolled back: {abort.error.sqlstate} {one_line(abort.error.message)}"
        yield from ((line, "more soft") for line in wrapped(said, characters))


def legend(explanation: Explanation, characters: int) -> Iterator[tuple[str, str]]:
    """The links in words; where there are none, the other edges."""
    for kind, words in explanation.others:
        yield from ((line, "more") for line in wrapped(f"{kind}: {sentence(one_line(words))}", characters))
    for link in explanation.links:
        steps = steps_of(explanation, link.source_event, link.target_event)
        text = f"{link.number}  {link.kind}: {sentence(one_line(link.words))}"
        text += f" ({steps})".replace(" ", "\xa0").replace("\xa0", " ", 1) if steps else ""
        yield from ((line, "more") for line in wrapped(text, characters, "", "\u2003"))


def text_lines(lines: list[tuple[str, str]], y: float) -> Iterator[str]:
    for number, (text, kind) in enumerate(lines):
        yield f'<text class="{kind}" x="{MARGIN:.0f}" y="{y + number * LINE_HEIGHT:.0f}">{text_of(text)}</text>'


__all__ = ["figure", "style", "svg"]
