"""The statement cache: from text, or from the shape of a text, to a compiled statement.

    text + parameter types --hit--> Compiled
      | miss
      v
    shape of the text (literals lifted out) + types --hit--> Compiled, with the literals as further parameters
      | miss
      v
    parse, bind, plan, compile; kept under its shape if all of it could be lifted, else under its text

An entry is good for one catalog version (R67); plans made on a transaction's own uncommitted catalog are not shared.
Statistics that change much invalidate, too. Sessions whose settings say something about plans have caches of their own
(`variant`). The cache belongs to the database and is shared by its sessions; it is a
plain dict, whose single operations are atomic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minidb.errors import Error, ProgramLimitExceeded, ProgrammingError
from minidb.keys import Row
from minidb.parameters import Binder, binder_of, nothing
from minidb.sql import ast
from minidb.sql.binder import NotLiftable
from minidb.sql.parser import parse
from minidb.sql.shapes import lift, parse_lifted
from minidb.sql.statement import Environment, Prepared, prepare
from minidb.txn.locks import TABLE_MODES
from minidb.types import BIGINT, INTEGER, SqlType, adapt, from_text
from minidb.zoned import is_plain, read

Parameters = Sequence[Any] | Mapping[str, Any]
Converter = Callable[[Any], Any]
NO_PAST: dict[int, Any] = {}
LIMIT = 2000  # entries of each kind
CHANGES = {"INSERT": "INSERT 0 ", "UPDATE": "UPDATE ", "DELETE": "DELETE "}  # verbs, and how their tags begin
VARIANTS = 20  # sets of settings whose plans are kept
MOST_PARAMETERS = 65_535  # as in PostgreSQL
LONGEST = 20_000  # characters of a text that is kept
INT4, INT8 = 1 << 31, 1 << 63


class Compiled:
    """A prepared statement with what is needed to run it again and to make it anew."""

    __slots__ = ("alone", "bind", "catalog_version", "columns", "converters", "modes", "names", "needs_context", "past",
                 "prepared", "run", "run_write", "selects", "statement", "streams", "tables", "tag", "tag_of_one",
                 "text", "types", "verb", "writes")

    def __init__(self, prepared: Prepared, catalog_version: int, statement: ast.Statement, text: str,
                 types: tuple[SqlType, ...], names: tuple[str, ...]) -> None:
        self.prepared = prepared
        self.catalog_version = catalog_version
        self.statement = statement
        self.text = text
        self.types = types
        self.names = names
        self.columns = prepared.columns
        self.tables = prepared.tables
        self.modes = tuple([(table, TABLE_MODES.index(mode)) for table, mode in prepared.tables])
        self.converters = converters_of(prepared.parameters, types, prepared.zone)
        self.past: dict[int, Any] = getattr(prepared.planner.view, "past", NO_PAST)
        self.bind: Binder = nothing  # of a statement in `quick`
        self.run = prepared.run
        self.run_write = prepared.run_write
        padding = char_lengths(prepared.columns)
        if padding:
            self.run = padded(prepared.run, padding)
            self.run_write = padded_write(prepared.run_write, padding)
        self.verb = prepared.verb
        self.selects = prepared.verb == "SELECT"
        self.tag = CHANGES.get(prepared.verb) or f"{prepared.verb} "  # how that of a change begins
        self.tag_of_one = self.tag + "1"
        self.writes = prepared.writes
        self.streams = prepared.streams
        self.needs_context = "c." in prepared.source or "(c" in prepared.source or " c," in prepared.source
        # whether it may be a transaction of its own in the short way (txn.alone): until it turns out that it cannot
        self.alone = prepared.verb in CHANGES and len(prepared.tables) == 1 and not self.needs_context and not self.past

    @property
    def past_parameters(self) -> Parameters | None:
        """What the values of AS OF are computed with when it is made anew."""
        found: Parameters | None = getattr(self.prepared.planner.view, "parameters", None) if self.past else None
        return found

    def convert(self, values: Sequence[Any]) -> Row:
        """Parameter values in the types that the statement was bound with."""
        if self.converters is None:
            return tuple(values)
        return tuple(
            [v if c is None or v is None else c(v) for c, v in zip(self.converters, values)]
        )

    def with_values(self, values: Sequence[Any]) -> tuple[Compiled, Row] | None:
        """The statement and the converted values. None if one of them cannot be converted: the long way says so within
        the transaction, and knows the place of a literal."""
        try:
            return self, self.convert(values)
        except Error:
            return None


def char_lengths(columns: Sequence[tuple[str, SqlType]] | None) -> list[tuple[int, int]]:
    """Place and length of each char(n) column: its trailing blanks are not stored, but they are shown."""
    return [
        (place, kind.length)
        for place, (_, kind) in enumerate(columns or ())
        if kind.name == "char" and kind.length is not None
    ]


def pad(row: Row, padding: list[tuple[int, int]]) -> Row:
    values = list(row)
    for place, length in padding:
        if values[place] is not None:
            values[place] = values[place].ljust(length)
    return tuple(values)


def padded(run: Callable[..., Any], padding: list[tuple[int, int]]) -> Callable[..., Any]:
    def run_padded(rows: Any, parameters: Row, context: Any) -> Any:
        produced = run(rows, parameters, context)
        if isinstance(produced, list):
            return [pad(row, padding) for row in produced]
        return ([pad(row, padding) for row in batch] for batch in produced)

    return run_padded


def padded_write(run_write: Callable[..., Any], padding: list[tuple[int, int]]) -> Callable[..., Any]:
    def run_padded(rows: Any, parameters: Row, context: Any) -> tuple[int, list[Row] | None]:
        count, returned = run_write(rows, parameters, context)
        return count, returned and [pad(row, padding) for row in returned]

    return run_padded


def converters_of(
    bound: tuple[SqlType, ...], given: tuple[SqlType, ...], zone: str = "UTC"
) -> list[Converter | None] | None:
    """How each slot's value becomes one of the bound type: what came untyped is read as text of that type."""
    found: list[Converter | None] = []
    for slot, target in enumerate(bound):
        untyped = slot >= len(given) or given[slot].name == "unknown"
        found.append(reader_of(target, zone) if untyped and target.name not in ("text", "varchar", "unknown") else None)
    return found if any(found) else None


