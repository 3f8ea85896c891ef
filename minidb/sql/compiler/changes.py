"""INSERT, UPDATE and DELETE; MERGE is in `merges`, what all have in common in `new_rows`.

UPDATE and DELETE find their rows first and keep (address, row, what else they need) in a list: a change must not meet
its own results (the Halloween problem), and joins may find a row twice. Then each row is locked, asked again if it
changed meanwhile (R35, R36), and changed. A row that is found by its key needs no list: the function has no loop at
all.

The generated function returns (number of rows, rows of RETURNING or None).
"""

from __future__ import annotations

from collections.abc import Callable

from minidb.sql import physical, plan
from minidb.sql.compiler import violations
from minidb.sql.compiler.clauses import If, Let, loop_count, nest
from minidb.sql.compiler.core import Compiler, Required
from minidb.sql.compiler.emitter import Function
from minidb.sql.compiler.locking import lock_one, replaced, unchanged
from minidb.sql.compiler.merges import emit_merge
from minidb.sql.compiler.new_rows import NewRow, finish, kept, key_columns, mentioned_columns, outputs, returned, start
from minidb.sql.compiler.scope import Scope, opened, row_layout
from minidb.sql.compiler.sets import define_tables
from minidb.sql.physical import REF, WHOLE
from minidb.sql.rules import walk

BATCH = 1000  # rows that INSERT hands down at once


def changes(compiler: Compiler, node: physical.Node) -> str:
    """Makes the function that carries out `node`; its name."""
    function = Function(compiler.module, compiler.module.name("change"))
    define_tables(compiler, getattr(node, "ctes", ()))
    emit_changes(compiler, function, node)
    compiler.module.add(function)
    return function.name


def emit_changes(compiler: Compiler, function: Function, node: physical.Node, alone: bool = False) -> None:
    """`alone`: nothing else of the statement changes rows."""
    if isinstance(node, physical.Insert):
        _emit_insert(compiler, function, node)
    elif isinstance(node, physical.Update):
        _emit_update(compiler, function, node, alone)
    elif isinstance(node, physical.Merge):
        emit_merge(compiler, function, node)
    else:
        assert isinstance(node, physical.Delete)
        _emit_delete(compiler, function, node, alone)


# -- the rows to change -----------------------------------------------------------------------------------


def _each_target(
    compiler: Compiler,
    function: Function,
    node: physical.Update | physical.Delete,
    strength: str,
    required: Required,
    alone: bool,
    body: Callable[[Scope, str, str], None],
    many: bool = False,
) -> None:
    """Prints code that finds and locks the rows; `body` is given the scope, the address and the newest version. One row
    that is all that the statement changes is claimed: locked when it is changed. So are `many`, if that is said."""
    relation, width = node.relation, len(node.table.columns)
    others = {column for column in required | walk.columns(node.recheck) if column[0] != relation}
    wanted = others | {(relation, REF), (relation, WHOLE)}
    clauses, inside = compiler.clauses(function, node.input, Scope(), wanted)
    single = node.single and loop_count(clauses) == 0
    if not single:
        clauses, inside = kept(compiler, function, clauses, inside, wanted, node)
    ref = inside.columns[relation, REF]
    if not ref.isidentifier():
        name = compiler.module.name("ref")
        clauses.append(Let(name, ref))
        inside.columns[relation, REF] = ref = name
    if node.joined:
        function.add("done = set()")
        clauses.append(If(f"{ref} not in done"))
    locked = plan.LockedRelation(relation, node.table, strength, "wait")
    seen, newest, more = lock_one(compiler, inside, locked, "claim" if alone and (single or many) else "lock")
    clauses += more
    inside = replaced(inside, relation, width, newest)
    test, _ = compiler.condition(function, inside, node.recheck)
    if test:
        clauses.append(If(f"{unchanged(compiler, node.input, newest, seen)} or {test}"))

    def change() -> None:
        if node.joined:
            function.add(f"done.add({ref})")
        body(inside, ref, newest)

    nest(function, clauses, change)


# -- UPDATE and DELETE ------------------------------------------------------------------------------------


def _emit_update(compiler: Compiler, function: Function, node: physical.Update, alone: bool) -> None:
    changed = {assignment.position for assignment in (*node.assignments, *node.generated)}
    strength = "update" if changed & key_columns(node.table) else "no key update"
    verb = "update" if changed & mentioned_columns(node.table) else "rewrite"
    required = walk.columns((node.assignments, outputs(node.returning)))
    start(function, node.returning)

    def body(scope: Scope, ref: str, newest: str) -> None:
        new = NewRow(compiler, function, node.table, node.new_relation)
        new.texts = [f"{newest}[{place}]" for place in range(len(node.table.columns))]
        new.assign_all(scope, node.assignments)
        new.generate(node.generated, scope)
        row = new.check(node.checks, scope)
        function.add(f"rows.{verb}({node.table.id}, {ref}, {newest}, {row})")
        new.check_views(node.view_checks, scope)
        returned(compiler, function, new.scope(scope), node.returning)

    many = verb == "rewrite" and not node.joined
    _each_target(compiler, function, node, strength, required, alone, body, many)
    finish(function, node.returning)


