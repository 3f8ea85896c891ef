"""Operators: every overload with its callable and, where the operation is a line of Python, its template.

A template serves generated code; a callable is always right. They may differ only where the record says so: an
integer result beyond `check`, a NaN under `raises_on_nan`. The source of templates is in this file alone.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

from minidb import errors
from minidb.sql.functions import intervals, json_access, json_changes, json_paths, patterns
from minidb.sql.functions.numeric import numeric_power
from minidb.sql.functions.registry import Operator, Types, choose
from minidb.types import (
    ANYARRAY,
    ANYELEMENT,
    ANYNONARRAY,
    BOOLEAN,
    BYTEA,
    CHAR,
    DATE,
    DOUBLE,
    INTEGER,
    INTEGER_CHECKS,
    INTEGERS,
    INTERVAL,
    JSONB,
    NUMERIC,
    REAL,
    TEXT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    UNKNOWN,
    UUID_TYPE,
    SqlType,
    arithmetic_error,
    array_of,
    numeric_add,
    numeric_compare,
    numeric_divide,
    numeric_modulo,
    numeric_multiply,
    numeric_subtract,
    round_to_real,
)

# names that templates use, for the globals of generated code
HELPERS: dict[str, Callable[..., Any]] = {
    "numeric_add": numeric_add,
    "numeric_subtract": numeric_subtract,
    "numeric_multiply": numeric_multiply,
    "numeric_divide": numeric_divide,
    "round_to_real": round_to_real,
}
# check -> condition that holds for a result in range
CHECKS = {
    "int2": "-32768 <= {0} <= 32767",
    "int4": "-2147483648 <= {0} <= 2147483647",
    "int8": "-9223372036854775808 <= {0} <= 9223372036854775807",
    "float8": "{0} - {0} == 0.0",
    "float8 product": "{0} and {0} - {0} == 0.0",  # zero may be an underflow
}
_CHECK_NAMES = {"smallint": "int2", "integer": "int4", "bigint": "int8"}
_BITS = {"smallint": 16, "integer": 32, "bigint": 64}
COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")

_ALIASES = {
    "!=": "<>",
    "==": "=",
    "like": "~~",
    "not like": "!~~",
    "ilike": "~~*",
    "not ilike": "!~~*",
}


# -- integers ---------------------------------------------------------------------------------------------


def divide_integers(left: int, right: int) -> int:
    """The quotient, truncated toward zero."""
    if right == 0:
        raise errors.DivisionByZero("division by zero")
    return left // right if (left >= 0) == (right > 0) else -(-left // right)


def modulo_integers(left: int, right: int) -> int:
    """The remainder, with the sign of the dividend."""
    if right == 0:
        raise errors.DivisionByZero("division by zero")
    return left % right if (left >= 0) == (right > 0) else -(-left % right)


_SAME_SIGN = "({0} >= 0) == ({1} > 0)"
_INTEGER_ARITHMETIC: tuple[tuple[str, Callable[[int, int], int], str, bool], ...] = (
    ("+", operator.add, "({0} + {1})", True),
    ("-", operator.sub, "({0} - {1})", True),
    ("*", operator.mul, "({0} * {1})", True),
    ("/", divide_integers, f"({{0}} // {{1}} if {_SAME_SIGN} else -(-{{0}} // {{1}}))", True),
    ("%", modulo_integers, f"({{0}} % {{1}} if {_SAME_SIGN} else -(-{{0}} % {{1}}))", False),
)


def checked(call: Callable[[int, int], int], check: Callable[[int], int]) -> Callable[[int, int], int]:
    return lambda left, right: check(call(left, right))


def _integers() -> Iterator[Operator]:
    for left_size, left in enumerate(INTEGERS):
        for right_size, right in enumerate(INTEGERS):
            result = INTEGERS[max(left_size, right_size)]
            for name, call, template, can_overflow in _INTEGER_ARITHMETIC:
                run = checked(call, INTEGER_CHECKS[result.name]) if can_overflow else call
                check = _CHECK_NAMES[result.name] if can_overflow else None
                yield Operator(name, left, right, result, run, template, check)
            yield from _comparisons(left, right)


def _wrap(value: int, bits: int) -> int:
    """Two's complement: what a shift leaves of `value`."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _shift_left(bits: int) -> Callable[[int, int], int]:
    return lambda value, amount: _wrap(value << (amount & max(bits - 1, 31)), bits)


