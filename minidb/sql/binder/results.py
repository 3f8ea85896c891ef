"""The columns of a statement's result, as its user sees them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from minidb.sql import plan
from minidb.types import SqlType


class ResultColumn(msgspec.Struct, frozen=True):
    """A column of a statement's result."""

    name: str
    type: SqlType


def result_columns(outputs: Sequence[plan.Output]) -> tuple[ResultColumn, ...]:
    return tuple([ResultColumn(output.name, output.expression.type) for output in outputs])
