"""Aggregates: count, sum, avg, min, max and the statistical, ordered-set and collecting ones.

A compiler may inline the hot ones by `kind`; for those `init`, `step` and `final` do the same, slowly:

    count_star               n += 1
    count                    n += 1 where the argument is not NULL
    sum_int                  total += x in Python's integers; NULL if there were no rows. The result is bigint (checked
                             at the end) for smallint and integer, numeric (Decimal(total)) for bigint
    sum_numeric, sum_float   numeric_add, +; sum over real is rounded to four bytes at the end
    avg_int, avg_numeric     numeric_divide(Decimal(total), Decimal(n))
    avg_float                total / n
    min, max                 Python's `<` is right for the type
    min_numeric, max_numeric `<` raises decimal.InvalidOperation on NaN: then use `step`
    min_float, max_float     NaN is above all numbers: use `step` unless NaN is excluded
    bool_and, bool_or        and, or
    general                  init, step, final

`finish` of an inlined kind is `final`: the state of sum_... and avg_... is [n, total], of min, max, bool_... is
[value or None], of count an int.

Statistics over doubles use the Youngs-Cramer recurrences as PostgreSQL does, over integers and numeric exact sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from minidb import errors
from minidb.sql.functions.numeric import numeric_sqrt
from minidb.sql.functions.operators import check_double, compare_arrays, float_less
from minidb.sql.functions.registry import (
    Aggregate,
    array_of_last,
    first_type,
)
from minidb.types import (
    ANY,
    ANYARRAY,
    ANYELEMENT,
    ANYNONARRAY,
    BIGINT,
    BOOLEAN,
    BYTEA,
    CHAR,
    DATE,
    DOUBLE,
    INTEGER,
    INTEGERS,
    INTERVAL,
    NUMERIC,
    REAL,
    SMALLINT,
    TEXT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    UUID_TYPE,
    Interval,
    SqlType,
    array_of,
    check_bigint,
    divide_to_scale,
    division_scale,
    numeric_add,
    numeric_compare,
    numeric_divide,
    numeric_multiply,
    numeric_subtract,
    round_to_real,
)

State = list[Any]


def _zero() -> int:
    return 0


def _pair() -> State:
    return [0, 0]


def _single() -> State:
    return [None]


def _collect() -> State:
    return []


def _value(state: State) -> Any:
    return state[0]


# -- count, sum, avg --------------------------------------------------------------------------------------


def _count(state: int, *values: Any) -> int:
    return state + 1


def _add(state: State, value: Any) -> State:
    state[0] += 1
    state[1] += value
    return state


def _add_numeric(state: State, value: Decimal) -> State:
    state[0] += 1
    state[1] = numeric_add(state[1], value) if state[0] > 1 else value
    return state


def _add_float(state: State, value: float) -> State:
    state[0] += 1
    state[1] = check_double(state[1] + value, state[1], value) if state[0] > 1 else value
    return state


def _add_interval(state: State, value: Interval) -> State:
    state[0] += 1
    state[1] = state[1] + value if state[0] > 1 else value
    return state


def _unless_empty(finish: Callable[[Any], Any]) -> Callable[[State], Any]:
    """NULL over no rows, else `finish(total)`."""
    return lambda state: finish(state[1]) if state[0] else None


def _same(total: Any) -> Any:
    return total


def average_numeric(state: State) -> Decimal | None:
    return numeric_divide(Decimal(state[1]), Decimal(state[0])) if state[0] else None


def _average(state: State) -> Any:
    return state[1] / state[0] if state[0] else None


def _sums() -> Iterator[Aggregate]:
    yield Aggregate("count", (), BIGINT, _zero, _count, _same, "count_star", strict=False)
    yield Aggregate("count", (ANY,), BIGINT, _zero, _count, _same, "count")
    for kind in (SMALLINT, INTEGER):
        yield Aggregate("sum", (kind,), BIGINT, _pair, _add, _unless_empty(check_bigint), "sum_int")
    yield Aggregate("sum", (BIGINT,), NUMERIC, _pair, _add, _unless_empty(Decimal), "sum_int")
    yield Aggregate("sum", (NUMERIC,), NUMERIC, _pair, _add_numeric, _unless_empty(_same), "sum_numeric")
    yield Aggregate("sum", (REAL,), REAL, _pair, _add_float, _unless_empty(round_to_real), "sum_float")
    yield Aggregate("sum", (DOUBLE,), DOUBLE, _pair, _add_float, _unless_empty(_same), "sum_float")
    yield Aggregate("sum", (INTERVAL,), INTERVAL, _pair, _add_interval, _unless_empty(_same))
    for kind in INTEGERS:
        yield Aggregate("avg", (kind,), NUMERIC, _pair, _add, average_numeric, "avg_int")
    yield Aggregate("avg", (NUMERIC,), NUMERIC, _pair, _add_numeric, average_numeric, "avg_numeric")
    for kind in (REAL, DOUBLE):
        yield Aggregate("avg", (kind,), DOUBLE, _pair, _add_float, _average, "avg_float")
    yield Aggregate("avg", (INTERVAL,), INTERVAL, _pair, _add_interval, _average)


# -- min, max ---------------------------------------------------------------------------------------------


def _least(less: Callable[[Any, Any], bool]) -> Callable[[State, Any], State]:
    def step(state: State, value: Any) -> State:
        if state[0] is None or less(value, state[0]):
            state[0] = value
        return state

    return step


def _greatest(less: Callable[[Any, Any], bool]) -> Callable[[State, Any], State]:
    def step(state: State, value: Any) -> State:
        if state[0] is None or less(state[0], value):
            state[0] = value
        return state

    return step


def _plain_less(left: Any, right: Any) -> bool:
    return bool(left < right)


def numeric_less(left: Decimal, right: Decimal) -> bool:
    return numeric_compare(left, right) < 0


def _array_less(left: Any, right: Any) -> bool:
    return compare_arrays(left, right) < 0


def _extremes() -> Iterator[Aggregate]:
    def both(kind: SqlType, less: Callable[[Any, Any], bool], suffix: str | None = "") -> Iterator[Aggregate]:
        result = first_type if kind is ANYARRAY else kind
        for name, step in (("min", _least(less)), ("max", _greatest(less))):
            inlined = "general" if suffix is None else name + suffix
            yield Aggregate(name, (kind,), result, _single, step, _value, inlined)

    ordered = (*INTEGERS, TEXT, CHAR, DATE, TIME, TIMESTAMP, TIMESTAMPTZ, INTERVAL, BYTEA, UUID_TYPE)
    for kind in ordered:
        yield from both(kind, _plain_less)
    for kind in (REAL, DOUBLE):
        yield from both(kind, float_less, "_float")
    yield from both(NUMERIC, numeric_less, "_numeric")
    yield from both(ANYARRAY, _array_less, None)


# -- booleans and bits ------------------------------------------------------------------------------------


def _and(state: State, value: Any) -> State:
    state[0] = value if state[0] is None else state[0] & value
    return state


def _or(state: State, value: Any) -> State:
    state[0] = value if state[0] is None else state[0] | value
    return state


def _xor(state: State, value: Any) -> State:
    state[0] = value if state[0] is None else state[0] ^ value
    return state


def _bits() -> Iterator[Aggregate]:
    for name in ("bool_and", "every"):
        yield Aggregate(name, (BOOLEAN,), BOOLEAN, _single, _and, _value, "bool_and")
    yield Aggregate("bool_or", (BOOLEAN,), BOOLEAN, _single, _or, _value, "bool_or")
    for kind in INTEGERS:
        for name, step in (("bit_and", _and), ("bit_or", _or), ("bit_xor", _xor)):
            yield Aggregate(name, (kind,), kind, _single, step, _value)


# -- collecting -------------------------------------------------------------------------------------------


def _append(state: State, value: Any) -> State:
    state.append(value)
    return state


def _join(state: State, value: Any, delimiter: Any) -> State:
    """The delimiter stands before each value but the first; a NULL delimiter is empty."""
    if value is None:
        return state
    if state and delimiter is not None:
        state.append(delimiter)
    state.append(value)
    return state


def _first(state: State, value: Any) -> State:
    if state[0] is None:
        state[0] = value
    return state


def _as_tuple(state: State) -> tuple[Any, ...] | None:
    return tuple(state) if state else None


def _no_dimensions(state: State, array: tuple[Any, ...]) -> State:
    raise errors.NotSupportedError(
        "arrays have one dimension", hint="jsonb_agg(array) makes an array of arrays; unnest the arrays to join them."
    )


def _collecting() -> Iterator[Aggregate]:
    yield Aggregate(
        "string_agg", (TEXT, TEXT), TEXT, _collect, _join, lambda s: "".join(s) if s else None, strict=False
    )
    yield Aggregate(
        "string_agg", (BYTEA, BYTEA), BYTEA, _collect, _join, lambda s: b"".join(s) if s else None, strict=False
    )
    yield Aggregate("array_agg", (ANYNONARRAY,), array_of_last, _collect, _append, _as_tuple, strict=False)
    yield Aggregate("array_agg", (ANYARRAY,), first_type, _collect, _no_dimensions, _as_tuple)
    yield Aggregate("any_value", (ANYELEMENT,), first_type, _single, _first, _value)


# -- variance of exact numbers ----------------------------------------------------------------------------


def _exact_moments() -> State:
    return [0, Decimal(0), Decimal(0)]


def _add_square(state: State, value: Any) -> State:
    number = Decimal(value)
    state[0] += 1
    state[1] = numeric_add(state[1], number)
    state[2] = numeric_add(state[2], numeric_multiply(number, number))
    return state


def _exact_spread(sample: bool, root: bool) -> Callable[[State], Decimal | None]:
    """(N * sum of squares - square of sum) / (N * (N - 1 or N)), as numeric_stddev_internal."""

    def final(state: State) -> Decimal | None:
        count, total, squares = state
        if count <= sample:
            return None
        if not (total.is_finite() and squares.is_finite()):
            return Decimal("NaN")
        spread = numeric_subtract(numeric_multiply(Decimal(count), squares), numeric_multiply(total, total))
        if spread <= 0:
            return Decimal(0)
        divisor = Decimal(count * (count - sample))
        scale = division_scale(spread, divisor)
        variance = divide_to_scale(spread, divisor, scale)
        return divide_to_scale(numeric_sqrt(variance), Decimal(1), scale) if root else variance

    return final


# -- statistics of doubles --------------------------------------------------------------------------------


def _moments() -> State:
    return [0, 0.0, 0.0]


def _add_moment(state: State, value: float) -> State:
    """n, sum, sum of squared differences from the mean (Youngs and Cramer 1971)."""
    finite = math.isfinite(state[1]) and math.isfinite(value)
    state[0] += 1
    state[1] += value
    count = state[0]
    if count > 1:
        shifted = value * count - state[1]
        state[2] += shifted * shifted / (count * (count - 1))
    if not finite:
        state[2] = math.nan
    elif math.isinf(state[1]) or math.isinf(state[2]):
        raise errors.NumericValueOutOfRange("value out of range: overflow")
    return state


def _spread(sample: bool, root: bool) -> Callable[[State], float | None]:
    def final(state: State) -> float | None:
        count = state[0]
        if count <= sample:
            return None
        variance: float = state[2] / (count - sample)
        return math.sqrt(variance) if root else variance

    return final


_SPREADS = (
    *(("variance", True, False), ("var_samp", True, False), ("var_pop", False, False)),
    *(("stddev", True, True), ("stddev_samp", True, True), ("stddev_pop", False, True)),
)


def _spreads() -> Iterator[Aggregate]:
    for name, sample, root in _SPREADS:
        for kind in (*INTEGERS, NUMERIC):
            yield Aggregate(name, (kind,), NUMERIC, _exact_moments, _add_square, _exact_spread(sample, root))
        for kind in (REAL, DOUBLE):
            yield Aggregate(name, (kind,), DOUBLE, _moments, _add_moment, _spread(sample, root))


def _pair_moments() -> State:
    return [0, 0.0, 0.0, 0.0, 0.0, 0.0]


def _add_pair(state: State, y: float, x: float) -> State:
    """n, sum x, sum of squares x, sum y, sum of squares y, sum of products; squares and products about the means."""
    state[0] += 1
    count = state[0]
    infinite_before = math.isinf(state[1]) or math.isinf(x), math.isinf(state[3]) or math.isinf(y)
    state[1] += x
    state[3] += y
    if count > 1:
        shifted_x = x * count - state[1]
        shifted_y = y * count - state[3]
        scale = 1.0 / (count * (count - 1))
        state[2] += shifted_x * shifted_x * scale
        state[4] += shifted_y * shifted_y * scale
        state[5] += shifted_x * shifted_y * scale
        _check_pair(state, *infinite_before)
    else:
        if not math.isfinite(x):
            state[2] = state[5] = math.nan
        if not math.isfinite(y):
            state[4] = state[5] = math.nan
    return state


def _check_pair(state: State, infinite_x: bool, infinite_y: bool) -> None:
    """An infinity that no argument was is an overflow; squares and products about an infinite mean are NaN."""
    beyond_x = (math.isinf(state[1]) or math.isinf(state[2])) and not infinite_x
    beyond_y = (math.isinf(state[3]) or math.isinf(state[4])) and not infinite_y
    if beyond_x or beyond_y or (math.isinf(state[5]) and not infinite_x and not infinite_y):
        raise errors.NumericValueOutOfRange("value out of range: overflow")
    for place in (2, 4, 5):
        if math.isinf(state[place]):
            state[place] = math.nan


def _correlation(state: State) -> float | None:
    if state[0] < 1 or state[2] == 0 or state[4] == 0:
        return None
    return float(state[5] / math.sqrt(state[2] * state[4]))


def _intercept(state: State) -> float | None:
    if state[0] < 1 or state[2] == 0:
        return None
    return float((state[3] - state[1] * state[5] / state[2]) / state[0])


def _r2(state: State) -> float | None:
    if state[0] < 1 or state[2] == 0:
        return None
    return 1.0 if state[4] == 0 else float(state[5] * state[5] / (state[2] * state[4]))


_REGRESSIONS: tuple[tuple[str, Callable[[State], float | None]], ...] = (
    ("corr", _correlation),
    ("covar_pop", lambda state: state[5] / state[0] if state[0] else None),
    ("covar_samp", lambda state: state[5] / (state[0] - 1) if state[0] > 1 else None),
    ("regr_avgx", lambda state: state[1] / state[0] if state[0] else None),
    ("regr_avgy", lambda state: state[3] / state[0] if state[0] else None),
    ("regr_sxx", lambda state: state[2] if state[0] else None),
    ("regr_syy", lambda state: state[4] if state[0] else None),
    ("regr_sxy", lambda state: state[5] if state[0] else None),
    ("regr_slope", lambda state: state[5] / state[2] if state[0] and state[2] else None),
    ("regr_intercept", _intercept),
    ("regr_r2", _r2),
)


def _regressions() -> Iterator[Aggregate]:
    pair = (DOUBLE, DOUBLE)
    for name, final in _REGRESSIONS:
        yield Aggregate(name, pair, DOUBLE, _pair_moments, _add_pair, final)
    yield Aggregate("regr_count", pair, BIGINT, _zero, _count, _same)


# -- ordered sets -----------------------------------------------------------------------------------------


def _check_fraction(fraction: float) -> float:
    if not 0 <= fraction <= 1:
        raise errors.NumericValueOutOfRange(f"percentile value {fraction:g} is not between 0 and 1")
    return fraction


def percentile_disc(values: State, fraction: float | None) -> Any:
    """The first of the ordered values whose position reaches the fraction."""
    if not values or fraction is None:
        return None
    return values[max(math.ceil(_check_fraction(fraction) * len(values)) - 1, 0)]


def percentile_cont(values: State, fraction: float | None) -> Any:
    """The value at the fraction, interpolated between its neighbours."""
    if not values or fraction is None:
        return None
    place = _check_fraction(fraction) * (len(values) - 1)
    low, high = values[math.floor(place)], values[math.ceil(place)]
    if math.floor(place) == math.ceil(place):
        return low
    share = place - math.floor(place)
    return low + (high - low) * share


def _for_each(one: Callable[[State, float | None], Any]) -> Callable[[State, Any], Any]:
    """The form that takes an array of fractions and gives an array."""
    return lambda values, fractions: tuple([one(values, f) for f in fractions]) if values and fractions else None


def mode(values: State) -> Any:
    """The most frequent value; the first of them in the order if several are."""
    counts: dict[Any, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return max(counts, key=lambda value: counts[value]) if counts else None


def _last(targets: Any) -> SqlType:
    result: SqlType = targets[-1].base
    return result


def _ordered_sets() -> Iterator[Aggregate]:
    many = array_of(DOUBLE)

    def ordered(name: str, direct: tuple[SqlType, ...], kind: SqlType, result: Any, final: Any) -> Aggregate:
        arguments = (*direct, kind)
        return Aggregate(name, arguments, result, _collect, _append, final, ordered_set=True, direct=len(direct))

    for kind in (DOUBLE, INTERVAL):
        yield ordered("percentile_cont", (DOUBLE,), kind, kind, percentile_cont)
        yield ordered("percentile_cont", (many,), kind, array_of(kind), _for_each(percentile_cont))
    yield ordered("percentile_disc", (DOUBLE,), ANYELEMENT, _last, percentile_disc)
    yield ordered("percentile_disc", (many,), ANYELEMENT, array_of_last, _for_each(percentile_disc))
    yield ordered("mode", (), ANYELEMENT, _last, mode)


def aggregates() -> Iterator[Aggregate]:
    """All aggregates."""
    yield from _sums()
    yield from _extremes()
    yield from _bits()
    yield from _collecting()
    yield from _spreads()
    yield from _regressions()
    yield from _ordered_sets()
