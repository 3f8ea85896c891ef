"""Walking, comparing and rewriting bound trees, plans inside subqueries included.

Nothing here recurses: a chain of operators may be thousands of nodes deep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from minidb.sql import plan

NODES = (
    plan.Expression,
    plan.Plan,
    plan.Output,
    plan.SortKey,
    plan.AggregateCall,
    plan.WindowCall,
    plan.SetCall,
    plan.Frame,
    plan.Cte,
    plan.Assignment,
    plan.OnConflict,
    plan.RowSource,
)


def walk(root: Any) -> Iterator[Any]:
    """`root` (a node or a tuple of them) and every node below it, entering the plans of subqueries."""
    stack = [root]
    while stack:
        node = stack.pop()
        if type(node) is tuple:
            stack.extend(node)
        elif isinstance(node, NODES):
            yield node
            stack.extend([getattr(node, name) for name in node.__struct_fields__])


def relations_in(root: Any) -> set[int]:
    """The relations that the columns in `root` belong to."""
    return {node.relation for node in walk(root) if type(node) is plan.Column}


def is_volatile(root: Any) -> bool:
    """Whether `root` calls a function whose every call may give another value."""
    return any(getattr(getattr(node, "function", None), "volatility", "") == "volatile" for node in walk(root))


def same(left: Any, right: Any) -> bool:
    """Whether two bound expressions mean the same value of the same row."""
    stack = [(left, right)]
    while stack:
        a, b = stack.pop()
        if a is b:
            continue
        kind = type(a)
        if kind is not type(b):
            return False
        if kind is plan.Column:
            if a.relation != b.relation or a.position != b.position:
                return False
        elif kind is plan.Convert:
            # The function follows from the two types.
            if a.type != b.type:
                return False
            stack.append((a.argument, b.argument))
        elif kind is tuple:
            if len(a) != len(b):
                return False
            stack.extend(zip(a, b))
        elif isinstance(a, NODES):
            stack.extend([(getattr(a, f), getattr(b, f)) for f in a.__struct_fields__ if f != "nullable"])
        elif a != b:
            return False
    return True


def rewrite(root: Any, replace: Callable[[Any], Any]) -> Any:
    """A copy of `root` in which each node for which `replace` answers is exchanged for the answer.

    `replace` is asked from the top down; None means: keep the node and look below it.
    """
    done: list[Any] = []
    stack: list[tuple[Any, bool]] = [(root, False)]
    while stack:
        node, below_done = stack.pop()
        if below_done:
            _rebuild(node, done)
        elif type(node) is tuple:
            stack.append((node, True))
            stack.extend([(item, False) for item in reversed(node)])
        elif isinstance(node, NODES):
            answer = replace(node)
            if answer is not None:
                done.append(answer)
            else:
                stack.append((node, True))
                stack.extend([(getattr(node, name), False) for name in reversed(node.__struct_fields__)])
        else:
            done.append(node)
    return done[0]


def _rebuild(node: Any, done: list[Any]) -> None:
    """Replaces the parts of `node` at the end of `done` by a node made of them."""
    if type(node) is tuple:
        parts = done[len(done) - len(node) :]
        del done[len(done) - len(node) :]
        done.append(node if all(a is b for a, b in zip(parts, node)) else tuple(parts))
        return
    names = node.__struct_fields__
    parts = done[len(done) - len(names) :]
    del done[len(done) - len(names) :]
    if all(getattr(node, name) is part for name, part in zip(names, parts)):
        done.append(node)
    else:
        done.append(type(node)(**dict(zip(names, parts))))
