"""DuckDB's shorter select lists: `* EXCLUDE (a)`, `* REPLACE (b + 1 AS b)`, GROUP BY ALL, ORDER BY ALL."""

from __future__ import annotations

from sqlglot import exp

from minidb.errors import NotSupportedError
from minidb.sql.dialects.names import Names, column


def rewrite_select(select: exp.Select, names: Names) -> None:
    """Writes out what the words stand for. Raises NotSupportedError where the columns of a star are not known."""
    for star in list(select.expressions):
        if isinstance(star, exp.Star) and (star.args.get("except_") or star.args.get("replace")):
            select.set("expressions", _written_out(select, star, names))
    group, order = select.args.get("group"), select.args.get("order")
    if group is not None and group.args.get("all"):
        keys = [_place(place) for place, each in enumerate(select.expressions, 1) if each.find(exp.AggFunc) is None]
        select.set("group", exp.Group(expressions=keys) if keys else None)
    if order is not None and len(order.expressions) == 1 and _is_all(order.expressions[0].this):
        places = range(1, len(select.expressions) + 1)
        select.set("order", exp.Order(expressions=[exp.Ordered(this=_place(place)) for place in places]))


def _place(place: int) -> exp.Expr:
    return exp.Literal.number(place)


def _is_all(node: exp.Expr) -> bool:
    return isinstance(node, exp.Var) and node.name.upper() == "ALL"


def _written_out(select: exp.Select, star: exp.Star, names: Names) -> list[exp.Expr]:
    source = select.args.get("from_")
    table = None if source is None or select.args.get("joins") else names.table(source.this)
    if table is None:
        raise NotSupportedError("* EXCLUDE and * REPLACE are translated for one table only")
    left_out = {each.name for each in star.args.get("except_") or []}
    others = {each.alias: each for each in star.args.get("replace") or []}
    stars = [others.get(c.name, column(c.name)).copy() for c in table.live_columns if c.name not in left_out]
    return [new for old in select.expressions for new in (stars if old is star else [old])]
