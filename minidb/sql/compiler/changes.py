"""INSERT, UPDATE and DELETE.

UPDATE and DELETE find their rows first and keep (address, row, what else they need) in a list: a change must not meet
its own results (the Halloween problem), and joins may find a row twice. Then each row is locked, asked again if it
changed meanwhile (R35, R36), and changed. A row that is found by its key needs no list: the function has no loop at
all.

The generated function returns (number of rows, rows of RETURNING or None).
"""

from __future__ import annotations

from collections.abc import Callable

from minidb import schema
from minidb.sql import physical, plan
from minidb.sql.compiler import violations
from minidb.sql.compiler.clauses import Clauses, For, If, Let, loop_count, nest
from minidb.sql.compiler.core import Compiler, Required, fill_list
from minidb.sql.compiler.emitter import Function
from minidb.sql.compiler.locking import lock_one, replaced
from minidb.sql.compiler.scope import ColumnKey, Scope, opened, row_layout
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


def emit_changes(compiler: Compiler, function: Function, node: physical.Node) -> None:
    if isinstance(node, physical.Insert):
        _emit_insert(compiler, function, node)
    elif isinstance(node, physical.Update):
        _emit_update(compiler, function, node)
    else:
        assert isinstance(node, physical.Delete)
        _emit_delete(compiler, function, node)


def key_columns(table: schema.Table) -> set[int]:
    """Columns that a foreign key could refer to: a change of one takes the stronger row lock (R44)."""
    found: set[int] = set()
    for index in table.indexes:
        if index.unique and index.where is None and all(key.position is not None for key in index.keys):
            found.update(key.position for key in index.keys if key.position is not None)
    return found


# -- the rows to change -----------------------------------------------------------------------------------


def _each_target(
    compiler: Compiler,
    function: Function,
    node: physical.Update | physical.Delete,
    strength: str,
    required: Required,
    body: Callable[[Scope, str, str], None],
) -> None:
    """Prints code that finds and locks the rows; `body` is given the scope, the address and the newest version."""
    relation, width = node.relation, len(node.table.columns)
    others = {column for column in required | walk.columns(node.recheck) if column[0] != relation}
    wanted = others | {(relation, REF), (relation, WHOLE)}
    clauses, inside = compiler.clauses(function, node.input, Scope(), wanted)
    if not (node.single and loop_count(clauses) == 0):
        clauses, inside = _kept(compiler, function, clauses, inside, wanted)
    ref = inside.columns[relation, REF]
    if not ref.isidentifier():
        name = compiler.module.name("ref")
        clauses.append(Let(name, ref))
        inside.columns[relation, REF] = ref = name
    if node.joined:
        function.add("done = set()")
        clauses.append(If(f"{ref} not in done"))
    locked = plan.LockedRelation(relation, node.table, strength, "wait")
    seen, newest, more = lock_one(compiler, inside, locked)
    clauses += more
    inside = replaced(inside, relation, width, newest)
    test, _ = compiler.condition(function, inside, node.recheck)
    if test:
        clauses.append(If(f"{newest} is {seen} or {test}"))

    def change() -> None:
        if node.joined:
            function.add(f"done.add({ref})")
        body(inside, ref, newest)

    nest(function, clauses, change)


def _kept(
    compiler: Compiler, function: Function, clauses: Clauses, scope: Scope, wanted: Required
) -> tuple[Clauses, Scope]:
    text, layout = scope.layout({column for column in wanted if column in scope.columns})
    name, row = compiler.module.name("l"), compiler.module.name("m")
    fill_list(function, name, clauses, text)
    return [For(row, name)], opened(row, layout)


def _start(function: Function, returning: object) -> None:
    function.add("count = 0")
    if returning is not None:
        function.add("out = []")


def _finish(function: Function, returning: object) -> None:
    function.add(f"return count, {'out' if returning is not None else 'None'}")


def _returned(compiler: Compiler, function: Function, scope: Scope, returning: tuple[plan.Output, ...] | None) -> None:
    function.add("count += 1")
    if returning is not None:
        text = compiler.expressions(function, scope).tuple_of([output.expression for output in returning])
        function.add(f"out.append({text})")


# -- new rows ---------------------------------------------------------------------------------------------


