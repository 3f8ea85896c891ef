"""Filters without NULL tests, tried first.

Python raises TypeError where None meets arithmetic or an order, so a batch may be filtered without any test and, should
that fail, once more with them: free where there is no NULL. It does not hold for `==` and `!=`, to which None is a
value like any other: those need an operand that is arithmetic itself, or cannot be NULL.

    try:
        l1 = [r1[0] for r1 in b1 if r1[3] > 5]
    except TypeError:
        l1 = [r1[0] for r1 in b1 if (t1 := r1[3]) is not None and t1 > 5]

The source behind the filter may use names that only the careful form binds; `names` says what they stand for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from minidb.sql import plan
from minidb.sql.compiler.clauses import Clause, For, If, comprehension
from minidb.sql.compiler.emitter import Function
from minidb.sql.rules import walk
from minidb.sql.rules.nulls import leaves

_ARITHMETIC = ("+", "-", "*", "/", "%")
_ORDERS = ("<", "<=", ">", ">=")
_INTEGERS = ("smallint", "integer", "bigint")
_CALL = re.compile(r"\b(?:f|e|query|add)\d+\(")


def may_be_hopeful(predicate: plan.Expression) -> bool:
    """Whether a NULL among the operands is sure to raise TypeError, or to give something that is not true."""
    if not isinstance(predicate, plan.Operator) or predicate.operator.template is None:
        return False
    if len(predicate.arguments) != 2:
        return False
    left, right = predicate.arguments
    if predicate.operator.name in _ORDERS:
        return _is_plain(left) and _is_plain(right)
    if predicate.operator.name == "=":
        return _is_arithmetic(left) and isinstance(walk.strip_relabel(right), plan.Constant | plan.Parameter)
    return False


def _is_plain(node: plan.Expression) -> bool:
    bare = walk.strip_relabel(node)
    return isinstance(bare, plan.Column | plan.Constant | plan.Parameter) or _is_arithmetic(bare)


def _is_arithmetic(node: plan.Expression) -> bool:
    """Integer arithmetic whose operands are looked at by Python's own operators."""
    bare = walk.strip_relabel(node)
    if not isinstance(bare, plan.Operator) or bare.operator.name not in _ARITHMETIC or len(bare.arguments) != 2:
        return False
    return bare.type.name in _INTEGERS and all(
        argument.type.name in _INTEGERS and _is_plain(argument) for argument in bare.arguments
    )


def nullable_leaves(predicates: Sequence[plan.Expression]) -> set[walk.ColumnKey]:
    return {column for predicate in predicates for column in leaves(predicate)}


def _has_effects(clauses: Sequence[Clause], hope: If, output: str) -> bool:
    """Whether what is done with rows must not be done twice: functions are called, or rows are remembered."""
    behind = list(clauses[clauses.index(hope) + 1 :])
    return bool(_CALL.search(comprehension([For("_", "_"), *behind], output)))


def print_filtered(function: Function, name: str, clauses: Sequence[Clause], output: str) -> None:
    """Prints the list `name` of `output` over the clauses of one batch."""
    careful = comprehension(clauses, output)
    hope = next((c for c in clauses if isinstance(c, If) and c.hopeful), None)
    if hope is None or _has_effects(clauses, hope, output):
        function.add(f"{name} = [{careful}]")
        return
    hopeful = careful.replace(f"if {hope.test}", f"if {hope.hopeful}", 1)
    for held, source in hope.names:
        hopeful = re.sub(rf"\b{held}\b", source, hopeful)
    with function.block("try:"):
        function.add(f"{name} = [{hopeful}]")
    with function.block("except TypeError:"):
        function.add(f"{name} = [{careful}]")


__all__: list[Any] = ["may_be_hopeful", "nullable_leaves", "print_filtered"]
