"""Queries as SQL."""

from __future__ import annotations

from collections.abc import Sequence

from minidb.sql import ast
from minidb.sql.printing.base import columns, name, names, prints, when
from minidb.sql.printing.expressions import OPERATION, ExpressionPrinter

_SORT_NULLS = {True: " NULLS FIRST", False: " NULLS LAST", None: ""}
_MATERIALIZED = {True: " MATERIALIZED", False: " NOT MATERIALIZED", None: ""}
_LIMITS = (ast.NumberLiteral, ast.Parameter, ast.NamedParameter)


class QueryPrinter(ExpressionPrinter):
    @prints(ast.Query)
    def query(self, node: ast.Query) -> str:
        parts = [self.with_(node.with_), self._body(node.body), self.clause("ORDER BY", node.order_by)]
        if node.limit is not None and node.with_ties:
            count = self.text(node.limit)
            parts.append(f" FETCH FIRST {count if isinstance(node.limit, _LIMITS) else f'({count})'} ROWS WITH TIES")
        else:
            parts.append(self.optional("LIMIT", node.limit))
        parts.append(self.optional("OFFSET", node.offset))
        parts += [f" {self.text(locking)}" for locking in node.locking]
        if node.as_of is not None:
            kind = "SYSTEM TIME" if node.as_of.kind == "time" else "COMMIT"
            parts.append(f" AS OF {kind} {self.operand(node.as_of.value, OPERATION)}")
        return "".join(parts)

    def _body(self, body: ast.QueryBody | ast.Query) -> str:
        return f"({self.text(body)})" if isinstance(body, ast.Query) else self.text(body)

    def with_(self, node: ast.With | None) -> str:
        """The WITH clause with a space behind it, or nothing."""
        return "" if node is None else f"WITH {'RECURSIVE ' if node.recursive else ''}{self.list(node.tables)} "

    @prints(ast.CommonTable)
    def common_table(self, node: ast.CommonTable) -> str:
        how = _MATERIALIZED[node.materialized]
        return f"{name(node.name)}{names(node.columns)} AS{how} ({self.text(node.statement)})"

    @prints(ast.SortKey)
    def sort_key(self, node: ast.SortKey) -> str:
        return f"{self.text(node.expression)}{when(node.descending, 'DESC')}{_SORT_NULLS[node.nulls_first]}"

    @prints(ast.Locking)
    def locking(self, node: ast.Locking) -> str:
        wait = "" if node.wait == "wait" else f" {node.wait.upper()}"
        return f"FOR {node.strength.upper()}{self.clause('OF', node.tables)}{wait}"

    @prints(ast.SetOperation)
    def set_operation(self, node: ast.SetOperation) -> str:
        """Down the left sides in a loop, as for operators. INTERSECT binds tighter than the others."""
        pieces: list[str] = []
        opened = 0
        current: ast.QueryBody | ast.Query = node
        while isinstance(current, ast.SetOperation):
            strong = current.operator == "intersect"
            right = self._set_operand(current.right, strong)
            pieces.append(f" {current.operator.upper()}{when(current.all, 'ALL')} {right}")
            current = current.left
            if strong and isinstance(current, ast.SetOperation) and current.operator != "intersect":
                pieces.append(")")
                opened += 1
        return "(" * opened + self._body(current) + "".join(reversed(pieces))

    def _set_operand(self, node: ast.QueryBody | ast.Query, strong: bool) -> str:
        if isinstance(node, ast.SetOperation) and (strong or node.operator != "intersect"):
            return f"({self.text(node)})"
        return self._body(node)

    @prints(ast.Values)
    def values(self, node: ast.Values) -> str:
        return "VALUES " + ", ".join([f"({self.list(row)})" for row in node.rows])

    @prints(ast.Select)
    def select(self, node: ast.Select) -> str:
        quantifier = "DISTINCT " if node.distinct else ""
        if node.distinct_on:
            quantifier = f"DISTINCT ON ({self.list(node.distinct_on)}) "
        group = "GROUP BY DISTINCT" if node.group_distinct else "GROUP BY"
        return (
            f"SELECT{' ' if node.targets else ''}{quantifier}{self.list(node.targets)}"
            f"{self.clause('FROM', node.from_items)}"
            f"{self.optional('WHERE', node.where)}{self.clause(group, node.group_by)}"
            f"{self.optional('HAVING', node.having)}{self.clause('WINDOW', node.windows)}"
        )

    @prints(ast.NamedWindow)
    def named_window(self, node: ast.NamedWindow) -> str:
        return f"{name(node.name)} AS {self.text(node.spec)}"

    @prints(ast.Target)
    def target(self, node: ast.Target) -> str:
        return self.text(node.expression) + ("" if node.alias is None else f" AS {name(node.alias)}")

    # -- FROM -------------------------------------------------------------------------------------------------

    @prints(ast.TableRef)
    def table_ref(self, node: ast.TableRef) -> str:
        past = ""
        if node.as_of is not None:
            value = self.text(node.as_of.value)
            if not isinstance(node.as_of.value, ast.StringLiteral | ast.NumberLiteral):
                value = f"({value})"
            past = f" FOR SYSTEM_TIME AS OF {'COMMIT ' if node.as_of.kind == 'commit' else ''}{value}"
        return self.text(node.name) + past + _alias(node.alias, names(node.columns))

    @prints(ast.DerivedTable)
    def derived_table(self, node: ast.DerivedTable) -> str:
        lateral = "LATERAL " if node.lateral else ""
        return f"{lateral}({self.text(node.query)}){_alias(node.alias, names(node.columns))}"

    @prints(ast.TableFunction)
    def table_function(self, node: ast.TableFunction) -> str:
        calls = ", ".join([self._table_call(call) for call in node.calls])
        if len(node.calls) > 1:
            calls = f"ROWS FROM ({calls})"
        lateral = "LATERAL " if node.lateral else ""
        listed = f" ({self.list(node.columns)})" if node.columns else ""
        alias = f" AS{listed}" if listed and node.alias is None else _alias(node.alias, listed)
        return f"{lateral}{calls}{when(node.ordinality, 'WITH ORDINALITY')}{alias}"

    def _table_call(self, node: ast.Expression) -> str:
        """In FROM all calls are plain ones."""
        return self.text(node)

    @prints(ast.ColumnAlias)
    def column_alias(self, node: ast.ColumnAlias) -> str:
        return name(node.name) + ("" if node.type is None else f" {self.text(node.type)}")

    @prints(ast.Join)
    def join(self, node: ast.Join) -> str:
        """Down the left sides in a loop. A join with an alias is closed before it."""
        pieces: list[str] = []
        opened = 0
        current: ast.FromItem = node
        while isinstance(current, ast.Join):
            if current.alias is not None:
                pieces.append(f") AS {name(current.alias)}")
                opened += 1
            right = self.text(current.right)
            if isinstance(current.right, ast.Join) and current.right.alias is None:
                right = f"({right})"
            natural = " NATURAL" if current.natural else ""
            kind = "" if current.kind == "inner" else f" {current.kind.upper()}"
            pieces.append(f"{natural}{kind} JOIN {right}{self._join_condition(current)}")
            current = current.left
        return "(" * opened + self.text(current) + "".join(reversed(pieces))

    def _join_condition(self, node: ast.Join) -> str:
        if node.on is not None:
            return f" ON {self.text(node.on)}"
        using = f" USING{columns(node.using)}" if node.using else ""
        return using + ("" if node.using_alias is None else f" AS {name(node.using_alias)}")

    def from_list(self, keyword: str, items: Sequence[ast.FromItem]) -> str:
        """` FROM a, b`, or nothing."""
        return self.clause(keyword, items)


def _alias(alias: str | None, listed: str) -> str:
    return "" if alias is None else f" AS {name(alias)}{listed}"
