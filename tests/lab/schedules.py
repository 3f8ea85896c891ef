"""Random small schedules, and what the explorer must agree with: every interleaving, one by one."""

from __future__ import annotations

from random import Random
from typing import Any

from minidb.lab.explorer import Explorer, troupe_of
from minidb.lab.schedule import Actor, Schedule, Step

SETUPS = (
    """CREATE TABLE item (id int PRIMARY KEY, kind int, n int); CREATE INDEX item_kind ON item (kind);
       INSERT INTO item VALUES (1, 1, 10), (2, 1, 20), (4, 2, 40)""",
    """CREATE TABLE item (id int PRIMARY KEY CLUSTERED, kind int, n int);
       CREATE INDEX item_kind ON item (kind) INCLUDE (n); INSERT INTO item VALUES (1, 1, 10), (2, 1, 20), (4, 2, 40)""",
    """CREATE TABLE item (id int UNIQUE, kind int, n int); INSERT INTO item VALUES (1, 1, 10), (2, 1, 20), (4, 2, 40);
       CREATE TABLE part (item int REFERENCES item (id) ON DELETE CASCADE, n int); INSERT INTO part VALUES (1, 1)""",
)
STATEMENTS = (
    "SELECT n FROM item WHERE id = {id}",
    "SELECT n FROM item WHERE id = {id}",
    "SELECT sum(n) FROM item WHERE kind = {kind}",
    "SELECT count(*), sum(n) FROM item",
    "SELECT id FROM item WHERE id > {id} ORDER BY id LIMIT 1",
    "UPDATE item SET n = n + 1 WHERE id = {id}",
    "UPDATE item SET n = n + 100 WHERE id = {id}",
    "UPDATE item SET kind = {kind} WHERE id = {id}",
    "UPDATE item SET n = n * 2 WHERE kind = {kind}",
    "UPDATE item SET id = {new} WHERE id = {id}",
    "DELETE FROM item WHERE id = {id}",
    "DELETE FROM item WHERE kind = {kind} AND n > 15",
    "INSERT INTO item VALUES ({new}, {kind}, 5)",
    "INSERT INTO item SELECT max(id) + 1, {kind}, count(*) FROM item",
    "INSERT INTO item VALUES ({id}, {kind}, 7) ON CONFLICT (id) DO UPDATE SET n = item.n + 1",
    "INSERT INTO item VALUES ({id}, {kind}, 7) ON CONFLICT DO NOTHING",
    "SELECT n FROM item WHERE id = {id} FOR UPDATE",
    "SELECT n FROM item WHERE kind = {kind} FOR SHARE",
    "SELECT n FROM item WHERE id = {id} FOR UPDATE NOWAIT",
    "SAVEPOINT s",
    "ROLLBACK TO s",
)
WITH_PARTS = ("INSERT INTO part VALUES ({id}, 2)", "SELECT sum(n) FROM part", "DELETE FROM part WHERE item = {id}")
BEGINS = ("BEGIN", "BEGIN", "BEGIN", "BEGIN READ ONLY")
ENDS = ("COMMIT", "COMMIT", "COMMIT", "ROLLBACK")


def random_schedule(seed: int) -> Schedule:
    random = Random(seed)
    setup = random.choice(SETUPS)
    statements = STATEMENTS + (WITH_PARTS * 2 if "part" in setup else ())
    sizes = random.choice(((1, 1), (2, 1), (2, 2), (1, 1, 1), (2, 1, 1), (1, 1, 2)))
    actors = []
    for number, size in enumerate(sizes):
        name = "abc"[number]
        texts = [random.choice(statements) for _ in range(size)]
        texts = [t.format(id=random.choice((1, 1, 2, 4)), kind=random.choice((1, 2)), new=random.choice((3, 5)))
                 for t in texts] + [random.choice(ENDS)]
        steps = tuple(Step(name, f"{name}{i}", text) for i, text in enumerate(texts, 1))
        actors.append(Actor(name, steps, setup=random.choice(BEGINS)))
    return Schedule(tuple(actors), (setup,))


def outcomes(schedule: Schedule, levels: Any, reduce: bool) -> tuple[set[Any], int, int]:
    """What can come of a schedule; how many interleavings were counted, and how many orders performed."""
    explorer = Explorer(troupe_of(schedule, levels), reduce=reduce)
    found = explorer.explore()
    assert not found.sample
    return set(explorer.known), found.possible, found.performed
