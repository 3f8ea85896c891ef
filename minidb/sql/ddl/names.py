"""Names of constraints and indexes that are given none, as PostgreSQL makes them: t_pkey, t_a_key, t_a_b_idx."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minidb import schema
from minidb.sql import ast
from minidb.sql.binder.targets import UNNAMED, name_of

MAX_LENGTH = 63


def joined(table: str, columns: str, label: str) -> str:
    """`table_columns_label`, the longer of the first two shortened so that it fits."""
    rest = len(label) + 1 + (1 if columns else 0)
    while len(table) + len(columns) + rest > MAX_LENGTH:
        if len(table) > len(columns):
            table = table[:-1]
        else:
            columns = columns[:-1]
    return "_".join(part for part in (table, columns, label) if part)


def free_name(table: str, columns: Sequence[str], label: str, is_taken: Callable[[str], bool]) -> str:
    """The name that PostgreSQL would choose: numbered if it is taken."""
    middle = "_".join(columns)
    name, number = joined(table, middle, label), 0
    while is_taken(name):
        number += 1
        name = joined(table, middle, f"{label}{number}")
    return name


def key_names(keys: Sequence[ast.Expression]) -> list[str]:
    """The parts of an index's name that come from its keys."""
    names: list[str] = []
    for key in keys:
        name = name_of(key)
        name = "expr" if name == UNNAMED else name
        plain, number = name, 0
        while name in names:
            number += 1
            name = f"{plain}{number}"
        names.append(name)
    return names


def constraint_names(table: schema.Table) -> set[str]:
    """The names of all constraints of a table."""
    names = {check.name for check in table.checks} | {key.name for key in table.foreign_keys}
    return names | {index.name for index in table.indexes if index.constraint}
