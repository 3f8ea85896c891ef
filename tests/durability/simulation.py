"""A simulator: random transactions of several sessions on a disk that remembers, and what crashes may leave of it.

    Life      one database from its opening to the power failure; some clients take turns in an order that the seed says
    Client    one session: transactions at random levels and durabilities, savepoints, schema changes, large values
    Model     what a client was told about the rows, applied in the order in which commits were published

The sessions are coroutines of `minidb.lab.scheduler`: one runs at a time, to the end of its statement or to its next
wait, and a checkpoint gives its turn back in the middle, so that commits go on while it folds. Equal seeds give equal
lives.

The model knows nothing of versions, pages or the log. Each statement says with RETURNING what it did; that becomes a
list of effects, cut back by ROLLBACK TO, and applied when the commit's number is published. So `states[n]` is what the
database must contain after commit n, and recovery, which knows the number that it recovered, is compared with it.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from random import Random
from typing import Any

from crash_world import LEAF, PATH, Contents, SmallBase, SmallLog, contents

import minidb.database
from minidb.database import Database
from minidb.errors import DatabaseFailed, DiskFull, Error, TransactionResolutionUnknown
from minidb.isolation import IsolationLevel
from minidb.lab.scheduler import Actor, Scheduler
from minidb.storage.faulty import CHANGES, Change, FaultyFileSystem
from minidb.storage.file import MemoryFileSystem
from minidb.txn import manager

DURABILITIES = ("full", "normal", "off")
LEVELS = tuple(level.value for level in IsolationLevel)
FAULTS = (DatabaseFailed, DiskFull, TransactionResolutionUnknown)
PARKING = 0  # rows that old snapshots may keep
CHUNK = 8  # rows: transactions go through the log in chunks soon

SCHEMA = (
    "CREATE TABLE parent (id bigserial PRIMARY KEY, name text, amount int CHECK (amount >= 0))",
    "CREATE INDEX parent_amount ON parent (amount DESC)",
    "CREATE TABLE child (id int, parent bigint REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE, body text,"
    " PRIMARY KEY CLUSTERED (parent, id))",
    "CREATE INDEX child_id ON child (id) INCLUDE (body)",
)


@contextmanager
def small_sizes() -> Iterator[None]:
    """Small log segments, steps of the base and chunks, so that a short life goes through all of theirs."""
    before = minidb.database.Log, minidb.database.Base, manager.CHUNK
    minidb.database.Log, minidb.database.Base, manager.CHUNK = (  # type: ignore[misc]
        SmallLog, SmallBase, CHUNK)  # type: ignore[assignment]
    try:
        yield
    finally:
        minidb.database.Log, minidb.database.Base, manager.CHUNK = before  # type: ignore[misc]


def open_quietly(files: MemoryFileSystem, waiting: Any = None) -> Database:
    return Database(PATH, files=files, background=False, leaf_bytes=LEAF, waiting=waiting, clock=lambda: 1e9,
                    parking_rows=PARKING)


def is_fault(error: Error) -> bool:
    """Whether the disk is to blame."""
    return isinstance(error, FAULTS) or error.sqlstate == "58030"


# -- the model --------------------------------------------------------------------------------------------


class Model:
    """Tables as dictionaries from key to row. Copied for each commit."""

    def __init__(self, columns: dict[str, list[str]], tables: dict[str, dict[Any, tuple[Any, ...]]]) -> None:
        self.columns = columns
        self.tables = tables
        self.words: Contents | None = None

    def copy(self) -> Model:
        columns = {name: list(names) for name, names in self.columns.items()}
        return Model(columns, {name: dict(rows) for name, rows in self.tables.items()})

    def contents(self) -> Contents:
        if self.words is None:
            self.words = {name: sorted(tuple(map(repr, row)) for row in rows.values())
                          for name, rows in self.tables.items()}
        return self.words


Effect = Callable[[Model], None]


def key_of(table: str, row: tuple[Any, ...]) -> Any:
    return (row[1], row[0]) if table == "child" else row[0]


def put(table: str, rows: list[tuple[Any, ...]]) -> Effect:
    return lambda model: model.tables[table].update({key_of(table, row): row for row in rows})


def remove(table: str, rows: list[tuple[Any, ...]]) -> Effect:
    def effect(model: Model) -> None:
        for row in rows:
            del model.tables[table][key_of(table, row)]
            if table == "parent":
                for key in [key for key in model.tables["child"] if key[0] == row[0]]:
                    del model.tables["child"][key]

    return effect


def move_parent(old: int, row: tuple[Any, ...]) -> Effect:
    def effect(model: Model) -> None:
        del model.tables["parent"][old]
        model.tables["parent"][row[0]] = row
        children = model.tables["child"]
        for key in [key for key in children if key[0] == old]:
            child = children.pop(key)
            children[row[0], key[1]] = (child[0], row[0], child[2])

    return effect


def move_child(old: tuple[int, int], row: tuple[Any, ...]) -> Effect:
    def effect(model: Model) -> None:
        del model.tables["child"][old]
        model.tables["child"][key_of("child", row)] = row

    return effect


def create(table: str, columns: list[str]) -> Effect:
    def effect(model: Model) -> None:
        model.columns[table], model.tables[table] = columns, {}

    return effect


def drop(table: str) -> Effect:
    def effect(model: Model) -> None:
        del model.columns[table], model.tables[table]

    return effect


def empty(table: str) -> Effect:
    return lambda model: model.tables[table].clear()


def add_column(table: str, name: str, value: Any) -> Effect:
    def effect(model: Model) -> None:
        model.columns[table].append(name)
        model.tables[table] = {key: (*row, value) for key, row in model.tables[table].items()}

    return effect


def drop_column(table: str, name: str) -> Effect:
    def effect(model: Model) -> None:
        place = model.columns[table].index(name)
        del model.columns[table][place]
        model.tables[table] = {key: row[:place] + row[place + 1 :] for key, row in model.tables[table].items()}

    return effect


def start_model() -> Model:
    return Model({"parent": ["id", "name", "amount"], "child": ["id", "parent", "body"]}, {"parent": {}, "child": {}})


# -- one client -------------------------------------------------------------------------------------------


class Client:
    """One session, which does something random whenever it is its turn."""

    def __init__(self, life: Life, name: str) -> None:
        self.life = life
        self.random = life.random
        self.session = life.database.session(autocommit=True)
        self.session.name = name
        self.actor = Actor(name, life.scheduler)
        self.effects: list[Effect] = []
        self.marks: list[tuple[str, int]] = []
        self.building = False  # an index: it waits for a checkpoint that is under way
        self.committing: int | None = None  # the step at which COMMIT, or a statement that commits by itself, began

    def work(self) -> None:
        try:
            self.act()
        except Error as error:
            if is_fault(error):
                self.life.fault(self, error)
                return
            assert not error.sqlstate.startswith("XX"), error
            if self.session.state == "idle":
                self.forget()

    def act(self) -> None:
        session, chance = self.session, self.random.random()
        if session.state == "failed":
            self.take_back(chance < 0.7)
        elif session.state == "idle":
            self.forget()
            self.begin(chance)
        elif chance < 0.62:
            self.change()
        elif chance < 0.70:
            self.marks.append((f"s{len(self.marks)}", len(self.effects)))
            session.execute(f"SAVEPOINT {self.marks[-1][0]}")
        elif chance < 0.76:
            self.take_back(True)
        elif chance < 0.80:
            self.change_schema(False)
        elif chance < 0.84:
            session.execute("ROLLBACK")
            self.forget()
        else:
            self.commit()

    def forget(self) -> None:
        self.effects, self.marks, self.committing = [], [], None

    def begin(self, chance: float) -> None:
        session = self.session
        session.durability = self.life.durability or self.random.choice(DURABILITIES)
        session.isolation_level = self.life.level or self.random.choice(LEVELS)
        if chance < 0.08:
            self.change_schema(True)
        else:
            session.execute("BEGIN")

    def take_back(self, to_savepoint: bool) -> None:
        if to_savepoint and self.marks:
            del self.marks[self.random.randrange(len(self.marks)) + 1 :]
            name, length = self.marks[-1]
            self.session.execute(f"ROLLBACK TO {name}")
            del self.effects[length:]
        else:
            self.session.execute("ROLLBACK")
            self.forget()

    def commit(self) -> None:
        self.committing = len(self.life.files.history)
        number = self.life.last
        self.session.execute("COMMIT")
        if self.life.last > number:
            self.life.acknowledge(self)
        self.forget()

    # -- changes

    def change(self) -> None:
        change = self.random.choice(CHANGES_OF_ROWS)
        change(self)

    def run(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.session.execute(sql, parameters)]

    def some_parent(self) -> int:
        known = self.life.parents
        return known[self.random.randrange(len(known))] if known else 1

    def some_text(self) -> str:
        length = self.random.choice((3, 9, 40, 300, 300, 2500)) if self.random.random() < 0.3 else 12
        return "".join(self.random.choices("abcdefgh", k=min(length, 60))) * (length // 60 + 1)

    def insert_parents(self) -> None:
        count = self.random.choice((1, 1, 2, 3, 25))
        first = self.random.randrange(100)
        rows = self.run(
            "INSERT INTO parent (name, amount) SELECT ? || g, g FROM generate_series(?::int, ?::int) g RETURNING *",
            self.some_text(), first, first + count - 1,
        )
        self.effects.append(put("parent", rows))
        self.life.parents += [row[0] for row in rows[:3]]

    def insert_child(self) -> None:
        sql = "INSERT INTO child SELECT ?::int, id, ? FROM parent WHERE id = ? RETURNING *"
        rows = self.run(sql, self.random.randrange(6), self.some_text(), self.some_parent())
        self.effects.append(put("child", rows))

    def upsert_child(self) -> None:
        sql = ("INSERT INTO child VALUES (?, ?, ?) ON CONFLICT (parent, id) DO UPDATE SET body = excluded.body"
               " RETURNING *")
        rows = self.run(sql, self.random.randrange(6), self.some_parent(), self.some_text())
        self.effects.append(put("child", rows))

    def update_parents(self) -> None:
        low = self.some_parent()
        sql = "UPDATE parent SET amount = amount + ?::int WHERE id BETWEEN ? AND ? RETURNING *"
        rows = self.run(sql, self.random.choice((1, 2, -3)), low, low + self.random.choice((0, 1, 5)))
        self.effects.append(put("parent", rows))

    def rename_parents(self) -> None:
        rows = self.run("UPDATE parent SET name = ? WHERE amount = ? RETURNING *", self.some_text(),
                        self.random.randrange(100))
        self.effects.append(put("parent", rows))

    def move_parent(self) -> None:
        old = self.some_parent()
        rows = self.run("UPDATE parent SET id = id + 100000 WHERE id = ? RETURNING *", old)
        if rows:
            self.effects.append(move_parent(old, rows[0]))
            self.life.parents.append(rows[0][0])

    def move_child(self) -> None:
        old = (self.some_parent(), self.random.randrange(6))
        sql = "UPDATE child SET parent = ?, id = ? WHERE parent = ? AND id = ? RETURNING *"
        rows = self.run(sql, self.some_parent(), self.random.randrange(6), *old)
        if rows:
            self.effects.append(move_child(old, rows[0]))

    def delete_parent(self) -> None:
        self.effects.append(remove("parent", self.run("DELETE FROM parent WHERE id = ? RETURNING *",
                                                      self.some_parent())))

    def delete_parents(self) -> None:
        rows = self.run("DELETE FROM parent WHERE amount > ? AND amount < 60 RETURNING *", self.random.randrange(60))
        self.effects.append(remove("parent", rows))

    def delete_children(self) -> None:
        rows = self.run("DELETE FROM child WHERE id = ? RETURNING *", self.random.randrange(6))
        self.effects.append(remove("child", rows))

    def write_extra(self) -> None:
        table = self.extra()
        sql = f"INSERT INTO {table} VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v RETURNING *"
        self.effects.append(put(table, self.run(sql, self.random.randrange(20), self.some_text())))

    def extra(self) -> str:
        return f"extra{self.random.randrange(3)}"

    # -- schema changes

    def change_schema(self, alone: bool) -> None:
        if alone:
            self.committing = len(self.life.files.history)
        sql, effect = self.schema_change()
        self.building = sql.startswith("CREATE INDEX")
        if alone and effect is not None:
            self.effects = [effect]
        number = self.life.last
        try:
            self.session.execute(sql)
        finally:
            self.building = False
        if alone:
            if self.life.last > number:
                self.life.acknowledge(self)
            self.forget()
        elif effect is not None:
            self.effects.append(effect)

    def schema_change(self) -> tuple[str, Effect | None]:
        kind, table, number = self.random.randrange(8), self.extra(), self.random.randrange(2)
        if kind == 0 and not self.life.folding:
            index = self.random.choice(("parent (name)", "child (body, id)", "parent (id) WHERE amount > 50"))
            return f"CREATE INDEX made{number} ON {index}", None
        if kind == 1:
            return f"DROP INDEX made{number}", None
        if kind == 2:
            return f"DROP TABLE {table}", drop(table)
        if kind == 3:
            return f"TRUNCATE {table}", empty(table)
        if kind == 4:
            name = f"note{number}"
            return f"ALTER TABLE parent ADD COLUMN {name} text DEFAULT 'none'", add_column("parent", name, "none")
        if kind == 5:
            return f"ALTER TABLE parent DROP COLUMN note{number}", drop_column("parent", f"note{number}")
        return f"CREATE TABLE {table} (k int PRIMARY KEY, v text)", create(table, ["k", "v"])


CHANGES_OF_ROWS = (
    Client.insert_parents, Client.insert_parents, Client.insert_parents, Client.insert_child, Client.insert_child,
    Client.upsert_child, Client.update_parents, Client.update_parents, Client.rename_parents, Client.move_parent,
    Client.move_child, Client.delete_parent, Client.delete_parents, Client.delete_children, Client.write_extra,
    Client.write_extra,
)


# -- one life ---------------------------------------------------------------------------------------------


class Life:
    """A database from its opening until the power fails.

    Arguments:
        base: the disk as it is found; None: empty.
        model: what is on it.
        durability, level: of all transactions; None: each draws its own.

    Attributes:
        states: what the database contains after each commit number, as far as it was published in this life.
        begun: the step before which the commit with this number cannot be on the disk.
        promises: (step, number, durability): from this step on the commit was acknowledged.
        broken: the log has failed; the life is over.
    """

    def __init__(self, seed: int, base: MemoryFileSystem | None = None, model: Model | None = None, *,
                 durability: str | None = None, level: str | None = None, clients: int = 4) -> None:
        self.random = Random(seed)
        self.by_columns = seed % 3 == 0  # how `parent` is kept
        self.files = FaultyFileSystem(base, seed=seed)
        self.scheduler = Scheduler()
        self.durability, self.level = durability, level
        self.database = open_quietly(self.files, self.scheduler)
        self.first = self.last = self.database.manager.published
        self.states: dict[int, Model] = {self.last: model or start_model()}
        self.begun: dict[int, int] = {self.last: 0}
        self.promises: list[tuple[int, int, str]] = [(len(self.files.history), self.last, "full")]
        self.refused: dict[int, int] = {}  # the step at which a commit was known to have failed
        self.parents: list[int] = []
        self.broken = self.folding = self.stalled = False
        self.keeper = Actor("checkpoint", self.scheduler)
        if model is None:
            self.prepare()
        self.parents += [row[0] for row in self.states[self.last].tables["parent"].values()]
        self.start = len(self.files.history)
        self.database.log.on_durable = self.publish
        self.pass_to_log = self.database.log.pass_through
        self.database.log.pass_through = self.pass_through  # type: ignore[method-assign]
        self.write_to_log = self.database.log.write_alone
        self.database.log.write_alone = self.write_alone
        self.database.checkpointer.on_slice = self.between_slices
        self.clients = [Client(self, name) for name in "abcdefgh"[:clients]]

    def prepare(self) -> None:
        session = self.database.session(autocommit=True)
        for sql in SCHEMA:
            session.execute(sql)
        if self.by_columns:
            session.execute("ALTER TABLE parent SET (layout = column)")
        self.states = {self.database.manager.published: self.states[self.last]}
        self.first = self.last = self.database.manager.published
        self.begun = {self.last: 0}
        self.promises = [(len(self.files.history), self.last, "full")]

    # -- what the engine tells

    def publish(self, tickets: list[Any]) -> None:
        """In place of the manager's `publish`: notes what the commit contains."""
        for ticket in tickets:
            self.enter(self.running_client(), ticket.number)
            self.last = ticket.number
        self.database.manager.publish(tickets)

    def pass_through(self, number: int, payload: bytes, durability: str, time_us: int) -> bool:
        """In place of the log's `pass_through`: the same for a commit that is published at once."""
        passed = self.pass_to_log(number, payload, durability, time_us)
        if passed:
            self.enter(self.running_client(), number)
            self.last = number
        return passed

    def write_alone(self, number: int, payload: bytes, time_us: int) -> None:
        """In place of the log's `write_alone`: the same for a commit that leads, and is published next."""
        self.write_to_log(number, payload, time_us)
        self.enter(self.running_client(), number)
        self.last = number

    def running_client(self) -> Client:
        return next(client for client in self.clients if client.actor is self.scheduler.running)

    def enter(self, client: Client, number: int) -> None:
        model = self.states[self.last].copy()
        for effect in client.effects:
            effect(model)
        assert client.committing is not None
        client.effects = []
        self.states[number], self.begun[number] = model, client.committing

    def acknowledge(self, client: Client) -> None:
        """A commit that changes nothing waits for no disk, and nobody misses it."""
        if self.states[self.last].tables == self.states[self.last - 1].tables:
            return
        self.promises.append((len(self.files.history), self.last, client.session.durability))

    def fault(self, client: Client, error: Error) -> None:
        """Something that the disk did. A commit whose outcome is unknown may be found at the next opening; one that
        was refused, only by who crashes before it was known to be gone."""
        assert self.files.struck_orders, error
        if client.committing is not None and self.database.log.last_number == self.last + 1:
            self.enter(client, self.last + 1)
            if not isinstance(error, TransactionResolutionUnknown):
                self.refused[self.last + 1] = len(self.files.history)
        self.broken = self.broken or self.database.log.failed is not None or self.database.manager.failed is not None
        if client.session.state == "idle":
            client.forget()

    def between_slices(self) -> None:
        """In the middle of a checkpoint: others may go on."""
        building = any(client.building for client in self.clients)
        if self.scheduler.running is self.keeper and not building and self.random.random() < 0.2:
            self.stalled = True
            self.scheduler.pause(self.keeper)
            self.stalled = False

    # -- the director

    def live(self, turns: int) -> Life:
        """Lets the clients take this many turns, or fewer if the disk fails."""
        for _ in range(turns):
            if self.broken:
                break
            self.turn()
        return self

    def turn(self) -> None:
        scheduler = self.scheduler
        idle = [client for client in self.clients if not client.actor.busy]
        chance = self.random.random()
        if self.stalled and (chance < 0.1 or not (idle or scheduler.ready)):
            scheduler.proceed(self.keeper)
        elif scheduler.ready and (chance < 0.6 or not idle):
            scheduler.resume()
        elif idle and chance < 0.97:
            client = self.random.choice(idle)
            scheduler.start(client.actor, client.work)
        elif not self.keeper.busy:
            scheduler.start(self.keeper, self.checkpoint)
        elif not idle:
            raise AssertionError(f"nobody can go on: {[client.session.waiting_for for client in self.clients]}")

    def checkpoint(self) -> None:
        self.folding = True
        try:
            if self.random.random() < 0.4:
                self.database.vacuum()
            else:
                self.database.checkpoint()
        except Error as error:
            assert is_fault(error) and self.files.struck_orders, error
            self.broken = self.broken or self.database.log.failed is not None
        finally:
            self.folding = False

    def end(self) -> None:
        """Everybody goes; nothing that happens then is looked at."""
        for actor in [client.actor for client in self.clients] + [self.keeper]:
            self.scheduler.dismiss(actor)

    def cuts(self) -> int:
        """How often the base file was made smaller."""
        sizes = [change.offset for change in self.files.history if change.kind == "truncate" and change.path == PATH]
        return sum(after < before for before, after in pairwise(sizes))

    # -- crashes

    def crash_steps(self) -> list[int]:
        history = self.files.history
        kinds = CHANGES | {"sync", "sync_directory"}
        return [step for step in range(self.start, len(history) + 1)
                if step == len(history) or history[step].kind in kinds]

    def images(self, step: int, more: int, random: Random) -> Iterator[tuple[MemoryFileSystem, bool]]:
        """(disk, whether only the process died) for some of the crashes before this step."""
        pending = self.files.pending(step)
        yield self.files.crash(pending, step=step), True
        if pending:
            yield self.files.crash([], step=step), False
            for _ in range(more):
                yield self.files.crash(some_of(pending, random), step=step), False

    def verify(self, image: MemoryFileSystem, step: int, process_only: bool) -> int:
        """Opens what a crash has left and compares; returns the commit number that was recovered."""
        database = open_quietly(image)
        number = database.manager.published
        least = self.least(step, process_only)
        assert number >= least, f"commit {least} was acknowledged, recovery ends at {number}"
        assert number in self.states, f"recovered up to commit {number}, which nobody made"
        assert self.begun[number] <= step, f"commit {number} had not begun"
        assert step < self.refused.get(number, step + 1), f"commit {number} was refused, and is there"
        database.check()
        found, wanted = contents(database), self.states[number].contents()
        assert found == wanted, f"commit {number}: {difference(found, wanted)}"
        database.log.abandon()
        database.base.close()
        return number

    def least(self, step: int, process_only: bool) -> int:
        """The highest commit number that must be there."""
        strong = ("full", "normal") if process_only else ("full",)
        return max(number for at, number, durability in self.promises
                   if (at <= step and durability in strong) or number == self.first)


