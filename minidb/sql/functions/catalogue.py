"""All functions by name, and the three questions that the binder asks: which function, which aggregate, which window.

The tables are filled on the first question, in about 2 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from itertools import chain

from minidb import errors
from minidb.sql.functions import (
    aggregates,
    arrays,
    binary,
    clocks,
    datetime,
    degrees,
    extract,
    formatting,
    json_access,
    json_changes,
    json_paths,
    json_values,
    math,
    regex,
    sequences,
    session,
    text,
    truncation,
    unicode,
    windows,
)
from minidb.sql.functions.json_records import FROM_DEFINITION, FROM_ROW
from minidb.sql.functions.registry import (
    ELSEWHERE,
    Aggregate,
    Function,
    Overload,
    Types,
    WindowFunction,
    bind_targets,
    choose,
    select,
)
from minidb.types import SqlType, can_coerce, cast_function, type_from_name

_MODULES = (
    *(text, binary, regex, math, clocks, extract, truncation, datetime, formatting, arrays, sequences, session),
    *(json_values, json_access, json_changes, json_paths, unicode, degrees),
)


@cache
def _functions() -> dict[str, list[Function]]:
    return _by_name(chain.from_iterable(module.functions() for module in _MODULES))


@cache
def _aggregates() -> dict[str, list[Aggregate]]:
    return _by_name(chain(aggregates.aggregates(), json_values.aggregates()))


@cache
def _windows() -> dict[str, list[WindowFunction]]:
    return _by_name(windows.window_functions())


def _by_name(overloads: Iterable[Overload]) -> dict[str, list[Overload]]:
    table: dict[str, list[Overload]] = {}
    for overload in overloads:
        table.setdefault(overload.name, []).append(overload)
    return table


def function_names() -> list[str]:
    """Every function, aggregate and window function, for completion."""
    return sorted({*_functions(), *_aggregates(), *_windows(), *FROM_DEFINITION, *FROM_ROW})


def is_function(name: str) -> bool:
    return name in _functions()


def is_aggregate(name: str) -> bool:
    return name in _aggregates()


def is_window_function(name: str) -> bool:
    return name in _windows()


def overloads(name: str) -> Iterator[Function]:
    """All overloads of a scalar or set-returning function."""
    yield from _functions().get(name, ())


def signature(name: str, types: Types) -> str:
    """`lower(integer)`: how errors name a call."""
    return f"{name}({', '.join(map(str, types))})"


def _unmodified(types: Iterable[SqlType]) -> Types:
    return tuple([t.base for t in types])


@lru_cache(maxsize=2048)
def resolve(name: str, types: Types) -> tuple[Function, Types]:
    """The function for a call, and the types that its arguments must be cast to (implicitly).

    A type's name with one argument is a cast: `date('2020-01-01')`. Raises 42883, 42725; 42809 for an aggregate or
    window function, which have resolvers of their own.
    """
    given = _unmodified(types)
    found = select(_functions().get(name, ()), given)
    if len(found) == 1:
        return found[0][0], bind_targets(found[0][1], given)
    if not found:
        conversion = _conversion(name, given)
        if conversion:
            return conversion, given
        if is_window_function(name):
            raise errors.WindowingError(f"window function {name} requires an OVER clause")
    return _refuse(name, given)


def _refuse(name: str, given: Types) -> tuple[Function, Types]:
    try:
        return choose(_functions().get(name, ()), given, signature(name, given))
    except errors.UndefinedFunction as error:
        if not (is_function(name) or is_aggregate(name) or name in ELSEWHERE):
            error.hint = _neighbour(name) or error.hint
        raise


def _neighbour(name: str) -> str | None:
    from difflib import get_close_matches  # only on the way to an error

    close = get_close_matches(name, function_names(), 1, 0.75)
    return f'Perhaps you meant the function "{close[0]}".' if close else None


def _conversion(name: str, given: Types) -> Function | None:
    """`integer('5')`, `float8(x)`: PostgreSQL takes a type's name with one argument for a cast."""
    if len(given) != 1:
        return None
    try:
        target = type_from_name(name).base
    except errors.DatabaseError:
        return None
    source = given[0]
    if not can_coerce(source, target, "explicit"):
        return None
    convert: Callable[..., object] = cast_function(source, target, True) or _itself
    return Function(name, (source,), target, convert)


def _itself(value: object) -> object:
    return value


@lru_cache(maxsize=512)
def resolve_aggregate(name: str, types: Types) -> tuple[Aggregate, Types]:
    """The aggregate for a call: `count(*)` has no types, an ordered set has the direct ones, then the ordered ones."""
    given = _unmodified(types)
    return choose(_aggregates().get(name, ()), given, signature(name, given))


@lru_cache(maxsize=512)
def resolve_window(name: str, types: Types) -> tuple[WindowFunction | Aggregate, Types]:
    """The window function, or the aggregate used as one."""
    given = _unmodified(types)
    if is_window_function(name):
        return choose(_windows()[name], given, signature(name, given))
    if is_function(name) and not is_aggregate(name):
        raise errors.WrongObjectType(f"OVER specified, but {name} is not a window function nor an aggregate function")
    return resolve_aggregate(name, types)
