"""The state of aggregates: cells, shared by what they hold, and the statements that bring a row into them.

sum(x), avg(x) and count(x) need one counter and one total; a cell is known by what it holds, so that is found by
comparing sources. `prepare` allocates the cells of one aggregate and gives the source of its result.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from minidb.sql import plan
from minidb.sql.compiler import runtime
from minidb.sql.compiler.core import Compiler
from minidb.sql.compiler.emitter import Function
from minidb.sql.compiler.expressions import Expressions
from minidb.sql.compiler.sorting import sort_columns
from minidb.sql.rules import walk
from minidb.sql.rules.nulls import strict_columns
from minidb.types import numeric_add


class Cells:
    """Where the state is: `place(n)` names cell n."""

    def __init__(self, place: Callable[[int], str]) -> None:
        self.place = place
        self.initial: list[str] = []
        self.fresh: list[str] = []  # the same where no row is at hand
        self.updates: list[tuple[str, list[str]]] = []  # (test or '', statements), in order
        self.arguments: dict[str, plan.Expression] = {}  # what a key's source computes
        self._known: dict[tuple[str, ...], int] = {}

    def known(self) -> list[tuple[str, str]]:
        """What each cell holds, in their order: the kind, and the source of its values ('': rows)."""
        return [(key[0], key[1]) for key in self._known]

    def cell(self, key: tuple[str, ...], initial: str, fresh: str | None = None) -> tuple[str, bool]:
        """(the cell that holds `key`, whether it is new)."""
        number = self._known.get(key)
        if number is not None:
            return self.place(number), False
        number = self._known[key] = len(self.initial)
        self.initial.append(initial)
        self.fresh.append(initial if fresh is None else fresh)
        return self.place(number), True

    def update(self, test: str, statement: str) -> None:
        if self.updates and self.updates[-1][0] == test:
            self.updates[-1][1].append(statement)
        else:
            self.updates.append((test, [statement]))


def prepare(compiler: Compiler, site: Expressions, cells: Cells, call: plan.AggregateCall) -> str:
    """Allocates the cells of one aggregate and its updates; returns the source of its result."""
    test = ""
    if call.filter is not None:
        test = f"({site.truth(call.filter)})"  # others are joined to it by `and`
        inner = site.scope.copy()
        inner.known |= strict_columns(call.filter)
        site = Expressions(compiler, site.function, inner, conditional=True)
    if call.order_by or call.aggregate.ordered_set:
        return _ordered(compiler, site, cells, call, test)
    tests = [test] if test else []
    texts = []
    for argument in call.arguments:
        text = site.value(argument)
        if call.aggregate.strict and (site.nullable(argument) or counts_what_may_raise(call)):
            text = _tested(site, text, tests)
        texts.append(text)
    if call.distinct:
        return _distinct(compiler, site, cells, call, texts, tests)
    key = "\n".join([*texts, test])
    if len(call.arguments) == 1:
        cells.arguments[key] = call.arguments[0]
    return _steps(site, cells, call, texts, " and ".join(tests), key)


def counts_what_may_raise(call: plan.AggregateCall) -> bool:
    """Whether the argument must be computed for its errors: count(1 / a) is not count(*), though `a` is never NULL."""
    argument = walk.strip_relabel(call.arguments[0]) if call.aggregate.kind == "count" else None
    return argument is not None and not isinstance(argument, plan.Column | plan.Constant | plan.Parameter)


def _tested(site: Expressions, text: str, tests: list[str]) -> str:
    if text.isidentifier() or text.endswith("]"):
        tests.append(f"{text} is not None")
        return text
    name = site.temporary()
    tests.append(f"({name} := {text}) is not None")
    return name


def _distinct(
    compiler: Compiler, site: Expressions, cells: Cells, call: plan.AggregateCall, texts: list[str], tests: list[str]
) -> str:
    """Values that the group has had already are passed over."""
    value = texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
    counting = call.aggregate.kind == "count"
    seen, new = cells.cell(("distinct", value, *tests, "" if counting else str(len(cells.initial))), "set()")
    if counting:
        if new:
            cells.update(" and ".join(tests), f"{seen}.add({value})")
        return f"len({seen})"
    name = site.temporary()
    tests = [*tests, f"({name} := {value}) not in {seen}"]
    inner = Cells(cells.place)
    inner.initial, inner.fresh, inner._known = cells.initial, cells.fresh, cells._known
    inner_texts = [name] if len(texts) == 1 else [f"{name}[{place}]" for place in range(len(texts))]
    key = f"distinct {value} {call.aggregate.name} {len(cells.initial)}"
    result = _steps(site, inner, call, inner_texts, "", key)
    test = " and ".join(tests)
    for inner_test, statements in inner.updates:
        for statement in statements:
            cells.update(test, f"if {inner_test}: {statement}" if inner_test else statement)
    cells.update(test, f"{seen}.add({name})")
    return result


def _steps(site: Expressions, cells: Cells, call: plan.AggregateCall, texts: list[str], test: str, key: str) -> str:
    kind = call.aggregate.kind
    value = texts[0] if texts else ""

    def cell(what: str, initial: str, statement: str, also: str = "") -> str:
        name, new = cells.cell((what, key if value or test else ""), initial)
        if new:
            tests = " and ".join(part for part in (test, also.replace("{c}", name)) if part)
            cells.update(tests, statement.replace("{c}", name))
        return name

    if kind in ("count_star", "count"):
        if kind == "count" and not test:  # never NULL: the same as count(*)
            name, new = cells.cell(("count", ""), "0")
            if new:
                cells.update("", f"{name} += 1")
            return name
        return cell("count", "0", "{c} += 1")
    if kind in ("min", "max"):
        sign = "<" if kind == "min" else ">"
        return cell(kind, "None", f"{{c}} = {value}", f"({{c}} is None or {value} {sign} {{c}})")
    if kind in ("min_numeric", "min_float"):
        better = f"({{c}} is None or {value} == {value} and ({{c}} != {{c}} or {value} < {{c}}))"
        return cell(kind, "None", f"{{c}} = {value}", better)
    if kind in ("max_numeric", "max_float"):
        better = f"({{c}} is None or {{c}} == {{c}} and ({value} != {value} or {value} > {{c}}))"
        return cell(kind, "None", f"{{c}} = {value}", better)
    if kind in ("bool_and", "bool_or"):
        skip = "False" if kind == "bool_and" else "True"
        return cell(kind, "None", f"{{c}} = {value}", f"{{c}} is not {skip}")
    final = site.constant(call.aggregate.final, "f")
    if kind.startswith(("sum_", "avg_")):
        if test or call.distinct:
            count = cell("count", "0", "{c} += 1")
        else:  # counted with the rows
            count, new = cells.cell(("count", ""), "0")
            if new:
                cells.update("", f"{count} += 1")
        if kind.endswith("numeric"):
            total = cell("numeric", "0", f"{{c}} = {site.constant(numeric_add, 'f')}({{c}}, {value})")
        else:
            total = cell("total", "0", f"{{c}} += {value}")
        return f"{final}([{count}, {total}])"
    step = site.constant(call.aggregate.step, "f")
    initial = f"{site.constant(call.aggregate.init, 'f')}()"
    name, _ = cells.cell(("general", str(len(cells.initial))), initial)
    cells.update(test, f"{name} = {step}({', '.join([name, *texts])})")
    return f"{final}({name})"


def _ordered(compiler: Compiler, site: Expressions, cells: Cells, call: plan.AggregateCall, test: str) -> str:
    """Rows are kept with their sort keys and fed to the aggregate in order, when the group is complete."""
    direct = call.arguments[: call.aggregate.direct] if call.aggregate.ordered_set else ()
    arguments = call.arguments[call.aggregate.direct :] if call.aggregate.ordered_set else call.arguments
    keys = [key.expression for key in call.order_by]
    tests = [test] if test else []
    texts = []
    for argument in arguments:
        text = site.value(argument)
        if call.aggregate.strict and site.nullable(argument):
            text = _tested(site, text, tests)
        texts.append(text)
    row = f"({', '.join([*texts, *site.values(keys)])},)"
    name, _ = cells.cell(("ordered", str(len(cells.initial))), "[]")
    cells.update(" and ".join(tests), f"{name}.append({row})")
    columns = site.constant(tuple(sort_columns(call.order_by, range(len(texts), len(texts) + len(keys)))))
    finish = site.constant(runtime.finish_ordered, "f")
    aggregate = site.constant(call.aggregate, "f")
    given = []
    for expression in direct:
        text = site.value(expression)
        fresh = "None" if walk.columns(expression) else text
        held, _ = cells.cell(("direct", str(len(cells.initial))), text, fresh)
        given.append(held)
    extra = f"({', '.join(given)},)" if given else "()"
    return f"{finish}({aggregate}, {name}, {columns}, {len(texts)}, {call.distinct}, {extra})"


def print_updates(function: Function, cells: Cells) -> None:
    for test, statements in _with_locals(function, cells.updates):
        if test:
            with function.block(f"if {test}:"):
                for statement in statements:
                    function.add(statement)
        else:
            for statement in statements:
                function.add(statement)


_SUBSCRIPT = re.compile(r"\b(?:r|m)\d+\[\d+\]")


def _with_locals(function: Function, updates: list[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    """`updates` with values of the row that occur more than once read into locals first."""
    text = "\n".join(part for test, statements in updates for part in (test, *statements))
    counts = Counter(_SUBSCRIPT.findall(text))
    names = {}
    for subscript, count in counts.items():
        if count > 1:
            names[subscript] = function.module.name("v")
            function.add(f"{names[subscript]} = {subscript}")
    if not names:
        return updates

    def renamed(part: str) -> str:
        return _SUBSCRIPT.sub(lambda match: names.get(match[0], match[0]), part)

    return [(renamed(test), [renamed(statement) for statement in statements]) for test, statements in updates]
