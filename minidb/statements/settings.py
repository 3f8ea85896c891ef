"""SHOW, SET and RESET: what a setting is called, where its value is, and who may change it when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidb.errors import Error, InvalidParameterValue, UndefinedObject
from minidb.isolation import IsolationLevel
from minidb.results import Result
from minidb.setting_changes import change as change_setting
from minidb.settings import boolean, parse_setting, show_setting
from minidb.sql import ast
from minidb.statements.transactions import change_modes, set_session_modes
from minidb.types import TEXT

if TYPE_CHECKING:
    from minidb.session import Parameters, Session

LEVEL_SETTINGS = ("transaction_isolation", "default_transaction_isolation")
FLAG_SETTINGS = ("transaction_read_only", "default_transaction_read_only")
SPELLED = {"timezone": "TimeZone", "datestyle": "DateStyle", "intervalstyle": "IntervalStyle"}
DEFER_SETTINGS = ("transaction_deferrable", "default_transaction_deferrable")


def shown(session: Session, name: str) -> str:
    """The value of a setting as SHOW prints it."""
    name = name.lower()
    if name in ("transaction_isolation", "transaction isolation level"):
        return session.transaction_level or session.isolation_level
    if name == "default_transaction_isolation":
        return session.isolation_level
    if name in FLAG_SETTINGS:
        txn = session.txn
        default = session.read_only or session.default_read_only
        return show_setting(name, txn.read_only if txn is not None and name.startswith("t") else default)
    if name in DEFER_SETTINGS:
        txn = session.txn
        current = txn.deferrable if txn is not None and name.startswith("t") else session.default_deferrable
        return show_setting(name, current)
    if name == "durability":
        return session.durability
    if name not in session.settings:
        raise UndefinedObject(f'unrecognized configuration parameter "{name}"')
    return show_setting(name, session.settings[name])


def show(session: Session, statement: ast.Show, sql: str, parameters: Parameters | None) -> Result:
    if statement.name is None:
        names = sorted([*session.settings, *LEVEL_SETTINGS, *FLAG_SETTINGS, *DEFER_SETTINGS, "durability"])
        return Result("SHOW", (("name", TEXT), ("setting", TEXT)), [(n, shown(session, n)) for n in names])
    name = SPELLED.get(statement.name.lower(), statement.name)
    return Result("SHOW", ((name, TEXT),), [(shown(session, statement.name),)])


def set_setting(session: Session, statement: ast.SetSetting, sql: str, parameters: Parameters | None) -> Result:
    result = Result("SET")
    if statement.local and session.autocommit and not session.explicit:
        result.notice("SET LOCAL can only be used in transaction blocks")
    assign(session, statement.name.lower(), statement.values, statement.local)
    return result


def reset(session: Session, statement: ast.Reset, sql: str, parameters: Parameters | None) -> Result:
    names = [statement.name.lower()] if statement.name is not None else list(session.settings)
    for name in names:
        assign(session, name, (), False)
    return Result("RESET")


def assign(session: Session, name: str, values: tuple[Any, ...], local: bool) -> None:
    if name in (*LEVEL_SETTINGS, *FLAG_SETTINGS, *DEFER_SETTINGS):
        assign_mode(session, name, values, local)
        return
    if name == "durability":
        value = str(values[0]).lower() if values else "full"
        if value not in ("full", "normal", "off"):
            raise InvalidParameterValue(f"durability is one of full, normal, off, not {value!r}")
        change_setting(session, name, value, local)
        return
    change_setting(session, name, parse_setting(name, values), local)


def level_of(name: str, value: Any) -> IsolationLevel:
    try:
        return IsolationLevel.parse(str(value))
    except Error as error:
        raise InvalidParameterValue(f'invalid value for parameter "{name}": "{value}"', hint=error.hint) from None


def assign_mode(session: Session, name: str, values: tuple[Any, ...], local: bool) -> None:
    """`transaction_...` is of the open transaction, if there is one; `default_transaction_...` of the next ones."""
    if name in LEVEL_SETTINGS:
        modes = ast.TransactionModes(isolation=level_of(name, values[0] if values else "read committed").value)
    elif name in FLAG_SETTINGS:
        modes = ast.TransactionModes(read_only=bool(values) and boolean(name, values[0]))
    else:
        modes = ast.TransactionModes(deferrable=bool(values) and boolean(name, values[0]))
    if name.startswith("transaction") and (session.explicit or not session.autocommit):
        change_modes(session, modes)
    else:
        set_session_modes(session, modes, local)