def difference(found: Contents, wanted: Contents) -> str:
    if found.keys() != wanted.keys():
        return f"tables {sorted(found)} instead of {sorted(wanted)}"
    words = []
    for name, rows in found.items():
        lost, alien = set(wanted[name]) - set(rows), set(rows) - set(wanted[name])
        if lost or alien or rows != wanted[name]:
            words.append(f"{name} lacks {sorted(lost)[:3]}, has {sorted(alien)[:3]}")
    return "; ".join(words)


def some_of(pending: list[Change], random: Random) -> list[Change]:
    """Some of the changes, whole, in sectors, or torn at any byte; sometimes in another order."""
    way = random.random()
    if way < 0.3 and pending:
        cut = random.randrange(len(pending))
        return [*pending[:cut], torn(pending[cut], random)]
    pieces = [piece for change in pending for piece in (change.sectors() if way < 0.8 else [change])]
    kept = [piece for piece in pieces if random.random() < 0.5]
    if random.random() < 0.3:
        random.shuffle(kept)
    return kept


def torn(change: Change, random: Random) -> Change:
    """The beginning of a write, up to any byte, if it writes over zeros; up to a sector's end else."""
    if change.kind != "write" or not change.data:
        return change
    if any(change.data[:4]):
        return change.torn(0, random.randrange(len(change.data)))
    return random.choice(change.sectors())