class _NewRow:
    """A row under construction: `texts[i]` is the source of column i."""

    def __init__(self, compiler: Compiler, function: Function, table: schema.Table, relation: int) -> None:
        self.compiler = compiler
        self.function = function
        self.table = table
        self.relation = relation
        self.texts: list[str] = ["None"] * len(table.columns)
        self.nullable: set[int] = set()  # new values that may be NULL
        self.changed: set[int] = set()

    def assign(self, scope: Scope, position: int, expression: plan.Expression) -> None:
        site = self.compiler.expressions(self.function, scope)
        text = site.value(expression)
        if not text.isidentifier() and not isinstance(expression, plan.Constant):
            name = self.compiler.module.name("v")
            self.function.add(f"{name} = {text}")
            text = name
        self.texts[position] = text
        self.changed.add(position)
        if site.nullable(expression):
            self.nullable.add(position)

    def scope(self, outer: Scope) -> Scope:
        """`outer` and the new row's columns."""
        columns: dict[ColumnKey, str] = {(self.relation, place): text for place, text in enumerate(self.texts)}
        result = outer.copy()
        result.known = {column for column in outer.known if column[0] != self.relation}
        result.known |= {(self.relation, place) for place in self.changed - self.nullable}
        result.tuples = tuple(t for t in outer.tuples if not any(c[0] == self.relation for c in t[1]))
        result.columns.update(columns)
        return result

    def generate(self, generated: tuple[plan.Assignment, ...], outer: Scope) -> None:
        for assignment in generated:
            self.assign(self.scope(outer), assignment.position, assignment.expression)

    def check(self, checks: tuple[tuple[str, plan.Expression], ...], outer: Scope) -> str:
        """Prints the tests of NOT NULL and CHECK; returns the source of the row."""
        row = f"({', '.join(self.texts)},)" if self.texts else "()"
        wanting = [p for p in sorted(self.changed & self.nullable) if self.table.columns[p].not_null]
        relevant = [(n, e) for n, e in checks if self._concerned(n, e)]
        if not wanting and not relevant:
            return row
        name = self.compiler.module.name("new")
        self.function.add(f"{name} = {row}")
        constant = self.compiler.module.constant
        table = constant(self.table, "table") if wanting or relevant else ""
        for position in wanting:
            with self.function.block(f"if {self.texts[position]} is None:"):
                self.function.add(f"{constant(violations.null_violation, 'f')}({table}, {position}, {name})")
        scope = self.scope(outer)
        scope.known |= {(self.relation, position) for position in wanting}
        for check, expression in relevant:
            test = self.compiler.expressions(self.function, scope).falsity(expression)
            with self.function.block(f"if {test}:"):
                call = f"{constant(violations.check_violation, 'f')}({table}, {constant(check)}, {name})"
                self.function.add(call)
        return name

    def _concerned(self, name: str, expression: plan.Expression) -> bool:
        """A validated CHECK over columns that stay as they are holds already."""
        if any(check.name == name and not check.validated for check in self.table.checks):
            return True
        mentioned = {position for relation, position in walk.columns(expression) if relation == self.relation}
        return not mentioned or bool(mentioned & self.changed) or len(self.changed) == len(self.texts)


# -- UPDATE and DELETE ------------------------------------------------------------------------------------


def _emit_update(compiler: Compiler, function: Function, node: physical.Update) -> None:
    changed = {assignment.position for assignment in (*node.assignments, *node.generated)}
    strength = "update" if changed & key_columns(node.table) else "no key update"
    required = walk.columns((tuple(a.expression for a in node.assignments), _outputs(node.returning)))
    _start(function, node.returning)

    def body(scope: Scope, ref: str, newest: str) -> None:
        new = _NewRow(compiler, function, node.table, node.new_relation)
        new.texts = [f"{newest}[{place}]" for place in range(len(node.table.columns))]
        for assignment in node.assignments:
            new.assign(scope, assignment.position, assignment.expression)
        new.generate(node.generated, scope)
        row = new.check(node.checks, scope)
        function.add(f"rows.update({node.table.id}, {ref}, {newest}, {row})")
        _returned(compiler, function, new.scope(scope), node.returning)

    _each_target(compiler, function, node, strength, required, body)
    _finish(function, node.returning)


def _emit_delete(compiler: Compiler, function: Function, node: physical.Delete) -> None:
    required = walk.columns(_outputs(node.returning))
    _start(function, node.returning)

    def body(scope: Scope, ref: str, newest: str) -> None:
        function.add(f"rows.delete({node.table.id}, {ref}, {newest})")
        _returned(compiler, function, scope, node.returning)

    _each_target(compiler, function, node, "update", required, body)
    _finish(function, node.returning)


def _outputs(returning: tuple[plan.Output, ...] | None) -> tuple[plan.Expression, ...]:
    return tuple(output.expression for output in returning or ())


# -- INSERT -----------------------------------------------------------------------------------------------


def _emit_insert(compiler: Compiler, function: Function, node: physical.Insert) -> None:
    define_tables(compiler, node.source.ctes)
    source = physical.Project(
        input=node.source.input,
        relation=node.source_relation,
        expressions=tuple(output.expression for output in node.source.outputs),
        rows=node.source.rows,
    )
    required = walk.columns((node.row, _outputs(node.returning)))
    clauses, inside = compiler.clauses(function, source, Scope(), required)
    singly = node.on_conflict is not None or node.returning is not None or loop_count(clauses) == 0
    _start(function, node.returning)
    if node.on_conflict is not None and node.on_conflict.update is not None:
        function.add("done = set()")
    if not singly:
        function.add("batch = []")

    def body() -> None:
        new = _NewRow(compiler, function, node.table, node.relation)
        for position, expression in enumerate(node.row):
            new.assign(inside, position, expression)
        new.generate(node.generated, inside)
        row = new.check(node.checks, inside)
        if node.on_conflict is not None:
            _insert_or_conflict(compiler, function, node, node.on_conflict, new, row, inside)
        elif singly:
            function.add(f"rows.insert({node.table.id}, {row})")
            _returned(compiler, function, new.scope(inside), node.returning)
        else:
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
    _finish(function, node.returning)


def _insert_or_conflict(
    compiler: Compiler,
    function: Function,
    node: physical.Insert,
    conflict: plan.OnConflict,
    new: _NewRow,
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
        if lock:
            function.add(f"done.add({ref})")
        _returned(compiler, function, new.scope(scope), node.returning)
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
        new = _NewRow(compiler, function, node.table, node.relation)
        new.texts = [f"{existing}[{place}]" for place in range(width)]
        for assignment in conflict.update:
            new.assign(inside, assignment.position, assignment.expression)
        new.generate(node.generated, inside)
        changed = new.check(node.checks, inside)
        function.add(f"rows.update({node.table.id}, {other}, {existing}, {changed})")
        _returned(compiler, function, new.scope(inside), node.returning)
