"""Small pieces of source that the translations of expressions share."""

from __future__ import annotations

import re

from minidb.sql import plan
from minidb.sql.compiler.scope import ColumnKey

SIMPLE = re.compile(r"[a-z]\w*\Z|[a-z]\w*\[\d+\]\Z|\(?-?\d+\)?\Z")  # may stand twice: costs next to nothing
NAME = re.compile(r"[a-z]\w*\Z")
PARAMETER = re.compile(r"p\d+\Z")


class Ready(plan.Expression, frozen=True, kw_only=True):
    """A part of an expression that is already a function, called with `columns`."""

    function: str
    columns: tuple[ColumnKey, ...]


def is_none(name: str, text: str) -> str:
    """A test that `text` is NULL, which also gives it a name."""
    return f"{name} is None" if name == text else f"({name} := {text}) is None"


def is_some(name: str, text: str) -> str:
    """A test that `text` is not NULL, which also gives it a name."""
    return f"{name} is not None" if name == text else f"({name} := {text}) is not None"


def unless_null(tests: dict[str, str], body: str) -> str:
    """`body` where none of the tests finds a NULL, else NULL."""
    if not tests:
        return body
    return f"(None if {' or '.join(is_none(n, t) for n, t in tests.items())} else {body})"


def where_present(tests: dict[str, str], body: str) -> str:
    """True where none of the tests finds a NULL and `body` is true."""
    return " and ".join([is_some(n, t) for n, t in tests.items()] + [body])
