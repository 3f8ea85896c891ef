"""Functions, operators and aggregates against golden files, and properties that no list of examples shows.

A golden file holds calls and what they give, two lines each:

    round(numeric '1234.567', integer '2')
    --- 1234.57 : numeric

The calls are SQL that PostgreSQL takes as it is (but `array[] '{...}'` is written for a cast), and the results were
compared with PostgreSQL 15; where it says something else, a comment `# PostgreSQL: ...` stands above. A line in
`aggregates.golden` is an aggregate and the rows of its argument: `avg integer[] '{1,2,NULL}'`.

MINIDB_UPDATE_GOLDEN=1 rewrites the files; the comments stay.
"""

from __future__ import annotations

import itertools
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, FloatOperation, Inexact, Overflow, Rounded, localcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidb
from minidb import errors, types
from minidb.sql import functions
from minidb.sql.functions import catalogue, operators, patterns
from minidb.types import (
    ANY,
    ANYARRAY,
    ANYELEMENT,
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    NUMERIC,
    REAL,
    SMALLINT,
    TEXT,
    UNKNOWN,
    SqlType,
    array_of,
    cast,
    from_text,
    to_text,
    type_from_name,
)

HERE = Path(__file__).parent
UPDATE = os.environ.get("MINIDB_UPDATE_GOLDEN") == "1"

TYPE = r"[a-z][a-z ]*(?:\([\d, -]+\))?(?:\[\])?"
ARGUMENT = rf"(?:null|(?:{TYPE} )?'(?:[^']|'')*')"


class SessionContext:
    """The session as a stable function sees it."""

    now = statement_time = datetime(2020, 2, 3, 4, 5, 6, 789000, tzinfo=UTC)
    session_user = "alice"
    time_zone = "America/New_York"

    def clock(self) -> datetime:
        return self.now + timedelta(seconds=1)

    def random(self) -> float:
        return 0.25

    def setting(self, name: str) -> str:
        return {"work_mem": "4MB"}[name]


class InUtc(SessionContext):
    time_zone = "UTC"


# -- reading and evaluating golden lines ------------------------------------------------------------------


def read_type(text: str) -> SqlType:
    name, modifiers, array = re.fullmatch(r"([a-z][a-z ]*)(?:\(([\d, -]+)\))?(\[\])?", text).groups()
    return type_from_name(name + (array or ""), tuple(map(int, modifiers.split(","))) if modifiers else ())


def read_argument(text: str) -> tuple[SqlType, Any]:
    if text == "null":
        return UNKNOWN, None
    kind, body = re.fullmatch(rf"(?:({TYPE}) )?'((?:[^']|'')*)'", text, re.DOTALL).groups()
    body = body.replace("''", "'")
    if kind is None:
        return UNKNOWN, body
    target = read_type(kind)
    return target, cast(body, UNKNOWN, target, explicit=True)


def shown(kind: SqlType, value: Any) -> str:
    return f"{'NULL' if value is None else to_text(kind, value)} : {kind.base}"


def call_function(name: str, arguments: list[tuple[SqlType, Any]]) -> str:
    function, targets = functions.resolve(name, tuple(kind for kind, _ in arguments))
    result = function.result_type(targets)
    values = [cast(value, kind, target) for (kind, value), target in zip(arguments, targets)]
    if function.strict and None in values:
        return shown(result, None)
    if function.needs_types:
        values.insert(0, targets)
    if function.needs_context:
        values.insert(0, SessionContext())
    answer = function.call(*values)
    if function.returns_set:
        return "; ".join(shown(result, item).rpartition(" : ")[0] for item in answer) + f" : {result}"
    return shown(result, answer)


def call_operator(name: str, left: tuple[SqlType, Any] | None, right: tuple[SqlType, Any]) -> str:
    operator = functions.resolve_operator(name, left and left[0], right[0])
    values = [cast(right[1], right[0], operator.right)]
    if left is not None:
        values.insert(0, cast(left[1], left[0], operator.left))
    return shown(operator.result, None if None in values else operator.call(*values))


def call_aggregate(name: str, rows: tuple[SqlType, Any]) -> str:
    element = rows[0].element
    aggregate, targets = functions.resolve_aggregate(name, (element,))
    state = aggregate.init()
    for value in rows[1]:
        if value is not None or not aggregate.strict:
            state = aggregate.step(state, cast(value, element, targets[0]))
    return shown(aggregate.result_type(targets), aggregate.final(state))


