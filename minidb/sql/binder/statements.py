"""Which function binds which kind of statement; used where a statement stands inside another (WITH)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder.handlers import registrar
from minidb.sql.binder.scope import Scope

StatementHandler = Callable[[Any, Scope], plan.Plan]
_HANDLERS: dict[type, StatementHandler] = {}
binds_statement = registrar(_HANDLERS)


def bind_statement(statement: ast.Statement, scope: Scope) -> plan.Plan:
    handler = _HANDLERS.get(type(statement))
    if handler is None:
        name = type(statement).__name__.upper()
        raise errors.NotSupportedError(f"{name} is not supported yet", position=max(statement.at, 0))
    return handler(statement, scope)
