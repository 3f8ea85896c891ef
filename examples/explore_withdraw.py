"""A program's own function, in every interleaving with itself: two withdrawals from one account.

python examples/explore_withdraw.py [LEVEL]     at read committed by default; snapshot prevents what goes wrong
"""

import sys

from minidb import Connection
from minidb.lab import explain, explore

SETUP = (
    "CREATE TABLE account (id int PRIMARY KEY, balance int)",
    "INSERT INTO account VALUES (1, 100)",
)


def withdraw(connection: Connection) -> bool:
    """Takes 70, if there are as many."""
    with connection.transaction():
        (balance,) = connection.execute("SELECT balance FROM account WHERE id = ?", (1,)).fetchone()
        if balance < 70:
            return False
        connection.execute("UPDATE account SET balance = ? WHERE id = ?", (balance - 70, 1))
    return True


level = sys.argv[1] if len(sys.argv) > 1 else "read committed"
found = explore(SETUP, [withdraw, withdraw], level=level)

print(f"{found.possible} interleavings, {len(found.outcomes)} outcomes, serializable: {found.serializable}")
for finding in found.findings.values():
    print(f"{finding.anomaly.name} in {finding.interleavings} of them, for instance:")
    for event in found.run(finding.witness).events:
        print(f"  {event.session}: {' '.join(event.sql.split())}")
    print(explain(found, finding).verdict)
