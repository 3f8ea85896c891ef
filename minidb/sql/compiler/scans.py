"""Reading tables: intervals of an index as cuts, loops over batches, single rows.

Keys follow `minidb.keys`: a column's part is the value itself, turned round where the index is descending, an `Extreme`
for NULL and NaN. A cut is `(key, 0 | 1)`. A range over a nullable column ends before the NULLs (R49); an equality with
NULL reads nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidb import keys, schema
from minidb.sql import physical, plan
from minidb.sql.compiler import runtime
from minidb.sql.compiler.clauses import Clauses, For, If, Let, nest
from minidb.sql.compiler.core import Compiler, Required
from minidb.sql.compiler.emitter import Function
from minidb.sql.compiler.expressions import Expressions
from minidb.sql.compiler.scope import Layout, Scope, opened, row_layout
from minidb.sql.physical import REF

_NAN_TYPES = ("real", "double precision", "numeric")
_NEGATED_TYPES = ("smallint", "integer", "bigint")


def scan(
    compiler: Compiler, function: Function, node: physical.Scan, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    found = None
    if physical.reads_columns(node):
        from minidb.sql.compiler.column_scans import column_scan  # most databases have no such table

        found = column_scan(compiler, node, scope, required)
    clauses, inside = found or read(compiler, function, node, node.path, scope, required)
    return compiler.filtered(function, clauses, inside, node.filters)


def read(
    compiler: Compiler,
    function: Function,
    node: physical.Scan | physical.UnionScan,
    path: physical.Path,
    scope: Scope,
    required: Required,
) -> tuple[Clauses, Scope]:
    """The clauses of one access path, without the filters."""
    site = compiler.expressions(function, scope)
    wants_ref = (node.relation, REF) in required
    clauses: Clauses = []
    if path.kind == "find":
        assert path.index is not None
        key, before = _key(site, node.table, path)
        return _find(compiler, node, path.index, key, before, scope, wants_ref)
    if path.address is None:
        low, high, before = cuts(site, node.table, path)
    else:
        place = site.value(path.address)
        low, high, before = f"({place}, 0)", f"({place}, 1)", []
    clauses += before
    call = _call(compiler, site, node, path, low, high)
    row, batch = compiler.module.name("r"), compiler.module.name("b")
    if path.kind == "entries":
        assert path.index is not None
        clauses += [For(batch, call, True), For(row, batch)]
        return clauses, scope.joined(opened(row, entry_layout(node.relation, path.index)))
    inside = scope.joined(opened(row, row_layout(node.relation, len(node.table.columns))))
    if wants_ref:
        refs, ref = compiler.module.name("refs"), compiler.module.name("ref")
        clauses += [For(f"{refs}, {batch}", call, True), For(f"{ref}, {row}", f"zip({refs}, {batch})")]
        inside.columns[node.relation, REF] = ref
    else:
        clauses += [For(f"_, {batch}", call, True), For(row, batch)]
    return clauses, inside


def entry_layout(relation: int, index: schema.Index) -> Layout:
    """Where an index-only row has the table's columns."""
    positions = [key.position for key in index.keys] + list(index.include)
    return {(relation, position): place for place, position in enumerate(positions) if position is not None}


def _call(
    compiler: Compiler,
    site: Expressions,
    node: physical.Scan | physical.UnionScan,
    path: physical.Path,
    low: str,
    high: str,
) -> str:
    arguments = [str(node.table.id)]
    if path.index is not None and not path.index.clustered:
        arguments += [str(path.index.id), low, high]
    elif (low, high) != ("None", "None"):
        arguments += [low, high]
    if path.reverse:
        arguments.append("reverse=True")
    first = getattr(node, "first", 0)
    if first:
        text = str(first) if isinstance(first, int) else f"{site.value(first)} or 0"
        arguments.append(f"first={text}")
    if node.locking and path.kind != "entries":
        arguments.append("locking=True")
    method = path.kind
    if path.index is not None and path.index.clustered:
        method = "scan"
    return f"rows.{method}({', '.join(arguments)})"


def _find(
    compiler: Compiler,
    node: physical.Scan | physical.UnionScan,
    index: schema.Index,
    key: str,
    before: Clauses,
    scope: Scope,
    wants_ref: bool,
) -> tuple[Clauses, Scope]:
    found, row = compiler.module.name("found"), compiler.module.name("r")
    locking = ", locking=True" if node.locking else ""
    call = f"rows.find({node.table.id}, {index.id}, {key}{locking})"
    clauses: Clauses = [*before, Let(found, call), If(f"{found} is not None")]
    inside = scope.joined(opened(row, row_layout(node.relation, len(node.table.columns))))
    if wants_ref:
        ref = compiler.module.name("ref")
        clauses.append(Let(f"{ref}, {row}", found))
        inside.columns[node.relation, REF] = ref
    else:
        clauses.append(Let(row, f"{found}[1]"))
    return clauses, inside


# -- cuts -------------------------------------------------------------------------------------------------


def _part(site: Expressions, key: schema.IndexKey, text: str, expression: plan.Expression | None) -> str:
    """The part of a key for a value that is not NULL; `text` is simple."""
    if key.type.element is not None:
        return f"{site.constant(part_maker(key), 'f')}({text})"
    if key.type.name in _NAN_TYPES:
        if not key.descending and isinstance(expression, plan.Constant) and expression.value == expression.value:
            return text
        return f"{site.constant(part_maker(key), 'f')}({text})"
    if not key.descending:
        return text
    if key.type.name in _NEGATED_TYPES:
        return f"-{text}"
    return f"{site.constant(keys.descending, 'f')}({text})"


def part_maker(key: schema.IndexKey) -> Callable[[Any], Any]:
    """A function from a value to its key part."""
    descending = key.descending
    return lambda value: keys.part(value, desc=descending)


