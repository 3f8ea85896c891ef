"""Charts as SVG, readable on light and on dark pages: bars of ratios, and lines over two logarithmic axes.

Everything is text and a few shapes; colours come from a style sheet in the file, which asks the reader's page whether
it is dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from html import escape

import msgspec

WIDTH = 760
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 14px }
.grid { stroke: #d0d7de; stroke-width: 1 }
.one { stroke: #57606a; stroke-width: 1.5 }
.must { stroke: #24292f; stroke-width: 2.5 }
.dot { stroke: none }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .grid { stroke: #30363d } .one { stroke: #8b949e } .must { stroke: #e6edf3 }
}
"""
COLOURS = ("#0969da", "#d1242f", "#1a9e4b", "#bf8700", "#8250df", "#0e8a8a")
BELOW = "#d1242f"


class Bar(msgspec.Struct, frozen=True):
    """One bar of a ratio, with a mark where it should reach; `good` says whether it does."""

    label: str
    value: float
    mark: float | None
    good: bool


class Series(msgspec.Struct, frozen=True):
    """One line: points from left to right."""

    label: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False


class Axis:
    """A logarithmic axis: what lies between `low` and `high` to pixels between `start` and `end`."""

    def __init__(self, values: Iterable[float], start: float, end: float) -> None:
        found = [value for value in values if value > 0]
        self.low = math.floor(math.log10(min(found)) + 1e-9)
        self.high = max(math.ceil(math.log10(max(found)) - 1e-9), self.low + 1)
        self.start, self.end = start, end

    def __call__(self, value: float) -> float:
        place = (math.log10(max(value, 10.0**self.low)) - self.low) / (self.high - self.low)
        return self.start + place * (self.end - self.start)

    def ticks(self) -> Iterator[float]:
        return (10.0**power for power in range(self.low, self.high + 1))


def ratio_chart(title: str, bars: Sequence[Bar]) -> str:
    """Horizontal bars from 1 to each ratio; a stroke where it should be at least."""
    left, top, step = 190, 44, 20
    height = top + step * len(bars) + 30
    across = Axis([value for bar in bars for value in (bar.value, bar.mark or 1, 1)], left, WIDTH - 60)
    parts = [text(10, 22, title, "title")]
    for tick in across.ticks():
        parts.append(stroke(across(tick), top - 6, across(tick), height - 24, "one" if tick == 1 else "grid"))
        parts.append(text(across(tick), height - 8, f"{tick:g}", anchor="middle"))
    for number, bar in enumerate(bars):
        y = top + step * number
        near, far = sorted((across(1), across(bar.value)))
        colour = COLOURS[0] if bar.good else BELOW
        parts.append(f'<rect x="{near:.1f}" y="{y}" width="{far - near:.1f}" height="12" rx="2" fill="{colour}"/>')
        parts.append(text(left - 10, y + 11, bar.label, anchor="end"))
        parts.append(text(max(far, across(bar.mark or 0)) + 6, y + 11, f"{bar.value:.2f}"))
        if bar.mark:
            parts.append(stroke(across(bar.mark), y - 3, across(bar.mark), y + 15, "must"))
    return document(height, parts)


def line_chart(title: str, across_label: str, up_label: str, lines: Sequence[Series]) -> str:
    """Lines over two logarithmic axes, with a legend on the right."""
    left, top, bottom, right, height = 80, 60, 336, 540, 386
    across = Axis([x for line in lines for x, _ in line.points], left, right)
    up = Axis([y for line in lines for _, y in line.points], bottom, top)
    parts = [text(10, 22, title, "title"), text((left + right) / 2, height - 8, across_label, anchor="middle")]
    parts.append(text(10, top - 16, up_label))
    for tick in across.ticks():
        parts.append(stroke(across(tick), top, across(tick), bottom, "grid"))
        parts.append(text(across(tick), bottom + 18, f"{tick:,.0f}", anchor="middle"))
    for tick in up.ticks():
        parts.append(stroke(left, up(tick), right, up(tick), "grid"))
        parts.append(text(left - 8, up(tick) + 4, f"{tick:,.0f}" if tick >= 1 else f"{tick:g}", anchor="end"))
    for number, line in enumerate(lines):
        parts += drawn(line, across, up, COLOURS[number % len(COLOURS)])
        parts.append(legend(line, right + 20, top + 10 + 20 * number, COLOURS[number % len(COLOURS)]))
    return document(height, parts)


def drawn(line: Series, across: Axis, up: Axis, colour: str) -> Iterator[str]:
    places = [(across(x), up(y)) for x, y in line.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes(line)}/>'
    for x, y in places:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" class="dot" fill="{colour}"/>'


def legend(line: Series, x: float, y: float, colour: str) -> str:
    sample = f'<line x1="{x}" y1="{y}" x2="{x + 22}" y2="{y}" stroke="{colour}" stroke-width="3"{dashes(line)}/>'
    return sample + text(x + 30, y + 4, line.label)


def dashes(line: Series) -> str:
    return ' stroke-dasharray="5 4"' if line.dashed else ""


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{attribute}>{escape(words)}</text>'


def stroke(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def document(height: float, parts: Iterable[str]) -> str:
    size = f'width="{WIDTH}" height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}"'
    return "\n".join(
        [f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">', f"<style>{STYLE}</style>", *parts, "</svg>", ""]
    )
