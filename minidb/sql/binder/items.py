"""FROM: which function binds which kind of item, and joins of items.

Binding an item gives a `Frame`. An item that is LATERAL sees the frames to its left (`visible`); all others see only
what is around the whole SELECT.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.expressions import bind_in_clause
from minidb.sql.binder.handlers import registrar
from minidb.sql.binder.operators import apply
from minidb.sql.binder.scope import EMPTY_FRAME, Frame, Scope, Source, SourceColumn
from minidb.sql.binder.trees import relations_in, rewrite

ItemHandler = Callable[[Any, Scope, Frame], Frame]
_HANDLERS: dict[type, ItemHandler] = {}
binds_item = registrar(_HANDLERS)


def bind_item(item: ast.FromItem, scope: Scope, visible: Frame) -> Frame:
    handler = _HANDLERS.get(type(item))
    if handler is None:
        raise errors.NotSupportedError(f"{type(item).__name__} in FROM is not supported yet", position=item.at)
    return handler(item, scope, visible)


def bind_from(items: Sequence[ast.FromItem], scope: Scope, first: Frame = EMPTY_FRAME) -> Frame:
    """The frame of a FROM list; `first` is a table that stands before it (the target of UPDATE)."""
    frame = first
    for item in items:
        right = bind_item(item, scope, frame)
        if frame is EMPTY_FRAME:
            frame = right
            continue
        _check_aliases(frame, right, item.at)
        frame = beside(frame, right, join("inner", frame, right, None))
    return frame


def beside(left: Frame, right: Frame, joined: plan.Plan) -> Frame:
    """The frame of two items that share no merged column."""
    return Frame(joined, left.sources + right.sources, left.columns + right.columns)


def join(kind: str, left: Frame, right: Frame, condition: plan.Expression | None) -> plan.Plan:
    own = {c.expression.relation for s in left.sources for c in s.columns if isinstance(c.expression, plan.Column)}
    lateral = bool(own) and not own.isdisjoint(relations_in(right.plan))
    return plan.Join(kind=kind, left=left.plan, right=right.plan, condition=condition, lateral=lateral)


def _check_aliases(left: Frame, right: Frame, at: int) -> None:
    names: dict[str, list[str | None]] = {}
    for source in left.sources:
        names.setdefault(source.alias, []).append(source.schema)
    for source in right.sources:
        # Only tables of two schemas, both without an alias, may share a name.
        for schema in names.get(source.alias, ()):
            if schema is None or source.schema is None or schema == source.schema:
                raise errors.DuplicateAlias(f'table name "{source.alias}" specified more than once', position=at)


# -- JOIN -------------------------------------------------------------------------------------------------


@binds_item(ast.Join)
def _join(item: ast.Join, scope: Scope, visible: Frame) -> Frame:
    """A chain of joins, from the left in a loop."""
    chain: list[ast.Join] = []
    first: ast.FromItem = item
    while isinstance(first, ast.Join) and (first is item or first.alias is None):
        chain.append(first)
        first = first.left
    frame = bind_item(first, scope, visible)
    for link in reversed(chain):
        frame = _joined(link, frame, scope, visible)
    return renamed(frame, item.alias) if item.alias is not None else frame


def _joined(item: ast.Join, left: Frame, scope: Scope, visible: Frame) -> Frame:
    right = bind_item(item.right, scope, beside(visible, left, left.plan))
    _check_aliases(left, right, item.right.at)
    kind = "inner" if item.kind == "cross" else item.kind
    names = _common_names(item, left, right)
    both = beside(left, right, left.plan)
    if names:
        return _join_using(item, kind, names, left, right, scope)
    condition = None
    if item.on is not None:
        condition = bind_in_clause(item.on, scope.beside(both), "JOIN conditions", "JOIN/ON")
    joined = join(kind, left, right, condition)
    _check_lateral(joined, kind, item.at)
    if kind in ("right", "full"):
        left = null_extended(left)
    if kind in ("left", "full"):
        right = null_extended(right)
    return beside(left, right, joined)


def _check_lateral(joined: plan.Plan, kind: str, at: int) -> None:
    if kind in ("right", "full") and isinstance(joined, plan.Join) and joined.lateral:
        raise errors.InvalidColumnReference(
            f"the combining JOIN type must be INNER or LEFT for a LATERAL reference, not {kind.upper()}", position=at
        )


def null_extended(frame: Frame) -> Frame:
    """The frame as it is on the nullable side of an outer join."""
    sources = [replace(s, columns=_nullable(s.columns), null_extended=True) for s in frame.sources]
    return Frame(frame.plan, tuple(sources), _nullable(frame.columns))


def _nullable(columns: tuple[SourceColumn, ...]) -> tuple[SourceColumn, ...]:
    return tuple([replace(c, expression=nullable(c.expression)) for c in columns])


def nullable(expression: plan.Expression) -> plan.Expression:
    """A column, or what USING made of columns, where all of them may be NULL."""
    if type(expression) is plan.Column:
        return replace(expression, nullable=True)
    inside: plan.Expression = rewrite(expression, _nullable_column)
    return replace(inside, nullable=True)


def _nullable_column(node: object) -> plan.Expression | None:
    return replace(node, nullable=True) if type(node) is plan.Column else None


def renamed(frame: Frame, alias: str) -> Frame:
    """`(a JOIN b ...) AS alias`: the tables inside are no longer visible."""
    columns = tuple([replace(column, source=alias) for column in frame.columns])
    return Frame(frame.plan, (Source(alias, columns),), columns)


# -- USING and NATURAL ------------------------------------------------------------------------------------


def _common_names(item: ast.Join, left: Frame, right: Frame) -> list[tuple[str, int]]:
    if item.natural:
        rights = {column.name for column in right.columns}
        names = dict.fromkeys(column.name for column in left.columns if column.name in rights)
        return [(name, item.at) for name in names]
    return [(name.value, name.at) for name in item.using]


def _join_using(
    item: ast.Join, kind: str, names: list[tuple[str, int]], left: Frame, right: Frame, scope: Scope
) -> Frame:
    workspace = scope.workspace
    pairs = [(_one(left, name, "left", at), _one(right, name, "right", at), at) for name, at in names]
    tests = tuple([apply("=", a.expression, b.expression, at, workspace) for a, b, at in pairs])
    condition = tests[0] if len(tests) == 1 else plan.And(arguments=tests, nullable=coercion.any_nullable(tests))
    joined = join(kind, left, right, condition)
    _check_lateral(joined, kind, item.at)
    merged = tuple([_merged(name, kind, a, b, at, scope) for (name, _), (a, b, at) in zip(names, pairs)])
    if kind in ("right", "full"):
        left = null_extended(left)
    if kind in ("left", "full"):
        right = null_extended(right)
    used = {name for name, _ in names}
    rest = [c for c in left.columns + right.columns if c.name not in used]
    sources = left.sources + right.sources
    if item.using_alias is not None:
        sources += (Source(item.using_alias, tuple([replace(c, source=item.using_alias) for c in merged])),)
    return Frame(joined, sources, (*merged, *rest))


def _one(frame: Frame, name: str, side: str, at: int) -> SourceColumn:
    found = [column for column in frame.columns if column.name == name]
    if not found:
        raise errors.UndefinedColumn(
            f'column "{name}" specified in USING clause does not exist in {side} table', position=at
        )
    if len(found) > 1:
        raise errors.AmbiguousColumn(f'common column name "{name}" appears more than once in {side} table', position=at)
    return found[0]


def _merged(name: str, kind: str, left: SourceColumn, right: SourceColumn, at: int, scope: Scope) -> SourceColumn:
    """The one column that USING makes of two: the value of the side that is there."""
    target, (a, b) = coercion.unify([left.expression, right.expression], [at, at], "JOIN/USING", scope.workspace)
    if kind == "full":
        arguments = (nullable(a), nullable(b))
        either = a.nullable or b.nullable
        return SourceColumn(name, plan.Coalesce(type=target, arguments=arguments, nullable=either))
    return SourceColumn(name, b if kind == "right" else a)
