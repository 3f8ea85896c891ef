"""Rows and keys as error messages show them: values in their SQL text form, as PostgreSQL writes them.

    Failing row contains (1, t, null).         Key (a, lower(b))=(1, x) already exists.

An index keeps some values in another form (see `keys`): here they are turned back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from minidb.keys import NULLS, ArrayKey, Descending, Extreme, Key, Row
from minidb.schema import Index, IndexKey, Table
from minidb.types import SqlType, to_text

_SHOWN = 64  # characters of a value that a message shows


def value_text(kind: SqlType, value: Any) -> str:
    return "null" if value is None else to_text(kind, value)


def failing_row(table: Table, row: Row) -> str:
    """The detail of NOT NULL and CHECK violations."""
    texts = [value_text(column.type, row[column.position]) for column in table.live_columns]
    shown = [text if len(text) <= _SHOWN else text[:_SHOWN] + "..." for text in texts]
    return f"Failing row contains ({', '.join(shown)})."


def columns_key(table: Table, positions: Sequence[int], values: Iterable[Any]) -> str:
    """`Key (a, b)=(1, x)` of columns."""
    columns = [table.columns[position] for position in positions]
    texts = [value_text(column.type, value) for column, value in zip(columns, values)]
    return f"Key ({', '.join(column.name for column in columns)})=({', '.join(texts)})"


def index_key(table: Table, index: Index, key: Key) -> str:
    """`Key (a, b)=(1, x)` of an index."""
    parts = key if len(index.keys) > 1 else (key,)
    names = [_key_name(table, column) for column in index.keys]
    texts = [value_text(column.type, _value(part, column)) for column, part in zip(index.keys, parts)]
    return f"Key ({', '.join(names)})=({', '.join(texts)})"


def _key_name(table: Table, key: IndexKey) -> str:
    if key.position is not None:
        return table.columns[key.position].name
    text = key.expression or ""
    return text if _is_call(text) else f"({text})"


def _is_call(text: str) -> bool:
    """Whether an expression is one call of a function: it stands without parentheses around it."""
    name, _, rest = text.partition("(")
    if not name.replace("_", "").isalnum() or not rest.endswith(")"):
        return False
    depth = 1
    for character in rest[:-1]:
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return False
    return True


def _value(part: Any, key: IndexKey) -> Any:
    """The value that a part of an index's key stands for."""
    if isinstance(part, Extreme):
        return None if part in NULLS else Decimal("NaN") if key.type.name == "numeric" else float("nan")
    if isinstance(part, Descending):
        part = part.value
    elif key.descending and key.type.name == "date":
        return date.fromordinal(-part)
    elif key.descending and isinstance(part, Decimal):
        return part.copy_negate()
    elif key.descending and isinstance(part, int | float):
        return -part
    return part.items if isinstance(part, ArrayKey) else part
