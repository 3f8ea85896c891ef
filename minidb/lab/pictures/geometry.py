"""Where nodes, arrows and labels go: on an ellipse, bent to the left, and wherever on its arrow a label covers least.

    two     side by side, an arrow above and one below
    more    on an ellipse, clockwise from the top; arrows bend to the left, so that a cycle that goes around it
            stays outside

An arrow is a quadratic Bézier curve from one node's middle to the other's, of which the part between the two boxes is
drawn. Labels are placed one after the other, those of cycles first: each tries places on and along its arrow and takes
the one with the least penalty. Lengths are in pixels, y grows downwards. Widths of text are estimated, rather too wide.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from minidb.lab.pictures.drawing import Arrow, Drawing, Node
from minidb.lab.pictures.words import shortened

Point = tuple[float, float]
NAME_LENGTH, PLACE_LENGTH = 18, 24
NODE_HEIGHT = 46.0
GAP = 7.0  # between a box and an arrow's end
PLACES = [0.5 + side * step / 40 for step in range(13) for side in (1, -1)]
PLACES_SHOWN = 6  # with more arrows than that their labels only have kinds
RADII = {3: (142.0, 126.0), 4: (165.0, 135.0), 5: (205.0, 175.0), 6: (250.0, 215.0)}
SAMPLES = 24


class Box(Struct, frozen=True):
    """A rectangle around its middle."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: Box, margin: float = 0.0) -> bool:
        return (
            abs(self.x - other.x) * 2 < self.width + other.width + margin * 2
            and abs(self.y - other.y) * 2 < self.height + other.height + margin * 2
        )

    def contains(self, point: Point, margin: float = 0.0) -> bool:
        return (
            abs(point[0] - self.x) < self.width / 2 + margin and abs(point[1] - self.y) < self.height / 2 + margin
        )


class Curve(Struct, frozen=True):
    """A quadratic Bézier curve."""

    start: Point
    bend: Point
    end: Point

    def at(self, t: float) -> Point:
        a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t**2
        return tuple(a * p + b * q + c * r for p, q, r in zip(self.start, self.bend, self.end))  # type: ignore[return-value]

    def part(self, low: float, high: float) -> Curve:
        """The piece from `low` to `high`."""
        bend = tuple(
            (1 - low) * (1 - high) * p + (low * (1 - high) + high * (1 - low)) * q + low * high * r
            for p, q, r in zip(self.start, self.bend, self.end)
        )
        return Curve(self.at(low), bend, self.at(high))  # type: ignore[arg-type]


class Placed(Struct, frozen=True):
    """An arrow with its curve, and its label: one line, or two."""

    arrow: Arrow
    curve: Curve
    label: Box
    lines: tuple[str, ...]


class Plan(Struct, frozen=True):
    """Everything with its place; the whole begins at (left, top)."""

    nodes: tuple[tuple[Node, Box], ...]
    arrows: tuple[Placed, ...]
    left: float
    top: float
    width: float
    height: float


def planned(drawing: Drawing) -> Plan:
    boxes = dict(zip((node.number for node in drawing.nodes), node_boxes(drawing.nodes)))
    curves = {id(arrow): curve_of(arrow, boxes) for arrow in drawing.arrows}
    placed: list[Placed] = []
    for arrow in sorted(drawing.arrows, key=lambda arrow: arrow.look == "plain"):
        lines = label_lines(arrow, len(drawing.arrows) <= PLACES_SHOWN)
        others = [curve for key, curve in curves.items() if key != id(arrow)]
        obstacles = [*boxes.values(), *(done.label for done in placed)]
        placed.append(Placed(arrow, curves[id(arrow)], label_box(curves[id(arrow)], lines, obstacles, others), lines))
    return framed(tuple((node, boxes[node.number]) for node in drawing.nodes), tuple(placed))


# -- nodes


def node_boxes(nodes: Sequence[Node]) -> list[Box]:
    widths = [node_width(node) for node in nodes]
    places = middles(len(nodes), max(widths, default=0.0))
    return [Box(*middle, width, NODE_HEIGHT) for middle, width in zip(places, widths)]


