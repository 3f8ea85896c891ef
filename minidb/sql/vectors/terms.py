"""Integer expressions over a page: columns, constants, parameters, + - * / %, each as bounds and as an array.

`bounds` asks nothing but the page's own bounds; where it does not raise Unsuited, `data` cannot overflow, divide by 0
or leave the range of its type, whatever row it looks at. Dates and timestamps are integers here (`column_values`), but
are only compared and counted with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec

from minidb.sql import plan
from minidb.sql.rules import walk
from minidb.sql.vectors import arrays
from minidb.sql.vectors.arrays import Array, Bounded, Unsuited
from minidb.txn.door import PageColumns
from minidb.types.numbered import HIGHEST, LOWEST, NUMBERED, family

RANGES = {"smallint": (-(1 << 15), (1 << 15) - 1), "integer": (-(1 << 31), (1 << 31) - 1), "bigint": (LOWEST, HIGHEST)}


class Frame(msgspec.Struct):
    """One page, on one run of a statement."""

    contents: PageColumns
    parameters: Any
    tests: tuple[Callable[[Any], Any], ...] = ()  # functions of one value, see `conditions`
    memory: dict[int, Any] = {}  # arrays of terms, by the id of the term
    selected: dict[int, Any] = {}  # the same for the rows that count


class Term(Protocol):
    def bounds(self, frame: Frame) -> Bounded | None:
        """None: it is NULL in every row."""

    def data(self, frame: Frame) -> Any:
        """An array, or one integer for all rows. Anything where the value is NULL."""

    def nulls(self, frame: Frame) -> Array | None:
        """Where it is NULL; None if it nowhere is."""


class ColumnTerm(msgspec.Struct, frozen=True):
    position: int

    def bounds(self, frame: Frame) -> Bounded | None:
        return arrays.bounds(frame.contents, self.position)

    def data(self, frame: Frame) -> Any:
        return arrays.integers(frame.contents, self.position)[0]

    def nulls(self, frame: Frame) -> Array | None:
        return arrays.integers(frame.contents, self.position)[1]


class FixedTerm(msgspec.Struct, frozen=True):
    """A constant or a parameter; `number` makes an integer of a date or timestamp."""

    value: Callable[[Frame], Any]
    number: Callable[[Any], int] | None = None

    def bounds(self, frame: Frame) -> Bounded | None:
        value = self.value(frame)
        if value is None:
            return None
        number = value if self.number is None else self.number(value)
        if type(number) is not int:
            raise Unsuited
        return Bounded(number, number, False)

    def data(self, frame: Frame) -> Any:
        found = self.bounds(frame)
        return None if found is None else found.low

    def nulls(self, frame: Frame) -> Array | None:
        return None


Arithmetic = Callable[[Bounded, Bounded], tuple[int, int]]


class OperatorTerm(msgspec.Struct, frozen=True):
    symbol: str
    left: Term
    right: Term
    range: tuple[int, int]

    def bounds(self, frame: Frame) -> Bounded | None:
        left, right = self.left.bounds(frame), self.right.bounds(frame)
        if left is None or right is None:
            if self.symbol in ("/", "%"):
                raise Unsuited  # NULL / 0 is an error in some places and NULL in others
            return None
        low, high = _BOUNDS[self.symbol](left, right)
        if low < self.range[0] or high > self.range[1]:
            raise Unsuited
        return Bounded(low, high, left.nulls or right.nulls)

    def data(self, frame: Frame) -> Any:
        found = frame.memory.get(id(self))
        if found is None:
            found = frame.memory[id(self)] = self._calculated(frame, self.left.data(frame), self.right.data(frame))
        return found

    def _calculated(self, frame: Frame, left: Any, right: Any) -> Any:
        if self.symbol == "%" and type(right) is int and right > 0 and type(left) is not int:
            known = self.left.bounds(frame)
            return _rest_by_one(left, right, known is None or known.low < 0)
        return _CALCULATED[self.symbol](left, right)

    def nulls(self, frame: Frame) -> Array | None:
        return either(self.left.nulls(frame), self.right.nulls(frame))


def either(left: Array | None, right: Array | None) -> Array | None:
    if left is None or right is None:
        return right if left is None else left
    return left | right


# -- bounds of results ------------------------------------------------------------------------------------


def _product(left: Bounded, right: Bounded) -> tuple[int, int]:
    corners = (left.low * right.low, left.low * right.high, left.high * right.low, left.high * right.high)
    return min(corners), max(corners)


def _quotient(left: Bounded, right: Bounded) -> tuple[int, int]:
    _check_divisor(right)
    most = max(abs(left.low), abs(left.high)) // min(abs(right.low), abs(right.high))
    if right.low > 0:
        return (0 if left.low >= 0 else -most), (0 if left.high <= 0 else most)
    return -most, most


def _remainder(left: Bounded, right: Bounded) -> tuple[int, int]:
    _check_divisor(right)
    if LOWEST in (left.low, right.low):  # its absolute value is beyond 64 bits
        raise Unsuited
    most = max(abs(right.low), abs(right.high)) - 1
    return max(-most, min(left.low, 0)), min(most, max(left.high, 0))


def _check_divisor(divisor: Bounded) -> None:
    if divisor.low <= 0 <= divisor.high:
        raise Unsuited


_BOUNDS: Mapping[str, Arithmetic] = {
    "+": lambda left, right: (left.low + right.low, left.high + right.high),
    "-": lambda left, right: (left.low - right.high, left.high - right.low),
    "*": _product,
    "/": _quotient,
    "%": _remainder,
}


# -- results ----------------------------------------------------------------------------------------------


def _fraction(left: Any, right: Any) -> Any:
    """Truncated toward zero."""
    if type(left) is int and type(right) is int:
        return left // right if (left >= 0) == (right > 0) else -(-left // right)
    np = arrays.numpy()
    return (left - np.fmod(left, right)) // right


def _rest(left: Any, right: Any) -> Any:
    """With the sign of the dividend."""
    if type(left) is int and type(right) is int:
        return left % right if (left >= 0) == (right > 0) else -(-left % right)
    return arrays.numpy().fmod(left, right)


def _rest_by_one(left: Array, right: int, signed: bool) -> Array:
    """By one positive number: what the quotient leaves, because NumPy divides by one number several times faster than
    it finds remainders."""
    rest = left - left // right * right
    if signed:
        rest[(left < 0) & (rest > 0)] -= right
    return rest


_CALCULATED: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _fraction,
    "%": _rest,
}


# -- from the plan ----------------------------------------------------------------------------------------


def term_of(node: plan.Expression, relation: int) -> Term | None:
    """None where an expression is not one that can be calculated here."""
    node = walk.strip_relabel(node)
    kind = family(node.type)
    if kind is None:
        return None
    if isinstance(node, plan.Column):
        return ColumnTerm(node.position) if node.relation == relation else None
    if isinstance(node, plan.Constant | plan.Parameter):
        return _fixed(node, kind)
    if not isinstance(node, plan.Operator) or node.operator.name not in _BOUNDS or kind != "integer":
        return None
    if any(family(argument.type) != "integer" for argument in node.arguments):
        return None
    parts = [term_of(argument, relation) for argument in node.arguments]
    if len(parts) == 1:
        parts = [FixedTerm(lambda frame: 0), *parts]
    left, right = parts
    if left is None or right is None:
        return None
    return OperatorTerm(node.operator.name, left, right, RANGES[node.type.name])


def _fixed(node: plan.Constant | plan.Parameter, kind: str) -> Term:
    number = None if kind == "integer" else _number_of(kind)
    if isinstance(node, plan.Constant):
        value = node.value
        return FixedTerm(lambda frame: value, number)
    index = node.index
    return FixedTerm(lambda frame: frame.parameters[index], number)


def _number_of(kind: str) -> Callable[[Any], int]:
    number = NUMBERED[kind][0]

    def checked(value: Any) -> int:
        if (kind == "date") == isinstance(value, datetime):
            raise Unsuited
        return number(value)

    return checked
