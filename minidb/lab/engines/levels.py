"""The isolation levels of other databases, and which one is meant when somebody asks for a level by its name.

A level can be asked for in two ways: by the name that its own manual uses ("repeatable read" of InnoDB), or by a level
of minidb whose promise it keeps: SERIALIZABLE of PostgreSQL is asked for by "ssi", that of InnoDB by "2pl". "ssi" is
also what minidb understands by the standard's word SERIALIZABLE, so whatever an engine calls SERIALIZABLE answers to
it; but a name of the engine's own comes first. A name that fits nothing is refused, never rounded to a neighbour.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from minidb.errors import InvalidParameterValue, NotSupportedError
from minidb.isolation import IsolationLevel


class Level(Struct, frozen=True):
    """One level of an engine.

    name: what the engine's manual calls it. sql: what asks the engine for it. like: the levels of minidb that also
    mean it, the most similar one first.
    """

    name: str
    sql: str
    like: tuple[IsolationLevel, ...]


def choose_level(levels: Sequence[Level], asked: str, engine: str) -> Level:
    """The level that `asked` names. Raises NotSupportedError (0A000) if the engine has none of that promise, and
    InvalidParameterValue (22023) if nobody has."""
    words = " ".join(asked.lower().replace("_", " ").replace("-", " ").split())
    for level in levels:
        if level.name == words:
            return level
    try:
        meant = IsolationLevel.parse(words)
    except InvalidParameterValue:
        raise unknown(levels, asked, engine) from None
    for level in levels:
        if meant in level.like:
            return level
    raise NotSupportedError(f"{engine} has no isolation level {asked!r}", hint=offered(levels))


def unknown(levels: Sequence[Level], asked: str, engine: str) -> InvalidParameterValue:
    return InvalidParameterValue(f"unknown isolation level for {engine}: {asked!r}", hint=offered(levels))


def offered(levels: Sequence[Level]) -> str:
    return f"It has {', '.join(repr(level.name) for level in levels)}."
