"""Random histories: small transactions of several sessions in a random, repeatable interleaving, and their judge.

A *program* is a list of steps; a step is a statement and the same thing done to a model, a dict of rows. The sessions
run one step at a time under the laboratory's scheduler, so a history follows from its seed alone. What each step
returned is noted, and the judge looks for an order of the committed programs in which the model, run one program after
the other, returns exactly that and ends in the same state. Every value written is unique, so whoever read it is known
to have read that write. This is serializability by definition, phantoms, errors and aborted work included; for four
programs it costs at most 24 runs of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count, permutations
from random import Random
from typing import Any, NamedTuple

from minidb.database import Database
from minidb.errors import Error, RetryableError, UniqueViolation
from minidb.lab.scheduler import Actor, Scheduler

Model = dict[int, tuple[int, int]]  # id -> (grp, val)
KEYS = 5
GROUPS = 4
TABLES = {
    "heap": "CREATE TABLE h (id int PRIMARY KEY, grp int NOT NULL, val int NOT NULL)",
    "clustered": "CREATE TABLE h (id int PRIMARY KEY CLUSTERED, grp int NOT NULL, val int NOT NULL)",
}


class Refused(Exception):
    """The model's answer to a duplicate key."""


class Step(NamedTuple):
    sql: str
    parameters: tuple[Any, ...]
    model: Callable[[Model], Any]
    undone: bool = False

    def __str__(self) -> str:
        text = self.sql
        for value in self.parameters:
            text = text.replace("?", str(value), 1)
        return f"SAVEPOINT s; {text}; ROLLBACK TO s" if self.undone else text


class Program(NamedTuple):
    level: str
    read_only: bool
    steps: list[Step]


# -- what a step does to the model


def chosen(model: Model, low: int, high: int, column: int) -> list[int]:
    """The ids of the rows whose id (0) or group (1) lies between `low` and `high`."""
    return sorted(key for key, row in model.items() if low <= (key, row[0])[column] <= high)


def rows_of(model: Model, low: int, high: int, column: int) -> list[tuple[int, ...]]:
    return [(key, *model[key]) for key in chosen(model, low, high, column)]


def overwrite(model: Model, low: int, high: int, column: int, value: int) -> int:
    found = chosen(model, low, high, column)
    for key in found:
        model[key] = (model[key][0], value)
    return len(found)


def regroup(model: Model, key: int, group: int) -> int:
    if key not in model:
        return 0
    model[key] = (group, model[key][1])
    return 1


def put(model: Model, key: int, group: int, value: int) -> int:
    if key in model:
        raise Refused
    model[key] = (group, value)
    return 1


def put_unless_there(model: Model, key: int, group: int, value: int) -> int:
    return 0 if key in model else put(model, key, group, value)


def upsert(model: Model, key: int, group: int, value: int) -> int:
    model[key] = (model[key][0] if key in model else group, value)
    return 1


def remove(model: Model, low: int, high: int, column: int) -> int:
    found = chosen(model, low, high, column)
    for key in found:
        del model[key]
    return len(found)


def rename(model: Model, old: int, new: int) -> int:
    if old not in model:
        return 0
    if new in model and new != old:
        raise Refused
    model[new] = model.pop(old)
    return 1


def first_of(model: Model, group: int) -> list[tuple[int, ...]]:
    """The row with the smallest (group, id) from `group` on."""
    found = sorted((row[0], key) for key, row in model.items() if row[0] >= group)
    return found[:1]


def last_of(model: Model, group: int) -> list[tuple[int, ...]]:
    found = sorted(((row[0], key) for key, row in model.items() if row[0] <= group), reverse=True)
    return found[:1]


def neighbours(model: Model, group: int) -> list[tuple[int, ...]]:
    """Rows of a group, each with the row whose id is its group."""
    return sorted((key, row[0]) for key, row in model.items() if row[0] == group and group in model)


def copied(model: Model, key: int, new: int, value: int) -> int:
    return put(model, new, model[key][0], value) if key in model else 0


def unchanged(model: Model, step: Callable[[Model], Any]) -> Any:
    """What a step returns that is rolled back to a savepoint afterwards."""
    return step(dict(model))


# -- making programs

BY = ("id", "grp")


