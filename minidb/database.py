"""One open database: opens and recovers it, wires every layer, hands out sessions.

The only module that knows all layers. Opening:

    lock the base file (flock, R75) --> newest valid meta page --> catalog and stores --> log after F into the delta

Databases of one file are shared within the process, by (device, inode); another process is refused. A child made by
fork has none: every database is marked dead there (R76).
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from _queue import SimpleQueue
from collections import deque
from collections.abc import Callable, Container
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from minidb.errors import (
    DatabaseCorrupt,
    DatabaseFailed,
    DatabaseInUse,
    DiskFull,
    Error,
    InterfaceError,
    OperationalError,
)
from minidb.inside import Inside
from minidb.schema_functions import SchemaFunctions
from minidb.sql.statistics import TableStatistics, collect
from minidb.statement_cache import StatementCache
from minidb.storage.base import Base
from minidb.storage.file import MemoryFileSystem, OSFileSystem
from minidb.storage.interface import File, FileSystem
from minidb.storage.log import Log, RecoveredLog
from minidb.storage.pages import PagePool
from minidb.txn.checkpoint import Checkpointer
from minidb.txn.keeping import Keeper
from minidb.txn.manager import Manager
from minidb.txn.records import Payload, changes_of, decode, encode_chunk, encode_commit
from minidb.txn.relations import Relations
from minidb.txn.rows import RowDoor
from minidb.txn.sampling import sample_table
from minidb.txn.schema_changes import catalog_change
from minidb.txn.store import Store
from minidb.txn.transaction import Transaction
from minidb.txn.versions import Owner
from minidb.txn.waiting import Waiting

if TYPE_CHECKING:
    from minidb.session import Session

MEMORY = ":memory:"
LOG_SUFFIX = "-wal"
LATE = 1.25  # parts of what starts a checkpoint at which one that is running no longer gives way at each leaf
FEW_CHANGES = 500  # changed rows that never make statistics outdated


class Database:
    """An open database.

    Arguments:
        path: the file, created if absent; ":memory:" for one that lives with this object.
        cache_bytes: memory for decoded pages.
        checkpoint_bytes: size of the log that starts a checkpoint.
        checkpoint_rows: changed rows in the delta that start a checkpoint.
        parking_rows: changed rows that old snapshots may keep in memory; beyond that they are parked.
        background: whether checkpoints run in a thread of their own; False: only when told.
        files: the file system; the operating system's, or one in memory, unless given.
        waiting: how sessions wait; threads unless given.
        clock: seconds since the epoch.
        archive: a directory in which every closed segment of the log is kept; remembered by the file, and given up
            with an empty string.
        slot_limit: bytes of log beyond which the slot that is behind most is given up; None: none ever is.

    Raises NotADatabase, DatabaseCorrupt, DatabaseInUse (another process has it), OperationalError (the file cannot be
    opened).
    """

    door: type[RowDoor] = RowDoor
    registry: dict[tuple[int, int], Database] = {}
    registry_lock = threading.Lock()

    def __init__(self, path: str = MEMORY, *, cache_bytes: int = 64 << 20, checkpoint_bytes: int = 16 << 20,
                 checkpoint_rows: int = 50_000, parking_rows: int = 100_000, background: bool = True,
                 files: FileSystem | None = None, waiting: Waiting | None = None,
                 clock: Callable[[], float] = time.time, leaf_bytes: int | None = None,
                 locked_file: File | None = None, archive: str | None = None, slot_limit: int | None = None) -> None:
        memory = path == MEMORY
        self.path = path
        self.closed = False
        self.dead = False
        self.users = 1
        self.clock = clock
        self.files: FileSystem = files or (MemoryFileSystem() if memory else OSFileSystem())
        self.pool = PagePool(cache_bytes)
        self.checkpoint_bytes = checkpoint_bytes
        self.checkpoint_rows = checkpoint_rows
        self.statistics: dict[int, TableStatistics] = {}
        self.analyzing: set[int] = set()  # tables whose statistics somebody is taking
        self.statements = StatementCache()
        self.abandoned: deque[Callable[[], None]] = deque()  # what forgotten connections and results held (R71)
        self.attention = False  # something of the three above has changed: short ways are not for now
        self.sessions: weakref.WeakSet[Session] = weakref.WeakSet()
        self.next_session = 1
        file_path = "memory.mdb" if memory and files is None else path
        self.base = self.open_base(file_path, locked_file, leaf_bytes)
        try:
            self.wire(self.base.path, waiting, slot_limit)
            self.checkpointer.old_views.limit = parking_rows
            if archive is not None:
                self.set_archive(archive)
        except BaseException:
            self.base.close()
            raise
        self.worker = Worker(self) if background else None
        if self.worker is not None and not self.base.root.clean:  # W1: there is something to fold already
            self.worker.start()
        ALIVE.add(self)

    def open_base(self, path: str, locked_file: File | None, leaf_bytes: int | None) -> Base:
        files = self.files
        try:
            if not files.exists(path):
                return Base.create(
                    files, path, database_id=os.urandom(16), pool=self.pool, file=locked_file, leaf_bytes=leaf_bytes
                )
            return Base.open(
                files, path, pool=self.pool, file=locked_file, database_id=os.urandom(16), leaf_bytes=leaf_bytes
            )
        except OSError as error:
            raise cannot_open(path, error) from error

    def wire(self, path: str, waiting: Waiting | None, slot_limit: int | None = None) -> None:
        self.compiler = SchemaFunctions()
        self.relations = Relations(self.base, self.compiler)
        self.inside = Inside(self)
        recovered = self.open_log(path)
        self.log: Log = recovered.log if isinstance(recovered, RecoveredLog) else recovered
        last = recovered.last if isinstance(recovered, RecoveredLog) else self.base.root.number
        self.manager = self.new_manager(last, waiting)
        self.log.on_durable = self.manager.publish
        self.checkpointer = Checkpointer(self.base, self.log, self.manager, self.relations)
        self.keeper = Keeper(
            self.files, path, self.base, self.log, self.manager, self.checkpointer.mutex, slot_limit
        )
        self.checkpointer.before_release = self.keeper.before_release
        self.checkpointer.pressed = self.is_late
        self.relations.on_change = self.statements.clear
        self.relations.on_retired = self.manager.conflicts.relation_dropped
        if isinstance(recovered, RecoveredLog):
            self.replay(recovered)

    def set_archive(self, directory: str) -> None:
        """Keeps every closed segment of the log in `directory`, which is made if it is absent; empty: no longer."""
        if directory and isinstance(self.files, OSFileSystem):
            directory = os.path.abspath(directory)
            try:
                os.makedirs(directory, exist_ok=True)
            except OSError as error:
                raise OperationalError(f"cannot make the archive {directory}: {error.strerror}") from error
        self.keeper.set_archive(directory)

    def new_manager(self, published: int, waiting: Waiting | None) -> Manager:
        manager = Manager(published=published, waiting=waiting, clock=self.clock)
        self.wire_manager(manager)
        return manager

    def wire_manager(self, manager: Manager) -> None:
        """Tells a manager where its commits go."""
        manager.log = self.log
        manager.title_of = self.relations.title_of
        manager.encode = self.encode
        manager.encode_chunk = lambda txn: encode_chunk(txn, manager.keeping > 0)
        manager.on_redefined = self.redefined
        manager.on_outdated = self.outdated
        manager.on_grown = self.look_after_delta
        manager.before_first_write = self.before_write

    # -- opening and recovery

    def open_log(self, path: str) -> Log | RecoveredLog:
        root = self.base.root
        if self.files.exists(path + LOG_SUFFIX):
            return Log.recover(self.files, path, root.database_id, after=root.number, clean=root.clean)
        if not root.clean or self.base.other_slot_damaged:  # R19
            raise DatabaseCorrupt(
                f"{path}: the log {path}{LOG_SUFFIX} is missing, and the database was not closed cleanly",
                hint="Restore the log file; without it the last commits are lost.",
            )
        return Log.create(self.files, path, root.database_id, number=root.number)

    def replay(self, recovered: RecoveredLog) -> None:
        """Puts every commit after F into the delta, as if it had just been published."""
        for commit in recovered:
            owner = Owner(0, commit.number)
            last = decode(commit.payload)
            if last.catalog is not None:  # before the chunks: they may fill tables that it brings
                self.relations.adopt(last.catalog, owner.number)
            void = self.void_rows(last)
            for chunk in commit.chunks:
                self.replay_rows(decode(bytes(chunk)), owner, void)
            self.replay_rows(last, owner)
            self.relations.sequences.restore(last.points)
        for store in list(self.relations.stores.values()):
            self.rebuild_missing(store)

    def rebuild_missing(self, store: Store) -> None:
        """An index whose tree is not in the root that was found (an older meta page) is built again (R65)."""
        root = self.base.root
        table = root.relations.get(store.relation)
        if table is not None and table.entries:
            for index in store.index_list:
                if index.relation not in root.relations:
                    self.checkpointer.build(store, index)

    def void_rows(self, payload: Payload) -> set[tuple[int, Any]]:
        """Of which rows the chunks of a commit say what was rolled back to a savepoint."""
        groups = [changes_of(group, self.relations.stores.get) for group in payload.void]
        return {(store.relation, ref) for group in groups for store, ref, _ in group}

    def replay_rows(self, payload: Payload, owner: Owner, void: Container[tuple[int, Any]] = ()) -> None:
        for group in payload.groups:
            for store, ref, row in changes_of(group, self.relations.stores.get):
                if not void or (store.relation, ref) not in void:
                    self.replay_row(store, ref, row, owner)

    def replay_row(self, store: Store, ref: Any, row: Any, owner: Owner) -> None:
        chain = store.chains.get(ref)
        old = chain.row if chain is not None else store.base_row(self.base.root, ref)
        if row is None and old is None:
            return
        store.install(owner, 0, ref, old, row, store.keys(old), store.keys(row), False)
        store.trim(ref, owner.number)

    # -- while it runs

    def encode(self, txn: Transaction) -> bytes:
        change = None if txn.catalog is None else catalog_change(txn, self.relations)
        return encode_commit(txn, change, self.manager.keeping > 0)

    def redefined(self, txn: Transaction) -> None:
        """A transaction that has changed the schema is published. Under the latch."""
        assert txn.catalog is not None
        change = catalog_change(txn, self.relations)
        if change is not None:
            self.relations.merge(change, int(txn.number))
        if txn.temporary is not None:
            txn.temporary.adopt(txn.catalog, self.relations)

    def outdated(self, store: Store) -> None:
        """A table differs so much from its statistics that plans should be made anew. Under the latch."""
        store.outdated = True
        self.statements.clear()

    def look_after_delta(self) -> None:
        """Wakes the worker if a checkpoint is due, or room in the log. Asked now and then: the question costs a
        microsecond."""
        if self.worker is not None and not self.worker.signalled:
            if self.log.is_low() or self.wants_checkpoint():
                self.worker.wake()

    def wants_checkpoint(self) -> bool:
        return self.log.size > self.checkpoint_bytes or self.manager.delta_rows > self.checkpoint_rows

    def is_late(self) -> bool:
        """Whether so much has been written during a checkpoint that it should be over."""
        rows = self.manager.delta_rows
        return self.log.size > LATE * self.checkpoint_bytes or rows > LATE * self.checkpoint_rows

    def before_write(self) -> None:
        if self.base.root.clean:
            self.checkpointer.mark_open()
        if self.worker is not None:
            self.worker.start()
        self.manager.before_first_write = None

    def checkpoint(self) -> None:
        """Folds everything published so far into the base."""
        self.check_usable()
        self.manager.delta_rows = 0
        self.checkpointer.run()

    def vacuum(self) -> None:
        """Drops what nobody sees any more, folds the rest, moves the pages of the file together and gives its end back.
        Others go on meanwhile."""
        self.manager.trimmer.trim_all(self.checkpointer.on_slice)
        self.checkpoint()
        self.checkpointer.compactor.vacuum(self.checkpointer.on_slice)

    def session(self, *, isolation_level: str | None = None, autocommit: bool = False, durability: str = "full",
                lock_timeout: float | None = None, read_only: bool = False) -> Session:
        from minidb.session import Session

        self.check_usable()
        self.reap()
        session = Session(
            self, number=self.next_session, isolation_level=isolation_level, autocommit=autocommit,
            durability=durability, lock_timeout=lock_timeout, read_only=read_only,
        )
        if self.worker is not None and self.next_session > 1:
            self.worker.start()
        self.next_session += 1
        self.sessions.add(session)
        return session

    def reap(self) -> None:
        """Closes the sessions of connections that were forgotten without being closed (R71)."""
        self.attention = self.closed or self.dead  # before looking: who abandons something now says so afterwards
        while self.abandoned:
            try:
                release = self.abandoned.popleft()
            except IndexError:  # another thread was faster
                return
            release()

    def abandon(self, release: Callable[[], None]) -> None:
        """From a finalizer: this is to be given back soon, by the worker or the next statement of anybody (R71)."""
        self.abandoned.append(release)
        self.attention = True
        if self.worker is not None:
            self.worker.wake()

    def statistics_of(self, table: int) -> TableStatistics | None:
        """What the planner knows of a table: taken when first asked for, and again when much has changed since."""
        store = self.relations.tables.get(table) or self.relations.temporary.get(table)
        if store is None:
            return None
        known = self.statistics.get(table)
        if known is not None and (store.changes < store.changes_allowed or table in self.analyzing):
            return known  # in doubt the older one: not every session takes them at the same time
        self.analyzing.add(table)
        try:
            return self.analyze(table)
        finally:
            self.analyzing.discard(table)

    def size_of(self, table: int) -> TableStatistics | None:
        """What is known of a table, or its size alone: for plans that need no more, nothing is read."""
        store = self.relations.tables.get(table) or self.relations.temporary.get(table)
        if store is None or table in self.statistics:
            return self.statistics_of(table)
        return TableStatistics(float(max(store.tree.entries(store.base.root), len(store.chains))))

    def analyze(self, table: int) -> TableStatistics | None:
        """Takes the statistics of a table from a sample of it; plans made with older ones are made anew. A table whose
        creation is not committed yet has none: who plans with it afterwards takes them."""
        store = self.relations.tables.get(table) or self.relations.temporary.get(table)
        if store is None:
            return None
        total, sample = sample_table(store)
        found = self.statistics[table] = collect(store.schema, total, sample, self.relations.functions(store.schema))
        store.changes, store.outdated = 0, False
        store.changes_allowed = max(FEW_CHANGES, total // 5)
        return found

    def check_usable(self) -> None:
        if self.dead:
            raise InterfaceError("the database was opened before fork(); open it again in the child")
        if self.closed:
            raise InterfaceError("the database is closed")

    def check(self) -> None:
        """Verifies the whole database: pages, trees, free space, every index against its table. Raises
        DatabaseCorrupt."""
        from minidb.txn.verify import verify

        self.check_usable()
        with self.checkpointer.mutex:
            self.base.check()
            verify(self.base, self.relations, self.manager)

    # -- sharing and closing

    @classmethod
    def shared(cls, path: str, *, files: FileSystem | None = None, **options: Any) -> Database:
        """The open database of a file; every call is paired with one `close`."""
        files = files or OSFileSystem()
        resolved = files.resolve(path)
        with cls.registry_lock:
            try:
                file = files.open(resolved, create=True)
            except OSError as error:
                raise cannot_open(path, error) from error
            identity = file.identity()
            known = cls.registry.get(identity)
            if known is not None and not known.closed and not known.dead:
                file.close()
                known.users += 1
                return known
            try:
                file.lock()
            except BlockingIOError as error:
                file.close()
                raise DatabaseInUse(
                    f"{path}: another process has the database open",
                    hint="One process opens a file at a time. Close it there first.",
                ) from error
            try:
                database = cls(resolved, files=files, locked_file=file, **options)
            except BaseException:
                file.close()
                raise
            cls.registry[identity] = database
            database.identity = identity
            return database

    identity: tuple[int, int] | None = None

    def close(self) -> None:
        """Gives back one use; the last one rolls back what is open, writes a checkpoint and closes the files."""
        with self.registry_lock:
            if self.given_back():
                self.shut_down()

    def given_back(self) -> bool:
        """Whether the use that is given back was the last one; if so nobody can share the database any more."""
        self.users -= 1
        if self.users > 0 or self.closed or self.dead:
            return False
        self.closed = self.attention = True
        if self.identity is not None:
            self.registry.pop(self.identity, None)
        return True

    def shut_down(self) -> None:
        for session in list(self.sessions):
            session.abort_quietly()
        if self.worker is not None:
            self.worker.stop()
        try:
            if self.manager.failed is None and self.log.failed is None:
                if self.path != MEMORY:
                    self.log.sync()
                    self.log.shrink()
                    if self.checkpointer.run(clean=True):
                        self.checkpointer.compactor.close(self.checkpointer.on_slice)
                self.log.close()
            else:
                self.log.abandon()
        except (DiskFull, DatabaseFailed, OperationalError):
            self.log.abandon()  # what was acknowledged is in the log
        finally:
            self.base.close()

    def leave(self) -> None:
        """Gives back one use; the last one closes the files as they are, without a checkpoint."""
        with self.registry_lock:
            if self.given_back():
                if self.worker is not None:
                    self.worker.stop()
                self.log.abandon()
                self.base.close()

    def kill(self) -> None:
        """In a forked child: nothing is flushed or unlocked, the descriptors are closed (R76)."""
        self.dead = self.attention = True
        self.log.abandon()
        self.base.file.close()


class Worker:
    """The thread that runs checkpoints when the log or the delta has grown, and closes forgotten sessions.

    It is woken through a SimpleQueue, whose `put` may be called by finalizers in any thread (R71). A thread takes a
    twentieth of what opening does, and who only reads needs none:

     W1  It runs before there is anything to do for it: it is started when a database is opened that has something to
         fold, before the first write, and by the second session, for only another session can wait for what a
         forgotten one holds; the next statement of its own would close it.
    """

    def __init__(self, database: Database) -> None:
        self.database = weakref.ref(database)
        self.tokens: SimpleQueue[None] = SimpleQueue()
        self.signalled = False
        self.stopping = False
        self.error: Exception | None = None
        self.thread: threading.Thread | None = None
        self.mutex = threading.Lock()

    def start(self) -> None:
        """Without the latch. Does nothing if it runs already, or if the system has no thread to give (a limit; the end
        of the process): it is asked again, and until then the log grows."""
        if self.thread is None:
            with self.mutex, suppress(RuntimeError):
                if self.thread is None:
                    thread = threading.Thread(target=self.run, name="minidb checkpoint", daemon=True)
                    thread.start()
                    self.thread = thread

    def wake(self) -> None:
        self.signalled = True
        self.tokens.put(None)

    def run(self) -> None:
        while True:
            self.tokens.get()
            database = self.database()
            if self.stopping or database is None:
                return
            self.signalled = False
            try:
                self.work(database)
                self.error = None
            except Error as error:  # a full disk: nothing has changed, the next one tries again
                self.error = error
            del database

    def work(self, database: Database) -> None:
        database.reap()
        if database.log.is_low():
            database.log.extend()
        if database.wants_checkpoint():
            database.manager.delta_rows = 0
            database.checkpointer.run()

    def stop(self) -> None:
        self.stopping = True
        self.tokens.put(None)
        if self.thread is not None and threading.current_thread() is not self.thread:
            self.thread.join()


ALIVE: weakref.WeakSet[Database] = weakref.WeakSet()


def kill_all() -> None:
    for database in list(ALIVE):
        database.kill()
    Database.registry.clear()
    Database.registry_lock = threading.Lock()


os.register_at_fork(after_in_child=kill_all)


def cannot_open(path: str, error: OSError) -> Error:
    if isinstance(error, BlockingIOError):
        return DatabaseInUse(f"{path}: another process has the database open")
    return OperationalError(f"unable to open database file {path!r}: {error.strerror or error}")


__all__ = ["MEMORY", "Database"]
