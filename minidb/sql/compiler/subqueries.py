"""Subqueries in expressions, each a function of the columns that correlate it.

An uncorrelated one runs at most once, when it is first needed, and keeps its result in a slot as a 1-tuple:
`(s[0] or query1(rows, p, c, s))[0]`. A correlated one keeps its results by the values that it was called with, unless
it is cheaper than looking them up. IN and NOT IN ask a set (`runtime.Members`), so that they are exact about NULL.
"""

from __future__ import annotations

from collections.abc import Callable

from minidb.sql import physical, plan
from minidb.sql.compiler import runtime
from minidb.sql.compiler.clauses import For, If, leading, nest
from minidb.sql.compiler.core import Compiler, fill_list
from minidb.sql.compiler.emitter import ARGUMENTS, Function
from minidb.sql.compiler.expressions import Expressions
from minidb.sql.compiler.scope import Scope
from minidb.sql.compiler.sets import define_tables
from minidb.sql.rules import walk

MEMO_COST = 4.0  # microseconds; a cheaper subquery is run again
MEMO_SIZE = 100_000  # results kept by one subquery

Body = Callable[[Compiler, Function, physical.Query, Scope], str]


def _called(site: Expressions, query: plan.Plan, body: Body, first: int = 0) -> str:
    """Source of the result of `query`; `body` prints what computes it and returns its name."""
    assert isinstance(query, plan.Query)
    compiler = site.compiler
    node = compiler.planner.subquery(query, first)
    define_tables(compiler, node.ctes)
    arguments = compiler.outer_columns(node, site.scope)
    function, scope = compiler.new_function("query", arguments, site.scope)
    given = [site.scope.columns[column] for column in arguments]
    call = f"{function.name}({', '.join([ARGUMENTS, *given])})"
    if not arguments:
        slot = compiler.module.slot()
        result = body(compiler, function, node, scope)
        function.add(f"{slot} = ({result},)")
        function.add(f"return {slot}")
        source = f"({slot} or {call})[0]"
    elif node.cost < MEMO_COST or walk.is_volatile(query):
        function.add(f"return {body(compiler, function, node, scope)}")
        source = call
    else:
        _memoised(compiler, function, node, scope, body, len(arguments))
        source = call
    compiler.module.add(function)
    return source


def _memoised(
    compiler: Compiler, function: Function, node: physical.Query, scope: Scope, body: Body, width: int
) -> None:
    slot = compiler.module.slot()
    key = "a0" if width == 1 else f"({', '.join(f'a{place}' for place in range(width))})"
    function.add(f"memo = {slot}")
    with function.block("if memo is None:"):
        function.add(f"memo = {slot} = {{}}")
    with function.block(f"elif {key} in memo:"):
        function.add(f"return memo[{key}]")
    result = body(compiler, function, node, scope)
    with function.block(f"if len(memo) >= {MEMO_SIZE}:"):
        function.add("memo.clear()")
    function.add(f"memo[{key}] = {result}")
    function.add(f"return memo[{key}]")


# -- EXISTS -----------------------------------------------------------------------------------------------


def exists(site: Expressions, node: plan.Exists, question: str) -> str:
    text = _called(site, node.plan, _exists_body, first=1)
    return f"(not {text})" if node.negated != (question == "falsity") else text


def _exists_body(compiler: Compiler, function: Function, node: physical.Query, scope: Scope) -> str:
    inner = Function(compiler.module, compiler.module.name("found"), function.arguments)
    if isinstance(node.input, physical.Limit):
        name, arguments, _ = compiler.list_function(node.input, scope, set())
        return f"bool({name}({', '.join([ARGUMENTS, *[scope.columns[a] for a in arguments]])}))"
    clauses, _ = compiler.clauses(inner, node.input, scope, set())
    nest(inner, clauses, lambda: inner.add("return True"))
    _, loops = leading(clauses)
    if loops or any(type(clause) is If for clause in clauses):
        inner.add("return False")
    compiler.module.add(inner)
    return f"{inner.name}({function.arguments})"


# -- one value --------------------------------------------------------------------------------------------


def scalar(site: Expressions, node: plan.ScalarSubquery, question: str) -> str:
    return _called(site, node.plan, _scalar_body, first=2)


def _scalar_body(compiler: Compiler, function: Function, node: physical.Query, scope: Scope) -> str:
    listed = _print_list(compiler, function, node, scope)
    if isinstance(listed, tuple):
        return listed[0]
    return f"{compiler.module.constant(runtime.single, 'f')}({listed})"