class Maker:
    """Makes random steps; `numbers` gives each write a value of its own."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.numbers = count(100)

    def key(self) -> int:
        return self.random.randrange(KEYS)

    def interval(self, column: int) -> tuple[int, int]:
        size = (KEYS, GROUPS)[column]
        low = self.random.randrange(size)
        return low, min(low + self.random.choice((0, 0, 1, 3)), size)

    def read(self) -> Step:
        kind = self.random.randrange(10)
        group = self.random.randrange(GROUPS)
        if kind == 6:
            sql = "SELECT count(*) FROM h WHERE grp = ?"
            return Step(sql, (group,), lambda m: [(len(chosen(m, group, group, 1)),)])
        if kind == 7:
            return Step("SELECT max(id) FROM h", (), lambda m: [(max(m, default=None),)])
        if kind == 8:
            sql = "SELECT a.id, b.id FROM h a JOIN h b ON b.id = a.grp WHERE a.grp = ? ORDER BY a.id"
            return Step(sql, (group,), lambda m: neighbours(m, group))
        if kind == 9:
            sql = "SELECT EXISTS (SELECT 1 FROM h WHERE grp = ? AND val > 50)"
            return Step(sql, (group,), lambda m: [(any(m[key][1] > 50 for key in chosen(m, group, group, 1)),)])
        if kind == 0:
            return Step("SELECT id, grp, val FROM h ORDER BY id", (), lambda m: rows_of(m, 0, 99, 0))
        if kind == 1:
            sql = "SELECT grp, id FROM h WHERE grp >= ? ORDER BY grp, id LIMIT 1"
            return Step(sql, (group,), lambda m: first_of(m, group))
        if kind == 2:
            sql = "SELECT grp, id FROM h WHERE grp <= ? ORDER BY grp DESC, id DESC LIMIT 1"
            return Step(sql, (group,), lambda m: last_of(m, group))
        column = kind % 2
        low, high = self.interval(column)
        lock = self.random.choice(("", "", "", " FOR UPDATE", " FOR SHARE"))
        sql = f"SELECT id, grp, val FROM h WHERE {BY[column]} BETWEEN ? AND ? ORDER BY id{lock}"
        return Step(sql, (low, high), lambda m: rows_of(m, low, high, column))

    def plain_read(self) -> Step:
        step = self.read()
        return step._replace(sql=step.sql.split(" FOR ")[0])

    def write(self) -> Step:
        kind = self.random.randrange(10)
        value, key, group = next(self.numbers), self.key(), self.random.randrange(GROUPS)
        if kind <= 2:
            column = self.random.randrange(2)
            low, high = self.interval(column) if kind == 2 else (key, key)
            column = column if kind == 2 else 0
            sql = f"UPDATE h SET val = ? WHERE {BY[column]} BETWEEN ? AND ?"
            if low == high:
                sql = f"UPDATE h SET val = ? WHERE {BY[column]} = ?"
                return Step(sql, (value, low), lambda m: overwrite(m, low, low, column, value))
            return Step(sql, (value, low, high), lambda m: overwrite(m, low, high, column, value))
        if kind == 3:
            return Step("UPDATE h SET grp = ? WHERE id = ?", (group, key), lambda m: regroup(m, key, group))
        if kind == 4:
            sql = "INSERT INTO h VALUES (?, ?, ?)"
            return Step(sql, (key, group, value), lambda m: put(m, key, group, value))
        if kind == 5:
            sql = "INSERT INTO h VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING"
            return Step(sql, (key, group, value), lambda m: put_unless_there(m, key, group, value))
        if kind == 6:
            sql = "INSERT INTO h VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET val = excluded.val"
            return Step(sql, (key, group, value), lambda m: upsert(m, key, group, value))
        if kind == 7:
            new = self.key()
            return Step("UPDATE h SET id = ? WHERE id = ?", (new, key), lambda m: rename(m, key, new))
        if kind == 8:
            new = self.key()
            sql = "INSERT INTO h SELECT ?, grp, ? FROM h WHERE id = ?"
            return Step(sql, (new, value, key), lambda m: copied(m, key, new, value))
        column = self.random.randrange(2)
        low, high = self.interval(column)
        high = min(high, low + 1)
        sql = f"DELETE FROM h WHERE {BY[column]} BETWEEN ? AND ?"
        return Step(sql, (low, high), lambda m: remove(m, low, high, column))

    def undone(self) -> Step:
        """A step between SAVEPOINT and ROLLBACK TO: what it read is true all the same (R52, R60)."""
        step = self.random.choice((self.read, self.write))()
        return Step(step.sql, step.parameters, lambda m: unchanged(m, step.model), True)

    def program(self, levels: tuple[str, ...]) -> Program:
        level = self.random.choice(levels)
        if self.random.random() < 0.15:
            return Program(level, True, [self.plain_read() for _ in range(self.random.randint(1, 3))])
        size = self.random.randint(1, 4)
        makers = [self.random.choice((self.read,) * 5 + (self.write,) * 5 + (self.undone,)) for _ in range(size)]
        return Program(level, False, [make() for make in makers])

    def start(self) -> Model:
        present = [key for key in range(KEYS) if self.random.random() < 0.7]
        return {key: (self.random.randrange(GROUPS), key) for key in present}


# -- running them


class Runner:
    """One session with its thread, working through one program after the other."""

    def __init__(self, theatre: Theatre, name: str) -> None:
        self.theatre = theatre
        self.session = theatre.database.session(autocommit=True, durability="off")
        self.session.name = name
        self.actor = Actor(name, theatre.scheduler)

    def prepare(self, program: Program) -> None:
        self.program = program
        self.position = -1  # of the next step; -1: BEGIN
        self.seen: list[Any] = []
        self.outcome = ""  # committed, or why not

    @property
    def ready(self) -> bool:
        return not self.outcome and not self.actor.busy

    def advance(self) -> None:
        self.theatre.trace.append(f"{self.session.name}: {self.describe()}")
        self.theatre.scheduler.start(self.actor, self.work)
        self.theatre.let_go_on()

    def describe(self) -> str:
        if self.position < 0:
            return self.opening()
        return str(self.program.steps[self.position]) if self.position < len(self.program.steps) else "COMMIT"

    def opening(self) -> str:
        return f"BEGIN ISOLATION LEVEL {self.program.level}{' READ ONLY' if self.program.read_only else ''}"

    def perform(self, step: Step) -> Any:
        if step.undone:
            self.session.execute("SAVEPOINT s")
        result = self.session.execute(step.sql, step.parameters)
        seen = [tuple(row) for row in result] if result.columns else result.rowcount
        if step.undone:
            self.session.execute("ROLLBACK TO s")
        return seen

    def work(self) -> None:
        place, self.position = self.position, self.position + 1
        try:
            if place < 0:
                self.session.begin(isolation_level=self.program.level, read_only=self.program.read_only)
            elif place < len(self.program.steps):
                step = self.program.steps[place]
                self.seen.append(self.perform(step))
            else:
                self.session.commit()
                self.outcome = "committed"
        except (RetryableError, UniqueViolation) as error:
            self.session.rollback()
            self.outcome = error.sqlstate or "?"
        except Error as error:
            self.session.rollback()
            self.outcome = f"unexpected: {error}"
        except BaseException as error:
            self.outcome = f"unexpected: {error!r}"
            raise
        self.theatre.trace.append(f"    {self.session.name} -> {self.outcome or (self.seen[-1:] or '')}")


class Theatre:
    """A database in memory on which one history after the other is played."""

    def __init__(self, table: str, players: int = 4, leaf_bytes: int | None = None) -> None:
        self.scheduler = Scheduler()
        self.database = Database(waiting=self.scheduler, background=False, leaf_bytes=leaf_bytes)
        self.trace: list[str] = []
        self.director = self.database.session(autocommit=True, durability="off")
        self.director.execute(TABLES[table])
        self.director.execute("CREATE INDEX h_grp ON h (grp)")
        self.director.execute("SET enable_seqscan = off")
        self.runners = [Runner(self, name) for name in "abcdef"[:players]]

    def close(self) -> None:
        for runner in self.runners:
            self.scheduler.dismiss(runner.actor)
        self.database.close()

    def let_go_on(self) -> None:
        while self.scheduler.resume() is not None:
            pass

    def set_up(self, start: Model) -> None:
        self.director.execute("DELETE FROM h")
        for key, (group, value) in start.items():
            self.director.execute("INSERT INTO h VALUES (?, ?, ?)", (key, group, value))

    def final(self) -> Model:
        rows = self.director.execute("SELECT id, grp, val FROM h")
        return {key: (group, value) for key, group, value in rows}

    def play(self, seed: int, levels: tuple[str, ...], checkpoints: float = 0.0) -> History:
        """Plays the history that follows from `seed`."""
        random = Random(seed)
        maker = Maker(random)
        start = maker.start()
        self.trace.clear()
        self.set_up(start)
        cast = self.runners[: random.randint(2, len(self.runners))]
        for runner in cast:
            runner.prepare(maker.program(levels))
        while True:
            ready = [runner for runner in cast if runner.ready]
            if not ready:
                break
            random.choice(ready).advance()
            if checkpoints and random.random() < checkpoints:
                self.trace.append("checkpoint")
                self.database.checkpoint()
        return History(self, start, cast, self.final())


class History:
    """What happened, and whether some serial order explains it."""

    def __init__(self, theatre: Theatre, start: Model, cast: list[Runner], final: Model) -> None:
        self.start = start
        self.final = final
        self.outcomes = [runner.outcome or "stuck" for runner in cast]
        self.done = [(runner.program, runner.seen) for runner in cast if runner.outcome == "committed"]
        self.trace = list(theatre.trace)

    def orders(self) -> Iterator[tuple[tuple[Program, list[Any]], ...]]:
        return permutations(self.done)

    @property
    def serializable(self) -> bool:
        return any(self.explains(order) for order in self.orders())

    def explains(self, order: tuple[tuple[Program, list[Any]], ...]) -> bool:
        model = dict(self.start)
        for program, seen in order:
            for step, result in zip(program.steps, seen, strict=True):
                try:
                    if step.model(model) != result:
                        return False
                except Refused:
                    return False
        return model == self.final

    def fault(self) -> str | None:
        """What is wrong with it, None if nothing is."""
        strange = [outcome for outcome in self.outcomes if outcome == "stuck" or outcome.startswith("unexpected")]
        if strange:
            return strange[0]
        return None if self.serializable else "no serial order explains it"

    def __str__(self) -> str:
        return "\n".join([f"start {self.start}", *self.trace, f"final {self.final}"])