def _emit_delete(compiler: Compiler, function: Function, node: physical.Delete, alone: bool) -> None:
    required = walk.columns(outputs(node.returning))
    start(function, node.returning)

    def body(scope: Scope, ref: str, newest: str) -> None:
        function.add(f"rows.delete({node.table.id}, {ref}, {newest})")
        returned(compiler, function, scope, node.returning)

    _each_target(compiler, function, node, "update", required, alone, body)
    finish(function, node.returning)


# -- INSERT -----------------------------------------------------------------------------------------------


def emit_row_maker(compiler: Compiler, function: Function, node: physical.Insert) -> bool:
    """The new row of an INSERT whose values are given once, for each of many sets of parameters: `add(row)`. False for
    other INSERTs, and for those that look at tables."""
    if node.on_conflict is not None or node.returning is not None or node.view_checks or node.source.ctes:
        return False
    required = walk.columns(node.row)
    clauses, inside = compiler.clauses(function, _source(node), Scope(), required)
    if loop_count(clauses):
        return False

    def body() -> None:
        new = NewRow(compiler, function, node.table, node.relation)
        for position, expression in enumerate(node.row):
            new.assign(inside, position, expression)
        new.generate(node.generated, inside)
        function.add(f"add({new.check(node.checks, inside)})")

    nest(function, clauses, body)
    looks = "rows" in function.names_used()
    return not (looks or compiler.module.slots or compiler.first_calls or compiler.module.has_functions)


def _source(node: physical.Insert) -> physical.Project:
    return physical.Project(
        input=node.source.input,
        relation=node.source_relation,
        expressions=tuple(output.expression for output in node.source.outputs),
        rows=node.source.rows,
    )


def _emit_insert(compiler: Compiler, function: Function, node: physical.Insert) -> None:
    define_tables(compiler, node.source.ctes)
    source = _source(node)
    required = walk.columns((node.row, outputs(node.returning)))
    clauses, inside = compiler.clauses(function, source, Scope(), required)
    singly = node.on_conflict is not None or node.returning is not None or loop_count(clauses) == 0
    start(function, node.returning)
    if node.on_conflict is not None and node.on_conflict.update is not None:
        function.add("done = set()")
    if not singly:
        function.add("batch = []")

    def body() -> None:
        new = NewRow(compiler, function, node.table, node.relation)
        for position, expression in enumerate(node.row):
            new.assign(inside, position, expression)
        new.generate(node.generated, inside)
        row = new.check(node.checks, inside)
        if node.on_conflict is not None:
            _insert_or_conflict(compiler, function, node, node.on_conflict, new, row, inside)
            return
        if singly:
            function.add(f"rows.insert({node.table.id}, {row})")
            new.check_views(node.view_checks, inside)
            returned(compiler, function, new.scope(inside), node.returning)
        else:
            new.check_views(node.view_checks, inside)
            function.add(f"batch.append({row})")
            with function.block(f"if len(batch) == {BATCH}:"):
                function.add(f"rows.insert_many({node.table.id}, batch)")
                function.add(f"count += {BATCH}")
                function.add("batch = []")

    nest(function, clauses, body)
    if not singly:
        with function.block("if batch:"):
            function.add(f"rows.insert_many({node.table.id}, batch)")
        function.add("count += len(batch)")
    finish(function, node.returning)


def _insert_or_conflict(
    compiler: Compiler,
    function: Function,
    node: physical.Insert,
    conflict: plan.OnConflict,
    new: NewRow,
    row: str,
    scope: Scope,
) -> None:
    """R42: the row goes in, or the row in its way is left alone or updated."""
    ref, other, existing = (compiler.module.name(prefix) for prefix in ("ref", "other", "x"))
    if not row.isidentifier():
        name = compiler.module.name("new")
        function.add(f"{name} = {row}")
        row = name
    lock = conflict.update is not None
    call = f"rows.insert_or_conflict({node.table.id}, {row}, {conflict.arbiters!r}, {lock})"
    function.add(f"{ref}, {other}, {existing} = {call}")
    with function.block(f"if {other} is None:"):
        new.check_views(node.view_checks, scope)  # a row that is not inserted need not be one of the view
        if lock:
            function.add(f"done.add({ref})")
        returned(compiler, function, new.scope(scope), node.returning)
    if conflict.update is None:
        return
    with function.block("else:"):
        _update_existing(compiler, function, node, conflict, row, other, existing, scope)


def _update_existing(
    compiler: Compiler,
    function: Function,
    node: physical.Insert,
    conflict: plan.OnConflict,
    row: str,
    other: str,
    existing: str,
    scope: Scope,
) -> None:
    assert conflict.update is not None
    width = len(node.table.columns)
    with function.block(f"if {other} in done:"):
        function.add(f"{compiler.module.constant(violations.second_conflict, 'f')}()")
    inside = scope.joined(opened(existing, row_layout(node.relation, width)))
    inside = inside.joined(opened(row, row_layout(conflict.excluded, width)))
    test = compiler.expressions(function, inside).truth(conflict.where) if conflict.where is not None else "True"
    with function.block(f"if {test}:"):
        function.add(f"done.add({other})")
        new = NewRow(compiler, function, node.table, node.relation)
        new.texts = [f"{existing}[{place}]" for place in range(width)]
        new.assign_all(inside, conflict.update)
        new.generate(node.generated, inside)
        changed = new.check(node.checks, inside)
        function.add(f"rows.update({node.table.id}, {other}, {existing}, {changed})")
        new.check_views(node.view_checks, inside)
        returned(compiler, function, new.scope(inside), node.returning)
