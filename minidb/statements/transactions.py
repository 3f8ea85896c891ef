"""BEGIN, COMMIT and ROLLBACK, savepoints, SET TRANSACTION."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidb.errors import ActiveTransaction, NoActiveTransaction
from minidb.isolation import IsolationLevel
from minidb.results import Result, failed_transaction
from minidb.setting_changes import SettingChanges
from minidb.setting_changes import change as change_setting
from minidb.sql import ast

if TYPE_CHECKING:
    from minidb.session import Session


def begin(session: Session, statement: ast.Begin) -> Result:
    modes = statement.modes
    session.begin(isolation_level=modes.isolation, read_only=modes.read_only, deferrable=modes.deferrable)
    return Result("BEGIN")


def commit(session: Session, statement: ast.Commit) -> Result:
    ended = ending(session, "COMMIT", statement.chain)
    modes = session.txn
    if modes is not None:
        modes.interrupted = False  # whoever interrupted nothing does not mean this
    ended.tag = session.commit()
    chain(session, statement.chain, modes)
    return ended


def rollback(session: Session, statement: ast.Rollback) -> Result:
    ended = ending(session, "ROLLBACK", statement.chain)
    modes = session.txn
    session.rollback()
    chain(session, statement.chain, modes)
    return ended


def ending(session: Session, command: str, chained: bool) -> Result:
    """The result of a statement that ends the transaction; without one it says so."""
    result = Result(command)
    if session.state == "idle" and session.autocommit:
        result.notice("there is no transaction in progress")
    if session.state == "idle" and chained:
        raise NoActiveTransaction(f"{command} AND CHAIN can only be used in transaction blocks")
    return result


def chain(session: Session, chained: bool, modes: Any) -> None:
    if chained and modes is not None:
        session.begin(isolation_level=modes.policy.level, read_only=modes.read_only, deferrable=modes.deferrable)


def savepoint(session: Session, statement: ast.Savepoint) -> Result:
    session.savepoint(statement.name)
    return Result("SAVEPOINT")


def rollback_to(session: Session, statement: ast.RollbackTo) -> Result:
    session.rollback_to(statement.name)
    return Result("ROLLBACK")


def release(session: Session, statement: ast.Release) -> Result:
    session.release(statement.name)
    return Result("RELEASE")


def set_transaction(session: Session, statement: ast.SetTransaction) -> Result:
    modes = statement.modes
    if statement.session:
        set_session_modes(session, modes)
        return Result("SET")
    if session.state == "failed":
        raise failed_transaction()
    if session.autocommit and not session.explicit:
        result = Result("SET")
        result.notice("SET TRANSACTION can only be used in transaction blocks")
        return result
    change_modes(session, modes)
    return Result("SET")


def set_session_modes(session: Session, modes: ast.TransactionModes, local: bool = False) -> None:
    if modes.isolation is not None:
        change_setting(session, "default_transaction_isolation", IsolationLevel.parse(modes.isolation), local)
    if modes.read_only is not None:
        change_setting(session, "default_transaction_read_only", modes.read_only, local)
    if modes.deferrable is not None:
        change_setting(session, "default_transaction_deferrable", modes.deferrable, local)


def change_modes(session: Session, modes: ast.TransactionModes) -> None:
    """Begins the open transaction again, in other modes; only READ ONLY may come later than the first query."""
    txn = session.open_transaction()
    if session.started or session.savepoints:
        if modes.isolation is None and modes.deferrable is None and modes.read_only:
            txn.narrowed = txn.narrowed or not txn.read_only
            txn.read_only = True
            return
        if modes.isolation is not None:
            raise ActiveTransaction("SET TRANSACTION ISOLATION LEVEL must be called before any query")
        if modes.read_only is False:
            if not txn.read_only:
                return
            raise ActiveTransaction("transaction read-write mode must be set before any query")
        raise ActiveTransaction("SET TRANSACTION [NOT] DEFERRABLE must be called before any query")
    explicit, changes = session.explicit, session.setting_changes
    session.setting_changes = SettingChanges()
    session.rollback()
    session.start_transaction(
        IsolationLevel.parse(modes.isolation or txn.policy.level),
        txn.read_only if modes.read_only is None else modes.read_only,
        txn.deferrable if modes.deferrable is None else modes.deferrable,
    )
    session.explicit, session.setting_changes = explicit, changes
