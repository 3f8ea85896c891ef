"""`statement_timeout`: a statement that another thread stops."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Timer
from typing import TYPE_CHECKING

from minidb.errors import QueryCanceled
from minidb.results import Result

if TYPE_CHECKING:
    from minidb.session import Session


def run_timed(session: Session, run: Callable[[], Result]) -> Result:
    """Runs a statement that another thread stops when `statement_timeout` is over; its rows are fetched within it."""
    expired = Event()

    def stop() -> None:
        expired.set()
        session.interrupt()

    timer = Timer(session.settings["statement_timeout"], stop)
    timer.daemon = True
    session.timed = True
    timer.start()
    try:
        result = run()
        if result.stream is not None:
            result.stream.fetch_rest()
        return result
    except QueryCanceled as error:
        if expired.is_set():
            raise QueryCanceled("canceling statement due to statement timeout") from error
        raise
    finally:
        session.timed = False
        timer.cancel()
