"""Driver parameters on the short way: one generated function per row of kinds says whether values are of those kinds.

A plan holds for certain kinds of parameters (`statement_cache.kinds_of`): whether an int fits int4, for one, decides
about the types of everything that is computed with it. Asking each value in a loop costs more than a short statement
may; so the questions for one row of kinds are written out once,

    def bind(given):
        if type(given) is not tuple:
            if type(given) is not list:
                return None
            given = tuple(given)
        if len(given) == 2:
            v0, v1 = given
            if type(v0) is int and -2147483648 <= v0 <= 2147483647 and v1 is None:
                return given
        return None

and None sends the caller the long way. The generated text is made of the questions below and of nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from minidb.errors import Error, InterfaceError, ProgrammingError
from minidb.keys import Row
from minidb.types import adapt

Binder = Callable[[Any], Row | None]
ManyBinder = Callable[[list[Any]], list[Row] | None]
Converter = Callable[[Any], Any]
Kinds = tuple[Any, ...]

MOST = 200  # parameters; longer rows of them take the long way
LARGEST = "type(v{0}) is int and -9223372036854775808 <= v{0} <= 9223372036854775807"
QUESTIONS: dict[Any, str] = {
    "integer": "type(v{0}) is int and -2147483648 <= v{0} <= 2147483647",
    "bigint": f"{LARGEST} and not -2147483648 <= v{{0}} <= 2147483647",
    str: "type(v{0}) is str and (v{0}.isascii() and nul not in v{0} or whole(v{0}))",
    float: "type(v{0}) is float",
    bool: "type(v{0}) is bool",
    type(None): "v{0} is None",
}
INTEGERS = {"integer": (-(1 << 31), (1 << 31) - 1), "bigint": (-(1 << 63), (1 << 63) - 1)}  # least, greatest


def whole(text: str) -> bool:
    """Whether a text is one that can be stored; raises what `adapt` raises."""
    return bool(adapt(text)[1] == text)


def binder_of(kinds: Kinds | None, converters: Sequence[Converter | None] | None) -> Binder | None:
    """The binder for parameters of these kinds (None: of a statement without parameters). It gives their values as the
    plan wants them, and None for others. None if one of the kinds is not for the short way."""
    if not kinds:
        return nothing
    if len(kinds) > MOST or not all(kind in QUESTIONS for kind in kinds):
        return None
    check = _checker(kinds)
    if converters is None:
        return check
    return _converting(check, tuple(converters))


def nothing(given: Any) -> Row | None:
    return None if given else ()


@lru_cache(1000)
def _checker(kinds: Kinds) -> Binder:
    names = ", ".join([f"v{place}" for place in range(len(kinds))])
    questions = " and ".join([QUESTIONS[kind].format(place) for place, kind in enumerate(kinds)])
    source = (
        "def bind(given):\n if type(given) is not tuple:\n  if type(given) is not list:\n   return None\n"
        f"  given = tuple(given)\n if len(given) == {len(kinds)}:\n  {names}, = given\n"
        f"  if {questions}:\n   return given\n return None\n"
    )
    scope: dict[str, Any] = {"nul": "\0", "whole": whole}
    exec(compile(source, "minidb-parameters", "exec"), scope)
    bind: Binder = scope["bind"]
    return bind


def _converting(check: Binder, converters: tuple[Converter | None, ...]) -> Binder:
    def bind(given: Any) -> Row | None:
        values = check(given)
        if values is None:
            return None
        try:
            return tuple([v if c is None or v is None else c(v) for c, v in zip(converters, values)])
        except Error:  # the long way says so, within the transaction
            return None

    return bind


# -- many sets at once


def many_binder_of(kinds: Kinds, converters: Sequence[Converter | None] | None) -> ManyBinder | None:
    """The binder for chunks of an executemany: the values of all sets, or None if one of them is of another kind. NULL
    is of every kind, and "bigint" takes smaller integers, too. None if one of the kinds is not for the short way.

    A column is asked at once, by what works on all its values without a loop of ours."""
    if len(kinds) > MOST or not all(kind in QUESTIONS for kind in kinds):
        return None

    def bind(sets: list[Any]) -> list[Row] | None:
        rows = list(map(tuple, sets))
        if set(map(len, rows)) != {len(kinds)} or not all(map(are_of, kinds, zip(*rows))):
            return None
        return rows

    return bind if converters is None else _converting_many(bind, tuple(converters))


def are_of(kind: Any, column: tuple[Any, ...]) -> bool:
    """Whether all values that are not NULL are of a kind."""
    types = set(map(type, column))
    if type(None) in types:
        types.discard(type(None))
        column = tuple([value for value in column if value is not None])
    if not types:
        return True
    if kind in INTEGERS:
        least, greatest = INTEGERS[kind]
        return types == {int} and least <= min(column) and max(column) <= greatest
    if kind is not str or types != {str}:
        return types == {kind}
    joined = "".join(column)
    return (joined.isascii() and "\0" not in joined) or all(map(whole, column))


def _converting_many(bind: ManyBinder, converters: tuple[Converter | None, ...]) -> ManyBinder:
    convert = _converting(tuple, converters)

    def bind_and_convert(sets: list[Any]) -> list[Row] | None:
        rows = bind(sets)
        if rows is None:
            return None
        converted = list(map(convert, rows))
        return None if None in converted else converted  # type: ignore[return-value]

    return bind_and_convert


# -- calls of the driver


def check_call(sql: object, parameters: Any) -> Sequence[Any] | Mapping[str, Any] | None:
    """The parameters of a statement in a container that the engine knows. Raises InterfaceError if the statement is no
    text, ProgrammingError (07001) if the parameters are none."""
    check_text(sql)
    return parameters if parameters is None else plain_container(parameters)


def check_text(sql: object) -> None:
    """Raises InterfaceError if a statement is no text."""
    if not isinstance(sql, str):
        raise InterfaceError(f"a statement is a str, not {type(sql).__name__}")


def plain_container(parameters: object) -> Sequence[Any] | Mapping[str, Any]:
    """Tuples, lists and mappings as they are, any other sequence as a tuple."""
    if type(parameters) is tuple or isinstance(parameters, (list, dict, Mapping)):
        return parameters
    if isinstance(parameters, Sequence) and not isinstance(parameters, (str, bytes, bytearray, memoryview)):
        return tuple(parameters)
    raise ProgrammingError(
        f"parameters are a sequence (for ?) or a mapping (for :name), not {type(parameters).__name__}",
        sqlstate="07001",
        hint=f"A single parameter is a tuple of one: ({parameters!r},)." if is_single(parameters) else None,
    )


def is_single(parameters: object) -> bool:
    return isinstance(parameters, (str, bytes, int, float)) and len(repr(parameters)) < 60
