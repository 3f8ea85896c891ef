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
from typing import TYPE_CHECKING, Any

import msgspec

from minidb import errors
from minidb.sql import plan
from minidb.sql.compiler import runtime
from minidb.sql.compiler.emitter import ARGUMENTS, Function
from minidb.sql.compiler.scope import ColumnKey, Scope
from minidb.sql.functions import compile_like
from minidb.sql.functions.operators import CHECKS, COMPARISONS, HELPERS
from minidb.sql.rules import walk
from minidb.sql.rules.nulls import is_strict, strict_columns

if TYPE_CHECKING:
    from minidb.sql.compiler.core import Compiler

DEPTH = 24
_SIMPLE = re.compile(r"[a-z]\w*\Z|[a-z]\w*\[\d+\]\Z|\(?-?\d+\)?\Z")
_NAME = re.compile(r"[a-z]\w*\Z")
_PARAMETER = re.compile(r"p\d+\Z")
_HELPER = re.compile(r"\b[a-z_]\w*(?=\()")


class Ready(plan.Expression, frozen=True, kw_only=True):
    """A part of an expression that is already a function, called with `columns`."""

    function: str
    columns: tuple[ColumnKey, ...]


class Expressions:
    """Translates expressions for one place in one function."""

    def __init__(self, compiler: Compiler, function: Function, scope: Scope, conditional: bool = False) -> None:
        self.compiler = compiler
        self.module = function.module
        self.function = function
        self.scope = scope
        self.conditional = conditional  # what is translated may never be evaluated: nothing runs ahead of it
        self.bindings: dict[str, str] = {}  # source -> name that holds it where the last predicate is true
        self._depth = 0

    # -- the three questions

    def value(self, node: plan.Expression) -> str:
        if self._depth >= DEPTH and type(node) not in (plan.Column, plan.Constant, plan.Parameter, Ready):
            return self._outlined(node)
        self._depth += 1
        try:
            return str(_VALUES[type(node)](self, node))
        finally:
            self._depth -= 1

    def truth(self, node: plan.Expression) -> str:
        translate = _TRUTHS.get(type(node))
        if translate is None or self._depth >= DEPTH:
            return self.value(node)
        self._depth += 1
        try:
            return str(translate(self, node))
        finally:
            self._depth -= 1

    def falsity(self, node: plan.Expression) -> str:
        translate = _FALSITIES.get(type(node))
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
        if _SIMPLE.match(text):
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

    def _leaf(self, node: plan.Expression, tests: dict[str, str]) -> str:
        text = self.value(node)
        if not self.nullable(node):
            return text
        if _NAME.match(text):
            tests.setdefault(text, text)
            return text
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
        operands = [self._leaf(a, tests) if self._depth >= DEPTH else self.strict(a, tests) for a in node.arguments]
        self._depth -= 1
        template = special_template(node) or operator.template
        if template is None:
            return f"{self.constant(operator.call, 'f')}({', '.join(operands)})"
        if operator.check or (operator.raises_on_nan and template is operator.template):
            repeated = [True] * len(operands)
        else:
            repeated = [template.count(f"{{{place}}}") > 1 for place in range(len(operands))]
        for place, text in enumerate(operands):
            if repeated[place] and not _SIMPLE.match(text):
                operands[place] = name = self.temporary()
                tests[name] = text  # never None: this only gives it a name
        if template is operator.template and node.type.name in _INTEGERS and operator.name in ("%", "/"):
            positive = self._positive_divisor(operands[1])
            if positive is not None:
                sign = "%" if operator.name == "%" else "//"
                template = positive.replace("{sign}", sign).replace("{f}", self.constant(operator.call, "f"))
        text = self._helpers(template).format(*operands)
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
        if not _PARAMETER.match(divisor):
            return None
        positive = self.function.hoist(f"{divisor} is not None and {divisor} > 0")
        return f"({{0}} {{sign}} {{1}} if {positive} and {{0}} >= 0 else {{f}}({{0}}, {{1}}))"

    def _not_nan(self, operand: str) -> str:
        test = f"{operand} == {operand}"
        return self.function.hoist(test) if _PARAMETER.match(operand) else test

    def _helpers(self, template: str) -> str:
        """`template` with the names of helper functions replaced by constants."""
        return _HELPER.sub(
            lambda m: self.constant(HELPERS[m[0]], "f") if m[0] in HELPERS else m[0],
            template,
        )


