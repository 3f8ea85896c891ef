"""Actions of the grammar's section Expressions: literals, operators, calls, types."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from minidb.sql import ast
from minidb.sql.actions.base import BaseActions
from minidb.sql.ast import Expression, FunctionCall, Query, SortKey, TypeName
from minidb.sql.lalr import Constant, placed

_LIKE_OPERATORS = {"like": "~~", "ilike": "~~*"}
_ZONED = {"timestamp": "timestamptz", "time": "timetz"}
_FORMS = ("NFC", "NFD", "NFKC", "NFKD")
_MAX_PARAMETER = 65535

Arguments = tuple[tuple[Expression, ...], bool, bool, tuple[SortKey, ...], bool]
"""The arguments, star, DISTINCT, ORDER BY, VARIADIC."""


class ExpressionActions(BaseActions):
    # -- literals and parameters ------------------------------------------------------------------------------

    def number(self, at: int, text: str) -> Expression:
        if self.lifted is not None and at in self.lifted:
            return self._lift(at)
        return ast.NumberLiteral(text, at=at)

    def string(self, at: int, value: str) -> Expression:
        if self.lifted is not None and at in self.lifted:
            return self._lift(at)
        return ast.StringLiteral(value, at=at)

    def _lift(self, at: int) -> Expression:
        assert self.lifted is not None
        self.met += 1
        return ast.Lifted(*self.lifted[at], at=at)

    def null(self, at: int) -> Expression:
        return ast.NullLiteral(at=at)

    def true_literal(self, at: int) -> Expression:
        return ast.BooleanLiteral(True, at=at)

    def false_literal(self, at: int) -> Expression:
        return ast.BooleanLiteral(False, at=at)

    def default_value(self, at: int) -> Expression:
        return ast.DefaultValue(at=at)

    def typed_literal(self, at: int, name: str, value: str) -> Expression:
        if name == "interval":
            return ast.IntervalLiteral(value, at=at)
        return ast.TypedLiteral(self._type_name(name, at), value, at=at)

    def zoned_literal(self, at: int, name: str, zoned: bool, value: str) -> Expression:
        return ast.TypedLiteral(self.type_zone(at, TypeName(name, at=at), zoned), value, at=at)

    def time_literal(self, at: int, precision: str, value: str) -> Expression:
        return self._modified_literal("time", at, precision, value)

    def timestamp_literal(self, at: int, precision: str, value: str) -> Expression:
        return self._modified_literal("timestamp", at, precision, value)

    def modified_interval(self, at: int, precision: str, value: str) -> Expression:
        return self._modified_literal("interval", at, precision, value)

    def _modified_literal(self, name: str, at: int, precision: str, value: str) -> Expression:
        return ast.TypedLiteral(TypeName(name, (self.integer(at, precision),), at=at), value, at=at)

    def field(self, at: int, operand: Expression, name: str) -> Expression:
        return ast.Field(operand, name, at=at)

    def double_literal(self, at: int, value: str) -> Expression:
        return ast.TypedLiteral(TypeName("double precision", at=at), value, at=at)

    def interval_literal(self, at: int, value: str, fields: tuple[str, int | None] | None) -> Expression:
        return ast.IntervalLiteral(value, *(fields or ()), at=at)

    def parameter(self, at: int) -> Expression:
        if self.numbered:
            self.fail("? and $1 cannot be mixed in one statement", at)
        self.parameters += 1
        return ast.Parameter(self.parameters, at=at)

    def numbered_parameter(self, at: int, text: str) -> Expression:
        index = int(text[1:7])
        if self.parameters:
            self.fail("? and $1 cannot be mixed in one statement", at)
        if not 1 <= index <= _MAX_PARAMETER:
            self.fail(f"there is no parameter {text}", at)
        self.numbered = True
        return ast.Parameter(index, at=at)

    def named_parameter(self, at: int, text: str) -> Expression:
        return ast.NamedParameter(text[1:], at=at)

    def current_value(self, at: int, name: str, precision: str | None = None) -> Expression:
        return ast.CurrentValue(name, None if precision is None else self.integer(at, precision), at=at)

    def current_schema(self, at: int) -> Expression:
        return ast.CurrentValue("current_schema", at=at)

    # -- names and parts --------------------------------------------------------------------------------------

    def column_reference(self, at: int, name: ast.QualifiedName) -> Expression:
        return ast.ColumnRef(name.parts, at=at)

    def qualified_star(self, at: int, name: ast.QualifiedName) -> Expression:
        return ast.Star(name.parts, at=at)

    def subscript(self, at: int, operand: Expression, index: Expression) -> Expression:
        return ast.Subscript(operand, index, at=at)

    def slice_(self, at: int, operand: Expression, low: Expression | None, high: Expression | None) -> Expression:
        return ast.Slice(operand, low, high, at=at)

    @placed(1)
    def collate(self, at: int, operand: Expression, collation: ast.QualifiedName) -> Expression:
        return ast.Collate(operand, collation.name, at=at)

    @placed(1)
    def cast(self, at: int, operand: Expression, type: TypeName) -> Expression:
        return ast.Cast(operand, type, at=at)

    def cast_call(self, at: int, operand: Expression, type: TypeName) -> Expression:
        return ast.Cast(operand, type, at=at)

    # -- operators --------------------------------------------------------------------------------------------

    def unary(self, at: int, operator: str, operand: Expression) -> Expression:
        return ast.UnaryOp(operator, operand, at=at)

    @placed(1)
    def binary(self, at: int, left: Expression, operator: str, right: Expression) -> Expression:
        return ast.BinaryOp("<>" if operator == "!=" else operator, left, right, at=at)

    @placed(1)
    def and_(self, at: int, first: Expression, rest: tuple[Expression, ...]) -> Expression:
        return ast.And(_flat(ast.And, (first, *rest)), at=at)

    @placed(1)
    def or_(self, at: int, first: Expression, rest: tuple[Expression, ...]) -> Expression:
        return ast.Or(_flat(ast.Or, (first, *rest)), at=at)

    def not_(self, at: int, operand: Expression) -> Expression:
        return ast.Not(operand, at=at)

    @placed(1)
    def is_(self, at: int, operand: Expression, negated: bool, test: Any) -> Expression:
        return ast.Is(operand, test, negated, at=at)

    @placed(1)
    def is_normalized(self, at: int, operand: Expression, negated: bool, form: str) -> Expression:
        """`x IS [NOT] [NFC] NORMALIZED` as a call of is_normalized()."""
        name = form.rpartition(" ")[0]
        arguments = (operand, ast.StringLiteral(name.upper(), at=at)) if name else (operand,)
        tested = FunctionCall(("is_normalized",), arguments, at=at)
        return ast.Not(tested, at=at) if negated else tested

    @placed(1)
    def is_null(self, at: int, operand: Expression) -> Expression:
        return ast.Is(operand, "null", at=at)

    @placed(1)
    def is_not_null(self, at: int, operand: Expression) -> Expression:
        return ast.Is(operand, "null", True, at=at)

    @placed(1)
    def is_distinct(self, at: int, left: Expression, negated: bool, right: Expression) -> Expression:
        return ast.IsDistinct(left, right, negated, at=at)

    @placed(1)
    def between(
        self, at: int, operand: Expression, negated: bool, symmetric: bool, low: Expression, high: Expression
    ) -> Expression:
        return ast.Between(operand, low, high, symmetric, negated, at=at)

    @placed(1)
    def in_query(self, at: int, operand: Expression, negated: bool, query: Query) -> Expression:
        return ast.InSubquery(operand, query, negated, at=at)

    @placed(1)
    def in_list(self, at: int, operand: Expression, negated: bool, items: tuple[Expression, ...]) -> Expression:
        if len(items) == 1 and isinstance(items[0], ast.Subquery):
            return ast.InSubquery(operand, items[0].query, negated, at=at)
        return ast.InList(operand, items, negated, at=at)

    like_word = Constant("like")
    ilike_word = Constant("ilike")
    similar_word = Constant("similar")

    @placed(1)
    def like(
        self,
        at: int,
        operand: Expression,
        negated: bool,
        kind: Any,
        pattern: Expression,
        escape: Expression | None = None,
    ) -> Expression:
        return ast.Like(kind, operand, pattern, escape, negated, at=at)

    @placed(1)
    def like_query(
        self, at: int, operand: Expression, negated: bool, kind: str, quantifier: Any, query: Query
    ) -> Expression:
        return ast.QuantifiedSubquery(self._like_operator(kind, negated, at), operand, quantifier, query, at=at)

    @placed(1)
    def like_array(
        self, at: int, operand: Expression, negated: bool, kind: str, quantifier: Any, array: Expression
    ) -> Expression:
        return self._quantified(self._like_operator(kind, negated, at), operand, quantifier, array, at)

    def _like_operator(self, kind: str, negated: bool, at: int) -> str:
        if kind not in _LIKE_OPERATORS:
            self.fail("SIMILAR TO cannot be used with ANY or ALL", at)
        return ("!" if negated else "") + _LIKE_OPERATORS[kind]

    @placed(1)
    def overlaps(self, at: int, left: Expression, right: Expression) -> Expression:
        if not (isinstance(left, ast.Row) and isinstance(right, ast.Row) and len(left.items) == len(right.items) == 2):
            self.fail("OVERLAPS needs two values on either side", at)
        return FunctionCall(("overlaps",), (*left.items, *right.items), at=at)

    any_ = Constant("any")
    all_ = Constant("all")

    @placed(1)
    def quantified_query(
        self, at: int, left: Expression, operator: str, quantifier: Any, query: Query
    ) -> Expression:
        return ast.QuantifiedSubquery("<>" if operator == "!=" else operator, left, quantifier, query, at=at)

    @placed(1)
    def quantified_array(
        self, at: int, left: Expression, operator: str, quantifier: Any, array: Expression
    ) -> Expression:
        return self._quantified("<>" if operator == "!=" else operator, left, quantifier, array, at)

    def _quantified(self, operator: str, left: Expression, quantifier: Any, array: Expression, at: int) -> Expression:
        if isinstance(array, ast.Subquery):  # ANY ((SELECT ...))
            return ast.QuantifiedSubquery(operator, left, quantifier, array.query, at=at)
        return ast.QuantifiedArray(operator, left, quantifier, array, at=at)

    @placed(1)
    def at_time_zone(self, at: int, operand: Expression, zone: Expression) -> Expression:
        return FunctionCall(("timezone",), (zone, operand), at=at)

    @placed(1)
    def at_local(self, at: int, operand: Expression) -> Expression:
        return FunctionCall(("timezone",), (operand,), at=at)

    # -- constructors and subqueries --------------------------------------------------------------------------

    def row(self, at: int, first: Expression, rest: tuple[Expression, ...]) -> Expression:
        return ast.Row((first, *rest), at=at)

    def row_constructor(self, at: int, items: tuple[Expression, ...]) -> Expression:
        return ast.Row(items, at=at)

    def array(self, at: int, items: tuple[Expression, ...]) -> Expression:
        return ast.ArrayConstructor(items, at=at)

    def array_subquery(self, at: int, query: Query) -> Expression:
        return ast.ArraySubquery(query, at=at)

    def subquery(self, at: int, query: Query) -> Expression:
        return ast.Subquery(query, at=at)

    def exists(self, at: int, query: Query) -> Expression:
        return ast.Exists(query, at=at)

    def case(
        self, at: int, operand: Expression | None, whens: tuple[ast.When, ...], otherwise: Expression | None
    ) -> Expression:
        return ast.Case(operand, whens, otherwise, at=at)

    def when(self, at: int, condition: Expression, result: Expression) -> ast.When:
        return ast.When(condition, result, at=at)

    # -- calls ------------------------------------------------------------------------------------------------

    def call(self, at: int, name: ast.QualifiedName, arguments: Arguments) -> FunctionCall:
        items, star, distinct, order_by, variadic = arguments
        if name.parts == ("normalize",):
            items = _with_form(items)
        return FunctionCall(name.parts, items, star, distinct, order_by, variadic=variadic, at=at)

    def arguments(self, at: int, items: tuple[Any, ...], order_by: tuple[SortKey, ...] | None) -> Arguments:
        variadic = False
        for item in items:
            if type(item) is tuple:
                if item is not items[-1]:
                    self.fail("VARIADIC must come before the last argument", at)
                variadic = True
        if variadic:
            items = (*items[:-1], items[-1][0])
        return items, False, False, order_by or (), variadic

    def distinct_arguments(self, at: int, items: tuple[Any, ...], order_by: tuple[SortKey, ...] | None) -> Arguments:
        arguments, star, _, keys, variadic = self.arguments(at, items, order_by)
        return arguments, star, True, keys, variadic

    def star_arguments(self, at: int) -> Arguments:
        return (), True, False, (), False

    def no_arguments(self, at: int) -> Arguments:
        return (), False, False, (), False

    def variadic(self, at: int, item: Expression) -> tuple[Expression]:
        return (item,)

    def named_argument(self, at: int, name: str, value: Expression) -> Expression:
        return ast.NamedArgument(name, value, at=at)

    def call_with_suffixes(self, at: int, call: FunctionCall, suffixes: tuple[tuple[str, Any], ...]) -> FunctionCall:
        return replace(call, **self.fields(suffixes, at))

    def within_group(self, at: int, keys: tuple[SortKey, ...]) -> tuple[str, Any]:
        return "within_group", keys

    def filter_suffix(self, at: int, condition: Expression) -> tuple[str, Any]:
        return "filter", condition

    ignore_nulls = Constant(("ignore_nulls", True))
    respect_nulls = Constant(("ignore_nulls", False))

    @placed(1)
    def over_name(self, at: int, name: str) -> tuple[str, Any]:
        return "over", ast.WindowRef(name, at=at)

    def over(self, at: int, window: ast.WindowSpec) -> tuple[str, Any]:
        return "over", window

    def extract(self, at: int, field: str, operand: Expression) -> Expression:
        return FunctionCall(("extract",), (ast.StringLiteral(field, at=at), operand), at=at)

    def position(self, at: int, part: Expression, text: Expression) -> Expression:
        return FunctionCall(("position",), (text, part), at=at)

    def collation_for(self, at: int, operand: Expression) -> Expression:
        return FunctionCall(("pg_collation_for",), (operand,), at=at)

    def substring(self, at: int, *arguments: Expression) -> Expression:
        return FunctionCall(("substring",), arguments, at=at)

    def substring_for(self, at: int, text: Expression, count: Expression) -> Expression:
        return FunctionCall(("substring",), (text, ast.NumberLiteral("1", at=at), count), at=at)

    def substring_similar(self, at: int, *arguments: Expression) -> Expression:
        return FunctionCall(("substring_similar",), arguments, at=at)

    def substring_call(self, at: int, arguments: tuple[Any, ...]) -> Expression:
        return FunctionCall(("substring",), self.arguments(at, arguments, None)[0], at=at)

    def overlay(self, at: int, *arguments: Expression) -> Expression:
        return FunctionCall(("overlay",), arguments, at=at)

    def overlay_call(self, at: int, arguments: tuple[Any, ...]) -> Expression:
        return FunctionCall(("overlay",), self.arguments(at, arguments, None)[0], at=at)

    trim_both = Constant("btrim")
    trim_leading = Constant("ltrim")
    trim_trailing = Constant("rtrim")

    def trim(self, at: int, function: str, arguments: tuple[Expression, ...]) -> Expression:
        return FunctionCall((function,), arguments, at=at)

    def trim_characters(self, at: int, function: str, characters: Expression, text: Expression) -> Expression:
        return FunctionCall((function,), (text, characters), at=at)

    # -- windows ----------------------------------------------------------------------------------------------

    def window(
        self,
        at: int,
        base: str | None,
        partition_by: tuple[Expression, ...],
        order_by: tuple[SortKey, ...],
        frame: ast.Frame | None,
    ) -> ast.WindowSpec:
        return ast.WindowSpec(base, partition_by, order_by, frame, at=at)

    def frame_from(self, at: int, mode: Any, start: ast.FrameBound, exclude: Any) -> ast.Frame:
        return ast.Frame(mode, start, ast.FrameBound("current row", at=start.at), exclude, at=at)

    def frame(self, at: int, mode: Any, start: ast.FrameBound, end: ast.FrameBound, exclude: Any) -> ast.Frame:
        return ast.Frame(mode, start, end, exclude, at=at)

    def unbounded_preceding(self, at: int) -> ast.FrameBound:
        return ast.FrameBound("unbounded preceding", at=at)

    def unbounded_following(self, at: int) -> ast.FrameBound:
        return ast.FrameBound("unbounded following", at=at)

    def current_row(self, at: int) -> ast.FrameBound:
        return ast.FrameBound("current row", at=at)

    def preceding(self, at: int, offset: Expression) -> ast.FrameBound:
        return ast.FrameBound("preceding", offset, at=at)

    def following(self, at: int, offset: Expression) -> ast.FrameBound:
        return ast.FrameBound("following", offset, at=at)

    no_others = Constant("no others")

    # -- types ------------------------------------------------------------------------------------------------

    def _type_name(self, name: str, at: int) -> TypeName:
        return TypeName("char" if name == "character" else name, at=at)

    def type_name(self, at: int, name: ast.QualifiedName) -> TypeName:
        return self._type_name(name.name, at)

    def double_precision(self, at: int) -> TypeName:
        return TypeName("double precision", at=at)

    def character_varying(self, at: int) -> TypeName:
        return TypeName("varchar", at=at)

    def type_modifiers(self, at: int, type: TypeName, numbers: tuple[int, ...]) -> TypeName:
        return TypeName(type.name, numbers, at=at)

    def type_zone(self, at: int, type: TypeName, zoned: bool) -> TypeName:
        if type.name not in _ZONED:
            self.fail(f"type {type.name} has no time zone", at)
        return replace(type, name=_ZONED[type.name]) if zoned else type

    def type_modifiers_zone(self, at: int, type: TypeName, numbers: tuple[int, ...], zoned: bool) -> TypeName:
        return self.type_zone(at, self.type_modifiers(at, type, numbers), zoned)

    def interval_type(self, at: int, fields: tuple[str, int | None]) -> TypeName:
        name, precision = fields
        return TypeName("interval", () if precision is None else (precision,), fields=name, at=at)

    def array_type(self, at: int, type: TypeName, size: str | None = None) -> TypeName:
        return replace(type, array=type.array + 1)

    def interval_fields(self, at: int, first: str, last: str | None = None) -> tuple[str, int | None]:
        return first if last is None else f"{first} to {last}", None

    def interval_seconds(self, at: int, field: str, precision: str) -> tuple[str, int | None]:
        return field, self.integer(at, precision)

    def interval_range_seconds(self, at: int, first: str, last: str, precision: str) -> tuple[str, int | None]:
        return f"{first} to {last}", self.integer(at, precision)


def _with_form(items: tuple[Expression, ...]) -> tuple[Expression, ...]:
    """`normalize(text, NFC)`: the form is a word, not a column."""
    if len(items) != 2 or not isinstance(items[1], ast.ColumnRef) or len(items[1].parts) != 1:
        return items
    word = items[1].parts[0].upper()
    return (items[0], ast.StringLiteral(word, at=items[1].at)) if word in _FORMS else items


def _flat(kind: type[ast.And] | type[ast.Or], operands: tuple[Expression, ...]) -> tuple[Expression, ...]:
    """The operands, with those that are And (or Or) themselves, from parentheses, replaced by theirs."""
    if not any(isinstance(operand, kind) for operand in operands):
        return operands
    leaves: list[Expression] = []
    for operand in operands:
        leaves.extend(operand.operands if isinstance(operand, kind) else (operand,))
    return tuple(leaves)
