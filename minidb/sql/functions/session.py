"""Functions about the session, the types of values, and uuid; all that reads the world goes through the context."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from minidb import errors
from minidb.sql.functions.registry import Function, FunctionContext, Types
from minidb.types import ANY, BOOLEAN, INTEGER, TEXT, UUID_TYPE

VERSION = "PostgreSQL 15.0 (minidb 0.1.0)"


def pg_typeof(types: Types, value: Any) -> str:
    return str(types[0].base)


def gen_random_uuid(context: FunctionContext) -> UUID:
    """A version 4 UUID; its bits come from the context, so that a seeded session repeats them."""
    bits = 0
    for _ in range(4):
        bits = bits << 32 | int(context.random() * 2**32)
    return UUID(int=bits, version=4)


def num_nulls(*values: Any) -> int:
    return sum(value is None for value in values)


def num_nonnulls(*values: Any) -> int:
    return sum(value is not None for value in values)


def current_setting(context: FunctionContext, name: str, missing_ok: bool = False) -> str | None:
    try:
        return context.setting(name)
    except (KeyError, errors.UndefinedObject):
        if missing_ok:
            return None
        raise errors.UndefinedObject(f'unrecognized configuration parameter "{name}"') from None


def functions() -> Iterator[Function]:
    """All functions of this module."""
    yield Function("version", (), TEXT, lambda: VERSION, volatility="stable")
    for name in ("current_user", "session_user", "user", "current_role"):
        yield Function(name, (), TEXT, _session_user, volatility="stable", needs_context=True)
    for name in ("current_database", "current_catalog"):
        yield Function(name, (), TEXT, lambda: "minidb", volatility="stable")
    yield Function("current_schema", (), TEXT, lambda: "public", volatility="stable")
    yield Function("current_setting", (TEXT,), TEXT, current_setting, volatility="stable", needs_context=True)
    yield Function("current_setting", (TEXT, BOOLEAN), TEXT, current_setting, volatility="stable", needs_context=True)
    yield Function("pg_typeof", (ANY,), TEXT, pg_typeof, strict=False, volatility="stable", needs_types=True)
    yield Function("num_nulls", (ANY,), INTEGER, num_nulls, strict=False, variadic=ANY)
    yield Function("num_nonnulls", (ANY,), INTEGER, num_nonnulls, strict=False, variadic=ANY)
    yield Function("gen_random_uuid", (), UUID_TYPE, gen_random_uuid, volatility="volatile", needs_context=True)


def _session_user(context: FunctionContext) -> str:
    return context.session_user
