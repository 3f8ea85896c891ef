"""Write skew under SSI: the loser is told, runs again, sees what the winner did, and decides otherwise.

python examples/retry.py [LEVEL]     at ssi by default; at snapshot nobody is told, and nobody is on call
"""

import sys
import threading

import minidb

level = sys.argv[1] if len(sys.argv) > 1 else "ssi"
database = minidb.Database(":memory:")
setup = database.connect(autocommit=True)
setup.execute("CREATE TABLE doctor (name text PRIMARY KEY, on_call boolean NOT NULL)")
setup.execute("INSERT INTO doctor VALUES ('alice', true), ('bob', true)")
both_have_looked = threading.Barrier(2)


def leave(connection: minidb.Connection, name: str, tries: list[int]) -> bool:
    """Goes off call if another one stays. At the first try both have looked before one of them writes."""
    (count,) = connection.execute("SELECT count(*) FROM doctor WHERE on_call").fetchone()
    tries.append(count)
    if len(tries) == 1 and level != "serial":  # there the second one is not let in so early
        both_have_looked.wait()
    if count < 2:
        return False
    connection.execute("UPDATE doctor SET on_call = false WHERE name = ?", (name,))
    return True


def shift(name: str) -> None:
    with database.connect() as connection:
        tries: list[int] = []
        left[name] = connection.run(leave, name, tries, isolation_level=level)
        seen[name] = tries


left: dict[str, bool] = {}
seen: dict[str, list[int]] = {}
threads = [threading.Thread(target=shift, args=(name,)) for name in ("alice", "bob")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("went home:", sum(left.values()), "of 2")
print("on call:", setup.execute("SELECT count(*) FROM doctor WHERE on_call").fetchone()[0])
if level in ("2pl", "ssi"):
    print("tries of the one who stayed:", sorted(seen.values(), key=len)[-1])
