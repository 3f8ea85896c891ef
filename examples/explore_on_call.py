"""An invariant in every interleaving: two doctors leave, each if the other one stays. Whoever is stopped tries again.

python examples/explore_on_call.py [LEVEL]      at snapshot by default; ssi, 2pl and serial keep the invariant
"""

import sys
from functools import partial

from minidb import Connection
from minidb.lab import explore

SETUP = (
    "CREATE TABLE doctor (name text PRIMARY KEY, on_call boolean NOT NULL)",
    "INSERT INTO doctor VALUES ('alice', true), ('bob', true)",
)
SOMEBODY_STAYS = "SELECT count(*) > 0 FROM doctor WHERE on_call"


def leave(connection: Connection, name: str) -> None:
    """Signs off, unless nobody else is on call."""
    for attempt in connection.attempts(5):
        with attempt:
            (others,) = connection.execute(
                "SELECT count(*) FROM doctor WHERE on_call AND name <> ?", (name,)
            ).fetchone()
            if others:
                connection.execute("UPDATE doctor SET on_call = false WHERE name = ?", (name,))


level = sys.argv[1] if len(sys.argv) > 1 else "snapshot"
doctors = {name: partial(leave, name=name) for name in ("alice", "bob")}
found = explore(SETUP, doctors, level=level, invariant=SOMEBODY_STAYS)

print(f"{found.possible} interleavings")
ends: dict[str, int] = {}
for outcome in found.outcomes:
    on_call = [name for name, stays in outcome.final["doctor"] if stays]
    end = ", ".join(on_call) or "nobody"
    ends[end] = ends.get(end, 0) + outcome.interleavings
for end, count in sorted(ends.items()):
    print(f"on call: {end} in {count}")
for finding in found.findings.values():
    print(f"{'broken' if finding.is_invariant else finding.anomaly.code}: {finding.anomaly.name}")
