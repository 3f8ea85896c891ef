"""Casts: which type converts to which and where, by what function, and what type several types have in common."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from minidb import errors
from minidb.types.conversions import CONVERSIONS, CastContext
from minidb.types.input import READERS, from_text
from minidb.types.modifiers import modifier_function
from minidb.types.output import to_text
from minidb.types.sql_type import TEXT, Converter, SqlType, Value
from minidb.types.text import strip_blanks
from minidb.types.words import boolean_text

_RANK: dict[CastContext, int] = {"implicit": 0, "assignment": 1, "explicit": 2}
_PSEUDO_TARGETS = frozenset({"any", "anyelement"})


def cast_context(source: SqlType, target: SqlType) -> CastContext | None:
    """The weakest context in which `source` converts to `target`; None if never. Modifiers do not matter."""
    if source.name == target.name and source.element is None:
        return "implicit"
    if source.name == "unknown" or target.name in _PSEUDO_TARGETS:
        return None if target.name in ("record", "void") else "implicit"
    if source.element is not None or target.element is not None:
        return _array_cast_context(source, target)
    known = CONVERSIONS.get((source.name, target.name))
    if known is not None:
        return known[0]
    if "P" in (source.category, target.category):
        return "assignment" if source.name == "record" and target.category == "S" else None
    if target.category == "S":
        return "assignment"
    return "explicit" if source.category == "S" else None


def _array_cast_context(source: SqlType, target: SqlType) -> CastContext | None:
    if source.element is not None and target.element is not None:
        return cast_context(source.element, target.element)
    if source.element is not None:
        if target.name == "anyarray":
            return "implicit"
        return "assignment" if target.category == "S" else None
    return "explicit" if source.category == "S" else None


def can_coerce(source: SqlType, target: SqlType, context: CastContext = "implicit") -> bool:
    """Whether PostgreSQL converts `source` to `target` without a cast, in an assignment, or with one."""
    needed = cast_context(source, target)
    return needed is not None and _RANK[needed] <= _RANK[context]


def _base_converter(source: SqlType, target: SqlType) -> Converter | None:
    """Conversion between unmodified types that `can_coerce` allows."""
    if source.name == target.name or target.category == "P":
        return None
    known = CONVERSIONS.get((source.name, target.name))
    if known is not None:
        return known[1]
    if target.category == "S":
        if source.name == "unknown":
            return strip_blanks if target.name == "char" else None
        return boolean_text if source.name == "boolean" else lambda value: to_text(source, value)
    if target.element is not None:
        return lambda text: from_text(target, text)
    return READERS[target.name]


def _array_converter(source: SqlType, target: SqlType, explicit: bool) -> Converter | None:
    convert = cast_function(source, target, explicit)
    if convert is None:
        return None
    return lambda values: tuple([None if value is None else convert(value) for value in values])


@lru_cache(maxsize=1024)
def cast_function(source: SqlType, target: SqlType, explicit: bool = False) -> Converter | None:
    """The function that converts a non-null value; None if it serves as it is.

    `explicit` is CAST or `::`: it allows more conversions and cuts a string that is too long for varchar(n), where an
    assignment fails with 22001. Raises CannotCoerce (42846) if there is no such conversion.
    """
    if not can_coerce(source, target, "explicit" if explicit else "assignment"):
        raise errors.CannotCoerce(f"cannot cast type {source} to {target}")
    if source.element is not None and target.element is not None:
        return _array_converter(source.element, target.element, explicit)
    convert = _base_converter(source, target)
    modify = None if target == source else modifier_function(target, explicit)
    if source.name == target.name and _already_fits(source, target):
        modify = None
    if convert is None or modify is None:
        return convert or modify
    first, second = convert, modify
    return lambda value: second(first(value))


def _already_fits(source: SqlType, target: SqlType) -> bool:
    """varchar(5) into varchar(10), numeric(6,2) into numeric(8,2): nothing to check."""
    if target.length is not None:
        return source.length is not None and source.length <= target.length
    if target.name == "numeric" and target.precision is not None and source.precision is not None:
        same_scale = source.scale == target.scale
        return same_scale and source.precision <= target.precision
    return False


def cast(value: Value, source: SqlType, target: SqlType, explicit: bool = False) -> Value:
    """Convert one value; None stays None."""
    if value is None:
        return None
    convert = cast_function(source, target, explicit)
    return convert(value) if convert else value


def common_type(types: Sequence[SqlType], context: str = "CASE") -> SqlType:
    """The type of CASE, UNION, VALUES, COALESCE, ARRAY over these types, by PostgreSQL's rules.

    `context` is the word for the error (42804): `UNION types integer and text cannot be matched`.
    """
    known = [t for t in types if t.name != "unknown"]
    if not known:
        return TEXT
    if all(t == known[0] for t in known):
        return known[0]
    chosen = known[0].base
    for other in known[1:]:
        other = other.base
        if other == chosen:
            continue
        if other.category != chosen.category:
            raise errors.DatatypeMismatch(f"{context} types {chosen} and {other} cannot be matched")
        if not chosen.preferred and can_coerce(chosen, other) and not can_coerce(other, chosen):
            chosen = other
    for other in known:
        if not can_coerce(other, chosen):
            raise errors.CannotCoerce(f"{context} could not convert type {other} to {chosen}")
    return chosen
