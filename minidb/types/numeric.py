"""The arithmetic of numeric, as PostgreSQL has it: rounded half away from zero, and never -0.

Sums, differences and products are exact: the context holds the 131,072 digits before and 16,383 after the point that
PostgreSQL allows. Only the quotient needs a scale. InvalidOperation is not trapped: Infinity - Infinity is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import (
    ROUND_05UP,
    ROUND_DOWN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from functools import lru_cache

from minidb import errors

EXACT = Context(
    prec=147_455, rounding=ROUND_HALF_UP, Emin=-147_455, Emax=131_071, capitals=0, traps=[Overflow, DivisionByZero]
)
# ROUND_05UP keeps a digit that tells "not exact", so that rounding a second time to the scale is right.
_QUOTIENTS = tuple(
    Context(prec=digits, rounding=ROUND_05UP, Emin=-999_999, Emax=999_999, traps=[]) for digits in (48, 400, 150_000)
)
ZERO, ONE = Decimal(0), Decimal(1)
NUMERIC_NAN = Decimal("NaN")
MAX_SCALE = 16_383

numeric_add: Callable[[Decimal, Decimal], Decimal] = EXACT.add
numeric_subtract: Callable[[Decimal, Decimal], Decimal] = EXACT.subtract
TRUNCATE = ROUND_DOWN  # for callers of numeric_round


@lru_cache(maxsize=256)
def _unit(scale: int) -> Decimal:
    return Decimal((0, (1,), -scale))


def shift_point(value: Decimal, places: int) -> Decimal:
    """value * 10 ** places without rounding; never the caller's context, which may hold any precision."""
    return canonical_numeric(value.scaleb(places, _QUOTIENTS[2]))


def numeric_scale(value: Decimal) -> int:
    """Digits after the point; 0 for NaN and the infinities."""
    exponent = value.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def numeric_round(value: Decimal, scale: int = 0, rounding: str = ROUND_HALF_UP) -> Decimal:
    """`value` with exactly `scale` digits after the point; a negative scale rounds tens and hundreds."""
    if not value.is_finite():
        return value
    if scale >= 0:
        return _positive_zero(value.quantize(_unit(min(scale, MAX_SCALE)), rounding, EXACT))
    if value.adjusted() + 1 < -scale:
        return ZERO
    return _positive_zero(value.quantize(_unit(scale), rounding, EXACT).quantize(ONE, rounding, EXACT))


def _positive_zero(value: Decimal) -> Decimal:
    """numeric has no negative zero."""
    return value if value else value.copy_abs()


_product: Callable[[Decimal, Decimal], Decimal] = EXACT.multiply


def numeric_multiply(left: Decimal, right: Decimal) -> Decimal:
    product = _product(left, right)
    return product if product else product.copy_abs()


def canonical_numeric(value: Decimal) -> Decimal:
    """Bring a Decimal from outside into the numeric type: no positive exponent, no -0, one NaN; 22003 if too large."""
    if value.is_nan():
        return NUMERIC_NAN
    if value.is_infinite():
        return value
    if value.adjusted() > 131_071:
        raise errors.NumericValueOutOfRange("value overflows numeric format")
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and (exponent > 0 or -exponent > MAX_SCALE):
        value = value.quantize(ONE if exponent > 0 else _unit(MAX_SCALE), ROUND_HALF_UP, EXACT)
    return _positive_zero(value)


def numeric_divide(left: Decimal, right: Decimal) -> Decimal:
    """The quotient with the scale that PostgreSQL's select_div_scale gives: at least 16 significant digits."""
    if not right:
        if left.is_nan():
            return NUMERIC_NAN
        raise errors.DivisionByZero("division by zero")
    if not (left.is_finite() and right.is_finite()):
        return _special_quotient(left, right)
    return divide_to_scale(left, right, division_scale(left, right))


def _special_quotient(left: Decimal, right: Decimal) -> Decimal:
    if left.is_nan() or right.is_nan() or (left.is_infinite() and right.is_infinite()):
        return NUMERIC_NAN
    return ZERO if right.is_infinite() else left.copy_sign(ONE if left.is_signed() == right.is_signed() else -ONE)


def divide_to_scale(left: Decimal, right: Decimal, scale: int) -> Decimal:
    """left / right, rounded half away from zero to `scale` digits after the point. Both finite, right not 0."""
    digits = left.adjusted() - right.adjusted() + scale + 3
    context = _QUOTIENTS[0] if digits < 48 else _QUOTIENTS[1] if digits < 400 else _QUOTIENTS[2]
    quotient = context.divide(left, right)
    if quotient.adjusted() > 131_071:
        raise errors.NumericValueOutOfRange("value overflows numeric format")
    return _positive_zero(quotient.quantize(_unit(scale), ROUND_HALF_UP, EXACT))


def division_scale(left: Decimal, right: Decimal) -> int:
    """PostgreSQL counts in base 10,000: weights and leading digits of both operands decide the quotient's weight."""
    left_weight, left_digit = _leading_digit(left)
    right_weight, right_digit = _leading_digit(right)
    weight = left_weight - right_weight - (left_digit <= right_digit)
    return min(max(16 - weight * 4, numeric_scale(left), numeric_scale(right), 0), 1000)


def _leading_digit(value: Decimal) -> tuple[int, int]:
    if not value:
        return 0, 0
    weight = value.adjusted() // 4
    return weight, int(value.copy_abs().scaleb(-4 * weight, _QUOTIENTS[2]))


def numeric_modulo(left: Decimal, right: Decimal) -> Decimal:
    """The remainder with the sign of the dividend and the larger scale of the two."""
    if left.is_nan() or right.is_nan():
        return NUMERIC_NAN
    if not right:
        raise errors.DivisionByZero("division by zero")
    if left.is_infinite():
        return NUMERIC_NAN
    return left if right.is_infinite() else _positive_zero(EXACT.remainder(left, right))


def numeric_compare(left: Decimal, right: Decimal) -> int:
    """-1, 0 or 1; NaN equals itself and is above everything else."""
    if left.is_nan() or right.is_nan():
        return int(left.is_nan()) - int(right.is_nan())
    return (left > right) - (left < right)


def fit_numeric(value: Decimal, precision: int, scale: int) -> Decimal:
    """Round to numeric(precision, scale); 22003 if digits before the point are too many."""
    if value.is_nan():
        return value
    rounded = numeric_round(value, scale)
    if rounded.is_infinite() or (rounded and rounded.adjusted() >= precision - scale):
        must = f"must round to an absolute value less than {_power_of_ten(precision - scale)}."
        if rounded.is_infinite():
            must = "cannot hold an infinite value."
        raise errors.NumericValueOutOfRange(
            "numeric field overflow", detail=f"A field with precision {precision}, scale {scale} {must}"
        )
    return rounded


def _power_of_ten(exponent: int) -> str:
    return f"10^{exponent}" if exponent else "1"


def arithmetic_error(error: ArithmeticError) -> errors.DataError:
    """minidb's error for what Python's arithmetic raises inside generated code."""
    if isinstance(error, ZeroDivisionError):  # decimal.DivisionByZero is one, too
        return errors.DivisionByZero("division by zero")
    if isinstance(error, Overflow):
        return errors.NumericValueOutOfRange("value overflows numeric format")
    if isinstance(error, InvalidOperation):
        return errors.InvalidParameterValue("invalid numeric operation")
    return errors.NumericValueOutOfRange("value out of range: overflow")