def special_template(node: plan.Operator) -> str | None:
    """A shorter template where a constant allows one: `%` and `/` of integers by a positive constant."""
    if node.operator.name in ("%", "/") and node.type.name in _INTEGERS:
        divisor = node.arguments[1]
        if isinstance(divisor, plan.Constant) and isinstance(divisor.value, int) and divisor.value > 0:
            if node.operator.name == "%":
                return "({0} % {1} if {0} >= 0 else -(-{0} % {1}))"
            return "({0} // {1} if {0} >= 0 else -(-{0} // {1}))"
    if len(node.arguments) == 2 and node.operator.name in _NOT_NAN:
        right = node.arguments[1]
        if (
            node.arguments[0].type.name in _MAY_BE_NAN
            and isinstance(right, plan.Constant)
            and right.value == right.value
        ):
            return _NOT_NAN[node.operator.name]
    return None


_INTEGERS = ("smallint", "integer", "bigint")
_MAY_BE_NAN = ("real", "double precision")
_NOT_NAN = {  # the right side is no NaN
    "=": "({0} == {1})",
    "<": "({0} < {1})",
    "<=": "({0} <= {1})",
    ">": "({0} > {1} or {0} != {0})",
    ">=": "({0} >= {1} or {0} != {0})",
}


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


# -- values -----------------------------------------------------------------------------------------------


def _value_constant(site: Expressions, node: plan.Constant) -> str:
    return site.constant(node.value)


def _value_parameter(site: Expressions, node: plan.Parameter) -> str:
    return site.function.parameter(node.index)


def _value_column(site: Expressions, node: plan.Column) -> str:
    return site.scope.columns[node.relation, node.position]


def _value_ready(site: Expressions, node: Ready) -> str:
    return f"{node.function}({', '.join(['rows, p, c, s', *[site.scope.columns[c] for c in node.columns]])})"


def _value_strict(site: Expressions, node: plan.Expression) -> str:
    tests: dict[str, str] = {}
    body = site.strict(node, tests)
    if not tests:
        return body
    return f"(None if {' or '.join(_is_none(n, t) for n, t in tests.items())} else {body})"


def _pattern_call(node: plan.Operator) -> tuple[Any, bool] | None:
    """(the test that a constant LIKE pattern or regular expression comes to, whether it is negated)."""
    if len(node.arguments) != 2 or not isinstance(node.arguments[1], plan.Constant):
        return None
    pattern = node.arguments[1].value
    name = node.operator.name
    if not isinstance(pattern, str) or name not in ("~~", "!~~", "~~*", "!~~*"):
        return None
    try:
        return compile_like(pattern, insensitive=name.endswith("*")), name.startswith("!")
    except errors.Error:
        return None  # raised when it is used


def _value_leaf_operator(site: Expressions, node: plan.Operator) -> str:
    found = _pattern_call(node)
    if found is not None:
        text = _strict_call(site, found[0], [node.arguments[0]], [], "not " if found[1] else "")
        return text
    if node.operator.template or not node.nullable:
        return _value_strict(site, node)
    return _strict_call(site, node.operator.call, list(node.arguments), [])


def _is_none(name: str, text: str) -> str:
    return f"{name} is None" if name == text else f"({name} := {text}) is None"


def _is_some(name: str, text: str) -> str:
    return f"{name} is not None" if name == text else f"({name} := {text}) is not None"


def _value_call(site: Expressions, node: plan.Call) -> str:
    function = node.function
    before = []
    if function.needs_context:
        before.append("c")
    if function.needs_types:
        before.append(site.constant(tuple([argument.type for argument in node.arguments])))
    if function.strict and function.template is None:
        return _strict_call(site, function.call, list(node.arguments), before)
    if function.strict:
        return _template_call(site, node)
    called = site.constant(function.call, "f")
    return f"{called}({', '.join([*before, *site.values(node.arguments)])})"


