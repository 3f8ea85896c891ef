"""What a session has been told: by whoever opened it, by SET, by what it was connected with.

`quick` holds the compiled statements that a text alone stands for; whatever may change what a text means empties it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from minidb import schema, translation
from minidb.isolation import IsolationLevel
from minidb.setting_changes import SettingChanges
from minidb.settings import DEFAULTS, profile_of
from minidb.statement_cache import Compiled, StatementCache
from minidb.txn.alone import LoneWriter
from minidb.txn.rows import RowDoor
from minidb.txn.temporary import Temporary
from minidb.txn.transaction import Transaction

if TYPE_CHECKING:
    from minidb.database import Database
    from minidb.sql.functions.in_python import PythonFunctions

NOTHING_QUICK: dict[str, Compiled] = {}


class SessionOptions:
    """
    Attributes:
        default_read_only: as SET SESSION CHARACTERISTICS says; `read_only` is the connection's, and final.
        quick: what is compiled, by text; empty where a statement may mean something else here.
        reader: for reads outside of transactions, at the present level.
        safe_reader: the same at SSI, while its snapshots are safe.
        writer: for single changes outside of transactions, at the present level.
        python: functions written in Python, once there are some.
    """

    txn: Transaction | None = None
    closed = False

    def __init__(self, database: Database, *, number: int, isolation_level: str | None, autocommit: bool,
                 durability: str, lock_timeout: float | None, read_only: bool) -> None:
        self.database = database
        self.manager = database.manager
        self.relations = database.relations
        self.number = number
        self.name: str | None = None
        self.autocommit = autocommit
        self.durability = durability
        self.read_only = read_only
        self.default_read_only = False
        self.default_deferrable = False
        self.setting_changes = SettingChanges()
        self.quick = NOTHING_QUICK
        self.settings = {**DEFAULTS, "lock_timeout": lock_timeout}
        self.reader: RowDoor | None = None
        self.safe_reader: RowDoor | None = None
        self.writer: LoneWriter | None = None
        self.level = IsolationLevel.parse(isolation_level) if isolation_level else IsolationLevel.READ_COMMITTED
        self.temporary = Temporary()
        self.python: PythonFunctions | None = None
        self.own_statements = StatementCache()
        self._translator: Any = None

    @property
    def level(self) -> IsolationLevel:
        """That of transactions which do not say another."""
        return self._level

    @level.setter
    def level(self, level: IsolationLevel) -> None:
        self._level = level
        self.reader = self.safe_reader = self.writer = None

    @property
    def isolation_level(self) -> str:
        return self.level.value

    @isolation_level.setter
    def isolation_level(self, level: str) -> None:
        self.level = IsolationLevel.parse(level)

    @property
    def settings(self) -> dict[str, Any]:
        """The values of SET; `settings_changed` must be told of changes."""
        return self._settings

    @settings.setter
    def settings(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self.settings_changed()

    def settings_changed(self) -> None:
        self.quick = NOTHING_QUICK
        self.profile = profile_of(self._settings)

    @property
    def translator(self) -> Any:
        """sql.dialects.translator.Translator, for a dialect that is not ours."""
        return self._translator

    @translator.setter
    def translator(self, translator: Any) -> None:
        self._translator = translator
        self.quick = NOTHING_QUICK

    @property
    def dialect(self) -> str | None:
        """The SQL that the session is spoken to in; None for our own."""
        return None if self.translator is None else str(self.translator.dialect)

    @dialect.setter
    def dialect(self, dialect: str | None) -> None:
        own = dialect is None or translation.is_own(dialect)
        self.translator = None if own else translation.translator_of(str(dialect))

    @property
    def lock_timeout(self) -> float | None:
        value: float | None = self.settings["lock_timeout"]
        return value

    @lock_timeout.setter
    def lock_timeout(self, seconds: float | None) -> None:
        self.settings["lock_timeout"] = seconds
        if self.txn is not None:
            self.txn.lock_timeout = seconds

    # -- what follows from it

    @property
    def transaction_level(self) -> str | None:
        return None if self.txn is None else self.txn.policy.level

    @property
    def catalog(self) -> schema.Catalog:
        if self.txn is None:
            return self.temporary.over(self.relations)
        return self.relations.visible_catalog(self.txn)

    @property
    def statements(self) -> StatementCache:
        """Compiled statements; those of a session with temporary tables mean others than everybody else's."""
        return self.database.statements if self.temporary.empty and self.python is None else self.own_statements

    @property
    def label(self) -> str:
        return self.name or f"session {self.number}"

    def current_time(self) -> datetime:
        return datetime.fromtimestamp(self.database.clock(), UTC)


__all__ = ["NOTHING_QUICK", "SessionOptions"]
