"""executemany of an INSERT: rows are made and inserted in large steps, as one statement.

    sets of parameters --chunk--> bound all at once --> rows made in one generated loop --> door.insert_many
                            |  values of several kinds, an INSERT that has to look at the table
                            v
                         one by one, through a door that gathers (`BufferedInserts`)

The loop is that of `Prepared.row_maker`: a chunk costs one call, not each row. A chunk is bound by the kinds of its
first values that are not NULL; so a column may hold NULLs, and small and large integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from minidb.errors import DataError, ProgrammingError
from minidb.keys import Row
from minidb.parameters import ManyBinder, many_binder_of
from minidb.sql import ast
from minidb.statement_cache import Compiled, Parameters, kinds_of
from minidb.txn.rows import RowDoor

if TYPE_CHECKING:
    from minidb.session import Session

CHUNK = 1000  # sets that are bound at once
BUFFERED_ROWS = 2000
CONTAINERS = {tuple, list}

RowMaker = Callable[[list[Row], Any], list[Row]]


class BulkInsert:
    """One run of executemany."""

    def __init__(self, session: Session, statement: ast.Insert, sql: str) -> None:
        self.session = session
        self.statement = statement
        self.sql = sql
        self.total = 0
        self.door: BufferedInserts | None = None
        self.bind: ManyBinder | None = None
        self.make_rows: RowMaker | None = None
        self.table = 0
        self.kinds: tuple[Any, ...] | None = None  # of the set that was inserted last, one by one
        self.compiled: Compiled | None = None

    def run(self, parameter_sets: Iterable[Parameters]) -> int:
        """Inserts a row, or more, for each set; returns how many."""
        sets = iter(parameter_sets)
        while self.insert_chunk(sets):
            pass
        if self.door is not None:
            self.door.flush()
            self.session.statement_door().finish_statement()
        return self.total

    # -- a chunk

    def insert_chunk(self, sets: Iterator[Any]) -> bool:
        """Inserts up to `CHUNK` of them; whether there may be more."""
        chunk = list(islice(sets, CHUNK))
        if not self.insert_together(chunk):
            for parameters in chunk:
                self.insert_one(parameters)
        return len(chunk) == CHUNK

    def insert_together(self, chunk: list[Any]) -> bool:
        """False: the chunk has to be taken apart."""
        if not chunk or not set(map(type, chunk)) <= CONTAINERS:
            return False
        values = (self.bind and self.bind(chunk)) or self.bound_anew(chunk)
        if values is None:
            return False
        assert self.make_rows is not None and self.door is not None
        rows = self.make_rows(values, self.session.context)
        self.door.insert_many(self.table, rows)
        self.total += len(rows)
        return True

    def bound_anew(self, chunk: list[Any]) -> list[Row] | None:
        """Compiles the statement for the kinds of this chunk."""
        if len(set(map(len, chunk))) != 1 or not chunk[0]:
            return None
        sample = tuple([typical(column) for column in zip(*chunk)])
        kinds = kinds_of(sample)[0]
        try:
            compiled = self.compile(sample)
        except (ProgrammingError, DataError):  # the first bad set says what is wrong, after those before it
            return None
        binder = many_binder_of(kinds, compiled.converters)
        make_rows = compiled.prepared.row_maker()
        if binder is None or make_rows is None:
            return None
        self.bind, self.make_rows, self.table = binder, make_rows, compiled.tables[0][0]
        return binder(chunk)

    # -- one set

    def insert_one(self, parameters: Any) -> None:
        check_set(parameters)
        kinds = None
        if not isinstance(parameters, Mapping):
            kinds, values = kinds_of(parameters)
        if self.compiled is None or kinds is None or kinds != self.kinds:
            self.compiled = self.compile(parameters)
            self.kinds = kinds
            converted = self.converted
        else:
            converted = self.compiled.convert(values)
        assert self.door is not None
        self.total += self.compiled.run_write(self.door, converted, self.session.context)[0]

    def compile(self, parameters: Parameters) -> Compiled:
        session = self.session
        found = session.find_compiled(self.sql, parameters)
        compiled, self.converted = found or session.prepare(self.statement, self.sql, parameters)
        if self.door is None:
            compiled, self.converted = session.lock_tables(compiled, self.converted)
            assert session.txn is not None
            session.manager.take_snapshot(session.txn)
            session.manager.before_write(session.txn, session.writes_temporary(compiled), compiled.verb)
            self.door = BufferedInserts(session.statement_door())
        return compiled


def typical(column: tuple[Any, ...]) -> Any:
    """The value that stands for a column of parameters: its widest integer, or its first that is not NULL."""
    kinds = set(map(type, column))
    if int in kinds and kinds <= {int, type(None)}:
        return max([value for value in column if value is not None], key=abs)
    return next((value for value in column if value is not None), None)


class BufferedInserts:
    """A door that gathers inserts; anything else that is asked of it sees them done."""

    def __init__(self, door: RowDoor) -> None:
        self.door = door
        self.table = 0
        self.rows: list[Row] = []

    def insert(self, table: int, row: Row) -> None:
        if table != self.table or len(self.rows) >= BUFFERED_ROWS:
            self.flush()
            self.table = table
        self.rows.append(row)

    def insert_many(self, table: int, rows: Sequence[Row]) -> None:
        if table != self.table or len(self.rows) >= BUFFERED_ROWS:
            self.flush()
            self.table = table
        self.rows.extend(rows)

    def flush(self) -> None:
        if self.rows:
            rows, self.rows = self.rows, []
            self.door.insert_many(self.table, rows)

    def __getattr__(self, name: str) -> Any:
        self.flush()
        self.door.finish_statement()
        self.door.txn.statement += 1
        self.door.begin()
        return getattr(self.door, name)


def check_set(parameters: Any) -> None:
    if isinstance(parameters, str | bytes) or not isinstance(parameters, Sequence | Mapping):
        raise ProgrammingError(
            f"a parameter set is a sequence or a mapping, not {type(parameters).__name__}", sqlstate="07001"
        )
