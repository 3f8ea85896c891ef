"""Medians, quartiles and ratios of figures that were taken in alternating rounds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec


class Spread(msgspec.Struct, frozen=True):
    low: float
    median: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Median, least and greatest."""
    return Spread(min(values), statistics.median(values), max(values))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Round by round, as far as both have figures, and the other has done anything at all."""
    return [mine / other for mine, other in zip(ours, theirs) if other]


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that is not exceeded by this share of them."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
