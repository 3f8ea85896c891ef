"""Statements that change data, control transactions and the session, as SQL."""

from __future__ import annotations

from minidb.sql import ast
from minidb.sql.printing.base import columns, name, prints, string, when
from minidb.sql.printing.queries import QueryPrinter

_ISOLATION = {
    "read uncommitted": "READ UNCOMMITTED",
    "read committed": "READ COMMITTED",
    "snapshot": "SNAPSHOT",
    "2pl": "SERIALIZABLE 2PL",
    "ssi": "SERIALIZABLE",
    "serial": "SERIALIZABLE SERIAL",
}
_READ_ONLY = {True: " READ ONLY", False: " READ WRITE", None: ""}
_DEFERRABLE = {True: " DEFERRABLE", False: " NOT DEFERRABLE", None: ""}
_SCROLL = {True: " SCROLL", False: " NO SCROLL", None: ""}


class StatementPrinter(QueryPrinter):
    # -- changing data ----------------------------------------------------------------------------------------

    def returning(self, targets: tuple[ast.Target, ...]) -> str:
        return self.clause("RETURNING", targets)

    @prints(ast.Insert)
    def insert(self, node: ast.Insert) -> str:
        overriding = "" if node.overriding is None else f" OVERRIDING {node.overriding.upper()} VALUE"
        source = "DEFAULT VALUES" if node.source is None else self.text(node.source)
        conflict = "" if node.on_conflict is None else f" {self.text(node.on_conflict)}"
        return (
            f"{self.with_(node.with_)}INSERT INTO {self.text(node.table)}{columns(node.columns)}{overriding}"
            f" {source}{conflict}{self.returning(node.returning)}"
        )

    @prints(ast.OnConflict)
    def on_conflict(self, node: ast.OnConflict) -> str:
        target = f" ({self.list(node.keys)}){self.optional('WHERE', node.keys_where)}" if node.keys else ""
        target += self.optional("ON CONSTRAINT", node.constraint)
        if node.action == "nothing":
            return f"ON CONFLICT{target} DO NOTHING"
        return f"ON CONFLICT{target} DO UPDATE SET {self.list(node.assignments)}{self.optional('WHERE', node.where)}"

    @prints(ast.Assignment)
    def assignment(self, node: ast.Assignment) -> str:
        target = columns(node.columns)[1:] if node.multiple else name(node.columns[0].value)
        subscripts = "".join([f"[{self.subscript(index)}]" for index in node.subscripts])
        return f"{target}{subscripts} = {self.text(node.value)}"

    def subscript(self, node: ast.Expression) -> str:
        if not isinstance(node, ast.AssignedSlice):
            return self.text(node)
        low, high = ["" if bound is None else self.text(bound) for bound in (node.low, node.high)]
        return f"{low} : {high}".strip()

    @prints(ast.Update)
    def update(self, node: ast.Update) -> str:
        return (
            f"{self.with_(node.with_)}UPDATE {self.text(node.table)} SET {self.list(node.assignments)}"
            f"{self.from_list('FROM', node.from_items)}{self.optional('WHERE', node.where)}"
            f"{self.returning(node.returning)}"
        )

    @prints(ast.Delete)
    def delete(self, node: ast.Delete) -> str:
        return (
            f"{self.with_(node.with_)}DELETE FROM {self.text(node.table)}{self.from_list('USING', node.using)}"
            f"{self.optional('WHERE', node.where)}{self.returning(node.returning)}"
        )

    @prints(ast.Merge)
    def merge(self, node: ast.Merge) -> str:
        clauses = "".join([f" {self.text(clause)}" for clause in node.clauses])
        return (
            f"{self.with_(node.with_)}MERGE INTO {self.text(node.table)} USING {self.text(node.source)}"
            f" ON {self.text(node.on)}{clauses}{self.returning(node.returning)}"
        )

    @prints(ast.MergeWhen)
    def merge_when(self, node: ast.MergeWhen) -> str:
        return f"WHEN {node.match.upper()}{self.optional('AND', node.condition)} THEN {self.text(node.action)}"

    @prints(ast.MergeUpdate)
    def merge_update(self, node: ast.MergeUpdate) -> str:
        return f"UPDATE SET {self.list(node.assignments)}"

    @prints(ast.MergeDelete)
    def merge_delete(self, node: ast.MergeDelete) -> str:
        return "DELETE"

    @prints(ast.MergeNothing)
    def merge_nothing(self, node: ast.MergeNothing) -> str:
        return "DO NOTHING"

    @prints(ast.MergeInsert)
    def merge_insert(self, node: ast.MergeInsert) -> str:
        if node.values is None:
            return "INSERT DEFAULT VALUES"
        overriding = "" if node.overriding is None else f" OVERRIDING {node.overriding.upper()} VALUE"
        return f"INSERT{columns(node.columns)}{overriding} VALUES ({self.list(node.values)})"

    @prints(ast.Copy)
    def copy(self, node: ast.Copy) -> str:
        source = self.text(node.source)
        if isinstance(node.source, ast.Query):
            source = f"({source})"
        stream = "STDIN" if node.direction == "from" else "STDOUT"
        file = stream if node.file is None else string(node.file)
        return (
            f"COPY {source}{columns(node.columns)} {node.direction.upper()} {file}"
            f"{self.options(node.options, 'WITH')}{self.optional('WHERE', node.where)}"
        )

    # -- transactions -----------------------------------------------------------------------------------------

    @prints(ast.TransactionModes)
    def modes(self, node: ast.TransactionModes) -> str:
        isolation = "" if node.isolation is None else f" ISOLATION LEVEL {_ISOLATION[node.isolation]}"
        return f"{isolation}{_READ_ONLY[node.read_only]}{_DEFERRABLE[node.deferrable]}"

    @prints(ast.Begin)
    def begin(self, node: ast.Begin) -> str:
        return f"BEGIN{self.text(node.modes)}"

    @prints(ast.Commit, ast.Rollback)
    def commit(self, node: ast.Commit | ast.Rollback) -> str:
        return f"{type(node).__name__.upper()}{when(node.chain, 'AND CHAIN')}"

    @prints(ast.Savepoint)
    def savepoint(self, node: ast.Savepoint) -> str:
        return f"SAVEPOINT {name(node.name)}"

    @prints(ast.RollbackTo)
    def rollback_to(self, node: ast.RollbackTo) -> str:
        return f"ROLLBACK TO SAVEPOINT {name(node.name)}"

    @prints(ast.Release)
    def release(self, node: ast.Release) -> str:
        return f"RELEASE SAVEPOINT {name(node.name)}"

    @prints(ast.SetTransaction)
    def set_transaction(self, node: ast.SetTransaction) -> str:
        scope = "SESSION CHARACTERISTICS AS TRANSACTION" if node.session else "TRANSACTION"
        return f"SET {scope}{self.text(node.modes)}"

    @prints(ast.SetConstraints)
    def set_constraints(self, node: ast.SetConstraints) -> str:
        return f"SET CONSTRAINTS {self.list(node.names) or 'ALL'} {'DEFERRED' if node.deferred else 'IMMEDIATE'}"

    @prints(ast.LockTable)
    def lock(self, node: ast.LockTable) -> str:
        return f"LOCK TABLE {self.list(node.tables)} IN {node.mode.upper()} MODE{when(node.nowait, 'NOWAIT')}"

    # -- session ----------------------------------------------------------------------------------------------

    @prints(ast.SetSetting)
    def set_setting(self, node: ast.SetSetting) -> str:
        values = ", ".join([string(value) if isinstance(value, str) else str(value) for value in node.values])
        return f"SET {'LOCAL ' if node.local else ''}{_setting(node.name)} = {values or 'DEFAULT'}"

    @prints(ast.Reset)
    def reset(self, node: ast.Reset) -> str:
        return f"RESET {_setting(node.name)}"

    @prints(ast.Show)
    def show(self, node: ast.Show) -> str:
        return f"SHOW {_setting(node.name)}"

    @prints(ast.Discard)
    def discard(self, node: ast.Discard) -> str:
        return f"DISCARD {node.what.upper()}"

    @prints(ast.Prepare)
    def prepare(self, node: ast.Prepare) -> str:
        types = f" ({self.list(node.types)})" if node.types else ""
        return f"PREPARE {name(node.name)}{types} AS {self.text(node.statement)}"

    @prints(ast.Execute)
    def execute(self, node: ast.Execute) -> str:
        arguments = f" ({self.list(node.arguments)})" if node.arguments else ""
        return f"EXECUTE {name(node.name)}{arguments}"

    @prints(ast.Deallocate)
    def deallocate(self, node: ast.Deallocate) -> str:
        return f"DEALLOCATE {_or_all(node.name)}"

    @prints(ast.DeclareCursor)
    def declare_cursor(self, node: ast.DeclareCursor) -> str:
        hold = " WITH HOLD" if node.hold else ""
        return f"DECLARE {name(node.name)}{_SCROLL[node.scroll]} CURSOR{hold} FOR {self.text(node.query)}"

    @prints(ast.Fetch)
    def fetch(self, node: ast.Fetch) -> str:
        count = "ALL" if node.count is None else str(node.count)
        return f"{'MOVE' if node.move else 'FETCH'} {node.direction.upper()} {count} FROM {name(node.cursor)}"

    @prints(ast.Close)
    def close(self, node: ast.Close) -> str:
        return f"CLOSE {_or_all(node.cursor)}"

    # -- tools ------------------------------------------------------------------------------------------------

    @prints(ast.Explain)
    def explain(self, node: ast.Explain) -> str:
        flags = [flag for flag in ("analyze", "verbose", "code") if getattr(node, flag)]
        if node.format != "text":
            flags.append(f"format {node.format}")
        flags += [self.text(option) for option in node.options]
        return f"EXPLAIN {'(' + ', '.join(flags) + ') ' if flags else ''}{self.text(node.statement)}"

    @prints(ast.Vacuum)
    def vacuum(self, node: ast.Vacuum) -> str:
        flags = "".join([when(getattr(node, flag), flag.upper()) for flag in ("full", "verbose", "analyze")])
        tables = self._analyzed(node.tables)
        return f"VACUUM{flags}{when(tables, tables)}"

    def _analyzed(self, tables: tuple[tuple[ast.QualifiedName, tuple[ast.Name, ...]], ...]) -> str:
        return ", ".join([f"{self.text(table)}{columns(listed)}" for table, listed in tables])

    @prints(ast.Analyze)
    def analyze(self, node: ast.Analyze) -> str:
        tables = self._analyzed(node.tables)
        return f"ANALYZE{when(node.verbose, 'VERBOSE')}{when(tables, tables)}"

    @prints(ast.Checkpoint)
    def checkpoint(self, node: ast.Checkpoint) -> str:
        return "CHECKPOINT"

    @prints(ast.Call)
    def call_statement(self, node: ast.Call) -> str:
        return f"CALL {self.text(node.name)}({self.list(node.arguments)})"


def _or_all(text: str | None) -> str:
    return "ALL" if text is None else name(text)


def _setting(text: str | None) -> str:
    return "ALL" if text is None else ".".join(name(part) for part in text.split("."))