def reader_of(target: SqlType, zone: str) -> Converter:
    if is_plain(zone):
        return lambda value: from_text(target, value) if type(value) is str else value
    return lambda value: read(target, value, zone) if type(value) is str else value


class StatementCache:
    """Compiled and parsed statements of one database."""

    def __init__(self) -> None:
        self.parsed: dict[str, ast.Statement] = {}
        # BEGIN, COMMIT and their kin, with what carries them out: they mean the same to everybody
        self.controls: dict[str, tuple[Callable[..., Any], ast.Statement]] = {}
        self.quick: dict[str, Compiled] = {}  # by the text alone: what ran last, which knows its own parameters
        self.by_text: dict[Any, Compiled] = {}
        self.by_shape: dict[Any, Compiled | None] = {}  # None: cannot be shared by shape
        self.names: dict[str, tuple[str, ...]] = {}  # the named parameters of a text, in the order of their values
        self.compilations = 0
        self._variants: dict[Any, StatementCache] = {}

    def variant(self, profile: tuple[Any, ...]) -> StatementCache:
        """The cache for sessions with these settings (`settings.profile_of`); itself for the defaults."""
        if not profile:
            return self
        found = self._variants.get(profile)
        if found is None:
            found = StatementCache()
            found.parsed = self.parsed
            keep(self._variants, profile, found, VARIANTS)
        return found

    def clear(self) -> None:
        self.quick.clear()
        self.by_text.clear()
        self.by_shape.clear()
        for variant in self._variants.values():
            variant.clear()
        self._variants.clear()

    def parse(self, text: str) -> ast.Statement:
        statement = self.parsed.get(text)
        if statement is None:
            statement = parse(text)
            if len(text) <= LONGEST:
                keep(self.parsed, text, statement)
        return statement

    def find(self, text: str, parameters: Parameters | None, version: int) -> tuple[Compiled, Row] | None:
        """A statement that was compiled before, and the converted values to run it with."""
        if not parameters:
            compiled = self.by_text.get(text)
            if compiled is not None:
                if compiled.catalog_version != version:
                    return None
                self.quicken(text, None, compiled)
                return compiled, ()
            return self.find_shape(text, version)
        if isinstance(parameters, Mapping):
            return self.find_named(text, parameters, version)
        kinds, values = kinds_of(parameters)
        compiled = self.by_text.get((text, kinds))
        if compiled is None or compiled.catalog_version != version:
            return None
        self.quicken(text, kinds, compiled)
        return compiled.with_values(values)

    def find_named(
        self, text: str, parameters: Mapping[str, Any], version: int
    ) -> tuple[Compiled, Row] | None:
        """The same for a mapping, of which a statement may use a part."""
        names = self.names.get(text)
        if not names:
            return None if names is None else self.find(text, None, version)
        try:
            kinds, values = kinds_of([parameters[name] for name in names])
        except KeyError:
            return None  # the long way says which one is missing
        compiled = self.by_text.get((text, kinds))
        if compiled is None or compiled.catalog_version != version:
            return None
        return compiled.with_values(values)

    def quicken(self, text: str, kinds: tuple[Any, ...] | None, compiled: Compiled) -> None:
        """Lets the next execution of this text with parameters of these kinds be found by the text alone."""
        binder = binder_of(kinds, compiled.converters)
        if binder is not None:
            compiled.bind = binder
            keep(self.quick, text, compiled)

    def find_shape(self, text: str, version: int) -> tuple[Compiled, Row] | None:
        if len(text) > LONGEST:
            return None
        lifted = lift(text)
        if lifted is None:
            return None
        compiled = self.by_shape.get(lifted[0])
        if compiled is None or compiled.catalog_version != version:
            return None
        return compiled.with_values(lifted[1])

    def compile(self, statement: ast.Statement, text: str, parameters: Parameters | None, environment: Environment,
                shared: bool) -> tuple[Compiled, Row]:
        """Compiles the statement for parameters of these types. `shared`: whether others may use the result."""
        if shared and isinstance(parameters, Mapping) and not parameters and len(text) <= LONGEST:
            keep(self.names, text, ())
        if not parameters and shared and len(text) <= LONGEST:
            by_shape = self.compile_shape(text, environment)
            if by_shape is not None:
                return by_shape
        types, values, names = adapted(parameters)
        prepared = prepare(statement, text, environment, types, parameter_names=names)
        self.compilations += 1
        compiled = Compiled(prepared, environment.catalog.version, statement, text, types, names)
        if shared and not compiled.past and len(text) <= LONGEST:
            if isinstance(parameters, Mapping):
                keep(self.names, text, names)
            kinds = kinds_of(tuple(parameters.values() if isinstance(parameters, Mapping) else parameters or ()))[0]
            keep(self.by_text, (text, kinds) if parameters else text, compiled)
        return compiled, compiled.convert(values)

    def compile_shape(self, text: str, environment: Environment) -> tuple[Compiled, Row] | None:
        """The statement with its literals as parameters; None if they must stay where they are (R68)."""
        lifted = lift(text)
        if lifted is None or not lifted[1] or self.by_shape.get(lifted[0], self) is None:
            return None
        try:
            parsed = parse_lifted(text)
            if parsed is None:
                raise NotLiftable
            statement, values = parsed
            prepared = prepare(statement, text, environment, (), lifted_offset=0)
        except NotLiftable:
            keep(self.by_shape, lifted[0], None)
            return None
        except Error:
            return None  # the plain way raises it again, with the text's own places
        self.compilations += 1
        compiled = Compiled(prepared, environment.catalog.version, statement, text, (), ())
        keep(self.by_shape, lifted[0], compiled)
        return compiled.with_values(values)