def dispatch(line: str) -> str:
    if match := re.fullmatch(rf"({ARGUMENT})::({TYPE})", line, re.DOTALL):
        (kind, value), target = read_argument(match[1]), read_type(match[2])
        return shown(target, cast(value, kind, target, explicit=True))
    if match := re.fullmatch(rf"({ARGUMENT}) (\S+) ({ARGUMENT})", line, re.DOTALL):
        return call_operator(match[2], read_argument(match[1]), read_argument(match[3]))
    if match := re.fullmatch(rf"([^\w\s']+) ({ARGUMENT})", line, re.DOTALL):
        return call_operator(match[1], None, read_argument(match[2]))
    if match := re.fullmatch(rf"(\w+) ({TYPE} '.*')", line):
        return call_aggregate(match[1], read_argument(match[2]))
    match = re.fullmatch(r"(?:pg_catalog\.)?(\w+)\((.*)\)", line, re.DOTALL)
    return call_function(match[1], [read_argument(text) for text in re.findall(ARGUMENT, match[2], re.DOTALL)])


def evaluate(line: str) -> str:
    try:
        return dispatch(line).replace("\n", "\\n")
    except errors.Error as error:
        return f"ERROR {error.sqlstate} {error.message}"


@pytest.mark.parametrize("path", sorted(HERE.glob("functions_*.golden")), ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    lines = path.read_text().split("\n")
    answers = [
        f"--- {evaluate(lines[place - 1])}" if line.startswith("--- ") else line for place, line in enumerate(lines)
    ]
    if UPDATE:
        path.write_text("\n".join(answers))
    assert answers == lines


def test_golden_files_are_there() -> None:
    assert len(list(HERE.glob("functions_*.golden"))) >= 7


# -- the tables -------------------------------------------------------------------------------------------


def all_functions() -> Iterator[functions.Function]:
    for name in functions.function_names():
        yield from catalogue.overloads(name)


def test_no_two_overloads_have_the_same_arguments() -> None:
    seen = set()
    for function in all_functions():
        key = (function.name, function.arguments, function.variadic)
        assert key not in seen
        seen.add(key)


def test_every_overload_is_reached_with_its_own_types() -> None:
    pseudo = {ANY: TEXT, ANYELEMENT: INTEGER, ANYARRAY: array_of(INTEGER)}
    for function in all_functions():
        given_types = tuple(pseudo.get(kind, kind) for kind in function.arguments)
        found, targets = functions.resolve(function.name, given_types)
        assert found.name == function.name
        assert targets == given_types
        assert isinstance(found.result_type(targets), SqlType)


def test_templates_are_python() -> None:
    for function in all_functions():
        if function.template:
            compile(function.template.format(*["x"] * len(function.arguments)), function.name, "eval")
    for overload in (o for overloads in operators._TABLE.values() for o in overloads):
        if overload.template:
            compile(overload.template.format("x", "y"), overload.name, "eval")
        assert overload.check is None or overload.check in functions.CHECKS


def test_nothing_heavy_is_imported() -> None:
    heavy = ("dataclasses", "zoneinfo", "difflib", "hashlib", "calendar", "lark", "sqlglot", "random")
    bare = (
        f"import sys, types; m = sys.modules['minidb'] = types.ModuleType('minidb'); m.__path__ = {minidb.__path__!r}"
    )
    code = f"{bare}; import minidb.sql.functions; print([m for m in {heavy!r} if m in sys.modules])"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"


# -- templates agree with callables -----------------------------------------------------------------------

SAMPLES: dict[SqlType, list[Any]] = {
    SMALLINT: [0, 1, -1, 7, -7, 32767, -32768],
    INTEGER: [0, 1, -1, 3, -3, 2147483647, -2147483648],
    BIGINT: [0, 5, -5, 2**63 - 1, -(2**63)],
    NUMERIC: [Decimal(text) for text in ("0", "1.50", "-2", "1e40", "NaN", "Infinity", "-Infinity")],
    REAL: [0.0, 1.5, -2.5, 3.4028234663852886e38, math.nan, math.inf],
    DOUBLE: [0.0, 0.1, -1e308, 1e308, 5e-324, math.nan, math.inf, -math.inf],
    TEXT: ["", "a", "ab", "é"],
    BOOLEAN: [True, False],
    DATE: [from_text(DATE, "2020-01-01"), from_text(DATE, "0001-01-01")],
}


def outcome(function: Any, *operands: Any) -> tuple[str, str]:
    try:
        value = function(*operands)
    except errors.Error as error:
        return "error", error.sqlstate
    except ArithmeticError as error:
        return "error", types.arithmetic_error(error).sqlstate
    return type(value).__name__, repr(value)


def compiled_operator(overload: functions.Operator) -> Any:
    """What a compiler makes of a template: the expression, then the check."""
    source = overload.template.format("x", "y")
    namespace = dict(functions.HELPERS)
    condition = functions.CHECKS[overload.check].format("r") if overload.check else "True"
    parameters = "y, x=None" if overload.left is None else "x, y"
    if overload.left is None:
        source = overload.template.format("y")
    code = f"def run({parameters}):\n r = {source}\n return r if {condition} else call({parameters.split('=')[0]})"
    if overload.left is None:
        code = f"def run(y):\n r = {source}\n return r if {condition} else call(y)"
    namespace["call"] = overload.call
    exec(code, namespace)  # the test plays the compiler
    return namespace["run"]


def test_templates_agree_with_callables() -> None:
    compared = 0
    for overload in (o for overloads in operators._TABLE.values() for o in overloads):
        kinds = overload.arguments
        if overload.template is None or not all(kind in SAMPLES for kind in kinds):
            continue
        run = compiled_operator(overload)
        for operands in _combinations([SAMPLES[kind] for kind in kinds]):
            nan = any(isinstance(value, Decimal) and value.is_nan() for value in operands)
            if nan and overload.raises_on_nan:
                continue
            compared += 1
            assert outcome(run, *operands) == outcome(overload.call, *operands), (overload.name, kinds, operands)
    assert compared > 1000


def _combinations(lists: list[list[Any]]) -> Iterator[tuple[Any, ...]]:
    if len(lists) == 1:
        yield from ((value,) for value in lists[0])
        return
    yield from ((one, other) for one in lists[0] for other in lists[1])


def test_integer_division_truncates() -> None:
    for left in range(-9, 10):
        for right in (-4, -1, 1, 3):
            quotient = operators.divide_integers(left, right)
            assert quotient == int(left / right)
            assert operators.modulo_integers(left, right) == left - quotient * right


# -- context ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("now", "2020-02-03 04:05:06.789+00 : timestamp with time zone"),
        ("current_timestamp", "2020-02-03 04:05:06.789+00 : timestamp with time zone"),
        ("clock_timestamp", "2020-02-03 04:05:07.789+00 : timestamp with time zone"),
        ("current_date", "2020-02-02 : date"),
        ("localtime", "23:05:06.789 : time without time zone"),
        ("localtimestamp", "2020-02-02 23:05:06.789 : timestamp without time zone"),
        ("random", "0.25 : double precision"),
        ("current_user", "alice : text"),
        ("gen_random_uuid", "40000000-4000-4000-8000-000040000000 : uuid"),
    ],
)
def test_functions_of_the_context(name: str, expected: str) -> None:
    assert call_function(name, []) == expected


