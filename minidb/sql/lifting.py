"""Which lifted literals decide about a plan (R68): then the statement is prepared with the literal in its place.

The statement cache takes literals out of the text, so that statements that differ only in them share a plan. To most of
the planning a value that comes late is as good as an average one. Not so where an index depends on it: the prefix of a
LIKE pattern makes an interval, and a bound proves the condition of a partial index.
"""

from __future__ import annotations

from minidb import schema
from minidb.sql import plan, selectivity
from minidb.sql.rules import walk


def literal_decides(root: plan.Plan, offset: int) -> bool:
    """Whether a parameter from `offset` on, which is a lifted literal, would give another plan as a constant."""
    tables = {node.relation: node.table for node in walk.everything(root) if isinstance(node, plan.Scan)}
    return any(_decides(node, offset, tables) for node in walk.everything(root) if isinstance(node, plan.Operator))


def _decides(node: plan.Operator, offset: int, tables: dict[int, schema.Table]) -> bool:
    lifted = any(
        isinstance(bare, plan.Parameter) and bare.index >= offset for bare in map(walk.strip_relabel, node.arguments)
    )
    if not lifted:
        return False
    if node.operator.name == "~~":
        column = walk.strip_relabel(node.arguments[0])
        return isinstance(column, plan.Column) and _indexed(tables.get(column.relation), column.position)
    found = selectivity.comparison(node)
    return found is not None and _proves(tables.get(found[0][0]), found[0][1])


def _indexed(table: schema.Table | None, position: int) -> bool:
    return table is not None and any(key.position == position for index in table.indexes for key in index.keys)


def _proves(table: schema.Table | None, position: int) -> bool:
    """Whether a partial index's condition mentions the column; its text is searched, which may say yes too often."""
    if table is None:
        return False
    name = table.columns[position].name
    return any(index.where is not None and name in index.where for index in table.indexes)
