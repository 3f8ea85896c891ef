"""Ctrl-C: a KeyboardInterrupt must not fly out of the middle of the engine (R72).

While a statement runs in the main thread, the signal handler only asks the session to stop; the statement ends at
its next safe point with QueryCanceled, and the driver raises KeyboardInterrupt in its place. Everywhere else the
handler does what Python's own does. It is installed over Python's default handler only, when the first connection is
opened from the main thread, and taken away with the last one.

Whether a statement is running is read off the stack of the interrupted thread: the functions marked `interruptible`
have a local variable `connection`; inside of one marked `user_code` the program is at work, not the engine. So a
statement pays nothing for this.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, Protocol, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


class Interruptible(Protocol):
    _signalled: bool

    def interrupt(self) -> None: ...


class Interrupts:
    """The handler and the functions that it knows. `opened` and `closed` count the connections."""

    def __init__(self) -> None:
        self._engine: set[CodeType] = set()
        self._program: set[CodeType] = set()
        self._connections = 0

    def interruptible(self, function: Function) -> Function:
        """Marks a function that runs a statement for the connection in its local variable `connection`."""
        self._engine.add(function.__code__)
        return function

    def user_code(self, function: Function) -> Function:
        """Marks a function that the engine calls and that runs the program's own code."""
        self._program.add(function.__code__)
        return function

    def opened(self) -> None:
        self._connections += 1
        if in_main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self.handle)

    def closed(self) -> None:
        self._connections -= 1
        if self._connections <= 0 and in_main_thread() and signal.getsignal(signal.SIGINT) == self.handle:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def handle(self, number: int, frame: FrameType | None) -> None:
        connection = self._running(frame)
        if connection is None:
            signal.default_int_handler(number, frame)
        else:
            connection._signalled = True
            connection.interrupt()

    def _running(self, frame: FrameType | None) -> Interruptible | None:
        while frame is not None:
            if frame.f_code in self._program:
                return None
            if frame.f_code in self._engine:
                connection: Interruptible | None = frame.f_locals.get("connection")
                return connection
            frame = frame.f_back
        return None


def in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


interrupts = Interrupts()  # a process has one SIGINT handler, hence one of these