def keep(cache: dict[Any, Any], key: Any, value: Any, limit: int = LIMIT) -> None:
    if len(cache) >= limit:
        for old in list(cache)[: limit // 4]:
            cache.pop(old, None)
    cache[key] = value


def kinds_of(parameters: Sequence[Any]) -> tuple[tuple[Any, ...], list[Any]]:
    """What of the parameters decides about the plan, and their values as the engine has them."""
    kinds: list[Any] = []
    values: list[Any] = []
    for value in parameters:
        kind: Any = type(value)
        if kind is int:
            if -INT4 <= value < INT4:
                kind = INTEGER_KIND
            elif -INT8 <= value < INT8:
                kind = BIGINT_KIND
            else:
                kind, value = adapted_kind(value)
        elif kind is str:
            if not value.isascii() or "\0" in value:
                value = adapt(value)[1]
        elif value is not None and kind is not float and kind is not bool:
            kind, value = adapted_kind(value)
        kinds.append(kind)
        values.append(value)
    return tuple(kinds), values


INTEGER_KIND, BIGINT_KIND = INTEGER.name, BIGINT.name


def adapted_kind(value: Any) -> tuple[str, Any]:
    sql_type, adapted_value = adapt(value)
    return sql_type.name, adapted_value


def adapted(parameters: Parameters | None) -> tuple[tuple[SqlType, ...], list[Any], tuple[str, ...]]:
    """Types, values and (for a mapping) names of driver parameters."""
    if not parameters:
        return (), [], ()
    if isinstance(parameters, Mapping):
        pairs = [adapt(value) for value in parameters.values()]
        names = tuple(str(name) for name in parameters)
    else:
        pairs = [adapt(value) for value in parameters]
        names = ()
    return tuple(pair[0] for pair in pairs), [pair[1] for pair in pairs], names


def check_count(statement: ast.Statement, parameters: Parameters | None) -> None:
    """Too few or too many parameters, or names that are missing: ProgrammingError 07001; 54000 beyond the limit."""
    if parameters is not None and len(parameters) > MOST_PARAMETERS:
        raise ProgramLimitExceeded(f"{len(parameters):,} parameters; the limit is {MOST_PARAMETERS:,}")
    positions: set[int] = set()
    names: set[str] = set()
    stack: list[ast.Node] = [statement]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Parameter):
            positions.add(node.index)
        elif isinstance(node, ast.NamedParameter):
            names.add(node.name)
        stack.extend(ast.children(node))
    if isinstance(parameters, Mapping):
        missing = sorted(names - {str(name) for name in parameters})
        if positions:
            raise wrong("the statement has positional parameters, but a mapping was given")
        if missing:
            raise wrong(f"no value was given for parameter :{missing[0]}")
        return
    if names:
        raise wrong(f"the statement has named parameters (:{sorted(names)[0]}): give a mapping")
    wanted, given = max(positions, default=0), len(parameters or ())
    if wanted != given:
        raise wrong(f"the statement has {wanted} parameters, but {given} were given")


def wrong(message: str) -> ProgrammingError:
    return ProgrammingError(message, sqlstate="07001")


def used_parameters(statement: ast.Statement, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a mapping that the statement mentions."""
    names: dict[str, None] = {}
    stack: list[ast.Node] = [statement]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.NamedParameter):
            names[node.name] = None
        stack.extend(ast.children(node))
    return {name: parameters[name] for name in sorted(names)}


__all__ = ["Compiled", "StatementCache", "adapted", "check_count", "kinds_of", "used_parameters"]