def test_precision_of_the_clock() -> None:
    assert call_function("localtime", [(INTEGER, 0)]) == "23:05:07 : time without time zone"


def test_current_setting() -> None:
    assert call_function("current_setting", [(TEXT, "work_mem")]) == "4MB : text"
    assert call_function("current_setting", [(TEXT, "nope"), (BOOLEAN, True)]) == "NULL : text"
    with pytest.raises(errors.UndefinedObject, match="unrecognized configuration parameter"):
        call_function("current_setting", [(TEXT, "nope")])


def test_volatility() -> None:
    assert functions.resolve("random", ())[0].volatility == "volatile"
    assert functions.resolve("now", ())[0].volatility == "stable"
    assert functions.resolve("lower", (TEXT,))[0].volatility == "immutable"


# -- resolution -------------------------------------------------------------------------------------------


def test_misspelt_function_names_its_neighbour() -> None:
    with pytest.raises(errors.UndefinedFunction) as caught:
        functions.resolve("lenght", (TEXT,))
    assert caught.value.hint == 'Perhaps you meant the function "length".'


def test_wrong_types_name_the_signature() -> None:
    with pytest.raises(errors.UndefinedFunction, match=r"function lower\(integer\) does not exist"):
        functions.resolve("lower", (INTEGER,))


def test_window_functions_need_over() -> None:
    with pytest.raises(errors.WindowingError):
        functions.resolve("row_number", ())
    with pytest.raises(errors.WrongObjectType):
        functions.resolve_window("lower", (TEXT,))
    found, targets = functions.resolve_window("lag", (NUMERIC, INTEGER))
    assert found.result_type(targets) == NUMERIC
    assert functions.resolve_window("sum", (INTEGER,))[0].result_type((INTEGER,)) == BIGINT


