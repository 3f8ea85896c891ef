"""Following a path through a document: what each step finds, what arithmetic and predicates make of it.

As in PostgreSQL (jsonpath_exec.c), everything is a sequence of items. *lax*: arrays open themselves where an object or
a scalar is wanted, a lone item counts as an array of one, and what does not fit is skipped; *strict*: it is a Failure.
Sequences are generators, because in lax mode `exists` stops at the first item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import tzinfo
from decimal import ROUND_DOWN, Decimal
from typing import Any

from minidb import errors
from minidb.documents import is_number
from minidb.jsonpath import nodes
from minidb.jsonpath.failures import Failure
from minidb.jsonpath.nodes import Node
from minidb.jsonpath.parser import parse
from minidb.sql.functions import json_path_moments
from minidb.sql.functions.json_path_items import (
    bare,
    double,
    kind_of_item,
    levels,
    number_of,
    operand,
    pattern,
    rounded,
    starts_with,
)
from minidb.sql.functions.json_path_moments import Moment
from minidb.types import (
    canonical_numeric,
    numeric_add,
    numeric_divide,
    numeric_modulo,
    numeric_multiply,
    numeric_round,
    numeric_subtract,
)

Items = Iterator[Any]
_ARITHMETIC: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": numeric_add,
    "-": numeric_subtract,
    "*": numeric_multiply,
    "/": numeric_divide,
    "%": numeric_modulo,
}
_HOLDS: dict[str, Callable[[int], bool]] = {
    "==": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
}


def follower(path: str, root: Any, variables: dict[str, Any], zone: tzinfo | None) -> Follower:
    return Follower(parse(path), root, variables, zone)


class Follower:
    """Follows one path; `root` is the document, `zone` what moments without one are compared in, if they may be."""

    def __init__(self, program: nodes.Program, root: Any, variables: dict[str, Any], zone: tzinfo | None) -> None:
        self.program = program
        self.root = root
        self.variables = variables
        self.zone = zone
        self.strict = program.strict  # structural errors count; not behind `.**`
        self.lengths: list[int] = []  # of the arrays that are being subscribed, the innermost last

    @property
    def lax(self) -> bool:
        return not self.program.strict

    def items(self) -> Items:
        """What the path finds. Raises Failure."""
        return self._items(self.program.expression, self.root)

    def _items(self, node: Node, current: Any) -> Items:
        if isinstance(node, nodes.Path):
            return self._from_head(node, current)
        if isinstance(node, nodes.Predicate):
            return iter([self.truth(node, current)])
        if isinstance(node, nodes.Sign):
            return self._signed(node, current)
        if isinstance(node, nodes.Arithmetic):
            return iter([self._arithmetic(node, current)])
        return iter([self._head(node, current)])

    def _head(self, node: Node, current: Any) -> Any:
        if isinstance(node, nodes.Literal):
            return node.value
        if isinstance(node, nodes.Current):
            return current
        if isinstance(node, nodes.Root):
            return self.root
        if isinstance(node, nodes.Last):
            return self.lengths[-1] - 1
        assert isinstance(node, nodes.Variable)
        if node.name not in self.variables:
            raise errors.UndefinedObject(f'could not find jsonpath variable "{node.name}"')
        return self.variables[node.name]

    # -- steps

    def _from_head(self, path: nodes.Path, current: Any) -> Items:
        for item in self._items(path.head, current):
            yield from self._steps(path.steps, 0, item)

    def _steps(self, steps: tuple[Node, ...], place: int, item: Any) -> Items:
        if place == len(steps):
            yield item
            return
        step = steps[place]
        if isinstance(step, nodes.Levels):
            yield from self._below(step, steps, place, item)
            return
        for found in self._step(step, item, self.lax):
            yield from self._steps(steps, place + 1, found)

    def _below(self, step: nodes.Levels, steps: tuple[Node, ...], place: int, item: Any) -> Items:
        """Behind `.**` nothing is wrong with what does not fit."""
        for found in levels(step, item):
            before, self.strict = self.strict, False
            try:
                onward = list(self._steps(steps, place + 1, found))
            finally:
                self.strict = before
            yield from onward

    def _step(self, step: Node, item: Any, opens: bool) -> Items:
        """What one step finds; `opens`: an array stands for its elements where the step wants something else."""
        if isinstance(step, nodes.Subscripts):
            return self._subscribed(step, item)
        if isinstance(step, nodes.AnyElement):
            return self._elements(item)
        if isinstance(step, nodes.Method) and step.name in ("type", "size"):
            return iter([kind_of_item(item)]) if step.name == "type" else self._size(item)
        if opens and type(item) is list:
            return (found for element in item for found in self._step(step, element, False))
        if isinstance(step, nodes.Key):
            return self._member(step.name, item)
        if isinstance(step, nodes.AnyKey):
            return self._members(item)
        if isinstance(step, nodes.Filter):
            return iter([item] if self.truth(step.predicate, item) is True else [])
        assert isinstance(step, nodes.Method)
        return self._method(step, item)

    def _member(self, name: str, item: Any) -> Items:
        if type(item) is not dict:
            return self._nothing("2203A", "jsonpath member accessor can only be applied to an object")
        if name not in item:
            return self._nothing("2203A", f'JSON object does not contain key "{name}"')
        return iter([item[name]])

    def _members(self, item: Any) -> Items:
        if type(item) is not dict:
            return self._nothing("2203C", "jsonpath wildcard member accessor can only be applied to an object")
        return iter(item.values())

    def _elements(self, item: Any) -> Items:
        if type(item) is list:
            return iter(item)
        if self.lax:
            return iter([item])
        return self._nothing("22039", "jsonpath wildcard array accessor can only be applied to an array")

    def _nothing(self, sqlstate: str, words: str) -> Items:
        """What a step finds where it does not fit."""
        if self.strict:
            raise Failure(sqlstate, words)
        return iter(())

    def _size(self, item: Any) -> Items:
        if type(item) is list:
            return iter([len(item)])
        if self.lax:
            return iter([1])
        return self._nothing("22039", "jsonpath item method .size() can only be applied to an array")

    def _subscribed(self, step: nodes.Subscripts, item: Any) -> Items:
        if type(item) is not list and not self.lax:
            yield from self._nothing("22039", "jsonpath array accessor can only be applied to an array")
            return
        values = item if type(item) is list else [item]
        for first, last in step.ranges:
            low, high = self._bounds(first, last, values, item)
            if self.strict and (low < 0 or low > high or high >= len(values)):
                raise Failure("22033", "jsonpath array subscript is out of bounds")
            yield from values[max(low, 0) : max(high + 1, 0)]

    def _bounds(self, first: Node, last: Node | None, values: list[Any], item: Any) -> tuple[int, int]:
        self.lengths.append(len(values))
        try:
            low = self._subscript(first, item)
            return low, low if last is None else self._subscript(last, item)
        finally:
            self.lengths.pop()

    def _subscript(self, node: Node, item: Any) -> int:
        found = list(self._items(node, item))
        if len(found) != 1 or not is_number(found[0]):
            raise Failure("22033", "jsonpath array subscript is not a single numeric value")
        index = int(numeric_round(Decimal(found[0]), 0, ROUND_DOWN))
        if not -(2**31) <= index < 2**31:
            raise Failure("22033", "jsonpath array subscript is out of integer range")
        return index

    # -- methods

    def _method(self, step: nodes.Method, item: Any) -> Items:
        if step.name == "keyvalue":
            return self._key_values(item)
        if step.name == "datetime":
            if type(item) is not str:
                raise Failure("22031", "jsonpath item method .datetime() can only be applied to a string")
            if step.argument is None:
                return iter([json_path_moments.read(item)])
            return iter([json_path_moments.read_by(item, step.argument)])
        return iter([double(item) if step.name == "double" else rounded(step.name, item)])

    def _key_values(self, item: Any) -> Items:
        if type(item) is not dict:
            raise Failure("2203C", "jsonpath item method .keyvalue() can only be applied to an object")
        number = number_of(item, self.root)
        return iter([{"id": number, "key": key, "value": value} for key, value in item.items()])

    # -- arithmetic

    def opened(self, node: Node, current: Any) -> Items:
        """The items of an operand: in lax mode the elements of arrays."""
        for item in self._items(node, current):
            if self.lax and type(item) is list:
                yield from item
            else:
                yield item

    def _signed(self, node: nodes.Sign, current: Any) -> Items:
        for item in self.opened(node.operand, current):
            if not is_number(item):
                raise Failure("2203B", f"operand of unary jsonpath operator {node.symbol} is not a numeric value")
            yield item if node.symbol == "+" else bare(canonical_numeric(Decimal(item).copy_negate()))

    def _arithmetic(self, node: nodes.Arithmetic, current: Any) -> Any:
        found = list(self.opened(node.left, current)), list(self.opened(node.right, current))
        left, right = (operand(side, items, node.symbol) for side, items in zip(("left", "right"), found))
        try:
            return bare(canonical_numeric(_ARITHMETIC[node.symbol](left, right)))
        except errors.DataError as error:
            raise Failure(error.sqlstate or "22000", error.message) from None

    # -- predicates

    def truth(self, node: Node, current: Any) -> bool | None:
        """True, false or unknown."""
        if isinstance(node, nodes.Junction):
            return self._junction(node, current)
        if isinstance(node, nodes.Not):
            inner = self.truth(node.operand, current)
            return None if inner is None else not inner
        if isinstance(node, nodes.IsUnknown):
            return self.truth(node.operand, current) is None
        try:
            return self._test(node, current)
        except Failure:
            return None

    def _junction(self, node: nodes.Junction, current: Any) -> bool | None:
        decisive = node.symbol == "||"
        left = self.truth(node.left, current)
        if left is decisive:
            return left
        right = self.truth(node.right, current)
        return right if right is decisive or left is not None else None

    def _test(self, node: Node, current: Any) -> bool | None:
        if isinstance(node, nodes.Exists):
            found = self._items(node.path, current)
            return any(True for _ in found) if self.lax else bool(list(found))
        if isinstance(node, nodes.Comparison):
            return self._each_pair(
                self.opened(node.left, current),
                list(self.opened(node.right, current)),
                lambda left, right: self._compared(node.symbol, left, right),
            )
        if isinstance(node, nodes.StartsWith):
            initial = [self._head(node.initial, current)]
            return self._each_pair(self.opened(node.whole, current), initial, starts_with)
        assert isinstance(node, nodes.LikeRegex)
        search = pattern(node).search
        return self._each_pair(
            self.opened(node.text, current),
            [None],
            lambda text, _: None if type(text) is not str else search(text) is not None,
        )

    def _each_pair(self, left: Items, right: list[Any], holds: Callable[[Any, Any], bool | None]) -> bool | None:
        """Whether it holds for some pair; lax stops at the first that it holds for, strict at the first unknown."""
        answers: set[bool | None] = set()
        for one in list(left):
            for other in right:
                answer = holds(one, other)
                if answer is (None if not self.lax else True):
                    return answer
                answers.add(answer)
        return True if True in answers else None if None in answers else False

    def _compared(self, symbol: str, left: Any, right: Any) -> bool | None:
        if left is None or right is None:
            if left is right:
                return _HOLDS[symbol](0)
            return symbol == "!="
        if (is_number(left) and is_number(right)) or type(left) is type(right) in (str, bool):
            return _HOLDS[symbol]((left > right) - (left < right))
        if type(left) is type(right) is Moment:
            order = json_path_moments.compare(left, right, self.zone)
            return None if order is None else _HOLDS[symbol](order)
        return None
