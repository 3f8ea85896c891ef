"""`GROUP BY 1`, `ORDER BY 2`: integers that count columns of the select list."""

from __future__ import annotations

from collections.abc import Sequence

from minidb import errors
from minidb.sql import ast
from minidb.sql.binder.targets import Item
from minidb.sql.binder.workspace import NotLiftable

_CONSTANTS = (ast.NumberLiteral, ast.StringLiteral, ast.BooleanLiteral, ast.NullLiteral)


def ordinal_item(node: ast.Expression, items: Sequence[Item], clause: str) -> Item | None:
    """The column that `node` counts to, None if it is no constant. Raises 42P10, 42601."""
    if isinstance(node, ast.Lifted):
        raise NotLiftable
    if not isinstance(node, _CONSTANTS):
        return None
    if not (isinstance(node, ast.NumberLiteral) and node.is_integer):
        raise errors.SyntaxError(f"non-integer constant in {clause}", position=node.at)
    position = int(node.text.replace("_", ""), 0) if node.text[:1] != "0" else 0
    if not 1 <= position <= len(items):
        raise errors.InvalidColumnReference(f"{clause} position {position} is not in select list", position=node.at)
    return items[position - 1]
