"""Modifiers: how a value is made to fit the length, precision or scale of its type."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from minidb import errors
from minidb.types.clock import SECOND
from minidb.types.interval import Interval
from minidb.types.numeric import fit_numeric
from minidb.types.sql_type import Converter, SqlType


def modifier_function(target: SqlType, explicit: bool) -> Converter | None:
    """What makes a value of `target.base` fit the modifiers of `target`; None if there are none."""
    if target.length is not None:
        return _fit_string(target, explicit)
    if target.precision is None:
        return None
    if target.name != "numeric":
        return None if target.precision == 6 else _fit_moment(target.precision)
    precision, scale = target.precision, target.scale or 0
    return lambda value: fit_numeric(value, precision, scale)


def _fit_string(target: SqlType, explicit: bool) -> Converter:
    length = target.length or 0
    is_char = target.name == "char"

    def fit(value: str) -> str:
        if len(value) > length:
            cut = value[:length]
            if not explicit and value[length:].strip(" "):
                raise errors.StringDataRightTruncation(f"value too long for type {target}")
            value = cut
        return value.rstrip(" ") if is_char else value

    return fit


def _round_microseconds(microseconds: int, precision: int) -> int:
    step: int = 10 ** (6 - precision)
    # away from zero at the half
    rounded = (abs(microseconds) + step // 2) // step * step
    return rounded if microseconds >= 0 else -rounded


def _fit_moment(precision: int) -> Converter:
    def fit(value: Any) -> Any:
        if isinstance(value, Interval):
            return Interval(value.months, value.days, _round_microseconds(value.microseconds, precision))
        # PostgreSQL counts from 2000: before it, halves go to the earlier moment
        back = isinstance(value, datetime) and value.year < 2000
        rounded = _round_microseconds(value.microsecond - back, precision)
        if rounded < SECOND:
            return value.replace(microsecond=rounded)
        if isinstance(value, datetime):
            return value.replace(microsecond=0) + timedelta(seconds=1)
        later = datetime.combine(date(2000, 1, 1), value.replace(microsecond=0)) + timedelta(seconds=1)
        return later.time() if later.day == 1 else value.replace(microsecond=SECOND - 10 ** (6 - precision))

    return fit
