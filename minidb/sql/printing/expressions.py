"""Expressions as SQL, with as few parentheses as the grammar's precedences allow."""

from __future__ import annotations

from minidb.sql import ast
from minidb.sql.printing.base import RESERVED, BasePrinter, dotted, name, prints, string, when
from minidb.types import BASE_TYPES

(
    OR, AND, NOT, TEST, COMPARISON, MATCHING, OPERATION, PREFIXED, SUM, PRODUCT, POWER, ZONED, COLLATED, SIGNED,
    CONVERTED, ELEMENT, PRIMARY,
) = range(17)  # fmt: skip
"""The levels of the grammar, weakest first. An operand of a weaker level than its place wants gets parentheses."""

_LEVELS: dict[type, int] = {
    ast.Or: OR,
    ast.And: AND,
    ast.Not: NOT,
    ast.Is: TEST,
    ast.IsDistinct: TEST,
    ast.Between: MATCHING,
    ast.Like: MATCHING,
    ast.InList: MATCHING,
    ast.InSubquery: MATCHING,
    ast.Collate: COLLATED,
    ast.Cast: CONVERTED,
    ast.Subscript: ELEMENT,
    ast.Slice: ELEMENT,
}
_COMPARISONS = frozenset(("=", "<>", "<", "<=", ">", ">="))
_ARITHMETIC = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "%": PRODUCT, "^": POWER}
_SPECIAL = frozenset(("extract", "position", "substring", "overlay", "trim", "exists", "row", "rollup", "cube"))
_LIKE = {"like": "LIKE", "ilike": "ILIKE", "similar": "SIMILAR TO"}


def operator_level(operator: str) -> int:
    """The level of an infix operator."""
    return COMPARISON if operator in _COMPARISONS else _ARITHMETIC.get(operator, OPERATION)


def level(node: ast.Expression) -> int:
    """How tightly a node holds together."""
    if isinstance(node, (ast.BinaryOp, ast.QuantifiedSubquery, ast.QuantifiedArray)):
        return operator_level(node.operator)
    if isinstance(node, ast.UnaryOp):
        return SIGNED if node.operator in ("-", "+") else PREFIXED
    return _LEVELS.get(type(node), PRIMARY)


