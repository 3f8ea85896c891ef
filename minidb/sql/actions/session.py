"""Actions of the grammar's sections Transactions and Session and tools."""

from __future__ import annotations

from typing import Any

from minidb.errors import InvalidParameterValue, NotSupportedError
from minidb.sql import ast
from minidb.sql.actions.definitions import DefinitionActions, Field
from minidb.sql.ast import Expression, Name, Option, QualifiedName, Query, Statement
from minidb.sql.lalr import Constant

_ISOLATION = {
    "read uncommitted": "read uncommitted",
    "read committed": "read committed",
    "snapshot": "snapshot",
    "repeatable read": "snapshot",
    "serializable": "ssi",
    "serializable ssi": "ssi",
    "serializable 2pl": "2pl",
    "serializable serial": "serial",
}
_FLAGS: dict[str | int | None, bool] = {
    **dict.fromkeys((None, "on", "true", "yes", 1), True),
    **dict.fromkeys(("off", "false", "no", 0), False),
}

AnalyzedTables = tuple[tuple[QualifiedName, tuple[Name, ...]], ...]
_EXPLAIN_OPTIONS = ("costs", "settings", "buffers", "wal", "timing", "summary")  # PostgreSQL's that mean nothing here
_VACUUM_OPTIONS = ("full", "analyze", "verbose")
_VACUUM_WITHOUT_EFFECT = (
    *("freeze", "disable_page_skipping", "skip_locked", "index_cleanup", "process_toast", "truncate", "parallel"),
)


