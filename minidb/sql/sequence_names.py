"""The sequences that an expression names: `nextval('s')`, `nextval('public.s'::regclass)`.

The DEFAULT of a permanent table means permanent sequences, whatever temporary one the session of an INSERT has under
that name; `qualified` says so before it is bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec.structs import replace

from minidb.sql import ast
from minidb.sql.functions.sequences import name_parts

DRAWING = ("nextval", "currval", "setval")


def named_sequences(root: ast.Node) -> Iterator[ast.StringLiteral]:
    """The literals that name a sequence."""
    for node in ast.walk(root):
        if isinstance(node, ast.FunctionCall) and node.name[-1] in DRAWING and node.arguments:
            argument = node.arguments[0]
            if isinstance(argument, ast.Cast):
                argument = argument.operand
            if isinstance(argument, ast.StringLiteral):
                yield argument


def with_names(root: ast.Expression, change: Callable[[str], str]) -> ast.Expression:
    """The expression with other names for its sequences. Texts of the schema are not deep."""
    wanted = {id(literal) for literal in named_sequences(root)}

    def changed(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple([changed(item) for item in value])
        if not isinstance(value, ast.Node):
            return value
        if id(value) in wanted:
            assert isinstance(value, ast.StringLiteral)
            return replace(value, value=change(value.value))
        return type(value)(**{name: changed(getattr(value, name)) for name in value.__struct_fields__})

    result: ast.Expression = changed(root) if wanted else root
    return result


def qualified(root: ast.Expression) -> ast.Expression:
    """The expression as one of a permanent table: plain names of sequences mean those of `public`."""
    return with_names(root, lambda text: f"public.{text}" if len(name_parts(text)) == 1 else text)