def test_lag_with_a_default_of_another_type() -> None:
    found, targets = functions.resolve_window("lag", (INTEGER, INTEGER, NUMERIC))
    assert targets == (NUMERIC, INTEGER, NUMERIC)
    assert found.result_type(targets) == NUMERIC


def test_modifiers_do_not_matter() -> None:
    operator = functions.resolve_operator("=", SqlType("varchar", length=3), SqlType("char", length=9))
    assert (operator.left, operator.right) == (types.CHAR, types.CHAR)


@pytest.mark.parametrize(
    ("name", "types_given", "kind", "result"),
    [
        ("count", (), "count_star", BIGINT),
        ("count", (TEXT,), "count", BIGINT),
        ("sum", (INTEGER,), "sum_int", BIGINT),
        ("sum", (BIGINT,), "sum_int", NUMERIC),
        ("sum", (REAL,), "sum_float", REAL),
        ("avg", (INTEGER,), "avg_int", NUMERIC),
        ("avg", (REAL,), "avg_float", DOUBLE),
        ("min", (SqlType("varchar", length=4),), "min", TEXT),
        ("max", (NUMERIC,), "max_numeric", NUMERIC),
        ("max", (DOUBLE,), "max_float", DOUBLE),
        ("array_agg", (INTEGER,), "general", array_of(INTEGER)),
        ("percentile_cont", (NUMERIC, INTEGER), "general", DOUBLE),
        ("percentile_disc", (NUMERIC, TEXT), "general", TEXT),
        ("mode", (TEXT,), "general", TEXT),
    ],
)
def test_aggregates_resolve(name: str, types_given: tuple[SqlType, ...], kind: str, result: SqlType) -> None:
    aggregate, targets = functions.resolve_aggregate(name, types_given)
    assert (aggregate.kind, aggregate.result_type(targets)) == (kind, result)


def test_string_agg() -> None:
    aggregate, _ = functions.resolve_aggregate("string_agg", (TEXT, UNKNOWN))
    state = aggregate.init()
    for value, delimiter in (("a", ","), (None, ","), ("b", ";"), ("c", None)):
        state = aggregate.step(state, value, delimiter)
    assert aggregate.final(state) == "a;bc"


def test_percentiles() -> None:
    aggregate, _ = functions.resolve_aggregate("percentile_cont", (DOUBLE, DOUBLE))
    assert aggregate.final([1.0, 2.0, 10.0], 0.75) == 6.0
    with pytest.raises(errors.NumericValueOutOfRange, match="percentile value 2 is not between 0 and 1"):
        aggregate.final([1.0], 2.0)
    assert functions.resolve_aggregate("mode", (TEXT,))[0].final(["a", "b", "b"]) == "b"


# -- patterns ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "prefix", "exact"),
    [("abc%", "abc", False), ("abc", "abc", True), (r"a\%c%", "a%c", False), ("_x", "", False), ("", "", True)],
)
def test_like_prefix(pattern: str, prefix: str, exact: bool) -> None:
    assert functions.like_prefix(pattern) == (prefix, exact)


@given(st.text("ab\ud7ff\U0010ffff", max_size=4), st.text(max_size=4))
def test_everything_with_a_prefix_is_below_its_upper_bound(prefix: str, rest: str) -> None:
    bound = functions.prefix_upper_bound(prefix)
    assert bound is None or prefix <= prefix + rest < bound


@given(st.text("ab%_\\\n", max_size=6), st.text("ab%_\\\n", max_size=6))
def test_like_against_a_slow_model(pattern: str, value: str) -> None:
    if len(pattern) - len(pattern.rstrip("\\")) & 1:
        with pytest.raises(errors.DataError):
            patterns.like(value, pattern)
        return
    assert patterns.like(value, pattern) == slow_like(pattern, value)


def slow_like(pattern: str, value: str) -> bool:
    if not pattern:
        return not value
    if pattern[0] == "%":
        return any(slow_like(pattern[1:], value[skipped:]) for skipped in range(len(value) + 1))
    if pattern[0] == "\\":
        return value[:1] == pattern[1] and slow_like(pattern[2:], value[1:])
    return bool(value) and pattern[0] in ("_", value[0]) and slow_like(pattern[1:], value[1:])


