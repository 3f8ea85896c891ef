"""What the actions of all parts of the grammar share: lists, constants, names, errors.

An action is a method that the grammar names behind `->`. It gets the place of its rule's first symbol (or of the one
that `placed` names) and the values of the rule's parts, and returns the value of the rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from minidb import errors
from minidb.sql.ast import Name, QualifiedName
from minidb.sql.lalr import Constant


class BaseActions:
    """The state of one parse, and the actions that mean nothing by themselves.

    Attributes:
        text: the statement.
        parameters: how many `?` were met.
        lifted: offset -> (index, kind, value) of the literals that become `Lifted` nodes.
        met: how many of those were made.
        numbered: whether `$1` and the like were met.
    """

    met = 0
    parameters = 0
    numbered = False

    def __init__(self, text: str, lifted: Mapping[int, tuple[int, Any, object]] | None = None) -> None:
        self.text = text
        self.lifted = lifted

    def fail(self, message: str, at: int) -> NoReturn:
        """Raises the SyntaxError of a place that the grammar lets through."""
        raise errors.SyntaxError(message, position=at, statement=self.text)

    def fields(self, pairs: tuple[tuple[str, Any], ...], at: int) -> dict[str, Any]:
        """Options in any order as keyword arguments; each at most once."""
        found = dict(pairs)
        if len(found) < len(pairs):
            self.fail("conflicting or redundant options", at)
        return found

    # -- lists and constants ----------------------------------------------------------------------------------

    def many(self, at: int, first: Any, rest: Any = ()) -> tuple[Any, ...]:
        return (first, *rest)

    def sequence(self, at: int, items: Any = ()) -> tuple[Any, ...]:
        return tuple(items)

    def pair(self, at: int, first: Any, second: Any) -> tuple[Any, Any]:
        return first, second

    def one(self, at: int, item: Any) -> tuple[Any]:
        return (item,)

    empty = Constant(())
    none = Constant(None)
    true = Constant(True)
    false = Constant(False)

    def words(self, at: int, *words: str) -> str:
        return " ".join(words)

    # -- names and numbers ------------------------------------------------------------------------------------

    def located_name(self, at: int, name: str) -> Name:
        return Name(name, at=at)

    def qualified_first(self, at: int, name: str) -> QualifiedName:
        return QualifiedName((name,), at=at)

    def qualified_next(self, at: int, qualifier: QualifiedName, name: str) -> QualifiedName:
        return QualifiedName((*qualifier.parts, name), at=at)

    def integer(self, at: int, text: str) -> int:
        try:
            return int(text, 0 if text[:2] in ("0x", "0X") else 10)
        except ValueError:
            self.fail(f"an integer is expected, not {text}", at)

    def negative_integer(self, at: int, text: str) -> int:
        return -self.integer(at, text)

    def plain_number(self, at: int, text: str) -> int | float:
        try:
            return int(text)
        except ValueError:
            return float(text)

    def negative_number(self, at: int, text: str) -> int | float:
        return -self.plain_number(at, text)
