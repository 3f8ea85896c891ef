"""Expressions as predicates: what is true exactly where they are TRUE, or FALSE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from minidb.sql import plan
from minidb.sql.compiler import runtime
from minidb.sql.compiler.pieces import PARAMETER, SIMPLE, is_none, where_present
from minidb.sql.compiler.scope import ColumnKey
from minidb.sql.compiler.templates import INTEGERS, pattern_call, special_template
from minidb.sql.rules import walk
from minidb.sql.rules.nulls import is_strict, strict_columns

if TYPE_CHECKING:
    from minidb.sql.compiler.expressions import Expressions


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
        equality = _modulo_equality(site, node) or _equality(site, node)
        if equality is not None:
            return equality
    tests: dict[str, str] = {}
    body = _predicate_body(site, node, tests)
    if site._depth == 1:  # the whole predicate: where it is true, every test was made
        site.bindings.update({text: name for name, text in tests.items()})
    return where_present(tests, body)


def _predicate_body(site: Expressions, node: plan.Expression, tests: dict[str, str]) -> str:
    found = pattern_call(node) if isinstance(node, plan.Operator) else None
    if found is None:
        return site.strict(node, tests)
    operand = site.strict(node.arguments[0], tests)  # type: ignore[attr-defined]
    return f"({'not ' if found[1] else ''}{site.constant(found[0], 'f')}({operand}))"


def _falsity_strict(site: Expressions, node: plan.Expression) -> str:
    tests: dict[str, str] = {}
    body = _predicate_body(site, node, tests)
    return where_present(tests, f"not {body}")


def _modulo_equality(site: Expressions, node: plan.Operator) -> str | None:
    """`x % p = q` of integers: where p and q are positive, x is not negative, and Python's own `%` is right."""
    left, right = node.arguments if len(node.arguments) == 2 else (node, node)
    if node.operator.name != "=" or not isinstance(left, plan.Operator) or left.operator.name != "%":
        return None
    if left.type.name not in INTEGERS or not isinstance(right, plan.Constant | plan.Parameter):
        return None
    dividend, divisor = left.arguments
    if not isinstance(divisor, plan.Constant | plan.Parameter):
        return None
    parts = [_positive(site, operand) for operand in (divisor, right)]
    if any(part is None for part in parts):
        return None
    tests: dict[str, str] = {}
    value = site.strict(dividend, tests)
    if not SIMPLE.match(value):
        name = site.temporary()
        tests[name] = value
        value = name
    by, rest = site.value(divisor), site.value(right)
    text = f"{value} % {by} == {rest} and {value} >= 0"
    asked = " and ".join(part for part in parts if part)
    if asked:
        positive = site.function.hoist(asked)
        call = site.constant(left.operator.call, "f")
        nulls = [f"{operand} is not None" for operand in (by, rest) if PARAMETER.match(operand)]
        otherwise = " and ".join([*nulls, f"{call}({value}, {by}) == {rest}"])
        text = f"({text} if {positive} else {otherwise})"
    if site._depth == 1:
        site.bindings.update({source: name for name, source in tests.items()})
    return where_present(tests, text)


def _positive(site: Expressions, operand: plan.Expression) -> str | None:
    """What must be asked at run time for the operand to be positive; '' if it is, None if it is not."""
    if isinstance(operand, plan.Constant):
        return "" if isinstance(operand.value, int) and operand.value > 0 else None
    text = site.value(operand)
    return f"{text} is not None and {text} > 0"


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
            return where_present(tests, f"{site.value(bare)} == {text}")
    return None


def _truth_null(site: Expressions, node: plan.IsNull) -> str:
    if isinstance(node.argument, plan.Constant):
        return str((node.argument.value is None) != node.negated)
    if is_strict(node.argument):
        tests: dict[str, str] = {}
        body = site.strict(node.argument, tests)  # evaluated, too: it may raise
        if node.negated:
            return where_present(tests, f"{body} is not None")
        return " or ".join([is_none(n, t) for n, t in tests.items()] + [f"{body} is None"])
    return f"{site.value(node.argument)} is {'not ' if node.negated else ''}None"


def _negation(site: Expressions, node: plan.Expression) -> str:
    return f"not ({site.truth(node)})"


def _truth_istruth(site: Expressions, node: plan.IsTruth) -> str:
    if node.truth is None:
        if isinstance(node.argument, plan.Constant):
            return str((node.argument.value is None) != node.negated)
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


def _truth_subquery(site: Expressions, node: plan.Expression) -> str:
    return site.compiler.subqueries[type(node)](site, node, "truth")


def _falsity_subquery(site: Expressions, node: plan.Expression) -> str:
    return site.compiler.subqueries[type(node)](site, node, "falsity")


TRUTHS: dict[type, Any] = {
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
FALSITIES: dict[type, Any] = {
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