def _null(site: Expressions, key: schema.IndexKey) -> str:
    return site.constant(keys.NULL_FIRST if key.nulls_first else keys.NULL_LAST, "null")


def _value(site: Expressions, expression: plan.Expression, before: Clauses) -> str:
    """A simple name for the value of a bound; nothing is read if it is NULL."""
    text = site.value(expression)
    if not text.isidentifier() and not isinstance(expression, plan.Constant):
        name = site.module.name("q")
        before.append(Let(name, text))
        text = name
    if site.nullable(expression):
        before.append(If(f"{text} is not None"))
    return text


def _fixed(site: Expressions, path: physical.Path, before: Clauses) -> list[str]:
    """The parts of the leading columns that are fixed."""
    assert path.index is not None
    texts = []
    for key, part in zip(path.index.keys, path.interval.parts):
        if part.items is not None or part.array is not None:
            name = site.module.name("q")
            before.append(For(name, _alternatives(site, key, part, path.reverse)))
            texts.append(name)
        elif part.value is None:
            texts.append(_null(site, key))
        else:
            texts.append(_part(site, key, _value(site, part.value, before), part.value))
    return texts


def _alternatives(site: Expressions, key: schema.IndexKey, part: physical.Part, reverse: bool) -> str:
    make = part_maker(key) if key.descending or key.type.name in _NAN_TYPES or key.type.element else None
    distinct = site.constant(runtime.distinct_parts, "f")
    if part.array is not None:
        values = f"{site.value(part.array)} or ()"
    else:
        assert part.items is not None
        if all(isinstance(item, plan.Constant) for item in part.items):
            listed = runtime.distinct_parts([item.value for item in part.items], make, reverse)  # type: ignore[attr-defined]
            return site.constant(tuple(listed))
        values = site.tuple_of(part.items)
    return f"{distinct}({values}, {site.constant(make, 'f')}, {reverse})"


def _tuple(parts: list[str]) -> str:
    return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"


def _key(site: Expressions, table: schema.Table, path: physical.Path) -> tuple[str, Clauses]:
    """A complete key for `find`."""
    before: Clauses = []
    parts = _fixed(site, path, before)
    return (parts[0] if len(parts) == 1 else _tuple(parts)), before


def cuts(site: Expressions, table: schema.Table, path: physical.Path) -> tuple[str, str, Clauses]:
    """(low cut, high cut, what to do before)."""
    interval = path.interval
    if path.index is None or interval.whole:
        return "None", "None", []
    before: Clauses = []
    parts = _fixed(site, path, before)
    index = path.index
    width = len(index.keys)
    highest = site.constant(keys.HIGHEST, "highest")
    if len(parts) == width or not (interval.low or interval.high or interval.not_null):
        if width == 1:
            return f"({parts[0]}, 0)", f"({parts[0]}, 1)", before
        ending = parts if len(parts) == width else [*parts, highest]
        return f"({_tuple(parts)}, 0)", f"({_tuple(ending)}, 1)", before
    key = index.keys[len(parts)]
    low, high = _ends(site, table, key, interval, before)
    more = len(parts) + 1 < width
    return (
        _cut(parts, low, 0, more, highest, width),
        _cut(parts, high, 1, more, highest, width),
        before,
    )


End = tuple[str, bool] | None  # part, whether it is inside the interval


def _ends(
    site: Expressions, table: schema.Table, key: schema.IndexKey, interval: physical.Interval, before: Clauses
) -> tuple[End, End]:
    """The ends of the range over the first column that is not fixed, in index order."""
    ends: list[End] = []
    for bound in (interval.low, interval.high):
        if bound is None:
            ends.append(None)
        else:
            text = _value(site, bound.value, before)
            ends.append((_part(site, key, text, bound.value), bound.inclusive))
    low, high = ends[::-1] if key.descending else ends
    nullable = key.position is None or not table.columns[key.position].not_null
    if nullable and key.nulls_first and low is None:
        low = (_null(site, key), False)
    elif nullable and not key.nulls_first and high is None:
        high = (_null(site, key), False)
    return low, high


def _cut(parts: list[str], end: End, side: int, more: bool, highest: str, width: int) -> str:
    """One cut; `side` 0 is the low end. An end that is inside stands on the outer side of its entries."""
    if end is None:
        if not parts:
            return "None"
        return f"({_tuple(parts)}, 0)" if side == 0 else f"({_tuple([*parts, highest])}, 1)"
    text, inclusive = end
    after = inclusive == (side == 1)  # the cut stands after all entries with this part
    if width == 1:
        return f"({text}, {int(after)})"
    parts = [*parts, text]
    if not after:
        return f"({_tuple(parts)}, 0)"
    return f"({_tuple([*parts, highest] if more else parts)}, 1)"


def union_scan(
    compiler: Compiler, function: Function, node: physical.UnionScan, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    """Rows of several paths, each once: they are gathered by address first."""
    wanted = required | {(node.relation, REF)}
    name = compiler.module.name("d")
    function.add(f"{name} = {{}}")
    for path in node.paths:
        clauses, inside = read(compiler, function, node, path, scope, wanted)
        row = inside.tuples[-1][0]
        ref = inside.columns[node.relation, REF]
        with function.no_flush():
            nest(function, clauses, lambda ref=ref, row=row: function.add(f"{name}[{ref}] = {row}"))  # type: ignore[misc]
    ref, row = compiler.module.name("ref"), compiler.module.name("r")
    inside = scope.joined(opened(row, row_layout(node.relation, len(node.table.columns))))
    inside.columns[node.relation, REF] = ref
    return compiler.filtered(function, [For(f"{ref}, {row}", f"{name}.items()")], inside, node.filters)