def crash_everywhere(life: Life, seed: int, more: int, most: int | None = None) -> int:
    """Crashes before each change and sync of a life; returns how many disks were looked at."""
    random, count = Random(seed), 0
    for step in life.crash_steps():
        for image, process_only in life.images(step, more, random):
            try:
                life.verify(image, step, process_only)
            except BaseException as error:
                error.add_note(f"life of seed {seed}, crash before step {step}, image {count}")
                raise
            count += 1
            if most is not None and count >= most:
                return count
    return count


# -- many lives -------------------------------------------------------------------------------------------

FAULTY_KINDS = ("read", "write", "sync", "truncate", "create", "remove", "sync_directory")


class Figures:
    """What a campaign has seen."""

    def __init__(self) -> None:
        self.lives = self.commits = self.images = self.recoveries = self.faults = self.broken = self.cuts = 0

    def add(self, other: Figures) -> None:
        for name, number in vars(other).items():
            setattr(self, name, getattr(self, name) + number)

    def __str__(self) -> str:
        return (f"{self.images:,} crash points in {self.lives:,} lives with {self.commits:,} commits, whose files were "
                f"cut {self.cuts:,} times; "
                f"{self.recoveries:,} of them in a recovery; {self.faults:,} calls failed, "
                f"and {self.broken:,} lives ended so")


