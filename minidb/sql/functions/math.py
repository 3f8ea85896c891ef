"""Functions on numbers: rounding, roots and logarithms, trigonometry, divisors, histograms.

PostgreSQL's types decide: numeric rounds half away from zero and keeps scales, double precision rounds half to even.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal
from typing import Any

from minidb import errors
from minidb.sql.functions.numeric import (
    numeric_exp,
    numeric_ln,
    numeric_log,
    numeric_log10,
    numeric_power,
    numeric_sqrt,
)
from minidb.sql.functions.operators import (
    absolute,
    cbrt_double,
    checked,
    modulo_integers,
    power_doubles,
    sqrt_double,
)
from minidb.sql.functions.registry import Function, FunctionContext
from minidb.types import (
    ANYARRAY,
    ANYELEMENT,
    BIGINT,
    DOUBLE,
    INTEGER,
    INTEGER_CHECKS,
    INTEGERS,
    NUMERIC,
    NUMERIC_NAN,
    REAL,
    arithmetic_error,
    check_integer,
    numeric_add,
    numeric_divide,
    numeric_modulo,
    numeric_round,
    numeric_scale,
    numeric_subtract,
    shift_point,
)

# -- rounding ---------------------------------------------------------------------------------------------


def _integral(value: float, whole: Callable[[float], int]) -> float:
    """A float function with an integral result; the sign of zero stays."""
    return math.copysign(float(whole(value)), value) if math.isfinite(value) else value


def ceil_double(value: float) -> float:
    return _integral(value, math.ceil)


def floor_double(value: float) -> float:
    return _integral(value, math.floor)


def round_double(value: float) -> float:
    return _integral(value, round)


def trunc_double(value: float) -> float:
    return _integral(value, math.trunc)


def ceil_numeric(value: Decimal) -> Decimal:
    return numeric_round(value, 0, ROUND_CEILING)


def floor_numeric(value: Decimal) -> Decimal:
    return numeric_round(value, 0, ROUND_FLOOR)


def _clamped(scale: int) -> int:
    return max(-2000, min(scale, 2000))


def round_numeric(value: Decimal, scale: int = 0) -> Decimal:
    return numeric_round(value, _clamped(scale))


def trunc_numeric(value: Decimal, scale: int = 0) -> Decimal:
    return numeric_round(value, _clamped(scale), ROUND_DOWN)


def sign_double(value: float) -> float:
    return value if value != value else float((value > 0) - (value < 0))


def sign_numeric(value: Decimal) -> Decimal:
    return value if value.is_nan() else Decimal((value > 0) - (value < 0))


def _rounding() -> Iterator[Function]:
    for names, on_numeric, on_double in (
        (("ceil", "ceiling"), ceil_numeric, ceil_double),
        (("floor",), floor_numeric, floor_double),
        (("round",), round_numeric, round_double),
        (("trunc",), trunc_numeric, trunc_double),
        (("sign",), sign_numeric, sign_double),
    ):
        for name in names:
            yield Function(name, (NUMERIC,), NUMERIC, on_numeric)
            yield Function(name, (DOUBLE,), DOUBLE, on_double)
    yield Function("round", (NUMERIC, INTEGER), NUMERIC, round_numeric)
    yield Function("trunc", (NUMERIC, INTEGER), NUMERIC, trunc_numeric)
    for kind in INTEGERS:
        check = INTEGER_CHECKS[kind.name]
        yield Function("abs", (kind,), kind, absolute(check))
        yield Function("mod", (kind, kind), kind, modulo_integers)
    yield Function("abs", (NUMERIC,), NUMERIC, Decimal.copy_abs, template="{0}.copy_abs()")
    for kind in (REAL, DOUBLE):
        yield Function("abs", (kind,), kind, abs, template="abs({0})")
    yield Function("mod", (NUMERIC, NUMERIC), NUMERIC, numeric_modulo)
    yield Function("div", (NUMERIC, NUMERIC), NUMERIC, div_numeric)


def div_numeric(left: Decimal, right: Decimal) -> Decimal:
    """The quotient without its fraction."""
    if left.is_finite() and right.is_finite() and right:
        whole = numeric_subtract(left, numeric_modulo(left, right))
        return numeric_round(numeric_divide(whole, right), 0)
    return numeric_divide(left, right)


# -- roots, powers, logarithms ----------------------------------------------------------------------------


def exp_double(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError as error:
        raise arithmetic_error(error) from None


def _logarithm(function: Callable[[float], float]) -> Callable[[float], float]:
    def logarithm(value: float) -> float:
        if value == 0:
            raise errors.DataError("cannot take logarithm of zero", sqlstate="2201E")
        if value < 0:
            raise errors.DataError("cannot take logarithm of a negative number", sqlstate="2201E")
        return function(value)

    return logarithm


def _powers() -> Iterator[Function]:
    ln_double, log_double = _logarithm(math.log), _logarithm(math.log10)
    for name in ("power", "pow"):
        yield Function(name, (DOUBLE, DOUBLE), DOUBLE, power_doubles)
        yield Function(name, (NUMERIC, NUMERIC), NUMERIC, numeric_power)
    yield Function("sqrt", (DOUBLE,), DOUBLE, sqrt_double)
    yield Function("sqrt", (NUMERIC,), NUMERIC, numeric_sqrt)
    yield Function("cbrt", (DOUBLE,), DOUBLE, cbrt_double)
    yield Function("exp", (DOUBLE,), DOUBLE, exp_double)
    yield Function("exp", (NUMERIC,), NUMERIC, numeric_exp)
    yield Function("ln", (DOUBLE,), DOUBLE, ln_double)
    yield Function("ln", (NUMERIC,), NUMERIC, numeric_ln)
    for name in ("log", "log10"):
        yield Function(name, (DOUBLE,), DOUBLE, log_double)
        yield Function(name, (NUMERIC,), NUMERIC, numeric_log10)
    yield Function("log", (NUMERIC, NUMERIC), NUMERIC, numeric_log)


# -- trigonometry -----------------------------------------------------------------------------------------


def _bounded(function: Callable[[float], float]) -> Callable[[float], float]:
    """Python's ValueError (outside the domain) and OverflowError as SQL errors."""

    def bounded(value: float) -> float:
        try:
            return function(value)
        except ValueError:
            raise errors.NumericValueOutOfRange("input is out of range") from None
        except OverflowError as error:
            raise arithmetic_error(error) from None

    return bounded


