"""Whether a procedure takes the arguments of a call by name: CALL, `callproc` and `call("name", ...)` ask beforehand.

What does not fit is then an error of the caller, as it is for a function of SQL, and a TypeError that the procedure
raises itself stays what it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidb import errors
from minidb.types import adapt


def check_arguments(name: str, procedure: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Raises UndefinedFunction unless `procedure(connection, *arguments)` is a call that Python accepts."""
    from inspect import signature  # only here: it is slow to import

    try:
        expected = signature(procedure)
    except (TypeError, ValueError):  # built into Python: it says nothing of its parameters
        return
    try:
        expected.bind(None, *arguments)
    except TypeError as error:
        kinds = ", ".join([str(adapt(argument)[0]) for argument in arguments])
        raise errors.UndefinedFunction(
            f"procedure {name}({kinds}) does not exist",
            hint=f"It is registered as {name}{expected}, where the first argument is the connection: {error}.",
        ) from None


__all__ = ["check_arguments"]