def campaign(seed: int, figures: Figures, *, lives: int = 3, turns: int = 250, more: int = 1, faults: bool = False,
             durability: str | None = None, most: int | None = None) -> None:
    """Some lives, one after the other on the same disk: each begins with what a crash has left of the one before."""
    random = Random(seed)
    image: MemoryFileSystem | None = None
    model: Model | None = None
    for number in range(lives):
        level = random.choice((None, None, *LEVELS))
        life = Life(seed * 1000 + number, image, model, durability=durability, level=level)
        if faults:
            order_faults(life.files, random)
        try:
            life.live(turns)
            life.files.heal()
            limit = None if most is None else most - figures.images
            figures.images += crash_everywhere(life, seed, more, limit)
            image, model = next_disk(life, random, figures)
        except BaseException as error:
            error.add_note(f"campaign of seed {seed}, life {number}")
            raise
        finally:
            life.end()
        figures.lives += 1
        figures.commits += life.last - life.first
        figures.faults += life.files.struck_orders
        figures.broken += life.broken
        figures.cuts += life.cuts()
        if most is not None and figures.images >= most:
            return


def order_faults(files: FaultyFileSystem, random: Random) -> None:
    """A disk that fails now and then: full, or broken."""
    for _ in range(random.randrange(1, 4)):
        code = random.choice((errno.EIO, errno.ENOSPC))
        files.fail(random.choice(FAULTY_KINDS), random.randrange(1, 60), times=random.choice((1, 1, 3)), code=code)


def next_disk(life: Life, random: Random, figures: Figures) -> tuple[MemoryFileSystem, Model]:
    """One of the disks, opened, with crashes during that recovery: each of them leaves the same commits."""
    step = random.choice(life.crash_steps()[-20:])
    image, process_only = random.choice(list(life.images(step, 2, random)))
    second = FaultyFileSystem(image)
    number = life.verify(second, step, process_only)
    for again in range(len(second.history) + 1):
        kept = some_of(second.pending(again), random)
        assert life.verify(second.crash(kept, step=again), step, process_only) == number
        figures.images += 1
        figures.recoveries += 1
    return second.crash(second.pending()), life.states[number]
