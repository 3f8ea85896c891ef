"""The order of rows, and the windows of window functions."""

from __future__ import annotations

from typing import Literal

from minidb.sql.ast.nodes import Expression, Node


class SortKey(Node, frozen=True):
    """`expression [ASC | DESC] [NULLS FIRST | LAST]`; `nulls_first` is None where nothing is said."""

    expression: Expression
    descending: bool = False
    nulls_first: bool | None = None


class FrameBound(Node, frozen=True):
    """One end of a window frame; `offset` for `preceding` and `following` only."""

    kind: Literal["unbounded preceding", "preceding", "current row", "following", "unbounded following"]
    offset: Expression | None = None


class Frame(Node, frozen=True):
    """`ROWS BETWEEN start AND end EXCLUDE ...`; `end` is CURRENT ROW where only one bound is written."""

    mode: Literal["rows", "range", "groups"]
    start: FrameBound
    end: FrameBound
    exclude: Literal["no others", "current row", "group", "ties"] = "no others"


class WindowSpec(Node, frozen=True):
    """`([base] PARTITION BY ... ORDER BY ... frame)`."""

    base: str | None = None
    partition_by: tuple[Expression, ...] = ()
    order_by: tuple[SortKey, ...] = ()
    frame: Frame | None = None


class WindowRef(Node, frozen=True):
    """`OVER name`."""

    name: str


class NamedWindow(Node, frozen=True):
    """`WINDOW name AS (...)`."""

    name: str
    spec: WindowSpec
