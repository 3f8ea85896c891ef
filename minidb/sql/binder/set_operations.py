"""UNION, INTERSECT, EXCEPT: operands of equal width, each column of one type.

A chain is left-deep and may be hundreds long; it is followed in a loop. Neighbouring UNIONs become one flat `UnionAll`,
with a `Distinct` above it where a UNION without ALL ends the run: what is made distinct in the end needs no distinct
before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.grouping import check_groupable
from minidb.sql.binder.scope import Scope
from minidb.sql.binder.targets import Item
from minidb.sql.binder.workspace import located
from minidb.types import TEXT, UNKNOWN, SqlType


class Operand(msgspec.Struct):
    """One side of a set operation: a query whose columns may still be untyped."""

    query: plan.Query
    places: Sequence[int]  # of its columns in the text


BindOperand = Callable[[ast.QueryBody | ast.Query, Scope], plan.Query]


def bind_set_operation(
    node: ast.SetOperation, around: Scope, bind_operand: BindOperand
) -> tuple[plan.Plan, list[Item]]:
    chain: list[ast.SetOperation] = []
    first: ast.QueryBody | ast.Query = node
    while isinstance(first, ast.SetOperation):
        chain.append(first)
        first = first.left
    chain.reverse()
    operands = [_operand(first, bind_operand, around)]
    place = 0
    while place < len(chain):
        run = _run(chain, place)
        rest = [_operand(link.right, bind_operand, around) for link in run]
        _check_widths(operands[0], rest, run)
        result = _combined(run, [operands[0], *rest], around)
        operands = [Operand(result, [node.at] * len(result.outputs))]
        place += len(run)
    return _as_body(operands[0].query)


def _operand(body: ast.QueryBody | ast.Query, bind_operand: BindOperand, around: Scope) -> Operand:
    query = bind_operand(body, around)
    places = [body.at] * len(query.outputs)
    if isinstance(body, ast.Select) and len(body.targets) == len(places):
        places = [target.at for target in body.targets]
    return Operand(query, places)


def _run(chain: Sequence[ast.SetOperation], start: int) -> list[ast.SetOperation]:
    """The operations from `start` that one node can do: UNIONs up to the last that is distinct, or one other."""
    if chain[start].operator != "union":
        return [chain[start]]
    end = start
    while end < len(chain) and chain[end].operator == "union":
        end += 1
    unions = list(chain[start:end])
    distinct = [i for i, link in enumerate(unions) if not link.all]
    return unions[: distinct[-1] + 1] if distinct else unions


def _check_widths(first: Operand, rest: Sequence[Operand], run: Sequence[ast.SetOperation]) -> None:
    width = len(first.query.outputs)
    for operand, link in zip(rest, run):
        if len(operand.query.outputs) != width:
            raise errors.SyntaxError(
                f"each {link.operator.upper()} query must have the same number of columns", position=operand.places[0]
            )


def _combined(run: Sequence[ast.SetOperation], operands: Sequence[Operand], around: Scope) -> plan.Query:
    word = run[0].operator.upper()
    first = operands[0].query
    types = tuple([_type(operands, place, word) for place in range(len(first.outputs))])
    queries = tuple([_converted(operand, types, around) for operand in operands])
    relation = around.workspace.new_relation(around.selection)
    nullables = _nullables(run[0].operator, queries)
    outputs = tuple(
        [
            plan.Output(o.name, plan.Column(relation=relation, position=i, type=t, nullable=n, name=o.name))
            for i, (o, t, n) in enumerate(zip(first.outputs, types, nullables))
        ]
    )
    result = _node(run, queries, relation, types)
    if run[0].operator == "union" and not run[-1].all:
        result = plan.Distinct(input=result, on=tuple([o.expression for o in outputs]))
    if not all(link.all for link in run):
        with located(run[-1].at):
            check_groupable([o.expression for o in outputs])
    return plan.Query(input=result, outputs=outputs)


def _node(
    run: Sequence[ast.SetOperation], queries: tuple[plan.Query, ...], relation: int, types: tuple[SqlType, ...]
) -> plan.Plan:
    if run[0].operator == "union":
        return plan.UnionAll(relation=relation, inputs=queries, types=types)
    left, right = queries
    return plan.SetOperation(
        relation=relation, kind=run[0].operator, all=run[0].all, left=left, right=right, types=types
    )


def _type(operands: Sequence[Operand], place: int, word: str) -> SqlType:
    types = [operand.query.outputs[place].expression.type for operand in operands]
    if all(kind == UNKNOWN for kind in types):
        return TEXT
    return coercion.common(types, [operand.places[place] for operand in operands], word)


def _converted(operand: Operand, types: Sequence[SqlType], around: Scope) -> plan.Query:
    return converted_query(operand.query, types, operand.places, around)


def converted_query(
    query: plan.Query, types: Sequence[SqlType], places: Sequence[int], around: Scope
) -> plan.Query:
    """The query with its columns, which stand at `places`, converted to `types`."""
    outputs = tuple(
        [
            plan.Output(o.name, coercion.coerce(o.expression, t, at, around.workspace))
            for o, t, at in zip(query.outputs, types, places)
        ]
    )
    return msgspec.structs.replace(query, outputs=outputs)


def _nullables(operator: str, queries: Sequence[plan.Query]) -> list[bool]:
    columns = zip(*[[o.expression.nullable for o in query.outputs] for query in queries])
    if operator == "union":
        return [any(flags) for flags in columns]
    if operator == "intersect":
        return [all(flags) for flags in columns]
    return [flags[0] for flags in columns]


def _as_body(query: plan.Query) -> tuple[plan.Plan, list[Item]]:
    return query.input, [Item(output.name, output.expression, -1) for output in query.outputs]
