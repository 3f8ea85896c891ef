"""What a Python function does, for everything that it can be answered: a tree that grows with each performance.

    withdraw:  BEGIN --ok--> SELECT balance --(100)--> UPDATE --ok--> COMMIT --ok--> returns True
                                            \\--(30)--> ROLLBACK --ok--> returns False

Exploring rests on one thing: a function that is answered the same does the same. One that draws random numbers, looks
at the clock or at a global variable, does not, and everything said about it would be wrong. So each call is compared
with the one that the same answers have led to before.

Calls and answers are compared as text. What is returned is data or it is not: of other objects only the type counts.
"""

from __future__ import annotations

import re
from typing import Any

from minidb.errors import InvalidParameterValue

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
LONGEST = 200  # characters of a call in an error


class Point:
    """Where a function stands: what it does next, and where each answer leads."""

    __slots__ = ("after", "call")

    def __init__(self) -> None:
        self.call: str | None = None
        self.after: dict[str, Point] = {}


class Behaviour:
    """Of one function, through all performances."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.start = Point()


class Walk:
    """One performance of it."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.point = behaviour.start
        self.made = 0

    def does(self, call: str) -> None:
        """The function makes this call, or ends so. Raises InvalidParameterValue if it did not, the last time."""
        self.made += 1
        if self.point.call is None:
            self.point.call = call
        elif self.point.call != call:
            raise self.error(self.point.call, call)

    def is_answered(self, answer: str) -> None:
        self.point = self.point.after.setdefault(answer, Point())

    def error(self, before: str, now: str) -> InvalidParameterValue:
        return InvalidParameterValue(
            f"{self.behaviour.name} is not deterministic: after the same answers it did something else",
            detail=f"As number {self.made} it did: {cut(before)}\nand now it does: {cut(now)}",
            hint="A function is run many times. Nothing in it may depend on random numbers, on the clock, or on "
            "variables that outlive it.",
        )


def cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def shown(value: Any) -> str:
    """A value as text: equal values have the same, wherever they lie in memory."""
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(shown, value)))}}}"
    if isinstance(value, list | tuple):
        return f"({', '.join(map(shown, value))})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{shown(key)}: {shown(each)}' for key, each in value.items())}}}"
    if getattr(type(value), "__repr__", None) is object.__repr__:
        return type(value).__name__
    return ADDRESS.sub("", repr(value))


__all__ = ["Behaviour", "Walk", "shown"]
