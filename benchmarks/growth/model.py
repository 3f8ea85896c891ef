"""A cost model: cost = a + b * shape(rows), fitted by least squares, and tried on a size that it has not seen.

    point operations    shape = log2(rows)    the depth of the tree
    scans, loads        shape = rows

The errors that are squared are relative ones, so that small sizes count as much as large ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import msgspec

SHAPES: dict[str, Callable[[float], float]] = {"log2(rows)": math.log2, "rows": float}


class Model(msgspec.Struct, frozen=True):
    shape: str
    fixed: float
    slope: float

    def cost(self, rows: int) -> float:
        return self.fixed + self.slope * SHAPES[self.shape](rows)

    def __str__(self) -> str:
        return f"{self.fixed:.3g} + {self.slope:.3g} * {self.shape}"


def fit(shape: str, costs: Mapping[int, float]) -> Model:
    """`costs`: rows -> what it cost; two sizes at least."""
    weights = {rows: 1 / cost**2 for rows, cost in costs.items()}
    places = {rows: SHAPES[shape](rows) for rows in costs}
    whole = sum(weights.values())
    middle = sum(weights[r] * places[r] for r in costs) / whole
    level = sum(weights[r] * costs[r] for r in costs) / whole
    spread = sum(weights[r] * (places[r] - middle) ** 2 for r in costs)
    slope = sum(weights[r] * (places[r] - middle) * (costs[r] - level) for r in costs) / spread
    return Model(shape, level - slope * middle, slope)


def tried(shape: str, costs: Mapping[int, float]) -> tuple[Model, int, float, float]:
    """(the model of all sizes but the largest, the largest, what the model says of it, what it cost)."""
    largest = max(costs)
    model = fit(shape, {rows: cost for rows, cost in costs.items() if rows != largest})
    return model, largest, model.cost(largest), costs[largest]
