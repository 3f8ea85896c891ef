"""Expressions as values: one translation per kind of expression, NULL being None."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidb.sql import plan
from minidb.sql.compiler import runtime
from minidb.sql.compiler.pieces import SIMPLE, Ready, unless_null
from minidb.sql.compiler.templates import pattern_call
from minidb.sql.rules.nulls import strict_columns

if TYPE_CHECKING:
    from minidb.sql.compiler.expressions import Expressions


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
    return unless_null(tests, body)


def _value_leaf_operator(site: Expressions, node: plan.Operator) -> str:
    found = pattern_call(node)
    if found is not None:
        text = _strict_call(site, found[0], [node.arguments[0]], [], "not " if found[1] else "")
        return text
    if node.operator.template or not node.nullable:
        return _value_strict(site, node)
    return _strict_call(site, node.operator.call, list(node.arguments), [])


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
    operands = site.operands(arguments, tests)
    body = f"{prefix}{site.constant(call, 'f')}({', '.join([*before, *operands])})"
    if prefix:
        body = f"({body})"
    return unless_null(tests, body)


def _template_call(site: Expressions, node: plan.Call) -> str:
    tests: dict[str, str] = {}
    operands = site.operands(node.arguments, tests)
    template = node.function.template
    for place, text in enumerate(operands):
        if template.count(f"{{{place}}}") > 1 and not SIMPLE.match(text):
            operands[place] = name = site.temporary()
            tests[name] = text
    body = f"({site.helpers(template).format(*operands)})"
    return unless_null(tests, body)


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
    parts: list[str] = []
    place = site
    for argument in node.arguments[:-1]:
        if not place.nullable(argument):
            return f"({' '.join(parts)} {place.value(argument)})"
        text, name = place.bound(place.value(argument))
        parts.append(f"{name} if {text} is not None else")
        place = site.within(set())
    return f"({' '.join(parts)} {place.value(node.arguments[-1])})"


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


def _value_subquery(site: Expressions, node: plan.Expression) -> str:
    return site.compiler.subqueries[type(node)](site, node, "value")


VALUES: dict[type, Any] = {
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
