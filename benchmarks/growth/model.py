"""A cost model: cost = a + b * shape(rows) + c * misses, fitted by least squares, and tried on a size not seen.

    point operations    shape = log2(rows)    the depth of the tree
    scans, loads        shape = rows
    misses              the pages of one operation that are not cached

Misses are not measured but follow from sizes. An operation touches so many leaves, each as likely as any other; what
the cache can hold beside inner nodes is shared by the leaves of all trees of the table, which are all in use:

    misses = leaves touched * (1 - (cache - inner nodes) / leaves in memory)

What a leaf takes in memory is counted, on the largest size that is fitted; of more rows there are more leaves, each as
large as before. Without a size in the fit that is beyond the cache nothing is known of the cost of a miss: then there
is no c, and nothing is foretold for what does not fit.

The errors that are squared are relative ones, so that small sizes count as much as large ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import msgspec

SHAPES: dict[str, Callable[[float], float]] = {"log2(rows)": math.log2, "rows": float}
INNER_BYTES = 390  # of an inner node, in memory, for each leaf below it
ALL = math.inf  # leaves touched: every one


class TreeSize(msgspec.Struct, frozen=True):
    """Of one tree.

    Attributes:
        leaf_bytes: all leaves, decoded.
        inner_bytes: all inner nodes, decoded.
    """

    leaves: float
    leaf_bytes: float
    inner_bytes: float

    def grown(self, times: float) -> TreeSize:
        return TreeSize(self.leaves * times, self.leaf_bytes * times, self.inner_bytes * times)


TOUCHED: dict[str, dict[str, float]] = {  # operation -> tree -> leaves
    "point select": {"account_pkey": 1, "account": 1},
    "range of 20": {"account_opened": 1, "account": 20},
    "covering range of 20": {"account_opened": 1},
    "scan with a sum": {"account": ALL},
    "update": {"account_pkey": 1, "account": 1},
    "scan after the updates": {"account": ALL},
}


def misses(operation: str, trees: Mapping[str, TreeSize], cache_bytes: float) -> float:
    room = cache_bytes - sum(tree.inner_bytes for tree in trees.values())
    cached = room / sum(tree.leaf_bytes for tree in trees.values())
    touched = sum(min(count, trees[name].leaves) for name, count in TOUCHED[operation].items())
    return touched * (1 - min(1.0, max(0.0, cached)))


class Model(msgspec.Struct, frozen=True):
    """
    Attributes:
        miss: cost of a page that is not cached; None: not known.
    """

    shape: str
    fixed: float
    slope: float
    miss: float | None = None

    def cost(self, rows: int, missed: float = 0.0) -> float | None:
        """None: there is no telling."""
        if missed and self.miss is None:
            return None
        return self.fixed + self.slope * SHAPES[self.shape](rows) + (self.miss or 0.0) * missed

    def __str__(self) -> str:
        text = f"{self.fixed:.3g} + {self.slope:.3g} * {self.shape}"
        return text if self.miss is None else f"{text} + {self.miss:.3g} * misses"


def fit(shape: str, costs: Mapping[int, float], missed: Mapping[int, float] | None = None) -> Model:
    """`costs`: rows -> what it cost; two sizes at least, three if any of them misses pages."""
    columns = [[1.0 for _ in costs], [SHAPES[shape](rows) for rows in costs]]
    if missed is not None and len(costs) > 2 and any(missed[rows] for rows in costs):
        columns.append([missed[rows] for rows in costs])
    weighted = [[value / cost for value, cost in zip(column, costs.values())] for column in columns]
    products = [[dot(one, other) for other in weighted] for one in weighted]
    return Model(shape, *solved(products, [sum(column) for column in weighted]))


def dot(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other))


def solved(matrix: list[list[float]], right: list[float]) -> list[float]:
    """The x of `matrix` x = `right`, by elimination."""
    lines = [[*line, value] for line, value in zip(matrix, right)]
    for place in range(len(lines)):
        best = max(range(place, len(lines)), key=lambda number: abs(lines[number][place]))
        lines[place], lines[best] = lines[best], lines[place]
        lines[place] = [value / lines[place][place] for value in lines[place]]
        for number, line in enumerate(lines):
            if number != place:
                lines[number] = [a - line[place] * b for a, b in zip(line, lines[place])]
    return [line[-1] for line in lines]


class Trial(msgspec.Struct, frozen=True):
    """A model of all sizes but the largest, and what it says of that."""

    model: Model
    rows: int
    misses: float
    foretold: float | None
    measured: float


def tried(shape: str, operation: str, costs: Mapping[int, float], trees: Mapping[int, Mapping[str, TreeSize]],
          cache_bytes: float) -> Trial:
    """`trees`: rows -> sizes; of the largest size they are not looked at."""
    largest = max(costs)
    smaller = {rows: cost for rows, cost in costs.items() if rows != largest}
    model = fit(shape, smaller, {rows: misses(operation, trees[rows], cache_bytes) for rows in smaller})
    known = max(smaller)
    grown = {name: size.grown(largest / known) for name, size in trees[known].items()}
    missed = misses(operation, grown, cache_bytes)
    return Trial(model, largest, missed, model.cost(largest, missed), costs[largest])
