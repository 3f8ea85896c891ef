"""The laboratory on top of the database: schedules, every interleaving of them, and the reason for what came of it.

    from minidb.lab import explore, load

    found = explore(load("write_skew.spec"), level="snapshot")
    found.serializable                 # False
    found.findings                     # write skew, in how many interleavings, and a witness

    def withdraw(connection): ...
    explore("CREATE TABLE account ...", [withdraw, withdraw], level="snapshot",
            invariant="SELECT min(balance) >= 0 FROM account")

Sessions can also be played step by step by hand (`Stage`), which the demos are made of. Names are imported when they
are first asked for: a demo needs no explorer.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minidb.lab.advice import Advice, advise
    from minidb.lab.checking import SampleWarning, interleavings
    from minidb.lab.explanation import Explanation
    from minidb.lab.explorer import Exploration, Finding, Outcome, Witness
    from minidb.lab.functions import Role
    from minidb.lab.graph import Anomaly, Dependency, Graph
    from minidb.lab.laboratory import explain, explore, load, shrink
    from minidb.lab.run import Answer, Event, Run
    from minidb.lab.schedule import Schedule
    from minidb.lab.schedule_text import parse, text_of
    from minidb.lab.stage import House, Moment, Player, Program, Seen, Stage, Step

HOMES = {
    "advice": ("Advice", "advise"),
    "checking": ("SampleWarning", "interleavings"),
    "functions": ("Role",),
    "explanation": ("Explanation",),
    "explorer": ("Exploration", "Finding", "Outcome", "Witness"),
    "graph": ("Anomaly", "Dependency", "Graph"),
    "laboratory": ("explain", "explore", "load", "shrink"),
    "run": ("Answer", "Event", "Run"),
    "schedule": ("Schedule",),
    "schedule_text": ("parse", "text_of"),
    "stage": ("House", "Moment", "Player", "Program", "Seen", "Stage", "Step"),
}


def __getattr__(name: str) -> Any:
    for module, names in HOMES.items():
        if name in names:
            return getattr(import_module(f"minidb.lab.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Advice", "Anomaly", "Answer", "Dependency", "Event", "Explanation", "Exploration", "Finding", "Graph",
    "House", "Moment", "Outcome", "Player", "Program", "Role", "Run", "SampleWarning", "Schedule", "Seen",
    "Stage", "Step", "Witness", "advise", "explain", "explore", "interleavings", "load", "parse", "shrink",
    "text_of",
]
