"""Trigonometry in degrees, exact at multiples of 30 and 45: PostgreSQL's sind, asind and their like (float.c).

Angles are brought into the first quadrant; there the sine is scaled so that 30 gives 0.5, the cosine so that 60 does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from minidb import errors
from minidb.sql.functions.registry import Function
from minidb.types import DOUBLE

_SIN_30 = math.sin(math.radians(30.0))
_ONE_MINUS_COS_60 = 1.0 - math.cos(math.radians(60.0))
_ASIN_HALF = math.asin(0.5)
_ACOS_HALF = math.acos(0.5)
_ATAN_ONE = math.atan(1.0)


def _sine_to_30(angle: float) -> float:
    return math.sin(math.radians(angle)) / _SIN_30 / 2.0


def _cosine_to_60(angle: float) -> float:
    return 1.0 - (1.0 - math.cos(math.radians(angle))) / _ONE_MINUS_COS_60 / 2.0


def _sine(angle: float) -> float:
    """Of 0 to 90 degrees, as `_cosine`."""
    return _sine_to_30(angle) if angle <= 30 else _cosine_to_60(90 - angle)


def _cosine(angle: float) -> float:
    return _cosine_to_60(angle) if angle <= 60 else _sine_to_30(90 - angle)


def _reduced(angle: float) -> float:
    if math.isinf(angle):
        raise errors.NumericValueOutOfRange("input is out of range")
    return math.fmod(angle, 360)


def sind(angle: float) -> float:
    angle, sign = _reduced(angle), 1
    if angle < 0:
        angle, sign = -angle, -sign
    if angle > 180:
        angle, sign = 360 - angle, -sign
    return sign * _sine(180 - angle if angle > 90 else angle)


def cosd(angle: float) -> float:
    angle, sign = abs(_reduced(angle)), 1
    if angle > 180:
        angle = 360 - angle
    if angle > 90:
        angle, sign = 180 - angle, -sign
    return sign * _cosine(angle)


_TAN_45 = _sine(45.0) / _cosine(45.0)
_COT_45 = _cosine(45.0) / _sine(45.0)


def _folded(angle: float) -> tuple[float, int]:
    """The angle in the first quadrant, and the sign of its tangent."""
    angle, sign = _reduced(angle), 1
    if angle < 0:
        angle, sign = -angle, -sign
    if angle > 180:
        angle, sign = 360 - angle, -sign
    return (180 - angle, -sign) if angle > 90 else (angle, sign)


def _ratio(above: float, below: float, unit: float, sign: int) -> float:
    if below == 0:
        return sign * math.inf
    return sign * (above / below / unit) + 0.0


def tand(angle: float) -> float:
    angle, sign = _folded(angle)
    return _ratio(_sine(angle), _cosine(angle), _TAN_45, sign)


def cotd(angle: float) -> float:
    angle, sign = _folded(angle)
    return _ratio(_cosine(angle), _sine(angle), _COT_45, sign)


def _arc_sine(value: float) -> float:
    """Of 0 to 1."""
    return math.asin(value) / _ASIN_HALF * 30 if value <= 0.5 else 90 - math.acos(value) / _ACOS_HALF * 60


def _in_range(value: float) -> float:
    if abs(value) > 1:
        raise errors.NumericValueOutOfRange("input is out of range")
    return value


def asind(value: float) -> float:
    return math.copysign(_arc_sine(abs(_in_range(value))), value)


def acosd(value: float) -> float:
    size = abs(_in_range(value))
    inner = 90 - _arc_sine(size) if size <= 0.5 else math.acos(size) / _ACOS_HALF * 60
    return inner if value >= 0 else 90 + _arc_sine(size)


def atand(value: float) -> float:
    return math.atan(value) / _ATAN_ONE * 45


def atan2d(above: float, below: float) -> float:
    return math.atan2(above, below) / _ATAN_ONE * 45


def _nan_is_nan(function: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: value if value != value else function(value)


def functions() -> Iterator[Function]:
    """All functions of this module."""
    for function in (sind, cosd, tand, cotd, asind, acosd, atand):
        yield Function(function.__name__, (DOUBLE,), DOUBLE, _nan_is_nan(function))
    yield Function("atan2d", (DOUBLE, DOUBLE), DOUBLE, atan2d)
