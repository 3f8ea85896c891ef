"""Conditions over a page: which rows they are true for, as a mask, or True or False for all rows at once.

As in `compiler.expressions` two questions are asked, whether a condition is true and whether it is false, so that
nobody has to tell false from NULL. Bounds are asked first: a page where no row can pass is not unpacked at all.

What is no arithmetic, but looks at a single column, is asked of each of its different values, by the function that the
row path would call for each row: LIKE on a column stored by codes costs as many calls as there are codes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from minidb.errors import Error
from minidb.sql import plan
from minidb.sql.functions.operators import COMPARISONS
from minidb.sql.rules import walk
from minidb.sql.vectors import arrays
from minidb.sql.vectors.arrays import Array, Unsuited
from minidb.sql.vectors.terms import FixedTerm, Frame, Term, either, term_of
from minidb.types.numbered import family

Mask = Any  # an array of bool, True or False
Test = Callable[[Any], Any]  # of one value: true for TRUE
INVERSE = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


class Condition(Protocol):
    def may_be(self, truth: bool, frame: Frame) -> bool:
        """Whether it could be true (or false) for a row, by the bounds of the page alone. Raises Unsuited where a row
        could raise an error."""

    def true(self, frame: Frame) -> Mask: ...

    def false(self, frame: Frame) -> Mask: ...


class Comparison(msgspec.Struct, frozen=True):
    symbol: str
    left: Term
    right: Term

    def may_be(self, truth: bool, frame: Frame) -> bool:
        left, right = self.left.bounds(frame), self.right.bounds(frame)
        symbol = self.symbol if truth else INVERSE[self.symbol]
        return left is not None and right is not None and decided(symbol, left, right) is not False

    def true(self, frame: Frame) -> Mask:
        return self.holds(self.symbol, frame)

    def false(self, frame: Frame) -> Mask:
        return self.holds(INVERSE[self.symbol], frame)

    def holds(self, symbol: str, frame: Frame) -> Mask:
        left, right = self.left.bounds(frame), self.right.bounds(frame)
        if left is None or right is None:
            return False
        known = decided(symbol, left, right)
        if known is False:
            return False
        if known and not (left.nulls or right.nulls):
            return True
        nulls = either(self.left.nulls(frame), self.right.nulls(frame))
        if known:
            return True if nulls is None else ~nulls
        mask = _compared(symbol, self.left.data(frame), self.right.data(frame))
        return mask if nulls is None else mask & ~nulls


def decided(symbol: str, left: arrays.Bounded, right: arrays.Bounded) -> bool | None:
    """Whether a comparison holds for all values within bounds (True), for none (False), or for some (None)."""
    if symbol in ("<", "<="):
        if left.high < right.low or (symbol == "<=" and left.high == right.low):
            return True
        return False if left.low > right.high or (symbol == "<" and left.low == right.high) else None
    if symbol in (">", ">="):
        return decided("<" if symbol == ">" else "<=", right, left)
    apart = left.high < right.low or left.low > right.high
    same = left.low == left.high == right.low == right.high
    if not apart and not same:
        return None
    return same == (symbol == "=")


def _compared(symbol: str, left: Any, right: Any) -> Array:
    if symbol == "=":
        return left == right
    if symbol == "<>":
        return left != right
    if symbol == "<":
        return left < right
    if symbol == "<=":
        return left <= right
    return left > right if symbol == ">" else left >= right


class Together(msgspec.Struct, frozen=True):
    """AND; `any`: OR."""

    parts: tuple[Condition, ...]
    any: bool = False

    def may_be(self, truth: bool, frame: Frame) -> bool:
        questions = (part.may_be(truth, frame) for part in self.parts)
        return any(questions) if self.any == truth else all(questions)

    def true(self, frame: Frame) -> Mask:
        return combined([part.true for part in self.parts], self.any, frame)

    def false(self, frame: Frame) -> Mask:
        return combined([part.false for part in self.parts], not self.any, frame)


def together(parts: Sequence[Condition | None], any_of: bool) -> Together | None:
    """None if one of them cannot be decided here."""
    found = [part for part in parts if part is not None]
    return Together(tuple(found), any_of) if len(found) == len(parts) else None


def combined(questions: Sequence[Callable[[Frame], Mask]], any_of: bool, frame: Frame) -> Mask:
    """Masks under AND or OR; what is decided for the whole page ends the search."""
    result: Mask = not any_of
    for question in questions:
        mask = question(frame)
        if mask is any_of:
            return mask
        if mask is (not any_of):
            continue
        if isinstance(result, bool):
            result = mask
        else:
            result = result | mask if any_of else result & mask
    return result


class Inverted(msgspec.Struct, frozen=True):
    part: Condition

    def may_be(self, truth: bool, frame: Frame) -> bool:
        return self.part.may_be(not truth, frame)

    def true(self, frame: Frame) -> Mask:
        return self.part.false(frame)

    def false(self, frame: Frame) -> Mask:
        return self.part.true(frame)


class Absent(msgspec.Struct, frozen=True):
    """IS NULL of an integer expression."""

    term: Term

    def may_be(self, truth: bool, frame: Frame) -> bool:
        found = self.term.bounds(frame)
        return found is None or found.nulls if truth else found is not None

    def true(self, frame: Frame) -> Mask:
        found = self.term.bounds(frame)
        if found is None:
            return True
        nulls = self.term.nulls(frame) if found.nulls else None
        return False if nulls is None else nulls

    def false(self, frame: Frame) -> Mask:
        absent = self.true(frame)
        return not absent if isinstance(absent, bool) else ~absent


class Asked(msgspec.Struct, frozen=True):
    """Any condition on a single column: `number` is the place of its test among the statement's."""

    position: int
    number: int
    safe: bool  # whether it raises nothing, whatever the value

    def may_be(self, truth: bool, frame: Frame) -> bool:
        if not self.safe:
            raise Unsuited
        return True

    def true(self, frame: Frame) -> Mask:
        return self.mask(frame, True)

    def false(self, frame: Frame) -> Mask:
        return self.mask(frame, False)

    def mask(self, frame: Frame, answer: bool) -> Mask:
        test = frame.tests[self.number]
        found = arrays.codes(frame.contents, self.position)
        values = frame.contents.values(self.position) if found is None else found[1]
        try:
            answers = [test(value) is answer for value in values]
        except (Error, ArithmeticError, TypeError, ValueError) as error:
            raise Unsuited from error  # perhaps of a value that other conditions keep away
        if not any(answers):
            return False
        if all(answers):
            return True
        made = arrays.numpy().array(answers)
        return made if found is None else made[found[0]]