def _shift_right(bits: int) -> Callable[[int, int], int]:
    return lambda value, amount: value >> (amount & max(bits - 1, 31))


def _bits() -> Iterator[Operator]:
    for kind in INTEGERS:
        bits, check = _BITS[kind.name], INTEGER_CHECKS[kind.name]
        yield Operator("&", kind, kind, kind, operator.and_, "({0} & {1})")
        yield Operator("|", kind, kind, kind, operator.or_, "({0} | {1})")
        yield Operator("#", kind, kind, kind, operator.xor, "({0} ^ {1})")
        yield Operator("~", None, kind, kind, operator.invert, "(~{0})")
        yield Operator("<<", kind, INTEGER, kind, _shift_left(bits))
        yield Operator(">>", kind, INTEGER, kind, _shift_right(bits))
        yield Operator("+", None, kind, kind, operator.pos, "({0})")
        yield Operator("-", None, kind, kind, _negated(check), "(-{0})", _CHECK_NAMES[kind.name])
        yield Operator("@", None, kind, kind, absolute(check), "abs({0})", _CHECK_NAMES[kind.name])


def _negated(check: Callable[[int], int]) -> Callable[[int], int]:
    return lambda value: check(-value)


def absolute(check: Callable[[int], int]) -> Callable[[int], int]:
    return lambda value: check(abs(value))


# -- floats -----------------------------------------------------------------------------------------------


def check_double(result: float, *operands: float) -> float:
    """An infinite result is an overflow unless an operand was infinite (or NaN)."""
    if math.isinf(result) and all(math.isfinite(operand) for operand in operands):
        raise errors.NumericValueOutOfRange("value out of range: overflow")
    return result


def add_doubles(left: float, right: float) -> float:
    return check_double(left + right, left, right)


def subtract_doubles(left: float, right: float) -> float:
    return check_double(left - right, left, right)


def multiply_doubles(left: float, right: float) -> float:
    result = left * right
    if result == 0 and left != 0 and right != 0:
        raise errors.NumericValueOutOfRange("value out of range: underflow")
    return check_double(result, left, right)


def divide_doubles(left: float, right: float) -> float:
    if right == 0:
        if left != left:
            return left
        raise errors.DivisionByZero("division by zero")
    result = left / right
    if result == 0 and left != 0 and not math.isinf(right):
        raise errors.NumericValueOutOfRange("value out of range: underflow")
    return check_double(result, left, right)


def power_doubles(base: float, exponent: float) -> float:
    if base == 0 and exponent < 0:
        raise errors.DataError("zero raised to a negative power is undefined", sqlstate="2201F")
    if base < 0 and math.isfinite(exponent) and exponent != math.floor(exponent):
        raise errors.DataError(
            "a negative number raised to a non-integer power yields a complex result", sqlstate="2201F"
        )
    try:
        result = math.pow(base, exponent)
    except OverflowError as error:
        raise arithmetic_error(error) from None
    if result == 0 and base != 0 and math.isfinite(base) and math.isfinite(exponent):
        raise errors.NumericValueOutOfRange("value out of range: underflow")
    return result


def sqrt_double(value: float) -> float:
    if value < 0:
        raise errors.DataError("cannot take square root of a negative number", sqlstate="2201F")
    return math.sqrt(value)


def cbrt_double(value: float) -> float:
    return math.cbrt(value)


def _rounded(call: Callable[[float, float], float]) -> Callable[[float, float], float]:
    return lambda left, right: round_to_real(call(left, right))


# no template for `/`: NaN / 0 is NaN, where Python raises
_FLOAT_ARITHMETIC = (
    ("+", add_doubles, "({0} + {1})", "float8"),
    ("-", subtract_doubles, "({0} - {1})", "float8"),
    ("*", multiply_doubles, "({0} * {1})", "float8 product"),
    ("/", divide_doubles, None, None),
)


def _floats() -> Iterator[Operator]:
    for left in (REAL, DOUBLE):
        for right in (REAL, DOUBLE):
            single = left is right is REAL
            for name, call, template, check in _FLOAT_ARITHMETIC:
                if single:
                    source = f"round_to_real{template}" if template else None
                    yield Operator(name, left, right, REAL, _rounded(call), source)
                else:
                    yield Operator(name, left, right, DOUBLE, call, template, check)
            yield from _float_comparisons(left, right)
        yield Operator("+", None, left, left, operator.pos, "({0})")
        yield Operator("-", None, left, left, operator.neg, "(-{0})")
        yield Operator("@", None, left, left, abs, "abs({0})")
    yield Operator("^", DOUBLE, DOUBLE, DOUBLE, power_doubles)
    yield Operator("|/", None, DOUBLE, DOUBLE, sqrt_double)
    yield Operator("||/", None, DOUBLE, DOUBLE, cbrt_double)


