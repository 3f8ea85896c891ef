"""Functions about the session, the types of values, and uuid; all that reads the world goes through the context."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from minidb import errors
from minidb.sql.functions import sizes
from minidb.sql.functions.registry import Function, FunctionContext, Types
from minidb.sql.functions.sequences import name_parts
from minidb.types import (
    ANY,
    BIGINT,
    BOOLEAN,
    DOUBLE,
    INTEGER,
    INTERVAL,
    TEXT,
    TIMESTAMPTZ,
    UUID_TYPE,
    VOID,
    Interval,
    array_of,
)

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


def set_config(context: FunctionContext, name: str | None, value: str | None, local: bool | None) -> str:
    """SET as a function: `local` for this transaction only. Answers the new value."""
    if name is None:
        raise errors.DataError("SET requires parameter name", sqlstate="22004")
    return context.configure(name, value, bool(local))


def pg_sleep(context: FunctionContext, seconds: float) -> str:
    context.sleep(seconds)
    return ""


def pg_sleep_for(context: FunctionContext, span: Interval) -> str:
    context.sleep(span.total / 1_000_000)
    return ""


def pg_sleep_until(context: FunctionContext, moment: datetime) -> str:
    context.sleep((moment - context.clock()).total_seconds())
    return ""


def obj_description(context: FunctionContext, relation: str, catalog: str = "pg_class") -> str | None:
    """COMMENT ON TABLE and its kin; what PostgreSQL finds by an oid goes by its name here, as regclass writes it."""
    return context.comment_on(name_parts(relation), None) if catalog == "pg_class" else None


def col_description(context: FunctionContext, relation: str, number: int) -> str | None:
    return context.comment_on(name_parts(relation), number)


def setseed(context: FunctionContext, value: float) -> str:
    """Makes what random() gives from now on repeatable. Its result is empty, as that of a function without one."""
    if not -1 <= value <= 1:
        raise errors.InvalidParameterValue(f"setseed parameter {value:g} is out of allowed range [-1,1]")
    context.seed(value)
    return ""


def current_schemas(implicit: bool) -> tuple[str, ...]:
    return ("pg_catalog", "public") if implicit else ("public",)


def functions() -> Iterator[Function]:
    """All functions of this module."""
    yield Function("setseed", (DOUBLE,), TEXT, setseed, volatility="volatile", needs_context=True)
    yield Function("version", (), TEXT, lambda: VERSION, volatility="stable")
    for name in ("current_user", "session_user", "user", "current_role"):
        yield Function(name, (), TEXT, _session_user, volatility="stable", needs_context=True)
    for name in ("current_database", "current_catalog"):
        yield Function(name, (), TEXT, lambda: "minidb", volatility="stable")
    yield Function("current_schema", (), TEXT, lambda: "public", volatility="stable")
    yield Function("current_setting", (TEXT,), TEXT, current_setting, volatility="stable", needs_context=True)
    yield Function("current_setting", (TEXT, BOOLEAN), TEXT, current_setting, volatility="stable", needs_context=True)
    yield Function(
        "set_config", (TEXT, TEXT, BOOLEAN), TEXT, set_config, strict=False, volatility="volatile", needs_context=True
    )
    for name, kind, call in (
        ("pg_sleep", DOUBLE, pg_sleep),
        ("pg_sleep_for", INTERVAL, pg_sleep_for),
        ("pg_sleep_until", TIMESTAMPTZ, pg_sleep_until),
    ):
        yield Function(name, (kind,), VOID, call, volatility="volatile", needs_context=True)
    yield Function("pg_client_encoding", (), TEXT, lambda: "UTF8", volatility="stable")
    yield Function("current_schemas", (BOOLEAN,), array_of(TEXT), current_schemas, volatility="stable")
    yield Function("pg_is_in_recovery", (), BOOLEAN, lambda: False, volatility="stable")
    yield from sizes.functions()
    yield Function("pg_typeof", (ANY,), TEXT, pg_typeof, strict=False, volatility="stable", needs_types=True)
    yield Function("num_nulls", (ANY,), INTEGER, num_nulls, strict=False, variadic=ANY)
    yield Function("num_nonnulls", (ANY,), INTEGER, num_nonnulls, strict=False, variadic=ANY)
    yield Function("obj_description", (TEXT,), TEXT, obj_description, volatility="stable", needs_context=True)
    yield Function("obj_description", (TEXT, TEXT), TEXT, obj_description, volatility="stable", needs_context=True)
    yield Function("col_description", (TEXT, INTEGER), TEXT, col_description, volatility="stable", needs_context=True)
    yield Function("current_commit", (), BIGINT, _current_commit, volatility="stable", needs_context=True)
    yield Function("gen_random_uuid", (), UUID_TYPE, gen_random_uuid, volatility="volatile", needs_context=True)


def _current_commit(context: FunctionContext) -> int:
    """The number of the last commit that the statement sees: AS OF COMMIT takes it."""
    return context.commit_number()


def _session_user(context: FunctionContext) -> str:
    return context.session_user
