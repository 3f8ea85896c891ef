"""What a test wants to come of an exploration: nothing wrong, but for what it allows, and what it expects."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from msgspec import Struct

from minidb.errors import InvalidParameterValue
from minidb.lab.anomalies import SINGLE_NAMES, SKEW_NAMES
from minidb.lab.cycles import CODES
from minidb.lab.explorer import Exploration, Finding

INVARIANT = "invariant"
LONGER = "serialization anomaly"  # of more transactions than have a name of their own
NAMES = (
    "dirty write", "aborted read", "intermediate read", "circular information flow",
    *(name for name, _ in (*SINGLE_NAMES, *SKEW_NAMES)), LONGER,
)
ALL_CODES = tuple(dict.fromkeys(("G0", "G1a", "G1b", *CODES)))


class Wishes(Struct, frozen=True):
    """allow: anomalies that may come. expect: what must come, anomalies or "invariant". Names or codes."""

    allow: tuple[str, ...] = ()
    expect: tuple[str, ...] = ()

    def unwanted(self, exploration: Exploration) -> list[Finding]:
        """What must not have been found, anomalies first, the most frequent first."""
        found = [finding for finding in exploration.findings.values() if not self.tolerates(finding)]
        return sorted(found, key=lambda finding: (finding.is_invariant, -finding.interleavings))

    def tolerates(self, finding: Finding) -> bool:
        if finding.is_invariant:
            return bool(self.expect)
        return any(is_called(finding, name) for name in (*self.allow, *self.expect))

    def missing(self, exploration: Exploration) -> list[str]:
        """What should have been found."""
        found = exploration.findings.values()
        return [name for name in self.expect if not any(is_called(finding, name) for finding in found)]


def is_called(finding: Finding, name: str) -> bool:
    if finding.is_invariant:
        return name == INVARIANT
    anomaly = finding.anomaly
    return name in (anomaly.code, anomaly.name) or (name == LONGER and anomaly.name.startswith(LONGER))


def names_of(text: str | Iterable[str]) -> tuple[str, ...]:
    """Names as they are written here. Raises InvalidParameterValue for one that nobody knows."""
    return tuple(map(known, sorted([text] if isinstance(text, str) else text)))


def known(name: str) -> str:
    wanted = " ".join(name.lower().replace("_", " ").split())
    every = {each.lower(): each for each in (*NAMES, *ALL_CODES, INVARIANT)}
    if wanted in every:
        return every[wanted]
    close = get_close_matches(wanted, every, 1)
    hint = f"Did you mean {every[close[0]]!r}?" if close else f"The names are {', '.join(every.values())}."
    raise InvalidParameterValue(f"unknown anomaly: {name!r}", hint=hint)


__all__ = ["Wishes", "names_of"]
