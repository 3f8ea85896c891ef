"""Sequences in the texts of a schema: `nextval('t_id_seq'::regclass)` as a DEFAULT."""

from __future__ import annotations

from minidb.sql.functions.sequences import name_parts
from minidb.sql.parser import parse_expression
from minidb.sql.printer import to_sql
from minidb.sql.printing.base import name as quoted
from minidb.sql.printing.base import string
from minidb.sql.sequence_names import named_sequences, with_names


def drawing_text(name: str) -> str:
    """The DEFAULT of a serial column."""
    return to_sql(parse_expression(f"nextval({string(quoted(name))}::regclass)"))


def mentions_sequence(text: str, name: str) -> bool:
    """Whether an expression of the schema draws from the sequence of this name."""
    return any(name_parts(literal.value)[-1] == name for literal in named_sequences(parse_expression(text)))


def renamed_in(text: str, old: str, new: str) -> str:
    """The expression after a sequence was renamed."""
    if not mentions_sequence(text, old):
        return text

    def renamed(literal: str) -> str:
        *schema, name = name_parts(literal)
        return ".".join([*map(quoted, schema), quoted(new)]) if name == old else literal

    return to_sql(with_names(parse_expression(text), renamed))