def _print_list(compiler: Compiler, function: Function, node: physical.Query, scope: Scope) -> str | tuple[str]:
    """Prints code for the values of the first output: the name of a list, or (source of the only value,)."""
    output = node.outputs[0].expression
    wanted = walk.columns(output)
    if isinstance(node.input, physical.Limit):
        name, arguments, layout = compiler.list_function(node.input, scope, wanted)
        row = compiler.module.name("m")
        call = f"{name}({', '.join([ARGUMENTS, *[scope.columns[a] for a in arguments]])})"
        text = compiler.expressions(function, scope.unpacked(row, layout)).value(output)
        return f"[{text} for {row} in {call}]"
    clauses, inside = compiler.clauses(function, node.input, scope, wanted)
    text = compiler.expressions(function, inside).value(output)
    if not any(type(clause) is For for clause in clauses):
        name = compiler.module.name("v")
        function.add(f"{name} = None")
        nest(function, clauses, lambda: function.add(f"{name} = {text}"))
        return (name,)
    name = compiler.module.name("l")
    fill_list(function, name, clauses, text)
    return name


def row(site: Expressions, query: plan.Query) -> str:
    """The row of a subquery that may have one; a row of NULLs if it has none."""
    return _called(site, query, _row_body, first=2)


def _row_body(compiler: Compiler, function: Function, node: physical.Query, scope: Scope) -> str:
    listed = _values(compiler, function, node, scope)
    single = compiler.module.constant(runtime.single, "f")
    if len(node.outputs) == 1:
        return f"({single}({listed}),)"
    return f"({single}({listed}) or {(None,) * len(node.outputs)!r})"


def array(site: Expressions, node: plan.ArraySubquery, question: str) -> str:
    return _called(site, node.plan, _array_body)


def _array_body(compiler: Compiler, function: Function, node: physical.Query, scope: Scope) -> str:
    return f"tuple({_values(compiler, function, node, scope)})"


def _values(compiler: Compiler, function: Function, node: physical.Query, scope: Scope) -> str:
    """A list of the first output's values; a plan without loops may have no row, which is not a row of NULL."""
    wanted = walk.columns(tuple(output.expression for output in node.outputs))
    if isinstance(node.input, physical.Limit):
        listed = _print_list(compiler, function, node, scope)
        assert isinstance(listed, str)
        return listed
    clauses, inside = compiler.clauses(function, node.input, scope, wanted)
    site = compiler.expressions(function, inside)
    texts = site.values([output.expression for output in node.outputs])
    name = compiler.module.name("l")
    fill_list(function, name, clauses, texts[0] if len(texts) == 1 else f"({', '.join(texts)})")
    return name


# -- op ANY, op ALL ---------------------------------------------------------------------------------------


def quantified(site: Expressions, node: plan.QuantifiedSubquery, question: str) -> str:
    if node.single:
        return _compared(site, node, question)
    membership = (node.symbol == "=" and not node.all) or (node.symbol == "<>" and node.all)
    if membership:
        return _membership(site, node, question)
    values = _called(site, node.plan, lambda *given: _values(*given))
    helper = site.constant(runtime.all_of if node.all else runtime.any_of, "f")
    if len(node.arguments) == 1:
        call, value = node.operators[0].call, site.value(node.arguments[0])
    else:
        call, value = runtime.row_test(node.symbol, node.operators), site.tuple_of(node.arguments)
    text = f"{helper}({site.constant(call, 'f')}, {value}, {values})"
    return f"{text} is False" if question == "falsity" else text


def _compared(site: Expressions, node: plan.QuantifiedSubquery, question: str) -> str:
    """A row beside the one row of a subquery."""
    values = _called(site, node.plan, lambda *given: _values(*given), first=2)
    helper = site.constant(runtime.one_of, "f")
    call = site.constant(runtime.row_test(node.symbol, node.operators), "f")
    text = f"{helper}({call}, {site.tuple_of(node.arguments)}, {values})"
    return f"{text} is False" if question == "falsity" else text


def _membership(site: Expressions, node: plan.QuantifiedSubquery, question: str) -> str:
    members = _called(site, node.plan, _members_body)
    if len(node.arguments) == 1:
        value = site.value(node.arguments[0])
        if (question == "truth") == (node.symbol == "=") and question != "value":
            return f"{value} in {members}.whole"
        found = f"{members}.contains({value})"
    else:
        calls = site.constant(tuple([runtime.same] * len(node.arguments)))
        found = f"{members}.contains_row({calls}, {site.tuple_of(node.arguments)})"
    if question == "value":
        return found if node.symbol == "=" else f"{site.constant(runtime.negate, 'f')}({found})"
    wanted = (question == "truth") == (node.symbol == "=")
    return f"{found} is {wanted}"


def _members_body(compiler: Compiler, function: Function, node: physical.Query, scope: Scope) -> str:
    listed = _values(compiler, function, node, scope)
    return f"{compiler.module.constant(runtime.Members, 'f')}({listed}, {len(node.outputs)})"
