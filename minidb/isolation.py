"""The isolation levels by name. What a level does is in `txn.isolation`; this is only how people say it."""

from __future__ import annotations

from enum import StrEnum

from minidb.errors import InvalidParameterValue


class IsolationLevel(StrEnum):
    """The six levels; the value is the canonical name that SHOW and the getter return."""

    READ_UNCOMMITTED = "read uncommitted"
    READ_COMMITTED = "read committed"
    SNAPSHOT = "snapshot"
    TWO_PHASE_LOCKING = "2pl"
    SSI = "ssi"
    SERIAL = "serial"

    def __str__(self) -> str:
        return self.value

    @classmethod
    def parse(cls, name: str | IsolationLevel) -> IsolationLevel:
        """The level called `name`: its canonical name, its SQL name or a short one, in any case.

        Raises InvalidParameterValue (22023) for anything else."""
        if isinstance(name, cls):
            return name
        if isinstance(name, str):
            level = ALIASES.get(" ".join(name.lower().replace("_", " ").replace("-", " ").split()))
            if level is not None:
                return level
        known = ", ".join(repr(level.value) for level in cls)
        raise InvalidParameterValue(f"unknown isolation level: {name!r}", hint=f"The levels are {known}.")


ALIASES = {
    "read uncommitted": IsolationLevel.READ_UNCOMMITTED,
    "ru": IsolationLevel.READ_UNCOMMITTED,
    "read committed": IsolationLevel.READ_COMMITTED,
    "rc": IsolationLevel.READ_COMMITTED,
    "snapshot": IsolationLevel.SNAPSHOT,
    "snapshot isolation": IsolationLevel.SNAPSHOT,
    "si": IsolationLevel.SNAPSHOT,
    "repeatable read": IsolationLevel.SNAPSHOT,
    "rr": IsolationLevel.SNAPSHOT,
    "2pl": IsolationLevel.TWO_PHASE_LOCKING,
    "serializable 2pl": IsolationLevel.TWO_PHASE_LOCKING,
    "two phase locking": IsolationLevel.TWO_PHASE_LOCKING,
    "ssi": IsolationLevel.SSI,
    "serializable": IsolationLevel.SSI,
    "serializable ssi": IsolationLevel.SSI,
    "serial": IsolationLevel.SERIAL,
    "serializable serial": IsolationLevel.SERIAL,
}