class ExpressionPrinter(BasePrinter):
    def operand(self, node: ast.Expression, wanted: int) -> str:
        """The node, in parentheses if it holds less tightly than its place wants."""
        text = self.text(node)
        return text if level(node) >= wanted else f"({text})"

    # -- literals, names --------------------------------------------------------------------------------------

    @prints(ast.NumberLiteral)
    def number(self, node: ast.NumberLiteral) -> str:
        return node.text

    @prints(ast.StringLiteral)
    def string(self, node: ast.StringLiteral) -> str:
        return string(node.value)

    @prints(ast.BooleanLiteral)
    def boolean(self, node: ast.BooleanLiteral) -> str:
        return "TRUE" if node.value else "FALSE"

    @prints(ast.NullLiteral)
    def null(self, node: ast.NullLiteral) -> str:
        return "NULL"

    @prints(ast.TypedLiteral)
    def typed(self, node: ast.TypedLiteral) -> str:
        return f"{self.type(node.type)} {string(node.value)}"

    @prints(ast.IntervalLiteral)
    def interval(self, node: ast.IntervalLiteral) -> str:
        precision = "" if node.precision is None else f"({node.precision})"
        return f"INTERVAL {string(node.value)}{when(node.fields, (node.fields or '').upper())}{precision}"

    @prints(ast.Parameter)
    def parameter(self, node: ast.Parameter) -> str:
        return f"${node.index}"

    @prints(ast.NamedParameter)
    def named_parameter(self, node: ast.NamedParameter) -> str:
        return f":{node.name}"

    @prints(ast.Lifted)
    def lifted(self, node: ast.Lifted) -> str:
        return string(node.value) if isinstance(node.value, str) else str(node.value)

    @prints(ast.CurrentValue)
    def current_value(self, node: ast.CurrentValue) -> str:
        return node.name.upper() + ("" if node.precision is None else f"({node.precision})")

    @prints(ast.DefaultValue)
    def default(self, node: ast.DefaultValue) -> str:
        return "DEFAULT"

    @prints(ast.ColumnRef)
    def column(self, node: ast.ColumnRef) -> str:
        return dotted(node.parts, RESERVED)

    @prints(ast.Star)
    def star(self, node: ast.Star) -> str:
        return dotted((*node.qualifier, ""), RESERVED)[:-2] + "*" if node.qualifier else "*"

    @prints(ast.Field)
    def field(self, node: ast.Field) -> str:
        return f"({self.text(node.operand)}).{name(node.name)}"

    @prints(ast.FieldStar)
    def field_star(self, node: ast.FieldStar) -> str:
        return f"({self.text(node.operand)}).*"

    @prints(ast.Subscript)
    def subscript(self, node: ast.Subscript) -> str:
        return f"{self.operand(node.operand, ELEMENT)}[{self.text(node.index)}]"

    @prints(ast.Slice)
    def slice(self, node: ast.Slice) -> str:
        low = "" if node.low is None else self.text(node.low)
        high = "" if node.high is None else self.text(node.high)
        return f"{self.operand(node.operand, ELEMENT)}[{low} : {high}]"

    @prints(ast.Collate)
    def collate(self, node: ast.Collate) -> str:
        return f"{self.operand(node.operand, COLLATED)} COLLATE {name(node.collation)}"

    @prints(ast.Cast)
    def cast(self, node: ast.Cast) -> str:
        return f"{self.operand(node.operand, CONVERTED)}::{self.text(node.type)}"

    @prints(ast.TypeName)
    def type(self, node: ast.TypeName) -> str:
        numbers = f"({', '.join(map(str, node.modifiers))})" if node.modifiers else ""
        if node.fields:
            text = f"interval {node.fields}{numbers}"
        elif node.name in BASE_TYPES:
            text = node.name + numbers
        else:
            text = name(node.name) + numbers
        return text + "[]" * node.array

    # -- operators --------------------------------------------------------------------------------------------

    @prints(ast.UnaryOp)
    def unary(self, node: ast.UnaryOp) -> str:
        operand = self.operand(node.operand, level(node))
        return f"{node.operator}{'' if operand[0].isalnum() or operand[0] == '(' else ' '}{operand}"

    @prints(ast.BinaryOp)
    def binary(self, node: ast.BinaryOp) -> str:
        """Down the left sides in a loop: chains may be longer than Python's stack. All parentheses open on the left."""
        pieces: list[str] = []
        opened = 0
        current: ast.Expression = node
        while isinstance(current, ast.BinaryOp):
            place = operator_level(current.operator)
            pieces.append(f" {current.operator} {self.operand(current.right, place + 1)}")
            wanted = place + 1 if place == COMPARISON else place
            current = current.left
            if level(current) < wanted:
                pieces.append(")")
                opened += 1
        return "(" * opened + self.text(current) + "".join(reversed(pieces))

    @prints(ast.And)
    def and_(self, node: ast.And) -> str:
        return " AND ".join([self.operand(operand, NOT) for operand in node.operands])

    @prints(ast.Or)
    def or_(self, node: ast.Or) -> str:
        return " OR ".join([self.operand(operand, AND) for operand in node.operands])

    @prints(ast.Not)
    def not_(self, node: ast.Not) -> str:
        return f"NOT {self.operand(node.operand, NOT)}"

    @prints(ast.Is)
    def is_(self, node: ast.Is) -> str:
        return f"{self.operand(node.operand, COMPARISON)} IS{when(node.negated, 'NOT')} {node.test.upper()}"

    @prints(ast.IsDistinct)
    def is_distinct(self, node: ast.IsDistinct) -> str:
        left, right = self.operand(node.left, COMPARISON), self.operand(node.right, COMPARISON)
        return f"{left} IS{when(node.negated, 'NOT')} DISTINCT FROM {right}"

    @prints(ast.Between)
    def between(self, node: ast.Between) -> str:
        operand, low, high = (self.operand(part, OPERATION) for part in (node.operand, node.low, node.high))
        kind = f"{'NOT ' if node.negated else ''}BETWEEN{when(node.symmetric, 'SYMMETRIC')}"
        return f"{operand} {kind} {low} AND {high}"

    @prints(ast.Like)
    def like(self, node: ast.Like) -> str:
        operand, pattern = self.operand(node.operand, OPERATION), self.operand(node.pattern, OPERATION)
        escape = "" if node.escape is None else f" ESCAPE {self.operand(node.escape, OPERATION)}"
        return f"{operand}{when(node.negated, 'NOT')} {_LIKE[node.kind]} {pattern}{escape}"

    @prints(ast.InList)
    def in_list(self, node: ast.InList) -> str:
        return f"{self.operand(node.operand, OPERATION)}{when(node.negated, 'NOT')} IN ({self.list(node.items)})"

    @prints(ast.InSubquery)
    def in_subquery(self, node: ast.InSubquery) -> str:
        return f"{self.operand(node.operand, OPERATION)}{when(node.negated, 'NOT')} IN ({self.text(node.query)})"

    @prints(ast.QuantifiedSubquery, ast.QuantifiedArray)
    def quantified(self, node: ast.QuantifiedSubquery | ast.QuantifiedArray) -> str:
        place = operator_level(node.operator)
        left = self.operand(node.left, place + 1 if place == COMPARISON else place)
        right = self.text(node.query if isinstance(node, ast.QuantifiedSubquery) else node.array)
        return f"{left} {node.operator} {node.quantifier.upper()} ({right})"

    # -- constructors and subqueries --------------------------------------------------------------------------

    @prints(ast.Row)
    def row(self, node: ast.Row) -> str:
        return f"ROW({self.list(node.items)})"

    @prints(ast.ArrayConstructor)
    def array(self, node: ast.ArrayConstructor) -> str:
        return f"ARRAY[{self.list(node.items)}]"

    @prints(ast.ArraySubquery)
    def array_subquery(self, node: ast.ArraySubquery) -> str:
        return f"ARRAY({self.text(node.query)})"

    @prints(ast.Subquery)
    def subquery(self, node: ast.Subquery) -> str:
        return f"({self.text(node.query)})"

    @prints(ast.Exists)
    def exists(self, node: ast.Exists) -> str:
        return f"EXISTS ({self.text(node.query)})"

    @prints(ast.Case)
    def case(self, node: ast.Case) -> str:
        operand = "" if node.operand is None else f" {self.text(node.operand)}"
        whens = "".join([f" WHEN {self.text(arm.condition)} THEN {self.text(arm.result)}" for arm in node.whens])
        return f"CASE{operand}{whens}{self.optional('ELSE', node.otherwise)} END"

    @prints(ast.CurrentOf)
    def current_of(self, node: ast.CurrentOf) -> str:
        return f"CURRENT OF {name(node.cursor)}"

    @prints(ast.Rollup, ast.Cube)
    def rollup(self, node: ast.Rollup | ast.Cube) -> str:
        return f"{type(node).__name__.upper()} ({self.list(node.items)})"

    @prints(ast.GroupingSets)
    def grouping_sets(self, node: ast.GroupingSets) -> str:
        return f"GROUPING SETS ({self.list(node.sets)})"

    # -- calls ------------------------------------------------------------------------------------------------

    @prints(ast.NamedArgument)
    def named_argument(self, node: ast.NamedArgument) -> str:
        return f"{name(node.name)} => {self.text(node.value)}"

    @prints(ast.FunctionCall)
    def call(self, node: ast.FunctionCall) -> str:
        suffixes = self._suffixes(node)
        if len(node.name) == 1 and not suffixes and not (node.star or node.distinct or node.order_by or node.variadic):
            special = self._special_call(node)
            if special:
                return special
        words = RESERVED | _SPECIAL if len(node.name) == 1 else RESERVED
        arguments = [self.text(argument) for argument in node.arguments]
        if node.variadic:
            arguments[-1] = f"VARIADIC {arguments[-1]}"
        inner = "*" if node.star else ", ".join(arguments)
        order = self.clause("ORDER BY", node.order_by)
        return f"{dotted(node.name, words)}({'DISTINCT ' if node.distinct else ''}{inner}{order}){suffixes}"

    def _special_call(self, node: ast.FunctionCall) -> str:
        """Calls with a syntax of their own: plainly they would not parse."""
        function, arguments = node.name[0], node.arguments
        if function == "extract" and len(arguments) == 2 and isinstance(arguments[0], ast.StringLiteral):
            return f"EXTRACT({string(arguments[0].value)} FROM {self.text(arguments[1])})"
        if function == "position" and len(arguments) == 2:
            text, part = (self.operand(argument, OPERATION) for argument in arguments)
            return f"POSITION({part} IN {text})"
        if function in ("substring", "overlay") and arguments:
            return f"{function}({self.list(arguments)})"
        return ""

    def _suffixes(self, node: ast.FunctionCall) -> str:
        within = f" WITHIN GROUP (ORDER BY {self.list(node.within_group)})" if node.within_group else ""
        condition = "" if node.filter is None else f" FILTER (WHERE {self.text(node.filter)})"
        return f"{within}{condition}{when(node.ignore_nulls, 'IGNORE NULLS')}{self.optional('OVER', node.over)}"

    @prints(ast.WindowRef)
    def window_ref(self, node: ast.WindowRef) -> str:
        return name(node.name)

    @prints(ast.WindowSpec)
    def window(self, node: ast.WindowSpec) -> str:
        parts = "" if node.base is None else f" {name(node.base)}"
        parts += self.clause("PARTITION BY", node.partition_by) + self.clause("ORDER BY", node.order_by)
        if node.frame is not None:
            parts += f" {self.text(node.frame)}"
        return f"({parts[1:]})"

    @prints(ast.Frame)
    def frame(self, node: ast.Frame) -> str:
        exclude = "" if node.exclude == "no others" else f" EXCLUDE {node.exclude.upper()}"
        return f"{node.mode.upper()} BETWEEN {self.text(node.start)} AND {self.text(node.end)}{exclude}"

    @prints(ast.FrameBound)
    def frame_bound(self, node: ast.FrameBound) -> str:
        return ("" if node.offset is None else f"{self.operand(node.offset, OPERATION)} ") + node.kind.upper()