def _unbounded(function: Callable[[float], float]) -> Callable[[float], float]:
    """sinh and cosh: an overflow is infinity, as PostgreSQL has it."""

    def unbounded(value: float) -> float:
        try:
            return function(value)
        except OverflowError:
            return math.copysign(math.inf, value) if function is math.sinh else math.inf

    return unbounded


def atanh(value: float) -> float:
    return math.copysign(math.inf, value) if abs(value) == 1 else math.atanh(value)


def cot(value: float) -> float:
    tangent = math.tan(value)
    return 1 / tangent if tangent else math.copysign(math.inf, tangent)


def _trigonometry() -> Iterator[Function]:
    for name, function in (
        *(("sin", math.sin), ("cos", math.cos), ("tan", math.tan), ("cot", cot)),
        *(("asin", math.asin), ("acos", math.acos), ("atan", math.atan)),
        *(("sinh", _unbounded(math.sinh)), ("cosh", _unbounded(math.cosh)), ("tanh", math.tanh)),
        *(("asinh", math.asinh), ("acosh", math.acosh), ("atanh", atanh)),
        *(("degrees", math.degrees), ("radians", math.radians)),
    ):
        yield Function(name, (DOUBLE,), DOUBLE, _bounded(function))
    yield Function("atan2", (DOUBLE, DOUBLE), DOUBLE, math.atan2)
    yield Function("pi", (), DOUBLE, lambda: math.pi)


# -- integers and scales ----------------------------------------------------------------------------------


def _in_units(call: Callable[[int, int], int]) -> Callable[[Decimal, Decimal], Decimal]:
    """Do to two numeric values what `call` does to integers, counting in units of their last digit."""

    def of_numeric(left: Decimal, right: Decimal) -> Decimal:
        if not (left.is_finite() and right.is_finite()):
            return NUMERIC_NAN
        scale = max(numeric_scale(left), numeric_scale(right))
        units = call(int(shift_point(left, scale)), int(shift_point(right, scale)))
        return shift_point(Decimal(units), -scale)

    return of_numeric


def factorial(number: int) -> Decimal:
    if number < 0:
        raise errors.NumericValueOutOfRange("factorial of a negative number is undefined")
    if number > 32177:
        raise errors.NumericValueOutOfRange("value overflows numeric format")
    return Decimal(math.factorial(number))


def min_scale(value: Decimal) -> int | None:
    return numeric_scale(trim_scale(value)) if value.is_finite() else None


def scale(value: Decimal) -> int | None:
    return numeric_scale(value) if value.is_finite() else None


def trim_scale(value: Decimal) -> Decimal:
    if not value.is_finite():
        return value
    digits = f"{value:f}"
    return Decimal(digits.rstrip("0").rstrip(".")) if "." in digits else value


