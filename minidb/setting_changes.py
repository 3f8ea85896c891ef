"""What a transaction has changed of its session's settings: a rollback takes it back.

    SET x = 2           note: x was 1                               ROLLBACK, ROLLBACK TO   x = 1 again
    SET LOCAL x = 3     note: x was 2; after the commit it is 2     COMMIT                  x = 2

The notes are a list; a savepoint remembers how long it was, and returning to it undoes the notes behind that place, the
last one first. A SET after a SET LOCAL holds beyond the commit again. Outside of a transaction nothing is noted.

The modes of the session's next transactions and its durability are settings like the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minidb.session.options import SessionOptions

# Settings that are attributes of the session.
ATTRIBUTES = {
    "durability": "durability",
    "default_transaction_isolation": "level",
    "default_transaction_read_only": "default_read_only",
    "default_transaction_deferrable": "default_deferrable",
}
NOT_LOCAL = object()  # the value is the same after the commit


class SettingChanges:
    """The changes of one transaction."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, Any, Any]] = []  # name, value before, value that would have held after the commit
        self.lasting: dict[str, Any] = {}  # values that hold after the commit, of those that SET LOCAL has changed

    def note(self, name: str, before: Any, local: bool) -> None:
        """The setting is about to be changed."""
        self.notes.append((name, before, self.lasting.get(name, NOT_LOCAL)))
        if local:
            self.lasting.setdefault(name, before)
        else:
            self.lasting.pop(name, None)

    def roll_back(self, session: SessionOptions, place: int) -> None:
        """Undoes all but the first `place` notes."""
        undone = self.notes[place:]
        del self.notes[place:]
        for name, before, lasting in reversed(undone):
            put(session, name, before)
            if lasting is NOT_LOCAL:
                self.lasting.pop(name, None)
            else:
                self.lasting[name] = lasting
        if undone:
            session.settings_changed()

    def commit(self, session: SessionOptions) -> None:
        """SET LOCAL ends."""
        lasting, self.lasting = self.lasting, {}
        self.notes = []
        for name, value in lasting.items():
            put(session, name, value)
        if lasting:
            session.settings_changed()


def change(session: SessionOptions, name: str, value: Any, local: bool = False) -> None:
    """SET. LOCAL outside of a transaction is over at once."""
    if session.txn is not None:
        session.setting_changes.note(name, value_of(session, name), local)
    elif local:
        return
    put(session, name, value)
    session.settings_changed()


def value_of(session: SessionOptions, name: str) -> Any:
    attribute = ATTRIBUTES.get(name)
    return session.settings.get(name, "") if attribute is None else getattr(session, attribute)


def put(session: SessionOptions, name: str, value: Any) -> None:
    """Sets the value, also where somebody else acts by it; `settings_changed` is left to the caller."""
    attribute = ATTRIBUTES.get(name)
    if attribute is not None:
        setattr(session, attribute, value)
        return
    session.settings[name] = value
    txn = session.txn
    if name == "minidb.keep_versions":
        with session.manager.latch:
            session.manager.past.keep(session, value)
    elif txn is not None and name == "lock_timeout":
        txn.lock_timeout = value
    elif txn is not None and name == "deadlock_timeout":
        txn.deadlock_timeout = value
    elif txn is not None and name == "minidb.transaction_memory":
        txn.memory_limit = value


__all__ = ["SettingChanges", "change"]