def node_width(node: Node) -> float:
    return max(len(shortened(node.name, NAME_LENGTH)) * 8.6, len(node.state) * 6.7) + 28


def middles(count: int, widest: float) -> list[Point]:
    if count <= 2:
        return [(number * (widest + 88), 0.0) for number in range(count)]
    across, down = RADII.get(count, (42.0 * count, 36.0 * count))
    across = max(across, widest * 0.95)
    return [
        (across * math.sin(2 * math.pi * number / count), -down * math.cos(2 * math.pi * number / count))
        for number in range(count)
    ]


# -- arrows


def curve_of(arrow: Arrow, boxes: dict[int, Box]) -> Curve:
    """The visible part of the curve, from box to box."""
    source, target = boxes[arrow.source], boxes[arrow.target]
    across, down = target.x - source.x, target.y - source.y
    bow = 0.46 if len(boxes) == 2 else 0.22
    bend = ((source.x + target.x) / 2 + down * bow, (source.y + target.y) / 2 - across * bow)
    whole = Curve((source.x, source.y), bend, (target.x, target.y))
    steps = [number / 200 for number in range(201)]
    low = next(t for t in steps if not source.contains(whole.at(t), GAP * 0.4))
    high = next(t for t in reversed(steps) if not target.contains(whole.at(t), GAP))
    return whole.part(low, max(low, high))


# -- labels


def label_lines(arrow: Arrow, with_place: bool) -> tuple[str, ...]:
    numbers = " ".join(map(str, arrow.numbers))
    first = f"{numbers} {', '.join(arrow.kinds)}".strip()
    return (first, shortened(arrow.place, PLACE_LENGTH)) if with_place and arrow.place else (first,)


def label_box(curve: Curve, lines: Sequence[str], obstacles: Sequence[Box], others: Iterable[Curve]) -> Box:
    """Where it covers least: never a node or another label if that can be, then as few other arrows as possible."""
    width = max(len(lines[0]) * 7.6 + 14, *(len(line) * 7.0 + 12 for line in lines))
    height = 18.0 * len(lines) + 3
    points = [other.at(number / SAMPLES) for other in others for number in range(SAMPLES + 1)]
    candidates = [box for t in PLACES for box in boxes_at(curve, t, width, height, beside=len(lines) > 1)]
    penalties = [penalty(box, obstacles, points) + number * 0.1 for number, box in enumerate(candidates)]
    return candidates[penalties.index(min(penalties))]


def boxes_at(curve: Curve, t: float, width: float, height: float, beside: bool) -> Iterator[Box]:
    """A label on the curve, or to its left, outside of the bow; what is better first."""
    x, y = curve.at(t)
    (x0, y0), (x1, y1) = curve.at(t - 0.02), curve.at(t + 0.02)
    length = math.hypot(x1 - x0, y1 - y0) or 1.0
    left, up = (y1 - y0) / length, (x0 - x1) / length
    away = width / 2 * abs(left) + height / 2 * abs(up) + 2
    outside = Box(x + left * away, y + up * away, width, height)
    yield from (outside, Box(x, y, width, height)) if beside else (Box(x, y, width, height), outside)


def penalty(box: Box, obstacles: Sequence[Box], points: Sequence[Point]) -> float:
    covered = sum(100 for obstacle in obstacles if box.overlaps(obstacle, 3))
    return covered + sum(1 for point in points if box.contains(point))


# -- the frame


def framed(nodes: tuple[tuple[Node, Box], ...], arrows: tuple[Placed, ...], margin: float = 10.0) -> Plan:
    boxes = [box for _, box in nodes] + [placed.label for placed in arrows]
    points = [placed.curve.at(number / SAMPLES) for placed in arrows for number in range(SAMPLES + 1)]
    boxes += [Box(x, y, 8, 8) for x, y in points]
    left = min((box.x - box.width / 2 for box in boxes), default=0.0) - margin
    right = max((box.x + box.width / 2 for box in boxes), default=0.0) + margin
    top = min((box.y - box.height / 2 for box in boxes), default=0.0) - margin
    bottom = max((box.y + box.height / 2 for box in boxes), default=0.0) + margin
    return Plan(nodes, arrows, left, top, right - left, bottom - top)
