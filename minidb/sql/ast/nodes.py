"""What all nodes have in common, and the smallest ones: names, types, options."""

from __future__ import annotations

from msgspec import Struct


class Node(Struct, frozen=True, kw_only=True):
    """Anything in the tree."""

    at: int = -1


class Statement(Node, frozen=True):
    """What `parse` returns."""


class Expression(Node, frozen=True):
    """What has a value."""


class FromItem(Node, frozen=True):
    """What stands in FROM."""


class QueryBody(Node, frozen=True):
    """Operand of a set operation: Select, Values, SetOperation, or a parenthesised Query with clauses of its own."""


class Name(Node, frozen=True):
    """A name whose place matters: a column in a list, a constraint, an index."""

    value: str


class QualifiedName(Node, frozen=True):
    """`t` or `schema.t`: the parts from left to right."""

    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        """The last part."""
        return self.parts[-1]

    @property
    def schema(self) -> str | None:
        """The part before the last, or None."""
        return self.parts[-2] if len(self.parts) > 1 else None


class TypeName(Node, frozen=True):
    """A type as written; several words are joined into one name.

    `double precision`, `timestamptz` (TIMESTAMP WITH TIME ZONE), `timestamp` (WITHOUT), `timetz`, `varchar`
    (CHARACTER VARYING), `char` (CHARACTER); `int`, `int4`, `decimal`, ... stay as written. `fields` are those of an
    interval (`year to month`). `modifiers` are the numbers in parentheses, `array` the number of `[]`.
    """

    name: str
    modifiers: tuple[int, ...] = ()
    array: int = 0
    fields: str | None = None


class Option(Node, frozen=True):
    """`name value` in parentheses: of EXPLAIN, COPY, VACUUM, WITH (...). `value` is None for a bare name."""

    name: str
    value: str | int | None = None
