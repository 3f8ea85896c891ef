"""Functions, aggregates and collations that a program has written in Python and given to its session.

They have SQL types like all others, because a plan must know the types of its expressions: the arguments' as declared,
or any; the result's as declared, or from the annotation of the Python function, or text. What the function returns is
converted as an assignment would. An exception in it ends the statement with an error of class 38, which has the
exception as its cause.

A function is volatile (called anew for each row, never folded) unless it is declared deterministic. It belongs to one
session: definitions of the schema (checks, defaults, index expressions) cannot use it, because others would lack it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from minidb import errors
from minidb.sql.functions.registry import Aggregate, Function, Types, bind_targets, select
from minidb.types import (
    TEXT,
    SqlType,
    adapt,
    array_of,
    cast_function,
    from_text,
    type_from_name,
)

ANY = SqlType("any")
_BY_CLASS: dict[Any, str] = {
    int: "bigint", float: "double precision", str: "text", bool: "boolean", bytes: "bytea", Decimal: "numeric",
    date: "date", datetime: "timestamp", time: "time", timedelta: "interval", UUID: "uuid",
}
_BY_WORD = {kind.__name__: name for kind, name in _BY_CLASS.items()}


def type_of(what: Any) -> SqlType:
    """The SQL type that a name ('integer', 'text[]') or a Python class means. Raises 42704, 22023."""
    if isinstance(what, SqlType):
        return what
    if isinstance(what, str):
        if what.endswith("[]"):
            return array_of(type_from_name(what[:-2].strip()))
        return ANY if what == "any" else type_from_name(what)
    if what in _BY_CLASS:
        return type_from_name(_BY_CLASS[what])
    raise errors.InvalidParameterValue(f"{what!r} is no SQL type", hint="Give a name ('integer') or a class (int).")


class PythonFunctions:
    """What one session has registered, by name."""

    def __init__(self) -> None:
        self.functions: dict[str, list[Function]] = {}
        self.aggregates: dict[str, list[Aggregate]] = {}
        self.collations: dict[str, Function] = {}

    def add_function(self, name: str, count: int, function: Callable[..., Any] | None, deterministic: bool,
                     arguments: Sequence[Any] | None, returns: Any) -> None:
        """`count` -1: any number of arguments. `function` None: forget those of this name and count."""
        name, declared, variadic = name.lower(), *_signature(count, arguments)
        others = [f for f in self.functions.get(name, ()) if not _same_slot(f, declared, variadic)]
        if function is not None:
            result = _result(returns, function)
            volatility = "immutable" if deterministic else "volatile"
            others.append(
                Function(name, declared, result, _guarded(name, function, result), strict=False, variadic=variadic,
                         volatility=volatility)  # type: ignore[arg-type]
            )
        self.functions[name] = others

    def add_aggregate(self, name: str, count: int, factory: Callable[[], Any] | None, arguments: Sequence[Any] | None,
                      returns: Any) -> None:
        """`factory` makes objects with step(*arguments) and finalize(), or value() for windows."""
        name, declared, variadic = name.lower(), *_signature(count, arguments)
        others = [a for a in self.aggregates.get(name, ()) if not _same_slot(a, declared, variadic)]
        if factory is not None:
            last = getattr(factory, "value", None) or getattr(factory, "finalize", None)
            result = _result(returns, last)
            others.append(
                Aggregate(name, declared, result, _called(name, factory), _stepper(name), _finisher(name, result),
                          strict=False, variadic=variadic)
            )
        self.aggregates[name] = others

    def add_collation(self, name: str, compare: Callable[[str, str], int] | None) -> None:
        if compare is None:
            self.collations.pop(name.lower(), None)
        else:
            key = collation_key(name, compare)
            self.collations[name.lower()] = Function(f"collation {name}", (TEXT,), TEXT, key)

    # -- what the binder asks

    def function(self, name: str, types: Types) -> tuple[Function, Types] | None:
        """The function for a call; None if there is none, or if the types fit several."""
        found = select(self.functions.get(name, ()), _unmodified(types))
        return (found[0][0], bind_targets(found[0][1], _unmodified(types))) if len(found) == 1 else None

    def aggregate(self, name: str, types: Types) -> tuple[Aggregate, Types] | None:
        found = select(self.aggregates.get(name, ()), _unmodified(types))
        return (found[0][0], bind_targets(found[0][1], _unmodified(types))) if len(found) == 1 else None

    def is_aggregate(self, name: str) -> bool:
        return bool(self.aggregates.get(name))

    def collation(self, name: str) -> Function | None:
        """The sort key of a collation as a function that plans can call."""
        return self.collations.get(name.lower())

    def is_volatile(self, name: str) -> bool:
        return any(function.volatility == "volatile" for function in self.functions.get(name, ()))


def _unmodified(types: Types) -> Types:
    return tuple([kind.base for kind in types])


def _signature(count: int, arguments: Sequence[Any] | None) -> tuple[Types, SqlType | None]:
    if arguments is None:
        return ((), ANY) if count < 0 else ((ANY,) * count, None)
    declared = tuple([type_of(argument) for argument in arguments])
    if count >= 0 and len(declared) != count:
        raise errors.InvalidParameterValue(f"{count} arguments, but {len(declared)} types were given")
    return (declared[:-1], declared[-1]) if count < 0 and declared else (declared, None)


def _same_slot(known: Function | Aggregate, declared: Types, variadic: SqlType | None) -> bool:
    return known.arguments == declared and known.variadic == variadic


def _result(returns: Any, function: Any) -> SqlType:
    """The declared type, or what the annotation `-> int` says, or text."""
    if returns is not None:
        return type_of(returns)
    noted = getattr(function, "__annotations__", {}).get("return")
    if isinstance(noted, str):
        noted = _BY_WORD.get(noted.removesuffix(" | None"))
    elif noted not in _BY_CLASS:
        noted = next((kind for kind in getattr(noted, "__args__", ()) if kind in _BY_CLASS), None)
    return TEXT if noted is None else type_of(noted)


# -- calls ------------------------------------------------------------------------------------------------


def _guarded(name: str, function: Callable[..., Any], result: SqlType) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        try:
            value = function(*arguments)
        except errors.Error:
            raise
        except Exception as error:
            raise _failed(name, error) from error
        return None if value is None else converted(value, result, name)

    return call


def _failed(name: str, error: Exception) -> errors.Error:
    return errors.OperationalError(
        f"function {name} raised {type(error).__name__}: {error}", sqlstate="38000", hint="The cause is in __cause__."
    )


def converted(value: Any, target: SqlType, name: str) -> Any:
    """A Python value as one of type `target`. Raises 39004 where it cannot be one, or what the conversion raises."""
    kind, adapted = adapt(value)
    if kind == target:
        return adapted
    if kind.name == "unknown":
        return from_text(target, adapted)
    try:
        convert = cast_function(kind, target)
    except errors.CannotCoerce:
        raise errors.OperationalError(
            f"function {name} returned a {type(value).__name__}, which is no {target}", sqlstate="39004"
        ) from None
    return convert(adapted) if convert is not None else adapted


def _called(name: str, factory: Callable[[], Any]) -> Callable[[], Any]:
    def init() -> Any:
        try:
            return factory()
        except Exception as error:
            raise _failed(name, error) from error

    return init


def _stepper(name: str) -> Callable[..., Any]:
    def step(state: Any, *arguments: Any) -> Any:
        try:
            state.step(*arguments)
        except errors.Error:
            raise
        except Exception as error:
            raise _failed(name, error) from error
        return state

    return step


def _finisher(name: str, result: SqlType) -> Callable[[Any], Any]:
    def final(state: Any) -> Any:
        last = getattr(state, "value", None) or state.finalize
        return _guarded(name, last, result)()

    return final


# -- collations -------------------------------------------------------------------------------------------


def collation_key(name: str, compare: Callable[[str, str], int]) -> Callable[[Any], Any]:
    """A class of sort keys: they compare as `compare` says. All have one hash, because equal ones must."""

    def ordered(one: str, other: str) -> int:
        try:
            return compare(one, other)
        except Exception as error:
            raise _failed(f"of collation {name}", error) from error

    class Key:
        __slots__ = ("text",)

        def __init__(self, text: str) -> None:
            self.text = text

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Key) and ordered(self.text, other.text) == 0

        def __lt__(self, other: Key) -> bool:
            return ordered(self.text, other.text) < 0

        def __le__(self, other: Key) -> bool:
            return ordered(self.text, other.text) <= 0

        def __gt__(self, other: Key) -> bool:
            return ordered(self.text, other.text) > 0

        def __ge__(self, other: Key) -> bool:
            return ordered(self.text, other.text) >= 0

        def __hash__(self) -> int:
            return 0

    return Key


__all__ = ["PythonFunctions", "type_of"]
