"""FOR UPDATE and its kin, and the re-check of rows that changed meanwhile.

Rows are locked one by one as they come, above the sort and below the limit (R37). `rows.lock` gives back the row that
was seen, or the newest version where the level goes on with it: then the conditions of the statement are asked again,
of that version and of the other rows as this statement first read them (R36).
"""

from __future__ import annotations

from minidb.sql import physical, plan
from minidb.sql.compiler.clauses import Clauses, If, Let
from minidb.sql.compiler.core import Compiler, Required
from minidb.sql.compiler.emitter import Function
from minidb.sql.compiler.scope import ColumnKey, Scope, opened, row_layout
from minidb.sql.physical import REF, WHOLE
from minidb.sql.rules import walk


def lock_rows(
    compiler: Compiler, function: Function, node: physical.LockRows, scope: Scope, required: Required
) -> tuple[Clauses, Scope]:
    computed = _computed(node)
    wanted = required | walk.columns(node.recheck)
    for column in required & computed.keys():
        wanted |= walk.columns(computed[column])
    for locked in node.locked:  # the whole row is kept, no need for single columns
        wanted = {column for column in wanted if column[0] != locked.relation or column[1] < 0}
        wanted |= {(locked.relation, REF), (locked.relation, WHOLE)}
    clauses, inside = compiler.clauses(function, node.input, scope, wanted)
    clauses = list(clauses)
    same_rows = []
    for locked in node.locked:
        seen, newest, more = lock_one(compiler, inside, locked)
        clauses += more
        same_rows.append(unchanged(compiler, node.input, newest, seen))
        inside = replaced(inside, locked.relation, len(locked.table.columns), newest)
    test, _ = compiler.condition(function, inside, node.recheck)
    same = " and ".join(same_rows)
    if test:
        clauses.append(If(f"{same} or {test}"))
    again = compiler.expressions(function, inside)
    values = {c: f"({inside.columns[c]} if {same} else {again.value(computed[c])})" for c in required & computed.keys()}
    return clauses, inside.with_columns(values)


def unchanged(compiler: Compiler, node: physical.Node, newest: str, seen: str) -> str:
    """A test that a row is the one that was seen; one that came back from a file is another object."""
    if compiler.memory.spills or compiler.memory.could_spill(node.rows):
        return f"({newest} is {seen} or {newest} == {seen})"
    return f"{newest} is {seen}"


def _computed(node: physical.LockRows) -> dict[ColumnKey, plan.Expression]:
    """Columns that projections below compute from locked rows: for a newer version they are computed again."""
    relations = {locked.relation for locked in node.locked}
    found: dict[ColumnKey, plan.Expression] = {}
    below = node.input
    while isinstance(below, physical.Project | physical.Sort | physical.Filter):
        if isinstance(below, physical.Project):
            for place, expression in enumerate(below.expressions):
                if walk.relations(expression) & relations:
                    found[below.relation, place] = expression
        below = below.input
    return found


def lock_one(
    compiler: Compiler, scope: Scope, locked: plan.LockedRelation, verb: str = "lock"
) -> tuple[str, str, Clauses]:
    """(the row as it was seen, its newest version, the clauses that lock it). `verb`: the door's, `lock` or `claim`."""
    ref = scope.columns[locked.relation, REF]
    seen = scope.columns[locked.relation, WHOLE]
    clauses: Clauses = []
    if not seen.isidentifier():
        name = compiler.module.name("r")
        clauses.append(Let(name, seen))
        seen = name
    newest = compiler.module.name("x")
    arguments = [str(locked.table.id), ref, seen]
    if locked.strength != "update" or locked.wait != "wait":
        arguments.append(repr(locked.strength))
    if locked.wait != "wait":
        arguments.append(repr(locked.wait))
    clauses.append(Let(newest, f"rows.{verb}({', '.join(arguments)})"))
    clauses.append(If(f"{newest} is not None"))
    return seen, newest, clauses


def replaced(scope: Scope, relation: int, width: int, row: str) -> Scope:
    """`scope` with the columns of `relation` taken from the tuple `row`."""
    result = scope.copy()
    result.columns.update(opened(row, row_layout(relation, width)).columns)
    result.known = {column for column in result.known if column[0] != relation}
    kept = [
        (variable, {column: place for column, place in layout.items() if column[0] != relation})
        for variable, layout in scope.tuples
    ]
    result.tuples = ((row, row_layout(relation, width)), *kept)
    return result
