"""What the printers of all parts of the language share: dispatch by node type, names, lists, literals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, TypeVar

from minidb.sql import ast
from minidb.sql.parser import keywords, reserved_words

_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")
_F = TypeVar("_F", bound=Callable[..., str])

RESERVED = reserved_words() | {"unbounded", "current"}
KEYWORDS = frozenset(word.lower() for word in keywords())


def prints(*types: type[ast.Node]) -> Callable[[_F], _F]:
    """Marks the method that prints nodes of these types."""

    def mark(function: _F) -> _F:
        function.prints = types  # type: ignore[attr-defined]
        return function

    return mark


def name(text: str, words: frozenset[str] = KEYWORDS) -> str:
    """An identifier, in quotes if it needs them: if it is one of `words` or could not be written plainly."""
    if _PLAIN.fullmatch(text) and text not in words:
        return text
    return in_quotes(text)


def in_quotes(text: str) -> str:
    """An identifier that stands in quotes."""
    return '"' + text.replace('"', '""') + '"'


def dotted(parts: Sequence[str], words: frozenset[str] = KEYWORDS) -> str:
    """`schema.table`, `table.column`."""
    return ".".join(name(part, words) for part in parts)


def string(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"


def names(items: Iterable[str]) -> str:
    """`(a, b)` with a space before it, or nothing."""
    listed = ", ".join(name(item) for item in items)
    return f" ({listed})" if listed else ""


def columns(items: Iterable[ast.Name]) -> str:
    """As `names`, for located ones."""
    return names(item.value for item in items)


def when(condition: object, text: str) -> str:
    """`text` with a space before it if the condition holds."""
    return f" {text}" if condition else ""


class BasePrinter:
    """Finds the method for a node's type."""

    _methods: ClassVar[dict[type, Callable[..., str]]]

    def __init_subclass__(cls) -> None:
        cls._methods = {
            node_type: method
            for klass in reversed(cls.__mro__)
            for method in vars(klass).values()
            for node_type in getattr(method, "prints", ())
        }

    def text(self, node: ast.Node) -> str:
        """The node as SQL."""
        return self._methods[type(node)](self, node)

    def list(self, nodes: Iterable[ast.Node]) -> str:
        """`a, b, c`."""
        return ", ".join([self.text(node) for node in nodes])

    def optional(self, keyword: str, node: ast.Node | None) -> str:
        """` KEYWORD node`, or nothing."""
        return "" if node is None else f" {keyword} {self.text(node)}"

    def clause(self, keyword: str, nodes: Sequence[ast.Node]) -> str:
        """` KEYWORD a, b`, or nothing."""
        return f" {keyword} {self.list(nodes)}" if nodes else ""

    @prints(ast.Name)
    def located_name(self, node: ast.Name) -> str:
        return name(node.value)

    @prints(ast.QualifiedName)
    def qualified_name(self, node: ast.QualifiedName) -> str:
        return dotted(node.parts)

    @prints(ast.Option)
    def option(self, node: ast.Option) -> str:
        value: Any = node.value
        if value is None:
            return _option_name(node.name)
        return f"{_option_name(node.name)} {string(value) if isinstance(value, str) else value}"

    def options(self, nodes: Sequence[ast.Option], keyword: str = "") -> str:
        """` WITH (a 1, b)`, or nothing."""
        return f"{when(keyword, keyword)} ({self.list(nodes)})" if nodes else ""


def _option_name(text: str) -> str:
    return text if text in ("analyze", "full", "null") else name(text)
