"""Walking over a tree, and comparing two."""

from __future__ import annotations

from collections.abc import Iterator

from minidb.sql.ast.nodes import Node


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below `node`, in the order of the fields."""
    for field in node.__struct_fields__:
        yield from _nodes_in(getattr(node, field))


def _nodes_in(value: object) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif type(value) is tuple:
        for item in value:
            yield from _nodes_in(item)


def walk(node: Node) -> Iterator[Node]:
    """`node` and everything below it, parents first, in the order of the text. Does not recurse."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(list(children(current))))


def same(left: object, right: object) -> bool:
    """Whether two trees are equal but for `at`. Does not recurse."""
    stack = [(left, right)]
    while stack:
        a, b = stack.pop()
        if type(a) is not type(b):
            return False
        if isinstance(a, Node):
            stack.extend((getattr(a, field), getattr(b, field)) for field in a.__struct_fields__ if field != "at")
        elif isinstance(a, tuple) and isinstance(b, tuple):
            if len(a) != len(b):
                return False
            stack.extend(zip(a, b))
        elif a != b:
            return False
    return True