def _strict_call(
    site: Expressions, call: Any, arguments: list[plan.Expression], before: list[str], prefix: str = ""
) -> str:
    tests: dict[str, str] = {}
    operands = [site.strict(argument, tests) for argument in arguments]
    body = f"{prefix}{site.constant(call, 'f')}({', '.join([*before, *operands])})"
    if prefix:
        body = f"({body})"
    if not tests:
        return body
    return f"(None if {' or '.join(_is_none(n, t) for n, t in tests.items())} else {body})"


def _template_call(site: Expressions, node: plan.Call) -> str:
    tests: dict[str, str] = {}
    operands = [site.strict(argument, tests) for argument in node.arguments]
    template = node.function.template
    for place, text in enumerate(operands):
        if template.count(f"{{{place}}}") > 1 and not _SIMPLE.match(text):
            operands[place] = name = site.temporary()
            tests[name] = text
    body = f"({site._helpers(template).format(*operands)})"
    if not tests:
        return body
    return f"(None if {' or '.join(_is_none(n, t) for n, t in tests.items())} else {body})"


def _value_logic(site: Expressions, node: plan.Expression) -> str:
    """AND, OR, NOT and the like as a value: TRUE, FALSE or NULL."""
    if not node.nullable:
        return f"bool({site.truth(node)})"
    return f"(True if {site.truth(node)} else False if {site.falsity(node)} else None)"


def _value_test(site: Expressions, node: plan.Expression) -> str:
    return f"({site.truth(node)})"


def _value_case(site: Expressions, node: plan.Case) -> str:
    parts = []
    for number, (condition, result) in enumerate(node.branches):
        test = (site if number == 0 else site.within(set())).truth(condition)
        parts.append(f"{site.within(strict_columns(condition)).value(result)} if {test} else")
    otherwise = site.within(set()).value(node.otherwise) if node.otherwise is not None else "None"
    return f"({' '.join(parts)} {otherwise})"


def _value_coalesce(site: Expressions, node: plan.Coalesce) -> str:
    parts = []
    for number, argument in enumerate(node.arguments[:-1]):
        place = site if number == 0 else site.within(set())
        text, name = place.bound(place.value(argument))
        parts.append(f"{name} if {text} is not None else")
    return f"({' '.join(parts)} {site.within(set()).value(node.arguments[-1])})"


def _value_nullif(site: Expressions, node: plan.NullIf) -> str:
    return f"(None if {site.truth(node.equal)} else {site.value(node.left)})"


def _value_extremum(site: Expressions, node: plan.Extremum) -> str:
    function = runtime.greatest if node.greatest else runtime.least
    return f"{site.constant(function, 'f')}({site.tuple_of(node.arguments)})"


def _value_row(site: Expressions, node: plan.RowValue) -> str:
    return site.tuple_of(node.arguments)


def _value_array(site: Expressions, node: plan.ArrayLiteral) -> str:
    return site.tuple_of(node.items)


def _value_quantified_array(site: Expressions, node: plan.QuantifiedArray) -> str:
    call = site.constant(node.operator.call, "f")
    helper = site.constant(runtime.all_of if node.all else runtime.any_of, "f")
    return f"{helper}({call}, {site.value(node.argument)}, {site.value(node.array)})"


# -- truth and falsity ------------------------------------------------------------------------------------


def _joined(site: Expressions, node: Any, word: str, ask: str, true_terms: bool) -> str:
    """The terms with `word` between them; each knows what the terms before it decided."""
    known: set[ColumnKey] = set()
    texts = []
    for number, term in enumerate(node.arguments):
        place = site.within(known) if number else site
        text = getattr(place, ask)(term)
        texts.append(f"({text})")
        if true_terms:
            known |= strict_columns(term)
    return f" {word} ".join(texts)


def _truth_and(site: Expressions, node: plan.And) -> str:
    return _joined(site, node, "and", "truth", True)


def _falsity_and(site: Expressions, node: plan.And) -> str:
    return _joined(site, node, "or", "falsity", False)