def float_equal(left: float, right: float) -> bool:
    return left == right or (left != left and right != right)


def float_less(left: float, right: float) -> bool:
    return left < right or (right != right and left == left)


# NaN is above every number and equal to itself
_FLOAT_COMPARISONS: tuple[tuple[str, Callable[[float, float], bool], str], ...] = (
    ("=", float_equal, "({0} == {1} or {0} != {0} and {1} != {1})"),
    ("<>", lambda left, right: not float_equal(left, right), "({0} != {1} and ({0} == {0} or {1} == {1}))"),
    ("<", float_less, "({0} < {1} or {1} != {1} and {0} == {0})"),
    ("<=", lambda left, right: not float_less(right, left), "({0} <= {1} or {1} != {1})"),
    (">", lambda left, right: float_less(right, left), "({0} > {1} or {0} != {0} and {1} == {1})"),
    (">=", lambda left, right: not float_less(left, right), "({0} >= {1} or {0} != {0})"),
)


def _float_comparisons(left: SqlType, right: SqlType) -> Iterator[Operator]:
    for name, call, template in _FLOAT_COMPARISONS:
        yield Operator(name, left, right, BOOLEAN, call, template)


# -- numeric ----------------------------------------------------------------------------------------------


def _guarded(call: Callable[[Decimal, Decimal], Decimal]) -> Callable[[Decimal, Decimal], Decimal]:
    def guarded(left: Decimal, right: Decimal) -> Decimal:
        try:
            return call(left, right)
        except ArithmeticError as error:
            raise arithmetic_error(error) from None

    return guarded


def negate_numeric(value: Decimal) -> Decimal:
    return value.copy_negate() if value and not value.is_nan() else value


_NUMERIC_COMPARISONS: tuple[tuple[str, Callable[[Decimal, Decimal], bool], str], ...] = (
    ("<", lambda left, right: numeric_compare(left, right) < 0, "({0} < {1})"),
    ("<=", lambda left, right: numeric_compare(left, right) <= 0, "({0} <= {1})"),
    (">", lambda left, right: numeric_compare(left, right) > 0, "({0} > {1})"),
    (">=", lambda left, right: numeric_compare(left, right) >= 0, "({0} >= {1})"),
)


def _numerics() -> Iterator[Operator]:
    kinds = (NUMERIC, NUMERIC, NUMERIC)
    yield Operator("+", *kinds, _guarded(numeric_add), "numeric_add({0}, {1})")
    yield Operator("-", *kinds, _guarded(numeric_subtract), "numeric_subtract({0}, {1})")
    yield Operator("*", *kinds, _guarded(numeric_multiply), "numeric_multiply({0}, {1})")
    yield Operator("/", *kinds, numeric_divide, "numeric_divide({0}, {1})")
    yield Operator("%", *kinds, numeric_modulo)
    yield Operator("^", *kinds, numeric_power)
    # not operator.pos: that rounds to the caller's decimal context
    yield Operator("+", None, NUMERIC, NUMERIC, lambda value: value, "({0})")
    yield Operator("-", None, NUMERIC, NUMERIC, negate_numeric)
    yield Operator("@", None, NUMERIC, NUMERIC, Decimal.copy_abs, "{0}.copy_abs()")
    # `==` is quiet about NaN, the order is not
    for name, call, template in _FLOAT_COMPARISONS[:2]:
        yield Operator(name, NUMERIC, NUMERIC, BOOLEAN, call, template)
    for name, compare, source in _NUMERIC_COMPARISONS:
        yield Operator(name, NUMERIC, NUMERIC, BOOLEAN, compare, source, raises_on_nan=True)


# -- comparison of everything else ------------------------------------------------------------------------

_PLAIN_COMPARISONS: tuple[tuple[str, Callable[[Any, Any], bool], str], ...] = (
    ("=", operator.eq, "({0} == {1})"),
    ("<>", operator.ne, "({0} != {1})"),
    ("<", operator.lt, "({0} < {1})"),
    ("<=", operator.le, "({0} <= {1})"),
    (">", operator.gt, "({0} > {1})"),
    (">=", operator.ge, "({0} >= {1})"),
)