def _check_buckets(operand: Any, low: Any, high: Any, count: int) -> None:
    def error(message: str) -> errors.DataError:
        return errors.DataError(message, sqlstate="2201G")

    if count <= 0:
        raise error("count must be greater than zero")
    if any(bound != bound for bound in (operand, low, high)):
        raise error("operand, lower bound, and upper bound cannot be NaN")
    if math.isinf(low) or math.isinf(high):
        raise error("lower and upper bounds must be finite")
    if low == high:
        raise error("lower bound cannot equal upper bound")


def width_bucket(operand: Any, low: Any, high: Any, count: int) -> int:
    """The bucket 1..count of `operand` between the bounds; 0 and count + 1 lie outside."""
    _check_buckets(operand, low, high, count)
    if (operand < low) if low < high else (operand > low):
        return 0
    if (operand >= high) if low < high else (operand <= high):
        return check_integer(count + 1)
    share = numeric_share if isinstance(operand, Decimal) else double_share
    return min(share(operand, low, high, count) + 1, count)


def double_share(operand: float, low: float, high: float, count: int) -> int:
    if math.isinf(high - low):
        operand, low, high = operand / 2, low / 2, high / 2
    return int(count * ((operand - low) / (high - low)))


def numeric_share(operand: Decimal, low: Decimal, high: Decimal, count: int) -> int:
    """Exact, as PostgreSQL's: a value on the border of two buckets belongs to the upper one."""
    part, part_divisor = numeric_subtract(operand, low).as_integer_ratio()
    whole, whole_divisor = numeric_subtract(high, low).as_integer_ratio()
    return part * count * whole_divisor // (part_divisor * whole)


def width_bucket_array(operand: Any, thresholds: tuple[Any, ...]) -> int:
    """How many of the ascending thresholds are not above `operand`; NaN is above all other numbers."""
    if None in thresholds:
        raise errors.DataError("thresholds array must not contain NULLs", sqlstate="22004")
    return bisect_right(thresholds, _nan_last(operand), key=_nan_last)


def _nan_last(value: Any) -> tuple[bool, Any]:
    return (True, 0) if value != value else (False, value)


def random(context: FunctionContext) -> float:
    return context.random()


def _integers() -> Iterator[Function]:
    for kind in (INTEGER, BIGINT):
        check = INTEGER_CHECKS[kind.name]
        yield Function("gcd", (kind, kind), kind, checked(math.gcd, check))
        yield Function("lcm", (kind, kind), kind, checked(math.lcm, check))
    yield Function("gcd", (NUMERIC, NUMERIC), NUMERIC, _in_units(math.gcd))
    yield Function("lcm", (NUMERIC, NUMERIC), NUMERIC, _in_units(math.lcm))
    yield Function("factorial", (BIGINT,), NUMERIC, factorial)
    yield Function("scale", (NUMERIC,), INTEGER, scale)
    yield Function("min_scale", (NUMERIC,), INTEGER, min_scale)
    yield Function("trim_scale", (NUMERIC,), NUMERIC, trim_scale)
    yield Function("width_bucket", (DOUBLE, DOUBLE, DOUBLE, INTEGER), INTEGER, width_bucket)
    yield Function("width_bucket", (NUMERIC, NUMERIC, NUMERIC, INTEGER), INTEGER, width_bucket)
    yield Function("width_bucket", (ANYELEMENT, ANYARRAY), INTEGER, width_bucket_array)
    yield Function("random", (), DOUBLE, random, volatility="volatile", needs_context=True)


# -- series -----------------------------------------------------------------------------------------------


def integer_series(start: int, stop: int, step: int = 1) -> range:
    if step == 0:
        raise errors.InvalidParameterValue("step size cannot equal zero")
    return range(start, stop + (1 if step > 0 else -1), step)


def numeric_series(start: Decimal, stop: Decimal, step: Decimal = Decimal(1)) -> Iterator[Decimal]:
    for name, bound in (("start value", start), ("stop value", stop), ("step size", step)):
        if not bound.is_finite():
            raise errors.InvalidParameterValue(f"{name} cannot be {'NaN' if bound.is_nan() else 'infinity'}")
    if not step:
        raise errors.InvalidParameterValue("step size cannot equal zero")
    current = start
    while current <= stop if step > 0 else current >= stop:
        yield current
        current = numeric_add(current, step)


def _series() -> Iterator[Function]:
    for kind in (INTEGER, BIGINT):
        yield Function("generate_series", (kind, kind), kind, integer_series, returns_set=True)
        yield Function("generate_series", (kind, kind, kind), kind, integer_series, returns_set=True)
    for arguments in ((NUMERIC,) * 2, (NUMERIC,) * 3):
        yield Function("generate_series", arguments, NUMERIC, numeric_series, returns_set=True)


def functions() -> Iterator[Function]:
    """All functions of this module."""
    yield from _rounding()
    yield from _powers()
    yield from _trigonometry()
    yield from _integers()
    yield from _series()
