"""Syntax trees back to SQL text: how CHECK, DEFAULT, views and index expressions are stored, and what messages show.

    parse(to_sql(parse(text)))  equals  parse(text), but for the places

The text is canonical: keywords in upper case, names in quotes only where they need them, parentheses only where the
precedences ask for them, one spelling for what has several (`::` for CAST, `<>` for `!=`). Parameters come out as
`$1`.
"""

from __future__ import annotations

from minidb.sql import ast
from minidb.sql.printing.definitions import DefinitionPrinter

_PRINTER = DefinitionPrinter()


def to_sql(node: ast.Node) -> str:
    """The node as SQL, in one line, without a semicolon."""
    return _PRINTER.text(node).strip()
