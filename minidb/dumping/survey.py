"""A look at the data, where the types of the target depend on them: how long, how many digits, anything special."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from minidb.keys import Row
from minidb.schema import Column
from minidb.types import canonical_numeric, numeric_scale


class Survey(msgspec.Struct):
    """What a column's values need. `special`: NaN or an infinity is among them."""

    length: int = 0
    digits: int = 1  # before the point
    scale: int = 0
    special: bool = False

    def add(self, value: Any) -> None:
        if isinstance(value, str):
            self.length = max(self.length, len(value))
        elif isinstance(value, float):
            self.special = self.special or value - value != 0
        elif isinstance(value, Decimal):
            if value.is_finite():
                value = canonical_numeric(value)
                self.digits = max(self.digits, value.adjusted() + 1)
                self.scale = max(self.scale, numeric_scale(value))
            else:
                self.special = True


def survey_of(columns: list[Column], batches: Iterator[list[Row]]) -> dict[str, Survey]:
    """The surveys of some columns, by name."""
    found = [Survey() for _ in columns]
    for batch in batches:
        for survey, values in zip(found, zip(*batch)):
            for value in set(values):
                if value is not None:
                    survey.add(value)
    return {column.name: survey for column, survey in zip(columns, found)}