# -- from the plan ----------------------------------------------------------------------------------------


class Conditions:
    """Makes conditions of a statement over one relation. `tests`: what has to be compiled as a function of a column."""

    def __init__(self, relation: int) -> None:
        self.relation = relation
        self.tests: list[tuple[plan.Expression, int]] = []  # and the column's position

    def all_of(self, nodes: Sequence[plan.Expression]) -> Condition | None:
        return self._together(nodes, False)

    def _together(self, nodes: Sequence[plan.Expression], any_of: bool) -> Condition | None:
        return together([self.condition(node) for node in nodes], any_of)

    def condition(self, node: plan.Expression) -> Condition | None:
        """None where a condition is not one that can be decided here."""
        if isinstance(node, plan.And | plan.Or):
            return self._together(node.arguments, isinstance(node, plan.Or))
        if isinstance(node, plan.Not):
            part = self.condition(node.argument)
            return None if part is None else Inverted(part)
        return self._native(node) or self._asked(node)

    def _native(self, node: plan.Expression) -> Condition | None:
        if isinstance(node, plan.Operator) and node.operator.name in COMPARISONS and len(node.arguments) == 2:
            return self._comparison(node.operator.name, *node.arguments)
        if isinstance(node, plan.IsNull):
            term = term_of(node.argument, self.relation)
            absent = None if term is None else Absent(term)
            return Inverted(absent) if absent is not None and node.negated else absent
        if isinstance(node, plan.InList):
            if len(node.items) > MOST_ITEMS:
                return None
            listed = together([self._comparison("=", node.argument, item) for item in node.items], True)
            return Inverted(listed) if listed is not None and node.negated else listed
        return None

    def _comparison(self, symbol: str, left: plan.Expression, right: plan.Expression) -> Comparison | None:
        kinds = {family(walk.strip_relabel(side).type) for side in (left, right)}
        sides = [term_of(side, self.relation) for side in (left, right)]
        if len(kinds) > 1 or None in kinds or sides[0] is None or sides[1] is None:
            return None
        if all(isinstance(side, FixedTerm) for side in sides):
            return None  # no column: nothing is gained
        return Comparison(symbol, sides[0], sides[1])

    def _asked(self, node: plan.Expression) -> Condition | None:
        columns = walk.columns(node)
        if len(columns) != 1 or walk.is_volatile(node) or _has_queries(node):
            return None
        relation, position = next(iter(columns))
        if relation != self.relation or position < 0:
            return None
        self.tests.append((node, position))
        return Asked(position, len(self.tests) - 1, _is_safe(node))


MOST_ITEMS = 20


def _is_safe(node: plan.Expression) -> bool:
    """A plain comparison, or a column of booleans."""
    if isinstance(node, plan.Operator) and node.operator.name in COMPARISONS:
        return all(map(_is_safe, node.arguments))
    return isinstance(walk.strip_relabel(node), plan.Column | plan.Constant | plan.Parameter)


def _has_queries(node: plan.Expression) -> bool:
    return any(isinstance(item, plan.Query) for item in walk.everything(node))
