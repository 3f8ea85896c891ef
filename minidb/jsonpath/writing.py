"""A path in normal form: what PostgreSQL prints for a value of type jsonpath."""

from __future__ import annotations

from minidb.documents import is_number, write
from minidb.jsonpath import nodes
from minidb.jsonpath.nodes import UNBOUNDED, Node
from minidb.jsonpath.parser import parse

_PRIORITY = {"||": 0, "&&": 1, "+": 3, "-": 3, "*": 4, "/": 4, "%": 4}


def normal_form(text: str) -> str:
    """`text` as the value of type jsonpath that it spells. Raises 42601, 22P02."""
    program = parse(text)
    return ("strict " if program.strict else "") + _text(program.expression, True)


def _priority(node: Node) -> int:
    if isinstance(node, nodes.Junction | nodes.Arithmetic):
        return _PRIORITY[node.symbol]
    if isinstance(node, nodes.Comparison | nodes.StartsWith | nodes.LikeRegex):
        return 2
    return 5 if isinstance(node, nodes.Sign) else 6


def _text(node: Node, brackets: bool = False) -> str:
    if isinstance(node, nodes.Path):
        return _head(node.head) + "".join(map(_step, node.steps))
    written = _operator(node)
    if written is None:
        return _simple(node)
    return f"({written})" if brackets else written


def _operator(node: Node) -> str | None:
    """What gets parentheses inside something that binds as tightly."""

    def inner(operand: Node) -> str:
        return _text(operand, _priority(operand) <= _priority(node))

    if isinstance(node, nodes.Junction | nodes.Arithmetic | nodes.Comparison):
        return f"{inner(node.left)} {node.symbol} {inner(node.right)}"
    if isinstance(node, nodes.Sign):
        return node.symbol + inner(node.operand)
    if isinstance(node, nodes.StartsWith):
        return f"{inner(node.whole)} starts with {inner(node.initial)}"
    if isinstance(node, nodes.LikeRegex):
        flags = f' flag "{node.flags}"' if node.flags else ""
        return f"{inner(node.text)} like_regex {write(node.pattern)}{flags}"
    return None


def _simple(node: Node) -> str:
    if isinstance(node, nodes.Not):
        return f"!({_text(node.operand)})"
    if isinstance(node, nodes.IsUnknown):
        return f"({_text(node.operand)}) is unknown"
    if isinstance(node, nodes.Exists):
        return f"exists ({_text(node.path)})"
    if isinstance(node, nodes.Variable):
        return "$" + write(node.name)
    if isinstance(node, nodes.Literal):
        return write(node.value)
    return {nodes.Root: "$", nodes.Current: "@", nodes.Last: "last"}[type(node)]


def _head(node: Node) -> str:
    """What steps follow; a number would swallow their point."""
    if isinstance(node, nodes.Literal) and is_number(node.value):
        return f"({_text(node)})"
    return _text(node, True)


def _step(node: Node) -> str:
    if isinstance(node, nodes.Key):
        return "." + write(node.name)
    if isinstance(node, nodes.Subscripts):
        bounds = [_text(first) + (f" to {_text(last)}" if last is not None else "") for first, last in node.ranges]
        return f"[{','.join(bounds)}]"
    if isinstance(node, nodes.Levels):
        return ".**" + _bounds(node.first, node.last)
    if isinstance(node, nodes.Filter):
        return f"?({_text(node.predicate)})"
    if isinstance(node, nodes.Method):
        return f".{node.name}({'' if node.argument is None else write(node.argument)})"
    return ".*" if isinstance(node, nodes.AnyKey) else "[*]"


def _bounds(first: int, last: int) -> str:
    if (first, last) == (0, UNBOUNDED):
        return ""
    low, high = ("last" if level == UNBOUNDED else str(level) for level in (first, last))
    return f"{{{low}}}" if first == last else f"{{{low} to {high}}}"
