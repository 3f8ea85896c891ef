"""Square roots, logarithms, exponentials and powers of numeric, with the scales that PostgreSQL shows.

Each function decides the scale of its result first (at least 16 significant digits, never less than its operands
have), computes with some digits more, and rounds half away from zero. Sums, products and quotients are in `types`.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Context, Decimal

from minidb import errors
from minidb.types import (
    NUMERIC_NAN,
    divide_to_scale,
    numeric_round,
    numeric_scale,
    numeric_subtract,
    shift_point,
)

_SIGNIFICANT = 16
_MAX_SCALE = 1000
_LOG10_E = 0.434294481903252
_MAX_EXPONENT = 6000  # beyond it exp() overflows or is zero, as in PostgreSQL; it also bounds the time
_ZERO, _ONE = Decimal(0), Decimal(1)


def _context(digits: int) -> Context:
    return Context(prec=max(digits, 1) + 12, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999, traps=[])


def _clamp(scale: int, *operands: Decimal) -> int:
    return min(max(scale, 0, *map(numeric_scale, operands)), _MAX_SCALE)


def _too_large() -> errors.NumericValueOutOfRange:
    return errors.NumericValueOutOfRange("value overflows numeric format")


def numeric_sqrt(value: Decimal) -> Decimal:
    if value.is_nan():
        return value
    if value < 0:
        raise errors.DataError("cannot take square root of a negative number", sqlstate="2201F")
    if value.is_infinite():
        return value
    weight = value.adjusted() // 4 if value else 0
    scale = _clamp(_SIGNIFICANT - ((weight + 1) * 2 - 1), value)
    return numeric_round(_context(abs(weight) * 4 + scale).sqrt(value), scale)


def numeric_exp(value: Decimal) -> Decimal:
    if value.is_nan():
        return value
    if value.is_infinite():
        return value if value > 0 else _ZERO
    if value >= _MAX_EXPONENT:
        raise _too_large()
    power = max(float(value), -_MAX_EXPONENT) * _LOG10_E
    scale = _clamp(_SIGNIFICANT - int(max(power, -2000)), value)
    if power < -scale - 2:
        return numeric_round(_ZERO, scale)
    return numeric_round(_context(scale + int(abs(power))).exp(value), scale)


def _check_logarithm(value: Decimal) -> None:
    if value == 0:
        raise errors.DataError("cannot take logarithm of zero", sqlstate="2201E")
    if value < 0:
        raise errors.DataError("cannot take logarithm of a negative number", sqlstate="2201E")


def _logarithm_weight(value: Decimal) -> int:
    """Decimal weight of ln(value), estimated as PostgreSQL's estimate_ln_dweight does."""
    if Decimal("0.9") <= value <= Decimal("1.1"):
        rest = numeric_subtract(value, _ONE)
        return rest.adjusted() if rest else 0
    shifted = float(shift_point(value, -value.adjusted()))
    return int(math.log10(abs(math.log(shifted) + value.adjusted() * 2.302585092994046)))


def numeric_ln(value: Decimal) -> Decimal:
    if value.is_nan():
        return value
    _check_logarithm(value)
    if value.is_infinite():
        return value
    scale = _clamp(_SIGNIFICANT - _logarithm_weight(value), value)
    return numeric_round(_context(scale + 8).ln(value), scale)


def numeric_log10(value: Decimal) -> Decimal:
    return numeric_log(Decimal(10), value)


def numeric_log(base: Decimal, value: Decimal) -> Decimal:
    if base.is_nan() or value.is_nan():
        return NUMERIC_NAN
    _check_logarithm(base)
    _check_logarithm(value)
    if base.is_infinite() or value.is_infinite():
        if base.is_infinite() and value.is_infinite():
            return NUMERIC_NAN
        return _ZERO if base.is_infinite() else value
    weight = _logarithm_weight(value) - _logarithm_weight(base)
    scale = _clamp(_SIGNIFICANT - weight, base, value)
    context = _context(scale + 16)
    divisor = context.ln(base)
    if not divisor:
        raise errors.DivisionByZero("division by zero")
    exact = context.log10(value) if base == 10 else context.divide(context.ln(value), divisor)
    return numeric_round(exact, scale)


def numeric_power(base: Decimal, exponent: Decimal) -> Decimal:
    if base.is_nan() or exponent.is_nan():
        return _nan_power(base, exponent)
    if base == 0 and exponent < 0:
        raise errors.DataError("zero raised to a negative power is undefined", sqlstate="2201F")
    integral = exponent.is_infinite() or exponent == exponent.to_integral_value()
    if base < 0 and not integral:
        raise errors.DataError(
            "a negative number raised to a non-integer power yields a complex result", sqlstate="2201F"
        )
    if base.is_infinite() or exponent.is_infinite():
        return _infinite_power(base, exponent)
    if integral and -(2**31) < exponent < 2**31:
        return _integer_power(base, int(exponent))
    power = _real_power(base.copy_abs(), exponent)
    return power.copy_negate() if base < 0 and _is_odd(exponent) else power


def _infinite_power(base: Decimal, exponent: Decimal) -> Decimal:
    """As power() of POSIX, where one of the two is infinite and neither is NaN."""
    if base == 1 or exponent == 0:
        return _ONE
    if exponent.is_infinite():
        size = base.copy_abs()
        if size == 1:
            return _ONE
        return Decimal("Infinity") if (size > 1) == (exponent > 0) else _ZERO
    if exponent < 0:
        return _ZERO
    odd = exponent == exponent.to_integral_value() and _is_odd(exponent)
    return Decimal("-Infinity") if base < 0 and odd else Decimal("Infinity")


def _is_odd(number: Decimal) -> bool:
    return bool(int(number) & 1)


def _nan_power(base: Decimal, exponent: Decimal) -> Decimal:
    one = base == 1 or exponent == 0
    return _ONE if one else NUMERIC_NAN


def _integer_power(base: Decimal, exponent: int) -> Decimal:
    if base == 0:
        return numeric_round(_ONE if exponent == 0 else _ZERO, _SIGNIFICANT)
    leading = float(shift_point(base.copy_abs(), -base.adjusted()))
    weight = exponent * (math.log10(leading) + base.adjusted())
    if weight > 131_072:
        raise _too_large()
    # 16 digits after the point, however large the power is
    scale = _clamp(_SIGNIFICANT, base)
    if weight < -scale - 2:
        return numeric_round(_ZERO, scale)
    if exponent == -1:
        return divide_to_scale(_ONE, base, scale)
    return numeric_round(_context(int(abs(weight)) + scale).power(base, exponent), scale)


def _real_power(base: Decimal, exponent: Decimal) -> Decimal:
    if base == 0:
        return numeric_round(_ZERO, _SIGNIFICANT)
    logarithm = float(_context(30).multiply(_context(30).ln(base), exponent))
    if logarithm >= _MAX_EXPONENT:
        raise _too_large()
    if logarithm <= -_MAX_EXPONENT:
        return numeric_round(_ZERO, _MAX_SCALE)
    estimate = logarithm * _LOG10_E
    scale = _clamp(_SIGNIFICANT - int(estimate), base, exponent)
    if estimate < -scale - 2:
        return numeric_round(_ZERO, scale)
    return numeric_round(_context(int(abs(estimate)) + scale).power(base, exponent), scale)
