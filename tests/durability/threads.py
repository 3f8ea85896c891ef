"""Real threads for a while: transfers between accounts at mixed levels, with lock timeouts, interrupts and deadlocks,
on a disk that is full or cannot be read now and then.

Sums hold all the time. At the end nobody holds or waits for anything, no transaction is left, chains go with the next
checkpoint, and all threads come home: a wake-up that was lost would leave one behind.
"""

from __future__ import annotations

import errno
import threading
import time
from collections import Counter
from random import Random
from typing import Any

import minidb
from minidb.errors import Error
from minidb.isolation import IsolationLevel
from minidb.storage.file import OSFileSystem

ACCOUNTS, EACH = 40, 100
# try again, give up waiting, interrupted, overdrawn, snapshot too old, disk full, a page could not be read
SAFE = ("40001", "40P01", "55P03", "57014", "23514", "72000", "53100", "58030")
CONSISTENT = tuple(level.value for level in IsolationLevel if level.value not in ("read uncommitted", "read committed"))
HOME = 60.0  # seconds that a thread may need for its last transaction


class FailingDisk(OSFileSystem):
    """Now and then it has no room for more than it has, or cannot read a page of the base."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.chance = 0.0
        self.struck: Counter[int] = Counter()

    def open(self, path: str, *, create: bool = False, read_only: bool = False) -> Any:
        return FailingFile(self, super().open(path, create=create, read_only=read_only))

    def strike(self, code: int, path: str, chance: float) -> None:
        if self.random.random() < self.chance * chance:
            self.struck[code] += 1
            raise OSError(code, "injected", path)


class FailingFile:
    """A file of the operating system whose end is moved, or which is read, in vain now and then."""

    def __init__(self, disk: FailingDisk, file: Any) -> None:
        self.disk = disk
        self.file = file
        self.end = file.size()  # up to here there is room

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        if offset + len(data) > self.end:
            self.disk.strike(errno.ENOSPC, self.file.path, 0.3)
            self.end = offset + len(data)
        self.file.write(offset, data)

    def truncate(self, size: int) -> None:
        if size > self.file.size():
            self.disk.strike(errno.ENOSPC, self.file.path, 0.3)
        self.file.truncate(size)
        self.end = min(self.end, size)

    def read(self, offset: int, length: int) -> bytes:
        if "-wal" not in self.file.path:
            self.disk.strike(errno.EIO, self.file.path, 0.02)
        found: bytes = self.file.read(offset, length)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


class Bank:
    """Threads at work on one database file, for `seconds`."""

    def __init__(self, path: str, threads: int, seconds: float, seed: int) -> None:
        self.disk = FailingDisk(seed)
        self.database = minidb.Database(
            path, files=self.disk, cache_bytes=1, checkpoint_rows=300, checkpoint_bytes=100_000, parking_rows=20
        )
        self.until = time.monotonic() + seconds
        self.outcomes: Counter[str] = Counter()
        self.failures: list[BaseException] = []
        self.connections: list[minidb.Connection] = []
        with self.database.connect(autocommit=True) as setup:
            setup.execute("CREATE TABLE account (id int PRIMARY KEY, balance int CHECK (balance >= 0))")
            setup.execute("CREATE INDEX account_balance ON account (balance)")
            setup.execute("CREATE TABLE movement (account int, n bigserial, amount int,"
                          " PRIMARY KEY CLUSTERED (account, n))")
            setup.execute(f"INSERT INTO account SELECT g, {EACH} FROM generate_series(1, {ACCOUNTS}) g")
        self.threads = [threading.Thread(target=self.work, args=(seed + n,), daemon=True) for n in range(threads)]

    def run(self) -> Counter[str]:
        before = set(threading.enumerate())
        self.disk.chance = 1.0
        for thread in self.threads:
            thread.start()
        random = Random(0)
        while time.monotonic() < self.until:
            time.sleep(0.02)
            if self.connections:
                random.choice(self.connections).interrupt()
        for thread in self.threads:
            thread.join(HOME)
        self.disk.chance = 0.0
        assert not [thread for thread in self.threads if thread.is_alive()], "a thread waits for ever"
        if self.failures:
            raise self.failures[0]
        self.verify()
        self.database.close()
        assert set(threading.enumerate()) <= before, "threads are left"
        return self.outcomes

    def work(self, seed: int) -> None:
        random = Random(seed)
        connection = self.database.connect(durability=random.choice(("full", "normal", "off")))
        self.connections.append(connection)
        try:
            while time.monotonic() < self.until:
                try:
                    self.transaction(connection, random)
                    self.outcomes["committed"] += 1
                except Error as error:
                    assert error.sqlstate in SAFE, error
                    self.outcomes[error.sqlstate] += 1
                    self.roll_back(connection)
        except BaseException as error:
            self.failures.append(error)
        finally:
            self.connections.remove(connection)
            connection.close()

    def roll_back(self, connection: minidb.Connection) -> None:
        try:
            connection.rollback()
        except Error as error:  # interrupted again
            assert error.sqlstate in SAFE, error
            connection.rollback()

    def transaction(self, connection: minidb.Connection, random: Random) -> None:
        level = random.choice(tuple(IsolationLevel)).value
        connection.isolation_level = level
        connection.lock_timeout = random.choice((None, 0.05, 1.0))
        if random.random() < 0.25:
            total = connection.execute("SELECT sum(balance), count(*) FROM account").fetchone()
            if level in CONSISTENT:
                assert total == (ACCOUNTS * EACH, ACCOUNTS), f"{level}: {total}"
        else:
            self.transfer(connection, random)
        if random.random() < 0.05:
            connection.rollback()
        else:
            connection.commit()

    def transfer(self, connection: minidb.Connection, random: Random) -> None:
        giver, taker = random.sample(range(1, ACCOUNTS + 1), 2)
        amount = random.randrange(30)
        for account, change in ((giver, -amount), (taker, amount)):
            connection.execute("UPDATE account SET balance = balance + ? WHERE id = ?", (change, account))
            connection.execute("INSERT INTO movement (account, amount) VALUES (?, ?)", (account, change))

    def verify(self) -> None:
        with self.database.connect(autocommit=True) as look:
            assert look.execute("SELECT sum(balance) FROM account").fetchone() == (ACCOUNTS * EACH,)
            sql = (f"SELECT a.id FROM account a WHERE balance <> {EACH} + coalesce("
                   "(SELECT sum(amount) FROM movement m WHERE m.account = a.id), 0)")
            assert look.execute(sql).fetchall() == []
        engine = self.database._engine
        engine.checkpoint()
        engine.check()
        manager = engine.manager
        manager.trim(1 << 30)
        engine.checkpoint()
        assert not manager.active, "transactions are left"
        for name in ("sys.locks", "sys.transactions"):
            assert list(engine.inside.rows(name)) == [], f"{name} is not empty"
        assert not manager.conflicts.marks and not manager.conflicts.readers, "marks are left"
        left = {store.name: len(store.chains) for store in engine.relations.stores.values() if store.chains}
        assert not left, f"versions are left: {left}"
