"""Bound plans as indented text, for golden files: one operator a line, expressions in a compact notation.

`r3.a` is column `a` of relation 3; `!` behind a column says that it cannot be NULL; `x -> type` is a conversion.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minidb.sql import plan
from minidb.types import to_text


def plan_text(root: plan.Plan) -> str:
    return "\n".join(_lines(root, 0))


def _lines(node: plan.Plan, depth: int) -> Iterator[str]:
    yield "  " * depth + _head(node)
    for cte in getattr(node, "ctes", ()):
        yield "  " * (depth + 1) + f"with {cte.number} {cte.name}{_materialized(cte)}"
        yield from _lines(cte.plan, depth + 2)
    for name in node.__struct_fields__:
        value = getattr(node, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, plan.Plan):
                yield from _lines(part, depth + 1)
            else:
                for subplan in _subplans(part):
                    yield "  " * (depth + 1) + "subquery"
                    yield from _lines(subplan, depth + 2)


def _materialized(cte: plan.Cte) -> str:
    return {None: "", True: " materialized", False: " not materialized"}[cte.materialized]


def _subplans(part: Any) -> list[plan.Plan]:
    stack, found = [part], []
    while stack:
        value = stack.pop(0)
        if isinstance(value, plan.Plan):
            found.append(value)
        elif isinstance(value, tuple):
            stack = list(value) + stack
        elif type(value).__module__ == plan.__name__ and not isinstance(value, plan.Cte):
            stack = [getattr(value, name) for name in value.__struct_fields__] + stack
    return found


def _head(node: plan.Plan) -> str:
    match node:
        case plan.Scan():
            return f"Scan r{node.relation} {node.table.name}" + (
                f" as {node.alias}" if node.alias != node.table.name else ""
            )
        case plan.VirtualScan():
            return f"VirtualScan r{node.relation} {node.name}"
        case plan.Values():
            rows = ", ".join(f"({_list(row)})" for row in node.rows)
            return f"Values r{node.relation} {rows} :: {_types(node.types)}"
        case plan.FunctionScan():
            ordinality = " with ordinality" if node.ordinality else ""
            call = f"{node.function.name}({_list(node.arguments)})"
            return f"FunctionScan r{node.relation} {call}{ordinality} :: {_types(node.types)}"
        case plan.CteScan():
            return f"CteScan r{node.relation} {node.name}={node.cte} :: {_types(node.types)}"
        case plan.Filter():
            return f"Filter {text(node.predicate)}"
        case plan.Project():
            columns = ", ".join(f"{text(e)} as {n!r}" for e, n in zip(node.expressions, node.names))
            return f"Project r{node.relation} {columns}"
        case plan.Join():
            on = f" on {text(node.condition)}" if node.condition is not None else ""
            return f"Join {node.kind}{' lateral' if node.lateral else ''}{on}"
        case plan.Aggregate():
            return _aggregate(node)
        case plan.Window():
            return f"Window r{node.relation} " + "; ".join(_window(call) for call in node.calls)
        case plan.ProjectSet():
            calls = "; ".join(f"{c.function.name}({_list(c.arguments)}) :: {c.type}" for c in node.calls)
            return f"ProjectSet r{node.relation} {calls}"
        case plan.Sort():
            return f"Sort {_keys(node.keys)}"
        case plan.Distinct():
            return f"Distinct on {_list(node.on)}"
        case plan.Limit():
            ties = f" with ties {_keys(node.with_ties)}" if node.with_ties else ""
            return f"Limit {text(node.count)} offset {text(node.offset)}{ties}"
        case plan.UnionAll():
            return f"UnionAll r{node.relation} :: {_types(node.types)}"
        case plan.SetOperation():
            return f"{node.kind.title()} r{node.relation}{' all' if node.all else ''} :: {_types(node.types)}"
        case plan.LockRows():
            locked = ", ".join(f"r{lock.relation} {lock.strength} {lock.wait}" for lock in node.locked)
            return f"LockRows {locked}"
        case plan.RecursiveUnion():
            return f"RecursiveUnion {node.number}{' all' if node.all else ''} :: {_types(node.types)}"
        case plan.Query():
            return f"Query {_outputs(node.outputs)}"
        case plan.Insert():
            return _insert(node)
        case plan.Update():
            more = f" generated {_assignments(node.generated)}" if node.generated else ""
            return (
                f"Update {node.table.name} r{node.relation} new r{node.new_relation}"
                f" set {_assignments(node.assignments)}"
                f"{more}{_checks(node.checks)}{_returning(node.returning)}"
            )
        case plan.Delete():
            return f"Delete {node.table.name} r{node.relation}{_returning(node.returning)}"
    return type(node).__name__


def _aggregate(node: plan.Aggregate) -> str:
    parts = [f"Aggregate r{node.relation}"]
    if node.groups:
        parts.append(f"by {_list(node.groups)}")
    if node.sets is not None:
        parts.append(f"sets {list(node.sets)}")
    parts.extend(_call(call) for call in node.aggregates)
    if node.groupings:
        parts.append(f"groupings {list(node.groupings)}")
    return "; ".join(parts)


def _call(call: plan.AggregateCall) -> str:
    order = f" order by {_keys(call.order_by)}" if call.order_by else ""
    distinct = "distinct " if call.distinct else ""
    where = f" filter {text(call.filter)}" if call.filter is not None else ""
    return f"{call.aggregate.name}({distinct}{_list(call.arguments)}{order}){where} :: {call.type}"


def _window(call: plan.WindowCall) -> str:
    parts = [f"{call.function.name}({_list(call.arguments)}) :: {call.type}"]
    if call.filter is not None:
        parts.append(f"filter {text(call.filter)}")
    if call.partition_by:
        parts.append(f"partition by {_list(call.partition_by)}")
    if call.order_by:
        parts.append(f"order by {_keys(call.order_by)}")
    if call.frame is not None:
        f = call.frame
        offsets = [f"{text(o)} " if o is not None else "" for o in (f.start_offset, f.end_offset)]
        parts.append(f"{f.mode} {offsets[0]}{f.start} .. {offsets[1]}{f.end} exclude {f.exclude}")
    return " ".join(parts)


def _insert(node: plan.Insert) -> str:
    head = f"Insert {node.table.name} r{node.relation} from r{node.source_relation} row ({_list(node.row)})"
    if node.generated:
        head += f" generated {_assignments(node.generated)}"
    head += _checks(node.checks)
    conflict = node.on_conflict
    if conflict is not None:
        action = "nothing" if conflict.update is None else f"set {_assignments(conflict.update)}"
        where = f" where {text(conflict.where)}" if conflict.where is not None else ""
        head += f" on conflict {list(conflict.arbiters)} excluded r{conflict.excluded} {action}{where}"
    return head + _returning(node.returning)


def _assignments(assignments: tuple[plan.Assignment, ...]) -> str:
    return ", ".join(f"{a.position}={text(a.expression)}" for a in assignments)


def _checks(checks: tuple[tuple[str, plan.Expression], ...]) -> str:
    return "".join(f" check {name} {text(e)}" for name, e in checks)


def _returning(outputs: tuple[plan.Output, ...] | None) -> str:
    return "" if outputs is None else f" returning {_outputs(outputs)}"


def _outputs(outputs: tuple[plan.Output, ...]) -> str:
    return ", ".join(f"{text(o.expression)} as {o.name!r} :: {o.expression.type}" for o in outputs)


def _keys(keys: tuple[plan.SortKey, ...]) -> str:
    def one(key: plan.SortKey) -> str:
        nulls = "" if key.nulls_first == key.descending else " nulls first" if key.nulls_first else " nulls last"
        return text(key.expression) + (" desc" if key.descending else "") + nulls

    return ", ".join(one(key) for key in keys)


def _types(types: Any) -> str:
    return ", ".join(map(str, types))


def _list(expressions: Any) -> str:
    return ", ".join(text(e) for e in expressions)


def text(e: plan.Expression | None) -> str:
    match e:
        case None:
            return "-"
        case plan.Constant():
            return "null" if e.value is None else _constant(e)
        case plan.Parameter():
            return f"${e.index}:{e.type}"
        case plan.Column():
            return f"r{e.relation}.{e.name or e.position}{'' if e.nullable else '!'}"
        case plan.Operator():
            if len(e.arguments) == 1:
                return f"({e.operator.name}{text(e.arguments[0])})"
            return f"({text(e.arguments[0])} {e.operator.name} {text(e.arguments[1])})"
        case plan.Call():
            return f"{e.function.name}({_list(e.arguments)})"
        case plan.Convert():
            return f"({text(e.argument)} -> {e.type})"
        case plan.And():
            return "(" + " and ".join(text(a) for a in e.arguments) + ")"
        case plan.Or():
            return "(" + " or ".join(text(a) for a in e.arguments) + ")"
        case plan.Not():
            return f"(not {text(e.argument)})"
        case plan.IsNull():
            return f"({text(e.argument)} is{' not' if e.negated else ''} null)"
        case plan.IsTruth():
            word = {True: "true", False: "false", None: "unknown"}[e.truth]
            return f"({text(e.argument)} is{' not' if e.negated else ''} {word})"
        case plan.IsDistinct():
            return f"({text(e.left)} is {'not ' if e.negated else ''}distinct from {text(e.right)})"
        case plan.Case():
            branches = " ".join(f"when {text(c)} then {text(r)}" for c, r in e.branches)
            return f"case {branches} else {text(e.otherwise)} end"
        case plan.Coalesce():
            return f"coalesce({_list(e.arguments)})"
        case plan.NullIf():
            return f"nullif({text(e.left)}, {text(e.equal)})"
        case plan.Extremum():
            return f"{'greatest' if e.greatest else 'least'}({_list(e.arguments)})"
        case plan.InList():
            return f"({text(e.argument)} {'not ' if e.negated else ''}in ({_list(e.items)}))"
        case plan.RowValue():
            return f"row({_list(e.arguments)})"
        case plan.RowComparison():
            by = ", ".join(f"{strict.name} {equal.name}" for strict, equal in e.operators)
            return f"(row({_list(e.left)}) {e.symbol} row({_list(e.right)}) by {by})"
        case plan.ArrayLiteral():
            return f"array[{_list(e.items)}]"
        case plan.QuantifiedArray():
            return f"({text(e.argument)} {e.operator.name} {'all' if e.all else 'any'} {text(e.array)})"
        case plan.ScalarSubquery():
            return "(subquery)"
        case plan.ArraySubquery():
            return "array(subquery)"
        case plan.Exists():
            return f"{'not ' if e.negated else ''}exists(subquery)"
        case plan.QuantifiedSubquery():
            return f"(({_list(e.arguments)}) {e.symbol} {'all' if e.all else 'any'} (subquery))"
    return type(e).__name__


def _constant(e: plan.Constant) -> str:
    shown = to_text(e.type, e.value)
    return shown if e.type.category in "NB" else f"'{shown}'::{e.type}"
