"""WITH (...) of a table: `layout`, how the pages of its heap are kept; PostgreSQL's parameters change nothing.

    layout = row       a page holds rows, one behind the other
    layout = column    a page holds columns: for tables that are counted and summed more than they are changed
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast
from minidb.sql.ddl.changes import Changes
from minidb.sql.ddl.rewrite import rewrite_rows

LAYOUTS = ("row", "column")
_WITHOUT_EFFECT = frozenset(
    {"fillfactor", "toast_tuple_target", "parallel_workers", "vacuum_truncate", "vacuum_index_cleanup", "oids",
     "log_autovacuum_min_duration", "user_catalog_table"}
)


def chosen_layout(options: Iterable[ast.Option]) -> str | None:
    """The layout that `options` name. Raises 22023 for parameters and layouts that do not exist."""
    chosen: str | None = None
    for option in options:
        name = option.name.lower()
        if name != "layout":
            _check_known(name, option)
            continue
        if chosen is not None:
            raise errors.InvalidParameterValue('parameter "layout" specified more than once', position=option.at)
        if option.value is None:
            raise errors.SyntaxError("layout requires a parameter", position=option.at)
        chosen = str(option.value).lower()
        if chosen not in LAYOUTS:
            raise errors.InvalidParameterValue(
                f'invalid value for parameter "layout": "{option.value}"',
                position=option.at,
                hint="Valid values are row and column.",
            )
    return chosen


def _check_known(name: str, option: ast.Option) -> None:
    if name not in _WITHOUT_EFFECT and not name.startswith("autovacuum_"):
        raise errors.InvalidParameterValue(f'unrecognized parameter "{option.name}"', position=option.at)


def refuse_clustered(at: int) -> None:
    raise errors.NotSupportedError(
        "a table kept by columns cannot be clustered",
        position=at,
        hint="Use PRIMARY KEY without CLUSTERED, or layout = row.",
    )


def set_layout(node: ast.SetOptions | ast.ResetOptions, table: schema.Table, changes: Changes) -> None:
    """ALTER TABLE ... SET (layout = ...), RESET (layout): every row is written anew where that changes it."""
    if isinstance(node, ast.SetOptions):
        layout = chosen_layout(node.options)
    else:
        names = {option.name.lower() for option in node.options}
        chosen_layout(option for option in node.options if option.name.lower() != "layout")
        layout = "row" if "layout" in names else None
    if layout is None or layout == table.layout:
        return
    if table.clustered is not None:
        refuse_clustered(node.at)
    rewrite_rows(table, replace(table, layout=layout), None, changes)