def _truth_or(site: Expressions, node: plan.Or) -> str:
    return _joined(site, node, "or", "truth", False)


def _falsity_or(site: Expressions, node: plan.Or) -> str:
    return _joined(site, node, "and", "falsity", False)


def _truth_not(site: Expressions, node: plan.Not) -> str:
    return site.falsity(node.argument)


def _falsity_not(site: Expressions, node: plan.Not) -> str:
    return site.truth(node.argument)


def _truth_strict(site: Expressions, node: plan.Expression) -> str:
    if isinstance(node, plan.Operator):
        equality = _equality(site, node)
        if equality is not None:
            return equality
    tests: dict[str, str] = {}
    body = _predicate_body(site, node, tests)
    if site._depth == 1:  # the whole predicate: where it is true, every test was made
        site.bindings.update({text: name for name, text in tests.items()})
    return " and ".join([_is_some(name, text) for name, text in tests.items()] + [body])


def _predicate_body(site: Expressions, node: plan.Expression, tests: dict[str, str]) -> str:
    found = _pattern_call(node) if isinstance(node, plan.Operator) else None
    if found is None:
        return site.strict(node, tests)
    operand = site.strict(node.arguments[0], tests)  # type: ignore[attr-defined]
    return f"({'not ' if found[1] else ''}{site.constant(found[0], 'f')}({operand}))"


def _falsity_strict(site: Expressions, node: plan.Expression) -> str:
    tests: dict[str, str] = {}
    body = _predicate_body(site, node, tests)
    return " and ".join([_is_some(name, text) for name, text in tests.items()] + [f"not {body}"])


def _equality(site: Expressions, node: plan.Operator) -> str | None:
    """`=` where one side is a leaf: None equals nothing but None, so one side's test is enough."""
    if node.operator.name != "=" or (special_template(node) or node.operator.template) != "({0} == {1})":
        return None
    left, right = node.arguments
    for leaf, other in ((left, right), (right, left)):
        bare = walk.strip_relabel(leaf)
        if isinstance(bare, plan.Column | plan.Parameter) and site.nullable(bare):
            tests: dict[str, str] = {}
            text = site.strict(other, tests)
            return " and ".join([_is_some(n, t) for n, t in tests.items()] + [f"{site.value(bare)} == {text}"])
    return None


def _truth_null(site: Expressions, node: plan.IsNull) -> str:
    if is_strict(node.argument):
        tests: dict[str, str] = {}
        body = site.strict(node.argument, tests)  # evaluated, too: it may raise
        if node.negated:
            return " and ".join([_is_some(n, t) for n, t in tests.items()] + [f"{body} is not None"])
        return " or ".join([_is_none(n, t) for n, t in tests.items()] + [f"{body} is None"])
    return f"{site.value(node.argument)} is {'not ' if node.negated else ''}None"


def _negation(site: Expressions, node: plan.Expression) -> str:
    return f"not ({site.truth(node)})"


def _truth_istruth(site: Expressions, node: plan.IsTruth) -> str:
    if node.truth is None:
        return f"{site.value(node.argument)} is {'not ' if node.negated else ''}None"
    text = site.truth(node.argument) if node.truth else site.falsity(node.argument)
    return f"not ({text})" if node.negated else text


def _truth_distinct(site: Expressions, node: plan.IsDistinct) -> str:
    left, right = site.value(node.left), site.value(node.right)
    if node.left.type.name in ("real", "double precision", "numeric"):
        text = f"{site.constant(runtime.same, 'f')}({left}, {right})"
        return text if node.negated else f"not {text}"
    return f"{left} {'==' if node.negated else '!='} {right}"


def _constant_items(node: plan.InList) -> bool:
    return all(isinstance(item, plan.Constant | plan.Parameter) for item in node.items)