def _comparisons(left: SqlType, right: SqlType) -> Iterator[Operator]:
    for name, call, template in _PLAIN_COMPARISONS:
        yield Operator(name, left, right, BOOLEAN, call, template)


def _plain_types() -> Iterator[Operator]:
    for kind in (TEXT, CHAR, BOOLEAN, BYTEA, DATE, TIME, TIMESTAMP, TIMESTAMPTZ, INTERVAL, UUID_TYPE, JSONB):
        yield from _comparisons(kind, kind)


def compare_arrays(left: tuple[Any, ...], right: tuple[Any, ...]) -> int:
    """Element by element; NULL equals NULL and is above every value; the shorter array comes first."""
    for one, other in zip(left, right):
        if one is None or other is None:
            if one is not other:
                return 1 if one is None else -1
        elif one != other and (one == one or other == other):
            return -1 if _element_less(one, other) else 1
    return (len(left) > len(right)) - (len(left) < len(right))


def _element_less(left: Any, right: Any) -> bool:
    if left != left or right != right:  # NaN
        return bool(right != right and left == left)
    return bool(left < right)


_ARRAY_COMPARISONS: tuple[tuple[str, Callable[[Any, Any], bool]], ...] = (
    ("=", lambda left, right: compare_arrays(left, right) == 0),
    ("<>", lambda left, right: compare_arrays(left, right) != 0),
    ("<", lambda left, right: compare_arrays(left, right) < 0),
    ("<=", lambda left, right: compare_arrays(left, right) <= 0),
    (">", lambda left, right: compare_arrays(left, right) > 0),
    (">=", lambda left, right: compare_arrays(left, right) >= 0),
)


