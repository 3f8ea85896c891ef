"""Expressions: names and their parts, operators, constructors, calls.

Those that hold a query stand with the queries.
"""

from __future__ import annotations

from typing import Literal

from minidb.sql.ast.nodes import Expression, Node, TypeName
from minidb.sql.ast.windows import SortKey, WindowRef, WindowSpec

# -- names and parts --------------------------------------------------------------------------------------


class ColumnRef(Expression, frozen=True):
    """`c`, `t.c` or `s.t.c`: the parts from left to right."""

    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        """The last part."""
        return self.parts[-1]


class Star(Expression, frozen=True):
    """`*` (no qualifier) or `t.*`, as a target, in RETURNING, as a row's item."""

    qualifier: tuple[str, ...] = ()


class Field(Expression, frozen=True):
    """`(row).name`"""

    operand: Expression
    name: str


class FieldStar(Expression, frozen=True):
    """`(row).*`, in a select list."""

    operand: Expression


class Subscript(Expression, frozen=True):
    """`a[i]`."""

    operand: Expression
    index: Expression


class Slice(Expression, frozen=True):
    """`a[low:high]`, both optional."""

    operand: Expression
    low: Expression | None
    high: Expression | None


class AssignedSlice(Expression, frozen=True):
    """The `low:high` of `SET a[low:high] = value`."""

    low: Expression | None
    high: Expression | None


class Collate(Expression, frozen=True):
    """`x COLLATE "C"`."""

    operand: Expression
    collation: str


class Cast(Expression, frozen=True):
    """`CAST(x AS type)` or `x::type`."""

    operand: Expression
    type: TypeName


# -- operators --------------------------------------------------------------------------------------------


class UnaryOp(Expression, frozen=True):
    """`- + ~ @ |/ ||/` before an operand."""

    operator: str
    operand: Expression


class BinaryOp(Expression, frozen=True):
    """An infix operator by PostgreSQL's text: `+ - * / % ^ || = <> < <= > >= ~ ~* !~ !~* & | # << >> -> ->> #> ...`.

    `!=` is spelled `<>`. The left operand may be a long chain.
    """

    operator: str
    left: Expression
    right: Expression


class And(Expression, frozen=True):
    """`a AND b AND c`, flat; at least two operands, none an And."""

    operands: tuple[Expression, ...]


class Or(Expression, frozen=True):
    """`a OR b OR c`, flat; at least two operands, none an Or."""

    operands: tuple[Expression, ...]


class Not(Expression, frozen=True):
    """`NOT a`."""

    operand: Expression


class Is(Expression, frozen=True):
    """`x IS [NOT] NULL | TRUE | FALSE | UNKNOWN` (ISNULL and NOTNULL, too)."""

    operand: Expression
    test: Literal["null", "true", "false", "unknown"]
    negated: bool = False


class IsDistinct(Expression, frozen=True):
    """`a IS [NOT] DISTINCT FROM b`; `negated` is NOT DISTINCT, that is, equal."""

    left: Expression
    right: Expression
    negated: bool = False


class Between(Expression, frozen=True):
    """`x [NOT] BETWEEN [SYMMETRIC] low AND high`."""

    operand: Expression
    low: Expression
    high: Expression
    symmetric: bool = False
    negated: bool = False


class Like(Expression, frozen=True):
    """`x [NOT] LIKE | ILIKE | SIMILAR TO pattern [ESCAPE e]`."""

    kind: Literal["like", "ilike", "similar"]
    operand: Expression
    pattern: Expression
    escape: Expression | None = None
    negated: bool = False


class InList(Expression, frozen=True):
    """`x [NOT] IN (a, b, ...)`; x and the items may be rows."""

    operand: Expression
    items: tuple[Expression, ...]
    negated: bool = False


class QuantifiedArray(Expression, frozen=True):
    """`x = ANY (array)`; the operators as above."""

    operator: str
    left: Expression
    quantifier: Literal["any", "all"]
    array: Expression


# -- constructors, calls ----------------------------------------------------------------------------------


class Row(Expression, frozen=True):
    """`ROW(a, b)` or `(a, b)`; in GROUP BY also `()`."""

    items: tuple[Expression, ...]


class ArrayConstructor(Expression, frozen=True):
    """`ARRAY[a, b]`; inside one, `[a, b]` is an ArrayConstructor, too."""

    items: tuple[Expression, ...]


class When(Node, frozen=True):
    """`WHEN condition THEN result`; with an operand, `condition` is a value to compare with."""

    condition: Expression
    result: Expression


class Case(Expression, frozen=True):
    """`CASE [operand] WHEN ... [ELSE otherwise] END`."""

    operand: Expression | None
    whens: tuple[When, ...]
    otherwise: Expression | None = None


class NamedArgument(Expression, frozen=True):
    """`name => value` in a call."""

    name: str
    value: Expression


class FunctionCall(Expression, frozen=True):
    """A call: function, aggregate, window function, and all the functions that have a syntax of their own.

    COALESCE, NULLIF, GREATEST, LEAST, GROUPING are calls of these names (lower case). The others become:
    EXTRACT(f FROM x) extract('f', x); SUBSTRING(x FROM a FOR b) substring(x, a, b), (x FOR b) substring(x, 1, b),
    (x SIMILAR p ESCAPE e) substring_similar(x, p, e); POSITION(a IN x) position(x, a), the string first;
    OVERLAY(x PLACING y FROM a FOR b) overlay(x, y, a, b); TRIM([LEADING|TRAILING|BOTH] c FROM x) ltrim, rtrim,
    btrim(x, c); x AT TIME ZONE z timezone(z, x), x AT LOCAL timezone(x); (a, b) OVERLAPS (c, d) overlaps(a, b, c, d).
    """

    name: tuple[str, ...]
    arguments: tuple[Expression, ...] = ()
    star: bool = False  # count(*)
    distinct: bool = False
    order_by: tuple[SortKey, ...] = ()
    within_group: tuple[SortKey, ...] = ()
    filter: Expression | None = None
    ignore_nulls: bool = False
    over: WindowSpec | WindowRef | None = None
    variadic: bool = False  # the last argument is an array to spread


class CurrentOf(Expression, frozen=True):
    """`WHERE CURRENT OF cursor`, of UPDATE and DELETE."""

    cursor: str
