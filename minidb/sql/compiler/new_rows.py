"""What the statements that change data have in common: gathered targets, rows under construction, RETURNING."""

from __future__ import annotations

from collections.abc import Iterable

from minidb import schema
from minidb.sql import physical, plan
from minidb.sql.compiler import violations
from minidb.sql.compiler.clauses import Clauses, For
from minidb.sql.compiler.core import Compiler, Required, fill_list
from minidb.sql.compiler.emitter import Function
from minidb.sql.compiler.scope import ColumnKey, Scope, opened, row_layout
from minidb.sql.compiler.subqueries import row
from minidb.sql.rules import walk


def key_columns(table: schema.Table) -> set[int]:
    """Columns that a foreign key could refer to: a change of one takes the stronger row lock (R44)."""
    found: set[int] = set()
    for index in table.indexes:
        if index.unique and index.where is None and all(key.position is not None for key in index.keys):
            found.update(key.position for key in index.keys if key.position is not None)
    return found


def mentioned_columns(table: schema.Table) -> set[int]:
    """Columns that an index or a reference knows; all of them where an expression has to be asked."""
    found: set[int] = set()
    for index in table.indexes:
        if index.where is not None or any(key.position is None for key in index.keys):
            return set(range(len(table.columns)))
        found.update(key.position for key in index.keys if key.position is not None)
    return found.union(*(constraint.columns for constraint in table.foreign_keys))


def kept(
    compiler: Compiler, function: Function, clauses: Clauses, scope: Scope, wanted: Required, node: physical.Node
) -> tuple[Clauses, Scope]:
    """The rows of `node` in a list, or in a file where they are too many."""
    text, layout = scope.layout({column for column in wanted if column in scope.columns})
    name, row = compiler.module.name("l"), compiler.module.name("m")
    guard, whole = compiler.overflow(function, name, node)
    fill_list(function, name, clauses, text, guard)
    compiler.note(function, name, node)
    return [For(row, whole)], opened(row, layout)


def start(function: Function, returning: object) -> None:
    function.add("count = 0")
    if returning is not None:
        function.add("out = []")


def finish(function: Function, returning: object) -> None:
    function.add(f"return count, {'out' if returning is not None else 'None'}")


def returned(compiler: Compiler, function: Function, scope: Scope, returning: tuple[plan.Output, ...] | None) -> None:
    function.add("count += 1")
    if returning is not None:
        text = compiler.expressions(function, scope).tuple_of([output.expression for output in returning])
        function.add(f"out.append({text})")


def outputs(returning: tuple[plan.Output, ...] | None) -> tuple[plan.Expression, ...]:
    return tuple(output.expression for output in returning or ())


class NewRow:
    """A row under construction: `texts[i]` is the source of column i."""

    def __init__(self, compiler: Compiler, function: Function, table: schema.Table, relation: int) -> None:
        self.compiler = compiler
        self.function = function
        self.table = table
        self.relation = relation
        self.texts: list[str] = ["None"] * len(table.columns)
        self.nullable: set[int] = set()  # new values that may be NULL
        self.changed: set[int] = set()

    def assign_all(self, scope: Scope, assignments: Iterable[plan.Assignment]) -> None:
        """Those of SET, from the row that `scope` offers."""
        for assignment in assignments:
            if assignment.row is not None:
                scope = self._with_row(scope, assignment.row)
            self.assign(scope, assignment.position, assignment.expression)

    def _with_row(self, scope: Scope, source: plan.RowSource) -> Scope:
        """`scope` and the columns of a subquery that is run here."""
        name = self.compiler.module.name("w")
        self.function.add(f"{name} = {row(self.compiler.expressions(self.function, scope), source.plan)}")
        return scope.joined(opened(name, row_layout(source.relation, len(source.plan.outputs))))

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

    def check_views(self, checks: tuple[tuple[str, plan.Expression], ...], outer: Scope) -> None:
        """Prints the tests of WITH CHECK OPTION."""
        constant = self.compiler.module.constant
        scope = self.scope(outer)
        for view, condition in checks:
            test = self.compiler.expressions(self.function, scope).truth(condition)
            with self.function.block(f"if not ({test}):"):
                row = f"({', '.join(self.texts)},)"
                table = constant(self.table, "table")
                self.function.add(f"{constant(violations.view_violation, 'f')}({table}, {constant(view)}, {row})")

    def _concerned(self, name: str, expression: plan.Expression) -> bool:
        """A validated CHECK over columns that stay as they are holds already."""
        if any(check.name == name and not check.validated for check in self.table.checks):
            return True
        mentioned = {position for relation, position in walk.columns(expression) if relation == self.relation}
        return not mentioned or bool(mentioned & self.changed) or len(self.changed) == len(self.texts)
