"""idle_in_transaction_session_timeout: a transaction that its session has left lying open is rolled back.

    verb begins -> enter: the timer is off     verb ends, a transaction is open -> leave: the timer runs
                                                                                     |
                            next verb: 25P03  <- the transaction is rolled back  <- fire

The timer's thread ends the transaction itself, so that its locks are free at once; everything of the session it leaves
to the session's own thread, which is told at its next verb. A result that is still being fetched is work, not idleness.

A session without the setting pays nothing: its verbs are wrapped, on the session itself, when it is set.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minidb.errors import InvalidTransactionState

if TYPE_CHECKING:
    from minidb.session import Session

VERBS = ("execute", "execute_many", "begin", "commit", "rollback", "savepoint", "rollback_to", "release", "close")


class IdleWatch:
    """Watches one session."""

    def __init__(self, session: Session) -> None:
        self._session = weakref.ref(session)
        self._mutex = threading.Lock()  # taken before the latch
        self._depth = 0  # verbs call each other
        self._timer: threading.Timer | None = None
        self._expired = False
        self.seconds: float | None = None

    def wrap(self, name: str, verb: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **options: Any) -> Any:
            session = self._session()
            assert session is not None, "its verb was called"
            self.enter(session, name)
            try:
                return verb(session, *args, **options)
            finally:
                self.leave(session)

        return watched

    def enter(self, session: Session, name: str) -> None:
        with self._mutex:
            self._depth += 1
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            expired, self._expired = self._expired, False
        if expired:
            session.abort_transaction()
            session.state = "failed"
            if name not in ("rollback", "close"):
                if name == "commit":
                    session.forget_transaction()
                with self._mutex:
                    self._depth -= 1
                raise InvalidTransactionState(
                    "the transaction was rolled back due to idle-in-transaction timeout", sqlstate="25P03"
                )

    def leave(self, session: Session) -> None:
        with self._mutex:
            self._depth -= 1
            if not self._depth and session.state == "active" and self.seconds is not None:
                self._start(self.seconds)

    def _start(self, seconds: float) -> None:
        timer = self._timer = threading.Timer(seconds, self._fire)
        timer.daemon = True
        timer.start()

    def _fire(self) -> None:
        with self._mutex:
            session = self._session()
            if session is None or self._timer is not threading.current_thread():
                return
            if any(True for _ in session.streams) and self.seconds is not None:
                self._start(self.seconds)
            elif session.txn is not None:
                session.manager.abort(session.txn)
                self._expired = True


def watch_idle(session: Session, seconds: float | None) -> None:
    """The setting has this value now."""
    watch: IdleWatch | None = session.idle_watch
    if watch is None:
        if seconds is None:
            return
        watch = session.idle_watch = IdleWatch(session)
        for name in VERBS:
            setattr(session, name, watch.wrap(name, getattr(type(session), name)))
    watch.seconds = seconds


__all__ = ["IdleWatch", "watch_idle"]