def array_contains(left: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    return all(item is not None and item in left for item in right)


def array_overlaps(left: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    return any(item is not None and item in left for item in right)


def _arrays() -> Iterator[Operator]:
    for name, call in _ARRAY_COMPARISONS:
        yield Operator(name, ANYARRAY, ANYARRAY, BOOLEAN, call)
    yield Operator("@>", ANYARRAY, ANYARRAY, BOOLEAN, array_contains)
    yield Operator("<@", ANYARRAY, ANYARRAY, BOOLEAN, lambda left, right: array_contains(right, left))
    yield Operator("&&", ANYARRAY, ANYARRAY, BOOLEAN, array_overlaps)
    yield Operator("||", ANYARRAY, ANYARRAY, ANYARRAY, operator.add, "({0} + {1})")
    yield Operator("||", ANYARRAY, ANYELEMENT, ANYARRAY, lambda left, right: (*left, right), "(*{0}, {1})")
    yield Operator("||", ANYELEMENT, ANYARRAY, ANYARRAY, lambda left, right: (left, *right), "({0}, *{1})")


# -- text, bytes, dates -----------------------------------------------------------------------------------


def _texts() -> Iterator[Operator]:
    yield Operator("||", TEXT, TEXT, TEXT, operator.add, "({0} + {1})")
    yield Operator("||", TEXT, ANYNONARRAY, TEXT, operator.add, "({0} + {1})")
    yield Operator("||", ANYNONARRAY, TEXT, TEXT, operator.add, "({0} + {1})")
    yield Operator("||", BYTEA, BYTEA, BYTEA, operator.add, "({0} + {1})")
    for name, call in (
        ("~~", patterns.like),
        ("!~~", patterns.not_like),
        ("~~*", patterns.ilike),
        ("!~~*", patterns.not_ilike),
        ("similar to", patterns.similar),
        ("not similar to", patterns.not_similar),
        ("~", patterns.matches),
        ("!~", patterns.not_matches),
        ("~*", patterns.matches_insensitive),
        ("!~*", patterns.not_matches_insensitive),
        ("^@", str.startswith),
    ):
        yield Operator(name, TEXT, TEXT, BOOLEAN, call)
    yield Operator("~~", BYTEA, BYTEA, BOOLEAN, patterns.like_bytes)
    yield Operator("!~~", BYTEA, BYTEA, BOOLEAN, patterns.not_like_bytes)


def _dates() -> Iterator[Operator]:
    yield Operator("+", DATE, INTEGER, DATE, intervals.date_plus_days)
    yield Operator("+", INTEGER, DATE, DATE, intervals.days_plus_date)
    yield Operator("-", DATE, INTEGER, DATE, intervals.date_minus_days)
    yield Operator("-", DATE, DATE, INTEGER, intervals.date_minus_date, "({0}.toordinal() - {1}.toordinal())")
    yield Operator("+", DATE, INTERVAL, TIMESTAMP, intervals.date_plus_interval)
    yield Operator("+", INTERVAL, DATE, TIMESTAMP, intervals.interval_plus_date)
    yield Operator("-", DATE, INTERVAL, TIMESTAMP, intervals.date_minus_interval)
    yield Operator("+", DATE, TIME, TIMESTAMP, intervals.date_plus_time)
    yield Operator("+", TIME, DATE, TIMESTAMP, intervals.time_plus_date)
    for kind in (TIMESTAMP, TIMESTAMPTZ):
        yield Operator("+", kind, INTERVAL, kind, intervals.add_interval)
        yield Operator("+", INTERVAL, kind, kind, intervals.interval_plus_moment)
        yield Operator("-", kind, INTERVAL, kind, intervals.subtract_interval)
        yield Operator("-", kind, kind, INTERVAL, intervals.moment_minus_moment)
    yield Operator("+", TIME, INTERVAL, TIME, intervals.time_plus_interval)
    yield Operator("+", INTERVAL, TIME, TIME, intervals.interval_plus_time)
    yield Operator("-", TIME, INTERVAL, TIME, intervals.time_minus_interval)
    yield Operator("-", TIME, TIME, INTERVAL, intervals.time_minus_time)
    yield Operator("+", INTERVAL, INTERVAL, INTERVAL, intervals.interval_plus_interval)
    yield Operator("-", INTERVAL, INTERVAL, INTERVAL, intervals.interval_minus_interval)
    yield Operator("*", INTERVAL, DOUBLE, INTERVAL, intervals.interval_times)
    yield Operator("*", DOUBLE, INTERVAL, INTERVAL, intervals.times_interval)
    yield Operator("/", INTERVAL, DOUBLE, INTERVAL, intervals.interval_divided)
    yield Operator("-", None, INTERVAL, INTERVAL, intervals.negate_interval)


def _documents() -> Iterator[Operator]:
    yield from json_access.operators()
    yield from json_changes.operators()
    yield from json_paths.operators()


# -- the table --------------------------------------------------------------------------------------------

_TABLE: dict[tuple[str, int], list[Operator]] = {}


def _fill_table() -> None:
    for source in (_integers, _bits, _floats, _numerics, _plain_types, _arrays, _texts, _dates, _documents):
        for overload in source():
            _TABLE.setdefault((overload.name, len(overload.arguments)), []).append(overload)


_fill_table()


def operator_names() -> list[str]:
    """All operators, for completion and documentation."""
    return sorted({name for name, _ in _TABLE})


@lru_cache(maxsize=2048)
def resolve_operator(name: str, left: SqlType | None, right: SqlType) -> Operator:
    """The operator for operands of these types; its `left` and `right` are what they must be cast to.

    `left` is None for a prefix operator. `name` may also be LIKE, NOT ILIKE, SIMILAR TO ... in lower case.
    Raises UndefinedFunction (42883), AmbiguousFunction (42725).
    """
    canonical = _ALIASES.get(name, name)
    given: Types = (right.base,) if left is None else (left.base, right.base)
    described = f"{canonical} {right}" if left is None else f"{left} {canonical} {right}"
    overloads = _TABLE.get((canonical, len(given)), [])
    found, targets = _exact(overloads, given) or choose(overloads, given, described, "operator")
    if targets == found.arguments:
        return found
    return _with_targets(found, targets)


def _exact(overloads: list[Operator], given: Types) -> tuple[Operator, Types] | None:
    """An untyped literal beside a typed operand is first tried as that type."""
    if UNKNOWN in given and len(given) == 2:
        known = given[0] if given[1].name == "unknown" else given[1]
        given = (known, known)
    for overload in overloads:
        if overload.arguments == given:
            return overload, given
    return None


def _with_targets(found: Operator, targets: Types) -> Operator:
    """A polymorphic operator for concrete types; `text || anynonarray` casts its other side to text."""
    result = found.result
    if result is ANYARRAY:
        result = next((t for t in targets if t.element is not None), array_of(targets[-1]))
    if ANYNONARRAY in found.arguments:
        targets = (TEXT, TEXT)
    left = targets[0] if found.left is not None else None
    return Operator(found.name, left, targets[-1], result, found.call, found.template, found.check, found.raises_on_nan)
