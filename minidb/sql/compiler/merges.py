"""MERGE: each row of the join is judged by the WHEN clauses, once, or again when its target row has changed meanwhile.

    for m in rows of the join:          kept in a list: a change must not meet its own results
        ref, x = address and row of the target, or None
        while True:
            if x is None:
                the NOT MATCHED clauses, each ending in break
            else:
                the MATCHED clauses: test; lock; where the row has changed, `continue` with its newest version, or with
                x = None if it is gone or does not meet the join's condition any more (R36); change; break
            break

A clause locks the row only when it changes it: DO NOTHING and rows that no clause fits are only read.
"""

from __future__ import annotations

from minidb.sql import physical, plan
from minidb.sql.compiler import violations
from minidb.sql.compiler.clauses import nest
from minidb.sql.compiler.core import Compiler
from minidb.sql.compiler.emitter import Function
from minidb.sql.compiler.locking import replaced
from minidb.sql.compiler.new_rows import NewRow, finish, kept, key_columns, outputs, returned, start
from minidb.sql.compiler.scope import Scope, opened, row_layout
from minidb.sql.physical import REF, WHOLE
from minidb.sql.rules import walk

BATCH = 1000  # rows that are inserted at once where nobody asks for them


def emit_merge(compiler: Compiler, function: Function, node: physical.Merge) -> None:
    wanted = {column for column in _mentioned(node) if column[0] not in (node.relation, node.new_relation)}
    wanted |= {(node.relation, REF), (node.relation, WHOLE)}
    clauses, inside = compiler.clauses(function, node.input, Scope(), wanted)
    clauses, inside = kept(compiler, function, clauses, inside, wanted, node)
    start(function, node.returning)
    function.add("done = set()")
    function.add("batch = []")
    nest(function, clauses, lambda: _Merge(compiler, function, node, inside).emit())
    with function.block("if batch:"):
        function.add(f"rows.insert_many({node.table.id}, batch)")
    finish(function, node.returning)


def _mentioned(node: physical.Merge) -> set[tuple[int, int]]:
    actions = tuple((a.condition, a.row, a.assignments) for a in node.actions)
    return walk.columns((actions, node.recheck, outputs(node.returning), node.present))


class _Merge:
    """The body of the loop. `ref` and `row` are names in the generated function."""

    def __init__(self, compiler: Compiler, function: Function, node: physical.Merge, scope: Scope) -> None:
        self.compiler = compiler
        self.function = function
        self.node = node
        self.source = scope
        self.ref = compiler.module.name("ref")
        self.row = compiler.module.name("x")
        self.width = len(node.table.columns)
        self.both = replaced(scope, node.relation, self.width, self.row)

    def emit(self) -> None:
        node, function = self.node, self.function
        function.add(f"{self.ref} = {self.source.columns[node.relation, REF]}")
        function.add(f"{self.row} = {self.source.columns[node.relation, WHOLE]}")
        with function.block("while True:"):
            with function.block(f"if {self.row} is None:"):
                self.missing()
            with function.block("else:"):
                self.present()
            function.add("break")

    def missing(self) -> None:
        """No target row. One that vanished is of no source row if the source had none for it."""
        test = f"{self.present_text()}" if self.node.present is not None else "True"
        with self.function.block(f"if {test}:"):
            self.function.add("pass")
            for action in self.node.actions:
                if action.match == "not matched":
                    self.clause(action, self.source)

    def present(self) -> None:
        function = self.function
        with function.block(f"if {self.present_text()}:"):
            function.add("pass")
            for action in self.node.actions:
                if action.match == "matched":
                    self.clause(action, self.both)
        with function.block("else:"):
            function.add("pass")
            for action in self.node.actions:
                if action.match == "not matched by source":
                    self.clause(action, self.both)

    def present_text(self) -> str:
        if self.node.present is None:
            return "True"
        return self.compiler.expressions(self.function, self.source).value(self.node.present)

    # -- one clause

    def clause(self, action: plan.MergeAction, scope: Scope) -> None:
        test = "True"
        if action.condition is not None:
            test, scope = self.compiler.condition(self.function, scope, (action.condition,))
        with self.function.block(f"if {test}:"):
            getattr(self, action.kind)(action, scope)
            self.function.add("break")

    def nothing(self, action: plan.MergeAction, scope: Scope) -> None:
        """DO NOTHING."""

    def insert(self, action: plan.MergeAction, scope: Scope) -> None:
        node, function = self.node, self.function
        new = NewRow(self.compiler, function, node.table, node.new_relation)
        for position, expression in enumerate(action.row):
            new.assign(scope, position, expression)
        new.generate(node.generated, scope)
        row = new.check(node.checks, scope)
        if node.returning is not None:
            function.add(f"rows.insert({node.table.id}, {row})")
        else:
            function.add(f"batch.append({row})")
            with function.block(f"if len(batch) == {BATCH}:"):
                function.add(f"rows.insert_many({node.table.id}, batch)")
                function.add("batch = []")
        returned(self.compiler, function, new.scope(scope), node.returning)

    def update(self, action: plan.MergeAction, scope: Scope) -> None:
        node, function = self.node, self.function
        changed = {assignment.position for assignment in (*action.assignments, *node.generated)}
        self.lock("update" if changed & key_columns(node.table) else "no key update", action)
        new = NewRow(self.compiler, function, node.table, node.new_relation)
        new.texts = [f"{self.row}[{place}]" for place in range(self.width)]
        new.assign_all(scope, action.assignments)
        new.generate(node.generated, scope)
        row = new.check(node.checks, scope)
        function.add(f"rows.update({node.table.id}, {self.ref}, {self.row}, {row})")
        returned(self.compiler, function, new.scope(scope), node.returning)

    def delete(self, action: plan.MergeAction, scope: Scope) -> None:
        node = self.node
        self.lock("update", action)
        self.function.add(f"rows.delete({node.table.id}, {self.ref}, {self.row})")
        deleted = scope.joined(opened(self.row, row_layout(node.new_relation, self.width)))
        returned(self.compiler, self.function, deleted, node.returning)

    def lock(self, strength: str, action: plan.MergeAction) -> None:
        """Locks the row; if it is another one by now, all clauses are asked again."""
        node, function, name = self.node, self.function, self.compiler.module.name
        with function.block(f"if {self.ref} in done:"):
            function.add(f"{self.compiler.module.constant(violations.second_merge, 'f')}()")
        newest = name("y")
        function.add(f"{newest} = rows.lock({node.table.id}, {self.ref}, {self.row}, {strength!r})")
        with function.block(f"if {newest} is not {self.row}:"):
            test = f"{newest} is not None"
            if action.match == "matched" and node.recheck:
                again = replaced(self.source, node.relation, self.width, newest)
                met, _ = self.compiler.condition(function, again, node.recheck)
                test = f"{test} and ({met})"
            function.add(f"{self.row} = {newest} if {test} else None")
            function.add("continue")
        function.add(f"done.add({self.ref})")
