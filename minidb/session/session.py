"""A session: text in, result out. Statement cache, autocommit, running compiled statements.

    Session             one statement: found in the cache or compiled, locked, run, its rows streamed
      TransactionBlocks   BEGIN to COMMIT, savepoints, statements that fail (`blocks`)
        LoneStatements      statements that are transactions of their own, in the short way (`lone_statements`)
          SessionOptions      what it has been told: level, settings, dialect (`options`)

Results stream on their statement's snapshot where the level allows it (R74): COMMIT fetches what is left of them,
ROLLBACK closes them, and so do statements that lock a table strongly enough to wait for their own cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from minidb import statements, translation
from minidb.bulk_inserts import BulkInsert, check_set
from minidb.context import Context, Environment
from minidb.errors import Error, InterfaceError, ProgramLimitExceeded
from minidb.idle import IdleWatch, watch_idle
from minidb.isolation import IsolationLevel
from minidb.keys import Row
from minidb.parameters import check_call
from minidb.results import Result, Stream, failed_transaction
from minidb.session.blocks import TransactionBlocks
from minidb.session.lone_statements import STREAMED_BATCHES
from minidb.session.options import NOTHING_QUICK
from minidb.sql import ast
from minidb.sql.statement import prepare
from minidb.statement_cache import Compiled, Parameters, check_count, keep, used_parameters
from minidb.txn.claims import Overtaken
from minidb.txn.rows import RowDoor
from minidb.txn.schema_changes import SchemaChanges
from minidb.txn.sequence_values import SequenceValues
from minidb.txn.table_locks import DATABASE, TABLE_MODE
from minidb.txn.transaction import Transaction

if TYPE_CHECKING:
    from minidb.database import Database
    from minidb.prepared_statements import PreparedStatement
    from minidb.sql.functions.in_python import PythonFunctions

LONGEST_CONTROL = 100  # characters of a BEGIN or COMMIT that is known by its text
LONGEST_STATEMENT = 1 << 28  # characters


def nobody() -> None:
    """The connection of a session that has none."""


class Session(TransactionBlocks):
    """One client's conversation with the database. Not to be used by two threads at once; `interrupt` may come from
    anywhere.

    Attributes:
        connection: gives the driver's connection, for procedures.
        looking: what reads for AS OF.
        timed: a statement is running under statement_timeout.
        port: copying.ports.Port: the other end of COPY's STDIN and STDOUT.
        random: made when random() is first called: the module is slow to import.
    """

    idle_watch: IdleWatch | None = None

    def __init__(self, database: Database, *, number: int, isolation_level: str | None, autocommit: bool,
                 durability: str, lock_timeout: float | None, read_only: bool) -> None:
        super().__init__(
            database, number=number, isolation_level=isolation_level, autocommit=autocommit, durability=durability,
            lock_timeout=lock_timeout, read_only=read_only,
        )
        self.prepared: dict[str, PreparedStatement] = {}
        self.connection: Callable[[], Any] = nobody
        self.looking: Transaction | None = None
        self.timed = False
        self.port: Any = None
        self.sequences = SequenceValues()
        self.random: Any = None

    def settings_changed(self) -> None:
        super().settings_changed()
        watch_idle(self, self.settings["idle_in_transaction_session_timeout"])

    def new_context(self) -> Context:
        return Context(self)

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

    # -- compiled statements

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

    def run_query(self, statement: ast.Statement, sql: str, parameters: Parameters | None, *,
                  part: bool = False) -> Result:
        if isinstance(statement, ast.Query) and statement.as_of is not None:
            return statements.run_as_of(self, statement, sql, parameters)
        if isinstance(statement, ast.Update | ast.Delete) and isinstance(statement.where, ast.CurrentOf):
            statement, parameters = statements.positioned(self, statement, parameters)
            part = True
        return self.run_prepared(*self.prepare(statement, sql, parameters, part=part))

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

    # -- running them

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
            else:
                door = self.door or self.next_door()
                door.begin()
                if compiled.selects:
                    result = self.run_read(compiled, values, door, False)
                else:
                    if manager.failed is not None or not txn.weak.get(DATABASE):
                        manager.before_write(txn, False, compiled.verb)
                    result = self.run_change(compiled, values, door)
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
        before = len(door.txn.changes)
        try:
            count, rows = compiled.run_write(door, values, self.context)
        except Overtaken:
            self.manager.undo_changes(door.txn, before)
            with door.without_claims():
                count, rows = compiled.run_write(door, values, self.context)
        door.finish_statement()
        tag = compiled.tag_of_one if count == 1 else f"{compiled.tag}{count}"
        return Result(tag, compiled.columns, rows or [], count)

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

    # -- what comes before: locks, snapshot, door

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

    def statement_door(self) -> RowDoor:
        door = self.door or self.next_door()
        door.begin()
        return door

    def next_door(self) -> RowDoor:
        """The door of the open transaction: that of the one before, if it is still good."""
        assert self.txn is not None
        door, self.last_door = self.last_door, None
        if door is None:
            door = self.database.door(self.manager, self.txn, self.relations, self.database.inside.rows, self.context)
        else:
            door.serve(self.txn, self.context)
        self.door = door
        return door

    def schema_door(self) -> SchemaChanges:
        assert self.txn is not None
        self.finish_streams()
        self.manager.take_snapshot(self.txn)
        return SchemaChanges(
            self.manager, self.txn, self.relations, self.statement_door(), self.database.checkpointer
        )

    # -- many sets of parameters

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
        return Result("", rowcount=total)

    def insert_sets(self, statement: ast.Insert, sql: str, parameter_sets: Iterable[Parameters]) -> Result:
        return Result("", rowcount=BulkInsert(self, statement, sql).run(parameter_sets))

    # -- the connection's other verbs

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


__all__ = ["Session"]
