"""Expressions that are values by themselves: literals and parameters."""

from __future__ import annotations

from typing import Literal

from minidb.sql.ast.nodes import Expression, TypeName


class NumberLiteral(Expression, frozen=True):
    """A number as spelled (`1`, `1.50`, `1e3`, `.5`, `0x1F`, `1_000`): the spelling decides the type."""

    text: str

    @property
    def is_integer(self) -> bool:
        """Whether the spelling is an integer's (int4, int8 or, if it is too large, numeric)."""
        digits = self.text
        return digits[:2] in ("0x", "0X") or not ("." in digits or "e" in digits or "E" in digits)


class StringLiteral(Expression, frozen=True):
    """'...', E'...' or $$...$$: an untyped literal (`unknown` in PostgreSQL) until the context types it."""

    value: str


class BooleanLiteral(Expression, frozen=True):
    """TRUE or FALSE."""

    value: bool


class NullLiteral(Expression, frozen=True):
    """NULL."""


class TypedLiteral(Expression, frozen=True):
    """`DATE '2026-01-31'`: a type name and a string."""

    type: TypeName
    value: str


class IntervalLiteral(Expression, frozen=True):
    """`INTERVAL '1' DAY`, `INTERVAL '1 day 2 hours'`; `fields` as in TypeName, precision of the seconds."""

    value: str
    fields: str | None = None
    precision: int | None = None


class Parameter(Expression, frozen=True):
    """`?` (numbered from 1 by the parser) or `$1`."""

    index: int


class NamedParameter(Expression, frozen=True):
    """`:name`."""

    name: str


LiftedKind = Literal["int4", "int8", "numeric", "text"]


class Lifted(Expression, frozen=True):
    """A literal that the statement cache took out of the text (see `shapes`): a constant whose value comes late.

    `index` counts from 0 into the values of the statement, equal literals share one. `value` is that of the statement
    that was parsed: looking at it makes it a guard of the plan. A "text" is an untyped literal, as StringLiteral.
    """

    index: int
    kind: LiftedKind
    value: object


class CurrentValue(Expression, frozen=True):
    """CURRENT_DATE, LOCALTIMESTAMP(3), CURRENT_USER, ...: a function written without parentheses (lower case name)."""

    name: str
    precision: int | None = None


class DefaultValue(Expression, frozen=True):
    """DEFAULT, in VALUES of an INSERT and on the right of SET."""