@pytest.mark.parametrize(
    ("value", "pattern", "expected"),
    [
        ("abc", "abc", True),
        ("abc", "a", False),
        ("abc", "%(b|d)%", True),
        ("abc", "(b|c)%", False),
        ("a.c", "a.c", True),
        ("axc", "a.c", False),
        ("aaa", "a{3}", True),
        ("a|c", r"a\|c", True),
        ("b", "[a-c]", True),
    ],
)
def test_similar(value: str, pattern: str, expected: bool) -> None:
    assert patterns.similar(value, pattern) is expected


def test_regular_expressions_across_lines() -> None:
    assert patterns.matches("a\nb", "a.b")
    assert not patterns.matches("a\nb", "^b")
    assert patterns.matches("a\nb", "(?n)^b")
    assert not patterns.matches("a\n", "a$")


def test_hostile_patterns_are_errors_of_ours() -> None:
    for pattern in ("(", "[", "a{2", "*", "(?<n", "\\", "[[:nope:]]", "a" + "(" * 300):
        try:
            patterns.matches("x", pattern)
        except errors.DataError as error:
            assert error.sqlstate == "2201B"


# -- properties -------------------------------------------------------------------------------------------

finite = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=4)


@given(finite, finite.filter(bool))
def test_division_is_right_to_the_last_digit(left: Decimal, right: Decimal) -> None:
    quotient = types.numeric_divide(left, right)
    scale = types.numeric_scale(quotient)
    exact_error = abs(quotient * right - left)
    assert scale >= 4
    assert exact_error <= abs(right) * Decimal((0, (5,), -scale - 1))


@given(finite, finite)
def test_sums_and_products_are_exact(left: Decimal, right: Decimal) -> None:
    assert types.numeric_add(left, right) - right == left
    assert types.numeric_scale(types.numeric_multiply(left, right)) == 8


@given(st.datetimes(), st.datetimes())
def test_age_leads_back(left: datetime, right: datetime) -> None:
    span = functions.resolve("age", (types.TIMESTAMP, types.TIMESTAMP))[0].call(left, right)
    assert (span >= types.Interval()) == (left >= right) or span.total == 0
    assert abs(span.days) < 62


@given(st.datetimes(max_value=datetime(9990, 1, 1)), st.integers(-5, 5), st.integers(0, 10**12))
def test_timestamp_differences(moment: datetime, days: int, microseconds: int) -> None:
    later = moment + timedelta(microseconds=microseconds)
    minus = functions.resolve_operator("-", types.TIMESTAMP, types.TIMESTAMP).call
    plus = functions.resolve_operator("+", types.TIMESTAMP, types.INTERVAL).call
    assert plus(moment, minus(later, moment)) == later


@given(st.datetimes(min_value=datetime(1900, 1, 1)))
def test_to_char_and_back(moment: datetime) -> None:
    form = "YYYY-MM-DD HH24:MI:SS.US"
    text = functions.resolve("to_char", (types.TIMESTAMP, TEXT))[0].call(moment, form)
    back = functions.resolve("to_timestamp", (TEXT, TEXT))[0].call(InUtc(), text, form)
    assert back.replace(tzinfo=None) == moment


@given(st.text(max_size=20))
def test_quoted_literals_keep_their_text(value: str) -> None:
    quoted = functions.resolve("quote_literal", (TEXT,))[0].call(value)
    inner = quoted.removeprefix("E")[1:-1].replace("''", "'")
    assert (inner.replace("\\\\", "\\") if quoted.startswith("E") else inner) == value


@given(st.binary(max_size=40), st.sampled_from(["hex", "base64", "escape"]))
def test_encode_and_decode(value: bytes, form: str) -> None:
    encoded = functions.resolve("encode", (types.BYTEA, TEXT))[0].call(value, form)
    assert functions.resolve("decode", (TEXT, TEXT))[0].call(encoded, form) == value


def test_the_caller_s_decimal_context_does_not_matter() -> None:
    """numeric has a context of its own; the thread's may have three digits and trap everything."""
    hostile = Context(prec=3, traps=[Inexact, Rounded, FloatOperation, Overflow])
    compared = 0
    for path in sorted(HERE.glob("functions_*.golden")):
        lines = path.read_text().split("\n")
        with localcontext(hostile):
            for call, line in itertools.pairwise(lines):
                if line.startswith("--- "):
                    assert f"--- {evaluate(call)}" == line, call
                    compared += 1
    assert compared > 1000
