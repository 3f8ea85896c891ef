"""What a path consists of.

A `Path` is a head and the steps that are taken from it; arithmetic joins paths, predicates compare them. A predicate
may stand where a value may (its value is true, false or, where it is unknown, null), and a value in parentheses may be
the head of a path.
"""

from __future__ import annotations

from typing import Any

import msgspec

UNBOUNDED = 2**32 - 1  # the level `last` of `.**`


class Node(msgspec.Struct, frozen=True):
    pass


# -- heads ------------------------------------------------------------------------------------------------


class Root(Node, frozen=True):
    """`$`"""


class Current(Node, frozen=True):
    """`@`: the item that a filter looks at."""


class Last(Node, frozen=True):
    """`last`: the last subscript of the array that is being subscribed."""


class Variable(Node, frozen=True):
    """`$name`"""

    name: str


class Literal(Node, frozen=True):
    """A string, number, boolean or null."""

    value: Any


# -- steps ------------------------------------------------------------------------------------------------


class Key(Node, frozen=True):
    """`.name`"""

    name: str


class AnyKey(Node, frozen=True):
    """`.*`"""


class AnyElement(Node, frozen=True):
    """`[*]`"""


class Subscripts(Node, frozen=True):
    """`[1, 3 to last]`: pairs of bounds, the second None where there is one only."""

    ranges: tuple[tuple[Node, Node | None], ...]


class Levels(Node, frozen=True):
    """`.**{1 to 3}`: the item itself is level 0."""

    first: int
    last: int


class Filter(Node, frozen=True):
    """`? (predicate)`"""

    predicate: Node


class Method(Node, frozen=True):
    """`.size()`; `argument` is the template of `.datetime()`."""

    name: str
    argument: str | None = None


class Path(Node, frozen=True):
    head: Node
    steps: tuple[Node, ...] = ()


# -- operators --------------------------------------------------------------------------------------------


class Sign(Node, frozen=True):
    """`-` or `+` before a value."""

    symbol: str
    operand: Node


class Arithmetic(Node, frozen=True):
    symbol: str
    left: Node
    right: Node


class Predicate(Node, frozen=True):
    """True, false or unknown."""


class Comparison(Predicate, frozen=True):
    symbol: str
    left: Node
    right: Node


class StartsWith(Predicate, frozen=True):
    whole: Node
    initial: Node


class LikeRegex(Predicate, frozen=True):
    text: Node
    pattern: str
    flags: str = ""


class Junction(Predicate, frozen=True):
    """`&&` or `||`."""

    symbol: str
    left: Node
    right: Node


class Not(Predicate, frozen=True):
    operand: Node


class IsUnknown(Predicate, frozen=True):
    operand: Node


class Exists(Predicate, frozen=True):
    path: Node


class Program(Node, frozen=True):
    """A whole path; `strict` where it may not skip what does not fit."""

    strict: bool
    expression: Node