def _in_set(site: Expressions, node: plan.InList) -> tuple[str, bool]:
    """(source of a container of the items that are not NULL, whether there may be a NULL among them)."""
    nulls = any(isinstance(i, plan.Constant) and i.value is None for i in node.items)
    items = [i for i in node.items if not (isinstance(i, plan.Constant) and i.value is None)]
    if all(isinstance(item, plan.Constant) for item in items):
        return site.constant(frozenset([item.value for item in items])), nulls  # type: ignore[attr-defined]
    nulls = nulls or any(site.nullable(item) for item in items)
    if _constant_items(node):
        return site.function.hoist(f"{{{', '.join(site.values(items))}}}"), nulls
    return f"({', '.join(site.values(items))},)", nulls


def _truth_in(site: Expressions, node: plan.InList) -> str:
    if node.negated:
        return _not_in(site, node)
    container, nulls = _in_set(site, node)
    text, name = site.bound(site.value(node.argument))
    if not site.nullable(node.argument) or (not nulls and _constant_items(node)):
        return f"{text} in {container}"
    return f"{text} is not None and {name} in {container}"


def _not_in(site: Expressions, node: plan.InList) -> str:
    """`x NOT IN (...)` is true if x is not NULL, differs from every item, and no item is NULL."""
    if any(isinstance(item, plan.Constant) and item.value is None for item in node.items):
        return "False"
    container, nulls = _in_set(site, node)
    text, name = site.bound(site.value(node.argument))
    parts = [f"{text} is not None"] if site.nullable(node.argument) else []
    if nulls:
        held = site.temporary()
        parts.append(f"None not in ({held} := {container})")
        container = held
    parts.append(f"{name if parts and site.nullable(node.argument) else text} not in {container}")
    return " and ".join(parts)


def _falsity_in(site: Expressions, node: plan.InList) -> str:
    return _truth_in(site, msgspec.structs.replace(node, negated=not node.negated))


def _value_subquery(site: Expressions, node: plan.Expression) -> str:
    return site.compiler.subqueries[type(node)](site, node, "value")


def _truth_subquery(site: Expressions, node: plan.Expression) -> str:
    return site.compiler.subqueries[type(node)](site, node, "truth")


def _falsity_subquery(site: Expressions, node: plan.Expression) -> str:
    return site.compiler.subqueries[type(node)](site, node, "falsity")


_VALUES: dict[type, Any] = {
    plan.Constant: _value_constant,
    plan.Parameter: _value_parameter,
    plan.Column: _value_column,
    Ready: _value_ready,
    plan.Operator: _value_leaf_operator,
    plan.Convert: _value_strict,
    plan.Call: _value_call,
    plan.And: _value_logic,
    plan.Or: _value_logic,
    plan.Not: _value_logic,
    plan.InList: _value_logic,
    plan.IsNull: _value_test,
    plan.IsTruth: _value_logic,
    plan.IsDistinct: _value_test,
    plan.Case: _value_case,
    plan.Coalesce: _value_coalesce,
    plan.NullIf: _value_nullif,
    plan.Extremum: _value_extremum,
    plan.RowValue: _value_row,
    plan.ArrayLiteral: _value_array,
    plan.QuantifiedArray: _value_quantified_array,
    plan.Exists: _value_subquery,
    plan.ScalarSubquery: _value_subquery,
    plan.ArraySubquery: _value_subquery,
    plan.QuantifiedSubquery: _value_subquery,
}
_TRUTHS: dict[type, Any] = {
    plan.And: _truth_and,
    plan.Or: _truth_or,
    plan.Not: _truth_not,
    plan.Operator: _truth_strict,
    plan.IsNull: _truth_null,
    plan.IsTruth: _truth_istruth,
    plan.IsDistinct: _truth_distinct,
    plan.InList: _truth_in,
    plan.Exists: _truth_subquery,
    plan.QuantifiedSubquery: _truth_subquery,
}
_FALSITIES: dict[type, Any] = {
    plan.And: _falsity_and,
    plan.Or: _falsity_or,
    plan.Not: _falsity_not,
    plan.Operator: _falsity_strict,
    plan.InList: _falsity_in,
    plan.IsNull: _negation,
    plan.IsTruth: _negation,
    plan.IsDistinct: _negation,
    plan.Exists: _falsity_subquery,
    plan.QuantifiedSubquery: _falsity_subquery,
}
