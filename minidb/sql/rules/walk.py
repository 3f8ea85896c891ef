"""Walking and rebuilding bound plans.

Plans and expressions are frozen records whose fields hold further ones, or tuples of them. Which fields those are is
found once per class. Rebuilding shares what did not change, so that `is` tells whether a rewrite did anything.
Chains of left-deep operators may be a thousand nodes long: everything that descends an expression loops along
`arguments[0]` and recurses for the rest only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from operator import is_not
from typing import Any, TypeVar, cast

import msgspec

from minidb.sql import plan

ColumnKey = tuple[int, int]  # relation, position
T = TypeVar("T")

_LEAVES = frozenset(
    {"type", "types", "table", "alias", "name", "names", "columns", "index", "relation", "position", "function"}
    | {"operator", "operators", "aggregate", "kind", "all", "lateral", "descending", "nulls_first", "distinct", "sets"}
    | {"groupings", "symbol", "negated", "truth", "greatest", "number", "materialized", "cte", "strength", "wait"}
    | {"arbiters", "excluded", "nullable", "source_relation", "new_relation", "ordinality", "locked", "in_range"}
    | {"rows", "cost"}
)
_FIELDS: dict[type, tuple[str, ...]] = {}


def fields_of(node: msgspec.Struct) -> tuple[str, ...]:
    """The fields of `node` that may hold plans or expressions."""
    kind = type(node)
    found = _FIELDS.get(kind)
    if found is None:
        leaves = _LEAVES - {"rows"} if kind is plan.Values else _LEAVES
        found = () if kind is plan.Constant else tuple(n for n in kind.__struct_fields__ if n not in leaves)
        _FIELDS[kind] = found
    return found


def children(node: Any) -> list[Any]:
    """The records directly below `node`, through tuples, in the order of the fields."""
    found: list[Any] = []
    for name in fields_of(node):
        _gather(getattr(node, name), found)
    return found


def _gather(value: Any, found: list[Any]) -> None:
    if isinstance(value, msgspec.Struct):
        found.append(value)
    elif type(value) is tuple:
        for item in value:
            _gather(item, found)


def everything(root: Any) -> Iterator[Any]:
    """`root` and all records below it, subquery plans included. Does not recurse."""
    stack: list[Any] = []
    _gather(root, stack)
    while stack:
        node = stack.pop()
        yield node
        fields = _FIELDS.get(type(node))
        for name in fields_of(node) if fields is None else fields:
            value = getattr(node, name)
            if isinstance(value, msgspec.Struct):
                stack.append(value)
            elif value:  # tuples are what is left that may hold records
                _gather(value, stack)


def kinds(root: Any) -> set[type]:
    """The types of everything in `root`."""
    return {type(node) for node in everything(root)}


def columns(root: Any) -> set[ColumnKey]:
    """Every column mentioned in `root`, also those of its own relations, subqueries included."""
    return {(n.relation, n.position) for n in everything(root) if type(n) is plan.Column}


def relations(root: Any) -> set[int]:
    """The relations mentioned in columns of `root`, subqueries included."""
    return {n.relation for n in everything(root) if type(n) is plan.Column}


_MAKES = ("relation", "source_relation", "new_relation", "excluded")
_MAKING: dict[type, tuple[str, ...]] = {plan.Column: ()}


def made(root: Any) -> set[int]:
    """The relations that operators in `root` make."""
    return {getattr(node, name) for node in everything(root) for name in _making(type(node))}


def _making(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    found = _MAKING.get(kind)
    if found is None:
        found = _MAKING[kind] = tuple(name for name in _MAKES if name in kind.__struct_fields__)
    return found


def free_columns(root: Any) -> set[ColumnKey]:
    """Columns of relations that `root` does not make itself: what correlates a subquery."""
    own = made(root)
    return {column for column in columns(root) if column[0] not in own}


def has_subquery(expression: Any) -> bool:
    return any(isinstance(node, plan.Plan) for node in everything(expression))


def is_volatile(root: Any) -> bool:
    """Whether `root` calls a function whose every call may give another value."""
    return any(getattr(getattr(n, "function", None), "volatility", "") == "volatile" for n in everything(root))


def rebuild(node: T, change: Callable[[Any], Any]) -> T:
    """`node` with `change` applied to the records directly below it."""
    changed: dict[str, Any] = {}
    for name in fields_of(cast(msgspec.Struct, node)):
        old = getattr(node, name)
        new = _apply(old, change)
        if new is not old:
            changed[name] = new
    return msgspec.structs.replace(node, **changed) if changed else node  # type: ignore[type-var]


def _apply(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, msgspec.Struct):
        return change(value)
    if type(value) is tuple and value:
        items = [_apply(item, change) for item in value]
        if any(map(is_not, items, value)):
            return tuple(items)
    return value


def transform(node: T, change: Callable[[Any], Any], closed: type[msgspec.Struct] | None = None) -> T:
    """`node` rebuilt from the leaves upwards: `change` is given each record after what is below it was changed.

    closed: records of this type are given to `change` as they are; what it does below them is its own affair."""
    spine = []
    current: Any = node
    while type(current) is plan.Operator and type(current.arguments[0]) is plan.Operator:
        spine.append(current)
        current = current.arguments[0]
    if closed is None or not isinstance(current, closed):
        current = rebuild(current, lambda child: transform(child, change, closed))
    result = change(current)
    for operator in reversed(spine):
        rest = tuple(transform(argument, change, closed) for argument in operator.arguments[1:])
        arguments = (result, *rest)
        if any(map(is_not, arguments, operator.arguments)):
            operator = msgspec.structs.replace(operator, arguments=arguments)
        result = change(operator)
    return cast(T, result)


def substitute(node: T, values: dict[ColumnKey, plan.Expression]) -> T:
    """`node` with columns replaced by expressions, in subqueries, too."""

    def change(item: Any) -> Any:
        if type(item) is plan.Column:
            return values.get((item.relation, item.position), item)
        return item

    return transform(node, change)


def conjuncts(predicate: plan.Expression | None) -> list[plan.Expression]:
    """The terms of a conjunction; none for None or TRUE."""
    if predicate is None:
        return []
    if isinstance(predicate, plan.And):
        return [term for argument in predicate.arguments for term in conjuncts(argument)]
    if isinstance(predicate, plan.Constant) and predicate.value is True:
        return []
    return [predicate]


def conjunction(terms: Iterable[plan.Expression]) -> plan.Expression | None:
    """The inverse of `conjuncts`."""
    listed = list(terms)
    if len(listed) < 2:
        return listed[0] if listed else None
    return plan.And(arguments=tuple(listed), nullable=any(term.nullable for term in listed))


def filtered(node: plan.Plan, terms: Iterable[plan.Expression]) -> plan.Plan:
    predicate = conjunction(terms)
    return node if predicate is None else plan.Filter(input=node, predicate=predicate)


def strip_relabel(expression: plan.Expression) -> plan.Expression:
    """`expression` without conversions that leave the value as it is (varchar to text, integer to bigint)."""
    while isinstance(expression, plan.Convert) and expression.function is None:
        expression = expression.argument
    return expression
