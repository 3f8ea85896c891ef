"""Expressions as Python source, with exactly the NULL tests that they need.

Three questions can be asked of an expression, and each has its own translation:

    value(e)     the value, None for NULL
    truth(e)     something true exactly if e is TRUE      (WHERE, ON, CASE WHEN, FILTER)
    falsity(e)   something true exactly if e is FALSE     (NOT below one of the above)

AND, OR and NOT of predicates become Python's own, because nobody has to tell FALSE from NULL there. A strict operator
is NULL exactly if one of the nullable *leaves* of its tree is, so there is one chain of tests for the whole tree:
`None if (t1 := r1[2]) is None or (t2 := r1[3]) is None else t1 * t2 + 1`. A column that passed a strict predicate is
known not to be NULL in what follows (`Scope.known`).

CPython allows 200 nested parentheses: below `DEPTH` levels an expression goes into a function of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minidb.sql import plan
from minidb.sql.compiler.emitter import ARGUMENTS, Function
from minidb.sql.compiler.pieces import NAME, PARAMETER, SIMPLE, Ready
from minidb.sql.compiler.predicates import FALSITIES, TRUTHS
from minidb.sql.compiler.scope import ColumnKey, Scope
from minidb.sql.compiler.templates import INTEGERS, special_template
from minidb.sql.compiler.values import VALUES
from minidb.sql.functions.operators import CHECKS, COMPARISONS, HELPERS
from minidb.sql.rules import walk
from minidb.sql.rules.nulls import divides

if TYPE_CHECKING:
    from minidb.sql.compiler.core import Compiler

DEPTH = 24
_HELPER = re.compile(r"\b[a-z_]\w*(?=\()")


class Expressions:
    """Translates expressions for one place in one function."""

    def __init__(
        self,
        compiler: Compiler,
        function: Function,
        scope: Scope,
        conditional: bool = False,
        hopeful: bool = False,
    ) -> None:
        self.compiler = compiler
        self.module = function.module
        self.function = function
        self.scope = scope
        self.conditional = conditional  # what is translated may never be evaluated: nothing runs ahead of it
        self.hopeful = hopeful  # NULL parameters are left to Python, too, see `hopeful`
        self.bindings: dict[str, str] = {}  # source -> name that holds it where the last predicate is true
        self._depth = 0

    # -- the three questions

    def value(self, node: plan.Expression) -> str:
        if self._depth >= DEPTH and type(node) not in (plan.Column, plan.Constant, plan.Parameter, Ready):
            return self._outlined(node)
        self._depth += 1
        try:
            return str(VALUES[type(node)](self, node))
        finally:
            self._depth -= 1

    def truth(self, node: plan.Expression) -> str:
        translate = TRUTHS.get(type(node))
        if translate is None or self._depth >= DEPTH:
            return self.value(node)
        self._depth += 1
        try:
            return str(translate(self, node))
        finally:
            self._depth -= 1

    def falsity(self, node: plan.Expression) -> str:
        translate = FALSITIES.get(type(node))
        if translate is None or self._depth >= DEPTH:
            return f"{self.value(node)} is False" if node.nullable else f"not {self.value(node)}"
        self._depth += 1
        try:
            return str(translate(self, node))
        finally:
            self._depth -= 1

    def values(self, nodes: tuple[plan.Expression, ...] | list[plan.Expression]) -> list[str]:
        return [self.value(node) for node in nodes]

    def tuple_of(self, nodes: tuple[plan.Expression, ...] | list[plan.Expression]) -> str:
        texts = self.values(nodes)
        return f"({', '.join(texts)},)" if texts else "()"

    # -- tools

    def constant(self, value: Any, prefix: str = "k") -> str:
        return self.module.constant(value, prefix)

    def temporary(self) -> str:
        return self.module.name("t")

    def nullable(self, node: plan.Expression) -> bool:
        if type(node) is plan.Column:
            return node.nullable and (node.relation, node.position) not in self.scope.known
        if type(node) is plan.Parameter:
            return node.nullable and not self.hopeful
        if type(node) is plan.Convert:
            return self.nullable(node.argument)
        return node.nullable

    def within(self, known: set[ColumnKey]) -> Expressions:
        """For code that runs only where `known` are not NULL, or perhaps never."""
        scope = self.scope.copy()
        scope.known |= known
        inner = Expressions(self.compiler, self.function, scope, conditional=True)
        inner._depth = self._depth
        return inner

    def bound(self, text: str) -> tuple[str, str]:
        """(`text` or an assignment of it to a temporary, what to call it afterwards)."""
        if SIMPLE.match(text):
            return text, text
        name = self.temporary()
        return f"({name} := {text})", name

    def _outlined(self, node: plan.Expression) -> str:
        columns = tuple(sorted(column for column in _mentioned(node) if column in self.scope.columns))
        ready = self.outline(node, columns)
        return self.value(ready)

    def outline(self, node: plan.Expression, columns: tuple[ColumnKey, ...]) -> Ready:
        """`node` as a function of `columns`."""
        names = [f"a{place}" for place in range(len(columns))]
        function = Function(self.module, self.module.name("e"), ", ".join([ARGUMENTS, *names]))
        scope = Scope(dict(zip(columns, names)), self.scope.known)
        inner = Expressions(self.compiler, function, scope, conditional=True)
        function.add(f"return {inner.value(node)}")
        self.module.add(function)
        return Ready(type=node.type, nullable=node.nullable, function=function.name, columns=columns)

    # -- strict trees

    def strict(self, node: plan.Expression, tests: dict[str, str]) -> str:
        """Source for `node` where no leaf is NULL; `tests` collects what finds a NULL: name -> what to test."""
        kind = type(node)
        if kind is plan.Convert:
            inner = self.strict(node.argument, tests)  # type: ignore[attr-defined]
            return _converted(self, node, inner)
        if kind is plan.Operator and (node.operator.template or not node.nullable):  # type: ignore[attr-defined]
            return self._operator(node, tests)  # type: ignore[arg-type]
        return self._leaf(node, tests)

    def operands(self, nodes: Sequence[plan.Expression], tests: dict[str, str]) -> list[str]:
        """Source for the operands of a strict operator. One that may divide by 0 is computed before another one's NULL
        is found: its error comes first."""
        nullable = [self.nullable(node) for node in nodes]
        hidden = [any(nullable[:at] + nullable[at + 1 :]) and divides(node) for at, node in enumerate(nodes)]
        early = {at: self._early(nodes[at], tests) for at, first in enumerate(hidden) if first}
        return [
            early[at] if first else self._leaf(node, tests) if self._depth >= DEPTH else self.strict(node, tests)
            for at, (node, first) in enumerate(zip(nodes, hidden))
        ]

    def _early(self, node: plan.Expression, tests: dict[str, str]) -> str:
        """A name for the value, which is computed where the NULLs are looked for."""
        name = self.temporary()
        tests[name] = self.value(node)
        return name

    def _leaf(self, node: plan.Expression, tests: dict[str, str]) -> str:
        text = self.value(node)
        if not self.nullable(node):
            return text
        if NAME.match(text):
            tests.setdefault(text, text)
            return text
        if not walk.is_volatile(node):  # random() - random() are two numbers
            for name, tested in tests.items():
                if tested == text:
                    return name
        name = self.temporary()
        tests[name] = text
        return name

    def _operator(self, node: plan.Operator, tests: dict[str, str]) -> str:
        node = self.shortened(node)
        operator = node.operator
        self._depth += 1
        operands = self.operands(node.arguments, tests)
        self._depth -= 1
        template = special_template(node) or operator.template
        if template is None:
            return f"{self.constant(operator.call, 'f')}({', '.join(operands)})"
        if operator.check or (operator.raises_on_nan and template is operator.template):
            repeated = [True] * len(operands)
        else:
            repeated = [template.count(f"{{{place}}}") > 1 for place in range(len(operands))]
        for place, text in enumerate(operands):
            if repeated[place] and not SIMPLE.match(text):
                operands[place] = name = self.temporary()
                tests[name] = text  # never None: this only gives it a name
        if template is operator.template and node.type.name in INTEGERS and operator.name in ("%", "/"):
            positive = self._positive_divisor(operands[1])
            if positive is not None:
                sign = "%" if operator.name == "%" else "//"
                template = positive.replace("{sign}", sign).replace("{f}", self.constant(operator.call, "f"))
        text = self.helpers(template).format(*operands)
        self.module.calculates = self.module.calculates or operator.name not in COMPARISONS
        if operator.check:
            return self._checked(operator, text, operands)
        if operator.raises_on_nan:
            return self._nan_guarded(node, text, operands)
        return text

    def shortened(self, node: plan.Operator) -> plan.Operator:
        """A long left-deep chain, cut into functions from its bottom upwards."""
        spine = [node]
        while type(spine[-1].arguments[0]) is plan.Operator:
            spine.append(spine[-1].arguments[0])
        if len(spine) < DEPTH:
            return node
        bottom: plan.Expression = spine[-1]
        for place, item in enumerate(reversed(spine[:-1]), 1):
            bottom = plan.Operator(
                type=item.type, nullable=item.nullable, operator=item.operator, arguments=(bottom, *item.arguments[1:])
            )
            if place % (DEPTH // 2) == 0 and item is not node:
                columns = tuple(sorted(c for c in _mentioned(bottom) if c in self.scope.columns))
                bottom = self.outline(bottom, columns)
        assert isinstance(bottom, plan.Operator)
        return bottom

    def _checked(self, operator: Any, text: str, operands: list[str]) -> str:
        """`text` if it is in the range of its type; `operator.call` raises the error."""
        name = self.temporary()
        test = CHECKS[operator.check].replace("{0}", f"({name} := {text})", 1).replace("{0}", name)
        return f"({name} if {test} else {self.constant(operator.call, 'f')}({', '.join(operands)}))"

    def _nan_guarded(self, node: plan.Operator, text: str, operands: list[str]) -> str:
        """Decimal's NaN raises in comparisons: `operator.call` has the answer."""
        suspects = [
            operand
            for operand, argument in zip(operands, node.arguments)
            if not (isinstance(argument, plan.Constant) and argument.value == argument.value)
        ]
        if not suspects:
            return text
        test = " and ".join(self._not_nan(operand) for operand in suspects)
        return f"({text} if {test} else {self.constant(node.operator.call, 'f')}({', '.join(operands)}))"

    def _positive_divisor(self, divisor: str) -> str | None:
        """A template for `%` and `/` by a parameter: whether it is positive is asked once."""
        if not PARAMETER.match(divisor):
            return None
        positive = self.function.hoist(f"{divisor} is not None and {divisor} > 0")
        return f"({{0}} {{sign}} {{1}} if {positive} and {{0}} >= 0 else {{f}}({{0}}, {{1}}))"

    def _not_nan(self, operand: str) -> str:
        test = f"{operand} == {operand}"
        return self.function.hoist(test) if PARAMETER.match(operand) else test

    def helpers(self, template: str) -> str:
        """`template` with the names of helper functions replaced by constants."""
        return _HELPER.sub(
            lambda m: self.constant(HELPERS[m[0]], "f") if m[0] in HELPERS else m[0],
            template,
        )


def _mentioned(node: plan.Expression) -> set[ColumnKey]:
    found = walk.columns(node)
    for item in walk.everything(node):
        if type(item) is Ready:
            found.update(item.columns)
    return found


def _converted(site: Expressions, node: Any, inner: str) -> str:
    if node.function is None:
        return inner
    return f"{site.constant(node.function, 'f')}({inner})"
