"""Shorter source where an operand is a constant: `%` and `/`, comparisons without NaN, LIKE patterns."""

from __future__ import annotations

from typing import Any

from minidb import errors
from minidb.sql import plan
from minidb.sql.functions import compile_like


def special_template(node: plan.Operator) -> str | None:
    """A shorter template where a constant allows one: `%` and `/` of integers by a positive constant."""
    if node.operator.name in ("%", "/") and node.type.name in INTEGERS:
        divisor = node.arguments[1]
        if isinstance(divisor, plan.Constant) and isinstance(divisor.value, int) and divisor.value > 0:
            if node.operator.name == "%":
                return "({0} % {1} if {0} >= 0 else -(-{0} % {1}))"
            return "({0} // {1} if {0} >= 0 else -(-{0} // {1}))"
    if len(node.arguments) == 2 and node.operator.name in _NOT_NAN:
        right = node.arguments[1]
        if (
            node.arguments[0].type.name in _MAY_BE_NAN
            and isinstance(right, plan.Constant)
            and right.value == right.value
        ):
            return _NOT_NAN[node.operator.name]
    return None


INTEGERS = ("smallint", "integer", "bigint")
_MAY_BE_NAN = ("real", "double precision")
_NOT_NAN = {  # the right side is no NaN
    "=": "({0} == {1})",
    "<": "({0} < {1})",
    "<=": "({0} <= {1})",
    ">": "({0} > {1} or {0} != {0})",
    ">=": "({0} >= {1} or {0} != {0})",
}


def pattern_call(node: plan.Operator) -> tuple[Any, bool] | None:
    """(the test that a constant LIKE pattern or regular expression comes to, whether it is negated)."""
    if len(node.arguments) != 2 or not isinstance(node.arguments[1], plan.Constant):
        return None
    pattern = node.arguments[1].value
    name = node.operator.name
    if not isinstance(pattern, str) or name not in ("~~", "!~~", "~~*", "!~~*"):
        return None
    try:
        return compile_like(pattern, insensitive=name.endswith("*")), name.startswith("!")
    except errors.Error:
        return None  # raised when it is used
