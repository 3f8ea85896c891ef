"""A session: text in, result out. Statement cache, BEGIN / COMMIT / autocommit, atomicity of statements.

    idle --BEGIN, or any statement--> active --error--> failed --ROLLBACK--> idle
     ^                                 |  ^                |
     +--------COMMIT, ROLLBACK---------+  +--ROLLBACK TO---+

A statement that fails has undone its changes; its transaction is then failed (25P02) until it is rolled back, whole or
to a savepoint. Without a savepoint the transaction ends at once, so that its locks hold nobody up. With autocommit a
statement outside BEGIN is a transaction of its own.

Results stream on their statement's snapshot where the level allows it (R74): COMMIT fetches what is left of them,
ROLLBACK closes them, and so do statements that lock a table strongly enough to wait for their own cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from minidb import schema, statements, translation
from minidb.bulk_inserts import BulkInsert, check_set
from minidb.context import Context, Environment
from minidb.errors import (
    ActiveTransaction,
    Error,
    InFailedTransaction,
    InterfaceError,
    InvalidSavepoint,
    NoActiveTransaction,
    ProgramLimitExceeded,
    StatementTooComplex,
)
from minidb.idle import IdleWatch, watch_idle
from minidb.isolation import IsolationLevel
from minidb.keys import Row
from minidb.parameters import check_call
from minidb.results import OpenStreams, Result, Stream, failed_transaction
from minidb.setting_changes import SettingChanges
from minidb.settings import DEFAULTS, profile_of
from minidb.sql import ast
from minidb.sql.binder.workspace import locate
from minidb.sql.statement import prepare
from minidb.statement_cache import Compiled, StatementCache, check_count, keep, used_parameters
from minidb.txn.alone import LoneWriter, Unsuited
from minidb.txn.claims import Overtaken
from minidb.txn.isolation import POLICIES
from minidb.txn.manager import DATABASE, TABLE_MODE, Savepoint, Transaction
from minidb.txn.rows import RowDoor
from minidb.txn.schema_changes import SchemaChanges
from minidb.txn.sequence_values import SequenceValues
from minidb.txn.temporary import Temporary
from minidb.txn.versions import PENDING
from minidb.txn.waiting import Parking

if TYPE_CHECKING:
    from minidb.database import Database
    from minidb.prepared_statements import PreparedStatement
    from minidb.sql.functions.in_python import PythonFunctions

Parameters = Sequence[Any] | Mapping[str, Any]
NOTHING_QUICK: dict[str, Compiled] = {}
LONGEST_CONTROL = 100  # characters of a BEGIN or COMMIT that is known by its text
LONGEST_STATEMENT = 1 << 28  # characters
STREAMED_BATCHES = 2  # results with fewer batches are fetched at once


def nobody() -> None:
    """The connection of a session that has none."""


class Session:
    """One client's conversation with the database. Not to be used by two threads at once; `interrupt` may come from
    anywhere."""

    def __init__(self, database: Database, *, number: int, isolation_level: str | None, autocommit: bool,
                 durability: str, lock_timeout: float | None, read_only: bool) -> None:
        self.database = database
        self.manager = database.manager
        self.relations = database.relations
        self.number = number
        self.name: str | None = None
        self.autocommit = autocommit
        self.durability = durability
        self.read_only = read_only
        self.default_read_only = False  # SET SESSION CHARACTERISTICS; `read_only` is the connection's, and final
        self.default_deferrable = False
        self.idle_watch: IdleWatch | None = None
        self.quick = NOTHING_QUICK  # what is compiled, by text; empty where a statement may mean something else here
        self.settings = {**DEFAULTS, "lock_timeout": lock_timeout}
        self.setting_changes = SettingChanges()
        self.state = "idle"
        self.explicit = False  # BEGIN was said
        self.started = False  # the transaction has run a statement
        self.txn: Transaction | None = None
        self.parking = Parking()  # where it waits for others
        self.door: RowDoor | None = None
        self.last_door: RowDoor | None = None  # of a transaction that is over, for the next one
        self.reader: RowDoor | None = None  # for reads outside of transactions, at the present level
        self.writer: LoneWriter | None = None  # for single changes outside of transactions, at the present level
        self.level = IsolationLevel.parse(isolation_level) if isolation_level else IsolationLevel.READ_COMMITTED
        self.context: Context | None = None
        self.savepoints: list[Savepoint] = []
        self.streams = OpenStreams(self.forget)
        self.prepared: dict[str, PreparedStatement] = {}
        self.python: PythonFunctions | None = None  # functions written in Python, once there are some
        self.connection: Callable[[], Any] = nobody  # the driver's connection, for procedures
        self.looking: Transaction | None = None  # what reads for AS OF
        self.timed = False  # a statement is running under statement_timeout
        self.cursors: Any = None  # cursors.SqlCursors, once one is declared
        self._translator: Any = None
        self.port: Any = None  # copying.ports.Port: the other end of COPY's STDIN and STDOUT
        self.on_wait: Callable[[str | None], None] | None = None
        self.sequences = SequenceValues()
        self.temporary = Temporary()
        self.own_statements = StatementCache()
        self.random: Any = None  # made when random() is first called: the module is slow to import
        self.closed = False

    # -- properties

    @property
    def level(self) -> IsolationLevel:
        """That of transactions which do not say another."""
        return self._level

    @level.setter
    def level(self, level: IsolationLevel) -> None:
        self._level = level
        self.reader = self.writer = None

    @property
    def isolation_level(self) -> str:
        return self.level.value

    @isolation_level.setter
    def isolation_level(self, level: str) -> None:
        self.level = IsolationLevel.parse(level)

    @property
    def settings(self) -> dict[str, Any]:
        """The values of SET; `settings_changed` must be told of changes."""
        return self._settings

    @settings.setter
    def settings(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self.settings_changed()

    def settings_changed(self) -> None:
        self.quick = NOTHING_QUICK
        watch_idle(self, self._settings["idle_in_transaction_session_timeout"])
        self.profile = profile_of(self._settings)

    @property
    def translator(self) -> Any:
        """sql.dialects.translator.Translator, for a dialect that is not ours."""
        return self._translator

    @translator.setter
    def translator(self, translator: Any) -> None:
        self._translator = translator
        self.quick = NOTHING_QUICK

    @property
    def dialect(self) -> str | None:
        """The SQL that the session is spoken to in; None for our own."""
        return None if self.translator is None else str(self.translator.dialect)

    @dialect.setter
    def dialect(self, dialect: str | None) -> None:
        own = dialect is None or translation.is_own(dialect)
        self.translator = None if own else translation.translator_of(str(dialect))

    @property
    def lock_timeout(self) -> float | None:
        value: float | None = self.settings["lock_timeout"]
        return value

    @lock_timeout.setter
    def lock_timeout(self, seconds: float | None) -> None:
        self.settings["lock_timeout"] = seconds
        if self.txn is not None:
            self.txn.lock_timeout = seconds

    @property
    def transaction_level(self) -> str | None:
        return None if self.txn is None else self.txn.policy.level

    @property
    def catalog(self) -> schema.Catalog:
        if self.txn is None:
            return self.temporary.over(self.relations)
        return self.relations.visible_catalog(self.txn)

    @property
    def statements(self) -> StatementCache:
        """Compiled statements; those of a session with temporary tables mean others than everybody else's."""
        return self.database.statements if self.temporary.empty and self.python is None else self.own_statements

    @property
    def waiting_for(self) -> str | None:
        """What the session is blocked on, in words. Withdrawn in the hold that ends the wait."""
        txn = self.txn
        request = None if txn is None else txn.waiting
        if request is None or request.granted:
            return None
        with self.manager.latch:
            whom = [edge[0].session_name or edge[0].title for edge in request.blockers()]
        return f"{', '.join(dict.fromkeys(whom))} ({request.words()})" if whom else None

    @property
    def label(self) -> str:
        return self.name or f"session {self.number}"

    def current_time(self) -> datetime:
        return datetime.fromtimestamp(self.database.clock(), UTC)

    # -- statements

    def execute(self, sql: str, parameters: Parameters | None = None) -> Result:
        """Runs one statement. Raises what it raises; the transaction is then failed."""
        compiled = self.quick.get(sql)
        if compiled is not None and compiled.catalog_version == self.relations.catalog.version:
            values = compiled.bind(parameters)
            if values is not None and not self.database.attention:
                txn = self.txn
                if txn is None:
                    if self.autocommit and self.state == "idle":
                        result = (
                            self.write_alone(compiled, values, sql)
                            if compiled.writes
                            else self.read_alone(compiled, values)
                        )
                        if result is not None:
                            return result
                        return self.within_transaction(lambda: self.run_prepared(compiled, values), sql)
                elif self.state == "active" and txn.catalog is None:
                    return self.run_in_block(compiled, values, txn, sql)
        control = self.database.statements.controls.get(sql)
        if control is not None and self._translator is None and self._settings["statement_timeout"] is None:
            if self.closed or self.database.attention:
                self.check_open()
            handler, statement = control
            ended: Result = handler(self, statement)
            return ended
        return self.execute_unknown(sql, parameters)

    def execute_unknown(self, sql: str, parameters: Parameters | None) -> Result:
        """The long way of `execute`, for a statement whose text alone does not say what it is here."""
        if type(sql) is not str or (parameters is not None and type(parameters) is not tuple):
            plain = check_call(sql, parameters)
            if plain is not parameters:
                return self.execute(sql, plain)
        if self.translator is not None:
            return translation.execute(self, sql, parameters)
        if self._settings["statement_timeout"] is not None and not self.timed:
            return statements.run_timed(self, lambda: self.execute(sql, parameters))
        self.check_open()
        found = self.find_compiled(sql, parameters)
        if found is None:
            return self.run_statement(self.parse(sql), sql, parameters)
        if self.txn is None and self.autocommit and not found[0].writes:
            result = self.read_alone(*found)
            if result is not None:
                return result
        return self.within_transaction(lambda: self.run_prepared(*found), sql)

    def check_open(self) -> None:
        if self.closed:
            raise InterfaceError("the session is closed")
        if self.database.attention:
            self.database.check_usable()
            self.database.reap()
        if self.txn is not None:
            self.txn.interrupted = False

    def parse(self, sql: str) -> ast.Statement:
        try:
            if len(sql) > LONGEST_STATEMENT:
                raise ProgramLimitExceeded(
                    f"a statement of {len(sql):,} characters; the limit is {LONGEST_STATEMENT:,}",
                    hint="Give large values as parameters.",
                )
            return self.database.statements.parse(sql)
        except Error:
            if self.state == "active":
                self.statement_failed()
            raise

    def run_statement(self, statement: ast.Statement, sql: str, parameters: Parameters | None) -> Result:
        """Transaction control runs in every state, everything else needs a transaction that has not failed."""
        control = statements.CONTROL.get(type(statement))
        if control is not None:
            if self._translator is None and len(sql) <= LONGEST_CONTROL:
                keep(self.database.statements.controls, sql, (control, statement))
            result: Result = control(self, statement)
            return result
        if self.state == "failed":
            raise failed_transaction()
        if isinstance(statement, ast.Call):
            return statements.call(self, statement, sql, parameters)
        utility = statements.UTILITIES.get(type(statement))
        if utility is not None:
            queries = not isinstance(statement, statements.NO_QUERIES)
            return self.within_transaction(lambda: utility(self, statement, sql, parameters), sql, queries)
        if isinstance(statement, statements.QUERIES):
            return self.within_transaction(lambda: self.run_query(statement, sql, parameters), sql)
        return self.within_transaction(lambda: statements.run_ddl(self, statement, sql), sql)

    def within_transaction(self, work: Callable[[], Result], sql: str, queries: bool = True) -> Result:
        """Runs one statement in the open transaction, or in one of its own. After one that does not query the database
        SET TRANSACTION is still possible."""
        txn = self.open_transaction()
        try:
            self.manager.start_statement(txn, sql)
            self.started = self.started or queries
            result = work()
            if txn.doomed is not None and self.txn is txn:
                raise txn.doomed
        except BaseException as error:
            self.fail_statement(error, sql)
            raise
        self.statement_succeeded()
        return result

    def fail_statement(self, error: BaseException, sql: str) -> None:
        """Undoes a statement that has ended with this error, and says in the error what is known here."""
        if isinstance(error, Error):
            locate(error, sql)
        self.statement_failed()
        if isinstance(error, RecursionError):  # a safety net: whoever knows more has said so already
            raise StatementTooComplex("statement is too complex", hint="It is nested too deeply.") from error

    def statement_succeeded(self) -> None:
        txn = self.txn
        if txn is None:
            return
        self.manager.end_statement(txn)
        if self.autocommit and not self.explicit:
            self.commit()

    def statement_failed(self) -> None:
        """Undoes the statement: to the last savepoint, or by ending the transaction, so that its locks are free."""
        txn = self.txn
        if txn is None:
            return
        if self.savepoints and txn.state == "active":
            self.manager.rollback_to(txn, self.savepoints[-1])
            self.manager.end_statement(txn)
            self.door = None
        else:
            self.abort_transaction()
        self.state = "failed" if self.explicit or not self.autocommit else "idle"
        if self.state == "idle":
            self.forget_transaction()

    # -- queries and changes

    def find_compiled(self, sql: str, parameters: Parameters | None) -> tuple[Compiled, Row] | None:
        """A compiled statement from the cache, with its converted parameters; None for the long way."""
        if self.state == "failed":
            return None
        if self.txn is not None and self.txn.catalog is not None:
            return None
        if self.temporary.empty and self.python is None:
            cache = self.database.statements.variant(self.profile)
            if self._translator is None and self._settings["statement_timeout"] is None:
                self.quick = cache.quick
            return cache.find(sql, parameters, self.relations.catalog.version)
        return self.own_statements.variant(self.profile).find(sql, parameters, self.catalog.version)

    def read_alone(self, compiled: Compiled, values: Row) -> Result | None:
        """A read that is a transaction of its own, at a level where reads leave no trace: without a transaction object
        and without table locks. What could disturb it, a schema change, is looked for before and after; None: it did,
        or the statement is of another kind, and takes the long way."""
        manager, reader = self.manager, self.reader or self.new_reader()
        if reader is None or (manager.table_locks and manager.readers_kept_out(compiled.tables)):
            return None
        strong_locks = manager.strong_locks
        txn, views = reader.txn, manager.views
        txn.interrupted = False
        views[txn] = 0
        published = views[txn] = manager.published
        reader.tables = reader.relations.tables
        reader.snapshot = PENDING if txn.policy.reads_uncommitted else published
        try:
            rows = compiled.run(reader, values, Context(self) if compiled.needs_context else None)
            if compiled.streams:
                rows = few_batches(rows)
        except Error:
            if manager.strong_locks != strong_locks:
                return None
            raise
        finally:
            views.pop(txn, None)
        if rows is None or manager.strong_locks != strong_locks:
            return None
        return Result("SELECT", compiled.columns, rows)

    def write_alone(self, compiled: Compiled, values: Row, sql: str) -> Result | None:
        """A change of one row that is a transaction of its own (`txn.alone`); None: it takes the long way."""
        if not compiled.alone or self.read_only or self.default_read_only:
            return None
        writer = self.writer or self.new_writer()
        if writer is None:
            return None
        try:
            count, rows = writer.run(compiled.run_write, values, compiled.catalog_version, self.durability, sql)
        except Overtaken:
            return None
        except Unsuited:
            compiled.alone = False
            return None
        return Result(compiled.tag_of_one if count == 1 else f"{compiled.tag}{count}", compiled.columns, rows, count)

    def new_writer(self) -> LoneWriter | None:
        policy = POLICIES[self.level]
        if policy.tracks_reads or not self.database.door.takes_short_ways:
            return None
        txn = Transaction(0, policy, self.label, False, False)
        self.writer = LoneWriter(self.manager, txn, self.relations, self.database.inside.rows)
        self.writer.statement = 1
        return self.writer

    def new_reader(self) -> RowDoor | None:
        policy = POLICIES[self.level]
        if policy.tracks_reads or not self.database.door.takes_short_ways:
            return None
        txn = Transaction(0, policy, self.label, True, False)
        txn.temporary = self.temporary
        self.reader = self.database.door(self.manager, txn, self.relations, self.database.inside.rows)
        self.reader.statement = 1
        self.reader.on_parked = self.forget_reader
        return self.reader

    def forget_reader(self) -> None:
        self.reader = None

    def run_query(self, statement: ast.Statement, sql: str, parameters: Parameters | None, *,
                  part: bool = False) -> Result:
        if isinstance(statement, ast.Query) and statement.as_of is not None:
            return statements.run_as_of(self, statement, sql, parameters)
        if isinstance(statement, ast.Update | ast.Delete) and isinstance(statement.where, ast.CurrentOf):
            statement, parameters = statements.positioned(self, statement, parameters)
            part = True
        return self.run_prepared(*self.prepare(statement, sql, parameters, part=part))

    def prepare(self, statement: ast.Statement, sql: str, parameters: Parameters | None, *,
                part: bool = False) -> tuple[Compiled, Row]:
        """Compiles a statement. `part`: `sql` holds more than this statement, so it is not kept under that text."""
        check_count(statement, parameters)
        if isinstance(parameters, Mapping):
            parameters = used_parameters(statement, parameters)
        environment = self.environment()
        environment.parameters = parameters
        own_catalog = self.txn is not None and self.txn.catalog is not None
        cache = self.statements.variant(self.profile)
        shared = not part and not own_catalog
        return cache.compile(statement, sql, parameters, environment, shared)

    def run_prepared(self, prepared: Compiled, values: Row, *, whole: bool = False) -> Result:
        """Runs a compiled statement in the open transaction; `whole`: its rows are fetched before it returns."""
        door, values, _, prepared = self.ready_to_run(prepared, values)
        if prepared.verb != "SELECT":
            return self.run_change(prepared, values, door)
        return self.run_read(prepared, values, door, whole)

    def run_in_block(self, compiled: Compiled, values: Row, txn: Transaction, sql: str) -> Result:
        """Runs a statement in the open transaction: `within_transaction` and `run_prepared`, with less to ask."""
        manager, relations = self.manager, self.relations
        txn.interrupted = False
        self.started = True
        try:
            manager.enter_statement(txn, sql, compiled.modes)
            if (
                compiled.catalog_version != relations.catalog.version
                or relations.redefined_at > txn.snapshot
                or txn.read_only
            ):
                result = self.run_prepared(compiled, values)
            elif compiled.selects:
                result = self.run_read(compiled, values, self.statement_door(), False)
            else:
                if manager.failed is not None or not txn.weak.get(DATABASE):
                    manager.before_write(txn, False, compiled.verb)
                result = self.run_change(compiled, values, self.statement_door())
            if txn.doomed is not None:
                raise txn.doomed
        except BaseException as error:
            self.fail_statement(error, sql)
            raise
        manager.end_statement(txn)
        return result

    def run_change(self, compiled: Compiled, values: Row, door: RowDoor) -> Result:
        """Runs INSERT, UPDATE, DELETE or MERGE; once more, without claims, if somebody else has changed a row that it
        had claimed."""
        try:
            count, rows = compiled.run_write(door, values, self.context)
        except Overtaken:
            with door.without_claims():
                count, rows = compiled.run_write(door, values, self.context)
        door.finish_statement()
        return Result(compiled.tag_of_one if count == 1 else f"{compiled.tag}{count}", compiled.columns, rows, count)

    def ready_to_run(self, prepared: Compiled, values: Row) -> tuple[RowDoor, Row, Context, Compiled]:
        """Locks the tables, then takes the snapshot: all that comes before the compiled function."""
        txn = self.txn
        assert txn is not None
        prepared, values = self.lock_tables(prepared, values)
        self.manager.take_snapshot(txn)
        if txn.policy.keeps_snapshot:
            for table, _ in prepared.tables:
                self.relations.check_age(txn, table)
        door = self.statement_door()
        assert self.context is not None
        if prepared.verb != "SELECT":
            temporary = bool(self.relations.temporary) and self.writes_temporary(prepared)
            self.manager.before_write(txn, temporary, prepared.verb)
        elif txn.read_only and any(mode == "row exclusive" for _, mode in prepared.tables):
            self.manager.before_write(txn, self.writes_temporary(prepared), "SELECT")
        if prepared.past:
            door = statements.with_past(self, prepared, door)
        return door, values, self.context, prepared

    def writes_temporary(self, prepared: Compiled) -> bool:
        """Whether only temporary tables are written, which a read-only transaction may do."""
        own = self.relations.temporary
        return bool(own) and all(table in own for table, mode in prepared.tables if mode == "row exclusive")

    def lock_tables(self, prepared: Compiled, values: Row) -> tuple[Compiled, Row]:
        """Locks, then compares catalog versions (R67): a statement compiled before a schema change is not run."""
        txn = self.txn
        assert txn is not None
        manager, relations = self.manager, self.relations
        for table, mode in prepared.tables:
            if not txn.weak.get(table, 0) >> TABLE_MODE[mode] & 1:
                manager.lock_table(txn, table, mode, relations.title_of(table))
        own = txn.catalog is not None or not self.temporary.empty
        if prepared.catalog_version != (self.catalog if own else relations.catalog).version:
            return self.lock_tables(self.compile_again(prepared), values)
        return prepared, values

    def environment(self) -> Environment:
        return Environment(self, self.catalog)

    def compile_again(self, old: Compiled) -> Compiled:
        """The schema has changed since: the same statement, for the same types of parameters."""
        environment = self.environment()
        environment.parameters = old.past_parameters
        if len(old.types) != len(old.prepared.parameters):
            prepared = prepare(old.statement, old.text, environment, old.types, lifted_offset=len(old.types))
        else:
            prepared = prepare(old.statement, old.text, environment, old.types, parameter_names=old.names)
        return Compiled(prepared, self.catalog.version, old.statement, old.text, old.types, old.names)

    def open_query(self, query: ast.Query, sql: str, parameters: Parameters | None) -> Result:
        """A query for a cursor: where the level allows it nothing runs before the first row is asked for."""
        if query.as_of is not None:
            return statements.run_as_of(self, query, sql, parameters)
        prepared, values = self.prepare(query, sql, parameters, part=True)
        door, values, context, prepared = self.ready_to_run(prepared, values)
        txn = self.txn
        assert txn is not None
        if prepared.writes or not txn.policy.streams:
            return self.run_read(prepared, values, door, False)
        produced = prepared.run(door, values, context)
        if isinstance(produced, list | tuple):
            return Result("SELECT", prepared.columns, list(produced))
        return Result("SELECT", prepared.columns, stream=self.detach([], produced, door))

    def run_read(self, prepared: Compiled, values: Row, door: RowDoor, whole: bool) -> Result:
        txn = self.txn
        assert txn is not None and self.context is not None
        produced = prepared.run(door, values, self.context)
        if prepared.writes:
            door.finish_statement()
        if isinstance(produced, list):
            return Result("SELECT", prepared.columns, produced)
        if isinstance(produced, tuple):  # the rows of a VALUES list that are all constants
            return Result("SELECT", prepared.columns, list(produced))
        if whole or not txn.policy.streams:
            return Result("SELECT", prepared.columns, [row for batch in produced for row in batch])
        ready: list[list[Row]] = []
        for batch in produced:
            ready.append(batch)
            if len(ready) >= STREAMED_BATCHES:
                return Result("SELECT", prepared.columns, stream=self.detach(ready, produced, door))
        return Result("SELECT", prepared.columns, ready[0] if len(ready) == 1 else [r for b in ready for r in b])

    def detach(self, ready: list[list[Row]], batches: Iterator[list[Row]], door: RowDoor) -> Stream:
        """Lets a result go on while its session does something else: its door and snapshot are its own from here."""
        txn = self.txn
        assert txn is not None
        door.become_view()
        self.door = None
        alone = self.autocommit and not self.explicit
        if alone:
            self.forget_transaction()  # the stream keeps it, for its table locks, until the last row
            self.manager.views.pop(txn, None)

        def finish() -> None:
            door.end_view()
            if alone:
                self.manager.commit(txn)

        return Stream(self.streams, ready, door.fetched(batches), finish)

    def statement_door(self) -> RowDoor:
        door = self.door
        if door is None:
            door = self.door = self.next_door()
        door.begin()
        return door

    def next_door(self) -> RowDoor:
        """The door of the open transaction: that of the one before, if it is still good."""
        assert self.txn is not None
        door, self.last_door = self.last_door, None
        if door is None:
            return self.database.door(self.manager, self.txn, self.relations, self.database.inside.rows, self.context)
        door.serve(self.txn, self.context)
        return door

    def schema_door(self) -> SchemaChanges:
        assert self.txn is not None
        self.finish_streams()
        self.manager.take_snapshot(self.txn)
        return SchemaChanges(
            self.manager, self.txn, self.relations, self.statement_door(), self.database.checkpointer
        )

    def finish_streams(self) -> None:
        """Before anything that could wait for the session's own open results."""
        for stream in self.streams:
            stream.fetch_rest()

    def execute_many(self, sql: str, parameter_sets: Iterable[Parameters]) -> int:
        """Runs one statement for each parameter set, as one statement: all of them or none. Returns the rows."""
        if self.translator is not None:
            return translation.execute_many(self, sql, parameter_sets)
        self.check_open()
        if self.state == "failed":
            raise failed_transaction()
        statement = self.parse(sql)
        if not isinstance(statement, statements.QUERIES):
            total = 0
            for parameters in parameter_sets:
                total += max(self.run_statement(statement, sql, parameters).rowcount, 0)
            return total

        if isinstance(statement, ast.Insert) and not statement.returning:
            return self.within_transaction(lambda: self.insert_sets(statement, sql, parameter_sets), sql).rowcount
        return self.within_transaction(lambda: self.run_sets(statement, sql, parameter_sets), sql).rowcount

    def run_sets(self, statement: ast.Statement, sql: str, parameter_sets: Iterable[Parameters]) -> Result:
        """Each set sees what the ones before it did."""
        txn = self.txn
        assert txn is not None
        total = 0
        for number, parameters in enumerate(parameter_sets):
            check_set(parameters)
            if number:
                self.manager.start_statement(txn, sql)
            prepared, values = self.find_compiled(sql, parameters) or self.prepare(statement, sql, parameters)
            total += max(self.run_prepared(prepared, values).rowcount, 0)
            self.manager.end_statement(txn)
        return Result("", None, None, total)

    def insert_sets(self, statement: ast.Insert, sql: str, parameter_sets: Iterable[Parameters]) -> Result:
        return Result("", None, None, BulkInsert(self, statement, sql).run(parameter_sets))

    # -- transactions

    def open_transaction(self) -> Transaction:
        if self.txn is None:
            self.start_transaction(self.level, self.default_read_only, self.default_deferrable)
        assert self.txn is not None
        return self.txn

    def start_transaction(self, level: IsolationLevel, read_only: bool, deferrable: bool) -> None:
        txn = self.manager.begin(
            level, session_name=self.name or self.label, read_only=self.read_only or read_only, deferrable=deferrable,
            durability=self.durability, parking=self.parking,
        )
        settings = self._settings
        txn.lock_timeout = settings["lock_timeout"]
        txn.deadlock_timeout = settings["deadlock_timeout"]
        txn.memory_limit = settings["minidb.transaction_memory"]
        txn.temporary = self.temporary
        txn.on_wait = self.on_wait
        self.txn = txn
        self.state = "active"
        self.started = False
        self.context = Context(self)

    def begin(self, *, isolation_level: str | None = None, read_only: bool | None = None,
              deferrable: bool | None = None) -> None:
        if self.closed or self.database.attention:
            self.check_open()
        if self.state == "failed":
            raise failed_transaction()
        if self.state == "active":
            raise ActiveTransaction("there is already a transaction in progress")
        level = self.level if isolation_level is None else IsolationLevel.parse(isolation_level)
        self.start_transaction(
            level,
            self.default_read_only if read_only is None else read_only,
            self.default_deferrable if deferrable is None else deferrable,
        )
        self.explicit = True

    def commit(self) -> str:
        """Ends the transaction; a failed one is rolled back. Returns what happened: COMMIT or ROLLBACK."""
        if self.state == "failed":
            self.rollback()
            return "ROLLBACK"
        txn = self.txn
        if txn is None:
            return "COMMIT"
        try:
            if self.streams.count or self.cursors is not None or txn.catalog is not None or not self.temporary.empty:
                self.prepare_commit(txn)
            self.manager.commit(txn)
        except BaseException:
            self.manager.abort(txn)
            if self.cursors is not None:
                self.cursors.rolled_back()
            self.forget_transaction()
            self.setting_changes.roll_back(self, 0)
            raise
        if self.cursors is not None:
            self.cursors.committed()
        if self.door is not None and self.door.takes_short_ways:
            self.last_door = self.door
        self.forget_transaction()
        if self.setting_changes.notes:
            self.setting_changes.commit(self)
        if not self.temporary.empty:
            self.quick = NOTHING_QUICK
            with self.manager.latch:
                self.temporary.empty_tables(self.relations)
        return "COMMIT"

    def prepare_commit(self, txn: Transaction) -> None:
        """What must be done within the transaction that is about to be committed."""
        if self.cursors is not None:
            self.cursors.before_commit()
        self.finish_streams()
        if txn.catalog is not None or not self.temporary.empty:
            for table in list(self.catalog.tables.values()):
                if table.temporary and table.on_commit == "drop":
                    self.manager.start_statement(txn, "COMMIT")
                    statements.drop_temporary(self, table.name)

    def rollback(self) -> None:
        self.abort_transaction()
        self.forget_transaction()

    def abort_transaction(self) -> None:
        if self.cursors is not None:
            self.cursors.rolled_back()
        for stream in self.streams:
            stream.discard("the result's transaction was rolled back")
        if self.txn is not None:
            self.manager.abort(self.txn)
        self.savepoints = []
        self.door = None
        self.setting_changes.roll_back(self, 0)

    def forget_transaction(self) -> None:
        txn = self.txn
        if txn is not None and txn.parked is not None:
            txn.parked.leave(txn)  # without the latch: much memory may go with it
        self.txn = None
        self.door = None
        self.state = "idle"
        self.explicit = False
        self.savepoints = []

    def savepoint(self, name: str) -> None:
        self.require_block("SAVEPOINT")
        if self.state == "failed":
            raise failed_transaction()
        assert self.txn is not None
        self.savepoints.append(Savepoint(name, self.txn, len(self.setting_changes.notes)))

    def rollback_to(self, name: str) -> None:
        self.require_block("ROLLBACK TO SAVEPOINT")
        place = self.find_savepoint(name)
        txn = self.txn
        if txn is None or txn.state != "active":
            raise InFailedTransaction("the transaction has ended and cannot return to a savepoint")
        if self.cursors is not None:
            self.cursors.before_rollback_to(self.savepoints[place])
        for stream in self.streams:
            stream.discard("the result's transaction was rolled back to a savepoint")
        self.manager.rollback_to(txn, self.savepoints[place])
        self.setting_changes.roll_back(self, self.savepoints[place].settings)
        txn.read_only = self.savepoints[place].read_only
        del self.savepoints[place + 1 :]
        self.door = None
        self.state = "active"

    def release(self, name: str) -> None:
        self.require_block("RELEASE SAVEPOINT")
        if self.state == "failed":
            raise failed_transaction()
        place = self.find_savepoint(name)
        if self.txn is not None:
            self.txn.read_only = self.savepoints[place].read_only  # as in PostgreSQL, where it is a mode of the block
        del self.savepoints[place:]

    def require_block(self, what: str) -> None:
        if self.state == "idle":
            if self.autocommit:
                raise NoActiveTransaction(f"{what} can only be used in transaction blocks")
            self.open_transaction()

    def find_savepoint(self, name: str) -> int:
        for place in range(len(self.savepoints) - 1, -1, -1):
            if self.savepoints[place].name == name:
                return place
        raise InvalidSavepoint(f'savepoint "{name}" does not exist')

    def call(self, procedure: Callable[..., Any], *args: Any) -> Any:
        """Runs `procedure(*args)` as one SERIAL transaction and commits it."""
        self.begin(isolation_level=IsolationLevel.SERIAL)
        try:
            assert self.txn is not None
            self.manager.start_statement(self.txn, f"CALL {getattr(procedure, '__name__', 'procedure')}")
            result = procedure(*args)
        except BaseException:
            self.rollback()
            raise
        self.commit()
        return result

    def python_functions(self) -> PythonFunctions:
        """The registry of functions written in Python, about to be changed: statements are compiled anew."""
        from minidb.sql.functions.in_python import PythonFunctions

        if self.python is None:
            self.python = PythonFunctions()
        self.own_statements.clear()
        self.quick = NOTHING_QUICK
        return self.python

    # -- ends

    def interrupt(self) -> None:
        """Stops the running statement at its next safe point. Takes no latch: signal handlers call it."""
        txn = self.txn
        if self.looking is not None:
            self.looking.interrupted = True
        if txn is None and self.reader is not None:
            txn = self.reader.txn
        if txn is not None:
            self.manager.interrupt(txn)

    def abandon(self, release: Callable[[], None]) -> None:
        """From a finalizer: the session closes soon (R71)."""

        def close() -> None:
            self.close()
            release()

        self.forget(close)

    def forget(self, release: Callable[[], None]) -> None:
        """From a finalizer: something is to be given back soon, by the worker or the next statement of anybody."""
        self.database.abandon(release)

    def abort_quietly(self) -> None:
        try:
            self.rollback()
            self.temporary.drop(self.relations, self.manager)
        except Error:
            pass
        self.closed = True
        self.quick = NOTHING_QUICK

    def close(self) -> None:
        if not self.closed:
            if not self.database.closed and not self.database.dead:
                self.rollback()
                self.temporary.drop(self.relations, self.manager)
                with self.manager.latch:
                    self.manager.past.keep(self, None)
            self.closed = True
            self.quick = NOTHING_QUICK


def few_batches(batches: Iterator[list[Row]]) -> list[Row] | None:
    """The rows of a result that has only a few batches; None if it goes on, and should stream."""
    ready: list[list[Row]] = []
    for batch in batches:
        ready.append(batch)
        if len(ready) > STREAMED_BATCHES:
            return None
    return ready[0] if len(ready) == 1 else [row for batch in ready for row in batch]


__all__ = ["Context", "Environment", "Result", "Session"]