class SessionActions(DefinitionActions):
    # -- transactions -----------------------------------------------------------------------------------------

    def begin(self, at: int, *parts: Any) -> Statement:
        return ast.Begin(self._modes(parts[-1], at), at=at)

    def commit(self, at: int, work: None, chain: bool) -> Statement:
        return ast.Commit(chain, at=at)

    def rollback(self, at: int, work: None, chain: bool) -> Statement:
        return ast.Rollback(chain, at=at)

    def savepoint(self, at: int, name: str) -> Statement:
        return ast.Savepoint(name, at=at)

    def rollback_to(self, at: int, work: None, keyword: bool, name: str) -> Statement:
        return ast.RollbackTo(name, at=at)

    def release(self, at: int, keyword: bool, name: str) -> Statement:
        return ast.Release(name, at=at)

    def set_transaction(self, at: int, modes: tuple[Field, ...]) -> Statement:
        return ast.SetTransaction(self._modes(modes, at), at=at)

    def set_characteristics(self, at: int, modes: tuple[Field, ...]) -> Statement:
        return ast.SetTransaction(self._modes(modes, at), True, at=at)

    def set_constraints(self, at: int, names: tuple[QualifiedName, ...], deferred: bool) -> Statement:
        return ast.SetConstraints(names, deferred, at=at)

    def _modes(self, modes: tuple[Field, ...], at: int) -> ast.TransactionModes:
        return ast.TransactionModes(**self.fields(modes, at), at=at)

    no_modes = Constant(())

    def modes(self, at: int, mode: Field) -> tuple[Field, ...]:
        return (mode,)

    def more_modes(self, at: int, modes: tuple[Field, ...], mode: Field) -> tuple[Field, ...]:
        return (*modes, mode)

    def isolation_mode(self, at: int, level: str) -> Field:
        return "isolation", _ISOLATION[level]

    read_only = Constant(("read_only", True))
    read_write = Constant(("read_only", False))
    mode_deferrable = Constant(("deferrable", True))
    mode_not_deferrable = Constant(("deferrable", False))

    def lock(
        self, at: int, table: bool, only: bool, tables: tuple[QualifiedName, ...], mode: Any, nowait: bool
    ) -> Statement:
        return ast.LockTable(tables, mode or "access exclusive", nowait, at=at)

    # -- settings ---------------------------------------------------------------------------------------------

    def set_setting(self, at: int, local: bool, name: QualifiedName, sign: None, values: tuple[Any, ...]) -> Statement:
        return ast.SetSetting(".".join(name.parts), values, local, at=at)

    def set_time_zone(self, at: int, local: bool, values: tuple[Any, ...]) -> Statement:
        return ast.SetSetting("timezone", values, local, at=at)

    def reset(self, at: int, name: QualifiedName) -> Statement:
        return ast.Reset(".".join(name.parts), at=at)

    def reset_all(self, at: int) -> Statement:
        return ast.Reset(None, at=at)

    def show(self, at: int, name: QualifiedName) -> Statement:
        return ast.Show(".".join(name.parts), at=at)

    def show_all(self, at: int) -> Statement:
        return ast.Show(None, at=at)

    def show_isolation(self, at: int) -> Statement:
        return ast.Show("transaction_isolation", at=at)

    def show_time_zone(self, at: int) -> Statement:
        return ast.Show("timezone", at=at)

    def discard(self, at: int, what: Any) -> Statement:
        return ast.Discard(what, at=at)

    # -- prepared statements and cursors ----------------------------------------------------------------------

    def prepare(self, at: int, name: str, types: tuple[ast.TypeName, ...], statement: Statement) -> Statement:
        return ast.Prepare(name, types, statement, at=at)

    def execute(self, at: int, name: str, arguments: tuple[Expression, ...] = ()) -> Statement:
        return ast.Execute(name, arguments, at=at)

    def deallocate(self, at: int, keyword: bool, name: str) -> Statement:
        return ast.Deallocate(name, at=at)

    def deallocate_all(self, at: int, keyword: bool) -> Statement:
        return ast.Deallocate(None, at=at)

    def declare_cursor(
        self, at: int, name: str, options: tuple[bool | None, ...], hold: bool, query: Query
    ) -> Statement:
        scrolls = [option for option in options if option is not None]
        return ast.DeclareCursor(name, query, scrolls[-1] if scrolls else None, hold, at=at)

    def fetch(self, at: int, direction: tuple[Any, int | None], cursor: str) -> Statement:
        return ast.Fetch(cursor, *direction, at=at)

    def move(self, at: int, direction: tuple[Any, int | None], cursor: str) -> Statement:
        return ast.Fetch(cursor, *direction, True, at=at)

    def close(self, at: int, cursor: str) -> Statement:
        return ast.Close(cursor, at=at)

    def close_all(self, at: int) -> Statement:
        return ast.Close(None, at=at)

    def fetch_next(self, at: int, from_: None) -> tuple[str, int | None]:
        return "forward", 1

    def fetch_prior(self, at: int, from_: None) -> tuple[str, int | None]:
        return "backward", 1

    def fetch_first_row(self, at: int, from_: None) -> tuple[str, int | None]:
        return "absolute", 1

    def fetch_last_row(self, at: int, from_: None) -> tuple[str, int | None]:
        return "absolute", -1

    def fetch_absolute(self, at: int, count: int, from_: None) -> tuple[str, int | None]:
        return "absolute", count

    def fetch_relative(self, at: int, count: int, from_: None) -> tuple[str, int | None]:
        return "relative", count

    def fetch_forward(self, at: int, count: int, from_: None) -> tuple[str, int | None]:
        return ("forward", count) if count >= 0 else ("backward", -count)

    def fetch_backward(self, at: int, count: int, from_: None) -> tuple[str, int | None]:
        return ("backward", count) if count >= 0 else ("forward", -count)

    def fetch_all(self, at: int, from_: None) -> tuple[str, int | None]:
        return "forward", None

    def fetch_backward_all(self, at: int, from_: None) -> tuple[str, int | None]:
        return "backward", None

    # -- tools ------------------------------------------------------------------------------------------------

    def explain_plain(self, at: int, statement: Statement) -> Statement:
        return ast.Explain(statement, at=at)

    def explain(self, at: int, flags: dict[str, Any], statement: Statement) -> Statement:
        return ast.Explain(statement, **flags, at=at)

    def explain_analyze(self, at: int, verbose: bool) -> dict[str, bool]:
        return {"analyze": True, "verbose": verbose}

    def explain_verbose(self, at: int) -> dict[str, bool]:
        return {"verbose": True}

    def explain_options(self, at: int, options: tuple[Option, ...], statement: Statement) -> Statement:
        flags: dict[str, Any] = {}
        others = []
        for option in options:
            if option.name in ("analyze", "verbose", "code"):
                flags[option.name] = self._flag(option)
            elif option.name == "format":
                flags["format"] = self._format(option)
            else:
                self._known("EXPLAIN", option, _EXPLAIN_OPTIONS)
                self._flag(option)
                others.append(option)
        return ast.Explain(statement, **flags, options=tuple(others), at=at)

    def _known(self, command: str, option: Option, names: tuple[str, ...]) -> None:
        if option.name not in names:
            self.fail(f'unrecognized {command} option "{option.name}"', option.at)

    def _flag(self, option: Option) -> bool:
        if option.value not in _FLAGS:
            self.fail(f"{option.name} requires a Boolean value", option.at)
        return _FLAGS[option.value]

    def _format(self, option: Option) -> str:
        if option.value not in ("text", "json"):
            raise InvalidParameterValue(
                f'unrecognized value for EXPLAIN option "format": "{option.value}"',
                position=option.at,
                statement=self.text,
                hint="The formats are text and json.",
            )
        return str(option.value)

    def vacuum(self, at: int, full: bool, verbose: bool, analyze: bool, tables: AnalyzedTables) -> Statement:
        return self._vacuum(at, tables, {"full": full, "verbose": verbose, "analyze": analyze})

    def vacuum_options(self, at: int, options: tuple[Option, ...], tables: AnalyzedTables) -> Statement:
        flags = {}
        for option in options:
            self._known("VACUUM", option, (*_VACUUM_OPTIONS, *_VACUUM_WITHOUT_EFFECT))
            if option.name in _VACUUM_OPTIONS:
                flags[option.name] = self._flag(option)
        return self._vacuum(at, tables, flags)

    def _vacuum(self, at: int, tables: AnalyzedTables, flags: dict[str, bool]) -> Statement:
        for table, columns in tables:
            if columns and not flags.get("analyze"):
                raise NotSupportedError(
                    "ANALYZE option must be specified when a column list is provided",
                    position=table.at,
                    statement=self.text,
                )
        return ast.Vacuum(tables, **flags, at=at)

    def analyze(self, at: int, verbose: bool, tables: AnalyzedTables) -> Statement:
        return ast.Analyze(tables, verbose, at=at)

    def analyze_options(self, at: int, options: tuple[Option, ...], tables: AnalyzedTables) -> Statement:
        flags = {}
        for option in options:
            self._known("ANALYZE", option, ("verbose", "skip_locked"))
            flags[option.name] = self._flag(option)
        return ast.Analyze(tables, flags.get("verbose", False), at=at)

    def checkpoint(self, at: int) -> Statement:
        return ast.Checkpoint(at=at)

    def call_statement(self, at: int, name: QualifiedName, arguments: tuple[Expression, ...]) -> Statement:
        return ast.Call(name, arguments, at=at)
